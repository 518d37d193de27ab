"""Softmax and cross-entropy in one (equations 5 and 6): how surprised is the classifier?

    p[n]  = exp(z[n]) / sum over l of exp(z[n, l])
    loss  = - mean over n of  log p[n, label of n]

Taken together their gradient is simply p minus the one-hot label, divided by N.
"""

import numpy as np


def softmax(z: np.ndarray) -> np.ndarray:
    """Scores z (N, L) -> probabilities (N, L), each row summing to 1."""
    e = np.exp(z - z.real.max(axis=1, keepdims=True))  # (N, L); exp cannot overflow
    return e / e.sum(axis=1, keepdims=True)


def forward(z: np.ndarray, *, labels: np.ndarray) -> tuple[np.ndarray, tuple]:
    """Scores z (N, L), integer labels (N,) in 0..L-1 -> the mean loss, of shape ().

    The cache holds the probabilities (N, L) and the labels.
    """
    if labels.shape != z.shape[:1]:
        raise ValueError(f"cross-entropy: expected {len(z)} labels, received shape {labels.shape}")
    shifted = z - z.real.max(axis=1, keepdims=True)  # (N, L)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (N, L), never log 0
    loss = -log_p[np.arange(len(z)), labels].mean()  # ()
    return loss, (np.exp(log_p), labels)


def backward(dout: np.ndarray, cache: tuple) -> tuple[np.ndarray]:
    """dout () -> dz (N, L)."""
    p, labels = cache
    dz = p.copy()  # (N, L)
    dz[np.arange(len(p)), labels] -= 1
    return (dz * (dout / len(p)),)


def example(rng: np.random.Generator) -> tuple[tuple, dict]:
    """(z,), labels of every class."""
    return (rng.standard_normal((5, 3)),), {"labels": np.array([0, 2, 1, 1, 0])}
