"""A class: one row for each submission, one column for each exercise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path

from minidann.console import UserError
from minidann.coursework import handed_in
from minidann.coursework.exercises import Exercise
from minidann.coursework.judging import NOT_GRADED, Paper, Result
from minidann.ops import parallel
from minidann.run import store


@dataclass(frozen=True)
class Graded:
    """A submission and what each exercise earned; without results as long as it is not graded."""

    name: str
    results: tuple[Result, ...] = ()
    note: str = ""

    @property
    def total(self) -> float:
        return sum(result.points for result in self.results)

    @property
    def is_complete(self) -> bool:
        """Is all of it graded?"""
        return bool(self.results) and all(r.state != NOT_GRADED for r in self.results)

    @property
    def notes(self) -> str:
        """Why points are missing, in one line; what is said of several exercises is there once."""
        said: dict[str, list[str]] = {}
        for result in self.results:
            said.setdefault(result.summary, []).append(result.exercise.name)
        each = [f"{', '.join(names)}: {summary}" for summary, names in said.items()
                if summary not in ("", self.note)]  # fmt: skip
        return "; ".join([self.note] * bool(self.note) + each)


def submissions(folder: Path) -> tuple[list[Path], list[str]]:
    """The folders and archives in a folder, one or more, and the names of what else is in it."""
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))
    found = [path for path in paths if path.is_dir() or handed_in.is_archive(path)]
    if not found:
        raise UserError(f"{folder}: there are no folders in it; expected a folder or an archive "
                        "for each student")  # fmt: skip
    return found, [path.name for path in paths if path not in found]


def grade(place: Path, paper: Paper) -> Graded:
    """Grade one submission. Where the grader itself fails, the note says so."""
    try:
        submission = handed_in.read(place)
        return Graded(submission.name, tuple(paper.grade(submission)), submission.note)
    except Exception as error:
        return Graded(place.name, note=f"NOT GRADED: {error!r}; grade it again")


def grade_all(places: list[Path], paper: Paper) -> Iterator[tuple[Path, Graded]]:
    """Each submission in order, one on each core at a time."""
    with ThreadPool(parallel.threads()) as pool:
        yield from zip(places, pool.imap(partial(grade, paper=paper), places))


def table(graded: Iterable[Graded], exercises: tuple[Exercise, ...]) -> bytes:
    """grades.csv: what can be earned, then a row a submission; empty is what is not graded."""
    most = [exercise.most for exercise in exercises]
    rows = [["student", *(exercise.name for exercise in exercises), "total", "notes"],
            ["(most)", *most, sum(most), ""]]  # fmt: skip
    for submission in graded:
        earned = {r.exercise: f"{r.points:g}" for r in submission.results if r.state != NOT_GRADED}
        points = [earned.get(exercise, "") for exercise in exercises]
        total = f"{submission.total:g}" if submission.is_complete else ""
        rows.append([cell(submission.name), *points, total, cell(submission.notes)])
    return store.csv_text(rows).encode("utf-8-sig")


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula, and that can be printed."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def gradescope(graded: Graded) -> dict:
    """The content of Gradescope's results.json. An exercise that is not graded has no score."""
    tests = []
    for result in graded.results:
        exercise = result.exercise
        name = f"{exercise.name} (lesson {exercise.lesson}): {exercise.kind}"
        test = {"name": name, "output": "\n".join(result.lines()), "visibility": "visible"}
        if result.state != NOT_GRADED:
            test |= {"score": result.points, "max_score": exercise.most}
        tests.append(test)
    return {"score": round(graded.total, 2), "output": graded.note, "tests": tests}
