"""Which runs a table is made of: each an ordinary run of `minidann.train`, with its own folder."""

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

from minidann import train
from minidann.choices import FLAGS, Choices, chosen, flag_of, flags_of, folder_name
from minidann.console import UserError
from minidann.corpora import parse
from minidann.report.paper import Row

STEERING = ("alpha", "beta", "beta_schedule")  # of the adversary: a sweep has them as its grid
SHARED = (*STEERING, "dropout", "batch_size", "l1", "l2", "epochs", "features", "split")


@dataclass(frozen=True)
class Run:
    """One run: its choices, the corpora, and the folder where it leaves what comes out."""

    choices: Choices
    out: Path
    corpora: tuple[str, str]  # source and target, by the names that the pair has for them
    places: tuple[Path, Path]  # their folders
    other_flags: tuple[str, ...]  # those that name corpora and files

    @property
    def finished(self) -> bool:
        """Whether it is there: the file that a run writes last."""
        return (self.out / "metrics.json").is_file()

    @property
    def arguments(self) -> list[str]:
        """The whole command but for the interpreter; started again, it goes on where it was."""
        flags = [*self.other_flags, *flags_of(self.choices), "--out", str(self.out), "--resume"]
        return ["-m", "minidann.train", *flags]

    @property
    def command(self) -> str:
        """The whole command, for a shell."""
        return shlex.join(["python", *self.arguments])


@dataclass(frozen=True)
class Pair:
    """Two corpora, there and back: flags that name them and what a folder is called, each way."""

    flags: tuple[tuple[str, ...], tuple[str, ...]]
    names: tuple[str, str]
    title: str  # of a folder

    def corpora(self, direction: int, mono: bool) -> tuple[str, str]:
        """The names of source and target; for mono both are the target."""
        source, target = self.names if direction == 0 else self.names[::-1]
        return (target, target) if mono else (source, target)


def pair_of(args: argparse.Namespace) -> Pair:
    """The corpora that the command line names; a UserError where it names one alone."""
    if args.source or args.target:
        if not (args.source and args.target):
            raise UserError("--source and --target go together: give both")
        keys = [parse(spec)[0] for spec in (args.source, args.target)]
        if keys[0] == keys[1]:
            keys = [f"{keys[0]}-a", f"{keys[1]}-b"]
        there = ("--source", args.source, "--target", args.target)
        back = ("--source", args.target, "--target", args.source)
        return Pair((there, back), tuple(keys), "-".join(keys))
    folders = [(f"--{name}", getattr(args, name)) for name in ("recola", "iemocap")]
    given = [part for flag, folder in folders if folder for part in (flag, folder)]
    return Pair(
        (("--direction", "rec2iem", *given), ("--direction", "iem2rec", *given)),
        ("recola", "iemocap"),
        "recola-iemocap" if given else "demo",
    )


def given(args: argparse.Namespace) -> dict:
    """The choices that the command line makes for all runs of a report, by name."""
    return {name: getattr(args, name) for name in SHARED if hasattr(args, name)}


def given_flags(args: argparse.Namespace) -> list[str]:
    """Those of them that are not the default, as flags; without --epochs."""
    flags = [
        text
        for name, value in given(args).items()
        if value != FLAGS[name].default and name != "epochs"
        for text in (flag_of(name), str(value))
    ]
    return flags + ["--skip-bad"] * args.skip_bad


def run_of(args: argparse.Namespace, row: Row, direction: int, dimension: str, seed: int) -> Run:
    """The run of one row, column and seed. What the row says goes before what `args` has."""
    pair, values = pair_of(args), dict(row.choices)
    mono = values["model"] == "mono"
    shared = given(args)
    if values["model"] != "our":  # one run, however the adversary of the others is steered
        shared = {name: value for name, value in shared.items() if name not in STEERING}
    flags = pair.flags[direction]
    (source, source_place), (target, target_place) = train.corpora_of(
        train.parser().parse_args(flags), mono
    )
    values = {**shared, **values, "dimension": dimension, "seed": seed}
    choices = chosen(source, target, **values)
    corpora = pair.corpora(direction, mono)
    name = folder_name(choices, "2".join(dict.fromkeys(corpora)))
    if args.cache != train.default_cache():
        flags = (*flags, "--cache", str(args.cache))
    flags += ("--skip-bad",) * args.skip_bad
    places = source_place, target_place
    return Run(choices, args.out / "runs" / name, corpora, places, flags)
