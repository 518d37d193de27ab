"""The training loop: epochs of steps, what is watched after each, and the choice of one."""

import time
from collections.abc import Callable

import numpy as np

import minidann.ops
from minidann import feeding, metrics, model, optim
from minidann.console import UserError
from minidann.features import Features
from minidann.ops.dropout import draw_mask
from minidann.splits import Split
from minidann.state import HISTORY, Arrays, Choices, Domain, State, generator

INFERENCE_ROWS = 64


def cycle(seed: int, rows: np.ndarray, first: int, count: int) -> np.ndarray:
    """`count` of `rows` (n,), from place `first` of endless passes, each pass newly shuffled."""
    n = len(rows)
    passes = range(first // n, (first + count - 1) // n + 1)
    order = [generator(seed, "target order", number).permutation(rows) for number in passes]
    return np.concatenate(order)[first - passes[0] * n :][:count]


def scheduled_beta(choices: Choices, progress: float) -> float:
    """beta at `progress` 0..1 through all steps; `ganin` is the ramp of the DANN paper."""
    if choices.beta_schedule == "ganin":
        return choices.beta * (2 / (1 + np.exp(-10 * progress)) - 1)
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
    ops=minidann.ops,
) -> tuple[float, float, float, float]:
    """One optimiser step on x (n+m, T, D), the first rows source with labels (n,); moves `state`.

    -> L_e, L_l (NaN where the step has none), and the two pulls at the encoder.
    """
    n = len(labels)
    adversarial = choices.model == "our"
    (emotion_loss, domain_loss), cache = model.forward(
        state.params,
        x,
        emotion_labels=labels,
        language_labels=(np.arange(len(x)) >= n).astype(int) if adversarial else None,
        mode=choices.bn,
        beta=beta,
        mask=mask,
        ops=ops,
    )
    grads, pulls = model.backward(cache, alpha=choices.alpha if adversarial else 1.0)
    grads = optim.add_penalty(state.params, grads, l1=choices.l1, l2=choices.l2)
    state.params, state.adam = optim.step(state.params, grads, state.adam, rate)
    state.running = model.update_running(state.running, cache)
    losses = [np.nan if loss is None else float(loss) for loss in (emotion_loss, domain_loss)]
    return (*losses, *pulls)


def train_epoch(
    choices: Choices, state: State, source: Domain, target: Domain, split: Split, ops=minidann.ops
) -> dict:
    """One pass over the source's training rows; moves `state`. -> the training part of a row."""
    n, epoch = choices.batch_size, state.epoch
    adversarial = choices.model == "our"
    steps = len(split.train) // n  # an incomplete last batch is dropped
    order = generator(choices.seed, "source order", epoch).permutation(split.train)
    if adversarial:
        every = np.arange(len(target.labels))  # transductive: without labels, but all of them
        partners = cycle(choices.seed, every, epoch * steps * n, steps * n)
    dropout = generator(choices.seed, "dropout", epoch)
    rate = optim.learning_rate(epoch)
    beta, records = np.nan, []
    for i in range(steps):
        rows = slice(i * n, (i + 1) * n)
        x, labels = source.features.batch(order[rows]), source.labels[order[rows]]
        if adversarial:
            x = np.concatenate([x, target.features.batch(partners[rows])])  # (2n, T, D)
            beta = scheduled_beta(choices, (epoch * steps + i) / (choices.epochs * steps))
        width = len(state.params["emotion.w"])
        mask = draw_mask(dropout, (len(x), width), choices.dropout)
        for part, count in feeding.steps(choices.bn, n, len(x) - n):
            records.append(
                update(
                    choices, state, x[part], labels[:count], mask[part],
                    rate=rate, beta=beta, ops=ops,
                )
            )  # fmt: skip
    emotion_loss, domain_loss, emotion_pull, domain_pull = np.array(records).T
    if not np.isfinite(emotion_loss[~np.isnan(emotion_loss)]).all() or np.isnan(emotion_loss).all():
        raise UserError(f"epoch {epoch}: the emotion loss is no longer a number; lower --beta")
    return {
        "emotion_loss": np.nanmean(emotion_loss),
        "domain_loss": np.nanmean(domain_loss) if adversarial else np.nan,
        "learning_rate": rate,
        "beta": beta,
        "emotion_pull": np.sqrt(np.mean(emotion_pull**2)),
        "domain_pull": np.sqrt(np.mean(domain_pull**2)) if adversarial else np.nan,
    }


def probabilities(
    params: Arrays, running: Arrays, features: Features, rows: np.ndarray, *, ops=minidann.ops
) -> dict[str, np.ndarray]:
    """What each classifier there is says of `rows` in inference: {"emotion": (N, 2), ...}."""
    heads = [name for name in ("emotion", "language") if f"{name}.w" in params]
    said = {name: [] for name in heads}
    for i in range(0, len(rows), INFERENCE_ROWS):
        x = features.batch(rows[i : i + INFERENCE_ROWS])
        f = model.represent(params, running, x, ops=ops)  # (N, C)
        for name in heads:
            said[name].append(model.classify(params, f, name))
    return {name: np.concatenate(parts) for name, parts in said.items()}


def monitor(
    choices: Choices, state: State, source: Domain, target: Domain, split: Split, ops=minidann.ops
) -> dict:
    """The development part of a history row, in inference mode.

    Figure 3's curves: the language classifier on the target's development rows and as many source
    rows (each language weighing one half of the loss), emotion on the rows that select.
    """
    rng = generator(choices.seed, "monitor")
    sample = rng.permutation(split.train)[: len(split.dev)]
    said_source = probabilities(state.params, state.running, source.features, sample, ops=ops)
    said_target = probabilities(state.params, state.running, target.features, split.dev, ops=ops)
    row = {
        "source_uar": metrics.uar(source.labels[sample], said_source["emotion"].argmax(axis=1)),
        "dev_domain_loss": np.nan,
        "domain_uar": np.nan,
    }
    if choices.dev == "source":
        rows = split.source_dev
        said = probabilities(state.params, state.running, source.features, rows, ops=ops)
        row["dev_uar"] = metrics.uar(source.labels[rows], said["emotion"].argmax(axis=1))
    else:
        predictions = said_target["emotion"].argmax(axis=1)
        row["dev_uar"] = metrics.uar(target.labels[split.dev], predictions)
    if "language" in said_source:
        right = said_source["language"][:, 0], said_target["language"][:, 1]
        tiny = np.finfo(np.float32).tiny
        row["dev_domain_loss"] = -np.mean([np.log(p + tiny).mean() for p in right])
        row["domain_uar"] = np.mean([(p > 0.5).mean() for p in right])
    return row


def train(
    choices: Choices,
    state: State,
    source: Domain,
    target: Domain,
    split: Split,
    *,
    tell: Callable[[State], None],
    ops=minidann.ops,
) -> State:
    """Train until `choices.epochs`; after each epoch the state is whole and `tell` is called."""
    while state.epoch < choices.epochs:
        began = time.perf_counter()
        row = train_epoch(choices, state, source, target, split, ops)
        row |= monitor(choices, state, source, target, split, ops)
        row |= {"epoch": state.epoch, "seconds": time.perf_counter() - began}
        state.history.append({name: float(row[name]) for name in HISTORY})
        if state.best_epoch == state.epoch - 1:
            state.best_params, state.best_running = state.params, state.running
        tell(state)
    return state
