"""The whole network against equations 8, 9 and 10, in every feeding mode."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, gradcheck, model, ops
from minidann.ops import conv_relu_maxpool

ALPHA, BETA = 0.3, 1.7  # not 0.5 and 1, where several mistakes look right
N, M = 5, 4  # source and target rows
PLAIN = SimpleNamespace(**{name: getattr(ops, name) for name in ops.__all__})
PLAIN.conv_relu_maxpool = conv_relu_maxpool.compose()


def network(mode, seed, language=True):
    """A small network in float64 and a batch of padded rows: (params, x, labels, mask)."""
    rng = np.random.default_rng(seed)
    params, running = model.initialise(
        rng, frames=190, mels=2, filters=3, batch_norm=mode != "none", language=language,
        dtype=np.float64,
    )  # fmt: skip
    for name in params:
        if name.endswith((".b", ".gamma", ".beta", ".v")):
            params[name] = params[name] + 0.5 * rng.standard_normal(params[name].shape)
    # Far enough below zero that some pools are inactive: where all are active, batch norm takes
    # the bias out and its gradient is nothing but rounding.
    params["conv.b"] = params["conv.b"] - 1.2
    x = rng.standard_normal((N + M, 190, 2))
    x[:N] += 0.4
    for row in x:
        real = rng.integers(60, 190)
        row[real:] = row[:real].min(axis=0)
    pooled, _ = conv_relu_maxpool.forward(x, params["conv.w"], params["conv.b"])
    assert 0.1 < (pooled > 0).mean() < 0.95
    mask = ops.dropout.draw_mask(rng, (N + M, 9), 0.4, np.float64)
    return params, running, x, np.array([0, 1, 1, 0, 1]), mask


def check_step(mode, params, x, labels, mask, method, network_ops=ops):
    """Every gradient of one update against differences of L_e and of L_l."""
    n = len(labels)
    languages = (np.arange(len(x)) >= n).astype(int)

    def losses(params):
        both, cache = model.forward(
            params, x, emotion_labels=labels, language_labels=languages, mode=mode, beta=BETA,
            mask=mask, ops=network_ops,
        )  # fmt: skip
        return np.array([0 * both[1] if both[0] is None else both[0], both[1]]), cache

    _, cache = losses(params)
    grads, _ = model.backward(cache, alpha=ALPHA)
    expected_names = {name for name in params if n or not name.startswith("emotion")}
    assert grads.keys() == expected_names
    for name in grads:
        emotion, language = gradcheck.differences(
            lambda array: losses({**params, name: array})[0], params[name], method=method
        )
        if name.startswith("emotion"):  # equation 8
            true = ALPHA * emotion
            assert not language.any()
        elif name.startswith("language"):  # equation 9
            true = (1 - ALPHA) * language
            assert not emotion.any()
        else:  # equation 10
            true = ALPHA * emotion - (1 - ALPHA) * BETA * language
        analytic = grads[name]
        if method == "central":
            kinks = crossings(params, name, x)
            assert kinks.mean() <= 0.2, f"{name}: {kinks.sum()} of {kinks.size} entries"
            analytic, true = np.where(kinks, 0, analytic), np.where(kinks, 0, true)
        row = gradcheck.compare(name, analytic, true)
        assert row.error <= (1e-7 if method == "central" else 1e-12), f"{mode} {row}"


def crossings(params, name, x):
    """Entries of a parameter at which a finite difference steps over a kink.

    Where a nudge changes which frame wins a pool or which output is above zero, differences
    measure two different slopes. The complex step does not, and checks these entries too.
    """
    crossed = np.zeros(params[name].shape, bool)
    if name.startswith("conv"):
        for index in np.ndindex(crossed.shape):
            patterns = []
            for nudge in (-2, 0, 2):
                nudged = params[name].copy()
                nudged[index] += nudge * gradcheck.CENTRAL_STEP
                two = {**params, name: nudged}
                _, cache = conv_relu_maxpool.forward(x, two["conv.w"], two["conv.b"])
                _, winner, passed, _ = cache
                patterns.append((winner.T.reshape(passed.shape) * passed).tobytes())
            crossed[index] = len(set(patterns)) > 1
    return crossed


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10(mode, method, seed):
    params, _, x, labels, mask = network(mode, seed)
    for rows, count in feeding.steps(mode, N, M):
        check_step(mode, params, x[rows], labels[:count], mask[rows], method)


@pytest.mark.parametrize("mode", feeding.MODES)
def test_equations_8_to_10_with_the_plain_ops(mode):
    params, _, x, labels, mask = network(mode, 7)
    for rows, count in feeding.steps(mode, N, M):
        check_step(mode, params, x[rows], labels[:count], mask[rows], "complex", PLAIN)


@pytest.mark.parametrize("mode", ["bn1", "none"])
def test_base_is_the_emotion_loss_alone(mode):
    params, _, x, labels, mask = network(mode, 0, language=False)
    assert not any(name.startswith("language") for name in params)

    def loss(params):
        (emotion, language), cache = model.forward(
            params, x[:N], emotion_labels=labels, language_labels=None, mode=mode, mask=mask[:N]
        )
        assert language is None
        return np.array([emotion]), cache

    grads, pulls = model.backward(loss(params)[1], alpha=1.0)
    assert pulls[1] == 0
    for name in params:
        (true,) = gradcheck.differences(lambda a: loss({**params, name: a})[0], params[name])
        row = gradcheck.compare(name, grads[name], true)
        assert row.error <= 1e-7, str(row)


def test_the_step_function_of_bn4_takes_source_then_target():
    assert feeding.steps("bn4", 3, 2) == [(slice(0, 3), 3), (slice(3, 5), 0)]
    for mode in ("bn1", "bn2", "bn3", "none"):
        assert feeding.steps(mode, 3, 2) == [(slice(0, 5), 3)]


def test_what_is_normalised_together():
    rng = np.random.default_rng(0)
    h = rng.standard_normal((7, 4)) + np.array([0, 0, 0, 5, 5, 5, 5])[:, None]
    gamma, beta, n = np.ones(4), np.zeros(4), 3

    def means(mode):
        (emotion, language), cache = feeding.forward(h, gamma, beta, source_rows=n, mode=mode)
        running = feeding.update_running((np.zeros(4), np.ones(4)), cache)
        return emotion.mean(), language[:n].mean(), language[n:].mean(), running[0].mean()

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
    (emotion, language), cache = feeding.forward(h, None, None, source_rows=n, mode="none")
    assert emotion.base is h
    assert language is h
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
        "language.w": (1800, 2),
        "language.b": (2,),
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
            language_labels=np.array([0, 0, 0, 1, 1, 1, 1, 1]), mode=mode, mask=mask,
        )  # fmt: skip
        grads, _ = model.backward(cache, alpha=ALPHA)
        arrays = [*losses, *grads.values(), *model.update_running(running, cache).values()]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_models_of_one_seed_start_alike_with_and_without_language():
    base, _ = model.initialise(np.random.default_rng(3), language=False)
    our, _ = model.initialise(np.random.default_rng(3), language=True)
    for name in base:
        np.testing.assert_array_equal(base[name], our[name])
