"""The bank of mutants against the checker: is each caught, and is its bug named?

`minidann.mistakes.mutants` holds wrong backward passes, each with the diagnoses that count as
right. Half of them the diagnosis was written on; the other half, held out, measures it.
"""

from dataclasses import dataclass

import numpy as np

from minidann import feeding, ops
from minidann.gradcheck.gradients import argument_names, check
from minidann.gradcheck.network import check_network
from minidann.gradcheck.optimiser import check_optimiser
from minidann.gradcheck.report import Report, settle
from minidann.mistakes.diagnosis import UNKNOWN

NAMED = ("right", "wrong", "unknown")


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: killed or not, and how it was named (see NAMED)."""

    mutant: object
    reports: tuple[Report, ...]

    @property
    def killed(self) -> bool:
        return not all(report.ok for report in self.reports)

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds that the reports name, each once, without "unknown pattern"."""
        kinds = (d.kind for report in self.reports for d in report.diagnosis)
        return tuple(dict.fromkeys(kind for kind in kinds if kind != UNKNOWN.kind))

    @property
    def named(self) -> str:
        """ "right": every kind that is named is among the mutant's own; "wrong": one is not.

        "unknown": none is named, or the word that the text has to hold is not in it.
        """
        if not set(self.kinds) <= set(self.mutant.kinds):
            return "wrong"
        texts = [str(d) for report in self.reports for d in report.diagnosis]
        mentioned = any(self.mutant.says in text for text in texts)
        return "right" if self.kinds and mentioned else "unknown"


def check_mutant(mutant, rng: np.random.Generator, modes: tuple = feeding.MODES) -> Verdict:
    """Check what the mutant builds: on its own example, in these modes, or as optimiser."""
    wrong = mutant.build()
    if mutant.target in ("model", "feeding"):
        reports = [check_network(wrong, rng, mode=mode) for mode in modes]
    elif mutant.target == "optim":
        reports = [check_optimiser(wrong, rng)]
    else:
        arrays, options = wrong.example(rng)
        scale = -options["beta"] if mutant.target == "gradient_reversal" else 1.0
        absent = ("x",) if mutant.target == "conv_relu_maxpool" else ()
        names = argument_names(getattr(ops, mutant.target).forward, len(arrays))
        report = check(
            wrong, rng, arrays=arrays, options=options, scale=scale, names=names, absent=absent,
            title=mutant.target,
        )  # fmt: skip
        reports = [report]
    return Verdict(mutant, tuple(settle(reports)))


def counts(verdicts: list[Verdict]) -> str:
    """How many were killed, and how they were named, in one line."""
    killed = sum(v.killed for v in verdicts)
    named = ", ".join(f"{sum(v.named == name for v in verdicts)} {name}" for name in NAMED)
    return f"{killed} of {len(verdicts)} killed; diagnosis: {named}"
