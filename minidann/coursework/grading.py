"""A class: one row a submission, one column an exercise."""

import contextlib
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from textwrap import shorten

from minidann.console import UserError
from minidann.coursework.exercises import EXERCISES, Exercise
from minidann.coursework.files import Submission, read
from minidann.coursework.judging import judge
from minidann.coursework.processes import START
from minidann.coursework.results import Result
from minidann.coursework.session import MEGABYTES, Session
from minidann.run import store

JUDGING = 15  # seconds of an exercise that the grader itself may take
OUTPUT = 10_000  # characters of the feedback on one exercise in Gradescope's results.json
NOTE = 120  # characters of the note on one exercise in grades.csv


@dataclass(frozen=True)
class Graded:
    """A submission and what each exercise earned, in the order of the exercises; nothing as long as
    it is not graded. `note` is of the whole.
    """

    name: str
    results: tuple[Result, ...] = ()
    note: str = ""

    @property
    def total(self) -> float:
        return sum(result.points for result in self.results)

    @property
    def is_complete(self) -> bool:
        """Is all of it graded?"""
        return bool(self.results) and all(result.state != "not graded" for result in self.results)

    @property
    def notes(self) -> str:
        """Why points are missing, in one line; equal notes appear once."""
        notes: dict[str, list[str]] = {}
        for result in self.results:
            name = result.exercise.name
            each = (note.removeprefix(f"{name}.py").lstrip(": ") for note in result.notes)
            text = " | ".join(shorten(note, NOTE, placeholder=" ...") for note in each)
            if text:
                notes.setdefault(text, []).append(name)
        last = sorted(notes, key=lambda text: text == "not written")
        each = (f"{', '.join(notes[text])}: {text}" for text in last)
        return "; ".join(filter(None, [self.note, *each]))


def grade(submission: Submission, exercises: tuple[Exercise, ...] = EXERCISES, *, seed: int = 0,
          seconds: float | None = None, megabytes: int = MEGABYTES) -> Graded:  # fmt: skip
    """Grade one submission. `seconds`, if given, replaces every exercise's own limit."""
    with Session(submission, seconds=seconds, megabytes=megabytes) as session:
        results = tuple(judge(exercise, session, seed) for exercise in exercises)
    return Graded(submission.name, results, submission.note)


def not_graded(submission: Submission, why: str) -> Graded:
    """The row of a submission of which nothing is known yet, or nothing could be found out."""
    return Graded(submission.name, note=f"NOT GRADED: {why}")


def submissions(folder: Path) -> tuple[list[Submission], list[str]]:
    """Those of the folders in a folder, and the names of what else is in it.

    Raises UserError where there are none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    paths = sorted(path for path in folder.iterdir() if path.name not in ("__MACOSX", ".DS_Store"))
    folders = [path for path in paths if path.is_dir() and not path.name.startswith(".")]
    if not folders:
        raise UserError(f"{folder}: has no folders in it; expected one for each student")
    return [read(path) for path in folders], [path.name for path in paths if path not in folders]


class Grader:
    """A process that grades one submission after the other, and can be done without."""

    def __init__(self, place: str, exercises: tuple[Exercise, ...], options: dict):
        self._task = (place, exercises, options)
        limits = [options["seconds"] or exercise.seconds for exercise in exercises]
        self._most = START + sum(limit + JUDGING for limit in limits)
        self.submission: Submission | None = None  # that it is at work on
        self.process: BaseProcess | None = None

    def begin(self, submission: Submission) -> None:
        """Send it a submission; the process is started where there is none."""
        if self.process is None:
            self._start()
        self.submission, self.until = submission, time.monotonic() + self._most
        with contextlib.suppress(OSError):  # it has gone: `result` will say so
            self.pipe.send(submission)

    def _start(self) -> None:
        context = get_context("spawn")  # a forked one would hold the others' pipes open
        self.pipe, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, *self._task), daemon=True)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for us, not for it
        try:
            process.start()
        except OSError:
            self.pipe.close()
            raise
        finally:
            signal.signal(signal.SIGINT, before)
            theirs.close()
        self.process = process

    def result(self) -> Graded | None:
        """What became of the submission: None as long as nothing is known."""
        if self.pipe.poll():
            try:
                graded = self.pipe.recv()
            except (EOFError, OSError):
                graded = self._lost("the process that grades it ended")
        elif time.monotonic() > self.until:
            graded = self._lost(f"it held the grader up for more than {self._most:g} s")
        else:
            return None
        self.submission = None
        return graded

    def _lost(self, why: str) -> Graded:
        self.end()
        return not_graded(self.submission, why)

    def end(self) -> None:
        """Kill the process: what runs in processes of its own ends by itself then."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.pipe.close()
            self.process = None


def _serve(pipe: Connection, place: str, exercises: tuple[Exercise, ...], options: dict) -> None:
    """The process of a Grader: grade what comes through the pipe, until nothing more can."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # not all systems hand it on
    tempfile.tempdir = place
    with contextlib.suppress(EOFError, OSError):  # who started it has gone
        while True:
            submission = pipe.recv()
            try:
                graded = grade(submission, exercises, **options)
            except Exception as error:  # the machine's or ours; nobody else's grade hangs on it
                graded = not_graded(submission, f"{error!r}; grade it again")
            pipe.send(graded)


def grade_all(
    handed_in: list[Submission], exercises: tuple[Exercise, ...], jobs: int, **options
) -> Iterator[Graded]:
    """Each submission as it is done, `jobs` at a time, whatever becomes of the others."""
    waiting = deque(handed_in)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        graders = [Grader(place, exercises, options) for _ in range(min(jobs, len(waiting)))]
        busy: list[Grader] = []
        try:
            while waiting or busy:
                for grader in graders:
                    if grader.submission is None and waiting:
                        submission = waiting.popleft()
                        try:
                            grader.begin(submission)
                        except OSError as error:
                            yield not_graded(submission, f"no process to grade it in: {error}")
                busy = [grader for grader in graders if grader.submission is not None]
                if busy:
                    soonest = min(grader.until for grader in busy)
                    wait([grader.pipe for grader in busy], max(0.0, soonest - time.monotonic()))
                for grader in busy:
                    if (graded := grader.result()) is not None:
                        yield graded
        finally:
            for grader in graders:
                grader.end()


def table(graded: Iterable[Graded], exercises: tuple[Exercise, ...]) -> str:
    """grades.csv: the points that can be had, then a row a submission; where something of it is not
    graded, no points, not even 0.
    """
    most = [exercise.most for exercise in exercises]
    rows = [
        ["student", *(exercise.name for exercise in exercises), "total", "notes"],
        ["(most)", *most, sum(most), ""],
    ]
    for submission in graded:
        earned = {
            r.exercise: f"{r.points:g}" for r in submission.results if r.state != "not graded"
        }
        points = [earned.get(exercise, "") for exercise in exercises]
        total = f"{submission.total:g}" if submission.is_complete else ""
        rows.append([_cell(submission.name), *points, total, _cell(submission.notes)])
    return store.csv_text(rows)


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula, and every reader of CSV for text."""
    text = _plain(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _plain(text: str) -> str:
    """What cannot be printed as it is written in Python: not every reader takes a NUL."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def gradescope(graded: Graded) -> dict:
    """What Gradescope reads, as results.json."""
    tests = [
        {
            "name": f"{r.exercise.name} (lesson {r.exercise.lesson}): {r.exercise.kind}",
            "score": round(r.points, 2),
            "max_score": r.exercise.most,
            "output": "\n".join(map(_plain, "\n".join(r.feedback)[:OUTPUT].split("\n"))) or "right",
            "visibility": "visible",
        }
        for r in graded.results
    ]
    return {"score": round(graded.total, 2), "output": _plain(graded.note), "tests": tests}
