"""The loop on made-up features: what is drawn, what is learned, what a stop costs."""

from dataclasses import replace

import numpy as np
import pytest

from minidann import model, training
from minidann.choices import SELECTION, Choices
from minidann.console import UserError
from minidann.measure import metrics
from minidann.run import evaluation, folder, splits
from minidann.run.evaluation import HISTORY
from minidann.run.outcome import best_epoch
from minidann.sound.normalise import from_frames
from minidann.training import Domain, start

CHOICES = Choices("made-up", "made-up", epochs=4, batch_size=8)


def domain(seed, n, shift=0.0, difference=1.0, input="paper"):
    """Made-up utterances of 100 to 300 frames; class 1 is louder in the upper bins."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 2)
    frames = []
    for label in labels:
        x = rng.standard_normal((rng.integers(100, 300), 26)).astype(np.float32)
        x[:, 13:] += difference * label
        x[:, :5] += shift * np.sin(np.arange(len(x)) / 9)[:, None]
        frames.append(x)
    return Domain(from_frames(frames, input), labels, np.array([f"s{i % 6}" for i in range(n)]))


@pytest.fixture(scope="module")
def both():
    return pair("paper")


def pair(input):
    source = domain(0, 44, input=input)  # of which 4 are held out
    target = domain(1, 50, shift=3.0, input=input)
    split = splits.draw(0, source.speakers, target.speakers, model="our", by_speaker=False)
    return source, target, split


def train(choices, both, state=None, keep=lambda state: None):
    """Train and evaluate -> the state, and (params, running) after each epoch."""
    source, target, split = both
    epochs = []

    def on_epoch_end(state):
        evaluation.evaluate_epoch(choices, state, source, target, split)
        epochs.append((state.params, state.running))
        keep(state)

    state = state or start(choices)
    training.train(choices, state, source, target, split.train, on_epoch_end=on_epoch_end)
    return state, epochs


def assert_same_history(first, second):
    numbers = [
        [[row[name] for name in HISTORY if name != "seconds"] for row in state.history]
        for state in (first, second)
    ]
    np.testing.assert_array_equal(*numbers)


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


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
    state, _ = train(replace(CHOICES, bn=bn, beta_schedule="ganin", epochs=1), both)
    arrays = {**state.params, **state.running, **state.adam}
    kinds = {array.dtype for name, array in arrays.items() if not name.endswith(".t")}
    assert kinds == {np.dtype(np.float32)}


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "choice", [{"bn": "bn1"}, {"bn": "bn4"}, {"bn": "none"}, {"input": "levelled"}]
)
def test_a_kill_costs_nothing_but_the_epoch_under_way(choice, tmp_path):
    choices = replace(CHOICES, **choice)
    both = pair(choices.input)
    whole, whole_epochs = train(choices, both)

    def kill_in_the_third(state):
        folder.keep(tmp_path, state)
        if state.epoch == 2:
            (tmp_path / "epochs" / "3.npz").write_bytes(b"an epoch that the checkpoint lacks")
            raise Killed

    with pytest.raises(Killed):
        train(choices, both, keep=kill_in_the_third)
    state = folder.start_or_resume(choices, tmp_path)
    assert state.epoch == 2
    resumed, _ = train(choices, both, state, lambda state: folder.keep(tmp_path, state))
    for name in ("params", "running", "adam"):
        assert same(getattr(whole, name), getattr(resumed, name)), name
    assert_same_history(whole, resumed)
    for epoch, arrays in enumerate(whole_epochs, 1):
        for there, here in zip(folder.epoch_arrays(tmp_path, resumed, epoch), arrays):
            assert same(there, here), epoch


def test_the_checkpoint_is_written_last(both, tmp_path, monkeypatch):
    """So a kill before it leaves a history that is ahead, which the next epoch writes anew."""

    replace_file = folder.store.write

    def write(path, content):
        if path.name == "checkpoint.npz":
            raise Killed
        replace_file(path, content)

    monkeypatch.setattr(folder.store, "write", write)
    with pytest.raises(Killed):
        train(CHOICES, both, keep=lambda state: folder.keep(tmp_path, state))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epochs", "history.csv"]


def test_another_seed_is_another_run(both):
    (first, _), (second, _) = train(CHOICES, both), train(replace(CHOICES, seed=1), both)
    assert not same(first.params, second.params)


def test_base_and_our_read_the_same_source_rows_in_the_same_order(both):
    source, target, split = both
    read = {}
    for name in ("base", "our"):
        rows = read.setdefault(name, [])

        class Recording:
            @staticmethod
            def batch(numbers, out, rng, rows=rows):
                rows.append(list(numbers))
                return source.features.batch(numbers, out)

        recorded = Domain(Recording(), source.labels, source.speakers)
        choices = replace(CHOICES, model=name)
        training.train_epoch(choices, start(choices), recorded, target, split.train)
    assert len(read["base"]) == 5
    assert read["base"] == read["our"]


@pytest.mark.parametrize("name", ["base", "our"])
def test_twenty_utterances_are_learned_by_heart(name):
    few = domain(5, 20, difference=0.0)  # nothing but noise to tell them apart
    split = splits.Split(*4 * [np.arange(20)])
    choices = replace(CHOICES, model=name, batch_size=20, epochs=30, dropout=0.0, beta=0.0)
    state, _ = train(choices, (few, few, split))
    encoded = evaluation.encode(state.params, few.features, np.arange(20))
    predicted = evaluation.predict(state.params, state.running, encoded, "emotion").argmax(axis=1)
    assert metrics.uar(few.labels, predicted) == 1.0


def test_without_reversal_the_domain_classifier_tells_the_domains_apart(both):
    """beta 0 leaves the encoder alone: a domain gradient that reaches only the classifier."""
    state, _ = train(replace(CHOICES, beta=0.0, epochs=6), both)
    assert state.history[-1]["domain_uar"] > 0.8
    assert state.history[-1]["domain_grad_norm"] == 0
    ours, _ = train(CHOICES, both)
    assert ours.history[-1]["domain_grad_norm"] > 0


def test_each_criterion_selects_an_epoch_that_has_what_its_column_says(both):
    state, epochs = train(CHOICES, both)
    assert [list(row) for row in state.history] == [list(HISTORY)] * 4
    source, target, split = both
    sets = {"target": (target, split.dev), "source": (source, split.source_val)}
    for criterion, (column, *_) in SELECTION.items():
        epoch = best_epoch(state.history, column)
        best = max(row[column] for row in state.history)
        assert state.history[epoch - 1][column] == best
        domain, rows = sets.get(criterion, (target, split.dev))
        params, running = epochs[epoch - 1]
        encoded = evaluation.encode(params, domain.features, rows)
        probabilities = evaluation.predict(params, running, encoded, "emotion")
        if criterion == "information":
            assert metrics.information(probabilities) == best
        else:
            assert metrics.uar(domain.labels[rows], probabilities.argmax(axis=1)) == best
    columns = [criterion.column for criterion in SELECTION.values()]
    assert len({best_epoch(state.history, column) for column in columns}) > 1


def test_training_and_two_of_the_criteria_never_see_a_label_of_the_target(both):
    source, target, split = both
    other = Domain(target.features, 1 - target.labels, target.speakers)
    (first, epochs), (second, again) = (
        train(CHOICES, (source, domain, split)) for domain in (target, other)
    )
    by_target = [best_epoch(state.history, "target_dev_uar") for state in (first, second)]
    assert by_target[0] != by_target[1]
    for row, same_row in zip(first.history, second.history):
        nothing = {"seconds": 0, "target_dev_uar": 0}
        assert row | nothing == same_row | nothing
    assert all(same(one_epoch[0], other_epoch[0]) for one_epoch, other_epoch in zip(epochs, again))


def test_a_model_has_only_the_columns_that_it_can_have(both):
    source, target, _ = both
    adversarial = {"domain_loss", "dev_domain_loss", "domain_uar", "beta", "domain_grad_norm"}
    adabn = {"adabn_uar", "adabn_mutual_information"}
    absent = {
        ("our", "bn1"): adabn,
        ("base", "bn1"): adversarial,
        ("base", "none"): adversarial | adabn,
        ("mono", "bn1"): adversarial | adabn | {"source_val_uar", "mutual_information"},
    }
    for (name, bn), columns in absent.items():
        split = splits.draw(0, source.speakers, target.speakers, model=name, by_speaker=False)
        data = (target if name == "mono" else source), target, split
        state, _ = train(replace(CHOICES, model=name, bn=bn, epochs=1), data)
        assert {name for name, value in state.history[0].items() if np.isnan(value)} == columns


def test_shuffled_domain_labels_are_a_placebo(both, monkeypatch):
    """Drawn anew for each step over all its examples; all other draws stay the same."""
    seen = []
    forward = model.forward

    def spy(*args, domain_labels, **options):
        seen.append(domain_labels)
        return forward(*args, domain_labels=domain_labels, **options)

    monkeypatch.setattr(model, "forward", spy)
    shuffled = replace(CHOICES, domain_labels="shuffled", beta=0.0, epochs=1)
    placebo, _ = train(shuffled, both)
    n = len(seen[0]) // 2
    assert all(labels.sum() == n for labels in seen)
    assert len({labels.tobytes() for labels in seen}) == len(seen)  # anew each time
    assert (np.mean(seen, axis=0) != np.repeat([0, 1], n)).all()
    true, _ = train(replace(CHOICES, beta=0.0, epochs=1), both)
    for name in true.params:  # nothing is reversed, so the encoder does not hear of it
        same = np.array_equal(true.params[name], placebo.params[name])
        assert same == (not name.startswith("domain."))
    seen.clear()
    train(replace(shuffled, bn="bn4"), both)
    assert {int(labels.sum()) for labels in seen} != {0, n}  # bn4's two steps have both


def test_a_loss_that_turns_bad_within_an_epoch_stops_the_run(both):
    source, target, split = both

    class Spoilt:
        calls = 0

        @classmethod
        def batch(cls, rows, out, rng):
            cls.calls += 1
            source.features.batch(rows, out)
            if cls.calls == 3:
                out[:] = np.nan
            return out

    spoilt = Domain(Spoilt, source.labels, source.speakers)
    with pytest.raises(UserError, match="epoch 1: a loss or a weight is not finite; the run"):
        train(CHOICES, (spoilt, target, split))
