"""The right backward pass, given a cache in which one thing is another than it should be.

A student's cache need not look like that of `minidann.ops`, so its parts are named by what they
are: "the normalised x", "the stride".
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from minidann.mistakes.diagnosis.causes import arrangements, outcome
from minidann.mistakes.diagnosis.evidence import Evidence, Hypothesis, axis_name, lags

STRIDE = "the stride"
CONSTANTS = "the statistics are constants"
NAMES = {  # of the parts of each op's cache; "" where there is nothing to be mistaken
    "conv1d": ("the windows of x", "w", "", STRIDE, ""),
    "relu": "the gate",
    "maxpool": ("the argmax of the windows", ""),
    "conv_relu_maxpool": (
        "the windows of x", "the argmax of the pools", "ReLU's gate", "", "", "",
    ),
    "attention": ("f", "v", "the weights s"),
    "batchnorm": (
        "the normalised x", "gamma", "1/sqrt(variance + epsilon)", "the mean", "the variance",
        CONSTANTS,
    ),
    "dropout": "the mask",
    "dense": ("x", "w"),
    "softmax_cross_entropy": ("the softmax's probabilities", "the labels"),
    "gradient_reversal": "beta",
}  # fmt: skip


def hypotheses(evidence: Evidence) -> Iterator[Hypothesis]:
    """One thing in the cache replaced by another that might be mistaken for it."""
    if evidence.reference is None:
        return
    leaves, known = _known(evidence)
    for name, path, leaf in leaves:
        for kind, what, replacement in _mistaken(name, leaf, known):
            changed = _replaced(evidence.reference[2], path, replacement)
            text = f"computed from the wrong value: as if {name} were {what}"
            if name == CONSTANTS:
                text = what
            yield from outcome(evidence, kind, text, evidence.upstream, changed)


def multiplied(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """The gradient multiplied once more by what is kept, or by the slope that a sigmoid has."""
    if evidence.reference is None:
        return
    true, name = evidence.true[i], evidence.names[i]
    for what, _, leaf in _known(evidence)[0]:
        if np.shape(leaf) == true.shape and leaf.dtype.kind == "f":
            text = f"the gradient of {name} is multiplied by {what} once too often"
            yield Hypothesis("wrong cache", text, evidence.alone(i, true * leaf))
            text = (
                f"the gradient of {name} is multiplied by the slope of a sigmoid, a(1-a), where "
                f"a is {what}: the gradient has it already"
            )
            yield Hypothesis("wrong cache", text, evidence.alone(i, true * leaf * (1 - leaf)))


def left_out(evidence: Evidence, count: int) -> Iterator[tuple[str, object]]:
    """For any `count` parts of the cache that are numbers: what they are, a cache without them."""
    if evidence.reference is None:
        return
    numbers = [
        (name, path, np.ones_like(leaf))
        for name, path, leaf in _known(evidence)[0]
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"
    ]
    for chosen in combinations(numbers, count):
        cache = evidence.reference[2]
        for _, path, ones in chosen:
            cache = _replaced(cache, path, ones)
        yield " and ".join(name for name, _, _ in chosen), cache


def _known(evidence: Evidence) -> tuple[list, list]:
    """(name, path, part) of the cache's parts, and (name, array) of all arrays there are."""
    op, _, cache = evidence.reference
    leaves = list(_leaves(cache, NAMES[op]))
    arrays = [*zip(evidence.names, evidence.arrays), ("out", evidence.out)]
    arrays += [(name, leaf) for name, _, leaf in leaves if isinstance(leaf, np.ndarray)]
    return leaves, [*arrays, ("dout", evidence.upstream)]


def _mistaken(name, leaf, known) -> Iterator[tuple[str, str, object]]:
    """(kind, what it is instead, the replacement) of one thing in a cache."""
    if name == CONSTANTS:
        text = "mean and variance are taken for constants: the paths through both are missing"
        if leaf:  # running ones are constants
            yield "mean path", text, False
    elif name == STRIDE:
        for replacement in range(1, 3 * leaf + 2):
            if replacement != leaf:
                yield "stride", f"{replacement} where it should be {leaf}", replacement
    elif isinstance(leaf, float):
        for what, replacement in (("one", 1.0), ("one over it", 1 / leaf), ("its square", leaf**2)):
            yield "factor", f"{what} instead of {leaf:g}", replacement
    elif leaf.dtype == bool:
        yield from _gates(leaf, known)
    elif leaf.dtype.kind == "i":
        yield from _indices(leaf, known)
    else:
        yield from _values(leaf, known)


def _gates(leaf, known) -> Iterator[tuple[str, str, np.ndarray]]:
    yield "gate", "true everywhere: it is not applied", np.ones_like(leaf)
    yield "gate", "the opposite of what it should be: it is inverted", ~leaf
    for _, what, first in _firsts(leaf):
        yield "gate", what, first
    for what, array in known:
        if np.shape(array) == leaf.shape and array.dtype != bool:
            yield "wrong cache", f"the sign of {what}", array > 0
            yield "gate", f"open where {what} is zero, too", array >= 0


def _firsts(leaf: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
    """(axis, what it is, the array) in which the first along an axis stands for all."""
    for axis in range(leaf.ndim):
        first = np.broadcast_to(leaf.take([0], axis), leaf.shape)
        yield axis, f"that of the first along {axis_name(leaf.shape, axis)}, for all", first


def _indices(leaf, known) -> Iterator[tuple[str, str, np.ndarray]]:
    for kind, what, replacement in arrangements(leaf):
        yield kind, f"{what} (an index)", replacement
    for axis, what, first in _firsts(leaf):
        yield "first only" if axis == 0 else "wrong cache", what, first
    top = int(leaf.max()) + 1
    for lag in lags(top):
        yield "shifted", f"off by {lag:+d} (an index)", (leaf + lag) % top
        yield "shifted", f"off by {lag:+d} (an index)", np.clip(leaf + lag, 0, top - 1)
    # The largest index need not occur: the number of classes is a size of some array.
    for size in sorted({n for _, a in known for n in np.shape(a) if n > top}):
        for lag in (1, -1):
            yield "shifted", f"off by {lag:+d} (an index)", (leaf + lag) % size
            yield "shifted", f"off by {lag:+d} (an index)", np.clip(leaf + lag, 0, size - 1)


def _values(leaf, known) -> Iterator[tuple[str, str, np.ndarray]]:
    for what, array in known:
        if array is not leaf and np.shape(array) == leaf.shape and array.dtype != bool:
            yield "wrong cache", what, array
    yield "wrong cache", "without its negative entries, as after a ReLU", np.maximum(leaf, 0)
    yield "wrong cache", "its absolute value", np.abs(leaf)
    # A factor of each channel; of one shape with out it is a gate or a value of each entry.
    kind = "factor" if leaf.ndim < np.ndim(known[-1][1]) else "wrong cache"
    yield kind, "its square", leaf**2
    yield kind, "its square root", np.sqrt(np.abs(leaf))
    yield kind, "one over it", 1 / leaf
    yield kind, "one over its square", 1 / leaf**2
    yield "wrong cache", "its exponential", np.exp(leaf)
    yield "wrong cache", "its logarithm", np.log(np.abs(leaf))
    if (leaf == 0).any() and len(np.unique(leaf)) == 2:  # dropout's mask
        kind = "gate"
        for _, what, array in arrangements(leaf):
            yield "wrong cache", what, array
    yield kind, "one everywhere: it is left out", np.ones_like(leaf)


def _leaves(cache, names, path: tuple = ()) -> Iterator[tuple[str, tuple, object]]:
    """(name, where, what) of every part that has a name."""
    if isinstance(names, tuple):
        for i, (part, name) in enumerate(zip(cache, names)):
            yield from _leaves(part, name, (*path, i))
    elif names:
        yield names, path, cache


def _replaced(cache, path: tuple, leaf):
    if not path:
        return leaf
    i = path[0]
    return (*cache[:i], _replaced(cache[i], path[1:], leaf), *cache[i + 1 :])
