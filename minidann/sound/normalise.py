"""From log-mel features to the network's input: zero mean, unit variance, 750 frames.

The paper normalises each mel bin "for each database". Here that is over real frames only: padding
is no sound, and most utterances would be padding for half of the 750 frames. Only the utterances
of a batch are padded: IEMOCAP's 10,039 are 783 MB once padded, and less than half of that before.
"""

from collections.abc import Sequence

import numpy as np

from minidann.sound.logmel import FRAMES, MELS, crop

BLOCK = 50_000  # frames at a time: 10 MB in float64


class Features:
    """A corpus's log-mel features, unpadded, with the normalisation that belongs to them.

    frames (total, 26) float32, raw, one utterance after the other, at most 750 frames each;
    lengths (n,) int64; offsets (n+1,) int64: utterance i is `frames[offsets[i] : offsets[i+1]]`;
    mean, std (26,) float32 over all frames, so over real ones only: there is no padding here;
    minimum (n, 26) float32, each utterance's own minimum a bin after normalisation;
    digest names preset and recordings where the features were extracted, else it is "".
    A bin that never changes has std 1, so that it becomes zeros and not NaN.
    """

    def __init__(self, frames: np.ndarray, lengths: Sequence[int], digest: str = ""):
        self.frames = np.asarray(frames)  # a memmap stays mapped, but is quicker to slice
        self.lengths, self.digest = np.array(lengths), digest
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])  # (n+1,)
        self.mean, self.std = mean_and_std(self.frames)  # (26,) each
        raw = np.minimum.reduceat(self.frames, self.offsets[:-1], axis=0)  # (total, 26) -> (n, 26)
        self.minimum = (raw - self.mean) / self.std  # rounding keeps the order: still the minima
        # Written out for every frame, NumPy goes through them in one loop, not in one of 26 each.
        self._tiled = np.tile(self.mean, (FRAMES, 1)), np.tile(self.std, (FRAMES, 1))  # (750, 26)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Sequence[int], out: np.ndarray | None = None) -> np.ndarray:
        """The network's input for these utterances: (len(rows), 750, 26) float32.

        In `out`, of that shape, where it is given: to fill the same 5 MB again is quicker.
        """
        out = np.empty((len(rows), FRAMES, MELS), np.float32) if out is None else out
        means, stds = self._tiled
        for padded, row in zip(out, rows):
            k = self.lengths[row]
            frames = self.frames[self.offsets[row] : self.offsets[row + 1]]  # (k, 26)
            normalise_and_pad(frames, means[:k], stds[:k], self.minimum[row], padded)
        return out


def from_frames(utterances: Sequence[np.ndarray]) -> Features:
    """Features from arrays in memory, (k, 26) each, which are cropped: for made-up corpora."""
    cropped = [crop(np.asarray(frames, np.float32)) for frames in utterances]
    return Features(np.concatenate(cropped), [len(frames) for frames in cropped])


def mean_and_std(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each bin of (total, bins): (bins,) float32 each.

    Summed up in float64, in two passes (the squares of distances from the mean, not of the
    values) and in blocks. A bin that never changes has standard deviation 1.
    """
    total = len(frames)
    blocks = [frames[i : i + BLOCK] for i in range(0, total, BLOCK)]
    mean = sum(block.sum(axis=0, dtype=np.float64) for block in blocks) / total
    variance = sum(((block - mean) ** 2).sum(axis=0) for block in blocks) / total
    std = np.sqrt(variance)
    std[std < 1e-6] = 1  # all that is left of a constant is rounding
    return mean.astype(np.float32), std.astype(np.float32)


def normalise_and_pad(
    frames: np.ndarray,
    mean: np.ndarray,
    std: np.ndarray,
    minimum: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """One utterance, raw (k, 26) with 1 <= k <= 750, as the network takes it: (750, 26) float32.

    Normalised with a corpus's `mean` and `std`, (26,) or (k, 26), then padded at the END with the
    utterance's own minimum in each bin: silence, as this recording has it. `minimum` (26,), that
    of the normalised frames, saves finding it again; `out` (750, 26) is written to and returned.
    """
    count = len(frames)
    out = np.empty((FRAMES, MELS), np.float32) if out is None else out
    real = out[:count]  # (k, 26)
    np.subtract(frames, mean, out=real)
    np.divide(real, std, out=real)
    out[count:] = real.min(axis=0) if minimum is None else minimum
    return out
