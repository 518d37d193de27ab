"""Ways to spoil a value: what a mistake does that no catalogue can list in advance.

Each way has words that are the same for every input ("reversed along axis 1"), so that it can be
followed from one input to the next. It is applied to dout, to each value that forward keeps, to
each gradient that is returned; and to a forward's inputs and to its output.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, permutations

import numpy as np

from minidann.mistakes.catalogue import formulas

# Of an array a. AXIS stands for each axis, of `size`, along which i counts; AXES for each other
# order of all axes; OTHER for each array at hand of the same shape.
WAYS = formulas("""
np.ones_like(a) | one everywhere: it is left out
np.zeros_like(a) | zero everywhere
np.maximum(a, 0) | without its negative entries
np.abs(a) | its absolute value
np.sign(a) if a.ndim else None | its sign
1 / a | one over it
1 - a | one minus it
np.trunc(a) | cut to whole numbers: its dtype is an integer's
np.full_like(a, a.sum()) | summed over all axes
np.full_like(a, a.mean()) | averaged over all axes
np.flip(a, axis) | reversed along axis AXIS
np.where(i == 0, 0, np.roll(a, 1, axis)) | shifted by +1 along axis AXIS
np.where(i == size - 1, 0, np.roll(a, -1, axis)) | shifted by -1 along axis AXIS
np.where(i == size - 1, 0, a) | zero in the last of axis AXIS
np.where(i == 0, 0, a) | zero in the first of axis AXIS
np.where(i == 0, a, 0) | zero but for the first of axis AXIS
np.broadcast_to(a.take([0], axis), a.shape) | that of the first of axis AXIS everywhere
np.where(i == size - 1, a, 0) | zero but for the last of axis AXIS (= in a loop, not +=?)
np.broadcast_to(a.sum(axis, keepdims=True), a.shape) | summed over axis AXIS
np.broadcast_to(a.mean(axis, keepdims=True), a.shape) | averaged over axis AXIS
other | OTHER
a * other | multiplied by OTHER
a / other | divided by OTHER
np.where(other > 0, a, 0) | cut to where OTHER is positive
a.transpose(axes) | transposed to the axes AXES
a.transpose(axes).reshape(a.shape) | transposed to the axes AXES and reshaped back
a.reshape(a.transpose(axes).shape).transpose(np.argsort(axes))
    | reshaped where it should be transposed to the axes AXES
""")
# The right numbers in another shape, or too many or too few of them.
SHAPES = formulas("""
a.ravel() | flattened to one axis
a[a != 0] | without its zeros, all in one axis (dout[mask]?)
a.sum() | summed over all axes, which should stay
a.squeeze() | without its axes of size 1 (squeeze?)
np.expand_dims(a, axis) | with an axis of size 1 too many, axis AXIS (keepdims?)
a.sum(axis) if a.ndim > 1 else None | summed over axis AXIS, which should stay
a.take(range(size - 1), axis) | without the last of axis AXIS
a.take(range(1, size), axis) | without the first of axis AXIS
""")
Ways = Iterator[tuple[str, Callable[[], object]]]  # (words, () -> what comes of it)


def changes(
    value, sizes: dict[str, float], others: dict[str, np.ndarray], ways: list[Callable] = WAYS
) -> Ways:
    """The ways to spoil anything that a function is given, keeps or returns, if it is of numbers.

    `sizes` are the numbers that a wrong factor may be; `others` the arrays at hand, by their names.
    An array of whole numbers counts rows, so it stays: SciPy reads outside of its matrix otherwise.
    """
    if isinstance(value, bool):
        yield f"{not value}", lambda: not value
    counts_rows = isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "iu"
    if isinstance(value, bool) or counts_rows or not isinstance(value, (int, float, np.ndarray)):
        return
    a = np.asarray(value)
    counts = [np.arange(n).reshape(-1, *[1] * (a.ndim - k - 1)) for k, n in enumerate(a.shape)]
    same = {name: o for name, o in others.items() if np.shape(o) == a.shape and o is not value}
    choices = {
        "AXIS": {k: {"axis": k, "size": n, "i": counts[k]} for k, n in enumerate(a.shape)},
        "AXES": {axes: {"axes": axes} for axes in [*permutations(range(a.ndim))][1:]},
        "OTHER": {name: {"other": other} for name, other in same.items()},
        "": {"": {}},
    }
    for way in ways:
        name = next(name for name in choices if name in way.__doc__)
        for choice, given in choices[name].items():
            yield way.__doc__.replace(name, str(choice)), partial(way, a=a, **given)
    for words, factor in factors(sizes).items():
        yield words, partial(np.multiply, a, factor)
    for name, size in sizes.items() if isinstance(value, int) else ():
        yield name, partial(int, size)


def factors(sizes: dict[str, float]) -> dict[str, float]:
    """The numbers that a wrong factor may be, the simplest first, by what is said of them."""
    known = {"2": 2.0, **sizes}
    for a, b in combinations(sorted(sizes), 2):
        ratio = np.divide(sizes[a], sizes[b])
        known |= {f"{a} times {b}": sizes[a] * sizes[b], f"{a}/{b}": ratio, f"{b}/{a}": 1 / ratio}
    for name, size in sizes.items():
        known |= {f"{name} squared": size**2, f"sqrt({name})": np.sqrt(abs(size))}
    found = {f"multiplied by {name}": number for name, number in known.items()}
    found |= {f"divided by {name}": np.divide(1.0, number) for name, number in known.items()}
    signed = {f"with the wrong sign and {words}": -number for words, number in found.items()}
    found = {"with the wrong sign": -1.0, **found, **signed}
    return {words: number for words, number in found.items() if np.isfinite(number)}
