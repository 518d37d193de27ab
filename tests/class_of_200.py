"""python tests/class_of_200.py [count]: grade a made-up class, and look at every grade.

Right submissions, untouched hand-outs, each mutant of a layer as a file, hostile files, and files
that are missing, in turn. Prints how long it took and what is not as expected; exit code 1 then.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import submissions

from minidann.coursework import handout
from minidann.coursework.exercises import EXERCISES
from minidann.mistakes import mutants


def expected(**lost: bool) -> dict[str, bool]:
    """By exercise: are these full marks?"""
    return {exercise.name: not lost.get(exercise.name, False) for exercise in EXERCISES}


def make(folder: Path, count: int) -> dict[str, dict[str, bool]]:
    """`count` submissions; -> by their names, which exercises should have full marks."""
    kinds = [("right", {})]
    kinds += [
        (f"hostile {name}", {"conv1d": text}) for name, (text, _) in submissions.HOSTILE.items()
    ]
    for mutant in mutants.BANK:
        text = submissions.wrong(mutant) if submissions.about(mutant.target) else None
        if text is not None:
            kinds.append((f"mutant {mutant.name}", {mutant.target: text}))
    kinds += [(f"without {e.name}", {e.name: None}) for e in EXERCISES]
    kinds.append(("untouched", None))
    truth = {}
    for i in range(count):
        what, changes = kinds[i % len(kinds)]
        name = f"{i:03d} {what}".replace(":", "")
        if changes is None:
            handout.write(folder / name, EXERCISES)
            truth[name] = expected(**{exercise.name: True for exercise in EXERCISES})
        else:
            submissions.write(folder / name, **changes)
            truth[name] = expected(**dict.fromkeys(changes, True))
    return truth


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("count", nargs="?", type=int, default=200, help="of submissions")
    count = p.parse_args().count
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        truth = make(place / "class", count)
        began = time.perf_counter()
        command = [sys.executable, "-m", "minidann.coursework", "grade", str(place / "class")]
        subprocess.run([*command, "--out", str(place / "grades.csv")], check=True)
        took = time.perf_counter() - began
        rows = list(csv.DictReader((place / "grades.csv").read_text().splitlines()))
    most, grades = rows[0], {row["student"]: row for row in rows[1:]}
    wrong = 0
    for student, full in truth.items():
        for exercise, right in full.items():
            points = grades[student][exercise]
            if not points or (points == most[exercise]) != right:
                wrong += 1
                print(f"{student}: {exercise} {points or 'not graded'} of {most[exercise]}")
    print(f"{len(grades)} of {count} graded in {took:.0f} s; {wrong} grades not as expected")
    sys.exit(wrong > 0 or len(grades) != count)


if __name__ == "__main__":
    main()
