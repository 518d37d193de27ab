"""Mistakes in max pooling, and in convolution, ReLU and pooling as one op."""

import numpy as np

from minidann.mistakes.mutants.making import afresh, first, gradients, keeps, reads
from minidann.ops import conv_relu_maxpool, maxpool

# --- maxpool: the argmax takes all


def with_ties(rng):
    """Whole numbers from 0 to 2: in most windows the maximum occurs more than once."""
    return (rng.integers(0, 3, (3, 13, 2)).astype(float),), {"size": 5, "stride": 4}


def much_overlap(rng):
    """Windows of five frames every two: most maxima are the argmax of two windows."""
    return (rng.permutation(3 * 13 * 2).reshape(3, 13, 2) / 10.0,), {"size": 5, "stride": 2}


def share(dout, x, *, size=30, stride=30, weights):
    """dx where each window's gradient is spread by `weights(ties)`, ties (N, size, F) boolean."""
    dx = np.zeros_like(x)
    for p in range(dout.shape[1]):
        frames = slice(p * stride, p * stride + size)
        ties = x[:, frames] == x[:, frames].max(axis=1, keepdims=True)
        dx[:, frames] += weights(ties) * dout[:, p : p + 1]
    return (dx,)


@afresh(maxpool, "ties", example=with_ties)
def every_tied_maximum_counts(dout, arrays, options):
    """Each of several tied maxima gets the whole gradient: mask = (x == max)."""
    return share(dout, *arrays, **options, weights=lambda ties: ties)


@afresh(maxpool, "ties", example=with_ties)
def tied_maxima_share(dout, arrays, options):
    """Tied maxima get equal parts of the gradient; forward took the first."""
    return share(dout, *arrays, **options, weights=lambda ties: ties / ties.sum(1, keepdims=True))


@gradients(maxpool, "overwritten", example=much_overlap)
def a_frame_that_is_the_argmax_twice_counts_once(right, dout, cache):
    """dx[index] += dout adds only once where an index occurs twice; np.add.at is needed."""
    argmax, shape = cache
    dx = np.zeros(shape)
    n, _, f = np.indices(argmax.shape, sparse=True)
    dx[n, argmax, f] += dout
    return (dx,)


@keeps(maxpool, "stride")
def the_start_of_the_window_is_forgotten(cache, arrays, options):
    """The argmax within its window is kept as if it were a frame of x."""
    argmax, shape = cache
    return argmax - options.get("stride", 30) * np.arange(argmax.shape[1])[:, None], shape


@reads(maxpool, "shifted")
def the_frame_after_the_argmax(dout, cache):
    """The argmax is counted from 1: the gradient lands one frame late."""
    argmax, shape = cache
    return dout, (np.minimum(argmax + 1, shape[1] - 1), shape)


@keeps(maxpool, "reversed")
def the_window_is_searched_backwards(cache, arrays, options):
    """The windows are flipped before argmax, and the index found is not flipped back."""
    argmax, shape = cache
    start = options.get("stride", 30) * np.arange(argmax.shape[1])[:, None]
    return start + options.get("size", 30) - 1 - (argmax - start), shape


@reads(maxpool, "zero slice")
def the_last_pool_is_left_out(dout, cache):
    """The loop over pools ends one too early: the last one gives no gradient."""
    return dout * (np.arange(dout.shape[1]) < dout.shape[1] - 1)[:, None], cache


# --- conv_relu_maxpool: only the argmax counts


def padded(rng):
    """Utterances whose end repeats their minimum, as padding does: whole pools are ties.

    The kernel leans to the negative, so that these pools are above zero.
    """
    (x, w, b), options = first(conv_relu_maxpool, rng)
    for row, unpadded in zip(x, (9, 12, 15)):
        row[unpadded:] = row[:unpadded].min(axis=0)
    return (x, w - 0.5, b), options


def low_bias(rng):
    """A bias so low that about half of the pools end below zero."""
    (x, w, b), options = first(conv_relu_maxpool, rng)
    return (x, w, b - 3.5), options


def pools(cache):
    """The windows of each pool (N, P, size, K*D), and the window at the argmax (N, P, F, K*D)."""
    view, argmax, _, _, _, size = cache
    n, p, _ = argmax.shape
    windows = view[:, : p * size].reshape(n, p, size, -1)
    return windows, windows[np.arange(n)[:, None, None], np.arange(p)[:, None], argmax]


@reads(conv_relu_maxpool, "ties", example=padded)
def every_tied_frame_gets_the_gradient(dout, cache):
    """On padding, where frames are equal, every frame of the maximum gets the whole gradient."""
    windows, largest = pools(cache)
    ties = (windows[:, :, None] == largest[:, :, :, None]).all(axis=4)  # (N, P, F, size)
    return dout * ties.sum(axis=3), cache


@reads(conv_relu_maxpool, "gate", example=low_bias)
def pools_below_zero_pass(dout, cache):
    """ReLU's gate is left out: pools whose largest value is negative get a gradient too."""
    view, argmax, passed, *rest = cache
    return dout, (view, argmax, np.ones_like(passed), *rest)


@keeps(conv_relu_maxpool, "wrong cache", "gate", example=low_bias)
def the_gate_is_set_before_the_bias(cache, arrays, options):
    """Whether a pool passes is decided before its bias is added."""
    view, argmax, _, *rest = cache
    _, largest = pools(cache)
    best = (largest * arrays[1].reshape(-1, argmax.shape[2]).T).sum(axis=3)  # (N, P, F)
    return view, argmax, best > 0, *rest


@gradients(conv_relu_maxpool, "stride")
def argmax_of_the_first_pool(right, dout, cache):
    """The argmax within its pool is used as a row of all windows: the start is missing."""
    view, argmax, passed, _, shape, _ = cache
    dbest = (dout * passed).reshape(-1, shape[2])  # (N*P, F)
    rows = view[0][argmax.reshape(dbest.shape)]  # (N*P, F, K*D)
    _, _, db = right
    return None, np.einsum("pf,pfk->kf", dbest, rows).reshape(shape), db


@gradients(conv_relu_maxpool, "transposed")
def the_kernel_comes_filters_first(right, dout, cache):
    """dw is (F, K*D) and is reshaped to (K, D, F) without being transposed first."""
    _, dw, db = right
    return None, dw.reshape(-1, dw.shape[2]).T.reshape(dw.shape), db
