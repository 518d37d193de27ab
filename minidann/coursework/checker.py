"""The exercise to write the checker: how many wrong ops it catches, less its false alarms.

The ops are minidann's, as code that the submission's process runs: right ones, and wrong ones that
return other gradients. Each habit of checkers that are too lenient lets a wrong one slip through: a
dout of ones, an absolute tolerance, looking at one argument only.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from minidann import ops
from minidann.coursework.exercises import Exercise
from minidann.gradcheck.verdict import Verdict, kind
from minidann.mistakes.question import first_example

SPOILED = """
def at_end(array, factor):
    changed = array.copy()
    changed.flat[-1] *= factor
    return changed
def spoiled(dout, cache, backward=backward):
    right = dx, *_ = *others, last = backward(dout, cache)
    return {}
backward = spoiled
"""
# What slips through the habits of checkers that are too lenient: the gradients, and what is wrong.
LENIENT = {
    "*others, 1.001 * last": "the last argument's gradient is a thousandth too large",
    "*others, at_end(last, 0)": "the last argument's gradient is zero in its last entry",
    "at_end(dx, np.nan), *right[1:]": "the first argument's gradient is NaN in its last entry",
    "at_end(dx, -1), *right[1:]": "the first argument's gradient has its last entry's sign flipped",
    "np.flip(dx), *right[1:]": "the first argument's gradient has its entries in the reverse order",
    "backward(dout * 0 + dout.mean(), cache)": "dout's mean is used for all of dout",
    "backward(dout[::-1], cache)": "dout's rows are read from the last to the first",
}
WRONG = {  # by op: the gradients, and what is wrong with them
    "dense": {
        **LENIENT,
        "*others, last[None]": "db has the shape (1, 2)",
        "*others, last / len(dout)": "db is a mean, not a sum",
    },
    "dense with weights of 1e-07": {
        "2 * dx, *right[1:]": "dx is twice what it should be",
        "0 * dx, *right[1:]": "dx is zero",
        "1.01 * dx, *right[1:]": "dx is a hundredth too large",
    },
    "attention": {
        **LENIENT,
        "cache.weights[:, :, None] * dout[:, None], last": "the frames act only through their sum",
        "dx, last - last.mean()": "dv's mean is subtracted from it",
    },
    "attention with a constant feature": {},
    "relu": {"dout,": "the gate is missing", "dout * ~cache,": "the gate is inverted"},
    "softmax_cross_entropy": {
        "backward(1, cache)": "dout is ignored",
        "dx * len(dx),": "the loss is a sum, not a mean",
    },
}
CHANGED = {  # by op: what is made of its example
    "dense with weights of 1e-07": lambda x, w, b: (x, [[1e-7], [1e-7], [1e-12]] * w, 1e-7 * b),
    # v's first entry then has the gradient 0, and its difference is rounding.
    "attention with a constant feature": lambda f, v: (np.where([1, 0, 0, 0], 1.0, f), v),
}


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable]:
    """The calls of the exercise, and the function that judges their results."""
    asked = [(name, what, gradients) for name, wrong in WRONG.items()
             for gradients, what in {"right": "", **wrong}.items()]  # fmt: skip
    asked = [asked[i] for i in rng.permutation(len(asked))]
    calls = []
    for name, _, gradients in asked:
        op = getattr(ops, name.partition(" with")[0])
        arrays, options = first_example(op, rng)
        arrays = CHANGED.get(name, lambda *same: same)(*arrays)
        code = inspect.getsource(op) + SPOILED.format(gradients)
        calls.append({"function": "check", "args": ([*arrays], options), "op": code})
    return calls, lambda results: judged(exercise, asked, results)


def judged(exercise: Exercise, asked: list[tuple], results: Sequence[dict]):
    """The share of wrong ops that are caught, less that of right ones that are called wrong."""
    (part,) = exercise.parts
    lines, answers = {}, Counter()
    for (name, wrong, _), call in zip(asked, results):
        about = name + (wrong and f", where {wrong}")
        value, error = call["value"], call["error"]
        if not error and not isinstance(value, bool):
            error = f"returns {kind(value)} instead of True or False"
        if error:
            lines.setdefault(error, f"check {error}, on {about}")
        elif value == bool(wrong):
            what = "wrong, but not caught" if wrong else "right, but called wrong"
            lines[about] = f"{what}: {about}"
        else:
            answers[value] += 1
    of_wrong = sum(bool(wrong) for _, wrong, _ in asked)
    of_right = len(asked) - of_wrong
    caught, cleared = answers[False], answers[True]
    share = max(0.0, caught / of_wrong - 1 + cleared / of_right)
    said = f"It catches {caught} of {of_wrong} wrong ops and clears {cleared} of {of_right}"
    causes = (f"{said} right ones.",) * (share < 1)
    shown = "\n".join(sorted(lines.values()))  # errors first, then false alarms
    return [Verdict(part, share == 1, causes, shown)], {part: exercise.most * share}, ()
