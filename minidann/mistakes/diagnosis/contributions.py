"""Which parts of `dout` arrive, and what becomes of them where they meet.

A gradient is a sum over the entries of `dout`. Cut `dout` into slices along an axis, send each
through a right backward pass alone, and the true gradient falls apart into contributions, one a
slice. How much of each is in the gradient received? A loop that ends early, writes where it
should add, or looks at the first utterance only shows in these numbers.
"""

from collections.abc import Iterator

import numpy as np

from minidann.mistakes.diagnosis.evidence import Evidence, Hypothesis, axis_name
from minidann.mistakes.diagnosis.symptoms import ranges


def contributions(evidence: Evidence, axis: int) -> list[tuple]:
    """The true gradients of each slice of dout along `axis`, as tuples."""
    _, op, cache = evidence.reference
    parts = []
    for index in range(evidence.upstream.shape[axis]):
        part = np.zeros_like(evidence.upstream)
        where = (slice(None),) * axis + (index,)
        part[where] = evidence.upstream[where]
        parts.append(op.backward(part, cache))
    return parts


def hypotheses(evidence: Evidence) -> Iterator[Hypothesis]:
    """Slices of dout that are lost, and slices that overwrite each other."""
    if evidence.reference is None or np.ndim(evidence.upstream) == 0:
        return
    for axis in range(evidence.upstream.ndim):
        parts = contributions(evidence, axis)
        if len(parts) > 1:
            yield from _lost(evidence, axis, parts)
            yield from _overwritten(evidence, axis, parts)


def _lost(evidence, axis, parts) -> Iterator[Hypothesis]:
    """The share of each slice in what was received, by least squares: 0 and 1 only?"""
    along = axis_name(evidence.upstream.shape, axis)
    for i, received in enumerate(evidence.received):
        if received is None or parts[0][i] is None or parts[0][i].shape != received.shape:
            continue
        columns = np.stack([part[i].ravel() for part in parts], axis=1)  # (entries, slices)
        shares, _, rank, _ = np.linalg.lstsq(columns, received.ravel(), rcond=1e-10)
        if not np.isfinite(shares).all():
            continue
        tried = [shares.round()]
        if rank < len(parts):  # few numbers, many slices: try what a loop is likely to leave out
            first = np.arange(len(parts)) == 0
            tried = [1.0 * first, 1.0 * first[::-1], 1.0 * ~first[::-1], 1.0 * ~first]
        elif np.abs(shares - tried[0]).max() > 1e-6 or not set(tried[0]) <= {0.0, 1.0}:
            continue
        for whole in tried:
            if whole.any() and not whole.all():
                total = tuple(
                    None if part is None else sum(s * p[j] for s, p in zip(whole, parts))
                    for j, part in enumerate(parts[0])
                )
                for kind, text in _in_words(whole, axis, along, evidence.upstream.ndim):
                    yield Hypothesis(kind, text, total)
                    yield Hypothesis(kind, text, evidence.alone(i, total[i]))


def _in_words(whole, axis, along, ndim) -> Iterator[tuple[str, str]]:
    """(kind, text) of slices that arrive (1) or do not (0)."""
    kept, lost = np.flatnonzero(whole), np.flatnonzero(whole == 0)
    is_loop = axis == 0 or axis < ndim - 1  # rows and frames are added up one after the other
    last = (
        "overwritten",
        f"only what is last along {along} (axis {axis}) is left: written where it should be added",
    )
    if axis == 0 and kept.tolist() == [0]:
        yield "first only", "only the first utterance's gradient arrives"
    elif is_loop and kept.tolist() == [len(whole) - 1]:
        if len(lost) > 1:
            yield last
            return
        yield "zero slice", f"dout's {ranges(lost)} along {along} (axis {axis}) is lost"
        yield last  # of two, the first lost or overwritten
    else:
        yield "zero slice", f"dout's {ranges(lost)} along {along} (axis {axis}) is lost"


def _overwritten(evidence, axis, parts) -> Iterator[Hypothesis]:
    """Where several slices reach one entry, only the last one written is left, or the first."""
    along = axis_name(evidence.upstream.shape, axis)
    for order, stays in ((parts, "last"), (parts[::-1], "first")):
        result = []
        for i, first in enumerate(parts[0]):
            if first is None:
                result.append(None)
                continue
            left = np.zeros_like(first)
            for part in order:
                left = np.where(part[i] != 0, part[i], left)
            result.append(left)
        text = (
            f"where contributions of several places along {along} (axis {axis}) meet, the "
            f"{stays} one overwrites the others instead of being added"
        )
        yield Hypothesis("overwritten", text, tuple(result))
