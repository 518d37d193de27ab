"""python -m minidann.coursework: hand out exercises, check them, grade a class."""

import argparse
import re
import secrets
import sys
from pathlib import Path

from minidann import console
from minidann.console import UserError, progress
from minidann.coursework import grading, handout, practice
from minidann.coursework.exercises import EXERCISES, NAMES, SECONDS, Exercise, select
from minidann.coursework.judging import NOT_GRADED, RIGHT, Paper
from minidann.ops import parallel
from minidann.run import store

LIMITS = (("seed", 0, 2**63), ("jobs", 1, 1000), ("seconds", 0.1, 3600))


def lessons(text: str) -> range:
    """`3` or `3-8`, both ends included."""
    match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", text)
    numbers = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not select(numbers):
        known = ", ".join(map(str, sorted({exercise.lesson for exercise in EXERCISES})))
        raise argparse.ArgumentTypeError(f"{text!r}: expected lessons such as 3-8; of {known}")
    return numbers


def exercise(text: str) -> str:
    """`conv1d`, or its file."""
    return Path(text).name.casefold().removesuffix(".py")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = console.Parser(prog="python -m minidann.coursework", description=__doc__.split(": ")[1])
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    how = {"formatter_class": argparse.ArgumentDefaultsHelpFormatter}
    new = commands.add_parser("new", help="a folder with exercises, for a student", **how)
    check = commands.add_parser("check", help="what is right, what is wrong, and why", **how)
    grade = commands.add_parser("grade", help="a class: a CSV with a row a submission", **how)
    folder = "one folder a student; with --gradescope, one submission"
    for command, what in (new, "a new folder"), (check, "the student's folder"), (grade, folder):
        command.add_argument("folder", type=Path, metavar="DIR", help=what)
        command.add_argument("--lesson", "--lessons", dest="lessons", type=lessons, metavar="N",
                             help="only exercises on these, such as 3 or 3-8")  # fmt: skip
    check.add_argument("-k", dest="name", metavar="NAME", type=exercise, choices=NAMES,
                       help="one exercise")  # fmt: skip
    check.add_argument("--train", action="store_true", help="then train the demo with your layers")
    check.add_argument("--seed", type=int, default=0, help="of all inputs")
    grade.add_argument("--seed", type=int, help="of all inputs, instead of one that nobody knows")
    grade.add_argument("--out", type=Path, metavar="CSV", default=Path("grades.csv"),
                       help="the table")  # fmt: skip
    grade.add_argument("--gradescope", type=Path, metavar="JSON",
                       help="Gradescope's results.json of one submission instead")  # fmt: skip
    grade.add_argument("--seconds", type=float, default=SECONDS, help="for each exercise")
    grade.add_argument("--jobs", type=int, default=parallel.threads(), help="submissions at a time")
    return p


def hand_out(folder: Path, exercises: tuple[Exercise, ...]) -> None:
    """Write a folder of exercises. Raises UserError where there is something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: this exists already; give a new folder, nothing is overwritten")
    handout.write(folder, exercises)
    points = sum(exercise.most for exercise in exercises)
    print(f"{len(exercises)} exercises, {points} points: begin with {folder / 'README.md'}")


def grade_one(args: argparse.Namespace, paper: Paper) -> None:
    """Grade one submission for Gradescope."""
    if not args.folder.exists():
        raise UserError(f"{args.folder}: there is no such folder")
    graded = grading.grade(args.folder, paper)
    if all(result.state == NOT_GRADED for result in graded.results):
        raise UserError(f"{args.folder}: {graded.notes}")
    store.write_json(args.gradescope, grading.gradescope(graded))
    print(f"{graded.total:g} points; {args.gradescope}")


def grade_class(args: argparse.Namespace, paper: Paper) -> None:
    """Grade a class into a table."""
    places, others = grading.submissions(args.folder)
    if args.out.exists() and not args.out.is_file():
        raise UserError(f"{args.out}: this is not a file; give another name")
    graded = {path: grading.Graded(path.name, note="NOT GRADED: not yet") for path in places}
    # An --out that fails, fails now. A table of before stays until the new one is written.
    before = args.out.read_bytes() if args.out.exists() else b""
    store.write(args.out, before or grading.table(graded.values(), paper.exercises))
    try:
        done = grading.grade_all(places, paper, args.jobs)
        for path, submission in progress(done, len(places), "grading", "submissions"):
            graded[path] = submission
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; {args.out} says who is not graded yet") from None
    finally:
        store.write(args.out, grading.table(graded.values(), paper.exercises))
    print(f"{len(graded)} submissions; {args.out}")
    if lost := [submission.name for submission in graded.values() if not submission.is_complete]:
        print(f"not graded, or only in part (see the notes): {', '.join(lost)}")
    if others:
        print(f"neither folders nor archives: {', '.join(others)}")


def main() -> None:
    """Run the command line."""
    args = parser().parse_args()
    for name, least, most in LIMITS:
        value = getattr(args, name, None)
        if value is not None and not least <= value <= most:
            raise UserError(f"--{name} {value}: expected {least} to {most}")
    exercises = select(args.lessons, getattr(args, "name", None))
    if not exercises:
        raise UserError(f"{args.name} is no exercise of this lesson")
    if args.command == "new":
        hand_out(args.folder, exercises)
    elif args.command == "check":
        submission = practice.read(args.folder)
        results = practice.check(submission, exercises, args.seed)
        if args.train:
            practice.train_with(*practice.own_ops(submission, results))
        sys.exit(any(result.state != RIGHT for result in results))
    else:
        seed = secrets.randbelow(10**9) if args.seed is None else args.seed
        with Paper(exercises, seed, args.seconds) as paper:
            (grade_one if args.gradescope else grade_class)(args, paper)
        print(f"The inputs were drawn from --seed {seed}.")


if __name__ == "__main__":
    console.run(main)
