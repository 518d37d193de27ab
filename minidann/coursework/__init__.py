"""Coursework: hand out, check, grade.

exercises.py   what there is to do, and for how many points
handout.py     a student's folder, made from the reference; bugs/ has the planted ones
equations.py   two ideas of the network as small functions, for exercises
pupil.py       the process that a submission's code runs in
session.py     the grader's end of it: limits, and what became of a call
layers.py      out and every gradient of a layer against the reference
functions.py   the other exercises: the checker, the optimiser, and so on
judging.py     one exercise
results.py     what it earned
practice.py    for the student: what is right, what is not, and why
grading.py     for the teacher: a class
"""
