"""Coursework: hand out, check, grade.

exercises.py says what there is to do, and handout.py and notebook.py write it for a student.
handed_in.py reads a submission, and running.py starts the process of pupil.py, which runs its code.
layers.py, functions.py (with tries.py) and checker.py ask and judge the three sorts of exercises,
and judging.py a whole paper. practice.py tells a student what is wrong; grading.py grades a class.
plugin.py and test_exercises.py are for pytest, equations.py holds functions for two exercises.
"""
