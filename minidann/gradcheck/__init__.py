"""Is a gradient right, and if not, what is wrong with it?

    verdict.py      the verdict on a part, the report on all parts, their words
    perturbing.py   derivatives by central differences and by complex step, a gradient beside them
    judging.py      questions about an op, and the verdicts on the answers
    running.py      runs the code under test, which answers the questions
    gradients.py    any op against its own differences
    student.py      a student's file
    network.py      the network in five batch compositions against equations 8-10
    bank.py         the catalogue of mistakes: is each caught, and rightly named?

`minidann.mistakes` knows what was done wrong.
"""

from minidann.gradcheck.gradients import check
from minidann.gradcheck.network import check_network
from minidann.gradcheck.perturbing import differences

__all__ = ["check", "check_network", "differences"]
