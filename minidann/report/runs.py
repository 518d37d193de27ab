"""The runs of a report: which they are, and what they left.

Each is an ordinary run of `minidann.train` with its own folder. Cells of tables are made of these
folders, or of the ledger's rows; curves and figures of the folders alone.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidann import train
from minidann.choices import FLAGS, Choices, chosen, flags_of, folder_name
from minidann.console import UserError
from minidann.measure import intervals
from minidann.report import ledger
from minidann.report.paper import MONO, Column, Row, Terms
from minidann.run import folder

STEERING = ("alpha", "beta", "beta_schedule")  # of the adversary: a sweep has them as its grid
VARIED = ("dimension", "model", "bn", "domain_labels", "select_by", "seed")  # within a report
SHARED = [name for name in FLAGS if name not in VARIED]


class Side(NamedTuple):
    """A corpus of the pair."""

    name: str  # in folders' names: its kind, with -a or -b behind it where both are of one kind
    kind: str  # a key of corpora.READERS
    place: Path


@dataclass(frozen=True)
class Run:
    """A run: its choices, the folder where it leaves what comes out, and the corpora."""

    choices: Choices
    out: Path
    source: Side
    target: Side
    arguments: tuple[str, ...]  # of Python; started again, the run goes on where it was

    @property
    def finished(self) -> bool:
        """Whether its result is there."""
        return folder.is_done(self.out)


class Results:
    """The runs of a report, and what they left. Every method reads; none runs anything."""

    def __init__(self, args: argparse.Namespace):
        """Raises UserError where `args` name only one of both corpora, or the ledger is damaged."""
        first, second = train.corpora_of(args, mono=False)
        a, b = ("-a", "-b") if first[0] == second[0] else ("", "")
        self.pair = Side(first[0] + a, *first), Side(second[0] + b, *second)
        title = "-".join(side.name for side in self.pair) if args.source or args.recola else "demo"
        args.out = args.out or Path("reports", title)
        self.args, self.ledger = args, args.out / "runs.csv"
        self.noted = ledger.read(self.ledger)  # as it was found
        self.given = {name: getattr(args, name) for name in SHARED if hasattr(args, name)}
        self.run, self.rows = cache(self.run_of), cache(self.rows_of)
        self.tests = cache(lambda run: ledger.tests_of(self.rows(run)))

    def run_of(self, row: Row, column: Column, seed: int) -> Run:
        """The run of a row, column and seed. What the row says goes before what `given` has."""
        (direction, dimension), values = column, dict(row.choices)
        source, target = self.pair[:: -1 if direction else 1]
        if values["model"] == "mono":
            source = target
        shared = self.given
        if values["model"] != "our":  # one run, however the adversary of the others is steered
            shared = {name: value for name, value in shared.items() if name not in STEERING}
        values = {**shared, **values, "dimension": dimension, "seed": seed}
        choices, args = chosen(source.kind, target.kind, **values), self.args
        pair = "2".join(dict.fromkeys((source.name, target.name)))
        out = args.out / "runs" / folder_name(choices, pair)
        arguments = (
            "-m", "minidann.train", "--source", f"{source.kind}:{source.place}",
            "--target", f"{target.kind}:{target.place}", *flags_of(choices),
            "--cache", str(args.cache), *["--skip-bad"] * args.skip_bad, "--out", str(out),
            "--resume",
        )  # fmt: skip
        return Run(choices, out, source, target, arguments)

    def rows_of(self, run: Run) -> ledger.Rows:
        """The rows of a run, from its folder or the ledger; [] where it is missing.

        Raises UserError where it is not the run that is meant.
        """
        if run.finished:
            config = folder.refuse_others(run.out, folder.planned(run.choices), resume=True)
            if config["folders"] != [str(s.place.resolve()) for s in (run.source, run.target)]:
                there = " and ".join(dict.fromkeys(config["folders"]))
                raise UserError(f"{run.out}: a run on {there}; choose another --out")
            return ledger.rows_of(run.out.name, run.out, run.choices, config)
        rows, planned = self.noted.get(run.out.name, []), ledger.planned(run.choices)
        for row in rows:
            if differ := [name for name, value in planned.items() if row.get(name) != value]:
                shown = ", ".join(
                    f"{name} ({row.get(name)}, not {planned[name]})" for name in differ
                )
                what = f"was made with another {shown}; delete its rows, or choose another --out"
                raise UserError(f"{self.ledger}: {run.out.name} {what}")
        return rows

    def runs(self, rows: Iterable[Row], columns: Sequence[Column]) -> list[Run]:
        """Every run that these rows and columns need, each once, a seed after the other."""
        wanted = product(self.args.seeds, columns, rows)
        return list(dict.fromkeys(self.run(row, column, seed) for seed, column, row in wanted))

    def cell(self, row: Row, column: Column, criterion: str) -> dict[int, ledger.Tested]:
        """One cell: how every seed does on the test set. `mono` has a single criterion."""
        key = "target" if row is MONO else criterion, row.statistics
        return {seed: self.tests(self.run(row, column, seed))[key] for seed in self.args.seeds}

    def estimate(
        self, rows: Terms, columns: dict[Column, float], criteria: dict[str, float],
        measure: str = "UAR",
    ) -> intervals.Estimate:  # fmt: skip
        """A figure, 0 to 1, with its interval: the sum of weight times cell.

        Rows, columns and selection criteria have weights each, which are multiplied: `{OUR: 1,
        BASE: -1}` is a difference of rows, `AVERAGE` the mean of all columns, `{"target": 1,
        "source": -1}` what labels of the target were worth. The `measure` is UAR, AUC (with its
        interval over seeds), or share: the UAR where as many are predicted as in the source.
        """
        cells = [
            (by_row * by_column * weight, column, self.cell(row, column, criterion))
            for criterion, weight in criteria.items()
            for row, by_row in rows.items()
            for column, by_column in columns.items()
        ]
        if measure == "AUC":
            aucs = [[weight * one.auc for one in cell.values()] for weight, _, cell in cells]
            return intervals.over_seeds(np.sum(aucs, axis=0))  # (terms, seeds) -> (seeds,)
        threshold, terms = "half" if measure == "UAR" else measure, []
        for weight, (direction, _), cell in cells:
            counts = {seed: one.counts[threshold] for seed, one in cell.items()}
            terms.append((weight, intervals.Cell(self.pair[1 - direction].name, counts)))
        return intervals.estimate(terms)

    def curves(self, row: Row, column: Column, *names: str) -> np.ndarray:
        """Columns of the runs' histories (seeds, len(names), epochs); NaN where there is none."""
        histories = [folder.history_of(self.run(row, column, seed).out) for seed in self.args.seeds]
        return np.array([[history[name] for name in names] for history in histories])

    def corpora(self, runs: Iterable[Run]) -> list[dict]:
        """Both corpora, in order, as all `runs` have them; a UserError where a run is not meant."""
        found: dict[str, dict] = {}
        labels: dict[tuple[str, str], str] = {}
        for run in runs:
            row = self.rows(run)[0]
            for role, side in (("source", run.source), ("target", run.target)):
                corpus = ledger.corpus_of(row, role)
                first = found.setdefault(side.name, corpus)
                labelled = labels.setdefault((side.name, run.choices.dimension), corpus["labels"])
                if (corpus["content"], corpus["labels"]) != (first["content"], labelled):
                    raise UserError(
                        f"{run.out}: made of other recordings or labels of {corpus['title']} than "
                        "the runs beside it; delete those that are out of date"
                    )
        both = [found[side.name] for side in self.pair if side.name in found]
        if len({corpus["title"] for corpus in both}) < len(both):  # two files of one name
            for i, corpus in enumerate(both, 1):
                corpus["title"] += f" {i}"
        return both
