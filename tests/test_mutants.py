"""The bank of wrong backward passes: what each of them leaves right. That each is wrong, and writes
to nothing, is seen in `test_gradcheck_bank.py`.
"""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, model, ops, optim
from minidann.mistakes import mutants
from minidann.mistakes.mutants.halves import HELD_OUT
from minidann.mistakes.mutants.making import rewired
from minidann.ops import conv_relu_maxpool, dropout

ALPHA, BETA = 0.3, 1.7  # away from 1/2 and 1, where several mistakes look right
N, M = 5, 4  # source and target rows
NETWORKS = mutants.select("model") + mutants.select("feeding")
OPS = [mutant for mutant in mutants.BANK if mutant.target in ops.__all__]


def each(bank):
    return pytest.mark.parametrize("mutant", bank, ids=lambda mutant: mutant.name)


def test_the_bank():
    bank = mutants.BANK
    assert 90 <= len(bank) <= 110
    assert len(OPS) + len(NETWORKS) + len(mutants.select("optim")) == len(bank)
    assert {mutant.target for mutant in bank} == {*ops.__all__, "model", "feeding", "optim"}
    names = [mutant.name for mutant in bank]
    assert len(set(names)) == len(names)
    assert set(names) >= HELD_OUT
    for mutant in bank:
        assert mutant.name.startswith(f"{mutant.target}: ")
        assert len(mutant.what) <= 100, mutant.name
        assert mutant.what.endswith(".") and "\n" not in mutant.what, mutant.name
        assert mutant.kinds and len(set(mutant.kinds)) == len(mutant.kinds), mutant.name


def test_the_halves():
    """Of every target about half is held out, and of every mistake that a target has twice."""
    for target in {mutant.target for mutant in mutants.BANK}:
        known = mutants.select(target, held_out=False)
        held_out = mutants.select(target, held_out=True)
        assert abs(len(known) - len(held_out)) <= 1, target
        halves = [Counter(mutant.kinds[0] for mutant in half) for half in (known, held_out)]
        for kind in halves[0] | halves[1]:
            assert abs(halves[0][kind] - halves[1][kind]) <= 1, (target, kind)


def test_select():
    assert mutants.select() == list(mutants.BANK)
    assert {mutant.target for mutant in mutants.select("conv1d")} == {"conv1d"}
    with pytest.raises(ValueError, match="received 'convolution'"):
        mutants.select("convolution")


@each(OPS)
def test_a_wrong_op_has_the_right_forward(mutant):
    wrong, right = mutant.build(), getattr(ops, mutant.target)
    arrays, options = wrong.example(np.random.default_rng(0))
    out, true_out = (op.forward(*arrays, **options)[0] for op in (wrong, right))
    np.testing.assert_array_equal(out, true_out)


def batch(mode):
    """A small network and a padded batch in float64."""
    rng = np.random.default_rng(0)
    params, _ = model.initialise(
        rng, frames=190, mels=2, filters=3, batch_norm=mode != "none", dtype=np.float64
    )
    for name in params:
        if name.endswith((".b", ".gamma", ".beta", ".v")):
            params[name] = params[name] + 0.5 * rng.standard_normal(params[name].shape)
    x = rng.standard_normal((N + M, 190, 2))
    for row in x:
        unpadded = rng.integers(60, 190)
        row[unpadded:] = row[:unpadded].min(axis=0)
    mask = dropout.draw_mask(rng, (N + M, 9), 0.4, np.float64)
    return params, x, mask


def gradients_of_a_step(network, mode, network_ops=ops):
    """The losses and the gradients of every update of a step."""
    params, x, mask = batch(mode)
    for rows, n in feeding.steps(mode, N, M):
        losses, cache = network.forward(
            params, x[rows], emotion_labels=np.arange(n) % 2,
            domain_labels=(np.arange(len(x[rows])) >= n).astype(int), mode=mode, beta=BETA,
            mask=mask[rows], ops=network_ops,
        )  # fmt: skip
        yield losses, network.backward(cache, alpha=ALPHA)[0]


@each(NETWORKS)
def test_a_wrong_network_has_the_right_losses_and_keeps_the_ops_it_is_given(mutant):
    """The plain ops give the same gradients to rounding, so the mistake is the network's."""
    plain = SimpleNamespace(**{**vars(ops), "conv_relu_maxpool": conv_relu_maxpool.compose()})
    for mode in feeding.MODES:
        wrong, right, composed = (
            gradients_of_a_step(*given)
            for given in ((mutant.build(), mode), (model, mode), (mutant.build(), mode, plain))
        )
        for (losses, grads), (true_losses, true), (_, same) in zip(wrong, right, composed):
            assert losses == true_losses
            assert grads.keys() == true.keys()
            for name in grads:
                np.testing.assert_allclose(grads[name], same[name], rtol=1e-9, atol=1e-12)


def test_rewired_leaves_the_module_alone():
    params = grads = {"w": np.ones(3)}
    before = optim.step(params, grads, optim.start(params), 0.1)[1]["w.m"]
    changed = rewired(optim, BETA1=0.5)
    assert changed.step(params, grads, optim.start(params), 0.1)[1]["w.m"][0] == 0.5
    assert optim.step(params, grads, optim.start(params), 0.1)[1]["w.m"][0] == before[0]
