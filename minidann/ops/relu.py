"""ReLU (section 2.1): what is negative becomes zero.

    out = x where x > 0, else 0

Without it the network would be linear up to the pool, however many filters it had.
"""

import numpy as np


def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x of any shape -> out of the same shape. The cache is the mask of what passed.

    The sign is that of the real part, so that a complex step (lesson 2) goes through. NaN
    passes too: a fault must reach the loss, where it is seen, and not end here as a zero.
    """
    passed = ~(x.real <= 0)
    return np.where(passed, x, np.zeros((), x.dtype)), passed


def backward(dout: np.ndarray, cache: np.ndarray) -> tuple[np.ndarray]:
    """dout -> dx, same shape: the gradient passes where x passed. At x = 0 it is taken as 0."""
    return (np.where(cache, dout, np.zeros((), dout.dtype)),)


def example(rng: np.random.Generator) -> tuple[tuple, dict]:
    """x of both signs, kept away from the kink at 0."""
    x = rng.standard_normal((3, 5, 4))
    return (x + 0.1 * np.sign(x),), {}
