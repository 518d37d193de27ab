"""The checker is itself checked: it must refuse what is wrong."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import gradcheck
from minidann.ops import attention, batchnorm, conv1d, dense, maxpool, relu, softmax_cross_entropy


def wrong(op, change):
    """`op` with a backward whose gradients pass through `change(list) -> list`."""
    return SimpleNamespace(
        forward=op.forward,
        backward=lambda dout, cache: change(list(op.backward(dout, cache))),
        example=op.example,
    )


def worst(op, **options):
    rng = np.random.default_rng(0)
    return max(row.error for row in gradcheck.check_op(op, rng, **options))


@pytest.mark.parametrize(
    "op", [attention, batchnorm, conv1d, dense, maxpool, relu, softmax_cross_entropy]
)
@pytest.mark.parametrize(
    "change",
    [
        lambda gradients: [-gradients[0], *gradients[1:]],
        lambda gradients: [*gradients[:-1], 1.001 * gradients[-1]],
        lambda gradients: [0 * gradient for gradient in gradients],
        lambda gradients: [gradients[0][::-1], *gradients[1:]],
    ],
    ids=["sign flipped", "a thousandth too large", "zeros", "rows reversed"],
)
def test_wrong_gradients_are_refused(op, change):
    assert worst(op) <= 1e-7
    assert worst(wrong(op, change)) > 1e-4


def test_a_zero_gradient_is_refused_unless_declared():
    constant = SimpleNamespace(
        forward=lambda x: (0 * x, None), backward=lambda dout, cache: (0 * dout,)
    )
    assert worst(constant, arrays=(np.ones(3),)) == np.inf
    assert worst(constant, arrays=(np.ones(3),), zeros=(0,)) == 0
    assert worst(relu, zeros=(0,)) <= 1e-7


def test_shape_and_count_of_gradients():
    with pytest.raises(ValueError, match=r"expected \(5, 3\), received \(3, 5\)"):
        worst(wrong(dense, lambda g: [g[0].T, *g[1:]]))
    with pytest.raises(ValueError, match="expected 3 gradients, received 2"):
        worst(wrong(dense, lambda g: g[:2]))


def test_the_report_names_the_place():
    def change(gradients):
        gradients[1] = gradients[1].copy()
        gradients[1][2, 1] += 1
        return gradients

    rows = gradcheck.check_op(wrong(dense, change), np.random.default_rng(0))
    assert [row.error > 1e-7 for row in rows] == [False, True, False]
    assert rows[1].where == (2, 1)
    assert rows[1].analytic == pytest.approx(rows[1].numeric + 1)
    assert "argument 1 (3, 2): relative error" in str(rows[1])
