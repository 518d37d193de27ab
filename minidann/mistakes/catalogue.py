"""The catalogue of mistakes: each is a formula and a sentence about it.

It is used three times: the checker must catch every mistake, a student's mistake is named by it,
and the course is tested with it. No op is copied. An entry of a table is

    formula | the sentence for the student

The formula gives what the mistake gives, "afresh" in place of backward (a tuple of gradients) or in
place of "forward" (out). It may use np, the helpers that the table is given, the op's arrays and
options, `again(x=...)`, the op's own answer with other values, what the table derives from these,
and in backward the names of `at_hand`: what forward keeps, dout, out, and the right gradients
(dx, dw, ...). A "whole" mistake builds the wrong network: () -> module.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import numpy as np

from minidann import ops
from minidann.mistakes.question import Question, argument_names

PLAIN = {"relu": "the gate", "dropout": "the mask", "gradient_reversal": "the kept beta"}


@dataclass(frozen=True)
class Mistake:
    """One mistake: in the op `target`, or in "model" or "feeding"."""

    target: str
    says: str
    place: str
    change: Callable

    @property
    def name(self) -> str:
        return f"{self.target}, {self.place}: {self.says.rstrip('.')}"

    @property
    def op(self) -> ModuleType:
        return getattr(ops, self.target)

    def gradients(self, question: Question) -> tuple | None:
        """The gradients that would come of it; None where it says nothing of backward."""
        return self.change(**at_hand(self.target, question)) if self.place == "afresh" else None

    def out(self, *arrays, **options) -> np.ndarray:
        """The output that would come of a mistake in forward."""
        given = arguments(self.op.forward, *arrays, **options)
        return self.change(**given, again=lambda **new: self.op.forward(**given | new)[0])

    def build(self):
        """The op or network with this mistake. Its forward keeps what backward needs."""
        if self.place == "whole":
            return self.change()

        def forward(*arrays, **options):
            out, cache = self.op.forward(*arrays, **options)
            if self.place == "forward":
                out = self.out(*arrays, **options)
            return out, (arrays, options, out, cache)

        def backward(dout, kept):
            arrays, options, out, cache = kept
            right = self.op.backward(dout, cache)
            question = Question(("", arrays, options), dout, out, cache, right)
            return self.gradients(question) or right

        return SimpleNamespace(forward=forward, backward=backward, examples=self.op.examples)


CATALOGUE: list[Mistake] = []  # in the order in which the files are read
PATHS: dict[str, list[Callable]] = {}  # by op: terms that its right gradients are the sums of


def of(target: str, *places: str) -> list[Mistake]:
    """The mistakes in one target, in these places or in any."""
    return [m for m in CATALOGUE if m.target == target and (not places or m.place in places)]


def entries(text: str) -> Iterator[tuple[str, str]]:
    """(formula, sentence) of each entry of a table; an indented line goes on with it.

    An entry that ends with "for NUMBER in 1, 2" is one for each of these numbers.
    """
    for line in filter(None, text.replace("\n    ", " ").splitlines()):
        line, _, numbers = line.partition(" for NUMBER in ")
        for number in numbers.split(", "):
            formula, _, says = line.replace("NUMBER", number).rpartition(" | ")
            yield formula.strip(), says.strip()


def formulas(
    text: str, *helpers: Callable, derive: Callable = lambda **names: {}, form: str = "{}"
) -> list[Callable]:
    """A function of named values for each entry of a table, whose docstring is the sentence.

    `derive(**names)` gives what else the formulas use, by name. `form`: what stands around each.
    """
    known, found = {"np": np, **{helper.__name__: helper for helper in helpers}}, []
    for formula, says in entries(text):
        code = compile(form.format(formula), says, "eval")

        def change(code=code, **names):
            return eval(code, {**known, **names, **derive(**names)})

        change.__doc__ = says
        found.append(change)
    return found


def arguments(function: Callable, *args, **options) -> dict[str, object]:
    """What a function would be given by this call, defaults included, by name."""
    given = inspect.signature(function).bind(*args, **options)
    given.apply_defaults()
    return given.arguments


def table(op: ModuleType, place: str, text: str, *helpers: Callable, **how) -> None:
    """Read a table of mistakes in an op."""
    target = op.__name__.rpartition(".")[2]
    found = formulas(text, *helpers, **how)
    CATALOGUE.extend(Mistake(target, change.__doc__, place, change) for change in found)


def fields(name: str, cache) -> dict[str, object]:
    """What forward keeps, by name."""
    return cache._asdict() if hasattr(cache, "_asdict") else {PLAIN[name]: cache}


def at_hand(name: str, question: Question) -> dict[str, object]:
    """What a formula may use, by name."""
    op, (_, arrays, options) = getattr(ops, name), question.case
    names = argument_names(op.forward, len(arrays))

    def again(dout=question.upstream, **changed):
        if hasattr(question.cache, "_replace"):
            return op.backward(dout, question.cache._replace(**changed))
        return op.backward(dout, *(changed.values() or [question.cache]))

    return {
        **arguments(op.forward, *arrays, **options), **fields(name, question.cache),
        **{f"d{n}": gradient for n, gradient in zip(names, question.gradients)},
        "dout": question.upstream, "out": question.out, "again": again,
    }  # fmt: skip
