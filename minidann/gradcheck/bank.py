"""The catalogue of mistakes against the checker: is each caught, and is it named?"""

import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from minidann import feeding, model, ops
from minidann.gradcheck import judging, network, optimiser
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
    if mistake.target in ops.__all__:
        killed, said, said_without = _of_op(mistake, seed)
    elif mistake.target == "optim":
        report = optimiser.check_optimiser(mistake.build(), np.random.default_rng(seed))
        killed, said = not report.ok, {c for causes in report.causes.values() for c in causes}
        said_without = said - {mistake.says}
    else:
        killed, said, said_without = _of_network(mistake, seed)
    return Tried(
        mistake, killed, named(said, re.escape(mistake.says)), named(said_without, mistake.word),
        tuple(said_without),
    )  # fmt: skip


def named(said: set[str], word: str) -> str:
    """Is one of the things said right? "unknown" where nothing is said."""
    said = {cause for cause in said if " raised " not in cause}
    if not said:
        return "unknown"
    return "right" if any(re.search(word, cause) for cause in said) else "wrong"


def _of_op(mistake, seed: int):
    asked = judging.questions(mistake.target, np.random.default_rng(seed))
    given, said = answers(mistake.build(), asked), []
    for without in (None, mistake):
        verdicts = judging.judge(mistake.target, asked, given, without=without).values()
        said.append({cause for verdict in verdicts for cause in verdict.causes})
    return not all(verdict.right for verdict in verdicts), *said


def _of_network(mistake, seed: int):
    """Against the gradients of the right network, which the proof has proved."""
    wrong, received, killed = mistake.build(), [], False
    for mode in feeding.MODES:
        for step in network.example(np.random.default_rng(seed), mode):
            grads, right = networks.gradients(wrong, step), networks.gradients(model, step)
            killed |= any(not close(grads[name], right[name], 1e-12) for name in right)
            received.append((step, grads))
    said = (networks.name(received, without) for without in (None, mistake))
    return killed, *({c for causes in found.values() for c in causes} for found in said)


def counts(tried: list[Tried]) -> str:
    """How many were killed, and how they were named, in one line."""
    killed = sum(t.killed for t in tried)
    both = []
    for what, found in (("with it", Counter(t.with_it for t in tried)),
                        ("without it", Counter(t.without_it for t in tried))):  # fmt: skip
        named = ", ".join(f"{found[name]} {name}" for name in ("right", "wrong", "unknown"))
        both.append(f"{what} {named}")
    return f"{killed} of {len(tried)} caught; named {'; '.join(both)}"
