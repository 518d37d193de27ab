"""What a model predicts, and what is measured after each epoch, all in inference mode.

Each utterance that is watched is encoded once an epoch, and every UAR of the history and every
criterion that can select an epoch comes from that encoding.
"""

import math
import time

import numpy as np

from minidann import model
from minidann.choices import Choices
from minidann.console import progress
from minidann.measure import adabn, metrics
from minidann.run.splits import Split
from minidann.sound.logmel import MELS
from minidann.sound.normalise import Features
from minidann.training import Arrays, Domain, State, generator

BATCH = 64  # utterances encoded at a time
BLOCK = 500  # utterances classified at a time: batch norm makes four arrays of the size of theirs

HISTORY = (
    "epoch",  # counted from 1
    "emotion_loss", "domain_loss",  # L_e and L_l in training mode, means over the epoch's steps
    # in inference mode, after the epoch; mutual information of input and prediction in nats
    "dev_domain_loss", "domain_uar",  # on the development set and as many source examples
    "target_dev_uar", "source_val_uar", "mutual_information",  # the selection criteria
    "adabn_uar", "adabn_mutual_information",  # of `base`: the same with the statistics of adabn.py
    "source_train_uar",  # emotion, on utterances trained on
    # of the epoch's steps: beta of the last one; root mean squares of the gradient norms at the
    # encoder's output f, of alpha dL_e / df and of (1 - alpha) beta dL_l / df
    "learning_rate", "beta", "emotion_grad_norm", "domain_grad_norm",
    "seconds",
)  # fmt: skip


def encode(params: Arrays, features: Features, rows: np.ndarray) -> np.ndarray:
    """The encoder up to batch norm on the utterances `rows` (n,): h (n, C)."""
    starts = range(0, len(rows), BATCH)
    buffer = np.empty((BATCH, features.window, MELS), np.float32)
    h = np.empty((len(rows), len(params["emotion.w"])), np.float32)
    for i in progress(starts, len(starts), "inference", "batches"):
        batch = rows[i : i + BATCH]
        x = features.batch(batch, out=buffer[: len(batch)])  # (B, T, D)
        h[i : i + BATCH] = model.encode(params, x)[0]  # (B, C)
    return h


def predict(params: Arrays, running: Arrays, h: np.ndarray, name: str = "emotion") -> np.ndarray:
    """Probabilities (n, 2) by the classifier `name` of what `encode` returned, h (n, C)."""
    blocks = np.array_split(h, 1 + len(h) // BLOCK)
    outputs = (model.normalise(params, running, block) for block in blocks)  # (at most BLOCK, C)
    return np.concatenate([model.classify(params, f, name) for f in outputs])


def has_adabn(choices: Choices) -> bool:
    """Whether AdaBN is measured too: it is the control of `base` with batch norm."""
    return choices.model == "base" and choices.bn != "none"


def evaluate_epoch(
    choices: Choices, state: State, source: Domain, target: Domain, split: Split
) -> None:
    """Measure the epoch that has just ended, and complete its row of the history.

    It is measured on the target's development set and on as many utterances trained on (each domain
    weighs one half of the domain loss), and on the source validation set.
    """
    began = time.perf_counter()
    sample = generator(choices.seed, "monitor").permutation(split.train)[: len(split.dev)]
    on_source = encode(state.params, source.features, sample)
    on_target = encode(state.params, target.features, split.dev)
    emotion = predict(state.params, state.running, on_target)  # (n, 2)
    measured = {
        "source_train_uar": uar(source, sample, predict(state.params, state.running, on_source)),
        "target_dev_uar": uar(target, split.dev, emotion),
    }
    if choices.model != "mono":
        measured["mutual_information"] = metrics.information(emotion)
    if len(split.source_val):  # neither mono nor a toy corpus has such a set
        validation = encode(state.params, source.features, split.source_val)
        predicted = predict(state.params, state.running, validation)
        measured["source_val_uar"] = uar(source, split.source_val, predicted)
    if has_adabn(choices):
        adapted = predict(state.params, adabn.statistics(on_target), on_target)  # (n, 2)
        measured["adabn_uar"] = uar(target, split.dev, adapted)
        measured["adabn_mutual_information"] = metrics.information(adapted)
    if choices.model == "our":
        # Column 0 is the probability of "source", column 1 that of "target".
        right = [
            predict(state.params, state.running, encoded, "domain")[:, column]
            for column, encoded in enumerate((on_source, on_target))
        ]
        tiny = np.finfo(np.float32).tiny  # keeps the logarithm from minus infinity
        measured["dev_domain_loss"] = -np.mean([np.log(p + tiny).mean() for p in right])
        measured["domain_uar"] = np.mean([(p > 0.5).mean() for p in right])
    row = dict.fromkeys(HISTORY, math.nan) | state.history[-1] | measured
    row["seconds"] += time.perf_counter() - began
    state.history[-1] = {name: float(row[name]) for name in HISTORY}


def uar(domain: Domain, rows: np.ndarray, probabilities: np.ndarray) -> float:
    """UAR on the utterances `rows` (n,); of a single class its recall; NaN without labels."""
    if domain.labels[0] < 0:
        return math.nan
    counts = metrics.confusion(domain.labels[rows], probabilities.argmax(axis=1))
    return float(np.mean([count[k] / count.sum() for k, count in enumerate(counts) if count.any()]))
