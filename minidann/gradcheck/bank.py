"""The catalogue of mistakes against the checker: is each caught, and is it named?"""

from typing import NamedTuple

import numpy as np

from minidann import feeding, ops
from minidann.gradcheck import judging, network
from minidann.gradcheck.running import answers
from minidann.mistakes import catalogue, networks


class Tried(NamedTuple):
    """What became of one mistake: was it caught, and what was said, with it and without it?"""

    killed: bool
    with_it: str  # "right", "wrong" or "unknown"
    without_it: str
    said: tuple[str, ...]


def try_mistake(mistake: catalogue.Mistake, seed: int) -> Tried:
    """Hand the mistake in, as a student would, and see what is said of it.

    Without its entry a cause is right if it is told of other inputs, too.
    """
    killed, with_it = causes(mistake, seed)
    place = catalogue.CATALOGUE.index(mistake)
    catalogue.CATALOGUE.remove(mistake)
    try:
        _, without_it = causes(mistake, seed)
        confirmed = causes(mistake, seed + 1)[1] if without_it else set()
    finally:
        catalogue.CATALOGUE.insert(place, mistake)
    rightly = named(with_it, {mistake.says}), named(without_it, confirmed)
    return Tried(killed, *rightly, tuple(without_it))


def causes(mistake: catalogue.Mistake, seed: int) -> tuple[bool, set[str]]:
    """Is it caught on the inputs of this seed, and which causes are told?"""
    rng, wrong = np.random.default_rng(seed), mistake.build()
    if mistake.target in ops.__all__:
        asked = judging.questions(mistake.target, rng)
        verdicts = judging.judge(mistake.target, asked, answers(wrong, asked))
        found = [v.causes for v in verdicts.values() if not v.right]
    else:  # against the gradients of the right network, which the proof has proved
        steps = [step for mode in feeding.MODES
                 for step in network.example(np.random.default_rng(seed), mode)]  # fmt: skip
        received = [(step, networks.gradients(wrong, step)) for step in steps]
        found = [*networks.name(received).values()]
    return bool(found), {c for told in found for c in told if " raised " not in c}


def named(said: set[str], right: set[str]) -> str:
    """Is one of the things said right? "unknown" where nothing is said."""
    return ("right" if said & right else "wrong") if said else "unknown"
