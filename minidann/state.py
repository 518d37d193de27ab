"""What a run is made of: its choices, its two languages, and all that changes while it trains.

Nothing random is carried along: every shuffle and every dropout mask is drawn by a generator made
from the seed, what it is for, and the epoch. A run that was stopped and goes on therefore draws
exactly what it would have drawn.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from minidann import model, optim, runs
from minidann.console import UserError
from minidann.normalise import Features

Arrays = dict[str, np.ndarray]
GROUPS = ("params", "running", "adam", "best_params", "best_running")  # State's arrays

HISTORY = (
    "epoch",  # counted from 1
    "emotion_loss",  # L_e, mean over the epoch's steps, in training mode
    "domain_loss",  # L_l, the same
    "dev_domain_loss",  # from here: in inference mode, see `monitor`
    "domain_uar",
    "dev_uar",  # emotion, on the rows that select the epoch
    "source_uar",
    "learning_rate",
    "beta",  # scale of the reversed gradient at the epoch's end
    "emotion_pull",  # norm of alpha dL_e / df at the encoder's output f, root mean square of steps
    "domain_pull",  # norm of (1 - alpha) beta dL_l / df, the same
    "seconds",
)


@dataclass(frozen=True)
class Choices:
    """What the paper states or leaves open, as this run takes it; see the README's table."""

    source: str
    target: str
    dimension: str = "arousal"
    model: str = "our"  # our | base | mono
    bn: str = "bn1"  # feeding.MODES
    alpha: float = 0.5
    beta: float = 1.0
    beta_schedule: str = "constant"  # constant | ganin
    batch_size: int = 32  # source rows a step; `our` adds as many target rows
    dropout: float = 0.7
    l1: float = 0.0
    l2: float = 0.0
    features: str = "paper"
    dev: str = "target"  # target | source
    split: str = "utterance"  # utterance | speaker
    epochs: int = 50
    seed: int = 0


@dataclass(frozen=True)
class Domain:
    """One language: its log-mel features, labels (n,) of 0 and 1, and speakers (n,)."""

    features: Features
    labels: np.ndarray
    speakers: np.ndarray


@dataclass
class State:
    """All that changes while training, and so all that resuming needs."""

    params: Arrays
    running: Arrays
    adam: Arrays
    best_params: Arrays
    best_running: Arrays
    history: list[dict] = field(default_factory=list)
    # Of the epoch under way, where a run was stopped between two steps of it:
    batches: int = 0  # done
    records: list[dict] = field(default_factory=list)  # their losses and pulls
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, with the best development UAR; the first of several."""
        return 1 + int(np.argmax([row["dev_uar"] for row in self.history]))


def generator(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """A generator of its own for each purpose and each epoch (or pass) of a seed."""
    purposes = ("initialise", "source order", "target order", "dropout", "monitor")
    return np.random.default_rng([seed, 2 + purposes.index(purpose), number])  # 0, 1: splits


def start(choices: Choices, frames: int, mels: int) -> State:
    """The state before the first epoch."""
    params, running = model.initialise(
        generator(choices.seed, "initialise"),
        frames=frames,
        mels=mels,
        batch_norm=choices.bn != "none",
        language=choices.model == "our",
    )
    return State(params, running, optim.start(params), params, running)


def save(path: Path, state: State, choices: Choices) -> None:
    """Write the checkpoint: everything `load` needs, at once."""
    groups = {name: getattr(state, name) for name in GROUPS}
    about = {name: getattr(state, name) for name in ("history", "batches", "records", "seconds")}
    runs.write_arrays(path, groups, {"choices": asdict(choices), **about})


def load(path: Path, choices: Choices, fresh: State) -> State:
    """The state that `save` wrote; `fresh` is how the run began, for the arrays' names and shapes.

    Raises UserError where it is damaged, or of other choices.
    """
    groups, about = runs.read_arrays(path)
    if about.get("choices") != asdict(choices):
        raise UserError(f"{path}: the checkpoint of a run with other choices; take another --out")
    groups = {name: groups.pop(name, {}) for name in GROUPS} | groups
    runs.agree(path, groups, {name: getattr(fresh, name) for name in GROUPS})
    history, records = about.get("history"), about.get("records")
    batches, seconds = about.get("batches"), about.get("seconds")
    rows_fit = _are_rows(history) and all(tuple(row) == HISTORY for row in history)
    counts_fit = type(batches) is int and type(seconds) is float and batches >= 0
    if not (rows_fit and _are_rows(records) and counts_fit):
        raise UserError(f"{path}: damaged (its history is not one); delete it and train again")
    return State(**groups, history=history, batches=batches, records=records, seconds=seconds)


def _are_rows(value: object) -> bool:
    """Whether `value` is a list of {name: number}."""
    return isinstance(value, list) and all(
        isinstance(row, dict) and all(type(number) is float for number in row.values())
        for row in value
    )
