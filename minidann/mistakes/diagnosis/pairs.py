"""Two mistakes at once, where one alone explains nothing.

One of those that are known, and its outcome is off by a factor or a sign as well. Or something
that is kept has been left out, and so has a path, or something else that is kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from minidann.mistakes.diagnosis import causes, kept, paths, symptoms
from minidann.mistakes.diagnosis.evidence import Evidence, Hypothesis


def hypotheses(
    evidence: Evidence, wrong: list[int], first: Iterable[Hypothesis]
) -> Iterator[Hypothesis]:
    """What may come of the arguments `wrong` after one of the mistakes `first` and another one."""
    if not wrong:
        return
    for hypothesis in first:
        for i in wrong:
            yield from _scaled(evidence, i, hypothesis)
    for name, cache in kept.left_out(evidence, 1):
        for hypothesis in paths.hypotheses(evidence, cache):
            yield replace(
                hypothesis, text=f"two mistakes: {name} is left out, and {hypothesis.text}"
            )
    for names, cache in kept.left_out(evidence, 2):
        text = f"two mistakes: {names} are left out"
        yield from causes.outcome(evidence, "factor", text, evidence.upstream, cache)


def _scaled(evidence: Evidence, i: int, hypothesis: Hypothesis) -> Iterator[Hypothesis]:
    """The outcome of one mistake, off by a factor that has a name."""
    outcome, true, received = hypothesis.gradients[i], evidence.true[i], evidence.received[i]
    if outcome is None or np.shape(outcome) != received.shape or np.count_nonzero(outcome) < 2:
        return  # of one number any other is a multiple
    if not _parallel(outcome, received):
        return
    factor = hypothesis.kind != "missing path"  # as where a dout of one number is not used
    if factor and np.shape(true) == received.shape and _parallel(outcome, true):
        return  # two factors are one
    assumed = replace(evidence, true=evidence.alone(i, outcome))
    for second in symptoms.scaled(assumed, i):
        yield replace(
            second, kind=hypothesis.kind, text=f"two mistakes: {hypothesis.text}; and {second.text}"
        )


def _parallel(first: np.ndarray, second: np.ndarray) -> bool:
    """Is `first` a multiple of `second`?"""
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return bool(abs(np.vdot(first, second)) >= (1 - 1e-9) * lengths)
