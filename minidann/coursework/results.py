"""What one exercise of a submission earned, and how arrays are compared and shown."""

from dataclasses import dataclass, field

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.gradcheck.report import CENTRAL_TOLERANCE


@dataclass
class Result:
    """Points by part, of `exercise.most` in all; `said` is for the student, a line or more each."""

    exercise: Exercise
    earned: dict[str, float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    state: str = "wrong"  # right | wrong | not written | refused

    @property
    def points(self) -> float:
        return sum(self.earned.values())

    @property
    def note(self) -> str:
        """Why points are missing, in one line."""
        return "" if self.state == "right" else (self.said[0].splitlines()[0] if self.said else "")


def close(received, true) -> bool:
    """Same shape, and no entry off by more than a ten millionth of the largest."""
    try:
        received, true = np.asarray(received), np.asarray(true)
    except ValueError:  # lists of different lengths
        return False
    if received.shape != true.shape or received.dtype.kind not in "fiub":
        return False
    with np.errstate(all="ignore"):
        off = np.abs(received - true).max(initial=0.0)
    return bool(off <= CENTRAL_TOLERANCE * (np.abs(true).max(initial=0.0) or 1.0))


def compared(what: str, received, true) -> str:
    """Where two arrays are furthest apart."""
    if not isinstance(received, (np.ndarray, np.generic, float, int)):
        return f"  {what}: expected an array of shape {np.shape(true)}, received {kind(received)}"
    if np.shape(received) != np.shape(true):
        return f"  {what}: expected shape {np.shape(true)}, received {np.shape(received)}"
    received = np.asarray(received)
    with np.errstate(all="ignore"):
        off = np.abs(received - true)
    off = np.where(np.isnan(off), np.inf, off)
    at = np.unravel_index(int(off.argmax()), off.shape)
    place = f"[{', '.join(map(str, at))}]" if at else ""
    return f"  {what}{place} is {received[at]:.6g}, expected {np.asarray(true)[at]:.6g}"


def written(value) -> str:
    """An array in one line, or its shape where it is large."""
    if isinstance(value, tuple):
        return f"({', '.join(map(written, value))})"
    array = np.asarray(value)
    if array.size > 40:
        return f"an array of shape {array.shape}"
    return " ".join(np.array2string(array, precision=3, separator=", ").split())


def kind(thing) -> str:
    """What something is, in words: a shape where it has one."""
    if isinstance(thing, (tuple, list)):
        return f"{len(thing)}"
    return (
        str(np.shape(thing))
        if isinstance(thing, (np.ndarray, np.generic))
        else type(thing).__name__
    )
