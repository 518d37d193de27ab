"""Known mistakes, each made on purpose: is it named, with what a student needs to find it?"""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, gradcheck, model, ops, optim
from minidann.gradcheck.cases import tied
from minidann.mistakes.diagnosis import KINDS
from minidann.ops import (
    attention,
    batchnorm,
    conv1d,
    conv_relu_maxpool,
    dense,
    dropout,
    gradient_reversal,
    maxpool,
    relu,
    softmax_cross_entropy,
)


def with_backward(op, backward, example=None):
    return SimpleNamespace(forward=op.forward, backward=backward, example=example or op.example)


def only(i, change):
    """A backward pass of which gradient i is `change(it, dout, cache)`."""

    def of(op):
        def backward(dout, cache):
            gradients = list(op.backward(dout, cache))
            gradients[i] = change(gradients[i], dout, cache)
            return tuple(gradients)

        return backward

    return of


def reads(change):
    """A backward pass that is given other (dout, cache)."""
    return lambda op: lambda dout, cache: op.backward(*change(dout, cache))


def overwritten(dx, dout, cache):
    """conv1d's dx with = in place of +=."""
    rows, w, shape, stride, _ = cache
    n, t_out, f = dout.shape
    k, d, _ = w.shape
    given = (dout.reshape(-1, f) @ w.reshape(k * d, f).T).reshape(n, t_out, k, d)
    dx = np.zeros(shape)
    for t in range(t_out):
        dx[:, t * stride : t * stride + k] = given[:, t]
    return dx


def scores(through):
    """attention's backward, given ds and s -> the gradient of the scores."""

    def backward(dout, cache):
        f, v, s = cache
        dscore = through((f @ dout[:, :, None])[:, :, 0], s)  # (N, P)
        df = s[:, :, None] * dout[:, None, :] + dscore[:, :, None] * v
        return df, np.tensordot(dscore, f, axes=2)

    return lambda op: backward


def terms(use):
    """batchnorm's backward with dx = use(direct, mean, variance, N)."""

    def change(dx, dout, cache):
        xhat, gamma, scale, *_ = cache
        dxhat = dout * gamma
        variance = xhat * (dxhat * xhat).mean(axis=0)
        return scale * use(dxhat, dxhat.mean(axis=0), variance, len(xhat))

    return only(0, change)


def every_tied_maximum(op):
    def backward(dout, cache):
        x, size, stride = cache
        dx = np.zeros_like(x)
        for p in range(dout.shape[1]):
            window = x[:, p * stride : p * stride + size]
            ties = window == window.max(axis=1, keepdims=True)
            dx[:, p * stride : p * stride + size] += ties * dout[:, p : p + 1]
        return (dx,)

    return backward


def first(dout):
    return dout * (np.arange(len(dout)) == 0).reshape((-1,) + (1,) * (dout.ndim - 1))


OPS = [
    (dense, only(1, lambda g, *_: -g), "sign", "gradient of w"),
    (dense, only(2, lambda g, dout, _: dout.mean(axis=0)), "summed", "1/5, one over the batch"),
    (dense, only(0, lambda g, *_: 2 * g), "factor", "2"),
    (dense, only(1, lambda g, *_: g.T), "transposed", "w is transposed"),
    (dense, only(1, lambda g, *_: g.T.reshape(g.shape)), "transposed", "reshaped where"),
    (dense, only(2, lambda g, dout, _: dout.sum(axis=1)), "wrong axis", "summed over the axes"),
    (dense, only(0, lambda g, *_: 0 * g), "zero slice", "zero everywhere"),
    (dense, reads(lambda dout, c: (dout, (np.maximum(c[0], 0), c[1]))), "wrong cache", "ReLU"),
    (softmax_cross_entropy, only(0, lambda g, dout, c: g * len(g)), "summed", "5, the batch"),
    (
        softmax_cross_entropy,
        only(0, lambda g, dout, c: np.where(np.arange(3) == c[1][:, None], g, 0)),
        "off-diagonal",
        "only the label's own score",
    ),
    (softmax_cross_entropy, only(0, lambda g, d, c: c[0] * d / 5), "missing path", "the label"),
    (relu, lambda op: lambda dout, cache: (dout,), "gate", "not applied"),
    (relu, lambda op: lambda dout, cache: (np.where(cache, dout, 0.01 * dout),), "gate", "0.01 of"),
    (dropout, lambda op: lambda dout, mask: (dout,), "gate", "left out"),
    (dropout, lambda op: lambda dout, mask: (dout * (mask > 0),), "factor", "1/(1-p)"),
    (gradient_reversal, lambda op: lambda dout, beta: (dout,), "no reversal", "missing"),
    (gradient_reversal, lambda op: lambda dout, beta: (-dout,), "beta ignored", "beta"),
    (conv1d, only(0, overwritten), "overwritten", "the last one overwrites"),
    (conv1d, only(0, lambda g, *_: np.roll(g, 1, axis=1)), "shifted", "+1 along time"),
    (conv1d, only(1, lambda g, *_: g[::-1]), "reversed", "along the kernel's frames"),
    (conv1d, reads(lambda d, c: (first(d), c)), "first only", "first utterance"),
    (conv1d, reads(lambda d, c: (d, (*c[:3], 2, c[4]))), "stride", "2 where it should be 3"),
    (
        conv1d,
        reads(lambda d, c: (d * (np.arange(d.shape[1]) < d.shape[1] - 1)[:, None], c)),
        "zero slice",
        "3 along time",
    ),
    (attention, scores(lambda ds, s: s * ds), "off-diagonal", "off-diagonal"),
    (attention, scores(lambda ds, s: s * (1 - s) * ds), "off-diagonal", "s(1-s)"),
    (attention, scores(lambda ds, s: s * (ds - (s * ds).sum(axis=0))), "wrong axis", "the batch"),
    (batchnorm, terms(lambda x, m, v, n: x - v), "mean path", "the mean is missing"),
    (batchnorm, terms(lambda x, m, v, n: x - m), "variance path", "the variance is missing"),
    (batchnorm, terms(lambda x, m, v, n: x - m - n * v), "summed", "the variance is off by"),
    (batchnorm, lambda op: lambda d, c: (op.backward(d, c)[0], *op.backward(d, c)[:0:-1]),
     "swapped", "is the gradient of"),
    (conv_relu_maxpool, only(2, lambda g, dout, c: dout.sum(axis=(0, 1))), "gate", "not applied"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("op, mistake, kind, text", OPS)
def test_mistakes_in_an_op(op, mistake, kind, text, seed):
    rng = np.random.default_rng(seed)
    arrays, options = op.example(rng)
    scale = -options["beta"] if op is gradient_reversal else 1.0
    report = gradcheck.check(
        with_backward(op, mistake(op)), rng, arrays=arrays, options=options, scale=scale
    )
    assert not report.ok
    assert {diagnosis.kind for diagnosis in report.diagnosis} == {kind}, str(report)
    assert text in str(report)


def test_ties_handed_out_twice():
    def forward(x, *, size, stride):
        return maxpool.forward(x, size=size, stride=stride)[0], (x, size, stride)

    rng = np.random.default_rng(0)
    pool = SimpleNamespace(forward=forward, backward=every_tied_maximum(maxpool))
    options = {"size": 5, "stride": 5}
    report = gradcheck.check(pool, rng, arrays=(tied(rng, 3, 17, 2),), options=options)
    assert [diagnosis.kind for diagnosis in report.diagnosis] == ["ties"]
    apart = (rng.permutation(3 * 17 * 2).reshape(3, 17, 2) / 10.0,)
    assert gradcheck.check(pool, rng, arrays=apart, options=options).ok


def test_what_no_hypothesis_gives_is_unknown():
    rng = np.random.default_rng(0)
    noise = np.random.default_rng(1).standard_normal((5, 3))
    report = gradcheck.check(with_backward(dense, only(0, lambda g, *_: g + noise)(dense)), rng)
    assert [diagnosis.kind for diagnosis in report.diagnosis] == ["unknown pattern"]


def test_a_guess_that_is_merely_near_does_not_count():
    rng = np.random.default_rng(0)
    near = with_backward(dense, only(1, lambda g, *_: -g * (1 + 1e-4 * np.sign(g)))(dense))
    assert gradcheck.check(near, rng).diagnosis[0].kind == "unknown pattern"


# The network.


def network(**changes):
    """model with some of its ops' backward passes changed: op=change(gradients, dout, cache)."""
    names = {name: getattr(ops, name) for name in ops.__all__}
    for name, change in changes.items():
        op = names[name]

        def backward(dout, cache, op=op, change=change):
            return change(op.backward(dout, cache), dout, cache)

        names[name] = SimpleNamespace(forward=op.forward, backward=backward)
    theirs = SimpleNamespace(**names)

    def forward(*given, **options):
        return model.forward(*given, **{**options, "ops": theirs})

    return SimpleNamespace(forward=forward, backward=model.backward)


def weighed(emotion=1.0, domain=1.0):
    """model whose losses get other weights than alpha and 1 - alpha, times these."""

    def backward(cache, *, alpha):
        whole, grad_norms = model.backward(cache, alpha=alpha)
        of_emotion, _ = model.backward(cache, alpha=1.0)
        of_domain, _ = model.backward(cache, alpha=0.0)
        return {
            name: emotion * alpha * of_emotion.get(name, 0)
            + domain * (1 - alpha) * of_domain.get(name, 0)
            for name in whole
        }, grad_norms

    return SimpleNamespace(forward=model.forward, backward=backward)


def by_rows(source, target):
    """The reversal with one factor for the 7 source rows and one for the target rows of 11."""
    return lambda g, dout, beta: (
        np.where(np.arange(len(dout)) < 7, source(beta), target(beta))[:, None] * dout,
    )


NETWORKS = [
    ("bn1", network(gradient_reversal=lambda g, d, b: (d,)), "no reversal"),
    ("bn2", network(gradient_reversal=lambda g, d, b: (b * b * d,)), "double reversal"),
    ("bn3", network(gradient_reversal=lambda g, d, b: (-d,)), "beta ignored"),
    ("bn4", network(softmax_cross_entropy=lambda g, d, c: (1.7 * g[0],)), None),
    ("none", weighed(domain=-1.0), "minus loss"),
    ("bn4", weighed(domain=1.7), "beta on classifier"),
    ("bn1", weighed(domain=11 / 7), "loss mean"),
    ("bn2", weighed(emotion=0.7 / 0.3, domain=0.3 / 0.7), "alpha"),
    ("bn1", network(gradient_reversal=by_rows(lambda b: -b, lambda b: 1.0)), "source rows only"),
    ("bn3", network(gradient_reversal=by_rows(lambda b: -b, lambda b: 0.0)), "target rows"),
    ("none", network(dropout=lambda g, d, mask: (d,)), "gate"),
    ("bn2", network(attention=lambda g, d, c: (0 * g[0], g[1])), "missing path"),
]


@pytest.mark.parametrize("mode, wrong, kind", NETWORKS)
def test_mistakes_in_the_network(mode, wrong, kind):
    report = gradcheck.check_network(wrong, np.random.default_rng(0), mode=mode)
    assert not report.ok
    kinds = {diagnosis.kind for diagnosis in report.diagnosis}
    if kind is None:  # two mistakes at once: whatever it says, not one of these
        assert not kinds & {"no reversal", "beta ignored", "alpha", "minus loss"}
    else:
        assert kinds == {kind}, str(report)


def test_batch_norm_of_another_mode(monkeypatch):
    def backward(demotion, ddomain, cache):
        mode, n, groups, calls, its_ops = cache
        return right(demotion, ddomain, ("bn1", n, groups[1:], calls[1:], its_ops))

    right = feeding.backward
    rng = np.random.default_rng(0)
    mixed = SimpleNamespace(forward=model.forward, backward=model.backward)
    with monkeypatch.context() as patch:
        patch.setattr(feeding, "backward", backward)
        grads = []

        def wrong(cache, *, alpha):
            grads.append(model.backward(cache, alpha=alpha))
            patch.setattr(feeding, "backward", right)  # the diagnosis needs the right one
            return grads[-1]

        mixed.backward = wrong
        report = gradcheck.check_network(mixed, rng, mode="bn2")
    assert {diagnosis.kind for diagnosis in report.diagnosis} == {"other mode"}


# The optimiser.


def optimiser(update):
    def step(params, grads, state, rate):
        after, state = optim.step(params, grads, state, rate)
        for name in grads:
            m, v, t = (state[f"{name}.{key}"] for key in "mvt")
            after[name] = params[name] - rate * update(m, v, int(t))
        return after, state

    return SimpleNamespace(start=optim.start, step=step, add_penalty=optim.add_penalty)


@pytest.mark.parametrize(
    "update, text",
    [
        (lambda m, v, t: m / (np.sqrt(v) + 1e-8), "neither moment is corrected"),
        (lambda m, v, t: m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t) + 1e-8), "under the square"),
        (lambda m, v, t: m / (1 - 0.9**t) / (v / (1 - 0.999**t) + 1e-8), "square root (power"),
        (lambda m, v, t: m**3, "wrong: the update itself; right: the first moment"),
    ],
)
def test_mistakes_in_adam(update, text):
    report = gradcheck.check_optimiser(optimiser(update), np.random.default_rng(0))
    assert {diagnosis.kind for diagnosis in report.diagnosis} == {"adam"}
    assert text in str(report)


@pytest.mark.parametrize(
    "added, text",
    [
        (lambda name, w, l1, l2: l1 * np.sign(w) + l2 * w, "0.2 w is added, not 0 sign(w) + 0.4 w"),
        (lambda name, w, l1, l2: l1 * w + 2 * l2 * w, "not 0.3 sign(w)"),
        (lambda name, w, l1, l2: 2 * l2 * w, "emotion.w is not penalised by l1"),
    ],
)
def test_mistakes_in_a_penalty(added, text):
    def add_penalty(params, grads, *, l1, l2):
        kernels = optim.REGULARISED
        return {
            name: g + (added(name, params[name], l1, l2) if name in kernels else 0)
            for name, g in grads.items()
        }

    wrong = SimpleNamespace(start=optim.start, step=optim.step, add_penalty=add_penalty)
    report = gradcheck.check_optimiser(wrong, np.random.default_rng(0))
    assert {diagnosis.kind for diagnosis in report.diagnosis} == {"penalty"}
    assert text in str(report)


def test_every_kind_has_a_definition():
    for *_, kind, _ in OPS:
        assert kind in KINDS
    for *_, kind in NETWORKS:
        assert kind is None or kind in KINDS
