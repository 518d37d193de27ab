"""python tests/unseen.py A|B|C|D|E|F [--show]: what the checker says of files it was not made for.

`unseen/A.txt` to `F.txt` hold wrong and right exercises in students' styles, written from the
hand-out and the lessons without sight of the catalogue of mistakes. Each is checked by
`coursework`, and layers by `gradcheck --file` too. Whether a told cause is the mistake is a
reader's judgement, kept beside the sets: `unseen/judged.csv` has a row for each cause told of each
file. A cause that no reader has judged yet is printed, and counted as not judged.
"""

import argparse
import csv
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median
from typing import NamedTuple

import minidann.ops as ops
from minidann.console import UserError
from minidann.coursework import handed_in
from minidann.coursework.exercises import EXERCISES
from minidann.coursework.judging import RIGHT, Paper
from minidann.gradcheck import student

PLACE = Path(__file__).with_name("unseen")
HEAD = re.compile(
    r"#==== id: (?P<id>\d+) \| exercise: (?P<exercise>\w+) \| verdict: (?P<verdict>right|wrong)"
    r" \| mistake: (?P<mistake>.*)"
)
# What is told of a file, and says what came of it, not what the mistake is.
NO_CAUSE = re.compile(
    r"It is right on all|It catches|It is also right where nothing|It returns \[|.* raised \w+Error"
    r"|This is none of the mistakes|the result lacks|It gives what it gave"
)


class File(NamedTuple):
    """One file of the set, and what its writer says of it."""

    id: str
    exercise: str
    right: bool
    mistake: str
    code: str


class Told(NamedTuple):
    """What a checker says: is it right, which causes, how many lines, how many seconds."""

    right: bool
    causes: tuple[str, ...]
    lines: int
    seconds: float


def read(which: str) -> list[File]:
    """The files of set `which`."""
    files = []
    for block in re.split(r"(?m)^(?=#==== id:)", (PLACE / f"{which}.txt").read_text("utf-8")):
        if head := HEAD.match(block):
            code = block.partition("\n")[2]
            right = head["verdict"] == "right"
            files.append(File(head["id"], head["exercise"], right, head["mistake"].strip(), code))
    return files


def by_coursework(file: File, paper: Paper) -> Told:
    """What `coursework check -k` says."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{file.exercise}.py").write_text(file.code, "utf-8")
        began = time.perf_counter()
        (result,) = paper.grade(handed_in.read(Path(folder)))
        seconds = time.perf_counter() - began
    causes = tuple(dict.fromkeys(c for v in result.verdicts if not v.right for c in v.causes))
    return Told(result.state == RIGHT, causes or (result.why,) * bool(result.why),
                len(result.lines()), seconds)  # fmt: skip


def by_gradcheck(file: File) -> Told:
    """What `gradcheck --file --op` says; a file without forward gets the op's own."""
    code = file.code
    if not re.search(r"(?m)^def forward\b|^forward\s*=", code):
        code += f"\nfrom minidann.ops.{file.exercise} import forward\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{file.exercise}.py")
        path.write_text(code, "utf-8")
        began = time.perf_counter()
        try:
            checked = student.check_file(path, file.exercise, 0)
        except UserError as error:
            return Told(False, (str(error),), 1, time.perf_counter() - began)
        seconds = time.perf_counter() - began
    said = "\n".join(checked.lines)
    causes = tuple(re.findall(r"(?m)^(?:[\w, ]+|    (?:or|also)): (.+)$", said))
    return Told(checked.ok, causes, len(checked.lines), seconds)


def judgements() -> dict[tuple[str, str], str]:
    """{(id, cause): right, wrong}: is the cause the file's mistake?"""
    path = PLACE / "judged.csv"
    if not path.exists():
        return {}
    with open(path, newline="", encoding="utf-8") as table:
        return {(row["id"], row["cause"]): row["judged"] for row in csv.DictReader(table)}


def named(file: File, told: Told, judged: dict) -> str:
    """right: one of its causes is; wrong: none is; unknown: none is told."""
    causes = [cause for cause in told.causes if not NO_CAUSE.match(cause)]
    known = [judged.get((file.id, cause), "not judged") for cause in causes]
    for answer in ("right", "not judged", "wrong"):
        if answer in known:
            return answer
    return "unknown"


def table(title: str, files: list[File], found: dict[str, Told], judged: dict, show: bool) -> None:
    """Print the counts of one checker, and with `show` each file that is not as it should be."""
    counts: Counter = Counter()
    for file in files:
        told = found[file.id]
        kind = ("right, called right" if told.right else "RIGHT, CALLED WRONG") if file.right else (
            "WRONG, CALLED RIGHT" if told.right else f"caught, named {named(file, told, judged)}"
        )  # fmt: skip
        counts[kind] += 1
        if show and kind not in ("right, called right", "caught, named right"):
            print(f"  {kind}: {file.id} {file.exercise}: {file.mistake}")
            for cause in told.causes:
                print(f"      told: {cause}")
    print(f"{title}: {sum(not f.right for f in files)} wrong, {sum(f.right for f in files)} right")
    for kind, count in sorted(counts.items()):
        print(f"  {count:4}  {kind}")
    lines = [told.lines for told in found.values()]
    seconds = [told.seconds for told in found.values()]
    print(f"  lines: median {median(lines):g}, most {max(lines)}; seconds: median "
          f"{median(seconds):.2f}, most {max(seconds):.2f}\n")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=("A", "B", "C", "D", "E", "F"))
    parser.add_argument("--show", action="store_true", help="each file that is not as it should be")
    parser.add_argument("--only", nargs="*", default=(), metavar="ID", help="these files alone")
    args = parser.parse_args()
    files = [file for file in read(args.which) if not args.only or file.id in args.only]
    judged = judgements()
    grouped = defaultdict(list)
    for file in files:
        grouped[file.exercise].append(file)
    found = {}
    for exercise in EXERCISES:
        if grouped[exercise.name]:
            paper = Paper((exercise,), 0)
            found |= {file.id: by_coursework(file, paper) for file in grouped[exercise.name]}
            print(f"\r{len(found)}/{len(files)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    table("coursework check", files, found, judged, args.show)
    layers = [file for file in files if file.exercise in ops.__all__]
    table("gradcheck --file", layers, {f.id: by_gradcheck(f) for f in layers}, judged, args.show)


if __name__ == "__main__":
    main()
