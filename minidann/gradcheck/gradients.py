"""Is a backward pass right? Compare it with what the forward pass does when perturbed.

For a function with one number as output, the gradient says how that number moves when an entry of
the input moves. An op's output has many numbers, so they are summed up with random weights,
which are then the upstream gradient, the `dout` that backward receives. Weights that are all 1
would not do: the gradient of a plain sum through softmax or batch norm is zero, and a backward pass
that returns zeros would pass.
"""

from dataclasses import replace

import numpy as np

from minidann import ops
from minidann.gradcheck.judging import AGAIN, Answer, judge, no_out, read_only, repeats, unusable
from minidann.gradcheck.perturbing import derivatives
from minidann.gradcheck.report import Report, Row, compare
from minidann.gradcheck.running import answers, in_one_line, quietly
from minidann.gradcheck.verdict import Verdict
from minidann.mistakes.question import (
    SINGLE,
    Case,
    Question,
    argument_names,
    ask,
    close,
    first_example,
)

NO_DERIVATIVE = (
    "The gradient reversal is not the derivative of its forward; check it with scale=-beta, or "
    "with --op gradient_reversal."
)
NOT_FLOAT64 = "forward gets float64, but its output is"
DEAF = (
    "backward gives the same gradients whatever dout is: multiply by dout, which for a loss is the "
    "derivative of what comes after it, a number."
)


def check(
    op,
    rng: np.random.Generator,
    *,
    arrays: tuple | None = None,
    options: dict | None = None,
    directions: int | None = None,
    zeros: tuple[str, ...] = (),
    scale: float = 1.0,
    title: str | None = None,
    reference: tuple | None = None,
) -> Report:
    """Check every argument of an op (see `minidann.ops`), in float64.

    On the op's own example, or on `arrays` with `options`. Every entry is perturbed; or, where
    arrays are large, `directions` random directions in each. `zeros` are the names of arguments
    whose gradient must be zero: it is verified to be. `scale`: the backward pass should give this
    many times the derivative; -beta for the gradient reversal, whose purpose is to be wrong. A
    gradient may be None, where backward need not compute it. At a kink (a tie, a ReLU at 0) any
    slope between those of both sides is right. With `reference`, the gradients that a right op
    gives for some dout, only those may be None or zero that are so there, and at a kink the forward
    pass's own choice counts.

    What is random in the op (dropout's mask) must be an option, or no two calls would agree.
    """
    if arrays is None:
        arrays, options = first_example(op, rng)
    arrays = tuple(np.array(array, dtype=np.float64) for array in arrays)
    options = options or {}
    names = argument_names(op.forward, len(arrays))
    title = title or getattr(op, "__name__", "op").rpartition(".")[2]
    for name, array in zip(names, arrays):
        if not array.size:
            raise ValueError(f"{name} is empty, shape {array.shape}: there is nothing to perturb")
    asked, given = answers_on(op, arrays, options, rng)
    problem = _unusable(given[0], names)
    if problem:
        return Report(title, (), (problem,))
    problems = _breaches(given)
    upstream, gradients, held, rows = asked[0].upstream, given[0].gradients, read_only(arrays), []
    for i, (name, array) in enumerate(zip(names, arrays)):
        true = reference[i] if reference else None
        if gradients[i] is None:
            verdict = "not computed" if true is None else "NO GRADIENT"
            rows.append(Row(name, array.shape, verdict))
            continue

        def terms(perturbed, i=i):
            given = (*held[:i], perturbed, *held[i + 1 :])
            return scale * upstream * quietly(op.forward, *given, **read_only(options))[0]

        zero, strict = name in zeros, reference is not None
        zero = zero or (true is not None and np.abs(true).max() < 1e-12)
        try:
            row = _row(name, gradients[i], array, terms, directions, zero, strict, rng)
        except (Exception, SystemExit) as error:
            message = f"forward raised {in_one_line(error)}, where {name} was perturbed"
            return Report(title, (), (*problems, message))
        rows.append(row)
    wrong = [row.argument for row in rows if row.verdict == "WRONG"]
    known, verdicts = judged(asked, given) if wrong else ("", [])
    causes = {name: verdict.causes for name, verdict in zip(names, verdicts) if name in wrong}
    if known == "gradient_reversal" and scale == 1:
        causes = dict.fromkeys(wrong, (NO_DERIVATIVE,))
    return Report(title, tuple(rows), tuple(problems), dict.fromkeys(wrong, ()) | causes)


def answers_on(op, arrays, options, rng) -> tuple[list[Question], list[Answer]]:
    """Questions with three different dout on one example, and what `op` answers."""
    case = Case("your example", arrays, options)
    try:
        out, _ = quietly(op.forward, *read_only(arrays), **read_only(options))
        shape = np.shape(out)
    except (Exception, SystemExit):  # asked again, it will say what is wrong
        shape = ()
    asked = []
    for _ in range(3):
        upstream = np.asarray(rng.standard_normal(shape))
        asked.append(Question(case, upstream, None, None, (None,) * len(arrays)))
    return asked, answers(op, asked)


def judged(asked: list[Question], given: list[Answer]) -> tuple[str, list[Verdict]]:
    """The op of minidann with this output, and the verdicts on each argument, if it is one."""
    _, arrays, options = asked[0].case
    for name in ops.__all__:
        op = getattr(ops, name)
        try:
            found, _ = op.forward(*arrays, **options)
        except (TypeError, ValueError, IndexError, AttributeError):
            continue
        if close(given[0].out, found):
            as_op = [ask(op, question.case, question.upstream) for question in asked]
            verdicts = judge(name, as_op, given, any_subgradient=True)
            parts = [f"d{argument}" for argument in argument_names(op.forward)]
            return name, [verdicts.get(part, Verdict(part, True)) for part in parts]
    return "", []


def _unusable(answer: Answer, names) -> str:
    """Why the answer cannot be compared, if it cannot."""
    problems = [unusable(answer, names, i, needed=False) for i in range(len(names))]
    problems.append(no_out(answer))
    if not any(problems) and np.asarray(answer.out).dtype != np.float64:
        problems.append(f"{NOT_FLOAT64} {np.asarray(answer.out).dtype}")
    return next(filter(None, problems), "")


def _breaches(given: list[Answer]) -> list[str]:
    """What is wrong with answers whose numbers can be compared."""
    first, *others = given
    problems, count = [], range(len(first.gradients))
    if not all(close(answer.out, first.out) for answer in others if not answer.error):
        problems.append("forward: a second call gives another out (np.random? make it an option)")
    if not all(repeats(first, i) for i in count):
        problems.append(AGAIN)
    elif any(np.any(gradient) for gradient in first.gradients if gradient is not None):
        with_other_dout = first._replace(again=others[0].gradients)
        problems += [DEAF] * all(repeats(with_other_dout, i) for i in count)
    return problems


def _row(name, gradient, array, terms, directions, zero, strict, rng) -> Row:
    """The row of one argument."""
    gradient = np.asarray(gradient)
    tolerance = None if gradient.dtype == np.float64 else SINGLE
    if gradient.shape != array.shape:
        return Row(name, array.shape, f"WRONG SHAPE: {gradient.shape}")
    given = {"zero": zero, "strict": strict, "tolerance": tolerance}
    if directions is None:
        row = compare(name, array.shape, gradient.ravel(), derivatives(terms, array), **given)
        if row.ok and row.kinks:  # what ties must not get more together than all of it
            found = derivatives(terms, array, np.ones((1, *array.shape)))
            together = compare(
                name, array.shape, gradient.sum(keepdims=True).ravel(), found, **given
            )
            row = replace(together, where=()) if together.verdict == "WRONG" else row
        return row
    vectors = rng.standard_normal((directions, *array.shape))
    vectors /= np.sqrt((vectors**2).sum(axis=tuple(range(1, vectors.ndim)), keepdims=True))
    along = (vectors * gradient).reshape(directions, -1).sum(axis=1)  # (d,)
    return compare(name, array.shape, along, derivatives(terms, array, vectors), **given)
