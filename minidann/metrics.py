"""How good is it: unweighted average recall, confusion, an interval over speakers, information."""

import numpy as np
from scipy.special import entr
from scipy.stats import t as student_t


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int = 2) -> np.ndarray:
    """Counts (classes, classes) of integer labels and predictions (N,): rows true, columns said."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def uar_of_confusion(counts: np.ndarray) -> float:
    """Unweighted average recall, 0 to 1: the mean over classes of how many were found.

    0.5 is chance for two classes, whatever their sizes. NaN where a class has no example.
    """
    n = counts.sum(axis=1)
    return float((counts.diagonal() / n).mean()) if n.all() else float("nan")


def uar(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Unweighted average recall of integer labels and predictions (N,) of two classes."""
    return uar_of_confusion(confusion(labels, predictions))


def by_speaker(
    labels: np.ndarray, predictions: np.ndarray, speakers: np.ndarray
) -> dict[str, np.ndarray]:
    """The confusion (2, 2) of each speaker's rows, by name; all arguments (N,)."""
    return {
        str(name): confusion(labels[speakers == name], predictions[speakers == name])
        for name in np.unique(speakers)
    }


def information(probabilities: np.ndarray) -> float:
    """How much the answers (N, 2) tell of the rows, in nats: 0 to log 2. It needs no labels.

    The entropy of the mean answer less the mean entropy of the answers (Bridle et al. 1991;
    Krause et al. 2010). It is large where each answer is sure of itself and both classes are given
    about equally often: so it errs where the classes are not equally frequent.
    """
    p = np.asarray(probabilities, np.float64)
    return float(entr(p.mean(axis=0)).sum() - entr(p).sum(axis=1).mean())


def speaker_interval(
    labels: np.ndarray, predictions: np.ndarray, speakers: np.ndarray, level: float = 0.95
) -> tuple[float, float] | None:
    """The interval of the UAR over speakers, by the jackknife; None where there is none.

    labels, predictions (N,) of 0 and 1, speakers (N,) of names -> (low, high), 0 to 1.
    Utterances of one speaker are alike, so what was drawn by chance is speakers, not utterances.
    Each speaker in turn is left out; from the spread of the UARs left, Student's t with one
    degree of freedom less than there are speakers gives the interval, cut to 0..1 (Efron and
    Tibshirani 1993, chapter 11). There is none with one speaker, nor where a class has only one,
    nor where all predictions are the same: their UAR is 0.5 whoever speaks. How the result hangs
    on the seed of the training is not in it.
    """
    names, speaker = np.unique(speakers, return_inverse=True)
    by_speaker = np.zeros((len(names), 2, 2), np.int64)
    np.add.at(by_speaker, (speaker, labels, predictions), 1)
    total = by_speaker.sum(axis=0)  # (2, 2)
    left_out = np.array([uar_of_confusion(total - one) for one in by_speaker])  # (speakers,)
    s = len(names)
    if s < 2 or np.isnan(left_out).any() or len(np.unique(predictions)) == 1:
        return None
    error = np.sqrt((s - 1) / s * ((left_out - left_out.mean()) ** 2).sum())
    reach = student_t.ppf(0.5 + level / 2, s - 1) * error
    centre = uar_of_confusion(total)
    return max(0.0, float(centre - reach)), min(1.0, float(centre + reach))
