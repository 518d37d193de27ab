"""Exercises that are no layer: the optimiser, two equations, features, UAR."""

import inspect
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from minidann import optim
from minidann.coursework import messages, mistakes, tries
from minidann.coursework.exercises import Exercise
from minidann.coursework.results import (
    SHOWN,
    Result,
    beside,
    different,
    kind,
    labelled,
    real,
    returned,
)
from minidann.coursework.session import Failed, NotWritten, Refused, Session
from minidann.gradcheck.optimiser import check_optimiser
from minidann.gradcheck.purity import copied
from minidann.mistakes.diagnosis import UNKNOWN

DTYPE = "float32"  # a part: where an exercise has it, only there a right number needs its dtype


@dataclass(frozen=True)
class Tried:
    """A call: (arguments, options, received), None where it is not written; what is wrong with what
    came of it, in words, if anything; and what it printed.
    """

    given: tuple | None
    problem: str | None
    printed: str


def judge_function(exercise: Exercise, session: Session, rng, result: Result) -> None:
    """Each part is tried by itself, and earned where all of its tries are right."""
    (name,) = exercise.functions

    def call(*args, **options):
        return session.call(name, *args, **options)

    right, stub, tried = getattr(exercise.module, name), None, {}
    for part, given in getattr(tries, exercise.name)(rng).items():
        dtype = part == DTYPE or DTYPE not in exercise.parts
        view = tries.VIEWS.get((name, part))
        tried[part] = []
        try:
            for args, options, *needs in given:
                if set(needs) <= set(result.earned):  # else it would say nothing of this part
                    received, problem = _try(call, right, args, options, view, dtype)
                    tried[part].append(Tried((args, options, received), problem, session.printed))
        except NotWritten as error:
            stub = error
            tried[part].append(Tried(None, str(error), ""))
        if not any(attempt.problem for attempt in tried[part]):
            result.earned[part] = exercise.each
    if stub and not result.earned:
        raise stub
    _add_feedback(exercise, right, call, rng, tried, result)
    if set(result.earned) == {tries.IDLE.get(name)}:
        (part,) = result.earned
        result.earned = {}
        result.feedback.append(
            f"{part}: right, which it also is where nothing is done: no point alone"
        )


def _add_feedback(exercise: Exercise, right, call, rng, tried: dict, result: Result) -> None:
    """Add what is wrong with each part, and which mistake it is, if that is known.

    Parts with the same text are named together.
    """
    reasons: dict[str, list[str]] = {}
    about = None
    for part, attempts in tried.items():
        first = next((attempt for attempt in attempts if attempt.problem), None)
        if first is None:
            continue
        why = ""
        if first.given is not None:
            why = mistakes.explanation(
                exercise.name, right, [attempt.given for attempt in attempts]
            )
        if not why and exercise.functions[0] in ("step", "add_penalty"):
            if about is None:  # one report has the mistakes of all parts
                about = _of_optimiser(exercise.functions[0], call, rng)
            why = about
        reasons.setdefault(": ".join(filter(None, [why, first.problem])), []).append(part)
        result.printed = result.printed or first.printed
    result.feedback += [f"{', '.join(parts)}: {text}" for text, parts in reasons.items()]


def _try(call, right, args: tuple, options: dict, view, dtype: bool) -> tuple[object, str | None]:
    """What one call gave, and what is wrong with it, in words, with what it was given."""
    names = list(inspect.signature(right).parameters)[: len(args)]
    true = right(*copied(args), **copied(options))  # one may be there to be written to
    values = (*args, *options.values())
    try:
        received = call(*args, **options)
    except Failed as error:
        return None, f"{error}, given\n{labelled((*names, *options), values)}"
    if received is None:
        problem = "it returned None: is a return missing?"
    elif messages.pack(received) != messages.pack(_again(call, args, options)):
        problem = "it gives something else when it is called again with the same"
    elif view is None:
        problem = different("the result", received, true, dtype)
    else:  # what else is in the result counts in other parts
        problem = _unusable(received, true) or different(
            "the result", view(received, args), view(true, args), dtype
        )
    if not problem:
        return received, None
    large = isinstance(true, np.ndarray) and true.ndim == 2 and true.size > SHOWN
    if large and real(received) is not None:
        shown = _column((*names, *options), values, real(received), true)
    else:
        both = beside(("your result", "right result"), (received, true))
        shown = f"{labelled((*names, *options), values)}\n{both}"
    return received, f"{problem}, given\n{shown}"


def _again(call, args: tuple, options: dict):
    """What it gives when it is called again; None where it gives nothing."""
    try:
        return call(*args, **options)
    except Failed:
        return None


def _column(names, values, received: np.ndarray, true: np.ndarray) -> str:
    """The column of a large result that is furthest off, and of what was given for it."""
    off = np.abs(received - true) if received.shape == true.shape else np.zeros_like(true)
    row, column = np.unravel_index(int(off.argmax()), true.shape)
    lines = []
    for name, value in zip(names, values):
        part = np.ndim(value) and np.shape(value)[-1] == true.shape[1]
        where = f"[:, {column}]" if np.ndim(value) == 2 else f"[{column}]"
        lines.append((name + where * bool(part), value[..., column] if part else value))
    if received.shape == true.shape:
        rows = slice(max(0, row - 3), row + 3)
        where = f"result[{rows.start}:{rows.stop}, {column}]"
        both = beside(
            (f"your {where}", f"right {where}"), (received[rows, column], true[rows, column])
        )
    else:
        both = beside(("your result", "right result"), (received, true))
    return f"{labelled(*zip(*lines))}\n{both}"


# Adam and the penalties: results of dicts, and a checker that knows their mistakes by name.


def _unusable(received, true) -> str | None:
    """Why nothing can be looked up in what was returned; None if it can."""
    if isinstance(true, float):
        return (
            None if real(received) is not None else f"expected a number, received {kind(received)}"
        )
    if isinstance(true, dict):
        return None if isinstance(received, dict) else f"expected a dict, received {kind(received)}"
    if not isinstance(received, (tuple, list)) or len(received) != 2:
        return f"expected a tuple (new params, new state), received {returned(received)}"
    if not all(isinstance(item, dict) for item in received):
        return f"expected two dicts, received {kind(received[0])} and {kind(received[1])}"
    if received[0].keys() == true[1].keys() and received[1].keys() == true[0].keys():
        return "expected (new params, new state), received (new state, new params)"
    return None


def _of_optimiser(name: str, call, rng) -> str:
    """What the checker of optimisers says of `step` or `add_penalty`; "" where it knows nothing,
    or had no time left.
    """
    lost: list[Refused] = []

    def asked(*args, **options):
        try:
            received = call(*args, **options)
        except Refused as error:  # the checker of optimisers would make a row of it
            lost.append(error)
            raise
        true = getattr(optim, name)(*args, **options)
        if _unusable(received, true) or not _fits(received, true):
            raise Failed("it is reported already")
        return received

    made = SimpleNamespace(add_penalty=optim.add_penalty, start=optim.start, step=optim.step)
    setattr(made, name, asked)
    report = check_optimiser(made, rng)
    if lost:
        return ""
    found = (row.diagnosis for row in report.rows if row.diagnosis)
    return next((str(diagnosis) for diagnosis in found if diagnosis.kind != UNKNOWN.kind), "")


def _fits(received, true) -> bool:
    """Are what dicts, or a tuple of them, have of the right keys numbers of the right shapes?"""
    if not isinstance(true, dict):
        return all(map(_fits, received, true))
    return all(
        (numbers := real(received[key])) is not None and numbers.shape == np.shape(true[key])
        for key in received.keys() & true.keys()
    )
