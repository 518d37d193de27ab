"""Data warnings about the sound of a corpus that can be used: silence, clipping, duplicates.

Two corpora differ in more than their languages: in level, in silence, in clipping. A domain
classifier can use all of these, so they are worth knowing before training.
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidann.sound import truncation
from minidann.sound.audio import mixed

SHORT, LONG = 0.5, 30.0  # seconds outside which an utterance is worth a look
CLIPPED = 0.5  # of full scale: three equal samples in a row at the peak of such a recording
ZEROS = 0.1  # seconds of samples that are exactly 0 which are taken for digital silence
QUIET = 0.01  # of the peak (-40 dB): the ends of an utterance below it are quiet
SILENCE = 1e-6  # of full scale: a peak below it is nothing, also where a codec made it of zeros
MUTE = 0.6  # of the length (in RAVDESS, where silence is cut to zeros, up to 0.51)
STEP = 2.0**-15  # of full scale: one of 16 bits
STEPS = 129  # a peak below so many, as 24 bits that hold 16 have (real speech tried: 149 or more)
BLOCK = 0.025  # seconds over which a level is taken
# dB from the 5th to the 95th percentile of the levels: white noise has 1, pink noise 7, the
# quietest real speech tried 17 (EMO-DB and RAVDESS; their median is 59), the demo's 17.
SPEECH = 12

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
    silent: float  # the share of it that is silence to the last bit
    clipped: bool
    peak: float  # the largest sample of any channel
    span: float  # dB from the quietest of its levels to the loudest, see SPEECH
    ended: bool  # its file says where it ends
    checksum: int  # CRC-32 of the decoded samples, the mean of their channels


def measure(
    path: Path, channels: np.ndarray, rate: int, start: float | None, end: float | None
) -> Sound:
    """Measure the utterance from `start` to `end` (seconds; None: its own end) of a recording.

    channels (samples, channels) float32, as decoded from `path`, not empty between the two times.
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
    peak = max(float(channels.max()), -float(channels.min()))
    block = min(len(mono), round(BLOCK * rate))
    blocks = mono[: len(mono) // block * block].reshape(-1, block)
    power = np.einsum("ij,ij->i", blocks, blocks) / block  # (blocks,)
    heard = power[power > STEP**2 / 12]  # what is below was rounded to zeros, or nearly
    levels = 10 * np.log10(np.sort(heard)) if len(heard) else np.zeros(1)  # dB, from the quietest
    return Sound(
        rate=rate,
        channels=channels.shape[1],
        seconds=len(mono) / rate,
        rms=float(np.sqrt(np.mean(np.square(mono, dtype=np.float64)))),
        lead=int(loud.argmax()) / rate,
        tail=int(loud[::-1].argmax()) / rate,
        zeros=int(runs.max()) / rate,
        silent=1 - len(heard) / len(power),
        clipped=peak > CLIPPED and bool(_thrice(np.abs(channels) == peak)),
        peak=peak,
        span=float(levels[int(0.95 * len(levels))] - levels[int(0.05 * len(levels))]),
        ended=truncation.says_its_end(path),
        checksum=zlib.crc32(np.ascontiguousarray(mono)),
    )


def _thrice(there: np.ndarray) -> bool:
    """Whether three samples in a row of a channel are True, of (samples, channels)."""
    return (there[:-2] & there[1:-1] & there[2:]).any()


# What makes an utterance doubtful, by the words after "utterances", and the figure that shows it.
ODD: dict[str, tuple[Callable[[Sound], bool], str]] = {
    f"shorter than {SHORT:g} s": (lambda s: s.seconds < SHORT, "{seconds:.2f} s"),
    "of nothing but zeros": (lambda s: s.peak < SILENCE, "{seconds:.2f} s"),
    f"with exact zeros over {MUTE:.0%} of the length or more": (
        lambda s: s.silent >= MUTE and s.peak >= SILENCE, "{silent:.0%}",
    ),
    "with clipping, three or more samples in a row at the peak": (
        lambda s: s.clipped, "peak {peak:.3f}",
    ),
    f"with a peak below {STEPS} steps of 16 bits, as if written on another scale": (
        lambda s: SILENCE <= s.peak < STEPS * STEP, "peak {peak:.2g}",
    ),
    f"whose loudest parts are less than {SPEECH} dB above the quietest, as in noise": (
        lambda s: s.span < SPEECH and s.peak >= STEPS * STEP, "{span:.1f} dB",
    ),
    "in a file without a mark of its end, perhaps cut short": (
        lambda s: not s.ended, "{seconds:.2f} s are there",
    ),
}  # fmt: skip


def remarks(sound: Sound) -> list[str]:
    """What makes this one utterance doubtful, with figures, to be read after its name."""
    figures = sound._asdict()
    return [
        f"{what} ({form.format(**figures)})" for what, (is_so, form) in ODD.items() if is_so(sound)
    ]


def doubts(found: Warnings, number: int) -> list[str]:
    """What makes utterance `number` doubtful, of the data warnings that were `found`."""
    return [what for what in ODD if [number] in found.get(f"utterances {what}", [])]


def data_warnings(sounds: dict[int, Sound]) -> Warnings:
    """The data warnings about these utterances, {number: Sound}; a warning names some of them."""
    kinds = {f"utterances {what}": is_so for what, (is_so, _) in ODD.items()}
    # These spoil no utterance, but a domain classifier can use them.
    kinds[f"utterances longer than {LONG:g} s"] = lambda s: s.seconds > LONG
    kinds[f"utterances with {ZEROS:g} s or more of exact zeros"] = lambda s: (
        s.zeros >= ZEROS and s.peak > 0
    )
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
