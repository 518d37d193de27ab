"""From a file to samples: mono, 16 kHz, float32.

Whatever a corpus was recorded in (RECOLA is mostly 44.1 kHz, RAVDESS 48 kHz and stereo in places)
leaves this file as one array at one rate, so that nothing behind it asks again.
"""

from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from minidann.console import UserError
from minidann.truncation import cut_short

RATE = 16_000  # samples a second
OVERSHOOT = 0.5  # seconds a part may end after its recording and still be cut to it


def read_audio(
    path: Path | str, start: float | None = None, end: float | None = None
) -> np.ndarray:
    """Read one recording, or the part of it from `start` to `end` (seconds; None: its own end).

    Returns (samples,) float32, nominally in [-1, 1]: the mean of the channels, at 16 kHz. The
    whole recording is resampled and then cut, so that a part is the same samples whether it is
    read alone or with others. Raises UserError where the file is missing, is not audio, is
    damaged, cut short or empty, holds NaN or infinity, or is shorter than `start`/`end` ask for.
    """
    path = Path(path)
    if not path.is_file():
        what = (
            "is a folder; give the files in it" if path.is_dir() else "no such file; check the path"
        )
        raise UserError(f"{path}: {what}")
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            channels = file.read(dtype="float32", always_2d=True)  # (samples, channels)
        damage = cut_short(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(
            f"{path}: cannot be read as audio ({error}); copy it again or convert it to WAV or FLAC"
        ) from None
    if damage:
        raise UserError(f"{path}: {damage}; copy it again or leave it out")
    if len(channels) == 0:
        raise UserError(f"{path}: no samples in it; copy it again or leave it out")
    audio = channels.mean(axis=1) if channels.shape[1] > 1 else channels[:, 0]  # (samples,)
    if not np.isfinite(audio).all():
        raise UserError(f"{path}: holds NaN or infinite samples; export it again as 16-bit audio")
    return cut(resample(audio, rate), start, end, path)


def resample(audio: np.ndarray, rate: int) -> np.ndarray:
    """(samples,) at `rate` Hz -> (samples * 16000 / rate, rounded up,) at 16 kHz, same dtype.

    A polyphase filter (`scipy.signal.resample_poly`) takes out what lies above the lower of the
    two Nyquist frequencies.
    """
    if rate == RATE:
        return audio
    common = gcd(RATE, rate)  # 44,100 Hz: 160 samples out for 441 in
    return resample_poly(audio, RATE // common, rate // common)


def cut(audio: np.ndarray, start: float | None, end: float | None, path: Path | str) -> np.ndarray:
    """The part of 16 kHz `audio` from `start` to `end` in seconds, as a view; None: its own end.

    Both times are rounded to the nearest sample. `path` is for the messages. Raises UserError on
    an empty part and on one that ends more than 0.5 s after the recording: a little over is how
    time stamps are rounded, and is left off.
    """
    seconds = len(audio) / RATE
    start, end = 0.0 if start is None else start, seconds if end is None else end
    if not 0 <= start < end <= seconds + OVERSHOOT:  # NaN fails this too
        raise UserError(
            f"{path}: no part from {start:g} to {end:g} s in a recording of {seconds:.3f} s; "
            "correct the times, or check that they belong to this recording"
        )
    part = audio[round(start * RATE) : round(end * RATE)]
    if len(part) == 0:
        raise UserError(f"{path}: not one sample from {start:g} to {end:g} s; correct the times")
    return part
