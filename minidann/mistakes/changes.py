"""Ways to spoil a value: what a mistake does that no catalogue can list in advance.

Each way has words that are the same for every input ("reversed along axis 1"), so that it can be
followed from one input to the next. It is applied to dout, to each value that forward keeps, to
each gradient that is returned; and to a forward's inputs and to its output.
"""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations

import numpy as np

from minidann.mistakes.catalogue import formulas

Ways = Iterator[tuple[str, Callable[[], object]]]  # (what is done, the spoiled value)

# Of an array a: another function of each number, or one number for all.
VALUES = [
    *formulas("""
np.ones_like(a) | one everywhere: it is left out
np.zeros_like(a) | zero everywhere
np.maximum(a, 0) | without its negative entries
np.minimum(a, 0) | without its positive entries
np.abs(a) | its absolute value
np.sign(a) | its sign
a**2 | its square
np.sqrt(np.abs(a)) | its square root
1 / a | one over it
1 - a | one minus it
a * (1 - a) | a(1 - a), a sigmoid's slope
np.exp(a) | its exponential
np.log(np.abs(a)) | its logarithm
np.tanh(a) | its tanh
np.trunc(a) | cut to whole numbers: its dtype is an integer's
np.full_like(a, a.sum()) | summed over all axes
np.full_like(a, a.mean()) | averaged over all axes
""")
]
# Of an axis, of `size`: the numbers in other places, or some of them lost; i counts along it.
PLACES = [
    *formulas("""
np.flip(a, axis) | reversed along axis AXIS
np.roll(a, 1, axis) | rolled by +1 along axis AXIS
np.roll(a, -1, axis) | rolled by -1 along axis AXIS
np.where(i == 0, 0, np.roll(a, 1, axis)) | shifted by +1 along axis AXIS
np.where(i == size - 1, 0, np.roll(a, -1, axis)) | shifted by -1 along axis AXIS
np.where(i == size - 1, 0, a) | zero in the last of axis AXIS
np.where(i == 0, 0, a) | zero in the first of axis AXIS
np.where(i == 0, a, 0) | zero but for the first of axis AXIS
np.where(i == size - 1, a, 0) | zero but for the last of axis AXIS (= in a loop, not +=?)
np.broadcast_to(a.take([0], axis), a.shape) | that of the first of axis AXIS everywhere
np.broadcast_to(a.sum(axis, keepdims=True), a.shape) | summed over axis AXIS
np.broadcast_to(a.mean(axis, keepdims=True), a.shape) | averaged over axis AXIS
""")
]
# Of another array of the same shape, whose name is OTHER.
TOGETHER = [
    *formulas("""
other | OTHER
a * other | multiplied by OTHER
a / other | divided by OTHER
np.where(other > 0, a, 0) | cut to where OTHER is positive
""")
]
# What is right in another shape, by an axis, or too much or too little of it.
SHAPES = [
    *formulas("""
np.expand_dims(a, axis) | with an axis of size 1 too many, axis AXIS (keepdims?)
a.sum(axis) | summed over axis AXIS, which should stay
a.mean(axis) | averaged over axis AXIS, which should stay
a.take(range(size - 1), axis) | without the last of axis AXIS
a.take(range(1, size), axis) | without the first of axis AXIS
""")
]
WHOLE_SHAPES = [
    *formulas("""
a.ravel() | flat
a.squeeze() | without its axes of size 1 (squeeze?)
a[..., None] | with an axis of size 1 too many, the last (keepdims?)
a.sum() | summed over all axes, which should stay
a.mean() | averaged over all axes, which should stay
""")
]


def _each(table: list[Callable], **names) -> Ways:
    for change in table:
        yield change.__doc__, lambda change=change: change(**names)


def _by_axis(table: list[Callable], a: np.ndarray) -> Ways:
    for axis, size in enumerate(a.shape):
        i = np.arange(size).reshape(-1, *[1] * (a.ndim - axis - 1))
        for words, make in _each(table, a=a, axis=axis, size=size, i=i):
            yield words.replace("AXIS", str(axis)), make


def changes(value, sizes: dict[str, float], others: dict[str, np.ndarray]) -> Ways:
    """(what is done, () -> the spoiled value) for anything that a function is given or keeps.

    `sizes` are the numbers that a wrong factor may be; `others` the arrays at hand, by their names.
    """
    if isinstance(value, bool):
        yield f"{not value}", lambda: not value
    elif isinstance(value, int):
        for name, size in {"1": 1, **sizes}.items():
            if size == int(size):
                yield f"{name}", lambda size=size: int(size)
        yield "one larger", lambda: value + 1
        yield "one smaller", lambda: max(value - 1, 1)
    elif isinstance(value, (float, np.ndarray)):
        array = np.asarray(value)
        if array.dtype == bool:
            yield "inverted", lambda: ~array
            yield "true everywhere: it is not applied", lambda: np.ones_like(array)
            for name, other in others.items():
                if np.shape(other) == array.shape and other.dtype != bool:
                    yield f"that of the sign of {name}", lambda other=other: other > 0
        elif array.dtype.kind in "iu":
            yield "one larger", lambda: np.minimum(array + 1, array.max())
            yield "one smaller", lambda: np.maximum(array - 1, 0)
        else:
            yield from numbers_changed(array, sizes, others)
        yield from _by_axis(PLACES, array)


def numbers_changed(array: np.ndarray, sizes: dict, others: dict) -> Ways:
    """The same for an array of real numbers, but for what moves them to other places."""
    yield from _each(VALUES, a=array)
    for words, factor in factors(sizes).items():
        yield words, lambda factor=factor: array * factor
    for name, other in others.items():
        if np.shape(other) == array.shape and other is not array:
            for words, make in _each(TOGETHER, a=array, other=other):
                yield words.replace("OTHER", name), make
    for axes in list(permutations(range(array.ndim)))[1:]:
        turned = array.transpose(axes)
        if turned.shape == array.shape:
            yield f"transposed to the axes {axes}", lambda turned=turned: turned
        yield (
            f"transposed to the axes {axes} and reshaped back",
            lambda turned=turned: turned.reshape(array.shape),
        )
        yield (
            f"reshaped where it should be transposed to the axes {axes}",
            lambda turned=turned, axes=axes: array.reshape(turned.shape).transpose(
                np.argsort(axes)
            ),
        )


def reshaped(array: np.ndarray) -> Ways:
    """The right numbers in another shape, or too many or too few of them."""
    for axes in list(permutations(range(array.ndim)))[1:]:
        yield f"transposed to the axes {axes}", lambda axes=axes: array.transpose(axes)
    yield from _by_axis(SHAPES, array)
    yield from _each(WHOLE_SHAPES, a=array)


def factors(sizes: dict[str, float]) -> dict[str, float]:
    """The numbers that a wrong factor may be, the simplest first, by what is said of them."""
    known = {"2": 2.0, **sizes}
    for a, b in combinations(sorted(sizes), 2):
        ratio = np.divide(sizes[a], sizes[b])
        known |= {f"{a} times {b}": sizes[a] * sizes[b], f"{a}/{b}": ratio, f"{b}/{a}": 1 / ratio}
    for name, size in sizes.items():
        known |= {f"{name} squared": size**2, f"sqrt({name})": np.sqrt(abs(size))}
        known |= {f"{name}/({name} - 1)": np.divide(size, size - 1), f"1 - {name}": 1 - size}
    found = {f"multiplied by {name}": number for name, number in known.items()}
    found |= {f"divided by {name}": np.divide(1.0, number) for name, number in known.items()}
    signed = {f"with the wrong sign and {words}": -number for words, number in found.items()}
    found = {"with the wrong sign": -1.0, **found, **signed}
    return {words: number for words, number in found.items() if np.isfinite(number)}
