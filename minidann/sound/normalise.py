"""From log-mel features to the network's input: zero mean, unit variance, 750 or 300 frames.

The paper normalises each mel bin "for each database". Here that is over real frames only: padding
is no sound, and most utterances would be padding for half of the 750 frames. Only the utterances
of a batch are padded: IEMOCAP's 10,039 are 783 MB once padded, and less than half of that before.
"""

import copy
from collections.abc import Sequence

import numpy as np

from minidann.sound.levelled import INPUTS, level_and_cut, prepared, tile
from minidann.sound.logmel import FRAMES, MELS

BLOCK = 50_000  # frames at a time: 10 MB in float64
# Utterances of a speaker, at least. In EMO-DB and RAVDESS the mean of 10 is 0.1 standard deviations
# away from that of all the speaker's utterances; the corpus's is 0.13 to 0.20 away, that of 5 0.15.
ENOUGH = 10


class Features:
    """A corpus's log-mel features, unpadded, with the normalisation that belongs to them.

    frames (total, 26) float32, raw, one utterance after the other;
    lengths (n,) int64; offsets (n+1,) int64: utterance i is `frames[offsets[i] : offsets[i+1]]`;
    mean, std (G, 26) float32 of each group's frames, so of real ones only: nothing is padded;
    group (n,) int64 of each utterance: G is 1, or with `by_speaker` the number of speakers;
    minimum (n, 26) float32, each utterance's own minimum a bin after normalisation;
    digest names preset and recordings where the features were extracted, else it is "";
    input is "paper", where no utterance has more than 750 frames, or "levelled"; window is how many
    frames the network sees of it.
    `statistics`, the mean and the std of other frames, take the place of those of these.
    """

    def __init__(
        self, frames: np.ndarray, lengths: Sequence[int], digest="", input="paper", statistics=None
    ):
        self.frames = np.asarray(frames)  # a memmap stays mapped, but is quicker to slice
        self.lengths, self.digest = np.array(lengths), digest
        self.input, self.window = input, INPUTS[input]
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])  # (n+1,)
        self._lowest = np.minimum.reduceat(self.frames, self.offsets[:-1], axis=0)  # (n, 26)
        statistics = statistics or mean_and_std(self.frames)
        self._normalise_with([statistics], np.zeros(len(self), int))

    def by_speaker(self, speakers: np.ndarray) -> "Features":
        """The same features, each utterance normalised by its speaker's, of `speakers` (n,)."""
        names, group = np.unique(speakers, return_inverse=True)
        rows = [np.flatnonzero(group == g) for g in range(len(names))]
        each = [mean_and_std(np.concatenate([*map(self.raw, own)])) for own in rows]
        changed = copy.copy(self)
        changed._normalise_with(each, group)
        return changed

    def _normalise_with(self, each: list[tuple[np.ndarray, np.ndarray]], group: np.ndarray) -> None:
        self.mean, self.std = map(np.array, zip(*each))  # (G, 26) each
        self.group = group  # (n,)
        self.minimum = (self._lowest - self.mean[group]) / self.std[group]  # the order stays
        # Written out for every frame, NumPy goes through them in one loop, not in one of 26 each.
        self._tiled = [[np.tile(one, (self.window, 1)) for one in pair] for pair in each]  # (T, 26)

    def raw(self, row: int) -> np.ndarray:
        """The log-mel of an utterance before it is normalised."""
        return self.frames[self.offsets[row] : self.offsets[row + 1]]  # (k, 26)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(
        self,
        rows: Sequence[int],
        out: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """The network's input for these utterances: (len(rows), T, 26) float32, T = `window`.

        In `out`, of that shape, where it is given: to fill the same 5 MB again is quicker. With
        `rng`, for training, levelled windows start anywhere; else they are the middle.
        """
        out = np.empty((len(rows), self.window, MELS), np.float32) if out is None else out
        for x, row in zip(out, rows):
            means, stds = self._tiled[self.group[row]]
            k, frames = self.lengths[row], self.raw(row)
            if self.input == "levelled":
                start = max(0, (k - self.window) // 2) if rng is None else rng.integers(k)
                np.divide(tile(frames, start) - means, stds, out=x)
            else:
                normalise_and_pad(frames, means[:k], stds[:k], self.minimum[row], x)
        return out


def from_frames(utterances: Sequence[np.ndarray], input: str = "paper") -> Features:
    """Features from arrays in memory, (k, 26) each, whole: for made-up corpora."""
    kept = [prepared(np.asarray(frames, np.float32), input) for frames in utterances]
    return Features(np.concatenate(kept), [len(frames) for frames in kept], input=input)


def mean_and_std(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each bin of (total, bins): (bins,) float32 each.

    Summed up in float64, in two passes (the squares of distances from the mean, not of the
    values) and in blocks. A bin that never changes has standard deviation 1, and becomes zeros.
    """
    total = len(frames)
    blocks = [frames[i : i + BLOCK] for i in range(0, total, BLOCK)]
    mean = sum(block.sum(axis=0, dtype=np.float64) for block in blocks) / total
    variance = sum(((block - mean) ** 2).sum(axis=0) for block in blocks) / total
    std = np.sqrt(variance)
    std[std < 1e-6] = 1  # all that is left of a constant is rounding
    return mean.astype(np.float32), std.astype(np.float32)


def windows_of(frames: np.ndarray, mean: np.ndarray, std: np.ndarray, input: str) -> Features:
    """A recording's log-mel, raw (k, 26) and whole, as utterances of at most T frames each.

    They are normalised with `mean` and `std`, (26,) each, and levelled as one recording.
    """
    if input == "levelled":
        frames = level_and_cut(frames)
    lengths = np.diff([*range(0, len(frames), INPUTS[input]), len(frames)])
    return Features(frames, lengths, input=input, statistics=(mean, std))


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
