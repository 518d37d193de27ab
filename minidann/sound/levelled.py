"""Another input than the paper's: without level and silence at the ends, in windows of 3 s.

One number tells two corpora apart: how loud the loudest frame is. It says more of the microphone
than of the speaker, and whether it goes with arousal depends on the corpus. So, without labels, and
from the whole utterance:

    level   the energies of its active frames, those within 30 dB of the loudest, are averaged, and
            this is subtracted from every log-mel energy
    cut     what is before its first active frame and after its last is left out
    window  300 frames of what is left, as a circle: after its last frame comes its first

In training the window starts anywhere, in evaluation it is the middle. A gain changes nothing as
long as no energy is at the floor of the logarithm. Silence before or after the utterance changes at
most the two frames at either end that reach into it and, where these are active, the level: of
noise that begins and ends at once by 0.1 (half a second long) or 0.03 (two seconds).
"""

import numpy as np
from scipy.special import logsumexp

from minidann.sound.logmel import FRAMES, crop

WINDOW = 300  # frames: 3.015 s of sound
ACTIVE = 3 * np.log(10)  # 30 dB in the natural logarithm of an energy
INPUTS = {"paper": FRAMES, "levelled": WINDOW}  # frames that the network sees


def level_and_cut(frames: np.ndarray) -> np.ndarray:
    """Raw log-mel (k, 26) of a whole utterance -> levelled and cut, (k', 26), k' <= k."""
    energy = logsumexp(frames, axis=1)  # (k,)
    active = energy > energy.max() - ACTIVE  # (k,)
    first, last = np.flatnonzero(active)[[0, -1]]
    return frames[first : last + 1] - energy[active].mean()


def prepared(frames: np.ndarray, input: str) -> np.ndarray:
    """What is kept of an utterance's log-mel (k, 26); for the paper its middle 750 frames."""
    return level_and_cut(frames) if input == "levelled" else crop(frames)


def tile(frames: np.ndarray, start: int) -> np.ndarray:
    """(k, 26) -> (300, 26): from frame `start` on, and from the first again after the last."""
    return frames[(start + np.arange(WINDOW)) % len(frames)]
