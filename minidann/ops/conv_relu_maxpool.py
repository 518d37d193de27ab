"""Convolution, ReLU and max pooling as one op: the same numbers, in a fraction of the time.

Of thirty successive outputs of a filter the pool wants one, the largest. So much need not be done:

1. Only the frames that reach the pool are computed: 240 of the 247.
2. Adding a bias and ReLU never change which frame is largest, but for rounding. Both wait until
   after the pool and act on 8 frames instead of 240.
3. The gradient of the convolution's output is 97% zeros: the kernel's gradient is a sparse times a
   dense product.
4. The input's gradient is not needed: the op stands first in the network.
5. An utterance ends in padding, which is constant in time. There all windows are equal, so one of
   them stands for all. Most utterances are half padding.

And what is left is done where it is quick:

6. The windows of a few utterances stay near a core's cache, those of a whole batch do not. They
   are copied out, used and dropped, and copied out again for the gradient.
7. A few utterances are work for one core, the next few for another.
"""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from minidann.ops import conv1d, maxpool, parallel, relu

PART = 8  # utterances at a time: the windows of full-length ones are 2 MB


class Cache(NamedTuple):
    """The view of x's windows (N, T', K*D), without a copy: leave x as it is until `backward`.

    The argmax of each pool, a window counted within the pool, and which outputs are above zero,
    (N, P, F) each; which pools were computed (N, P); the kernel's shape, the pool's size.
    """

    view: np.ndarray
    argmax: np.ndarray
    passed: np.ndarray
    computed: np.ndarray
    w_shape: tuple[int, int, int]
    size: int


def forward(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, *, stride: int = 3, size: int = 30
) -> tuple[np.ndarray, Cache]:
    """x (N, T, D), w (K, D, F), b (F,) -> out (N, P, F); `stride` of the convolution, `size` (and
    stride) of the pool.
    """
    k, d, f = w.shape
    if b.shape != (f,):
        raise ValueError(f"conv_relu_maxpool: expected b of shape ({f},), received {b.shape}")
    view = conv1d.windows(x, k, stride)  # (N, T', K*D), no copy
    n, p = len(x), view.shape[1] // size
    if p == 0:
        raise ValueError(f"conv_relu_maxpool: a pool is {size} windows, received {view.shape[1]}")
    begins = stride * size * np.arange(p)  # (P,), the frame where each pool begins
    computed = begins < unpadded_frames(x)[:, None]  # (N, P), Q of them; other pools are padding
    kernel, ends = w.reshape(k * d, f), view[:, p * size - 1]  # (K*D, F), (N, K*D)
    dtype, places = np.result_type(x, w), np.min_scalar_type(size)
    best, where = (np.empty((computed.sum(), f), kind) for kind in (dtype, places))  # (Q, F) each

    def pool(utterances: slice, pools: slice) -> None:
        conv = _rows(view[utterances], computed[utterances], size) @ kernel  # (q*size, F)
        best[pools], where[pools] = first_largest(conv.reshape(-1, size, f))  # (q, F) each

    parallel.each(pool, _parts(computed))
    out, argmax = np.empty((n, p, f), dtype), np.zeros((n, p, f), places)
    out[:] = (ends @ kernel)[:, None]  # (N, 1, F): what the padding gives
    out[computed], argmax[computed] = best, where
    out, passed = relu.forward(out + b)  # (N, P, F)
    return out, Cache(view, argmax, passed, computed, w.shape, size)


def backward(dout: np.ndarray, cache: Cache) -> tuple[None, np.ndarray, np.ndarray]:
    """dout (N, P, F) -> None, dw (K, D, F), db (F,)."""
    view, argmax, passed, computed, (k, d, f), size = cache
    (dout,) = relu.backward(dout, passed)  # (N, P, F)
    dbest, where = dout[computed], argmax[computed]  # (Q, F) each

    # dw[:, f] = sum over q of  dbest[q, f] * rows[q*size + where[q, f]]: a product with a sparse
    # (F, q*size) matrix that has, in row f, dbest[q, f] in column q*size + where[q, f].
    def product(utterances: slice, pools: slice) -> np.ndarray:
        rows = _rows(view[utterances], computed[utterances], size)  # (q*size, K*D)
        values = dbest[pools].T  # (F, q)
        q = values.shape[1]
        columns = where[pools].T + size * np.arange(q)  # (F, q)
        dconv = (values.ravel(), columns.ravel(), q * np.arange(f + 1))
        return csr_array(dconv, shape=(f, q * size)) @ rows  # (F, K*D)

    dw = sum(parallel.each(product, _parts(computed)))  # (F, K*D)
    padding = np.where(computed[:, :, None], dout.dtype.type(0), dout).sum(axis=1)  # (N, F)
    dw += padding.T @ view[:, computed.shape[1] * size - 1]  # (F, N) @ (N, K*D)
    return None, dw.T.reshape(k, d, f), dout.sum(axis=(0, 1))


def unpadded_frames(x: np.ndarray) -> np.ndarray:
    """How many frames of each utterance x (N, T, D) come before its constant end: (N,)."""
    n, t, d = x.shape
    last = []  # the last value that differs from the same value a frame later; -1 if none does
    for values in x.reshape(n, t * d):
        differs = values[d:] != values[:-d]  # ((T-1)*D,)
        last.append(differs.tobytes().rfind(1))  # read from the end
    return np.array(last) // d + 1


def first_largest(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (q, size, F) -> the largest along axis 1 (q, F), and where it stands first (q, F).

    The largest is decided by the real part. `argmax` finds the same, but one number at a time
    unless `size` is the last axis. So: mark all ties for the largest, count down along the axis,
    and the first mark has the highest count.
    """
    size = x.shape[1]
    largest = x.real.max(axis=1)  # (q, F)
    countdown = np.arange(size, dtype=np.min_scalar_type(size))[::-1, None]  # (size, 1)
    marks = (x.real == largest[:, None]).view(np.uint8)  # (q, size, F)
    where = countdown[0] - (marks * countdown).max(axis=1)
    if np.iscomplexobj(x):
        largest = np.take_along_axis(x, where[:, None].astype(int), axis=1)[:, 0]
    return largest, where


def _rows(view: np.ndarray, computed: np.ndarray, size: int) -> np.ndarray:
    """The windows of the pools that are computed, pool after pool: (q*size, K*D)."""
    counts = size * computed.sum(axis=1)  # (n,): the computed ones of an utterance come first
    return np.concatenate([windows[:count] for windows, count in zip(view, counts)])


def _parts(computed: np.ndarray) -> list[tuple[slice, slice]]:
    """PART utterances after PART utterances: (which utterances, which of the Q pools)."""
    n = len(computed)
    ends = np.concatenate([[0], computed.sum(axis=1).cumsum()])  # (N+1,)
    bounds = [(i, min(i + PART, n)) for i in range(0, n, PART)]
    return [(slice(i, j), slice(ends[i], ends[j])) for i, j in bounds]


def compose(conv1d=conv1d, relu=relu, maxpool=maxpool) -> SimpleNamespace:
    """The plain way: three ops, one after the other, as one op with this file's contract.

    Give it your own `conv1d`, `relu` or `maxpool` and the network runs on them.
    """

    def forward(x, w, b, *, stride=3, size=30):
        conv, conv_cache = conv1d.forward(x, w, b, stride=stride, input_gradient=False)
        rectified, relu_cache = relu.forward(conv)
        out, pool_cache = maxpool.forward(rectified, size=size, stride=size)
        return out, (conv_cache, relu_cache, pool_cache)

    def backward(dout, cache):
        conv_cache, relu_cache, pool_cache = cache
        (drectified,) = maxpool.backward(dout, pool_cache)
        (dconv,) = relu.backward(drectified, relu_cache)
        return conv1d.backward(dconv, conv_cache)

    return SimpleNamespace(forward=forward, backward=backward)


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x, w, b), options. The last frames reach no pool, and some pools stay below zero."""
    normal = rng.standard_normal
    x, w, b = normal((3, 24, 2)), normal((5, 2, 7)), normal(7)
    padded = x.copy()
    for row, unpadded in zip(padded, (9, 12, 15)):
        row[unpadded:] = row[:unpadded].min(axis=0)
    long, kernel = normal((2, 101, 1)), normal((4, 1, 3))
    return {
        "sizes that differ": ((x, w, b - 3), {"stride": 2, "size": 4}),
        "half of the pools below zero": ((x, w, b - 6), {"stride": 2, "size": 4}),
        "one utterance": ((x[:1], w, b - 3), {"stride": 1, "size": 6}),
        "the default stride and size": ((long, kernel, normal(3)), {}),
        "a tie in the padding": ((padded, w - 0.5, b - 3), {"stride": 2, "size": 4}),
    }
