"""Does a function leave alone what it was given? Copies before, a comparison after."""

from collections.abc import Iterator

import numpy as np


def arrays_in(thing) -> Iterator[np.ndarray]:
    """Every array in nested tuples, lists, dicts and objects' attributes, in a fixed order."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from arrays_in(value)
    elif isinstance(thing, (tuple, list)):
        for value in thing:
            yield from arrays_in(value)


class Untouched:
    """Remembers what the named things hold; `changed()` names those that hold something else."""

    def __init__(self, **things):
        self.things = things
        self.copies = {name: [a.copy() for a in arrays_in(t)] for name, t in things.items()}

    def changed(self) -> list[str]:
        return [name for name in self.things if not self._same(name)]

    def _same(self, name: str) -> bool:
        now = list(arrays_in(self.things[name]))
        before = self.copies[name]
        return len(now) == len(before) and all(
            a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
            for a, b in zip(now, before)
        )


def same(one, other) -> bool:
    """Are two answers of one function the same, NaN included?"""
    one, other = list(arrays_in(one)), list(arrays_in(other))
    return len(one) == len(other) and all(
        a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        for a, b in zip(one, other)
    )
