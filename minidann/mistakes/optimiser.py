"""Mistakes in the optimiser: the wrong ways to write `step` and `add_penalty`, as one module."""

from types import SimpleNamespace

from minidann import optim
from minidann.mistakes.catalogue import register
from minidann.mistakes.functions import WRONG

for name in ("step", "add_penalty"):
    for wrong in WRONG[name]:

        def optimiser(name=name, wrong=wrong) -> SimpleNamespace:
            """The right optimiser with one wrong function."""
            return SimpleNamespace(**{**vars(optim), name: wrong})

        optimiser.__name__ = "<lambda>"  # the mistake is named by its sentence
        register("optim", "whole", optimiser, " ".join(wrong.__doc__.split()))
