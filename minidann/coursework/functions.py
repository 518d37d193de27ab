"""Exercises on other functions than layers: which calls are made, and what each part earns."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from minidann.coursework import pupil, tries
from minidann.coursework.exercises import MEND, Exercise
from minidann.coursework.handout import BUGS
from minidann.gradcheck.judging import alike, close
from minidann.gradcheck.verdict import Verdict, kind, shown
from minidann.mistakes.functions import WRONG
from minidann.mistakes.question import Case, argument_names, real

AS_BEFORE = "It gives what it gave when it was handed out: the bug is still there."
NOTHING = "It is also right where nothing is done, so alone it earns no point."


class Difference(NamedTuple):
    """Where a result differs from the right one. `why` says what is wrong, if more than numbers."""

    what: str
    received: object
    true: object
    why: str = ""


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable]:
    """The calls of an exercise on a function, and the function that judges their results."""
    (name,) = exercise.functions
    parts = getattr(tries, exercise.name)(rng)
    calls = [
        {"function": name, "args": args, "options": options}
        for given in parts.values()
        for args, options, *_ in given
        for _ in range(2)  # the second must give the same
    ]
    return calls, lambda results: judged(exercise, parts, results)


def judged(exercise: Exercise, parts: dict, results: Sequence[dict]):
    """The verdicts on the parts of an exercise, what they earn, and notes."""
    (name,) = exercise.functions
    calls, verdicts = iter(results), {}
    for part, given in parts.items():
        tried = [
            (args, options, next(calls), next(calls), needs) for args, options, *needs in given
        ]
        tried = [t[:4] for t in tried if all(verdicts[need].right for need in t[4])]
        verdicts[part] = verdict(exercise, part, tried)
    earned = {part: exercise.each for part, found in verdicts.items() if found.right}
    if set(earned) == {tries.IDLE.get(name)}:
        (part,) = earned
        verdicts[part] = Verdict(part, False, (NOTHING,))
        earned = {}
    return [*verdicts.values()], earned, ()


def verdict(exercise: Exercise, part: str, tried: list[tuple]) -> Verdict:
    """The verdict on one part: (arguments, options, its call, the same call again) each."""
    (name,) = exercise.functions
    right = getattr(exercise.module, name)
    asks_dtype = part == "float32" or "float32" not in exercise.parts
    view = tries.VIEWS.get((name, part), lambda result, args: result)
    for args, options, call, again in tried:
        true = right(*args, **copied(options))
        names = argument_names(right, len(args))
        case = Case(part, args, options)
        if call["error"]:
            given = shown(case, names, None, true, "the result")
            return Verdict(part, False, (f"{name} {call['error']}.",), given)
        received = call["value"]
        found = malformed(received, true)
        if not found and pupil.dumps({"": received}) != pupil.dumps({"": again["value"]}):
            return Verdict(part, False, (f"{name} gives something else when it is called again.",))
        if not found:
            seen = view(received, args), view(true, args)
            found = difference("the result", *seen, asks_dtype)
        if not found:
            continue
        named = causes(exercise, [(*t, call) for *t, call, _ in tried if not call["error"]])
        named = named or (found.why,) * bool(found.why)
        given = shown(case, names, found.received, found.true, found.what)
        if isinstance(found.true, list):  # of row numbers, which `shown` takes for no numbers
            both = (("received", rows(found.received)), ("right   ", found.true))
            lines = [f"{word} {found.what} = {value}"[:200] for word, value in both]
            given = "\n".join([given.splitlines()[0], *lines])
        return Verdict(part, False, named, given)
    return Verdict(part, True)


def causes(exercise: Exercise, tried: list[tuple]) -> tuple[str, ...]:
    """The sentences of the wrong functions that give all that was received, at most two.

    Of a planted bug, the function as it was handed out is the only one.
    """
    (name,) = exercise.functions
    if all(alike(call["value"], called(getattr(exercise.module, name), *t)) for *t, call in tried):
        return ()  # only its dtype is wrong
    wrong = WRONG.get(name, [])
    if exercise.kind == MEND:
        module = pupil.load(exercise.name, (BUGS / f"{exercise.name}.py").read_text("utf-8"))
        wrong = [getattr(module, name)]
    found = [
        AS_BEFORE if exercise.kind == MEND else function.__doc__
        for function in wrong
        if all(alike(call["value"], called(function, *t)) for *t, call in tried)
    ]
    return tuple(dict.fromkeys(found))[:2]


def called(function: Callable, args: tuple, options: dict):
    """What a function gives; None where it raises an error, as a wrong function may."""
    try:
        with np.errstate(all="ignore"):
            return function(*args, **copied(options))
    except Exception:
        return None


def copied(options: dict) -> dict:
    """Options of which arrays may be written to."""
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in options.items()}


def malformed(received, true) -> Difference | None:
    """What the result as a whole lacks, so that nothing can be looked up in it."""
    what = ("the result", received, true)
    if received is None:
        return Difference(*what, "It returns None: is its return missing?")
    if isinstance(true, float) and real(received) is None:
        return Difference(*what, f"It returns {kind(received)}, not a number.")
    if isinstance(true, dict) and not isinstance(received, dict):
        return Difference(*what, f"It returns {kind(received)}, not a dict.")
    if isinstance(true, tuple) and isinstance(true[0], dict):
        if not isinstance(received, (tuple, list)) or len(received) != 2:
            return Difference(*what, f"It returns {kind(received)}, not (new params, new state).")
        if not all(isinstance(item, dict) for item in received):
            kinds = f"{kind(received[0])} and {kind(received[1])}"
            return Difference(*what, f"It returns {kinds}, not two dicts.")
        if received[0].keys() == true[1].keys() and received[1].keys() == true[0].keys():
            return Difference(*what, "It returns (new state, new params): the order is exchanged.")
    return None


def difference(what: str, received, true, dtype: bool) -> Difference | None:
    """The first place where two results differ; None without any. `dtype`: dtypes count."""
    if isinstance(true, dict):
        if not isinstance(received, dict):
            return Difference(what, received, true, f"{what} is {kind(received)}, not a dict.")
        if set(received) != set(true):
            wanted, got = (", ".join(sorted(r))[:200] or "none" for r in (true, received))
            return Difference(what, received, true, f"{what} has the keys {got}, not {wanted}.")
        pairs = [(f'{what}["{key}"]', received[key], true[key]) for key in true]
    elif isinstance(true, tuple):
        if not isinstance(received, (tuple, list)) or len(received) != len(true):
            return Difference(what, received, true)
        pairs = [(f"{what}[{i}]", *pair) for i, pair in enumerate(zip(received, true))]
    elif isinstance(true, list):  # of row numbers
        return None if rows(received) == true else Difference(what, received, true)
    elif not close(received, true):
        return Difference(what, received, true)
    elif dtype and isinstance(true, np.ndarray) and np.asarray(received).dtype != true.dtype:
        why = f"It returns {np.asarray(received).dtype}, but it is meant to return {true.dtype}."
        return Difference(what, received, true, why)
    else:
        return None
    found = (difference(*pair, dtype) for pair in pairs)
    return next(filter(None, found), None)


def rows(received) -> list | None:
    """Lists, tuples or arrays of numbers as lists; None for anything else."""
    try:
        return [np.asarray(row).tolist() for row in received]
    except (TypeError, ValueError):
        return None
