"""Derivatives of a function without a backward pass: perturb the input and look at the output.

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

import warnings
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

CENTRAL_STEP = 3e-5  # truncation falls with its fourth power, rounding grows with its inverse
COMPLEX_STEP = 1e-30  # no difference is taken, so it may be as small as we like
KINK = 1e-8  # of the largest derivative: a smaller jump cannot raise a false alarm
LOST = 1e-6  # of the largest derivative: central and complex differ by more, and there is no kink
STAYS = 1 / 8  # of the jump, at a quarter of the step: more is a kink, less is smooth


class Derivatives(NamedTuple):
    """The derivatives of one number with respect to d entries, or along d directions.

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
        nearest = np.clip(values, self.low, self.high)
        is_near = np.abs(values - nearest) <= LOST * largest + 1e2 * self.rounding
        return np.where(self.kinks, np.where(is_near, values, nearest), best)


@np.errstate(all="ignore")  # what overflows is seen in the result
def derivatives(
    function: Callable[[np.ndarray], np.ndarray],
    array: np.ndarray,
    directions: np.ndarray | None = None,
) -> Derivatives:
    """How the sum of the outputs of `function` moves with `array` (float64, not written to).

    With every entry of it, in memory's order, or along `directions` (d, *array.shape).
    """

    def total(x):
        return np.sum(function(x))

    directions = list(range(array.size)) if directions is None else list(directions)
    (central,), (jumps,) = _central(total, array, directions)
    complex_ = _complex(total, array, directions, COMPLEX_STEP)
    complex_ = None if complex_ is None else complex_[0]
    # The terms may be larger than their sum: what rounding does is in proportion to them.
    rounding = np.finfo(float).eps * float(np.abs(function(array)).sum()) / CENTRAL_STEP
    scale, noise = np.abs(central).max(), 1e2 * rounding
    suspect = jumps > max(KINK * scale, noise)  # (d,)
    if complex_ is not None:
        suspect &= np.abs(central - complex_) > KINK * scale
    kinks = np.zeros(len(directions), bool)
    low, high = np.zeros((2, len(directions)))
    for i in np.flatnonzero(suspect):
        central[i], closer = np.ravel(_central(total, array, [directions[i]], CENTRAL_STEP / 4))
        kinks[i] = closer > STAYS * jumps[i]
        if kinks[i]:
            low[i], high[i] = _sides(function, array, directions[i])
    if complex_ is not None:
        apart = np.abs(central - complex_) > max(LOST * np.abs(central).max(), noise)
        complex_ = None if np.any(apart & ~kinks) else complex_
    return Derivatives(central, complex_, kinks, low, high, rounding)


def differences(
    function: Callable[[np.ndarray], np.ndarray], array: np.ndarray, *, method: str = "central"
) -> np.ndarray:
    """The derivative of every output of `function` to every entry of `array`, by one method.

    Outputs (k,) -> (k, *array.shape). ValueError where "complex" is asked for and the function
    does not take complex arrays.
    """
    directions = range(array.size)
    if method == "complex":
        result = _complex(function, array, directions, COMPLEX_STEP)
        if result is None:
            raise ValueError("complex step: expected a function that takes complex arrays")
    else:
        result, _ = _central(function, array, directions)
    return result.reshape(-1, *array.shape)


def _perturbed(array: np.ndarray, direction, step_size: complex) -> np.ndarray:
    """A copy of `array` moved by `step_size`: one entry, by its number, or along a direction."""
    if isinstance(direction, np.ndarray):
        return array + step_size * direction
    perturbed = array.astype(np.result_type(array, step_size))
    perturbed.reshape(-1)[direction] += step_size
    return perturbed


def _outputs(function, array, direction, step_size) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.atleast_1d(function(_perturbed(array, direction, step_size)))  # (k,)


def _central(
    function, array, directions: Iterable, h: float = CENTRAL_STEP
) -> tuple[np.ndarray, np.ndarray]:
    """Central differences (k, d), and how far the slopes jump (k, d).

    Of a smooth function the second difference over 2h is four times that over h, and the slopes
    over h and over 2h agree. A kink anywhere between -2h and 2h breaks at least one of the two.
    """
    middle = _outputs(function, array, 0, 0.0)  # (k,)
    slopes, jumps = [], []
    for direction in directions:
        low2, low, high, high2 = (
            _outputs(function, array, direction, s * h) for s in (-2, -1, 1, 2)
        )
        slopes.append((8 * (high - low) - (high2 - low2)) / (12 * h))
        bend = np.abs((high2 - 2 * middle + low2) - 4 * (high - 2 * middle + low)) / (2 * h)
        jumps.append(bend + np.abs((high2 - low2) / (4 * h) - (high - low) / (2 * h)))
    return np.array(slopes).T, np.array(jumps).T


def _sides(function, array, direction) -> tuple[float, float]:
    """The least and the greatest derivative of the sum that the slopes on both sides leave open.

    Each term has its own slopes, and the sum may take the left of one and the right of another:
    of overlapping pools, an entry is the first maximum in one and not in the next.
    """
    h = CENTRAL_STEP
    low2, low, middle, high, high2 = (
        _outputs(function, array, direction, s * h) for s in (-2, -1, 0, 1, 2)
    )
    left = (3 * middle - 4 * low + low2) / (2 * h)
    right = (4 * high - high2 - 3 * middle) / (2 * h)
    return np.minimum(left, right).sum(), np.maximum(left, right).sum()


def _complex(function, array, directions: Iterable, step_size: float) -> np.ndarray | None:
    """Complex steps (k, d); None where the function does not take or give them, or overflows.

    1 / (1 + exp(800)) is 0, but the same with a complex 800 is NaN.
    """
    slopes = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for direction in directions:
            try:
                outputs = _outputs(function, array, direction, 1j * step_size)  # (k,)
            except (Exception, SystemExit):  # each function refuses complex arrays in its own way
                return None
            if not np.iscomplexobj(outputs) or not np.isfinite(outputs).all():
                return None
            slopes.append(np.imag(outputs) / step_size)
    return np.array(slopes).T
