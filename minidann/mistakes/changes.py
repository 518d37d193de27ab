"""Ways to spoil an array: what a mistake does that no catalogue can list in advance.

Each way has words that are the same for every input ("reversed along axis 1"), so that it can be
followed from one input to the next. It is applied to dout, to each value that forward keeps, to
each gradient that is returned; and to a forward's inputs and to its output.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

Changed = Iterator[tuple[str, object]]


def changes(array: np.ndarray, sizes: dict[str, float], others: dict[str, np.ndarray]) -> Changed:
    """(what is done, the spoiled array of the same shape) for an array of numbers.

    `sizes` are the numbers that a wrong factor may be; `others` the arrays at hand, by their names.
    """
    yield "with the wrong sign", -array
    yield "one everywhere: it is left out", np.ones_like(array)
    yield "zero everywhere", np.zeros_like(array)
    yield from _places(array)
    yield from _values(array)
    yield "multiplied by 2", array * 2
    yield "halved", array / 2
    for name, size in sizes.items():
        yield f"multiplied by {name}", array * size
        yield f"divided by {name}", array / size
        if size > 0:
            yield f"multiplied by sqrt({name})", array * np.sqrt(size)
            yield f"divided by sqrt({name})", array / np.sqrt(size)
    for name, value in others.items():
        if np.shape(value) != array.shape or value is array:
            continue
        yield f"{name}, which stands in its place", value
        yield f"multiplied by {name}", array * value
        yield f"divided by {name}", array / value
        yield f"cut to where {name} is positive", np.where(value > 0, array, 0)


def _places(array: np.ndarray) -> Changed:
    """The numbers in other places, or some of them lost."""
    for axis, size in enumerate(array.shape):
        along, index = f"axis {axis}", np.arange(size).reshape(-1, *[1] * (array.ndim - axis - 1))
        yield f"reversed along {along}", np.flip(array, axis)
        for lag in (1, -1):
            rolled = np.roll(array, lag, axis)
            yield f"rolled by {lag:+d} along {along}", rolled
            edge = 0 if lag > 0 else size - 1
            yield f"shifted by {lag:+d} along {along}", np.where(index == edge, 0, rolled)
        yield f"zero in the last of {along}", np.where(index == size - 1, 0, array)
        yield f"zero in the first of {along}", np.where(index == 0, 0, array)
        yield f"zero but for the first of {along}", np.where(index == 0, array, 0)
        yield (
            f"zero but for the last of {along} (= in a loop, not +=?)",
            np.where(index == size - 1, array, 0),
        )
        first = np.broadcast_to(array.take([0], axis), array.shape)
        yield f"that of the first of {along} everywhere", first
        total = np.broadcast_to(array.sum(axis=axis, keepdims=True), array.shape)
        yield f"summed over {along}", total
        yield f"averaged over {along}", total / size
    if array.ndim:
        yield "summed over all axes", np.full_like(array, array.sum())
        yield "averaged over all axes", np.full_like(array, array.mean())
    for axes in list(permutations(range(array.ndim)))[1:]:
        turned = array.transpose(axes)
        if turned.shape == array.shape:
            yield f"transposed to the axes {axes}", turned
        yield f"transposed to the axes {axes} and reshaped back", turned.reshape(array.shape)
        back = array.reshape(turned.shape).transpose(np.argsort(axes))
        yield f"reshaped where it should be transposed to the axes {axes}", back


def _values(array: np.ndarray) -> Changed:
    """Another function of each number."""
    yield "without its negative entries", np.maximum(array, 0)
    yield "without its positive entries", np.minimum(array, 0)
    yield "its absolute value", np.abs(array)
    yield "its sign", np.sign(array)
    yield "its square", array**2
    yield "its square root", np.sqrt(np.abs(array))
    yield "one over it", 1 / array
    yield "one minus it", 1 - array
    yield "a(1 - a), a sigmoid's slope", array * (1 - array)
    yield "its exponential", np.exp(array)
    yield "its logarithm", np.log(np.abs(array))
    yield "cut to whole numbers: its dtype is an integer's", np.trunc(array)


def kept(value, sizes: dict[str, float], others: dict[str, np.ndarray]) -> Changed:
    """The same for anything that forward may keep: flags, counts, numbers, arrays of any dtype."""
    if isinstance(value, bool):
        yield f"{not value}", not value
    elif isinstance(value, int):
        for name, size in {"1": 1, **sizes}.items():
            if size == int(size):
                yield f"{name}", int(size)
        yield "one larger", value + 1
        yield "one smaller", max(value - 1, 1)
    elif isinstance(value, float):
        yield from {"1": 1.0, "with the wrong sign": -value, "its square": value**2}.items()
        yield "one over it", np.divide(1.0, value)
    elif isinstance(value, np.ndarray) and value.dtype == bool:
        yield "inverted", ~value
        yield "true everywhere: it is not applied", np.ones_like(value)
        for name, other in others.items():
            if np.shape(other) == value.shape and other.dtype != bool:
                yield f"that of the sign of {name}", other > 0
        yield from _places(value)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        yield "one larger", np.minimum(value + 1, value.max())
        yield "one smaller", np.maximum(value - 1, 0)
        yield from _places(value)
    elif isinstance(value, np.ndarray):
        yield from changes(value, sizes, others)


def reshaped(array: np.ndarray) -> Changed:
    """The right numbers in another shape, or too many or too few of them."""
    array = np.asarray(array)
    for axes in list(permutations(range(array.ndim)))[1:]:
        yield f"transposed to the axes {axes}", array.transpose(axes)
    yield "flat", array.ravel()
    for axis in range(array.ndim + 1):
        yield (
            f"with an axis of size 1 too many, axis {axis} (keepdims?)",
            array[(slice(None),) * axis + (None,)],
        )
    for axis, size in enumerate(array.shape):
        yield f"summed over axis {axis}, which should stay", array.sum(axis=axis)
        yield f"averaged over axis {axis}, which should stay", array.mean(axis=axis)
        yield f"without the last of axis {axis}", array.take(range(size - 1), axis)
        yield f"without the first of axis {axis}", array.take(range(1, size), axis)
    yield "summed over all axes, which should stay", array.sum()
    yield "averaged over all axes, which should stay", array.mean()
