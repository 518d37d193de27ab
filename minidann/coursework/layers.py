"""Layers: out and every gradient against the reference, and what is wrong with a wrong one.

What the submission gives is held against the reference, whose gradients `python -m
minidann.gradcheck` proves. Where a gradient is wrong, `minidann.diagnosis` looks at it.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from minidann import diagnosis
from minidann.coursework.exercises import MEND, Exercise
from minidann.coursework.handout import reference
from minidann.coursework.results import Result, close, compared, kind, written
from minidann.coursework.session import Failed, NotWritten, Session
from minidann.gradcheck.cases import Case, cases, padded, random_case
from minidann.gradcheck.gradients import argument_names

RANDOM = 12  # random cases of each op, beside what is special about it


@dataclass
class Failure:
    """One case that one part did not pass."""

    case: Case
    received: object
    true: object
    covector: np.ndarray | None = None
    out: np.ndarray | None = None
    gradients: tuple = ()
    trues: tuple = ()


def judge_op(exercise: Exercise, session: Session, rng, result: Result) -> None:
    """out and gradients over all cases: a part is earned where all of them are right."""
    op = reference(exercise)
    name = exercise.reference.rpartition(".")[2]
    every = inputs(name, rng)
    names = argument_names(op.forward, len(every[0].arrays))
    own = _judge_forward(exercise, session, every, names, result)
    if own and "out" in exercise.parts:
        result.earned["out"] = 1
    failed: dict[str, list[Failure]] = {argument: [] for argument in names}
    for case in every:
        out, cache = op.forward(*case.arrays, **case.options)
        covector = rng.standard_normal(np.shape(out))
        true = op.backward(covector, cache)
        if own:
            session.call(exercise.name, "forward", *case.arrays, keep=True, **case.options)
        try:
            given = (covector,) if own else (covector, cache)
            received = session.call(exercise.name, "backward", *given, kept=own)
        except NotWritten:
            if not result.said and not result.earned:
                raise
            result.said.append("backward: not written")
            return
        except Failed as error:
            result.said.append(f"backward raised {error}, on {shown(case, names)}")
            return
        if not isinstance(received, (tuple, list)) or len(received) != len(true):
            gradients = ", ".join(f"d{name}" for name in names)
            result.said.append(
                f"backward: expected a tuple ({gradients}), received {kind(received)}"
            )
            return
        for argument, got, want in zip(names, received, true):
            if not close(got, want):
                failed[argument].append(Failure(case, got, want, covector, out, received, true))
    if exercise.kind == MEND:
        if not any(failed.values()):
            result.earned["mended"] = exercise.most
    else:
        result.earned |= {f"d{argument}": 1 for argument in names if not failed[argument]}
    _tell(failed, names, result)


def inputs(name: str, rng: np.random.Generator) -> list[Case]:
    """Small, odd, padded and tied: what the checker of gradients uses, smallest first."""
    every = cases(name, rng) + [random_case(name, rng) for _ in range(RANDOM)]
    if name == "conv1d":
        w, b = rng.standard_normal((3, 2, 4)), rng.standard_normal(4)
        every.append(Case("padded", (padded(rng, 2, 14, 2), w, b), {"stride": 2}))
    if name == "attention":  # as padding makes it: frames that are all alike
        f = np.repeat(rng.standard_normal((2, 1, 3)), 4, axis=1)
        every.append(Case("frames all alike", (f, rng.standard_normal(3)), {}, zeros=("v",)))
        every.append(Case("large scores", (500 * rng.standard_normal((2, 3, 2)), np.ones(2)), {}))
    every = [case for case in every if "input_gradient" not in case.options]
    return sorted(every, key=lambda case: sum(array.size for array in case.arrays))


def _judge_forward(exercise, session, every, names, result) -> bool:
    """-> is the submission's own forward there and right, so that its cache can be used?"""
    for case in every:
        true, _ = reference(exercise).forward(*case.arrays, **case.options)
        try:
            out = session.call(exercise.name, "forward", *case.arrays, keep=True, **case.options)
        except NotWritten:
            return False
        except Failed as error:
            result.said.append(f"forward raised {error}, on {shown(case, names)}")
            return False
        if not close(out, true):
            result.said.append(
                f"forward: {compared('out', out, true).strip()}, on {shown(case, names)}"
            )
            return False
    return True


def _tell(failed: dict[str, list[Failure]], names, result: Result) -> None:
    """A line or more for each wrong gradient: what it is, and the smallest input that shows it."""
    told: dict[str, list[str]] = {}
    for argument, failures in failed.items():
        if failures:
            told.setdefault(diagnosed(argument, failures, names), []).append(argument)
    for text, arguments in told.items():
        first = failed[arguments[0]][0]  # the smallest
        gradients = ", ".join(f"d{argument}" for argument in arguments)
        what = compared(f"d{arguments[0]}", first.received, first.true)
        result.said.append(f"{gradients}: {text}\n{what}, on {shown(first.case, names)}"
                           f"\n  dout = {written(first.covector)}")  # fmt: skip


def diagnosed(argument: str, failures: list[Failure], names) -> str:
    """The mistake that explains most of the failures, in words."""
    found: Counter = Counter()
    texts: dict[str, str] = {}
    at = names.index(argument)
    for failure in failures:
        pairs = zip(failure.gradients, failure.trues)
        wrong = [i for i, (received, true) in enumerate(pairs) if not close(received, true)]
        try:
            gradients = tuple(np.asarray(one, np.float64) for one in failure.gradients)
            evidence = diagnosis.Evidence(
                names, failure.case.arrays, failure.case.options, failure.covector, failure.out,
                gradients, failure.trues,
            )  # fmt: skip
            diagnoses = diagnosis.diagnose(evidence, wrong).get(at, ())
        except (ValueError, IndexError, TypeError):  # gradients of shapes that fit nothing
            continue
        for rank, one in enumerate(diagnoses):
            if one.kind != diagnosis.UNKNOWN.kind:
                found[one.kind] += 1 / (1 + rank)
                texts.setdefault(one.kind, str(one))
    if found:
        return texts[found.most_common(1)[0][0]]
    received, true = failures[0].received, failures[0].true
    return str(diagnosis.UNKNOWN) if np.shape(received) == np.shape(true) else "another shape"


def shown(case: Case, names: tuple[str, ...]) -> str:
    """A case in words, with its arrays where they are small."""
    options = ", ".join(f"{name} = {written(value)}" for name, value in case.options.items())
    lines = [f"{case.what}" + f" ({options})" * bool(options)]
    lines += [f"  {name} = {written(array)}" for name, array in zip(names, case.arrays)]
    return "\n".join(lines)
