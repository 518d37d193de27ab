"""Batch normalisation (section 2.1; Ioffe and Szegedy 2015): each feature gets mean 0, variance 1.

    out = gamma * (x - mean) / sqrt(var + epsilon) + beta

In training, mean and variance are those of the batch, so every example acts on every other: that
is why table 3 asks which examples are normalised together. In inference they are running averages
collected in training, and examples do not touch each other.
"""

import numpy as np

EPSILON = 1e-5
MOMENTUM = 0.9


def forward(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    *,
    running: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, tuple]:
    """x (N, C), gamma (C,), beta (C,) -> out (N, C).

    `running`, a pair (mean, var) of shape (C,): normalise with these (inference) instead of with
    the batch's own (training). The variance is the biased one, divided by N.

    The cache holds xhat (N, C), gamma, 1/sqrt(var + epsilon), the batch's mean and variance, and
    whether they are the batch's own.
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
    return gamma * xhat + beta, (xhat, gamma, scale, mean, var, running is None)


def backward(dout: np.ndarray, cache: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    running: tuple[np.ndarray, np.ndarray], cache: tuple
) -> tuple[np.ndarray, np.ndarray]:
    """The running (mean, var) after one more training batch: 0.9 of the old, 0.1 of the batch's."""
    _, _, _, mean, var, _ = cache
    running_mean, running_var = running
    return (
        MOMENTUM * running_mean + (1 - MOMENTUM) * mean,
        MOMENTUM * running_var + (1 - MOMENTUM) * var,
    )


def example(rng: np.random.Generator) -> tuple[tuple, dict]:
    """(x, gamma, beta), options; five rows (with two the gradient all but vanishes)."""
    x = 2 * rng.standard_normal((5, 3)) + 1
    return (x, rng.standard_normal(3) + 2, rng.standard_normal(3)), {}
