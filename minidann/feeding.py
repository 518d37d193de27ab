"""Table 3: four ways to feed two domains through one batch normalisation, and none.

A step has n source examples and, after them, m target examples. The emotion classifier reads the
source examples, the domain classifier all of them. The modes differ in which examples are
normalised together:

    bn1    all                      both classifiers read from it
    bn2    source; all              emotion reads the first, domain the second
    bn3    source; target           emotion reads the first, domain both
    bn4    as bn1, but source and target are two steps, one after the other
    none   no batch normalisation: both classifiers read the examples as they are (table 2)

However often it is called, it is one layer: one gamma, one beta, one set of running statistics.
So the gradients of the calls add up, and each call in turn moves the running statistics.
"""

from types import ModuleType
from typing import NamedTuple

import numpy as np

import minidann.ops

MODES = ("bn1", "bn2", "bn3", "bn4", "none")


class Cache(NamedTuple):
    """The mode, n, and of each call of the layer its rows and its cache."""

    mode: str
    source_rows: int
    groups: list[slice]
    calls: list
    ops: ModuleType


def steps(mode: str, n: int, m: int) -> list[tuple[slice, int]]:
    """The updates made of n source and m target examples: (which examples, how many are source)."""
    if mode == "bn4":
        return [(slice(0, n), n), (slice(n, n + m), 0)]
    return [(slice(0, n + m), n)]


def _groups(mode: str, n: int, rows: int) -> list[slice]:
    """Which examples are normalised together, one slice a call of the layer."""
    source, target, both = slice(0, n), slice(n, rows), slice(0, rows)
    return {"bn1": [both], "bn2": [source, both], "bn3": [source, target], "bn4": [both]}[mode]


def forward(
    h: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    *,
    source_rows: int,
    mode: str,
    ops=minidann.ops,
) -> tuple[tuple[np.ndarray, np.ndarray], Cache]:
    """h (n+m, C), the first `source_rows` = n of them source; gamma, beta (C,), None in mode none.

    -> (what the emotion classifier reads (n, C), what the domain classifier reads (n+m, C)).
    """
    n = source_rows
    if mode == "none":
        return (h[:n], h), Cache(mode, n, [], [], ops)
    groups = _groups(mode, n, len(h))
    results = [ops.batchnorm.forward(h[rows], gamma, beta) for rows in groups]
    outs, caches = [out for out, _ in results], [cache for _, cache in results]
    emotion = outs[0][:n]  # (n, C): in every mode the first call begins with the source
    domain = np.concatenate(outs) if mode == "bn3" else outs[-1]  # (n+m, C)
    return (emotion, domain), Cache(mode, n, groups, caches, ops)


def backward(
    demotion: np.ndarray, ddomain: np.ndarray, cache: Cache
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """demotion (n, C), ddomain (n+m, C) -> dh (n+m, C), dgamma (C,), dbeta (C,)."""
    mode, n, groups, caches, ops = cache
    if mode == "none":
        dh = ddomain.copy()
        dh[:n] += demotion
        return dh, None, None
    if mode == "bn3":
        douts = [ddomain[rows].copy() for rows in groups]
    else:  # domain read the last call, whole
        douts = [np.zeros_like(ddomain[rows]) for rows in groups[:-1]] + [ddomain.copy()]
    douts[0][:n] += demotion
    dh, dgamma, dbeta = np.zeros_like(ddomain), 0.0, 0.0
    for rows, dout, call in zip(groups, douts, caches):
        drows, dgamma_call, dbeta_call = ops.batchnorm.backward(dout, call)
        dh[rows] += drows
        dgamma, dbeta = dgamma + dgamma_call, dbeta + dbeta_call
    return dh, dgamma, dbeta


def update_running(
    running: tuple[np.ndarray, np.ndarray], cache: Cache
) -> tuple[np.ndarray, np.ndarray]:
    """The running (mean, var), each (C,), after a step: moved by each call, in order."""
    for call in cache.calls:
        running = cache.ops.batchnorm.update_running(running, call)
    return running
