"""python -m minidann.train: train one model on one pair of corpora, test it, keep it."""

import argparse
import os
from dataclasses import asdict, fields
from pathlib import Path

from minidann import console, feeding
from minidann.console import UserError
from minidann.corpora import DIMENSIONS, READERS, parse
from minidann.run import experiment
from minidann.sound.logmel import PRESETS
from minidann.state import SELECTION, Choices

DIRECTIONS = {"rec2iem": ("recola", "iemocap"), "iem2rec": ("iemocap", "recola")}
REGULARISATION = {"recola": {"l1": 5e-3}, "iemocap": {"l2": 5e-3}}  # by the corpus trained on
SCHEDULES = ("constant", "ganin")
DEMO = Path(__file__).parents[1] / "data" / "demo"


def default_cache() -> Path:
    """Where features are kept between runs; safe to delete."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "minidann"


def shared_options(p: argparse.ArgumentParser, adversary: bool = True) -> dict:
    """Give `p` the flags that a run and a whole report have in common; -> its groups, by title.

    Their defaults are the paper's values where it has any. Without `adversary`, those that steer it
    are left out.
    """
    corpora = p.add_argument_group("corpora")
    corpora.add_argument("--recola", metavar="DIR", help="RECOLA's folder; without it, the demo")
    corpora.add_argument("--iemocap", metavar="DIR", help="IEMOCAP's folder; without it, the demo")
    names = ", ".join(READERS)
    corpora.add_argument("--source", metavar="NAME:DIR", help=f"instead of those two; {names}")
    corpora.add_argument("--target", metavar="NAME:DIR",
                         help="the language to adapt to; the only one that mono reads")  # fmt: skip
    network = p.add_argument_group("model")
    if adversary:
        network.add_argument("--alpha", type=float, default=0.5, help="weight of the emotion loss")
        network.add_argument(
            "--beta", type=float, default=1.0, help="scale of the reversed gradient"
        )
        network.add_argument("--beta-schedule", choices=SCHEDULES, default="constant",
                             help="ganin: from 0 to beta over the run")  # fmt: skip
    network.add_argument("--dropout", type=float, default=0.7, help="fraction dropped, 0 to 1")
    training = p.add_argument_group("training")
    training.add_argument("--batch-size", type=int, default=32,
                          help="source rows a step; our adds as many of the target")  # fmt: skip
    training.add_argument("--l1", type=float, help="5e-3 when training on RECOLA, else 0")
    training.add_argument("--l2", type=float, help="5e-3 when training on IEMOCAP, else 0")
    training.add_argument("--epochs", type=int, default=50, help="passes over the source")
    training.add_argument("--features", choices=PRESETS, default="paper", help="log-mel preset")
    training.add_argument("--split", choices=("utterance", "speaker"), default="utterance",
                          help="speaker: no speaker in two parts")  # fmt: skip
    files = p.add_argument_group("files")
    files.add_argument("--skip-bad", action="store_true",
                       help="leave out utterances that cannot be used, and list them")  # fmt: skip
    files.add_argument("--cache", type=Path, metavar="DIR", default=default_cache(),
                       help="extracted features; safe to delete")  # fmt: skip
    return {"corpora": corpora, "model": network, "training": training, "files": files}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = console.Parser(
        prog="python -m minidann.train",
        description="Train an emotion recogniser on one language and adapt it to another.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    groups = shared_options(p)
    corpora, network, training, files = groups.values()
    corpora.add_argument("--direction", choices=DIRECTIONS, help="rec2iem if no --source is given")
    corpora.add_argument(
        "--dimension", choices=DIMENSIONS, default="arousal", help="what to predict"
    )
    network.add_argument(
        "--model",
        choices=("our", "base", "mono"),
        default="our",
        help="our: with the adversary; base: source only; mono: trained on the target itself",
    )
    network.add_argument(
        "--bn", choices=feeding.MODES, default="bn1", help="which rows are normalised together"
    )
    training.add_argument("--seed", type=int, default=0, help="of splits, weights and shuffles")
    training.add_argument("--select-by", choices=SELECTION, default="target",
                          help="what chooses the epoch: labels of the target or of the source, or "
                          "information maximisation on the target; all are tested")  # fmt: skip
    files.add_argument("--out", type=Path, metavar="DIR",
                       help="the run's folder; named after the choices below runs/")  # fmt: skip
    files.add_argument("--resume", action="store_true",
                       help="go on from the checkpoint in --out, if there is one")  # fmt: skip
    return p


def corpora_of(args: argparse.Namespace) -> tuple[tuple[str, Path], tuple[str, Path]]:
    """(name, folder) of source and target, from a direction or from --source and --target.

    For mono both are the target. Raises UserError where the flags do not go together.
    """
    mono = args.model == "mono"
    if args.source or args.target:
        if not args.target or not (args.source or mono):
            raise UserError("--source and --target go together: give both")
        if args.direction or args.recola or args.iemocap:
            raise UserError("give --source and --target, or --direction with its folders, not both")
        return parse(args.target if mono else args.source), parse(args.target)
    names = DIRECTIONS[args.direction or "rec2iem"]
    names = (names[1], names[1]) if mono else names
    folders = {"recola": args.recola, "iemocap": args.iemocap}
    given = [name for name in dict.fromkeys(names) if folders[name]]
    missing = [f"--{name}" for name in dict.fromkeys(names) if not folders[name]]
    if given and missing:
        raise UserError(f"--{given[0]} is given and {missing[0]} is not: a real corpus would be "
                        "paired with a synthetic demo; give both or neither")  # fmt: skip
    if missing and not DEMO.is_dir():
        raise UserError(
            f"{DEMO}: the demo corpora are not here; install from a clone with pip install -e, "
            f"or give {' and '.join(missing)}"
        )
    source, target = ((name, Path(folders[name] or DEMO / name)) for name in names)
    return source, target


def choices_of(args: argparse.Namespace, source: str, target: str) -> Choices:
    """The run's choices; a UserError for values that make no sense, alone or together."""
    wrong = []
    if args.model != "our" and args.bn not in ("bn1", "none"):
        wrong.append(f"--bn {args.bn} needs two domains; with --model {args.model}: bn1 or none")
    if args.model == "mono" and args.select_by != "target":
        flag = f"--select-by {args.select_by}"
        wrong.append(f"{flag} goes with base and our; mono knows the target only")
    for name, low, high in (("alpha", 0, 1), ("dropout", 0, 0.99), ("beta", 0, 10**6),
                            ("l1", 0, 10**6), ("l2", 0, 10**6), ("batch_size", 2, 10**5),
                            ("epochs", 1, 10**5), ("seed", 0, 2**32)):  # fmt: skip
        value = getattr(args, name)
        if value is not None and not low <= value <= high:
            wrong.append(f"--{name.replace('_', '-')} {value}: expected {low} to {high}")
    if wrong:
        raise UserError("; ".join(wrong))
    by_corpus = REGULARISATION.get(source, {})
    return Choices(
        source=source,
        target=target,
        l1=by_corpus.get("l1", 0.0) if args.l1 is None else args.l1,
        l2=by_corpus.get("l2", 0.0) if args.l2 is None else args.l2,
        **{
            name: getattr(args, name)
            for name in (
                "dimension", "model", "bn", "alpha", "beta", "beta_schedule", "batch_size",
                "dropout", "features", "select_by", "split", "epochs", "seed",
            )
        },
    )  # fmt: skip


def folder_name(choices: Choices, pair: str | None = None) -> str:
    """recola2iemocap-arousal-our-bn1-seed0; what is not the default stands before the seed.

    `pair` names the corpora, where the kinds of them will not do.
    """
    usual = {"l1": 0.0, "l2": 0.0, **REGULARISATION.get(choices.source, {})}
    usual = {field.name: field.default for field in fields(Choices)} | usual
    named = ("source", "target", "dimension", "model", "bn", "seed")
    other = [
        f"{name.replace('_', '-')}-{value:g}" if isinstance(value, float) else f"{name}-{value}"
        for name, value in asdict(choices).items()
        if name not in named and value != usual[name]
    ]
    pair = pair or "2".join(dict.fromkeys((choices.source, choices.target)))
    return "-".join(
        [pair, choices.dimension, choices.model, choices.bn, *other, f"seed{choices.seed}"]
    )


def main() -> None:
    args = parser().parse_args()
    (source, source_dir), (target, target_dir) = corpora_of(args)
    choices = choices_of(args, source, target)
    out = args.out or Path("runs", folder_name(choices))
    try:
        experiment.run(
            choices,
            (source_dir, target_dir),
            out,
            cache=args.cache,
            resume=args.resume,
            skip_bad=args.skip_bad,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped; the same command with --resume goes on from {out}"
        ) from None


if __name__ == "__main__":
    console.run(main)
