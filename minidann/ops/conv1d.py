"""1D convolution over time (section 2.1): a small window slides over the frames.

Every filter looks at K successive frames of D values at once and gives one number. Written out,
with stride S:

    out[n, t, f] = b[f] + sum over k, d of  x[n, t*S + k, d] * w[k, d, f]

The K*D values under one position lie side by side in memory, because x is time-major. So each
position is one row of a matrix, and the convolution is one matrix product.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """View `x` (N, T, D) as its windows (N, T', size*D), T' = (T - size) // stride + 1.

    Nothing is copied: neighbouring windows overlap in memory, so the view is read-only.
    """
    n, t, d = x.shape
    if t < size:
        raise ValueError(f"conv1d: expected at least {size} frames (the kernel), received {t}")
    flat = np.ascontiguousarray(x).reshape(n, t * d)
    return sliding_window_view(flat, size * d, axis=1)[:, :: stride * d]  # (N, T', K*D)


def forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    *,
    stride: int = 3,
    input_gradient: bool = True,
) -> tuple[np.ndarray, tuple]:
    """x (N, T, D), w (K, D, F), b (F,) -> out (N, T', F), T' = (T - K) // stride + 1.

    No padding: frames at the end that do not fill a window are not read. The first layer of a
    network needs no gradient of its input; `input_gradient=False` makes `backward` give None.

    The cache holds the windows as a matrix (N*T', K*D), w, x's shape and the two options.
    """
    k, d, f = w.shape
    if x.ndim != 3 or x.shape[2] != d:
        raise ValueError(f"conv1d: expected x of shape (N, T, {d}), received {x.shape}")
    view = windows(x, k, stride)  # (N, T', K*D)
    n, t_out, _ = view.shape
    rows = view.reshape(n * t_out, k * d)  # (N*T', K*D), copied here
    out = rows @ w.reshape(k * d, f) + b  # (N*T', F)
    return out.reshape(n, t_out, f), (rows, w, x.shape, stride, input_gradient)


def backward(dout: np.ndarray, cache: tuple) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """dout (N, T', F) -> dx (N, T, D), dw (K, D, F), db (F,)."""
    rows, w, x_shape, stride, input_gradient = cache
    k, d, f = w.shape
    n, t_out, _ = dout.shape
    dout = dout.reshape(n * t_out, f)  # (N*T', F)
    dw = (rows.T @ dout).reshape(k, d, f)
    db = dout.sum(axis=0)
    if not input_gradient:
        return None, dw, db
    drows = (dout @ w.reshape(k * d, f).T).reshape(n, t_out, k, d)
    dx = np.zeros(x_shape, dtype=drows.dtype)
    for offset in range(k):  # a frame lies under several windows: their gradients add up
        dx[:, offset : offset + stride * t_out : stride] += drows[:, :, offset]
    return dx, dw, db


def example(rng: np.random.Generator) -> tuple[tuple, dict]:
    """A small legal input, all sizes different (T' = 4), for checks: (x, w, b), options.

    Of the 15 frames the last is under no window: its gradient is zero.
    """
    x = rng.standard_normal((7, 15, 2))
    w = rng.standard_normal((5, 2, 6))
    b = rng.standard_normal(6)
    return (x, w, b), {"stride": 3}
