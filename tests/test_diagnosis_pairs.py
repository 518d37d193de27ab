"""Two mistakes in one gradient: each is named, where one alone explains nothing."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import gradcheck, ops
from minidann.mistakes import mutants
from minidann.ops import attention, batchnorm, conv1d, dense, softmax_cross_entropy


def check(op, backward):
    wrong = SimpleNamespace(forward=op.forward, backward=backward, example=op.example)
    return gradcheck.check(wrong, np.random.default_rng(0))


def normed(dx):
    """Batch norm with a dx of its own where the statistics are the batch's."""

    def backward(dout, cache):
        xhat, gamma, scale, _, _, own_statistics = cache
        _, dgamma, dbeta = batchnorm.backward(dout, cache)
        return (
            dx(dout, xhat, gamma, scale) if own_statistics else dout * gamma * scale,
            dgamma,
            dbeta,
        )

    return batchnorm, backward


def mean(array):
    return array.mean(axis=0)


def attended(dout, cache):
    """df without the softmax's off-diagonal terms, dv without them and averaged."""
    f, v, s = cache
    de = s * (f @ dout[:, :, None])[:, :, 0]  # (N, P)
    df = s[:, :, None] * dout[:, None, :] + de[:, :, None] * v
    return df, np.tensordot(de, f, axes=2) / len(f)


def first_and_negative(dout, cache):
    dx, dw, db = conv1d.backward(dout, cache)
    only = np.where(np.arange(len(dout))[:, None, None] == 0, dout, 0.0)
    return dx, -conv1d.backward(only, cache)[1], db


def flipped_and_averaged(dout, cache):
    dx, dw, db = conv1d.backward(dout, cache)
    return dx, dw[::-1] / len(dout), db


def reshaped_and_averaged(dout, cache):
    (_, dw, db), (_, w) = dense.backward(dout, cache), cache
    return dout @ w.reshape(w.shape[::-1]) / len(dout), dw, db


def without_labels_and_mean(dout, cache):
    p, _ = cache
    return (dout * p,)


@pytest.mark.parametrize(
    ("mistakes", "words"),
    [
        (normed(lambda d, x, g, s: s * (d - x * mean(d * x))),
         ["gamma is left out", "the path through the mean is missing"]),
        (normed(lambda d, x, g, s: s * d), ["gamma is left out", "the mean and the variance"]),
        (normed(lambda d, x, g, s: g * d - x * mean(g * d * x)),
         ["1/sqrt(variance + epsilon) is left out", "the path through the mean"]),
        (normed(lambda d, x, g, s: d - mean(d) - x * mean(d * x)),
         ["gamma and 1/sqrt(variance + epsilon) are left out"]),
        (normed(lambda d, x, g, s: -s * g * (d - mean(d))),
         ["the path through the variance is missing", "the sign of the gradient of x is flipped"]),
        ((attention, attended), ["off-diagonal", "v is averaged where it should be summed"]),
        ((conv1d, first_and_negative), ["only the first utterance", "sign"]),
        ((conv1d, flipped_and_averaged), ["reversed along the kernel's frames", "w is averaged"]),
        ((dense, reshaped_and_averaged), ["as if w were turned", "x is averaged"]),
        ((softmax_cross_entropy, without_labels_and_mean),
         ["the path through the label (minus the one-hot) is missing", "z is summed"]),
    ],
)  # fmt: skip
def test_both_are_named(mistakes, words):
    report = str(check(*mistakes))
    assert "two mistakes: " in report
    assert all(word in report for word in words), report


def test_a_wrong_sign_hides_hardly_any_mistake_of_the_bank():
    bank = [mutant for mutant in mutants.select(None) if mutant.target in ops.__all__]
    unknown = []
    for mutant in bank:
        op = mutant.build()
        flipped = [not row.ok for row in check(op, op.backward).rows]

        def backward(dout, cache, op=op, flipped=flipped):
            gradients = op.backward(dout, cache)
            return tuple(-g if flip and g is not None else g for g, flip in zip(gradients, flipped))

        found = check(op, backward).diagnosis
        if any(diagnosis.kind == "unknown pattern" for diagnosis in found):
            unknown.append(mutant.name)
    assert len(bank) > 50
    assert len(unknown) <= 0.1 * len(bank), unknown


def test_one_mistake_is_named_as_one():
    (found,) = check(
        dense, lambda d, c: (dense.backward(d, c)[0], -c[0].T @ d / len(d), d.sum(0))
    ).diagnosis
    assert found.kind == "summed" and "two mistakes" not in str(found)


def test_a_number_alone_is_no_evidence_of_two():
    """Any number is a multiple of any other."""
    x, w, b = np.ones((5, 3)), np.arange(3.0)[:, None], np.zeros(1)
    wrong = SimpleNamespace(
        forward=dense.forward,
        backward=lambda d, c: (*dense.backward(d, c)[:2], -d.mean(axis=0) * 0.37),
    )
    report = gradcheck.check(wrong, np.random.default_rng(0), arrays=(x, w, b))
    assert [found.kind for found in report.diagnosis] == ["unknown pattern"]
