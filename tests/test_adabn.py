"""AdaBN: batch norm's statistics are those of the target's rows, and nothing else moves."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

import minidann.ops
from minidann import model, training
from minidann.measure import adabn, metrics
from minidann.ops.batchnorm import EPSILON
from minidann.run import outcome
from minidann.run.splits import Split
from minidann.sound.normalise import from_frames
from minidann.state import ADABN_SELECTION, HISTORY, SELECTION, Choices, Domain, State, start

ROWS = 70  # more than training.INFERENCE_ROWS: statistics are not those of one batch
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


def by_hand(params, h):
    """The probabilities (n, 2), in float64."""
    h = h.astype(np.float64)
    mean, var = h.sum(axis=0) / len(h), ((h - h.mean(axis=0)) ** 2).sum(axis=0) / len(h)
    f = params["bn.gamma"] * (h - mean) / np.sqrt(var + EPSILON) + params["bn.beta"]
    return softmax(f @ params["emotion.w"] + params["emotion.b"], axis=1)


def test_equals_batch_norm_by_hand_over_every_row(params, h):
    expected, got = by_hand(params, h), adabn.predict(params, h)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert np.ptp(expected[:, 0]) > 0.5  # else any prediction would be near enough


def test_the_statistics_are_those_of_the_rows_given(params, h):
    """Each row counts, in whatever order; another set of rows has others."""
    got = adabn.statistics(h)
    assert got.keys() == {"bn.mean", "bn.var"}
    assert all(one.dtype == np.float32 for one in got.values())
    np.testing.assert_allclose(got["bn.mean"], h.astype(float).mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(got["bn.var"], h.astype(float).var(axis=0), rtol=1e-4)
    every, turned = adabn.predict(params, h), adabn.predict(params, h[::-1])
    np.testing.assert_allclose(turned[::-1], every, atol=1e-5)
    assert np.abs(adabn.predict(params, h[:-1]) - every[:-1]).max() > 0.01


def test_running_statistics_are_not_needed_and_gamma_and_beta_stay(params, features, h):
    """Where the run's own statistics are the target's already, both say the same."""
    running = adabn.statistics(h)
    before = {name: a.copy() for name, a in params.items()}
    rows = np.arange(len(features))
    own = training.probabilities(params, running, features, rows)["emotion"]
    np.testing.assert_allclose(adabn.predict(params, h), own, atol=1e-6)
    assert all(np.array_equal(params[name], a) for name, a in before.items())
    # With other statistics the run's own predictions are others: the test above is no tautology.
    other = {"bn.mean": running["bn.mean"] + 1, "bn.var": running["bn.var"]}
    moved = training.probabilities(params, other, features, rows)["emotion"]
    assert np.abs(moved - own).max() > 0.05


def test_no_running_statistics_leave_what_goes_into_batch_norm(params, features, h):
    some = training.representations(params, {}, features, np.arange(len(features)))
    np.testing.assert_allclose(np.concatenate(list(some)), h, atol=1e-5)


# The epochs


def scripted(monkeypatch, columns, choices=BASE):
    """Train with made-up figures: {column: [one an epoch]}. The weights are the epoch's number.

    Returns the state and, for each criterion, the epoch whose weights it kept.
    """
    epochs = len(next(iter(columns.values())))
    choices = Choices(**{**vars(choices), "epochs": epochs})
    state = start(choices, 750, 26)

    def one_epoch(choices, state, *_, **__):
        state.params = {"w": np.array([state.epoch + 1.0])}
        return {}

    def look(choices, state, *_):
        row = dict.fromkeys(HISTORY, math.nan)
        return row | {name: float(values[state.epoch]) for name, values in columns.items()}

    monkeypatch.setattr(training, "train_epoch", one_epoch)
    monkeypatch.setattr(training, "monitor", look)
    training.train(choices, state, None, None, None, tell=lambda state: None)
    return state, {name: int(params["w"][0]) for name, (params, _) in state.kept.items()}


COLUMNS = {
    "target_dev_uar": [0.5, 0.9, 0.6, 0.6, 0.5, 0.5],
    "source_val_uar": [0.9, 0.8, 0.7, 0.6, 0.6, 0.6],
    "mutual_information": [0.1, 0.1, 0.4, 0.2, 0.2, 0.1],
    "adabn_uar": [0.5, 0.5, 0.6, 0.8, 0.8, 0.7],
    "adabn_mutual_information": [0.1, 0.2, 0.2, 0.2, 0.3, 0.4],
}  # fmt: skip


def test_adabn_chooses_epochs_of_its_own_by_its_own_columns(monkeypatch):
    state, kept = scripted(monkeypatch, COLUMNS)
    assert kept == {"target": 2, "source": 1, "information": 3,
                    "target adabn": 4, "information adabn": 6}  # fmt: skip
    assert kept == {name: state.best_epoch(name) for name in state.kept}
    assert [*kept] == [*SELECTION, *ADABN_SELECTION]


def test_bases_own_epochs_do_not_hang_on_adabn(monkeypatch):
    turned = {name: values[::-1] if "adabn" in name else values for name, values in COLUMNS.items()}
    _, kept = scripted(monkeypatch, turned)
    assert kept == {"target": 2, "source": 1, "information": 3,
                    "target adabn": 2, "information adabn": 1}  # fmt: skip
    turned = {name: values if "adabn" in name else values[::-1] for name, values in COLUMNS.items()}
    _, kept = scripted(monkeypatch, turned)  # nor the other way round
    assert kept == {"target": 5, "source": 6, "information": 4,
                    "target adabn": 4, "information adabn": 6}  # fmt: skip


def test_only_base_with_batch_norm_has_such_criteria():
    for name, bn, there in (("base", "bn1", True), ("base", "none", False), ("our", "bn1", False),
                            ("our", "none", False), ("mono", "bn1", False)):  # fmt: skip
        kept = start(Choices("csv", "csv", model=name, bn=bn), 750, 26).kept
        assert (ADABN_SELECTION.keys() <= kept.keys()) == there, (name, bn)
        assert there or not ADABN_SELECTION.keys() & kept.keys()


def a_state(params, criteria, history, other=None):
    """Of a run whose statistics are zeros and ones; adabn's criteria kept the weights `other`."""
    width = len(params["emotion.w"])
    running = {"bn.mean": np.zeros(width, "f4"), "bn.var": np.ones(width, "f4")}
    kept = {one: (other if other and "adabn" in one else params, running) for one in criteria}
    return State(params, running, {}, kept, history)


def test_the_columns_are_of_the_development_rows_with_their_statistics(params, features, h):
    labels = np.arange(len(features)) % 2
    domain = Domain(features, labels, np.full(len(labels), "s"))
    rows = np.array([ROWS, *range(0, 40, 2), 7, 9])
    split = Split(np.arange(30), np.arange(30, 40), rows, np.arange(50, 60))
    state = a_state(params, [*SELECTION, *ADABN_SELECTION], [])
    found = training.monitor(BASE, state, domain, domain, split)
    expected = adabn.predict(params, h[rows])
    assert found["adabn_uar"] == metrics.uar(labels[rows], expected.argmax(axis=1))
    assert found["adabn_mutual_information"] == pytest.approx(
        metrics.information(expected), abs=1e-5
    )
    assert found["adabn_mutual_information"] != pytest.approx(found["mutual_information"], abs=1e-3)
    whole = adabn.predict(params, h)[rows]
    assert found["adabn_mutual_information"] != pytest.approx(metrics.information(whole), abs=1e-5)
    without = training.monitor(BASE, a_state(params, SELECTION, []), domain, domain, split)
    assert np.isnan(without["adabn_uar"]) and np.isnan(without["adabn_mutual_information"])
    same = [name for name in HISTORY if "adabn" not in name]
    np.testing.assert_equal([without[name] for name in same], [found[name] for name in same])


# The test


HISTORY_OF_THREE = [
    {"target_dev_uar": 0.9, "source_val_uar": 0.5, "mutual_information": 0.1, "adabn_uar": 0.5,
     "adabn_mutual_information": 0.1},
    {"target_dev_uar": 0.5, "source_val_uar": 0.9, "mutual_information": 0.1, "adabn_uar": 0.9,
     "adabn_mutual_information": 0.2},
    {"target_dev_uar": 0.5, "source_val_uar": 0.5, "mutual_information": 0.2, "adabn_uar": 0.5,
     "adabn_mutual_information": 0.3},
]  # fmt: skip
TEN = np.arange(60, 70)


def predictions_of(params, features, labels, criteria, other=None):
    """What `outcome.test` predicts for ten utterances."""
    none = np.array([], int)
    setup = SimpleNamespace(
        choices=BASE,
        target=Domain(features, labels, np.full(len(labels), "s")),
        split=Split(none, none, none, TEN),
    )
    state = a_state(params, criteria, HISTORY_OF_THREE, other)
    return outcome.test(setup, state, minidann.ops)


def test_a_base_run_is_tested_with_both_and_labels_change_no_prediction(params, features, h):
    labels = np.arange(len(features)) % 2
    # The weights at adabn's own epochs are others: it must not be tested with base's.
    other = params | {"emotion.w": -params["emotion.w"]}
    predicted = predictions_of(params, features, labels, [*SELECTION, *ADABN_SELECTION], other)
    assert set(predicted) == {
        ("target", 1, "own"), ("source", 2, "own"), ("information", 3, "own"),
        ("target", 2, "adabn"), ("source", 2, "adabn"), ("information", 3, "adabn"),
    }  # fmt: skip
    same, turned = (by_hand(one, h)[TEN].argmax(axis=1).tolist() for one in (params, other))
    assert same != turned
    assert predicted["source", 2, "adabn"].tolist() == same  # at the one epoch of both
    assert predicted["target", 2, "adabn"].tolist() == turned
    assert predicted["information", 3, "adabn"].tolist() == turned
    for labelled in (1 - labels, np.zeros_like(labels)):
        again = predictions_of(params, features, labelled, [*SELECTION, *ADABN_SELECTION], other)
        assert again.keys() == predicted.keys()
        assert all(np.array_equal(again[key], predicted[key]) for key in predicted)


def test_only_a_run_with_adabns_criteria_is_tested_with_it(params, features):
    labels = np.arange(len(features)) % 2
    own = {("target", 1, "own"), ("source", 2, "own"), ("information", 3, "own")}
    assert set(predictions_of(params, features, labels, SELECTION)) == own
    assert set(predictions_of(params, features, labels, ["target"])) == {("target", 1, "own")}
