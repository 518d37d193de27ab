"""The training loop: epochs of steps, and all that changes while it runs.

No random generator is carried along. Every shuffle and every dropout mask is drawn by a generator
made from the seed, its purpose and the epoch, so a run that was stopped and goes on draws exactly
what it would have drawn.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import minidann.ops
from minidann import feeding, model, optim
from minidann.choices import Choices
from minidann.console import UserError, progress
from minidann.ops.dropout import draw_mask
from minidann.sound.levelled import INPUTS
from minidann.sound.logmel import MELS
from minidann.sound.normalise import Features

Arrays = dict[str, np.ndarray]

RAMP = 10  # how steeply `ganin` rises
# What generators draw for. The place of each is part of its seed, so a new one is added at the end.
PURPOSES = (
    "initialise", "source order", "target order", "dropout", "monitor", "domain labels", "windows"
)  # fmt: skip


@dataclass(frozen=True)
class Domain:
    """One domain: its log-mel features, labels (n,) of 0 and 1, and speakers (n,).

    A target may have no labels: all of them are -1 then.
    """

    features: Features
    labels: np.ndarray
    speakers: np.ndarray


@dataclass
class State:
    """All that changes while training, and so all that resuming needs."""

    params: Arrays
    running: Arrays  # batch norm's running statistics
    adam: Arrays
    history: list[dict] = field(default_factory=list)  # a row an epoch

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)


def generator(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """A generator for each purpose and each epoch (or pass) of a seed."""
    # The splits take 0 and 1 in the second place.
    return np.random.default_rng([seed, 2 + PURPOSES.index(purpose), number])


def start(choices: Choices) -> State:
    """The state before the first epoch."""
    params, running = model.initialise(
        generator(choices.seed, "initialise"),
        frames=INPUTS[choices.input],
        mels=MELS,
        batch_norm=choices.bn != "none",
        domain=choices.model == "our",
    )
    return State(params, running, optim.start(params))


def cycle(seed: int, rows: np.ndarray, first: int, count: int) -> np.ndarray:
    """`count` of `rows` (n,), from place `first` of endless passes, each pass newly shuffled."""
    n = len(rows)
    passes = range(first // n, (first + count - 1) // n + 1)
    order = [generator(seed, "target order", number).permutation(rows) for number in passes]
    return np.concatenate(order)[first - passes[0] * n :][:count]


def scheduled_beta(choices: Choices, done: float) -> float:
    """beta when a share `done`, 0 to 1, of all steps is done; `ganin` is the DANN paper's ramp.

    A Python float, because a NumPy one would turn float32 gradients into float64.
    """
    if choices.beta_schedule == "ganin":
        return choices.beta * (2 / (1 + math.exp(-RAMP * done)) - 1)
    return choices.beta


def update(
    choices: Choices,
    state: State,
    x: np.ndarray,
    labels: np.ndarray,
    mask: np.ndarray,
    *,
    rate: float,
    beta: float,
    domain_labels: np.ndarray,
    ops=minidann.ops,
) -> dict[str, float]:
    """Take one optimiser step, which moves `state`.

    `x` (n+m, T, D) float32 holds the source examples first, and `labels` (n,) are theirs; `mask`
    (n+m, C) is dropout's; `domain_labels` (n+m,) tell the source's examples (0) from the target's
    (1). Returns the loss and the gradient norm at the encoder's output of each
    classifier that took part. Raises UserError where a loss or a weight is no longer finite.
    """
    adversarial = choices.model == "our"
    (emotion_loss, domain_loss), cache = model.forward(
        state.params, x, emotion_labels=labels,
        domain_labels=domain_labels if adversarial else None,
        mode=choices.bn, beta=beta, mask=mask, ops=ops,
    )  # fmt: skip
    grads, grad_norms = model.backward(cache, alpha=choices.alpha if adversarial else 1.0)
    grads = optim.add_penalty(state.params, grads, l1=choices.l1, l2=choices.l2)
    state.params, state.adam = optim.step(state.params, grads, state.adam, rate)
    state.running = model.update_running(state.running, cache)
    record = {}
    for name, loss, norm in zip(("emotion", "domain"), (emotion_loss, domain_loss), grad_norms):
        if loss is not None:
            record |= {f"{name}_loss": float(loss), f"{name}_grad_norm": norm}
    if not all(np.isfinite(value).all() for value in [*record.values(), *state.params.values()]):
        raise UserError(
            f"epoch {state.epoch + 1}: a loss or a weight is not finite; the run diverged: try a "
            f"smaller {'--beta' if adversarial else '--l1 or --l2'}, in another --out"
        )
    return record


def train_epoch(
    choices: Choices,
    state: State,
    source: Domain,
    target: Domain,
    source_rows: np.ndarray,
    *,
    ops=minidann.ops,
) -> dict:
    """Train for one pass over `source_rows`, which moves `state`; return its part of the history.

    Losses are means over the epoch's steps, gradient norms root mean squares; both are NaN for a
    classifier that the model lacks.
    """
    n, epoch = choices.batch_size, state.epoch
    adversarial = choices.model == "our"
    steps = len(source_rows) // n  # an incomplete last batch is dropped
    order = generator(choices.seed, "source order", epoch).permutation(source_rows)
    if adversarial:
        all_rows = np.arange(len(target.labels))  # transductive: without labels, but all of them
        target_rows = cycle(choices.seed, all_rows, epoch * steps * n, steps * n)
    dropout = generator(choices.seed, "dropout", epoch)
    frames = INPUTS[choices.input]  # T
    x = np.empty((n + n * adversarial, frames, MELS), np.float32)  # one batch after the other
    placebo = generator(choices.seed, "domain labels", epoch)
    windows = generator(choices.seed, "windows", epoch)  # where those of `levelled` start
    domains = np.arange(len(x)) // n  # (2n,): 0 source, 1 target
    width = len(state.params["emotion.w"])  # C
    rate = optim.learning_rate(epoch)
    beta = math.nan
    records = []
    for i in progress(range(steps), steps, f"epoch {epoch + 1}", "steps"):
        mask = draw_mask(dropout, (len(x), width), choices.dropout)  # (2n, C)
        batch = slice(i * n, (i + 1) * n)
        source.features.batch(order[batch], out=x[:n], rng=windows)
        labels = source.labels[order[batch]]  # (n,)
        if adversarial:
            beta = scheduled_beta(choices, (epoch * steps + i) / (choices.epochs * steps))
            target.features.batch(target_rows[batch], out=x[n:], rng=windows)
        if choices.domain_labels == "shuffled":  # over all examples, before bn4 divides them
            domains = placebo.permutation(domains)
        # One update of all examples; in bn4 two, of the source's and of the target's.
        for part, count in feeding.steps(choices.bn, n, len(x) - n):
            record = update(
                choices, state, x[part], labels[:count], mask[part],
                rate=rate, beta=beta, domain_labels=domains[part], ops=ops,
            )  # fmt: skip
            records.append(record)

    def mean(name, power):
        values = [record[name] for record in records if name in record]
        return float(np.mean(np.power(values, power)) ** (1 / power)) if values else math.nan

    losses = {name: mean(name, 1) for name in ("emotion_loss", "domain_loss")}
    norms = {name: mean(name, 2) for name in ("emotion_grad_norm", "domain_grad_norm")}
    return {"epoch": float(epoch + 1), **losses, **norms, "learning_rate": rate, "beta": beta}


def train(
    choices: Choices,
    state: State,
    source: Domain,
    target: Domain,
    source_rows: np.ndarray,
    *,
    on_epoch_end: Callable[[State], None],
    ops=minidann.ops,
) -> State:
    """Train until `choices.epochs`; `on_epoch_end` is called with the state after each epoch.

    `source_rows` of the source are trained on; for mono, source and target are the same. `ops` are
    the layers: coursework passes a student's.
    """
    while state.epoch < choices.epochs:
        began = time.perf_counter()
        row = train_epoch(choices, state, source, target, source_rows, ops=ops)
        state.history.append(row | {"seconds": time.perf_counter() - began})
        on_epoch_end(state)
    return state
