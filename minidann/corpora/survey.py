"""What is in a corpus: every recording listened to, and all of it told in a screenful.

`listen` reads the audio and measures each utterance; `report` puts the measures into words. A
corpus is given away by more than its language: by level, by silence, by clipping. A classifier of
domains hears all of them, so they are worth knowing before training.
"""

import hashlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from minidann.console import progress
from minidann.corpora import CLASSES, DIMENSIONS, Corpus
from minidann.corpora.utterance import Utterance, inside, some
from minidann.logmel import FRAMES
from minidann.truncation import cut_short

CROP = 0.01 * (FRAMES - 1) + 0.025  # seconds: 7.515, the 750 frames that the network sees
SHORT, LONG = 0.5, 30.0  # seconds outside which an utterance is worth a look
FULL_SCALE = 0.999  # of 1.0: three such samples in a row are taken for clipping
ZEROS = 0.1  # seconds of samples that are exactly 0 which are taken for digital silence
QUIET = 0.01  # of the peak (-40 dB): the ends of an utterance below it are quiet


class Sound(NamedTuple):
    """One utterance's measures; levels are taken from the mean of its channels."""

    rate: int  # Hz
    channels: int
    seconds: float
    rms: float  # full scale is 1.0
    lead: float  # seconds before the first and after the last sample above QUIET of the peak
    tail: float
    zeros: float  # seconds, the longest run of exact zeros
    clipped: bool
    digest: bytes  # of the decoded samples: equal where the sound is


def listen(corpus: Corpus) -> tuple[dict[int, Sound], list[str]]:
    """Measure every utterance. Returns {index: Sound} and a problem for each that cannot be."""
    sounds, problems = {}, []
    items = list(enumerate(corpus.utterances))
    for i, utterance in progress(items, len(items), f"reading {corpus.title}", "utterances"):
        try:
            sounds[i] = _measure(utterance)
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            problems.append(f"{_name(corpus, i)}: {error}")
    return sounds, problems


def _measure(utterance: Utterance) -> Sound:
    with soundfile.SoundFile(utterance.path) as file:
        rate = file.samplerate
        first = round((utterance.start or 0.0) * rate)
        last = file.frames if utterance.end is None else round(utterance.end * rate)
        file.seek(min(first, file.frames))
        samples = file.read(max(0, last - first), dtype="float32", always_2d=True)  # (n, channels)
    if damage := cut_short(utterance.path):
        raise ValueError(damage)
    if len(samples) == 0:
        raise ValueError("there is no sample in it")
    if not np.isfinite(samples).all():
        raise ValueError("a sample is not a finite number")
    mono = samples.mean(axis=1)
    size = np.abs(mono)
    loud = np.flatnonzero(size > QUIET * size.max())
    sounding = np.flatnonzero(mono)
    runs = np.diff(np.concatenate([[-1], sounding, [len(mono)]])) - 1  # of zeros, between sounds
    full = np.abs(samples) >= FULL_SCALE
    return Sound(
        rate=rate,
        channels=samples.shape[1],
        seconds=len(mono) / rate,
        rms=float(np.sqrt(np.mean(mono.astype(np.float64) ** 2))),
        lead=loud[0] / rate if len(loud) else 0.0,
        tail=(len(mono) - 1 - loud[-1]) / rate if len(loud) else 0.0,
        zeros=int(runs.max()) / rate,
        clipped=bool((full[:-2] & full[1:-1] & full[2:]).any()),
        digest=hashlib.blake2b(f"{rate} Hz".encode() + mono.tobytes()).digest(),
    )


def report(corpus: Corpus, sounds: dict[int, Sound]) -> list[str]:
    """The lines of the survey; `sounds` as from `listen`."""
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
    odd = [*corpus.remarks, *_odd(corpus, sounds)]
    lines.append("  odd:" if odd else "  nothing odd")
    lines += [f"    - {remark}" for remark in odd]
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


def _odd(corpus: Corpus, sounds: dict[int, Sound]) -> list[str]:
    """Remarks that need the audio."""
    kinds = {
        f"utterances shorter than {SHORT:g} s": lambda s: s.seconds < SHORT,
        f"utterances longer than {LONG:g} s": lambda s: s.seconds > LONG,
        "utterances of nothing but zeros": lambda s: s.rms == 0,
        f"utterances with {ZEROS:g} s or more of exact zeros": lambda s: s.zeros >= ZEROS and s.rms,
        "utterances that clip (3 samples in a row at full scale)": lambda s: s.clipped,
    }
    remarks = []
    for what, is_so in kinds.items():
        if found := [_name(corpus, i) for i, sound in sounds.items() if is_so(sound)]:
            remarks.append(some(found, what))
    if len({s.channels for s in sounds.values()}) > 1:
        usual = Counter(s.channels for s in sounds.values()).most_common(1)[0][0]
        others = [_name(corpus, i) for i, s in sounds.items() if s.channels != usual]
        remarks.append(some(others, f"utterances whose number of channels is not {usual}", show=5))
    same = defaultdict(list)
    for i, sound in sounds.items():
        same[sound.digest].append(_name(corpus, i))
    if twins := [" = ".join(names) for names in same.values() if len(names) > 1]:
        remarks.append(some(twins, "sounds that are there more than once", show=5))
    return remarks


def _name(corpus: Corpus, i: int) -> str:
    """An utterance in messages: its file, and where in it."""
    utterance = corpus.utterances[i]
    root = corpus.root if corpus.root.is_dir() else corpus.root.parent
    path: Path = utterance.path
    name = inside(path, root) if path.is_relative_to(root) else path.as_posix()
    if utterance.start is None and utterance.end is None:
        return name
    end = "end" if utterance.end is None else f"{utterance.end:g} s"
    return f"{name} [{utterance.start or 0:g} s - {end}]"


def _line(name: str, value, note: str = "") -> str:
    return f"  {name:<12} {value!s:>12}  {note}".rstrip() if note else f"  {name:<12} {value}"


def _beside(published: int | None) -> str:
    return "" if published is None else f"published {published}"


def _spread(values: np.ndarray, form: str) -> str:
    low, middle, high = (format(v, form) for v in (min(values), np.median(values), max(values)))
    return f"{low} to {high}, median {middle}"


def _counts(words) -> str:
    return ", ".join(f"{word}: {n}" for word, n in Counter(words).most_common())
