"""What is in a corpus: the code reads every recording and prints a screenful about all."""

from collections import Counter

import numpy as np

from minidann.corpora import CLASSES, DIMENSIONS, Corpus, about
from minidann.corpora.utterance import examples
from minidann.sound import features
from minidann.sound.logmel import FRAMES
from minidann.sound.warnings import Sound, Warnings, data_warnings

CROP = 0.01 * (FRAMES - 1) + 0.025  # seconds: 7.515, the 750 frames that the network sees


def measure_all(corpus: Corpus) -> tuple[dict[int, Sound], list[tuple[str, str]]]:
    """Measure every utterance: {number: Sound}, and (where, why) if it cannot be trained on.

    That depends on the preset, whose frame an utterance must be as long as: here it is the default.
    """
    sounds, bad = {}, []
    label = f"reading {corpus.title}"
    for i, sound, frames in features.extract_each(corpus.utterances, "paper", label):
        if sound is None:
            bad.append((corpus.where(i), frames))
        else:
            sounds[i] = sound
    return sounds, bad


def warnings(corpus: Corpus, found: Warnings) -> list[str]:
    """The data warnings about the sound of a corpus, a sentence each."""
    return [
        examples(what, [" = ".join(corpus.where(i) for i in numbers) for numbers in groups])
        for what, groups in found.items()
    ]


def report(corpus: Corpus, sounds: dict[int, Sound]) -> list[str]:
    """The lines of the survey; `sounds` as from `measure_all`."""
    published = corpus.published
    lines = [
        f"{corpus.title} ({corpus.language}; {corpus.kind}) in {corpus.root}",
        _line("utterances", len(corpus.utterances), _beside(published.get("utterances"))),
    ]
    each = Counter(corpus.speakers().tolist())
    fewest, most = min(each.values()), max(each.values())
    spread = f"{fewest} to {most}" if fewest < most else f"{fewest}"
    lines.append(_line("speakers", len(each), f"{spread} utterances each"))
    if sounds:
        lines += _of_sounds(list(sounds.values()))
    for dimension in DIMENSIONS:
        if not corpus.labelled(dimension):
            lines.append(_line(dimension, "no labels"))
            continue
        classes = corpus.labels(dimension)
        counts = np.bincount(classes, minlength=2)
        beside = published.get(dimension, (None, None))
        for side, word in enumerate(CLASSES[dimension]):
            share = f"{counts[side] / len(classes):.1%}"
            left = dimension if side == 0 else ""
            lines.append(
                f"  {left:<8} {word:<9} {counts[side]:>6}  {share:>6}  "
                f"{_beside(beside[side])}".rstrip()
            )
        exact = sum(getattr(u, dimension) == corpus.threshold for u in corpus.utterances)
        if exact:
            word = CLASSES[dimension][0]
            lines.append(f"{'':11}{exact} of the {word} are exactly {corpus.threshold:g}")
    found = [*corpus.warnings, *warnings(corpus, data_warnings(sounds)), *about(corpus)]
    lines.append("  data warnings:" if found else "  no data warnings")
    lines += [f"    - {warning}" for warning in found]
    return lines


def _of_sounds(sounds: list[Sound]) -> list[str]:
    seconds = np.array([s.seconds for s in sounds])
    longer = seconds > CROP
    lines = [
        _line("hours", f"{seconds.sum() / 3600:.2f}"),
        _line("seconds", _spread(seconds, ".2f")),
        _line(
            "", f"{longer.sum()} ({longer.mean():.1%}) are longer than {CROP:g} s and are cropped"
        ),
        _line("rate", _counts(f"{s.rate} Hz" for s in sounds)),
        _line("channels", _counts(f"{s.channels}" for s in sounds)),
    ]
    if rms := [s.rms for s in sounds if s.rms > 0]:
        level = f"{_spread(20 * np.log10(rms), '.1f')}, RMS in dB of full scale"
        lines.append(_line("level", level))
    lead, tail = (np.median([getattr(s, end) for s in sounds]) for end in ("lead", "tail"))
    lines.append(_line("quiet", f"{lead:.2f} s before and {tail:.2f} s after, by the median"))
    return lines


def _line(name: str, value, note: str = "") -> str:
    return f"  {name:<12} {value!s:>12}  {note}".rstrip() if note else f"  {name:<12} {value}"


def _beside(published: int | None) -> str:
    return "" if published is None else f"published {published}"


def _spread(values: np.ndarray, form: str) -> str:
    low, middle, high = (format(v, form) for v in (min(values), np.median(values), max(values)))
    return f"{low} to {high}, median {middle}"


def _counts(words) -> str:
    return ", ".join(f"{word}: {n}" for word, n in Counter(words).most_common())
