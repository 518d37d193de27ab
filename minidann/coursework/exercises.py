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
SECONDS = 10  # that all calls of a submission's code may take in an exercise


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
    parts: tuple[str, ...] = ("result",)
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
        return importlib.import_module(f"minidann.{self.reference}")

    @property
    def is_op(self) -> bool:
        """Is it judged as an op, by its forward and backward?"""
        return self.reference.startswith("ops.")


def both(name: str, lesson: int, *gradients: str) -> Exercise:
    """Both passes of a layer: a point for out, and for each gradient."""
    parts = ("out", *gradients)
    return Exercise(name, lesson, BOTH, f"ops.{name}", ("forward", "backward"), parts)


def backward(name: str, lesson: int, *gradients: str) -> Exercise:
    """The backward pass of a layer, whose forward pass is given: a point for each gradient."""
    return Exercise(name, lesson, BACKWARD, f"ops.{name}", ("backward",), gradients)


def function(name: str, lesson: int, module: str, *parts: str) -> Exercise:
    """One function: a point for each part."""
    return Exercise(name, lesson, FORWARD, module, (name,), parts)


def mend(name: str, lesson: int, module: str) -> Exercise:
    """One function that has a bug."""
    return Exercise(f"mend_{name}", lesson, MEND, module, (name,), points=2)


EXERCISES = (
    Exercise("checker", 2, CHECKER, "gradcheck", ("check",), points=10),
    both("conv1d", 3, "dx", "dw", "db"),
    backward("relu", 4, "dx"),
    both("maxpool", 4, "dx"),
    both("attention", 5, "df", "dv"),
    backward("dense", 6, "dx", "dw", "db"),
    both("softmax_cross_entropy", 6, "dz"),
    both("batchnorm", 7, "dx", "dgamma", "dbeta"),
    backward("dropout", 8, "dx"),
    function("add_penalty", 8, "optim", "l1", "l2", "kernels only"),
    function("learning_rate", 9, "optim", "decay", "floor"),
    function("step", 9, "optim", "m", "v", "parameters", "no gradient"),
    backward("gradient_reversal", 10, "dx"),
    mend("equations", 11, "coursework.equations"),
    mend("groups", 12, "coursework.equations"),
    mend("mean_and_std", 13, "sound.normalise"),
    function("normalise_and_pad", 13, "sound.normalise",
             "normalised", "padded", "float32", "minimum and out"),
    Exercise("uar", 15, FORWARD, "measure.metrics", ("uar",), points=2),
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
