"""A dense layer (section 2.1): each classifier is one, with two output units.

    out = x w + b

Each row of x is one utterance; each column of w is what one output unit looks for.
"""

import numpy as np


def forward(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, tuple]:
    """x (N, C), w (C, L), b (L,) -> out (N, L). The cache holds x and w."""
    if x.ndim != 2 or x.shape[1] != w.shape[0]:
        raise ValueError(f"dense: expected x of shape (N, {w.shape[0]}), received {x.shape}")
    return x @ w + b, (x, w)


def backward(dout: np.ndarray, cache: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dout (N, L) -> dx (N, C), dw (C, L), db (L,)."""
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def example(rng: np.random.Generator) -> tuple[tuple, dict]:
    """(x, w, b), options."""
    x, w, b = (rng.standard_normal(shape) for shape in ((5, 3), (3, 2), (2,)))
    return (x, w, b), {}
