"""pytest --pyargs minidann.coursework --impl=DIR -k conv1d: the exercises in DIR as tests.

One test for each thing that earns a point. `-k` and `-m` take an exercise's name.
"""

from dataclasses import replace

import pytest

from minidann.coursework import files
from minidann.coursework.exercises import EXERCISES
from minidann.coursework.judging import judge
from minidann.coursework.practice import report
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
    if not folder.is_dir():
        raise pytest.UsageError(f"--impl={folder}: there is no such folder")
    found = {}
    with Session(files.read(folder)) as session:

        def result(exercise):
            if exercise.name not in found:
                found[exercise.name] = judge(
                    exercise, session, request.config.getoption("--impl-seed")
                )
            return found[exercise.name]

        yield result


@pytest.mark.parametrize(("exercise", "part"), PARTS)
def test_exercise(exercise, part, results):
    result = results(exercise)
    if result.earned.get(part, 0) != exercise.each:
        pytest.fail(report(about(result, part)), pytrace=False)


def about(result, part):
    """The same result with only the feedback on this part, or on no part in particular."""
    parts = set(result.exercise.parts)
    heads = [set(text.partition(":")[0].split(", ")) for text in result.feedback]
    feedback = [t for t, head in zip(result.feedback, heads) if part in head or not head & parts]
    return replace(result, feedback=feedback)
