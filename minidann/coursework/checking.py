"""The exercise to write the checker: how many wrong ops it catches, less its false alarms.

The wrong ops are mutants of the bank, and for each habit of checkers that are too lenient some that
slip through: a dout of ones, an absolute tolerance, looking at one argument only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from minidann import ops
from minidann.coursework.exercises import Exercise
from minidann.coursework.results import Result, returned
from minidann.coursework.session import Failed, Session
from minidann.mistakes import mutants
from minidann.mistakes.mutants.making import altered, variant

# Ops with small examples: a checker perturbs every entry, twice, and each time calls
# from process to process. The right ones are there for the false alarms.
OPS = ("relu", "maxpool", "attention", "batchnorm", "dropout", "dense", "softmax_cross_entropy")
WRONG = 2  # mutants of each of them, at most
SMALL = 1e-7  # weights of a layer whose gradients are small, too


@dataclass(frozen=True)
class Asked:
    """An op that a checker is asked about, and what is wrong with it; "" if it is right."""

    name: str
    op: SimpleNamespace
    wrong: str = ""


def judge_checker(exercise: Exercise, session: Session, rng, result: Result) -> None:
    """The share of wrong ops that are caught, less that of right ones that are called wrong."""
    questions = list(asked(rng))
    twice = [question for question in questions if not question.wrong and rng.random() < 0.5]
    # In a random order, and some right ops twice: it is no use to count.
    questions = [(questions + twice)[i] for i in rng.permutation(len(questions + twice))]
    answers, problems = [], {}
    for question in questions:
        arrays, options = question.op.example(rng)
        seed = int(rng.integers(2**31))
        try:
            answer = session.call("check", list(arrays), options, op=question.op, seed=seed)
            if not isinstance(answer, (bool, np.bool_)):
                raise Failed(f"expected True or False, received {returned(answer)}")
        except Failed as error:
            answer = None  # neither a catch nor an all-clear
            about = (
                f"{question.name}, wrong: {question.wrong}"
                if question.wrong
                else f"{question.name}, a right one"
            )
            problems.setdefault(str(error), []).append(about)
            result.printed = result.printed or session.printed
        answers.append(None if answer is None else bool(answer))
    right = [
        (question, answer) for question, answer in zip(questions, answers) if not question.wrong
    ]
    wrong = [(question, answer) for question, answer in zip(questions, answers) if question.wrong]
    alarms = [question for question, answer in right if answer is not True]
    missed = [question for question, answer in wrong if answer is not False]
    share = 1 - len(missed) / len(wrong) - len(alarms) / len(right)
    result.earned["caught"] = round(exercise.most * max(0.0, share), 2)
    result.feedback.append(
        f"caught {len(wrong) - len(missed)} of {len(wrong)} wrong ops, cleared "
        f"{len(right) - len(alarms)} of {len(right)} right ones"
        + (f"; {answers.count(None)} times without an answer" if problems else "")
    )
    result.feedback += _few([
        f"check: {error}; on {about[0]}" + (f", and {len(about) - 1} others" if about[1:] else "")
        for error, about in problems.items()
    ])  # fmt: skip
    if all(answer is False for _, answer in right):
        result.feedback.append(
            "every right op is called wrong: is your own slope off, or is none made?"
        )
    else:
        result.feedback += _few(
            [f"right, but called wrong: {o.name}" for o, a in right if a is False]
        )
    result.feedback += _few([f"wrong, but not caught: {o.name}: {o.wrong}" for o, a in wrong if a])


def _few(lines: list[str], most: int = 5) -> list[str]:
    return lines[:most] + [f"and {len(lines) - most} more"] * (len(lines) > most)


def asked(rng: np.random.Generator) -> Iterator[Asked]:
    """Every op that a checker is asked about, right ones and wrong ones."""
    for name in OPS:
        op, bank = getattr(ops, name), mutants.select(name)
        yield Asked(name, op)
        for i in sorted(rng.permutation(len(bank))[:WRONG]):
            yield Asked(name, bank[i].build(), bank[i].what)
    small = variant(ops.dense, example=drawn((3, 4), (4, 2), (2,), scale=(1, SMALL, SMALL)))
    about = f"dense with weights of {SMALL:g}"
    yield Asked(about, small)
    for what, factor in (("dx is twice what it should be", 2), ("dx is zero", 0)):
        yield Asked(about, altered(small, _times(0, factor), small.example), what)
    for name, shapes in SHAPES.items():
        op, example = getattr(ops, name), drawn(*shapes)
        for what, change in DOUTS.items():
            yield Asked(name, altered(op, _misread(op, change), example), what)
        for what, factor in LAST.items():
            yield Asked(name, altered(op, _times(len(shapes) - 1, factor), example), what)
        for what, change in FIRST.items():
            yield Asked(name, altered(op, _changed(0, change), example), what)


SHAPES = {  # of small examples
    "dense": ((2, 3), (3, 2), (2,)),
    "batchnorm": ((3, 2), (2,), (2,)),
    "attention": ((2, 2, 2), (2,)),
}
LAST = {
    "the last argument's gradient is a thousandth too large": 1.001,
    "the last argument's gradient is zero in its first entry": np.array([0, 1]),
}
FIRST = {
    "dx is NaN in its last entry": lambda dx: np.where(_is_last(dx), np.nan, dx),
    "dx has its last entry's sign flipped": lambda dx: np.where(_is_last(dx), -dx, dx),
    "dx has its entries in the reverse order": lambda dx: dx.ravel()[::-1].reshape(dx.shape),
}
DOUTS = {
    "dout's mean is used for all of dout": lambda dout: np.full_like(dout, dout.mean()),
    "dout's rows are read from the last to the first": lambda dout: dout[::-1],
}


def drawn(*shapes: tuple[int, ...], scale: tuple = ()) -> Callable:
    """An example of normal arrays of these shapes."""

    def example(rng):
        arrays = [rng.standard_normal(shape) for shape in shapes]
        return tuple(a * s for a, s in zip(arrays, scale or [1] * len(arrays))), {}

    return example


def _changed(i: int, change: Callable) -> Callable:
    """Another gradient of argument i."""
    return lambda right, dout, cache: (*right[:i], change(right[i]), *right[i + 1 :])


def _times(i: int, factor) -> Callable:
    """The gradient of argument i multiplied by something."""
    return _changed(i, lambda gradient: factor * gradient)


def _is_last(array: np.ndarray) -> np.ndarray:
    """True at the last entry."""
    return np.arange(array.size).reshape(array.shape) == array.size - 1


def _misread(op, change: Callable) -> Callable:
    """The gradients of another dout."""
    return lambda right, dout, cache: op.backward(change(dout), cache)
