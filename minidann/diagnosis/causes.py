"""The right backward pass, given something wrong: what would come out?

If what comes out is what was received, the mistake is in what backward reads. Its `dout` may be
turned or moved, one of the arrays may be, or the cache may hold another thing than it should.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from minidann.diagnosis.evidence import Evidence, Gradients, Hypothesis, axis_name, lags
from minidann.diagnosis.symptoms import shift


def hypotheses(evidence: Evidence) -> Iterator[Hypothesis]:
    """All of this file, the likely ones first."""
    if evidence.reference is None:
        return
    yield from misread_dout(evidence)
    yield from wrong_cache(evidence)
    yield from turned_arrays(evidence)


def backward(evidence: Evidence, dout, cache) -> Gradients | None:
    """The reference's gradients, or None where it cannot digest what it is given."""
    _, op, _ = evidence.reference
    try:
        with np.errstate(all="ignore"):
            gradients = op.backward(dout, cache)
    except (ValueError, TypeError, IndexError, AttributeError):
        return None
    return tuple(g if g is not None and np.isfinite(g).all() else None for g in gradients)


def arrangements(array: np.ndarray, name: str = "") -> Iterator[tuple[str, str, np.ndarray]]:
    """(kind, what was done, the array) for ways to put its numbers in other places."""
    for axis, size in enumerate(array.shape):
        along = f"{axis_name(array.shape, axis, name)} (axis {axis})"
        if size > 1:
            yield "reversed", f"reversed along {along}", np.flip(array, axis)
        for lag in lags(size):
            for moved in (shift(array, lag, axis), np.roll(array, lag, axis)):
                yield "shifted", f"shifted by {lag:+d} along {along}", moved
    for axes in permutations(range(array.ndim)):
        if axes != tuple(range(array.ndim)):
            turned = array.transpose(axes)
            yield "transposed", f"reshaped as if its axes were {axes}", turned.reshape(array.shape)
            back = array.reshape(turned.shape).transpose(np.argsort(axes))
            yield "transposed", f"reshaped as if its axes were {axes}", back


def misread_dout(evidence: Evidence) -> Iterator[Hypothesis]:
    """dout moved, turned, or not read at all."""
    dout, (_, _, cache) = evidence.covector, evidence.reference
    if np.ndim(dout):
        for kind, what, other in arrangements(dout):
            yield from _if(evidence, kind, f"as if dout were {what}", other, cache)
        gates = [(n, a) for n, a in zip(evidence.names, evidence.arrays) if a.shape == dout.shape]
        for what, gate in (*gates, ("dout", dout), ("out", evidence.out)):
            for sign, condition in (("positive", gate > 0), ("negative", gate < 0)):
                text = f"as if dout counted only where {what} is {sign}"
                yield from _if(evidence, "gate", text, np.where(condition, dout, 0.0), cache)
    text = "dout is not used: as if it were one everywhere"
    yield from _if(evidence, "missing path", text, np.ones_like(dout)[()], cache)


def turned_arrays(evidence: Evidence) -> Iterator[Hypothesis]:
    """An array turned or moved before it acts on the gradients of the others."""
    _, op, _ = evidence.reference
    for i, (name, array) in enumerate(zip(evidence.names, evidence.arrays)):
        for kind, what, other in arrangements(array, name):
            arrays = (*evidence.arrays[:i], other, *evidence.arrays[i + 1 :])
            _, cache = op.forward(*arrays, **evidence.options)
            text = f"as if {name} were {what}"
            yield from _if(evidence, kind, text, evidence.covector, cache)


def wrong_cache(evidence: Evidence) -> Iterator[Hypothesis]:
    """One thing in the cache replaced by another that might be mistaken for it."""
    _, _, cache = evidence.reference
    leaves = list(_leaves(cache))
    known = [*zip(evidence.names, evidence.arrays), ("out", evidence.out)]
    known += [(f"number {path[-1]} of the cache" if path else "the cache", leaf)
              for path, leaf in leaves if isinstance(leaf, np.ndarray)]  # fmt: skip
    known.append(("dout", evidence.covector))
    for path, leaf in leaves:
        place = f"number {path[-1]} of the cache" if path else "the cache"
        for kind, what, other in _mistaken(leaf, known):
            changed = _replaced(cache, path, other)
            text = f"computed from the wrong cache: {place} is {what}"
            yield from _if(evidence, kind, text, evidence.covector, changed)


def _mistaken(leaf, known) -> Iterator[tuple[str, str, object]]:
    """(kind, what it is instead, the replacement) of one thing in a cache."""
    if isinstance(leaf, bool):
        yield "wrong cache", f"{not leaf} instead of {leaf}", not leaf
    elif isinstance(leaf, int):
        for other in range(1, 3 * leaf + 2):
            if other != leaf:
                yield "stride", f"{other} where it should be {leaf} (a stride)", other
    elif isinstance(leaf, float):
        for what, other in (("one", 1.0), ("one over it", 1 / leaf), ("its square", leaf**2)):
            yield "factor", f"{what} instead of {leaf:g}", other
    elif isinstance(leaf, np.ndarray) and leaf.dtype == bool:
        yield "gate", "true everywhere: a gate is not applied", np.ones_like(leaf)
        yield "gate", "the opposite of what it should be: a gate is inverted", ~leaf
        for what, other in known:
            if np.shape(other) == leaf.shape and other.dtype != bool:
                yield "wrong cache", f"taken from the sign of {what}", other > 0
                yield "gate", f"open where {what} is zero, too", other >= 0
    elif isinstance(leaf, np.ndarray) and leaf.dtype.kind == "i":
        for kind, what, other in arrangements(leaf):
            yield kind, f"{what} (an index)", other
        for axis in range(leaf.ndim):
            first = np.broadcast_to(leaf.take([0], axis), leaf.shape)
            kind = "first only" if axis == 0 else "wrong cache"
            yield kind, f"that of the first along {axis_name(leaf.shape, axis)}, for all", first
        top = leaf.max()
        for lag in lags(top + 1):
            yield "shifted", f"an index that is off by {lag:+d}", (leaf + lag) % (top + 1)
            yield "shifted", f"an index that is off by {lag:+d}", np.clip(leaf + lag, 0, top)
    elif isinstance(leaf, np.ndarray):
        for what, other in known:
            if other is not leaf and np.shape(other) == leaf.shape and other.dtype != bool:
                yield "wrong cache", f"{what} instead", other
        yield "wrong cache", "without its negative entries, as after a ReLU", np.maximum(leaf, 0)
        yield "wrong cache", "its absolute value", np.abs(leaf)
        # A factor of each channel; of one shape with out it is a gate or a value of each entry.
        kind = "factor" if leaf.ndim < np.ndim(known[-1][1]) else "wrong cache"
        with np.errstate(all="ignore"):
            yield kind, "its square", leaf**2
            yield kind, "its square root", np.sqrt(np.abs(leaf))
            yield kind, "one over it", 1 / leaf
            yield kind, "one over its square", 1 / leaf**2
            yield "wrong cache", "its exponential", np.exp(leaf)
            yield "wrong cache", "its logarithm", np.log(np.abs(leaf))
        if (leaf == 0).any() and len(np.unique(leaf)) == 2:  # dropout's mask
            kind = "gate"
            for _, what, other in arrangements(leaf):
                yield "wrong cache", f"a mask {what}", other
        yield kind, "left out, as if it were one", np.ones_like(leaf)


def _if(evidence, kind, text, dout, cache) -> Iterator[Hypothesis]:
    gradients = backward(evidence, dout, cache)
    if gradients is not None:
        yield Hypothesis(kind, text, gradients)


def _leaves(cache, path: tuple = ()) -> Iterator[tuple[tuple, object]]:
    """(where, what) of everything in nested tuples."""
    if isinstance(cache, tuple):
        for i, part in enumerate(cache):
            yield from _leaves(part, (*path, i))
    else:
        yield path, cache


def _replaced(cache, path: tuple, leaf):
    if not path:
        return leaf
    i = path[0]
    return (*cache[:i], _replaced(cache[i], path[1:], leaf), *cache[i + 1 :])
