"""What is known about a wrong gradient, and when an explanation of it holds."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from minidann import ops

ROUNDING = 1e-13  # of the largest entry: two right ways to compute a gradient differ by less
Gradients = tuple  # one array an argument; None where there is none, or no claim about it


@dataclass(frozen=True)
class Diagnosis:
    """`kind` is a key of KINDS in `minidann.mistakes.diagnosis`, `text` a sentence for the student.

    `detail`, if there is one, says it of one argument alone, as where its error is largest; two
    diagnoses that differ in it only are equal.
    """

    kind: str
    text: str
    detail: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail or self.text}"


@dataclass(frozen=True)
class Hypothesis:
    """A mistake that might have been made, and the gradients that would come of it."""

    kind: str
    text: str
    gradients: Gradients


@dataclass(frozen=True)
class Evidence:
    """A check of an op that found something wrong.

    The arguments' names, arrays and options; the upstream gradient (backward's `dout`); `out`; the
    gradients received and the true ones, one an argument, or None.
    """

    names: tuple[str, ...]
    arrays: tuple[np.ndarray, ...]
    options: dict
    upstream: np.ndarray
    out: np.ndarray
    received: Gradients
    true: Gradients

    @cached_property
    def reference(self) -> tuple | None:
        """(name, op, its cache) of the op of `minidann.ops` that gives the same output."""
        for name in ops.__all__:
            op = getattr(ops, name)
            try:
                out, cache = op.forward(*self.arrays, **self.options)
            except (TypeError, ValueError, IndexError, AttributeError):
                continue
            if np.shape(out) == np.shape(self.out) and np.allclose(out, self.out, 1e-9, 1e-12):
                return name, op, cache
        return None

    def alone(self, i: int, gradient: np.ndarray) -> Gradients:
        """Gradients that say something about argument i only."""
        return tuple(gradient if j == i else None for j in range(len(self.names)))

    def explains(self, candidate: np.ndarray | None, i: int) -> bool:
        """Is `candidate` the gradient received for argument i?

        To a millionth of what is wrong, so that a guess that is merely near does not count; and
        no guess counts that is as near to the true gradient, as all are to one that is off by
        little more than rounding.
        """
        received, true = self.received[i], self.true[i]
        if candidate is None or np.shape(candidate) != received.shape:
            return False
        off = np.abs(candidate - received).max(initial=0.0)
        if true is None or true.shape != received.shape:
            return bool(off <= 1e-6 * np.abs(received).max(initial=0.0))
        wrong, scale = np.abs(received - true).max(initial=0.0), np.abs(true).max(initial=0.0)
        if not off <= max(1e-6 * wrong, ROUNDING * scale):
            return False
        return bool(np.abs(candidate - true).max(initial=0.0) > wrong / 2)

    def spoils(self, gradients: Gradients, wrong: list[int]) -> bool:
        """Do these gradients say that an argument is wrong which is right?"""
        return any(
            gradient is not None and self.received[i] is not None and not self._agrees(gradient, i)
            for i, gradient in enumerate(gradients)
            if i not in wrong
        )

    def _agrees(self, candidate: np.ndarray, i: int) -> bool:
        """Is `candidate` what was received for an argument that is right, but for rounding?"""
        received = self.received[i]
        if np.shape(candidate) != received.shape:
            return False
        near = 1e-9 * np.abs(received).max(initial=0.0) + 1e-12  # a gradient may be zero
        return bool((np.abs(candidate - received) <= near).all())


def axis_name(shape: tuple[int, ...], axis: int, name: str = "") -> str:
    """What an axis stands for: arrays are (N, T, channels), kernels (K, channels, filters)."""
    if len(shape) == 3:
        kernel = ("the kernel's frames", "the channels", "the filters")
        return (kernel if name.endswith("w") else ("the batch", "time", "the channels"))[axis]
    if len(shape) == 2:
        return ("the rows", "the columns")[axis]
    return f"axis {axis}"


def lags(size: int) -> list[int]:
    """Every shift of an axis of this size, short ones first: 1, -1, 2, -2, ..."""
    return [sign * lag for lag in range(1, size) for sign in (1, -1)]
