"""What is known about a wrong gradient, and when an explanation of it holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from minidann import ops

Gradients = tuple  # one array an argument; None where there is none or nothing is said of it


@dataclass(frozen=True)
class Diagnosis:
    """`kind` is a key of KINDS in `minidann.diagnosis`, `text` a sentence for the student."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Hypothesis:
    """A mistake that might have been made, and the gradients that would come of it."""

    kind: str
    text: str
    gradients: Gradients


@dataclass(frozen=True)
class Evidence:
    """A check of an op that found something wrong.

    The arguments' names, arrays and options; the covector (backward's `dout`); `out`; the
    gradients received and the true ones, one an argument, or None.
    """

    names: tuple[str, ...]
    arrays: tuple[np.ndarray, ...]
    options: dict
    covector: np.ndarray
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

        To a millionth of what is wrong, so that a guess that is merely near does not count.
        """
        received, true = self.received[i], self.true[i]
        if candidate is None or np.shape(candidate) != received.shape:
            return False
        if true is not None and true.shape == received.shape:
            wrong, scale = np.abs(received - true).max(), np.abs(true).max()
        else:
            wrong = scale = np.abs(received).max()
        return bool(np.abs(candidate - received).max() <= max(1e-6 * wrong, 1e-9 * scale))

    def spoils(self, gradients: Gradients, wrong: list[int]) -> bool:
        """Do these gradients say that an argument is wrong which is right?"""
        return any(
            gradient is not None and self.received[i] is not None and not self.explains(gradient, i)
            for i, gradient in enumerate(gradients)
            if i not in wrong
        )


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


def sizes(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """The numbers that a wrong factor may be equal to, with names."""
    first, out = evidence.arrays[0].shape, np.shape(evidence.out)
    if len(first) > 1 or not out:
        yield "the batch", first[0]
    for what, shape in (("out", out), *zip(evidence.names, (a.shape for a in evidence.arrays))):
        for axis, size in enumerate(shape):
            yield f"the size of {what} along {axis_name(shape, axis, what)}", size
    for name, value in evidence.options.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, float(value)
        elif name == "mask":
            yield "1/(1-p), what dropout multiplies by", float(np.max(value))
    if np.ndim(evidence.covector) == 0:
        yield "dout", float(evidence.covector)


def name_factor(factor: float, evidence: Evidence) -> tuple[str, str] | None:
    """(kind, name) of a factor that equals a size, one over it, two sizes multiplied, 2 or 1/2."""

    def equals(value):
        return abs(factor - value) <= 1e-7 * abs(value)

    named: dict[float, str] = {}  # a size that is there twice keeps its first name
    for name, value in sizes(evidence):
        if value not in (0.0, 1.0):
            named.setdefault(value, name)
    for value, name in named.items():
        kind = "summed" if name == "the batch" else "factor"
        if equals(value):
            return kind, f"{value:g}, {name}"
        if equals(1 / value):
            return kind, f"1/{value:g}, one over {name}"
        if equals(1 - value):
            return "factor", f"{1 - value:g}, one minus {name}"
        if equals(value / (value - 1)) or equals((value - 1) / value):
            return "factor", f"{factor:.6g}, of {name} and that minus one"
    for value in (2.0, 0.5):
        if equals(value):
            return "factor", f"{value:g}"
    for (a, one), (b, other) in combinations(named.items(), 2):
        kind = "summed" if "the batch" in (one, other) else "factor"
        if equals(a * b):
            return kind, f"{a * b:g}, {one} times {other}"
        if equals(1 / (a * b)):
            return kind, f"1/{a * b:g}, one over {one} times {other}"
        if equals(a / b) or equals(b / a):
            return "factor", f"{factor:.6g}, of {one} and {other}"
    return None
