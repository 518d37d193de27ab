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
TODO = "raises NotImplementedError"


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
    def is_forward_broken(self) -> bool:
        """Was a forward pass given, and is it no longer right?"""
        return layers.BROKEN in self.notes

    @property
    def points(self) -> float:
        return sum(self.earned.values())

    def lines(self, part: str | None = None) -> list[str]:
        """What is right and what is wrong, in at most 15 lines; `part`: of it alone."""
        verdicts = [v for v in self.verdicts if part in (None, v.part)]
        found = [self.why] if self.why else verdict.lines(verdicts, most=verdict.MOST - 1)
        return [*found, *self.notes]

    @property
    def summary(self) -> str:
        """Why points are missing, in one line; "" where none are."""
        if self.state == RIGHT:
            return ""
        reasons: dict[str, list[str]] = {}
        for found in self.verdicts:
            if not found.right:
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
        self.tasks: list[Task] = []
        self.marked: dict[Exercise, tuple[slice, Callable]] = {}  # its tasks; judges their results
        for exercise in exercises:
            asked = {CHECKER: checker.ask}.get(
                exercise.kind, layers.ask if exercise.is_op else functions.ask
            )
            rng = np.random.default_rng([seed, exercise.lesson])
            tasks, judge = asked(exercise, rng)
            self.marked[exercise] = slice(len(self.tasks), len(self.tasks) + len(tasks)), judge
            self.tasks += tasks
        running.write(self.tasks, self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._place.cleanup()

    def grade(self, submission: Submission, **limits) -> list[Result]:
        """The result of each exercise. Raises OSError where no process can be started."""
        codes = {
            e.name: submission.code[e.name] for e in self.exercises if e.name in submission.code
        }
        found = running.run(codes, self.tasks, self.path, **limits)
        return [self.result(exercise, submission, found) for exercise in self.exercises]

    def result(self, exercise: Exercise, submission: Submission, found: dict) -> Result:
        """The result of an exercise, from the results of its tasks by their numbers."""
        name = exercise.name
        finish = functools.partial(Result, exercise, notes=tuple(submission.notes.get(name, ())))
        if name in submission.unread:
            return finish(NOT_GRADED, why=submission.unread[name])
        if name in submission.refused:
            return finish(WRONG, why=submission.refused[name])
        if name not in submission.code:
            return finish(NOT_WRITTEN, why="The file is missing.")
        where, judge = self.marked[exercise]
        numbers = range(len(self.tasks))[where]
        results = [found.get(number, Results(lost="its process has ended")) for number in numbers]
        first = results[0]
        finish = functools.partial(finish, printed=printed(first))
        if first.lost:
            return finish(WRONG, why=f"It could not be run to its end: {first.lost}.")
        if first.problem:
            return finish(WRONG, why=f"The file {first.problem} when it is imported.")
        asked = zip(self.tasks[numbers[0]].calls, first.calls)
        errors = [
            called["error"] for call, called in asked if call["function"] in exercise.functions
        ]
        if all(error.startswith((TODO, pupil.NO_CACHE)) for error in errors):
            return finish(NOT_WRITTEN, why="It is not written yet.")
        for call in first.calls:
            if call["error"].startswith(TODO):
                call["error"] = "is not written yet"
        try:
            verdicts, earned, notes = judge(results)
        except Exception as error:  # whatever it returned, other exercises must not suffer
            return finish(NOT_GRADED, why=f"Its results could not be judged: {error!r}")
        finish = functools.partial(finish, earned=earned, verdicts=tuple(verdicts))
        notes += tuple(submission.notes.get(name, ()))
        return finish(RIGHT if sum(earned.values()) == exercise.most else WRONG, notes=notes)


def printed(results: Results) -> str:
    """What the first call that raised an error printed, else the first that printed anything."""
    calls = [call for call in results.calls if call["printed"]]
    with_error = [call for call in calls if call["error"]]
    return next((call["printed"] for call in with_error + calls), "")
