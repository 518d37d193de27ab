"""Coursework: hand out, check, grade.

exercises.py   what there is to do, and for how many points
handout.py     a student's folder, made from the reference
notebook.py    the same as notebooks, whose cells check themselves
equations.py   two ideas of the network as small functions, for exercises
handed_in.py   a submission, read before any of it runs: folders, archives, notebooks
pupil.py       the process that a submission's code runs in
running.py     how it is started, its limits, and what comes back
layers.py      exercises on layers: which calls are made, and what the answers earn
functions.py   the same of the other functions; tries.py has what they are called with
checker.py     the same of the exercise to write the checker
judging.py     all tasks of a paper, and the result of each exercise
practice.py    for the student: what is right, what is not, and why; --train
grading.py     for the teacher: a class
__main__.py    the commands
plugin.py, test_exercises.py   the exercises as tests of pytest
"""
