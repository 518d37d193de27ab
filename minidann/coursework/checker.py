"""The exercise to write the checker: how many wrong ops it catches, less its false alarms.

The wrong ops are mistakes of the catalogue, and for each habit of checkers that are too lenient
some that slip through: a dout of ones, an absolute tolerance, looking at one argument only. The ops
stay in this process. A checker sees only what they compute, because that alone should decide.
"""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from minidann import ops
from minidann.coursework.exercises import Exercise
from minidann.gradcheck.verdict import Verdict, kind
from minidann.mistakes import catalogue, naming  # noqa: F401  naming fills the catalogue

# Ops with small examples, because a checker perturbs every entry twice, and each time it calls from
# process to process.
OPS = ("relu", "maxpool", "attention", "batchnorm", "dropout", "dense", "softmax_cross_entropy")
WRONG = 2  # mistakes of each of them, at most
MOST = 80  # entries of an example
SMALL = 1e-7  # weights of a layer whose gradients are small, too
SHAPES = {  # of small examples
    "dense": ((2, 3), (3, 2), (2,)),
    "batchnorm": ((3, 2), (2,), (2,)),
    "attention": ((2, 2, 2), (2,)),
}


class Asked(NamedTuple):
    """An op that a checker is asked about, and what is wrong with it; "" if it is right."""

    name: str
    op: SimpleNamespace
    example: tuple
    wrong: str = ""


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable, dict]:
    """The calls of the exercise, the function that judges their results, and the calls' ops."""
    asked = list(all_asked(rng))
    asked = [asked[i] for i in rng.permutation(len(asked))]
    proxies = map(int, rng.integers(2**31, size=len(asked)))
    calls = [
        {"function": "check", "args": [list(arrays), options], "proxy": proxy}
        for proxy, (_, _, (arrays, options), _) in zip(proxies, asked)
    ]
    ops = {str(call["proxy"]): answering(a.op, a.example[0]) for call, a in zip(calls, asked)}
    return calls, lambda results: judged(exercise, asked, results), ops


def answering(op, arrays: Sequence[np.ndarray]) -> Callable:
    """The function that answers for an op on arrays of the shapes of these: larger ones could take
    all memory. Errors do not show which op it is.
    """

    @np.errstate(all="ignore")
    def answer(request: dict) -> dict:
        try:
            if [*map(np.shape, request["arrays"])] != [*map(np.shape, arrays)]:
                return {"value": None, "error": "expected arrays of the shapes that check is given"}
            value, cache = op.forward(*request["arrays"], **request["options"])
            if request["function"] == "backward":
                if np.shape(request["dout"]) != np.shape(value):
                    return {"value": None, "error": f"dout must have the shape {np.shape(value)}"}
                value = tuple(op.backward(request["dout"], cache))
            return {"value": value, "error": ""}
        except Exception:  # whatever was sent
            return {"value": None, "error": "it cannot compute with these arrays and options"}

    return answer


def judged(exercise: Exercise, asked: list[Asked], results: Sequence[dict]):
    """The share of wrong ops that are caught, less that of right ones that are called wrong."""
    (part,) = exercise.parts
    answers, problems = [], {}
    for question, call in zip(asked, results):
        value, error = call["value"], call["error"]
        is_answer = isinstance(value, bool) or getattr(value, "dtype", "") == "bool"
        if not error and not is_answer:
            error = f"returns {kind(value)} instead of True or False"
        if error:
            about = question.wrong and f", where {question.wrong}"
            problems.setdefault(error, f"check {error}, on {question.name}{about}")
        answers.append(bool(np.all(value)) if is_answer else None)
    wrong = [(question, a) for question, a in zip(asked, answers) if question.wrong]
    right = [(question, a) for question, a in zip(asked, answers) if not question.wrong]
    caught = sum(answer is False for _, answer in wrong)
    cleared = sum(answer is True for _, answer in right)
    share = max(0.0, caught / len(wrong) - 1 + cleared / len(right))
    silent = f" ones, and {answers.count(None)} times it gives no answer" if problems else " ones"
    said = (
        f"It catches {caught} of {len(wrong)} wrong ops and clears {cleared} of {len(right)} right"
    )
    alarms = [f"right, but called wrong: {q.name}" for q, answer in right if answer is False]
    if len(alarms) == len(right):
        alarms = ["It calls every right op wrong: is the slope that it compares with right?"]
    missed = [f"wrong, but not caught: {q.name}: {q.wrong}" for q, answer in wrong if answer]
    shown = [*few([*problems.values()]), *few(alarms), *few(missed)]
    causes = () if share == 1 else (f"{said}{silent}.",)
    return [Verdict(part, share == 1, causes, "\n".join(shown))], {part: exercise.most * share}, ()


def few(lines: list[str], most: int = 2) -> list[str]:
    return lines[:most] + [f"and {len(lines) - most} more"] * (len(lines) > most)


def all_asked(rng: np.random.Generator) -> Iterator[Asked]:
    """Every op that a checker is asked about, right ones and wrong ones."""
    for name in OPS:
        op = getattr(ops, name)
        examples = [
            example
            for what, example in op.examples(rng).items()
            if not what.startswith("a tie") and sum(array.size for array in example[0]) <= MOST
        ]
        yield Asked(name, op, examples[0])
        found, bank = 0, [m for m in catalogue.of(name) if m.place != "forward"]
        for i in rng.permutation(len(bank)):
            wrong = bank[i].build()
            shows = [example for example in examples if differ(op, wrong, example, rng)]
            if shows and found < WRONG:
                found += 1
                yield Asked(name, wrong, shows[0], bank[i].says)
    x, w, b = drawn(rng, "dense")[0]
    small, about = ((x, SMALL * w, SMALL * b), {}), f"dense with weights of {SMALL:g}"
    yield Asked(about, ops.dense, small)
    for what, factor in (("dx is twice what it should be", 2), ("dx is zero", 0)):
        wrong = with_mistake(ops.dense, lambda right, *_, k=factor: (k * right[0], *right[1:]))
        yield Asked(about, wrong, small, what)
    for name in SHAPES:
        for what, change in LENIENT.items():
            yield Asked(name, with_mistake(getattr(ops, name), change), drawn(rng, name), what)


def with_mistake(op, change: Callable) -> SimpleNamespace:
    """The op whose gradients are `change(right gradients, dout, backward, cache)`."""

    def backward(dout, cache):
        return change(op.backward(dout, cache), dout, op.backward, cache)

    return SimpleNamespace(forward=op.forward, backward=backward)


@np.errstate(all="ignore")
def differ(op, wrong, example: tuple, rng: np.random.Generator) -> bool:
    """Does the wrong op give a plainly wrong gradient on this example, and no error?"""
    arrays, options = example
    out, cache = op.forward(*arrays, **options)
    dout = rng.standard_normal(np.shape(out))
    right = op.backward(dout, cache)
    try:
        received = wrong.backward(dout, wrong.forward(*arrays, **options)[1])
    except Exception:
        return False
    return any(
        np.shape(got) != np.shape(want)
        or np.abs(got - want).max(initial=0.0) > 1e-3 * np.abs(want).max(initial=0.0)
        for got, want in zip(received, right)
        if got is not None and want is not None
    )


def drawn(rng: np.random.Generator, name: str) -> tuple:
    """A small example of normal arrays."""
    return tuple(map(rng.standard_normal, SHAPES[name])), {}


def in_last(array: np.ndarray, factor: float) -> np.ndarray:
    """The array with its last entry multiplied."""
    changed = array.copy()
    changed.flat[-1] *= factor
    return changed


LENIENT = {  # mistakes that slip through the habits of checkers that are too lenient
    "the last argument's gradient is a thousandth too large": lambda right, *_: (
        *right[:-1], 1.001 * right[-1]),
    "the last argument's gradient is zero in its last entry": lambda right, *_: (
        *right[:-1], in_last(right[-1], 0)),
    "dx is NaN in its last entry": lambda right, *_: (in_last(right[0], np.nan), *right[1:]),
    "dx has its last entry's sign flipped": lambda right, *_: (in_last(right[0], -1), *right[1:]),
    "dx has its entries in the reverse order": lambda right, *_: (
        np.flip(right[0]), *right[1:]),
    "dout's mean is used for all of dout": lambda right, dout, backward, cache: (
        backward(np.full_like(dout, dout.mean()), cache)),
    "dout's rows are read from the last to the first": lambda right, dout, backward, cache: (
        backward(dout[::-1], cache)),
}  # fmt: skip
