"""Does a function leave alone what it was given? Copies before, a comparison after."""

from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np


def arrays_in(thing, seen: tuple = ()) -> Iterator[np.ndarray]:
    """Every array and number in nested tuples, lists, dicts and objects' attributes, in order.

    Of a module's copy (the ops that a network is handed) not what Python keeps in it, such as its
    loader, from which the whole program can be reached.
    """
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, (int, float, complex, np.generic)):
        yield np.asarray(thing)
    elif any(thing is ancestor for ancestor in seen):  # an object that holds itself
        return
    elif isinstance(thing, (tuple, list)):
        for value in thing:
            yield from arrays_in(value, (*seen, thing))
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from arrays_in(value, (*seen, thing))
    elif hasattr(thing, "__dict__") and not isinstance(thing, (type, ModuleType, FunctionType)):
        attributes = {
            name: value for name, value in vars(thing).items() if not name.startswith("__")
        }
        yield from arrays_in(attributes, (*seen, thing))


def copied(thing) -> Any:
    """The same with a copy of every array in nested tuples, lists and dicts."""
    if isinstance(thing, np.ndarray):
        return thing.copy()
    if isinstance(thing, dict):
        return {key: copied(value) for key, value in thing.items()}
    if type(thing) in (tuple, list):
        return type(thing)(copied(value) for value in thing)
    return thing


class Untouched:
    """Remembers what the named things hold; `changed()` names those that hold something else."""

    def __init__(self, **things):
        self.things = things
        self.copies = {name: [a.copy() for a in arrays_in(t)] for name, t in things.items()}

    def changed(self) -> list[str]:
        return [name for name in self.things if not same(self.things[name], self.copies[name])]


def same(first, second) -> bool:
    """Do two things hold the same arrays, NaN included?"""
    first, second = list(arrays_in(first)), list(arrays_in(second))
    return len(first) == len(second) and all(
        a.shape == b.shape
        and a.dtype == b.dtype
        and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        for a, b in zip(first, second)
    )
