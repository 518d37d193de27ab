"""The catalogue of mistakes against the checker: is each caught, and is it named?"""

import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from minidann import feeding, model, ops
from minidann.gradcheck import judging, network
from minidann.gradcheck.running import answers
from minidann.mistakes import catalogue, networks
from minidann.mistakes.question import close


class Tried(NamedTuple):
    """What became of one mistake: was it caught, and what was said, with it and without it?"""

    mistake: catalogue.Mistake
    killed: bool
    with_it: str  # "right", "wrong" or "unknown"
    without_it: str
    said: tuple[str, ...]


def try_mistake(mistake: catalogue.Mistake, seed: int) -> Tried:
    """Hand the mistake in, as a student would, and see what is said of it."""
    rng, wrong = np.random.default_rng(seed), mistake.build()
    if mistake.target in ops.__all__:
        asked = judging.questions(mistake.target, rng)
        given = answers(wrong, asked)
        with_it, without_it = (
            {v.part: v.causes for v in judging.judge(mistake.target, asked, given, without=left)
             .values() if not v.right} for left in (None, mistake)
        )  # fmt: skip
        killed = bool(with_it)
    else:  # against the gradients of the right network, which the proof has proved
        steps = [step for mode in feeding.MODES
                 for step in network.example(np.random.default_rng(seed), mode)]  # fmt: skip
        received = [(step, networks.gradients(wrong, step)) for step in steps]
        killed = any(not close(grads[name], right, 1e-12) for step, grads in received
                     for name, right in networks.gradients(model, step).items())  # fmt: skip
        with_it, without_it = (networks.name(received, left) for left in (None, mistake))
    said, others = ({cause for causes in found.values() for cause in causes}
                    for found in (with_it, without_it))  # fmt: skip
    rightly = named(said, re.escape(mistake.says)), named(others, mistake.word)
    return Tried(mistake, killed, *rightly, tuple(others))


def named(said: set[str], word: str) -> str:
    """Is one of the things said right? "unknown" where nothing is said."""
    said = {cause for cause in said if " raised " not in cause}
    if not said:
        return "unknown"
    return "right" if any(re.search(word, cause) for cause in said) else "wrong"


def counts(tried: list[Tried]) -> str:
    """How many were killed, and how they were named, in one line."""
    killed = sum(t.killed for t in tried)
    both = []
    for what, found in (("with it", Counter(t.with_it for t in tried)),
                        ("without it", Counter(t.without_it for t in tried))):  # fmt: skip
        named = ", ".join(f"{found[name]} {name}" for name in ("right", "wrong", "unknown"))
        both.append(f"{what} {named}")
    return f"{killed} of {len(tried)} caught; named {'; '.join(both)}"
