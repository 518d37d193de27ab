"""From a file to samples: mono, 16 kHz, float32.

Whatever a corpus was recorded in (RECOLA is mostly 44.1 kHz, RAVDESS 48 kHz and stereo in places)
leaves this file as one array at one rate, so that nothing behind it asks again.
"""

import os
from math import gcd
from pathlib import Path

import numpy as np
import soundfile

from minidann.console import UserError
from minidann.sound import truncation

RATE = 16_000  # samples a second
RATES = 4_000, 400_000  # the rates a recording may have: what else a file says is damage
DENSEST = 3000  # samples that a byte of a file can hold; FLAC packs 320 of digital silence
FAR = 10  # times the length of a recording: an end beyond that is in another unit
LOUDEST = 16  # of full scale, 24 dB above it: floating point beyond that is on another scale
INTEGERS = 1 << 15, 1 << 23, 1 << 31  # full scale of 16, 24 and 32 bits
FORMATS = "WAV", "WAVEX", "FLAC", "OGG"  # in others a file that was cut short would go unnoticed


def decode(path: Path) -> tuple[np.ndarray, int]:
    """All that is in a sound file: (samples, channels) float32, and samples a second.

    Raises UserError, which does not name the file, where it is not whole and finite.
    """
    try:
        with open(path, "rb") as file:
            refuse_text(file.read(60))
        # Not as text: on Linux a name can be bytes that are no text of any encoding.
        with soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path) as file:
            rate, frames = file.samplerate, file.frames
            if file.format not in FORMATS:
                raise UserError(f"is {file.format} inside; convert it to WAV or FLAC")
            if not RATES[0] <= rate <= RATES[1] or frames > DENSEST * path.stat().st_size:
                raise UserError(
                    f"says that it holds {frames} samples at {rate} Hz, which speech does not; "
                    "export it again"
                )
            if damage := truncation.misfit(path):
                raise UserError(damage)
            channels = file.read(frames, dtype="float32", always_2d=True)  # (samples, channels)
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror}); check the path") from None
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: .raw, without a header
        why = getattr(error, "error_string", str(error)).removesuffix(".")
        what = f"cannot be read as audio ({why}); copy it again or convert it to WAV or FLAC"
        raise UserError(what) from None
    if not 0 < len(channels) == frames:
        raise UserError(f"{len(channels)} of its {frames} samples are there; {truncation.COPY}")
    check_samples(channels)
    return channels, rate


def check_samples(channels: np.ndarray) -> None:
    """Raise UserError where samples (n, channels) are on another scale, or cancel each other."""
    peak = max(float(channels.max()), -float(channels.min()))
    if not peak <= INTEGERS[-1]:  # NaN fails this too
        raise UserError("holds NaN, infinite or absurd samples; export it again as 16-bit audio")
    if peak > LOUDEST:
        scale = next(scale for scale in INTEGERS if peak <= scale)
        scale = "128 or by 32768" if peak <= 128 else scale  # 8 bits, or quiet ones of 16
        raise UserError(
            f"its samples go up to {peak:.6g}, where full scale is 1, so they are on the scale of "
            f"whole numbers; divide them by {scale}"
        )
    count, mean = channels.shape[1], mixed(channels)  # mean (n,)
    power, left = np.vdot(channels, channels) / count, np.vdot(mean, mean)
    if 2 * count * left < power:
        loss = 10 * np.log10(power / max(left, 1e-12 * power))
        raise UserError(
            f"its {count} channels cancel each other, of opposite polarity: their mean is "
            f"{loss:.1f} dB below them; keep one of them, or turn one round"
        )


def refuse_text(head: bytes) -> None:
    """Raise UserError where a file begins with text, as no sound does, or has no bytes at all."""
    if not head:
        raise UserError("is empty; copy or download it again")
    text = " ".join(head.decode("utf-8-sig", errors="ignore").split())
    if text.startswith("version https://git") or "/annex/" in text:
        why = "is a pointer to the recording; fetch it with `git lfs pull` or `git annex get`"
        raise UserError(why)
    if len(text) > 2 and text.isprintable():
        raise UserError(f"is text, not sound: {text[:40]!r}; download it again")


def mixed(channels: np.ndarray) -> np.ndarray:
    """(samples, channels) -> the mean of the channels (samples,), same dtype."""
    return channels.mean(axis=1) if channels.shape[1] > 1 else channels[:, 0]


def mono(channels: np.ndarray, rate: int) -> np.ndarray:
    """(samples, channels) at `rate` Hz -> (samples * 16000 / rate, rounded up,) at 16 kHz.

    The mean of the channels, same dtype. A polyphase filter (`scipy.signal.resample_poly`) takes
    out what lies above the lower of the two Nyquist frequencies.
    """
    audio = mixed(channels)  # (samples,)
    if rate == RATE:
        return audio
    from scipy.signal import resample_poly  # here: it takes a second that few need

    common = gcd(RATE, rate)  # 44,100 Hz: 160 samples out for 441 in
    return resample_poly(audio, RATE // common, rate // common)


def cut(audio: np.ndarray, start: float | None, end: float | None) -> np.ndarray:
    """The part of 16 kHz `audio` from `start` to `end` in seconds, as a view; None: its own end.

    Both times are rounded to the nearest sample; what ends after the recording ends with it.
    Raises UserError on a part that is not there.
    """
    length = len(audio) / RATE
    start, end = 0.0 if start is None else start, length if end is None else end
    if not 0 <= start < min(end, length):  # NaN fails this too
        raise UserError(
            f"no part from {start:g} to {end:g} s in a recording of {length:.3f} s; correct the "
            "times, or check that they belong to this recording"
        )
    if end > FAR * length:
        raise UserError(
            f"end {end:g} s is far beyond the recording, which is {length:.3f} s long; are these "
            "milliseconds?"
        )
    return audio[round(start * RATE) : round(end * RATE)]
