"""Questions about an op, and the verdicts on the answers of the code under test.

Nothing of the code under test is run here: `gradcheck --file` runs it in this process, the
coursework in another one, and both hand over what it answered.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidann import ops
from minidann.gradcheck.perturbing import IN_FLOAT32, by_differences
from minidann.gradcheck.verdict import Verdict, kind, shown
from minidann.mistakes import catalogue, naming
from minidann.mistakes.question import MIXED, Case, Question, Seen, argument_names, ask, close, real

AGAIN = (
    "backward gives another answer when it is called again: does it write to its cache, keep "
    "something in a global, draw at random, or add to np.empty?"
)
FOLLOWS = "It is right on all {} inputs (of {}) on which out is right: mend forward first."
SUBGRADIENT = "at a kink or in a tie it is another subgradient than minidann's, which is right too"
WRITES = "writes to an array that it was given; copy it first: "
IN_VAIN = "backward gives d{} with input_gradient=False, too: return None in its place."


class Answer(NamedTuple):
    """What the code under test gave on one question. Everything may be missing or nonsense.

    `again`: its gradients once more, after other cases were run (None where nothing was run again).
    `error`: a predicate in one line, such as "raised ValueError: ..., line 7", "" if nothing went
    wrong; `which`: "forward" or "backward", its subject.
    """

    out: object = None
    gradients: object = None
    again: object = None
    error: str = ""
    which: str = ""


def questions(name: str, rng: np.random.Generator) -> list[Question]:
    """Questions about the op `name` that reach its every branch, the smallest first; read-only."""
    op = getattr(ops, name)
    asked = []
    cases = [Case(what, *read_only(given)) for what, given in op.examples(rng).items()]
    for case in sorted(cases, key=lambda case: sum(array.size for array in case.arrays)):
        shape = np.shape(op.forward(*case.arrays, **case.options)[0])
        is_whole = all((array == np.round(array)).all() for array in case.arrays)
        upstream = rng.choice([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], shape)
        upstream = np.asarray(upstream if is_whole else rng.standard_normal(shape))
        upstream = np.abs(upstream) if case.ties else upstream
        asked.append(ask(op, case, read_only(upstream)))
    return asked


def mapped(function: Callable, thing) -> Any:
    """The same with `function` of every array in tuples, lists and dicts."""
    if isinstance(thing, np.ndarray):
        return function(thing)
    if isinstance(thing, dict):
        return {key: mapped(function, value) for key, value in thing.items()}
    is_plain = type(thing) in (tuple, list)
    return type(thing)(mapped(function, value) for value in thing) if is_plain else thing


def read_only(thing) -> Any:
    """The same with a view of every array that cannot be written to."""
    return mapped(lambda array: np.broadcast_to(array, array.shape), thing)


def judge(
    name: str, questions: Sequence[Question], answers: Sequence[Answer], *,
    any_subgradient: bool = False,
) -> dict[str, Verdict]:  # fmt: skip
    """The verdict on each part of the op `name`: "out", then the gradient of each argument.

    `any_subgradient`: in a tie any subgradient is right; otherwise it has to be minidann's.
    """
    names = argument_names(getattr(ops, name).forward)
    outs, seen, problems, notes = [], [], [], {}
    for question, answer in zip(questions, answers):
        out, least, true = real(answer.out), question.floor, tuple(question.gradients)
        tolerance = question.case.tolerance()
        of_out = question.case.tolerance(MIXED)
        wrong = out is not None and not close(out, question.out, tolerance=of_out)
        outs.append(Seen(question, (out,), (np.asarray(question.out),), (wrong,)))
        numbers = [real(gradient) for gradient in each(answer.gradients, names)]
        wrong = [n is not None and t is not None and not close(n, t, least, tolerance)
                 for n, t in zip(numbers, true)]  # fmt: skip
        problems.append(unusable(answer, question, names))
        for i, number in enumerate(numbers):
            tied = wrong[i] and any_subgradient and question.case.ties
            if tied and (note := _subgradient(name, question, i, number)):
                notes[i], wrong[i], numbers[i] = note, False, None
            if number is not None and true[i] is None:
                problems[-1][1 + i] = IN_VAIN.format(names[i])
        seen.append(Seen(question, tuple(numbers), true, tuple(wrong), least))
    first, *others = zip(*problems)
    causes = naming.name_out(name, outs) if any(s.wrong[0] for s in outs) else ()
    out = _verdict("out", names, outs, 0, first, causes)
    fine = [not (s.wrong[0] or problem) for s, problem in zip(outs, first)]
    named, verdicts = _causes(name, out, seen, fine), {"out": out}
    for i, part in enumerate(f"d{name}" for name in names):
        if any(question.gradients[i] is not None for question in questions):
            verdict = _verdict(part, names, seen, i, others[i], named.get(i, ()))
            note = notes.get(i, "") if verdict.right else ""
            verdicts[part] = verdict._replace(note=note or verdict.note)
    return verdicts


def _verdict(part, names, seen, i, problems, causes) -> Verdict:
    """The verdict on part i of `seen`, with the first question on which it fails."""
    failed = [j for j, s in enumerate(seen) if problems[j] or s.wrong[i]]
    if not failed:
        received = [s.received[i] for s in seen if s.received[i] is not None]
        return Verdict(part, True, note=IN_FLOAT32 * any(r.dtype == np.float32 for r in received))
    told = "".join(causes[:1])

    def order(j: int) -> tuple:
        """With causes, first one of which the numbers are wrong, called as the first cause says."""
        head = naming.called(seen[j].question.case)
        elsewhere = told.startswith("Called ") and not told.startswith(head)
        return bool(problems[j]) == bool(causes), elsewhere, j

    first = min(failed, key=order)  # what went wrong in a call comes second
    s, received = seen[first], None if problems[first] else seen[first].received[i]
    for j in [j for j in failed if problems[j]][:1]:
        where = "" if j == first else f' (on the input "{seen[j].question.case.what}")'
        causes = (*causes[:1], problems[j] + where)
    upstream = None if part == "out" else s.question.upstream
    text = shown(s.question.case, names, received, s.true[i], part, upstream)
    return Verdict(part, False, causes, text)


def unusable(answer: Answer, question: Question, names) -> list[str]:
    """Why out, and then the gradient of each argument, cannot be compared; "" where it can."""
    writes = WRITES * ("read-only" in answer.error)
    error = f"{answer.which} {writes}{answer.error}" * bool(answer.error)
    missing = f"forward returns {kind(answer.out)} as out: return an array."
    found = ["" if real(answer.out) is not None else missing]
    if error:
        return [error if answer.which == "forward" else found[0], *[error for _ in names]]
    if each(answer.gradients, names) is not answer.gradients:
        expected = ", ".join(f"d{name}" for name in names) + "," * (len(names) == 1)
        given = f"backward returns {kind(answer.gradients)}: end it with return ({expected})."
        return [*found, *[given for _ in names]]
    again = answer.gradients if answer.again is None else each(answer.again, names)
    for i, (gradient, second) in enumerate(zip(answer.gradients, again)):
        if gradient is None and question.gradients[i] is None:
            found.append("")
        elif real(gradient) is None:
            found.append(f"backward returns {kind(gradient)} as d{names[i]}: return an array.")
        else:
            found.append("" if close(second, gradient, question.floor) else AGAIN)
    return found


def each(gradients, names) -> Sequence:
    """What was returned, if it is one thing for each argument; else nothing for each."""
    fits = isinstance(gradients, (tuple, list)) and len(gradients) == len(names)
    return gradients if fits else (None,) * len(names)


@np.errstate(all="ignore")
def _causes(name, out: Verdict, seen: list[Seen], fine: list[bool]) -> dict:
    """The causes of each wrong gradient; `fine` says on which questions out is right.

    A gradient may be wrong because forward is: then it is that of the wrong forward, or it is
    right wherever out is. Only what is wrong although out is right has a mistake of its own.
    """
    wrong = {i for s in seen for i, is_wrong in enumerate(s.wrong) if is_wrong}
    own = [s for s, is_fine in zip(seen, fine) if is_fine]
    listed = [m for m in catalogue.of(name, "forward") if out.causes and m.says == out.causes[0]]
    causes = {}
    for i in wrong:
        if listed and all(_follows(listed[0].out, s.question, i, s.received[i])
                          for s in seen[:8] if s.true[i] is not None):  # fmt: skip
            causes[i] = out.causes
        elif own and not any(s.wrong[i] for s in own):
            causes[i] = (FOLLOWS.format(len(own), len(seen)),)
    unnamed = wrong - causes.keys()
    named = naming.name_gradients(name, own or seen) if unnamed else {}
    return causes | {i: named.get(i, ()) for i in unnamed}


def _follows(out: Callable, question: Question, i: int, received: np.ndarray | None) -> bool:
    """Is it the gradient of `out(*arrays, **options)`, in a tie any subgradient, by differences?"""
    _, arrays, options = question.case

    def terms(array):
        return question.upstream * out(*arrays[:i], array, *arrays[i + 1 :], **options)

    try:
        if received is None or not np.isfinite(terms(arrays[i])).all():
            return True  # nothing speaks against it
        return by_differences("", received, terms, arrays[i]).right
    except (ValueError, IndexError, TypeError):
        return True  # there is no such output


def _subgradient(name: str, question: Question, i: int, received: np.ndarray) -> str:
    """Which subgradient in a tie it is, as a note; "" if it is none."""
    op = getattr(ops, name)
    if not _follows(lambda *arrays, **options: op.forward(*arrays, **options)[0],
                    question, i, received):  # fmt: skip
        return ""
    for mistake in catalogue.of(name, "afresh"):
        predicted = mistake.gradients(question)[i]
        if predicted is not None and close(received, predicted):
            return f"{SUBGRADIENT}; the course, which asks for minidann's, says: {mistake.says}"
    return SUBGRADIENT
