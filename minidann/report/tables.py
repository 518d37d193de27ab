"""A table from finished runs, with control rows, intervals and every selection criterion.

A selection criterion selects the epoch whose model is tested. A table is a list of lines: cells,
differences of rows, and what labels of the target were worth. It is written as Markdown and as CSV.
How numbers, headings and pages are written, here and in all texts of a report, comes first. No
times are in them: the same runs give the same bytes.
"""

from itertools import product
from typing import NamedTuple

import numpy as np

from minidann.choices import FLAGS, SELECTION, flag_of
from minidann.measure.intervals import Estimate, seeds_needed
from minidann.report.paper import MONO, PLACES, Column, Table, of_paper
from minidann.report.runs import Results
from minidann.run import store

MANY = 1000  # seeds; a larger number is not written out


def title_of(criterion: str) -> str:
    """A selection criterion as a heading."""
    return f"Epoch selected by {SELECTION[criterion].by}"


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    first, *rest = (f"| {' | '.join(cells)} |" for cells in (heads, *rows))
    return "\n".join([first, "|---" * len(heads) + "|", *rest])


def bracket(figure: Estimate) -> str:
    """`[65.1, 75.4]`: the interval over speakers, in %."""
    if not figure.interval:
        return "no interval"
    return "[{:.1f}, {:.1f}]".format(*(100 * end for end in figure.interval))


def percent(figure: Estimate, difference: bool = False) -> str:
    """`70.3 (2.5) [65.1, 75.4]`: mean, standard deviation over seeds, interval over speakers, in %.

    A difference has its sign, and `~` behind it where it is inconclusive.
    """
    spread = "-" if np.isnan(figure.spread) else f"{100 * figure.spread:.1f}"
    value = f"{100 * figure.value:{'+' if difference else ''}.1f}"
    mark = " ~" if difference and not figure.significant else ""
    return f"{value} ({spread}) {bracket(figure)}{mark}"


def seeds_in_words(figure: Estimate) -> str:
    """How many seeds a difference would need for its interval over seeds to exclude 0."""
    if len(figure.by_seed) < 2:
        return "unknown from one seed"
    needed = seeds_needed(figure.by_seed)
    return f"{needed:.0f}" if needed <= MANY else f"over {MANY}"


def named(corpora: list[dict]) -> list[str]:
    """Both corpora with what kind of speech they are, as headings and legends have it."""
    return [f"{corpus['title']} ({corpus['kind']})" for corpus in corpora]


def page(title: str, results: Results, corpora: list[dict], parts: list[str]) -> str:
    """A Markdown text of a report: its title, both corpora, the seeds and flags, and its parts."""
    about = [
        f"- {name}: {corpus['utterances']} utterances, {corpus['speakers']} speakers"
        + (f", {corpus['left_out']} left out as unusable" if corpus["left_out"] else "")
        for name, corpus in zip(named(corpora), corpora)
    ]
    if any("synthetic" in corpus["kind"] for corpus in corpora):
        about.append("- **Synthetic speech**: these numbers can only show that the code works.")
    args, flags = results.args, ""
    for name, value in results.given.items():
        if name != "epochs" and value != FLAGS[name].default:
            flags += f" {flag_of(name)} {value}"
    flags += " --skip-bad" * args.skip_bad
    first, last = args.seeds[0], args.seeds[-1]
    seeds = f"seeds {first} to {last}" if last > first else f"seed {first}"
    about.append(f"- {seeds}, {args.epochs} epochs" + f";{flags}" * bool(flags))
    return "\n\n".join([f"# {title}", "\n".join(about), *filter(None, parts)]) + "\n"


NEEDED = (
    "Seeds needed: with so many the interval over seeds would exclude 0, if the difference and "
    "its spread over seeds were those observed. Where the interval over speakers contains 0, they "
    "may not be enough: more seeds narrow that interval, too, because each draws test utterances "
    "of its own, but the target still has no more speakers."
)
INCONCLUSIVE = (
    "`~`: inconclusive. The interval over speakers contains 0, or that over seeds (Student's t) "
    "does, or there is one seed only. Where there is nothing to find, both intervals exclude 0 in "
    "5 to 13% of cases, because each holds one kind of chance (`tests/coverage_of_intervals.py`). "
    "The interval of AUC is over seeds alone, so it speaks of these speakers and of no others. "
    "Nothing is corrected for the number of comparisons."
)


def planned(table: Table) -> str:
    """What is said above the differences of a table."""
    count = len(table.planned)
    return (
        f"Differences, which the program fixes before it sees a result: {count}, in four columns "
        f"and on average, paired by speaker. Of {5 * count} intervals about {0.25 * count:.1f} are "
        "expected to miss."
    )


MEASURES = {
    "UAR": "UAR",
    "AUC": "AUC: does the model rank the utterances rightly, whatever the threshold?",
    "share": "UAR at the threshold at which the predicted share of the upper class is that of the "
    "source's training labels",
}


class Line(NamedTuple):
    """What stands in each of the places of a line."""

    estimates: list[Estimate]
    paper: list[tuple[float, float | None] | None]  # %, mean and standard deviation


# By measure, criterion, kind and name. The kinds are cell, difference, and labels: what those of
# the target were worth.
Lines = dict[tuple[str, str, str, str], Line]


def lines(results: Results, table: Table, places: list[dict[Column, float]]) -> Lines:
    """Everything that a table says, for each measure and selection criterion."""
    cells = {row.name: {row: 1} for row in table.rows}
    kinds = [("cell", cells), ("difference", table.planned)]
    wanted = [
        (measure, name, kind, {name: 1})
        for name, measure, kind in product(SELECTION, MEASURES, kinds)
    ]
    others = list(SELECTION)[1:]
    wanted += [("UAR", name, ("labels", cells), {"target": 1, name: -1}) for name in others]
    found = {}
    for measure, criterion, (kind, figures), weights in wanted:
        for name, rows in figures.items():
            if criterion != "target" and MONO in rows:
                continue  # it sees labels of the target in any case
            estimates = [results.estimate(rows, columns, weights, measure) for columns in places]
            in_paper = measure == "UAR" and kind != "labels"
            paper = [of_paper(rows, columns) if in_paper else None for columns in places]
            found[measure, criterion, kind, name] = Line(estimates, paper)
    return found


def heads_of(corpora: list[dict], places: list[dict[Column, float]]) -> list[str]:
    """The titles of the places."""
    first, second = (corpus["title"] for corpus in corpora)
    ways = f"{first} to {second}", f"{second} to {first}"
    return [
        "average" if more else f"{ways[way]}, {dimension}" for (way, dimension), *more in places
    ]


def grid(
    lines: Lines, kinds: tuple[str, ...], criterion: str, heads: list[str], measure: str
) -> str:
    """A Markdown table: a line a row, and those below it in italics: the paper's, seeds."""
    rows = []
    for (*which, kind, name), line in lines.items():
        if which == [measure, criterion] and kind in kinds:
            sign = "" if kind == "cell" else "+"
            rows.append([name, *(percent(figure, bool(sign)) for figure in line.estimates)])
            if all(line.paper):
                numbers = [
                    f"*{mean:{sign}.2f}{'' if spread is None else f' ({spread:.2f})'}*"
                    for mean, spread in line.paper
                ]
                rows.append(["*the paper's*", *numbers])
            if kind == "difference":
                rows.append(["*seeds needed*", *map(seeds_in_words, line.estimates)])
    return markdown_table(["", *heads], rows)


def markdown(results: Results, table: Table, corpora: list[dict], lines: Lines) -> str:
    """The whole text of a table."""
    heads = heads_of(corpora, PLACES)
    licensed = all(corpus["kind"] == "licensed" for corpus in corpora)
    other = "" if licensed else " This is other speech: compare the pattern, not the values."
    parts = [
        "UAR on the test set in %: mean over seeds (standard deviation over seeds) [95% interval "
        "over the target's speakers: a jackknife with Student's t]. The interval does not include "
        "variation between seeds. The paper's numbers, in italics, are of RECOLA and IEMOCAP."
        f"{other}",
        "The epoch is selected in three ways: by the UAR on the development set, 30% of the "
        "target, as in the paper, although an unsupervised method would not have these labels; by "
        "the UAR on the source validation set, 10% of the source; and by the mutual information of "
        "input and prediction, which errs where the classes of the target are not balanced.",
        table.note,
    ]
    for criterion in SELECTION:
        parts += [f"## {title_of(criterion)}", grid(lines, ("cell",), criterion, heads, "UAR")]
        parts += [planned(table), grid(lines, ("difference",), criterion, heads, "UAR")]
        for measure, words in list(MEASURES.items())[1:]:
            parts += [words, grid(lines, ("cell", "difference"), criterion, heads, measure)]
    parts += [
        INCONCLUSIVE,
        NEEDED,
        "## What the labels were worth",
        "The same runs, the same test set: UAR of the epoch chosen with labels of the target, "
        "minus that of the epoch chosen without. These comparisons were not planned.",
    ]
    for criterion in list(SELECTION)[1:]:
        parts += [f"{title_of(criterion)}:", grid(lines, ("labels",), criterion, heads, "UAR")]
    return page(table.title, results, corpora, parts)


def as_csv(table: str, heads: list[str], lines: Lines) -> str:
    """The same as CSV, a row a number, in %."""
    rows: list[list] = [[
        "table", "measure", "selected_by", "kind", "row", "column", "mean", "std_over_seeds",
        "ci_low", "ci_high", "significant", "paper", "paper_std",
    ]]  # fmt: skip
    for (measure, criterion, kind, name), line in lines.items():
        for head, figure, number in zip(heads, line.estimates, line.paper):
            numbers = [figure.value, figure.spread, *(figure.interval or (np.nan, np.nan))]
            rows.append([
                table, measure, criterion, kind, name, head,
                *("" if np.isnan(value) else f"{100 * value:.3f}" for value in numbers),
                "" if kind == "cell" else str(figure.significant).lower(),
                *(number or (None, None)),
            ])  # fmt: skip
    return store.csv_text(rows)
