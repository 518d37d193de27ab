"""Mistakes in one layer, as they show in the gradients of the whole network."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from minidann import model, ops
from minidann.mistakes.diagnosis.causes import arrangements
from minidann.mistakes.diagnosis.evidence import Hypothesis
from minidann.mistakes.diagnosis.setting import Setting
from minidann.mistakes.diagnosis.windows import TIES, pooled


def hypotheses(setting: Setting) -> Iterator[Hypothesis]:
    """All of this file."""
    for look in (_norm, _classifiers, _losses, _encoder, _names):
        for kind, text, grads in look(setting):
            yield Hypothesis(kind, text, grads)


def _norm(setting: Setting):
    """Batch norm's own paths."""
    for kind, text, keep_mean, keep_var in (
        ("mean path", "batch norm's path through the mean is missing", 0, 1),
        ("variance path", "batch norm's path through the variance is missing", 1, 0),
        ("mean path", "batch norm goes back as in inference: without mean and variance", 0, 0),
    ):

        def backward(dout, cache, keep_mean=keep_mean, keep_var=keep_var):
            _, dgamma, dbeta = ops.batchnorm.backward(dout, cache)
            xhat, gamma, scale, *_ = cache
            dxhat = dout * gamma
            mean, var = dxhat.mean(axis=0), xhat * (dxhat * xhat).mean(axis=0)
            return scale * (dxhat - keep_mean * mean - keep_var * var), dgamma, dbeta

        yield kind, text, setting.substituted(batchnorm=backward)


def _classifiers(setting: Setting):
    """Dropout and the dense layers of one classifier or both."""
    *_, emotion_f, domain_f = setting.cache
    before = {"emotion": emotion_f, "domain": domain_f}  # dropout
    weights = {name: setting.params[f"{name}.w"] for name in before}
    for names in (("emotion", "domain"), ("emotion",), ("domain",)):
        where = " and ".join(names)

        def dense(dout, cache, names=names):
            for name in names:
                if cache[1] is weights[name]:
                    cache = (before[name], cache[1])
            return ops.dense.backward(dout, cache)

        text = f"the {where} classifier's kernel gradient is taken from features before dropout"
        yield "wrong cache", text, setting.substituted(dense=dense)
        for kind, what, changed_mask in (
            ("gate", "dropout's mask is not applied", np.ones_like),
            ("factor", "dropout's factor 1/(1-p) is missing", lambda mask: (mask > 0) * 1.0),
            ("wrong cache", "dropout's mask is squared", lambda mask: mask * mask),
            ("wrong cache", "dropout's mask is that of other rows", lambda mask: mask[::-1]),
            ("wrong cache", "dropout's mask is that of other rows", lambda mask: np.roll(
                setting.mask, -setting.n, axis=0)[: len(mask)]),
        ):  # fmt: skip

            def dropout(dout, mask, names=names, changed_mask=changed_mask):
                # The emotion classifier's mask is shorter, but not in bn4: there the order counts.
                called.append(mask)
                name = "emotion" if setting.n and len(called) == 1 else "domain"
                return (dout * (changed_mask(mask) if name in names else mask),)

            called = []
            text = f"{what} on the way back from the {where} classifier"
            yield kind, text, setting.substituted(dropout=dropout)


def _losses(setting: Setting):
    """Softmax and cross-entropy of both classifiers."""
    for kind, text, change in (
        ("off-diagonal", "the softmax's off-diagonal terms are missing in the classifiers",
         lambda p, label: np.where(label, p - 1, 0)),
        ("missing path", "the label (minus the one-hot) is missing", lambda p, label: p),
        ("missing path", "the probabilities are missing", lambda p, label: -1.0 * label),
        ("sign", "the sign of the loss's gradient is flipped", lambda p, label: label - p),
    ):  # fmt: skip

        def backward(dout, cache, change=change):
            p, labels = cache
            label = np.arange(p.shape[1]) == labels[:, None]  # (N, 2)
            return (change(p, label) * dout / len(p),)

        yield kind, text, setting.substituted(softmax_cross_entropy=backward)


def _encoder(setting: Setting):
    """The features' gradient moved or cut on its way into the encoder; ReLU's gate; ties."""
    frames, vector = setting.dh.copy(), setting.dh.copy()
    frames[:, -1], vector[:, :-1] = 0, 0
    conv = ("conv.w", "conv.b")
    for dh, text in (
        (frames, "the attention vector's gradient does not reach the encoder"),
        (vector, "the pooled frames' own gradient is missing: only the attention's arrives"),
    ):
        grads = setting.encoder(dh)
        yield "missing path", text, grads
        yield "missing path", text, {**setting.right, **{name: grads[name] for name in conv}}
    yield from _shares(setting, setting.encoder(frames), setting.encoder(vector))
    for kind, what, dh in arrangements(setting.dh):
        text = f"the gradient of the encoder's features (rows, frames, channels) is {what}"
        yield kind, text, setting.encoder(dh)
    n = setting.n
    dh = np.concatenate([setting.dh[n:], setting.dh[:n]])
    yield (
        "swapped",
        "source and target rows have changed places in the gradient",
        setting.encoder(dh),
    )

    for text, keep_own in (
        ("the attention softmax's off-diagonal terms are missing", lambda s: 1.0),
        ("only s(1-s) of the attention softmax's Jacobian is used", lambda s: 1 - s),
        ("the softmax over the frames is left out of the way back", lambda s: 1 / s),
    ):

        def attention(dout, cache, keep_own=keep_own):
            f, v, s = cache
            ds = (f @ dout[:, :, None])[:, :, 0]  # (N, P)
            dscore = s * keep_own(s) * ds
            df = s[:, :, None] * dout[:, None, :] + dscore[:, :, None] * v
            return df, np.tensordot(dscore, f, axes=2)

        kind = "missing path" if "left out" in text else "off-diagonal"
        yield kind, text, setting.substituted(attention=attention)

    def ungated(dout, cache):
        view, argmax, passed, *rest = cache
        return ops.conv_relu_maxpool.backward(dout, (view, argmax, np.ones_like(passed), *rest))

    text = "ReLU's gate is not applied on the way back"
    yield "gate", text, setting.substituted(conv_relu_maxpool=ungated)
    weights = setting.params["conv.w"], setting.params["conv.b"]
    for how, text in TIES.items():

        def tied(dout, cache, how=how):
            conv, conv_cache = ops.conv1d.forward(
                setting.x, *weights, stride=model.STRIDE, input_gradient=False
            )
            rectified, gate = ops.relu.forward(conv)
            dpool = pooled(dout, rectified, model.POOL, model.POOL, how)
            return ops.conv1d.backward(ops.relu.backward(dpool, gate)[0], conv_cache)

        yield "ties", text, setting.substituted(conv_relu_maxpool=tied)


def _shares(setting, frames, vector):
    """The pooled frames' own gradient and the attention's do not count alike."""
    for a, b in ((1, 2), (2, 1), (2, 2), (1, -1), (-1, 1)):
        conv = {name: a * frames[name] + b * vector[name] for name in ("conv.w", "conv.b")}
        kind = "sign" if a * b < 0 else "factor"
        text = f"the convolution gets {a} times the frames' own and {b} times the attention's"
        yield kind, f"{text} gradient", {**setting.right, **conv}


def _names(setting: Setting):
    """Right gradients under wrong names."""
    right = setting.right
    for first, second in combinations(right, 2):
        if right[first].shape == right[second].shape:
            swapped = {**right, first: right[second], second: right[first]}
            yield "swapped", f"the gradients of {first} and {second} are exchanged", swapped
    if "emotion.w" in right and "domain.w" in right:
        counterpart = {"emotion": "domain", "domain": "emotion"}
        swapped = dict(right)
        for name in right:
            head, _, kind = name.partition(".")
            if head in counterpart:
                swapped[name] = right[f"{counterpart[head]}.{kind}"]
        yield "swapped", "the two classifiers' gradients are exchanged", swapped
