"""How much of each part is in what was received: one least squares, and names for its numbers.

A gradient is a sum: over the paths by which an argument acts (batch norm's mean and variance, the
weights of attention), over the losses of equations 8 to 10. How much of each arrives follows by
least squares, and a path that is missing, that has the wrong sign or that counts N times can be
read off. A factor of the whole is the same with one part.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from minidann.mistakes.question import Question

NEAR = 1e-7  # of a share to the number that it is taken for


def shares(parts: list[np.ndarray], received: np.ndarray) -> np.ndarray | None:
    """How much of each part is in `received`; None where nothing fits, or more than one thing."""
    columns = np.stack([np.ravel(part) for part in parts], axis=1)  # (entries, parts)
    wanted = np.ravel(received)
    if not (np.isfinite(columns).all() and np.isfinite(wanted).all()):
        return None
    found, _, rank, _ = np.linalg.lstsq(columns, wanted, rcond=1e-10)
    off = np.abs(columns @ found - wanted).max(initial=0.0)
    if rank < len(parts) or off > 1e-8 * np.abs(wanted).max(initial=0.0):
        return None
    return found


def paths(name: str, question: Question) -> list[tuple[str, tuple]]:
    """(path, its gradients): the terms that the right gradients are the sums of."""
    dout, cache = question.upstream, question.cache
    if name == "batchnorm" and cache.own_statistics:
        dxhat = cache.scale * cache.gamma * dout
        through_mean = -np.broadcast_to(dxhat.mean(axis=0), dout.shape)
        through_var = -cache.xhat * (dxhat * cache.xhat).mean(axis=0)
        return [
            ("the direct path", (dxhat, None, None)),
            ("the path through the mean", (through_mean, None, None)),
            ("the path through the variance", (through_var, None, None)),
        ]
    if name == "attention":
        f, v, s = cache
        ds = np.einsum("npf,nf->np", f, dout)
        direct = s[:, :, None] * dout[:, None, :]
        own = s * ds  # (N, P), the score in the softmax's numerator
        total = -s * (s * ds).sum(axis=1, keepdims=True)  # (N, P), the score in its denominator
        return [
            ("the direct path", (direct, np.zeros_like(v))),
            ("the path through the weights' numerator",
             (own[:, :, None] * v, np.einsum("np,npf->f", own, f))),
            ("the path through the weights' denominator",
             (total[:, :, None] * v, np.einsum("np,npf->f", total, f))),
        ]  # fmt: skip
    if name == "softmax_cross_entropy":
        one_hot = np.arange(cache.p.shape[1]) == cache.labels[:, None]
        scale = dout / len(cache.p)
        return [("p", (cache.p * scale,)), ("the label's 1", (-scale * one_hot,))]
    return []


def numbers(sizes: dict[str, float]) -> Iterator[tuple[str, float]]:
    """The numbers that a share may be, and what is said of it then."""
    plain = {"multiplied by 2": 2.0, "halved": 0.5}
    for name, s in sizes.items():
        plain[f"multiplied by {name}"] = s
        if s:
            plain[f"divided by {name}"] = 1 / s
            plain[f"multiplied by {name} squared"] = s * s
            plain[f"divided by {name} squared"] = 1 / (s * s)
        if s > 0:
            plain[f"multiplied by sqrt({name})"] = np.sqrt(s)
            plain[f"divided by sqrt({name})"] = 1 / np.sqrt(s)
        if s > 1:
            plain[f"multiplied by ({name} - 1)/{name}"] = (s - 1) / s
            plain[f"multiplied by {name}/({name} - 1)"] = s / (s - 1)
        if s < 1:
            plain[f"multiplied by 1 - {name}"] = 1 - s
    for a, b in combinations(sizes, 2):
        plain[f"multiplied by {a} times {b}"] = sizes[a] * sizes[b]
        if sizes[a] and sizes[b]:
            plain[f"divided by {a} times {b}"] = 1 / (sizes[a] * sizes[b])
            plain[f"multiplied by {b}/{a}"] = sizes[b] / sizes[a]
            plain[f"multiplied by {a}/{b}"] = sizes[a] / sizes[b]
    yield "missing", 0.0
    yield from plain.items()
    yield "with the wrong sign", -1.0
    yield from ((f"with the wrong sign and {says}", -value) for says, value in plain.items())


def named(share: float, sizes: dict[str, float]) -> list[str]:
    """All that a share may be, the simplest first; nothing where it is 1."""
    return [says for says, value in numbers(sizes) if abs(share - value) <= NEAR * abs(value)]
