"""The right backward pass, given something wrong: what would come out?

If what comes out is what was received, the mistake is in what backward reads. Its `dout` may be
turned or moved, or one of the arrays may be. What the cache may hold in place of what it should is
in `kept.py`.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from minidann.mistakes.diagnosis.evidence import Evidence, Gradients, Hypothesis, axis_name, lags
from minidann.mistakes.diagnosis.symptoms import shift


def hypotheses(evidence: Evidence) -> Iterator[Hypothesis]:
    """All of this file, the likely ones first."""
    if evidence.reference is None:
        return
    yield from misread_dout(evidence)
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
            how = f"turned, by transpose or reshape, to the axes {axes}"
            yield "transposed", how, turned.reshape(array.shape)
            back = array.reshape(turned.shape).transpose(np.argsort(axes))
            yield "transposed", how, back


def misread_dout(evidence: Evidence) -> Iterator[Hypothesis]:
    """dout moved, turned, or not read at all."""
    dout, (_, _, cache) = evidence.upstream, evidence.reference
    text = "dout is not used: as if it were one everywhere"
    yield from outcome(evidence, "missing path", text, np.ones_like(dout)[()], cache)
    if np.ndim(dout):
        for kind, what, changed in arrangements(dout):
            yield from outcome(evidence, kind, f"as if dout were {what}", changed, cache)
        gates = [(n, a) for n, a in zip(evidence.names, evidence.arrays) if a.shape == dout.shape]
        for what, gate in (*gates, ("dout", dout), ("out", evidence.out)):
            for sign, condition in (("positive", gate > 0), ("negative", gate < 0)):
                text = f"as if dout counted only where {what} is {sign}"
                yield from outcome(evidence, "gate", text, np.where(condition, dout, 0.0), cache)


def turned_arrays(evidence: Evidence) -> Iterator[Hypothesis]:
    """An array turned or moved before it acts on the gradients of the others."""
    _, op, _ = evidence.reference
    for i, (name, array) in enumerate(zip(evidence.names, evidence.arrays)):
        for kind, what, changed in arrangements(array, name):
            arrays = (*evidence.arrays[:i], changed, *evidence.arrays[i + 1 :])
            _, cache = op.forward(*arrays, **evidence.options)
            text = f"as if {name} were {what}"
            yield from outcome(evidence, kind, text, evidence.upstream, cache)


def outcome(evidence, kind, text, dout, cache) -> Iterator[Hypothesis]:
    """What comes of a right backward pass that reads this dout and this cache."""
    gradients = backward(evidence, dout, cache)
    if gradients is not None:
        yield Hypothesis(kind, text, gradients)
