"""Max pooling over time (section 2.1): of `size` successive frames, each channel keeps its largest.

    out[n, p, f] = max over j < size of  x[n, p*stride + j, f]

The paper takes size = stride = 30: 247 frames become 8, and the last 7 are dropped. Only the
argmax of a pool gets a gradient: one value in thirty.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Cache(NamedTuple):
    """The argmax of each pool (N, P, F), frame numbers in x's own time, and x's shape."""

    argmax: np.ndarray
    x_shape: tuple[int, int, int]


def forward(x: np.ndarray, *, size: int = 30, stride: int = 30) -> tuple[np.ndarray, Cache]:
    """x (N, T, F) -> out (N, P, F), P = (T - size) // stride + 1.

    A stride that is not given is 30, whatever the size is. In a tie the first maximum counts. Ties
    occur on real speech, where padding repeats one frame.
    The largest is decided by the real part, so that a complex step (lesson 2) goes through.
    """
    windows = sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)
    argmax = windows.real.argmax(axis=-1)  # (N, P, F), within the window
    argmax += stride * np.arange(argmax.shape[1])[:, None]  # (N, P, F), in x's time
    return np.take_along_axis(x, argmax, axis=1), Cache(argmax, x.shape)


def backward(dout: np.ndarray, cache: Cache) -> tuple[np.ndarray]:
    """dout (N, P, F) -> dx (N, T, F): each gradient goes to its pool's argmax."""
    argmax, x_shape = cache
    dx = np.zeros(x_shape, dtype=dout.dtype)
    n, _, f = np.indices(argmax.shape, sparse=True)
    np.add.at(dx, (n, argmax, f), dout)  # add: windows overlap where stride < size
    return (dx,)


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x,), options. Values are a tenth apart, so that no small step changes an argmax."""

    def apart(*shape):
        return (rng.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) // 2) / 10

    def of(*values):
        return np.array(values)[None, :, None]  # (1, T, 1)

    both = np.array([[[1.0, 4.0], [2.0, -3.0]], [[-1.0, -4.0], [-2.0, 3.0]]])  # (2, 2, 2)
    pairs = {"size": 2, "stride": 2}
    return {
        "sizes that differ": ((apart(4, 14, 3),), {"size": 5, "stride": 2}),  # overlap, and a tail
        "one pool": ((of(3.0, 1.0),), pairs),
        "numbers far below zero": ((of(-3e4, -1.1e4, -2e4, -5e4),), pairs),
        "a tail that is not read": ((of(1.0, 2.0, 5.0),), pairs),
        "one frame that is largest twice": ((of(1.0, 3.0, 2.0),), {"size": 2, "stride": 1}),
        "gaps between the pools": ((of(1.0, 2.0, 5.0, 4.0, 3.0),), {"size": 2, "stride": 3}),
        "a size without a stride": ((of(1.0, 2.0, 5.0, 4.0),), {"size": 2}),
        "pools side by side": ((apart(2, 13, 3),), {"size": 4, "stride": 4}),
        "two utterances and channels": ((both,), pairs),
        "the default size and stride": ((apart(1, 307, 1),), {}),  # more frames than a byte counts
        "a tie of two frames": ((of(2.0, 2.0, 1.0, 4.0),), pairs),
        "a tie in most pools": ((rng.integers(-1, 2, (3, 17, 2)).astype(float),),
                                {"size": 5, "stride": 5}),
    }  # fmt: skip
