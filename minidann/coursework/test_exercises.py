"""pytest --pyargs minidann.coursework --impl=DIR -k conv1d: the exercises in DIR as tests.

One test for each thing that earns a point. `-k` and `-m` take an exercise's name.
"""

import pytest

from minidann.coursework.exercises import EXERCISES
from minidann.coursework.judging import judge
from minidann.coursework.practice import told
from minidann.coursework.session import Session

PARTS = [
    pytest.param(exercise, part, id=f"{exercise.name}-{part.replace(' ', '-')}",
                 marks=getattr(pytest.mark, exercise.name))
    for exercise in EXERCISES
    for part in exercise.parts
]  # fmt: skip


@pytest.fixture(scope="session")
def results(request):
    """The result of an exercise, judged once."""
    folder = request.config.getoption("--impl")
    if folder is None:
        pytest.skip("which exercises? --impl=DIR names the folder they are in")
    found = {}
    with Session(folder) as session:

        def result(exercise):
            if exercise.name not in found:
                one = judge(exercise, session, request.config.getoption("--impl-seed"))
                found[exercise.name] = one, told(one)
            return found[exercise.name]

        yield result


@pytest.mark.parametrize(("exercise", "part"), PARTS)
def test_exercise(exercise, part, results):
    result, text = results(exercise)
    share = exercise.most / len(exercise.parts)
    if result.earned.get(part, 0) != share:
        pytest.fail(text, pytrace=False)
