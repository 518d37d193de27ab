"""The paper's tables from finished runs, with control rows, intervals and every criterion.

A selection criterion selects the epoch whose model is tested. A table is a list of lines: cells,
differences of rows, and what labels of the target were worth.
"""

from dataclasses import dataclass

from minidann.choices import SELECTION
from minidann.measure.intervals import Estimate
from minidann.report.paper import MONO, PLACES, PLANNED, TABLES, of_paper
from minidann.report.results import Results


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
    cells = {row.name: {row: 1} for row in TABLES[table]}
    wanted = [
        (kind, criterion, name, rows, {criterion: 1})
        for criterion in SELECTION
        for kind, figures in (("cell", cells), ("difference", PLANNED[table]))
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
