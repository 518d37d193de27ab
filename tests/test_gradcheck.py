"""The checker is itself checked: it must refuse what is wrong, and only that."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from wrong_code import changed, changed_at, changed_network, check, check_network

from minidann import gradcheck, optim
from minidann.gradcheck.cases import random_case
from minidann.gradcheck.purity import arrays_in
from minidann.gradcheck.verdict import UNKNOWN
from minidann.mistakes.question import first_example
from minidann.ops import (
    attention,
    batchnorm,
    conv1d,
    dense,
    dropout,
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


def test_a_random_direction_sees_what_each_entry_does():
    for change in (lambda g, *_: 1.001 * g, lambda g, *_: -g):
        report = check(changed(conv1d, changed_at(1, change)), directions=3)
        assert [row.ok for row in report.rows] == [True, False, True]
        assert "v" not in report.causes and report.causes["w"] is not None
    assert check(conv1d, directions=3).ok


def test_an_undeclared_zero_is_refused_and_a_declared_one_is_verified():
    constant = SimpleNamespace(
        forward=lambda x: (0 * x, None), backward=lambda dout, cache: (0 * dout,)
    )
    (row,) = check(constant, arrays=(np.ones(3),)).rows
    assert not row.ok
    assert row.vacuous
    assert check(constant, arrays=(np.ones(3),), zeros=("x",)).ok
    assert check(constant, arrays=(np.ones(3),), zeros=(0,)).ok
    not_zero = changed(constant, lambda g, *_: (g[0] + 1e-6,))
    assert not check(not_zero, arrays=(np.ones(3),), zeros=("x",)).ok
    (row,) = check(relu, zeros=("x",)).rows
    assert row.verdict == "DECLARED ZERO, BUT IS NOT"


def test_a_gradient_that_is_not_computed_is_seen():
    report = check(changed(dense, changed_at(0, lambda *_: None)), absent=())
    assert [row.ok for row in report.rows] == [False, True, True]
    assert "NO GRADIENT" in str(report)
    arrays, options = first_example(conv1d, np.random.default_rng(0))
    report = check(conv1d, arrays=arrays, options={**options, "input_gradient": False})
    assert report.ok
    assert report.rows[0].verdict == "not computed"


def test_the_report_names_the_place():
    def add(gradient, dout, cache):
        gradient = gradient.copy()
        gradient[2, 1] += 1
        return gradient

    report = check(changed(dense, changed_at(1, add)))
    assert [row.ok for row in report.rows] == [True, False, True]
    row = report.rows[1]
    assert (row.argument, row.shape, row.where) == ("w", (3, 2), (2, 1))
    assert row.analytic == pytest.approx(row.true + 1)
    assert row.absolute == pytest.approx(1)
    assert row.expected < 1e-9
    for line in ("WRONG", "3x2", UNKNOWN):
        assert line in str(report)


def test_any_function_with_its_gradient():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 2)), rng.standard_normal((2, 4))

    def product(left, right):
        return left @ right

    report = gradcheck.check_function(
        product, lambda dout, left, right: (dout @ right.T, left.T @ dout), (a, b), rng
    )
    assert report.ok
    assert [row.argument for row in report.rows] == ["left", "right"]
    report = gradcheck.check_function(np.sin, lambda dout, x: -dout * np.cos(x), a, rng)
    assert not report.ok


@pytest.mark.parametrize("x", [3.0, np.array(3.0), np.float64(3.0)])
def test_a_number_will_do(x):
    rng = np.random.default_rng(0)
    assert gradcheck.check_function(lambda x: x**2, lambda d, x: 2 * x * d, x, rng).ok
    assert not gradcheck.check_function(lambda x: x**2, lambda d, x: 3 * x * d, x, rng).ok


def test_there_must_be_something_to_check():
    rng = np.random.default_rng(0)
    given = (lambda x: x**2, lambda d, x: 2 * x * d)
    with pytest.raises(ValueError, match=r"x is empty, shape \(0, 3\)"):
        gradcheck.check_function(*given, np.zeros((0, 3)), rng)
    with pytest.raises(ValueError, match="directions: expected 1 or more, received 0"):
        gradcheck.check_function(*given, np.ones(3), rng, directions=0)


# The contract.


def of_dense(forward=dense.forward, backward=dense.backward):
    return SimpleNamespace(forward=forward, backward=backward, examples=dense.examples)


def with_out(change):
    """dense, whose output is `change(out)`."""

    def forward(x, w, b):
        out, cache = dense.forward(x, w, b)
        return change(out), cache

    return of_dense(forward)


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
        (of_dense(lambda x, w, b: x @ w), f"(out, cache), received an array: {ROUTE} out, cache"),
        (of_dense(lambda x, w, b: None), "expected (out, cache), received None"),
        (of_dense(lambda x, w: 0), "forward is called as forward(x, w, argument 2)"),
        (with_out(np.float32), "forward: its output is float32, expected float64"),
        (with_out(lambda out: out.tolist()), "forward: its output is a list"),
        (
            with_out(random),
            "forward: a second call gives another answer (np.random? make it an option)",
        ),
        (with_out(exits("no")), "forward raised SystemExit: no"),
        (with_gradients(exits(3)), "backward raised SystemExit: 3"),
        (with_gradients(lambda g: None), f"received None: {ROUTE} (dx, dw, db)"),
        (with_gradients(lambda g: {}), f"received a dict: {ROUTE} (dx, dw, db)"),
        (with_gradients(lambda g: g[:2]), "backward: expected 3 gradients, received 2"),
        (with_gradients(lambda g: g[0]), "backward: expected 3 gradients, received an array"),
        (with_gradients(lambda g: g[7]), "backward raised IndexError: tuple index out of range"),
        (
            changed(relu, lambda g, *_: g[0]),
            f"expected 1 gradient, received an array: {ROUTE} (dx,)",
        ),
        (with_gradients(lambda g: (g[0].T, *g[1:])), "WRONG SHAPE: (3, 5)"),
        (with_gradients(lambda g: (g[0] * np.nan, *g[1:])), "NOT FINITE"),
        (
            with_gradients(lambda g: (np.float32(g[0]), *g[1:])),
            "WRONG TYPE: float32, not float64",
        ),
        (
            with_gradients(lambda g: (g[0], g[1].tolist(), g[2])),
            "the gradient of w is a list: return an array",
        ),
        (with_gradients(lambda g: (g[0], {}, g[2])), "the gradient of w is a dict: return an arr"),
    ],
)
def test_a_breach_is_described_in_words(op, words):
    report = check(op)
    assert not report.ok
    assert words in str(report)


def test_what_is_written_to_is_named():
    def forward(x, w, b):
        out = dense.forward(x, w, b)
        x += 1
        return out

    def backward(dout, cache):
        gradients = dense.backward(dout, cache)
        dout *= 2
        cache[1][...] = 0
        return gradients

    report = check(of_dense(forward, backward))
    for message in ("forward writes to x", "backward writes to dout", "backward writes to cache",
                 "backward writes to w", "a second call gives another answer"):  # fmt: skip
        assert message in str(report)
    arrays, options = first_example(dense, np.random.default_rng(0))
    copies = [array.copy() for array in arrays]
    check(dense, arrays=arrays, options=options)
    for array, copy in zip(arrays, copies):
        np.testing.assert_array_equal(array, copy)


def test_options_are_copied_and_objects_are_looked_into():
    def forward(x, *, mask):
        mask *= 0.5
        return dropout.forward(x, mask=mask)

    mask = np.ones((2, 3))
    op = SimpleNamespace(forward=forward, backward=dropout.backward)
    report = check(op, arrays=(np.ones((2, 3)),), options={"mask": mask})
    assert "forward writes to option mask" in str(report)
    assert (mask == 1).all()

    def into_an_object(x, w, b):
        out, cache = dense.forward(x, w, b)
        return out, SimpleNamespace(cache=cache, calls=0)

    def counted(dout, kept):
        kept.calls += 1
        return dense.backward(dout, kept.cache)

    assert "backward writes to cache" in str(check(of_dense(into_an_object, counted)))
    assert check(of_dense(into_an_object, lambda d, kept: dense.backward(d, kept.cache))).ok


def test_what_python_keeps_in_a_copy_of_a_module_is_not_looked_through():
    """From a module's loader the whole program can be reached: pytest's is such a loader."""
    loader = SimpleNamespace(found=np.ones(3))
    copy_of_a_module = SimpleNamespace(**{"__loader__": loader, "scale": np.zeros(2)})
    (array,) = arrays_in((copy_of_a_module,))
    assert array.shape == (2,)


def test_a_forward_that_stops_where_it_is_perturbed_is_reported():
    def forward(x, w, b):
        if x.ravel()[0] != first_example(dense, np.random.default_rng(0))[0][0].ravel()[0]:
            raise ValueError("another x")
        return dense.forward(x, w, b)

    words = "forward raised ValueError: another x, where x was perturbed"
    assert words in str(check(of_dense(forward)))


def test_what_is_printed_is_shown_once(capsys):
    def forward(x, w, b):
        print("here")
        return dense.forward(x, w, b)

    assert check(of_dense(forward)).ok
    assert capsys.readouterr().out == "here\n"


def test_all_sizes_of_a_convolution_differ():
    """So that a factor names its size."""
    rng = np.random.default_rng(0)
    (x, w, b), options = first_example(conv1d, rng)
    t_out = conv1d.forward(x, w, b, **options)[0].shape[1]
    examples = [[*x.shape, len(w), len(b), options["stride"], t_out]]
    for _ in range(50):
        x, w, b = random_case("conv1d", rng).arrays
        examples.append([len(x), x.shape[2], len(w), len(b)])
    for sizes in examples:
        assert len(set(sizes)) == len(sizes)


# The network and the optimiser.


@pytest.mark.parametrize(
    "mode, change, words",
    [
        ("bn1", lambda g, p: ({**g, "bogus": np.ones(3)}, p), "NO SUCH PARAMETER"),
        ("bn1", lambda g, p: ({**g, "conv.w": None}, p), "NO GRADIENT"),
        ("bn1", lambda g, p: ({k: g[k] for k in g if k != "conv.b"}, p), "NO GRADIENT"),
        ("bn4", lambda g, p: ({"emotion.b": np.zeros(2), **g}, p), "TAKES NO PART"),
        ("bn1", lambda g, p: ({**g, "conv.b": g["conv.b"].tolist()}, p), "NOT AN ARRAY: a list"),
        ("bn1", lambda g, p: ({**g, "conv.b": np.float32(g["conv.b"])}, p), "WRONG TYPE: float32"),
        ("bn1", lambda g, p: ({**g, "conv.b": g["conv.b"][:2]}, p), "WRONG SHAPE: (2,)"),
        ("bn1", lambda g, p: (g, (p[0], 2 * p[1])), "grad_norms"),
        ("bn1", lambda g, p: (g, None), "NOT TWO NUMBERS"),
        ("bn1", lambda g, p: (None, p), "received None first"),
        (
            "bn1",
            lambda g, p: ({**g, "conv.b": g["conv.b"] + 1e-14 * RANDOM.random()}, p),
            "a second call gives another answer",
        ),
    ],
)
def test_what_a_network_gives_back_wrongly_is_reported(mode, change, words):
    report = check_network(changed_network(change), mode=mode)
    assert not report.ok
    assert words in str(report)


def test_each_gradient_of_the_network_is_refused_where_it_is_a_millionth_too_large():
    too_large = changed_network(lambda g, p: ({name: (1 + 1e-6) * g[name] for name in g}, p))
    assert not any(row.ok for row in check_network(too_large, mode="bn1").rows)


def changed_optimiser(**changes):
    return SimpleNamespace(**{**vars(optim), **changes})


def test_an_optimiser_that_writes_to_its_parameters_is_refused():
    def step(params, grads, state, rate):
        after, state = optim.step(params, grads, state, rate)
        for name in params:
            params[name][...] = after[name]
        return after, state

    report = gradcheck.check_optimiser(changed_optimiser(step=step), np.random.default_rng(0))
    assert "step writes to params" in str(report)


@pytest.mark.parametrize(
    "name, value",
    [("BETA1", 0.8), ("BETA2", 0.99), ("EPSILON", 1e-7), ("REGULARISED", ("conv.w",))],
)
def test_the_optimiser_brings_no_measure_of_its_own(name, value, monkeypatch):
    monkeypatch.setattr(optim, name, value)
    assert not gradcheck.check_optimiser(optim, np.random.default_rng(0)).ok
