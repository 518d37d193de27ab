"""UAR, confusion, mutual information."""

import numpy as np
import pytest

from minidann.measure import metrics


def test_confusion_has_true_rows():
    labels, predicted = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 0])
    assert metrics.confusion(labels, predicted).tolist() == [[1, 2], [1, 1]]
    assert metrics.uar(labels, predicted) == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_uar_does_not_care_for_class_sizes():
    labels = np.repeat([0, 1], [10, 990])
    assert metrics.uar(labels, np.ones(1000, int)) == 0.5
    assert np.isnan(metrics.uar(np.ones(5, int), np.ones(5, int)))


def test_by_speaker():
    labels, predicted = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 0, 1])
    found = metrics.by_speaker(labels, predicted, np.array(["b", "a", "b", "b", "a"]))
    assert {name: counts.tolist() for name, counts in found.items()} == {
        "a": [[0, 1], [0, 1]],
        "b": [[1, 0], [1, 1]],
    }


def test_information():
    """log 2 for sure and balanced predictions, 0 for equal predictions, of one class or unsure."""
    sure = np.array([[1, 0], [0, 1]] * 5, np.float32)
    assert metrics.information(sure) == pytest.approx(np.log(2))
    assert metrics.information(np.tile([1.0, 0.0], (9, 1))) == 0
    assert metrics.information(np.tile([0.7, 0.3], (9, 1))) == pytest.approx(0)
    p = np.array([[0.9, 0.1], [0.4, 0.6]])
    mean = -(0.65 * np.log(0.65) + 0.35 * np.log(0.35))
    each = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1) + 0.4 * np.log(0.4) + 0.6 * np.log(0.6)) / 2
    assert metrics.information(p) == pytest.approx(mean - each)


def test_auc_counts_ties_one_half():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 60), rng.integers(0, 8, 60) / 8
    pairs = [(a > b) + (a == b) / 2 for a in scores[labels == 1] for b in scores[labels == 0]]
    assert metrics.auc(labels, scores) == pytest.approx(np.mean(pairs))
    assert np.isnan(metrics.auc(np.ones(3, int), np.arange(3.0)))


def test_the_threshold_gives_the_share_and_takes_all_ties():
    scores = np.array([0.1, 0.9, 0.4, 0.4, 0.2])
    for share, count in ((0, 0), (0.2, 1), (0.4, 3), (0.6, 3), (1, 5)):
        assert (scores >= metrics.share_threshold(scores, share)).sum() == count
