"""The bank of wrong backward passes: each is wrong by more than rounding, its forward is right."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from minidann import feeding, model, ops, optim
from minidann.mistakes import mutants
from minidann.mistakes.mutants.halves import HELD_OUT
from minidann.mistakes.mutants.making import rewired
from minidann.ops import conv_relu_maxpool, dropout

WRONG = 1e-6  # relative; rounding is a billion times smaller
ALPHA, BETA = 0.3, 1.7  # away from 1/2 and 1, where several mistakes look right
N, M = 5, 4  # source and target rows
OPTIM, NETWORKS = mutants.select("optim"), mutants.select("model") + mutants.select("feeding")
OPS = [mutant for mutant in mutants.BANK if mutant.target in ops.__all__]


def each(bank):
    return pytest.mark.parametrize("mutant", bank, ids=lambda mutant: mutant.name)


def freeze(tree):
    """No array in it can be written to any more: a mutant that tries raises an error."""
    if isinstance(tree, np.ndarray):
        tree.flags.writeable = False
    elif isinstance(tree, dict):
        for value in tree.values():
            freeze(value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            freeze(value)
    return tree


def off(wrong, right):
    """By how much a gradient is wrong, relative to its largest entry; another shape is infinite."""
    if right is None or wrong is None:
        return 0.0 if right is wrong else np.inf
    if wrong.shape != right.shape:
        return np.inf
    return np.abs(wrong - right).max() / np.abs(right).max()


def test_the_bank():
    bank = mutants.BANK
    assert 90 <= len(bank) <= 110
    assert len(OPS) + len(NETWORKS) + len(OPTIM) == len(bank)
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


@pytest.mark.parametrize("seed", range(3))
@each(OPS)
def test_wrong_op(mutant, seed):
    wrong, right = mutant.build(), getattr(ops, mutant.target)
    arrays, options = freeze(wrong.example(np.random.default_rng(seed)))
    out, cache = wrong.forward(*arrays, **options)
    true_out, true_cache = right.forward(*arrays, **options)
    np.testing.assert_array_equal(out, true_out)
    upstream = np.random.default_rng(seed + 100).standard_normal(np.shape(out))
    upstream = freeze(np.asarray(upstream))
    gradients = wrong.backward(upstream, freeze(cache))
    true = right.backward(upstream, true_cache)
    assert len(gradients) == len(true)
    assert max(off(*pair) for pair in zip(gradients, true)) > WRONG
    for again, gradient in zip(wrong.backward(upstream, cache), gradients):
        np.testing.assert_array_equal(again, gradient)


def batch(mode):
    """A small network and a padded batch in float64, frozen."""
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
    return freeze(params), freeze(x), freeze(mask)


def gradients_of_a_step(network, mode, network_ops=ops):
    """The losses and the gradients of every update of a step."""
    params, x, mask = batch(mode)
    for rows, n in feeding.steps(mode, N, M):
        losses, cache = network.forward(
            params, x[rows], emotion_labels=np.arange(n) % 2,
            domain_labels=(np.arange(len(x[rows])) >= n).astype(int), mode=mode, beta=BETA,
            mask=mask[rows], ops=network_ops,
        )  # fmt: skip
        grads, grad_norms = network.backward(freeze(cache), alpha=ALPHA)
        assert len(grad_norms) == 2
        yield losses, grads


@each(NETWORKS)
def test_wrong_network(mutant):
    wrong = mutant.build()
    errors = {}
    for mode in feeding.MODES:
        steps = gradients_of_a_step(wrong, mode), gradients_of_a_step(model, mode)
        for (losses, grads), (true_losses, true) in zip(*steps):
            assert losses == true_losses
            assert grads.keys() == true.keys()
            for name in grads:
                assert np.isfinite(grads[name]).all()
                errors[mode, name, losses[0] is None] = off(grads[name], true[name])
    assert max(errors.values()) > WRONG, errors


@each(NETWORKS)
def test_a_wrong_network_keeps_the_ops_it_is_given(mutant):
    """The plain ops give the same gradients to rounding, so the mistake is the network's."""
    plain = SimpleNamespace(**{name: getattr(ops, name) for name in ops.__all__})
    plain.conv_relu_maxpool = conv_relu_maxpool.compose()
    for mode in feeding.MODES:
        fast = gradients_of_a_step(mutant.build(), mode)
        for (_, grads), (_, same) in zip(fast, gradients_of_a_step(mutant.build(), mode, plain)):
            for name in grads:
                np.testing.assert_allclose(grads[name], same[name], rtol=1e-9, atol=1e-12)


def test_rewired_leaves_the_module_alone():
    copy_of_it = rewired(optim, BETA1=0.5)
    params, grads = {"w": np.ones(3)}, {"w": np.ones(3)}
    before = optim.step(params, grads, optim.start(params), 0.1)[1]["w.m"]
    assert copy_of_it.step(params, grads, optim.start(params), 0.1)[1]["w.m"][0] == 0.5
    assert optim.step(params, grads, optim.start(params), 0.1)[1]["w.m"][0] == before[0]
    network, same = gradients_of_a_step(rewired(model), "bn2"), gradients_of_a_step(model, "bn2")
    for (_, grads), (_, true) in zip(network, same):
        for name in true:
            np.testing.assert_array_equal(grads[name], true[name])


def trajectory(optimiser):
    """What five steps of an optimiser leave, with gradients of many sizes and some missing."""
    rng = np.random.default_rng(0)
    names = ("conv.w", "conv.b", "emotion.w", "domain.w", "bn.gamma")
    params = freeze({name: rng.standard_normal((3, 4)) for name in names})
    state = freeze(optimiser.start(params))
    for i in range(5):
        sizes = 10.0 ** rng.integers(-6, 1, (3, 4))
        grads = {name: sizes * rng.standard_normal((3, 4)) for name in names}
        if i % 2:
            del grads["emotion.w"]
        freeze(grads)
        penalised = freeze(optimiser.add_penalty(params, grads, l1=0.3, l2=0.2))
        yield penalised
        params, state = map(freeze, optimiser.step(params, grads, state, 0.01))
        yield params


@each(OPTIM)
def test_wrong_optimiser(mutant):
    wrong = []
    for arrays, true in zip(trajectory(mutant.build()), trajectory(optim)):
        wrong.append(arrays.keys() != true.keys())
        wrong += [off(arrays[name], true[name]) > WRONG for name in true if name in arrays]
    assert any(wrong)
