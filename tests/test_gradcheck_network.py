"""What a network and an optimiser may do wrong beside a wrong gradient."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, gradcheck, model, optim
from minidann.gradcheck import proof
from minidann.gradcheck.cases import random_case

RANDOM = np.random.default_rng(0)  # whose state lives on from call to call


def network(change):
    """The network with (gradients, norms) passed through `change`."""
    return SimpleNamespace(
        forward=model.forward,
        backward=lambda cache, *, alpha: change(*model.backward(cache, alpha=alpha)),
    )


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda g, p: ({**g, "bogus": np.ones(3)}, p), "NO SUCH PARAMETER"),
        (lambda g, p: ({**g, "conv.w": None}, p), "NO GRADIENT"),
        (lambda g, p: ({**g, "conv.b": g["conv.b"].tolist()}, p), "NOT AN ARRAY: a list"),
        (lambda g, p: ({**g, "conv.b": np.float32(g["conv.b"])}, p), "WRONG TYPE: float32"),
        (lambda g, p: ({**g, "conv.b": g["conv.b"][:2]}, p), "WRONG SHAPE: (2,)"),
        (lambda g, p: (g, (p[0], 2 * p[1])), "grad_norms"),
        (lambda g, p: (g, None), "NOT TWO NUMBERS"),
        (lambda g, p: (None, p), "received None first"),
        (
            lambda g, p: ({**g, "conv.b": g["conv.b"] + 1e-14 * RANDOM.random()}, p),
            "a second call gives another answer",
        ),
    ],
)
def test_what_a_network_gives_back_wrongly_is_reported(change, words):
    report = gradcheck.check_network(network(change), np.random.default_rng(0), mode="bn1")
    assert not report.ok
    assert words in str(report)


def test_the_proof_tries_as_many_and_more_target_rows(monkeypatch):
    """Twice too large where m >= n > 0; bn4 never sees both domains in one step."""
    seen = []

    def forward(params, x, **given):
        n = len(given["emotion_labels"])
        seen.append(len(x) - n >= n > 0)
        return model.forward(params, x, **given)

    def backward(cache, *, alpha):
        gradients, grad_norms = model.backward(cache, alpha=alpha)
        return {name: (1 + seen[-1]) * g for name, g in gradients.items()}, grad_norms

    wrong = SimpleNamespace(forward=forward, backward=backward)
    monkeypatch.setattr(proof, "model", wrong)
    monkeypatch.setattr(proof, "ops", SimpleNamespace(__all__=[]))
    monkeypatch.setattr(proof, "random_case", lambda *_: random_case("conv_relu_maxpool", *_[1:]))
    reports = [r for r in proof.prove() if r.title.startswith("network")]
    assert [r.ok for r in reports[:5]] == [True] * 5
    assert [r.ok for r in reports[5:]] == [mode == "bn4" for mode in feeding.MODES]
    assert any(n == m for n, m in proof.BATCHES) and any(m > n for n, m in proof.BATCHES)


@pytest.mark.parametrize(
    "name, value",
    [("BETA1", 0.8), ("BETA2", 0.99), ("EPSILON", 1e-7), ("REGULARISED", ("conv.w",))],
)
def test_the_optimiser_brings_no_measure_of_its_own(name, value, monkeypatch):
    assert gradcheck.check_optimiser(optim, np.random.default_rng(0)).ok
    monkeypatch.setattr(optim, name, value)
    assert not gradcheck.check_optimiser(optim, np.random.default_rng(0)).ok


def test_a_penalty_that_writes_is_reported_once_for_each_l1_and_l2():
    def add_penalty(params, grads, *, l1, l2):
        if l1 and not l2 and "conv.b" in params:
            params["conv.b"][...] += 1
        return optim.add_penalty(params, grads, l1=l1, l2=l2)

    wrong = SimpleNamespace(start=optim.start, step=optim.step, add_penalty=add_penalty)
    report = gradcheck.check_optimiser(wrong, np.random.default_rng(0))
    assert [row.argument for row in report.rows].count("penalty: inputs") == 1
