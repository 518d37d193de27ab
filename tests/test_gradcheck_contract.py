"""Code that breaks the contract, or keeps it almost everywhere, is refused in words."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from minidann import gradcheck, ops
from minidann.gradcheck import proof
from minidann.gradcheck.cases import random_case
from minidann.gradcheck.purity import arrays_in
from minidann.ops import batchnorm, conv1d, dense, dropout, relu, softmax_cross_entropy

RANDOM = np.random.default_rng(0)  # whose state lives on from call to call
ROUTE = "end it with return"


def of_dense(forward=dense.forward, backward=dense.backward):
    return SimpleNamespace(forward=forward, backward=backward, example=dense.example)


def report_of(op, **given):
    return str(gradcheck.check(op, np.random.default_rng(0), **given))


def cut(x, w, b):
    return dense.forward(x, w, b)[0]


def with_out(change):
    def forward(x, w, b):
        out, cache = dense.forward(x, w, b)
        return change(out), cache

    return forward


def with_gradients(change):
    return lambda dout, cache: change(dense.backward(dout, cache))


@pytest.mark.parametrize(
    "op, words",
    [
        (of_dense(cut), f"forward: expected (out, cache), received an array: {ROUTE} out, cache"),
        (of_dense(lambda x, w, b: None), "expected (out, cache), received None"),
        (of_dense(lambda x, w: 0), "forward is called as forward(x, w, argument 2)"),
        (of_dense(with_out(np.float32)), "forward: its output is float32, expected float64"),
        (of_dense(with_out(lambda out: out.tolist())), "forward: its output is a list"),
        (
            of_dense(with_out(lambda out: out + RANDOM.standard_normal())),
            "forward: a second call gives another answer (np.random? make it an option)",
        ),
        (of_dense(with_out(lambda out: sys.exit("no"))), "forward raised SystemExit: no"),
        (of_dense(backward=lambda d, c: sys.exit(3)), "backward raised SystemExit: 3"),
        (of_dense(backward=lambda d, c: None), f"received None: {ROUTE} (dx, dw, db)"),
        (of_dense(backward=lambda d, c: {}), f"received a dict: {ROUTE} (dx, dw, db)"),
        (
            of_dense(backward=with_gradients(lambda g: (g[0], g[1].tolist(), g[2]))),
            "the gradient of w is a list: return an array",
        ),
        (
            of_dense(backward=with_gradients(lambda g: (g[0], {}, g[2]))),
            "the gradient of w is a dict: return an array",
        ),
    ],
)
def test_a_breach_is_described_in_words(op, words):
    assert words in report_of(op)


def test_one_gradient_is_a_tuple_too():
    op = SimpleNamespace(forward=relu.forward, backward=lambda d, c: d, example=relu.example)
    assert "expected 1 gradient, received an array: end it with return (dx,)" in report_of(op)


def test_a_forward_that_stops_where_it_is_perturbed_is_reported():
    def forward(x, w, b):
        if x.ravel()[0] != dense.example(np.random.default_rng(0))[0][0].ravel()[0]:
            raise ValueError("another x")
        return dense.forward(x, w, b)

    assert "forward raised ValueError: another x, where x was perturbed" in report_of(
        of_dense(forward)
    )


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


def test_what_is_printed_is_shown_once(capsys):
    def forward(x, w, b):
        print("here")
        return dense.forward(x, w, b)

    assert gradcheck.check(of_dense(forward), np.random.default_rng(0)).ok
    assert capsys.readouterr().out == "here\n"


def test_options_are_copied_and_objects_are_looked_into():
    def forward(x, *, mask):
        mask *= 0.5
        return dropout.forward(x, mask=mask)

    mask = np.ones((2, 3))
    op = SimpleNamespace(forward=forward, backward=dropout.backward)
    report = report_of(op, arrays=(np.ones((2, 3)),), options={"mask": mask})
    assert "forward writes to option mask" in report
    assert (mask == 1).all()

    def into_an_object(x, w, b):
        out, cache = dense.forward(x, w, b)
        return out, SimpleNamespace(cache=cache, calls=0)

    def counted(dout, kept):
        kept.calls += 1
        return dense.backward(dout, kept.cache)

    assert "backward writes to cache" in report_of(of_dense(into_an_object, counted))
    quiet = of_dense(into_an_object, lambda dout, kept: dense.backward(dout, kept.cache))
    assert gradcheck.check(quiet, np.random.default_rng(0)).ok


def doubled(op, where):
    """`op` with gradients twice as large where(dout, cache) holds."""

    def backward(dout, cache):
        gradients = op.backward(dout, cache)
        return tuple(2 * g if g is not None and where(dout, cache) else g for g in gradients)

    return SimpleNamespace(forward=op.forward, backward=backward)


@pytest.mark.parametrize(
    "op, where",
    [
        *((op, lambda d, c: len(d) == 1) for op in (ops.attention, conv1d, dense, ops.maxpool)),
        (softmax_cross_entropy, lambda d, c: len(c[1]) == 1),
        (conv1d, lambda d, c: d.shape[1] == 1),
        (conv1d, lambda d, c: c[3] == len(c[1])),
        (conv1d, lambda d, c: c[3] > len(c[1])),
        (conv1d, lambda d, c: not c[4]),
        (batchnorm, lambda d, c: not c[5] and len(d) < 4),
        (batchnorm, lambda d, c: not c[5] and len(d) >= 4),
    ],
)
def test_what_is_special_comes_with_every_seed(op, where):
    name = op.__name__.rpartition(".")[2]
    for seed in range(3):
        reports = proof.check_op(name, doubled(op, where), np.random.default_rng(seed))
        assert not all(report.ok for report in reports)


def unstable(z, *, labels):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(z)), labels]).mean(), (p, labels)


@pytest.mark.parametrize(
    "name, forward, backward",
    [
        ("softmax_cross_entropy", unstable, softmax_cross_entropy.backward),
        ("relu", lambda x: (relu.forward(x)[0], x.real >= 0), relu.backward),
        ("dense", dense.forward, with_gradients(lambda g: [a.astype(float) for a in g])),
        ("dense", with_out(lambda out: out + np.zeros(1)), dense.backward),
    ],
    ids=["no shift by the maximum", "gate open at 0", "gradients in float64", "out in float64"],
)
def test_what_is_special_to_one_op(name, forward, backward):
    op = SimpleNamespace(forward=forward, backward=backward)
    reports = proof.check_op(name, op, np.random.default_rng(0))
    assert not all(report.ok for report in reports)


def test_the_option_that_only_saves_time_may_be_missing():
    op = SimpleNamespace(
        forward=lambda x, w, b, *, stride=3: conv1d.forward(x, w, b, stride=stride),
        backward=conv1d.backward,
    )
    assert all(r.ok for r in proof.check_op("conv1d", op, np.random.default_rng(0)))
    no_stride = SimpleNamespace(forward=lambda x, w, b: 0, backward=conv1d.backward)
    (report, *_) = proof.check_op("conv1d", no_stride, np.random.default_rng(0))
    assert "forward is called as forward(x, w, b, stride=...)" in str(report)


def test_all_sizes_of_a_convolution_differ():
    rng = np.random.default_rng(0)
    arrays, options = conv1d.example(rng)
    examples = [(arrays, options)]
    for _ in range(50):
        case = random_case("conv1d", rng)
        examples.append((case.arrays, {}))
    for (x, w, b), options in examples:
        sizes = [*x.shape, len(w), len(b), *options.values()]
        if options:
            sizes.append(conv1d.forward(x, w, b, **options)[0].shape[1])
        else:
            sizes.remove(x.shape[1])
        assert len(set(sizes)) == len(sizes)


def test_a_softmax_that_takes_the_logarithm_late_is_right_too():
    def forward(z, *, labels):
        e = np.exp(z - z.real.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(len(z)), labels]).mean(), (p, labels)

    op = SimpleNamespace(forward=forward, backward=softmax_cross_entropy.backward)
    for report in proof.check_op("softmax_cross_entropy", op, np.random.default_rng(0)):
        assert report.ok, str(report)


def test_what_python_keeps_in_a_copy_of_a_module_is_not_looked_through():
    """From a module's loader the whole program can be reached: pytest's is such a one."""
    loader = SimpleNamespace(found=np.ones(3))
    copy_of_a_module = SimpleNamespace(**{"__loader__": loader, "scale": np.zeros(2)})
    (array,) = arrays_in((copy_of_a_module,))
    assert array.shape == (2,)
