"""What finished runs left: the cells of a table, and the figures that are made of them."""

import argparse
from collections.abc import Iterable, Sequence
from functools import cache, partial

import numpy as np

from minidann.console import UserError
from minidann.measure import intervals
from minidann.report import plan
from minidann.report.paper import MONO, Column, Row, Terms
from minidann.report.plan import Run
from minidann.run import folder, store
from minidann.run.outcome import SPEAKERS


def counts_of(run: Run) -> dict[tuple[str, str], intervals.Counts]:
    """{(criterion, statistics): each speaker's confusion (2, 2) on the test set} of a run."""
    found: dict = {}
    for row in store.read_csv(run.out / "speakers.csv"):
        counts = np.array([int(row[name]) for name in SPEAKERS[-4:]]).reshape(2, 2)
        found.setdefault((row["selected_by"], row["statistics"]), {})[row["speaker"]] = counts
    return found


class Results:
    """The runs of a report, and what they left. Every method reads; none runs anything."""

    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.names = [side.name for side in plan.pair_of(args)]
        self.run = cache(partial(plan.run_of, args))  # of a row, a column and a seed
        self.counts = cache(counts_of)

    def runs(self, rows: Iterable[Row], columns: Sequence[Column]) -> list[Run]:
        """Every run that these rows and columns need, each once, a seed after the other."""
        wanted = [
            self.run(row, column, seed)
            for seed in self.args.seeds
            for column in columns
            for row in rows
        ]
        return list(dict.fromkeys(wanted))

    def cell(self, row: Row, column: Column, criterion: str) -> intervals.Cell:
        """One cell: the test set's confusions of every seed. `mono` has a single criterion."""
        key = "target" if row is MONO else criterion, row.statistics
        runs = {seed: self.counts(self.run(row, column, seed))[key] for seed in self.args.seeds}
        return intervals.Cell(self.names[1 - column[0]], runs)

    def estimate(
        self, rows: Terms, columns: dict[Column, float], criteria: dict[str, float]
    ) -> intervals.Estimate:
        """A figure, 0 to 1, with its interval: the sum of weight times cell.

        Rows, columns and selection criteria have weights each, which are multiplied: `{OUR: 1,
        BASE: -1}` is a difference of rows, `AVERAGE` the mean of all columns, `{"target": 1,
        "source": -1}` what labels of the target were worth.
        """
        return intervals.estimate(
            [
                (by_row * by_column * weight, self.cell(row, column, criterion))
                for criterion, weight in criteria.items()
                for row, by_row in rows.items()
                for column, by_column in columns.items()
            ]
        )

    def curves(self, row: Row, column: Column, *names: str) -> np.ndarray:
        """Columns of the runs' histories (seeds, len(names), epochs); NaN where there is none."""
        histories = [folder.history_of(self.run(row, column, seed).out) for seed in self.args.seeds]
        return np.array([[history[name] for name in names] for history in histories])

    def corpora(self, runs: Iterable[Run]) -> list[dict]:
        """Both corpora, in order, as the config.json of each of these finished `runs` has them.

        Raises UserError where a run is not the one that is meant: made with other choices, from
        other folders, or of recordings or labels that are not those of the runs beside it.
        """
        found: dict[str, dict] = {}
        labels: dict[tuple[str, str], str] = {}
        for run in runs:
            config = folder.refuse_others(run.out, folder.planned(run.choices), resume=True)
            sides = {"source": run.source, "target": run.target}
            if config["folders"] != [str(side.place.resolve()) for side in sides.values()]:
                there = " and ".join(dict.fromkeys(config["folders"]))
                raise UserError(f"{run.out}: a run on {there}; choose another --out")
            for role, side in sides.items():
                corpus = config["corpora"][role]
                first = found.setdefault(side.name, corpus)
                labelled = labels.setdefault((side.name, run.choices.dimension), corpus["labels"])
                if (corpus["content"], corpus["labels"]) != (first["content"], labelled):
                    raise UserError(
                        f"{run.out}: made of other recordings or labels of {corpus['title']} than "
                        "the runs beside it; delete those that are out of date, and they are run "
                        "again"
                    )
        both = [found[name] for name in self.names if name in found]
        if len({corpus["title"] for corpus in both}) < len(both):  # two files of one name
            both = [
                corpus | {"title": f"{corpus['title']} {i}"} for i, corpus in enumerate(both, 1)
            ]
        return both
