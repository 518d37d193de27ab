"""Which mistake in an op gives these numbers? Its explanations come from the catalogue, and from
changes of one value that the op is given, keeps or returns.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import permutations

import numpy as np

from minidann import ops
from minidann.mistakes import catalogue, classifiers, convolution, mixing  # noqa: F401  fill the catalogue
from minidann.mistakes.catalogue import fields
from minidann.mistakes.changes import Ways, changes
from minidann.mistakes.explaining import TOLD, explain, returned
from minidann.mistakes.question import Case, Question, Seen, argument_names


def letters(name: str, question: Question) -> dict[str, float]:
    """The sizes of a question by the letters of forward's docstring, as in "x (N, C)", and its
    options that are numbers.
    """
    forward = getattr(ops, name).forward
    arrays = dict(zip(argument_names(forward), question.case.arrays)) | {"out": question.out}
    found: dict[str, float] = {}
    for array, axes in re.findall(r"(\w+) \(([^)]+)\)", forward.__doc__.partition("\n")[0]):
        found.update(zip(re.findall(r"[A-Z]'?", axes), map(float, np.shape(arrays.get(array)))))
    if not found:  # x is of any shape
        found["len(x)"] = float(len(question.case.arrays[0]))
    for option, value in question.case.options.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[option] = float(value)
        elif option == "mask":
            found["1/(1 - p)"] = float(np.max(value))
    return dict(sorted(found.items(), key=lambda item: item[1] == 1.0))


def _as_if(which: str, values: dict, run: Callable, sizes, others) -> Ways:
    """What `run(**changed)` gives if one of the values that it is given were another."""
    for name, value in values.items():
        for words, make in changes(value, sizes, others):
            text = f"{which} acts as if {name} were {words}."
            yield text, lambda name=name, make=make: run(**{name: make()})


def forward_outcomes(name: str, question: Question) -> Ways:
    """The explanations of a wrong output of an op."""
    op, (_, arrays, options) = getattr(ops, name), question.case
    inputs, sizes = dict(zip(argument_names(op.forward), arrays)), letters(name, question)

    def run(**changed):
        return op.forward(**inputs | options | changed)[:1]

    for mistake in catalogue.of(name, "forward"):
        yield mistake.says, lambda m=mistake: (m.out(*arrays, **options),)
    defaults = op.forward.__kwdefaults__ or {}
    defaults = {k: v for k, v in defaults.items() if type(v) in (int, float)}
    for option, default in defaults.items():
        for value in (*range(1, 11), *(defaults.keys() - {option})):
            changed = {option: {**defaults, **options}.get(value, value), **options}
            text = f"The default of {option} is {value}, but it should be {default}."
            yield text, lambda changed=changed: op.forward(*arrays, **changed)[:1]
    yield from _as_if("Forward", options | inputs, run, sizes, inputs)
    for option in options:
        rest = {k: v for k, v in options.items() if k != option}
        yield f"{option} has no effect.", lambda rest=rest: op.forward(*arrays, **rest)[:1]
    yield from returned((np.asarray(question.out),), sizes, inputs, inputs, "out")


def backward_outcomes(name: str, question: Question) -> Ways:
    """The explanations of wrong gradients of an op."""
    op, right = getattr(ops, name), question.gradients
    dout, names = np.asarray(question.upstream), argument_names(op.forward, len(right))
    kept, sizes = fields(name, question.cache), letters(name, question)
    others = dict(zip(names, question.case.arrays)) | kept | {"out": question.out, "dout": dout}
    others = {n: np.asarray(value) for n, value in others.items()
              if isinstance(value, (np.ndarray, np.generic))}  # fmt: skip
    for mistake in catalogue.of(name, "afresh"):
        yield mistake.says, lambda m=mistake: m.gradients(question)
    kept.pop("size", None)  # scipy's product reads outside of its matrix where a pool is shorter
    again = catalogue.at_hand(name, question)["again"]
    yield from _as_if("Backward", kept | {"dout": dout}, again, sizes, others)
    sums = {f"dout summed over axis {axis}": dout.sum(axis) for axis in range(dout.ndim)}
    yield from returned(right, sizes, others, others | sums)
    for order in [*permutations(range(len(right)))][1:]:
        swapped = ", ".join(f"d{names[i]}" for i in order)
        text = f"The gradients are returned in the order {swapped}, not in that of the arguments."
        yield text, lambda order=order: tuple(right[i] for i in order)


def name_out(name: str, seen: list[Seen]) -> tuple[str, ...]:
    """The causes of a wrong output, which is the only part of what is `seen`."""
    return _name(name, seen, partial(forward_outcomes, name)).get(0, ())


def name_gradients(name: str, seen: list[Seen]) -> dict[int, tuple[str, ...]]:
    """The causes of each gradient that is wrong somewhere: {argument number: sentences}."""
    plain = [s for s in seen if not s.question.case.ties]
    if any(any(s.wrong) for s in plain):
        seen = plain  # in a tie there is more than one right answer

    def paths(question):
        names = catalogue.at_hand(name, question)
        return [(path.__doc__, path(**names)) for path in catalogue.PATHS.get(name, ())]

    return _name(name, seen, partial(backward_outcomes, name), paths)


def called(case: Case) -> str:
    """With which options an op is called: the head of a cause that holds only for such calls."""
    given = " and ".join(sorted(case.options))
    return f"Called with {given}: " if given else "Called without options: "


def _name(name: str, seen: list[Seen], outcomes: Callable, terms=lambda question: []) -> dict:
    """The causes of each wrong part. Where there is none on all inputs, there may be one where the
    numbers are finite, or where some options are given.
    """
    seen = [s for s in seen if not s.question.case.is_large]

    def causes(seen):
        return explain(seen, outcomes, lambda question: letters(name, question), terms)

    found = causes(seen)
    for i in [i for i, words in found.items() if not words]:
        finite = [s for s in seen if s.received[i] is None or np.isfinite(s.received[i]).all()]
        some = {"{} And large numbers overflow.": finite}
        for s in seen:
            some.setdefault(called(s.question.case) + "{}", []).append(s)
        told = [
            text.format(*cause)
            for text, few in some.items()
            if len(few) < len(seen) and (cause := causes(few).get(i, ())[:1])
        ]
        found[i] = tuple(told[:1] if told and told[0].endswith("overflow.") else told[:TOLD])
    return found
