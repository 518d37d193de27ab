"""Every op: its gradients, its loop version, its contract."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from minidann import gradcheck, ops
from minidann.gradcheck.network import padded
from minidann.gradcheck.perturbing import ZERO
from minidann.mistakes.question import first_example
from minidann.ops import conv1d, conv_relu_maxpool, dropout, maxpool

HONEST = [name for name in ops.__all__ if name != "gradient_reversal"]
SEEDS = range(5)


def checked(op, rng, **given):
    """The rows of a check, all of them right by both methods."""
    report = gradcheck.check(op, rng, **given)
    assert report.ok, str(report)
    rows = [row for row in report.verdicts if row.note != "not computed"]
    assert not any(np.isnan(row.complex) for row in rows)
    return rows


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", HONEST)
def test_gradients(name, seed):
    checked(getattr(ops, name), np.random.default_rng(seed))


def test_gradient_reversal_fails_the_ordinary_check_by_the_factor_it_should():
    rng, op = np.random.default_rng(0), ops.gradient_reversal
    (x,), options = first_example(op, rng)
    assert op.forward(x, **options)[0] is x
    (verdict,) = gradcheck.check(op, rng, arrays=(x,), options=options).verdicts
    assert not verdict.right
    assert verdict.complex == pytest.approx(1 + options["beta"], abs=1e-7)
    checked(op, rng, arrays=(x,), options=options, scale=-options["beta"])


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
@pytest.mark.parametrize("name", ops.__all__)
def test_dtype_out_is_dtype_in(name, dtype):
    rng = np.random.default_rng(3)
    op = getattr(ops, name)
    arrays, options = first_example(op, rng)
    arrays = [array.astype(dtype) for array in arrays]
    if "mask" in options and dtype == np.float32:
        options["mask"] = options["mask"].astype(dtype)
    out, cache = op.forward(*arrays, **options)
    assert out.dtype == dtype
    gradients = op.backward(np.ones_like(out), cache)
    assert len(gradients) == len(arrays)
    if name == "conv_relu_maxpool":  # the first layer, and it alone: no gradient of its input
        assert gradients[0] is None
        arrays, gradients = arrays[1:], gradients[1:]
    for array, gradient in zip(arrays, gradients):
        assert gradient.dtype == dtype
        assert gradient.shape == array.shape


@pytest.mark.parametrize("name", ops.__all__)
def test_examples_are_small_and_of_float64(name):
    examples = getattr(ops, name).examples(np.random.default_rng(0))
    assert next(iter(examples)) == "sizes that differ"
    for arrays, _ in examples.values():
        assert {array.dtype for array in arrays} == {np.dtype(np.float64)}
        assert sum(array.size for array in arrays) < 350


def test_the_paper_is_the_default():
    x, w, b = np.ones((1, 16, 2)), np.ones((10, 2, 4)), np.ones(4)
    assert conv1d.forward(x, w, b)[0].shape == (1, 3, 4)  # stride 3
    assert maxpool.forward(np.ones((1, 60, 4)))[0].shape == (1, 2, 4)  # size 30, stride 30
    assert ops.gradient_reversal.forward(b)[1] == 1


@pytest.mark.parametrize("frames", [15, 5])  # 5 are as many as the kernel has
def test_conv1d_equals_its_loops(frames):
    rng = np.random.default_rng(0)
    (x, w, b), options = first_example(conv1d, rng)
    x = x[:, :frames]
    out, cache = conv1d.forward(x, w, b, **options)
    dout = rng.standard_normal(out.shape)
    looped, dx, dw, db = (np.zeros_like(array) for array in (out, x, w, b))
    for i, t, j in np.ndindex(out.shape):
        under = slice(t * options["stride"], t * options["stride"] + len(w))
        looped[i, t, j] = (x[i, under] * w[:, :, j]).sum() + b[j]
        dx[i, under] += dout[i, t, j] * w[:, :, j]
        dw[:, :, j] += dout[i, t, j] * x[i, under]
        db[j] += dout[i, t, j]
    for fast, slow in zip((out, *conv1d.backward(dout, cache)), (looped, dx, dw, db)):
        np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options, computed", [
    ({"stride": 2}, "xwb"), ({"stride": 5}, "xwb"), ({"stride": 7}, "xwb"),
    ({"stride": 3, "input_gradient": False}, "wb"),
])  # fmt: skip
def test_conv1d_gradients_with_other_options(options, computed):
    rng = np.random.default_rng(1)
    arrays, _ = first_example(conv1d, rng)
    rows = checked(conv1d, rng, arrays=arrays, options=options)
    assert "".join(row.part.removeprefix("d") for row in rows) == computed


def test_relu_of_numbers_around_zero():
    """A gradient check cannot see this: `x where x < 0` has a right gradient too."""
    out, cache = ops.relu.forward(np.array([-2.0, -0.5, 0.0, 0.5, 2.0, np.nan]))
    np.testing.assert_array_equal(out, [0, 0, 0, 0.5, 2, np.nan])
    (dx,) = ops.relu.backward(np.full(6, 3.0), cache)
    assert dx.tolist() == [0, 0, 0, 3, 3, 3]


def test_maxpool_gives_a_tie_to_the_first():
    x = np.zeros((1, 7, 1))
    x[0, [2, 4, 5], 0] = 3.0
    out, cache = maxpool.forward(x, size=6, stride=6)
    assert out.tolist() == [[[3.0]]]
    (dx,) = maxpool.backward(np.array([[[5.0]]]), cache)
    assert dx[0, :, 0].tolist() == [0, 0, 5, 0, 0, 0, 0]


def test_maxpool_equals_its_loops():
    (x,), options = first_example(maxpool, np.random.default_rng(0))
    out, _ = maxpool.forward(x, **options)
    for i, p, f in np.ndindex(out.shape):
        start = p * options["stride"]
        assert out[i, p, f] == max(x[i, start : start + options["size"], f])


def test_attention_over_one_frame_is_that_frame_and_its_query_has_no_gradient():
    rng = np.random.default_rng(0)
    f, v = rng.standard_normal((3, 1, 4)), rng.standard_normal(4)
    a, _ = ops.attention.forward(f, v)
    np.testing.assert_allclose(a, f[:, 0])
    df, dv = checked(ops.attention, rng, arrays=(f, v))
    assert not df.note and dv.note == ZERO


def test_attention_does_not_overflow():
    f = np.array([[[800.0, 0.0], [0.0, 900.0]], [[0.0, 0.0], [0.0, 0.0]]])
    a, (_, _, s) = ops.attention.forward(f, np.array([1.0, 1.0]))
    np.testing.assert_allclose(s, [[np.exp(-100), 1], [0.5, 0.5]])  # each utterance by itself
    assert np.isfinite(a).all()


def test_batchnorm_normalises_and_moves_its_running_statistics():
    rng = np.random.default_rng(0)
    x, gamma, beta = rng.standard_normal((50, 3)) * [1, 5, 9] + 4, np.full(3, 2.0), np.ones(3)
    out, cache = ops.batchnorm.forward(x, gamma, beta)
    np.testing.assert_allclose(out.mean(axis=0), 1)
    np.testing.assert_allclose(out.std(axis=0), 2, rtol=1e-4)
    mean, var = ops.batchnorm.update_running((np.full(3, 2.0), np.full(3, 5.0)), cache)
    np.testing.assert_allclose(mean, 1.8 + 0.1 * x.mean(axis=0))
    np.testing.assert_allclose(var, 4.5 + 0.1 * x.var(axis=0))


def test_batchnorm_in_inference_and_of_one_row():
    rng = np.random.default_rng(0)
    (x, gamma, beta), _ = first_example(ops.batchnorm, rng)
    mean, var = rng.standard_normal(3), np.array([1e-5, 0.5, 2.0])  # the first as small as epsilon
    out, _ = ops.batchnorm.forward(x, gamma, beta, running=(mean, var))
    np.testing.assert_allclose(out, gamma * (x - mean) / np.sqrt(var + 1e-5) + beta)
    checked(ops.batchnorm, rng, arrays=(x, gamma, beta), options={"running": (mean, var)})
    dx, dgamma, dbeta = checked(ops.batchnorm, rng, arrays=(x[:1], gamma, beta))
    assert dx.note == dgamma.note == ZERO and not dbeta.note


def test_dropout_drops_the_rate_and_scales_up_the_rest():
    mask = dropout.draw_mask(np.random.default_rng(0), (400, 1800), 0.7)
    assert mask.dtype == np.float32
    assert np.unique(mask).tolist() == pytest.approx([0, 1 / 0.3])
    assert (mask == 0).mean() == pytest.approx(0.7, abs=0.003)
    mask = dropout.draw_mask(np.random.default_rng(0), (2, 8), 0.5)
    assert (mask > 0).astype(int).tolist() == [[1, 1, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1, 1]]
    zeros = SimpleNamespace(random=np.zeros)  # draws the smallest number there is to draw
    assert (dropout.draw_mask(zeros, (2, 3), 0.0) == 1).all()


def test_softmax_cross_entropy_of_rows_far_apart_and_of_huge_scores():
    cross_entropy = ops.softmax_cross_entropy
    z = np.array([[1000.0, 1000 + np.log(3)], [0.0, 0.0]])
    np.testing.assert_allclose(cross_entropy.softmax(z), [[0.25, 0.75], [0.5, 0.5]])
    loss, _ = cross_entropy.forward(z, labels=np.array([1, 0]))
    assert loss == pytest.approx((np.log(4 / 3) + np.log(2)) / 2)
    z = np.array([[1000.0, -1000.0]], np.float32)
    loss, cache = cross_entropy.forward(z, labels=np.array([1]))
    assert loss == 2000
    assert cross_entropy.backward(np.float32(1), cache)[0].tolist() == [[1, -1]]


# The fast op against the three plain ones.


UNPADDED = 750, 749, 740, 739, 271, 270, 269, 181, 180, 179, 91, 90, 89, 12, 3, 2, 1, 0, 748


def mixed(rng):
    """Utterances of all kinds: not padded, padding from each frame on where a pool could begin,
    before it and after it, nothing but padding; and more than are worked on at a time.
    """
    x = rng.standard_normal((len(UNPADDED), 750, 26))
    for row, unpadded in zip(x, UNPADDED):
        row[unpadded:] = row[: max(unpadded, 1)].min(axis=0)
    assert len(x) > 2 * conv_relu_maxpool.PART
    return x


def with_kernel(x, filters=7, bias=0.0, frames=10):
    rng = np.random.default_rng(1)
    w = rng.standard_normal((frames, x.shape[2], filters))
    return x, w, rng.standard_normal(filters) + bias


def windows_that_tie(rng):
    """Small whole numbers, exact in floating point: the first of a tie counts in both."""
    x = rng.integers(-1, 2, (5, 300, 4)).astype(float)
    w = rng.integers(-1, 2, (10, 4, 6)).astype(float)
    conv, _ = conv1d.forward(x, w, np.zeros(6))
    top = np.sort(conv[:, :90].reshape(5, 3, 30, 6), axis=2)
    assert (top[:, :, -1] == top[:, :, -2]).mean() > 0.2
    return x, w, np.zeros(6)


def constant_ends(rng):
    x = rng.standard_normal((4, 520, 1))
    x[1, 200:] = x[2, 300:] = x[3, 518:] = -1
    return with_kernel(x, filters=3, frames=2)


@pytest.mark.parametrize("arrays, options", [
    *((lambda rng, t=t: with_kernel(padded(rng, 12, t, 26)), {}) for t in (97, 185, 240, 750)),
    *((lambda rng, bias=bias: with_kernel(mixed(rng), bias=bias), {}) for bias in (0, -40)),
    (windows_that_tie, {}),
    (lambda rng: first_example(conv_relu_maxpool, rng)[0], {"stride": 2, "size": 4}),
    *((constant_ends, {"stride": 1, "size": size}) for size in (1, 254, 255, 256, 257)),
])  # fmt: skip
def test_fast_equals_plain(arrays, options):
    arrays, plain = arrays(np.random.default_rng(0)), conv_relu_maxpool.compose()
    out, cache = conv_relu_maxpool.forward(*arrays, **options)
    plain_out, plain_cache = plain.forward(*arrays, **options)
    dout = np.random.default_rng(1).standard_normal(out.shape)
    nothing, *gradients = conv_relu_maxpool.backward(dout, cache)
    absent, *plain_gradients = plain.backward(dout, plain_cache)
    assert nothing is None and absent is None
    for fast, slow in zip((out, *gradients), (plain_out, *plain_gradients)):
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12 * np.abs(slow).max())


def test_complex_ties_are_decided_by_the_real_part():
    """As the complex step needs it: the perturbed frame must not be the argmax because of it."""
    x, w, b = np.array([[[1.0], [2.0], [1.0]]]), np.ones((2, 1, 1), complex), np.zeros(1)
    w[1] += 1e-30j
    for op in (conv_relu_maxpool, conv_relu_maxpool.compose()):
        out, cache = op.forward(x, w, b, stride=1, size=2)
        _, dw, _ = op.backward(np.ones((1, 1, 1)), cache)
        assert out.imag.item() / 1e-30 == dw[1].item().real == 2


def test_an_infinite_gradient_stays_where_it_is():
    rng = np.random.default_rng(0)
    x, w = mixed(rng)[12:14], rng.standard_normal((10, 26, 7))
    out, cache = conv_relu_maxpool.forward(x, w, np.full(7, 50.0))
    dout = np.zeros_like(out)
    dout[0, 0, 2] = np.inf
    _, dw, _ = conv_relu_maxpool.backward(dout, cache)
    assert np.isinf(dw[..., 2]).any() and np.array_equal(dw[..., 3:], np.zeros((10, 26, 4)))


def test_only_pools_that_begin_before_the_padding_are_computed():
    rng = np.random.default_rng(0)
    x, w = mixed(rng), rng.standard_normal((10, 26, 7))
    _, cache = conv_relu_maxpool.forward(x, w, np.zeros(7))
    expected = [min(8, -(-frames // 90)) if frames > 1 else 0 for frames in UNPADDED]
    assert cache.computed.sum(axis=1).tolist() == expected
    assert cache.argmax.dtype == np.uint8  # the argmax: a byte each


@pytest.mark.parametrize("op", [conv_relu_maxpool, conv_relu_maxpool.compose()])
def test_the_finer_dtype_wins(op):
    (x, w, b), options = first_example(conv_relu_maxpool, np.random.default_rng(0))
    right, _ = op.forward(x, w, b, **options)
    for x_dtype, w_dtype in ((np.float32, np.float64), (np.float64, np.float32)):
        out, _ = op.forward(x.astype(x_dtype), w.astype(w_dtype), b.astype(np.float32), **options)
        assert out.dtype == np.float64
        assert np.abs(out - right).max() < 1e-5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_fast_op_gives_the_same_bytes_on_any_number_of_threads(monkeypatch, dtype):
    monkeypatch.setattr(conv_relu_maxpool.parallel, "early", True)
    rng = np.random.default_rng(0)
    x, w, b = mixed(rng), rng.standard_normal((10, 26, 7)), rng.standard_normal(7)
    x, w, b = (a.astype(dtype) for a in (x, w, b))
    dout = rng.standard_normal((len(x), 8, 7)).astype(dtype)
    results = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        out, cache = conv_relu_maxpool.forward(x, w, b)
        _, dw, db = conv_relu_maxpool.backward(dout, cache)
        results.append([a.tobytes() for a in (out, dw, db)])
    assert results[0] == results[1] == results[2]


def test_nan_reaches_the_output():
    rng = np.random.default_rng(0)
    (x, w, b), options = first_example(conv_relu_maxpool, rng)
    for frame in (0, 7, 18):  # the last frames reach no pool
        x[1, frame, 1] = np.nan
        out, cache = conv_relu_maxpool.forward(x, w, b, **options)
        assert np.isnan(out[1]).any() and np.isfinite(out[[0, 2]]).all()
        _, dw, _ = conv_relu_maxpool.backward(np.ones_like(out), cache)
        assert dw.shape == w.shape  # what it holds means nothing, but nobody reads out of bounds
        x[1, frame, 1] = 0


def test_unpadded_frames():
    x = np.zeros((8, 6, 3))
    x[1, :4] = 1  # four frames, then two others that are equal
    x[2, 0, 2] = 1  # the first differs, in the last bin only
    x[3, 4] = 1  # the last but one
    x[4, 5, 1] = 1  # the last frame differs from all before it
    x[5] = np.arange(18).reshape(6, 3)
    x[6, 3] = x[6, 5] = 7  # equal frames with another one between them
    x[7, 5, 0] = np.nan
    assert conv_relu_maxpool.unpadded_frames(x).tolist() == [0, 4, 1, 5, 5, 5, 5, 5]
    assert conv_relu_maxpool.unpadded_frames(x[:, :1]).tolist() == [0] * 8


@pytest.mark.parametrize("size", [1, 2, 30, 255, 256, 300])
def test_first_largest_is_argmax(size):
    rng = np.random.default_rng(size)
    shape = 4, size, 5
    for x in (rng.standard_normal(shape), rng.integers(0, 3, shape), np.ones(shape)):
        largest, where = conv_relu_maxpool.first_largest(x)
        assert np.array_equal(where, x.argmax(axis=1))
        assert np.array_equal(largest, x.max(axis=1))
        assert where.dtype == np.min_scalar_type(size)


@pytest.mark.parametrize("op", [conv_relu_maxpool, conv_relu_maxpool.compose()])
def test_kernel_gradient_on_padded_rows_with_ties(op):
    """All windows in the padding are equal, so the pool ties; perturbing w or b keeps them."""
    rng = np.random.default_rng(4)
    x = padded(rng, 3, 250, 2)
    arrays = (x, rng.standard_normal((10, 2, 3)), rng.standard_normal(3))
    conv, _ = conv1d.forward(*arrays)
    top = np.sort(conv[:, :60].reshape(3, 2, 30, 3), axis=2)
    assert (top[:, :, -1] == top[:, :, -2]).any(), "the example has no tie"
    kernel_only = SimpleNamespace(  # the op as a function of w and b alone: at a tie x has a kink
        forward=lambda w, b: op.forward(x, w, b),
        backward=lambda dout, cache: op.backward(dout, cache)[1:],
    )
    for row in checked(kernel_only, rng, arrays=arrays[1:]):
        assert row.kinks == 0


def ones(*shape):
    return np.ones(shape)


CONV = ones(10, 3, 2), ones(2)  # kernel and bias
LABELS = np.array([0, 1])
FAST = conv_relu_maxpool


@pytest.mark.parametrize("op, arrays, options, expected, received", [
    (FAST, (ones(1, 96, 3), *CONV), {}, "a pool is 30 windows", "29"),
    (FAST, (ones(1, 97, 3), CONV[0], ones(1)), {}, "b of shape (2,)", "(1,)"),
    (ops.batchnorm, (ones(2, 3), ones(4), ones(4)), {}, "(N, 4)", "(2, 3)"),
    (ops.batchnorm, (ones(2, 3, 4), ones(4), ones(4)), {}, "(N, 4)", "(2, 3, 4)"),
    (dropout, (ones(2, 3),), {"mask": ones(2, 1)}, "a mask of shape (2, 3)", "(2, 1)"),
    (ops.softmax_cross_entropy, (ones(3, 2),), {"labels": LABELS}, "3 labels", "shape (2,)"),
])  # fmt: skip
def test_shapes_that_numpy_would_take_are_reported(op, arrays, options, expected, received):
    message = re.escape(f"{expected}, received {received}") + "$"
    with pytest.raises(ValueError, match=message):
        op.forward(*arrays, **options)


@pytest.mark.parametrize("op, arrays", [
    *((op, (x, *CONV)) for op in (conv1d, FAST) for x in (ones(2, 9, 3), ones(97, 3))),
    (conv1d, (ones(2, 97, 4), *CONV)), (FAST, (ones(2, 97, 4), *CONV)),
    (maxpool, (ones(2, 29, 3),)), (ops.attention, (ones(2, 3, 4), ones(3))),
    (ops.dense, (ones(2, 3), ones(4, 2), ones(2))),
])  # fmt: skip
def test_numpy_refuses_other_wrong_shapes(op, arrays):
    with pytest.raises(ValueError):
        op.forward(*arrays)
