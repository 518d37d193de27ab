"""Mistakes in the convolution, ReLU and max pooling."""

import numpy as np

from minidann.mistakes.catalogue import table
from minidann.ops import conv1d, maxpool, relu

# --- conv1d: dx is scattered back over overlapping windows, dw is a product, db a sum


def written(shape, index, values):
    """Zeros of this shape with the values at the index, of which the last one stays."""
    dx = np.zeros(shape)
    dx[index] = values
    return dx


def of_windows(dout, w, x_shape, stride, **_):
    """What window t gives to its k-th frame is `given` (N, T', K, D), the frame's number `frames`
    (T', K); and the shape of an x that is `longer`.
    """
    given = np.einsum("ntf,kdf->ntkd", dout, w)
    t, k = np.indices(given.shape[1:3])
    n, frames, d = x_shape
    return {"given": given, "t": t, "k": k, "frames": t * stride + k,
            "longer": (n, frames + dout.shape[1] * max(3, len(w)), d)}  # fmt: skip


table(conv1d, "afresh", """
written(x_shape, np.s_[:, frames], given), dw, db
    | Where windows overlap, dx keeps the last one: = instead of +=.
written(x_shape, np.s_[:, frames.T], given.swapaxes(1, 2)), dw, db
    | The loop over offsets writes dx with =, not +=.
again(stride=3, x_shape=longer)[0][:, : x_shape[1]], dw, db | dx is scattered with a stride of 3.
again(dout * (frames[:, -1:] < x_shape[1] - 1)) | The window that ends with x is left out.
again(rows=x[:, t + k].reshape(rows.shape)) | In dw window t begins at frame t: there is no stride.
""", written, derive=of_windows)  # fmt: skip
table(conv1d, "forward", """
again(stride=1)[:, : (x.shape[1] - len(w)) // stride + 1] | The stride is not used: it is 1.
again(w=w[:10])[:, : (x.shape[1] - 10) // stride + 1] | The kernel's size is taken for 10.
again(x=np.pad(x, ((0, 0), (0, (len(w) - x.shape[1]) % stride), (0, 0))))
    | The end is padded with zeros so that the last frames get a window of their own.
""")  # fmt: skip

# --- relu: a gate that forward has set

GATES = """
x <= 0 | The gate is inverted: what is negative passes.
np.where(x > 0, 1, 0.01) | What is negative is multiplied by 0.01, as in a leaky ReLU, not by 0.
"""
table(relu, "forward", GATES, form="x * ({})")
table(relu, "afresh", GATES + """
np.ones_like(x) | The gate is missing: the gradient passes everywhere.
dout > 0 | The gate is that of dout: the gradient passes where dout is positive.
x >= 0 | At x = 0 the gradient passes; it should be 0 there.
""", form="(dout * ({}),)")  # fmt: skip

# --- maxpool: the largest counts, out and back. Of a pool, v (N, size, F), each number has a weight


def largest(v):
    return v == v.max(axis=1, keepdims=True)


def only(where, v):
    """Of each pool the frame `where` alone, (N, F) or what broadcasts to it."""
    return np.arange(v.shape[1])[:, None] == where[:, None]


def pools(x, size, stride, count=None):
    """The frames of x (N, T, F) in each pool, as slices."""
    count = (x.shape[1] - size) // stride + 1 if count is None else count
    return [slice(p * stride, p * stride + size) for p in range(count)]


def shared(weights, dout, x, size, stride):
    """dx where each pool's gradient is spread by `weights(v)` (N, size, F)."""
    dx = np.zeros_like(x)
    for p, frames in enumerate(pools(x, size, stride)):
        dx[:, frames] += weights(x[:, frames]) * dout[:, p : p + 1]
    return (dx,)


def taken(weights, x, size, stride):
    """out where of each pool the sum by `weights(v)` is taken."""
    each = (x[:, frames] for frames in pools(x, size, stride))
    return np.stack([(weights(v) * v).sum(axis=1) for v in each], axis=1)


TIES = """
largest(v) | Each of several tied maxima gets the whole gradient; the first alone should.
largest(v) / largest(v).sum(axis=1, keepdims=True)
    | Tied maxima share the gradient; forward took the first.
only(v.shape[1] - 1 - v[:, ::-1].argmax(axis=1), v)
    | In a tie the gradient goes to the last maximum, not to the first.
v == v.max(axis=(1, 2), keepdims=True) | The argmax is searched over frames and channels together.
"""
COUNTS = """
np.ones_like(v) | All frames of a pool count in full, as in a sum; the largest alone should.
np.full_like(v, 1 / v.shape[1]) | All frames of a pool count the same, as in a mean.
only(v.argmin(axis=1), v) | The smallest of each pool counts, not the largest.
only(np.abs(v).argmax(axis=1), v) | The largest absolute value of each pool counts.
only(np.zeros((1, 1)), v) | The first frame of each pool counts, not the largest.
only(v.sum(axis=2).argmax(axis=1)[:, None], v) | One frame counts in all channels.
"""
HELPERS = only, largest, shared, taken
table(maxpool, "afresh", TIES + COUNTS, *HELPERS,
      form="shared(lambda v: {}, dout, x, size, stride)")  # fmt: skip
table(maxpool, "forward", COUNTS, *HELPERS, form="taken(lambda v: {}, x, size, stride)")


table(maxpool, "afresh", """
(written(x_shape, (np.arange(len(x))[:, None, None], argmax, np.arange(x.shape[2])), dout),)
    | dx[index] += dout adds a repeated index once: use np.add.at.
again(argmax=argmax - stride * p) | The argmax within its window is taken for a frame of x.
(again(argmax=argmax + (size - stride) * p, x_shape=np.multiply(x.shape, (1, size, 1)))[0]
    [:, : x.shape[1]],) | The argmax within its pool is moved by p * size, not by p * stride.
again(argmax=np.minimum(argmax + (size - stride) * p, x.shape[1] - 1))
    | The argmax within its pool is moved by p * size, not by p * stride, and at most to the end.
""", written, derive=lambda out, **_: {"p": np.arange(out.shape[1])[:, None]})  # fmt: skip


def of_counts(x, size, stride, **_):
    """What the next table uses: the largest of `count` pools, which may end after x; x goes on with
    `filled`.
    """

    def counted(count, filled=-np.inf, stride=stride):
        more = max(0, (count - 1) * stride + size - x.shape[1])
        longer = np.pad(x, ((0, 0), (0, more), (0, 0)), constant_values=filled)
        return np.stack([longer[:, f].max(1) for f in pools(x, size, stride, count)], axis=1)

    return {"counted": counted, "frames": x.shape[1], "over": x.shape[1] - size}


table(maxpool, "forward", """
np.maximum(again(), 0) | Negative numbers count as 0: the search for the largest starts at 0.
np.maximum(again(), NUMBER) | The search for the largest starts at NUMBER: smaller ones are lost.
    for NUMBER in -1, -10, -100, -999, -1000, -9999
counted(-(-frames // stride)) | What is left at the end is no pool of its own: there are too many.
counted(-(-over // stride) + 1) | Frames at the end that fill no pool make a shorter one.
counted(-(-over // stride) + 1, 0) | The end is filled up with zeros to make one pool more.
counted(over // stride + 1, stride=size) | The pools begin at p * size, not at p * stride.
np.stack([x[:, min(p * size, over) :][:, :size].max(1) for p in range(over // stride + 1)], 1)
    | The pools begin at p * size, not at p * stride, and at T - size where they would end after x.
counted(frames // stride) | The number of pools is T // stride, not (T - size) // stride + 1.
""", pools, derive=of_counts)  # fmt: skip
