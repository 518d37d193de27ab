"""Wrong ways to write a function: the one that gives what was received is what is wrong with it."""

from collections.abc import Callable

import numpy as np

from minidann.coursework.handout import BUGS
from minidann.coursework.pupil import load
from minidann.coursework.results import alike
from minidann.optim import DECAY, FINAL_RATE, INITIAL_RATE


def explanation(exercise: str, right: Callable, wrong: list[tuple]) -> str:
    """What gives all that is `wrong`, (arguments, options, received) each; "" if nothing known."""
    for text, function in _known(exercise, right).items():
        with np.errstate(all="ignore"):
            given = [(function(*a, **o), right(*a, **o), received) for a, o, received in wrong]
        if all(
            alike(received, would) and not alike(true, would) for would, true, received in given
        ):
            return text
    return ""


def _known(exercise: str, right: Callable) -> dict[str, Callable]:
    """The wrong ways of one exercise."""
    if exercise.startswith("mend_"):
        code = (BUGS / f"{exercise}.py").read_text("utf-8")
        handed_out = getattr(load(exercise, code), right.__name__)
        return {"it gives what it gave when it was handed out: the bug is still there": handed_out}
    makers = {"learning_rate": _learning_rate, "normalise_and_pad": _padding, "uar": _uar}
    return makers[exercise](right) if exercise in makers else {}


def _learning_rate(right):
    return {
        "it never stops falling: the floor is missing": lambda e: INITIAL_RATE * DECAY**e,
        "the smaller of the two is taken where it should be the larger": lambda e: min(
            INITIAL_RATE * DECAY**e, FINAL_RATE
        ),
        "epochs are counted from 1: one factor too many": lambda e: right(e + 1),
        "one factor too few": lambda e: right(max(e - 1, 0)),
        "divided by 0.93 in every epoch": lambda e: max(INITIAL_RATE / DECAY**e, FINAL_RATE),
        "times 0.93 once, not in every epoch": lambda e: max(INITIAL_RATE * DECAY, FINAL_RATE),
        "0.93 times the epoch, not to its power": lambda e: max(
            INITIAL_RATE * DECAY * e, FINAL_RATE
        ),
    }


def _uar(right):
    def recall(labels, predictions, c):
        return (predictions[labels == c] == c).mean()

    def accuracy(labels, predictions):
        return (labels == predictions).mean()

    return {
        "it is accuracy: each row counts the same, where each class should": accuracy,
        "it is precision: divided by how often a class is answered, not by how often it occurs": (
            lambda y, p: np.mean([((y == c) & (p == c)).sum() / (p == c).sum() for c in (0, 1)])
        ),
        "it is the recall of class 1 alone": lambda y, p: recall(y, p, 1),
        "it is the recall of class 0 alone": lambda y, p: recall(y, p, 0),
        "the recalls are added, not averaged": lambda y, p: 2 * right(y, p),
        "it is in percent": lambda y, p: 100 * right(y, p),
        "it is the share of errors": lambda y, p: 1 - right(y, p),
    }


def _padding(right):
    """Of (frames, mean, std, minimum, out): what is written behind, before or instead."""
    from minidann.normalise import FRAMES  # here: nobody who checks a layer waits for scipy.signal

    def padded(real, below, front=False):
        tail = np.broadcast_to(below, (FRAMES - len(real), real.shape[1]))
        return np.concatenate([tail, real] if front else [real, tail]).astype(np.float32)

    def normal(frames, mean, std):
        return (frames - mean) / std

    def with_padding(below):
        """Right but for what the frames behind the last are filled with."""

        def made(frames, mean, std, minimum=None, out=None):
            real = normal(frames, mean, std)
            return padded(real, below(real, frames))

        return made

    def with_frames(change):
        """Right but for how frames are normalised."""

        def made(frames, mean, std, minimum=None, out=None):
            real = change(frames, mean, std)
            return padded(real, real.min(axis=0) if minimum is None else minimum)

        return made

    def front(frames, mean, std, minimum=None, out=None):
        real = normal(frames, mean, std)
        return padded(real, real.min(axis=0) if minimum is None else minimum, front=True)

    def normalised_minimum(frames, mean, std, minimum=None, out=None):
        real = normal(frames, mean, std)
        low = real.min(axis=0) if minimum is None else (minimum - mean) / std
        return padded(real, low if np.ndim(low) == 1 else low[0])

    return {
        "padded at the front, not at the end": front,
        "minimum has no effect": with_padding(lambda real, frames: real.min(axis=0)),
        "minimum is normalised once more": normalised_minimum,
        "padded with the minimum from before it was normalised": with_padding(
            lambda real, frames: frames.min(axis=0)
        ),
        "padded with one minimum for all bins": with_padding(lambda real, frames: real.min()),
        "padded with 0": with_padding(lambda real, frames: 0.0),
        "padded with the last frame": with_padding(lambda real, frames: real[-1]),
        "padded with the mean of the frames": with_padding(lambda real, frames: real.mean(axis=0)),
        "padded with the maximum": with_padding(lambda real, frames: real.max(axis=0)),
        "not normalised": with_frames(lambda frames, mean, std: frames),
        "the mean is not subtracted": with_frames(lambda frames, mean, std: frames / std),
        "not divided by std": with_frames(lambda frames, mean, std: frames - mean),
        "multiplied by std": with_frames(lambda frames, mean, std: (frames - mean) * std),
        "divided by the square of std": with_frames(
            lambda frames, mean, std: (frames - mean) / std**2
        ),
        "the mean is added": with_frames(lambda frames, mean, std: (frames + mean) / std),
        "the mean is subtracted after the division": with_frames(
            lambda frames, mean, std: frames / std - mean
        ),
        "mean and std are exchanged": with_frames(lambda frames, mean, std: (frames - std) / mean),
        "normalised with the utterance's own mean and std": with_frames(
            lambda frames, mean, std: (frames - frames.mean(axis=0)) / frames.std(axis=0)
        ),
    }
