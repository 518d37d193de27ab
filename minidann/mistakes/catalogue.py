"""The catalogue of mistakes: each is a few lines grafted on right code, with a sentence about it.

It is used three times: the checker must catch every mistake, a student's mistake is named by it,
and the course is tested with it. No op is copied. The docstring of a mistake is its sentence for
the student, and a decorator says where it acts:

    gradients(op)   on what the right backward returned: (right, dout, cache) -> gradients
    reads(op)       on what backward is handed: (dout, cache) -> dout, cache
    keeps(op)       on what forward keeps for it: (cache, arrays, options) -> cache
    afresh(op)      in its place, on forward's own input: (dout, arrays, options) -> gradients
    forward(op)     in place of forward: (*arrays, **options) -> out
    whole(name)     the mistake builds the wrong network or optimiser itself: () -> module

`word`, a regular expression, has to be in what is said of the mistake where the catalogue does not
have it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import numpy as np

from minidann import ops
from minidann.mistakes.question import Question

PLACES = ("gradients", "reads", "keeps", "afresh", "forward", "whole")


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
        dout, (_, arrays, options) = question.upstream, question.case
        if self.place == "gradients":
            return tuple(self.change(question.gradients, dout, question.cache))
        if self.place == "reads":
            return self.op.backward(*self.change(dout, question.cache))
        if self.place == "keeps":
            return self.op.backward(dout, self.change(question.cache, arrays, options))
        return self.change(dout, arrays, options) if self.place == "afresh" else None

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


def register(target: str, place: str, change: Callable, says: str, word: str = "") -> None:
    name = change.__name__.replace("_", " ")
    name = says.rstrip(".") if name in ("<lambda>", "change") else name
    CATALOGUE.append(Mistake(target, f"{target}: {name}", says, place, change, word))


def _decorator(place: str) -> Callable:
    def of(target, word: str = "") -> Callable:
        name = target if isinstance(target, str) else target.__name__.rpartition(".")[2]

        def decorate(change: Callable) -> Callable:
            register(name, place, change, " ".join(change.__doc__.split()), word)
            return change

        return decorate

    return of


gradients, reads, keeps, afresh, forward, whole = map(_decorator, PLACES)


def table(target, place: str, changes: dict[str, Callable], word: str = "") -> None:
    """Mistakes of one line each, by their sentences."""
    for says, change in changes.items():
        register(target.__name__.rpartition(".")[2], place, change, says, word)


def of(target: str, *places: str) -> list[Mistake]:
    """The mistakes in one target, in these places or in any."""
    return [m for m in CATALOGUE if m.target == target and (not places or m.place in places)]
