"""A gradient is off by a factor: which number of the op is it equal to?

Sizes of the shapes, products of several axes of one array (a mean over them), options such as
beta, dropout's 1-p, their inverses and squares, and 2, which is also the slope of a square.
"""

from collections.abc import Iterator
from itertools import combinations
from math import prod

import numpy as np

from minidann.mistakes.diagnosis.evidence import Evidence, axis_name

BATCH = "the batch"


def name_factor(factor: float, evidence: Evidence) -> list[tuple[str, str]]:
    """(kind, name) of all that a positive factor may be, the likely ones first."""

    def equals(value):
        return abs(factor - value) <= 1e-9 * abs(value)

    names: dict[float, list[str]] = {}
    for name, value in sizes(evidence):
        if value not in (0.0, 1.0):
            names.setdefault(value, []).append(name)
    named = {value: equal[0] for value, equal in names.items()}
    return [
        *_single(names, equals),
        *_products(evidence, equals),
        *_pairs(named, equals, factor),
        *_squares(evidence, equals),
    ]


def in_words(factor: float) -> str:
    """A factor near 1 by what it is away from 1, as "1 + 1e-06"."""
    away = factor - 1
    if 0 < abs(away) < 1e-3:
        return f"1 {'+' if away > 0 else '-'} {abs(away):.3g}"
    return f"{factor:.6g}"


def sizes(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """The numbers that a wrong factor may be equal to, with names."""
    for names, shape in _shapes(evidence):
        yield from zip(names, map(float, shape))
    for name, value in evidence.options.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, float(value)
        elif name == "mask":
            yield "1/(1-p), what dropout multiplies by", float(np.max(value))


def _shapes(evidence: Evidence) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Of out and of each argument: what its axes are called, and its shape."""
    first, out = evidence.arrays[0].shape, np.shape(evidence.out)
    batched = len(first) > 1 or not out
    if batched:
        yield [BATCH], first[:1]
    shapes = (("out", out), *zip(evidence.names, (a.shape for a in evidence.arrays)))
    for number, (what, shape) in enumerate(shapes):
        names = [f"the size of {what} along {axis_name(shape, a, what)}" for a in range(len(shape))]
        if batched and number < 2 and shape and shape[0] == first[0]:
            names[0] = BATCH
        yield names, shape


def _kind(names) -> str:
    return "summed" if BATCH in names else "factor"


def _alternatives(names: list[str]) -> str:
    """Sizes that happen to equal the first: those of other axes, each once."""
    axes = {name.rpartition(" along ")[2]: name for name in reversed(names)}
    of_rows = "the rows" if BATCH in names else ""
    alternatives = [
        name
        for axis, name in reversed(axes.items())
        if name != names[0] and axis != of_rows and not axis.startswith("axis ")
    ]
    return f" (perhaps {' or '.join(alternatives)})" if alternatives else ""


def _single(names: dict[float, list[str]], equals) -> Iterator[tuple[str, str]]:
    """One size or one over it; 2 and 1/2 whatever the sizes are."""
    for value, (name, *_) in names.items():
        alternatives = _alternatives(names[value])
        if value in (2.0, 0.5) and name != BATCH:
            continue  # a plain 2 is the likelier one
        if equals(value):
            yield _kind([name]), f"{value:g}, {name}{alternatives}"
        elif equals(1 / value):
            if name.startswith("1/(1-p)"):
                yield "factor", f"{1 / value:g}, 1-p ({name}, is missing)"
            else:
                yield _kind([name]), f"1/{value:g}, one over {name}{alternatives}"
    for value, text in ((2.0, "2"), (0.5, "1/2")):
        if equals(value):
            yield "factor", text + _alternatives(["", *names.get(2.0, ()), *names.get(0.5, ())])
    for value, (name, *_) in names.items():
        if value < 1 and equals(1 - value):
            yield "factor", f"{1 - value:g}, one minus {name}"
        elif value != 2 and equals(value / (value - 1)):
            yield "factor", f"{value:g}/{value - 1:g}, of {name} and that minus one"
        elif value != 2 and equals((value - 1) / value):
            yield "factor", f"{value - 1:g}/{value:g}, of {name} minus one and that"


def _products(evidence: Evidence, equals) -> Iterator[tuple[str, str]]:
    """The sizes of several axes of one array: a mean or a sum over all of them."""
    for names, shape in _shapes(evidence):
        for count in range(2, len(shape) + 1):
            for axes in combinations(range(len(shape)), count):
                value = prod(shape[a] for a in axes)
                chosen = [names[a] for a in axes]
                if any(shape[a] == 1 and names[a] != BATCH for a in axes):
                    continue  # a batch may well be one row
                if equals(value):
                    yield _kind(chosen), f"{value}, {' times '.join(chosen)}"
                elif equals(1 / value):
                    yield _kind(chosen), f"1/{value}, one over {' times '.join(chosen)}"


def _squares(evidence: Evidence, equals) -> Iterator[tuple[str, str]]:
    """An option applied twice, or divided by where it should be multiplied with."""
    for name, value in evidence.options.items():
        if isinstance(value, float) and value not in (0.0, 1.0):
            if equals(value**2):
                yield "factor", f"{value**2:.6g}, the square of {name}"
            elif equals(1 / value**2):
                yield "factor", f"1/{value**2:.6g}, one over the square of {name}"


def _pairs(named: dict[float, str], equals, factor: float) -> Iterator[tuple[str, str]]:
    for (a, name_a), (b, name_b) in combinations(named.items(), 2):
        if equals(a * b):
            yield _kind([name_a, name_b]), f"{a * b:g}, {name_a} times {name_b}"
        elif equals(1 / (a * b)):
            yield _kind([name_a, name_b]), f"1/{a * b:g}, one over {name_a} times {name_b}"
        elif equals(a / b):
            yield "factor", f"{factor:.6g}, {name_a} over {name_b}"
        elif equals(b / a):
            yield "factor", f"{factor:.6g}, {name_b} over {name_a}"
