"""pytest --pyargs minidann.coursework --impl=DIR -k conv1d: the exercises in DIR as tests.

One test for each thing that earns a point. `-k` and `-m` take an exercise's name.
"""

import pytest

from minidann.coursework import handed_in, practice
from minidann.coursework.exercises import EXERCISES
from minidann.coursework.judging import Paper

PARTS = [
    pytest.param(exercise, part, id=f"{exercise.name}-{part.replace(' ', '-')}",
                 marks=getattr(pytest.mark, exercise.name))
    for exercise in EXERCISES
    for part in exercise.parts
]  # fmt: skip


@pytest.fixture(scope="session")
def results(request):
    """A function that gives the result of an exercise, which is judged once."""
    folder, seed = request.config.getoption("--impl"), request.config.getoption("--impl-seed")
    if folder is None:
        pytest.skip("which exercises? --impl=DIR names the folder they are in")
    if not folder.exists():
        pytest.exit(f"--impl={folder}: there is no such folder", pytest.ExitCode.USAGE_ERROR)
    submission, found = handed_in.read(folder), {}

    def result(exercise):
        if exercise not in found:
            with Paper((exercise,), seed) as paper:
                (found[exercise],) = paper.grade(submission)
        return found[exercise]

    return result


@pytest.mark.parametrize(("exercise", "part"), PARTS)
def test_exercise(exercise, part, results):
    result = results(exercise)
    if result.earned.get(part, 0) != exercise.each:
        pytest.fail("\n".join(practice.report(result, part)), pytrace=False)
