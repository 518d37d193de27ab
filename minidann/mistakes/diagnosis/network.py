"""What is wrong with a network's gradients: every hypothesis against every wrong parameter."""

from collections.abc import Iterator

import numpy as np

from minidann.mistakes.diagnosis import coefficients, layers, modes, rows, symptoms
from minidann.mistakes.diagnosis.evidence import Diagnosis, Evidence, Hypothesis
from minidann.mistakes.diagnosis.setting import Grads, Setting

# What is wrong together: an explanation must hold for all wrong parameters of a group.
GROUPS = (
    ("conv.w", "conv.b", "attention.v"),
    ("bn.gamma", "bn.beta"),
    ("emotion.w", "emotion.b"),
    ("domain.w", "domain.b"),
)


def hypotheses(setting: Setting) -> Iterator[Hypothesis]:
    """From the coefficients first, then by trying the right network with one thing wrong."""
    for kind_of_mistake in (coefficients, rows, modes, layers):
        yield from kind_of_mistake.hypotheses(setting)


def diagnose(setting: Setting, true: Grads, wrong: list[str]) -> dict[str, list[Diagnosis]]:
    """What may be wrong with the gradients of these parameters, by name.

    What explains everything, and spoils no right gradient, stands before what explains a group.
    Where a group remains unexplained, the result is empty: half an explanation is mostly wrong.
    """
    known = [name for name in true if name in setting.received]
    evidence = Evidence(
        names=("x", *known),
        arrays=(setting.x, *(setting.params[name] for name in known)),
        options=setting.sizes,
        upstream=np.ones(()),
        out=np.zeros(()),
        received=(None, *(setting.received[name] for name in known)),
        true=(None, *(true[name] for name in known)),
    )
    number = {name: i for i, name in enumerate(evidence.names)}
    groups = [[name for name in group if name in wrong and name in number] for group in GROUPS]
    groups = [group for group in groups if group]
    found = {name: [] for group in groups for name in group}
    numbers = [number[name] for name in found]
    looks = {name: _symptoms(evidence, number[name]) for name in found}
    everything = []
    if found and not any(evidence.received[i].any() for i in numbers):
        everything = looks[next(iter(found))]  # zero everywhere needs no other words
    for hypothesis in hypotheses(setting):
        gradients = (None, *(hypothesis.gradients.get(name) for name in known))
        holds = [group for group in groups if all(
            evidence.explains(gradients[number[name]], number[name]) for name in group
        )]  # fmt: skip
        diagnosis = Diagnosis(hypothesis.kind, hypothesis.text)
        if len(holds) == len(groups) and not evidence.spoils(gradients, numbers):
            everything.append(diagnosis)
            continue
        for name in (name for group in holds for name in group):
            found[name].append(diagnosis)
    for group in groups:
        if all(looks[name] for name in group):
            for name in group:
                found[name] += looks[name]
    if not everything and not all(found.values()):
        return {}
    return {name: [*everything, *diagnoses] for name, diagnoses in found.items()}


def _symptoms(evidence: Evidence, i: int) -> list[Diagnosis]:
    """What one parameter's gradient looks like by itself."""
    if not np.isfinite(evidence.received[i]).all():
        return []
    looks = (symptoms.scaled, symptoms.moved, symptoms.zeroed, symptoms.unnamed)
    if evidence.received[i].shape != evidence.true[i].shape:
        looks = (symptoms.of_another_shape,)
    return [Diagnosis(h.kind, h.text) for look in looks for h in look(evidence, i)
            if evidence.explains(h.gradients[i], i)]  # fmt: skip
