"""Mistakes in the convolution, ReLU, max pooling, and in the three as one op."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidann.mistakes.catalogue import family, table
from minidann.ops import conv1d, conv_relu_maxpool, maxpool, relu

# --- conv1d: dx is scattered back over overlapping windows, dw is a product, db a sum


def of_windows(dout, w, x_shape, stride, **_):
    """What window t gives to its k-th frame is `given` (N, T', K, D); `spread` adds it to dx, or
    writes it there, in these `frames` (T', K), as far as they exist.
    """
    given = np.einsum("ntf,kdf->ntkd", dout, w)
    t, k = np.indices(given.shape[1:3])

    def spread(frames, given=given, overwrite=False):
        dx, exist = np.zeros(x_shape), frames < x_shape[1]
        if overwrite:
            dx[:, frames[exist]] = given[:, exist]
        else:
            np.add.at(dx, (slice(None), frames[exist]), given[:, exist])
        return dx

    return {"given": given, "t": t, "k": k, "frames": t * stride + k, "spread": spread}


table(conv1d, "afresh", """
spread(frames, overwrite=True), dw, db
    | Where windows overlap, dx keeps what the last window wrote: = instead of +=.
spread(frames.T, given.swapaxes(1, 2), overwrite=True), dw, db
    | The loop over the kernel's offsets writes dx[...] = where it should add.
spread(frames + 1), dw, db | The kernel's offsets count from 1: all of dx lands a frame late.
spread(t + k), dw, db | dx is scattered as if the stride were 1: window t starts at frame t.
spread(t * len(w) + k), dw, db | dx is scattered as if the stride were the kernel's size.
spread(t * 3 + k), dw, db | dx is scattered with the default stride, 3, whatever stride is given.
spread(frames, given[:, :, ::-1]), dw, db | dx uses the kernel back to front; forward does not.
dx, dw.transpose(2, 0, 1).reshape(dw.shape), db
    | dw is made filters first and brought to (K, D, F) by reshape instead of transpose.
spread(frames[:-1], given[:, :-1]), dw, db
    | The loop over windows ends one too early: the last window gives nothing to dx.
again(dout * (t[:, :1] * stride + len(w) < x_shape[1]))
    | A window that ends at the last frame is left out: < stands where <= should.
""", derive=of_windows)  # fmt: skip


def of_starts(x, w, b, **_):
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
placed(every(stride), w[::-1]) | The kernel is reversed in time, as in mathematics: here it is not.
placed(every(stride), w.swapaxes(0, 1).reshape(w.shape))
    | The windows are flattened channels first, the kernel frames first.
""", derive=of_starts)  # fmt: skip

# --- relu: a gate that forward has set

LEAKS = 0.01, 0.1, 0.2
table(relu, "afresh", """
(dout.copy(),) | The gate is missing: the gradient passes everywhere.
(dout * (x <= 0),) | The gate is inverted: the gradient passes where x was negative.
(np.maximum(dout, 0),) | The gate is that of dout: the gradient passes where dout is positive.
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
np.where(x > 0, x, NUMBER * x) | What is negative is multiplied by NUMBER, as in a leaky ReLU.
""", *LEAKS))  # fmt: skip

# --- maxpool: the argmax takes all. A window is v (N, size, F)


def largest(v):
    return v == v.max(axis=1, keepdims=True)


def only(where, v):
    """Of each window the frame `where` alone, (N, F) or what broadcasts to it."""
    return np.arange(v.shape[1])[:, None] == where[:, None]


def shared(weights, dout, x, size, stride):
    """dx where each window's gradient is spread by `weights(window)` (N, size, F)."""
    dx = np.zeros_like(x)
    for p in range(dout.shape[1]):
        frames = slice(p * stride, p * stride + size)
        dx[:, frames] += weights(x[:, frames]) * dout[:, p : p + 1]
    return (dx,)


table(maxpool, "afresh", """
largest(v) | Each of several tied maxima gets the whole gradient; the first alone should.
largest(v) / largest(v).sum(axis=1, keepdims=True)
    | Tied maxima share the gradient; forward took the first.
only(v.shape[1] - 1 - v[:, ::-1].argmax(axis=1), v)
    | In a tie the gradient goes to the last maximum, not to the first.
only(np.abs(v).argmax(axis=1), v) | The gradient goes to the frame with the largest absolute value.
only(v.argmin(axis=1), v) | The gradient goes to the smallest frame of each window.
only(np.zeros((1, 1)), v) | The gradient goes to the first frame of each window, not to the largest.
only(np.full((1, 1), v.shape[1] - 1), v)
    | The gradient goes to the last frame of each window, not to the largest.
only(v.argmax(axis=1)[:, :1], v) | The argmax of the first channel is used for all channels.
only(v.sum(axis=2).argmax(axis=1)[:, None], v)
    | One frame gets the gradients of all channels: that with the largest sum.
only(v.max(axis=2).argmax(axis=1)[:, None], v)
    | One frame gets the gradients of all channels: that with the largest entry.
v == v.max(axis=(1, 2), keepdims=True) | The argmax is searched over frames and channels together.
only(v.argmax(axis=1), v) * (v > 0) | A frame gets the gradient only if it is positive.
np.ones_like(v) | Every frame of a window gets the whole gradient, not the largest alone.
np.full_like(v, 1 / v.shape[1]) | The gradient is shared by all frames of a window, as by a mean.
only(v.shape[1] - 1 - v.argmax(axis=1), v)
    | Windows are searched backwards: the argmax is counted from the window's end.
""", only, largest, shared, form="shared(lambda v: {}, dout, x, size, stride)")  # fmt: skip


def pools(x, size, stride):
    return sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)


def of_argmax(dout, argmax, x_shape, x, size, stride, **_):
    """What the next table uses: `to`, dx with the gradients at these frames, and the pools' numbers
    and whether there is a positive number in each.
    """

    def to(frames, once=False):
        dx = np.zeros(x_shape)
        n, _, f = np.indices(argmax.shape, sparse=True)
        at = n, np.minimum(frames, x_shape[1] - 1), f
        if once:
            dx[at] += dout
        else:
            np.add.at(dx, at, dout)
        return (dx,)

    return {"to": to, "p": np.arange(argmax.shape[1])[:, None],
            "positive": pools(x, size, stride).max(axis=-1) > 0}  # fmt: skip


table(maxpool, "afresh", """
to(np.where(positive, argmax, 0))
    | The search starts at 0: a window without a positive number sends its gradient to frame 0.
to(argmax, once=True) | dx[index] += dout adds only once where an index occurs twice: use np.add.at.
to(argmax - stride * p) | The argmax within its window is kept as if it were a frame of x.
to(argmax + 1) | The argmax is counted from 1: the gradient lands one frame late.
to(argmax + (size - stride) * p)
    | Windows are placed every `size` frames on the way back, whatever the stride.
again(dout * (p < len(p) - 1))
    | The loop over pools ends one too early: the last one gives no gradient.
""", derive=of_argmax)  # fmt: skip


def of_pools(x, size, stride):
    """What the table of forward uses: the pools, `view` (N, P, F, size); of each the frame `where`;
    and `counted`, the largest of `count` pools, of which the last may be shorter than `size`.
    """
    view, frames = pools(x, size, stride), x.shape[1]

    def taken(where):
        where = np.broadcast_to(where, view.shape[:3])[..., None]
        return np.take_along_axis(view, where, axis=-1)[..., 0]

    def counted(count, step=stride, filled=0):
        tails = [x[:, p * step : p * step + size] for p in range(count)]
        tails = [np.pad(t, ((0, 0), (0, filled and size - t.shape[1]), (0, 0))) for t in tails]
        return np.stack([t.max(axis=1) for t in tails if t.shape[1]], axis=1)

    return {"view": view, "taken": taken, "counted": counted, "frames": frames,
            "over": frames - size, "best": view.max(axis=-1)}  # fmt: skip


table(maxpool, "forward", """
view.mean(axis=-1) | The mean of each pool is taken, not its largest.
view.sum(axis=-1) | The sum of each pool is taken, not its largest.
view.min(axis=-1) | The smallest of each pool is taken.
taken(np.abs(view).argmax(axis=-1))
    | The entry with the largest absolute value is taken, whose sign does not count.
np.abs(view).max(axis=-1) | The largest absolute value is taken.
np.maximum(best, 0) | Negative numbers count as 0: the search for the largest starts at 0.
view[..., 0] | The first frame of each pool is taken.
view[..., -1] | The last frame of each pool is taken.
taken(view.argmax(axis=-1)[..., :1])
    | The frame in which the first channel is largest is taken for all channels.
taken(view.sum(axis=2).argmax(axis=-1)[..., None])
    | One frame is taken for all channels: that with the largest sum.
taken(view.max(axis=2).argmax(axis=-1)[..., None])
    | One frame is taken for all channels: that with the largest entry.
0 * best + view.max(axis=(2, 3))[..., None] | The largest is taken over all channels together.
pools(x, size, size).max(axis=-1) | Pools begin every `size` frames, whatever the stride.
pools(x, size, 1).max(axis=-1) | Pools begin every frame, whatever the stride.
best[:, :-1] | The last pool is missing: P is (T - size) // stride, without the 1.
counted(-(-frames // stride)) | What is left at the end is no pool of its own: there are too many.
counted(-(-over // stride) + 1) | Frames at the end that fill no pool make a shorter one.
counted(-(-over // stride) + 1, filled=1) | The end is filled up with zeros to make one pool more.
counted(over // stride + 2) | There is one pool too many, which is shorter than `size`.
counted(frames // stride) | The number of pools is T // stride, not (T - size) // stride + 1.
counted(frames // size) | The number of pools is T // size, not (T - size) // stride + 1.
counted(over // stride + 1, size) | Pools begin every `size` frames, as many as with the stride.
""", pools, derive=of_pools)  # fmt: skip

# --- conv_relu_maxpool: only the argmax counts


def ties(view, argmax, size):
    """How many windows of each pool are equal to the largest (N, P, F)."""
    n, p, _ = argmax.shape
    windows = view[:, : p * size].reshape(n, p, size, -1)
    at_largest = windows[np.arange(n)[:, None, None], np.arange(p)[:, None], argmax]
    return (windows[:, :, None] == at_largest[:, :, :, None]).all(axis=4).sum(axis=3)


table(conv_relu_maxpool, "afresh", """
again(dout * ties(view, argmax, size))
    | On padding, where frames are equal, every frame of the maximum gets the whole gradient.
again(passed=np.ones_like(passed))
    | ReLU's gate is left out: pools whose largest value is negative get a gradient too.
""", ties)  # fmt: skip
