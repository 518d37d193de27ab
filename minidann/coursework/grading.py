"""A class: one row a submission, one column an exercise."""

import textwrap
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from minidann import runs
from minidann.console import UserError
from minidann.coursework.exercises import EXERCISES, Exercise
from minidann.coursework.files import inside
from minidann.coursework.judging import judge
from minidann.coursework.results import Result
from minidann.coursework.session import MEGABYTES, Session

NOTE = 120  # characters of what is said of one exercise in grades.csv


@dataclass(frozen=True)
class Graded:
    """A submission and what each exercise earned, in the order of the exercises."""

    name: str
    results: tuple[Result, ...]
    note: str = ""

    @property
    def total(self) -> float:
        return sum(result.points for result in self.results)

    @property
    def notes(self) -> str:
        """Why points are missing, in one line; of what is not written only the names."""
        if self.note:
            return self.note
        stubs = [r.exercise.name for r in self.results if r.note == "not written"]
        notes = [
            f"{r.exercise.name}: {textwrap.shorten(r.note, NOTE, placeholder=' ...')}"
            for r in self.results
            if r.note not in ("", "not written")
        ]
        return "; ".join([*notes, *([f"not written: {', '.join(stubs)}"] if stubs else [])])


def grade(
    folder: Path,
    exercises: tuple[Exercise, ...] = EXERCISES,
    *,
    seed: int = 0,
    seconds: float | None = None,
    megabytes: int = MEGABYTES,
) -> Graded:
    """Grade one submission. `seconds`, if given, replaces every exercise's own limit."""
    place, note = inside(folder)
    with Session(place, seconds=seconds, megabytes=megabytes) as session:
        results = tuple(judge(exercise, session, seed) for exercise in exercises)
    return Graded(folder.name, results, note)


def submissions(folder: Path) -> tuple[list[Path], list[str]]:
    """The folders in a folder, and the names of what else is in it. Raises UserError for none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    every = sorted(one for one in folder.iterdir() if not one.name.startswith((".", "__")))
    folders = [one for one in every if one.is_dir()]
    if not folders:
        raise UserError(f"{folder}: has no folders in it; expected one for each student")
    return folders, [one.name for one in every if not one.is_dir()]


def grade_all(
    folders: list[Path], exercises: tuple[Exercise, ...], jobs: int, **options
) -> Iterator[Graded]:
    """Each submission as it is done, `jobs` at a time; each has processes of its own.

    One that ends the process which grades it ends the whole pool: whoever may have been under way
    then is graded once more, alone, and what breaks that is named.
    """
    waiting = list(folders)
    while waiting:
        for folder, one in _pool(waiting, jobs, exercises, options):
            waiting = [other for other in waiting if other != folder]
            yield one
        alone, waiting = waiting[: jobs + 1], waiting[jobs + 1 :]  # a pool takes one ahead
        for folder in alone:
            failed = _not_graded(folder, exercises, "it ends the process that grades it")
            yield next(_pool([folder], 1, exercises, options), (folder, failed))[1]


def _pool(folders, jobs: int, exercises, options) -> Iterator[tuple[Path, Graded]]:
    """Each submission as it is done, until one breaks the pool."""
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        under_way = {pool.submit(grade, one, exercises, **options): one for one in folders}
        for done in as_completed(under_way):
            folder = under_way[done]
            try:
                yield folder, done.result()
            except BrokenExecutor:
                continue
            except OSError as error:  # the machine's fault: no process, no room for it
                yield folder, _not_graded(folder, exercises, f"grade it again: {error}")


def _not_graded(folder: Path, exercises: tuple[Exercise, ...], why: str) -> Graded:
    results = tuple(Result(one, {}, ["not graded"], "refused") for one in exercises)
    return Graded(folder.name, results, f"NOT GRADED, {why}")


def table(graded: list[Graded], exercises: tuple[Exercise, ...]) -> str:
    """grades.csv: a header with the points that can be had, then a row a submission."""
    most = [exercise.most for exercise in exercises]
    rows = [
        ["student", *(exercise.name for exercise in exercises), "total", "notes"],
        ["(most)", *most, sum(most), ""],
    ]
    for one in graded:
        points = [f"{result.points:g}" for result in one.results]
        rows.append([_plain(one.name), *points, f"{one.total:g}", one.notes])
    return runs.csv_text(rows)


def _plain(name: str) -> str:
    """A folder's name as a cell that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@" else name


def gradescope(one: Graded) -> dict:
    """What Gradescope reads, as results.json."""
    tests = [
        {
            "name": f"{r.exercise.name} (lesson {r.exercise.lesson}): {r.exercise.kind}",
            "score": r.points,
            "max_score": r.exercise.most,
            "output": "\n".join(r.said) or "right",
            "visibility": "visible",
        }
        for r in one.results
    ]
    return {"score": one.total, "output": one.note, "tests": tests}
