"""What one exercise of a submission earned, and how numbers are compared and shown."""

from dataclasses import dataclass, field

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.gradcheck.report import CENTRAL_TOLERANCE

SINGLE_TOLERANCE = 1e-6  # of float32, which holds seven digits
DIGITS = (6, 9, 12, 17)  # of a number: as many as show a difference
SHOWN = 26  # entries: what is larger is shown by its shape
LONGEST = 1000  # characters of a value


@dataclass
class Result:
    """Points by part, of `exercise.most` in all.

    `feedback` is for the student, a line or more each. `printed` is what the code printed where it
    went wrong, or first.
    """

    exercise: Exercise
    earned: dict[str, float] = field(default_factory=dict)
    feedback: list[str] = field(default_factory=list)
    state: str = "wrong"  # right | wrong | not written | refused | not graded
    printed: str = ""

    @property
    def points(self) -> float:
        return sum(self.earned.values())

    @property
    def notes(self) -> list[str]:
        """Why points are missing, each reason in one line; none where none is."""
        if self.state == "right":
            return []
        return [text.splitlines()[0].removesuffix(", given") for text in self.feedback]


def real(thing) -> np.ndarray | None:
    """A number, an array or lists of real numbers as an array; None if it is anything else."""
    try:
        array = np.asarray(thing)
        return array if array.dtype.kind in "fiu" else None
    except (ValueError, OverflowError):  # lists of different lengths
        return None


def close(received, true, floor: float = 0.0, relative: float = 0.0) -> bool:
    """Same shape, and no entry off by more than a ten millionth of the largest, or `relative`.

    Nor is anything wrong that is off by no more than `floor`.
    """
    received, true = real(received), np.asarray(true)
    if received is None or received.shape != true.shape:
        return False
    tolerance = SINGLE_TOLERANCE if true.dtype == np.float32 else CENTRAL_TOLERANCE
    tolerance = max(tolerance, relative)
    with np.errstate(all="ignore"):
        off = np.where(np.isnan(received) & np.isnan(true), 0, np.abs(received - true))
        size = np.nan_to_num(np.abs(true)).max(initial=0.0) or 1.0
    return bool(off.max(initial=0.0) <= max(tolerance * size, floor))


def compared(what: str, received, true) -> str:
    """Where two arrays are furthest apart."""
    numbers, true = real(received), np.asarray(true)
    if numbers is None or numbers.shape != true.shape:
        return f"{what}: expected {of_shape(true.shape)}, received {kind(received)}"
    received = numbers
    finite = np.isfinite(received)
    if not finite.all():
        at = tuple(np.argwhere(~finite)[0])
        return (
            f"{what}{place(at)} is {received[at]}, expected {true[at]:.6g}: look for a division by "
            "zero, a log of zero, or an exp of a large number"
        )
    off = np.abs(received - true)
    at = np.unravel_index(int(off.argmax()), off.shape)
    for digits in DIGITS:
        got, want = f"{received[at]:.{digits}g}", f"{true[at]:.{digits}g}"
        if got != want:
            break
    return f"{what}{place(at)} is {got}, expected {want}"


def different(what: str, received, true, dtype: bool) -> str | None:
    """How two results differ, in words; in `dtype` only if that counts."""
    if isinstance(true, dict):
        if not isinstance(received, dict):
            return f"{what}: expected a dict, received {kind(received)}"
        if set(received) != set(true):
            return _different_keys(what, received, true)
        found = (different(f'{what}["{key}"]', received[key], true[key], dtype) for key in true)
        return next(filter(None, found), None)
    if isinstance(true, tuple):
        if not isinstance(received, (tuple, list)) or len(received) != len(true):
            return f"{what}: expected {len(true)} values, received {kind(received)}"
        pairs = enumerate(zip(received, true))
        found = (different(f"{what}[{i}]", *pair, dtype) for i, pair in pairs)
        return next(filter(None, found), None)
    if isinstance(true, list):
        array = isinstance(received, np.ndarray) and received.ndim > 0
        many = array or isinstance(received, (list, tuple))
        rows = [real(row) for row in received] if many else []
        same = [None if row is None else row.tolist() for row in rows] == true
        return None if same else f"{what}: expected {true}, received {written(received)}"
    if not close(received, true):
        return compared(what, received, true)
    if dtype and isinstance(true, np.ndarray) and np.asarray(received).dtype != true.dtype:
        return f"{what}: expected {true.dtype}, received {np.asarray(received).dtype}"
    return None


def alike(received, expected) -> bool:
    """Are two results the same, but for their dtypes?"""
    return different("", received, expected, dtype=False) is None


def _different_keys(what: str, received: dict, like: dict) -> str:
    wanted, got = (", ".join(sorted(result)) or "none" for result in (like, received))
    return f"{what}: expected the keys {wanted}, received {got}"


def place(at: tuple) -> str:
    """An index as it is written in code; nothing for that of a number."""
    return f"[{', '.join(map(str, at))}]" if at else ""


def of_shape(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if shape else "a number"


def kind(thing) -> str:
    """What something is, in words."""
    if thing is None:
        return "None"
    if isinstance(thing, (tuple, list)):
        return f"{len(thing)} value{'s' * (len(thing) != 1)} in a {type(thing).__name__}"
    if isinstance(thing, (np.ndarray, np.generic)):
        return of_shape(np.shape(thing)) + ("" if real(thing) is not None else f" of {thing.dtype}")
    number = isinstance(thing, (int, float)) and not isinstance(thing, bool)
    return "a number" if number else f"a {type(thing).__name__}"


def returned(thing) -> str:
    """What a function returned, in words, with the reason where that is plain."""
    return "None: is a return missing?" if thing is None else kind(thing)


def written(value, digits: int = 4) -> str:
    """A value in one line, an array by its shape where it is large; cut where it is long."""
    text = _written(value, digits)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _written(value, digits: int) -> str:
    if isinstance(value, (dict, tuple, list)) and not _is_small(value):
        return kind(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key}: {written(item, digits)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, tuple):
        return f"({', '.join(written(item, digits) for item in value)})"
    if isinstance(value, list):
        return f"[{', '.join(written(item, digits) for item in value)}]"
    if value is None or isinstance(value, (str, bool)):
        return repr(value)
    array = np.asarray(value)
    if array.size > SHOWN:
        return f"an array of shape {array.shape}"
    number = {"float_kind": lambda x: f"{x + 0.0:.{digits}g}"}  # + 0.0: no -0
    return " ".join(np.array2string(array, separator=", ", formatter=number).split())


def _is_small(value, depth: int = 4) -> bool:
    """Is there so little in it that one can look at it? Anything may have been returned."""
    if not isinstance(value, (dict, tuple, list)):
        return True
    inside = value.values() if isinstance(value, dict) else value
    return len(inside) <= SHOWN and depth > 0 and all(_is_small(item, depth - 1) for item in inside)


def labelled(names, values, digits: int = 4) -> str:
    """Names and values, a line each."""
    return "\n".join(f"  {name} = {written(value, digits)}" for name, value in zip(names, values))


def beside(names, values) -> str:
    """Two values, a line each, with as many digits as show a difference."""
    digits = (4, *DIGITS)
    enough = (d for d in digits if len({written(value, d) for value in values}) > 1)
    return labelled(names, values, next(enough, digits[0]))


def printed(text: str) -> list[str]:
    """What a call printed, its first lines."""
    lines = text.splitlines()
    more = [f"and {len(lines) - 20} lines more"] if len(lines) > 20 else []
    return [f"it printed: {line}" for line in [*lines[:20], *more]]
