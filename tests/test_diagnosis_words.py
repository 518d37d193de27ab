"""What a diagnosis says: only what was tested, in words that a student without our cache knows."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from minidann import gradcheck, model, ops
from minidann.gradcheck import proof
from minidann.gradcheck.cases import random_case
from minidann.mistakes import diagnosis
from minidann.mistakes.diagnosis.factors import in_words
from minidann.mistakes.diagnosis.kept import NAMES
from minidann.ops import attention, batchnorm, conv1d, dense, softmax_cross_entropy


def rewritten(op, change):
    """`op` whose backward gives change(the right gradients, dout, cache)."""

    def backward(dout, cache):
        return tuple(change(op.backward(dout, cache), dout, cache))

    return SimpleNamespace(forward=op.forward, backward=backward, example=op.example)


def check(op, change, seed=0, **given):
    return gradcheck.check(rewritten(op, change), np.random.default_rng(seed), **given)


# Here an axis has one place, or a gradient is not asked for: several mistakes look alike.
SPECIAL = ("one row", "one window", "one frame", "first layer")


def diagnoses(op, change):
    """All diagnoses on the cases of an op, except SPECIAL cases: {(kind, text)}."""
    name = op.__name__.rpartition(".")[2]
    reports = proof.check_op(name, rewritten(op, change), np.random.default_rng(0))
    reports = [report for report in reports if not report.title.endswith(SPECIAL)]
    return {(d.kind, d.detail or d.text) for report in reports for d in report.diagnosis}


# A diagnosis claims nothing that was not tested.


def one_nan(gradients, dout, cache):
    dz = gradients[0].copy()
    dz[2, 1] = np.nan
    return (dz, *gradients[1:])


def test_nan_has_words_of_its_own():
    (found,) = check(softmax_cross_entropy, one_nan).diagnosis
    assert found.kind == "unknown pattern"
    assert "not a finite number in 1 of 15 entries, first at z[2, 1]" in str(found)


def test_too_large_has_words_of_its_own():
    rng = np.random.default_rng(0)
    arrays = tuple(rng.standard_normal(shape) for shape in ((9, 100), (100, 70), (70,)))
    report = check(dense, lambda g, *_: (g[0], 3 * g[1], g[2]), arrays=arrays, directions=3)
    assert [found.kind for found in report.diagnosis] == ["unknown pattern"]
    assert "w is too large to diagnose" in str(report)


def test_an_argument_beside_a_nan_keeps_its_own_diagnosis():
    report = check(dense, lambda g, *_: (g[0] * np.nan, -g[1], g[2]))
    x, w, b = report.rows
    assert x.diagnosis.kind == "unknown pattern" and "finite" in str(x.diagnosis)
    assert w.diagnosis.kind == "sign"
    assert b.diagnosis is None


@pytest.mark.parametrize("size", [1e-6, 1e-10])
def test_noise_is_not_a_factor_of_one(size):
    noise = size * np.random.default_rng(9).standard_normal((3, 2))
    report = check(dense, lambda g, *_: (g[0], g[1] + noise, g[2]))
    assert [found.kind for found in report.diagnosis] == ["unknown pattern"]
    assert "the largest error is at w[" in str(report)


def test_of_one_number_any_other_is_a_multiple():
    rng = np.random.default_rng(0)
    arrays = tuple(rng.standard_normal(shape) for shape in ((5, 3), (3, 1), (1,)))
    report = check(dense, lambda g, *_: (*g[:2], g[2] + 0.1234), arrays=arrays)
    assert [found.kind for found in report.diagnosis] == ["unknown pattern"]


def test_a_factor_near_one_is_given_by_its_distance_from_one():
    report = check(dense, lambda g, *_: (g[0], g[1] * (1 + 1e-6), g[2]))
    assert "off by the factor 1 + 1e-06" in str(report)
    assert [in_words(f) for f in (1 - 2e-7, 1.0, 3.25)] == ["1 - 2e-07", "1", "3.25"]


def test_a_wrong_shape_has_no_largest_error():
    report = check(dense, lambda g, *_: (g[0], g[1][:2], g[2]))
    assert "w has the shape (3, 2), what is returned for it (2, 2)" in str(report)


def of_network(change):
    def backward(cache, *, alpha):
        grads, grad_norms = model.backward(cache, alpha=alpha)
        return change(grads), grad_norms

    network = SimpleNamespace(forward=model.forward, backward=backward)
    return gradcheck.check_network(network, np.random.default_rng(0), mode="bn1")


def test_a_parameter_of_the_network_that_is_nan_or_unknown():
    report = of_network(lambda grads: {**grads, "conv.w": grads["conv.w"] * np.nan})
    assert "conv.w is not a finite number in" in str(report)
    noise = np.random.default_rng(1)
    report = of_network(
        lambda grads: {**grads, "conv.w": noise.standard_normal(grads["conv.w"].shape)}
    )
    assert "none of the mistakes I know; the largest error is at conv.w[" in (str(report))


def test_no_warning_reaches_the_student():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evidence = diagnosis.Evidence(
            ("x",), (np.ones((2, 3)),), {"mask": np.ones((2, 3))}, np.zeros((2, 3)),
            np.ones((2, 3)), (np.ones((2, 3)),), (np.zeros((2, 3)),),
        )  # fmt: skip
        diagnosis.diagnose(evidence, [0])


# The same bug has the same name on every case, degenerate ones too.


def of_attention(through, weigh=lambda s: s, v_from=None):
    def change(gradients, dout, cache):
        f, v, s = cache
        dscore = through((f @ dout[:, :, None])[:, :, 0], s)  # (N, P)
        df = weigh(s)[:, :, None] * dout[:, None, :] + dscore[:, :, None] * v
        return df, np.tensordot(dscore if v_from is None else v_from(s), f, axes=2)

    return change


def right(ds, s):
    return s * (ds - (s * ds).sum(axis=1, keepdims=True))


def of_batchnorm(use):
    """batchnorm with dx = use(dout * gamma, xhat, scale, gamma, dout) in training."""

    def change(gradients, dout, cache):
        xhat, gamma, scale, _, _, own_statistics = cache
        dx = use(dout * gamma, xhat, scale, gamma, dout) if own_statistics else gradients[0]
        return dx, *gradients[1:]

    return change


def dx(d, xhat, scale):
    return scale * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))


def last_window(gradients, dout, cache):
    last = dout * (np.arange(dout.shape[1]) == dout.shape[1] - 1)[:, None]
    return gradients[0], conv1d.backward(last, cache)[1], gradients[2]


def another_label(gradients, dout, cache):
    p, labels = cache
    return softmax_cross_entropy.backward(dout, (p, (labels + 1) % p.shape[1]))


BUGS = [
    (attention, of_attention(lambda ds, s: s * ds), "off-diagonal", "off-diagonal"),
    (attention, of_attention(right, weigh=np.ones_like), "missing path", "weights s are left out"),
    (attention, of_attention(lambda ds, s: s * (ds - ds.mean(axis=1, keepdims=True))),
     "missing path", "a plain mean"),
    (attention, of_attention(right, v_from=lambda s: s), "wrong cache", "the weights s stand"),
    (batchnorm, of_batchnorm(lambda d, x, s, g, dout: s * d), "mean path", "mean"),
    (batchnorm, of_batchnorm(lambda d, x, s, g, dout: s * (d - x * (d * x).mean(axis=0))),
     "mean path", "the path through the mean is missing"),
    (batchnorm, of_batchnorm(lambda d, x, s, g, dout: dx(d, x, 1 / s)),
     "factor", "as if 1/sqrt(variance + epsilon) were one over it"),
    (batchnorm, of_batchnorm(lambda d, x, s, g, dout: dx(dout, x, s)), "factor", "as if gamma"),
    (batchnorm, of_batchnorm(lambda d, x, s, g, dout: s * (
        d - d.mean(axis=1, keepdims=True) - x * (d * x).mean(axis=0))),
     "wrong axis", "the mean's path averages over the channels, the variance's over the batch"),
    (batchnorm, of_batchnorm(lambda d, x, s, g, dout: s * (
        d - d.mean(axis=0) - 0.5 * x * (d * x).mean(axis=0))), "variance path", "is halved"),
    (conv1d, lambda g, *_: (g[1], g[0], g[2]), "swapped", "is the gradient of"),
    (conv1d, last_window, "overwritten", "only what is last along time"),
    (conv1d, lambda g, dout, _: (*g[:2], dout.mean(axis=(0, 1))), "summed", "size of out along t"),
    (conv1d, lambda g, *_: (g[0], 2 * g[1], g[2]), "factor", "the factor 2"),
    (conv1d, lambda g, *_: (g[0], np.ones_like(g[1]), g[2]), "placeholder", "1 everywhere"),
    (conv1d, lambda g, dout, _: (*g[:2], dout[:, 0].sum(axis=0)), "zero slice", "along time"),
    (softmax_cross_entropy, lambda g, dout, _: (g[0] / dout,), "missing path", "dout is not used"),
    (softmax_cross_entropy, another_label, "shifted", "the labels were off by +1"),
    (softmax_cross_entropy, lambda g, _, c: (g[0] * c[0] * (1 - c[0]),), "wrong cache",
     "the slope of a sigmoid"),
]  # fmt: skip


@pytest.mark.parametrize("op, change, kind, text", BUGS)
def test_every_case_names_the_same_bug(op, change, kind, text):
    found = diagnoses(op, change)
    assert {k for k, _ in found} == {kind}, found
    # A random case may be special, too: one window, say, of which no mean can be taken.
    assert sum(text not in words for _, words in found) <= 1, found
    assert any(text in words for _, words in found), found
    assert not any("of the cache" in words for _, words in found)


def test_statistics_taken_for_constants():
    report = check(batchnorm, of_batchnorm(lambda d, x, s, g, dout: s * d))
    assert "the paths through the mean and the variance are missing" in str(report)


def test_dgamma_without_dout():
    def change(gradients, dout, cache):
        return gradients[0], cache[0].sum(axis=0) if cache[5] else gradients[1], gradients[2]

    found = diagnoses(batchnorm, change)
    assert found == {("missing path", "dout is not used: as if it were one everywhere")}


def test_only_the_first_row_comes_before_overwriting():
    report = check(dense, lambda g, dout, _: (*g[:2], dout[0].copy()))
    assert report.diagnosis[0].kind == "first only"


def test_a_plain_two_comes_before_a_size_that_happens_to_be_two():
    report = check(dense, lambda g, *_: (g[0], 2 * g[1], g[2]))
    assert "factor 2 (perhaps the size of out along the columns)" in str(report)


@pytest.mark.parametrize("name", ops.__all__)
def test_the_parts_of_a_cache_have_names(name):
    op = getattr(ops, name)
    arrays, options = op.example(np.random.default_rng(0))
    _, cache = op.forward(*arrays, **options)
    assert isinstance(NAMES[name], tuple) == isinstance(cache, tuple)
    assert not isinstance(cache, tuple) or len(NAMES[name]) == len(cache)


RUBBISH = {
    "noise": lambda x, rng: rng.standard_normal(x.shape),
    "another shape": lambda x, rng: rng.standard_normal(tuple(rng.integers(1, 5, rng.integers(4)))),
    "flat": lambda x, rng: x.reshape(-1),
    "some NaN": lambda x, rng: np.where(rng.random(x.shape) < 0.3, np.nan, x),
}


@pytest.mark.parametrize("what", RUBBISH)
@pytest.mark.parametrize("name", ops.__all__)
def test_rubbish_is_unknown_and_breaks_nothing(name, what):
    """`flat` is right where the argument is flat."""
    op, rng = getattr(ops, name), np.random.default_rng(0)
    for _ in range(3):
        case = random_case(name, rng)

        def change(gradients, dout, cache):
            change_rng = np.random.default_rng(1)
            return [g if g is None else RUBBISH[what](g, change_rng) for g in gradients]

        report = gradcheck.check(rewritten(op, change), rng, **case.given)
        wrong = [row for row in report.rows if row.verdict != "not computed" and not row.ok]
        assert wrong or what == "flat"
        kinds = {row.diagnosis.kind for row in wrong if row.diagnosis}
        assert kinds <= {"unknown pattern"} or what in ("flat", "another shape"), str(report)
