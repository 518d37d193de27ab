"""The exercise to write the checker: how many wrong ops it catches, less its false alarms.

The ops are pieces of code, which the submission's process runs: a few right ones, and wrong ones
that differ in some words. Each habit of checkers that are too lenient lets a wrong one slip
through: a dout of ones, an absolute tolerance, looking at one argument only.
"""

from collections.abc import Callable, Sequence

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.gradcheck.verdict import Verdict, kind

OPS = {  # by name: the shapes of an example's arrays, and the code
    "dense": (((2, 3), (3, 2), (2,)), """
def forward(x, w, b):
    return x @ w + b, (x, w)
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""),
    "attention": (((3, 2), (2,)), """
def forward(f, v):
    e = np.exp(f @ v)
    s = e / e.sum()
    return s @ f, (f, v, s)
def backward(dout, cache):
    f, v, s = cache
    dscore = s * (f @ dout - s @ f @ dout)
    return np.outer(s, dout) + np.outer(dscore, v), f.T @ dscore
"""),
    "relu": (((2, 3),), """
def forward(x):
    return np.maximum(x, 0), x > 0
def backward(dout, cache):
    return (dout * cache,)
"""),
    "mean square": (((2, 3),), """
def forward(x, *, goal):
    return ((x - goal) ** 2).mean(), x - goal
def backward(dout, cache):
    return (dout * 2 * cache / cache.size,)
"""),
}  # fmt: skip
WRONG = (  # of which op, what is wrong with it, and the words that make it wrong
    ("dense", "db has the shape (1, 2)", "sum(axis=0)", "sum(axis=0, keepdims=True)"),
    ("dense", "db is a mean, not a sum", "sum(axis=0)", "mean(axis=0)"),
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
TINY = np.array([1e-7, 1e-7, 1e-12])[:, None]  # weights of a layer with small gradients
SMALL = {
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


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable]:
    """The calls of the exercise, and the function that judges their results."""
    asked = []  # of each op: its name, what is wrong with it or "", its code
    for name, (shapes, code) in OPS.items():
        asked.append((name, "", code))
        asked += [(name, what, code.replace(*words)) for of, what, *words in WRONG if of == name]
        lenient = LENIENT.items() if len(shapes) > 1 else ()
        asked += [(name, what, code + SPOILED.format(wrong)) for wrong, what in lenient]
    dense = OPS["dense"][1] + SPOILED
    asked += [("dense with weights of 1e-07", what, dense.format(wrong))
              for wrong, what in SMALL.items()]  # fmt: skip
    asked.append(("attention with a constant feature", "", OPS["attention"][1]))
    asked = [asked[i] for i in rng.permutation(len(asked))]
    calls = []
    for name, _, code in asked:
        arrays = [rng.standard_normal(shape) for shape in OPS[name.partition(" with")[0]][0]]
        if "constant" in name:  # v's first entry has the gradient 0; its difference is rounding
            arrays[0][:, 0] = 1
        if name == "relu":  # of both signs, and not near the kink
            arrays = [np.resize([1, -1], (2, 3)) * (1 + abs(arrays[0]))]
        if "weights" in name:
            arrays[1:] = TINY * arrays[1], 1e-7 * arrays[2]
        options = {"goal": 2.0} if name == "mean square" else {}
        code = f"import numpy as np{code}"
        calls.append({"function": "check", "args": [arrays, options], "op": code})
    return calls, lambda results: judged(exercise, asked, results)


def judged(exercise: Exercise, asked: list[tuple], results: Sequence[dict]):
    """The share of wrong ops that are caught, less that of right ones that are called wrong."""
    (part,) = exercise.parts
    problems, mistaken, caught, cleared = {}, {True: [], False: []}, 0, 0
    for (name, wrong, _), call in zip(asked, results):
        about = name + (wrong and f", where {wrong}")
        value, error = call["value"], call["error"]
        if not error and not isinstance(value, bool):
            error = f"returns {kind(value)} instead of True or False"
        if error:
            problems.setdefault(error, f"check {error}, on {about}")
        elif value == bool(wrong):
            mistaken[value].append(about)
        else:
            caught, cleared = caught + (not value), cleared + value
    of_wrong = sum(bool(wrong) for _, wrong, _ in asked)
    of_right = len(asked) - of_wrong
    share = max(0.0, caught / of_wrong - 1 + cleared / of_right)
    said = f"It catches {caught} of {of_wrong} wrong ops and clears {cleared} of {of_right}"
    shown = few([*problems.values()])
    for answer, what in (False, "right, but called wrong"), (True, "wrong, but not caught"):
        shown += few([f"{what}: {about}" for about in mistaken[answer]])
    causes = (f"{said} right ones.",) * (share < 1)
    return [Verdict(part, share == 1, causes, "\n".join(shown))], {part: exercise.most * share}, ()


def few(lines: list[str], most: int = 2) -> list[str]:
    return lines[:most] + [f"and {len(lines) - most} more"] * (len(lines) > most)
