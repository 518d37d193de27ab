"""The exercise to write the checker: how many wrong ops it catches, less its false alarms.

The wrong ops are mistakes of the catalogue, and for each habit of checkers that are too lenient
some that slip through: a dout of ones, an absolute tolerance, looking at one argument only. The ops
stay in this process. A checker sees only what they compute, because that alone should decide.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

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


@dataclass(frozen=True)
class Asked:
    """An op that a checker is asked about, and what is wrong with it; "" if it is right."""

    name: str
    op: SimpleNamespace
    example: tuple
    wrong: str = ""


def ask(exercise: Exercise, rng: np.random.Generator) -> tuple[list[dict], Callable, dict]:
    """The calls of the exercise, the function that judges their results, and the calls' ops."""
    asked = list(all_asked(rng))
    twice = [question for question in asked if not question.wrong and rng.random() < 0.5]
    # In a random order, and some right ops twice: it is no use to count.
    asked = [(asked + twice)[i] for i in rng.permutation(len(asked + twice))]
    calls = [
        {"function": "check", "args": [list(arrays), options], "proxy": int(rng.integers(2**31))}
        for arrays, options in (question.example for question in asked)
    ]
    ops = {str(call["proxy"]): answering(q.op, q.example[0]) for call, q in zip(calls, asked)}
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
        is_array = isinstance(value, np.ndarray) and value.dtype == bool
        if not error and not isinstance(value, bool) and not is_array:
            error = f"returns {kind(value)} instead of True or False"
        if error:
            about = f", where {question.wrong}" * bool(question.wrong)
            problems.setdefault(error, f"check {error}, on {question.name}{about}")
        answers.append(None if error else bool(np.all(value)))
    wrong = [(question, a) for question, a in zip(asked, answers) if question.wrong]
    right = [(question, a) for question, a in zip(asked, answers) if not question.wrong]
    caught = sum(answer is False for _, answer in wrong)
    cleared = sum(answer is True for _, answer in right)
    share = max(0.0, caught / len(wrong) - 1 + cleared / len(right))
    said = (
        f"It catches {caught} of {len(wrong)} wrong ops and clears {cleared} of {len(right)} right"
    )
    said += f" ones, and {answers.count(None)} times it gives no answer." if problems else " ones."
    if all(answer is False for _, answer in right):
        alarms = ["It calls every right op wrong: is the slope that it compares with right?"]
    else:
        alarms = [f"right, but called wrong: {q.name}" for q, answer in right if answer is False]
    missed = [f"wrong, but not caught: {q.name}: {q.wrong}" for q, answer in wrong if answer]
    shown = [*few([*problems.values()]), *few(alarms), *few(missed)]
    verdict = Verdict(part, share == 1, (said,) * (share < 1), "\n".join(shown))
    return [verdict], {part: round(exercise.most * share, 2)}, ()


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
    small = drawn(rng, *SHAPES["dense"], scale=(1, SMALL, SMALL))
    about = f"dense with weights of {SMALL:g}"
    yield Asked(about, ops.dense, small)
    for what, factor in (("dx is twice what it should be", 2), ("dx is zero", 0)):
        wrong = with_mistake(ops.dense, lambda right, *_, k=factor: (k * right[0], *right[1:]))
        yield Asked(about, wrong, small, what)
    for name, shapes in SHAPES.items():
        op = getattr(ops, name)
        for what, change in LENIENT.items():
            yield Asked(name, with_mistake(op, change), drawn(rng, *shapes), what)


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


def drawn(rng: np.random.Generator, *shapes: tuple[int, ...], scale: tuple = (1, 1, 1)) -> tuple:
    """An example of normal arrays of these shapes."""
    return tuple(s * rng.standard_normal(shape) for s, shape in zip(scale, shapes)), {}


def in_last(array: np.ndarray, change: Callable) -> np.ndarray:
    """The array with its last entry changed."""
    changed = array.copy()
    changed.flat[-1] = change(changed.flat[-1])
    return changed


SHAPES = {  # of small examples
    "dense": ((2, 3), (3, 2), (2,)),
    "batchnorm": ((3, 2), (2,), (2,)),
    "attention": ((2, 2, 2), (2,)),
}
LENIENT = {  # mistakes that slip through the habits of checkers that are too lenient
    "the last argument's gradient is a thousandth too large": lambda right, *_: (
        *right[:-1], 1.001 * right[-1]),
    "the last argument's gradient is zero in its last entry": lambda right, *_: (
        *right[:-1], in_last(right[-1], lambda entry: 0.0)),
    "dx is NaN in its last entry": lambda right, *_: (
        in_last(right[0], lambda entry: np.nan), *right[1:]),
    "dx has its last entry's sign flipped": lambda right, *_: (
        in_last(right[0], lambda entry: -entry), *right[1:]),
    "dx has its entries in the reverse order": lambda right, *_: (
        right[0].ravel()[::-1].reshape(right[0].shape), *right[1:]),
    "dout's mean is used for all of dout": lambda right, dout, backward, cache: (
        backward(np.full_like(dout, dout.mean()), cache)),
    "dout's rows are read from the last to the first": lambda right, dout, backward, cache: (
        backward(dout[::-1], cache)),
}  # fmt: skip
