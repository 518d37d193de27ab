"""How much of each part is in what was received: one least squares, and names for its numbers.

A gradient is a sum: over the paths by which an argument acts (batch norm's mean and variance, the
weights of attention), over the losses of equations 8 to 10. How much of each arrives follows by
least squares, and a path that is missing, that has the wrong sign or that counts N times can be
read off. A factor of the whole is the same with one part.
"""

from collections.abc import Iterator

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
    yield "missing", 0.0
    for sign, start in ((1.0, ""), (-1.0, "with the wrong sign and ")):
        if sign < 0:
            yield "with the wrong sign", -1.0
        yield f"{start}multiplied by 2", 2.0 * sign
        yield f"{start}halved", 0.5 * sign
        for name, s in sizes.items():
            yield f"{start}multiplied by {name}", s * sign
            if s:
                yield f"{start}divided by {name}", sign / s
                yield f"{start}multiplied by {name} squared", s * s * sign
                yield f"{start}divided by {name} squared", sign / (s * s)
            if s > 0:
                yield f"{start}multiplied by sqrt({name})", np.sqrt(s) * sign
                yield f"{start}divided by sqrt({name})", sign / np.sqrt(s)
            if s > 1:
                yield f"{start}multiplied by ({name} - 1)/{name}", (s - 1) / s * sign
                yield f"{start}multiplied by {name}/({name} - 1)", s / (s - 1) * sign
            if s < 1:
                yield f"{start}multiplied by 1 - {name}", (1 - s) * sign
        names = list(sizes)
        for i, a in enumerate(names):
            for b in names[:i]:
                product = sizes[a] * sizes[b]
                yield f"{start}multiplied by {b} times {a}", product * sign
                if product:
                    yield f"{start}divided by {b} times {a}", sign / product
                if sizes[a] and sizes[b]:
                    yield f"{start}multiplied by {a}/{b}", sizes[a] / sizes[b] * sign
                    yield f"{start}multiplied by {b}/{a}", sizes[b] / sizes[a] * sign


def named(share: float, sizes: dict[str, float]) -> list[str]:
    """All that a share may be, the simplest first; nothing where it is 1."""
    return [says for says, value in numbers(sizes) if abs(share - value) <= NEAR * abs(value)]
