"""Which utterances train, select and test."""

import numpy as np
import pytest

from minidann.console import UserError
from minidann.run import splits

SOURCE = np.repeat([f"s{i}" for i in range(23)], 20)
TARGET = np.repeat([f"t{i}" for i in range(10)], [80, 120, 95, 105, 100, 60, 140, 100, 90, 110])


def draw(seed=0, model="our", by_speaker=False):
    return splits.draw(seed, SOURCE, TARGET, model=model, by_speaker=by_speaker)


@pytest.mark.parametrize("by_speaker", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_every_row_is_in_one_part(seed, by_speaker):
    split = draw(seed, by_speaker=by_speaker)
    assert sorted([*split.dev, *split.test]) == list(range(len(TARGET)))
    assert sorted([*split.train, *split.source_val]) == list(range(len(SOURCE)))
    assert len(split.source_val) / len(SOURCE) == pytest.approx(0.1, abs=0.03)
    assert len(split.dev) / len(TARGET) == pytest.approx(0.3, abs=0.08 if by_speaker else 0.001)


@pytest.mark.parametrize("seed", range(5))
def test_speakers_stay_whole(seed):
    split = draw(seed, by_speaker=True)
    assert not set(TARGET[split.dev]) & set(TARGET[split.test])
    assert not set(SOURCE[split.source_val]) & set(SOURCE[split.train])
    mono = draw(seed, model="mono", by_speaker=True)
    parts = [set(TARGET[rows]) for rows in (mono.train, mono.dev, mono.test)]
    assert all(parts)
    assert sum(map(len, parts)) == 10


@pytest.mark.parametrize("by_speaker", [False, True])
def test_the_target_is_split_alike_for_every_model(by_speaker):
    our = draw(3, "our", by_speaker=by_speaker)
    base = draw(3, "base", by_speaker)
    np.testing.assert_array_equal(our.test, base.test)
    np.testing.assert_array_equal(our.dev, base.dev)
    np.testing.assert_array_equal(our.train, base.train)
    assert not np.array_equal(our.test, draw(4, by_speaker=by_speaker).test)
    mono = draw(3, "mono", by_speaker=by_speaker)
    assert sorted([*mono.train, *mono.dev, *mono.test]) == list(range(len(TARGET)))
    assert set(mono.test) <= set(our.test)


def test_fractions():
    mono = draw(model="mono")
    assert [len(rows) for rows in (mono.train, mono.dev, mono.test)] == [700, 50, 250]
    assert len(draw().source_val) == 46


def test_too_few_speakers():
    speaker = np.array(["a"] * 50)
    with pytest.raises(
        UserError, match="target: 1 speaker cannot be split into 2 parts.*--split utter"
    ):
        splits.draw(0, SOURCE, speaker, model="our", by_speaker=True)
    two = np.array(["a", "b"] * 25)  # as many as there are parts
    split = splits.draw(0, SOURCE, two, model="our", by_speaker=True)
    assert len(split.dev) == len(split.test) == 25
    with pytest.raises(UserError, match="target: 2 speakers cannot be split into 3 parts"):
        splits.draw(0, SOURCE, two, model="mono", by_speaker=True)


def test_a_toy_holds_nothing_out():
    few = np.array(["a", "b"] * 4)
    split = splits.draw(0, few, TARGET, model="base", by_speaker=False)
    assert len(split.source_val) == 0 and sorted(split.train) == list(range(8))
