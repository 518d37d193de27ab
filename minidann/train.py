"""python -m minidann.train: train one model on one pair of corpora, test it, keep it."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import minidann
import minidann.ops
from minidann import console, training
from minidann.choices import FLAGS, Choices, chosen, flag_of, folder_name
from minidann.console import UserError, clock, say
from minidann.corpora import READERS, parse
from minidann.run import folder, outcome, setup, store
from minidann.run.evaluation import evaluate_epoch
from minidann.training import State

DIRECTIONS = {"rec2iem": ("recola", "iemocap"), "iem2rec": ("iemocap", "recola")}
PRINTED = ("emotion_loss", "domain_loss", "target_dev_uar", "source_val_uar", "domain_uar")
_CACHES = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
# A ~ stays where there is no home, as in some containers.
CACHE = Path(tempfile.gettempdir() if _CACHES.startswith("~") else _CACHES, "minidann")
DEMO = Path(__file__).parents[1] / "data" / "demo"


def run(args: argparse.Namespace, ops=minidann.ops) -> Path:
    """Train and test as a command line says, and fill the run's folder, which is returned.

    `ops` are the layers that are trained: coursework passes a student's. Raises UserError with all
    that is wrong with the corpora; later where the run diverges or a file cannot be written.
    """
    choices, places = read_flags(args)
    out = args.out or Path("runs", folder_name(choices))
    folder.refuse_others(out, folder.planned(choices), args.resume)
    ready = setup.prepare(choices, places, args.cache, args.skip_bad)
    setup.describe(ready)  # before `check`: a data warning may explain what it refuses
    setup.check(ready)
    with store.hold(out):
        folder.claim(ready, out, args.resume)
        if folder.is_done(out):
            say(f"{out}: this run is done")
            outcome.report_result(ready, store.read_json(out / "metrics.json"))
        else:
            state = folder.start_or_resume(choices, out)

            def on_epoch_end(state: State) -> None:
                evaluate_epoch(choices, state, ready.source, ready.target, ready.split)
                folder.keep(out, state)
                row, left = state.history[-1], choices.epochs - state.epoch
                shown = [f"{name} {row[name]:.3f}" for name in PRINTED if not np.isnan(row[name])]
                done = f"epoch {state.epoch:2d}/{choices.epochs}  {'  '.join(shown)}"
                say(f"{done}  {clock(row['seconds'] * left)} left{ready.demo}")

            data = ready.source, ready.target, ready.split.train
            training.train(choices, state, *data, on_epoch_end=on_epoch_end, ops=ops)
            outcome.finish(ready, state, out)
        shutil.rmtree(out / "epochs", ignore_errors=True)  # which only a run under way needs
    return out


def add_shared_flags(p: argparse.ArgumentParser, names=FLAGS) -> dict:
    """Add the flags that a run and a report share, and the choices `names`; -> groups by title."""
    groups = {t: p.add_argument_group(t) for t in ("corpora", "model", "training", "files")}
    corpora, files = groups["corpora"], groups["files"]
    corpora.add_argument("--recola", metavar="DIR", help="RECOLA's folder; without it, the demo")
    corpora.add_argument("--iemocap", metavar="DIR", help="IEMOCAP's folder; without it, the demo")
    corpora.add_argument("--source", metavar="NAME:DIR",
                         help=f"instead of those two; {', '.join(READERS)}")  # fmt: skip
    corpora.add_argument("--target", metavar="NAME:DIR",
                         help="the language to adapt to; the only one that mono reads")  # fmt: skip
    for name in names:
        about, default = FLAGS[name].metadata, FLAGS[name].default
        groups[about["group"]].add_argument(flag_of(name), default=default, **about["flag"])
    files.add_argument("--skip-bad", action="store_true",
                       help="leave out utterances that cannot be used, and list them")  # fmt: skip
    files.add_argument("--cache", type=Path, metavar="DIR", default=CACHE,
                       help="extracted features; safe to delete")  # fmt: skip
    return groups


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = console.Parser(
        prog="python -m minidann.train",
        description="Train an emotion recogniser on one language and adapt it to another: on the "
        "demo without flags; on two corpora (--source emodb:DIR --target ravdess:DIR); or towards "
        "recordings without labels (--target audio:DIR --select-by information).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    groups = add_shared_flags(p)
    corpora, files = groups["corpora"], groups["files"]
    corpora.add_argument("--direction", choices=DIRECTIONS, help="rec2iem if no --source is given")
    files.add_argument("--out", type=Path, metavar="DIR",
                       help="the run's folder; named after the choices")  # fmt: skip
    files.add_argument("--resume", action="store_true",
                       help="go on from the checkpoint in --out, if there is one")  # fmt: skip
    return p


def corpora_of(args: argparse.Namespace, mono: bool) -> tuple[tuple[str, Path], tuple[str, Path]]:
    """(name, folder) of source and target, from --direction or both flags; UserError if neither."""
    if args.source or args.target:
        others = args.direction or args.recola or args.iemocap
        if others or not args.target or not (args.source or mono):
            what = "--source and --target go together"
            raise UserError(f"{what}, without --direction, --recola or --iemocap")
        return parse(args.target if mono else args.source), parse(args.target)
    names = DIRECTIONS[args.direction or "rec2iem"][mono:]
    if len({getattr(args, name) is None for name in names}) == 2:
        why = "a real corpus would be paired with a synthetic demo"
        raise UserError(f"give both --recola and --iemocap, or neither: {why}")
    corpora = [(name, Path(getattr(args, name) or DEMO / name)) for name in names]
    return corpora[0], corpora[-1]


def read_flags(args: argparse.Namespace) -> tuple[Choices, tuple[Path, Path]]:
    """The choices that a command line makes, and the folders of both corpora; or a UserError."""
    names, places = zip(*corpora_of(args, args.model == "mono"))
    return chosen(*names, **{name: getattr(args, name) for name in FLAGS}), places


class Run(NamedTuple):
    """What a finished run leaves: its folder, and what the files in there hold."""

    folder: Path
    metrics: dict
    history: dict[str, np.ndarray]  # (epochs,) each
    predictions: list[dict[str, str]]  # a row an utterance of the target


def train(**flags) -> Run:
    """Train as the command does, from Python: `minidann.train(target="ravdess:DIR", epochs=20)`.

    The arguments are the command's flags, with underscores; `python -m minidann.train --help` lists
    them. Raises UserError where the command would print one.
    """
    words = []
    for name, value in flags.items():
        if value is True:  # a flag that takes no value
            words.append(flag_of(name))
        elif value is not None and value is not False:
            words += [flag_of(name), os.path.expanduser(str(value))]
    out = run(parser().parse_args(words))
    metrics = store.read_json(out / "metrics.json")
    predictions = store.read_csv(out / "predictions.csv")
    return Run(out, metrics, folder.history_of(out), predictions)


def main() -> None:
    args = parser().parse_args()
    try:
        run(args)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command with --resume goes on") from None


if __name__ == "__main__":
    console.run(main)
else:
    sys.modules[__name__].__class__ = minidann.Command
