"""Which runs a table is made of: each an ordinary run of `minidann.train`, with its own folder."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from minidann import train
from minidann.choices import Choices, chosen, flags_of, folder_name
from minidann.report.paper import Column, Row
from minidann.run import folder

STEERING = ("alpha", "beta", "beta_schedule")  # of the adversary: a sweep has them as its grid
SHARED = (*STEERING, "dropout", "batch_size", "l1", "l2", "epochs", "features", "split")


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


def pair_of(args: argparse.Namespace) -> tuple[Side, Side]:
    """The corpora that the command line names, or the demo; a UserError where it names one."""
    first, second = train.corpora_of(args, mono=False)
    a, b = ("-a", "-b") if first[0] == second[0] else ("", "")
    return Side(first[0] + a, *first), Side(second[0] + b, *second)


def title_of(args: argparse.Namespace) -> str:
    """The name of a report's folder, after its corpora."""
    return "-".join(side.name for side in pair_of(args)) if args.source or args.recola else "demo"


def given(args: argparse.Namespace) -> dict:
    """The choices that the command line makes for all runs of a report, by name."""
    return {name: getattr(args, name) for name in SHARED if hasattr(args, name)}


def run_of(args: argparse.Namespace, row: Row, column: Column, seed: int) -> Run:
    """The run of a row, column and seed. What the row says goes before what `args` has."""
    (direction, dimension), values = column, dict(row.choices)
    source, target = pair_of(args)[:: -1 if direction else 1]
    if values["model"] == "mono":
        source = target
    shared = given(args)
    if values["model"] != "our":  # one run, however the adversary of the others is steered
        shared = {name: value for name, value in shared.items() if name not in STEERING}
    values = {**shared, **values, "dimension": dimension, "seed": seed}
    choices = chosen(source.kind, target.kind, **values)
    name = folder_name(choices, "2".join(dict.fromkeys((source.name, target.name))))
    out = args.out / "runs" / name
    arguments = (
        "-m", "minidann.train", "--source", f"{source.kind}:{source.place}",
        "--target", f"{target.kind}:{target.place}", *flags_of(choices),
        "--cache", str(args.cache), *["--skip-bad"] * args.skip_bad, "--out", str(out), "--resume",
    )  # fmt: skip
    return Run(choices, out, source, target, arguments)
