"""Which runs a table is made of: each an ordinary run of `minidann.train`, with its own folder."""

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from minidann import train
from minidann.choices import FLAGS, Choices, chosen, flag_of, flags_of, folder_name
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
    """A run: its choices, the corpora, and the folder where it leaves what comes out."""

    choices: Choices
    out: Path
    source: Side
    target: Side
    files: tuple[str, ...]  # the flags that are no choices

    @property
    def finished(self) -> bool:
        """Whether its result is there."""
        return folder.is_done(self.out)

    @property
    def arguments(self) -> list[str]:
        """The whole command but for the interpreter; started again, it goes on where it was."""
        corpora = []
        for flag, side in (("--source", self.source), ("--target", self.target)):
            corpora += [flag, f"{side.kind}:{side.place}"]
        flags = [*corpora, *flags_of(self.choices), *self.files]
        return ["-m", "minidann.train", *flags, "--out", str(self.out), "--resume"]

    @property
    def command(self) -> str:
        """The whole command, for a shell."""
        return shlex.join(["python", *self.arguments])


def pair_of(args: argparse.Namespace) -> tuple[Side, Side]:
    """The corpora that the command line names, or the demo; a UserError where it names one."""
    corpora = train.corpora_of(args, mono=False)
    kinds = [kind for kind, _ in corpora]
    names = kinds if kinds[0] != kinds[1] else [f"{kinds[0]}-a", f"{kinds[1]}-b"]
    first, second = (Side(name, *corpus) for name, corpus in zip(names, corpora))
    return first, second


def title_of(args: argparse.Namespace) -> str:
    """The name of a report's folder, after its corpora."""
    return "-".join(side.name for side in pair_of(args)) if args.source or args.recola else "demo"


def given(args: argparse.Namespace) -> dict:
    """The choices that the command line makes for all runs of a report, by name."""
    return {name: getattr(args, name) for name in SHARED if hasattr(args, name)}


def given_flags(args: argparse.Namespace) -> list[str]:
    """Those of them that are not the default, as flags; without --epochs."""
    flags = [
        f"{flag_of(name)} {value}"
        for name, value in given(args).items()
        if value != FLAGS[name].default and name != "epochs"
    ]
    return flags + ["--skip-bad"] * args.skip_bad


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
    files = ("--cache", str(args.cache), *["--skip-bad"] * args.skip_bad)
    return Run(choices, args.out / "runs" / name, source, target, files)
