"""Data warnings about the sound of a corpus that can be used: silence, clipping, duplicates.

Two corpora differ in more than their languages: in level, in silence, in clipping. A domain
classifier can use all of these, so they are worth knowing before training.
"""

import zlib
from collections import defaultdict
from pathlib import Path
from statistics import mode
from typing import NamedTuple

import numpy as np

from minidann.sound import truncation
from minidann.sound.audio import mixed

SHORT, LONG = 0.5, 30.0  # seconds outside which an utterance is worth a look
CLIPPED = 0.5  # of full scale: three equal samples in a row at the peak of such a recording
ZEROS = 0.1  # seconds of digital silence that are worth telling
SILENCE = 1e-6  # of full scale: a peak below it is nothing, also where a codec made it of zeros
MUTE = 0.6  # of the length (in RAVDESS, where silence is cut to zeros, up to 0.51)
STEP = 2.0**-15  # of full scale: one of 16 bits
STEPS = 129  # a peak below so many, as 24 bits that hold 16 have (real speech tried: 149 or more)
BLOCK = 0.025  # seconds over which a level is taken
# dB from the 5th to the 95th percentile of the levels: white noise has 1, pink noise 7, the
# quietest real speech tried 17 (EMO-DB and RAVDESS; their median is 59), the demo's 17.
SPEECH = 12


class Sound(NamedTuple):
    """One utterance's measures; levels are taken from the mean of its channels."""

    rate: int  # Hz
    channels: int
    seconds: float
    silent: float  # the share of it that is silence to the last bit
    clipped: bool
    peak: float  # the largest sample of any channel
    span: float  # dB from the quietest of its levels to the loudest, see SPEECH
    late: float  # seconds by which its end lies after its recording's, where it is cut
    ended: bool  # its file says where it ends
    checksum: int  # CRC-32 of the decoded samples, the mean of their channels


def measure(
    path: Path, whole: np.ndarray, rate: int, start: float | None, end: float | None
) -> Sound:
    """Measure the utterance from `start` to `end`, in seconds, of `whole` (samples, channels)."""
    first = round((start or 0.0) * rate)
    last = len(whole) if end is None else round(end * rate)
    channels = whole[first:last]  # (n, channels)
    mono = mixed(channels)  # (n,)
    peak = max(float(channels.max()), -float(channels.min()))
    at_peak = np.abs(channels) == peak  # (n, channels)
    block = min(len(mono), round(BLOCK * rate))
    blocks = mono[: len(mono) // block * block].reshape(-1, block)
    power = np.einsum("ij,ij->i", blocks, blocks) / block  # (blocks,)
    heard = power[power > STEP**2 / 12]  # what is below was rounded to zeros, or nearly
    levels = 10 * np.log10(np.sort(heard)) if len(heard) else np.zeros(1)  # dB, from the quietest
    return Sound(
        rate=rate,
        channels=channels.shape[1],
        seconds=len(mono) / rate,
        silent=1 - len(heard) / len(power),
        clipped=peak > CLIPPED and bool((at_peak[:-2] & at_peak[1:-1] & at_peak[2:]).any()),
        peak=peak,
        span=float(levels[int(0.95 * len(levels))] - levels[int(0.05 * len(levels))]),
        late=max(0.0, (end or 0.0) - len(whole) / rate),
        ended=truncation.says_its_end(path),
        checksum=zlib.crc32(np.ascontiguousarray(mono)),
    )


# What makes an utterance doubtful, by the words after "utterances", and the figure that shows it.
DOUBTS = {
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
    "that end after their recording, cut to it": (lambda s: s.late > 0, "by {late:.2g} s"),
    "in a file without a mark of its end, perhaps cut short": (
        lambda s: not s.ended, "{seconds:.2f} s are there",
    ),
}  # fmt: skip


def remarks(sound: Sound) -> list[str]:
    """What makes this one utterance doubtful, with figures, to be read after its name."""
    return [
        f"{what} ({figure.format(**sound._asdict())})"
        for what, (is_so, figure) in DOUBTS.items()
        if is_so(sound)
    ]


def data_warnings(sounds: dict[int, Sound]) -> dict[str, list[list[int]]]:
    """{data warning: the utterances that it names, each alone, or duplicates together}.

    The utterances are named by their numbers, {number: Sound}.
    """
    kinds = {what: is_so for what, (is_so, _) in DOUBTS.items()}
    # These spoil no utterance, but a domain classifier can use them.
    kinds[f"longer than {LONG:g} s"] = lambda s: s.seconds > LONG
    kinds[f"with {ZEROS:g} s or more of digital silence"] = lambda s: s.silent * s.seconds >= ZEROS
    if sounds:
        usual = mode((s.rate, s.channels) for s in sounds.values())
        what = "whose rate and channels are not {} Hz and {}, as is usual here".format(*usual)
        kinds[what] = lambda s: (s.rate, s.channels) != usual
    found = {
        f"utterances {what}": [[i] for i, sound in sounds.items() if is_so(sound)]
        for what, is_so in kinds.items()
    }
    same = defaultdict(list)
    for i, sound in sounds.items():
        same[sound.checksum, sound.seconds, sound.rate].append(i)
    found["duplicate recordings"] = [numbers for numbers in same.values() if len(numbers) > 1]
    return {what: groups for what, groups in found.items() if groups}
