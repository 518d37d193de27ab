"""The whole network against equations 8, 9 and 10, in every feeding mode."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, gradcheck, model, ops
from minidann.gradcheck.network import ALPHA, example
from minidann.ops import conv_relu_maxpool

PLAIN = SimpleNamespace(**{name: getattr(ops, name) for name in ops.__all__})
PLAIN.conv_relu_maxpool = conv_relu_maxpool.compose()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10(mode, seed):
    report = gradcheck.check_network(model, np.random.default_rng(seed), mode=mode)
    assert report.ok, str(report)
    steps = example(np.random.default_rng(seed), mode)
    assert len(report.rows) == sum(
        len(step.params) - (0 if len(step.emotion_labels) else 2) for step in steps
    )
    for row in report.rows:
        assert row.central <= 1e-7
        assert row.complex <= 1e-12


@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10_with_the_plain_ops(mode):
    report = gradcheck.check_network(model, np.random.default_rng(7), mode=mode, ops=PLAIN)
    assert report.ok, str(report)


@pytest.mark.parametrize("mode", ["bn1", "none"])
def test_base_is_the_emotion_loss_alone(mode):
    (step,) = example(np.random.default_rng(0), mode)
    n = len(step.emotion_labels)
    params = {k: v for k, v in step.params.items() if not k.startswith("domain")}

    def loss(params):
        (emotion, domain), cache = model.forward(
            params, step.x[:n], emotion_labels=step.emotion_labels, domain_labels=None,
            mode=mode, mask=step.mask[:n],
        )  # fmt: skip
        assert domain is None
        return emotion, cache

    grads, grad_norms = model.backward(loss(params)[1], alpha=1.0)
    assert grad_norms[1] == 0
    assert grads.keys() == params.keys()
    for name, value in params.items():
        report = gradcheck.check_function(
            lambda array: loss({**params, name: array})[0],
            lambda dout, array: dout * grads[name],
            value,
            np.random.default_rng(1),
        )
        assert report.ok, f"{name}: {report}"


def test_the_step_function_of_bn4_takes_source_then_target():
    assert feeding.steps("bn4", 3, 2) == [(slice(0, 3), 3), (slice(3, 5), 0)]
    for mode in ("bn1", "bn2", "bn3", "none"):
        assert feeding.steps(mode, 3, 2) == [(slice(0, 5), 3)]


def test_what_is_normalised_together():
    rng = np.random.default_rng(0)
    h = rng.standard_normal((7, 4)) + np.array([0, 0, 0, 5, 5, 5, 5])[:, None]
    gamma, beta, n = np.ones(4), np.zeros(4), 3

    def means(mode):
        (emotion, domain), cache = feeding.forward(h, gamma, beta, source_rows=n, mode=mode)
        running = feeding.update_running((np.zeros(4), np.ones(4)), cache)
        return emotion.mean(), domain[:n].mean(), domain[n:].mean(), running[0].mean()

    source, target, every = h[:n].mean(), h[n:].mean(), h.mean()
    emotion, low, high, running = means("bn1")
    assert emotion == low < 0 < high
    assert running == pytest.approx(0.1 * every)
    emotion, low, high, running = means("bn2")
    assert emotion == pytest.approx(0, abs=1e-12)
    assert low < 0 < high
    assert running == pytest.approx(0.9 * 0.1 * source + 0.1 * every)
    emotion, low, high, running = means("bn3")
    assert (emotion, low, high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert running == pytest.approx(0.9 * 0.1 * source + 0.1 * target)
    (emotion, domain), cache = feeding.forward(h, None, None, source_rows=n, mode="none")
    assert emotion.base is h
    assert domain is h
    with pytest.raises(ValueError, match="bn1, bn2, bn3, bn4, none, received 'bn5'"):
        feeding.forward(h, gamma, beta, source_rows=n, mode="bn5")


def test_shapes_of_the_paper():
    params, running = model.initialise(np.random.default_rng(0))
    assert {name: value.shape for name, value in params.items()} == {
        "conv.w": (10, 26, 200),
        "conv.b": (200,),
        "attention.v": (200,),
        "bn.gamma": (1800,),
        "bn.beta": (1800,),
        "emotion.w": (1800, 2),
        "emotion.b": (2,),
        "domain.w": (1800, 2),
        "domain.b": (2,),
    }
    assert {name: value.shape for name, value in running.items()} == {
        "bn.mean": (1800,),
        "bn.var": (1800,),
    }
    x = np.random.default_rng(1).standard_normal((4, 750, 26)).astype(np.float32)
    h, cache = model.encode(params, x)
    assert h.shape == (4, 1800)
    weights = model.attention_weights(cache)
    assert weights.shape == (4, 8)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        h[:, 1600:], (weights[:, :, None] * h[:, :1600].reshape(4, 8, 200)).sum(axis=1), rtol=1e-4
    )


def test_everything_stays_in_float32():
    params, running = model.initialise(np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((8, 750, 26)).astype(np.float32)
    mask = ops.dropout.draw_mask(np.random.default_rng(2), (8, 1800), 0.7)
    for mode in ("bn1", "bn2", "bn3"):
        losses, cache = model.forward(
            params, x, emotion_labels=np.array([0, 1, 1]),
            domain_labels=np.array([0, 0, 0, 1, 1, 1, 1, 1]), mode=mode, mask=mask,
        )  # fmt: skip
        grads, _ = model.backward(cache, alpha=ALPHA)
        arrays = [*losses, *grads.values(), *model.update_running(running, cache).values()]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_models_of_one_seed_start_alike_with_and_without_language():
    base, _ = model.initialise(np.random.default_rng(3), domain=False)
    our, _ = model.initialise(np.random.default_rng(3), domain=True)
    for name in base:
        np.testing.assert_array_equal(base[name], our[name])
