"""Adam, the decaying rate, the penalties."""

import numpy as np
import pytest

from minidann import gradcheck, optim


def test_learning_rate_decays_to_its_floor():
    rates = [optim.learning_rate(epoch) for epoch in range(60)]
    assert rates[0] == 1e-3
    assert rates[1] == pytest.approx(0.93e-3)
    assert rates[41] == pytest.approx(1e-3 * 0.93**41)
    assert rates[41] > 5e-5
    assert rates[42:] == [5e-5] * 18


def test_adam_by_the_formula_with_gaps():
    """A parameter without a gradient keeps its value, its moments and its count."""
    rng = np.random.default_rng(0)
    params = {"a": rng.standard_normal(3), "b": rng.standard_normal((2, 2))}
    state = optim.start(params)
    by_hand = {name: (value.copy(), 0.0, 0.0, 0) for name, value in params.items()}
    for i in range(20):
        grads = {"a": rng.standard_normal(3)}
        if i % 3:
            grads["b"] = rng.standard_normal((2, 2))
        params, state = optim.step(params, grads, state, 0.01)
        for name, g in grads.items():
            w, m, v, t = by_hand[name]
            t, m, v = t + 1, 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            by_hand[name] = w, m, v, t
    for name, (w, _, _, t) in by_hand.items():
        np.testing.assert_allclose(params[name], w, rtol=1e-12)
        assert state[f"{name}.t"] == t


def test_adam_starts_from_zeros_and_keeps_float32():
    params = {"w": np.ones((2, 3), np.float32)}
    state = optim.start(params)
    assert {name: (value.shape, value.dtype.name) for name, value in state.items()} == {
        "w.m": ((2, 3), "float32"),
        "w.v": ((2, 3), "float32"),
        "w.t": ((), "int64"),
    }
    assert not any(value.any() for value in state.values())
    after, state = optim.step(params, params, state, 1e-3)
    assert after["w"].dtype == state["w.m"].dtype == state["w.v"].dtype == np.float32


def test_penalty_pulls_every_kernel_and_nothing_at_zero():
    names = ("conv.w", "emotion.w", "domain.w", "conv.b", "bn.gamma")
    params = {name: np.array([-2.0, 0.0, 2.0]) for name in names}
    grads = {name: np.full(3, 7.0) for name in names}
    after = optim.add_penalty(params, grads, l1=0.5, l2=0.25)
    for name in names:
        assert after[name].tolist() == ([5.5, 7, 8.5] if name.endswith(".w") else [7, 7, 7]), name
    del grads["domain.w"]
    assert "domain.w" not in optim.add_penalty(params, grads, l1=0.5, l2=0.25)


@pytest.mark.parametrize("seed", range(3))
def test_the_checker_finds_nothing_wrong(seed):
    report = gradcheck.check_optimiser(optim, np.random.default_rng(seed))
    assert report.ok, str(report)
