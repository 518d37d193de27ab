"""AdaBN: batch norm's statistics are those of all rows of the target, and nothing else moves."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

import minidann.ops
from minidann import adabn, model, outcome, training
from minidann.normalise import from_frames
from minidann.ops.batchnorm import EPSILON
from minidann.splits import Split
from minidann.state import Choices, Domain, State

ROWS = 70  # more than training.INFERENCE_ROWS: statistics are not those of one batch


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


def encoded(params, features):
    """What goes into batch norm: (n, C) float64."""
    h, _ = model.encode(params, features.batch(np.arange(len(features))))
    return h.astype(np.float64)


def test_equals_batch_norm_by_hand_over_every_row(params, features):
    h = encoded(params, features)
    mean, var = h.sum(axis=0) / len(h), ((h - h.mean(axis=0)) ** 2).sum(axis=0) / len(h)
    f = params["bn.gamma"] * (h - mean) / np.sqrt(var + EPSILON) + params["bn.beta"]
    by_hand = softmax(f @ params["emotion.w"] + params["emotion.b"], axis=1)
    got = adabn.predict(params, features, np.arange(len(features)))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, by_hand, atol=2e-5)
    assert np.ptp(by_hand[:, 0]) > 0.5  # else any answer would be near enough


def test_the_rows_asked_for_change_no_answer(params, features):
    """The statistics are of all rows, however few are asked for, and in whatever order."""
    every = adabn.predict(params, features, np.arange(len(features)))
    rows = np.array([ROWS, 3, 17])
    np.testing.assert_allclose(adabn.predict(params, features, rows), every[rows], atol=1e-6)


def test_running_statistics_are_not_needed_and_gamma_and_beta_stay(params, features):
    """Where the run's own statistics are the target's already, both say the same."""
    h = encoded(params, features)
    running = {"bn.mean": h.mean(axis=0), "bn.var": h.var(axis=0)}
    running = {name: a.astype(np.float32) for name, a in running.items()}
    before = {name: a.copy() for name, a in params.items()}
    rows = np.arange(len(features))
    own = training.probabilities(params, running, features, rows)["emotion"]
    np.testing.assert_allclose(adabn.predict(params, features, rows), own, atol=1e-6)
    assert all(np.array_equal(params[name], a) for name, a in before.items())
    # With other statistics the run's own answers are others: the test above is no tautology.
    other = {"bn.mean": running["bn.mean"] + 1, "bn.var": running["bn.var"]}
    moved = training.probabilities(params, other, features, rows)["emotion"]
    assert np.abs(moved - own).max() > 0.05


def said_of(params, features, labels, name="base", running=None):
    """What `outcome.test` says of ten rows, of a run whose statistics are zeros and ones."""
    if running is None:
        width = len(params["emotion.w"])
        running = {"bn.mean": np.zeros(width, "f4"), "bn.var": np.ones(width, "f4")}
    none = np.array([], int)
    setup = SimpleNamespace(
        choices=Choices("csv", "csv", model=name),
        target=Domain(features, labels, np.full(len(labels), "s")),
        split=Split(none, none, none, np.arange(10)),
    )
    state = State(params, running, {}, {"target": (params, running)}, [{"dev_uar": 0.5}])
    return outcome.test(setup, state, minidann.ops)


def test_a_base_run_is_tested_with_both_and_labels_change_no_answer(params, features):
    labels = np.arange(len(features)) % 2
    said = said_of(params, features, labels)
    assert set(said) == {("target", 1, "own"), ("target", 1, "adabn")}
    by_hand = adabn.predict(params, features, np.arange(10)).argmax(axis=1)
    assert said["target", 1, "adabn"].tolist() == by_hand.tolist()
    for other in (1 - labels, np.zeros_like(labels)):
        again = said_of(params, features, other)
        assert all(np.array_equal(again[key], said[key]) for key in said)


def test_only_a_base_run_with_batch_norm_has_it(params, features):
    labels = np.arange(len(features)) % 2
    assert set(said_of(params, features, labels, "mono")) == {("target", 1, "own")}
    assert set(said_of(params, features, labels, "our")) == {("target", 1, "own")}
    assert set(said_of(params, features, labels, running={})) == {("target", 1, "own")}
