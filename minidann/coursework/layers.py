"""Layers: out and every gradient against the reference, and what is wrong with a wrong one.

What the submission gives is held against the reference, whose gradients `python -m
minidann.gradcheck` proves. What is wrong with a wrong one, `explaining` says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from minidann.coursework import explaining, messages, tiny
from minidann.coursework.exercises import Exercise
from minidann.coursework.explaining import Failure, Try, shown
from minidann.coursework.large import judge_large
from minidann.coursework.results import Result, close, labelled, real, returned
from minidann.coursework.session import Failed, NotWritten, Session
from minidann.gradcheck.cases import Case, cases, padded, random_case
from minidann.gradcheck.gradients import argument_names

RANDOM = 12  # random cases of each op, beside what is special about it


@dataclass
class Forward:
    """What came of forward: is it there, of which cases it left a cache, what is wrong."""

    written: bool = True
    caches: list[int] = field(default_factory=list)
    feedback: list[str] = field(default_factory=list)
    printed: str = ""


@dataclass
class Backward:
    """What came of backward on the caches of the submission's own forward (`own_cache`), or the
    reference's.

    Of a few cases only it `proves` nothing. Its failures; a call that gave nothing, by which the
    arguments `lost` are not right; and which were right and not zero at least once: `seen`.
    """

    own_cache: bool
    proves: bool
    failures: list[Failure] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    problem: str = ""
    printed: str = ""

    def right(self, names) -> set[str]:
        """The arguments whose gradients are right in every case."""
        wrong = self.lost.union(*(failure.wrong for failure in self.failures))
        return {name for i, name in enumerate(names) if i not in wrong}


def judge_op(exercise: Exercise, session: Session, rng, result: Result) -> None:
    """out and gradients over all cases: a part is earned where all of them are right."""
    trials = tries(exercise, rng)
    names = argument_names(exercise.module.forward, len(trials[0].gradients))
    forward = _forward(exercise, session, trials, names)
    result.feedback, result.printed = forward.feedback, forward.printed
    if "out" in exercise.parts and not forward.feedback:
        result.earned["out"] = 1
    if "out" not in exercise.parts and forward.feedback and forward.caches:
        result.feedback = [f"forward was given, and is no longer right: {forward.feedback[0]}"]
    try:
        found = _backwards(exercise, session, trials, names, forward)
    except NotWritten:
        if not forward.written or "out" not in exercise.parts:
            raise  # nothing is
        result.feedback.append("backward: not written")
        return
    right = set().union(*(backward.right(names) for backward in found if backward.proves))
    result.earned |= {f"d{name}": 1 for name in names if name in right}
    if lucky := [f"d{name}" for name in names if name in right - found[0].right(names)]:
        result.feedback.append(
            f"({', '.join(lucky)}: right with the cache that the file describes, not with that of "
            "your forward)"
        )
    if len(right) < len(names):
        _add_feedback(result, found, names, set(names) - right, forward)
    if result.earned:
        judge_large(exercise, session, names, rng, result)


def _add_feedback(
    result: Result, found: list[Backward], names, lost: set[str], forward: Forward
) -> None:
    """Add what is wrong with the gradients that are `lost`, on the cache that explains most."""
    candidates = []
    for backward in found:
        feedback, printed, unknown = explaining.gradients(
            backward.failures, backward.seen, names, lost
        )
        if backward.problem:
            feedback.insert(0, backward.problem)
        if not feedback:  # only if it proves nothing
            feedback = [
                "backward: right wherever forward gave something, in too few cases to count"
            ]
        unexplained = unknown + len(backward.lost)
        candidates.append((unexplained, feedback, backward.printed or printed, backward.own_cache))
    _, feedback, printed, own_cache = min(candidates, key=lambda candidate: candidate[0])
    if forward.feedback and own_cache:
        feedback.append("(backward was given the cache of your forward, which is not right yet)")
    elif forward.feedback:
        feedback.insert(0, "(as forward is not right yet, backward was given the cache that the "
                        "file describes: one that reads another may be right)")  # fmt: skip
    result.feedback += feedback
    if printed and printed != result.printed:
        result.printed = "\n".join(filter(None, [result.printed, printed]))


def _backwards(exercise, session, trials: list[Try], names, forward: Forward) -> list[Backward]:
    """backward on the caches of the submission's own forward, where it left one.

    Where forward is not right, on the reference's caches, too, and a gradient that is right on
    either counts: a mistake in one costs no points of the other.
    """
    found = []
    if forward.caches:
        found.append(_backward(exercise, session, trials, names, forward.caches))
    if forward.feedback:
        found.append(_backward(exercise, session, trials, names, None))
    return found


def tries(exercise: Exercise, rng: np.random.Generator) -> list[Try]:
    """Every case with what is right, smallest first."""
    op = exercise.module
    made = []
    for case in inputs(exercise.name, rng):
        out, cache = op.forward(*case.arrays, **case.options)
        shape = np.shape(out)
        whole = tiny.is_whole(case)
        upstream = tiny.whole(rng, *shape) if whole else rng.standard_normal(shape)
        upstream = upstream if shape else np.asarray(upstream)
        made.append(Try(case, out, cache, upstream, op.backward(upstream, cache)))
    return made


def inputs(name: str, rng: np.random.Generator) -> list[Case]:
    """Tiny, odd, padded and tied: what the checker of gradients uses, and smaller ones."""
    all_cases = tiny.tiny(name, rng) + cases(name, rng)
    all_cases += [random_case(name, rng) for _ in range(RANDOM)]
    if name == "conv1d":
        w, b = rng.standard_normal((3, 2, 4)), rng.standard_normal(4)
        all_cases.append(Case("padded", (padded(rng, 2, 14, 2), w, b), {"stride": 2}))
    if name == "attention":  # as padding makes it: frames that are all alike
        f = np.repeat(rng.standard_normal((2, 1, 3)), 4, axis=1)
        all_cases.append(Case("frames all alike", (f, rng.standard_normal(3)), {}, zeros=("v",)))
    return sorted(all_cases, key=lambda case: sum(array.size for array in case.arrays))


def _forward(exercise: Exercise, session: Session, trials: list[Try], names) -> Forward:
    """Call forward on every case; the caches stay in its process, by number."""
    found, wrong, passed, stubs = Forward(), [], [], 0
    for number, trial in enumerate(trials):
        arrays, options = trial.case.arrays, trial.case.options
        try:
            out = session.call("forward", *arrays, keep=number, **options)
        except (Failed, NotWritten) as error:  # it may be written but for something special
            stubs += isinstance(error, NotWritten)
            if stubs == len(trials):
                return Forward(written=False, feedback=["forward: not written"])
            if not found.feedback:  # once
                found.feedback.append(f"forward: {error}, on {shown(trial.case, names)}")
                found.printed = session.printed
            continue
        right = close(out, trial.out)
        if right or ((numbers := real(out)) is not None and np.isfinite(numbers).all()):
            found.caches.append(number)  # else backward has no chance
        (passed if right else wrong).append(Failure(trial, out, session.printed))
    if wrong:
        text, printed = explaining.out(exercise.name, wrong, passed, names)
        found.feedback.append(text)
        found.printed = found.printed or printed
    return found


def _backward(exercise, session, trials: list[Try], names, caches: list[int] | None) -> Backward:
    """Call backward on these cases, with forward's own cache; on all, with the reference's."""
    own_cache, stubs = caches is not None, 0
    numbers = caches if own_cache else range(len(trials))
    found = Backward(own_cache, proves=not own_cache or 2 * len(caches) >= len(trials))
    for number in numbers:
        trial = trials[number]
        given = (trial.upstream,) if own_cache else (trial.upstream, trial.cache)
        try:
            received = session.call("backward", *given, kept=number if own_cache else None)
            problem = unusable(received, trial.gradients, names)
        except (Failed, NotWritten) as error:  # it may be written but for something special
            stubs += isinstance(error, NotWritten)
            if stubs == len(numbers):
                raise
            problem = str(error)
        if problem:
            if not found.problem:
                dout = labelled(["dout"], [trial.upstream])
                found.problem = f"backward: {problem}, on {shown(trial.case, names)}\n{dout}"
                found.printed = session.printed
            unasked = {i for i, gradient in enumerate(trial.gradients) if gradient is None}
            found.lost |= unasked or set(range(len(names)))
            continue
        pairs = enumerate(zip(received, trial.gradients))
        wrong = tuple(i for i, (got, want) in pairs if not trial.same(got, want))
        found.seen |= {i for i, g in enumerate(trial.gradients) if i not in wrong and np.any(g)}
        if wrong:
            found.failures.append(Failure(trial, received, session.printed, wrong))
        if own_cache and (changed := _changed(session, trial, number, received) - found.lost):
            found.lost |= changed
            changed_names = ", ".join(f"d{names[i]}" for i in sorted(changed))
            found.problem = found.problem or (
                f"backward: another {changed_names} when it is called again with the same cache: "
                "does it write to the cache (copy first), draw at random, or add to np.empty, "
                "which may hold anything?"
            )
    return found


def _changed(session, trial: Try, number: int, received) -> set[int]:
    """The gradients that are others when backward is called again: it wrote to its cache, say."""
    try:
        again = session.call("backward", trial.upstream, kept=number)
    except Failed:
        again = None
    if not isinstance(again, (tuple, list)) or len(again) != len(received):
        return set(range(len(received)))
    pairs = enumerate(zip(again, received))
    return {i for i, (new, old) in pairs if messages.pack(new) != messages.pack(old)}


def unusable(received, true: tuple, names: Iterable[str]) -> str | None:
    """Why what backward returned is not one thing for each argument; None if it is."""
    gradients = [f"d{name}" for name in names]
    comma = "," if len(gradients) == 1 else ""
    if isinstance(received, (tuple, list)) and len(received) == len(gradients):
        return None
    hint = ""
    if comma and isinstance(received, np.ndarray):
        hint = f": a tuple of one has a comma, as in `return ({gradients[0]},)`"
    expected = ["None" if gradient is None else name for name, gradient in zip(gradients, true)]
    return f"expected a tuple ({', '.join(expected)}{comma}), received {returned(received)}{hint}"
