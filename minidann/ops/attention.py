"""Global attention (equations 1 and 2): one learned query weighs the frames of an utterance.

    s[n, i] = exp(v . f[n, i]) / sum over j of exp(v . f[n, j])          (1)
    a[n]    = sum over i of  s[n, i] * f[n, i]                           (2)

Emotion is not spread evenly over an utterance: v learns which frames are worth looking at.
"""

from typing import NamedTuple

import numpy as np


class Cache(NamedTuple):
    """f (N, P, F), v (F,) and the weights s (N, P), which sum to 1 over P."""

    f: np.ndarray
    v: np.ndarray
    weights: np.ndarray


def forward(f: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, Cache]:
    """f (N, P, F), query v (F,) -> attention vector a (N, F)."""
    score = f @ v  # (N, P)
    score = score - score.real.max(axis=1, keepdims=True)  # exp cannot overflow; s is the same
    s = np.exp(score)
    s = s / s.sum(axis=1, keepdims=True)
    a = (s[:, None, :] @ f)[:, 0]  # (N, F)
    return a, Cache(f, v, s)


def backward(dout: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray]:
    """dout (N, F) -> df (N, P, F), dv (F,).

    f acts twice: as what is summed in (2), and through the weights in (1).
    """
    f, v, s = cache
    ds = (f @ dout[:, :, None])[:, :, 0]  # (N, P)
    dscore = s * (ds - (s * ds).sum(axis=1, keepdims=True))  # (N, P), the softmax's Jacobian
    df = s[:, :, None] * dout[:, None, :] + dscore[:, :, None] * v  # (N, P, F)
    dv = np.tensordot(dscore, f, axes=2)  # (F,)
    return df, dv


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(f, v), options. With one frame, or with frames all alike, the gradient of v is zero."""
    normal = rng.standard_normal
    f, v = normal((3, 5, 4)), normal(4)
    three = np.array([[[1.0], [2.0]], [[2.0], [1.0]], [[0.0], [1.0]]])  # (3, 2, 1)
    large = np.array([[[2.0, 1.0], [2.0, 3.0]], [[-2.0, 2.0], [-2.0, 0.0]]])  # (2, 2, 2)
    apart = np.array([[[2.0, 1.0], [-2.0, 3.0], [2.01, 1.5]]])  # (1, 3, 2)
    return {
        "sizes that differ": ((f, v), {}),
        "one frame": ((np.array([[[3.0, -2.0]], [[1.0, 0.5]]]), np.array([1.0, 2.0])), {}),
        "two frames": ((three[:1], np.array([1.0])), {}),
        "two channels": ((np.array([[[1.0, 2.0], [2.0, 0.0]]]), np.array([1.0, -1.0])), {}),
        "three utterances": ((three, np.array([-1.0])), {}),
        "one utterance": ((f[:1], v), {}),
        "as many frames as utterances": ((normal((4, 4, 3)), normal(3)), {}),
        "frames all alike": ((np.repeat(normal((2, 1, 3)), 4, axis=1), normal(3)), {}),
        "scores of 800 and -800": ((large, np.array([400.0, 0.5])), {}),
        "scores far apart": ((apart, np.array([200.0, 0.5])), {}),
    }
