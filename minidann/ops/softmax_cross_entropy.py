"""Softmax and cross-entropy in one (equations 5 and 6): how surprised is the classifier?

    p[n]  = exp(z[n]) / sum over l of exp(z[n, l])
    loss  = - mean over n of  log p[n, label of n]

Taken together their gradient is simply p minus the one-hot label, divided by N.
"""

from typing import NamedTuple

import numpy as np


class Cache(NamedTuple):
    """The probabilities (N, L) and the labels (N,)."""

    p: np.ndarray
    labels: np.ndarray


def softmax(z: np.ndarray) -> np.ndarray:
    """Scores z (N, L) -> probabilities (N, L), each row summing to 1."""
    e = np.exp(z - z.real.max(axis=1, keepdims=True))  # (N, L); exp cannot overflow
    return e / e.sum(axis=1, keepdims=True)


def forward(z: np.ndarray, *, labels: np.ndarray) -> tuple[np.ndarray, Cache]:
    """Scores z (N, L), integer labels (N,) in 0..L-1 -> the mean loss, of shape ()."""
    if labels.shape != z.shape[:1]:
        raise ValueError(f"cross-entropy: expected {len(z)} labels, received shape {labels.shape}")
    shifted = z - z.real.max(axis=1, keepdims=True)  # (N, L)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (N, L), never log 0
    loss = -log_p[np.arange(len(z)), labels].mean()  # ()
    return loss, Cache(np.exp(log_p), labels)


def backward(dout: np.ndarray, cache: Cache) -> tuple[np.ndarray]:
    """dout () -> dz (N, L)."""
    p, labels = cache
    dz = p.copy()  # (N, L)
    dz[np.arange(len(p)), labels] -= 1
    return (dz * (dout / len(p)),)


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(z,), options with labels."""
    normal = rng.standard_normal
    scores = np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 0.0]])
    large = np.array([[800.0, 799.5, 798.0], [800.0, 801.0, 802.0]])  # exp(800) overflows
    far = np.array([[800.0, 0.0], [-801.0, -800.0], [-30.0, 10.0]])  # probabilities of 0
    return {
        "sizes that differ": ((normal((5, 3)),), {"labels": np.array([0, 2, 1, 1, 0])}),
        "one row": ((scores[:1],), {"labels": np.array([0])}),
        "three rows": ((scores,), {"labels": np.array([1, 1, 0])}),
        "three classes": ((np.array([[1.0, 2.0, 0.0]]),), {"labels": np.array([2])}),
        "as many rows as classes": ((normal((4, 4)),), {"labels": np.array([3, 0, 0, 1])}),
        "large scores": ((large,), {"labels": np.array([2, 0])}),
        "labels far behind": ((far,), {"labels": np.array([1, 0, 0])}),
    }  # fmt: skip
