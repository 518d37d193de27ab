"""Exercises on layers: which calls are made, and what each part of the answers earns.

backward is called with the cache of the student's own forward. Where forward is not right, it is
also called with the cache that the file describes, and a gradient that is right with it earns its
point: a mistake in one function costs no points of the other.
"""

from collections.abc import Callable

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.coursework.running import Results, Task
from minidann.gradcheck.judging import Answer, close, judge, questions
from minidann.gradcheck.verdict import Verdict
from minidann.mistakes.question import Case, Question
from minidann.mistakes.question import ask as ask_op

LARGE = {  # shapes of an input whose first array has about 100,000 numbers
    "conv1d": ((1, 33_000, 3), (3, 3, 2), (2,)),
    "relu": ((1000, 100),),
    "maxpool": ((10, 1000, 10),),
    "attention": ((200, 10, 50), (50,)),
    "dense": ((10_000, 10), (10, 2), (2,)),
    "softmax_cross_entropy": ((10_000, 10),),
    "batchnorm": ((1000, 100), (100,), (100,)),
    "dropout": ((1000, 100),),
    "gradient_reversal": ((1000, 100),),
}
OPTIONS = {
    "conv1d": {"stride": 3},
    "maxpool": {"size": 10, "stride": 10},
    "gradient_reversal": {"beta": 0.5},
    "softmax_cross_entropy": {"labels": np.tile([0, 9, 5, 1], 2500)},
    "dropout": {"mask": np.tile([0.0, 2.5, 2.5, 0.0, 2.5], (1000, 20))},
}
SECONDS = 6  # for each function on the large input; loops take a second or so
WHERE = "on an input of 100,000 numbers"


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[Task], Callable]:
    """The tasks of an exercise on a layer, and the function that judges their results."""
    asked = questions(exercise.name, rng)
    shapes = LARGE[exercise.name]
    case = Case("large", tuple(map(rng.standard_normal, shapes)), OPTIONS.get(exercise.name, {}))
    shape = np.shape(exercise.module.forward(*case.arrays, **case.options)[0])
    large = ask_op(exercise.module, case, np.asarray(rng.standard_normal(shape)))
    numbers = range(len(asked))
    calls = [call for i in numbers for call in (forward(asked[i], i), backward(asked[i], kept=i))]
    calls += [backward(asked[i], kept=i) for i in reversed(numbers)]  # again, in another order
    described = [large] * ("out" in exercise.parts)
    if described:
        calls += [backward(question) for question in asked]
    on_large = [backward(large, kept="large"), *map(backward, described)]
    tasks = [
        Task(exercise.name, calls, exercise.seconds),
        Task(exercise.name, [forward(large, "large")], SECONDS),
        Task(exercise.name, on_large, SECONDS),
    ]
    return tasks, lambda results: judged(exercise, asked, large, results)


def forward(question: Question, keep) -> dict:
    """The call of forward on a question, whose cache is kept."""
    case = question.case
    return {"function": "forward", "args": case.arrays, "options": case.options, "keep": keep}


def backward(question: Question, kept=None) -> dict:
    """The call of backward, with the cache that was kept, or with the reference's."""
    if kept is not None:
        return {"function": "backward", "args": (question.upstream,), "kept": kept}
    return {"function": "backward", "args": (question.upstream, question.cache)}


def judged(
    exercise: Exercise, asked: list[Question], large: Question, results: list[Results]
) -> tuple[list[Verdict], dict[str, float], tuple[str, ...]]:
    """The verdicts on the parts of an exercise, what they earn, and notes."""
    calls, n = results[0].calls, len(asked)
    own = [answered(*calls[2 * i : 2 * i + 2], calls[3 * n - 1 - i]) for i in range(n)]
    verdicts = {"out": judge(exercise.name, asked, own)["out"]}
    notes: tuple[str, ...] = ()
    if not verdicts["out"].right and "out" not in exercise.parts:
        notes = (BROKEN,)
    candidates = []
    some = [i for i in range(n) if own[i].which != "forward" and is_finite(own[i].out)]
    if 2 * len(some) >= n:  # fewer would prove too little
        candidates = [gradients(exercise.name, [asked[i] for i in some], [own[i] for i in some])]
    if not verdicts["out"].right and calls[3 * n :]:
        described = [
            Answer(q.out, arrays(call["value"]), None, None, call["error"], "backward")
            for q, call in zip(asked, calls[3 * n :])
        ]
        candidates.append(gradients(exercise.name, asked, described))
    for part in (part for part in exercise.parts if part != "out"):
        found = [candidate[part] for candidate in candidates]
        best = max(found, key=clearness, default=Verdict(part, False, (TOO_FEW,)))
        if best.right and len(found) == 2 and not found[0].right:
            best = best._replace(note=LUCKY)
        verdicts[part] = best
    verdicts = {part: verdicts[part] for part in exercise.parts}
    for part, why in fails_on_large(exercise, large, results):
        if part in verdicts and verdicts[part].right:
            verdicts[part] = Verdict(part, False, (why,))
    return [*verdicts.values()], {p: 1.0 for p, v in verdicts.items() if v.right}, notes


BROKEN = "forward was given, and it is no longer right."
TOO_FEW = "backward cannot be judged yet, because forward fails on most inputs."
LUCKY = (
    "It is right with the cache that the file describes, but not with the cache of your forward."
)


def clearness(verdict: Verdict) -> tuple[bool, bool]:
    """A right verdict comes before a wrong one, and a mistake with a name before an error."""
    is_named = bool(verdict.causes) and not verdict.causes[0].startswith("backward ")
    return verdict.right, is_named


def answered(first: dict, second: dict, again: dict) -> Answer:
    """What came of forward, of backward, and of backward once more."""
    error, which = first["error"], "forward"
    if not error:
        error, which = second["error"], "backward"
    repeated = again["error"] or arrays(again["value"])
    gradients = arrays(second["value"])
    return Answer(array(first["value"]), gradients, repeated, None, error, which if error else "")


def arrays(value):
    """Gradients, with lists of numbers as arrays."""
    return tuple(map(array, value)) if isinstance(value, (tuple, list)) else value


def array(value):
    """A list of numbers as an array; anything else as it is."""
    if isinstance(value, (tuple, list)):
        try:
            return np.asarray(value, np.float64)
        except (ValueError, TypeError):  # of different lengths, or of no numbers
            pass
    return value


def is_tuple(value, length: int) -> bool:
    return isinstance(value, tuple) and len(value) == length


def is_finite(out) -> bool:
    """Is it made of finite real numbers?"""
    numbers = np.asarray(out) if isinstance(out, (np.ndarray, float, int)) else np.array([None])
    return numbers.dtype.kind in "fiu" and bool(np.isfinite(numbers).all())


def gradients(name: str, asked: list[Question], answers: list[Answer]) -> dict[str, Verdict]:
    """The verdicts on the gradients. A failure where one of them should be None, because the first
    layer's input needs no gradient, costs only that one.
    """
    verdicts = judge(name, asked, answers)
    odd = {
        i
        for i, (question, answer) in enumerate(zip(asked, answers))
        if any(gradient is None for gradient in question.gradients)
        and (answer.error or not is_tuple(answer.gradients, len(question.gradients)))
    }
    if not odd:
        return verdicts
    rest = [i for i in range(len(asked)) if i not in odd]
    others = judge(name, [asked[i] for i in rest], [answers[i] for i in rest])
    parts = [part for part in verdicts if part != "out"]
    unasked = {part for part, g in zip(parts, asked[min(odd)].gradients) if g is None}
    return {part: verdicts[part] if part in unasked else others[part] for part in verdicts}


def fails_on_large(exercise: Exercise, large: Question, results: list[Results]):
    """Each part that fails on the large input, with the reason."""
    _, first, second = results
    parts = [part for part in exercise.parts if part != "out"]
    for found, lost in ((first, exercise.parts), (second, parts)):
        if found.lost:
            hint = ": does it perturb every number?" if "takes more" in found.lost else "."
            yield from ((part, f"Here {found.lost}, {WHERE}{hint}") for part in lost)
            return
    (call,) = first.calls
    if call["error"] or not close(array(call["value"]), large.out):
        yield "out", f"forward {call['error'] or 'is wrong'}, {WHERE}."
    for i, part in enumerate(parts):
        values = [arrays(call["value"]) for call in second.calls]
        if not any(
            is_tuple(value, len(parts)) and close(value[i], large.gradients[i]) for value in values
        ):
            error = next((call["error"] for call in second.calls if call["error"]), "is wrong")
            yield part, f"backward {error}, {WHERE}."
