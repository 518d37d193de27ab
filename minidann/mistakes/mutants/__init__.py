"""A bank of wrong backward passes, which the checker must catch and name.

The mistakes are those that students make and that public code has: a sum where a mean should be,
an = for a +=, a path that is forgotten, a reversal too many. Each is a few lines on top of the
right code, in one of

    convolution.py  conv1d, relu
    pooling.py      maxpool, conv_relu_maxpool
    mixing.py       attention, batchnorm
    classifiers.py  dropout, dense, softmax_cross_entropy, gradient_reversal
    network.py      equations 7 to 10, the encoder
    domains.py      table 3: batch composition for batch norm
    optimiser.py    Adam, l1 and l2

and `making.py` says how they are grafted on. Every one is wrong by more than rounding on a legal
input; `tests/test_gradcheck_bank.py` shows it.
"""

from minidann.mistakes.mutants import convolution, pooling, mixing, classifiers  # noqa: I001 (BANK's order)
from minidann.mistakes.mutants import network, domains, optimiser
from minidann.mistakes.mutants.making import MADE, Mutant

BANK: tuple[Mutant, ...] = tuple(MADE)

__all__ = [
    "BANK",
    "Mutant",
    "select",
    "convolution",
    "pooling",
    "mixing",
    "classifiers",
    "network",
    "domains",
    "optimiser",
]


def select(target: str | None = None, *, held_out: bool | None = None) -> list[Mutant]:
    """The mutants of one target, of one half, or of both; all of them without arguments."""
    known = sorted({mutant.target for mutant in BANK})
    if target is not None and target not in known:
        raise ValueError(f"mutants: expected a target of {', '.join(known)}, received {target!r}")
    return [
        mutant
        for mutant in BANK
        if target in (None, mutant.target) and held_out in (None, mutant.held_out)
    ]
