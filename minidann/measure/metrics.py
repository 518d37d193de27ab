"""How good is it: unweighted average recall (UAR), confusion, mutual information."""

import numpy as np
from scipy.special import entr

Counts = dict[str, np.ndarray]  # speaker -> confusion (2, 2) of one run's test rows


def confusion(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Counts (2, 2) of integer labels and predictions (N,): rows true, columns predicted."""
    return np.bincount(2 * labels + predicted, minlength=4).reshape(2, 2)


def uars(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall of each confusion (..., 2, 2) -> (...), 0 to 1.

    0.5 is chance, whatever the sizes of the classes. NaN where a class has no example.
    """
    with np.errstate(invalid="ignore"):  # 0 / 0
        return (counts.diagonal(axis1=-2, axis2=-1) / counts.sum(axis=-1)).mean(axis=-1)


def uar(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Unweighted average recall of labels and predictions (N,), each 0 or 1 -> 0 to 1.

    That is the mean over both classes of the share of their examples that are found. NaN where a
    class has no example.
    """
    return float(uars(confusion(labels, predicted)))


def by_speaker(labels: np.ndarray, predicted: np.ndarray, speakers: np.ndarray) -> Counts:
    """The confusion (2, 2) of each speaker's utterances, by name; all arguments (N,)."""
    return {
        str(name): confusion(labels[speakers == name], predicted[speakers == name])
        for name in np.unique(speakers)
    }


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """The share of pairs of both classes in which the example of class 1 has the higher score.

    labels (N,) of 0 and 1, scores (N,) -> 0 to 1. A tie counts one half, and 0.5 is chance. NaN
    where a class has no example. No threshold is in it.
    """
    ones, zeros = scores[labels == 1], np.sort(scores[labels == 0])
    pairs = len(ones) * len(zeros)
    lower, not_above = (np.searchsorted(zeros, ones, side).sum() for side in ("left", "right"))
    return float((lower + not_above) / 2 / pairs) if pairs else float("nan")


def share_threshold(scores: np.ndarray, share: float) -> float:
    """The threshold at or above which about a `share` of the `scores` (N,) lies; no label is used.

    It is the k-th highest score, where k is share * N, rounded. All scores that tie with it are at
    the threshold, so that more than k can be predicted as class 1. Infinity where k is 0.
    """
    k = round(share * len(scores))
    return float(np.sort(scores)[-k]) if k else float("inf")


def information(probabilities: np.ndarray) -> float:
    """The mutual information of input and prediction, in nats, 0 to log 2; it needs no labels.

    It is the entropy of the mean of `probabilities` (N, 2) less their mean entropy (Bridle et al.
    1991; Krause et al. 2010). It is large where each prediction is sure and both classes are
    predicted about equally often, so it errs where the classes are not equally frequent.
    """
    p = np.asarray(probabilities, np.float64)
    return float(entr(p.mean(axis=0)).sum() - entr(p).sum(axis=1).mean())
