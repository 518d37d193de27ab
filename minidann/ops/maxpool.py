"""Max pooling over time (section 2.1): of `size` successive frames, each channel keeps its largest.

    out[n, p, f] = max over j < size of  x[n, p*stride + j, f]

The paper takes size = stride = 30: 247 frames become 8, and the last 7 are dropped. Only the
argmax of a pool gets a gradient: one value in thirty.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def forward(x: np.ndarray, *, size: int = 30, stride: int = 30) -> tuple[np.ndarray, tuple]:
    """x (N, T, F) -> out (N, P, F), P = (T - size) // stride + 1.

    In a tie the first maximum counts. Ties occur on real speech, where padding repeats one frame.
    The largest is decided by the real part, so that a complex step (lesson 2) goes through.

    The cache holds the argmax (N, P, F), frame numbers in x's own time, and x's shape.
    """
    if x.shape[1] < size:
        raise ValueError(f"maxpool: expected at least {size} frames, received {x.shape[1]}")
    windows = sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)
    argmax = windows.real.argmax(axis=-1)  # (N, P, F), within the window
    argmax += stride * np.arange(argmax.shape[1])[:, None]  # (N, P, F), in x's time
    return np.take_along_axis(x, argmax, axis=1), (argmax, x.shape)


def backward(dout: np.ndarray, cache: tuple) -> tuple[np.ndarray]:
    """dout (N, P, F) -> dx (N, T, F): each gradient goes to its pool's argmax."""
    argmax, x_shape = cache
    dx = np.zeros(x_shape, dtype=dout.dtype)
    n, _, f = np.indices(argmax.shape, sparse=True)
    np.add.at(dx, (n, argmax, f), dout)  # add: windows overlap where stride < size
    return (dx,)


def example(rng: np.random.Generator) -> tuple[tuple, dict]:
    """Values far apart, so that no step changes an argmax; windows overlap; a tail is dropped."""
    x = rng.permutation(3 * 12 * 2).reshape(3, 12, 2) / 10.0
    return (x,), {"size": 5, "stride": 2}
