"""Exercises on layers: which calls are made, and what each part of the answers earns.

backward is called with the cache of the student's own forward. Where forward is not right, it is
also called with the cache that the file describes, and a gradient that is right with it earns its
point: a mistake in one function costs no points of the other.
"""

from collections.abc import Callable, Sequence
from types import ModuleType

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.gradcheck.judging import Answer, judge, questions
from minidann.gradcheck.verdict import Verdict
from minidann.mistakes.question import Case, Question, first_example
from minidann.mistakes.question import ask as ask_op

BROKEN = "forward was given, and it is no longer right."
LARGE = 100_000  # numbers in the largest input


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable]:
    """The calls of an exercise on a layer, and the function that judges their results."""
    asked = [*questions(exercise.name, rng), large(exercise.module, rng)]
    calls = []
    for i, (case, upstream, *_) in enumerate(asked):
        given = {"args": case.arrays, "options": case.options}
        calls.append({"function": "forward", **given, "keep": i})
        calls.append({"function": "backward", "args": (upstream,), "kept": i})
    # Once more, in another order: what writes to its cache, or keeps it in a global, shows.
    calls += calls[-3::-2]
    for question in asked:
        fields = getattr(question.cache, "_asdict", dict)()  # the cache that the file describes
        cache = {"fields__": fields} if fields else question.cache
        calls.append({"function": "backward", "args": (question.upstream, cache)})
    return calls, lambda results: judged(exercise, asked, results)


def large(op: ModuleType, rng: np.random.Generator) -> Question:
    """The op's first example, its rows repeated up to LARGE numbers: in loops a backward pass takes
    a second there, and one that perturbs every number takes minutes.
    """

    def repeated(array):
        return np.resize(array, (LARGE * len(x) // x.size, *array.shape[1:]))

    (x, *others), options = first_example(op, rng)
    options = {name: repeated(value) if np.shape(value)[:1] == x.shape[:1] else value
               for name, value in options.items()}  # fmt: skip
    case = Case("100,000 numbers", (repeated(x), *others), options)
    shape = np.shape(op.forward(*case.arrays, **options)[0])
    return ask_op(op, case, np.asarray(rng.standard_normal(shape)))


def judged(exercise: Exercise, asked: list[Question], calls: Sequence[dict]):
    """The verdicts on the parts of an exercise, what they earn, and notes."""
    n = len(asked)
    again = [*calls[2 * n : 3 * n - 1][::-1], None]
    own = [answered(*three) for three in zip(calls[: 2 * n : 2], calls[1 : 2 * n : 2], again)]
    found = described = verdicts_on(exercise.name, asked, own)
    if not found["out"].right:
        pairs = zip(asked, calls[3 * n - 1 :])
        given = [answered({"value": q.out, "error": ""}, call, None) for q, call in pairs]
        described = verdicts_on(exercise.name, asked, given) | {"out": found["out"]}
    verdicts = [max(found[part], described[part], key=worth) for part in exercise.parts]
    notes = (BROKEN,) * (not found["out"].right and "out" not in exercise.parts)
    return verdicts, {verdict.part: 1.0 for verdict in verdicts if verdict.right}, notes


def verdicts_on(name: str, asked: Sequence[Question], answers: Sequence[Answer]):
    """The verdicts on the small inputs, and where all is right, on the large one, which is last."""
    small = judge(name, asked[:-1], answers[:-1])
    return judge(name, asked, answers) if all(v.right for v in small.values()) else small


def worth(verdict: Verdict) -> tuple[bool, bool]:
    """Is it right, and if not, is it a mistake with a name, and no error?"""
    has_name = bool(verdict.causes) and not verdict.causes[0].startswith(("forward ", "backward "))
    return verdict.right, has_name


def answered(first: dict, second: dict, again: dict | None) -> Answer:
    """What came of forward, of backward, and of backward once more."""
    error, which = (first["error"], "forward") if first["error"] else (second["error"], "backward")
    repeated = again and (again["error"] or again["value"])
    gradients = second["value"]
    gradients = tuple(gradients) if isinstance(gradients, list) else gradients  # as before JSON
    return Answer(first["value"], gradients, repeated, error, which if error else "")
