"""Mistakes in the convolution and in ReLU."""

import numpy as np

from minidann.mistakes.mutants.making import afresh, gradients
from minidann.ops import conv1d, relu

# --- conv1d: dx is scattered back over overlapping windows, dw is a product, db a sum


def spread(dout, cache, frame, *, w=None, overwrite=False):
    """dx in two loops: what window t gives to its k-th frame goes to frame(t, k), if it exists."""
    _, kernel, shape, _, _ = cache
    given = np.einsum("ntf,kdf->ntkd", dout, kernel if w is None else w)  # (N, T', K, D)
    dx = np.zeros(shape)
    for t, k in np.ndindex(given.shape[1:3]):
        if 0 <= frame(t, k) < shape[1]:
            dx[:, frame(t, k)] = given[:, t, k] + (0 if overwrite else dx[:, frame(t, k)])
    return dx


@gradients(conv1d, "overwritten")
def the_later_window_overwrites(right, dout, cache):
    """Where windows overlap, dx keeps what the last window wrote: = instead of +=."""
    stride = cache[3]
    return spread(dout, cache, lambda t, k: t * stride + k, overwrite=True), *right[1:]


@gradients(conv1d, "overwritten")
def the_later_offset_overwrites(right, dout, cache):
    """The loop over the kernel's offsets writes dx[...] = where it should add: few terms stay."""
    _, w, _, stride, _ = cache
    dx = np.zeros_like(right[0])
    for k in range(len(w)):
        dx[:, k : k + stride * dout.shape[1] : stride] = dout @ w[k].T
    return dx, *right[1:]


@gradients(conv1d, "shifted")
def offsets_count_from_one(right, dout, cache):
    """The kernel's offsets count from 1 when dx is scattered: everything lands a frame late."""
    stride = cache[3]
    return spread(dout, cache, lambda t, k: t * stride + k + 1), *right[1:]


@gradients(conv1d, "stride")
def dx_at_stride_one(right, dout, cache):
    """dx is scattered as if the stride were 1: window t starts at frame t."""
    return spread(dout, cache, lambda t, k: t + k), *right[1:]


@gradients(conv1d, "reversed")
def dx_by_the_kernel_reversed(right, dout, cache):
    """dx uses the kernel back to front, as the word convolution suggests; forward does not."""
    _, w, _, stride, _ = cache
    return spread(dout, cache, lambda t, k: t * stride + k, w=w[::-1]), *right[1:]


@gradients(conv1d, "reversed")
def dw_from_a_flipping_library(right, dout, cache):
    """dw comes from a library's `convolve`, which flips: it is reversed along the kernel."""
    dx, dw, db = right
    return dx, dw[::-1], db


@gradients(conv1d, "transposed")
def dw_reshaped_not_transposed(right, dout, cache):
    """dw is made filters first and brought to (K, D, F) by reshape instead of transpose."""
    dx, dw, db = right
    return dx, dw.transpose(2, 0, 1).reshape(dw.shape), db


@gradients(conv1d, "zero slice", "missing path")
def the_last_window_is_left_out(right, dout, cache):
    """The loop over windows ends one too early: the last frames of dx stay zero."""
    stride = cache[3]
    return spread(dout[:, :-1], cache, lambda t, k: t * stride + k), *right[1:]


@gradients(conv1d, "first only")
def dw_of_the_first_utterance(right, dout, cache):
    """dw is made from the first utterance's windows; the rest of the batch is forgotten."""
    alone = dout * (np.arange(len(dout)) == 0)[:, None, None]
    return right[0], conv1d.backward(alone, cache)[1], right[2]


@gradients(conv1d, "factor", "summed", says="the batch times the size of out along time")
def db_is_a_mean(right, dout, cache):
    """db is the mean over utterances and frames where it should be the sum."""
    return *right[:2], dout.mean(axis=(0, 1))


# --- relu: a gate that forward has set


@gradients(relu, "gate")
def no_gate(right, dout, cache):
    """The gradient passes everywhere, as if the layer were not there."""
    return (dout.copy(),)


@gradients(relu, "gate")
def the_gate_is_inverted(right, dout, cache):
    """The gradient passes where x was negative, and is stopped where it was positive."""
    return (dout * ~cache,)


@gradients(relu, "gate", "wrong cache")
def the_gate_of_dout(right, dout, cache):
    """The gradient passes where it is positive itself: ReLU is applied to dout, x is not asked."""
    return (np.maximum(dout, 0),)


@afresh(relu, "wrong cache")
def multiplied_by_the_output(dout, arrays, options):
    """The output is kept and multiplied with, as if it were the mask of zeros and ones."""
    return (dout * np.maximum(arrays[0], 0),)
