"""The network's numbers, beside its gradients: a wrong loss may well have a right gradient."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import model, ops

EMOTIONS, DOMAINS = np.array([0, 1, 1]), np.array([0, 0, 0, 1, 1])
USED = (
    "conv_relu_maxpool",
    "attention",
    "batchnorm",
    "dropout",
    "gradient_reversal",
    "dense",
    "softmax_cross_entropy",
)


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


def losses(params, x, **options):
    return model.forward(
        params, x, emotion_labels=EMOTIONS, domain_labels=DOMAINS, mode="bn1", **options
    )


def test_pooled_frames_at_the_edges():
    frames = (96, 97, 186, 187, 750)  # one pool needs 10 + 29 * 3 frames, two 10 + 59 * 3
    assert [model.pooled_frames(count) for count in frames] == [0, 1, 1, 2, 8]


def test_first_values_of_the_parameters():
    class Largest:
        """Draws the largest of uniform numbers, and the same normal number always."""

        def uniform(self, low, high, shape):
            assert low == -high
            return np.full(shape, high)

        def standard_normal(self, shape):
            return np.full(shape, 2.0)

    params, running = model.initialise(Largest(), dtype=np.float64)
    first = {name: np.unique(value).tolist() for name, value in {**params, **running}.items()}
    classifier = np.sqrt(6 / (1800 + 2))  # Glorot and Bengio 2010
    assert first == {
        "conv.w": [np.sqrt(6 / (10 * 26 + 10 * 200))],
        "conv.b": [0],
        "attention.v": [0.1],  # 0.05 * 2
        "bn.gamma": [1],
        "bn.beta": [0],
        "emotion.w": [classifier],
        "emotion.b": [0],
        "domain.w": [classifier],
        "domain.b": [0],
        "bn.mean": [0],
        "bn.var": [1],
    }


def test_without_batch_norm_there_are_no_running_statistics(network):
    params, running = model.initialise(np.random.default_rng(0), filters=3, batch_norm=False)
    assert running == {}
    assert not any(name.startswith("bn") for name in params)
    h = np.ones((2, 9))
    assert model.normalise(params, running, h) is h
    assert model.update_running(running, ()) == {}


def test_stride_and_pool_are_those_of_the_model(network, monkeypatch):
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
    everything_dropped, _ = losses(params, x, mask=np.zeros_like(mask))
    assert everything_dropped == pytest.approx((np.log(2), np.log(2)))
    without, _ = losses(params, x)
    kept, _ = losses(params, x, mask=np.ones_like(mask))
    assert without == kept
    scaled, _ = losses(params, x, mask=mask)
    assert all(loss != doubled for loss, doubled in zip(without, scaled))


def test_beta_is_one_unless_given(network):
    params, _, x, _ = network
    gradients = [
        model.backward(losses(params, x, **options)[1], alpha=0.5)[0]["conv.w"]
        for options in ({}, {"beta": 1.0}, {"beta": 2.0})
    ]
    np.testing.assert_array_equal(gradients[0], gradients[1])
    assert not np.allclose(gradients[0], gradients[2])


def test_running_statistics_of_a_step(network):
    params, running, x, _ = network
    h, _ = model.encode(params, x)
    _, cache = losses(params, x)
    after = model.update_running(running, cache)
    assert after.keys() == {"bn.mean", "bn.var"}
    np.testing.assert_allclose(after["bn.mean"], 0.9 * running["bn.mean"] + 0.1 * h.mean(axis=0))
    np.testing.assert_allclose(after["bn.var"], 0.9 * running["bn.var"] + 0.1 * h.var(axis=0))


def test_inference_by_the_formula(network):
    params, running, x, _ = network
    h, _ = model.encode(params, x)
    f = model.represent(params, running, x)
    xhat = (h - running["bn.mean"]) / np.sqrt(running["bn.var"] + 1e-5)
    np.testing.assert_allclose(f, params["bn.gamma"] * xhat + params["bn.beta"])
    for name in ("emotion", "domain"):
        e = np.exp(f @ params[f"{name}.w"] + params[f"{name}.b"])
        np.testing.assert_allclose(model.classify(params, f, name), e / e.sum(axis=1)[:, None])


class UsedError(Exception):
    pass


def with_alarm(name, function):
    """The ops, of which `name` raises an alarm when its `function` is called."""

    def alarm(*args, **options):
        raise UsedError

    op = getattr(ops, name)
    parts = {part: getattr(op, part) for part in ("forward", "backward")}
    if name == "softmax_cross_entropy":
        parts["softmax"] = op.softmax
    network_ops = SimpleNamespace(**{name: getattr(ops, name) for name in ops.__all__})
    setattr(network_ops, name, SimpleNamespace(**{**parts, function: alarm}))
    return network_ops


@pytest.mark.parametrize("name", USED)
def test_training_uses_the_ops_it_is_given(network, name):
    params, _, x, mask = network
    with pytest.raises(UsedError):
        losses(params, x, mask=mask, ops=with_alarm(name, "forward"))
    _, cache = losses(params, x, mask=mask, ops=with_alarm(name, "backward"))
    with pytest.raises(UsedError):
        model.backward(cache, alpha=0.5)


@pytest.mark.parametrize("name, function", [
    ("conv_relu_maxpool", "forward"), ("attention", "forward"), ("batchnorm", "forward"),
    ("dense", "forward"), ("softmax_cross_entropy", "softmax"),
])  # fmt: skip
def test_inference_uses_the_ops_it_is_given(network, name, function):
    params, running, x, _ = network
    network_ops = with_alarm(name, function)
    with pytest.raises(UsedError):
        f = model.represent(params, running, x, ops=network_ops)
        model.classify(params, f, "emotion", ops=network_ops)
