"""Adam, the decaying rate, the penalties."""

import numpy as np
import pytest

from minidann import optim
from minidann.gradcheck import differences
from minidann.gradcheck.judging import read_only


def test_learning_rate_decays_to_its_floor():
    rates = [optim.learning_rate(epoch) for epoch in range(60)]
    assert rates[0] == 1e-3
    assert rates[1] == pytest.approx(0.93e-3)
    assert rates[41] == pytest.approx(1e-3 * 0.93**41)
    assert rates[41] > 5e-5
    assert rates[42:] == [5e-5] * 18


def in_sums(w, grads, rates):
    """w and its state after Adam, whose moments are written out as sums over all gradients so far.

    The constants are written out, too: what is checked must not bring its own measure.
    """
    m = v = np.zeros_like(w)
    for t in range(1, len(grads) + 1):
        m = sum(0.1 * 0.9 ** (t - i) * g for i, g in enumerate(grads[:t], 1))
        v = sum(0.001 * 0.999 ** (t - i) * g**2 for i, g in enumerate(grads[:t], 1))
        # The weights in m add up to 1 - 0.9^t: divided by that, m is an average.
        w = w - rates[t - 1] * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return {"": w, ".m": m, ".v": v, ".t": np.array(float(len(grads)))}


def walk(step, params, history):
    """Where `step` goes, and its state in the end; nothing it is given may be written to."""
    state = optim.start(params)
    for grads, rate in history:
        params, state = step(read_only(params), read_only(grads), read_only(state), rate)
    return params | state


@pytest.mark.parametrize("seed", range(3))
def test_adam_with_gaps(seed):
    """Gradients from 1 down to 1e-9 and a zero, so that epsilon matters to some; the rate changes.

    A parameter without a gradient keeps its value, its moments and its count.
    """
    rng = np.random.default_rng(seed)
    params = {"steady": np.zeros((2, 5)), "gaps": rng.standard_normal(3), "frozen": np.ones(2)}
    history = []
    for i in range(7):
        size = 10.0 ** -np.arange(10).reshape(2, 5)
        grads = {"steady": rng.standard_normal((2, 5)) * size}
        grads["steady"][0, 1] = 0.0
        if i not in (1, 2, 5):
            grads["gaps"] = rng.standard_normal(3)
        history.append((grads, 0.01 * 0.8**i))
    found = walk(optim.step, params, history)
    for name, w in params.items():
        given = [(g[name], rate) for g, rate in history if name in g]
        for part, right in in_sums(w, *(zip(*given) if given else ((), ()))).items():
            np.testing.assert_allclose(found.pop(name + part), right, rtol=1e-13, err_msg=name)
    assert not found


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


@pytest.mark.parametrize("l1, l2", [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_a_penalty_is_the_derivative_by_complex_step(l1, l2):
    w = np.random.default_rng(0).standard_normal((3, 4))
    added = optim.add_penalty({"conv.w": w}, {"conv.w": np.zeros((3, 4))}, l1=l1, l2=l2)["conv.w"]

    def penalty(w):  # abs, by the real part
        return l1 * (w * np.sign(w.real)).sum() + l2 * (w * w).sum()

    (slopes,) = differences(penalty, w, method="complex")
    np.testing.assert_allclose(added, slopes, rtol=1e-13)
