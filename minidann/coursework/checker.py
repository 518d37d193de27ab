"""The exercise to write the checker: how many wrong ops it catches, less its false alarms.

The ops are pieces of code, which the submission's process runs: a few right ones, and wrong ones
that return other gradients. Each habit of checkers that are too lenient lets a wrong one slip
through: a dout of ones, an absolute tolerance, looking at one argument only.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.gradcheck.verdict import Verdict, kind

DENSE = """
def forward(x, w, b):
    return x @ w + b, (x, w)
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""
ATTENTION = """
def forward(f, v):
    e = np.exp(f @ v)
    s = e / e.sum()
    return s @ f, (f, v, s, s @ f)
def backward(dout, cache):
    f, v, s, out = cache
    dscore = s * (f @ dout - out @ dout)
    return np.outer(s, dout) + np.outer(dscore, v), f.T @ dscore
"""
RELU = """
def forward(x):
    return np.maximum(x, 0), x > 0
def backward(dout, cache):
    return (dout * cache,)
"""
SQUARE = """
def forward(x, *, goal):
    return ((x - goal) ** 2).mean(), x - goal
def backward(dout, cache):
    return (dout * 2 * cache / cache.size,)
"""
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
    "at_end(dx, np.nan), *right[1:]": "dx is NaN in its last entry",
    "at_end(dx, -1), *right[1:]": "dx has its last entry's sign flipped",
    "np.flip(dx), *right[1:]": "dx has its entries in the reverse order",
    "backward(dout * 0 + dout.mean(), cache)": "dout's mean is used for all of dout",
    "backward(dout[::-1], cache)": "dout's rows are read from the last to the first",
}
OPS = {  # by name: the code, an example made of random numbers, and what may be wrong
    "dense": (DENSE, lambda draw: ([draw((2, 3)), draw((3, 2)), draw(2)], {}), LENIENT | {
        "*others, last[None]": "db has the shape (1, 2)",
        "*others, last / 2": "db is a mean, not a sum",
    }),
    "dense with weights of 1e-07": (DENSE, lambda draw: (
        [draw((2, 3)), [[1e-7], [1e-7], [1e-12]] * draw((3, 2)), 1e-7 * draw(2)], {}), {
        "2 * dx, *right[1:]": "dx is twice what it should be",
        "0 * dx, *right[1:]": "dx is zero",
        "1.01 * dx, *right[1:]": "dx is a hundredth too large",
    }),
    "attention": (ATTENTION, lambda draw: ([draw((3, 2)), draw(2)], {}), LENIENT | {
        "backward(dout, (*cache[:3], 0 * cache[3]))": "a term of the softmax is missing",
        "np.outer(cache[2], dout), last": "the frames act only through their sum",
    }),
    # Its first feature is 1, so v's first entry has the gradient 0; its difference is rounding.
    "attention with a constant feature": (
        ATTENTION, lambda draw: ([[0, 1] * draw((3, 2)) + [1, 0], draw(2)], {}), {}),
    # Of both signs, and not near the kink.
    "relu": (RELU, lambda draw: ([np.resize([1, -1], (2, 3)) * (1 + abs(draw((2, 3))))], {}), {
        "dout,": "the gate is missing",
        "dout * ~cache,": "the gate is inverted",
    }),
    "mean square": (SQUARE, lambda draw: ([draw((2, 3))], {"goal": 2.0}), {
        "backward(1, cache)": "dout is ignored",
        "dx / 2,": "the 2 is missing",
    }),
}  # fmt: skip


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable]:
    """The calls of the exercise, and the function that judges their results."""
    asked = [(name, what, gradients) for name, (*_, wrong) in OPS.items()
             for gradients, what in {"right": "", **wrong}.items()]  # fmt: skip
    asked = [asked[i] for i in rng.permutation(len(asked))]
    calls = []
    for name, _, gradients in asked:
        code, example, _ = OPS[name]
        code = f"import numpy as np{code}{SPOILED.format(gradients)}"
        args = example(rng.standard_normal)
        calls.append({"function": "check", "args": args, "op": code})
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
