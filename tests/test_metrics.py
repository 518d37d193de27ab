"""UAR, confusion, the interval over speakers."""

import numpy as np
import pytest

from minidann import metrics


def test_confusion_has_true_rows():
    labels, said = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 0])
    assert metrics.confusion(labels, said).tolist() == [[1, 2], [1, 1]]
    assert metrics.uar(labels, said) == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_uar_does_not_care_for_class_sizes():
    labels = np.repeat([0, 1], [10, 990])
    assert metrics.uar(labels, np.ones(1000, int)) == 0.5
    assert np.isnan(metrics.uar(np.ones(5, int), np.ones(5, int)))


def test_interval_by_hand():
    """Three speakers, 4 rows each, every class in each: pseudo-values written out."""
    speakers = np.repeat(["a", "b", "c"], 4)
    labels = np.tile([0, 0, 1, 1], 3)
    said = np.array([0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1])
    left = [metrics.uar(labels[speakers != s], said[speakers != s]) for s in "abc"]
    assert left == pytest.approx([0.625, 0.75, 0.875])
    error = np.sqrt(2 / 3 * np.sum((np.array(left) - 0.75) ** 2))
    low, high = metrics.speaker_interval(labels, said, speakers)
    assert low == pytest.approx(max(0, 0.75 - 4.302653 * error))
    assert high == pytest.approx(min(1, 0.75 + 4.302653 * error))


def test_no_interval_without_enough_speakers():
    labels, said = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1])
    assert metrics.speaker_interval(labels, said, np.array(["a"] * 4)) is None
    assert metrics.speaker_interval(labels, np.ones(4, int), np.array(["a", "b"] * 2)) is None
    only_b_has_ones = np.array(["a", "b", "a", "b"])
    assert metrics.speaker_interval(labels, said, only_b_has_ones) is None


def test_interval_covers_the_truth():
    """Speakers differ in how well they are recognised; about 95 of 100 intervals hold the mean."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        skill = rng.normal(0.7, 0.08, 12).clip(0, 1)
        speakers = np.repeat(np.arange(12), 60)
        labels = rng.integers(0, 2, 720)
        said = np.where(rng.random(720) < skill[speakers], labels, 1 - labels)
        low, high = metrics.speaker_interval(labels, said, speakers)
        covered += low <= 0.7 <= high
    assert 0.92 <= covered / 400 <= 0.98
