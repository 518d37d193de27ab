"""The exercise to write the checker: how many wrong ops it catches, less its false alarms.

The ops are pieces of code, which the submission's process runs: a few right ones, and wrong ones
that differ in some words. Each habit of checkers that are too lenient lets a wrong one slip
through: a dout of ones, an absolute tolerance, looking at one argument only.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.gradcheck.verdict import Verdict, kind

OPS = {
    "dense": """
def forward(x, w, b):
    return x @ w + b, (x, w)
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
""",
    "batch norm": """
def forward(x, gamma, beta):
    std = np.sqrt(x.var(axis=0) + 1e-5)
    xhat = (x - x.mean(axis=0)) / std
    return gamma * xhat + beta, (xhat, gamma, std)
def backward(dout, cache):
    xhat, gamma, std = cache
    d = gamma * dout
    dx = (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0)) / std
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)
""",
    "attention": """
def forward(f, v):
    e = np.exp(f @ v)
    s = e / e.sum()
    return s @ f, (f, v, s)
def backward(dout, cache):
    f, v, s = cache
    dscore = s * (f @ dout - s @ f @ dout)
    return np.outer(s, dout) + np.outer(dscore, v), f.T @ dscore
""",
    "relu": """
def forward(x):
    return np.maximum(x, 0), x > 0
def backward(dout, cache):
    return (dout * cache,)
""",
    "mean square": """
def forward(x, *, goal):
    return ((x - goal) ** 2).mean(), x - goal
def backward(dout, cache):
    return (dout * 2 * cache / cache.size,)
""",
}
SHAPES = {  # of an example's arrays
    "dense": ((2, 3), (3, 2), (2,)),
    "batch norm": ((3, 2), (2,), (2,)),
    "attention": ((3, 2), (2,)),
}
OPTIONS = {"mean square": {"goal": 2.0}}
WRONG = (  # of which op, what is wrong with it, and the words that make it wrong
    ("dense", "db has the shape (1, 2)", "sum(axis=0)", "sum(axis=0, keepdims=True)"),
    ("dense", "db is a mean, not a sum", "sum(axis=0)", "mean(axis=0)"),
    ("batch norm", "the mean is taken for a constant", "d - d.mean(axis=0)", "d"),
    ("batch norm", "the variance is taken for a constant", " - xhat * (d * xhat).mean(axis=0)", ""),
    ("attention", "a term of the softmax is missing", " - s @ f @ dout", ""),
    ("attention", "the frames act only through their sum", " + np.outer(dscore, v)", ""),
    ("relu", "the gate is missing", "dout * cache", "dout"),
    ("relu", "the gate is inverted", "dout * cache", "dout * ~cache"),
    ("mean square", "dout is ignored", "dout * 2", "2"),
    ("mean square", "the 2 is missing", "dout * 2", "dout"),
)  # fmt: skip
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
SMALL = np.array([1e-7, 1e-7, 1e-12])[:, None]  # weights of a layer with small gradients
SMALL_WRONG = {
    "right": "",
    "2 * dx, *right[1:]": "dx is twice what it should be",
    "0 * dx, *right[1:]": "dx is zero",
    "1.01 * dx, *right[1:]": "dx is a hundredth too large",
}
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


class Asked(NamedTuple):
    """An op that a checker is asked about, and what is wrong with it; "" if it is right."""

    name: str
    code: str
    arrays: list[np.ndarray]
    options: dict
    wrong: str = ""


def all_asked(rng: np.random.Generator) -> Iterator[Asked]:
    """Every op that a checker is asked about, right ones and wrong ones."""
    for name, code in OPS.items():
        for what, old, new in [("", "", ""), *(words for of, *words in WRONG if of == name)]:
            yield Asked(name, code.replace(old, new), *drawn(rng, name), what)
        for gradients, what in LENIENT.items() if len(SHAPES.get(name, ())) > 1 else ():
            yield Asked(name, code + SPOILED.format(gradients), *drawn(rng, name), what)
    for gradients, what in SMALL_WRONG.items():
        (x, w, b), options = drawn(rng, "dense")
        code = OPS["dense"] + SPOILED.format(gradients)
        yield Asked("dense with small weights", code, [x, SMALL * w, 1e-7 * b], options, what)


def drawn(rng: np.random.Generator, name: str) -> tuple[list[np.ndarray], dict]:
    """An example of an op, which is not near a kink."""
    shapes = SHAPES.get(name, ((2, 3),))
    arrays = [rng.standard_normal(shape) for shape in shapes]
    if name == "relu":
        arrays = [np.resize([1, -1], shapes[0]) * (1 + abs(arrays[0]))]
    return arrays, OPTIONS.get(name, {})


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable]:
    """The calls of the exercise, and the function that judges their results."""
    asked = list(all_asked(rng))
    asked = [asked[i] for i in rng.permutation(len(asked))]
    calls = [
        {"function": "check", "args": [a.arrays, a.options], "op": f"import numpy as np{a.code}"}
        for a in asked
    ]
    return calls, lambda results: judged(exercise, asked, results)


def judged(exercise: Exercise, asked: list[Asked], results: Sequence[dict]):
    """The share of wrong ops that are caught, less that of right ones that are called wrong."""
    (part,) = exercise.parts
    answers: list[tuple[str, object]] = []  # what is wrong with each op, and True, False or None
    problems, mistaken = {}, {True: [], False: []}
    for op, call in zip(asked, results):
        value, error, about = call["value"], call["error"], op.wrong and f", where {op.wrong}"
        if not error and not isinstance(value, bool):
            error = f"returns {kind(value)} instead of True or False"
        if error:
            problems.setdefault(error, f"check {error}, on {op.name}{about}")
        elif value == bool(op.wrong):
            mistaken[value].append(f"{op.name}{about}")
        answers.append((op.wrong, None if error else value))
    wrong = [answer for what, answer in answers if what]
    right = [answer for what, answer in answers if not what]
    caught, cleared = wrong.count(False), right.count(True)
    share = max(0.0, caught / len(wrong) - 1 + cleared / len(right))
    said = f"It catches {caught} of {len(wrong)} wrong ops and clears {cleared} of {len(right)}"
    shown = [
        *few([*problems.values()]),
        *few([f"right, but called wrong: {name}" for name in mistaken[False]]),
        *few([f"wrong, but not caught: {name}" for name in mistaken[True]]),
    ]
    causes = (f"{said} right ones.",) * (share < 1)
    return [Verdict(part, share == 1, causes, "\n".join(shown))], {part: exercise.most * share}, ()


def few(lines: list[str], most: int = 2) -> list[str]:
    return lines[:most] + [f"and {len(lines) - most} more"] * (len(lines) > most)
