"""Questions about an op, and the verdicts on the answers of the code under test.

Nothing of the code under test is run here: `gradcheck --file` runs it in this process, the
coursework in another one, and both hand over what it answered.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from minidann import ops
from minidann.coursework import tiny
from minidann.gradcheck import cases
from minidann.gradcheck.purity import copied
from minidann.gradcheck.verdict import Verdict, kind, real, shown
from minidann.mistakes import diagnosis
from minidann.mistakes.functions import WRONG
from minidann.mistakes.question import Case, Question, argument_names, ask

RANDOM = 6  # random cases of each op, beside its examples
TOLERANCE = 1e-7  # of the largest entry
SINGLE = 2e-5  # the same, of what is in float32, which holds seven digits
ROUNDING = 1e-12  # of the largest gradient: one whose terms cancel is nothing but rounding
AGAIN = "backward gives another answer when it is called again after other inputs"
WHY = "does it write to its cache, keep something in a global, or draw at random?"

__all__ = ["Answer", "Case", "Question", "Try", "judge", "judge_function", "questions"]


class Answer(NamedTuple):
    """What the code under test gave on one question. Everything may be missing or nonsense.

    `out` and `gradients` as received, on the cache of its own forward; `again`: its gradients once
    more, after other cases were run (None where nothing was run again); `on_reference`: its
    gradients on the reference's cache (None where this was not asked for). `error`: one line, what
    it raised and at which line, "" if nothing; `which`: "forward" or "backward", what raised.
    """

    out: object = None
    gradients: object = None
    again: object = None
    on_reference: object = None
    error: str = ""
    which: str = ""


class Try(NamedTuple):
    """One call of a function under test: its arguments, its options, and what came of it.

    `again`: what it returned when it was called once more (None where it was not); `error` as in
    `Answer`.
    """

    args: tuple
    options: dict
    received: object = None
    again: object = None
    error: str = ""


def questions(name: str, rng: np.random.Generator) -> list[Question]:
    """Questions about the op `name` that reach its every branch, the smallest first."""
    op = getattr(ops, name)
    found = [Case(c.what, c.arrays, c.options) for c in tiny.tiny(name, rng)]
    found += [Case(c.what, c.arrays, c.options) for c in cases.cases(name, rng)]
    found += [
        Case(c.what, c.arrays, c.options)
        for c in (cases.random_case(name, rng) for _ in range(RANDOM))
    ]
    asked = []
    for case in sorted(found, key=lambda case: sum(array.size for array in case.arrays)):
        shape = np.shape(op.forward(*case.arrays, **case.options)[0])
        asked.append(ask(op, case, np.asarray(rng.standard_normal(shape))))
    return asked


def judge(
    name: str,
    questions: Sequence[Question],
    answers: Sequence[Answer],
    *,
    reference_cache: bool = False,
) -> dict[str, Verdict]:
    """The verdict on each part of the op `name`: "out", then the gradient of each argument.

    `reference_cache`: judge the gradients that were made on the reference's cache.
    """
    names = argument_names(getattr(ops, name).forward)
    verdicts = {"out": _out(names, questions, answers)}
    received = [a.on_reference if reference_cache else a.gradients for a in answers]
    for i, argument in enumerate(names):
        verdicts[f"d{argument}"] = _gradient(names, i, questions, answers, received)
    return verdicts


def judge_function(
    name: str,
    right: Callable,
    tries: dict[str, list[Try]],
    views: dict[str, Callable] | None = None,
) -> dict[str, Verdict]:
    """The verdict on each part of the function `name`, from the tries of that part.

    `right` is minidann's function. `views` has for some parts `view(result, args)`: what of the
    result counts for the part; all of it, where there is none. The causes are the mistakes that
    `minidann.mistakes.functions` has for `name` and that no try of any part rules out.
    """
    true = {
        part: [right(*copied(t.args), **copied(t.options)) for t in some]
        for part, some in tries.items()
    }
    causes = _wrong_ways(name, [t for some in tries.values() for t in some])
    names = argument_names(right)
    verdicts = {}
    for part, some in tries.items():
        view = (views or {}).get(part, lambda result, args: result)
        verdicts[part] = Verdict(part, True)
        for t, expected in zip(some, true[part]):
            text, same = (t.error,) if t.error else causes, False
            try:
                same = not t.error and alike(view(t.received, t.args), view(expected, t.args))
            except (TypeError, IndexError, KeyError, AttributeError, ValueError):
                pass  # it is not of the kind in which the view can look anything up
            if same and t.again is not None and not alike(t.again, t.received):
                text, same = ("It gives another result when it is called again.",), False
            if not same:
                given = Case("a try", t.args, t.options)
                text_shown = shown(given, names, t.received, expected, "result")
                verdicts[part] = Verdict(part, False, text, text_shown)
                break
    return verdicts


@np.errstate(all="ignore")
def _wrong_ways(name: str, tries: list[Try]) -> tuple[str, ...]:
    """The sentences of the known mistakes in `name` that give what was received in every try."""
    found = []
    for mistake in WRONG.get(name, ()):
        try:
            would = [mistake(*copied(t.args), **copied(t.options)) for t in tries]
        except (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError):
            continue
        if all(alike(t.received, expected) for t, expected in zip(tries, would)):
            found.append(mistake.__doc__)
    return tuple(found[:2])


def alike(received, true) -> bool:
    """Are two results the same: numbers, arrays, and dicts, tuples and lists of these?"""
    if isinstance(true, dict):
        return (
            isinstance(received, dict)
            and received.keys() == true.keys()
            and all(alike(received[key], true[key]) for key in true)
        )
    if isinstance(true, (tuple, list)):
        return (
            isinstance(received, (tuple, list, np.ndarray))
            and len(received) == len(true)
            and all(map(alike, received, true))
        )
    return close(received, true) if real(true) is not None else received == true


def close(received, true, floor: float = 0.0) -> bool:
    """Of one shape, and nowhere off by more than a ten millionth of the largest entry?"""
    received, true = real(received), np.asarray(true)
    if received is None or received.shape != true.shape:
        return False
    tolerance = SINGLE if received.dtype == np.float32 else TOLERANCE
    with np.errstate(all="ignore"):
        off = np.where(np.isnan(received) & np.isnan(true), 0, np.abs(received - true))
    size = np.nan_to_num(np.abs(true)).max(initial=0.0) or 1.0
    return bool(off.max(initial=0.0) <= max(tolerance * size, floor))


def _out(names, questions, answers) -> Verdict:
    for question, answer in zip(questions, answers):
        if answer.which == "forward" and answer.error:
            text = f"forward {answer.error}"
            given = shown(question.case, names, None, question.out, "out")
            return Verdict("out", False, (text,), given)
        if not close(answer.out, question.out):
            given = shown(question.case, names, answer.out, question.out, "out")
            return Verdict("out", False, (), given)
    return Verdict("out", True)


def _gradient(names, i, questions, answers, received) -> Verdict:
    part = f"d{names[i]}"
    for question, answer, gradients in zip(questions, answers, received):
        true = question.gradients[i]
        given = (question.case, names)
        if answer.error:
            text = f"{answer.which} {answer.error}"
            return Verdict(part, False, (text,), shown(*given, None, true, part, question.upstream))
        if not isinstance(gradients, (tuple, list)) or len(gradients) != len(names):
            text = f"backward returns {kind(gradients)}, not one gradient for each of {names}"
            return Verdict(part, False, (text,), "")
        if true is None:
            continue
        sizes = [np.abs(g).max(initial=0.0) for g in question.gradients if g is not None]
        if not close(gradients[i], true, ROUNDING * max(sizes, default=0.0)):
            text = _diagnosis(names, i, question, answer, gradients)
            return Verdict(
                part, False, text, shown(*given, gradients[i], true, part, question.upstream)
            )
        if answer.again is not None and not _same(answer.again, gradients, i):
            return Verdict(part, False, (f"{AGAIN}: {WHY}",), "")
    return Verdict(part, True)


def _same(again, gradients, i) -> bool:
    try:
        return np.array_equal(again[i], gradients[i], equal_nan=True)
    except (TypeError, IndexError, KeyError):
        return False


def _diagnosis(names, i, question, answer, gradients) -> tuple[str, ...]:
    """The causes, for now from the old diagnosis, by the smallest question alone."""
    numbers = []
    for gradient, true in zip(gradients, question.gradients):
        array = real(gradient)
        numbers.append(None if true is None else np.nan * true if array is None else array)
    evidence = diagnosis.Evidence(
        names, question.case.arrays, question.case.options, question.upstream, question.out,
        tuple(numbers), question.gradients,
    )  # fmt: skip
    try:
        found = diagnosis.diagnose(evidence, [i])[i]
    except (ValueError, IndexError, TypeError):
        return ()
    return tuple(d.text for d in found if d.kind != diagnosis.UNKNOWN.kind)[:2]
