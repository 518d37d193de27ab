"""What a diagnosis says of mistakes that are not in the bank: only what was tested, in words that a
student without our cache knows. `test_gradcheck_bank.py` has the mistakes of the bank.
"""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from wrong_code import changed, changed_at, changed_network, check, check_network

from minidann import gradcheck, ops, optim
from minidann.gradcheck import proof
from minidann.gradcheck.cases import random_case
from minidann.mistakes import diagnosis
from minidann.mistakes.diagnosis.factors import in_words
from minidann.mistakes.diagnosis.kept import NAMES
from minidann.mistakes.mutants.making import with_ops
from minidann.mistakes.question import first_example
from minidann.ops import (
    attention,
    batchnorm,
    conv1d,
    dense,
    gradient_reversal,
    relu,
    softmax_cross_entropy,
)


def of_batchnorm(dx):
    """Batch norm with this `dx(dout, xhat, gamma, scale)` where the statistics are the batch's."""

    def change(gradients, dout, cache):
        xhat, gamma, scale, _, _, of_the_batch = cache
        if of_the_batch:
            return dx(dout, xhat, gamma, scale), *gradients[1:]
        return gradients

    return change


def mean(array):
    return array.mean(axis=0)


def of_attention(through, weigh=lambda s: s, v_from=None):
    """Attention with `through(ds, s)` for the scores' gradient, `weigh(s)` for the weights, and
    `v_from(s)` in place of the scores' gradient in v's.
    """

    def change(gradients, dout, cache):
        f, v, s = cache
        dscore = through((f @ dout[:, :, None])[:, :, 0], s)  # (N, P)
        df = weigh(s)[:, :, None] * dout[:, None, :] + dscore[:, :, None] * v
        return df, np.tensordot(dscore if v_from is None else v_from(s), f, axes=2)

    return change


def through_softmax(ds, s):
    return s * (ds - (s * ds).sum(axis=1, keepdims=True))


MISTAKES = [
    (dense, changed_at(2, lambda g, dout, _: dout.sum(axis=1)), "wrong axis",
     "summed over the axes"),
    (relu, lambda g, dout, gate: (np.where(gate, dout, 0.01 * dout),), "gate", "0.01 of"),
    (gradient_reversal, lambda g, dout, beta: (dout,), "no reversal", "missing"),
    (conv1d, lambda g, dout, c: conv1d.backward(dout, (*c[:3], 2, c[4])), "stride",
     "2 where it should be 3"),
    (batchnorm,
     of_batchnorm(lambda d, x, g, s: s * g * (d - mean(d) - len(x) * x * mean(d * x))),
     "summed", "the variance is off by"),
    (batchnorm, of_batchnorm(lambda d, x, g, s: s * g * d), "mean path",
     "the paths through the mean and the variance are missing"),
    (dense, changed_at(2, lambda g, dout, _: dout[0].copy()), "first only", "first utterance"),
    (dense, changed_at(1, lambda g, *_: 2 * g), "factor",
     "factor 2 (perhaps the size of out along the columns)"),  # plain 2 comes first
    (dense, changed_at(1, lambda g, *_: g * (1 + 1e-6)), "factor", "off by the factor 1 + 1e-06"),
    (
        conv1d,
        lambda g, dout, c: conv1d.backward(np.where(np.arange(7) == 0, dout.T, 0).T, c),
        "first only",
        "only the first utterance's gradient arrives",
    ),
    (dense, changed_at(2, lambda g, *_: 0.8 * g), "factor", "4/5, of the batch minus one and that"),
    # What no mistake that we know of gives:
    (dense, changed_at(0, lambda g, *_: g + np.sin(np.arange(15.0)).reshape(5, 3)),
     "unknown pattern", "the largest error is at x["),
    (dense, changed_at(1, lambda g, *_: -g * (1 + 1e-4 * np.sign(g))), "unknown pattern",
     "the largest error is at w["),
    (dense, changed_at(1, lambda g, *_: g + 1e-6 * np.sin(np.arange(6.0)).reshape(3, 2)),
     "unknown pattern", "the largest error is at w["),
    (dense, changed_at(1, lambda g, *_: g + 1e-10 * np.sin(np.arange(6.0)).reshape(3, 2)),
     "unknown pattern", "the largest error is at w["),
    (dense, changed_at(1, lambda g, *_: g[:2]), "unknown pattern",
     "w has the shape (3, 2), what is returned for it (2, 2)"),
    (softmax_cross_entropy,
     changed_at(0, lambda g, *_: np.where(np.arange(15).reshape(5, 3) == 7, np.nan, g)),
     "unknown pattern", "not a finite number in 1 of 15 entries, first at z[2, 1]"),
]  # fmt: skip


@pytest.mark.parametrize("op, change, kind, words", MISTAKES)
def test_mistakes_in_an_op(op, change, kind, words):
    arrays, options = first_example(op, np.random.default_rng(0))
    scale = -options["beta"] if op is gradient_reversal else 1.0
    report = check(changed(op, change), arrays=arrays, options=options, scale=scale)
    assert not report.ok
    assert {found.kind for found in report.diagnosis} == {kind}, str(report)
    assert words in str(report)


def test_factors_near_1_in_words():
    assert [in_words(f) for f in (1 - 2e-7, 1.0, 3.25)] == ["1 - 2e-07", "1", "3.25"]


def test_too_large_has_words_of_its_own():
    rng = np.random.default_rng(0)
    arrays = tuple(rng.standard_normal(shape) for shape in ((9, 100), (100, 70), (70,)))
    wrong = changed(dense, changed_at(1, lambda g, *_: 3 * g))
    report = check(wrong, arrays=arrays, directions=3)
    assert [found.kind for found in report.diagnosis] == ["unknown pattern"]
    assert "w is too large to diagnose" in str(report)


def test_an_argument_beside_a_nan_keeps_its_diagnosis():
    x, w, b = check(changed(dense, lambda g, *_: (g[0] * np.nan, -g[1], g[2]))).rows
    assert x.diagnosis.kind == "unknown pattern" and "finite" in str(x.diagnosis)
    assert w.diagnosis.kind == "sign"
    assert b.diagnosis is None


@pytest.mark.parametrize("change", [lambda db: db + 0.1234, lambda db: -0.074 * db])
def test_a_number_alone_is_no_evidence(change):
    """Any number is a multiple of any other."""
    rng = np.random.default_rng(0)
    arrays = tuple(rng.standard_normal(shape) for shape in ((5, 3), (3, 1), (1,)))
    wrong = changed(dense, changed_at(2, lambda g, *_: change(g)))
    report = check(wrong, arrays=arrays)
    assert [found.kind for found in report.diagnosis] == ["unknown pattern"]


def test_no_warning_reaches_the_student():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evidence = diagnosis.Evidence(
            ("x",), (np.ones((2, 3)),), {"mask": np.ones((2, 3))}, np.zeros((2, 3)),
            np.ones((2, 3)), (np.ones((2, 3)),), (np.zeros((2, 3)),),
        )  # fmt: skip
        diagnosis.diagnose(evidence, [0])


# A mistake has the same name on every case, degenerate ones too.


def with_means(mean_of_dx, mean_of_product):
    """Batch norm whose two means are taken by these functions."""
    return of_batchnorm(
        lambda d, x, g, s: s * (d * g - mean_of_dx(d * g) - x * mean_of_product(d * g * x))
    )


def over_channels(array):
    return array.mean(axis=1, keepdims=True)


def last_window(dw, dout, cache):
    last = dout * (np.arange(dout.shape[1]) == dout.shape[1] - 1)[:, None]
    return conv1d.backward(last, cache)[1]


def another_label(gradients, dout, cache):
    p, labels = cache
    return softmax_cross_entropy.backward(dout, (p, (labels + 1) % p.shape[1]))


def dgamma_without_dout(dgamma, dout, cache):
    return cache[0].sum(axis=0) if cache[5] else dgamma


ON_EACH_CASE = [
    (attention, of_attention(lambda ds, s: s * ds), "off-diagonal", "off-diagonal"),
    (attention, of_attention(through_softmax, weigh=np.ones_like), "missing path",
     "weights s are left out"),
    (attention, of_attention(lambda ds, s: s * (ds - ds.mean(axis=1, keepdims=True))),
     "missing path", "a plain mean"),
    (attention, of_attention(through_softmax, v_from=lambda s: s), "wrong cache",
     "the weights s stand"),
    (batchnorm, of_batchnorm(lambda d, x, g, s: s * g * d), "mean path", "mean"),
    (batchnorm, with_means(lambda d: 0, mean), "mean path", "the path through the mean is missing"),
    (batchnorm, of_batchnorm(lambda d, x, g, s: (d - mean(d) - x * mean(d * x)) * g / s),
     "factor", "as if 1/sqrt(variance + epsilon) were one over it"),
    (batchnorm, of_batchnorm(lambda d, x, g, s: s * (d - mean(d) - x * mean(d * x))),
     "factor", "as if gamma"),
    (batchnorm, with_means(over_channels, mean), "wrong axis",
     "the mean's path averages over the channels, the variance's over the batch"),
    (batchnorm, with_means(mean, lambda d: 0.5 * mean(d)), "variance path", "is halved"),
    (batchnorm, changed_at(1, dgamma_without_dout), "missing path",
     "dout is not used: as if it were one everywhere"),
    (conv1d, lambda g, *_: (g[1], g[0], g[2]), "swapped", "is the gradient of"),
    (conv1d, changed_at(1, last_window), "overwritten", "only what is last along time"),
    (conv1d, changed_at(2, lambda g, dout, _: dout.mean(axis=(0, 1))), "summed",
     "size of out along t"),
    (conv1d, changed_at(1, lambda g, *_: 2 * g), "factor", "the factor 2"),
    (conv1d, changed_at(1, lambda g, *_: np.ones_like(g)), "placeholder", "1 everywhere"),
    (conv1d, changed_at(2, lambda g, dout, _: dout[:, 0].sum(axis=0)), "zero slice", "along time"),
    (softmax_cross_entropy, lambda g, dout, _: (g[0] / dout,), "missing path", "dout is not used"),
    (softmax_cross_entropy, another_label, "shifted", "the labels were off by +1"),
    (softmax_cross_entropy, lambda g, _, c: (g[0] * c[0] * (1 - c[0]),), "wrong cache",
     "the slope of a sigmoid"),
]  # fmt: skip

# Here an axis has one place, or a gradient is not asked for: several mistakes look alike.
SPECIAL = ("one row", "one window", "one frame", "first layer")


@pytest.mark.parametrize("op, change, kind, words", ON_EACH_CASE)
def test_each_case_names_the_same_mistake(op, change, kind, words):
    name = op.__name__.rpartition(".")[2]
    reports = proof.check_op(name, changed(op, change), np.random.default_rng(0))
    reports = [report for report in reports if not report.title.endswith(SPECIAL)]
    found = {(d.kind, d.detail or d.text) for report in reports for d in report.diagnosis}
    assert {k for k, _ in found} == {kind}, found
    # A random case may be special, too: one window, say, of which no mean can be taken.
    assert sum(words not in text for _, text in found) <= 1, found
    assert any(words in text for _, text in found), found
    assert not any("of the cache" in text for _, text in found)


@pytest.mark.parametrize("name", ops.__all__)
def test_the_parts_of_a_cache_have_names(name):
    op = getattr(ops, name)
    arrays, options = first_example(op, np.random.default_rng(0))
    _, cache = op.forward(*arrays, **options)
    assert isinstance(NAMES[name], tuple) == isinstance(cache, tuple)
    assert not isinstance(cache, tuple) or len(NAMES[name]) == len(cache)


RUBBISH = {
    "noise": lambda x, rng: rng.standard_normal(x.shape),
    "another shape": lambda x, rng: rng.standard_normal(tuple(rng.integers(1, 5, rng.integers(4)))),
    "flat": lambda x, rng: x.reshape(-1),  # which is right where the argument is flat
    "some NaN": lambda x, rng: np.where(rng.random(x.shape) < 0.3, np.nan, x),
}


@pytest.mark.parametrize("what", RUBBISH)
@pytest.mark.parametrize("name", ops.__all__)
def test_rubbish_is_unknown_and_breaks_nothing(name, what):
    def change(gradients, dout, cache):
        rng = np.random.default_rng(1)
        return tuple(g if g is None else RUBBISH[what](g, rng) for g in gradients)

    case = random_case(name, np.random.default_rng(0))
    report = check(changed(getattr(ops, name), change), **case.given)
    wrong = [row for row in report.rows if row.verdict != "not computed" and not row.ok]
    assert wrong or what == "flat"
    kinds = {row.diagnosis.kind for row in wrong if row.diagnosis}
    assert kinds <= {"unknown pattern"} or what in ("flat", "another shape"), str(report)


# Two mistakes in one gradient: each is named, where one alone explains nothing.


def attended(gradients, dout, cache):
    """df without the softmax's off-diagonal terms, dv without them and averaged."""
    df, dv = of_attention(lambda ds, s: s * ds)(gradients, dout, cache)
    return df, dv / len(dout)


def first_and_negative(dw, dout, cache):
    first = np.where(np.arange(len(dout))[:, None, None] == 0, dout, 0.0)
    return -conv1d.backward(first, cache)[1]


def reshaped_and_averaged(dx, dout, cache):
    _, w = cache
    return dout @ w.reshape(w.shape[::-1]) / len(dout)


@pytest.mark.parametrize(
    "op, change, words",
    [
        (batchnorm, of_batchnorm(lambda d, x, g, s: s * (d - x * mean(d * x))),
         ["gamma is left out", "the path through the mean is missing"]),
        (batchnorm, of_batchnorm(lambda d, x, g, s: s * d),
         ["gamma is left out", "the mean and the variance"]),
        (batchnorm, of_batchnorm(lambda d, x, g, s: g * d - x * mean(g * d * x)),
         ["1/sqrt(variance + epsilon) is left out", "the path through the mean"]),
        (batchnorm, of_batchnorm(lambda d, x, g, s: d - mean(d) - x * mean(d * x)),
         ["gamma and 1/sqrt(variance + epsilon) are left out"]),
        (batchnorm, of_batchnorm(lambda d, x, g, s: -s * g * (d - mean(d))),
         ["the path through the variance is missing", "the sign of the gradient of x is flipped"]),
        (attention, attended, ["off-diagonal", "v is averaged where it should be summed"]),
        (conv1d, changed_at(1, first_and_negative), ["only the first utterance", "sign"]),
        (conv1d, changed_at(1, lambda dw, dout, _: dw[::-1] / len(dout)),
         ["reversed along the kernel's frames", "w is averaged"]),
        (dense, changed_at(0, reshaped_and_averaged), ["as if w were turned", "x is averaged"]),
        (softmax_cross_entropy, changed_at(0, lambda dz, dout, c: dout * c[0]),
         ["the path through the label (minus the one-hot) is missing", "z is summed"]),
    ],
)  # fmt: skip
def test_two_mistakes_are_both_named(op, change, words):
    report = str(check(changed(op, change)))
    assert "two mistakes: " in report
    assert all(word in report for word in words), report


def test_a_mistake_that_explains_all_is_named_alone():
    (found,) = check(changed(dense, changed_at(1, lambda dw, dout, _: -dw / len(dout)))).diagnosis
    assert found.kind == "summed" and "two mistakes" not in str(found)


# The network and the optimiser.


def test_two_mistakes_in_the_network_are_not_named_as_one_of_the_reversal():
    wrong = with_ops(softmax_cross_entropy=lambda g, *_: (1.7 * g[0],))
    report = check_network(wrong, mode="bn4")
    assert not report.ok
    kinds = {found.kind for found in report.diagnosis}
    assert not kinds & {"no reversal", "beta ignored", "alpha", "minus loss"}


@pytest.mark.parametrize(
    "noise, words",
    [
        (np.full((10, 2, 5), np.nan), "conv.w is not a finite number in"),
        (
            np.random.default_rng(1).standard_normal((10, 2, 5)),
            "none of the mistakes I know; the largest error is at conv.w[",
        ),
    ],
)
def test_a_parameter_of_the_network_that_is_nan_or_unknown(noise, words):
    wrong = changed_network(lambda grads, norms: ({**grads, "conv.w": noise}, norms))
    assert words in str(check_network(wrong, mode="bn1"))


def test_an_update_that_is_none_of_adams():
    def step(params, grads, state, rate):
        after, state = optim.step(params, grads, state, rate)
        return {name: params[name] - rate * state[f"{name}.m"] ** 3 for name in after}, state

    wrong = SimpleNamespace(**{**vars(optim), "step": step})
    report = gradcheck.check_optimiser(wrong, np.random.default_rng(0))
    assert {found.kind for found in report.diagnosis} == {"adam"}
    assert "wrong: the update itself; right: the first moment" in str(report)
