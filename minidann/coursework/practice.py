"""`check`, for the student: what is right, what is not, what is wrong with it; and `--train`."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import minidann.ops
from minidann.console import UserError
from minidann.coursework import pupil
from minidann.coursework.exercises import MEND, Exercise
from minidann.coursework.grading import has_any
from minidann.coursework.judging import judge
from minidann.coursework.results import Result
from minidann.coursework.session import Session
from minidann.ops import conv_relu_maxpool

EPOCHS = 3


def check(folder: Path, exercises: tuple[Exercise, ...], seed: int) -> list[Result]:
    """Judge and tell, one exercise after the other. Raises UserError where there is none."""
    if not has_any(folder):
        raise UserError(
            f"{folder}: there is no exercise in it; "
            "python -m minidann.coursework new makes a folder with them"
        )
    results = []
    with Session(folder) as session:
        for exercise in exercises:
            result = judge(exercise, session, seed)
            results.append(result)
            print(told(result, session.printed), flush=True)
    earned, most = (sum(values) for values in zip(*((r.points, r.exercise.most) for r in results)))
    print(f"{earned:g} of {most} points")
    return results


def told(result: Result, printed: str) -> str:
    """One exercise: a line, what is wrong with it, and what it printed."""
    exercise = result.exercise
    lines = [f"{exercise.name}.py, lesson {exercise.lesson}: {result.points:g} of {exercise.most}, "
             f"{result.state}"]  # fmt: skip
    if result.state != "not written":
        right = [part for part in exercise.parts if result.earned.get(part)]
        if right and result.state != "right" and len(exercise.parts) > 1:
            lines.append(f"  right: {', '.join(right)}")
        said = result.said if result.state != "right" else result.said[:1]
        lines += [f"  {line}" for text in said for line in text.splitlines()]
    lines += [f"  it printed: {line}" for line in printed.splitlines()[:20]]
    return "\n".join(lines)


def own_ops(folder: Path, results: list[Result]) -> tuple[SimpleNamespace, list[str]]:
    """The ops of the network with the student's where all of it is right, and whose they are."""
    ours = {name: getattr(minidann.ops, name) for name in minidann.ops.__all__}
    names = [
        result.exercise.name
        for result in results
        if result.exercise.is_op and result.exercise.kind != MEND and result.state == "right"
    ]
    for name in names:
        module = pupil.load(str(folder / f"{name}.py"))
        functions = {"forward": module.forward, "backward": module.backward}
        ours[name] = SimpleNamespace(**{**vars(ours[name]), **functions})
    front = {name: ours[name] for name in ("conv1d", "relu", "maxpool")}
    if any(name in names for name in front):
        ours["conv_relu_maxpool"] = conv_relu_maxpool.compose(**front)
    return SimpleNamespace(**ours), names


def train_with(ops: SimpleNamespace, names: list[str], cache: Path | None) -> None:
    """A few epochs of the demo on these ops, as `python -m minidann.train` runs it."""
    from minidann import experiment, train  # here: nobody who checks one exercise waits for plots

    if not names:
        raise UserError(
            "--train: none of your layers is right yet, so there is nothing to train with"
        )
    print(f"training the synthetic demo for {EPOCHS} epochs with your {', '.join(names)}")
    cached = ["--cache", str(cache)] if cache else []
    args = train.parser().parse_args(["--epochs", str(EPOCHS), *cached])
    (source, source_folder), (target, target_folder) = train.corpora_of(args)
    choices = train.choices_of(args, source, target)
    with tempfile.TemporaryDirectory() as out:
        experiment.run(
            choices, (source_folder, target_folder), Path(out) / "run", cache=args.cache, ops=ops
        )
