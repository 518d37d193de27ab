"""The catalogue of mistakes: each is wrong by more than rounding, is caught, and is named."""

import re

import numpy as np
import pytest
from wrong_code import asked

from minidann import feeding, model, ops, optim
from minidann.gradcheck import bank, judging, network
from minidann.gradcheck.running import answers
from minidann.mistakes import catalogue, networks
from minidann.mistakes.network import rewired
from minidann.mistakes.question import close

BANK = catalogue.CATALOGUE
OPS = [m for m in BANK if m.target in ops.__all__]
NETWORKS = [m for m in BANK if m.target in ("model", "feeding")]
OPTIM = [m for m in BANK if m.target == "optim"]


def names(mistake):
    return mistake.name


def test_the_catalogue():
    assert len(OPS) + len(NETWORKS) + len(OPTIM) == len(BANK)
    assert len({m.name for m in BANK}) == len(BANK)
    assert {m.target for m in BANK} == {*ops.__all__, "model", "feeding", "optim"}
    for mistake in BANK:
        assert mistake.says[-1] == "." and len(mistake.says) <= 130, mistake.name
        assert mistake.place in catalogue.PLACES


@pytest.mark.parametrize("name", ops.__all__)
def test_each_mistake_in_an_op_is_caught_and_one_in_backward_leaves_forward_alone(name):
    for mistake in catalogue.of(name):
        given, wrong = answers(mistake.build(), asked(name)), 0
        for question, answer in zip(asked(name), given):
            out = [(answer.out, question.out)]
            pairs = [*out, *zip(answer.gradients or (), question.gradients)]
            wrong += bool(answer.error) or not all(w is None or close(g, w) for g, w in pairs)
            if mistake.place != "forward":
                np.testing.assert_array_equal(answer.out, question.out)
        assert wrong, mistake.name


@pytest.mark.parametrize("name", ops.__all__)
def test_a_mistake_in_an_op_is_named(name):
    """A sample; `--mutants` has all. Without its entry hardly one is named as something else."""
    given, misnamed, mistakes = asked(name), [], catalogue.of(name)
    for number, mistake in enumerate(mistakes[1::4]):
        received = answers(mistake.build(), given)
        verdicts = judging.judge(name, given, received).values()
        said = {cause for v in verdicts for cause in v.causes}
        assert mistake.says in said, (mistake.name, said)
        if number % 2:
            without = judging.judge(name, given, received, without=mistake).values()
            said = {cause for v in without for cause in v.causes}
            if bank.named(said, mistake.word) == "wrong":
                misnamed.append((mistake.name, said))
    assert len(misnamed) <= 1, misnamed


def steps():
    return [
        step
        for mode in feeding.MODES
        for step in network.example(np.random.default_rng(0), mode, frames=187, filters=3)
    ]


@pytest.mark.parametrize("mistake", NETWORKS[::4], ids=names)
def test_a_mistake_in_the_network_is_named(mistake):
    wrong = mistake.build()
    found = networks.name([(step, networks.gradients(wrong, step)) for step in steps()])
    assert mistake.says in {cause for causes in found.values() for cause in causes}


@pytest.mark.parametrize("mistake", NETWORKS, ids=names)
def test_a_mistake_in_the_network_is_wrong_and_keeps_the_losses(mistake):
    wrong, errors = mistake.build(), []
    for step in steps():
        losses, cache = step.forward(wrong, step.params)
        right, right_cache = step.forward(model, step.params)
        assert losses == right
        grads, norms = wrong.backward(cache, alpha=step.alpha)
        true, _ = model.backward(right_cache, alpha=step.alpha)
        assert grads.keys() == true.keys() and len(norms) == 2
        errors += [np.abs(grads[n] - true[n]).max() / np.abs(true[n]).max() for n in true]
    assert max(errors) > 1e-6


@pytest.mark.parametrize("mistake", OPTIM[::3], ids=names)
def test_a_mistake_in_the_optimiser_is_caught_and_named(mistake):
    tried = bank.try_mistake(mistake, 0)
    assert tried.killed and tried.with_it == "right"


def test_an_entry_may_go_on_in_the_next_line():
    text = """
a | One. | w
b |
    Two lines.
"""
    assert [*catalogue.entries(text)] == [("a", "One.", "w"), ("b", "Two lines.", "")]
    assert catalogue.family("x * NUMBER | Not NUMBER.\n", 0.5) == "x * 0.5 | Not 0.5.\n"


def test_what_is_counted():
    right, unknown = {"The sum is missing."}, {"forward raised ValueError: no"}
    assert bank.named(right, "sum") == "right" and bank.named(right, "mean") == "wrong"
    assert bank.named(unknown, "") == bank.named(set(), "") == "unknown"
    mistake = BANK[0]
    tried = [bank.Tried(mistake, True, "right", "wrong", ()),
             bank.Tried(mistake, False, "right", "unknown", ())]  # fmt: skip
    assert re.fullmatch(
        "1 of 2 caught; named with it 2 right, 0 wrong, 0 unknown; "
        "without it 0 right, 1 wrong, 1 unknown",
        bank.counts(tried),
    )


def test_rewired_leaves_the_module_alone():
    copy_of_it = rewired(optim, BETA1=0.5)
    params, grads = {"w": np.ones(3)}, {"w": np.ones(3)}
    assert copy_of_it.step(params, grads, optim.start(params), 0.1)[1]["w.m"][0] == 0.5
    assert optim.step(params, grads, optim.start(params), 0.1)[1]["w.m"][0] == 1 - 0.9
