"""Ops in which an input acts along several paths: which of the terms is missing or wrong?

Batch norm's x acts by itself, through the mean and through the variance; attention's f as what is
summed and through the weights; softmax's scores through their own and through all others'
probabilities. The gradient is the sum of the paths' terms. How much of each is in the gradient
received follows by least squares.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from minidann.mistakes.diagnosis.evidence import Evidence, Gradients, Hypothesis
from minidann.mistakes.diagnosis.factors import name_factor

Path = tuple[str, str, Gradients]  # kind if it is missing, name, the terms, one an argument


def hypotheses(evidence: Evidence, cache=None) -> Iterator[Hypothesis]:
    """A path that is missing, flipped or scaled; `cache` in place of the reference's."""
    paths = _paths(evidence, cache)
    for i, received in enumerate(evidence.received):
        terms = [path for path in paths if path[2][i] is not None]
        if len(terms) < 2 or terms[0][2][i].shape != np.shape(received):
            continue
        columns = np.stack([path[2][i].ravel() for path in terms], axis=1)  # (entries, paths)
        if not np.isfinite(received).all():
            continue
        shares, _, rank, _ = np.linalg.lstsq(columns, received.ravel(), rcond=1e-10)
        if rank == len(terms):
            yield from _read(evidence, terms, shares)
            continue
        # One row, one frame: the terms cannot be told apart, only tried.
        acts = np.abs(columns).max(axis=0) > 1e-12 * np.abs(columns).max()
        idle = [path[1] for path, act in zip(terms, acts) if not act]
        note = f" (that through {', '.join(idle)} is zero here: it may be missing, too)"
        for shares in _tries(columns, np.flatnonzero(acts)):
            for found in _read(evidence, terms, shares):
                yield replace(found, text=found.text + note) if idle else found


def _tries(columns: np.ndarray, acting: np.ndarray) -> Iterator[np.ndarray]:
    """One term missing or flipped, then two missing; of those that are not zero here."""
    for lost in (0.0, -1.0):
        for i in acting:
            yield np.where(np.arange(columns.shape[1]) == i, lost, 1.0)
    for pair in combinations(acting, 2):
        yield np.where(np.isin(np.arange(columns.shape[1]), pair), 0.0, 1.0)


def _read(evidence: Evidence, terms: list[Path], shares: np.ndarray) -> Iterator[Hypothesis]:
    """What the shares of the terms say: 1 is right, 0 missing, -1 flipped."""
    halves = (2 * shares).round() / 2
    shares = np.where(np.abs(shares - halves) < 1e-7, halves, shares)
    there = shares[shares != 0]
    if 0 < there.size < shares.size and np.ptp(there) < 1e-7:
        shares = shares / there[0]  # what is there may be off by a factor, too: see pairs.py
    readings = [
        _in_words(evidence, path, share) for path, share in zip(terms, shares) if share != 1
    ]
    if None in readings or not readings or len(readings) == len(terms):
        return  # where all terms are off, it is no matter of paths
    total = tuple(
        None if any(path[2][i] is None for path in terms)
        else sum(share * path[2][i] for path, share in zip(terms, shares))
        for i in range(len(evidence.names))
    )  # fmt: skip
    kinds = [kind for kind, _ in readings]
    text = ", and ".join(text for _, text in readings)
    if len(readings) > 1 and (shares[shares != 1] == 0).all():
        names = [path[1] for path, share in zip(terms, shares) if share == 0]
        text = f"the paths through {' and '.join(names)} are missing"
    elif len(readings) > 1 and np.ptp(shares[shares != 1]) < 1e-7:
        kinds = ["factor" if kind.endswith(" path") else kind for kind in kinds]
    yield Hypothesis(kinds[0], text, total)


def _in_words(evidence: Evidence, path: Path, share: float) -> tuple[str, str] | None:
    """(kind, text) of one path that has not its whole share; None if the share has no name."""
    kind, name, _ = path
    if share == 0:
        return kind, f"the path through {name} is missing"
    if share == -1:
        return "sign", f"the path through {name} has the wrong sign"
    words = {0.5: "halved: off by the factor 1/2", 2: "doubled: off by the factor 2"}
    named = name_factor(abs(share), evidence)
    if not named:
        return None
    how, text = named[0]
    if how == "factor" and kind in ("mean path", "variance path"):
        how = kind  # the mistake is in that path
    flipped = ", and has the wrong sign" if share < 0 else ""
    if how != "summed" and share in words:
        return how, f"the path through {name} is {words[share]}"
    return how, f"the path through {name} is off by the factor {text}{flipped}"


def _paths(evidence: Evidence, cache) -> list[Path]:
    if evidence.reference is None:
        return []
    name, _, right = evidence.reference
    make = {"batchnorm": _batchnorm, "attention": _attention, "softmax_cross_entropy": _softmax}
    if name not in make:
        return []
    return make[name](evidence.upstream, right if cache is None else cache)


def _batchnorm(dout, cache) -> list[Path]:
    xhat, gamma, scale, _, _, own_statistics = cache
    if not own_statistics:
        return []
    dxhat = dout * gamma  # (N, C)
    mean = -scale * np.ones_like(xhat) * dxhat.mean(axis=0)
    variance = -scale * xhat * (dxhat * xhat).mean(axis=0)
    return [
        ("missing path", "x itself", (scale * dxhat, None, None)),
        ("mean path", "the mean", (mean, None, None)),
        ("variance path", "the variance", (variance, None, None)),
    ]


def _attention(dout, cache) -> list[Path]:
    f, v, s = cache
    ds = (f @ dout[:, :, None])[:, :, 0]  # (N, P)
    diagonal, off_diagonal = s * ds, -s * (s * ds).sum(axis=1, keepdims=True)  # (N, P), (N, P)
    return [
        ("missing path", "f as what is summed", (s[:, :, None] * dout[:, None, :], None)),
        (
            "missing path",
            "the weights",
            (diagonal[:, :, None] * v, np.tensordot(diagonal, f, axes=2)),
        ),
        (
            "off-diagonal",
            "the other frames' weights (the softmax's off-diagonal terms)",
            (off_diagonal[:, :, None] * v, np.tensordot(off_diagonal, f, axes=2)),
        ),
    ]


def _softmax(dout, cache) -> list[Path]:
    p, labels = cache
    label = np.zeros_like(p)
    label[np.arange(len(p)), labels] = 1  # (N, L)
    share = dout / len(p)
    return [
        ("missing path", "the probabilities", (p * share,)),
        ("missing path", "the label (minus the one-hot)", (-label * share,)),
    ]
