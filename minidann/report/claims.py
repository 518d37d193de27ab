"""The paper's claims (section 4.2), a line each: its figure, this report's, and whether it holds.

A claim holds where every figure that it is made of is significantly on the right side of zero
(`Estimate.significant`), does not hold where a figure is significantly on the wrong side, and is
inconclusive otherwise. Two claims have rules of their own, which `markdown` states.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import spearmanr

from minidann.measure.intervals import Estimate, reach_of_mean
from minidann.report.paper import BASE, BASE_NONE, COLUMNS, MODES, MONO, OUR, OUR_NONE
from minidann.report.results import Results, Terms
from minidann.report.tables import CRITERIA, of_paper
from minidann.report.writing import bracket

HOLDS, FAILS, OPEN = "holds", "does not hold", "inconclusive"
MARGIN = 0.02  # of UAR: modes that surely differ by less do not differ
FIRST = [column for column in COLUMNS if column[0] == 0]  # trained on the first corpus (RECOLA)


@dataclass(frozen=True)
class Claim:
    """What the paper says, its figures, ours as text, and the verdict under each criterion."""

    text: str
    paper: str
    here: str
    verdicts: dict[str, str]


# What the paper claims to be above zero: each figure as the rows' weights, and its columns.
ABOVE: dict[str, list[tuple[Terms, list]]] = {
    "`our` is above `base` in each cell": [({OUR: 1, BASE: -1}, [column]) for column in COLUMNS],
    "`our` is above `base` on average": [({OUR: 1, BASE: -1}, list(COLUMNS))],
    "`mono` is above `our` and `base` on average": [
        ({MONO: 1, OUR: -1}, list(COLUMNS)),
        ({MONO: 1, BASE: -1}, list(COLUMNS)),
    ],
    "the gain is larger with batch norm than without": [
        ({OUR: 1, BASE: -1, OUR_NONE: -1, BASE_NONE: 1}, list(COLUMNS))
    ],
    "BN1, BN2 and BN3 are each above BN4 on average": [
        ({MODES[mode]: 1, MODES["BN4"]: -1}, list(COLUMNS)) for mode in ("BN1", "BN2", "BN3")
    ],
    "BN1 and BN2 are each above BN3 on average": [
        ({MODES[mode]: 1, MODES["BN3"]: -1}, list(COLUMNS)) for mode in ("BN1", "BN2")
    ],
}
EASIER = "arousal is easier than valence: base, our, mono"
SAME = "no difference among BN1-4 when training on the first corpus (RECOLA)"
FOLLOWS = "emotion UAR follows domain loss from epoch to epoch (first direction, arousal)"
ROWS = (BASE, OUR, MONO, BASE_NONE, OUR_NONE, *MODES.values())  # whose runs are needed


def claims(results: Results) -> list[Claim]:
    """Every claim, judged."""
    found = []
    for text, figures in ABOVE.items():
        paper = [_paper(terms, columns) for terms, columns in figures]
        found.append(_above(text, paper, lambda criterion, figures=figures: [
            results.estimate(terms, columns, criterion) for terms, columns in figures
        ]))  # fmt: skip
        if text.startswith("`mono`"):
            found.append(_easier(results))
    return [*found, _same(results), _follows(results)]


def _paper(terms: Terms, columns: list) -> float:
    """The paper's figure in %."""
    if columns == list(COLUMNS):
        return of_paper(terms, None)[0]
    return sum(of_paper(terms, COLUMNS.index(column))[0] for column in columns) / len(columns)


def _above(text: str, paper: list[float], figures) -> Claim:
    """A claim that all of `figures(criterion)` are above zero."""
    verdicts = {}
    for criterion in CRITERIA:
        estimates = figures(criterion)
        below = any(estimate.significant and estimate.value < 0 for estimate in estimates)
        above = all(estimate.significant and estimate.value > 0 for estimate in estimates)
        verdicts[criterion] = FAILS if below else HOLDS if above else OPEN
    ours = ", ".join(_text(estimate) for estimate in figures("target"))
    return Claim(text, ", ".join(f"{mean:+.2f}" for mean in paper), ours, verdicts)


def _text(estimate: Estimate) -> str:
    """A difference and its interval over speakers, in points."""
    return f"{100 * estimate.value:+.1f} {bracket(estimate)}"


def _easier(results: Results) -> Claim:
    """Arousal minus valence, averaged over both directions, of each model."""
    sides = [
        [column for column in COLUMNS if column[1] == dimension]
        for dimension in ("arousal", "valence")
    ]
    models = (BASE, OUR, MONO)
    paper = [_paper({row: 1}, sides[0]) - _paper({row: 1}, sides[1]) for row in models]
    return _above(
        EASIER, paper, lambda criterion: [results.gap(row, *sides, criterion) for row in models]
    )


def _same(results: Results) -> Claim:
    """All six differences of two modes, in each dimension, lie within the margin."""
    pairs = [
        ({a: 1, b: -1}, [column]) for a, b in combinations(MODES.values(), 2) for column in FIRST
    ]
    paper = max(abs(_paper(*pair)) for pair in pairs)
    verdicts, found = {}, {}
    for criterion in CRITERIA:
        found[criterion] = [results.estimate(*pair, criterion) for pair in pairs]
        ends = [estimate.reach for estimate in found[criterion]]
        within = all(-MARGIN < low and high < MARGIN for low, high in ends)
        beyond = any(high < -MARGIN or low > MARGIN for low, high in ends)
        verdicts[criterion] = HOLDS if within else FAILS if beyond else OPEN
    largest = max(found["target"], key=lambda estimate: abs(estimate.value))
    return Claim(SAME, f"largest {paper:.2f}", f"largest {_text(largest)}", verdicts)


def _follows(results: Results) -> Claim:
    """Rank correlation, over epochs, of the changes of domain loss and of emotion UAR."""
    levels, changes = [], []
    for seed in results.args.seeds:
        loss, uar = results.curves(OUR, FIRST[0], seed, "dev_domain_loss", "target_dev_uar")
        levels.append(_correlation(loss, uar))
        changes.append(_correlation(np.diff(loss), np.diff(uar)))
    mean, count = float(np.mean(changes)), len(changes)
    verdict, interval = OPEN, "no interval"
    if count > 1:
        reach = reach_of_mean(changes)
        interval = f"[{mean - reach:.2f}, {mean + reach:.2f}] over seeds"
        verdict = HOLDS if mean > reach else FAILS if mean < -reach else OPEN
    ours = (
        f"rank correlation of the changes {mean:.2f} {interval}; "
        f"of the curves themselves {np.mean(levels):.2f}"
    )
    verdicts = dict.fromkeys(CRITERIA, "-") | {"target": verdict}  # no epoch is chosen here
    return Claim(FOLLOWS, '"a similar trend"', ours, verdicts)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; 0 where one of the two never changes."""
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second).statistic)


def markdown(found: list[Claim], about: list[str]) -> str:
    """The claims as a Markdown text."""
    lines = ["# The paper's claims", "", *about, ""]
    lines += [
        "Differences in points of UAR [95% interval over the target's speakers], by the epoch "
        "chosen with labels of the target; the verdicts also for epochs chosen without: by "
        "the source validation UAR, and by the mutual information of input and prediction.",
        "",
        "| claim | the paper | here | with labels | source validation | mutual information |",
        "|---|---|---|---|---|---|",
    ]
    for claim in found:
        verdicts = " | ".join(claim.verdicts[criterion] for criterion in CRITERIA)
        lines.append(f"| {claim.text} | {claim.paper} | {claim.here} | {verdicts} |")
    lines += [
        "",
        "A claim that something is above holds where each of its figures is significantly above "
        "zero, by its interval over speakers and by that over seeds, and does not hold where a "
        "figure is significantly below zero. The claim that modes do not differ holds where all "
        f"intervals lie within {100 * MARGIN:g} points of zero, and does not hold where an "
        "interval lies wholly beyond. Otherwise a claim is inconclusive. The claim that UAR "
        "follows domain loss is judged by the rank correlation of their changes from epoch to "
        "epoch, with an interval over seeds; it chooses no epoch.",
    ]
    return "\n".join(lines) + "\n"
