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
    seed: int, source_speakers: np.ndarray, target_speakers: np.ndarray,
    *, model: str, by_speaker: bool,
) -> Split:  # fmt: skip
    """The split of a run; `*_speakers` (n,) name the speaker of each utterance.

    `by_speaker` keeps each speaker's utterances together.
    """
    if model == "mono":
        parts = [1 - MONO_DEV - MONO_TEST, MONO_DEV]
        train, dev, test = cut([seed, 0], target_speakers, parts, by_speaker, "target")
        return Split(train, np.array([], int), dev, test)
    dev, test = cut([seed, 0], target_speakers, [TARGET_DEV], by_speaker, "target")
    train, source_val = np.arange(len(source_speakers)), np.array([], int)
    if len(train) >= 1 / SOURCE_VAL:  # otherwise a toy, of which nothing can be spared
        source_val, train = cut([seed, 1], source_speakers, [SOURCE_VAL], by_speaker, "source")
    return Split(train, source_val, dev, test)


def cut(
    seed: list[int], speakers: np.ndarray, fractions: list[float], by_speaker: bool, whose: str
) -> list[np.ndarray]:
    """Shuffled utterances, `by_speaker` whole speakers, in parts of `fractions` and the rest."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(speakers))
    ends = np.arange(1, len(rows) + 1)  # where it may be cut
    if by_speaker:
        place = {name: i for i, name in enumerate(rng.permutation(np.unique(speakers)))}
        rows = rows[np.argsort([place[name] for name in speakers[rows]], kind="stable")]
        named = speakers[rows]
        ends = ends[np.append(named[1:] != named[:-1], True)]  # the next one has another speaker
    if len(ends) <= len(fractions):
        unit = ("speaker" if by_speaker else "utterance") + "s" * (len(ends) > 1)
        raise UserError(
            f"{whose}: {len(ends)} {unit} cannot be split into {len(fractions) + 1} parts; "
            "use a larger corpus" + (", or --split utterance" if by_speaker else "")
        )
    cuts, first = [], 0
    for part, wanted in enumerate(np.cumsum(fractions) * len(rows)):
        last = len(ends) - len(fractions) + part  # leave one for each part still to come
        nearest = first + int(np.abs(ends[first:last] - wanted).argmin())
        cuts.append(ends[nearest])
        first = nearest + 1
    return np.split(rows, cuts)
