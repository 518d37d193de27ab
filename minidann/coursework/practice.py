"""`check`, for the student: what is right, what is wrong and why; and `--train`."""

import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import minidann.ops
from minidann.console import UserError
from minidann.coursework import handed_in, pupil
from minidann.coursework.exercises import Exercise
from minidann.coursework.handed_in import Submission
from minidann.coursework.judging import NOT_WRITTEN, RIGHT, Paper, Result
from minidann.coursework.layers import BROKEN
from minidann.gradcheck.running import quietly
from minidann.ops import conv_relu_maxpool

EPOCHS = 3
PRINTED = 10  # lines of what the code printed are shown


def read(place: Path) -> Submission:
    """What is in a student's folder or archive. Raises UserError where there is no exercise."""
    submission = handed_in.read(place)
    if not submission.code and submission.note:
        raise UserError(f"{place}: {submission.note}; python -m minidann.coursework new makes a "
                        "folder of exercises")  # fmt: skip
    return submission


def check(submission: Submission, exercises: tuple[Exercise, ...], seed: int) -> list[Result]:
    """Judge the exercises and report each of them."""
    if submission.note:
        print(submission.note)
    results = Paper(exercises, seed).grade(submission)
    for result in results:
        print("\n".join(report(result)), flush=True)
    most = sum(exercise.most for exercise in exercises)
    print(f"{sum(result.points for result in results):g} of {most} points")
    return results


def report(result: Result, part: str | None = None) -> list[str]:
    """One exercise, or a part of it: a line with its points, then why, then what it printed."""
    exercise = result.exercise
    head = f"{exercise.name}.py, lesson {exercise.lesson}: {result.points:g} of {exercise.most}"
    lines = [f"{head}, {result.state}"]
    if result.state != NOT_WRITTEN or "missing" in result.why:
        lines += [f"  {line}" for line in result.lines(part)[result.state == RIGHT :]]
    return lines + [f"  it printed: {line}" for line in result.printed.splitlines()[:PRINTED]]


def own_ops(submission: Submission, results: list[Result]) -> tuple[SimpleNamespace, list[str]]:
    """The ops of the network with the student's where all of it is right, and which these are."""
    ours, names = {name: getattr(minidann.ops, name) for name in minidann.ops.__all__}, []
    for result in results:
        name = result.exercise.name
        if result.exercise.is_op and result.state == RIGHT and BROKEN not in result.notes:
            module = quietly(pupil.load, name, submission.code[name], [])
            # The first lines that it prints were shown when it was checked.
            functions = {f: partial(quietly, vars(module)[f]) for f in ("forward", "backward")}
            ours[name] = SimpleNamespace(**vars(ours[name]) | functions)
            names.append(name)
    front = {name: ours[name] for name in ("conv1d", "relu", "maxpool")}
    if front.keys() & set(names):
        ours["conv_relu_maxpool"] = conv_relu_maxpool.compose(**front)
    return SimpleNamespace(**ours), names


def train_with(ops: SimpleNamespace, names: list[str]) -> None:
    """Train a few epochs of the demo on these ops, as `python -m minidann.train` does."""
    from minidann import train  # here, because it loads matplotlib, which takes a second

    if not names:
        raise UserError("--train: none of your layers is right yet, so there is nothing to train")
    if not train.DEMO.is_dir():
        raise UserError(f"--train: {train.DEMO}: the synthetic demo is not here; it comes with a "
                        "clone of minidann that is installed with pip install -e")  # fmt: skip
    print(f"training the synthetic demo for {EPOCHS} epochs with your {', '.join(names)}; all else "
          "comes from the reference")  # fmt: skip
    with tempfile.TemporaryDirectory() as out:
        flags = ["--epochs", str(EPOCHS), "--out", str(Path(out) / "run")]
        train.run(train.parser().parse_args(flags), ops)
    print("The folder of this run is not kept: it was to see your layers learn.")
