"""`check`, for the student: what is right, what is not, what is wrong with it; and `--train`."""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import minidann.ops
from minidann.console import UserError
from minidann.coursework import files, pupil
from minidann.coursework.exercises import EXERCISES, NAMES, Exercise
from minidann.coursework.files import Submission
from minidann.coursework.judging import judge
from minidann.coursework.results import Result, printed
from minidann.coursework.session import Session
from minidann.ops import conv_relu_maxpool

EPOCHS = 3
SLOW = 5  # seconds until check says that an exercise is still running


def read(folder: Path) -> Submission:
    """What is in a student's folder. Raises UserError where there is no exercise."""
    if not folder.is_dir():
        what = "is a file; give its folder, and -k NAME" if folder.exists() else "is not there"
        here = not folder.exists() and any(Path(f"{name}.py").is_file() for name in NAMES)
        raise UserError(f"{folder}: {what}{'; the exercises are here: give .' if here else ''}")
    submission = files.read(folder)
    if not submission.code and not submission.refused:
        raise UserError(
            f"{folder}: {submission.note}; python -m minidann.coursework new makes a folder with "
            "them"
        )
    return submission


def check(submission: Submission, exercises: tuple[Exercise, ...], seed: int) -> list[Result]:
    """Judge and report one exercise after the other."""
    if submission.note:
        print(submission.note)
    results = []
    with Session(submission) as session:
        for exercise in exercises:
            with patience(exercise, session):
                try:
                    result = judge(exercise, session, seed)
                except OSError as error:
                    raise UserError(f"no process to run {exercise.name} in: {error}") from None
            results.append(result)
            print(report(result), flush=True)
    earned, most = (sum(values) for values in zip(*((r.points, r.exercise.most) for r in results)))
    print(f"{earned:g} of {most} points")
    return results


@contextmanager
def patience(exercise: Exercise, session: Session) -> Iterator[None]:
    """Say so where an exercise takes long: an endless loop looks like a slow machine."""

    def say():
        left = f"it is stopped after {session.seconds:g} s"
        print(f"{exercise.name}.py: still running; {left}", file=sys.stderr, flush=True)

    timer = threading.Timer(SLOW, say)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def report(result: Result) -> str:
    """One exercise: a line, what is wrong with it, and what it printed."""
    exercise = result.exercise
    lines = [f"{exercise.name}.py, lesson {exercise.lesson}: {result.points:g} of {exercise.most}, "
             f"{result.state}"]  # fmt: skip
    if result.feedback != ["not written"]:
        right = [part for part in exercise.parts if result.earned.get(part)]
        if right and result.state != "right" and len(exercise.parts) > 1:
            lines.append(f"  right: {', '.join(right)}")
        feedback = result.feedback if result.state != "right" else result.feedback[:1]
        lines += [f"  {line}" for text in feedback for line in text.splitlines()]
    lines += [f"  {line}" for line in printed(result.printed)]
    return "\n".join(lines)


def own_ops(submission: Submission, results: list[Result]) -> tuple[SimpleNamespace, list[str]]:
    """The ops of the network with the student's where all of it is right, and which these are."""
    ours = {name: getattr(minidann.ops, name) for name in minidann.ops.__all__}
    names = [
        result.exercise.name
        for result in results
        if result.exercise.is_op and result.state == "right" and not result.feedback
    ]
    for name in names:
        module = pupil.load(name, submission.parsed(name)[0])
        functions = {"forward": module.forward, "backward": module.backward}
        ours[name] = SimpleNamespace(**{**vars(ours[name]), **functions})
    front = {name: ours[name] for name in ("conv1d", "relu", "maxpool")}
    if any(name in names for name in front):
        ours["conv_relu_maxpool"] = conv_relu_maxpool.compose(**front)
    return SimpleNamespace(**ours), names


def train_with(ops: SimpleNamespace, names: list[str], cache: Path | None) -> None:
    """A few epochs of the demo on these ops, as `python -m minidann.train` runs it."""
    from minidann import train  # here, because it loads matplotlib, which takes a second

    if not names:
        raise UserError(
            "--train: none of these layers of yours is right yet, so there is nothing to train with"
        )
    if not train.DEMO.is_dir():
        raise UserError(
            f"--train: {train.DEMO}: the synthetic demo is not here; it comes with a clone of "
            "minidann that is installed with pip install -e"
        )
    from_reference = [e.name for e in EXERCISES if e.is_op and e.name not in names]
    print(f"training the synthetic demo for {EPOCHS} epochs with your {', '.join(names)}")
    print(f"from the reference: {', '.join([*from_reference, 'the optimiser', 'all else'])}")
    cached = ["--cache", str(cache)] if cache else []
    args = train.parser().parse_args(["--epochs", str(EPOCHS), *cached])
    choices, places = train.read_flags(args)
    with tempfile.TemporaryDirectory() as out:
        train.run(choices, places, Path(out) / "run", cache=args.cache, ops=ops)
    print("this run's folder is not kept: it was to see your layers learn")
