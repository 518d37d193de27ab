"""Mistakes of the ops that look through windows: convolution and max pool.

Ties that are not given to the first maximum, windows in the wrong places, a gate set too early.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidann.ops import conv1d, maxpool, relu


def pooled(dout, x, size, stride, how):
    """A max pool's dx (N, T, F) in which a tie goes to "all", is "split", or goes to the "last"; or
    in which every frame of a window counts as the argmax: "each", or as a part of it: "mean".
    """
    windows = sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)
    weights = (windows == windows.max(axis=-1, keepdims=True)).astype(float)
    if how in ("each", "mean"):
        weights = np.full_like(weights, 1 if how == "each" else 1 / size)
    if how == "split":
        weights = weights / weights.sum(axis=-1, keepdims=True)
    if how == "last":
        last = size - 1 - weights[..., ::-1].argmax(axis=-1)  # (N, P, F)
        weights = (np.arange(size) == last[..., None]).astype(float)
    dx = np.zeros_like(x)
    for p in range(windows.shape[1]):
        share = dout[:, p, None] * weights[:, p].transpose(0, 2, 1)  # (N, size, F)
        dx[:, p * stride : p * stride + size] += share
    return dx


TIES = {
    "all": "every tied maximum gets the whole gradient, not only the first",
    "split": "a tie is split among the maxima instead of going to the first",
    "last": "a tie goes to the last maximum, not to the first",
}


def of_conv1d(evidence, cache):
    (x, w, _), dout = evidence.arrays, evidence.upstream
    _, _, _, stride, input_gradient = cache
    (k, d, f), t_out = w.shape, dout.shape[1]
    given = np.einsum("ntf,kdf->ntkd", dout, w)  # (N, T', K, D)
    for wrong_stride in range(3 * stride + k):
        if wrong_stride == stride:
            continue
        dx = np.zeros_like(x)
        for t in range(t_out):
            under = dx[:, t * wrong_stride : t * wrong_stride + k]  # cut off at the end
            under += given[:, t, : under.shape[1]]
        dw = None
        if 0 < wrong_stride <= stride:
            view = conv1d.windows(x, k, wrong_stride)[:, :t_out]  # (N, T', K*D)
            dw = np.einsum("ntk,ntf->kf", view, dout).reshape(k, d, f)
        text = f"windows are placed as if the stride were {wrong_stride}, not {stride}"
        yield "stride", text, (dx if input_gradient else None, dw, None)


def of_maxpool(evidence, cache):
    (x,), dout, options = evidence.arrays, evidence.upstream, evidence.options
    size, stride = options.get("size", 30), options.get("stride", 30)
    for how, text in TIES.items():
        yield "ties", text, (pooled(dout, x, size, stride, how),)
    text = "every frame of a window gets the gradient, not the largest alone"
    yield "gate", text, (pooled(dout, x, size, stride, "each"),)
    text = "the gradient is shared among the frames of a window: that is a mean's, not a maximum's"
    yield "gate", text, (pooled(dout, x, size, stride, "mean"),)
    argmax, _ = cache
    within = argmax - stride * np.arange(argmax.shape[1])[:, None]  # (N, P, F)
    back = argmax + size - 1 - 2 * within
    text = "windows are searched backwards: the argmax is counted from their end"
    yield "reversed", text, maxpool.backward(dout, (back, x.shape))
    starts = argmax - within
    view = sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)
    for what, place in (
        ("the largest in size, whatever its sign", np.abs(view).argmax(axis=-1)),
        ("the smallest", view.argmin(axis=-1)),
        ("the first", np.zeros_like(within)),
        ("the last", np.full_like(within, size - 1)),
        ("where the first utterance has its largest", np.broadcast_to(within[:1], within.shape)),
        ("where the first channel has its largest",
         np.broadcast_to(within[..., :1], within.shape)),
    ):  # fmt: skip
        text = f"the frame of each window that gets the gradient is {what}"
        yield "wrong cache", text, maxpool.backward(dout, (place + starts, x.shape))
    for wrong_stride in range(x.shape[1]):
        if wrong_stride != stride:
            place = within + wrong_stride * np.arange(argmax.shape[1])[:, None]
            place = np.minimum(place, x.shape[1] - 1)
            text = f"windows are placed as if the stride were {wrong_stride}, not {stride}"
            if wrong_stride == 0:
                text = "the argmax within its window is taken for a place in time"
            yield "stride", text, maxpool.backward(dout, (place, x.shape))


def of_conv_relu_maxpool(evidence, cache):
    (x, w, b), dout, options = evidence.arrays, evidence.upstream, evidence.options
    stride, size = options.get("stride", 3), options.get("size", 30)
    conv, conv_cache = conv1d.forward(x, w, b, stride=stride, input_gradient=False)
    rectified, gate = relu.forward(conv)
    for how, text in TIES.items():
        (dconv,) = relu.backward(pooled(dout, rectified, size, size, how), gate)
        yield "ties", text, conv1d.backward(dconv, conv_cache)
    view, argmax, passed, _, shape, _ = cache
    n, p, f = argmax.shape
    rows = view[:, : p * size].reshape(n * p * size, -1)  # (N*P*size, K*D)
    within = argmax.reshape(n * p, f).T.astype(int)  # (F, N*P)
    starts = size * np.arange(n * p)  # (N*P,)
    text = "pools are searched backwards: the argmax is counted from their end"
    yield "reversed", text, _from_rows(dout, rows, size - 1 - within + starts, passed, shape)
    best = (rows[(within + starts).T] * w.reshape(-1, f).T).sum(axis=2).reshape(passed.shape)
    text = "ReLU's gate is that of the largest value before its bias is added"
    yield "wrong cache", text, _from_rows(dout, rows, within + starts, best > 0, shape)
    for wrong_size in range(2 * size):
        if wrong_size != size:
            place = np.minimum(within + wrong_size * np.arange(n * p), len(rows) - 1)
            text = f"pools are placed as if they were {wrong_size} frames apart, not {size}"
            yield "stride", text, _from_rows(dout, rows, place, passed, shape)
    for wrong_stride in range(1, 2 * stride + 2):
        view = conv1d.windows(x, len(w), wrong_stride)  # (N, T'', K*D)
        if wrong_stride != stride and view.shape[1] >= size * p:
            wrong = view[:, : size * p].reshape(len(rows), -1)
            text = f"the convolution's windows are placed as if its stride were {wrong_stride}"
            yield "stride", text, _from_rows(dout, wrong, within + starts, passed, shape)


def _from_rows(dout, rows, argmax, passed, shape):
    """As conv_relu_maxpool.backward, written out: `argmax` (F, N*P) are rows of `rows` (., K*D)."""
    dbest = np.where(passed, dout, 0.0).reshape(-1, shape[2])  # (N*P, F)
    dw = np.einsum("pf,fpk->kf", dbest, rows[argmax]).reshape(shape)
    return None, dw, dbest.sum(axis=0)
