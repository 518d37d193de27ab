"""How far apart are two corpora? As far as a linear classifier can tell them apart.

The proxy A-distance (Ben-David et al. 2007; section 5 of the DANN paper, Ganin et al. 2016) trains
a linear classifier to predict the corpus of a row, and counts its errors on rows it has not seen:

    d = 2 (1 - 2 error)

2: told apart without an error; 0: no better than guessing. On `statistics` it says how far apart
two languages are before training; on the encoder's output, how far apart they are after it.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from minidann.sound.logmel import MELS
from minidann.sound.normalise import Features

FOLDS = 5
# Of l2: columns are often more than rows, so without it weights grow for ever. With 1800 columns,
# 0.01 to 1 say the same but for 0.15; with 52, 1 misses differences that 0.1 finds.
STRENGTH = 0.1
TOLERANCE = 1e-4  # the minimum is reached where no entry of the gradient is larger
CONSTANT = 1e-6  # a standard deviation below this share of the mean is float32's rounding


def proxy_a_distance(
    source: np.ndarray, target: np.ndarray, source_speakers: np.ndarray,
    target_speakers: np.ndarray, rng: np.random.Generator,
) -> float | None:  # fmt: skip
    """The proxy A-distance, 0 to 2, of source (n, C) and target (m, C), of any real dtype.

    `*_speakers` (n,) and (m,) name the speaker of each row; a name in both corpora is two people.
    As many rows of each are used, drawn by `rng` from the larger. Whole speakers are held out, a
    fold at a time: otherwise a classifier could learn voices. Five folds, fewer where a corpus
    has fewer speakers, None where it has only one. An error above one half is chance: 0.
    """
    count = min(len(source), len(target))
    first, second = (np.sort(rng.permutation(len(rows))[:count]) for rows in (source, target))
    x = np.concatenate([source[first], target[second]]).astype(np.float64)  # (2 count, C)
    domain = np.repeat([0, 1], count)  # (2 count,)
    speakers = source_speakers[first], target_speakers[second]  # (count,) each
    folds = min(FOLDS, *(len(np.unique(names)) for names in speakers))
    if folds < 2:
        return None
    fold = np.concatenate([deal(names, folds, rng) for names in speakers])  # (2 count,)
    predicted = np.empty_like(domain)
    for i in range(folds):
        rest, held_out = fold != i, fold == i
        predicted[held_out] = classify(x[rest], domain[rest], x[held_out])
    error = (predicted != domain).mean()  # as many of each language: the mean of both error rates
    return max(0.0, float(2 * (1 - 2 * error)))


def deal(speakers: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """The fold, 0 to folds-1, of each row (n,): whole speakers, the largest ones first, each into
    the smallest fold so far.
    """
    _, speaker, counts = np.unique(speakers, return_inverse=True, return_counts=True)
    shuffled = rng.permutation(len(counts))
    sizes, chosen = np.zeros(folds, int), np.empty(len(counts), int)
    for talker in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
        chosen[talker] = sizes.argmin()
        sizes[chosen[talker]] += counts[talker]
    return chosen[speaker]  # (speakers,) -> (n,)


def classify(x: np.ndarray, domain: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Learn `domain` (N,) of rows x (N, C); -> the predictions for `held_out` (M, C): (M,)."""
    mean, std = x.mean(axis=0), x.std(axis=0)  # (C,) each, of the training rows only
    std[std <= CONSTANT * np.abs(mean)] = np.inf  # a constant column becomes zeros
    w, b = fit((x - mean) / std, domain)
    return ((held_out - mean) / std @ w + b > 0).astype(int)


def fit(x: np.ndarray, domain: np.ndarray) -> tuple[np.ndarray, float]:
    """Logistic regression of language (N,), 0 or 1, on standardised x (N, C): w (C,) and b."""
    start, options = np.zeros(x.shape[1] + 1), {"gtol": TOLERANCE, "ftol": 0}
    weights = minimize(loss, start, (x, domain), "L-BFGS-B", jac=True, options=options).x
    return weights[:-1], weights[-1]


def loss(weights: np.ndarray, x: np.ndarray, domain: np.ndarray) -> tuple[float, np.ndarray]:
    """Cross-entropy + STRENGTH / 4 * sum w^2 at `weights` (C+1,), w and b, and its gradient.

    Each language weighs one half, however many rows a fold leaves of it.
    """
    sign, share = 2 * domain - 1, 0.5 / np.bincount(domain)[domain]  # (N,) each
    margin = sign * (x @ weights[:-1] + weights[-1])  # (N,)
    total = share @ np.logaddexp(0, -margin) + STRENGTH / 4 * (weights[:-1] ** 2).sum()
    dz = -sign * share * expit(-margin)  # (N,)
    return total, np.append(x.T @ dz + STRENGTH / 2 * weights[:-1], dz.sum())


def statistics(features: Features, rows: Sequence[int]) -> np.ndarray:
    """Mean and std of each mel bin over each utterance's unpadded frames: (len(rows), 52)."""
    out = np.empty((len(rows), 2, MELS))
    for i, row in enumerate(rows):
        raw, group = features.raw(row).astype(np.float64), features.group[row]  # (k, 26)
        frames = (raw - features.mean[group]) / features.std[group]
        out[i] = frames.mean(axis=0), frames.std(axis=0)
    return out.reshape(len(rows), 2 * MELS)
