"""One run, from two corpora on disk to a run folder: load, check, train, test, draw."""

import csv
import io
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import scipy
import soundfile

import minidann.ops
from minidann import metrics, model, optim, plots, runs, splits, training
from minidann.console import UserError, clock
from minidann.corpora import CLASSES, Corpus, load
from minidann.features import FRAMES, MELS, extract
from minidann.splits import Split
from minidann.training import Choices, Domain, State

REGULARISATION = {"recola": {"l1": 5e-3}, "iemocap": {"l2": 5e-3}}  # by the corpus trained on
SHOWN = 1000  # utterances of each language in features.png, at most
Say = Callable[[str], None]


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
    corpora = _load_both(choices, places)
    source, target = (_domain(choices, corpus, cache) for corpus in corpora)
    mono = choices.model == "mono"
    trained_on = target if mono else source
    split = splits.draw(
        choices.seed,
        trained_on.speakers,
        target.speakers,
        model=choices.model,
        dev=choices.dev,
        by_speaker=choices.split == "speaker",
    )
    _check(choices, corpora, trained_on, target, split)
    _describe(choices, corpora, split, say)
    state = _open(choices, corpora, (source, target), split, out, resume, say)

    def tell(state: State) -> None:
        training.save(out / "checkpoint.npz", state, choices)
        runs.write(out / "history.csv", history_csv(state.history).encode())
        say(_epoch_line(choices, state))

    training.train(choices, state, trained_on, target, split, tell=tell, ops=ops)
    return _finish(choices, corpora, trained_on, target, split, state, out, say, ops)


def _load_both(choices: Choices, places: tuple[Path, Path]) -> list[Corpus]:
    corpora, problems = [], []
    for name, place in zip((choices.source, choices.target), places):
        try:
            corpora.append(load(name, place))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return corpora


def _domain(choices: Choices, corpus: Corpus, cache: Path) -> Domain:
    features = extract(corpus.utterances, cache, choices.features, corpus.title)
    return Domain(features, corpus.labels(choices.dimension), corpus.speakers())


def _check(choices, corpora, trained_on: Domain, target: Domain, split: Split) -> None:
    """Refuse what would train or measure nothing: too few rows, a class without an example."""
    source_name = corpora[1].title if choices.model == "mono" else corpora[0].title
    problems = []
    if len(split.train) < choices.batch_size:
        problems.append(
            f"{source_name}: {len(split.train)} rows to train on are fewer than a batch of "
            f"{choices.batch_size}; lower --batch-size"
        )
    for title, part, labels in (
        (source_name, "training", trained_on.labels[split.train]),
        (source_name, "development", trained_on.labels[split.source_dev]),
        (corpora[1].title, "development", target.labels[split.dev]),
        (corpora[1].title, "test", target.labels[split.test]),
    ):
        missing = [c for i, c in enumerate(CLASSES[choices.dimension]) if i not in labels]
        if len(labels) and missing:
            problems.append(
                f"{title}: no {' and no '.join(missing)} {choices.dimension} among the "
                f"{len(labels)} {part} rows; another --seed or a larger corpus"
            )
    if problems:
        raise UserError("\n".join(problems))


def _describe(choices: Choices, corpora: list[Corpus], split: Split, say: Say) -> None:
    low, high = CLASSES[choices.dimension]
    for role, corpus in zip(("source", "target"), corpora):
        labels = corpus.labels(choices.dimension)
        say(
            f"{role}  {corpus.title} ({corpus.kind}, {corpus.language}): {len(labels)} utterances, "
            f"{len(set(corpus.speakers()))} speakers, {choices.dimension} "
            f"{low} {(labels == 0).sum()}, {high} {labels.sum()}"
        )
    where = "target" if choices.model == "mono" else "source"
    selecting = f"{len(split.source_dev)} of the source" if len(split.source_dev) else (
        f"{len(split.dev)} of the target"
    )
    say(
        f"{choices.model}, {choices.bn}, seed {choices.seed}: trains on {len(split.train)} rows of "
        f"the {where}, {selecting} choose the epoch, {len(split.test)} of the target test it"
    )


def _config(choices: Choices, corpora: list[Corpus], domains: tuple[Domain, Domain]) -> dict:
    """What `config.json` holds: every choice, and what it was made with."""
    threads = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    return {
        "choices": asdict(choices),
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
        "corpora": {
            role: {
                "title": corpus.title,
                "kind": corpus.kind,
                "utterances": len(corpus.utterances),
                "speakers": len(set(corpus.speakers())),
                "threshold": corpus.threshold,
                "classes": np.bincount(domain.labels, minlength=2).tolist(),
                "features": domain.features.digest,
            }
            for role, corpus, domain in zip(("source", "target"), corpora, domains)
        },
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


def _open(choices, corpora, domains, split, out: Path, resume: bool, say: Say) -> State:
    """Make or reopen the folder; the state to go on from."""
    config = _config(choices, corpora, domains)
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
        state = training.load(out / "checkpoint.npz", choices)
        say(f"goes on after epoch {state.epoch} of {choices.epochs}")
        return state
    runs.write_json(out / "config.json", config)
    return training.start(choices, FRAMES, MELS)


def history_csv(history: list[dict]) -> str:
    """The history as CSV, a row an epoch; empty where a model has no such number."""
    text = io.StringIO()
    writer = csv.DictWriter(text, training.HISTORY, lineterminator="\n")
    writer.writeheader()
    for row in history:
        whole = {"epoch": int(row["epoch"])}
        writer.writerow({k: "" if v != v else f"{v:.6g}" for k, v in row.items()} | whole)
    return text.getvalue()


def _epoch_line(choices: Choices, state: State) -> str:
    row = state.history[-1]
    seconds = np.median([one["seconds"] for one in state.history[-5:]])
    domain = ""
    if choices.model == "our":
        domain = f"domain loss {row['domain_loss']:.3f} UAR {100 * row['domain_uar']:5.1f}  "
    return (
        f"epoch {state.epoch:2d}/{choices.epochs}  emotion loss {row['emotion_loss']:.3f}  {domain}"
        f"dev UAR {100 * row['dev_uar']:5.1f}  rate {row['learning_rate']:.1e}  "
        f"{clock(seconds * (choices.epochs - state.epoch))} left"
    )


def protocol(choices: Choices) -> str:
    """Which labels the choice of the epoch saw: it belongs beside every result."""
    if choices.model == "mono":
        return "the epoch was chosen with the target's labels, as all of mono is"
    if choices.dev == "source":
        return "the epoch was chosen with source labels only: no label of the target was seen"
    return "the epoch was chosen with labels of 30% of the target, as in the paper"


def _finish(choices, corpora, trained_on, target, split, state, out: Path, say: Say, ops) -> dict:
    """Test the kept epoch and write model, metrics and figures."""
    params, running = state.best_params, state.best_running
    parts = {
        "test": (target, split.test),
        "dev": (trained_on, split.source_dev) if choices.dev == "source" else (target, split.dev),
        "source": (trained_on, split.train),
    }
    results = {}
    for part, (domain, rows) in parts.items():
        said = training.probabilities(params, running, domain.features, rows, ops=ops)
        labels, predictions = domain.labels[rows], said["emotion"].argmax(axis=1)
        results[part] = {
            "uar": metrics.uar(labels, predictions),
            "confusion": metrics.confusion(labels, predictions).tolist(),
            "n": len(rows),
            "ci95": metrics.speaker_interval(labels, predictions, domain.speakers[rows]),
        }
    kinds = sorted({corpus.kind for corpus in corpora})
    results |= {
        "best_epoch": state.best_epoch,
        "protocol": protocol(choices),
        "corpora": " and ".join(kinds),
        "seconds": sum(row["seconds"] for row in state.history),
    }
    about = {
        "dimension": choices.dimension,
        "classes": CLASSES[choices.dimension],
        "features": choices.features,
        "source": corpora[0].title,
        "target": corpora[1].title,
        "corpora": results["corpora"],
        "model": choices.model,
    }
    normalisation = {
        role: {"mean": domain.features.mean, "std": domain.features.std}
        for role, domain in (("source", trained_on), ("target", target))
    }
    groups = {"params": params, "running": running, **normalisation}
    runs.write_arrays(out / "model.npz", groups, about)
    runs.write_json(out / "metrics.json", results)
    began = time.perf_counter()
    _draw(choices, corpora, trained_on, target, split, state, results, out, ops)
    _conclude(choices, corpora, results, split, target, out, time.perf_counter() - began, say)
    return results


def _draw(choices, corpora, trained_on, target, split, state, results, out, ops) -> None:
    """curves.png (figure 3), features.png (figure 2) and confusion.png."""
    title = f"{corpora[0].title} to {corpora[1].title}, {choices.dimension}, {choices.model}"
    if choices.model == "mono":
        title = f"{corpora[1].title}, {choices.dimension}, mono"
    if any(corpus.kind == "synthetic demo" for corpus in corpora):
        title += " (synthetic demo)"
    plots.save(plots.curves(state.history, state.best_epoch, title), out / "curves.png")
    matrix = plots.confusion(results["test"], CLASSES[choices.dimension], title)
    plots.save(matrix, out / "confusion.png")
    rng = training.generator(choices.seed, "monitor", 1)
    shown = [(target, split.test, 1)]
    if choices.model != "mono":
        shown.insert(0, (trained_on, split.train, 0))
    count = min(SHOWN, *(len(rows) for _, rows, _ in shown))
    features, languages, emotions = [], [], []
    for domain, rows, language in shown:
        rows = rng.permutation(rows)[:count]
        for i in range(0, count, training.INFERENCE_ROWS):
            x = domain.features.batch(rows[i : i + training.INFERENCE_ROWS])
            features.append(model.represent(state.best_params, state.best_running, x, ops=ops))
        languages.append(np.full(count, language))
        emotions.append(domain.labels[rows])
    figure = plots.features(
        np.concatenate(features),
        np.concatenate(languages),
        np.concatenate(emotions),
        [f"{corpora[0].title}, {corpora[0].language}", f"{corpora[1].title}, {corpora[1].language}"],
        [f"{name} {choices.dimension}" for name in CLASSES[choices.dimension]],
        title,
    )
    plots.save(figure, out / "features.png")


def _conclude(choices, corpora, results, split, target, out, seconds, say: Say) -> None:
    test, classes = results["test"], CLASSES[choices.dimension]
    interval = "too few speakers for an interval"
    if test["ci95"]:
        low, high = (100 * end for end in test["ci95"])
        speakers = len(set(target.speakers[split.test]))
        interval = f"95% interval over {speakers} speakers: {low:.1f} to {high:.1f}"
    demo = " on the synthetic demo" if "synthetic demo" in results["corpora"] else ""
    say(f"\ntest UAR{demo} {100 * test['uar']:.1f} %  ({interval}), epoch {results['best_epoch'] + 1}")
    width = max(len(name) for name in classes)
    say(f"{'':{width + 5}}" + "".join(f"  said {name:>{width}}" for name in classes))
    for name, counts in zip(classes, test["confusion"]):
        say(f"true {name:{width}}" + "".join(f"  {count:{width + 5}}" for count in counts))
    say(f"{results['protocol']}; trained {clock(results['seconds'])}, drew {seconds:.1f} s; {out}")
