"""The proxy A-distance: near 0 for equal corpora, 2 for different ones; no learning of voices."""

import numpy as np
import pytest
from scipy.stats import norm

from minidann.gradcheck import differences
from minidann.measure import distance
from minidann.sound.logmel import MELS
from minidann.sound.normalise import from_frames

SPEAKERS = np.repeat(np.arange(10), 20)  # (200,)


def measure(source, target, source_speakers=None, target_speakers=None, seed=0):
    """The distance; ten speakers take turns where none are given."""
    names = [
        np.arange(len(rows)) % 10 if given is None else given
        for rows, given in ((source, source_speakers), (target, target_speakers))
    ]
    return distance.proxy_a_distance(source, target, *names, np.random.default_rng(seed))


def noise(seed, *shape, shift=0.0):
    """Normal numbers; `shift` is added to the first column."""
    x = np.random.default_rng(seed).standard_normal(shape)
    x[:, 0] += shift
    return x


def test_as_many_columns_as_the_encoder_has():
    """More columns than rows, so every training fold can be learnt by heart. The mean of six."""
    pairs = [np.random.default_rng(i).standard_normal((2, 45, 1800)) for i in range(6)]
    same, near, far = (np.mean([measure(x, y + s) for x, y in pairs]) for s in (0, 0.08, 0.6))
    assert same < 0.2
    assert 0.5 < near < 1.5
    assert far == 2


@pytest.mark.parametrize("shift", [0, 1, 10])
def test_near_the_best_that_is_possible(shift):
    """From equal to far apart. Of normal distributions it is known: error is Phi(-shift / 2)."""
    best = 2 * (1 - 2 * norm.cdf(-shift / 2))
    x, y = noise(0, 4000, 5), noise(1, 4000, 5, shift=shift)
    assert measure(x, y) == pytest.approx(best, abs=0.05)


def test_an_error_above_one_half_is_chance():
    """What the training folds teach is wrong in the fold held out: no negative distance."""
    x = np.array([[0.0], [1.0]] * 10)
    y = np.array([[1.0], [0.0]] * 10)
    names = np.array(["a", "b"] * 10)
    assert measure(x, y, names, names) == 0


def test_voices_are_not_languages():
    """Each speaker has an offset of its own and the languages do not differ beyond that."""
    rng = np.random.default_rng(0)
    voices = 3 * rng.standard_normal((2, 10, 50))
    x, y = (voices[i][SPEAKERS] + rng.standard_normal((200, 50)) for i in (0, 1))
    by_speaker = measure(x, y, SPEAKERS, SPEAKERS)
    by_row = measure(x, y, np.arange(200), np.arange(200))  # every row a speaker of its own
    assert by_row > 1.9
    assert by_speaker < 0.7


def test_folds_are_whole_speakers_of_about_equal_size():
    counts = [100, 60, 50, 50, 40, 30, 30, 20, 10, 10]
    speakers = np.random.default_rng(0).permutation(np.repeat(list("abcdefghij"), counts))
    fold = distance.deal(speakers, 4, np.random.default_rng(0))
    for name in "abcdefghij":
        assert len(set(fold[speakers == name])) == 1
    assert np.bincount(fold, minlength=4).tolist() == [100, 100, 100, 100]
    several = {tuple(distance.deal(speakers, 4, np.random.default_rng(s))) for s in range(20)}
    assert len(several) > 1


@pytest.fixture
def folds(monkeypatch):
    """The numbers of the rows that each fold asks about. A row's only column is its number.

    Those of the target have numbers from 100 on. Every answer is "source".
    """
    asked = []

    def spy(x, domain, held_out):
        np.testing.assert_array_equal(domain, x[:, 0] >= 100)
        assert set(domain) == {0, 1} and not set(x[:, 0]) & set(held_out[:, 0])
        asked.append(held_out[:, 0].astype(int))
        return np.zeros(len(held_out), int)

    monkeypatch.setattr(distance, "classify", spy)
    return asked


def test_each_fold_trains_without_the_speakers_it_is_tested_on(folds):
    """Here a row's number is its speaker's."""
    names = np.repeat(np.arange(7), [5, 10, 15, 20, 25, 30, 35])
    x, y = names[:, None] + 0.0, names[:, None] + 100.0
    assert measure(x, y, names, names) == 0  # one language all right, the other all wrong
    assert sorted(np.concatenate(folds)) == sorted([*x[:, 0], *y[:, 0]])  # each row once


@pytest.mark.parametrize(("source", "target", "count"), [(10, 10, 5), (3, 10, 3), (10, 2, 2)])
def test_fewer_folds_where_there_are_fewer_speakers(folds, source, target, count):
    x, names = np.arange(60.0)[:, None], [np.arange(60) % speakers for speakers in (source, target)]
    measure(x, x + 100, *names)
    assert len(folds) == count and len(np.concatenate(folds)) == 120
    alone = np.array(["a"] * 60)
    for names in ((alone, None), (None, alone), (alone, alone)):
        assert measure(x, x + 100, *names) is None


def test_as_many_rows_of_each_drawn_from_the_larger(folds):
    few, many = np.arange(30.0)[:, None], np.arange(1000.0, 1300)[:, None]
    draws = []
    for seed in (0, 1):
        folds.clear()
        measure(few, many, seed=seed)
        asked = sorted(np.concatenate(folds))
        assert asked[:30] == list(range(30))
        draws.append(asked[30:])
        assert len(set(draws[-1])) == 30
        assert max(draws[-1]) - min(draws[-1]) > 200  # not those that come first
    assert draws[0] != draws[1]


def test_nothing_is_learnt_from_the_rows_held_out():
    """Asked alone or together with strange ones, the predictions are the same."""
    x, domain = noise(0, 60, 4), np.repeat([0, 1], 30)
    x[30:] += 1
    held_out = noise(1, 30, 4) * 5
    together = distance.classify(x, domain, np.concatenate([held_out, np.full((9, 4), 1e3)]))
    alone = [distance.classify(x, domain, row[None])[0] for row in held_out]
    assert together[:30].tolist() == alone
    assert set(alone) == {0, 1}


def test_units_offsets_constant_columns_and_the_dtype_do_not_count():
    x, y = noise(0, 200, 6), noise(1, 200, 6, shift=1.5)
    expected = measure(x, y)
    scale, offset = 10.0 ** np.arange(-6, 6, 2), np.arange(6) * 3
    assert measure(x * scale + offset * scale, y * scale + offset * scale) == expected
    constant = np.repeat([[0.0, 0.1, -7e8]], 200, axis=0)
    assert measure(np.hstack([x, constant]), np.hstack([y, constant])) == expected
    assert measure(constant, constant) == 0
    rounding = np.float32(0.7) * (1 + 1e-7 * noise(2, 200, 2))  # a constant, as float32 sums it up
    assert measure(rounding, rounding + 1e-8) == 0
    only_here = constant.copy()
    only_here[::10, 0] = 1e6  # one speaker has it, and everybody else a constant
    found = measure(np.hstack([x, only_here]), np.hstack([y, constant]))
    assert found == pytest.approx(expected, abs=0.2)
    x, y = x.astype(np.float32), y.astype(np.float32)  # added up in float64
    assert measure(x, y) == measure(x.astype(np.float64), y.astype(np.float64))


def test_gradient_of_the_loss():
    """Against central differences; more rows of one language than of the other."""
    rng = np.random.default_rng(0)
    x, domain = rng.standard_normal((9, 4)), np.array([0, 1, 1, 1, 0, 1, 1, 1, 1])
    weights = rng.standard_normal(5)
    (expected,) = differences(lambda w: distance.loss(w, x, domain)[0], weights)
    np.testing.assert_allclose(distance.loss(weights, x, domain)[1], expected, rtol=1e-6, atol=1e-9)


def test_loss_by_hand():
    """Nothing learnt: log 2. Otherwise each language's mean surprise, one half each, and l2."""
    x, domain = np.array([[1.0], [2.0], [-1.0]]), np.array([0, 0, 1])
    assert distance.loss(np.zeros(2), x, domain)[0] == pytest.approx(np.log(2))
    scores = 3 * x[:, 0]  # of language 1 against language 0, with w = 3 and no b
    surprise = np.log1p(np.exp(np.where(domain == 0, scores, -scores)))
    expected = surprise[:2].mean() / 2 + surprise[2] / 2 + distance.STRENGTH / 4 * 9
    assert distance.loss(np.array([3.0, 0]), x, domain)[0] == pytest.approx(expected)


@pytest.mark.parametrize("columns", [10, 400])
def test_the_minimum_is_scikit_learns(columns):
    """The same classifier, up to when each of the two stops.

    scikit-learn's C weighs the sum over rows against sum w^2 / 2: it is 2 / (STRENGTH * rows).
    """
    linear = pytest.importorskip(
        "sklearn.linear_model", reason="scikit-learn, the oracle, is not installed"
    )
    x = np.concatenate([noise(0, 60, columns, shift=1), noise(1, 140, columns)])
    domain = np.repeat([0, 1], [60, 140])
    w, b = distance.fit(x, domain)
    oracle = linear.LogisticRegression(
        C=2 / (distance.STRENGTH * 200), class_weight="balanced", tol=1e-10, max_iter=10_000
    ).fit(x, domain)
    np.testing.assert_allclose(w, oracle.coef_[0], atol=5e-3)
    assert b == pytest.approx(oracle.intercept_[0], abs=5e-3)


def test_statistics_are_of_what_the_network_gets():
    """A louder recording is no distance; the padding is not in them; long ones are cropped."""
    rng = np.random.default_rng(0)
    frames = [rng.standard_normal((k, MELS)) * 3 - 8 for k in (20, 750, 900, 1)]
    rows, lengths = [2, 0, 1, 0, 3], (750, 20, 750, 20, 1)
    found = distance.statistics(from_frames(frames), rows)
    assert (found.shape, found.dtype) == ((5, 52), np.float64)
    batch = from_frames(frames).batch(np.array(rows))  # (5, 750, 26)
    for numbers, utterance, k in zip(found, batch, lengths):
        np.testing.assert_allclose(numbers[:26], utterance[:k].mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(numbers[26:], utterance[:k].std(axis=0), atol=1e-5)
    louder = from_frames([raw * 0.5 + 4 for raw in frames])
    np.testing.assert_allclose(distance.statistics(louder, rows), found, atol=1e-5)
    assert distance.statistics(louder, rows[:0]).shape == (0, 52)
