"""What is asked of a layer: an input, the gradient that arrives from above, and what is right."""

import inspect
from typing import NamedTuple

import numpy as np

TOLERANCE = 1e-7  # of the largest entry
MIXED = 1e-6  # the same, where some of the arithmetic may have been in float32
SINGLE = 2e-5  # the same, of what is in float32, which holds seven digits
ROUGH = 1e-2  # the same, of a large input, in whose sums float32 loses more of them
LARGEST = 3000  # numbers of an input: a larger one says little more, and takes long


class Case(NamedTuple):
    """A legal input of an op, in float64. Its name begins with "a tie" where there is one."""

    what: str
    arrays: tuple
    options: dict

    @property
    def ties(self) -> bool:
        return self.what.startswith("a tie")

    @property
    def is_large(self) -> bool:
        return sum(array.size for array in self.arrays) > LARGEST

    def tolerance(self, usual: float = TOLERANCE) -> float:
        return ROUGH if self.is_large else usual


class Question(NamedTuple):
    """A case, backward's `dout`, and what minidann's op gives: out, its cache, the gradients."""

    case: Case
    upstream: np.ndarray
    out: np.ndarray
    cache: object
    gradients: tuple

    @property
    def floor(self) -> float:
        """What rounding may leave of a gradient whose terms cancel."""
        arrays = [a for a in (self.upstream, *self.gradients) if a is not None]
        return MIXED * float(max(np.abs(array).max(initial=0.0) for array in arrays))


def ask(op, case: Case, upstream: np.ndarray) -> Question:
    """The question about `op` on this case, with the answers of `op` itself."""
    with np.errstate(all="ignore"):
        out, cache = op.forward(*case.arrays, **case.options)
        return Question(case, upstream, out, cache, op.backward(upstream, cache))


def argument_names(function, count: int | None = None) -> tuple[str, ...]:
    """The names of a function's first `count` positional arguments; all of them without `count`.

    "argument i" stands for those that it takes as *arrays.
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    names = [p.name for p in parameters if p.kind in kinds][:count]
    return (*names, *(f"argument {i}" for i in range(len(names), count or 0)))


def first_example(op, rng: np.random.Generator) -> tuple[tuple, dict]:
    """(arrays, options) of the first of the op's examples, in which all sizes differ."""
    return as_example(next(iter(op.examples(rng).values())))


def as_example(given) -> tuple[tuple, dict]:
    """The same, if it is (arrays, options). Raises TypeError otherwise."""
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not (is_pair and isinstance(given[0], (tuple, list)) and isinstance(given[1], dict)):
        raise TypeError("expected a tuple of arrays and a dict of options, such as (x, w), {} or "
                        f"(x,), {{}}; received {given!r:.200}")  # fmt: skip
    return given


def real(thing) -> np.ndarray | None:
    """A number or an array of real numbers as an array; None for anything else."""
    if not isinstance(thing, (np.ndarray, np.generic, float, int)):
        return None
    array = np.asarray(thing)
    return array if array.dtype.kind in "fiu" else None


def is_single(array) -> bool:
    """Is it in float32, or does it hold nothing that float32 could not?"""
    array = np.asarray(array)
    if array.dtype == np.float32:
        return True
    with np.errstate(all="ignore"):
        whole = array == np.trunc(array)
        return bool(array.size and not whole.all() and (array == array.astype(np.float32)).all())


def close(received, true, floor: float = 0.0, tolerance: float = TOLERANCE) -> bool:
    """Of one shape, and nowhere off by more than `tolerance` times the largest entry?

    What is off by no more than `floor` is right, too, and numbers of float32 may be further off.
    """
    received, true = real(received), np.asarray(true)
    if received is None or received.shape != true.shape:
        return False
    if is_single(received) and true.dtype != np.float32:
        tolerance = max(tolerance, SINGLE)
    least = max(tolerance * np.nan_to_num(np.abs(true), posinf=0.0).max(initial=0.0), floor)
    with np.errstate(all="ignore"):
        return bool(np.allclose(received, true, rtol=0, atol=least, equal_nan=True))


class Seen(NamedTuple):
    """One question, and of each part what was received, what is right, and whether it is wrong.

    A part is None where there is nothing to compare. What is below `floor` is rounding.
    """

    question: object
    received: tuple
    true: tuple
    wrong: tuple[bool, ...]
    floor: float = 0.0

    def fits(self, predicted, i: int) -> bool:
        """Is `predicted` what was received of part i?"""
        received, true = self.received[i], self.true[i]
        if predicted is None or np.shape(predicted) != received.shape:
            return False
        predicted, finite = np.asarray(predicted), np.isfinite(received)
        if not self.wrong[i]:  # what overflows in one way to write it need not in another
            return not np.isfinite(predicted).all() or close(predicted, true, self.floor, MIXED)
        size = np.abs(received)[finite].max(initial=0.0)
        least = (SINGLE if is_single(received) else TOLERANCE) * size
        if finite.all() and np.shape(true) == received.shape and not is_single(received):
            # To a millionth of what is wrong, so that a guess that is merely near does not count.
            least = max(MIXED * np.abs(received - true).max(), 1e-13 * size)
        return bool(np.allclose(predicted, received, rtol=0, atol=least, equal_nan=True))
