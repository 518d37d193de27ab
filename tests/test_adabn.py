"""AdaBN: batch norm's statistics are those of the target's rows, and nothing else moves."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from minidann import model
from minidann.choices import Choices
from minidann.measure import adabn, metrics
from minidann.ops.batchnorm import EPSILON
from minidann.run import evaluation, outcome
from minidann.run.evaluation import HISTORY
from minidann.run.splits import Split
from minidann.sound.normalise import from_frames
from minidann.training import Domain, State

ROWS = 70  # more than evaluation.BATCH: statistics are not those of one batch
BASE = Choices("csv", "csv", model="base")


@pytest.fixture(scope="module")
def params():
    """A small network with weights that are no longer those of the first step."""
    rng = np.random.default_rng(0)
    found, _ = model.initialise(rng, filters=6)
    noise = {name: rng.standard_normal(a.shape).astype(a.dtype) for name, a in found.items()}
    return {name: a + 0.3 * noise[name] for name, a in found.items()}


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(1)
    frames = [rng.standard_normal((rng.integers(20, 60), 26)) for _ in range(ROWS)]
    frames += [3 + 5 * rng.standard_normal((40, 26))]  # a row that moves the statistics
    return from_frames(frames)


@pytest.fixture(scope="module")
def h(params, features):
    """What goes into batch norm: (n, C) float32."""
    return model.encode(params, features.batch(np.arange(len(features))))[0]


def adapted(params, h):
    """What a run predicts by AdaBN, (n, 2)."""
    return evaluation.predict(params, adabn.statistics(h), h)


def by_hand(params, h):
    """The answers (n, 2), in float64."""
    h = h.astype(np.float64)
    mean, var = h.sum(axis=0) / len(h), ((h - h.mean(axis=0)) ** 2).sum(axis=0) / len(h)
    f = params["bn.gamma"] * (h - mean) / np.sqrt(var + EPSILON) + params["bn.beta"]
    return softmax(f @ params["emotion.w"] + params["emotion.b"], axis=1)


def test_equals_batch_norm_by_hand_over_every_row(params, h):
    expected, got = by_hand(params, h), adapted(params, h)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert np.ptp(expected[:, 0]) > 0.5  # else any answer would be near enough


def test_the_statistics_are_those_of_the_rows_given(params, h):
    """Each row counts, in whatever order; another set of rows has others."""
    got = adabn.statistics(h)
    assert got.keys() == {"bn.mean", "bn.var"}
    assert all(one.dtype == np.float32 for one in got.values())
    np.testing.assert_allclose(got["bn.mean"], h.astype(float).mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(got["bn.var"], h.astype(float).var(axis=0), rtol=1e-4)
    every, turned = adapted(params, h), adapted(params, h[::-1])
    np.testing.assert_allclose(turned[::-1], every, atol=1e-5)
    assert np.abs(adapted(params, h[:-1]) - every[:-1]).max() > 0.01


def test_memory_is_little_beside_the_encoding():
    """That of all target's utterances is 72 MB at the paper's size; no array of that size more."""
    h = np.random.default_rng(0).standard_normal((4000, 1800), dtype=np.float32)  # 29 MB
    params, _ = model.initialise(np.random.default_rng(0))
    tracemalloc.start()
    adapted(params, h)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.7 * h.nbytes


def evaluated(choices, params, features, split):
    """The row of the history after an epoch that left these parameters."""
    labels = np.arange(len(features)) % 2
    domain = Domain(features, labels, np.full(len(labels), "s"))
    width = len(params["emotion.w"])
    running = {"bn.mean": np.zeros(width, "f4"), "bn.var": np.ones(width, "f4")}
    state = State(params, running, {}, [{"epoch": 1.0, "seconds": 0.0}])
    evaluation.evaluate_epoch(choices, state, domain, domain, split)
    return state.history[0]


def test_the_columns_are_of_the_development_set_with_its_statistics(params, features, h):
    labels = np.arange(len(features)) % 2
    rows = np.array([ROWS, *range(0, 40, 2), 7, 9])
    split = Split(np.arange(30), np.arange(30, 40), rows, np.arange(50, 60))
    row = evaluated(BASE, params, features, split)
    expected = adapted(params, h[rows])
    assert row["adabn_uar"] == metrics.uar(labels[rows], expected.argmax(axis=1))
    found = row["adabn_mutual_information"]
    assert found == pytest.approx(metrics.information(expected), abs=1e-5)
    assert found != pytest.approx(row["mutual_information"], abs=1e-3)
    whole = adapted(params, h)[rows]
    assert found != pytest.approx(metrics.information(whole), abs=1e-5)
    without = evaluated(Choices("csv", "csv", model="base", bn="none"), params, features, split)
    assert np.isnan(without["adabn_uar"]) and np.isnan(without["adabn_mutual_information"])
    same = [name for name in HISTORY if "adabn" not in name and name != "seconds"]
    np.testing.assert_equal([without[name] for name in same], [row[name] for name in same])


# The test

COLUMNS = {
    "target_dev_uar": [0.9, 0.5, 0.5], "source_val_uar": [0.5, 0.9, 0.5],
    "mutual_information": [0.1, 0.1, 0.2], "adabn_uar": [0.5, 0.9, 0.5],
    "adabn_mutual_information": [0.3, 0.2, 0.1],
}  # fmt: skip
TEN = np.arange(60, 70)


def predictions(features, labels, epochs, choices=BASE):
    """What `outcome.test` predicts of all utterances; `epochs` are the parameters of each."""
    none = np.array([], int)
    domain = Domain(features, labels, np.full(len(labels), "s"))
    setup = SimpleNamespace(
        choices=choices, mono=choices.model == "mono", labelled=labels[0] >= 0,
        source=domain, target=domain, split=Split(TEN, none, none, TEN),
    )  # fmt: skip
    width = len(epochs[0]["emotion.w"])
    running = {"bn.mean": np.zeros(width, "f4"), "bn.var": np.ones(width, "f4")}
    lacking = [*COLUMNS][1:] if choices.model == "mono" else []
    lacking += ["target_dev_uar", "adabn_uar"] * int(labels[0] < 0)
    columns = COLUMNS | dict.fromkeys(lacking, 3 * [np.nan])
    history = [dict(zip(columns, values)) for values in zip(*columns.values())]
    return outcome.test(setup, history, lambda epoch: (epochs[epoch - 1], running))


def epochs_of(found):
    return {key: tested.epoch for key, tested in found.items()}


def test_a_base_run_is_tested_with_both_and_labels_change_no_prediction(params, features, h):
    labels = np.arange(len(features)) % 2
    # The weights of the second epoch are others: AdaBN must not be tested with those of the first.
    other = params | {"emotion.w": -params["emotion.w"]}
    found = predictions(features, labels, [params, other, params])
    assert epochs_of(found) == {
        ("target", "own"): 1, ("source", "own"): 2, ("information", "own"): 3,
        ("target", "adabn"): 2, ("source", "adabn"): 2, ("information", "adabn"): 1,
    }  # fmt: skip
    first, second = (by_hand(p, h) for p in (params, other))  # (n, 2)
    assert np.abs(first - second).max() > 0.5
    for criterion, expected in (("target", second), ("source", second), ("information", first)):
        np.testing.assert_allclose(found[criterion, "adabn"][1], expected, atol=1e-5)
    for labelled in (1 - labels, np.zeros_like(labels), np.full_like(labels, -1)):
        again = predictions(features, labelled, [params, other, params])
        kept = {key for key in found if labelled[0] >= 0 or key[0] != "target"}
        assert again.keys() == kept
        assert epochs_of(again) == {key: found[key][0] for key in kept}
        assert all(np.array_equal(again[key][1], found[key][1]) for key in kept)


def test_only_base_with_batch_norm_is_tested_with_adabn(params, features):
    labels = np.arange(len(features)) % 2
    own = {("target", "own"), ("source", "own"), ("information", "own")}
    for name, bn, expected in (
        ("base", "none", own), ("our", "bn1", own), ("mono", "bn1", {("target", "own")}),
    ):  # fmt: skip
        choices = Choices("csv", "csv", model=name, bn=bn)
        assert set(predictions(features, labels, 3 * [params], choices=choices)) == expected
