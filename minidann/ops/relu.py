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


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x,), options."""
    x = rng.standard_normal((3, 5, 4))
    return {
        "sizes that differ": ((x + 0.1 * np.sign(x),), {}),  # away from the kink at 0
        "a number of each sign": ((np.array([-1.0, 2.0]),), {}),
        "a matrix": ((np.array([[3.0, -2.0, 0.5], [-1.0, -4.0, -0.1]]),), {}),
        "a tie at 0": ((np.array([[0.0, -1.0, 2.0], [3.0, 0.0, 0.5]]),), {}),
    }
