"""A gradient is wrong: what kind of wrong is it?

    evidence.py       what is known, and when an explanation holds
    factors.py        the names of a factor: sizes, 1-p, beta
    symptoms.py       what the gradient looks like: flipped, scaled, turned, shifted, cut
    paths.py          terms of it that are missing: batch norm, attention, softmax
    known.py          mistakes of one op only: wrong axes, epsilon, another mask
    windows.py        those of convolution and pool: ties, strides
    contributions.py  parts of dout that are lost or overwrite each other
    causes.py         a right backward pass that reads the wrong dout or arrays
    kept.py           or finds another thing in its cache than it should
    pairs.py          two mistakes at once
    network.py        the same for a whole network, which has hypotheses of its own:
    coefficients.py   equations 8-10 read backwards: reversal, beta, alpha
    setting.py        the right network with one thing wrong, for the next three
    rows.py           which rows are reversed, which reach the encoder
    modes.py          batch composition and batch norm's calls
    layers.py         one layer of the network
    optimiser.py      Adam and the penalties

Every explanation is a hypothesis: a mistake, and the gradient that would come of it. One that
gives what was received, to a millionth of what is wrong, is the diagnosis; if none does, it is
"unknown pattern". So a diagnosis is never a guess: backward behaves just as if it were so.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from minidann.mistakes.diagnosis import (
    causes,
    contributions,
    kept,
    known,
    network,
    pairs,
    paths,
    symptoms,
)
from minidann.mistakes.diagnosis.evidence import Diagnosis, Evidence, Hypothesis
from minidann.mistakes.diagnosis.optimiser import diagnose_adam, diagnose_penalty
from minidann.mistakes.diagnosis.setting import Setting

KINDS = {
    "sign": "the sign is flipped",
    "factor": "off by a factor: a size of the shapes, 1-p, alpha, beta, 2, or one of each channel",
    "summed": "summed over the batch where it should be averaged, or the reverse",
    "transposed": "transposed, or axes permuted",
    "shifted": "shifted along time or another axis",
    "reversed": "reversed along time or another axis",
    "zero slice": "zero where it should not be: the tail, some rows, one channel, all of it",
    "missing path": "one of several terms is missing: a path through which the input acts",
    "first only": "right for the first utterance only",
    "off-diagonal": "the softmax's off-diagonal terms are missing",
    "mean path": "batch norm: the path through the mean is missing or scaled",
    "variance path": "batch norm: the path through the variance is missing or scaled",
    "ties": "a tie is handed out twice, split, or not given to the first maximum",
    "overwritten": "overwritten where contributions meet instead of added",
    "wrong cache": "computed from the wrong saved value",
    "gate": "a gate (ReLU's, dropout's mask) is not applied, or where it should not be",
    "stride": "windows are placed as if the stride were another one",
    "wrong axis": "a sum, mean or softmax runs along another axis than the forward's",
    "swapped": "a right gradient under the name of another argument, or of other rows",
    "no reversal": "the gradient reversal is missing",
    "double reversal": "reversed twice, or a minus sign too many",
    "beta ignored": "beta has no effect on the encoder",
    "beta on classifier": "beta also scales the domain classifier's own gradient",
    "minus loss": "the domain loss has a minus sign: its classifier climbs",
    "source rows only": "the reversal acts on some rows only",
    "loss mean": "a loss is divided by another count than that of its rows",
    "alpha": "alpha and 1-alpha are swapped, or one is missing",
    "other mode": "batch norm goes back with another batch composition than forward's",
    "target rows": "no gradient from target rows into the encoder",
    "adam": "an error in Adam",
    "penalty": "an error in l1 or l2",
    "placeholder": "the same number everywhere, as a line that was to be filled in leaves it",
    "unknown pattern": "none of these fits the evidence",
}
LARGEST = 5000  # entries: larger arrays, of which only directions were checked, are not diagnosed
UNKNOWN = Diagnosis("unknown pattern", "this is none of the mistakes I know")


def diagnose(evidence: Evidence, wrong: list[int]) -> dict[int, tuple[Diagnosis, ...]]:
    """What may be wrong with the gradients of these arguments, by their numbers.

    All explanations that hold. First those of one mistake that accounts for every wrong gradient
    and spoils no right one, then those of each by itself, or of two mistakes at once if there is
    neither, then what merely describes it. For an argument that cannot be looked at (NaN, or too
    large) the diagnosis says only that.
    """
    looked_at = [i for i in wrong if _comparable(evidence, i)]
    found = {i: ([], [], []) for i in looked_at}  # together, apart, described
    with np.errstate(all="ignore"):
        for hypothesis, described in _hypotheses(evidence, looked_at):
            holds = [i for i in looked_at if evidence.explains(hypothesis.gradients[i], i)]
            apart = len(holds) < len(wrong) or evidence.spoils(hypothesis.gradients, wrong)
            for i in holds:
                diagnosis = Diagnosis(hypothesis.kind, hypothesis.text)
                found[i][2 if described else int(apart)].append(diagnosis)
        rest = [i for i, (together, alone, _) in found.items() if not together + alone]
        for two in pairs.hypotheses(evidence, rest, _causes(evidence, rest)):
            for i in rest:
                if evidence.explains(two.gradients[i], i):
                    found[i][1].append(Diagnosis(two.kind, two.text))
    explanations = {i: tuple(d for rank in ranks for d in rank) for i, ranks in found.items()}
    return {
        i: explanations.get(i)
        or (_unknown(evidence.names[i], evidence.received[i], evidence.true[i]),)
        for i in wrong
    }


def _comparable(evidence: Evidence, i: int) -> bool:
    return evidence.true[i] is not None and bool(np.isfinite(evidence.received[i]).all())


def _unknown(name: str, received: np.ndarray, true: np.ndarray | None) -> Diagnosis:
    """UNKNOWN, in words for this argument: why there is no diagnosis, or where to look."""
    finite = np.isfinite(received)
    if not finite.all():
        detail = (
            f"{name} is not a finite number in {(~finite).sum()} of {received.size} entries, first "
            f"at {_entry(name, np.argwhere(~finite)[0])}: look for a division by zero, or its log"
        )
    elif true is None:
        detail = (
            f"{name} is too large to diagnose: of more than {LARGEST} entries only directions are "
            "checked, which say nothing of single entries; check a smaller one"
        )
    elif true.shape != received.shape:
        detail = (
            f"{name} has the shape {true.shape}, what is returned for it {received.shape}, and "
            "none of the mistakes I know gives that"
        )
    else:
        off = np.abs(received - true)
        at = np.unravel_index(off.argmax(), off.shape)
        detail = (
            f"{UNKNOWN.text}; the largest error is at {_entry(name, at)}: {received[at]:.5g} where "
            f"{true[at]:.5g} is right, {off[at]:.1e} away"
        )
    return replace(UNKNOWN, detail=detail)


def _entry(name: str, index) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if len(index) else name


def _hypotheses(evidence: Evidence, wrong: list[int]) -> Iterator[tuple[Hypothesis, bool]]:
    """All hypotheses, and whether each merely describes what was received."""
    if not wrong:
        return
    for hypothesis in _causes(evidence, wrong):
        yield hypothesis, False
    for i in wrong:
        if evidence.received[i].shape == evidence.true[i].shape:
            for hypothesis in symptoms.unnamed(evidence, i):
                yield hypothesis, True


def _causes(evidence: Evidence, wrong: list[int]) -> Iterator[Hypothesis]:
    """What is specific before what is general."""
    if evidence.reference is not None and evidence.reference[0] == "gradient_reversal":
        yield from known.hypotheses(evidence)
    shaped = []
    for i in wrong:
        if evidence.received[i].shape == evidence.true[i].shape:
            shaped.append(i)
            yield from symptoms.scaled(evidence, i)
        else:
            yield from symptoms.exchanged(evidence, i)
            yield from symptoms.of_another_shape(evidence, i)
    yield from paths.hypotheses(evidence)
    yield from known.hypotheses(evidence)
    for look in (symptoms.exchanged, symptoms.moved):
        for i in shaped:
            yield from look(evidence, i)
    yield from contributions.hypotheses(evidence)
    yield from causes.hypotheses(evidence)
    yield from kept.hypotheses(evidence)
    for look in (symptoms.zeroed, symptoms.gated, kept.multiplied):
        for i in shaped:
            yield from look(evidence, i)


def diagnose_network(step, alpha: float, beta: float, received, true, wrong) -> dict:
    """What is wrong with the gradients of these parameters of a network, by their names.

    `step` as in `minidann.gradcheck.network`; `received` and `true` by name.
    """
    setting = Setting(
        step.params, step.x, step.emotion_labels, step.domain_labels, step.mask, step.mode,
        alpha, beta, received,
    )  # fmt: skip
    with np.errstate(all="ignore"):
        found = network.diagnose(setting, true, wrong)
    return {
        name: tuple(found.get(name, ())) or (_unknown_parameter(name, received, true),)
        for name in wrong
    }


def _unknown_parameter(name: str, received: dict, true: dict) -> Diagnosis:
    given, right = received.get(name), true.get(name)
    if not isinstance(given, np.ndarray) or right is None:
        return UNKNOWN
    return _unknown(name, given, right)


__all__ = [
    "KINDS",
    "Diagnosis",
    "Evidence",
    "diagnose",
    "diagnose_adam",
    "diagnose_network",
    "diagnose_penalty",
]
