"""What the wrong gradient looks like beside the true one, whatever the op.

Each function looks at one argument: what was received, what is true, both arrays.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from minidann.mistakes.diagnosis.evidence import Evidence, Hypothesis, axis_name, lags
from minidann.mistakes.diagnosis.factors import in_words, name_factor


def scaled(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """Zero everywhere, the sign flipped, or a factor that has a name."""
    received, true, name = evidence.received[i], evidence.true[i], evidence.names[i]
    if not received.any():
        yield Hypothesis(
            "zero slice", f"the gradient of {name} is zero everywhere", evidence.alone(i, received)
        )
        return
    if not true.any():
        return
    factor = _factor(received, true)
    candidate = evidence.alone(i, factor * true)
    if abs(factor + 1) < 1e-9:
        yield Hypothesis("sign", f"the sign of the gradient of {name} is flipped", candidate)
        return
    flipped = ", and its sign is flipped" if factor < 0 else ""
    for kind, text in name_factor(abs(factor), evidence):
        how = f"the gradient of {name} is"
        if kind == "summed":
            should = ("summed", "averaged") if abs(factor) > 1 else ("averaged", "summed")
            how = f"{name} is {should[0]} where it should be {should[1]}:"
        yield Hypothesis(kind, f"{how} off by the factor {text}{flipped}", candidate)


def unnamed(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """If all else fails: one number everywhere, nothing but rounding, a factor by its value."""
    received, true, name = evidence.received[i], evidence.true[i], evidence.names[i]
    if not received.any() or not true.any():
        return
    if np.abs(received).max() <= 1e-12 * np.abs(true).max():
        text = f"the gradient of {name} is zero everywhere, but for rounding"
        yield Hypothesis("zero slice", text, evidence.alone(i, np.zeros_like(true)))
        return
    value = float(received.ravel()[0])
    if received.size > 1:
        text = f"the gradient of {name} is {value:.6g} everywhere: a placeholder is left there"
        yield Hypothesis("placeholder", text, evidence.alone(i, np.full_like(true, value)))
    if np.count_nonzero(true) < 2:
        return  # of one number any other is a multiple
    factor = _factor(received, true)
    if factor == 0 or abs(factor + 1) < 1e-9 or name_factor(abs(factor), evidence):
        return
    text = f"the gradient of {name} is off by the factor {in_words(abs(factor))}"
    text += ", and its sign is flipped" if factor < 0 else ""
    yield Hypothesis("factor", text, evidence.alone(i, factor * true))


def _factor(received: np.ndarray, true: np.ndarray) -> float:
    """By what the largest entry of the true gradient is multiplied."""
    at = np.unravel_index(np.abs(true).argmax(), true.shape)
    return float(received[at] / true[at])


def moved(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """Axes permuted, or an axis reversed or shifted."""
    true, name = evidence.true[i], evidence.names[i]
    for sign, also in ((1, ""), (-1, ", and its sign is flipped")):
        for axes in permutations(range(true.ndim)):
            turned = sign * true.transpose(axes)
            if axes == tuple(range(true.ndim)):
                continue
            text = f"the axes of the gradient of {name} are permuted, as by transpose{axes}"
            yield Hypothesis("transposed", text + also, evidence.alone(i, turned))
            back = sign * true.reshape(turned.shape).transpose(np.argsort(axes))
            for reshaped in (turned.reshape(true.shape), back):
                text = (
                    f"{name}: reshaped where its axes should be transposed (by {axes}): the "
                    "numbers are right and stand in the wrong places"
                )
                yield Hypothesis("transposed", text + also, evidence.alone(i, reshaped))
    for axis, size in enumerate(true.shape):
        along = axis_name(true.shape, axis, name)
        text = f"the gradient of {name} is reversed along {along} (axis {axis})"
        yield Hypothesis("reversed", text, evidence.alone(i, np.flip(true, axis)))
        for lag in lags(size):
            text = f"the gradient of {name} is shifted by {lag:+d} along {along} (axis {axis})"
            for shifted in (shift(true, lag, axis), np.roll(true, lag, axis)):
                yield Hypothesis("shifted", text, evidence.alone(i, shifted))


def shift(array: np.ndarray, lag: int, axis: int) -> np.ndarray:
    """`array` moved by `lag` along `axis`; what moves in is zero."""
    moved = np.roll(array, lag, axis)
    index = [slice(None)] * array.ndim
    index[axis] = slice(0, lag) if lag > 0 else slice(lag, None)
    moved[tuple(index)] = 0
    return moved


def zeroed(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """Right, but zero on a slice: a set of indices along each of some axes."""
    received, true, name = evidence.received[i], evidence.true[i], evidence.names[i]
    lost = (received == 0) & (np.abs(true) > 1e-9 * np.abs(true).max())
    if not lost.any():
        return
    alive = np.abs(true) > 1e-9 * np.abs(true).max()  # elsewhere zero is no evidence
    for axis in range(true.ndim):
        rest = tuple(a for a in range(true.ndim) if a != axis)
        dead = lost.any(axis=rest)  # (size,): indices with something lost
        index = np.flatnonzero(dead)
        if ((lost == alive) | ~np.expand_dims(dead, rest)).all():
            kept = np.flatnonzero(~dead & alive.any(axis=rest))
            candidate = np.where(np.expand_dims(dead, rest), 0.0, true)
            along = axis_name(true.shape, axis, name)
            if axis == 0 and kept.tolist() == [0] and true.ndim > 1 and len(index) > 1:
                text = f"the gradient of {name} is right for the first utterance only"
                yield Hypothesis("first only", text, evidence.alone(i, candidate))
            text = (
                f"the gradient of {name} is zero where {along} (axis {axis}) is "
                f"{ranges(index)}, and right elsewhere"
            )
            yield Hypothesis("zero slice", text, evidence.alone(i, candidate))
    box = [np.flatnonzero(lost.any(axis=tuple(b for b in range(true.ndim) if b != a)))
           for a in range(true.ndim)]  # fmt: skip
    inside = np.zeros(true.shape, bool)
    inside[np.ix_(*box)] = True
    if (lost == (alive & inside)).all():
        text = f"the gradient of {name} is zero at [{'; '.join(map(ranges, box))}], right elsewhere"
        yield Hypothesis("zero slice", text, evidence.alone(i, np.where(inside, 0.0, true)))


def ranges(index: np.ndarray) -> str:
    """[3, 4, 5, 8] as "3-5, 8"."""
    runs = np.split(index, np.flatnonzero(np.diff(index) != 1) + 1)
    return ", ".join(f"{r[0]}" if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def gated(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """Passed only where something is positive (or negative), though nothing should gate it."""
    true, name = evidence.true[i], evidence.names[i]
    gates = [*zip(evidence.names, evidence.arrays), ("out", evidence.out)]
    for what, gate in (*gates, ("dout", evidence.upstream), ("the gradient itself", true)):
        if np.shape(gate) == true.shape:
            for where, condition in (("positive", gate > 0), ("negative", gate < 0)):
                if not condition.any():
                    continue
                text = f"the gradient of {name} passes only where {what} is {where}"
                yield Hypothesis("gate", text, evidence.alone(i, np.where(condition, true, 0.0)))
            for start, passed in (("dout", evidence.upstream), ("the gradient", true)):
                if np.shape(passed) == true.shape:
                    text = f"the gradient of {name} is {start} times {what}"
                    yield Hypothesis("wrong cache", text, evidence.alone(i, passed * gate))
                    text = f"the gradient of {name} is {start} times the sign of {what}"
                    yield Hypothesis("gate", text, evidence.alone(i, passed * np.sign(gate)))
    yield from _leaking(evidence, i)


def _leaking(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """Where the true gradient is zero, a constant share of dout passes."""
    received, true, dout = evidence.received[i], evidence.true[i], evidence.upstream
    if np.shape(dout) != true.shape or not (true == 0).any() or not dout.all():
        return
    share = float((received / dout)[true == 0].mean())
    text = f"where the gradient of {evidence.names[i]} should be zero, {share:.4g} of dout passes"
    yield Hypothesis("gate", text, evidence.alone(i, np.where(true == 0, share * dout, true)))


def exchanged(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """A right gradient under another argument's name."""
    for j, gradient in enumerate(evidence.true):
        if j != i and gradient is not None and gradient.shape == evidence.received[i].shape:
            text = (
                f"what is returned for {evidence.names[i]} is the gradient of {evidence.names[j]}"
            )
            yield Hypothesis("swapped", text, evidence.alone(i, gradient))


def of_another_shape(evidence: Evidence, i: int) -> Iterator[Hypothesis]:
    """What was received has the wrong shape: is it the true gradient, turned or not summed?"""
    received, true, name = evidence.received[i], evidence.true[i], evidence.names[i]
    if received.ndim > true.ndim and np.squeeze(received).shape == np.squeeze(true).shape:
        text = f"{name}: what is returned has an axis of size 1 too many: is it keepdims?"
        yield Hypothesis("wrong axis", text, evidence.alone(i, true.reshape(received.shape)))
    for axis in range(received.ndim):
        total = received.sum(axis=axis)
        if total.shape == true.shape and np.allclose(total, true, 1e-9, 1e-12):
            text = f"{name}: the sum over axis {axis} of what is returned is missing"
            yield Hypothesis("wrong axis", text, evidence.alone(i, received))
    for axes in permutations(range(true.ndim)):
        turned = true.transpose(axes)
        if turned.shape == received.shape:
            text = f"the gradient of {name} is transposed (axes {axes})"
            yield Hypothesis("transposed", text, evidence.alone(i, turned))
    if true.size == received.size:
        text = f"the gradient of {name} has the right numbers in the wrong shape"
        yield Hypothesis("transposed", text, evidence.alone(i, true.reshape(received.shape)))
    dout = evidence.upstream
    text = f"what is returned for {name} is dout as it is: nothing was summed or multiplied"
    yield Hypothesis("wrong axis", text, evidence.alone(i, dout))
    for axes in range(1, 2 ** np.ndim(dout)):
        summed = tuple(a for a in range(np.ndim(dout)) if axes >> a & 1)
        for how, total in (("summed", dout.sum(axis=summed)), ("averaged", dout.mean(axis=summed))):
            text = f"{name}: dout is {how} over the axes {summed}, which gives {total.shape}"
            yield Hypothesis("wrong axis", text, evidence.alone(i, total))
