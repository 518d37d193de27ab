"""Derivatives of a function without anybody's backward pass: nudge the input and look.

Two methods, which err in different ways:

    central   (8 [f(x+h) - f(x-h)] - [f(x+2h) - f(x-2h)]) / 12h
              The central difference with its first error term taken out; batch norm over few rows
              bends too much without. Right to about 1e-9 of the largest entry. At a kink (a ReLU
              at 0, two equal maxima in a pool) it mixes the slopes of both sides.
    complex   Im f(x + ih) / h
              No difference is taken, so h may be 1e-30 and the result is exact to rounding. It
              never leaves x, so it steps over no kink. The function must take complex arrays and
              decide every comparison by the real part.

Where the two disagree, the slopes on both sides tell why: they jump at a kink, and there the
complex step decides; they do not where the function has lost the imaginary part on its way.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

CENTRAL_STEP = 3e-5  # truncation falls with its fourth power, rounding grows with its inverse
COMPLEX_STEP = 1e-30  # no difference is taken, so it may be as small as one likes
KINK = 1e-8  # of the largest derivative: a smaller jump cannot raise a false alarm
LOST = 1e-6  # of the largest derivative: central and complex differ by more, and there is no kink


@dataclass(frozen=True)
class Derivatives:
    """The derivatives of k outputs to d entries, or along d directions.

    `central` (k, d). `complex` (k, d), or None where the function does not carry the complex
    step. `kinks` (d,): the central difference steps over a kink. `undecided` (d,): so it does,
    and the complex step does not decide either. `rounding` (k,) is the error that rounding alone
    puts into `central`: one unit in the last place of f, over h.
    """

    central: np.ndarray
    complex: np.ndarray | None
    kinks: np.ndarray
    undecided: np.ndarray
    rounding: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The more exact of the two, (k, d)."""
        return self.central if self.complex is None else self.complex


def derivatives(
    function: Callable[[np.ndarray], np.ndarray],
    array: np.ndarray,
    directions: np.ndarray | None = None,
    *,
    magnitude: float = 0.0,
) -> Derivatives:
    """How the outputs of `function`, () or (k,), move with `array` (float64, not written to).

    With every entry of it, in memory's order, or along `directions` (d, *array.shape).
    `magnitude` is that of the terms which the function adds up, if they are larger than their
    sum: what rounding does is in proportion to it.
    """
    ways = list(range(array.size)) if directions is None else list(directions)
    central, jumps, largest = _central(function, array, ways)
    largest = np.maximum(largest, magnitude)
    rounding = np.finfo(float).eps * largest / CENTRAL_STEP  # (k,)
    complex_ = _complex(function, array, ways, COMPLEX_STEP)
    scale = np.abs(central).max(axis=1, keepdims=True) + 1e-300  # (k, 1)
    noise = 1e2 * rounding[:, None]
    jumps = jumps > np.maximum(KINK * scale, noise)  # (k, d)
    if complex_ is None:
        kinks = jumps.any(axis=0)
        return Derivatives(central, None, kinks, kinks, rounding)
    apart = np.abs(central - complex_)  # (k, d)
    kinks = (jumps & (apart > KINK * scale)).any(axis=0)  # (d,)
    lost = (apart > np.maximum(LOST * scale, noise)) & ~kinks
    if lost.any():
        return Derivatives(central, None, kinks, kinks, rounding)
    # A comparison that looks at the imaginary part decides otherwise for -ih than for ih.
    undecided = np.zeros_like(kinks)
    for i in np.flatnonzero(kinks):
        back = _complex(function, array, [ways[i]], -COMPLEX_STEP)  # (k, 1)
        undecided[i] = np.any(np.abs(back - complex_[:, i : i + 1]) > KINK * scale)
    return Derivatives(central, complex_, kinks, undecided, rounding)


def differences(
    function: Callable[[np.ndarray], np.ndarray], array: np.ndarray, *, method: str = "central"
) -> np.ndarray:
    """The derivative of every output of `function` to every entry of `array`, by one method.

    Outputs (k,) -> (k, *array.shape). ValueError where "complex" is asked for and the function
    does not take complex arrays.
    """
    ways = range(array.size)
    if method == "complex":
        result = _complex(function, array, ways, COMPLEX_STEP)
        if result is None:
            raise ValueError("complex step: expected a function that takes complex arrays")
    else:
        result, _, _ = _central(function, array, ways)
    return result.reshape(-1, *array.shape)


def _nudged(array: np.ndarray, way, amount: complex) -> np.ndarray:
    """A copy of `array` moved by `amount`: one entry, by its number, or along a direction."""
    if isinstance(way, np.ndarray):
        return array + amount * way
    nudged = array.astype(np.result_type(array, amount))
    nudged.reshape(-1)[way] += amount
    return nudged


def _outputs(function, array, way, amount) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.atleast_1d(function(_nudged(array, way, amount)))  # (k,)


def _central(function, array, ways: Iterable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Central differences (k, d), how far the slopes jump (k, d), the largest abs(f) (k,).

    Of a smooth function the second difference over 2h is four times that over h, and the slopes
    over h and over 2h agree. A kink anywhere between -2h and 2h breaks at least one of the two.
    """
    h = CENTRAL_STEP
    middle = np.atleast_1d(function(array.copy()))  # (k,)
    slopes, jumps, largest = [], [], np.abs(middle)
    for way in ways:
        low2, low, high, high2 = (_outputs(function, array, way, s * h) for s in (-2, -1, 1, 2))
        slopes.append((8 * (high - low) - (high2 - low2)) / (12 * h))
        bend = np.abs((high2 - 2 * middle + low2) - 4 * (high - 2 * middle + low)) / (2 * h)
        jumps.append(bend + np.abs((high2 - low2) / (4 * h) - (high - low) / (2 * h)))
        largest = np.maximum(largest, np.abs(high))
    return np.array(slopes).T, np.array(jumps).T, largest


def _complex(function, array, ways: Iterable, step: float) -> np.ndarray | None:
    """Complex steps (k, d); None where the function does not take complex numbers."""
    slopes = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for way in ways:
            try:
                slopes.append(np.imag(_outputs(function, array, way, 1j * step)) / step)
            except Exception:  # each function has its own way to refuse a complex array
                return None
    return np.array(slopes).T
