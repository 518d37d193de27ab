"""Mistakes that people make in one op and no other."""

from collections.abc import Iterator

import numpy as np

from minidann.mistakes.diagnosis import windows
from minidann.mistakes.diagnosis.evidence import Evidence, Hypothesis
from minidann.ops import attention, batchnorm
from minidann.ops.batchnorm import EPSILON


def hypotheses(evidence: Evidence) -> Iterator[Hypothesis]:
    """Those of the op in question."""
    if evidence.reference is None:
        return
    name, _, cache = evidence.reference
    if name in _KNOWN:
        for kind, text, gradients in _KNOWN[name](evidence, cache):
            yield Hypothesis(kind, text, gradients)


def _softmax_cross_entropy(evidence, cache):
    p, labels = cache
    (z,), dout = evidence.arrays, evidence.upstream
    n, classes = p.shape
    label = np.arange(classes) == labels[:, None]  # (N, L)
    shifted = z - z.max(axis=1, keepdims=True)  # (N, L)
    for what, wrong_p in (
        ("the scores", z),
        ("log p", np.log(p)),
        ("exp(z), before it is divided by its sum", np.exp(z)),
        ("exp(z), before it is divided by its sum", np.exp(shifted)),
    ):
        text = f"computed from the wrong cache: the probabilities are {what}"
        yield "wrong cache", text, ((wrong_p - label) * dout / n,)
    occurring = np.isin(np.arange(classes), labels) * 1.0  # (L,)
    text = "1 is subtracted in the columns of all labels, in every row: [rows, labels] takes one"
    yield "wrong cache", text, ((p - occurring) * dout / n,)
    text = "the label's number is subtracted from all of its row, not 1 from the label's place"
    yield "wrong cache", text, ((p - labels[:, None]) * dout / n,)
    text = (
        "only the label's own score gets a gradient: the softmax's off-diagonal terms are missing"
    )
    yield "off-diagonal", text, (np.where(label, p - 1, 0.0) * dout / n,)
    e = np.exp(z - z.max())
    across = e / e.sum(axis=0)  # (N, L), sums to 1 over the batch
    text = "the softmax runs over the batch instead of over the classes"
    yield "wrong axis", text, ((across - label) * dout / n,)


def _attention(evidence, cache):
    f, v, s = cache
    dout = evidence.upstream
    ds = (f @ dout[:, :, None])[:, :, 0]  # (N, P)
    direct = s[:, :, None] * dout[:, None, :]  # (N, P, F)

    def through(dscore):
        return direct + dscore[:, :, None] * v, np.tensordot(dscore, f, axes=2)

    score = f @ v  # (N, P)
    shifted = score - score.max(axis=1, keepdims=True)
    for what, wrong_s in (
        ("the scores", score),
        ("exp(score), before it is divided by its sum", np.exp(shifted)),
        ("exp(score), before it is divided by its sum", np.exp(score)),
        ("the scores less their largest", shifted),
        ("equal for all frames", np.full_like(s, 1 / s.shape[1])),
    ):
        text = f"computed from the wrong cache: the weights s are {what}"
        yield "wrong cache", text, attention.backward(dout, (f, v, wrong_s))

    across = np.exp(score - score.max(axis=0))
    across = across / across.sum(axis=0)  # (N, P), sums to 1 over the batch
    text = "the softmax runs over the batch instead of over the frames"
    yield "wrong axis", text, attention.backward(dout, (f, v, across))
    centred = ds - (s * ds).sum(axis=1, keepdims=True)
    right = through(s * centred)
    text = "the gradient of the scores lacks the factor s"
    yield "wrong cache", text, through(centred)
    text = "the gradient of the weights is taken for that of the scores: softmax is left out"
    yield "missing path", text, through(ds)
    text = "only s(1-s) of the softmax's Jacobian is used: its off-diagonal terms are missing"
    yield "off-diagonal", text, through(s * (1 - s) * ds)
    for axis, what in ((0, "over the batch"), (None, "over everything")):
        text = f"the softmax's sum runs {what} instead of over the frames"
        yield "wrong axis", text, through(s * (ds - (s * ds).sum(axis=axis, keepdims=True)))
    text = "the softmax's sum lacks the weights: sum of ds instead of sum of s * ds"
    yield "missing path", text, through(s * (ds - ds.sum(axis=1, keepdims=True)))
    text = "a plain mean of ds is subtracted where the sum weighted by s should be"
    yield "missing path", text, through(s * (ds - ds.mean(axis=1, keepdims=True)))
    text = "the weights s are left out where f is summed: every frame gets all of dout"
    yield "missing path", text, (right[0] + (1 - s[:, :, None]) * dout[:, None, :], right[1])
    for what, wrong_v in (("f", f), ("dout", dout[:, None, :])):
        text = f"in df, {what} stands where v should: the path through the weights goes by v"
        yield "wrong cache", text, (direct + (s * centred)[:, :, None] * wrong_v, None)
    for what, wrong_dscore in (("the weights s", s), ("the gradient of the weights", ds)):
        text = f"{what} stand where the gradient of the scores should"
        yield "wrong cache", text, (None, np.tensordot(wrong_dscore, f, axes=2))
    text = "the softmax's mean is taken where its sum should be"
    yield "summed", text, through(s * (ds - (s * ds).mean(axis=1, keepdims=True)))


def _dropout(evidence, mask):
    (received,), dout = evidence.received, evidence.upstream
    text = "the mask is inverted: what was dropped gets the gradient"
    for inverted in (mask.max() - mask, (mask == 0) * 1.0, 1 - mask):
        yield "gate", text, (dout * inverted,)
    text = "divided by the mask where it should be multiplied"
    yield "factor", text, (np.where(mask, dout / np.where(mask, mask, 1), 0),)
    if received.shape != dout.shape:
        return
    used_mask = received / dout  # the mask that was used, if there was one
    levels = np.unique(mask)
    nearest = levels[np.abs(used_mask[..., None] - levels).argmin(axis=-1)]
    if (nearest != 0).any() and np.allclose(used_mask, nearest, rtol=1e-9, atol=0):
        yield "wrong cache", "another mask than that of forward is applied", (dout * nearest,)


def _gradient_reversal(evidence, beta):
    dout = evidence.upstream
    text = "the gradient passes as it is: the reversal is missing"
    yield "no reversal", text, (1.0 * dout,)
    text = "reversed twice: the gradient is multiplied by beta squared, and has lost the minus sign"
    yield "double reversal", text, (beta * beta * dout,)
    yield "beta ignored", "the gradient is reversed, but beta is ignored", (-dout,)
    if beta:
        text = "the reversed gradient is divided by beta where it should be multiplied"
        yield "factor", text, (-dout / beta,)
    text = "the reversed gradient is multiplied by beta twice"
    yield "factor", text, (-beta * beta * dout,)


def _batchnorm(evidence, cache):
    xhat, gamma, scale, _, var, own_statistics = cache
    dout = evidence.upstream
    dxhat = dout * gamma  # (N, C)
    dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
    if not own_statistics:
        text = "the batch's mean and variance get a gradient, though running ones were used"
        through = xhat * (dxhat * xhat).mean(axis=0)
        dx = scale * (dxhat - dxhat.mean(axis=0) - through)
        yield "mean path", text, (dx, dgamma, dbeta)
        return
    text = "epsilon is missing in the variance: each channel is off by a factor of its own"
    right = scale * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    yield "factor", text, (right / scale / np.sqrt(var), dgamma, dbeta)
    n = len(xhat)
    if n > 1:
        text = "the variance is divided by N - 1 in backward, by N in forward"
        wrong_scale = 1 / np.sqrt(var * n / (n - 1) + EPSILON)
        yield "factor", text, (right / scale * wrong_scale, dgamma, dbeta)
    text = "computed from dout * gamma, which only dx should be"
    yield "wrong cache", text, (None, (dxhat * xhat).sum(axis=0), dxhat.sum(axis=0))
    centred = xhat / scale
    text = "computed from the wrong cache: x - mean, not yet divided by the standard deviation"
    yield "wrong cache", text, batchnorm.backward(dout, (centred, gamma, scale, *cache[3:]))
    text = "summed over the channels instead of over the rows"
    yield "wrong axis", text, (None, (dout * xhat).sum(axis=1), dout.sum(axis=1))
    means, spread = dxhat - dxhat.mean(axis=0), (dxhat * xhat).mean(axis=0)
    text = "the variance's path lacks the factor xhat: how x moves it"
    yield "variance path", text, (scale * (means - spread), dgamma, dbeta)
    text = "the variance's path has 1/std^2 where 1/std^3 should be"
    yield "variance path", text, (scale * means - xhat * spread, dgamma, dbeta)
    averages = {  # what is right first: with one channel there is no telling the others apart
        "over the batch": lambda a: a.mean(axis=0),
        "over the channels": lambda a: a.mean(axis=1, keepdims=True),
        "over everything": np.mean,
        "over everything, divided by N alone": lambda a: a.sum() / n,
    }
    for mean_axes, first in averages.items():
        for variance_axes, second in averages.items():
            if (mean_axes, variance_axes) != ("over the batch", "over the batch"):
                dx = scale * (dxhat - first(dxhat) - xhat * second(dxhat * xhat))
                text = f"the mean's path averages {mean_axes}, the variance's {variance_axes}"
                yield "wrong axis", text, (dx, dgamma, dbeta)


_KNOWN = {
    "attention": _attention,
    "batchnorm": _batchnorm,
    "conv1d": windows.of_conv1d,
    "conv_relu_maxpool": windows.of_conv_relu_maxpool,
    "dropout": _dropout,
    "gradient_reversal": _gradient_reversal,
    "maxpool": windows.of_maxpool,
    "softmax_cross_entropy": _softmax_cross_entropy,
}
