"""The catalogue of mistakes: each is a formula and a sentence about it.

It is used three times: the checker must catch every mistake, a student's mistake is named by it,
and the course is tested with it. No op is copied. An entry of a table is

    formula | the sentence for the student | word

The formula gives what the mistake gives, "afresh" in place of backward (a tuple of gradients) or in
place of "forward" (out). It may use np, the helpers that the table is given, the op's arrays and
options, and in backward the names of `at_hand`: what forward keeps, dout, out, the right gradients
(dx, dw, ...), and `again(x=..., dout=...)`, the op's own backward with other values; and what the
table derives from these. The word, a regular expression, has to be in what is said of the mistake
where the catalogue does not have it.
A "whole" mistake builds the wrong network or optimiser: () -> module.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import numpy as np

from minidann import ops
from minidann.mistakes.question import Question, argument_names

PLACES = ("afresh", "forward", "whole")
PLAIN = {"relu": "the gate", "dropout": "the mask", "gradient_reversal": "the kept beta"}


@dataclass(frozen=True)
class Mistake:
    """One mistake: in the op `target`, or in "model", "feeding" or "optim"."""

    target: str
    name: str
    says: str
    place: str
    change: Callable
    word: str = ""

    @property
    def op(self) -> ModuleType:
        return getattr(ops, self.target)

    def gradients(self, question: Question) -> tuple | None:
        """The gradients that would come of it; None where it says nothing of backward."""
        return self.change(**at_hand(self.target, question)) if self.place == "afresh" else None

    def out(self, question: Question) -> np.ndarray | None:
        """The output that would come of it; None where it says nothing of forward."""
        if self.place != "forward":
            return None
        return self.change(*question.case.arrays, **question.case.options)

    def build(self):
        """The op, network or optimiser with this mistake. Its forward keeps what backward needs."""
        if self.place == "whole":
            return self.change()

        def forward(*arrays, **options):
            out, cache = self.op.forward(*arrays, **options)
            if self.place == "forward":
                out = self.change(*arrays, **options)
            return out, (arrays, options, out, cache)

        def backward(dout, kept):
            arrays, options, out, cache = kept
            right = self.op.backward(dout, cache)
            question = Question(("", arrays, options), dout, out, cache, right)
            return self.gradients(question) or right

        return SimpleNamespace(forward=forward, backward=backward, examples=self.op.examples)


CATALOGUE: list[Mistake] = []  # in the order in which the files are read


def of(target: str, *places: str) -> list[Mistake]:
    """The mistakes in one target, in these places or in any."""
    return [m for m in CATALOGUE if m.target == target and (not places or m.place in places)]


def register(target: str, place: str, change: Callable, says: str, word: str = "") -> None:
    CATALOGUE.append(Mistake(target, f"{target}: {says.rstrip('.')}", says, place, change, word))


def whole(target: str, word: str = "") -> Callable:
    """Decorates what builds a wrong network; its docstring is the sentence."""

    def decorate(build: Callable) -> Callable:
        register(target, "whole", build, " ".join(build.__doc__.split()), word)
        return build

    return decorate


def entries(text: str) -> Iterator[tuple[str, str, str]]:
    """(formula, sentence, word) of each entry of a table; an indented line goes on with it."""
    for line in text.replace("\n    ", " ").strip().splitlines():
        if line:
            formula, says, *word = map(str.strip, line.split(" | "))
            yield formula, says, *(word or [""])


def table(
    op: ModuleType,
    place: str,
    text: str,
    *helpers: Callable,
    derive: Callable[..., dict] = lambda **names: {},
) -> None:
    """Read a table of mistakes; `derive(**names)` gives what else its formulas use, by name."""
    known = {"np": np, **{helper.__name__: helper for helper in helpers}}
    target = op.__name__.rpartition(".")[2]
    for formula, says, word in entries(text):
        code = compile(formula, says, "eval")

        def change(code=code, **names):
            return eval(code, {**known, **names, **derive(**names)})

        wrong = _forward(op, change) if place == "forward" else change
        register(target, place, wrong, says, word)


def family(text: str, *numbers: float) -> str:
    """The entries of a table that differ by one number, which stands as NUMBER in `text`."""
    return "".join(text.replace("NUMBER", f"{number:g}") for number in numbers)


def _forward(op: ModuleType, change: Callable) -> Callable:
    """A wrong forward, which takes what forward takes."""

    def wrong(*arrays, **options):
        given = {**options, **dict(zip(argument_names(op.forward), arrays))}
        return change(**{**defaults(op), **given})

    return wrong


def defaults(op: ModuleType) -> dict[str, object]:
    """The options of the op's forward that have a default, with it."""
    parameters = inspect.signature(op.forward).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def fields(name: str, cache) -> dict[str, object]:
    """What forward keeps, by name."""
    return cache._asdict() if hasattr(cache, "_asdict") else {PLAIN[name]: cache}


def at_hand(name: str, question: Question) -> dict[str, object]:
    """What a formula may use, by name."""
    op, (_, arrays, options) = getattr(ops, name), question.case
    names = argument_names(op.forward, len(arrays))

    def again(dout=question.upstream, **changed):
        return op.backward(dout, question.cache._replace(**changed))

    return {
        **defaults(op), **options, **dict(zip(names, arrays)), **fields(name, question.cache),
        **{f"d{n}": gradient for n, gradient in zip(names, question.gradients)},
        "dout": question.upstream, "out": question.out, "again": again,
    }  # fmt: skip
