"""What no input rules out is told, the most specific first.

An explanation is a sentence, and what would have been received on each input if it were so. It is
told only if that is what was received wherever something is wrong, and what is right wherever
nothing is. Explanations are handed over, and shares and one number of all inputs are tried here;
the words of each are the same for every input. At most two are told.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from minidann.mistakes import catalogue
from minidann.mistakes.changes import SHAPES, WAYS, Ways, changes
from minidann.mistakes.question import Seen, close
from minidann.mistakes.shares import by_shares

TOLD = 2
Table = dict[str, Callable[[], Sequence]]  # the same of one question, each computed once


def _part(table: Table, words: str, i: int):
    """What these words predict of part i; None where they predict nothing."""
    try:
        return table[words]()[i]
    except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError, KeyError):
        return None


@np.errstate(all="ignore")
def explain(seen: list[Seen], outcomes: Callable, sizes: Callable, terms: Callable) -> dict:
    """The causes of each part that is wrong somewhere: {part number: sentences}.

    `outcomes(question)` are the explanations, the most specific first, `sizes(question)` the
    numbers that a factor may be, and `terms(question)` the paths that right gradients are sums of.
    """
    tables = [{words: cache(make) for words, make in outcomes(s.question)} for s in seen]
    found: dict[int, list[str]] = {}
    for i in range(len(seen[0].wrong) if seen else 0):
        asked = [(s, table) for s, table in zip(seen, tables)
                 if s.received[i] is not None and s.true[i] is not None]  # fmt: skip
        if not any(s.wrong[i] for s, _ in asked):
            continue
        # First an input on which most is wrong: it rules out most.
        asked.sort(reverse=True, key=lambda pair: (
            pair[0].wrong[i], sum(pair[0].wrong), np.size(pair[0].true[i])))  # fmt: skip
        found[i] = [words for words in asked[0][1]
                    if all(s.fits(_part(table, words, i), i) for s, table in asked)]  # fmt: skip
        found[i] += by_shares([s for s, _ in asked], terms, sizes, i)
        found[i] = found[i] or _other_shape([s for s, _ in asked], i) or _by_a_number(asked, i)
    return {i: _told(words, found, seen, tables) for i, words in found.items()}


def _told(words, found, seen, tables) -> tuple[str, ...]:
    """Of the explanations of a part those that spoil no right part, of these those of most parts,
    and of these those of the catalogue; others in the order in which they are short.
    """

    def spoils(text):
        if text.startswith("The right ") or text.endswith(" is returned."):
            return False  # of one gradient it says nothing of the others
        return any(
            not wrong and j not in found and s.true[j] is not None
            and (other := _part(table, text, j)) is not None
            and not close(other, s.true[j], s.floor)
            for s, table in zip(seen, tables) for j, wrong in enumerate(s.wrong)
        )  # fmt: skip

    words = [text for text in words if not spoils(text)] or words
    parts = {text: sum(text in others for others in found.values()) for text in words}
    words = [text for text in words if parts[text] == max(parts.values())]
    sentences = {mistake.says for mistake in catalogue.CATALOGUE}
    listed = [text for text in words if text in sentences]
    spoiled = [text for text in words if text.startswith("The right ")]
    # The right numbers in other words may be an array at hand that is returned.
    others = [t for t in words if t not in spoiled and not (spoiled and t.endswith("is returned."))]
    return tuple((listed or spoiled + others)[:TOLD])


def _other_shape(seen: list[Seen], i: int) -> list[str]:
    """The right numbers before a sum over an axis, or only the first of them along one."""
    pairs = [(s.received[i], np.asarray(s.true[i]), s.floor) for s in seen]
    for axis in range(min(received.ndim for received, *_ in pairs)):
        if all(received.ndim == true.ndim and received.shape[axis] <= true.shape[axis]
               and close(received, true.take(range(received.shape[axis]), axis), floor)
               for received, true, floor in pairs):  # fmt: skip
            return [f"What is returned is cut short along axis {axis}."]
        if all(received.ndim == true.ndim + 1 and close(received.sum(axis), true, floor)
               for received, true, floor in pairs):  # fmt: skip
            return [f"The sum over axis {axis} is missing."]
    return []


def _by_a_number(asked: list[tuple[Seen, Table]], i: int) -> list[str]:
    """One number for all inputs: the right part is multiplied by it, or so many times an array at
    hand is added to it.
    """
    if sum(s.wrong[i] for s, _ in asked) < 2:
        return []  # some number fits one input, if it has one entry
    for text in ("", *(words for words in asked[0][1] if words.endswith(" is returned."))):
        arrays = [_part(table, text, i) if text else s.true[i] for s, table in asked]
        both = [(s, s.true[i], array) for (s, _), array in zip(asked, arrays)]
        if all(s.received[i].shape == np.shape(true) == np.shape(array) for s, true, array in both):
            s, true, array = both[0]  # on which it is wrong
            number = np.vdot(array, s.received[i] - true) / np.vdot(array, array)
            if np.isfinite(number) and all(s.fits(t + number * a, i) for s, t, a in both):
                name = text.removesuffix(" is returned.")
                added = f"{number:.4g} times {name} is added."
                return [added if name else f"The right numbers are multiplied by {1 + number:.4g}."]
    return []


def returned(right: Sequence, sizes, others, instead, what: str = "gradient") -> Ways:
    """What may be done to each part of what is right before it is returned, or `instead` of it."""
    ways: dict[str, list[Callable]] = {}
    nothing = [lambda: None for _ in right]
    for i, part in enumerate(right):
        if part is None:
            continue
        for words, make in changes(part, sizes, others, WAYS + SHAPES):
            head = f"The right {what} is returned"
            if words.startswith(("multiplied by", "divided by")):
                head = "The right numbers are"
            elif words.startswith(("its ", "one ", "zero ", "that of ")):
                head = f"The right {what} is replaced by"
            if words not in others:
                words = words.removesuffix(": it is left out")
                ways.setdefault(f"{head} {words}.", [*nothing])[i] = make
        for name, value in instead.items():
            ways.setdefault(f"{name} is returned.", [*nothing])[i] = lambda value=value: value
    for text, makes in ways.items():
        yield text, lambda makes=makes: [make() for make in makes]
