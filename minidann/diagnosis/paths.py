"""Ops in which an input acts along several paths: which of the terms is missing or wrong?

Batch norm's x acts by itself, through the mean and through the variance; attention's f as what is
summed and through the weights; softmax's scores through their own and through all others'
probabilities. The gradient is the sum of the paths' terms. How much of each is in the gradient
received follows by least squares.
"""

from collections.abc import Iterator

import numpy as np

from minidann.diagnosis.evidence import Evidence, Gradients, Hypothesis, name_factor

Path = tuple[str, str, Gradients]  # kind if it is missing, name, the terms, one an argument


def hypotheses(evidence: Evidence) -> Iterator[Hypothesis]:
    """A path that is missing, flipped or scaled."""
    paths = _paths(evidence)
    for i, received in enumerate(evidence.received):
        terms = [path for path in paths if path[2][i] is not None]
        if len(terms) < 2 or terms[0][2][i].shape != np.shape(received):
            continue
        columns = np.stack([path[2][i].ravel() for path in terms], axis=1)  # (entries, paths)
        shares, _, rank, _ = np.linalg.lstsq(columns, received.ravel(), rcond=1e-10)
        if rank == len(terms) and np.isfinite(shares).all():
            yield from _read(evidence, terms, shares)


def _read(evidence: Evidence, terms: list[Path], shares: np.ndarray) -> Iterator[Hypothesis]:
    """What the shares of the terms say: 1 is right, 0 missing, -1 flipped."""
    shares = np.where(np.abs(shares - shares.round()) < 1e-7, shares.round(), shares)
    told = []
    for (kind, name, _), share in zip(terms, shares):
        if share == 0:
            told.append((kind, f"the path through {name} is missing"))
        elif share == -1:
            told.append(("sign", f"the path through {name} has the wrong sign"))
        elif share != 1:
            named = name_factor(abs(share), evidence)
            if named is None:
                return
            told.append((named[0], f"the path through {name} is off by the factor {named[1]}"))
    if not told or len(told) == len(terms):  # all of it: that is no matter of paths
        return
    total = tuple(
        None if any(path[2][i] is None for path in terms)
        else sum(share * path[2][i] for path, share in zip(terms, shares))
        for i in range(len(evidence.names))
    )  # fmt: skip
    yield Hypothesis(told[0][0], ", and ".join(text for _, text in told), total)


def _paths(evidence: Evidence) -> list[Path]:
    if evidence.reference is None:
        return []
    name, _, cache = evidence.reference
    make = {"batchnorm": _batchnorm, "attention": _attention, "softmax_cross_entropy": _softmax}
    return make[name](evidence.covector, cache) if name in make else []


def _batchnorm(dout, cache) -> list[Path]:
    xhat, gamma, scale, _, _, own = cache
    if not own:
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
    own, others = s * ds, -s * (s * ds).sum(axis=1, keepdims=True)  # (N, P), (N, P)
    return [
        ("missing path", "f as what is summed", (s[:, :, None] * dout[:, None, :], None)),
        (
            "missing path",
            "the weights",
            (own[:, :, None] * v, np.tensordot(own, f, axes=2)),
        ),
        (
            "off-diagonal",
            "the other frames' weights (the softmax's off-diagonal terms)",
            (others[:, :, None] * v, np.tensordot(others, f, axes=2)),
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
