"""Every table and figure of the paper by one command each, and what they hide.

paper.py has the paper's numbers and the rows of its tables, with the controls that it lacks.
runs.py finds the runs that a report is made of, launch.py makes those that are missing, and
ledger.py keeps their results. tables.py, ladder.py, sweep.py, claims.py and figures.py write what
came of them. doctor.py is a page on a single run.
"""
