"""Wrong ways to write a function: the one that gives what was received is what is wrong with it."""

import operator
from collections.abc import Callable

import numpy as np

from minidann.coursework.handout import BUGS
from minidann.coursework.pupil import load
from minidann.coursework.results import alike, close
from minidann.gradcheck.purity import copied
from minidann.optim import DECAY, FINAL_RATE, INITIAL_RATE, REGULARISED

AS_BEFORE = "it gives what it gave when it was handed out: the bug is still there"


def explanation(exercise: str, right: Callable, tried: list[tuple]) -> str:
    """What gives all that was received: (arguments, options, received) each, and some of it is not
    right; "" if nothing known.
    """
    with np.errstate(all="ignore"):
        true = [right(*copied(args), **copied(options)) for args, options, _ in tried]
        wrong = [not alike(received, expected) for expected, (_, _, received) in zip(true, tried)]
        if not any(wrong):  # of another dtype
            return ""
        for text, function in _known(exercise, right).items():
            would = [function(*copied(args), **copied(options)) for args, options, _ in tried]
            if all(alike(received, mistaken) for mistaken, (_, _, received) in zip(would, tried)):
                return text
            if text == AS_BEFORE and any(map(operator.and_, wrong, map(alike, true, would))):
                return "what was right when it was handed out is not any more"
        pairs = [
            (received, expected)
            for expected, (_, _, received), bad in zip(true, tried, wrong)
            if bad
        ]
        if all(isinstance(item, (float, np.ndarray)) for pair in pairs for item in pair) and all(
            close(*pair, relative=1e-3) for pair in pairs
        ):
            return "nearly right: digits are lost on the way, or something small is left out"
    return ""


def _known(exercise: str, right: Callable) -> dict[str, Callable]:
    """The wrong ways of one exercise."""
    if exercise.startswith("mend_"):
        code = (BUGS / f"{exercise}.py").read_text("utf-8")
        return {AS_BEFORE: getattr(load(exercise, code), right.__name__)}
    makers = {"learning_rate": _learning_rate, "normalise_and_pad": _padding, "uar": _uar,
              "add_penalty": _penalty, "step": _step}  # fmt: skip
    return makers[exercise](right) if exercise in makers else {}


def _step(right):
    def same_count(params, grads, state, rate):
        new, after = right(params, grads, state, rate)
        return new, after | {name: old for name, old in state.items() if name.endswith(".t")}

    def one_count(params, grads, state, rate):
        steps = max(count for name, count in state.items() if name.endswith(".t"))
        return right(params, grads, {**state, **{f"{name}.t": steps for name in grads}}, rate)

    return {
        "the new counts of steps, .t, are not in the new state": same_count,
        "all parameters share one count of steps: each has its own, .t": one_count,
    }


def _penalty(right):
    def adding(what):
        """`what`(l1, l2, w) is added to each kernel's gradient."""

        def made(params, grads, *, l1, l2):
            kernels = set(REGULARISED) & grads.keys()
            return grads | {name: grads[name] + what(l1, l2, params[name]) for name in kernels}

        return made

    return {
        "penalty: the 2 is missing: the gradient of l2 w^2 is 2 l2 w": adding(
            lambda l1, l2, w: l1 * np.sign(w) + l2 * w
        ),
        "penalty: l1 and l2 are swapped": adding(lambda l1, l2, w: l2 * np.sign(w) + 2 * l1 * w),
        "penalty: it is added itself, one number to all entries, not its gradient": adding(
            lambda l1, l2, w: l1 * np.abs(w).sum() + l2 * (w * w).sum()
        ),
        "penalty: that of l1 is added itself, not its gradient": adding(
            lambda l1, l2, w: l1 * np.abs(w).sum() + 2 * l2 * w
        ),
        "penalty: that of l2 is added itself, not its gradient": adding(
            lambda l1, l2, w: l1 * np.sign(w) + l2 * (w * w).sum()
        ),
        "penalty: abs(w) where its gradient, sign(w), should be": adding(
            lambda l1, l2, w: l1 * np.abs(w) + 2 * l2 * w
        ),
        "penalty: w^2 where its gradient, 2 w, should be": adding(
            lambda l1, l2, w: l1 * np.sign(w) + l2 * w * w
        ),
        "penalty: its gradient is subtracted, not added": adding(
            lambda l1, l2, w: -l1 * np.sign(w) - 2 * l2 * w
        ),
        "penalty: l1 is added whatever w's sign is": adding(lambda l1, l2, w: l1 + 2 * l2 * w),
        "penalty: divided by the number of weights": adding(
            lambda l1, l2, w: (l1 * np.sign(w) + 2 * l2 * w) / w.size
        ),
        "penalty: l1 has no effect": adding(lambda l1, l2, w: 2 * l2 * w),
        "penalty: l2 has no effect": adding(lambda l1, l2, w: l1 * np.sign(w)),
    }


def _learning_rate(right):
    return {
        "it never stops falling: the floor is missing": lambda e: INITIAL_RATE * DECAY**e,
        "the smaller of the two is taken where it should be the larger": lambda e: min(
            INITIAL_RATE * DECAY**e, FINAL_RATE
        ),
        "epochs are counted from 1: one factor too many": lambda e: right(e + 1),
        "one factor too few": lambda e: right(max(e - 1, 0)),
        "one factor too few, in the first epoch too": lambda e: max(
            INITIAL_RATE * DECAY ** (e - 1), FINAL_RATE
        ),
        "epochs are counted from 1, and the floor is missing": lambda e: (
            INITIAL_RATE * DECAY ** (e + 1)
        ),
        "the floor is added, where it is the least that is left": lambda e: (
            INITIAL_RATE * DECAY**e + FINAL_RATE
        ),
        "the floor is the rate itself from the beginning": lambda e: FINAL_RATE,
        "it never falls": lambda e: INITIAL_RATE,
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
        "it is the smaller recall, not the mean of both": lambda y, p: min(
            recall(y, p, 0), recall(y, p, 1)
        ),
        "the recalls are multiplied, not averaged": lambda y, p: recall(y, p, 0) * recall(y, p, 1),
        "only one of the recalls is halved": lambda y, p: recall(y, p, 0) + recall(y, p, 1) / 2,
        "it is accuracy in percent": lambda y, p: 100 * accuracy(y, p),
        "the mean over the classes that are answered, where it is over those that occur": (
            lambda y, p: np.mean([recall(y, p, c) for c in np.unique(p)])
        ),
        "the recalls are added, not averaged": lambda y, p: 2 * right(y, p),
        "it is in percent": lambda y, p: 100 * right(y, p),
        "it is the share of errors": lambda y, p: 1 - right(y, p),
    }


def _padding(right):
    """Of (frames, mean, std, minimum, out): what is written behind, before or instead."""
    # Imported here: nobody who checks a layer waits for scipy.fft.
    from minidann.sound.normalise import FRAMES

    def padded(unpadded, below, front=False):
        tail = np.broadcast_to(below, (FRAMES - len(unpadded), unpadded.shape[1]))
        return np.concatenate([tail, unpadded] if front else [unpadded, tail]).astype(np.float32)

    def normal(frames, mean, std):
        return (frames - mean) / std

    def with_padding(below):
        """Right but for what the frames behind the last are filled with."""

        def made(frames, mean, std, minimum=None, out=None):
            unpadded = normal(frames, mean, std)
            return padded(unpadded, below(unpadded, frames))

        return made

    def with_frames(change):
        """Right but for how frames are normalised."""

        def made(frames, mean, std, minimum=None, out=None):
            unpadded = change(frames, mean, std)
            return padded(unpadded, unpadded.min(axis=0) if minimum is None else minimum)

        return made

    def front(frames, mean, std, minimum=None, out=None):
        unpadded = normal(frames, mean, std)
        return padded(unpadded, unpadded.min(axis=0) if minimum is None else minimum, front=True)

    def normalised_minimum(frames, mean, std, minimum=None, out=None):
        unpadded = normal(frames, mean, std)
        low = unpadded.min(axis=0) if minimum is None else (minimum - mean) / std
        return padded(unpadded, low if np.ndim(low) == 1 else low[0])

    return {
        "padded at the front, not at the end": front,
        "minimum has no effect": with_padding(lambda unpadded, frames: unpadded.min(axis=0)),
        "minimum is normalised once more": normalised_minimum,
        "padded with the minimum from before it was normalised": with_padding(
            lambda unpadded, frames: frames.min(axis=0)
        ),
        "padded with one minimum for all bins": with_padding(
            lambda unpadded, frames: unpadded.min()
        ),
        "padded with 0": with_padding(lambda unpadded, frames: 0.0),
        "padded with the last frame": with_padding(lambda unpadded, frames: unpadded[-1]),
        "padded with the mean of the frames": with_padding(
            lambda unpadded, frames: unpadded.mean(axis=0)
        ),
        "padded with the maximum": with_padding(lambda unpadded, frames: unpadded.max(axis=0)),
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
