"""What finished runs left: the cells of a table, and the figures that are made of them."""

import argparse
import csv
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from minidann.console import UserError
from minidann.measure import intervals
from minidann.report import paper, plan
from minidann.report.paper import COLUMNS, Row
from minidann.report.plan import Run
from minidann.run import folder, store
from minidann.run.outcome import SPEAKERS

Terms = dict[Row, float]  # a figure: rows and their weights


def history_of(run: Path) -> dict[str, np.ndarray]:
    """Each column of a run's history.csv (epochs,); NaN where it has no number."""
    with open(run / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


class Results:
    """The finished runs of a report. Every method reads; none runs anything."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.pair = args, plan.pair_of(args)
        self.run = cache(lambda row, column, seed: plan.run_of(args, row, *column, seed))
        self.counts = cache(self._counts)  # each file is read once
        self.config = cache(lambda run: store.read_json(run.out / "config.json"))

    def runs_of(self, rows: Sequence[Row], columns: Sequence = COLUMNS) -> list[Run]:
        """Every run that these rows and columns need, each once, a seed after the other."""
        wanted = [
            self.run(row, column, seed)
            for seed in self.args.seeds
            for column in columns
            for row in rows
        ]
        return list({run.out: run for run in wanted}.values())

    def _counts(self, run: Run) -> dict[tuple[str, str], intervals.Counts]:
        """{(criterion, statistics): each speaker's confusion on the test set} of a run."""
        path = run.out / "speakers.csv"
        found: dict = {}
        try:
            with open(path, newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    counts = np.array([int(row[name]) for name in SPEAKERS[-4:]]).reshape(2, 2)
                    key = row["selected_by"], row["statistics"]
                    found.setdefault(key, {})[row["speaker"]] = counts
        except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
            raise UserError(
                f"{path}: cannot be read ({error}); delete {run.out}, and it is run again"
            ) from None
        return found

    def cell(self, row: Row, column: tuple[int, str], criterion: str) -> intervals.Cell:
        """One cell: the test set's confusions of every seed. `mono` has a single criterion."""
        criterion = "target" if row is paper.MONO else criterion
        found = {}
        for seed in self.args.seeds:
            run = self.run(row, column, seed)
            counts = self.counts(run)
            if (criterion, row.statistics) not in counts:
                raise UserError(
                    f"{run.out / 'speakers.csv'}: no rows of {criterion}, {row.statistics}; delete "
                    f"{run.out}, and it is run again"
                )
            found[seed] = counts[criterion, row.statistics]
        return intervals.Cell(self.pair.names[1 - column[0]], found)

    def estimate(
        self, terms: Terms, columns: Sequence[tuple[int, str]], criterion: str
    ) -> intervals.Estimate:
        """The sum of weight times row, averaged over `columns`: 0 to 1, with its interval."""
        return self._sum((weight, row, columns, criterion) for row, weight in terms.items())

    def worth(self, row: Row, columns: Sequence, criterion: str) -> intervals.Estimate:
        """What the target's labels were worth: chosen with them, minus chosen by `criterion`."""
        return self._sum([(1, row, columns, "target"), (-1, row, columns, criterion)])

    def gap(
        self, row: Row, columns: Sequence, subtracted: Sequence, criterion: str
    ) -> intervals.Estimate:
        """One row's mean over `columns`, minus that over `others`."""
        return self._sum([(1, row, columns, criterion), (-1, row, subtracted, criterion)])

    def _sum(self, parts: Iterable[tuple[float, Row, Sequence, str]]) -> intervals.Estimate:
        """The sum of weight times a row's mean over columns, by a selection criterion."""
        return intervals.estimate(
            [
                (weight / len(columns), self.cell(row, column, criterion))
                for weight, row, columns, criterion in parts
                for column in columns
            ]
        )

    def curves(self, row: Row, column: tuple[int, str], seed: int, *names: str) -> np.ndarray:
        """Columns of a run's history, (len(names), epochs); NaN where it has no number."""
        out = self.run(row, column, seed).out
        try:
            history = history_of(out)
            curves = np.array([history[name] for name in names])
            if curves.shape[1] != self.args.epochs:
                raise ValueError(f"{curves.shape[1]} epochs, not {self.args.epochs}")
            return curves
        except (OSError, LookupError, TypeError, ValueError, csv.Error) as error:
            raise UserError(
                f"{out / 'history.csv'}: cannot be read ({error}); delete {out}, and it is run "
                "again"
            ) from None

    def refuse_others(self, wanted: Sequence[Run]) -> None:
        """Raise UserError where a finished run is not the one that is meant, and say so."""
        for run in wanted:
            if not run.finished:
                continue
            folder.refuse_others(run.out, folder.planned(run.choices), resume=True)
            if "folders" not in self.config(run):
                raise UserError(f"{run.out}: of another version; delete it, and it is run again")
            there = [Path(folder).resolve() for folder in self.config(run)["folders"]]
            if there != [place.resolve() for place in run.places]:
                raise UserError(
                    f"{run.out}: a run on {' and '.join(dict.fromkeys(map(str, there)))}, not on "
                    f"{' and '.join(dict.fromkeys(map(str, run.places)))}; choose another --out"
                )

    def corpora(self, wanted: Sequence[Run]) -> tuple[dict, dict]:
        """Both corpora, as the config.json of `wanted` runs has them.

        Raises UserError where recordings or labels of some were others than those of the rest.
        """
        found: dict[str, dict] = {}
        digests: dict[tuple, str] = {}
        for run in wanted:
            for name, role in zip(run.corpora, ("source", "target")):
                try:
                    corpus = self.config(run)["corpora"][role]
                    marks = {
                        (name, "recordings"): corpus["content"],
                        (name, "labels", run.choices.dimension): corpus["labels"],
                    }
                except (KeyError, TypeError):
                    raise UserError(
                        f"{run.out}: of another version; delete it, and it is run again"
                    ) from None
                found.setdefault(name, corpus)
                for key, digest in marks.items():
                    if digest != digests.setdefault(key, digest):
                        raise UserError(
                            f"{run.out}: made of other {key[1]} of {corpus['title']} than the runs "
                            "beside it; delete those that are out of date, and they are run again"
                        )
        both = [found[name] for name in self.pair.names]
        if both[0]["title"] == both[1]["title"]:  # two files of one name
            both = [
                corpus | {"title": f"{corpus['title']} {i}"} for i, corpus in enumerate(both, 1)
            ]
        return both[0], both[1]
