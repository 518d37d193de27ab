"""Mistakes in the convolution, ReLU, max pooling, and in the three as one op."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidann.mistakes.catalogue import afresh, forward, gradients, keeps, reads, table
from minidann.ops import conv1d, conv_relu_maxpool, maxpool, relu

# --- conv1d: dx is scattered back over overlapping windows, dw is a product, db a sum


def spread(dout, cache, frame, *, w=None, overwrite=False):
    """dx in two loops: what window t gives to its k-th frame goes to frame(t, k), if it exists."""
    given = np.einsum("ntf,kdf->ntkd", dout, cache.w if w is None else w)  # (N, T', K, D)
    dx = np.zeros(cache.x_shape)
    for t, k in np.ndindex(given.shape[1:3]):
        if 0 <= frame(t, k) < cache.x_shape[1]:
            dx[:, frame(t, k)] = given[:, t, k] + (0 if overwrite else dx[:, frame(t, k)])
    return dx if cache.input_gradient else None


@gradients(conv1d, "overwrit")
def the_later_window_overwrites(right, dout, cache):
    """Where windows overlap, dx keeps what the last window wrote: = instead of +=."""
    return spread(dout, cache, lambda t, k: t * cache.stride + k, overwrite=True), *right[1:]


@gradients(conv1d, "overwrit")
def the_later_offset_overwrites(right, dout, cache):
    """The loop over the kernel's offsets writes dx[...] = where it should add."""
    dx = np.zeros(cache.x_shape)
    for k in range(len(cache.w)):
        dx[:, k : k + cache.stride * dout.shape[1] : cache.stride] = dout @ cache.w[k].T
    return dx if cache.input_gradient else None, *right[1:]


@gradients(conv1d, "shifted")
def offsets_count_from_one(right, dout, cache):
    """The kernel's offsets count from 1 when dx is scattered: everything lands a frame late."""
    return spread(dout, cache, lambda t, k: t * cache.stride + k + 1), *right[1:]


@gradients(conv1d, "stride")
def dx_at_stride_one(right, dout, cache):
    """dx is scattered as if the stride were 1: window t starts at frame t."""
    return spread(dout, cache, lambda t, k: t + k), *right[1:]


@gradients(conv1d, "stride")
def dx_at_the_stride_of_the_kernel(right, dout, cache):
    """dx is scattered as if the stride were the kernel's size."""
    return spread(dout, cache, lambda t, k: t * len(cache.w) + k), *right[1:]


@gradients(conv1d, "reversed")
def dx_by_the_kernel_reversed(right, dout, cache):
    """dx uses the kernel back to front, as the word convolution suggests; forward does not."""
    dx = spread(dout, cache, lambda t, k: t * cache.stride + k, w=cache.w[::-1])
    return dx, *right[1:]


@gradients(conv1d, "reversed")
def dw_from_a_flipping_library(right, dout, cache):
    """dw comes from a library's `convolve`, which flips: it is reversed along the kernel."""
    dx, dw, db = right
    return dx, dw[::-1], db


@gradients(conv1d, "transpose")
def dw_reshaped_not_transposed(right, dout, cache):
    """dw is made filters first and brought to (K, D, F) by reshape instead of transpose."""
    dx, dw, db = right
    return dx, dw.transpose(2, 0, 1).reshape(dw.shape), db


@gradients(conv1d, "the last")
def the_last_window_is_left_out(right, dout, cache):
    """The loop over windows ends one too early: the last window gives nothing to dx."""
    return spread(dout[:, :-1], cache, lambda t, k: t * cache.stride + k), *right[1:]


@gradients(conv1d, "first")
def dw_of_the_first_utterance(right, dout, cache):
    """dw is made from the first utterance's windows; the rest of the batch is forgotten."""
    alone = dout * (np.arange(len(dout)) == 0)[:, None, None]
    return right[0], conv1d.backward(alone, cache)[1], right[2]


@gradients(conv1d, "divided|averaged")
def db_is_a_mean(right, dout, cache):
    """db is the mean over utterances and windows where it should be the sum."""
    return *right[:2], dout.mean(axis=(0, 1))


def placed(starts, w_of=lambda w: w, b_of=lambda b: b):
    """A wrong forward, whose windows begin at starts(T, K, stride)."""

    def change(x, w, b, stride=3, input_gradient=True):
        begins = list(starts(x.shape[1], len(w), stride))
        view = conv1d.windows(x, len(w), 1)[:, begins]  # (N, T', K*D)
        return view @ w_of(w).reshape(-1, w.shape[2]) + b_of(b)

    return change


def every(step):
    """The starts of all windows that fit, `step` apart, None: the stride."""
    return lambda t, k, stride: range(0, t - k + 1, step or stride)


table(conv1d, "forward", {
    "The bias is not added.": placed(every(None), b_of=lambda b: 0 * b),
    "The bias is added twice.": placed(every(None), b_of=lambda b: 2 * b),
    "The stride is not used: window t begins at frame t.": placed(
        lambda t, k, stride: range((t - k) // stride + 1)),
    "The stride is not used: there is a window at every frame.": placed(every(1)),
    "Windows never overlap: they begin every K frames, whatever the stride.": placed(
        lambda t, k, stride: range(0, t - k + 1, k)),
    "The stride is 3 whatever is given.": placed(every(3)),
    "The last window is missing: T' is (T - K) // stride, without the 1.": placed(
        lambda t, k, stride: range(0, t - k + 1, stride)[:-1]),
    "The kernel is reversed in time, as the word convolution suggests: here it is not.": placed(
        every(None), w_of=lambda w: w[::-1]),
    "The windows are flattened channels first, the kernel frames first.": placed(
        every(None), w_of=lambda w: w.swapaxes(0, 1).reshape(w.shape)),
})  # fmt: skip

# --- relu: a gate that forward has set


@gradients(relu, "applied")
def no_gate(right, dout, cache):
    """The gate is missing: the gradient passes everywhere, as if the layer were not there."""
    return (dout.copy(),)


@gradients(relu, "inverted")
def the_gate_is_inverted(right, dout, cache):
    """The gate is inverted: the gradient passes where x was negative."""
    return (dout * ~cache,)


@gradients(relu, "dout")
def the_gate_of_dout(right, dout, cache):
    """The gate is that of dout: the gradient passes where dout is positive, x is not asked."""
    return (np.maximum(dout, 0),)


@afresh(relu, "multiplied")
def multiplied_by_the_output(dout, arrays, options):
    """dout is multiplied by the output, as if it were the mask of zeros and ones."""
    return (dout * np.maximum(arrays[0], 0),)


@afresh(relu, "0")
def the_gate_is_open_at_0(dout, arrays, options):
    """At x = 0 the gradient passes; it should be 0 there."""
    return (dout * (arrays[0] >= 0),)


SLOPES = (0.01, 0.1, 0.2)
table(relu, "gradients", {
    f"Where x is negative, dout is multiplied by {slope}, as in a leaky ReLU, not set to 0.":
        lambda right, dout, cache, slope=slope: (np.where(cache, dout, slope * dout),)
    for slope in SLOPES
})  # fmt: skip
table(relu, "forward", {
    "The largest entry of x is returned, not each entry or 0.": lambda x: np.maximum(x.max(), 0),
    "The mask is returned, not x where it is positive.": lambda x: (x > 0) * 1.0,
    "The absolute value is returned.": lambda x: np.abs(x),
    "What is positive becomes zero, what is negative stays.": lambda x: np.minimum(x, 0),
    **{f"What is negative is multiplied by {slope}, as in a leaky ReLU, not set to 0.":
        lambda x, slope=slope: np.where(x > 0, x, slope * x) for slope in SLOPES},
})  # fmt: skip

# --- maxpool: the argmax takes all


def share(dout, x, *, size=30, stride=30, weights):
    """dx where each window's gradient is spread by `weights(window)`, window (N, size, F)."""
    dx = np.zeros_like(x)
    for p in range(dout.shape[1]):
        frames = slice(p * stride, p * stride + size)
        dx[:, frames] += weights(x[:, frames]) * dout[:, p : p + 1]
    return (dx,)


def largest(window):
    return window == window.max(axis=1, keepdims=True)


def only(place):
    """Of (N, size, F) the frame `place` (N, F) alone."""
    return lambda window: np.arange(window.shape[1])[:, None] == place(window)[:, None]


def first_channel(window):
    return np.broadcast_to(window.argmax(axis=1)[:, :1], window[:, 0].shape)


def last_largest(window):
    return window.shape[1] - 1 - window[:, ::-1].argmax(axis=1)


def part(window):
    return largest(window) / largest(window).sum(axis=1, keepdims=True)


WEIGHTS = {
    "Each of several tied maxima gets the whole gradient; the first alone should.": largest,
    "Tied maxima share the gradient; forward took the first.": part,
    "In a tie the gradient goes to the last maximum, not to the first.": only(last_largest),
    "The gradient goes to the frame with the largest absolute value, not to the largest.": only(
        lambda window: np.abs(window).argmax(axis=1)),
    "The gradient goes to the smallest frame of each window.": only(
        lambda window: window.argmin(axis=1)),
    "The gradient goes to the first frame of each window, not to the largest.": only(
        lambda window: 0 * window.argmax(axis=1)),
    "The gradient goes to the last frame of each window, not to the largest.": only(
        lambda window: 0 * window.argmax(axis=1) + window.shape[1] - 1),
    "The argmax of the first channel is used for all channels.": only(first_channel),
    "The argmax of the first utterance is used for all utterances.": only(
        lambda window: np.broadcast_to(window.argmax(axis=1)[:1], window[:, 0].shape)),
    "The argmax is searched over frames and channels together.": lambda window: (
        window == window.max(axis=(1, 2), keepdims=True)),
    "A frame gets the gradient only if it is positive, as after a ReLU; pooling has no ReLU.":
        lambda window: only(lambda w: w.argmax(axis=1))(window) * (window > 0),
    "Every frame of a window gets the whole gradient, not the largest alone.": lambda window: (
        np.ones_like(window)),
    "The gradient is shared by all frames of a window: that is a mean's, not a maximum's.":
        lambda window: np.full_like(window, 1 / window.shape[1]),
    "Windows are searched backwards: the argmax is counted from the window's end.": only(
        lambda window: window.shape[1] - 1 - window.argmax(axis=1)),
}  # fmt: skip
table(maxpool, "afresh", {
    says: lambda dout, arrays, options, weights=weights: share(
        dout, *arrays, **options, weights=weights)
    for says, weights in WEIGHTS.items()
}, "maxim|largest|argmax|cut to")  # fmt: skip


@afresh(maxpool, "negative")
def frame_0_where_nothing_is_positive(dout, arrays, options):
    """The search starts at 0: a window without a positive number sends its gradient to frame 0."""
    (x,) = arrays
    silent = np.zeros_like(dout)
    (dx,) = share(dout, x, **options, weights=lambda w: only(lambda v: v.argmax(1))(w) * (w > 0))
    view = pools(x, options.get("size", 30), options.get("stride", 30))
    dx[:, 0] += np.where(view.max(axis=-1) > 0, silent, dout).sum(axis=1)
    return (dx,)


@gradients(maxpool, "overwrit")
def a_frame_that_is_the_argmax_twice_counts_once(right, dout, cache):
    """dx[index] += dout adds only once where an index occurs twice; np.add.at is needed."""
    dx = np.zeros(cache.x_shape)
    n, _, f = np.indices(cache.argmax.shape, sparse=True)
    dx[n, cache.argmax, f] += dout
    return (dx,)


@keeps(maxpool, "argmax")
def the_start_of_the_window_is_forgotten(cache, arrays, options):
    """The argmax within its window is kept as if it were a frame of x."""
    starts = options.get("stride", 30) * np.arange(cache.argmax.shape[1])[:, None]
    return cache._replace(argmax=cache.argmax - starts)


@reads(maxpool, "larger")
def the_frame_after_the_argmax(dout, cache):
    """The argmax is counted from 1: the gradient lands one frame late."""
    return dout, cache._replace(argmax=np.minimum(cache.argmax + 1, cache.x_shape[1] - 1))


@keeps(maxpool, "size")
def pools_start_every_size_frames(cache, arrays, options):
    """Windows are placed every `size` frames on the way back, whatever the stride."""
    size, stride = options.get("size", 30), options.get("stride", 30)
    moved = cache.argmax + (size - stride) * np.arange(cache.argmax.shape[1])[:, None]
    return cache._replace(argmax=np.minimum(moved, cache.x_shape[1] - 1))


@reads(maxpool, "the last")
def the_last_pool_is_left_out(dout, cache):
    """The loop over pools ends one too early: the last one gives no gradient."""
    return dout * (np.arange(dout.shape[1]) < dout.shape[1] - 1)[:, None], cache


def pools(x, size, stride):
    return sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)


def taken(view, where):
    return np.take_along_axis(view, where[..., None], axis=-1)[..., 0]


def pooled(of):
    """A wrong forward: `of` the windows of x (N, P, F, size)."""
    return lambda x, size=30, stride=30: of(pools(x, size, stride))


table(maxpool, "forward", {
    "The mean of each pool is taken, not its largest.": pooled(lambda view: view.mean(axis=-1)),
    "The sum of each pool is taken, not its largest.": pooled(lambda view: view.sum(axis=-1)),
    "The smallest of each pool is taken.": pooled(lambda view: view.min(axis=-1)),
    "The entry with the largest absolute value is taken, whose sign does not count.": pooled(
        lambda view: taken(view, np.abs(view).argmax(axis=-1))),
    "The largest absolute value is taken.": pooled(lambda view: np.abs(view).max(axis=-1)),
    "Negative numbers count as 0: the search for the largest starts at 0.": pooled(
        lambda view: np.maximum(view.max(axis=-1), 0)),
    "The first frame of each pool is taken.": pooled(lambda view: view[..., 0]),
    "The last frame of each pool is taken.": pooled(lambda view: view[..., -1]),
    "The frame in which the first channel is largest is taken for all channels.": pooled(
        lambda view: taken(
            view, np.broadcast_to(view.argmax(axis=-1)[..., :1], view.shape[:3]))),
    "The largest is taken over frames and channels together.": pooled(
        lambda view: np.broadcast_to(view.max(axis=(2, 3))[..., None], view.shape[:3])),
    "Pools begin every `size` frames, whatever the stride.":
        lambda x, size=30, stride=30: pools(x, size, size).max(axis=-1),
    "Pools begin every frame, whatever the stride.":
        lambda x, size=30, stride=30: pools(x, size, 1).max(axis=-1),
    "The last pool is missing: P is (T - size) // stride, without the 1.": pooled(
        lambda view: view.max(axis=-1)[:, :-1]),
    "There are too many pools: what is left at the end is no pool of its own.":
        lambda x, size=30, stride=30: np.stack(
            [x[:, i : i + size].max(axis=1) for i in range(0, x.shape[1], stride)], axis=1),
})  # fmt: skip


@forward(maxpool)
def one_pool_too_many(x, size=30, stride=30):
    """There is one pool too many, which is shorter than `size`: P is (T - size) // stride + 1."""
    starts = range(0, stride * ((x.shape[1] - size) // stride + 2), stride)
    tails = [x[:, i : i + size] for i in starts]
    return np.stack([t.max(axis=1) for t in tails if t.shape[1]], axis=1)


# --- conv_relu_maxpool: only the argmax counts


def windows_at_the_largest(cache):
    """The windows of each pool (N, P, size, K*D), and the one at the argmax (N, P, F, K*D)."""
    n, p, _ = cache.argmax.shape
    windows = cache.view[:, : p * cache.size].reshape(n, p, cache.size, -1)
    return windows, windows[np.arange(n)[:, None, None], np.arange(p)[:, None], cache.argmax]


@reads(conv_relu_maxpool, "tie")
def every_tied_frame_gets_the_gradient(dout, cache):
    """On padding, where frames are equal, every frame of the maximum gets the whole gradient."""
    windows, at_largest = windows_at_the_largest(cache)
    ties = (windows[:, :, None] == at_largest[:, :, :, None]).all(axis=4)  # (N, P, F, size)
    return dout * ties.sum(axis=3), cache


@reads(conv_relu_maxpool, "passed")
def pools_below_zero_pass(dout, cache):
    """ReLU's gate is left out: pools whose largest value is negative get a gradient too."""
    return dout, cache._replace(passed=np.ones_like(cache.passed))


@keeps(conv_relu_maxpool, "bias")
def the_gate_is_set_before_the_bias(cache, arrays, options):
    """Whether a pool passes is decided before its bias is added."""
    _, at_largest = windows_at_the_largest(cache)
    w = arrays[1].reshape(-1, cache.argmax.shape[2])  # (K*D, F)
    return cache._replace(passed=(at_largest * w.T).sum(axis=3) > 0)


@gradients(conv_relu_maxpool, "argmax")
def argmax_of_the_first_pool(right, dout, cache):
    """The argmax within its pool is used as a row of all windows: the start is missing."""
    dbest = dout * cache.passed  # (N, P, F)
    rows = cache.view[np.arange(len(dout))[:, None, None], cache.argmax]  # (N, P, F, K*D)
    return None, np.einsum("npf,npfk->kf", dbest, rows).reshape(cache.w_shape), right[2]


@gradients(conv_relu_maxpool, "transpose")
def the_kernel_comes_filters_first(right, dout, cache):
    """dw is (F, K*D) and is reshaped to (K, D, F) without being transposed first."""
    _, dw, db = right
    return None, dw.reshape(-1, dw.shape[2]).T.reshape(dw.shape), db
