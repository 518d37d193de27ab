"""Every table and figure of the paper by one command each, and what they hide.

python -m minidann.report table1|table2|table3|figure2|figure3|claims|all
python -m minidann.report sweep
python -m minidann.report doctor RUN

paper.py     the paper's own numbers and claims, its tables' rows with the controls it lacks
runs.py      which runs a report is made of, and what they left
launch.py    runs what is missing, several at a time
tables.py    how texts are written; the tables: their lines, as Markdown and as CSV
claims.py    the paper's claims: does it hold here?
figures.py   figures 2 and 3 of several runs
sweep.py     alpha, beta, schedule and batch norm over a grid
doctor.py    is my DANN working?
"""
