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
