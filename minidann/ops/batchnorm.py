"""Batch normalisation (section 2.1; Ioffe and Szegedy 2015): each feature gets mean 0, variance 1.

    out = gamma * (x - mean) / sqrt(var + epsilon) + beta

In training, mean and variance are those of the batch, so every example acts on every other: that
is why table 3 asks which examples are normalised together. In inference they are running averages
collected in training, and examples do not touch each other.
"""

from typing import NamedTuple

import numpy as np

EPSILON = 1e-5
MOMENTUM = 0.9


class Cache(NamedTuple):
    """xhat (N, C), gamma (C,), scale = 1/sqrt(var + epsilon) (C,), mean and var (C,).

    `own_statistics`: are mean and variance the batch's own?
    """

    xhat: np.ndarray
    gamma: np.ndarray
    scale: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    own_statistics: bool


def forward(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    *,
    running: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, Cache]:
    """x (N, C), gamma (C,), beta (C,) -> out (N, C).

    `running`, a pair (mean, var) of shape (C,): normalise with these (inference) instead of with
    the batch's own (training). The variance is the biased one, divided by N.
    """
    if x.ndim != 2 or gamma.shape != x.shape[1:]:
        raise ValueError(f"batchnorm: expected x of shape (N, {len(gamma)}), received {x.shape}")
    if running is None:
        mean = x.mean(axis=0)  # (C,)
        centred = x - mean
        var = (centred * centred).mean(axis=0)  # (C,); np.var of complex numbers is another thing
    else:
        mean, var = running
        centred = x - mean
    scale = 1 / np.sqrt(var + EPSILON)  # (C,)
    xhat = centred * scale  # (N, C)
    return gamma * xhat + beta, Cache(xhat, gamma, scale, mean, var, running is None)


def backward(dout: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dout (N, C) -> dx (N, C), dgamma (C,), dbeta (C,).

    In training x acts three times: by itself, through the mean and through the variance. dx is
    the sum of three terms.
    """
    xhat, gamma, scale, _, _, own_statistics = cache
    dgamma = (dout * xhat).sum(axis=0)  # (C,)
    dbeta = dout.sum(axis=0)  # (C,)
    if own_statistics:
        n = len(dout)
        dout = dout - dbeta / n - xhat * (dgamma / n)  # (N, C)
    return gamma * scale * dout, dgamma, dbeta


def update_running(
    running: tuple[np.ndarray, np.ndarray], cache: Cache
) -> tuple[np.ndarray, np.ndarray]:
    """The running (mean, var) after one more training batch: 0.9 of the old, 0.1 of the batch's."""
    running_mean, running_var = running
    return (
        MOMENTUM * running_mean + (1 - MOMENTUM) * cache.mean,
        MOMENTUM * running_var + (1 - MOMENTUM) * cache.var,
    )


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x, gamma, beta), options. Of one row, and of equal rows, dx is zero."""
    normal = rng.standard_normal
    x, gamma, beta = 2 * normal((5, 3)) + 1, normal(3) + 2, normal(3)
    running = {"running": (abs(normal(3)), rng.random(3) + 0.5)}  # no NaN if exchanged
    one = np.array([3.0]), np.array([-1.0])
    column = np.array([[1.0], [2.0], [6.0]])  # (3, 1)
    still = {"running": (np.array([1.0]), np.array([0.0]))}
    return {
        "sizes that differ": ((x, gamma, beta), {}),
        "three rows": ((column, *one), {}),
        "four rows": ((np.array([[0.0], [0.0], [4.0], [4.0]]), *one), {}),
        "as many rows as features": ((normal((4, 4)), normal(4) + 2, normal(4)), {}),
        "features that hardly vary": ((0.05 * x, gamma, beta), {}),  # epsilon counts
        "a gamma of 0": ((x[:3, :2], np.array([2.0, 0.0]), beta[:2]), {}),
        "one row": ((x[:1], gamma, beta), {}),
        "running statistics": ((x, gamma, beta), running),
        "running statistics, two rows": ((x[:2], gamma, beta), running),
        "running statistics, one row": ((column[2:], *one),
                                        {"running": (np.array([1.0]), np.array([4.0]))}),
        "running statistics, a variance of 0": ((column[:2], *one), still),
    }  # fmt: skip
