"""Mistakes in the convolution, ReLU, max pooling, and in the three as one op."""

from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidann.mistakes.catalogue import family, table
from minidann.ops import conv1d, conv_relu_maxpool, maxpool, relu

# --- conv1d: dx is scattered back over overlapping windows, dw is a product, db a sum


def spread(frame, *, dout, w, x_shape, overwrite=False, by_offset=False):
    """dx in two loops: what window t gives to its k-th frame goes to frame(t, k), if it exists.

    `overwrite`: = stands for +=; `by_offset`: the loop over the kernel's offsets is the outer one.
    """
    given = np.einsum("ntf,kdf->ntkd", dout, w)  # (N, T', K, D)
    dx = np.zeros(x_shape)
    pairs = list(np.ndindex(given.shape[1:3]))
    for t, k in sorted(pairs, key=lambda pair: pair[::-1]) if by_offset else pairs:
        if 0 <= frame(t, k) < x_shape[1]:
            dx[:, frame(t, k)] = given[:, t, k] + (0 if overwrite else dx[:, frame(t, k)])
    return dx


table(conv1d, "afresh", """
spread(lambda t, k: t * stride + k, overwrite=True), dw, db
    | Where windows overlap, dx keeps what the last window wrote: = instead of +=.
spread(lambda t, k: t * stride + k, overwrite=True, by_offset=True), dw, db
    | The loop over the kernel's offsets writes dx[...] = where it should add.
spread(lambda t, k: t * stride + k + 1), dw, db
    | The kernel's offsets count from 1 when dx is scattered: everything lands a frame late.
spread(lambda t, k: t + k), dw, db
    | dx is scattered as if the stride were 1: window t starts at frame t.
spread(lambda t, k: t * len(w) + k), dw, db
    | dx is scattered as if the stride were the kernel's size.
spread(lambda t, k: t * 3 + k), dw, db
    | dx is scattered with the default stride, 3, whatever stride forward was given.
spread(lambda t, k: t * stride + k, w=w[::-1]), dw, db
    | dx uses the kernel back to front, as the word convolution suggests; forward does not.
dx, dw.transpose(2, 0, 1).reshape(dw.shape), db
    | dw is made filters first and brought to (K, D, F) by reshape instead of transpose.
spread(lambda t, k: t * stride + k, dout=dout[:, :-1]), dw, db
    | The loop over windows ends one too early: the last window gives nothing to dx.
again(dout * (stride * np.arange(dout.shape[1]) + len(w) < x_shape[1])[:, None])
    | A window that ends at the last frame is left out: < stands where <= should.
""", derive=lambda dout, w, x_shape, **_: {
    "spread": partial(spread, dout=dout, w=w, x_shape=x_shape)})  # fmt: skip


def windows_of(x, w, b, **_):
    """What the table of forward uses: `placed`, where windows begin at the frames `starts`."""

    def placed(starts, w=w, b=b):
        windows = conv1d.windows(x, len(w), 1)[:, list(starts)]  # (N, T', K*D)
        return windows @ w.reshape(-1, w.shape[2]) + b

    def every(step, size=0):  # the starts of all windows of this size, K, that fit
        return range(0, x.shape[1] - (size or len(w)) + 1, step)

    return {"placed": placed, "every": every}


table(conv1d, "forward", """
placed(every(stride), b=0) | The bias is not added.
placed(every(stride), b=2 * b) | The bias is added twice.
placed(every(stride), b=len(w) * b) | The bias is added once for each frame of the kernel.
placed(range(len(every(stride)))) | The stride is not used: window t begins at frame t.
placed(every(1)) | The stride is not used: there is a window at every frame.
placed(every(len(w))) | Windows never overlap: they begin every K frames, whatever the stride.
placed(every(3)) | The stride is 3 whatever is given.
placed(every(stride, 10), w[:10]) | The kernel's size is taken for 10, whatever the size of w.
placed(every(stride)[:-1]) | The last window is missing: T' is (T - K) // stride, without the 1.
placed(every(stride), w[::-1])
    | The kernel is reversed in time, as the word convolution suggests: here it is not.
placed(every(stride), w.swapaxes(0, 1).reshape(w.shape))
    | The windows are flattened channels first, the kernel frames first.
""", derive=windows_of)  # fmt: skip

# --- relu: a gate that forward has set

LEAKS = 0.01, 0.1, 0.2
table(relu, "afresh", """
(dout.copy(),)
    | The gate is missing: the gradient passes everywhere, as if the layer were not there.
(dout * (x <= 0),) | The gate is inverted: the gradient passes where x was negative.
(np.maximum(dout, 0),)
    | The gate is that of dout: the gradient passes where dout is positive, x is not asked.
(dout * np.maximum(x, 0),)
    | dout is multiplied by the output, as if it were the mask of zeros and ones.
(dout * (x > 0) * (dout > 0),) | What is negative of dout is lost: only x is asked.
(dout * np.sign(x),) | dout is multiplied by the sign of x, not by 1 or 0.
(dout * (x >= 0),) | At x = 0 the gradient passes; it should be 0 there.
""" + family("""
(np.where(x > 0, dout, NUMBER * dout),)
    | Where x is negative, dout is multiplied by NUMBER, as in a leaky ReLU, not set to 0.
""", *LEAKS))  # fmt: skip
table(relu, "forward", """
np.maximum(x.max(), 0) | The largest entry of x is returned, not each entry or 0.
(x > 0) * 1.0 | The mask is returned, not x where it is positive.
""" + family("""
np.where(x > 0, x, NUMBER * x)
    | What is negative is multiplied by NUMBER, as in a leaky ReLU, not set to 0.
""", *LEAKS))  # fmt: skip

# --- maxpool: the argmax takes all. A window is (N, size, F)


def shared(weights, dout, x, size, stride):
    """dx where each window's gradient is spread by `weights(window)` (N, size, F)."""
    dx = np.zeros_like(x)
    for p in range(dout.shape[1]):
        frames = slice(p * stride, p * stride + size)
        dx[:, frames] += weights(x[:, frames]) * dout[:, p : p + 1]
    return (dx,)


def only(place):
    """Of each window the frame `place(window)` alone, (N, F) or what broadcasts to it."""
    return lambda window: np.arange(window.shape[1])[:, None] == place(window)[:, None]


def largest(window):
    return window == window.max(axis=1, keepdims=True)


def pools(x, size, stride):
    return sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)


def from_zero(dout, x, size, stride):
    """dx where a pool without a positive number has its argmax at frame 0 of x."""
    (dx,) = shared(lambda v: only(lambda v: v.argmax(axis=1))(v) * (v > 0), dout, x, size, stride)
    dx[:, 0] += np.where(pools(x, size, stride).max(axis=-1) > 0, 0, dout).sum(axis=1)
    return (dx,)


def added_once(dout, argmax, x_shape):
    """dx where an index that occurs twice counts once."""
    dx = np.zeros(x_shape)
    n, _, f = np.indices(argmax.shape, sparse=True)
    dx[n, argmax, f] += dout
    return (dx,)


def at(frames, x_shape):
    return np.minimum(frames, x_shape[1] - 1)


table(maxpool, "afresh", """
largest | Each of several tied maxima gets the whole gradient; the first alone should.
lambda v: largest(v) / largest(v).sum(axis=1, keepdims=True)
    | Tied maxima share the gradient; forward took the first.
only(lambda v: v.shape[1] - 1 - v[:, ::-1].argmax(axis=1))
    | In a tie the gradient goes to the last maximum, not to the first.
only(lambda v: np.abs(v).argmax(axis=1))
    | The gradient goes to the frame with the largest absolute value, not to the largest.
only(lambda v: v.argmin(axis=1)) | The gradient goes to the smallest frame of each window.
only(lambda v: np.zeros((1, 1)))
    | The gradient goes to the first frame of each window, not to the largest.
only(lambda v: np.full((1, 1), v.shape[1] - 1))
    | The gradient goes to the last frame of each window, not to the largest.
only(lambda v: v.argmax(axis=1)[:, :1]) | The argmax of the first channel is used for all channels.
only(lambda v: v.argmax(axis=1)[:1])
    | The argmax of the first utterance is used for all utterances.
only(lambda v: v.sum(axis=2).argmax(axis=1)[:, None])
    | One frame gets the gradients of all channels: that with the largest sum.
only(lambda v: v.max(axis=2).argmax(axis=1)[:, None])
    | One frame gets the gradients of all channels: that with the largest entry.
lambda v: v == v.max(axis=(1, 2), keepdims=True)
    | The argmax is searched over frames and channels together.
lambda v: only(lambda v: v.argmax(axis=1))(v) * (v > 0)
    | A frame gets the gradient only if it is positive, as after a ReLU; pooling has no ReLU.
np.ones_like | Every frame of a window gets the whole gradient, not the largest alone.
lambda v: np.full_like(v, 1 / v.shape[1])
    | The gradient is shared by all frames of a window: that is a mean's, not a maximum's.
only(lambda v: v.shape[1] - 1 - v.argmax(axis=1))
    | Windows are searched backwards: the argmax is counted from the window's end.
""", only, largest, shared, form="shared({}, dout, x, size, stride)")  # fmt: skip
table(maxpool, "afresh", """
from_zero(dout, x, size, stride)
    | The search starts at 0: a window without a positive number sends its gradient to frame 0.
added_once(dout, argmax, x_shape)
    | dx[index] += dout adds only once where an index occurs twice; np.add.at is needed.
again(argmax=argmax - stride * np.arange(argmax.shape[1])[:, None])
    | The argmax within its window is kept as if it were a frame of x.
again(argmax=at(argmax + 1, x_shape))
    | The argmax is counted from 1: the gradient lands one frame late.
again(argmax=at(argmax + (size - stride) * np.arange(argmax.shape[1])[:, None], x_shape))
    | Windows are placed every `size` frames on the way back, whatever the stride.
again(dout * (np.arange(dout.shape[1]) < dout.shape[1] - 1)[:, None])
    | The loop over pools ends one too early: the last one gives no gradient.
""", from_zero, added_once, at)  # fmt: skip


def taken(view, where):
    """Of each pool of `view` the frame `where`, (N, P, F) or what broadcasts to it."""
    where = np.broadcast_to(where, view.shape[:3])[..., None]
    return np.take_along_axis(view, where, axis=-1)[..., 0]


def of_pools(x, size, stride):
    """What the table of forward uses: `counted`, the largest of `count` pools, of which the last
    may be shorter than `size`, or filled up with zeros.
    """

    def counted(count, step=stride, filled=0):
        tails = [x[:, p * step : p * step + size] for p in range(count)]
        tails = [np.pad(t, ((0, 0), (0, filled and size - t.shape[1]), (0, 0))) for t in tails]
        return np.stack([t.max(axis=1) for t in tails if t.shape[1]], axis=1)

    frames = x.shape[1]
    return {"view": pools(x, size, stride), "counted": counted, "frames": frames,
            "count": (frames - size) // stride + 1}  # fmt: skip


table(maxpool, "forward", """
view.mean(axis=-1) | The mean of each pool is taken, not its largest.
view.sum(axis=-1) | The sum of each pool is taken, not its largest.
view.min(axis=-1) | The smallest of each pool is taken.
taken(view, np.abs(view).argmax(axis=-1))
    | The entry with the largest absolute value is taken, whose sign does not count.
np.abs(view).max(axis=-1) | The largest absolute value is taken.
np.maximum(view.max(axis=-1), 0)
    | Negative numbers count as 0: the search for the largest starts at 0.
view[..., 0] | The first frame of each pool is taken.
view[..., -1] | The last frame of each pool is taken.
taken(view, view.argmax(axis=-1)[..., :1])
    | The frame in which the first channel is largest is taken for all channels.
taken(view, view.sum(axis=2).argmax(axis=-1)[..., None])
    | One frame is taken for all channels: that with the largest sum.
taken(view, view.max(axis=2).argmax(axis=-1)[..., None])
    | One frame is taken for all channels: that with the largest entry.
0 * view[..., 0] + view.max(axis=(2, 3))[..., None]
    | The largest is taken over frames and channels together.
pools(x, size, size).max(axis=-1) | Pools begin every `size` frames, whatever the stride.
pools(x, size, 1).max(axis=-1) | Pools begin every frame, whatever the stride.
view.max(axis=-1)[:, :-1] | The last pool is missing: P is (T - size) // stride, without the 1.
counted(-(-frames // stride))
    | There are too many pools: what is left at the end is no pool of its own.
counted(-(-(frames - size) // stride) + 1)
    | Frames at the end that fill no pool make a shorter one: P is (T - size) // stride + 1.
counted(-(-(frames - size) // stride) + 1, filled=1)
    | The end is filled up with zeros to make one pool more: P is (T - size) // stride + 1.
counted(frames // stride)
    | The number of pools is T // stride, whatever the size: P is (T - size) // stride + 1.
counted(frames // size)
    | The number of pools is T // size, whatever the stride: P is (T - size) // stride + 1.
counted(count + 1)
    | There is one pool too many, which is shorter than `size`: P is (T - size) // stride + 1.
counted(count, size)
    | Pools begin every `size` frames; the stride is used for their number only.
""", pools, taken, derive=of_pools)  # fmt: skip

# --- conv_relu_maxpool: only the argmax counts


def windows_at_the_largest(view, argmax, size):
    """The windows of each pool (N, P, size, K*D), and the one at the argmax (N, P, F, K*D)."""
    n, p, _ = argmax.shape
    windows = view[:, : p * size].reshape(n, p, size, -1)
    return windows, windows[np.arange(n)[:, None, None], np.arange(p)[:, None], argmax]


def ties(view, argmax, size):
    """How many windows of each pool are equal to the largest (N, P, F)."""
    windows, at_largest = windows_at_the_largest(view, argmax, size)
    return (windows[:, :, None] == at_largest[:, :, :, None]).all(axis=4).sum(axis=3)


def before_the_bias(view, argmax, size, w):
    """The largest of each pool, without the bias (N, P, F)."""
    _, at_largest = windows_at_the_largest(view, argmax, size)
    return (at_largest * w.reshape(-1, w.shape[2]).T).sum(axis=3)


table(conv_relu_maxpool, "afresh", """
again(dout * ties(view, argmax, size))
    | On padding, where frames are equal, every frame of the maximum gets the whole gradient.
again(passed=np.ones_like(passed))
    | ReLU's gate is left out: pools whose largest value is negative get a gradient too.
again(passed=before_the_bias(view, argmax, size, w) > 0)
    | Whether a pool passes is decided before its bias is added.
""", ties, before_the_bias)  # fmt: skip
