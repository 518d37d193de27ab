"""What is asked of all submissions, and what each exercise of one of them earns."""

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from minidann.coursework import checker, functions, layers, pupil, running
from minidann.coursework.exercises import CHECKER, Exercise
from minidann.coursework.handed_in import Submission
from minidann.coursework.running import Results, Task
from minidann.gradcheck import verdict
from minidann.gradcheck.verdict import Verdict

RIGHT, WRONG, NOT_WRITTEN, NOT_GRADED = "right", "wrong", "not written", "not graded"
TODO = "raised NotImplementedError"


@dataclass(frozen=True)
class Result:
    """Points by part, of `exercise.most` in all, and why.

    `why`: a sentence about the whole exercise, where there are no verdicts. `notes`: what else
    there is to say, which costs nothing. `printed`: what the code printed in the call that raised
    an error, or first.
    """

    exercise: Exercise
    state: str
    earned: dict[str, float] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    why: str = ""
    notes: tuple[str, ...] = ()
    printed: str = ""

    @property
    def points(self) -> float:
        return round(sum(self.earned.values()), 2)

    def lines(self, part: str | None = None) -> list[str]:
        """What is right and what is wrong, in at most 15 lines; `part`: of it alone."""
        verdicts = [v for v in self.verdicts if part in (None, v.part)]
        found = [self.why] if self.why else verdict.lines(verdicts, most=verdict.MOST - 1)
        return [*found, *self.notes][: verdict.MOST - 1]

    @property
    def summary(self) -> str:
        """Why points are missing, in one line; "" where none are."""
        reasons: dict[str, list[str]] = {}
        for found in self.verdicts:
            if not found.right and self.state != RIGHT:
                text = " Or: ".join(found.causes) or verdict.UNKNOWN
                reasons.setdefault(text, []).append(found.part)
        each = [f"{', '.join(parts)}: {text}" for text, parts in reasons.items()]
        return " | ".join([self.why] * bool(self.why) + each)


class Paper:
    """The tasks of some exercises, drawn from one seed: the same for every submission."""

    def __init__(self, exercises: tuple[Exercise, ...], seed: int):
        self.exercises = exercises
        self._place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.path = Path(self._place.name) / "tasks"
        self.tasks: dict[str, Task] = {}
        self._judges: dict[str, Callable] = {}
        for exercise in exercises:
            kind = layers if exercise.is_op else functions
            kind = checker if exercise.kind == CHECKER else kind
            rng = np.random.default_rng([seed, exercise.lesson])
            calls, judge, *ops = kind.ask(exercise, rng)
            self.tasks[exercise.name] = Task(calls, exercise.seconds, *ops)
            self._judges[exercise.name] = judge
        running.write(self.tasks, self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._place.cleanup()

    def grade(self, submission: Submission, seconds: float | None = None) -> list[Result]:
        """The result of each exercise. Raises OSError where no process can be started."""
        found = running.run(submission.code, self.tasks, self.path, seconds)
        return [self.result(exercise, submission, found) for exercise in self.exercises]

    def result(self, exercise: Exercise, submission: Submission, found: dict) -> Result:
        """The result of an exercise, from what became of the tasks."""
        name = exercise.name
        notes = tuple(submission.notes.get(name, ()))
        finish = functools.partial(Result, exercise, notes=notes)
        if name in submission.unread:
            return finish(NOT_GRADED, why=submission.unread[name])
        if name not in submission.code:
            return finish(NOT_WRITTEN, why="The file is missing.")
        results = found[name]
        finish = functools.partial(finish, printed=printed(results))
        if results.lost:
            return finish(WRONG, why=f"It could not be run to its end: {results.lost}.")
        if results.problem:
            return finish(WRONG, why=f"The file cannot be imported: it {results.problem}.")
        asked = zip(self.tasks[name].calls, results.calls)
        errors = [done["error"] for call, done in asked if call["function"] in exercise.functions]
        if all(error.startswith((TODO, pupil.NO_CACHE)) for error in errors):
            return finish(NOT_WRITTEN, why="It is not written yet.")
        for call in results.calls:
            if call["error"].startswith(TODO):
                call["error"] = "is not written yet"
        try:
            verdicts, earned, more = self._judges[name](results.calls)
        except Exception as error:  # whatever it returned, other exercises must not suffer
            return finish(NOT_GRADED, why=f"Its results could not be judged: {error!r}")
        state = RIGHT if all(v.right for v in verdicts) else WRONG
        return finish(state, earned=earned, verdicts=tuple(verdicts), notes=notes + more)


def printed(results: Results) -> str:
    """What the first call that raised an error printed, else the first that printed anything."""
    calls = [call for call in results.calls if call["printed"]]
    with_error = [call for call in calls if call["error"]]
    return next((call["printed"] for call in with_error + calls), "")
