"""The whole network against equations 8, 9 and 10, in every feeding mode."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, gradcheck, model, ops
from minidann.gradcheck.network import ALPHA, example
from minidann.ops import conv_relu_maxpool

PLAIN = SimpleNamespace(**{name: getattr(ops, name) for name in ops.__all__})
PLAIN.conv_relu_maxpool = conv_relu_maxpool.compose()


SIZES = {}, {"n": 5, "m": 8, "filters": 2, "mels": 1}, {"n": 6, "m": 6, "filters": 2, "mels": 1}


@pytest.mark.parametrize("seed, sizes", list(enumerate(SIZES)))
@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10(mode, seed, sizes):
    report = gradcheck.check_network(model, np.random.default_rng(seed), mode=mode, **sizes)
    assert report.ok, str(report)
    steps = example(np.random.default_rng(seed), mode, **sizes)
    assert len(report.rows) == sum(
        len(step.params) - (0 if len(step.emotion_labels) else 2) for step in steps
    )
    for row in report.rows:
        assert row.central <= 1e-7
        assert row.complex <= 1e-12


@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10_with_the_plain_ops(mode):
    rng = np.random.default_rng(7)
    report = gradcheck.check_network(model, rng, mode=mode, ops=PLAIN, filters=2)
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


def test_models_of_one_seed_start_alike_with_and_without_a_domain_classifier():
    base, _ = model.initialise(np.random.default_rng(3), domain=False)
    our, _ = model.initialise(np.random.default_rng(3), domain=True)
    assert our.keys() - base.keys() == {"domain.w", "domain.b"}
    for name in base:
        np.testing.assert_array_equal(base[name], our[name])
