"""The exercises: what is handed out, in which order, and for what there are points.

Four kinds: write a forward pass (or another function), write a backward pass, find and mend a
planted bug, write the checker. One file an exercise, which holds a module with the contract of
`minidann.ops`, or one function. A bug is planted in a function that no other exercise asks for: it
would be half of its answer.
"""

import importlib
from dataclasses import dataclass
from types import ModuleType

FORWARD, BACKWARD, BOTH, MEND, CHECKER = (
    "write the function", "write the backward pass", "write both passes",
    "find and mend the bug", "write the checker",
)  # fmt: skip


@dataclass(frozen=True)
class Exercise:
    """One file of a hand-out.

    `name` is the file's, without .py. `reference` is the module of minidann that is right, and
    `functions` are those of it that are to be written or mended (for the checker: of the hand-out).
    `parts` earn a point each, or `points` in all.
    """

    name: str
    lesson: int
    kind: str
    reference: str
    functions: tuple[str, ...]
    parts: tuple[str, ...]
    points: int = 0

    @property
    def most(self) -> int:
        """The points that can be had."""
        return self.points or len(self.parts)

    @property
    def each(self) -> float:
        """What one part earns."""
        return self.most / len(self.parts)

    @property
    def module(self) -> ModuleType:
        """The module that is right."""
        return importlib.import_module(self.reference)

    @property
    def seconds(self) -> float:
        """How long all calls of a submission's code may take."""
        return 30 if self.kind == CHECKER else 10

    @property
    def is_op(self) -> bool:
        """Is it judged as an op, by its forward and backward?"""
        return self.reference.startswith("minidann.ops.")


def op(name: str, lesson: int, kind: str, *arguments: str) -> Exercise:
    """An exercise on a layer; a point for `out`, where forward is asked for, and each gradient."""
    functions = ("forward", "backward") if kind == BOTH else ("backward",)
    parts = tuple(f"d{argument}" for argument in arguments)
    parts = ("out", *parts) if kind == BOTH else parts
    return Exercise(name, lesson, kind, f"minidann.ops.{name}", functions, parts)


def function(name: str, lesson: int, module: str, *parts: str, points: int = 0) -> Exercise:
    """An exercise on one function: a point for each part, or `points` in all."""
    return Exercise(name, lesson, FORWARD, f"minidann.{module}", (name,), parts, points)


def mend(name: str, lesson: int, module: str) -> Exercise:
    """An exercise on one function that has a bug."""
    return Exercise(f"mend_{name}", lesson, MEND, f"minidann.{module}", (name,), ("mended",), 2)


EXERCISES = (
    Exercise("checker", 2, CHECKER, "minidann.gradcheck", ("check",), ("caught",), 10),
    op("conv1d", 3, BOTH, "x", "w", "b"),
    op("relu", 4, BACKWARD, "x"),
    op("maxpool", 4, BOTH, "x"),
    op("attention", 5, BOTH, "f", "v"),
    op("dense", 6, BACKWARD, "x", "w", "b"),
    op("softmax_cross_entropy", 6, BOTH, "z"),
    op("batchnorm", 7, BOTH, "x", "gamma", "beta"),
    op("dropout", 8, BACKWARD, "x"),
    function("add_penalty", 8, "optim", "l1", "l2", "kernels only"),
    function("learning_rate", 9, "optim", "decay", "floor"),
    function("step", 9, "optim", "m", "v", "parameters", "no gradient"),
    op("gradient_reversal", 10, BACKWARD, "x"),
    mend("equations", 11, "coursework.equations"),
    mend("groups", 12, "coursework.equations"),
    mend("mean_and_std", 13, "sound.normalise"),
    function("normalise_and_pad", 13, "sound.normalise",
             "normalised", "padded", "float32", "the rest given"),
    function("uar", 15, "measure.metrics", "result", points=2),
    mend("information", 15, "measure.metrics"),
)  # fmt: skip
NAMES = tuple(exercise.name for exercise in EXERCISES)


def select(lessons: range | None = None, name: str | None = None) -> tuple[Exercise, ...]:
    """The exercises of some lessons, or the one of a name; all without arguments."""
    return tuple(
        exercise
        for exercise in EXERCISES
        if (lessons is None or exercise.lesson in lessons) and name in (None, exercise.name)
    )
