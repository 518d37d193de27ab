"""A dense layer (section 2.1): each classifier is one, with two output units.

    out = x w + b

Each row of x is one utterance; each column of w is what one output unit looks for.
"""

from typing import NamedTuple

import numpy as np


class Cache(NamedTuple):
    x: np.ndarray
    w: np.ndarray


def forward(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Cache]:
    """x (N, C), w (C, L), b (L,) -> out (N, L)."""
    return x @ w + b, Cache(x, w)


def backward(dout: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dout (N, L) -> dx (N, C), dw (C, L), db (L,)."""
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x, w, b), options."""

    def of(n, c, units):
        return tuple(rng.standard_normal(shape) for shape in ((n, c), (c, units), (units,)))

    x, w, b = np.array([[2.0], [-1.0], [3.0]]), np.array([[2.0]]), np.array([1.0])
    square = np.array([[1.0, -2.0], [3.0, 2.0]])
    return {
        "sizes that differ": (of(5, 3, 2), {}),
        "one row, one feature, one unit": ((x[:1], w, b), {}),
        "three rows": ((x, w, b), {}),
        "two features and two units": ((x[:2].T, square, np.array([1.0, -1.0])), {}),
        "one row": (of(1, 4, 3), {}),
        "as many rows as features": (of(3, 3, 3), {}),
    }
