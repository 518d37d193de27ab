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
smooth. At a kink the complex step decides, if ih and -ih agree. If they do not, neither method
decides, and all that is known of the derivative is that it lies between the two slopes. Where there
is no kink, the function has lost the imaginary part, and the central difference decides alone.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

CENTRAL_STEP = 3e-5  # truncation falls with its fourth power, rounding grows with its inverse
COMPLEX_STEP = 1e-30  # no difference is taken, so it may be as small as we like
KINK = 1e-8  # of the largest derivative: a smaller jump cannot raise a false alarm
LOST = 1e-6  # of the largest derivative: central and complex differ by more, and there is no kink
SHARPER = (4, 16)  # the step is divided by these to see whether a jump stays
STAYS = 1 / 8  # of the jump, at a quarter of the step: more is a kink, less is smooth


@dataclass(frozen=True)
class Derivatives:
    """The derivatives of k outputs to d entries, or along d directions.

    `central` (k, d). `complex` (k, d), or None where the function does not carry the complex
    step. `kinks` (d,): the central difference steps over a kink. `undecided` (d,): so it does,
    and the complex step does not decide either. `rounding` (k,) is the error that rounding alone
    puts into `central`: one unit in the last place of f, over h. `low` and `high` (k, d): between
    these is the derivative at a kink; NaN at all other entries. `settled` (d,): the entries that
    were undecided until another backward pass decided them.
    """

    central: np.ndarray
    complex: np.ndarray | None
    kinks: np.ndarray
    undecided: np.ndarray
    rounding: np.ndarray
    low: np.ndarray
    high: np.ndarray
    settled: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The more exact of the two, (k, d)."""
        return self.central if self.complex is None else self.complex

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """`values` (d,) moved, where need be, between the slopes of both sides; of one output."""
        low, high = self.low[0], self.high[0]
        largest = np.abs(np.where(self.kinks, high - low, self.best[0])).max(initial=0.0)
        slack = LOST * largest + 1e2 * self.rounding[0]
        inside = (values >= low - slack) & (values <= high + slack)
        return np.where(inside, values, np.clip(values, low, high))

    def settle(self, values: np.ndarray) -> "Derivatives":
        """The same, with `values` (d,) at the entries that are undecided; of one output."""
        changes = {"central": np.where(self.undecided, values, self.central)}
        if self.complex is not None:
            changes["complex"] = np.where(self.undecided, values, self.complex)
        none_undecided = np.zeros_like(self.undecided)
        return replace(
            self, **changes, undecided=none_undecided, settled=self.settled | self.undecided
        )


@np.errstate(all="ignore")  # what overflows is seen in the result
def derivatives(
    function: Callable[[np.ndarray], np.ndarray],
    array: np.ndarray,
    directions: np.ndarray | None = None,
    *,
    magnitude: float = 0.0,
    terms: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Derivatives:
    """How the outputs of `function`, () or (k,), move with `array` (float64, not written to).

    With every entry of it, in memory's order, or along `directions` (d, *array.shape).
    `magnitude` is that of the terms which the function adds up, if they are larger than their
    sum: what rounding does is in proportion to it. `terms` gives these terms: at a kink each of
    them has its own slopes on both sides, and the sum may take the left of one and the right of
    another (of overlapping pools, an entry is the first maximum in one and not in the next).
    """
    directions = list(range(array.size)) if directions is None else list(directions)
    central, jumps, largest = _central(function, array, directions)
    largest = np.maximum(largest, magnitude)
    rounding = np.finfo(float).eps * largest / CENTRAL_STEP  # (k,)
    complex_ = _complex(function, array, directions, COMPLEX_STEP)
    scale = np.abs(central).max(axis=1, keepdims=True) + 1e-300  # (k, 1)
    noise = 1e2 * rounding[:, None]
    suspect = jumps > np.maximum(KINK * scale, noise)  # (k, d)
    if complex_ is not None:
        suspect &= np.abs(central - complex_) > KINK * scale
    kinks = np.zeros(len(directions), bool)
    for i in np.flatnonzero(suspect.any(axis=0)):
        kinks[i], central[:, i] = _sharper(
            function, array, directions[i], jumps[:, i], central[:, i], KINK * scale[:, 0],
            noise[:, 0],
        )  # fmt: skip
    scale = np.abs(central).max(axis=1, keepdims=True) + 1e-300
    low, high = np.full_like(central, np.nan), np.full_like(central, np.nan)
    for i in np.flatnonzero(kinks):
        low[:, i], high[:, i] = _sides(function, array, directions[i], terms)
    none_settled = np.zeros_like(kinks)
    alone = Derivatives(central, None, kinks, kinks, rounding, low, high, none_settled)
    if complex_ is None:
        return alone
    slack = np.maximum(LOST * scale, noise)  # (k, 1)
    apart = np.abs(central - complex_)  # (k, d)
    if np.any((apart > slack) & ~kinks):
        return alone
    # A comparison that looks at the imaginary part decides otherwise for -ih than for ih.
    undecided = np.zeros_like(kinks)
    for i in np.flatnonzero(kinks):
        back = _complex(function, array, [directions[i]], -COMPLEX_STEP)  # (k, 1)
        here = complex_[:, i : i + 1]
        undecided[i] = back is None or np.any(np.abs(back - here) > KINK * scale)
        if terms is not None:
            below, above = low[:, i : i + 1] - slack, high[:, i : i + 1] + slack
            undecided[i] |= np.any((here < below) | (here > above))
    return replace(alone, complex=complex_, undecided=undecided)


def _sharper(function, array, direction, jump, slope, small, noise) -> tuple[bool, np.ndarray]:
    """(is there a kink?, the central difference (k,) of the smallest step that was needed).

    `jump` and `slope` (k,) are those of the whole step. A kink that is merely near is no longer
    stepped over when the step is smaller.
    """
    for smaller in SHARPER:
        before = jump
        slope, jump, _ = _central(function, array, [direction], CENTRAL_STEP / smaller)
        slope, jump = slope[:, 0], jump[:, 0]  # (k,)
        there = jump > np.maximum(small, noise * smaller)
        if not there.any():
            return False, slope
    return bool(np.any(there & (jump > STAYS * before))), slope


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
        result, _, _ = _central(function, array, directions)
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
) -> tuple[np.ndarray, ...]:
    """Central differences (k, d), how far the slopes jump (k, d), the largest abs(f) (k,).

    Of a smooth function the second difference over 2h is four times that over h, and the slopes
    over h and over 2h agree. A kink anywhere between -2h and 2h breaks at least one of the two.
    """
    middle = _outputs(function, array, 0, 0.0)  # (k,)
    slopes, jumps, largest = [], [], np.abs(middle)
    for direction in directions:
        low2, low, high, high2 = (
            _outputs(function, array, direction, s * h) for s in (-2, -1, 1, 2)
        )
        slopes.append((8 * (high - low) - (high2 - low2)) / (12 * h))
        bend = np.abs((high2 - 2 * middle + low2) - 4 * (high - 2 * middle + low)) / (2 * h)
        jumps.append(bend + np.abs((high2 - low2) / (4 * h) - (high - low) / (2 * h)))
        largest = np.maximum(largest, np.abs(high))
    return np.array(slopes).T, np.array(jumps).T, largest


def _sides(function, array, direction, terms=None) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest derivative (k,) that the slopes on both sides leave open."""
    h = CENTRAL_STEP
    low2, low, middle, high, high2 = (
        _outputs(terms or function, array, direction, s * h) for s in (-2, -1, 0, 1, 2)
    )
    left = (3 * middle - 4 * low + low2) / (2 * h)
    right = (4 * high - high2 - 3 * middle) / (2 * h)
    least, greatest = np.minimum(left, right), np.maximum(left, right)
    return (least, greatest) if terms is None else (least.sum(), greatest.sum())


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
