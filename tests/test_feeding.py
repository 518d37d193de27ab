"""Table 3: which rows each feeding mode normalises together, forwards and backwards."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, gradcheck

N, M, C = 5, 4, 3  # source rows, target rows, features
BATCH_NORM = ("bn1", "bn2", "bn3", "bn4")


def example(seed=0):
    """Rows of two domains, 5 apart; gamma and beta that are not 1 and 0."""
    rng = np.random.default_rng(seed)
    h = rng.standard_normal((N + M, C))
    h[N:] += 5
    return h, rng.standard_normal(C) + 2, rng.standard_normal(C)


def normalised(rows, gamma, beta):
    return gamma * (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-5) + beta


def test_steps_of_each_mode():
    assert feeding.steps("bn4", 3, 2) == [(slice(0, 3), 3), (slice(3, 5), 0)]
    for mode in ("bn1", "bn2", "bn3", "none"):
        assert feeding.steps(mode, 3, 2) == [(slice(0, 5), 3)]


@pytest.mark.parametrize("mode", BATCH_NORM)
def test_what_each_classifier_reads(mode):
    h, gamma, beta = example()
    source, target = normalised(h[:N], gamma, beta), normalised(h[N:], gamma, beta)
    all_rows = normalised(h, gamma, beta)
    expected = {
        "bn1": (all_rows[:N], all_rows),
        "bn2": (source, all_rows),
        "bn3": (source, np.concatenate([source, target])),
        "bn4": (all_rows[:N], all_rows),  # of whatever rows its step has
    }
    outs, _ = feeding.forward(h, gamma, beta, source_rows=N, mode=mode)
    for out, wanted in zip(outs, expected[mode]):
        np.testing.assert_allclose(out, wanted, atol=1e-12)


def test_without_batch_norm_both_read_the_rows_as_they_are():
    h, _, _ = example()
    (emotion, domain), cache = feeding.forward(h, None, None, source_rows=N, mode="none")
    np.testing.assert_array_equal(emotion, h[:N])
    assert emotion.base is h and domain is h
    demotion, ddomain = np.full((N, C), 2.0), np.full((N + M, C), 3.0)
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    assert (dh[:N] == 5).all() and (dh[N:] == 3).all()
    assert dgamma is None and dbeta is None
    assert (ddomain == 3).all()
    running = np.zeros(C), np.ones(C)
    assert feeding.update_running(running, cache) is running


@pytest.mark.parametrize("mode", BATCH_NORM)
def test_gradients(mode):
    """Through both outputs at once, so that a forgotten call of the layer shows."""

    def forward(h, gamma, beta):
        outs, cache = feeding.forward(h, gamma, beta, source_rows=N, mode=mode)
        return np.concatenate(outs), cache

    def backward(dout, cache):
        dout.setflags(write=False)  # it belongs to the caller
        return feeding.backward(dout[:N], dout[N:], cache)

    op = SimpleNamespace(forward=forward, backward=backward)
    report = gradcheck.check(op, np.random.default_rng(1), arrays=example(), options={})
    assert report.ok and len(report.verdicts) == 3, str(report)


@pytest.mark.parametrize("mode", BATCH_NORM)
def test_each_call_in_turn_moves_the_running_statistics(mode):
    h, gamma, beta = example()
    _, cache = feeding.forward(h, gamma, beta, source_rows=N, mode=mode)
    calls = {"bn1": [h], "bn2": [h[:N], h], "bn3": [h[:N], h[N:]], "bn4": [h]}
    mean, var = np.full(C, 7.0), np.full(C, 3.0)
    moved = feeding.update_running((mean, var), cache)
    for rows in calls[mode]:
        mean, var = 0.9 * mean + 0.1 * rows.mean(axis=0), 0.9 * var + 0.1 * rows.var(axis=0)
    np.testing.assert_allclose(moved, (mean, var))


def test_the_layer_given_is_the_layer_used():
    """Here one that doubles: its numbers, its gradients and its running statistics."""
    layer = SimpleNamespace(
        forward=lambda x, gamma, beta: (2 * x, "its cache"),
        backward=lambda dout, cache: (2 * dout, 1.0, 10.0),
        update_running=lambda running, cache: (*running, cache),
    )
    h, gamma, beta = example()
    (emotion, domain), cache = feeding.forward(
        h, gamma, beta, source_rows=N, mode="bn3", ops=SimpleNamespace(batchnorm=layer)
    )
    np.testing.assert_array_equal(emotion, 2 * h[:N])
    np.testing.assert_array_equal(domain, 2 * h)
    dh, dgamma, dbeta = feeding.backward(np.zeros((N, C)), np.ones((N + M, C)), cache)
    assert (dh == 2).all()
    assert (dgamma, dbeta) == (2, 20)  # two calls
    assert feeding.update_running((), cache) == ("its cache", "its cache")
