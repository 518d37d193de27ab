"""Section 3.3 of the paper: 26 log-mel energies from every 25 ms of sound, 10 ms apart.

    samples -> frames -> window -> power spectrum -> 26 triangular filters -> logarithm

The paper gives no more than the three figures above. What it leaves open makes a `Preset`:
`paper` is the choice made here, `librosa` and `psf` (python_speech_features) give the numbers of
those two packages, so that this file can be compared with code that many have used.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from minidann.console import UserError
from minidann.sound.audio import RATE

MELS = 26  # filters, and so numbers a frame
WINDOW = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
SHIFT = HOP / RATE  # seconds from frame to frame
FFT = 512  # samples, the window's 400 and zeros
FRAMES = 750  # the network's input; 7.515 s of sound
BLOCK = 1000  # frames at work at a time, so that an hour of sound needs no more memory than 10 s

WINDOWS = {
    "hamming": np.hamming(WINDOW),  # symmetric: both ends 0.08
    "periodic hamming": np.hamming(WINDOW + 1)[:-1],  # one period of a cosine, as for an FFT
    "rectangular": np.ones(WINDOW),
}


@dataclass(frozen=True)
class Preset:
    """What there is to choose between samples and log-mel energies."""

    window: str = "hamming"  # a key of WINDOWS
    frame: int = WINDOW  # samples a frame takes; the window lies in their middle
    fill: bool = False  # fill the last incomplete frame with zeros, rather than drop it
    preemphasis: float = 0.0  # y[t] = x[t] - preemphasis * x[t-1], which lifts high frequencies
    whole_bins: bool = False  # corners of the filters rounded down to bins of the FFT
    scale: float = 1.0  # the power spectrum is multiplied by this
    silence: float = 1e-10  # a filter's energy up to this ...
    floor: float = 1e-10  # ... becomes this, so that silence has a logarithm


PRESETS = {
    "paper": Preset(),
    # melspectrogram(n_fft=512, hop_length=160, win_length=400, window="hamming", center=False,
    #                n_mels=26, fmin=0, fmax=8000, htk=True, norm=None), floored at 1e-10
    "librosa": Preset(window="periodic hamming", frame=FFT),
    # logfbank(samplerate=16000) and its defaults; only an energy of exactly 0 is replaced
    "psf": Preset(
        window="rectangular",
        fill=True,
        preemphasis=0.97,
        whole_bins=True,
        scale=1 / FFT,
        silence=0.0,
        floor=float(np.finfo(float).eps),
    ),
}


@lru_cache
def filterbank(preset: Preset) -> np.ndarray:
    """The weight of each FFT bin in each filter, (257, 26) float64.

    The corners are equally far apart on HTK's mel scale, 2595 log10(1 + Hz / 700), from 0 to
    8000 Hz. Filter j rises from 0 at corner j to 1 at corner j+1 and falls to 0 at corner j+2,
    straight in Hz.
    """
    top = 2595 * np.log10(1 + RATE / 2 / 700)  # 8000 Hz in mel
    hertz = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)  # (28,)
    if preset.whole_bins:
        corners = np.floor((FFT + 1) * hertz / RATE)  # (28,) in bins
    else:
        corners = FFT * hertz / RATE
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]  # (26,) each
    bins = np.arange(FFT // 2 + 1)[:, None]  # (257, 1)
    rising = (bins - left) / (middle - left)  # (257, 26)
    falling = (right - bins) / (right - middle)
    return np.maximum(0, np.minimum(rising, falling))


def logmel(audio: np.ndarray, preset: str = "paper") -> np.ndarray:
    """(samples,) at 16 kHz -> (frames, 26), the natural logarithm of each filter's energy.

    All is computed in the input's dtype, float32 or float64. In float32 the rounding of a loud
    filter reaches a quiet one: in EMO-DB and RAVDESS by up to 0.00007 in the logarithm (0.0023 in
    `psf`, whose floor is lower).
    Raises UserError on less than one frame.
    """
    choice = PRESETS[preset]
    if len(audio) < choice.frame:
        raise UserError(
            f"{len(audio)} samples ({len(audio) / RATE:.3f} s) are less than one frame "
            f"of {choice.frame}; leave it out"
        )
    filters = filterbank(choice).astype(audio.dtype)  # (257, 26)
    window = np.pad(WINDOWS[choice.window], (choice.frame - WINDOW) // 2).astype(audio.dtype)
    if choice.preemphasis:
        before = np.concatenate([np.zeros_like(audio[:1]), audio[:-1]])  # the sample before each
        audio = audio - audio.dtype.type(choice.preemphasis) * before
    if choice.fill:
        audio = np.pad(audio, (0, (choice.frame - len(audio)) % HOP))
    windows = sliding_window_view(audio, choice.frame)[::HOP]  # (count, frame), no copy
    mel = np.empty((len(windows), MELS), audio.dtype)
    for i in range(0, len(windows), BLOCK):
        spectrum = rfft(windows[i : i + BLOCK] * window, FFT)  # (block, 257) complex
        power = spectrum.real**2 + spectrum.imag**2
        energy = choice.scale * (power @ filters)  # (block, 257) @ (257, 26) -> (block, 26)
        energy[energy <= choice.silence] = choice.floor
        mel[i : i + BLOCK] = np.log(energy)
    return mel


def duration(frames: int) -> float:
    """Seconds of the sound that so many frames are made of."""
    return SHIFT * (frames - 1) + WINDOW / RATE


def crop(frames: np.ndarray) -> np.ndarray:
    """The middle 750 of (n, 26), `[n//2-375 : n//2+375]`, as a view; all where n <= 750."""
    middle, half = len(frames) // 2, FRAMES // 2
    return frames[middle - half : middle + half] if len(frames) > FRAMES else frames
