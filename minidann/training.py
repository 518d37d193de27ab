"""The training loop: epochs of steps, what is watched after each, and the choice of one."""

import math
import time
from collections.abc import Callable, Iterator

import numpy as np

import minidann.ops
from minidann import feeding, model, optim
from minidann.console import UserError, progress
from minidann.measure import adabn, metrics
from minidann.ops.dropout import draw_mask
from minidann.run.splits import Split
from minidann.sound.logmel import FRAMES, MELS
from minidann.sound.normalise import Features
from minidann.state import HISTORY, Arrays, Choices, Domain, State, generator

INFERENCE_ROWS = 64
RAMP = 10  # how steeply `ganin` rises


def cycle(seed: int, rows: np.ndarray, first: int, count: int) -> np.ndarray:
    """`count` of `rows` (n,), from place `first` of endless passes, each pass newly shuffled."""
    n = len(rows)
    passes = range(first // n, (first + count - 1) // n + 1)
    order = [generator(seed, "target order", number).permutation(rows) for number in passes]
    return np.concatenate(order)[first - passes[0] * n :][:count]


def scheduled_beta(choices: Choices, done: float) -> float:
    """beta when a share `done`, 0 to 1, of all steps is done; `ganin` is the DANN paper's ramp.

    A Python float: a NumPy one would turn float32 gradients into float64.
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
    ops=minidann.ops,
) -> dict[str, float]:
    """One optimiser step; moves `state`.

    x (n+m, T, D) float32, source rows first; `labels` (n,) of those; dropout's `mask` (n+m, C);
    the learning rate, and beta of the reversal. -> of each classifier that took part its loss and
    its gradient norm at the encoder. Raises FloatingPointError where a loss is not a finite number.
    """
    n = len(labels)
    adversarial = choices.model == "our"
    (emotion_loss, domain_loss), cache = model.forward(
        state.params,
        x,
        emotion_labels=labels,
        domain_labels=(np.arange(len(x)) >= n).astype(int) if adversarial else None,
        mode=choices.bn,
        beta=beta,
        mask=mask,
        ops=ops,
    )
    grads, grad_norms = model.backward(cache, alpha=choices.alpha if adversarial else 1.0)
    grads = optim.add_penalty(state.params, grads, l1=choices.l1, l2=choices.l2)
    state.params, state.adam = optim.step(state.params, grads, state.adam, rate)
    state.running = model.update_running(state.running, cache)
    record = {}
    for name, loss, grad_norm in zip(
        ("emotion", "domain"), (emotion_loss, domain_loss), grad_norms
    ):
        if loss is not None:
            record |= {f"{name}_loss": float(loss), f"{name}_grad_norm": grad_norm}
            if not math.isfinite(loss):
                raise FloatingPointError(f"the {name} loss is {loss}")
    return record


def train_epoch(
    choices: Choices,
    state: State,
    source: Domain,
    target: Domain,
    split: Split,
    *,
    stop: Callable[[], bool] = lambda: False,
    ops=minidann.ops,
) -> dict | None:
    """One pass over the source's training rows; moves `state`. -> the training part of a row.

    Goes on after the `state.batches` that are done. Where `stop` says so, it ends after the batch
    at hand and returns None.
    """
    n, epoch = choices.batch_size, state.epoch
    adversarial = choices.model == "our"
    steps = len(split.train) // n  # an incomplete last batch is dropped
    order = generator(choices.seed, "source order", epoch).permutation(split.train)
    if adversarial:
        every = np.arange(len(target.labels))  # transductive: without labels, but all of them
        partners = cycle(choices.seed, every, epoch * steps * n, steps * n)
    dropout = generator(choices.seed, "dropout", epoch)
    x = np.empty((n + n * adversarial, FRAMES, MELS), np.float32)  # one batch after the other
    width = len(state.params["emotion.w"])  # C
    rate = optim.learning_rate(epoch)
    beta = math.nan
    for i in progress(range(steps), steps, f"epoch {epoch + 1}", "steps"):
        mask = draw_mask(dropout, (len(x), width), choices.dropout)  # (2n, C)
        if adversarial:
            beta = scheduled_beta(choices, (epoch * steps + i) / (choices.epochs * steps))
        if i < state.batches:
            continue  # done before the run was stopped; only its mask had to be drawn again
        rows = slice(i * n, (i + 1) * n)
        source.features.batch(order[rows], out=x[:n])
        labels = source.labels[order[rows]]  # (n,)
        if adversarial:
            target.features.batch(partners[rows], out=x[n:])
        # One update of all rows; in bn4 two, of the source rows and of the target rows.
        for part, count in feeding.steps(choices.bn, n, len(x) - n):
            try:
                record = update(
                    choices, state, x[part], labels[:count], mask[part],
                    rate=rate, beta=beta, ops=ops,
                )  # fmt: skip
            except FloatingPointError as error:
                raise _diverged(choices, f"epoch {epoch + 1}, step {i + 1}: {error}") from None
            state.records.append(record)
        state.batches += 1
        if stop():
            return None

    def mean(name, power):
        values = [record[name] for record in state.records if name in record]
        return np.mean(np.power(values, power)) ** (1 / power) if values else math.nan

    losses = {name: mean(name, 1) for name in ("emotion_loss", "domain_loss")}
    grad_norms = {name: mean(name, 2) for name in ("emotion_grad_norm", "domain_grad_norm")}
    return {**losses, **grad_norms, "learning_rate": rate, "beta": beta}


def _diverged(choices: Choices, what: str) -> UserError:
    flag = "--beta" if choices.model == "our" else "--l1 or --l2"
    return UserError(f"{what}; the run diverged: try a smaller {flag}, in another --out")


def representations(
    params: Arrays, running: Arrays, features: Features, rows: np.ndarray, *, ops=minidann.ops
) -> Iterator[np.ndarray]:
    """The encoder's output of `rows` in inference, (B, C) a batch, in order.

    Without `running` there is no batch norm: what comes is what would go into it.
    """
    starts = range(0, len(rows), INFERENCE_ROWS)
    buffer = np.empty((INFERENCE_ROWS, FRAMES, MELS), np.float32)
    for i in progress(starts, len(starts), "inference", "batches"):
        some = rows[i : i + INFERENCE_ROWS]
        x = features.batch(some, out=buffer[: len(some)])  # (B, T, D)
        yield model.represent(params, running, x, ops=ops)  # (B, C)


def probabilities(
    params: Arrays, running: Arrays, features: Features, rows: np.ndarray, *, ops=minidann.ops
) -> dict[str, np.ndarray]:
    """What each classifier there is says of `rows` in inference: {"emotion": (N, 2), ...}."""
    heads = [name for name in ("emotion", "domain") if f"{name}.w" in params]
    said = {name: [] for name in heads}
    for f in representations(params, running, features, rows, ops=ops):  # (B, C)
        for name in heads:
            said[name].append(model.classify(params, f, name, ops=ops))  # (B, 2)
    return {name: np.concatenate(parts) for name, parts in said.items()}


def monitor(
    choices: Choices, state: State, source: Domain, target: Domain, split: Split, ops=minidann.ops
) -> dict:
    """The development part of a history row, in inference mode.

    Figure 3's curves: the domain classifier on the target's development rows and as many source
    rows (each language weighing one half of the loss), emotion on the same rows. And what else
    an epoch can be chosen by: emotion on the source validation set, and how much the answers
    on the target's development rows tell, whatever their labels.
    """
    rng = generator(choices.seed, "monitor")
    sample = rng.permutation(split.train)[: len(split.dev)]
    said_source = probabilities(state.params, state.running, source.features, sample, ops=ops)
    said_target = probabilities(state.params, state.running, target.features, split.dev, ops=ops)
    row = dict.fromkeys(HISTORY, math.nan) | {
        "source_train_uar": metrics.uar(
            source.labels[sample], said_source["emotion"].argmax(axis=1)
        ),
        "target_dev_uar": metrics.uar(
            target.labels[split.dev], said_target["emotion"].argmax(axis=1)
        ),
    }
    if choices.model != "mono":
        row["source_val_uar"] = 0.5  # of no row at all, as a toy has it
        if len(rows := split.source_val):
            said = probabilities(state.params, state.running, source.features, rows, ops=ops)
            counts = metrics.confusion(source.labels[rows], said["emotion"].argmax(axis=1))
            # A small validation set may hold one class only: then its recall is all there is.
            recalls = [one[k] / one.sum() for k, one in enumerate(counts) if one.any()]
            row["source_val_uar"] = np.mean(recalls)
        row["mutual_information"] = metrics.information(said_target["emotion"])
    if "target adabn" in state.kept:
        some = representations(state.params, {}, target.features, split.dev, ops=ops)
        said = adabn.predict(state.params, np.concatenate(list(some)), ops=ops)
        row["adabn_uar"] = metrics.uar(target.labels[split.dev], said.argmax(axis=1))
        row["adabn_mutual_information"] = metrics.information(said)
    if "domain" in said_source:
        right = said_source["domain"][:, 0], said_target["domain"][:, 1]
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
    stop: Callable[[], bool] = lambda: False,
    ops=minidann.ops,
) -> State:
    """Train until `choices.epochs`; after each epoch the state is whole and `tell` is called.

    `source` is what is trained on: for mono, the target. Where `stop` says so, training ends
    after the step at hand: `state` is whole between two steps, too. Raises UserError where a loss
    is no longer a finite number; what `tell` kept before is whole.
    """
    while state.epoch < choices.epochs:
        began = time.perf_counter() - state.seconds
        row = train_epoch(choices, state, source, target, split, stop=stop, ops=ops)
        if row is None:
            state.seconds = time.perf_counter() - began
            break
        if not all(np.isfinite(value).all() for value in state.params.values()):
            raise _diverged(choices, f"epoch {state.epoch + 1}: a weight is not a finite number")
        row = monitor(choices, state, source, target, split, ops) | row
        row |= {"epoch": state.epoch + 1, "seconds": time.perf_counter() - began}
        state.history.append({name: float(row[name]) for name in HISTORY})
        state.batches, state.records, state.seconds = 0, [], 0.0
        for criterion in state.kept:
            if state.best_epoch(criterion) == state.epoch:
                state.kept[criterion] = state.params, state.running
        tell(state)
    return state
