"""What is wrong with what a layer gave, in words, and the smallest input that shows it.

Where a gradient is wrong `minidann.mistakes.diagnosis` looks at it, where out is, `forwards`. A
mistake may look like another one on a single input, more so on a small one: what counts is in how
many of the failures an explanation holds.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from minidann.coursework import forwards, tiny
from minidann.coursework.results import beside, close, compared, labelled, real
from minidann.gradcheck.cases import Case
from minidann.mistakes import diagnosis

PLAIN = 1e-3  # of the largest entry: what is further off is no matter of rounding or epsilon
UNSURE = re.compile(r" \((perhaps|that through) [^)]*\)")  # what it may be, too
FACTOR = re.compile(r"off by the factor ([\d.e+-]+)$")  # one without a name
ROUNDING = 1e-12  # of the largest gradient: one whose terms cancel is nothing but rounding


@dataclass(frozen=True)
class Try:
    """A case, and what is right there."""

    case: Case
    out: np.ndarray
    cache: object
    upstream: np.ndarray
    gradients: tuple

    def same(self, received, true) -> bool:
        """Is a gradient right, or none where there is none?"""
        if received is None or true is None:
            return received is None and true is None
        sizes = [
            np.abs(a).max(initial=0.0) for a in (self.upstream, *self.gradients) if a is not None
        ]
        return close(received, true, ROUNDING * max(sizes))


@dataclass(frozen=True)
class Failure:
    """A case that was not passed: what was received (out, or all gradients), and printed.

    `wrong`: the numbers of the arguments whose gradients are.
    """

    trial: Try
    received: object
    printed: str
    wrong: tuple[int, ...] = ()


def shown(case: Case, names: Sequence[str]) -> str:
    """A case in words, with its arrays and options where they are small."""
    values = (*case.arrays, *case.options.values())
    return f'the input "{case.what}"\n{labelled((*names, *case.options), values)}'


def out(name: str, failures: list[Failure], passed: list[Failure], names) -> tuple[str, str]:
    """What is wrong with a layer's out; and what was printed there. In `passed` it was right: what
    would have made it wrong there is not the mistake.
    """

    def would(failure: Failure) -> dict[str, bool]:
        case = failure.trial.case
        return forwards.explanations(name, case.arrays, case.options, failure.received, names)

    refuted = set()
    for passing in passed:
        patterns: dict[str, bool] = {}
        for text, holds in would(passing).items():
            patterns[pattern(text)] = patterns.get(pattern(text), False) or holds
        refuted |= {text for text, holds in patterns.items() if not holds}
    explanations = [
        [text for text, holds in would(failure).items() if holds and pattern(text) not in refuted]
        for failure in failures
    ]
    pairs = ((f.received, f.trial.out) for f in failures)
    text, at = likeliest(failures, explanations) or ("", _plain(pairs))
    first = failures[at]
    received, true = first.received, first.trial.out
    lines = [
        _headline("out", text, received, true) + f", on {shown(first.trial.case, names)}",
        beside(("your out", "right out"), (received, true)),
    ]
    return "\n".join(lines), first.printed


def _plain(pairs: Iterable[tuple]) -> int:
    """The number of the first (received, true) that are plainly apart; 0 if none is."""
    return next((i for i, pair in enumerate(pairs) if not close(*pair, relative=PLAIN)), 0)


def _headline(names: str, text: str, received, true) -> str:
    """What is wrong, and where it shows most."""
    first = names.split(", ")[0]
    if true is None:
        return f"{names}: expected None: with input_gradient=False there is none to compute"
    numbers = real(received)
    if not text and numbers is not None and numbers.shape == np.shape(true):
        text = "none of the mistakes I know"
    where = compared(first, received, true)
    return f"{names}: {text}\n  {where}" if text else where


def gradients(
    failures: list[Failure], seen: set[int], names, lost: set[str]
) -> tuple[list[str], str, int]:
    """What is wrong with each of the gradients that are `lost`, those of one mistake together; what
    was printed there; and how many have no explanation. Some are right elsewhere: `seen`.
    """
    unknown = 0
    explanations = [_explanations(failure, names) for failure in failures]
    groups: dict[tuple, tuple[Failure, list[str]]] = {}
    for at in (i for i, name in enumerate(names) if name in lost):
        where = [number for number, failure in enumerate(failures) if at in failure.wrong]
        asked = [number for number in where if failures[number].trial.gradients[at] is not None]
        if asked:
            found = likeliest(
                [failures[number] for number in asked],
                [explanations[number].get(at, []) for number in asked],
                at in seen,
            )
            pairs = ((failures[n].received[at], failures[n].trial.gradients[at]) for n in asked)
            text, number = found or ("", _plain(pairs))
            unknown += not found
            key = text, 0 if text else at  # what has no explanation stands alone
            groups.setdefault(key, (failures[asked[number]], []))[1].append(names[at])
        for number in where:
            if number not in asked:  # a gradient that should be None: reported once
                groups.setdefault(("", "None", at), (failures[number], [names[at]]))
    feedback, last = [], None
    for key, (first, arguments) in groups.items():
        at, name = names.index(arguments[0]), f"d{arguments[0]}"
        received, true = first.received[at], first.trial.gradients[at]
        gradient_names = ", ".join(f"d{argument}" for argument in arguments)
        given = f"{shown(first.trial.case, names)}\n{labelled(('dout',), (first.trial.upstream,))}"
        feedback.append(
            f"{_headline(gradient_names, key[0], received, true)}, on "
            f"{'the same input' if first.trial is last else given}\n"
            f"{beside((f'your {name}', f'right {name}'), (received, true))}"
        )
        last = first.trial
    return feedback, next((first.printed for first, _ in groups.values()), ""), unknown


def _explanations(failure: Failure, names) -> dict[int, list[str]]:
    """What may be wrong with each wrong gradient of one failure, the likely ones first."""
    trial = failure.trial
    received = tuple(map(_numbers, failure.received, trial.gradients))
    try:
        evidence = diagnosis.Evidence(
            names, trial.case.arrays, trial.case.options, trial.upstream, trial.out, received,
            trial.gradients,
        )  # fmt: skip
        found = diagnosis.diagnose(evidence, [i for i in failure.wrong if received[i] is not None])
    except (ValueError, IndexError, TypeError):  # gradients of shapes that fit nothing
        return {}
    return {
        i: [str(d) for d in diagnoses if d.kind != diagnosis.UNKNOWN.kind]
        for i, diagnoses in found.items()
    }


def _numbers(received, true) -> np.ndarray | None:
    """A gradient as the diagnosis takes it: NaN in place of what is no array."""
    if true is None:
        return None
    numbers = real(received)
    return np.full(true.shape, np.nan) if numbers is None else numbers.astype(np.float64)


def likeliest(
    failures: list[Failure], explanations: list[list[str]], right_elsewhere: bool = False
) -> tuple[str, int] | None:
    """The explanation that holds for most failures, and the number of the first of these.

    `explanations` are those of each failure, the likely ones first. Small whole numbers hardly
    count: on them much looks alike. What does not hold for a quarter is a coincidence. (Not for
    half: batch norm in training and in inference may be wrong in two ways.)
    """
    weights = [0.01 if tiny.is_whole(failure.trial.case) else 1.0 for failure in failures]
    holds: dict[str, dict[int, tuple[int, str]]] = {}  # pattern -> failure -> rank, text
    for number, texts in enumerate(explanations):
        for rank, text in enumerate(texts):
            holds.setdefault(pattern(text), {}).setdefault(number, (rank, text))

    def weight(found):
        count = sum(weights[number] for number in found)
        return count, sum(weights[n] / (1 + rank) for n, (rank, _) in found.items())

    best = max(holds.values(), key=weight, default={})
    if 4 * weight(best)[0] < sum(weights):
        return None
    first = min(best, key=lambda number: (bool(UNSURE.search(best[number][1])), number))
    text = best[first][1]
    if FACTOR.search(text):
        factors = {FACTOR.search(found)[1] for _, found in best.values() if FACTOR.search(found)}
        if right_elsewhere or len(factors) > 1:
            text += ", on other inputs by another: it depends on what is given, or should"
    return text, first


def pattern(text: str) -> str:
    """An explanation without what differs from case to case: sizes, and what else they may be."""
    return re.sub(r"(?<!axis )\b\d[\d.e+-]*", "#", UNSURE.sub("", text))
