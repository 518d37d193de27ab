"""1D convolution over time (section 2.1): a small window slides over the frames.

Every filter looks at K successive frames of D values at once and gives one number. Written out,
with stride S:

    out[n, t, f] = b[f] + sum over k, d of  x[n, t*S + k, d] * w[k, d, f]

The K*D values under one position lie side by side in memory, because x is time-major. So each
position is one row of a matrix, and the convolution is one matrix product.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Cache(NamedTuple):
    """The windows as a matrix (N*T', K*D), w, and what else `backward` has to know."""

    rows: np.ndarray
    w: np.ndarray
    x_shape: tuple[int, int, int]
    stride: int
    input_gradient: bool


def windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """View `x` (N, T, D) as its windows (N, T', size*D), T' = (T - size) // stride + 1.

    Nothing is copied: neighbouring windows overlap in memory, so the view is read-only.
    """
    n, t, d = x.shape
    flat = np.ascontiguousarray(x).reshape(n, t * d)
    return sliding_window_view(flat, size * d, axis=1)[:, :: stride * d]  # (N, T', K*D)


def forward(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, *, stride: int = 3, input_gradient: bool = True
) -> tuple[np.ndarray, Cache]:
    """x (N, T, D), w (K, D, F), b (F,) -> out (N, T', F), T' = (T - K) // stride + 1.

    No padding: frames at the end that do not fill a window are not read. The first layer of a
    network needs no gradient of its input; `input_gradient=False` makes `backward` give None.
    """
    k, d, f = w.shape
    view = windows(x, k, stride)  # (N, T', K*D)
    n, t_out, _ = view.shape
    rows = view.reshape(n * t_out, k * d)  # (N*T', K*D), copied here
    out = rows @ w.reshape(k * d, f) + b  # (N*T', F)
    return out.reshape(n, t_out, f), Cache(rows, w, x.shape, stride, input_gradient)


def backward(dout: np.ndarray, cache: Cache) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
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


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x, w, b), options. Of the 15 frames of the first example the last is under no window."""
    normal = rng.standard_normal
    x, w, b = normal((7, 15, 2)), normal((5, 2, 6)), normal(6)
    short, pair, one = np.array([[[2.0], [-1.0]]]), np.array([[[3.0]], [[-2.0]]]), np.array([1.0])
    longer = np.array([[[2.0], [-1.0], [3.0], [1.0], [-2.0]]])  # (1, 5, 1)
    return {
        "sizes that differ": ((x, w, b), {"stride": 3}),
        "one window": ((short, pair, one), {"stride": 1}),
        "windows that overlap": ((longer[:, :3], pair, one), {"stride": 1}),
        "a tail that is not read": ((longer, pair, one), {"stride": 2}),
        "the default stride": ((normal((2, 11, 3)), normal((4, 3, 2)), normal(2)), {}),
        "one utterance": ((x[:1], w, b), {"stride": 3}),
        "every frame": ((x, w, b), {"stride": 1}),
        "a stride of the kernel": ((normal((3, 21, 2)), w, b), {"stride": 5}),
        "a stride longer than the kernel": ((normal((3, 23, 2)), w, b), {"stride": 7}),
        "without input_gradient": ((x, w, b), {"stride": 3, "input_gradient": False}),
    }
