"""Which runs a table is made of: each an ordinary run of `minidann.train`, with its own folder."""

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

from minidann import train
from minidann.console import Parser, UserError
from minidann.corpora import parse
from minidann.report.paper import Row
from minidann.state import Choices


@dataclass(frozen=True)
class Run:
    """One run: the flags of `minidann.train`, the choices that follow from them, and its folder."""

    flags: tuple[str, ...]
    choices: Choices
    out: Path
    corpora: tuple[str, str]  # source and target, by the names that the pair has for them
    places: tuple[Path, Path]  # their folders

    @property
    def finished(self) -> bool:
        """Whether it is there: the file that a run writes last."""
        return (self.out / "metrics.json").is_file()

    @property
    def arguments(self) -> list[str]:
        """The whole command but for the interpreter; started again, it goes on where it was."""
        return ["-m", "minidann.train", *self.flags, "--out", str(self.out), "--resume"]

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


CORPORA = ("recola", "iemocap", "source", "target")


def shared_flags(args: argparse.Namespace, without: tuple[str, ...] = CORPORA) -> list[str]:
    """What the command line says that is passed on to every run: all that is not the default."""
    shared = Parser()
    train.shared_options(shared)
    flags = []
    for action in shared._actions:
        name, value = action.dest, getattr(args, action.dest, action.default)
        if name in ("help", *without) or value == action.default:
            continue
        flags += (
            [action.option_strings[0]] if value is True else [action.option_strings[0], str(value)]
        )
    return flags


def run_of(args: argparse.Namespace, row: Row, direction: int, dimension: str, seed: int) -> Run:
    """The run of one row, column and seed. What the row says goes before what `args` has."""
    pair, mono = pair_of(args), "mono" in row.flags
    # What has no adversary is one run, however that of the others is steered.
    idle = () if "our" in row.flags else ("alpha", "beta", "beta_schedule")
    flags = [*pair.flags[direction], "--dimension", dimension]
    flags += [*shared_flags(args, (*CORPORA, *idle)), *row.flags]
    flags += ["--seed", str(seed)]
    parsed = train.parser().parse_args(flags)
    (source, source_place), (target, target_place) = train.corpora_of(parsed)
    choices = train.choices_of(parsed, source, target)
    corpora = pair.corpora(direction, mono)
    name = train.folder_name(choices, "2".join(dict.fromkeys(corpora)))
    return Run(
        tuple(flags), choices, args.out / "runs" / name, corpora, (source_place, target_place)
    )
