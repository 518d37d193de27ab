"""Exercises on other functions than layers: which calls are made, and what each part earns."""

from collections.abc import Callable, Sequence

import numpy as np

from minidann.coursework import pupil, tries
from minidann.coursework.exercises import MEND, Exercise
from minidann.coursework.handout import BUGS
from minidann.gradcheck.judging import alike, close
from minidann.gradcheck.verdict import Verdict, kind, shown
from minidann.mistakes.functions import MENDED, WRONG
from minidann.mistakes.question import Case, argument_names, real

AS_BEFORE = "It gives what it gave when it was handed out: the bug is still there."
NOTHING = "It is also right where nothing is done, so alone it earns no point."
AGAIN = "{} gives something else when it is called again."


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
        tried = []
        for args, options, *needed in given:
            call, again = next(calls), next(calls)
            if all(verdicts[need].right for need in needed):
                tried.append((args, options, call, again))
        verdicts[part] = verdict(exercise, part, tried)
    earned = {part: exercise.each for part, found in verdicts.items() if found.right}
    if [*earned] == [tries.IDLE.get(name)]:
        verdicts[tries.IDLE[name]] = Verdict(tries.IDLE[name], False, (NOTHING,))
        earned = {}
    return [*verdicts.values()], earned, ()


def verdict(exercise: Exercise, part: str, tried: list[tuple]) -> Verdict:
    """The verdict on one part: (arguments, options, its call, the same call again) each."""
    (name,) = exercise.functions
    right = getattr(exercise.module, name)
    asks_dtype = part == "float32" or "float32" not in exercise.parts
    view = tries.VIEWS.get((name, part), lambda result, args: result)
    for args, options, call, again in tried:
        true, received = right(*args, **options), call["value"]
        case, names = Case(part, args, options), argument_names(right, len(args))
        if call["error"]:
            given = shown(case, names, None, true, "the result")
            return Verdict(part, False, (f"{name} {call['error']}.",), given)
        if pupil.dumps({"": received}) != pupil.dumps({"": again["value"]}):
            return Verdict(part, False, (AGAIN.format(name),))
        try:
            pair = view(received, args), view(true, args)
        except Exception:  # it has another form than the right result
            pair = received, true
        found = difference("the result", *pair, asks_dtype)
        if found:
            what, got, want, why = found
            causes = named(exercise, [(*t, call) for *t, call, _ in tried if not call["error"]])
            given = shown(case, names, got, want, what)
            return Verdict(part, False, causes or (why,) * bool(why), given)
    return Verdict(part, True)


def named(exercise: Exercise, tried: list[tuple]) -> tuple[str, ...]:
    """The sentences of the wrong functions that give all that was received, at most two.

    Of a planted bug, the function as it was handed out is one of them.
    """
    (name,) = exercise.functions
    wrong = {function: function.__doc__ for function in WRONG.get(name, ())}
    if exercise.kind == MEND:
        module = pupil.load(exercise.name, (BUGS / f"{exercise.name}.py").read_text("utf-8"))
        others = {function: function.__doc__ for function in MENDED.get(name, ())}
        wrong = {getattr(module, name): AS_BEFORE} | others
    right = {getattr(exercise.module, name): ""}  # where only the dtype is wrong
    found = [
        sentence
        for function, sentence in (right | wrong).items()
        if all(alike(call["value"], called(function, *given)) for *given, call in tried)
    ]
    return () if "" in found else tuple(dict.fromkeys(found))[:2]


def called(function: Callable, args: tuple, options: dict):
    """What a function gives; None where it raises an error, as a wrong function may."""
    try:
        with np.errstate(all="ignore"):
            return function(*args, **options)
    except Exception:
        return None


def difference(what: str, received, true, dtype: bool) -> tuple | None:
    """The first place where two results differ: its name, both values, and what is wrong, if that
    is more than numbers. None without any. `dtype`: dtypes count.
    """
    pairs, why = [], ""
    if received is None:
        why = "It returns None: is its return missing?"
    elif isinstance(true, list):  # of row numbers
        if not alike(received, true):
            why = f"It returns {received}, not {true}."[:300]
    elif isinstance(true, dict):
        if not isinstance(received, dict):
            why = f"It returns {kind(received)}, not a dict."
        elif received.keys() != true.keys():
            wanted, got = (", ".join(sorted(r))[:200] or "none" for r in (true, received))
            why = f"{what} has the keys {got}, not {wanted}."
        else:
            pairs = [(f'{what}["{key}"]', received[key], true[key]) for key in true]
    elif isinstance(true, tuple):
        if not isinstance(received, (tuple, list)) or len(received) != len(true):
            why = f"It returns {kind(received)}, not a tuple of {len(true)}."
        else:
            pairs = [(f"{what}[{i}]", *pair) for i, pair in enumerate(zip(received, true))]
    elif real(received) is None:
        why = f"It returns {kind(received)}, not {kind(true)}."
    elif not close(received, true):
        return what, received, true, ""
    elif dtype and isinstance(true, np.ndarray) and np.asarray(received).dtype != true.dtype:
        why = f"It returns {np.asarray(received).dtype}, but it is meant to return {true.dtype}."
    found = (difference(*pair, dtype) for pair in pairs)
    return (what, received, true, why) if why else next(filter(None, found), None)
