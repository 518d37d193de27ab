"""Where no derivative exists, and where none can be computed: what the checker says there."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from wrong_code import check

from minidann import gradcheck
from minidann.gradcheck import proof
from minidann.gradcheck.cases import tied
from minidann.gradcheck.network import expected
from minidann.mistakes.question import Case
from minidann.ops import maxpool

H = 3e-5  # the step of central differences


def check_of(forward, backward, x, **given):
    return check(
        SimpleNamespace(forward=forward, backward=backward), arrays=(np.array(x),), **given
    )


def test_ties_are_kinks_where_the_complex_step_decides():
    x = tied(np.random.default_rng(0), 3, 17, 2)
    (row,) = check(maxpool, arrays=(x,), options={"size": 5, "stride": 5}).rows
    assert row.ok
    assert row.kinks > 5
    assert "kinks" in str(row)
    (row,) = check(maxpool).rows
    assert row.kinks == 0


def test_where_nobody_decides_a_kink_it_is_passed_over():
    """A pool whose argmax looks at the imaginary part: the complex step means nothing at a tie."""

    def forward(x):
        argmax = x.argmax(axis=1)[:, None]
        return np.take_along_axis(x, argmax, axis=1), (argmax, x.shape)

    def backward(dout, cache):
        dx = np.zeros(cache[1])
        np.put_along_axis(dx, cache[0], dout, axis=1)
        return (dx,)

    (row,) = check_of(forward, backward, [[1.0, 3.0, 3.0], [0.0, 5.0, 2.0]]).rows
    assert row.ok
    assert row.kinks == 2


def pool(x, *, size=30, stride=30):
    """A max pool that is right, but leaves the argmax of complex numbers to NumPy."""
    starts = range(0, x.shape[1] - size + 1, stride)
    return np.stack([x[:, s : s + size].max(1) for s in starts], 1), (x, size, stride)


def to_all(dout, cache):
    """The pool's gradient handed to every tied maximum."""
    x, size, stride = cache
    dx = np.zeros_like(x)
    for p in range(dout.shape[1]):
        window = slice(p * stride, p * stride + size)
        best = x[:, window].max(1, keepdims=True)
        dx[:, window] += (x[:, window] == best) * dout[:, p : p + 1]
    return (dx,)


def test_a_tie_that_no_derivative_decides_is_judged_by_the_op_itself():
    rng = np.random.default_rng(0)
    case = Case("a tie", (tied(rng, 3, 17, 2),), {"size": 5, "stride": 5})
    wrong = SimpleNamespace(forward=pool, backward=to_all)
    ties = proof.check_case(wrong, "maxpool", case, rng)
    assert not ties.ok
    assert ties.rows[0].unchecked == 0

    def to_the_first(dout, cache):
        x, size, stride = cache
        return maxpool.backward(dout, maxpool.forward(x, size=size, stride=stride)[1])

    right = SimpleNamespace(forward=pool, backward=to_the_first)
    report = proof.check_case(right, "maxpool", case, rng)
    assert report.ok, str(report)
    assert report.rows[0].unchecked == 0


def test_without_such_an_op_the_report_counts_what_is_not_checked():
    x = tied(np.random.default_rng(0), 3, 17, 2)
    report = check_of(pool, to_all, x, options={"size": 5, "stride": 5})
    (row,) = report.rows
    assert 0 < row.unchecked < x.size
    assert f"{row.unchecked} of 102 not checked" in str(row)
    assert f": right, but {row.unchecked} not checked" in str(report)


def test_overlapping_pools_that_tie_are_no_false_alarm():
    """An entry that is first in one window and second in the next: each has its own slopes."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = tied(rng, 2, 9, 2)
        report = gradcheck.check(maxpool, rng, arrays=(x,), options={"size": 4, "stride": 1})
        assert report.ok, str(report)
        assert report.rows[0].unchecked == 0


def real_relu(x):
    """No imaginary part comes out, so at 0 nobody knows the slope."""
    return np.asarray(np.maximum(x.real, 0)), x


@pytest.mark.parametrize("slope, ok", [(0, True), (0.5, True), (1, True), (77, False), (-1, False)])
def test_at_a_kink_a_gradient_lies_between_the_slopes_of_both_sides(slope, ok):
    def backward(dout, x):
        return (dout * np.where(x == 0, slope, x > 0),)

    report = check_of(real_relu, backward, [0.0, 1.0, -1.0])
    assert report.ok is ok
    assert report.rows[0].unchecked == 1
    if not ok:
        assert report.rows[0].where == (0,)
        assert report.rows[0].analytic != report.rows[0].true


def test_nothing_but_kinks_proves_nothing():
    report = check_of(real_relu, lambda dout, x: (dout * (x > 0),), [0.0, 0.0])
    assert not report.ok
    assert "ONLY KINKS: PROVES NOTHING" in str(report)


def test_the_slopes_of_a_weighted_sum_at_a_kink():
    """A negative weight, that of the reversed loss, turns the two sides round."""
    x = np.zeros(1)
    found = gradcheck.derivatives(lambda x: np.array([1.0, 3.0]) * np.abs(x.real[0]), x)
    assert found.undecided.all()
    np.testing.assert_allclose(found.low, [[-1], [-3]], rtol=1e-9)
    np.testing.assert_allclose(found.high, [[1], [3]], rtol=1e-9)
    both = expected(found, "conv.w", alpha=0.5, beta=2.0)  # 0.5 and -1 times
    np.testing.assert_allclose([both.low, both.high], [[[-3.5]], [[3.5]]], rtol=1e-9)
    low = replace(found, low=np.array([[0.0], [1.0]]), high=np.array([[1.0], [3.0]]))
    both = expected(low, "conv.w", alpha=0.5, beta=2.0)
    np.testing.assert_allclose([both.low, both.high], [[[-3.0]], [[-0.5]]], rtol=1e-9)


@pytest.mark.parametrize("x, kinks", [(0.3 * H, 0), (0.9 * H, 0), (1.9 * H, 0), (0.01 * H, 1)])
def test_a_kink_nearby_is_left_behind_by_a_smaller_step(x, kinks):
    report = check_of(real_relu, lambda dout, x: (dout * (x > 0),), [x, 1.0, -1.0])
    assert report.ok, str(report)
    assert report.rows[0].kinks == kinks
    assert not check_of(real_relu, lambda dout, x: (dout * (x > 0.5),), [0.3 * H, 1.0, -1.0]).ok


@pytest.mark.parametrize("slope, ok", [(2, True), (4, True), (0, False)])
def test_a_complex_step_that_is_lost_at_the_kink_only_decides_nothing(slope, ok):
    def forward(x):
        real = x.real[:1]
        return np.concatenate([np.abs(real) + 3 * real, x[1:] ** 2]), x  # slopes 2 and 4 at 0

    def backward(dout, x):
        return (dout * np.concatenate([[slope], 2 * x[1:]]),)

    report = check_of(forward, backward, [0.0, 1.0, 2.0])
    assert report.ok is ok
    assert report.rows[0].unchecked == 1


# Smooth functions, on which the checker might err: a right and a wrong gradient of each.


def sigmoid(x):
    s = 1 / (1 + np.exp(-x))
    return s, s


def bending(rate):
    """Two large values, and two that bend much."""

    def forward(x):
        return np.concatenate([1000 * x.real[:2], 30 * np.sin(rate * x.real[2:])]), x

    def backward(dout, x):
        return (dout * np.concatenate([[1000, 1000], 30 * rate * np.cos(rate * x[2:])]),)

    def wrong(dout, x):
        return (dout * [1000, 1000, 7, 7],)

    return (
        forward,
        backward,
        wrong,
        [0.0, 0.14, 0.05, 0.3],
        lambda report: report.rows[0].kinks == 0,
    )


@pytest.mark.parametrize("forward, backward, wrong, x, as_expected", [
    # The imaginary part is lost, or overflows: differences alone.
    (lambda x: (np.asarray(x.real**2), x), lambda dout, x: (2 * x * dout,),
     lambda dout, x: (3 * x * dout,), [1.0, 2.0, 3.0],
     lambda report: "complex -: forward does not carry" in str(report)),
    (sigmoid, lambda dout, s: (dout * s * (1 - s),), lambda dout, s: (dout * s,),
     [-800.0, 0.3, 1.2], lambda report: np.isnan(report.rows[0].complex)),
    # What bends much is no kink; at 300 the jump is seen at every step.
    bending(30),
    bending(300),
    # A small gradient of a large output: rounding is ten times the tolerance.
    (lambda x: (1.0 + 1e-5 * x, x), lambda dout, x: (1e-5 * dout,),
     lambda dout, x: (1.0001e-5 * dout,), [0.3, 1.0, 2.0],
     lambda report: report.rows[0].expected > 1e-7),
])  # fmt: skip
def test_no_false_alarm_and_no_excuse(forward, backward, wrong, x, as_expected):
    report = check_of(forward, backward, x)
    assert report.ok and as_expected(report), str(report)
    assert not check_of(forward, wrong, x).ok
