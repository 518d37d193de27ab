"""Is a backward pass right? Compare it with what the forward pass does when perturbed.

For a function with one number as output, the gradient says how that number moves when an entry of
the input moves. An op's output has many numbers, so they are summed up with random weights,
which are then the upstream gradient, the `dout` that backward receives. Weights that are all 1
would not do: the gradient of a plain sum through softmax or batch norm is zero, and a backward pass
that returns zeros would pass.
"""

from functools import partial

import numpy as np

from minidann import ops
from minidann.gradcheck.judging import Answer, each, judge, read_only, unusable
from minidann.gradcheck.perturbing import by_differences
from minidann.gradcheck.running import TOTAL, answers, attempt, quietly
from minidann.gradcheck.verdict import Report, Verdict, on_input
from minidann.mistakes.question import Case, Question, argument_names, ask, close, first_example

CONTRACT = "the contract"
NO_DERIVATIVE = "The reversal is no derivative: check it by --op gradient_reversal or scale=-beta."
NOT_FLOAT64 = "forward returns {} for float64; give the arrays that you make the input's dtype."
NOT_PURE = "forward gives another out in a second call (np.random? make it an option)."
LABELS = "; labels are no array to differentiate: return them in the options"
DEAF = "backward gives the same gradients whatever dout is: multiply by dout (of a loss, a number)."


def check(
    op, rng: np.random.Generator, *, arrays: tuple | None = None, options: dict | None = None,
    scale: float = 1.0, strict: bool = False, title: str | None = None,
) -> Report:  # fmt: skip
    """Check every argument of an op (see `minidann.ops`), in float64.

    On the op's own example, or on `arrays` with `options`. `scale`: the backward pass should give
    this many times the derivative; -beta for the gradient reversal, whose purpose is to be wrong. A
    gradient may be None, where backward need not compute it. At a kink (a tie, a ReLU at 0) any
    slope between those of both sides is right, or if `strict` only the forward pass's own choice.

    What is random in the op (dropout's mask) must be an option, or no two calls would agree.
    """
    if arrays is None:
        arrays, options = first_example(op, rng)
    arrays = tuple(np.array(array, dtype=np.float64) for array in arrays)
    options, names = options or {}, argument_names(op.forward, len(arrays))
    title = title or getattr(op, "__name__", "op").rpartition(".")[2]
    asked, given = _ask(op, arrays, options, rng)
    (_, held, options), upstream, first = asked[0].case, asked[0].upstream, given[0]
    for problem in filter(None, unusable(first, asked[0], names)):
        return _breached(title, problem)
    if (dtype := np.asarray(first.out).dtype) != np.float64:
        known, named = _as_known(asked, given)
        if known:
            return Report(f"{title}, which gives what {known} gives", named)
        return _breached(title, NOT_FLOAT64.format(dtype))
    verdicts = []
    for i, (name, array) in enumerate(zip(names, arrays)):

        def terms(perturbed, i=i):
            given = (*held[:i], perturbed, *held[i + 1 :])
            return scale * upstream * quietly(op.forward, *given, **options)[0]

        part, gradient = f"d{name}", first.gradients[i]
        if gradient is None:
            verdicts.append(Verdict(part, True, note="not computed"))
            continue
        judged = partial(by_differences, part, gradient, terms, array, strict=strict)
        verdict, problem = attempt(judged, getattr(op, "__file__", None), TOTAL)
        if problem:
            return _breached(title, f"forward, where {name} was perturbed, {problem}")
        where = on_input(asked[0].case, names, upstream)
        verdicts.append(verdict._replace(shown=verdict.shown and f"{where}\n{verdict.shown}"))
    if not all(verdict.right for verdict in verdicts):
        known, named = _as_known(asked, given)
        is_reversal = known == "gradient_reversal" and scale == 1
        for i, as_known in enumerate(named):
            if not verdicts[i].right:
                causes = (NO_DERIVATIVE,) if is_reversal else as_known.causes
                verdicts[i] = verdicts[i]._replace(causes=causes)
    breaches = _breaches(given)
    verdicts += [Verdict(CONTRACT, False, breaches)] if breaches else []
    return Report(title, tuple(verdicts))


def _breached(title: str, problem: str) -> Report:
    is_index = "IndexError: arrays used as indices" in problem or "only integers" in problem
    return Report(title, (Verdict(CONTRACT, False, (problem + LABELS * is_index,)),))


def _ask(op, arrays, options, rng) -> tuple[list[Question], list[Answer]]:
    """Questions with three different dout on one example, and what `op` answers."""
    case, nothing = Case("your example", *read_only((arrays, options))), (None,) * len(arrays)
    (probe,) = answers(op, [Question(case, np.zeros(()), None, None, nothing)], aloud=False)
    shape = getattr(probe.out, "shape", ())
    drawn = [read_only(np.asarray(rng.standard_normal(shape))) for _ in range(3)]
    asked = [Question(case, upstream, None, None, nothing) for upstream in drawn]
    return asked, answers(op, asked)


def _as_known(asked: list[Question], given: list[Answer]) -> tuple[str, tuple[Verdict, ...]]:
    """The op of minidann with this output, and the verdicts on each argument, if it is one."""
    _, arrays, options = asked[0].case
    for name in ops.__all__:
        op = getattr(ops, name)
        found, problem = attempt(partial(op.forward, *arrays, **options), None, TOTAL)
        if not problem and close(given[0].out, found[0]):
            as_op = [ask(op, question.case, question.upstream) for question in asked]
            verdicts = judge(name, as_op, given, any_subgradient=True)
            parts = [f"d{argument}" for argument in argument_names(op.forward)]
            return name, tuple(verdicts.get(part, Verdict(part, True)) for part in parts)
    return "", ()


def _breaches(given: list[Answer]) -> tuple[str, ...]:
    """What is wrong with answers whose numbers can be compared."""
    first, second, *_ = given
    pairs = zip(first.gradients, each(second.gradients, first.gradients))
    same = [gradient is None or close(other, gradient) for gradient, other in pairs]
    is_zero = not any(np.any(gradient) for gradient in first.gradients if gradient is not None)
    impure = any(not answer.error and not close(answer.out, first.out) for answer in given)
    return (NOT_PURE,) * impure + (DEAF,) * (all(same) and not is_zero)
