"""The paper's tables from finished runs, with control rows, intervals and every criterion.

A selection criterion selects the epoch whose model is tested. A table is a list of entries: a cell,
a difference of rows, what labels were worth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from minidann.measure.intervals import Estimate
from minidann.report.paper import (
    ADABN,
    BASE,
    BASE_NONE,
    BETA0,
    COLUMNS,
    MODES,
    MODES_BETA0,
    MONO,
    OUR,
    OUR_NONE,
    TABLES,
)  # fmt: skip
from minidann.report.results import Results, Terms

# The comparisons that are made, fixed before any run: the paper's own, and its gain in two parts.
PLANNED: dict[str, dict[str, Terms]] = {
    "table1": {
        "our - base": {OUR: 1, BASE: -1},
        "of which the batch-norm effect: beta 0 - base": {BETA0: 1, BASE: -1},
        "of which the adversary: our - beta 0": {OUR: 1, BETA0: -1},
        "AdaBN - base": {ADABN: 1, BASE: -1},
        "mono - our": {MONO: 1, OUR: -1},
        "mono - base": {MONO: 1, BASE: -1},
    },
    "table2": {"our - base, no BN": {OUR_NONE: 1, BASE_NONE: -1}},
    "table3": {
        **{f"{mode} - BN4": {MODES[mode]: 1, MODES["BN4"]: -1} for mode in ("BN1", "BN2", "BN3")},
        **{f"{mode} - BN3": {MODES[mode]: 1, MODES["BN3"]: -1} for mode in ("BN1", "BN2")},
        **{
            f"the adversary in {mode}: {mode} - beta 0": {row: 1, MODES_BETA0[mode]: -1}
            for mode, row in MODES.items()
        },
    },
}
CRITERIA = {
    "target": "Epoch chosen with labels of the target, as in the paper",
    "source": "Epoch chosen by the source validation UAR: no label of the target",
    "information": "Epoch chosen by the mutual information: no label of the target",
}


@dataclass(frozen=True)
class Entry:
    """One place of a table: what kind it is of, whose epochs, row, column, figure, the paper's."""

    kind: str  # cell, difference, labels (what those of the target were worth)
    criterion: str
    row: str
    column: int | None  # number of one of COLUMNS; None: the average
    estimate: Estimate
    paper: tuple[float, float | None] | None = None  # %, mean and standard deviation


def columns() -> Iterator[tuple[int | None, list[tuple[int, str]]]]:
    """(number, the columns that it is the mean of): each of the four, then their average."""
    for number, column in enumerate(COLUMNS):
        yield number, [column]
    yield None, list(COLUMNS)


def of_paper(terms: Terms, column: int | None) -> tuple[float, float | None] | None:
    """The paper's number for a row or a difference, where it has all that is needed."""
    if not all(row.paper for row in terms):
        return None
    if column is None:
        return round(sum(weight * row.average for row, weight in terms.items()), 2), None
    mean = sum(weight * row.paper[column][0] for row, weight in terms.items())
    return round(mean, 2), next(iter(terms)).paper[column][1] if len(terms) == 1 else None


def entries(results: Results, name: str) -> list[Entry]:
    """Everything that the table `name` says, for each selection criterion."""
    rows, found = TABLES[name], []
    for criterion in CRITERIA:
        for kind, figures in (
            ("cell", {row.name: {row: 1} for row in rows}),
            ("difference", PLANNED[name]),
        ):
            for title, terms in figures.items():
                if MONO in terms and criterion != "target":
                    continue  # it is trained and chosen with labels of the target
                for number, chosen in columns():
                    estimate = results.estimate(terms, chosen, criterion)
                    found.append(
                        Entry(kind, criterion, title, number, estimate, of_paper(terms, number))
                    )
    for criterion in list(CRITERIA)[1:]:
        for row in rows:
            if row is not MONO:  # it has no other criterion
                for number, chosen in columns():
                    estimate = results.worth(row, chosen, criterion)
                    found.append(Entry("labels", criterion, row.name, number, estimate))
    return found
