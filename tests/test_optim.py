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


def test_first_step_of_adam_has_the_size_of_the_rate():
    params = {"w": np.array([1.0, 2.0, 3.0])}
    grads = {"w": np.array([1e-3, -5.0, 0.0])}
    after, state = optim.step(params, grads, optim.start(params), 0.1)
    np.testing.assert_allclose(after["w"], [0.9, 2.1, 3.0], rtol=1e-4)
    assert state["w.t"] == 1
    assert params["w"].tolist() == [1, 2, 3]


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


def test_adam_keeps_float32():
    params = {"w": np.ones(3, np.float32)}
    after, state = optim.step(params, {"w": np.ones(3, np.float32)}, optim.start(params), 1e-3)
    assert after["w"].dtype == state["w.m"].dtype == state["w.v"].dtype == np.float32


@pytest.mark.parametrize("l1, l2", [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_penalty_is_the_gradient_of_what_it_says(l1, l2):
    rng = np.random.default_rng(0)
    names = ("conv.w", "conv.b", "emotion.w", "domain.w", "bn.gamma")
    params = {name: rng.standard_normal((3, 4)) for name in names}
    grads = {name: rng.standard_normal((3, 4)) for name in names if name != "domain.w"}
    after = optim.add_penalty(params, grads, l1=l1, l2=l2)
    assert after.keys() == grads.keys()
    for name in grads:
        added = after[name] - grads[name]
        if name in ("conv.w", "emotion.w"):
            (true,) = gradcheck.differences(
                lambda w: np.array([l1 * np.abs(w).sum() + l2 * (w * w).sum()]), params[name]
            )
            assert np.abs(added - true).max() <= 1e-7 * np.abs(true).max()
        else:
            assert not added.any()


@pytest.mark.parametrize("seed", range(3))
def test_the_checker_finds_nothing_wrong(seed):
    report = gradcheck.check_optimiser(optim, np.random.default_rng(seed))
    assert report.ok, str(report)


def test_penalty_pulls_every_kernel_and_nothing_at_zero():
    params = {name: np.array([-2.0, 0.0, 2.0]) for name in ("conv.w", "emotion.w", "domain.w")}
    after = optim.add_penalty(params, {name: np.zeros(3) for name in params}, l1=0.5, l2=0.25)
    for name in params:
        assert after[name].tolist() == [-1.5, 0, 1.5], name


def test_adam_starts_from_zeros_like_the_parameters():
    state = optim.start({"w": np.ones((2, 3), np.float32)})
    assert {name: (value.shape, value.dtype.name) for name, value in state.items()} == {
        "w.m": ((2, 3), "float32"),
        "w.v": ((2, 3), "float32"),
        "w.t": ((), "int64"),
    }
    assert not any(value.any() for value in state.values())
