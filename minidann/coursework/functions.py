"""Exercises on other functions than layers: which calls are made, and what each part earns."""

from collections.abc import Callable, Iterator

import numpy as np

from minidann.coursework import handout, pupil, tries
from minidann.coursework.exercises import MEND, Exercise
from minidann.gradcheck.verdict import Verdict, kind, shown
from minidann.mistakes.functions import wrong_ways
from minidann.mistakes.question import MIXED, TOLERANCE, Case, argument_names, close, real

AS_BEFORE = "It gives what it gave when it was handed out: the bug is still there."
AGAIN = "{} gives something else when it is called again."


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable]:
    """The calls of an exercise on a function, and the function that judges their results."""
    (name,) = exercise.functions
    given, constants, wrong = getattr(tries, name)(rng), {}, []
    if exercise.kind == MEND:  # numbers of the hand-out stay as they are
        handed_out = vars(pupil.load(exercise.name, handout.text(exercise), []))
        constants = {k: value for k, value in handed_out.items() if k.isupper()}
        wrong = [(handed_out[name], AS_BEFORE)]
    right = getattr(exercise.module, name)
    wrong += [(function, function.__doc__) for function in wrong_ways(right, constants)]
    calls = [
        {"function": name, "args": args, "options": options, "constants": constants, "again": again}
        for part in exercise.parts for args, options in given[part]
        for again in (False, True)  # it must give the same, and what it prints was shown
    ]  # fmt: skip
    return calls, lambda results: judged(exercise, given, iter(results), wrong)


def judged(exercise: Exercise, given: dict[str, list], results: Iterator[dict], wrong: list[tuple]):
    """The verdicts on the parts of an exercise, what they earn, and notes.

    `wrong`: the functions whose mistakes are known, and what they are.
    """
    verdicts = []
    for part in exercise.parts:
        tried = [(*each, next(results), next(results)) for each in given[part]]
        verdicts.append(verdict(exercise, part, tried, wrong))
    return verdicts, {v.part: exercise.each for v in verdicts if v.right}, ()


def verdict(exercise: Exercise, part: str, tried: list[tuple], wrong: list[tuple]) -> Verdict:
    """The verdict on one part: (arguments, options, its call, the same call again) each."""
    (name,) = exercise.functions
    right, view = getattr(exercise.module, name), tries.VIEWS.get(part, lambda result, *_: result)
    for args, options, call, again in tried:
        true, case = right(*args, **options), Case(part, args, options)
        names = argument_names(right, len(args))
        if call["error"]:
            given = shown(case, names, None, true, "the result")
            return Verdict(part, False, (f"{name} {call['error']}.",), given)
        if pupil.dumps(call["value"]) != pupil.dumps(again["value"]):
            return Verdict(part, False, (AGAIN.format(name),))
        try:
            received, wanted = view(call["value"], *args), view(true, *args)
        except Exception:  # it has another form than the right result
            received, wanted = call["value"], true
        if found := difference("the result", received, wanted):
            what, got, want, why = found
            given = shown(case, names, got, want, what)  # now: wrong functions write to `out`
            fine = [t[:3] for t in tried if not t[2]["error"]]
            causes = () if part == "float32" else named(fine, wrong)
            return Verdict(part, False, causes or (why,) * bool(why), given)
    return Verdict(part, True)


def named(tried: list[tuple], wrong: list[tuple]) -> tuple[str, ...]:
    """What is wrong with the functions that give all that was received, at most two."""
    found = [says for function, says in wrong
             if not any(difference("", call["value"], called(function, *given))
                        for *given, call in tried)]  # fmt: skip
    return tuple(dict.fromkeys(found))[:2]


def called(function: Callable, args: tuple, options: dict):
    """What a function gives; None where it raises an error, as a wrong function may."""
    try:
        with np.errstate(all="ignore"):
            return function(*args, **options)
    except Exception:
        return None


def difference(what: str, received, true) -> tuple | None:
    """The first place where two results differ: its name, both values, and what is wrong, if that
    is more than numbers. None without any. A list is one place.
    """
    pairs, why = [], "It returns None." if received is None else ""
    if isinstance(true, dict) and isinstance(received, dict):
        if received.keys() != true.keys():
            lacks, more = true.keys() - received.keys(), received.keys() - true.keys()
            has = f"lacks {sorted(lacks)}" if lacks else f"should not have {sorted(more)}"
            return what, None, None, f"{what} {has}."[:300]
        pairs = [(f'{what}["{key}"]', received[key], true[key]) for key in true]
        same = True
    elif isinstance(true, (tuple, list)):
        has_length = isinstance(received, (tuple, list)) or np.ndim(received) > 0
        same = has_length and len(received) == len(true)
        pairs = [(f"{what}[{i}]", *p) for i, p in enumerate(zip(received, true))] if same else []
        if isinstance(true, list):
            same, pairs = same and not any(difference(*pair) for pair in pairs), []
    elif real(true) is None:
        same = isinstance(received, str) and received == true
    else:
        single = np.asarray(true).dtype == np.float32
        same = close(received, true, tolerance=MIXED if single else TOLERANCE)
    if not same:
        text = f"It returns {received}, not {true}."[:300] * isinstance(true, (list, str))
        if not text and (real(received) is None or real(true) is None) and what:
            text = f"{what[0].upper()}{what[1:]} is {kind(received)}, not {kind(true)}."
        return what, received, true, why or text
    return next(filter(None, (difference(*pair) for pair in pairs)), None)
