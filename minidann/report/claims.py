"""The paper's claims (section 4.2), a line each: its figure, this report's, and whether it holds.

A claim holds where every figure that it is made of is significantly on the right side of zero
(`Estimate.significant`), does not hold where a figure is significantly on the wrong side, and is
inconclusive otherwise. Two claims have rules of their own, which `markdown` states.
"""

import numpy as np
from scipy.stats import spearmanr

from minidann.choices import SELECTION
from minidann.measure.intervals import Estimate, over_seeds
from minidann.report.paper import ABOVE, FOLLOWS, OUR, PAIRS, SAME, of_paper
from minidann.report.runs import Results
from minidann.report.tables import bracket, markdown_table, page

HOLDS, FAILS, OPEN = "holds", "does not hold", "inconclusive"
MARGIN = 0.02  # of UAR: modes that surely differ by less do not differ


def claims(results: Results) -> list[list[str]]:
    """A row a claim: the paper's words, its figures, ours, and the verdict under each criterion.

    Our figures are by labels of the target.
    """
    found = []
    for text, figures in (ABOVE | {SAME: PAIRS}).items():
        estimates = [
            [results.estimate(*figure, {criterion: 1}) for figure in figures]
            for criterion in SELECTION
        ]
        paper, here = [of_paper(*figure)[0] for figure in figures], estimates[0]
        there, ours = ", ".join(f"{gain:+.2f}" for gain in paper), ", ".join(map(points, here))
        if text == SAME:  # too many to list
            there = f"largest {max(map(abs, paper)):.2f}"
            ours = f"largest {points(max(here, key=lambda figure: abs(figure.value)))}"
        found.append([text, there, ours, *map(same if text == SAME else above, estimates)])
    return [*found, follows(results)]


def above(estimates: list[Estimate]) -> str:
    """The verdict on the claim that all of them are above zero."""
    below = any(figure.significant and figure.value < 0 for figure in estimates)
    all_above = all(figure.significant and figure.value > 0 for figure in estimates)
    return FAILS if below else HOLDS if all_above else OPEN


def same(estimates: list[Estimate]) -> str:
    """The verdict on the claim that all of them lie within the margin of zero."""
    ends = [figure.reach for figure in estimates]
    within = all(-MARGIN < low and high < MARGIN for low, high in ends)
    beyond = any(high < -MARGIN or low > MARGIN for low, high in ends)
    return HOLDS if within else FAILS if beyond else OPEN


def points(figure: Estimate) -> str:
    """A difference and its interval over speakers, in points."""
    return f"{100 * figure.value:+.1f} {bracket(figure)}"


def follows(results: Results) -> list[str]:
    """Rank correlation, over epochs, of the changes of domain loss and of emotion UAR."""
    curves = results.curves(OUR, (0, "arousal"), "dev_domain_loss", "target_dev_uar")
    changes = np.diff(curves)  # (seeds, 2, epochs - 1)
    each = [  # 0 where one of the two never changes
        spearmanr(*pair).statistic if len(pair[0]) > 1 and np.ptp(pair, axis=1).all() else 0.0
        for pair in changes
    ]
    trend, interval = over_seeds(np.array(each)), "no interval"
    if trend.interval:
        interval = "[{:.2f}, {:.2f}] over seeds".format(*trend.interval)
    here = f"rank correlation of the changes {trend.value:.2f} {interval}"
    return [FOLLOWS, '"a similar trend"', here, above([trend]), "-", "-"]  # it selects no epoch


def markdown(results: Results, corpora: list[dict]) -> str:
    """The claims as a Markdown text."""
    heads = ["claim", "the paper", "here", *(f"by {found.by}" for found in SELECTION.values())]
    parts = [
        "Differences in points of UAR [95% interval over the target's speakers], by the epoch "
        "chosen with labels of the target. The verdicts are also for epochs chosen without: by "
        "the source validation UAR, and by the mutual information of input and prediction.",
        markdown_table(heads, claims(results)),
        "A claim that something is above holds where each of its figures is significantly above "
        "zero, and does not hold where one is significantly below. The claim that modes do not "
        f"differ holds where all intervals lie within {100 * MARGIN:g} points of zero, and does "
        "not hold where one lies wholly beyond. Otherwise a claim is inconclusive. That UAR "
        "follows domain loss is judged by an interval over seeds, and selects no epoch.",
    ]
    return page("The paper's claims", results, corpora, parts)
