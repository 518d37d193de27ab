"""The loop on made-up features: what is drawn, what is learned, what a stop costs."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import minidann.ops
from minidann import feeding, model, optim, training
from minidann.console import UserError
from minidann.measure import metrics
from minidann.ops import conv_relu_maxpool
from minidann.ops.dropout import draw_mask
from minidann.run import splits
from minidann.sound.normalise import from_frames
from minidann.state import (
    ADVERSARIAL,
    HISTORY,
    SELECTION,
    Choices,
    Domain,
    State,
    load,
    save,
    start,
)

PLAIN = SimpleNamespace(**{name: getattr(minidann.ops, name) for name in minidann.ops.__all__})
PLAIN.conv_relu_maxpool = conv_relu_maxpool.compose()

CHOICES = Choices("made-up", "made-up", epochs=4, batch_size=8)


def domain(seed, n, shift=0.0, difference=1.0):
    """Made-up utterances of 100 to 300 frames; class 1 is louder in the upper bins."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 2)
    frames = []
    for label in labels:
        one = rng.standard_normal((rng.integers(100, 300), 26)).astype(np.float32)
        one[:, 13:] += difference * label
        one[:, :5] += shift * np.sin(np.arange(len(one)) / 9)[:, None]
        frames.append(one)
    return Domain(from_frames(frames), labels, np.array([f"s{i % 6}" for i in range(n)]))


@pytest.fixture(scope="module")
def both():
    source, target = domain(0, 44), domain(1, 50, shift=3.0)  # 4 of the 44 validate
    split = splits.draw(0, source.speakers, target.speakers, model="our", by_speaker=False)
    return source, target, split


def train(choices, both, state=None, tell=lambda state: None, **options):
    state = state or start(choices, 750, 26)
    return training.train(choices, state, *both, tell=tell, **options)


def assert_same(one, other):
    """Every array of two states, those of the kept epochs among them."""
    for name in ("params", "running", "adam"):
        assert same(getattr(one, name), getattr(other, name)), name
    assert one.kept.keys() == other.kept.keys()
    for name, (params, running) in one.kept.items():
        assert same(params, other.kept[name][0]) and same(running, other.kept[name][1]), name


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_cycle_uses_every_row_before_one_repeats():
    rows = np.array([10, 11, 12, 13, 14, 15, 16])
    long = training.cycle(0, rows, 0, 70)
    for i in range(0, 70, 7):
        assert sorted(long[i : i + 7]) == list(rows)
    assert not np.array_equal(long[:7], long[7:14])
    for first in (0, 1, 6, 7, 20):
        np.testing.assert_array_equal(training.cycle(0, rows, first, 15), long[first : first + 15])


def test_beta_schedules():
    assert training.scheduled_beta(CHOICES, 0.3) == 1.0
    ganin = replace(CHOICES, beta=2.0, beta_schedule="ganin")
    assert training.scheduled_beta(ganin, 0.0) == 0
    assert training.scheduled_beta(ganin, 1.0) == pytest.approx(2 * np.tanh(5))


@pytest.mark.parametrize("bn", ["bn1", "bn4", "none"])
def test_training_stays_in_float32_whatever_the_schedule(both, bn):
    state = train(replace(CHOICES, bn=bn, beta_schedule="ganin", epochs=1), both)
    arrays = {**state.params, **state.running, **state.adam}
    kinds = {array.dtype for name, array in arrays.items() if not name.endswith(".t")}
    assert kinds == {np.dtype(np.float32)}


@pytest.mark.parametrize("bn", ["bn1", "bn2", "bn3", "bn4", "none"])
def test_same_seed_same_bytes_and_a_stop_costs_nothing(both, bn, tmp_path):
    choices = replace(CHOICES, bn=bn)
    whole = train(choices, both)
    assert same(whole.params, train(choices, both).params)

    class Stop(Exception):
        pass

    def stop_after_two(state):
        save(tmp_path / "checkpoint.npz", state, choices)
        if state.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        train(choices, both, tell=stop_after_two)
    state = load(tmp_path / "checkpoint.npz", choices, start(choices, 750, 26), 5)
    assert state.epoch == 2
    resumed = train(choices, both, state)
    assert_same(whole, resumed)
    numbers = [[row[k] for k in HISTORY if k != "seconds"] for row in whole.history]
    again = [[row[k] for k in HISTORY if k != "seconds"] for row in resumed.history]
    np.testing.assert_array_equal(numbers, again)


@pytest.mark.parametrize("batches", [1, 5, 7])
@pytest.mark.parametrize("bn", ["bn1", "bn4"])
def test_a_stop_between_two_steps_costs_nothing(both, bn, batches, tmp_path):
    """Stopped after 1, after the 5 of the first epoch, and after 2 of the second."""
    choices = replace(CHOICES, bn=bn)
    whole = train(choices, both)
    state, count = start(choices, 750, 26), iter(range(1, 100))
    training.train(choices, state, *both, tell=lambda _: None, stop=lambda: next(count) == batches)
    assert (state.epoch, state.batches) == divmod(batches, 5) if batches != 5 else (0, 5)
    assert state.seconds > 0
    save(tmp_path / "checkpoint.npz", state, choices)
    resumed = load(tmp_path / "checkpoint.npz", choices, start(choices, 750, 26), 5)
    assert resumed.records == state.records and resumed.batches == state.batches
    train(choices, both, resumed)
    assert_same(whole, resumed)
    numbers = [[row[k] for k in HISTORY if k != "seconds"] for row in whole.history]
    again = [[row[k] for k in HISTORY if k != "seconds"] for row in resumed.history]
    np.testing.assert_array_equal(numbers, again)


def test_a_checkpoint_of_other_choices_is_refused(both, tmp_path):
    save(tmp_path / "checkpoint.npz", start(CHOICES, 750, 26), CHOICES)
    with pytest.raises(UserError, match="a run with other choices"):
        load(tmp_path / "checkpoint.npz", replace(CHOICES, alpha=0.4), start(CHOICES, 750, 26), 5)


def test_another_seed_is_another_run(both):
    one, other = train(CHOICES, both), train(replace(CHOICES, seed=1), both)
    assert not same(one.params, other.params)


def test_base_and_our_read_the_same_source_rows_in_the_same_order(both):
    source, target, split = both
    read = {}
    for name in ("base", "our"):
        rows = read.setdefault(name, [])

        class Recording:
            @staticmethod
            def batch(numbers, out, rows=rows):
                rows.append(list(numbers))
                return source.features.batch(numbers, out)

        recorded = Domain(Recording(), source.labels, source.speakers)
        choices = replace(CHOICES, model=name)
        training.train_epoch(choices, start(choices, 750, 26), recorded, target, split)
    assert len(read["base"]) == 5
    assert read["base"] == read["our"]


def test_target_labels_are_never_seen_in_training(both):
    source, target, split = both
    other = Domain(target.features, 1 - target.labels, target.speakers)
    one, two = (start(CHOICES, 750, 26) for _ in range(2))
    training.train_epoch(CHOICES, one, source, target, split)
    training.train_epoch(CHOICES, two, source, other, split)
    assert same(one.params, two.params)


def test_losses_begin_where_random_weights_put_them(both):
    """Log 2 with classifiers of zeros, which know nothing. Glorot's weights, over features that
    batch norm brings to variance 1, guess instead: two scores of variance 2 each, so that the
    loss begins near the mean of log(1 + exp(d)), d normal with variance 4, which is about 1.0.
    """
    source, target, _ = both
    x = np.concatenate([source.features.batch(range(20)), target.features.batch(range(20))])
    guesses = np.logaddexp(0, 2 * np.random.default_rng(0).standard_normal(100_000)).mean()
    losses = []
    for seed in range(6):
        params = start(replace(CHOICES, seed=seed), 750, 26).params
        for zero in (True, False):
            heads = {n: 0 * params[n] for n in ("emotion.w", "domain.w")} if zero else {}
            both_losses, _ = model.forward(
                params | heads, x, emotion_labels=source.labels[:20],
                domain_labels=np.repeat([0, 1], 20), mode="bn1",
            )  # fmt: skip
            if zero:
                np.testing.assert_allclose(both_losses, np.log(2), rtol=1e-6)
            else:
                losses += both_losses
    assert np.mean(losses) == pytest.approx(guesses, abs=0.2)


@pytest.mark.parametrize("name", ["base", "our"])
def test_twenty_utterances_are_learned_by_heart(name):
    few = domain(5, 20, difference=0.0)  # nothing but noise to tell them apart
    split = splits.Split(*4 * [np.arange(20)])
    choices = replace(CHOICES, model=name, batch_size=20, epochs=30, dropout=0.0, beta=0.0)
    state = train(choices, (few, few, split))
    predicted = training.probabilities(state.params, state.running, few.features, np.arange(20))
    assert metrics.uar(few.labels, predicted["emotion"].argmax(axis=1)) == 1.0


def test_without_reversal_the_domain_classifier_tells_the_languages_apart(both):
    """beta 0 leaves the encoder alone: a domain gradient that reaches only the classifier."""
    state = train(replace(CHOICES, beta=0.0, epochs=6), both)
    assert state.history[-1]["domain_uar"] > 0.8
    assert state.history[-1]["domain_grad_norm"] == 0
    ours = train(CHOICES, both)
    assert ours.history[-1]["domain_grad_norm"] > 0


def test_history_has_every_column_and_each_criterion_its_best_epoch(both):
    state = train(CHOICES, both)
    assert [list(row) for row in state.history] == [list(HISTORY)] * 4
    source, target, split = both
    emotion = {"target": (target, split.dev), "source": (source, split.source_val)}
    for criterion, column in SELECTION.items():
        best = max(row[column] for row in state.history)
        assert state.history[state.best_epoch(criterion) - 1][column] == best
        domain, rows = emotion.get(criterion, (target, split.dev))
        predicted = training.probabilities(*state.kept[criterion], domain.features, rows)["emotion"]
        if criterion == "information":
            assert metrics.information(predicted) == best
        else:
            assert metrics.uar(domain.labels[rows], predicted.argmax(axis=1)) == best
    assert len({state.best_epoch(criterion) for criterion in SELECTION}) > 1  # or nothing was shown


def test_two_of_the_criteria_never_see_a_label_of_the_target(both):
    source, target, split = both
    other = Domain(target.features, 1 - target.labels, target.speakers)
    one, two = (train(CHOICES, (source, domain, split)) for domain in (target, other))
    assert one.best_epoch("target") != two.best_epoch("target")
    for criterion in ("source", "information"):
        assert one.best_epoch(criterion) == two.best_epoch(criterion)
        assert same(one.kept[criterion][0], two.kept[criterion][0])
    for row, again in zip(one.history, two.history):
        nothing = {"seconds": 0, "target_dev_uar": 0}
        assert row | nothing == again | nothing


def test_mono_has_one_criterion_and_no_other_language(both):
    _, target, _ = both
    split = splits.draw(0, target.speakers, target.speakers, model="mono", by_speaker=False)
    state = train(replace(CHOICES, model="mono"), (target, target, split))
    assert list(state.kept) == ["target"]
    for column in (*ADVERSARIAL, "source_val_uar", "mutual_information"):
        assert np.isnan([row[column] for row in state.history]).all()


@pytest.mark.parametrize("bn", feeding.MODES)
def test_the_plain_ops_train_to_the_same_weights(both, bn):
    """50 steps in float64 on padded rows; in float32 two right programs drift apart."""
    source, target = domain(0, 40), both[1]
    choices = replace(CHOICES, bn=bn, l2=1e-3)
    params, running = model.initialise(
        np.random.default_rng(0), filters=20, batch_norm=bn != "none", dtype=np.float64
    )
    fast = State(params, running, optim.start(params), {})
    slow = State(params, running, optim.start(params), {})
    for i in range(50 // len(feeding.steps(bn, 16, 16))):
        rows = np.arange(i, i + 16) % 40
        x = np.concatenate([source.features.batch(rows), target.features.batch(rows)])
        mask = draw_mask(np.random.default_rng(i), (32, 180), 0.5, np.float64)
        for state, which in ((fast, minidann.ops), (slow, PLAIN)):
            for part, count in feeding.steps(bn, 16, 16):
                training.update(
                    choices, state, x[part].astype(np.float64), source.labels[rows][:count],
                    mask[part], rate=1e-3, beta=1.0, ops=which,
                )  # fmt: skip
    for name in params:
        difference = np.abs(fast.params[name] - slow.params[name]).max()
        assert difference <= 1e-8, f"{name}: {difference}"


def test_a_loss_that_turns_bad_within_an_epoch_stops_the_run(both):
    source, target, split = both

    class Spoilt:
        calls = 0

        @classmethod
        def batch(cls, rows, out):
            cls.calls += 1
            source.features.batch(rows, out)
            if cls.calls == 3:
                out[:] = np.nan
            return out

    spoilt = Domain(Spoilt, source.labels, source.speakers)
    with pytest.raises(UserError, match="epoch 1, step 3"):
        train(CHOICES, (spoilt, target, split))


def test_a_loss_that_is_not_a_number_stops_the_run(both):
    state = start(CHOICES, 750, 26)
    state.params["emotion.b"] = state.params["emotion.b"] * np.nan
    with pytest.raises(
        UserError, match="epoch 1, step 1: the emotion loss is nan; the run diverged"
    ):
        train(CHOICES, both, state)
