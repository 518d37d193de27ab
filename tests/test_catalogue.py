"""The catalogue of mistakes: each is wrong by more than rounding, is caught, and is named."""

import numpy as np
import pytest
from wrong_code import asked

from minidann import feeding, model, ops
from minidann.gradcheck import bank, judging, network
from minidann.gradcheck.running import answers
from minidann.mistakes import catalogue, networks
from minidann.mistakes.functions import TABLES
from minidann.mistakes.question import close

BANK = catalogue.CATALOGUE


def test_the_catalogue():
    assert len({m.name for m in BANK}) == len(BANK)
    assert {m.target for m in BANK} == {*ops.__all__, "model"} - {"conv_relu_maxpool"}
    sentences = [m.says for m in BANK]
    sentences += [says for table in TABLES.values() for _, says in table]
    assert all(says[-1] == "." and len(says) <= 130 for says in sentences)
    assert {m.place for m in BANK} == {"afresh", "forward", "whole"}


@pytest.mark.parametrize("name", ops.__all__)
def test_a_mistake_in_an_op_is_caught_and_named(name):
    """All are caught, a sample is named; `--mutants` names all, with and without their entries."""
    for i, mistake in enumerate(catalogue.of(name)):
        given, wrong = answers(mistake.build(), asked(name)), False
        for question, answer in zip(asked(name), given):
            if mistake.place != "forward":
                np.testing.assert_array_equal(answer.out, question.out)
            pairs = [(answer.out, question.out), *zip(answer.gradients or (), question.gradients)]
            wrong |= bool(answer.error) or not all(w is None or close(g, w) for g, w in pairs)
        assert wrong, mistake.name
        if i % 4 == 1:
            verdicts = judging.judge(name, asked(name), given).values()
            said = {cause for v in verdicts for cause in v.causes}
            assert mistake.says in said, (mistake.name, said)


def test_without_its_entry_a_mistake_is_named_by_what_holds_on_other_inputs_too():
    (ignored,) = (m for m in catalogue.of("gradient_reversal") if "beta is ignored" in m.says)
    tried = bank.try_mistake(ignored, 0)
    assert tried.killed and tried.with_it == tried.without_it == "right"
    assert tried.said == ("Backward acts as if the kept beta were one everywhere: it is left out.",)
    (drawn,) = (m for m in catalogue.of("dropout") if "A second mask is drawn" in m.says)
    assert bank.try_mistake(drawn, 0).without_it == "unknown"
    (bias,) = (m for m in catalogue.of("dense", "forward") if "bias" in m.says)
    tried = bank.try_mistake(bias, 0)
    assert tried.with_it == "right" and bias.says not in tried.said


@pytest.mark.parametrize("mistake", catalogue.of("model"), ids=lambda mistake: mistake.name)
def test_a_mistake_in_the_network_is_wrong_and_keeps_the_losses_and_is_named(mistake):
    wrong, errors, received = mistake.build(), [], []
    for step in (
        step for mode in feeding.MODES
        for step in network.example(np.random.default_rng(0), mode, frames=187, filters=3)
    ):  # fmt: skip
        losses, cache = step.forward(wrong, step.params)
        right, right_cache = step.forward(model, step.params)
        assert losses == right
        grads, _ = wrong.backward(cache, alpha=step.alpha)
        true, _ = model.backward(right_cache, alpha=step.alpha)
        assert grads.keys() == true.keys()
        errors += [np.abs(grads[n] - true[n]).max() / np.abs(true[n]).max() for n in true]
        received.append((step, grads))
    assert max(errors) > 1e-6
    if mistake in catalogue.of("model")[::4]:
        causes = networks.name(received).values()
        assert mistake.says in {cause for told in causes for cause in told}


def test_an_entry_may_go_on_in_the_next_line():
    text = """
a or b | c | One.
b
    | Two lines.
"""
    assert [*catalogue.entries(text)] == [("a or b | c", "One."), ("b", "Two lines.")]
    entries = [*catalogue.entries("\nx * NUMBER | Not NUMBER. for NUMBER in 0.5, 2\n")]
    assert entries == [("x * 0.5", "Not 0.5."), ("x * 2", "Not 2.")]
    (twice,) = catalogue.formulas("2 * x + y | Twice.", derive=lambda x: {"y": 1}, form="-({})")
    assert twice(x=3) == -7 and twice.__doc__ == "Twice."


def test_what_is_counted():
    assert bank.named({"a", "b"}, {"b"}) == "right" and bank.named({"a"}, {"b"}) == "wrong"
    assert bank.named(set(), {"b"}) == "unknown"
