"""Where no derivative exists, and where none can be computed: what the checker says there."""

from types import SimpleNamespace

import numpy as np
import pytest
from wrong_code import check

from minidann.ops import maxpool

H = 3e-5  # the step of central differences


def tied(seed, *shape):
    """Of few different values: most windows have several maxima."""
    return np.random.default_rng(seed).integers(0, 3, shape).astype(float)


def check_of(forward, backward, x, **given):
    op = SimpleNamespace(forward=forward, backward=backward)
    return check(op, arrays=(np.array(x),), **given)


def pool(x, *, size=30, stride=30):
    """A max pool that is right, but leaves the argmax of complex numbers to NumPy."""
    starts = range(0, x.shape[1] - size + 1, stride)
    return np.stack([x[:, s : s + size].max(1) for s in starts], 1), (x, size, stride)


def to_all(dout, cache, share=False):
    """The pool's gradient handed to every tied maximum, whole or shared."""
    x, size, stride = cache
    dx = np.zeros_like(x)
    for p in range(dout.shape[1]):
        window = slice(p * stride, p * stride + size)
        best = x[:, window] == x[:, window].max(1, keepdims=True)
        dx[:, window] += best * dout[:, p : p + 1] / (best.sum(1, keepdims=True) if share else 1)
    return (dx,)


@pytest.mark.parametrize("forward", [pool, lambda x, **sizes: (maxpool.forward(x, **sizes)[0],
                                                               (x, *sizes.values()))])  # fmt: skip
def test_in_a_tie_any_share_of_the_gradient_is_right_but_for_the_proof(forward):
    x, options = tied(0, 3, 17, 2), {"size": 5, "stride": 5}

    def shared(dout, cache):
        return to_all(dout, cache, share=True)

    report = check_of(forward, shared, x, options=options)
    assert report.ok and report.verdicts[0].kinks > 5, str(report)
    # Together they get too much.
    assert not check_of(forward, to_all, x, options=options).ok
    # The complex step says which maximum forward takes.
    assert not check_of(forward, shared, x, options=options, strict=True).ok


def test_overlapping_pools_that_tie_are_no_false_alarm():
    """An entry that is first in one window and second in the next: each has its own slopes."""
    for seed in range(10):
        x = tied(seed, 2, 9, 2)
        report = check(maxpool, arrays=(x,), options={"size": 4, "stride": 1})
        assert report.ok, str(report)


def real_relu(x):
    """No imaginary part comes out, so at 0 the complex step does not know the slope."""
    return np.asarray(np.maximum(x.real, 0)), x


@pytest.mark.parametrize("slope, ok", [(0, True), (0.5, True), (1, True), (77, False), (-1, False)])
def test_at_a_kink_a_gradient_lies_between_the_slopes_of_both_sides(slope, ok):
    def backward(dout, x):
        return (dout * np.where(x == 0, slope, x > 0),)

    report = check_of(real_relu, backward, [0.0, 1.0, -1.0])
    assert report.ok is ok
    assert report.verdicts[0].kinks == 1
    assert ok or "received dx = [" in report.verdicts[0].shown


@pytest.mark.parametrize("x, kinks", [(0.3 * H, 1), (0.9 * H, 0), (1.9 * H, 0), (0.01 * H, 1)])
def test_a_kink_nearby_is_left_behind_by_a_smaller_step(x, kinks):
    report = check_of(real_relu, lambda dout, x: (dout * (x > 0),), [x, 1.0, -1.0])
    assert report.ok, str(report)
    assert report.verdicts[0].kinks == kinks
    assert not check_of(real_relu, lambda dout, x: (dout * (x > 1.5),), [x, 1.0, -1.0]).ok


@pytest.mark.parametrize("slope, ok", [(2, True), (4, True), (0, False)])
def test_a_complex_step_that_is_lost_at_the_kink_only_decides_nothing(slope, ok):
    def forward(x):
        real = x.real[:1]
        return np.concatenate([np.abs(real) + 3 * real, x[1:] ** 2]), x  # slopes 2 and 4 at 0

    def backward(dout, x):
        return (dout * np.concatenate([[slope], 2 * x[1:]]),)

    assert check_of(forward, backward, [0.0, 1.0, 2.0]).ok is ok


# Smooth functions, on which the checker might err: a right and a wrong gradient of each.


def sigmoid(x):
    s = 1 / (1 + np.exp(-x))
    return s, s


def bends(x):
    """Two large values, and two that bend so much that a jump is seen at the whole step."""
    return np.concatenate([1000 * x.real[:2], 30 * np.sin(300 * x.real[2:])]), x


def bends_backward(dout, x):
    return (dout * np.concatenate([[1000, 1000], 9000 * np.cos(300 * x[2:])]),)


@pytest.mark.parametrize("forward, backward, wrong, x, as_expected", [
    # The imaginary part is lost, or overflows: differences alone.
    (lambda x: (np.asarray(x.real**2), x), lambda dout, x: (2 * x * dout,),
     lambda dout, x: (3 * x * dout,), [1.0, 2.0, 3.0],
     lambda report: np.isnan(report.verdicts[0].complex)),
    (sigmoid, lambda dout, s: (dout * s * (1 - s),), lambda dout, s: (dout * s,),
     [-800.0, 0.3, 1.2], lambda report: np.isnan(report.verdicts[0].complex)),
    (bends, bends_backward, lambda dout, x: (dout * [1000, 1000, 7, 7],), [0.0, 0.14, 0.05, 0.3],
     lambda report: report.verdicts[0].kinks == 0),
    # A small gradient of a large output: rounding is ten times the tolerance.
    (lambda x: (1.0 + 1e-5 * x, x), lambda dout, x: (1e-5 * dout,),
     lambda dout, x: (1.0001e-5 * dout,), [0.3, 1.0, 2.0],
     lambda report: report.verdicts[0].central > 1e-9),
])  # fmt: skip
def test_no_false_alarm_and_no_excuse(forward, backward, wrong, x, as_expected):
    report = check_of(forward, backward, x)
    assert report.ok and as_expected(report), str(report)
    assert not check_of(forward, wrong, x).ok
