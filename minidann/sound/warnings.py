"""Data warnings about the sound of a corpus that can be used: silence, clipping, duplicates.

Two corpora differ in more than their languages: in level, in silence, in clipping. A domain
classifier can use all of these, so they are worth knowing before training.
"""

import zlib
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from minidann.sound.audio import mixed

SHORT, LONG = 0.5, 30.0  # seconds outside which an utterance is worth a look
FULL_SCALE = 0.999  # of 1.0: three such samples in a row are taken for clipping
ZEROS = 0.1  # seconds of samples that are exactly 0 which are taken for digital silence
QUIET = 0.01  # of the peak (-40 dB): the ends of an utterance below it are quiet

Warnings = dict[str, list[list[int]]]  # warning -> utterances, each alone, or all duplicates


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
    checksum: int  # CRC-32 of the decoded samples, the mean of their channels


def measure(channels: np.ndarray, rate: int, start: float | None, end: float | None) -> Sound:
    """Measure the utterance from `start` to `end` (seconds; None: its own end) of a recording.

    channels (samples, channels) float32, not empty between the two times.
    """
    first = round((start or 0.0) * rate)
    last = len(channels) if end is None else round(end * rate)
    channels = channels[first:last]  # (n, channels)
    mono = mixed(channels)  # (n,)
    size = np.abs(mono)
    loud = size > QUIET * size.max()  # (n,), all False in silence
    zeros = np.flatnonzero(mono == 0)
    ends = np.flatnonzero(np.diff(zeros) > 1)  # of runs of zeros, but for the last
    runs = np.diff(np.concatenate([[-1], ends, [len(zeros) - 1]]))
    full = np.abs(channels) >= FULL_SCALE
    return Sound(
        rate=rate,
        channels=channels.shape[1],
        seconds=len(mono) / rate,
        rms=float(np.sqrt(np.mean(np.square(mono, dtype=np.float64)))),
        lead=int(loud.argmax()) / rate,
        tail=int(loud[::-1].argmax()) / rate,
        zeros=int(runs.max()) / rate,
        clipped=bool(full.any() and (full[:-2] & full[1:-1] & full[2:]).any()),
        checksum=zlib.crc32(np.ascontiguousarray(mono)),
    )


def data_warnings(sounds: dict[int, Sound]) -> Warnings:
    """The data warnings about these utterances, {number: Sound}; a warning names some of them."""
    kinds = {
        f"utterances shorter than {SHORT:g} s": lambda s: s.seconds < SHORT,
        f"utterances longer than {LONG:g} s": lambda s: s.seconds > LONG,
        "utterances of nothing but zeros": lambda s: s.rms == 0,
        f"utterances with {ZEROS:g} s or more of exact zeros": lambda s: s.zeros >= ZEROS and s.rms,
        "utterances that clip (3 samples in a row at full scale)": lambda s: s.clipped,
    }
    for of, unit in (("rate", " Hz"), ("number of channels", "")):
        name = of.split()[-1]  # the field of Sound
        usual = Counter(getattr(s, name) for s in sounds.values()).most_common(1)
        if usual:
            what = f"utterances whose {of} is not {usual[0][0]}{unit}, as is usual here"
            kinds[what] = lambda s, name=name, most=usual[0][0]: getattr(s, name) != most
    found: Warnings = {}
    for what, is_so in kinds.items():
        if numbers := [[i] for i, sound in sounds.items() if is_so(sound)]:
            found[what] = numbers
    same = defaultdict(list)
    for i, sound in sounds.items():
        same[sound.checksum, sound.rms, sound.seconds, sound.rate].append(i)
    if duplicates := [numbers for numbers in same.values() if len(numbers) > 1]:
        found["duplicate recordings"] = duplicates
    return found
