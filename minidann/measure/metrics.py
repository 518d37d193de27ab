"""How good is it: unweighted average recall, confusion, mutual information."""

import numpy as np
from scipy.special import entr

from minidann.measure.intervals import uars


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int = 2) -> np.ndarray:
    """Counts (classes, classes) of labels and predictions (N,): rows true, columns predicted."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def uar_of_confusion(counts: np.ndarray) -> float:
    """Unweighted average recall, 0 to 1: the mean over classes of how many were found.

    0.5 is chance for two classes, whatever their sizes. NaN where a class has no example.
    """
    return float(uars(counts))


def uar(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Unweighted average recall, 0 to 1, of integer labels and predictions (N,) of two classes.

    It is the mean over both classes, which both occur, of the share of utterances that are found.
    """
    return uar_of_confusion(confusion(labels, predictions))


def by_speaker(
    labels: np.ndarray, predictions: np.ndarray, speakers: np.ndarray
) -> dict[str, np.ndarray]:
    """The confusion (2, 2) of each speaker's utterances, by name; all arguments (N,)."""
    return {
        str(name): confusion(labels[speakers == name], predictions[speakers == name])
        for name in np.unique(speakers)
    }


def information(probabilities: np.ndarray) -> float:
    """The mutual information of input and prediction, in nats, 0 to log 2; it needs no labels.

    It is the entropy of the mean of `probabilities` (N, 2) less their mean entropy (Bridle et al.
    1991; Krause et al. 2010). It is large where each prediction is sure and both classes are
    predicted about equally often, so it errs where the classes are not equally frequent.
    """
    p = np.asarray(probabilities, np.float64)
    return float(entr(p.mean(axis=0)).sum() - entr(p).sum(axis=1).mean())
