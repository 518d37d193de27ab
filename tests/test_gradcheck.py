"""The checker is itself checked: it must refuse what is wrong, and only that."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from wrong_code import changed, changed_at, changed_network, check, check_network

from minidann.gradcheck.judging import AGAIN
from minidann.gradcheck.perturbing import ZERO
from minidann.gradcheck.verdict import UNKNOWN
from minidann.ops import (
    attention,
    batchnorm,
    conv1d,
    dense,
    maxpool,
    relu,
    softmax_cross_entropy,
)

RANDOM = np.random.default_rng(0)  # whose state lives on from call to call
ROUTE = "end it with return"


# Numbers.


@pytest.mark.parametrize(
    "op", [attention, batchnorm, conv1d, dense, maxpool, relu, softmax_cross_entropy]
)
@pytest.mark.parametrize(
    "change",
    [
        changed_at(0, lambda g, *_: -g),
        lambda g, *_: (*g[:-1], (1 + 1e-6) * g[-1]),
        lambda g, *_: tuple(0 * gradient for gradient in g),
        changed_at(0, lambda g, *_: g[::-1]),
    ],
    ids=["sign flipped", "a millionth too large", "zeros", "rows reversed"],
)
def test_wrong_gradients_are_refused(op, change):
    assert not check(changed(op, change)).ok


def test_a_zero_is_told_where_it_is_right_and_refused_where_it_is_not():
    constant = SimpleNamespace(
        forward=lambda x: (0 * x, None), backward=lambda dout, cache: (0 * dout,)
    )
    given = {"arrays": (np.ones(3),)}
    report = check(constant, **given)
    assert report.ok and report.verdicts[0].note == ZERO
    assert not check(changed(constant, lambda g, *_: (g[0] + 1e-6,)), **given).ok


def test_a_gradient_that_is_not_computed_is_seen():
    lazy = changed(dense, changed_at(0, lambda *_: None))
    verdict = check(lazy).verdicts[0]
    assert verdict.right and verdict.note == "not computed"


def test_the_report_names_the_place():
    def add(gradient, dout, cache):
        gradient = gradient.copy()
        gradient[2, 1] += 1
        return gradient

    arrays = tuple(map(np.random.default_rng(0).random, ((2, 4), (4, 5), 5)))
    report = check(changed(dense, changed_at(1, add)), arrays=arrays)
    assert [verdict.right for verdict in report.verdicts] == [True, False, True]
    assert report.lines[0] == "dense: wrong: dw; right: dx, db"
    assert report.lines[1] == f"dw: {UNKNOWN}" and 'input "your example": x = [[' in report.lines[2]
    received, right = (line.strip().partition(" dw[2, 1] = ") for line in report.lines[3:])
    assert received[0] == "received" and right[0].strip() == "right"
    assert float(received[2]) == pytest.approx(1 + float(right[2]), abs=1e-3)


def test_a_number_will_do():
    square = SimpleNamespace(forward=lambda x: (x**2, x), backward=lambda dout, x: (2 * x * dout,))
    for x in (3.0, np.array(3.0), np.float64(3.0)):
        assert check(square, arrays=(x,)).ok
        assert not check(changed(square, changed_at(0, lambda g, *_: 1.5 * g)), arrays=(x,)).ok


# The contract.


def of_dense(forward):
    return SimpleNamespace(**{**vars(dense), "forward": forward})


def with_out(change):
    """dense, whose output is `change(out)`."""
    return of_dense(lambda x, w, b: (change(x @ w + b), (x, w)))


def with_gradients(change):
    """dense, whose backward returns `change(gradients)`."""
    return changed(dense, lambda g, *_: change(g))


def exits(words):
    return lambda *_: sys.exit(words)


def random(out):
    return out + RANDOM.standard_normal()


@pytest.mark.parametrize(
    "op, words",
    [
        (of_dense(lambda x, w, b: x @ w), "forward returned an array of shape (5, 2), not (out, c"),
        (of_dense(lambda x, w: 0), "forward raised TypeError: "),
        (with_out(lambda out: np.float32(2 * out)), "forward returns float32"),
        (with_out(lambda out: out.tolist()), "forward returns a list of 5 as out: return an array"),
        (with_out(random), "another out in a second call (np.random? make it an option)"),
        (with_out(exits("no")), "forward raised SystemExit: no"),
        (with_gradients(exits(3)), "backward raised SystemExit: 3"),
        (with_gradients(lambda g: None), f"returns None: {ROUTE} (dx, dw, db)."),
        (with_gradients(lambda g: g[:2]), f"backward returns a tuple of 2: {ROUTE}"),
        (with_gradients(lambda g: g[7]), "backward raised IndexError: tuple index out of range"),
        (changed(relu, lambda g, *_: g[0]), f"{ROUTE} (dx,)."),
        (with_gradients(lambda g: (g[0].T, *g[1:])), "shape (3, 5); right is the shape (5, 3)"),
        (with_gradients(lambda g: (g[0] * np.nan, *g[1:])), "received dx[0, 0] = nan"),
        (with_gradients(lambda g: (g[0], {}, g[2])), "returns a dict as dw: return an array."),
        (with_gradients(lambda g: tuple(map(np.ones_like, g))), "whatever dout is: multiply by"),
        (with_gradients(lambda g: (random(g[0]), *g[1:])), AGAIN),
    ],
)
def test_a_breach_is_described_in_words(op, words):
    report = check(op)
    assert not report.ok
    assert words in str(report)


def test_gradients_of_float32_are_right():
    for factor, right in ((1, True), (1.001, False)):
        assert (
            check(with_gradients(lambda g, by=factor: [np.float32(by * a) for a in g])).ok == right
        )


@pytest.mark.parametrize("of", ["x", "mask", "dout", "cache"])
def test_what_writes_to_what_it_is_given_is_refused(of):
    def forward(x, *, mask):
        if of in ("x", "mask"):
            {"x": x, "mask": mask}[of][...] *= 2
        return x * mask, SimpleNamespace(mask=2 * mask, calls=0)

    def backward(dout, cache):
        cache.calls += 1  # what does not change the answer is its own affair
        if of in ("dout", "cache"):
            {"dout": dout, "cache": cache.mask}[of][...] *= 2
        return (dout * cache.mask / 2,)

    x, mask = np.ones((2, 3)), np.full((2, 3), 0.5)
    for right in (False, True):
        op = SimpleNamespace(forward=forward, backward=backward)
        report = check(op, arrays=(x,), options={"mask": mask})
        assert report.ok == right
        assert right or "writes to an array that it was given" in str(report) or of == "cache"
        of = ""
    assert (x == 1).all() and (mask == 0.5).all()


def test_a_forward_that_stops_where_it_is_perturbed_is_reported():
    def forward(x, w, b):
        if not (x == x.round()).all():
            raise ValueError("another x")
        return dense.forward(x, w, b)

    words = "forward, where x was perturbed, raised ValueError: another x"
    arrays = (np.ones((3, 2)), np.ones((2, 4)), np.ones(4))
    assert words in str(check(of_dense(forward), arrays=arrays))


# The network.


@pytest.mark.parametrize(
    "mode, change, words",
    [
        ("bn1", lambda g, p: ({**g, "bogus": np.ones(3)}, p), "bogus: It takes no part"),
        ("bn1", lambda g, p: ({**g, "conv.w": None}, p), "conv.w: There is no gradient"),
        ("bn1", lambda g, p: ({k: g[k] for k in g if k != "conv.b"}, p), "conv.b: There is no"),
        ("bn4", lambda g, p: ({"emotion.b": np.zeros(2), **g}, p),
         "emotion.b: target step: It takes no part"),
        ("bn1", lambda g, p: ({**g, "conv.b": g["conv.b"][:2]}, p), "of shape (2,); right is"),
    ],
)  # fmt: skip
def test_what_a_network_gives_back_wrongly_is_reported(mode, change, words):
    report = check_network(changed_network(change), mode=mode)
    assert not report.ok
    assert words in str(report)


def test_each_gradient_of_the_network_is_refused_where_it_is_a_millionth_too_large():
    too_large = changed_network(lambda g, p: ({name: (1 + 1e-6) * g[name] for name in g}, p))
    assert not any(v.right for v in check_network(too_large, mode="bn1").verdicts)
