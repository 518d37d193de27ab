"""pytest --pyargs minidann.coursework --impl=DIR -k conv1d: the exercises in DIR as tests.

One test for each thing that earns a point. `-k` takes an exercise's name.
"""

import functools

import pytest

from minidann.coursework import handed_in, practice
from minidann.coursework.exercises import EXERCISES
from minidann.coursework.judging import Paper

PARTS = [(exercise, part) for exercise in EXERCISES for part in exercise.parts]


@functools.cache
def graded(folder, exercise):
    """The result of an exercise, which is judged once."""
    return Paper((exercise,), 0).grade(handed_in.read(folder))[0]


@pytest.mark.parametrize(("exercise", "part"), PARTS, ids=[f"{e.name}-{p}" for e, p in PARTS])
def test_exercise(exercise, part, pytestconfig):
    folder = pytestconfig.getoption("--impl")
    if folder is None:
        pytest.skip("which exercises? --impl=DIR names the folder they are in")
    result = graded(folder, exercise)
    if result.earned.get(part, 0) != exercise.each:
        pytest.fail("\n".join(practice.report(result, part)), pytrace=False)
