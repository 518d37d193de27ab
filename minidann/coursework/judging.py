"""What is asked of all submissions, and what each exercise of one of them earns."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from minidann.console import UserError
from minidann.coursework import checker, functions, layers, pupil, running
from minidann.coursework.exercises import CHECKER, SECONDS, Exercise
from minidann.coursework.handed_in import Submission
from minidann.gradcheck import verdict
from minidann.gradcheck.verdict import Verdict

RIGHT, WRONG, NOT_WRITTEN, NOT_GRADED = "right", "wrong", "not written", "not graded"


@dataclass(frozen=True)
class Result:
    """Points by part, of `exercise.most` in all, and why.

    `why`: a sentence about the whole exercise, where there are no verdicts. `notes`: what else
    there is to say, which costs nothing. `printed`: the beginning of what the code printed.
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
        """What is right and what is wrong, in at most 14 lines; `part`: of it alone."""
        verdicts = [v for v in self.verdicts if part in (None, v.part)]
        found = [self.why] if self.why else verdict.lines(verdicts)
        return [*found, *self.notes][: verdict.MOST - 1]

    @property
    def summary(self) -> str:
        """Why points are missing, and the notes, in one line."""
        said = self.notes if self.state == RIGHT else self.lines()[not self.why :]
        return " | ".join(line for line in said if not line.startswith(" "))


class Paper:
    """What is asked in some exercises: the same of all submissions. Each may take `seconds`."""

    def __init__(self, exercises: tuple[Exercise, ...], seed: int, seconds: float = SECONDS):
        if seed < 0:
            raise UserError(f"--seed {seed}: expected 0 or more")
        self.exercises, self.seconds = exercises, seconds
        self.asked: dict[str, tuple[list[dict], Callable]] = {}
        for exercise in exercises:
            kind = layers if exercise.is_op else checker if exercise.kind == CHECKER else functions
            rng = np.random.default_rng([seed, exercise.lesson])
            self.asked[exercise.name] = kind.ask(exercise, rng)
        self.tasks = {name: pupil.dumps(calls) for name, (calls, _) in self.asked.items()}

    def grade(self, submission: Submission) -> list[Result]:
        """The result of each exercise. Raises OSError where no process can be started."""
        codes = {name: submission.code[name] for name in self.tasks if name in submission.code}
        found = running.run(codes, self.tasks, self.seconds)
        return [self.result(exercise, submission, found) for exercise in self.exercises]

    def result(self, exercise: Exercise, submission: Submission, found: dict) -> Result:
        """The result of an exercise, from what became of all of them."""
        name = exercise.name
        if name in submission.unread:
            return Result(exercise, NOT_GRADED, why=submission.unread[name])
        if name not in submission.code:
            return Result(exercise, NOT_WRITTEN, why="The file is missing.")
        done = found[name]
        notes = () if done.problem else tuple(dict.fromkeys(done.notes))  # one each, not each call
        more = {"notes": notes, "printed": done.printed}
        if done.problem:
            return Result(exercise, WRONG, why=done.problem, **more)
        calls, judge = self.asked[name]
        errors = [result["error"] for call, result in zip(calls, done.calls)
                  if call["function"] in exercise.functions]  # fmt: skip
        if {*errors} == {pupil.TODO}:
            return Result(exercise, NOT_WRITTEN, why=f"It {pupil.TODO}.", **more)
        try:
            verdicts, earned, others = judge(done.calls)
        except Exception as error:  # whatever it returned, other exercises must not suffer
            why = f"Its results could not be judged: {error!r}"
            return Result(exercise, NOT_GRADED, why=why, **more)
        more["notes"] += others
        state = RIGHT if all(v.right for v in verdicts) else WRONG
        return Result(exercise, state, earned, tuple(verdicts), **more)
