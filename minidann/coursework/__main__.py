"""python -m minidann.coursework: hand out exercises, check them, grade a class."""

import argparse
import secrets
import sys
from datetime import datetime
from pathlib import Path

from minidann import console
from minidann.console import UserError, progress
from minidann.coursework import grading, handout, notebook, practice
from minidann.coursework.exercises import EXERCISES, NAMES, select
from minidann.coursework.judging import NOT_GRADED, RIGHT, Paper
from minidann.run import store

LESSONS = sorted({exercise.lesson for exercise in EXERCISES})


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = console.Parser(prog="python -m minidann.coursework", description=__doc__.split(": ")[1])
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="a folder with exercises, for a student")
    check = commands.add_parser("check", help="what is right, what is wrong, and why")
    grade = commands.add_parser("grade", help="a class: a CSV with a row a submission")
    folder = "one folder a student; with --gradescope, one submission"
    for command, what in (new, "a new folder"), (check, "the student's folder"), (grade, folder):
        command.add_argument("folder", type=Path, metavar="DIR", help=what)
        command.add_argument("--lesson", type=int, action="append", choices=LESSONS, metavar="N",
                             help="only exercises on this lesson; may be given again")  # fmt: skip
    new.add_argument("--notebook", action="store_true", help="each exercise as a notebook")
    check.add_argument("-k", dest="name", metavar="NAME", choices=NAMES, help="one exercise")
    check.add_argument("--train", action="store_true", help="then train the demo with your layers")
    check.add_argument("--seed", type=int, default=0, help="of all inputs (default: 0)")
    grade.add_argument("--seed", type=int, help="of all inputs, instead of a random one")
    grade.add_argument("--out", type=Path, metavar="CSV", default=Path("grades.csv"),
                       help="the table (default: grades.csv)")  # fmt: skip
    grade.add_argument("--gradescope", type=Path, metavar="JSON",
                       help="Gradescope's results.json of one submission instead")  # fmt: skip
    return p


def grade_one(args: argparse.Namespace, paper: Paper) -> None:
    """Grade one submission for Gradescope, which shows its student also why nothing is graded."""
    graded = grading.grade(args.folder, paper)
    store.write_json(args.gradescope, grading.gradescope(graded))
    if all(result.state == NOT_GRADED for result in graded.results):
        raise UserError(f"{args.folder}: {graded.notes}")
    print(f"{graded.total:g} points; {args.gradescope}")


def grade_class(args: argparse.Namespace, paper: Paper) -> None:
    """Grade a class into a table. A table of before is kept, with its time in its name."""
    places, others = grading.submissions(args.folder)
    args.out.open("a").close()  # what cannot be written fails now
    graded = {path: grading.Graded(path.name, note="NOT GRADED: not yet") for path in places}
    try:
        done = progress(grading.grade_all(places, paper), len(places), "grading", "submissions")
        graded.update(done)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; {args.out} says who is not graded yet") from None
    finally:
        if (before := args.out.stat()).st_size:
            time = f"{datetime.fromtimestamp(before.st_mtime):%Y-%m-%d-%H%M%S}"
            kept = args.out.rename(args.out.with_stem(f"{args.out.stem}-{time}"))
            print(f"the earlier grades are now in {kept}")
        store.write(args.out, grading.table(graded.values(), paper.exercises))
    print(f"{len(graded)} submissions; {args.out}")
    if lost := [submission.name for submission in graded.values() if not submission.is_complete]:
        print(f"not graded, or only in part (see the notes): {', '.join(lost)}")
    if others:
        print(f"neither folders nor archives: {', '.join(others)}")


def main() -> None:
    """Run the command line."""
    args = parser().parse_args()
    exercises = select(args.lesson, getattr(args, "name", None))
    if not exercises:
        raise UserError(f"-k {args.name}: this is no exercise of this lesson")
    if args.command == "new":
        form = ("ipynb", notebook.text) if args.notebook else ("py", handout.text)
        handout.write(args.folder, exercises, *form)
    elif args.command == "check":
        submission = practice.read(args.folder)
        results = practice.check(submission, exercises, args.seed)
        if args.train:
            practice.train_with(*practice.own_ops(submission, results))
        sys.exit(any(result.state != RIGHT for result in results))
    else:
        out = args.gradescope or args.out
        if not out.parent.is_dir():  # to be told before a class is graded, not after
            raise UserError(f"{out}: the folder {out.parent} is missing; make it, or name another")
        seed = secrets.randbelow(10**9) if args.seed is None else args.seed
        (grade_one if args.gradescope else grade_class)(args, Paper(exercises, seed))
        print(f"The inputs were drawn from --seed {seed}.")


if __name__ == "__main__":
    console.run(main)
