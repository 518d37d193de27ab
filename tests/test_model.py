"""The whole network against equations 8, 9 and 10, in every feeding mode, and its numbers: a wrong
loss may well have a right gradient.
"""

from collections import Counter
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

from minidann import feeding, gradcheck, model, ops
from minidann.gradcheck.network import ALPHA, BETA, example
from minidann.ops import conv_relu_maxpool

EMOTIONS, DOMAINS = np.array([0, 1, 1]), np.array([0, 0, 0, 1, 1])


@pytest.fixture
def network():
    """A small one: (params, running, x of 3 source and 2 target rows, dropout mask)."""
    rng = np.random.default_rng(0)
    params, running = model.initialise(rng, frames=187, mels=2, filters=3, dtype=np.float64)
    params = {
        name: value + 0.1 * rng.standard_normal(value.shape) for name, value in params.items()
    }
    running = {"bn.mean": rng.standard_normal(9), "bn.var": rng.random(9) + 0.5}
    return params, running, rng.standard_normal((5, 187, 2)), np.full((5, 9), 2.0)


def forward(params, x, *, mode="bn1", **options):
    return model.forward(
        params, x, emotion_labels=EMOTIONS, domain_labels=DOMAINS, mode=mode, **options
    )


# Its gradients.


@pytest.mark.parametrize("seed, sizes", [(0, {}), (1, {"n": 5, "m": 8, "filters": 2, "mels": 1})])
@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10(mode, seed, sizes):
    report = gradcheck.check_network(model, np.random.default_rng(seed), mode=mode, **sizes)
    assert report.ok, str(report)
    steps = example(np.random.default_rng(seed), mode, **sizes)
    assert len(report.verdicts) == sum(
        len(step.params) - (0 if len(step.emotion_labels) else 2) for step in steps
    )
    for verdict in report.verdicts:
        assert verdict.central <= 1e-7
        assert verdict.complex <= 1e-12


@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10_with_the_plain_ops(mode):
    plain = SimpleNamespace(**{**vars(ops), "conv_relu_maxpool": conv_relu_maxpool.compose()})
    network = SimpleNamespace(
        forward=lambda *a, **options: model.forward(*a, **options | {"ops": plain}),
        backward=model.backward,
    )
    report = gradcheck.check_network(network, np.random.default_rng(7), mode=mode, filters=2)
    assert report.ok, str(report)


@pytest.mark.parametrize("mode", feeding.MODES)
def test_the_gradient_norms_are_those_at_the_encoder(mode):
    """Here the encoder's output f itself is perturbed, and each loss computed from it."""
    for step in example(np.random.default_rng(0), mode):
        _, cache = step.forward(model, step.params)
        _, norms = model.backward(cache, alpha=ALPHA)
        for name, f, labels, weight, norm in (
            ("emotion", cache.emotion_f, step.emotion_labels, ALPHA, norms[0]),
            ("domain", cache.domain_f, step.domain_labels, (1 - ALPHA) * BETA, norms[1]),
        ):

            def loss(f, name=name, labels=labels, mask=step.mask, params=step.params):
                w, b = params[f"{name}.w"], params[f"{name}.b"]
                z, _ = ops.dense.forward(f * mask[: len(f)], w, b)
                return ops.softmax_cross_entropy.forward(z, labels=labels)[0]

            slopes = gradcheck.differences(loss, f, method="complex") if len(labels) else 0.0
            assert norm == pytest.approx(weight * np.linalg.norm(slopes), rel=1e-12)


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
        op = SimpleNamespace(
            forward=lambda array, name=name: (loss({**params, name: array})[0], None),
            backward=lambda dout, _, name=name: (dout * grads[name],),
        )
        report = gradcheck.check(op, np.random.default_rng(1), arrays=(value,))
        assert report.ok, f"{name}: {report}"


def test_beta_is_one_unless_given(network):
    params, _, x, _ = network
    gradients = [
        model.backward(forward(params, x, **options)[1], alpha=0.5)[0]["conv.w"]
        for options in ({}, {"beta": 1.0}, {"beta": 2.0})
    ]
    np.testing.assert_array_equal(gradients[0], gradients[1])
    assert not np.allclose(gradients[0], gradients[2])


# Its first parameters.


def test_shapes_and_first_values_of_the_parameters():
    class Largest:
        """Draws the largest of uniform numbers, and the same normal number always."""

        def uniform(self, low, high, shape):
            assert low == -high
            return np.full(shape, high)

        def standard_normal(self, shape):
            return np.full(shape, 2.0)

    params, running = model.initialise(Largest(), dtype=np.float64)
    first = {
        name: (value.shape, *np.unique(value)) for name, value in {**params, **running}.items()
    }
    classifier = (1800, 2), np.sqrt(6 / (1800 + 2))  # Glorot and Bengio 2010
    assert first == {
        "conv.w": ((10, 26, 200), np.sqrt(6 / (10 * 26 + 10 * 200))),
        "conv.b": ((200,), 0),
        "attention.v": ((200,), 0.1),  # 0.05 * 2
        "bn.gamma": ((1800,), 1),
        "bn.beta": ((1800,), 0),
        "emotion.w": classifier,
        "emotion.b": ((2,), 0),
        "domain.w": classifier,
        "domain.b": ((2,), 0),
        "bn.mean": ((1800,), 0),
        "bn.var": ((1800,), 1),
    }


def test_without_batch_norm_there_are_no_running_statistics():
    params, running = model.initialise(np.random.default_rng(0), filters=3, batch_norm=False)
    assert running == {}
    assert not any(name.startswith("bn") for name in params)
    h = np.ones((2, 9))
    assert model.normalise(params, running, h) is h
    assert model.update_running(running, ()) == {}


def test_models_of_one_seed_start_alike_with_and_without_a_domain_classifier():
    base, _ = model.initialise(np.random.default_rng(3), domain=False)
    our, _ = model.initialise(np.random.default_rng(3), domain=True)
    assert our.keys() - base.keys() == {"domain.w", "domain.b"}
    for name in base:
        np.testing.assert_array_equal(base[name], our[name])


# Its numbers.


def test_the_attention_vector_is_appended_and_all_stays_in_float32():
    params, running = model.initialise(np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((5, 750, 26)).astype(np.float32)
    h, cache = model.encode(params, x)
    assert h.shape == (5, 1800)
    weights = cache.attention.weights
    assert weights.shape == (5, 8)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        h[:, 1600:], (weights[:, :, None] * h[:, :1600].reshape(5, 8, 200)).sum(axis=1), rtol=1e-4
    )
    mask = ops.dropout.draw_mask(np.random.default_rng(2), (5, 1800), 0.7)
    for mode in ("bn1", "bn2", "bn3"):
        losses, cache = forward(params, x, mode=mode, mask=mask)
        grads, _ = model.backward(cache, alpha=ALPHA)
        arrays = [*losses, *grads.values(), *model.update_running(running, cache).values()]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_stride_and_pool_are_those_of_the_model(network, monkeypatch):
    frames = (96, 97, 186, 187, 750)  # one pool needs 10 + 29 * 3 frames, two 10 + 59 * 3
    assert [model.pooled_frames(count) for count in frames] == [0, 1, 1, 2, 8]
    params, _, x, _ = network
    monkeypatch.setattr(model, "STRIDE", 2)
    monkeypatch.setattr(model, "POOL", 7)
    h, _ = model.encode(params, x)
    assert model.pooled_frames(187) == 12
    assert h.shape == (5, (12 + 1) * 3)


def test_dropout_acts_on_both_classifiers(network):
    params, _, x, mask = network
    for name in ("emotion", "domain"):
        params[f"{name}.b"] = np.zeros(2)
    everything_dropped, _ = forward(params, x, mask=np.zeros_like(mask))
    assert everything_dropped == pytest.approx((np.log(2), np.log(2)))
    without, _ = forward(params, x)
    kept, _ = forward(params, x, mask=np.ones_like(mask))
    assert without == kept
    scaled, _ = forward(params, x, mask=mask)
    assert all(loss != doubled for loss, doubled in zip(without, scaled))


def test_running_statistics_of_a_step_and_inference_by_the_formula(network):
    params, running, x, _ = network
    h, _ = model.encode(params, x)
    after = model.update_running(running, forward(params, x)[1])
    assert after.keys() == {"bn.mean", "bn.var"}
    np.testing.assert_allclose(after["bn.mean"], 0.9 * running["bn.mean"] + 0.1 * h.mean(axis=0))
    np.testing.assert_allclose(after["bn.var"], 0.9 * running["bn.var"] + 0.1 * h.var(axis=0))
    f = model.normalise(params, running, h)
    xhat = (h - running["bn.mean"]) / np.sqrt(running["bn.var"] + 1e-5)
    np.testing.assert_allclose(f, params["bn.gamma"] * xhat + params["bn.beta"])
    for name in ("emotion", "domain"):
        e = np.exp(f @ params[f"{name}.w"] + params[f"{name}.b"])
        np.testing.assert_allclose(model.classify(params, f, name), e / e.sum(axis=1)[:, None])


def test_the_ops_that_it_is_given_are_the_ops_that_it_uses(network):
    params, running, x, mask = network
    watched = {name: mock.Mock(wraps=getattr(ops, name)) for name in ops.__all__}
    network_ops = SimpleNamespace(**watched)
    _, cache = forward(params, x, mask=mask, ops=network_ops)
    model.backward(cache, alpha=0.5)
    model.update_running(running, cache)
    h, _ = model.encode(params, x, ops=network_ops)
    f = model.normalise(params, running, h, ops=network_ops)
    model.classify(params, f, "emotion", ops=network_ops)
    calls = {
        name: Counter(function for function, *_ in op.method_calls)
        for name, op in watched.items()
        if op.method_calls
    }
    assert calls == {
        "conv_relu_maxpool": {"forward": 2, "backward": 1},
        "attention": {"forward": 2, "backward": 1},
        "batchnorm": {"forward": 2, "backward": 1, "update_running": 1},
        "dropout": {"forward": 2, "backward": 2},
        "gradient_reversal": {"forward": 1, "backward": 1},
        "dense": {"forward": 3, "backward": 2},
        "softmax_cross_entropy": {"forward": 2, "backward": 2, "softmax": 1},
    }
