"""Derivatives of a function without a backward pass: perturb the input and look at the output.
A gradient is then compared with them.

Two methods, which err in different ways:

    central   (8 [f(x+h) - f(x-h)] - [f(x+2h) - f(x-2h)]) / 12h
              The central difference with its first error term taken out; batch norm over few rows
              bends too much without. Right to about 1e-9 of the largest entry. At a kink (a ReLU
              at 0, two equal maxima in a pool) it mixes the slopes of both sides.
    complex   Im f(x + ih) / h
              No difference is taken, so h may be 1e-30 and the result is exact to rounding. It
              never leaves x, so it steps over no kink. The function must take complex arrays and
              decide every comparison by the real part.

Where they disagree, is it a kink? A smaller step shows it: the jump between the slopes on both
sides stays at a kink, and falls sixteen-fold with a quarter of the step where the function is
smooth. At a kink any slope between those of both sides is a derivative of a kind (a subgradient);
the complex step says which of them the code takes. Where there is no kink, the function has lost
the imaginary part, and the central difference decides alone.
"""

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minidann.gradcheck.verdict import Verdict, beside
from minidann.mistakes.question import SINGLE, is_single

CENTRAL_STEP = 3e-5  # truncation falls with its fourth power, rounding grows with its inverse
COMPLEX_STEP = 1e-30  # no difference is taken, so it may be as small as we like
KINK = 1e-8  # of the largest derivative: a smaller jump cannot raise a false alarm
LOST = 1e-6  # of the largest derivative: central and complex differ by more, and there is no kink
STAYS = 1 / 8  # of the jump, at a quarter of the step: more is a kink, less is smooth
CENTRAL_TOLERANCE = 1e-7
COMPLEX_TOLERANCE = 1e-12
MISSING = "There is no gradient."
ZERO = "zero here, as it should be, which proves little: use another example, too"
IN_FLOAT32 = "it is float32, of seven digits; give the arrays that you make the input's dtype"
AT_KINKS = "at a kink or in a tie, where any slope between those of both sides is right"


class Derivatives(NamedTuple):
    """The derivatives of one number with respect to d entries.

    `central` (d,). `complex` (d,), or None where the function does not carry the complex step.
    `kinks` (d,): the central difference steps over a kink, where a subgradient lies between `low`
    and `high` (d,). `rounding` is the error that rounding alone puts into `central`: one unit in
    the last place of the terms of the number, over h.
    """

    central: np.ndarray
    complex: np.ndarray | None
    kinks: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rounding: float

    def right(self, values: np.ndarray, *, strict: bool = False) -> np.ndarray:
        """What is right (d,) where `values` (d,) were given.

        At a kink that is any subgradient; if `strict`, only the one that the forward pass takes.
        """
        best = self.central if self.complex is None else self.complex
        if strict and self.complex is not None:
            return best
        largest = np.abs(np.where(self.kinks, self.high - self.low, best)).max()
        slack = LOST * largest + 1e2 * self.rounding
        nearest = np.clip(values, self.low - slack, self.high + slack)
        return np.where(self.kinks, nearest, best)


@np.errstate(all="ignore")  # what overflows is seen in the result
def derivatives(function: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> Derivatives:
    """How the sum of the outputs of `function` moves with every entry of `array`.

    `array` is float64 and not written to; its entries are in memory's order.
    """
    entries = _entries(array)
    terms = np.array([_central(function, array, entry) for entry in entries])  # (d, 3, k)
    central, left, right = slopes = terms.sum(axis=2).T  # (d,) each
    jumps = _jump(slopes)  # (d,)
    complex_ = _complex(lambda x: np.sum(function(x)), array)
    complex_ = None if complex_ is None else complex_[:, 0]
    # The terms may be larger than their sum: what rounding does is in proportion to them.
    rounding = np.finfo(float).eps * float(np.abs(function(array)).sum()) / CENTRAL_STEP
    scale, noise = np.abs(central).max(), 1e2 * rounding
    kinks = np.zeros(array.size, bool)
    for i in np.flatnonzero(jumps > max(KINK * scale, noise)):
        closer = np.sum(_central(function, array, entries[i], CENTRAL_STEP / 4), axis=1)  # (3,)
        kinks[i] = _jump(closer) > STAYS * jumps[i]
        central[i] = closer[0]
    # Each term has its own slopes, and the sum may take the left of one and the right of another:
    # of overlapping pools, an entry is the first maximum in one and not in the next.
    low, high = terms[:, 1:].min(axis=1).sum(axis=1), terms[:, 1:].max(axis=1).sum(axis=1)  # (d,)
    if complex_ is not None:
        apart = np.abs(central - complex_) > max(LOST * np.abs(central).max(), noise)
        complex_ = None if np.any(apart & ~kinks) else complex_
    return Derivatives(central, complex_, kinks, low, high, rounding)


@np.errstate(all="ignore")
def differences(
    function: Callable[[np.ndarray], np.ndarray], array: np.ndarray, *, method: str = "central"
) -> np.ndarray:
    """The derivative of each output to each entry of `array`, (k, *array.shape), by one method."""
    if method == "complex":
        slopes = _complex(function, array)
        if slopes is None:
            raise ValueError("complex step: expected a function that takes complex arrays")
    else:
        slopes = np.array([_central(function, array, entry)[0] for entry in _entries(array)])
    return slopes.T.reshape(-1, *array.shape)


def _entries(array: np.ndarray) -> np.ndarray:
    """The directions of the entries: 1 at one, 0 at all others."""
    return np.eye(array.size).reshape(-1, *array.shape)


def _central(function, array, direction, h: float = CENTRAL_STEP) -> tuple:
    """The slopes of each output along a direction: central, on the left, on the right; (k,)."""
    low2, low, middle, high, high2 = (
        np.ravel(function(np.asarray(array + s * h * direction))) for s in (-2, -1, 0, 1, 2)
    )
    central = (8 * (high - low) - (high2 - low2)) / (12 * h)
    left = (3 * middle - 4 * low + low2) / (2 * h)
    right = (4 * high - high2 - 3 * middle) / (2 * h)
    return central, left, right


def _jump(slopes: np.ndarray) -> np.ndarray:
    """How far the slopes (3, ...) of `_central` disagree; a kink between -2h and 2h shows in it."""
    central, left, right = slopes
    return np.abs(right - left) + 1.5 * np.abs(central - (left + right) / 2)


def _complex(function, array) -> np.ndarray | None:
    """Complex steps (d, k); None where the function does not take or give them, or overflows.

    1 / (1 + exp(800)) is 0, but the same with a complex 800 is NaN.
    """
    slopes = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for direction in _entries(array):
            try:
                outputs = np.ravel(function(np.asarray(array + 1j * COMPLEX_STEP * direction)))
            except (Exception, SystemExit):  # each function refuses complex arrays in its own way
                return None
            if not np.iscomplexobj(outputs) or not np.isfinite(outputs).all():
                return None
            slopes.append(np.imag(outputs) / COMPLEX_STEP)
    return np.array(slopes)


@np.errstate(all="ignore")
def compare(
    part: str, gradient, found: Derivatives, shape: tuple, *, strict: bool = False
) -> Verdict:
    """The verdict on a gradient of this shape, against derivatives of every entry.

    Errors are the largest difference over the largest entry of the true gradient (entry by entry a
    tiny entry of a right gradient can be far off by rounding alone). Where that is zero they are
    absolute, and a note says so. At kinks see `Derivatives.right`.
    """
    if np.shape(gradient) != shape:
        shown = "\n".join(beside(part, gradient, np.zeros(shape)))
        return Verdict(part, False, (MISSING,) * (gradient is None), shown)
    received = np.ravel(gradient)  # (d,)
    right = found.right(received, strict=strict)  # (d,)
    off = np.abs(received - right)
    off_central = np.where(found.kinks, off, np.abs(received - found.central))
    largest = float(np.abs(right).max())
    # Rounding leaves 1e-16 of the output in a complex step, and that over h in a central one.
    nothing = bool(largest <= (100 if found.complex is None else 1e-3) * found.rounding)
    scale = 1.0 if nothing else largest
    central = float(off_central.max()) / scale
    by_complex = math.nan if found.complex is None else float(off.max()) / scale
    # Of a gradient that all but cancels, rounding alone is more than the tolerance.
    least = SINGLE if is_single(received) and not strict else 0.0
    wrong = not central <= max(least, CENTRAL_TOLERANCE, found.rounding / scale)
    exact = found.rounding * CENTRAL_STEP / scale
    wrong |= by_complex > max(least, COMPLEX_TOLERANCE, exact)
    shown = "\n".join(beside(part, gradient, right.reshape(shape)) if wrong else ())
    note, kinks = ZERO * nothing or IN_FLOAT32 * (received.dtype == np.float32), found.kinks.sum()
    if kinks and not strict:
        note = f"{kinks} of {received.size} entries are {AT_KINKS}"
    return Verdict(part, not wrong, (), shown, "" if wrong else note, central, by_complex, kinks)


def by_differences(
    part: str, gradient, function: Callable, array: np.ndarray, *, strict: bool = False
) -> Verdict:
    """The verdict on the gradient of the sum of `function` at `array`; see `compare`."""
    verdict = compare(part, gradient, derivatives(function, array), array.shape, strict=strict)
    if verdict.right and verdict.kinks:  # what ties must not get more together than all of it
        found = derivatives(lambda shift: function(array + shift), np.zeros(()))
        together = compare(f"the sum of {part}", np.sum(gradient), found, (), strict=strict)
        if not together.right:
            return together._replace(part=part, kinks=verdict.kinks)
    return verdict
