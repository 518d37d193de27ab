"""python tests/baselines/grade_class.py [COUNT]: grade the kept class of 200 with today's code.

The submissions in `class_of_200.zip` are unpacked into a temporary folder and graded with the seed
of the baseline. Each grade is compared with `grades.csv`. Exit code 1 if one of them differs.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]  # whose code grades
SEED = 0  # that `grades.csv` was made with
Table = dict[str, dict[str, str]]  # by student, the row of a table of grades


def unpack(folder: Path, count: int) -> list[str]:
    """Write the first `count` submissions into `folder`; return their names.

    The archive holds each text once, as `files/NUMBER`. Its `submissions.json` says which texts a
    submission consists of: {submission: {file: NUMBER}}. The parameters that were called language.w
    and language.b are domain.w and domain.b now, in the submissions too.
    """
    with zipfile.ZipFile(HERE / "class_of_200.zip") as archive:
        submissions = json.loads(archive.read("submissions.json"))
        names = sorted(submissions)[:count]
        for name in names:
            for file, number in submissions[name].items():
                path = folder / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.read(f"files/{number}")
                path.write_bytes(content.replace(b"language.w", b"domain.w").replace(
                    b'"language."', b'"domain."'))  # fmt: skip
    return names


def read(path: Path) -> Table:
    """The rows of a table of grades, by student; a note may name a file below ROOT."""
    text = path.read_text("utf-8-sig").replace(f"{ROOT}/", "")
    return {row["student"]: row for row in csv.DictReader(text.splitlines())}


def main() -> None:
    """Grade, and print every grade that is not the kept one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=200, help="submissions to grade")
    parser.add_argument("--notes", action="store_true", help="also print the notes that differ")
    args = parser.parse_args()
    kept = read(HERE / "grades.csv")
    with tempfile.TemporaryDirectory() as place:
        folder, table = Path(place, "class"), Path(place, "grades.csv")
        names = unpack(folder, args.count)
        command = [sys.executable, "-m", "minidann.coursework", "grade", folder]
        began = time.perf_counter()
        subprocess.run([*command, "--seed", str(SEED), "--out", table], check=True, cwd=ROOT)
        seconds = time.perf_counter() - began
        now = read(table)
    differ = [
        (name, column, now.get(name, {}).get(column, ""), value)
        for name in ["(most)", *names]
        for column, value in kept[name].items()
        if now.get(name, {}).get(column, "") != value
    ]
    for name, column, value, before in differ:
        if column != "notes" or args.notes:
            print(f"{name}: {column}: {value or 'none'} now, {before or 'none'} before")
    grades = sum(column != "notes" for _, column, *_ in differ)
    print(f"{len(names)} submissions were graded in {seconds:.0f} s: {grades} grades differ from "
          f"the kept ones, and {len(differ) - grades} notes are worded differently")  # fmt: skip
    sys.exit(grades > 0)


if __name__ == "__main__":
    main()
