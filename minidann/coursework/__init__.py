"""Coursework: hand out, check, grade.

exercises.py   what there is to do, and for how many points
handout.py     a student's folder, made from the reference; bugs/ has the planted ones
equations.py   two ideas of the network as small functions, for exercises
files.py       what is handed in, read before any of it runs
pupil.py       the process that a submission's code runs in
guard.py       what the code may not do there
messages.py    the messages between it and the grader
processes.py   a process for each exercise, and how it is started
session.py     the grader's end of it: limits, and what became of a call
layers.py      out and every gradient of a layer against the reference
tiny.py        the smallest inputs of each layer
large.py       a large one, that cannot be differentiated by perturbing each entry
explaining.py  what is wrong with what a layer gave
forwards.py    mistakes of forward passes
functions.py   the other functions: the optimiser, equations, features, UAR
tries.py       what they are tried on
mistakes.py    wrong ways to write them
checking.py    the exercise to write the checker
judging.py     one exercise
results.py     what it earned
practice.py    for the student: what is right, what is not, and why
grading.py     for the teacher: a class
__main__.py    the commands
plugin.py, test_exercises.py   the exercises as tests of pytest
"""
