"""From a file to samples: mono, 16 kHz, float32.

Whatever a corpus was recorded in (RECOLA is mostly 44.1 kHz, RAVDESS 48 kHz and stereo in places)
leaves this file as one array at one rate, so that nothing behind it asks again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import gcd
from pathlib import Path

import numpy as np
import soundfile

from minidann.console import UserError
from minidann.sound import truncation

RATE = 16_000  # samples a second
RATES = 4_000, 400_000  # the rates a recording may have: what else a file says is damage
LONGEST = 24 * 3600  # seconds; so is what says that it lasts longer
DENSEST = 3000  # samples that a byte of a file can hold; FLAC packs 320 of digital silence
LOUDEST = 16  # of full scale, 24 dB above it: floating point beyond that is on another scale
INTEGERS = 1 << 15, 1 << 23, 1 << 31  # full scale of 16, 24 and 32 bits
FORMATS = "WAV", "WAVEX", "FLAC", "OGG"  # in others a file that was cut short would go unnoticed


def decode(path: Path) -> tuple[np.ndarray, int]:
    """All that is in a sound file: (samples, channels) float32, and samples a second.

    Raises UserError, which does not name the file, where it is not whole and finite.
    """
    with _opened(path) as file:
        rate = file.samplerate
        frames = file.frames
        if damage := truncation.misfit(path):
            raise UserError(damage)
        channels = file.read(frames, dtype="float32", always_2d=True)  # (samples, channels)
    if len(channels) < frames:
        raise UserError(
            f"cut short: {len(channels)} of its {frames} samples are there; {truncation.COPY}"
        )
    if len(channels) == 0:
        raise UserError("no samples in it; copy it again or leave it out")
    check_scale(max(float(channels.max()), -float(channels.min())))
    if channels.shape[1] > 1:
        check_polarity(channels)
    return channels, rate


def check_scale(peak: float) -> None:
    """Raise UserError where the largest sample, of full scale, shows that full scale is not 1."""
    if not peak <= INTEGERS[-1]:  # NaN fails this too
        raise UserError("holds NaN, infinite or absurd samples; export it again as 16-bit audio")
    if peak > LOUDEST:
        scale = next(scale for scale in INTEGERS if peak <= scale)
        scale = "128 or by 32768" if peak <= 128 else scale  # 8 bits, or quiet ones of 16
        raise UserError(
            f"its samples go up to {peak:.6g}, where full scale is 1, so they are on the scale of "
            f"whole numbers; divide them by {scale}"
        )


def check_polarity(channels: np.ndarray) -> None:
    """Raise UserError where channels (samples, channels) cancel each other in their mean.

    Unrelated channels leave 1/channels of their power in it; less than half of that is refused.
    """
    count = channels.shape[1]
    mean = mixed(channels)  # (samples,)
    power, left = np.vdot(channels, channels) / count, np.vdot(mean, mean)
    if 2 * count * left < power:
        loss = 10 * np.log10(power / max(left, 1e-12 * power))
        raise UserError(
            f"its {count} channels cancel each other, of opposite polarity: their mean is "
            f"{loss:.1f} dB below them; keep one of them, or turn one round"
        )


def seconds(path: Path) -> float:
    """How long a recording is by its own account. Raises UserError, which does not name it."""
    with _opened(path) as file:
        return file.frames / file.samplerate


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """The sound file at `path`; what goes wrong with it becomes a UserError."""
    try:
        if not path.is_file():
            folder = path.is_dir()
            raise UserError(
                "is a folder; give the files in it" if folder else "no such file; check the path"
            )
        # Not as text: on Linux a name can be bytes that are no text of any encoding.
        with soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path) as file:
            if file.format not in FORMATS:
                raise UserError(f"is {file.format} inside; convert it to WAV or FLAC")
            most = min(LONGEST * file.samplerate, DENSEST * path.stat().st_size)
            if not RATES[0] <= file.samplerate <= RATES[1] or file.frames > most:
                raise UserError(
                    f"says that it holds {file.frames} samples at {file.samplerate} Hz, which "
                    "speech does not; export it again"
                )
            yield file
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: .raw, no header
        if instead := _not_sound(path):
            raise UserError(instead) from None
        why = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot be read as audio ({str(why).removesuffix('.')}); copy it again or convert it "
            "to WAV or FLAC"
        ) from None


def _not_sound(path: Path) -> str:
    """What lies in the place of a recording, where that is text, or nothing; else ""."""
    head = b"\0"
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(60)
    if not head:
        return "is empty; copy or download it again"
    if head.startswith(b"version https://") and b"git" in head or b"/annex/" in head:
        return "is a pointer to the recording; fetch it with `git lfs pull` or `git annex get`"
    text = " ".join(head.decode("utf-8-sig", errors="ignore").split())
    if len(text) > 2 and text.isprintable():
        return f"is text, not sound: {text[:40]!r}; download it again"
    return ""


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
    Raises UserError on an empty part.
    """
    seconds = len(audio) / RATE
    start, end = 0.0 if start is None else start, seconds if end is None else end
    if not 0 <= start < min(end, seconds):  # NaN fails this too
        raise UserError(
            f"no part from {start:g} to {end:g} s in a recording of {seconds:.3f} s; "
            "correct the times, or check that they belong to this recording"
        )
    part = audio[round(start * RATE) : round(end * RATE)]
    if len(part) == 0:
        raise UserError(f"not one sample from {start:g} to {end:g} s; correct the times")
    return part
