"""The verdict on one part of an answer, the report on all parts, and their words.

`gradcheck`, `coursework check`, `coursework grade` and pytest print the same words.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from minidann.mistakes.question import real

UNKNOWN = "This is none of the mistakes that minidann knows."
MOST = 15  # lines for a file
SHOW = 2  # inputs: those of the first wrong parts
WIDTH = 110  # characters of a line of numbers
DIGITS = (4, 6, 9, 12, 17)  # of a number: as many as show a difference
SHOWN = 12  # entries: a larger array is shown by its shape, and by the entry that is furthest off


class Verdict(NamedTuple):
    """Is one part right, and if not, what is wrong with it?

    `part`: "out", "dx", "dgamma", or a part of a function such as "l1". `causes`: at most two
    sentences; none where the part is right, or where its mistake is not known. `shown`: the
    smallest input that shows it, with what was received and what is right; "" where the part is
    right. `note`: what else there is to say of a right part. Where derivatives were taken:
    `central` and `complex`, the relative errors against central differences and the complex step
    (NaN where a method gave nothing), and `kinks`, the number of entries at one.
    """

    part: str
    right: bool
    causes: tuple[str, ...] = ()
    shown: str = ""
    note: str = ""
    central: float = math.nan
    complex: float = math.nan
    kinks: int = 0


class Report(NamedTuple):
    """The verdicts of one check. `table`: which part is right on which input, if asked for."""

    title: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    table: str = ""

    @property
    def ok(self) -> bool:
        return all(verdict.right for verdict in self.verdicts)

    @property
    def lines(self) -> list[str]:
        return [*lines(self.verdicts, self.title), *self.notes][:MOST]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def lines(verdicts: Iterable[Verdict], title: str = "") -> list[str]:
    """The verdicts in at most MOST lines, wrong parts first, those of one cause together."""
    right, groups, notes = [], {}, {}
    for verdict in verdicts:
        if verdict.right:
            right.append(verdict.part)
            notes.setdefault(verdict.note, []).append(verdict.part)
        else:
            groups.setdefault(verdict.causes[:1] or verdict.part, []).append(verdict)
    wrong = [verdict.part for group in groups.values() for verdict in group]
    summary = [f"{what}: {', '.join(parts)}" for what, parts in
               (("wrong", wrong), ("right", right)) if parts]  # fmt: skip
    head = [f"{title}: " * bool(title) + "; ".join(summary)]
    body = []
    for number, group in enumerate(groups.values()):
        first, *more = group[0].causes or (UNKNOWN,)
        body.append(f"{', '.join(verdict.part for verdict in group)}: {first}")
        # What went wrong in a call is no alternative to the first cause.
        joined = [("also" if c.startswith(("forward ", "backward ")) else "or", c) for c in more]
        body += [f"    {word}: {cause}" for word, cause in joined]
        body += [f"    {line}" for line in group[0].shown.splitlines() if number < SHOW]
    body += [f"{', '.join(parts)}: {note}" for note, parts in notes.items() if note]
    return [*head, *body][:MOST]


def shown(case, names, received, true, what: str, upstream=None) -> str:
    """The input in numbers where it is small, what was received as `what`, and what is right."""
    return "\n".join([on_input(case, names, upstream), *beside(what, received, true)])


def on_input(case, names, upstream=None) -> str:
    """The input in numbers where it is small."""
    values = dict(zip(names, case.arrays)) | case.options
    if upstream is not None:
        values["dout"] = upstream
    # Dicts come last, because what is too long is cut off.
    values = sorted(values.items(), key=lambda item: isinstance(item[1], dict))
    numbers = ", ".join(f"{name} = {written(value)}" for name, value in values)
    return f'On the input "{case.what}": {cut(numbers)}'


def beside(what: str, received, true) -> list[str]:
    """What was received and what is right, with as many digits as show the difference."""
    numbers, right = real(received), real(true)
    if received is None:
        return []  # the cause says why there is nothing
    if numbers is None or right is None:
        if kind(received) != kind(true):
            return [f"received {what}: {kind(received)}; right: {kind(true)}"]
        numbers, right = received, true
    elif numbers.shape != right.shape:
        return [f"received {what} of shape {numbers.shape}; right is the shape {right.shape}"]
    elif right.size > SHOWN:
        with np.errstate(all="ignore"):
            off = np.abs(numbers - right)
        at = np.unravel_index(off.argmax(), off.shape)  # NaN counts as the largest
        what = f"{what}[{', '.join(map(str, at))}]"
        numbers, right = numbers[at], right[at]
    for digits in DIGITS:
        pair = written(numbers, digits), written(right, digits)
        if pair[0] != pair[1]:
            break
    return [f"received {what} = {cut(pair[0])}", f"right    {what} = {cut(pair[1])}"]


def cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[:WIDTH]} ..."


def kind(thing) -> str:
    """What something is, in words."""
    if thing is None or thing is ... or isinstance(thing, bool):
        return repr(thing)
    if isinstance(thing, (np.ndarray, np.generic, int, float)):
        of = "" if real(thing) is not None else f" of {np.asarray(thing).dtype}"
        return f"an array of shape {np.shape(thing)}{of}" if np.ndim(thing) else f"a number{of}"
    if isinstance(thing, (tuple, list)):
        return f"a {type(thing).__name__} of {len(thing)}"
    return f"a {type(thing).__name__}"


def written(value, digits: int = 4) -> str:
    """A value in one line."""
    if isinstance(value, (tuple, list)):
        text = ", ".join(written(item, digits) for item in value)
        return f"[{text}]" if isinstance(value, list) else f"({text})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(v, digits)}" for key, v in value.items()) + "}"
    if value is None or isinstance(value, (str, bool)):
        return repr(value)
    if np.size(value) > SHOWN:
        return f"an array of shape {np.shape(value)}"
    number = {"float_kind": lambda x: f"{x + 0.0:.{digits}g}"}  # + 0.0: no -0
    return " ".join(np.array2string(np.asarray(value), separator=", ", formatter=number).split())
