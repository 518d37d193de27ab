"""Which utterances train, which select the epoch, which test.

The same for every model of one seed, so that their differences are paired: a permutation of the
target's utterances is drawn from the seed; the first 30% are its development set, the other 70% its
test set. 10% of the source are the source validation set, drawn in the same way. `mono` trains on
the target itself and takes 5% and the last 25% of the same permutation, so it is tested on
utterances that all models are tested on.
"""

from dataclasses import dataclass

import numpy as np

from minidann.console import UserError

TARGET_DEV = 0.30
SOURCE_VAL = 0.10  # of the source
MONO_DEV, MONO_TEST = 0.05, 0.25


@dataclass(frozen=True)
class Split:
    """The numbers of utterances of the source (train, source_val) and of the target (dev, test).

    For `mono` the source is the target, and the source validation set is empty.
    """

    train: np.ndarray
    source_val: np.ndarray
    dev: np.ndarray
    test: np.ndarray


def draw(
    seed: int,
    source_speakers: np.ndarray,
    target_speakers: np.ndarray,
    *,
    model: str,
    by_speaker: bool,
) -> Split:
    """The split of a run; `*_speakers` (n,) name the speaker of each utterance.

    10% of the source are not trained on but validate, so that an epoch can be chosen without labels
    of the target. `by_speaker` keeps each speaker's utterances together.
    """
    target = order(np.random.default_rng([seed, 0]), target_speakers, by_speaker)
    if model == "mono":
        parts = [1 - MONO_DEV - MONO_TEST, MONO_DEV, MONO_TEST]
        train, small, test = cut(target, parts, target_speakers, by_speaker, "target")
        return Split(train, np.array([], int), small, test)
    parts = [TARGET_DEV, 1 - TARGET_DEV]
    target_dev, test = cut(target, parts, target_speakers, by_speaker, "target")
    source = order(np.random.default_rng([seed, 1]), source_speakers, by_speaker)
    if len(source) < 1 / SOURCE_VAL:  # a toy: nothing of it can be spared
        return Split(source, source[:0], target_dev, test)
    parts = [SOURCE_VAL, 1 - SOURCE_VAL]
    source_val, train = cut(source, parts, source_speakers, by_speaker, "source")
    return Split(train, source_val, target_dev, test)


def order(rng: np.random.Generator, speakers: np.ndarray, by_speaker: bool) -> np.ndarray:
    """All utterances in random order; `by_speaker`, whole speakers in random order."""
    rows = rng.permutation(len(speakers))
    if by_speaker:
        names = rng.permutation(np.unique(speakers))
        place = {name: i for i, name in enumerate(names)}
        rows = rows[np.argsort([place[name] for name in speakers[rows]], kind="stable")]
    return rows


def cut(
    rows: np.ndarray, fractions: list[float], speakers: np.ndarray, by_speaker: bool, whose: str
) -> list[np.ndarray]:
    """`rows` in parts of these fractions; `by_speaker`, cut at the nearest change of speaker.

    Each part gets at least an utterance, or a speaker. Raises UserError, about the corpus `whose`,
    where there are too few.
    """
    named = speakers[rows]
    ends = np.arange(1, len(rows) + 1)
    if by_speaker:  # only where the next utterance has another speaker
        ends = ends[np.append(named[1:] != named[:-1], True)]
    if len(ends) < len(fractions):
        unit = ("speaker" if by_speaker else "utterance") + "s" * (len(ends) > 1)
        raise UserError(
            f"{whose}: {len(ends)} {unit} cannot be split into {len(fractions)} parts; "
            "use a larger corpus" + (", or --split utterance" if by_speaker else "")
        )
    cuts, first = [], 0
    for part, wanted in enumerate(np.cumsum(fractions)[:-1] * len(rows)):
        last = len(ends) - (len(fractions) - 1 - part)  # leave one for each part still to come
        nearest = first + int(np.abs(ends[first:last] - wanted).argmin())
        cuts.append(ends[nearest])
        first = nearest + 1
    return np.split(rows, cuts)
