"""The folder of a run: whose run it is, what is kept after each epoch, and how a run goes on.

    config.json      every choice, and the corpora as they were found
    epochs/          parameters and running statistics of each epoch, until the run is done
    history.csv      a row an epoch, for people
    checkpoint.npz   what else resuming needs: the state of Adam, and the history to the last digit

A kill costs the epoch under way.
"""

import hashlib
import platform
from dataclasses import asdict
from pathlib import Path

import numpy as np
import scipy
import soundfile

import minidann
from minidann import model, optim, training
from minidann.choices import Choices
from minidann.console import UserError, say
from minidann.ops import batchnorm
from minidann.run import splits, store
from minidann.run.evaluation import HISTORY
from minidann.run.setup import Setup
from minidann.sound import levelled, logmel
from minidann.training import Arrays, State

PACKAGES = (minidann, np, scipy, soundfile)
# Modules with named constants.
CHOSEN_IN = (model, batchnorm, optim, training, logmel, levelled, splits)
COMPARED = ("choices", "constants", "corpora")  # parts of config.json that make it another run


def planned(choices: Choices) -> dict:
    """The part of `config.json` that is known before a corpus is read: every choice."""
    constants = {
        f"{module.__name__.removeprefix('minidann.')}.{name}": value
        for module in CHOSEN_IN
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, (int, float))
    }
    return {"format": store.FORMAT, "choices": asdict(choices), "constants": constants}


def found(setup: Setup) -> dict:
    """The rest of `config.json`: the corpora, as they were found, and the versions."""
    corpora, domains = {}, (setup.source, setup.target)
    for role, corpus, domain in zip(("source", "target"), setup.corpora, domains):
        labels = repr((domain.labels.tolist(), domain.speakers.tolist())).encode()
        corpora[role] = {
            "title": corpus.title,
            "kind": corpus.kind,
            "utterances": len(domain.labels),
            "left_out": setup.left_out[role],
            "speakers": len(set(domain.speakers)),
            "threshold": corpus.threshold,
            "classes": [int((domain.labels == value).sum()) for value in (0, 1)],
            "warnings": list(corpus.warnings),
            "content": domain.features.digest,  # of the audio and the times
            "labels": hashlib.blake2b(labels, digest_size=16).hexdigest(),
        }
    versions = {package.__name__: package.__version__ for package in PACKAGES}
    versions |= {"python": platform.python_version(), "machine": platform.machine()}
    folders = [str(corpus.root.resolve()) for corpus in setup.corpora]
    return {"corpora": corpora, "folders": folders, "versions": versions}


def read_config(out: Path) -> dict:
    """The config.json of the run in `out`. Raises UserError where it cannot be used."""
    config = store.read_json(out / "config.json")
    if config.get("format") != store.FORMAT:
        raise UserError(f"{out}: {store.EARLIER}")
    with store.reading(out / "config.json"):
        return config | {part: dict(config[part]) for part in COMPARED}


def refuse_others(out: Path, config: dict, resume: bool) -> dict:
    """Raise UserError where the folder `out` is not this run's; -> its config.json, {} where new.

    To go on with a run, `resume` must be set, and what `config` has must be the same there.
    """
    nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise UserError(f"{out}: {nearest} is a file; choose another --out")
    if not (out / "config.json").exists():
        if out.is_dir() and any(path.name[0] != "." for path in out.iterdir()):
            raise UserError(f"{out}: not empty, and no run's folder; choose another --out")
        return {}
    there, differ = read_config(out), []
    for part in COMPARED:
        for name, value in config.get(part, {}).items():
            if (before := there[part].get(name)) != value:
                shown = f" ({before} there, {value} here)" * (part != "corpora")
                differ.append(f"{name}{shown}")
    if differ:
        raise UserError(f"{out}: holds another run: {'; '.join(differ)}; choose another --out")
    if not resume:
        raise UserError(f"{out}: holds this run already; --resume to go on, or another --out")
    return there


def claim(setup: Setup, out: Path, resume: bool) -> None:
    """Make the folder `out` this run's, with its config.json. Raises UserError as `refuse_others`.

    What a kill left half written is taken away.
    """
    config = planned(setup.choices) | found(setup)
    there = refuse_others(out, config, resume)
    if there and there.get("versions") != config["versions"]:
        say("note: versions are not those of config.json; the bytes may differ")
    for half_written in out.glob(".*.tmp"):
        half_written.unlink()
    if not there:
        store.write_json(out / "config.json", config)
        used = setup.corpora[setup.mono :]
        if bad := [(corpus.title, where, why) for corpus in used for where, why in corpus.bad]:
            store.write_csv(out / "left_out.csv", [("corpus", "where", "why"), *bad])


def start_or_resume(choices: Choices, out: Path) -> State:
    """The state to go on from: that of the last epoch in the folder `out`, or a new one.

    Raises UserError where a file that `keep` wrote is missing, damaged or another run's.
    """
    fresh, path = training.start(choices), out / "checkpoint.npz"
    if not path.exists():
        return fresh
    groups, about = store.read_arrays(path)
    store.agree(path, groups, {"adam": fresh.adam})
    with store.reading(path):
        history = list(about["history"])
    for epoch in range(1, len(history) + 1):
        params, running = epoch_arrays(out, fresh, epoch)
    say(f"goes on after epoch {len(history)} of {choices.epochs}")
    return State(params, running, groups["adam"], history)


def keep(out: Path, state: State) -> None:
    """Keep the state after an epoch; last the checkpoint, so that the others have its epochs."""
    groups = {"params": state.params, "running": state.running}
    (out / "epochs").mkdir(exist_ok=True)
    store.write_arrays(out / "epochs" / f"{state.epoch}.npz", groups, {})
    store.write(out / "history.csv", history_csv(state.history).encode())
    store.write_arrays(out / "checkpoint.npz", {"adam": state.adam}, {"history": state.history})


def epoch_arrays(out: Path, like: State, epoch: int) -> tuple[Arrays, Arrays]:
    """Parameters and running statistics after an epoch, counted from 1, shaped as those of `like`.

    Raises UserError where they are missing or damaged.
    """
    path = out / "epochs" / f"{epoch}.npz"
    groups = {"running": {}} | store.read_arrays(path)[0]  # empty without batch norm
    store.agree(path, groups, {"params": like.params, "running": like.running})
    return groups["params"], groups["running"]


def is_done(out: Path) -> bool:
    """Whether the run in `out` is done: `metrics.json` is the file that it writes last."""
    return (out / "metrics.json").is_file()


def history_csv(history: list[dict]) -> str:
    """The history as CSV, a row an epoch; empty where a model has no such number."""
    numbers = ([row[name] for name in HISTORY] for row in history)
    rows = (["" if np.isnan(n) else f"{n:.6g}" for n in row] for row in numbers)
    return store.csv_text([HISTORY, *rows])


def history_of(run: Path) -> dict[str, np.ndarray]:
    """Each column of a run's history.csv (epochs,); NaN where it has no number."""
    rows = store.read_csv(run / "history.csv")
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}
