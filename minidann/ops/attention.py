"""Global attention (equations 1 and 2): one learned query weighs the frames of an utterance.

    s[n, i] = exp(v . f[n, i]) / sum over j of exp(v . f[n, j])          (1)
    a[n]    = sum over i of  s[n, i] * f[n, i]                           (2)

Emotion is not spread evenly over an utterance: v learns which frames are worth looking at.
"""

import numpy as np


def forward(f: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, tuple]:
    """f (N, P, F), query v (F,) -> attention vector a (N, F).

    The cache holds f, v and the weights s (N, P), which sum to 1 over P.
    """
    if v.shape != f.shape[2:]:
        raise ValueError(f"attention: expected v of shape {f.shape[2:]}, received {v.shape}")
    score = f @ v  # (N, P)
    score = score - score.real.max(axis=1, keepdims=True)  # exp cannot overflow; s is the same
    s = np.exp(score)
    s = s / s.sum(axis=1, keepdims=True)
    a = (s[:, None, :] @ f)[:, 0]  # (N, F)
    return a, (f, v, s)


def backward(dout: np.ndarray, cache: tuple) -> tuple[np.ndarray, np.ndarray]:
    """dout (N, F) -> df (N, P, F), dv (F,).

    f acts twice: as what is summed in (2), and through the weights in (1).
    """
    f, v, s = cache
    ds = (f @ dout[:, :, None])[:, :, 0]  # (N, P)
    dscore = s * (ds - (s * ds).sum(axis=1, keepdims=True))  # (N, P), the softmax's Jacobian
    df = s[:, :, None] * dout[:, None, :] + dscore[:, :, None] * v  # (N, P, F)
    dv = np.tensordot(dscore, f, axes=2)  # (F,)
    return df, dv


def example(rng: np.random.Generator) -> tuple[tuple, dict]:
    """(f, v), options; more than one frame, or the gradient of v would be zero."""
    return (rng.standard_normal((3, 5, 4)), rng.standard_normal(4)), {}
