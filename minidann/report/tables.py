"""The paper's tables from finished runs, with control rows, intervals and every criterion.

A selection criterion selects the epoch whose model is tested. A table is a list of lines: cells,
differences of rows, and what labels of the target were worth. It is written as Markdown and as CSV.
"""

from dataclasses import dataclass

import numpy as np

from minidann.choices import SELECTION
from minidann.measure.intervals import Estimate
from minidann.report import paper
from minidann.report.paper import MONO, PLACES, of_paper
from minidann.report.results import Results
from minidann.report.writing import markdown_table, page, percent, title_of
from minidann.run import store

EXPLANATIONS = {  # of the selection criteria
    "target": "As in the paper: by the UAR on the development set, 30% of the target, whose "
    "labels an unsupervised method would not have.",
    "source": "Without labels of the target: by the UAR on the source validation set, 10% of the "
    "source, which is not trained on.",
    "information": "Without labels of the target: by the mutual information of input and "
    "prediction on the target's development set. It is large where predictions are sure and "
    "evenly spread over both classes, so it errs where the classes of the target are not balanced.",
}
CONTROLS = (
    "Controls that the paper lacks: `our` with beta 0 is fed and normalised as `our` is, and "
    "nothing is reversed. `base, AdaBN` is `base` with batch norm's statistics taken anew from the "
    "target's utterances, without their labels, at epochs chosen with these statistics. In `our` "
    "and beta 0 the emotion loss weighs alpha against l1 and l2, in `base` 1: where these are not "
    "0, the batch-norm effect contains that, too. `mono` is trained and chosen with labels of the "
    "target, and tested on a quarter of its utterances, which are in the test set of the others."
)


@dataclass(frozen=True)
class Line:
    """A line of a table: its kind, criterion and name, and what stands in each of `PLACES`."""

    kind: str  # cell, difference, labels (what those of the target were worth)
    criterion: str
    name: str
    estimates: list[Estimate]
    paper: list[tuple[float, float | None] | None]  # %, mean and standard deviation


def lines(results: Results, table: str) -> list[Line]:
    """Everything that a table says, for each selection criterion."""
    cells = {row.name: {row: 1} for row in paper.TABLES[table]}
    wanted = [
        (kind, criterion, name, rows, {criterion: 1})
        for criterion in SELECTION
        for kind, figures in (("cell", cells), ("difference", paper.PLANNED[table]))
        for name, rows in figures.items()
        if criterion == "target" or MONO not in rows  # which sees labels of the target in any case
    ]
    wanted += [
        ("labels", criterion, name, rows, {"target": 1, criterion: -1})
        for criterion in SELECTION
        for name, rows in cells.items()
        if criterion != "target" and MONO not in rows
    ]
    return [
        Line(
            kind,
            criterion,
            name,
            [results.estimate(rows, columns, criteria) for columns in PLACES],
            [None if kind == "labels" else of_paper(rows, columns) for columns in PLACES],
        )
        for kind, criterion, name, rows, criteria in wanted
    ]


def heads_of(corpora: list[dict]) -> list[str]:
    """The titles of the columns."""
    first, second = (corpus["title"] for corpus in corpora)
    ways = f"{first} to {second}", f"{second} to {first}"
    return [f"{ways[way]}, {dimension}" for way, dimension in paper.COLUMNS] + ["average"]


def text_of_paper(line: Line) -> list[str]:
    """The paper's numbers below a line, in italics."""
    sign = "" if line.kind == "cell" else "+"
    texts = []
    for mean, spread in line.paper:
        texts.append(f"*{mean:{sign}.2f}{'' if spread is None else f' ({spread:.2f})'}*")
    if line.kind == "cell" and line.name in paper.PRINTED:  # its average
        texts[-1] = f"{texts[-1][:-1]}; printed: {paper.PRINTED[line.name]}*"
    return texts


def grid(lines: list[Line], kind: str, criterion: str, heads: list[str]) -> str:
    """A Markdown table: a line a row, and one below it with the paper's numbers in italics."""
    rows = []
    for line in lines:
        if (line.kind, line.criterion) == (kind, criterion):
            cells = [percent(figure, kind != "cell") for figure in line.estimates]
            rows.append([line.name, *cells])
            if all(line.paper):
                rows.append(["*the paper's*", *text_of_paper(line)])
    return markdown_table(["", *heads], rows)


def markdown(results: Results, table: str, corpora: list[dict], lines: list[Line]) -> str:
    """The whole text of a table."""
    heads, count = heads_of(corpora), len(paper.PLANNED[table])
    licensed = all(corpus["kind"] == "licensed" for corpus in corpora)
    planned = (
        f"Differences, planned before any run: {count}, in four columns and on average, paired by "
        f"speaker. Of {5 * count} intervals about {0.05 * 5 * count:.1f} are expected to miss."
    )
    parts = [
        "UAR on the test set in %: mean over seeds (standard deviation over seeds) [95% interval "
        "over the target's speakers: a jackknife with Student's t]. How a result depends on the "
        "seed is in the round brackets alone. The paper's numbers, in italics, are of RECOLA and "
        "IEMOCAP." + " This is other speech: compare the pattern, not the values." * (not licensed)
    ]
    if table == "table1":
        parts += [CONTROLS]
    for criterion in SELECTION:
        parts += [f"## {title_of(criterion)}", EXPLANATIONS[criterion]]
        parts += [grid(lines, "cell", criterion, heads), planned]
        parts += [grid(lines, "difference", criterion, heads)]
    if table == "table2":
        parts += [paper.MISPRINT]
    parts += [
        "`~`: inconclusive. The interval over speakers contains 0, or that over seeds "
        "(Student's t) does, or there is one seed only. Nothing is corrected for the number of "
        "comparisons; those below were not planned.",
        "## What the labels were worth",
        "The same runs, the same test set: UAR of the epoch chosen with labels of the target, "
        "minus that of the epoch chosen without.",
    ]
    for criterion in list(SELECTION)[1:]:
        parts += [f"{title_of(criterion)}:", grid(lines, "labels", criterion, heads)]
    return page(paper.TITLES[table], results, corpora, parts)


def as_csv(table: str, corpora: list[dict], lines: list[Line]) -> str:
    """The same as CSV, a row a number; UAR in %."""
    rows: list[list] = [["table", "selected_by", "kind", "row", "column", "mean", "std_over_seeds",
                         "ci_low", "ci_high", "significant", "paper", "paper_std"]]  # fmt: skip
    for line in lines:
        for head, figure, number in zip(heads_of(corpora), line.estimates, line.paper):
            numbers = [figure.value, figure.spread, *(figure.interval or (np.nan, np.nan))]
            rows.append([
                table, line.criterion, line.kind, line.name, head,
                *("" if np.isnan(value) else f"{100 * value:.3f}" for value in numbers),
                "" if line.kind == "cell" else str(figure.significant).lower(),
                *(number or (None, None)),
            ])  # fmt: skip
    return store.csv_text(rows)
