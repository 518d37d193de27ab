"""The checker against the whole bank of mutants: each is caught, and most are named."""

from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from wrong_code import changed, changed_at, check, remembered

from minidann import feeding, model, ops
from minidann.gradcheck import network
from minidann.gradcheck.bank import check_mutant, counts
from minidann.mistakes import mutants
from minidann.mistakes.mutants.making import with_ops
from minidann.ops import dense

# Nearly every mistake shows in bn2; the rest are tried only for what it does not catch.
MODES = (("bn2",), ("bn1", "bn3"), ("none", "bn4"))


def judged(mutant, *all_modes):
    """The verdict in the first of these modes in which the mutant is killed."""
    with mock.patch.object(network, "losses", remembered):
        for modes in all_modes:
            verdict = check_mutant(mutant, np.random.default_rng(0), modes=modes)
            if verdict.killed:
                break
    return verdict


@pytest.fixture(scope="module")
def verdicts():
    return [judged(mutant, *MODES) for mutant in mutants.BANK]


def test_each_mutant_is_killed_and_most_are_named(verdicts):
    assert sorted(mode for modes in MODES for mode in modes) == sorted(feeding.MODES)
    assert [v.mutant.name for v in verdicts if not v.killed] == []
    named = [v.named for v in verdicts]
    assert named.count("right") >= 0.9 * len(named), counts(verdicts)
    assert named.count("wrong") <= 0.03 * len(named), counts(verdicts)


WORDS = {  # of the report on a mutant
    "model: the reversal below batch norm": "in bn.gamma, bn.beta only",
    "feeding: the second call overwrites": "in conv.w, conv.b, attention.v only",
    "conv1d: the later window overwrites": "the last one overwrites the others",
    "conv1d: offsets count from one": "shifted by +1 along time",
    "conv1d: dw from a flipping library": "reversed along the kernel's frames",
    "conv1d: dw reshaped not transposed": "reshaped where its axes should be transposed",
    "conv1d: the last window is left out": "dout's 3 along time (axis 1) is lost",
    "conv1d: dw of the first utterance": "only the first utterance's gradient arrives",
    "relu: no gate": "true everywhere: it is not applied",
    "maxpool: every tied maximum counts": "every tied maximum gets the whole gradient",
    "conv_relu_maxpool: pools below zero pass": "as if ReLU's gate were true everywhere",
    "attention: softmax as if it were a sigmoid": "only s(1-s) of the softmax's Jacobian",
    "attention: softmax without its denominator": "(the softmax's off-diagonal terms) is missing",
    "attention: the softmax runs over the batch": "runs over the batch instead of over the frames",
    "batchnorm: the mean is a constant": "the path through the mean is missing",
    "batchnorm: the variance is a constant": "the path through the variance is missing",
    "batchnorm: dbeta is averaged": "off by the factor 1/5, one over the batch",
    "batchnorm: beta before gamma": "what is returned for gamma is the gradient of beta",
    "dropout: dropped values get a gradient": "as if the mask were one everywhere: it is left out",
    "dropout: dropped but not scaled": "(1/(1-p), what dropout multiplies by, is missing)",
    "dense: dw comes transposed": "the gradient of w is transposed",
    "dense: the bias is forgotten": "the gradient of b is zero everywhere",
    "dense: the update instead of the gradient": "the sign of the gradient of w is flipped",
    "dense: x overwritten by relu": "without its negative entries, as after a ReLU",
    "softmax_cross_entropy: the mean is forgotten": "off by the factor 5, the batch",
    "softmax_cross_entropy: only the true class": "only the label's own score gets a gradient",
    "softmax_cross_entropy: probabilities alone": "the label (minus the one-hot) is missing",
    "gradient_reversal: minus one whatever beta": "reversed, but beta is ignored",
    "feeding: bn2 goes back as bn1": "composes batches as bn2, the gradients go back as in bn1",
    "optim: no bias correction": "neither moment is corrected for its bias",
    "optim: epsilon under the root": "epsilon is added under the square root",
    "optim: no square root": "the square root (power 1/2) of the second moment is missing",
    "optim: the square without its two": "0.2 w is added, not 0 sign(w) + 0.4 w",
    "optim: l1 without a sign": "not 0.3 sign(w)",
    "optim: the domain classifier goes free": "domain.w is not penalised by l1",
}


def test_each_diagnosis_says_what_is_of_use(verdicts):
    """Of a gradient that is off by a factor, say, what the factor is."""
    words = dict(WORDS)
    for verdict in verdicts:
        mutant = verdict.mutant
        text = "\n".join(map(str, verdict.reports))
        assert words.pop(mutant.name, "") in text
        assert "writes to" not in text and "a second call" not in text, mutant.name
        if mutant.target in ops.__all__:
            assert mutant.says in text, mutant.name
        if mutant.kinds[0] in ("factor", "summed"):
            assert mutant.says, mutant.name
    assert not words


def test_a_wrong_sign_as_well_hides_hardly_any_mistake(verdicts):
    """Where a mutant's gradient is wrong, its sign is flipped, too: half of the bank."""
    bank = [verdict for verdict in verdicts if verdict.mutant.target in ops.__all__][::2]
    unknown = []
    for verdict in bank:
        wrong = [not row.ok for row in verdict.reports[0].rows]

        def flip(gradients, dout, cache, wrong=wrong):
            return tuple(-g if w and g is not None else g for g, w in zip(gradients, wrong))

        found = check(changed(verdict.mutant.build(), flip)).diagnosis
        if any(diagnosis.kind == "unknown pattern" for diagnosis in found):
            unknown.append(verdict.mutant.name)
    assert len(bank) > 25
    assert len(unknown) <= 0.1 * len(bank), unknown


@pytest.mark.parametrize(
    "mode, name, kind",
    [
        ("bn1", "no reversal layer", "no reversal"),
        ("bn1", "the domain loss over source rows", "loss mean"),
        ("bn1", "target rows are not reversed", "source rows only"),
        ("bn3", "two reversal layers", "double reversal"),
        ("bn3", "beta stays at one", "beta ignored"),
        ("bn4", "beta weighs the loss", "beta on classifier"),
        ("bn4", "alpha swapped", "alpha"),
        ("none", "minus and reversal", "minus loss"),
        ("none", "dropout is forgotten on the way back", "gate"),
        ("none", "the attention vector is detached", "missing path"),
    ],
)
def test_a_mistake_in_the_network_is_named_in_each_mode(mode, name, kind):
    (mutant,) = (mutant for mutant in mutants.BANK if mutant.name == f"model: {name}")
    assert judged(mutant, (mode,)).kinds == (kind,)


def made(target, kinds, wrong):
    return SimpleNamespace(target=target, kinds=kinds, build=lambda: wrong, says="")


def test_a_name_is_settled_over_all_modes():
    """In bn4's target step, which has no source rows, the reversal seems to be missing."""

    def on_source_rows_only(gradients, dout, beta):
        count = len(dout)  # 11 rows, of which 7 are source; in bn4 7 and then 4
        source = np.arange(count) < (0 if count == 4 else 7)
        return (np.where(source, -beta, 1.0)[:, None] * dout,)

    kinds = ("source rows only",)
    wrong = with_ops(gradient_reversal=on_source_rows_only)
    verdict = judged(made("model", kinds, wrong), ("bn2", "bn4"))
    assert verdict.killed
    assert verdict.kinds == kinds
    assert verdict.named == "right"


def test_a_mutant_that_survives_and_one_that_is_named_wrong():
    right = judged(made("dense", ("sign",), dense), ())
    assert (right.killed, right.named) == (False, "unknown")
    flipped = changed(dense, changed_at(0, lambda g, *_: -g))
    named = judged(made("dense", ("factor",), flipped), ())
    assert (named.killed, named.named) == (True, "wrong")
    assert counts([right, named]) == "1 of 2 killed; diagnosis: 0 right, 1 wrong, 1 unknown"
    assert not judged(made("gradient_reversal", ("sign",), ops.gradient_reversal), ()).killed
    assert not judged(made("model", (), model), ("bn2",)).killed
