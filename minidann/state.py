"""What a run is made of: its choices, its two languages, and all that changes while it trains.

Nothing random is carried along: every shuffle and every dropout mask is drawn by a generator made
from the seed, what it is for, and the epoch. A run that was stopped and goes on therefore draws
exactly what it would have drawn.
"""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from minidann import feeding, model, optim
from minidann.console import UserError
from minidann.run import store
from minidann.sound.normalise import Features

Arrays = dict[str, np.ndarray]

HISTORY = (
    "epoch",  # counted from 1
    "emotion_loss",  # L_e, mean over the epoch's steps, in training mode
    "domain_loss",  # L_l, the same
    "dev_domain_loss",  # from here: in inference mode, see `monitor`
    "domain_uar",
    "target_dev_uar",  # emotion, on the target's development rows
    "source_val_uar",  # emotion, on the source validation set
    "mutual_information",  # of input and prediction on the development rows, in nats; metrics.py
    "adabn_uar",  # of `base`: as the two before it, with batch norm's statistics taken from
    "adabn_mutual_information",  # the development rows, see adabn.py
    "source_train_uar",  # emotion, on rows trained on
    "learning_rate",
    "beta",  # scale of the reversed gradient at the epoch's end
    "emotion_grad_norm",  # of alpha dL_e / df at the encoder's output f: root mean square of steps
    "domain_grad_norm",  # of (1 - alpha) beta dL_l / df: the same
    "seconds",
)

ADVERSARIAL = ("domain_loss", "dev_domain_loss", "domain_uar", "beta", "domain_grad_norm")
# What chooses an epoch: a column of the history, the largest value of which is best. Only "target"
# looks at labels of the target, as the paper does; the others could be had without any.
SELECTION = {
    "target": "target_dev_uar",
    "source": "source_val_uar",
    "information": "mutual_information",
}
ADABN_SELECTION = {"target adabn": "adabn_uar", "information adabn": "adabn_mutual_information"}


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
    select_by: str = "target"  # of SELECTION: its epoch becomes the model; all are tested
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
    # By each criterion, parameters and running statistics of its best epoch; see `start`.
    kept: dict[str, tuple[Arrays, Arrays]]
    history: list[dict] = field(default_factory=list)
    # Of the epoch under way, where a run was stopped between two steps of it:
    batches: int = 0  # done
    records: list[dict] = field(default_factory=list)  # their losses and gradient norms
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    def best_epoch(self, criterion: str) -> int:
        """The epoch, counted from 1, that a criterion finds best; the first of several."""
        column = (SELECTION | ADABN_SELECTION)[criterion]
        return 1 + int(np.argmax([row[column] for row in self.history]))


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
        domain=choices.model == "our",
    )
    criteria = ["target"] if choices.model == "mono" else [*SELECTION]
    if choices.model == "base" and running:  # what AdaBN is a control of
        criteria += ADABN_SELECTION
    kept = dict.fromkeys(criteria, (params, running))
    return State(params, running, optim.start(params), kept)


def _groups(state: State) -> dict[str, Arrays]:
    """The arrays of a state, by the names they have in a checkpoint."""
    groups = {name: getattr(state, name) for name in ("params", "running", "adam")}
    for criterion, (params, running) in state.kept.items():
        groups |= {f"{criterion} params": params, f"{criterion} running": running}
    return groups


def save(path: Path, state: State, choices: Choices) -> None:
    """Write the checkpoint: everything `load` needs, at once."""
    about = {name: getattr(state, name) for name in ("history", "batches", "records", "seconds")}
    store.write_arrays(path, _groups(state), {"choices": asdict(choices), **about})


def load(path: Path, choices: Choices, fresh: State, batches: int) -> State:
    """The state that `save` wrote, of a run with `batches` an epoch.

    `fresh` is how the run began, for the arrays' names and shapes. Raises UserError where the file
    is damaged, or of other choices.
    """
    groups, about = store.read_arrays(path)
    if about.get("choices") != asdict(choices):
        raise UserError(f"{path}: the checkpoint of a run with other choices; take another --out")
    expected = _groups(fresh)
    groups = dict.fromkeys(expected, {}) | groups  # without batch norm some are empty
    store.agree(path, groups, expected)
    about = {name: about.get(name) for name in ("history", "batches", "records", "seconds")}
    if not _is_possible(choices, batches, **about):
        raise UserError(f"{path}: damaged (its history is not one); delete it and train again")
    kept = {one: (groups[f"{one} params"], groups[f"{one} running"]) for one in fresh.kept}
    return State(groups["params"], groups["running"], groups["adam"], kept, **about)


def _is_possible(choices: Choices, whole: int, history, batches, records, seconds) -> bool:
    """Whether such a history, and such an epoch under way, can be of a run of `whole` batches."""
    for rows in (history, records):
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return False
        if any(type(number) is not float for row in rows for number in row.values()):
            return False
    absent = {
        "our": (),
        "base": ADVERSARIAL,
        "mono": (*ADVERSARIAL, "source_val_uar", "mutual_information"),
    }
    absent = {*absent[choices.model]}
    if choices.model != "base" or choices.bn == "none":
        absent |= {*ADABN_SELECTION.values()}
    names = [name for name in HISTORY if name not in absent]
    updates = len(feeding.steps(choices.bn, 1, 1))
    return (
        all(tuple(row) == HISTORY for row in history)
        and [row["epoch"] for row in history] == list(range(1, len(history) + 1))
        and all(math.isfinite(row[name]) for row in history for name in names)
        and type(batches) is int
        and 0 <= batches <= whole
        and len(records) == batches * updates
        and len(history) + (batches > 0) <= choices.epochs
        and type(seconds) is float
        and 0 <= seconds < math.inf
    )
