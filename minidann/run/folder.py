"""The folder of a run: whose run it is, what is kept after each epoch, and how a run goes on.

    config.json      every choice, and the corpora as they were found
    checkpoint.npz   the state after the last epoch
    history.csv      the same history, for people
    epochs.bin       parameters and running statistics, one row an epoch; see `keep`

A kill costs the epoch under way. `epochs.bin` is there until the run is done.
"""

import hashlib
import os
import platform
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import scipy
import soundfile

import minidann.ops
from minidann import model, optim, training
from minidann.choices import Choices
from minidann.console import UserError
from minidann.run import splits, store
from minidann.run.evaluation import HISTORY
from minidann.run.setup import Setup
from minidann.sound.logmel import FRAMES, MELS, PRESETS
from minidann.training import Arrays, State

UNPRINTED = ("content", "labels", "warnings")  # entries whose values a message leaves out
CHECKSUM = 4  # bytes of a CRC-32, which follows each row of epochs.bin


def planned(choices: Choices) -> dict:
    """The part of `config.json` that is known before a corpus is read: every choice."""
    return {
        "format": store.FORMAT,
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
            "normalisation": "each bin of each corpus, over unpadded frames of cropped utterances",
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


def found(setup: Setup) -> dict:
    """The rest of `config.json`: the corpora, as they were found, and the versions."""
    corpora = {}
    for role, corpus, domain in zip(
        ("source", "target"), setup.corpora, (setup.source, setup.target)
    ):
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
            "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS"),  # see `ops.parallel`
        },
    }


def read_config(out: Path) -> dict:
    """The config.json of the run in `out`. Raises UserError where it cannot be used."""
    config = store.read_json(out / "config.json")
    if config.get("format") != store.FORMAT:
        raise UserError(f"{out}: {store.EARLIER}")
    return config


def refuse_others(out: Path, config: dict, resume: bool) -> dict:
    """Raise UserError where the folder `out` is not this run's; -> its config.json, or {}.

    It may be a new run's, which is empty, or this run's, to go on with: if `resume` is set, and if
    everything in `config` is the same there.
    """
    if not (out / "config.json").exists():
        if others := sorted(path.name for path in out.iterdir() if path.name[0] != "."):
            raise UserError(
                f"{out}: not empty, and no run's folder (it holds {', '.join(others[:3])}); "
                "choose another --out"
            )
        return {}
    there = read_config(out)
    before = _identity(there)
    differ = [
        name if name.endswith(UNPRINTED) else f"{name} ({before.get(name)} there, {value} here)"
        for name, value in _identity(config).items()
        if before.get(name) != value
    ]
    if differ:
        raise UserError(f"{out}: holds another run: {'; '.join(differ)}; choose another --out")
    if not resume:
        raise UserError(f"{out}: holds this run already; --resume to go on, or another --out")
    return there


def _identity(config: dict) -> dict:
    """The entries that identify a run, by the names that a message gives them: `source content`."""
    of_corpora = {
        f"{role} {name}": value
        for role, facts in config.get("corpora", {}).items()
        for name, value in facts.items()
    }
    return config["choices"] | config["constants"] | of_corpora


def claim(setup: Setup, out: Path, resume: bool, say: Callable[[str], None]) -> None:
    """Make the folder `out` this run's, with its config.json. Raises UserError as `refuse_others`.

    What a kill left half written, or no longer needed, is taken away.
    """
    config = planned(setup.choices) | found(setup)
    there = refuse_others(out, config, resume)
    if there and there.get("versions") != config["versions"]:
        say("note: versions are not those of config.json; the bytes may differ")
    for half_written in out.glob(".*.tmp"):
        half_written.unlink()
    if is_done(out):
        (out / "epochs.bin").unlink(missing_ok=True)
    if not there:
        store.write_json(out / "config.json", config)
        if any(setup.left_out.values()):
            text = left_out_csv(setup).encode(errors="backslashreplace")
            store.write(out / "left_out.csv", text)


def start_or_resume(choices: Choices, out: Path, say: Callable[[str], None]) -> State:
    """The state to go on from: that of the last epoch in the folder `out`, or a new one."""
    fresh = training.start(choices)
    if not (out / "checkpoint.npz").exists():
        return fresh
    state = load(out, choices, fresh)
    say(f"goes on after epoch {state.epoch} of {choices.epochs}")
    return state


def keep(out: Path, state: State, choices: Choices) -> None:
    """Keep the state after an epoch: its row of epochs.bin, the history, and last the checkpoint.

    So the first two have every epoch that the checkpoint has. What a kill left behind those in
    epochs.bin is cut off here.
    """
    arrays = [*state.params.values(), *state.running.values()]
    packed = b"".join(array.astype("<f4").tobytes() for array in arrays)
    packed += zlib.crc32(packed).to_bytes(CHECKSUM, "little")
    path = out / "epochs.bin"
    with store.writing(path), open(path, "r+b" if path.exists() else "wb") as file:
        file.truncate((state.epoch - 1) * len(packed))
        file.seek(0, os.SEEK_END)
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())
    store.write(out / "history.csv", history_csv(state.history).encode())
    rows = np.array([[row[name] for name in HISTORY] for row in state.history])
    groups = {"params": state.params, "running": state.running, "adam": state.adam}
    groups["history"] = {"rows": rows}
    store.write_arrays(out / "checkpoint.npz", groups, {"choices": asdict(choices)})


def load(out: Path, choices: Choices, fresh: State) -> State:
    """The state that `keep` wrote; `fresh` is how the run began, for names and shapes.

    Raises UserError where the checkpoint is damaged or another run's, or where epochs.bin does not
    reach as far.
    """
    path = out / "checkpoint.npz"
    groups, about = store.read_arrays(path)
    if about.get("choices") != asdict(choices):
        raise UserError(f"{path}: the checkpoint of a run with other choices; take another --out")
    with store.reading(path):
        rows = groups.pop("history")["rows"].tolist()
        history = [dict(zip(HISTORY, row, strict=True)) for row in rows]
    groups.setdefault("running", {})  # empty without batch norm
    expected = {"params": fresh.params, "running": fresh.running, "adam": fresh.adam}
    store.agree(path, groups, expected)
    state = State(**groups, history=history)
    for epoch in range(1, state.epoch + 1):
        epoch_arrays(out, state, epoch)
    return state


def epoch_arrays(out: Path, like: State, epoch: int) -> tuple[Arrays, Arrays]:
    """Parameters and running statistics after an epoch, counted from 1, shaped as those of `like`.

    Raises UserError where epochs.bin has not this row, or not as it was written.
    """
    path, groups = out / "epochs.bin", (like.params, like.running)
    ends = np.cumsum([array.size for group in groups for array in group.values()])
    size = 4 * int(ends[-1])  # bytes
    try:
        with open(path, "rb") as file:
            file.seek((epoch - 1) * (size + CHECKSUM))
            row, checksum = file.read(size), file.read(CHECKSUM)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); train again") from None
    if zlib.crc32(row).to_bytes(CHECKSUM, "little") != checksum:
        raise UserError(f"{path}: damaged at epoch {epoch}; delete {out} and train again")
    arrays = iter(np.split(np.frombuffer(row, "<f4").astype(np.float32), ends[:-1]))
    params, running = (
        {name: next(arrays).reshape(array.shape) for name, array in group.items()}
        for group in groups
    )
    return params, running


def history_of(run: Path) -> dict[str, np.ndarray]:
    """Each column of a run's history.csv (epochs,); NaN where it has no number."""
    rows = store.read_csv(run / "history.csv")
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def is_done(out: Path) -> bool:
    """Whether the run in `out` is done: `metrics.json` is the file that it writes last."""
    return (out / "metrics.json").is_file()


def finish(out: Path, results: dict) -> None:
    """Write `metrics.json`, and take away what only a run under way needs."""
    store.write_json(out / "metrics.json", results)
    (out / "epochs.bin").unlink(missing_ok=True)


def history_csv(history: list[dict]) -> str:
    """The history as CSV, a row an epoch; empty where a model has no such number."""
    rows = [
        ["" if np.isnan(row[name]) else f"{row[name]:.6g}" for name in HISTORY] for row in history
    ]
    return store.csv_text([HISTORY, *rows])


def left_out_csv(setup: Setup) -> str:
    """What --skip-bad left out, and why, a row an utterance or a file with utterances in it."""
    corpora = setup.corpora[setup.mono :]
    bad = [(corpus.title, where, why) for corpus in corpora for where, why in corpus.bad]
    return store.csv_text([("corpus", "where", "why"), *bad])
