"""What is asked of a layer: an input, the gradient that arrives from above, and what is right."""

import inspect
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """A legal input of an op, in float64. Its name begins with "a tie" where there is one."""

    what: str
    arrays: tuple
    options: dict

    @property
    def ties(self) -> bool:
        return self.what.startswith("a tie")


class Question(NamedTuple):
    """A case, backward's `dout`, and what minidann's op gives: out, its cache, the gradients."""

    case: Case
    upstream: np.ndarray
    out: np.ndarray
    cache: object
    gradients: tuple


def ask(op, case: Case, upstream: np.ndarray) -> Question:
    """The question about `op` on this case, with the answers of `op` itself."""
    with np.errstate(all="ignore"):
        out, cache = op.forward(*case.arrays, **case.options)
        return Question(case, upstream, out, cache, op.backward(upstream, cache))


def argument_names(function, count: int | None = None) -> tuple[str, ...]:
    """The names of a function's first `count` positional arguments; all of them without `count`.

    Where there are fewer, "argument i" stands for the others.
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function that is built in
        parameters = ()
    names = [p.name for p in parameters if p.kind in kinds][:count]
    return (*names, *(f"argument {i}" for i in range(len(names), count or 0)))


def first_example(op, rng: np.random.Generator) -> tuple[tuple, dict]:
    """(arrays, options) of the first of the op's examples, in which all sizes differ."""
    return next(iter(op.examples(rng).values()))
