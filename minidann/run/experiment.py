"""One run, from two corpora on disk to a run folder: prepare, train, finish."""

import hashlib
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import scipy
import soundfile

import minidann.ops
from minidann import model, optim, training
from minidann import state as states
from minidann.console import UserError, clock, patience
from minidann.run import outcome, splits, store
from minidann.run.setup import Setup, check, describe, prepare
from minidann.sound.logmel import FRAMES, MELS, PRESETS
from minidann.state import HISTORY, Choices, State

Say = Callable[[str], None]
DIGESTS = ("content", "labels", "warnings")  # entries of a corpus that say nothing to a reader


def say_at_once(line: str) -> None:
    """Print `line` now, also where stdout is a file or a pipe: a log must not lag behind."""
    print(line, flush=True)


def run(
    choices: Choices,
    places: tuple[Path, Path],
    out: Path,
    *,
    cache: Path,
    resume: bool = False,
    skip_bad: bool = False,
    say: Say = say_at_once,
    ops=minidann.ops,
) -> dict:
    """Train and test as `choices` say; fill the folder `out`; return what `metrics.json` holds.

    `places` are the folders of `choices.source` and `choices.target`; features are kept in
    `cache`. `resume` goes on from the checkpoint in `out`, where there is one; `skip_bad` leaves
    out utterances that cannot be used. Raises UserError, before training, with everything that is
    wrong with the corpora. At Ctrl-C, the step at hand is finished and kept before
    KeyboardInterrupt goes on its way.
    """

    def keep(state: State) -> None:
        states.save(out / "checkpoint.npz", state, choices)
        store.write(out / "history.csv", history_csv(state.history).encode())

    def tell(state: State) -> None:
        keep(state)
        say(epoch_line(choices, state) + setup.demo)

    with store.hold(out):
        refuse_others(out, plan(choices), resume)
        setup = prepare(choices, places, cache, skip_bad)
        describe(setup, say)  # also of what is refused next: a data warning may be why
        check(setup)
        state = open_folder(setup, out, resume, say)
        with patience() as stop:
            training.train(
                choices, state, setup.source, setup.target, setup.split,
                tell=tell, stop=stop, ops=ops,
            )  # fmt: skip
            if stop():
                keep(state)
                raise KeyboardInterrupt
        return outcome.finish(setup, state, out, say, ops)


def plan(choices: Choices) -> dict:
    """The part of `config.json` that is known before a corpus is read: every choice."""
    return {
        "choices": asdict(choices),
        "constants": {
            "filters": model.FILTERS,
            "kernel": model.KERNEL,
            "stride": model.STRIDE,
            "pool": model.POOL,
            "frames": FRAMES,
            "mels": MELS,
            "initial_weights": f"Glorot uniform, zero biases, query N(0, {model.QUERY_STD})",
            "logmel": asdict(PRESETS[choices.features]),
            "padding": "at the end, each bin's minimum of the utterance",
            "normalisation": "each bin of each corpus, over the real frames of its cropped rows",
            "target_rows_in_training": "all, without labels" if choices.model == "our" else 0,
            "ganin_ramp": training.RAMP,
            "regularised": list(optim.REGULARISED),
            "learning_rate": [optim.INITIAL_RATE, optim.DECAY, optim.FINAL_RATE],
            "adam": [optim.BETA1, optim.BETA2, optim.EPSILON],
            "batch_norm_epsilon": minidann.ops.batchnorm.EPSILON,
            "batch_norm_momentum": minidann.ops.batchnorm.MOMENTUM,
            "target_dev": splits.TARGET_DEV,
            "source_val": splits.SOURCE_VAL,
            "mono_dev_test": [splits.MONO_DEV, splits.MONO_TEST],
        },
    }


def made_with(setup: Setup) -> dict:
    """The rest of `config.json`: the corpora, as they were found, and the versions."""
    corpora = {}
    pairs = zip(setup.corpora, (setup.source, setup.target))
    for role, (corpus, domain) in zip(("source", "target"), pairs):
        corpora[role] = {
            "title": corpus.title,
            "kind": corpus.kind,
            "utterances": len(domain.labels),
            "left_out": setup.left_out[role],
            "speakers": len(set(domain.speakers)),
            "threshold": corpus.threshold,
            "classes": np.bincount(domain.labels, minlength=2).tolist(),
            "warnings": list(corpus.warnings),
            "content": domain.features.digest,  # of audio and times; then of what is said of them
            "labels": hashlib.blake2b(
                repr((domain.labels.tolist(), domain.speakers.tolist())).encode(), digest_size=16
            ).hexdigest(),
        }
    return {
        "corpora": corpora,
        "folders": [str(corpus.root.resolve()) for corpus in setup.corpora],
        "versions": {
            "minidann": minidann.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "soundfile": soundfile.__version__,
            "machine": platform.machine(),
            "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS"),  # see `parallel`
        },
    }


def refuse_others(out: Path, config: dict, resume: bool) -> dict:
    """Raise UserError where the folder `out` is not this run's; -> its config.json, or {}.

    It may be a new run's, empty, or this run's, to go on with: if `resume`, and if all that
    `config` has is the same there.
    """
    if not (out / "config.json").exists():
        if others := sorted(path.name for path in out.iterdir() if path.name[0] != "."):
            raise UserError(
                f"{out}: not empty, and no run's folder (it holds {', '.join(others[:3])}); "
                "choose another --out"
            )
        return {}
    there = store.read_json(out / "config.json")
    before, differ = _entries(there), []
    for name, value in _entries(config).items():
        if before.get(name) != value:
            digest = name.split("'s ")[-1] in DIGESTS
            values = "" if digest else f" ({before.get(name)} there, {value} here)"
            differ.append(f"{name}{values}")
    if differ:
        raise UserError(f"{out}: holds another run: {'; '.join(differ)}; choose another --out")
    if not resume:
        raise UserError(f"{out}: holds this run already; --resume to go on, or another --out")
    return there


def _entries(config: dict) -> dict:
    """All of a config.json that makes a run what it is, by the names that a message gives it."""

    def part(of: dict, name: str) -> dict:
        return of[name] if isinstance(of.get(name), dict) else {}

    corpora = part(config, "corpora")
    return {
        **part(config, "choices"),
        **part(config, "constants"),
        **{f"{of}'s {name}": one for of in corpora for name, one in part(corpora, of).items()},
    }


def open_folder(setup: Setup, out: Path, resume: bool, say: Say) -> State:
    """Begin a run in the folder `out`, or go on with the one in it; -> the state to go on from.

    Raises UserError where it holds another run, or holds this one and `resume` is not set.
    """
    choices = setup.choices
    config = plan(choices) | made_with(setup)
    there = refuse_others(out, config, resume)
    if there and there.get("versions") != config["versions"]:
        say("note: versions are not those of config.json; the bytes may differ")
    for stale in out.glob(".*.tmp"):  # what a kill left half written
        stale.unlink()
    fresh = states.start(choices, FRAMES, MELS)
    if resume and (out / "checkpoint.npz").exists():
        batches = len(setup.split.train) // choices.batch_size
        state = states.load(out / "checkpoint.npz", choices, fresh, batches)
        # A kill may have come after the checkpoint was written, and before this was.
        store.write(out / "history.csv", history_csv(state.history).encode())
        steps = f" and {state.batches} steps" if state.batches else ""
        say(f"goes on after epoch {state.epoch}{steps} of {choices.epochs}")
        return state
    if there:
        say("note: no epoch was kept here; begins with the first")
    store.write_json(out / "config.json", config)
    if any(setup.left_out.values()):
        store.write(out / "left_out.csv", left_out_csv(setup).encode(errors="backslashreplace"))
    return fresh


def left_out_csv(setup: Setup) -> str:
    """What --skip-bad left out, and why, a row an utterance or a file with utterances in it."""
    corpora = setup.corpora[setup.mono :]
    bad = [(corpus.title, where, why) for corpus in corpora for where, why in corpus.bad]
    return store.csv_text([("corpus", "where", "why"), *bad])


def history_csv(history: list[dict]) -> str:
    """The history as CSV, a row an epoch; empty where a model has no such number."""
    rows = [
        ["" if np.isnan(row[name]) else f"{row[name]:.6g}" for name in HISTORY] for row in history
    ]
    return store.csv_text([HISTORY, *rows])


def epoch_line(choices: Choices, state: State) -> str:
    """What is said after an epoch: both losses in training, both UARs on the development rows."""
    row = state.history[-1]
    seconds = np.median([one["seconds"] for one in state.history[-5:]])
    left = clock(seconds * (choices.epochs - state.epoch))
    loss, uar = f"emotion {row['emotion_loss']:.3f}", f"emotion {100 * row['target_dev_uar']:.1f}"
    if choices.model == "our":
        loss += f", domain {row['domain_loss']:.3f}"
        uar += f", domain {100 * row['domain_uar']:.1f}"
    return (
        f"epoch {state.epoch:2d}/{choices.epochs}  training loss: {loss}  dev UAR: {uar}  "
        f"rate {row['learning_rate']:.1e}  {left} left"
    )
