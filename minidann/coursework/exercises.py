"""The exercises: what is handed out, in which order, and for what there are points.

Four kinds: write a forward pass (or another function), write a backward pass, find and mend a
planted bug, write the checker. One file an exercise, which holds a module with the contract of
`minidann.ops`, or one function. A bug is planted in a function that no other exercise asks for: it
would be half of its answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from minidann import ops, optim
from minidann.coursework import equations
from minidann.measure import metrics
from minidann.sound import normalise

FUNCTION, BACKWARD, BOTH, MEND, CHECKER = (
    "write the function", "write the backward pass", "write both passes",
    "find and mend the bug", "write the checker",
)  # fmt: skip
SECONDS = 10  # that all calls of a submission's code may take in an exercise


@dataclass(frozen=True)
class Exercise:
    """One file of a hand-out.

    `name` is the file's, without .py. `module` is that of minidann which is right. Each of `parts`
    earns `each` points. `bug`: pairs of words, of which the second take the place of the first in
    what is handed out.
    """

    name: str
    lesson: int
    kind: str
    module: ModuleType | None = None
    parts: tuple[str, ...] = ("result",)
    each: int = 1
    bug: tuple[tuple[str, str], ...] = ()

    @property
    def most(self) -> int:
        """The points that can be earned."""
        return self.each * len(self.parts)

    @property
    def is_op(self) -> bool:
        """Is it judged as an op, by its forward and backward?"""
        return self.kind in (BOTH, BACKWARD)

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that are to be written or mended."""
        of_kind = {BOTH: ("forward", "backward"), BACKWARD: ("backward",), CHECKER: ("check",)}
        return of_kind.get(self.kind, (self.name.removeprefix("mend_"),))


ENTR = """import numpy as np


def entr(p):
    return -p * np.log(np.where(p > 0, p, 1))  # 0 log 0 is 0
"""
EXERCISES = (
    Exercise("checker", 2, CHECKER, each=10),
    Exercise("conv1d", 3, BOTH, ops.conv1d, ("out", "dx", "dw", "db")),
    Exercise("relu", 4, BACKWARD, ops.relu, ("dx",)),
    Exercise("maxpool", 4, BOTH, ops.maxpool, ("out", "dx")),
    Exercise("attention", 5, BOTH, ops.attention, ("out", "df", "dv")),
    Exercise("dense", 6, BACKWARD, ops.dense, ("dx", "dw", "db")),
    Exercise("softmax_cross_entropy", 6, BOTH, ops.softmax_cross_entropy, ("out", "dz")),
    Exercise("batchnorm", 7, BOTH, ops.batchnorm, ("out", "dx", "dgamma", "dbeta")),
    Exercise("dropout", 8, BACKWARD, ops.dropout, ("dx",)),
    Exercise("add_penalty", 8, FUNCTION, optim, ("l1", "l2", "kernels only")),
    Exercise("learning_rate", 9, FUNCTION, optim, ("decay", "floor")),
    Exercise("step", 9, FUNCTION, optim, ("m", "v", "parameters", "no gradient")),
    Exercise("gradient_reversal", 10, BACKWARD, ops.gradient_reversal, ("dx",)),
    Exercise("mend_equations", 11, MEND, equations, each=2,
             bug=(("= (1 - alpha) * gradient", "= (1 - alpha) * beta * gradient"),)),
    Exercise("mend_groups", 12, MEND, equations, each=2,
             bug=(("else target", "else list(range(m))"),)),
    Exercise("mend_mean_and_std", 13, MEND, normalise, each=2,
             bug=(("block - mean", "block - block.mean(axis=0, dtype=np.float64)"),
                  ("50000", "2  # frames at a time, so that small inputs have several blocks"))),
    Exercise("normalise_and_pad", 13, FUNCTION, normalise,
             ("normalised", "padded", "float32", "minimum and out")),
    Exercise("uar", 15, FUNCTION, metrics, ("result", "missing class")),
    Exercise("mend_information", 15, MEND, metrics, each=2,
             bug=(("entr(p.mean(axis=0)).sum()", "2 * entr(p.mean())"),
                  ("import numpy as np\n", ENTR))),
)  # fmt: skip
NAMES = tuple(exercise.name for exercise in EXERCISES)


def select(lessons: Sequence[int] | None = None, name: str | None = None) -> tuple[Exercise, ...]:
    """The exercises of some lessons, or the one of a name; all without arguments."""
    found = [exercise for exercise in EXERCISES if name in (None, exercise.name)]
    return tuple(exercise for exercise in found if lessons is None or exercise.lesson in lessons)
