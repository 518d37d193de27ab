"""Every op: its gradients, its loop version, its contract."""

import numpy as np
import pytest

from minidann import gradcheck, ops
from minidann.ops import conv1d, conv_relu_maxpool, dropout, maxpool

HONEST = [name for name in ops.__all__ if name != "gradient_reversal"]
SEEDS = range(5)


def arrays_and_result(name, rng):
    op = getattr(ops, name)
    arrays, options = op.example(rng)
    out, cache = op.forward(*arrays, **options)
    return op, arrays, options, out, cache


def checked(op, rng, **given):
    """The rows of a check, all of them right by both methods."""
    report = gradcheck.check(op, rng, **given)
    assert report.ok, str(report)
    rows = [row for row in report.rows if row.verdict != "not computed"]
    assert not any(np.isnan(row.complex) for row in rows)
    return rows


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", HONEST)
def test_gradients(name, seed):
    checked(getattr(ops, name), np.random.default_rng(seed))


def test_gradient_reversal_fails_the_ordinary_check_by_the_factor_it_should():
    rng = np.random.default_rng(0)
    op, (x,), options, out, cache = arrays_and_result("gradient_reversal", rng)
    assert out is x
    (row,) = gradcheck.check(op, rng, arrays=(x,), options=options).rows
    assert not row.ok
    assert row.error == pytest.approx(1 + options["beta"], abs=1e-7)
    checked(op, rng, arrays=(x,), options=options, scale=-options["beta"])
    covector = rng.standard_normal(x.shape)
    (dx,) = op.backward(covector, cache)
    np.testing.assert_array_equal(dx, -1.7 * covector)


@pytest.mark.parametrize("name", ops.__all__)
def test_inputs_are_not_written_to_and_calls_repeat(name):
    rng = np.random.default_rng(3)
    op, arrays, options, out, cache = arrays_and_result(name, rng)
    for array in arrays:
        array.setflags(write=False)
    covector = np.asarray(rng.standard_normal(np.shape(out)))
    covector.setflags(write=False)
    again, cache_again = op.forward(*arrays, **options)
    np.testing.assert_array_equal(out, again)
    first = op.backward(covector, cache)
    for a, b, c in zip(first, op.backward(covector, cache), op.backward(covector, cache_again)):
        if a is not None:
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("name", ops.__all__)
def test_dtype_out_is_dtype_in(name, dtype):
    rng = np.random.default_rng(3)
    op = getattr(ops, name)
    arrays, options = op.example(rng)
    arrays = [array.astype(dtype) for array in arrays]
    if "mask" in options and dtype == np.float32:
        options["mask"] = options["mask"].astype(dtype)
    out, cache = op.forward(*arrays, **options)
    assert out.dtype == dtype
    for array, gradient in zip(arrays, op.backward(np.ones_like(out), cache)):
        if gradient is not None:
            assert gradient.dtype == dtype
            assert gradient.shape == array.shape


def test_conv1d_equals_its_loops():
    rng = np.random.default_rng(0)
    _, (x, w, b), options, out, cache = arrays_and_result("conv1d", rng)
    stride = options["stride"]
    n, t_out, f = out.shape
    expected = np.empty_like(out)
    for i in range(n):
        for t in range(t_out):
            for j in range(f):
                under = x[i, t * stride : t * stride + len(w)]
                expected[i, t, j] = (under * w[:, :, j]).sum() + b[j]
    np.testing.assert_allclose(out, expected, rtol=1e-12)
    dout = rng.standard_normal(out.shape)
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for i, t, j in np.ndindex(dout.shape):
        under = slice(t * stride, t * stride + len(w))
        dx[i, under] += dout[i, t, j] * w[:, :, j]
        dw[:, :, j] += dout[i, t, j] * x[i, under]
        db[j] += dout[i, t, j]
    for one, other in zip(conv1d.backward(dout, cache), (dx, dw, db)):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stride", [2, 5, 7])
def test_conv1d_gradients_at_other_strides(stride):
    rng = np.random.default_rng(1)
    arrays, _ = conv1d.example(rng)
    checked(conv1d, rng, arrays=arrays, options={"stride": stride})


def test_conv1d_can_leave_out_the_input_gradient():
    rng = np.random.default_rng(0)
    arrays, options = conv1d.example(rng)
    out, with_it = conv1d.forward(*arrays, **options)
    _, without = conv1d.forward(*arrays, **options, input_gradient=False)
    full, short = conv1d.backward(out, with_it), conv1d.backward(out, without)
    assert short[0] is None
    np.testing.assert_array_equal(full[1], short[1])
    np.testing.assert_array_equal(full[2], short[2])


def test_maxpool_gives_a_tie_to_the_first():
    x = np.zeros((1, 7, 1))
    x[0, [2, 4, 5], 0] = 3.0
    out, cache = maxpool.forward(x, size=6, stride=6)
    assert out.tolist() == [[[3.0]]]
    (dx,) = maxpool.backward(np.array([[[5.0]]]), cache)
    assert dx[0, :, 0].tolist() == [0, 0, 5, 0, 0, 0, 0]


def test_maxpool_equals_its_loops():
    rng = np.random.default_rng(0)
    _, (x,), options, out, _ = arrays_and_result("maxpool", rng)
    for i, p, f in np.ndindex(out.shape):
        start = p * options["stride"]
        assert out[i, p, f] == max(x[i, start : start + options["size"], f])


def test_attention_over_one_frame_is_that_frame_and_its_query_has_no_gradient():
    rng = np.random.default_rng(0)
    f, v = rng.standard_normal((3, 1, 4)), rng.standard_normal(4)
    a, _ = ops.attention.forward(f, v)
    np.testing.assert_allclose(a, f[:, 0])
    checked(ops.attention, rng, arrays=(f, v), zeros=("v",))


def test_attention_does_not_overflow():
    f = np.array([[[800.0, 0.0], [0.0, 900.0]]])
    a, (_, _, s) = ops.attention.forward(f, np.array([1.0, 1.0]))
    np.testing.assert_allclose(s, [[np.exp(-100), 1]])
    assert np.isfinite(a).all()


def test_batchnorm_normalises_and_uses_running_statistics_in_inference():
    rng = np.random.default_rng(0)
    x, gamma, beta = rng.standard_normal((50, 3)) * [1, 5, 9] + 4, np.full(3, 2.0), np.ones(3)
    out, cache = ops.batchnorm.forward(x, gamma, beta)
    np.testing.assert_allclose(out.mean(axis=0), 1)
    np.testing.assert_allclose(out.std(axis=0), 2, rtol=1e-4)
    mean, var = ops.batchnorm.update_running((np.zeros(3), np.ones(3)), cache)
    np.testing.assert_allclose(mean, 0.1 * x.mean(axis=0))
    np.testing.assert_allclose(var, 0.9 + 0.1 * x.var(axis=0))
    one, _ = ops.batchnorm.forward(x[:1], gamma, beta, running=(mean, var))
    all_rows, _ = ops.batchnorm.forward(x, gamma, beta, running=(mean, var))
    np.testing.assert_allclose(one, all_rows[:1])


def test_batchnorm_gradient_in_inference_and_of_one_row():
    rng = np.random.default_rng(0)
    (x, gamma, beta), _ = ops.batchnorm.example(rng)
    options = {"running": (rng.standard_normal(3), rng.random(3) + 0.5)}
    checked(ops.batchnorm, rng, arrays=(x, gamma, beta), options=options)
    checked(ops.batchnorm, rng, arrays=(x[:1], gamma, beta), zeros=("x", "gamma"))


def test_dropout_keeps_the_mean_and_drops_the_rate():
    mask = dropout.draw_mask(np.random.default_rng(0), (400, 1800), 0.7)
    assert mask.dtype == np.float32
    assert np.unique(mask).tolist() == pytest.approx([0, 1 / 0.3])
    assert (mask == 0).mean() == pytest.approx(0.7, abs=0.003)
    assert mask.mean() == pytest.approx(1, abs=0.01)


def test_softmax_cross_entropy_of_equal_and_of_huge_scores():
    loss, _ = ops.softmax_cross_entropy.forward(np.zeros((4, 2)), labels=np.array([0, 1, 1, 0]))
    assert loss == pytest.approx(np.log(2))
    loss, cache = ops.softmax_cross_entropy.forward(
        np.array([[1000.0, -1000.0]], np.float32), labels=np.array([1])
    )
    assert loss == 2000
    assert ops.softmax_cross_entropy.backward(np.float32(1), cache)[0].tolist() == [[1, -1]]


# The fast op against the three plain ones.


def padded(rng, n, frames):
    """Utterances of `frames` real frames, padded with their minima: full of exact ties."""
    x = rng.standard_normal((n, frames, 26))
    for row in x:
        real = rng.integers(20, frames)
        row[real:] = row[:real].min(axis=0)
    return x


@pytest.mark.parametrize("frames", [97, 185, 240, 750])
@pytest.mark.parametrize("seed", SEEDS)
def test_fast_equals_plain_on_padded_rows(frames, seed):
    rng = np.random.default_rng(seed)
    x = padded(rng, 3, frames)
    w, b = rng.standard_normal((10, 26, 7)), rng.standard_normal(7)
    plain = conv_relu_maxpool.compose()
    fast_out, fast_cache = conv_relu_maxpool.forward(x, w, b)
    plain_out, plain_cache = plain.forward(x, w, b)
    np.testing.assert_allclose(fast_out, plain_out, rtol=0, atol=1e-12 * np.abs(plain_out).max())
    dout = rng.standard_normal(fast_out.shape)
    _, dw, db = conv_relu_maxpool.backward(dout, fast_cache)
    nothing, plain_dw, plain_db = plain.backward(dout, plain_cache)
    assert nothing is None
    np.testing.assert_allclose(dw, plain_dw, rtol=0, atol=1e-12 * np.abs(plain_dw).max())
    np.testing.assert_allclose(db, plain_db, rtol=0, atol=1e-12 * np.abs(plain_db).max())


@pytest.mark.parametrize("op", [conv_relu_maxpool, conv_relu_maxpool.compose()])
def test_kernel_gradient_on_padded_rows_with_ties(op):
    """All windows in the padding are equal, so the pool ties; nudging w or b keeps the ties."""
    rng = np.random.default_rng(4)
    x = padded(rng, 3, 250)[:, :, :2]
    arrays = (x, rng.standard_normal((10, 2, 3)), rng.standard_normal(3))
    conv, _ = conv1d.forward(*arrays)
    top = np.sort(conv[:, :60].reshape(3, 2, 30, 3), axis=2)
    assert (top[:, :, -1] == top[:, :, -2]).any(), "the example has no tie"

    class KernelOnly:
        """The op as a function of w and b alone: at a tie x has a kink."""

        @staticmethod
        def forward(w, b):
            return op.forward(x, w, b)

        @staticmethod
        def backward(dout, cache):
            return op.backward(dout, cache)[1:]

    for row in checked(KernelOnly, rng, arrays=arrays[1:]):
        assert row.kinks == 0


@pytest.mark.parametrize(
    "op, arrays, options, message",
    [
        (conv1d, (np.ones((2, 4, 3)), np.ones((5, 3, 2)), np.ones(2)), {}, "at least 5 frames"),
        (conv1d, (np.ones((2, 9, 4)), np.ones((5, 3, 2)), np.ones(2)), {}, r"\(N, T, 3\)"),
        (maxpool, (np.ones((2, 4, 3)),), {"size": 5}, "at least 5 frames, received 4"),
        (
            conv_relu_maxpool,
            (np.ones((1, 96, 3)), np.ones((10, 3, 2)), np.ones(2)),
            {},
            "at least 97 frames",
        ),
        (ops.attention, (np.ones((2, 3, 4)), np.ones(3)), {}, r"shape \(4,\), received \(3,\)"),
        (ops.dense, (np.ones((2, 3)), np.ones((4, 2)), np.ones(2)), {}, r"\(N, 4\)"),
        (ops.batchnorm, (np.ones((2, 3)), np.ones(4), np.ones(4)), {}, r"\(N, 4\)"),
        (dropout, (np.ones((2, 3)),), {"mask": np.ones((2, 1))}, r"\(2, 3\), received \(2, 1\)"),
        (ops.softmax_cross_entropy, (np.ones((3, 2)),), {"labels": np.ones(2, int)}, "3 labels"),
    ],
)
def test_wrong_shapes_are_told(op, arrays, options, message):
    with pytest.raises(ValueError, match=message):
        op.forward(*arrays, **options)
