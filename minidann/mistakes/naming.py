"""Which mistake gives these numbers? What no input rules out is told, the most specific first.

Every explanation says, for every input, what would have been received if it were so. It is told
only if that is what was received wherever something is wrong, and what is right wherever nothing
is. Explanations come from the catalogue, from changes of one value, and from shares; the words of
each are the same for every input. At most two are told.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np

from minidann import ops
from minidann.mistakes import catalogue, changes, classifiers, convolution, mixing, shares  # noqa: F401  fill the catalogue
from minidann.mistakes.catalogue import fields
from minidann.mistakes.question import MIXED, Question, argument_names, close, is_single

TOLD = 2
LARGEST = 3000  # numbers of an input: a larger one says little more, and takes long
LETTERS = {  # the axes of the arrays, as the docstrings have them
    "conv1d": {"x": "N T D", "w": "K D F", "out": "N T' F"},
    "conv_relu_maxpool": {"x": "N T D", "w": "K D F", "out": "N P F"},
    "maxpool": {"x": "N T F", "out": "N P F"},
    "attention": {"f": "N P F"},
    "batchnorm": {"x": "N C"},
    "dense": {"x": "N C", "w": "C L"},
    "softmax_cross_entropy": {"z": "N L"},
}
Outcomes = Iterator[tuple[str, Callable[[], tuple]]]  # (words, what would be received)


class Seen(NamedTuple):
    """One question, and of each part what was received, what is right, and whether it is wrong.

    A part is None where there is nothing to compare. What is below `floor` is rounding.
    """

    question: object
    received: tuple
    true: tuple
    wrong: tuple[bool, ...]
    floor: float = 0.0

    def fits(self, predicted, i: int) -> bool:
        """Is `predicted` what was received of part i?"""
        received, true = self.received[i], self.true[i]
        if predicted is None or received is None or true is None:
            return False
        predicted = np.asarray(predicted)
        if predicted.shape != received.shape:
            return False
        if not self.wrong[i]:  # what overflows in one way to write it need not in another
            return not np.isfinite(predicted).all() or close(predicted, true, self.floor, MIXED)
        finite = np.isfinite(received)
        if not np.array_equal(finite, np.isfinite(predicted)):
            return False
        off = np.abs(predicted - received)[finite].max(initial=0.0)
        size = np.abs(received)[finite].max(initial=0.0)
        if is_single(received):
            return bool(off <= 2e-5 * size)
        if not finite.all() or np.shape(true) != received.shape:
            return bool(off <= 1e-7 * size)
        # To a millionth of what is wrong, so that a guess that is merely near does not count.
        return bool(off <= max(1e-6 * np.abs(received - true).max(), 1e-13 * size))


class Table(dict):
    """Words -> what would be received on one question, computed when it is asked for."""

    def __init__(self, outcomes: Outcomes):
        self.waiting = dict(outcomes)

    def __missing__(self, words: str):
        make = self.waiting.get(words)
        try:
            self[words] = make() if make else None
        except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError, KeyError):
            self[words] = None
        return self[words]


@np.errstate(all="ignore")
def explain(
    seen: list[Seen], outcomes: Callable, sizes: Callable, terms: Callable, pairs: bool = True
) -> dict:
    """The causes of each part that is wrong somewhere: {part number: sentences}.

    `outcomes(question)` are the explanations, the most specific first, `sizes(question)` the
    numbers that a factor may be, and `terms(question)` the paths that right gradients are sums of.
    `pairs`: try two mistakes, of which one is a factor, where one does not do.
    """
    tables = [Table(outcomes(s.question)) for s in seen]
    found: dict[int, list[str]] = {}
    for i in range(len(seen[0].wrong) if seen else 0):
        asked = [pair for pair in zip(seen, tables)
                 if pair[0].received[i] is not None and pair[0].true[i] is not None]  # fmt: skip
        wrong = [pair for pair in asked if pair[0].wrong[i]]
        if not wrong:
            continue
        main = max(wrong, key=lambda pair: (sum(pair[0].wrong), np.size(pair[0].true[i])))
        order = [main, *sorted(asked, key=lambda pair: not pair[0].wrong[i])]

        def holds(predict, i=i, order=order):
            return all(s.fits(predict(s, table), i) for s, table in order)

        found[i] = [words for words in main[1].waiting if holds(_as_listed(words, i))]
        for words, predict in _factors(*main, i, sizes, terms, pairs and not found[i]):
            if words not in found[i] and holds(predict):
                found[i].append(words)
        found[i] = found[i] or _other_shapes([s for s, _ in asked], i)
    return {i: _told(words, found, seen, tables) for i, words in found.items()}


def _as_listed(words: str, i: int) -> Callable:
    """(seen, its table) -> what these words predict of part i."""
    return lambda s, table: _of(table[words], i)


def _of(prediction, i: int):
    return None if prediction is None or i >= len(prediction) else prediction[i]


def _told(words, found, seen, tables) -> tuple[str, ...]:
    """Of the explanations of a part those that spoil no right part, of these those of most parts,
    and of these those of the catalogue; others in the order in which they are short.
    """

    def spoils(text):
        return any(
            not wrong and j not in found and s.true[j] is not None
            and (other := _of(table[text], j)) is not None
            and not close(other, s.true[j], s.floor)
            for s, table in zip(seen, tables) for j, wrong in enumerate(s.wrong)
        )  # fmt: skip

    words = [t for t in words if t not in tables[0].waiting or not spoils(t)] or words
    parts = {text: sum(text in others for others in found.values()) for text in words}
    words = [text for text in words if parts[text] == max(parts.values())]
    listed = [text for text in words if text in LISTED]
    return tuple((listed or sorted(words, key=lambda t: not t.startswith("The right ")))[:TOLD])


LISTED = {mistake.says for mistake in catalogue.CATALOGUE}


def _factors(s: Seen, table: Table, i: int, sizes, terms, pairs: bool) -> Iterator:
    """What least squares reads off one question: (words, (seen, its table) -> the prediction)."""
    received = s.received[i]

    def whole(s, table):
        return [("The right numbers are", s.true[i])]

    def paths(s, table):
        parts = [(f"{path} is", gradients[i]) for path, gradients in terms(s.question)]
        return parts or whole(s, table)

    yield from _shares(paths, s, table, received, sizes)
    yield from _shares(whole, s, table, received, sizes)
    for words in list(table.waiting) if pairs else ():  # two mistakes, of which one is a factor

        def factor(s, table, words=words):
            return [(f"{words.rstrip('.')}; and the result is", _of(table[words], i))]

        yield from _shares(factor, s, table, received, sizes)


def _shares(parts_of: Callable, s: Seen, table: Table, received, sizes) -> Iterator:
    """How much of each of `parts_of(seen, table)`, (words, part) each, is in what was received."""
    parts = [(words, p) for words, p in parts_of(s, table)
             if p is not None and np.shape(p) == received.shape]  # fmt: skip
    counts = shares.shares([part for _, part in parts], received) if parts else None
    if counts is None or not counts.any():
        return
    if len(parts) > 1 and np.ptp(counts) <= shares.NEAR:  # one factor of the whole
        return
    off = {words: shares.named(count, sizes(s.question))[:6]
           for (words, _), count in zip(parts, counts) if abs(count - 1) > shares.NEAR}  # fmt: skip
    if not all(off.values()):
        return
    for choice in range(max(map(len, off.values()), default=0)):
        picked = {words: says[min(choice, len(says) - 1)] for words, says in off.items()}

        def predict(s, table, picked=picked):
            number = dict(shares.numbers(sizes(s.question)))
            parts = parts_of(s, table)
            if any(part is None for _, part in parts) or picked.values() - number.keys():
                return None
            return sum(part * number.get(picked.get(words), 1) for words, part in parts)

        yield "; ".join(f"{words} {says}" for words, says in picked.items()) + ".", predict


def _other_shapes(seen: list[Seen], i: int) -> list[str]:
    """The right numbers in another shape, of which the shape received says more."""
    pairs = [(s.received[i], np.asarray(s.true[i]), s.floor) for s in seen]
    for axis in range(min(received.ndim for received, *_ in pairs)):
        if all(close(received.sum(axis=axis), true, floor) for received, true, floor in pairs):
            return [f"The sum over axis {axis} of what is returned is missing."]
        if all(received.ndim == true.ndim and received.shape[axis] <= true.shape[axis]
               and close(received, true.take(range(received.shape[axis]), axis), floor)
               for received, true, floor in pairs):  # fmt: skip
            return [f"What is returned is cut short along axis {axis}."]
    return []


# The ops.


def letters(name: str, question: Question) -> dict[str, float]:
    """The sizes of a question by their letters, and its options that are numbers."""
    found: dict[str, float] = {}
    arrays = dict(zip(argument_names(getattr(ops, name).forward), question.case.arrays))
    for array, axes in LETTERS.get(name, {}).items():
        shape = np.shape(question.out if array == "out" else arrays[array])
        found.update(zip(axes.split(), map(float, shape)))
    for option, value in question.case.options.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[option] = float(value)
        elif option == "mask":
            found["1/(1 - p)"] = float(np.max(value))
    return dict(sorted(found.items(), key=lambda item: item[1] == 1.0))


def at_hand(name: str, question: Question) -> dict[str, np.ndarray]:
    """The arrays that may stand in for another: the inputs, what forward keeps, out and dout."""
    _, arrays, _ = question.case
    found = {
        **dict(zip(argument_names(getattr(ops, name).forward), arrays)),
        **fields(name, question.cache),
        "out": question.out,
        "dout": question.upstream,
    }
    return {n: np.asarray(v) for n, v in found.items() if isinstance(v, (np.ndarray, np.generic))}


def backward_outcomes(name: str, without: catalogue.Mistake | None = None) -> Callable:
    """The explanations of wrong gradients of an op; `without` one mistake of the catalogue."""
    op = getattr(ops, name)

    def outcomes(question: Question) -> Outcomes:
        for mistake in catalogue.of(name):
            if mistake is not without and mistake.place != "forward":
                yield mistake.says, lambda mistake=mistake: mistake.gradients(question)
        dout, cache = np.asarray(question.upstream), question.cache
        sizes, others = letters(name, question), at_hand(name, question)
        for field, value in fields(name, cache).items():
            for what, changed in changes.kept(value, sizes, others):
                new = cache._replace(**{field: changed}) if hasattr(cache, "_replace") else changed
                yield _as_if(field, what), lambda new=new: op.backward(dout, new)
            if field == "own_statistics":
                yield from _in_both_modes(question, without)
        for what, changed in changes.changes(dout, sizes, others):
            yield _as_if("dout", what), lambda changed=changed: op.backward(changed, cache)
        yield from returned(question.gradients, sizes, others)
        yield from _of_dout(dout, len(question.gradients))

    return outcomes


def _in_both_modes(question: Question, without) -> Outcomes:
    """Batch norm's mistakes where backward does in inference what it does in training."""
    cache = question.cache._replace(own_statistics=True)
    right = ops.batchnorm.backward(question.upstream, cache)
    question = question._replace(cache=cache, gradients=right)
    for mistake in catalogue.of("batchnorm", "afresh"):
        if mistake is not without:
            text = f"{mistake.says} The same is done with running statistics."
            yield text, lambda mistake=mistake: mistake.gradients(question)


def _as_if(value: str, what: str) -> str:
    return f"backward acts as if {value} were {what}."


def _each_part(ways: dict[str, dict[int, np.ndarray]], count: int) -> Outcomes:
    """What is predicted of some of `count` parts by the same words."""
    for text, parts in ways.items():
        yield text, lambda parts=parts: tuple(map(parts.get, range(count)))


def returned(gradients: Sequence, sizes, others) -> Outcomes:
    """What may be done to each gradient before it is returned."""
    ways: dict[str, dict[int, np.ndarray]] = {}
    for i, gradient in enumerate(gradients):
        if gradient is None:
            continue
        for what, changed in (*changes.changes(gradient, sizes, others),
                              *changes.reshaped(gradient)):  # fmt: skip
            ways.setdefault(f"The right gradient is returned {what}.", {})[i] = changed
        for what, value in others.items():
            ways.setdefault(f"{what} itself is returned.", {})[i] = value
        for j, another in enumerate(gradients):
            if j != i and np.shape(another) == gradient.shape:
                text = "The gradients are exchanged: each belongs to another argument."
                ways.setdefault(text, {}).setdefault(i, another)
    yield from _each_part(ways, len(gradients))


def _of_dout(dout: np.ndarray, count: int) -> Outcomes:
    """A sum or a mean of dout is returned."""
    ways = {}
    for axes in (a for n in range(1, dout.ndim + 1) for a in combinations(range(dout.ndim), n)):
        where = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"
        ways[f"dout summed over {where} is returned."] = dout.sum(axes)
        ways[f"dout averaged over {where} is returned."] = dout.mean(axes)
    yield from _each_part({t: dict.fromkeys(range(count), a) for t, a in ways.items()}, count)


def forward_outcomes(name: str, without: catalogue.Mistake | None = None) -> Callable:
    """The explanations of a wrong output of an op."""
    op = getattr(ops, name)

    def outcomes(question: Question) -> Outcomes:
        _, arrays, options = question.case
        inputs = dict(zip(argument_names(op.forward), arrays))
        sizes, out = letters(name, question), np.asarray(question.out)

        def of(options=options, **changed):
            new = {**inputs, **options, **changed}
            return lambda: (
                op.forward(*(new[n] for n in inputs), **{n: new[n] for n in options})[0],
            )

        for mistake in catalogue.of(name, "forward"):
            if mistake is not without:
                yield mistake.says, lambda mistake=mistake: (mistake.out(question),)
        for argument, value in {**options, **inputs}.items():
            others = {n: a for n, a in inputs.items() if n != argument and argument in inputs}
            for what, changed in changes.kept(value, sizes, others):
                yield f"forward acts as if {argument} were {what}.", of(**{argument: changed})
        for option in options:
            rest = {k: v for k, v in options.items() if k != option}
            yield f"{option} has no effect.", of(rest)
        for what, changed in (*changes.changes(out, sizes, inputs), *changes.reshaped(out)):
            yield f"The right out is returned {what}.", lambda changed=changed: (changed,)

    return outcomes


def name_out(name: str, seen: list[Seen], without=None) -> tuple[str, ...]:
    """The causes of a wrong output, which is the only part of what is `seen`."""
    return _name(name, seen, forward_outcomes(name, without), lambda question: []).get(0, ())


def name_gradients(name: str, seen: list[Seen], without=None) -> dict[int, tuple[str, ...]]:
    """The causes of each gradient that is wrong somewhere: {argument number: sentences}."""
    plain = [s for s in seen if not s.question.case.ties]
    if any(any(s.wrong) for s in plain):
        seen = plain  # in a tie there is more than one right answer
    terms = partial(shares.paths, name)
    return _name(name, seen, backward_outcomes(name, without), terms)


def _name(name: str, seen: list[Seen], outcomes: Callable, terms: Callable) -> dict:
    seen = [s for s in seen if sum(a.size for a in s.question.case.arrays) <= LARGEST]

    def causes(seen):
        return explain(seen, outcomes, partial(letters, name), terms)

    found = causes(seen)
    for i in range(len(seen[0].wrong) if seen else 0):
        if any(s.wrong[i] for s in seen) and not found.get(i):
            found[i] = _apart(seen, i, lambda some, i=i: causes(some).get(i, ()))
    return found


def _apart(seen: list[Seen], i: int, causes_of: Callable) -> tuple[str, ...]:
    """The cause where it is one with some options and another, or none, without them; or where it
    is known only of numbers that are finite.
    """
    finite = [s for s in seen if s.received[i] is None or np.isfinite(s.received[i]).all()]
    if 0 < len(finite) < len(seen) and (told := causes_of(finite)):
        return (f"{told[0]} And what is large overflows.",)
    kinds: dict[tuple, list[Seen]] = {}
    for s in seen:
        kinds.setdefault(tuple(sorted(s.question.case.options)), []).append(s)
    causes = {}
    for kind, some in sorted(kinds.items()):
        if len(kinds) > 1 and any(s.wrong[i] for s in some):
            told = causes_of(some)
            if not told:
                return ()
            causes[kind] = told[0]
    if len(causes) == len(kinds) and len(set(causes.values())) == 1:
        return (*causes.values(),)[:1]
    return tuple(
        "({}) {}".format(f"with {' and '.join(kind)}" if kind else "without options", cause)
        for kind, cause in causes.items()
    )[:TOLD]
