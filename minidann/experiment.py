"""One run, from two corpora on disk to a run folder: load, check, train; `outcome.py` ends it."""

import csv
import io
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import scipy
import soundfile

import minidann.ops
from minidann import model, optim, outcome, runs, splits, state, training
from minidann.console import UserError, clock
from minidann.corpora import CLASSES, Corpus, load
from minidann.features import FRAMES, MELS, extract
from minidann.splits import Split
from minidann.state import HISTORY, Choices, Domain, State

REGULARISATION = {"recola": {"l1": 5e-3}, "iemocap": {"l2": 5e-3}}  # by the corpus trained on
Say = Callable[[str], None]


@dataclass(frozen=True)
class Setup:
    """What a run works on. `source` is what is trained on: for mono, the target."""

    choices: Choices
    corpora: tuple[Corpus, Corpus]
    source: Domain
    target: Domain
    split: Split

    @property
    def trained_on(self) -> Corpus:
        """The corpus whose labels train."""
        return self.corpora[1 if self.choices.model == "mono" else 0]


def run(
    choices: Choices,
    places: tuple[Path, Path],
    out: Path,
    *,
    cache: Path,
    resume: bool = False,
    say: Say = print,
    ops=minidann.ops,
) -> dict:
    """Train and test as `choices` say; fill the folder `out`; return what `metrics.json` holds.

    `places` are the folders of `choices.source` and `choices.target`. Everything that is wrong
    with the corpora is raised as one UserError before training.
    """
    setup = prepare(choices, places, cache)
    describe(setup, say)
    progress = open_folder(setup, out, resume, say)

    def tell(progress: State) -> None:
        state.save(out / "checkpoint.npz", progress, choices)
        runs.write(out / "history.csv", history_csv(progress.history).encode())
        say(epoch_line(choices, progress))

    training.train(choices, progress, setup.source, setup.target, setup.split, tell=tell, ops=ops)
    return outcome.finish(setup, progress, out, say, ops)


def prepare(choices: Choices, places: tuple[Path, Path], cache: Path) -> Setup:
    """Load both corpora, extract their features and split them; a UserError lists what is wrong."""
    corpora, problems = [], []
    for name, place in zip((choices.source, choices.target), places):
        try:
            corpora.append(load(name, place))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    source, target = (
        Domain(
            extract(corpus.utterances, cache, choices.features, corpus.title),
            corpus.labels(choices.dimension),
            corpus.speakers(),
        )
        for corpus in corpora
    )
    source = target if choices.model == "mono" else source
    split = splits.draw(
        choices.seed,
        source.speakers,
        target.speakers,
        model=choices.model,
        dev=choices.dev,
        by_speaker=choices.split == "speaker",
    )
    setup = Setup(choices, tuple(corpora), source, target, split)
    check(setup)
    return setup


def check(setup: Setup) -> None:
    """Refuse what would train or measure nothing: too few rows, a class without an example."""
    choices, split = setup.choices, setup.split
    source, target = setup.trained_on.title, setup.corpora[1].title
    problems = []
    if len(split.train) < choices.batch_size:
        problems.append(
            f"{source}: {len(split.train)} rows to train on are fewer than a batch of "
            f"{choices.batch_size}; lower --batch-size"
        )
    for title, part, labels in (
        (source, "training", setup.source.labels[split.train]),
        (source, "development", setup.source.labels[split.source_dev]),
        (target, "development", setup.target.labels[split.dev]),
        (target, "test", setup.target.labels[split.test]),
    ):
        missing = [name for i, name in enumerate(CLASSES[choices.dimension]) if i not in labels]
        if len(labels) and missing:
            problems.append(
                f"{title}: no {' and no '.join(missing)} {choices.dimension} among the "
                f"{len(labels)} {part} rows; take another --seed or a larger corpus"
            )
    if problems:
        raise UserError("\n".join(problems))


def describe(setup: Setup, say: Say) -> None:
    """Say what is trained, chosen and tested on."""
    choices, split = setup.choices, setup.split
    low, high = CLASSES[choices.dimension]
    for role, corpus in zip(("source", "target"), setup.corpora):
        labels = corpus.labels(choices.dimension)
        say(
            f"{role}  {corpus.title} ({corpus.kind}, {corpus.language}): {len(labels)} utterances, "
            f"{len(set(corpus.speakers()))} speakers, {choices.dimension} "
            f"{low} {(labels == 0).sum()}, {high} {labels.sum()}"
        )
    choosing = f"{len(split.dev)} of the target"
    if choices.dev == "source":
        choosing = f"{len(split.source_dev)} of the source"
    trained = "target" if choices.model == "mono" else "source"
    say(
        f"{choices.model}, {choices.bn}, seed {choices.seed}: trains on {len(split.train)} rows of "
        f"the {trained}, {choosing} choose the epoch, {len(split.test)} of the target test it"
    )


def config_of(setup: Setup) -> dict:
    """What `config.json` holds: every choice, and what it was made with."""
    counts = {}
    for role, corpus in zip(("source", "target"), setup.corpora):
        labels = corpus.labels(setup.choices.dimension)
        counts[role] = {
            "title": corpus.title,
            "kind": corpus.kind,
            "utterances": len(corpus.utterances),
            "speakers": len(set(corpus.speakers())),
            "threshold": corpus.threshold,
            "classes": np.bincount(labels, minlength=2).tolist(),
        }
    features = {"trained_on": setup.source.features.digest, "target": setup.target.features.digest}
    threads = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    return {
        "choices": asdict(setup.choices),
        "constants": {
            "filters": model.FILTERS,
            "kernel": model.KERNEL,
            "stride": model.STRIDE,
            "pool": model.POOL,
            "frames": FRAMES,
            "mels": MELS,
            "learning_rate": [optim.INITIAL_RATE, optim.DECAY, optim.FINAL_RATE],
            "adam": [optim.BETA1, optim.BETA2, optim.EPSILON],
            "batch_norm_epsilon": minidann.ops.batchnorm.EPSILON,
            "batch_norm_momentum": minidann.ops.batchnorm.MOMENTUM,
            "target_dev": splits.TARGET_DEV,
            "source_dev": splits.SOURCE_DEV,
            "mono_dev_test": [splits.MONO_DEV, splits.MONO_TEST],
        },
        "corpora": {**counts, "content": features},
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "soundfile": soundfile.__version__,
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            **threads,
        },
    }


def open_folder(setup: Setup, out: Path, resume: bool, say: Say) -> State:
    """Make the folder `out`, or reopen it; -> the state to go on from.

    Raises UserError where it cannot be made, holds another run, or holds this one and `resume` is
    not set.
    """
    config, choices = config_of(setup), setup.choices
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be made ({error.strerror}); choose another --out") from None
    if (out / "config.json").exists():
        there = runs.read_json(out / "config.json")
        differ = [
            f"{name} ({there.get(part, {}).get(name)} there, {value} here)"
            for part in ("choices", "constants", "corpora")
            for name, value in config[part].items()
            if there.get(part, {}).get(name) != value
        ]
        if differ:
            raise UserError(f"{out}: holds another run: {'; '.join(differ)}; choose another --out")
        if not resume:
            raise UserError(f"{out}: holds this run already; --resume to go on, or another --out")
    if resume and (out / "checkpoint.npz").exists():
        progress = state.load(out / "checkpoint.npz", choices)
        say(f"goes on after epoch {progress.epoch} of {choices.epochs}")
        return progress
    runs.write_json(out / "config.json", config)
    return state.start(choices, FRAMES, MELS)


def history_csv(history: list[dict]) -> str:
    """The history as CSV, a row an epoch; empty where a model has no such number."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY, lineterminator="\n")
    writer.writeheader()
    for row in history:
        numbers = {name: "" if np.isnan(value) else f"{value:.6g}" for name, value in row.items()}
        writer.writerow(numbers | {"epoch": int(row["epoch"])})
    return text.getvalue()


def epoch_line(choices: Choices, progress: State) -> str:
    """What is said after an epoch."""
    row = progress.history[-1]
    seconds = np.median([one["seconds"] for one in progress.history[-5:]])
    domain = ""
    if choices.model == "our":
        domain = f"domain loss {row['domain_loss']:.3f} UAR {100 * row['domain_uar']:5.1f}  "
    return (
        f"epoch {progress.epoch:2d}/{choices.epochs}  emotion loss {row['emotion_loss']:.3f}  "
        f"{domain}dev UAR {100 * row['dev_uar']:5.1f}  rate {row['learning_rate']:.1e}  "
        f"{clock(seconds * (choices.epochs - progress.epoch))} left"
    )
