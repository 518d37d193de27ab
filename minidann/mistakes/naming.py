"""Which mistake gives these numbers? What no input rules out is told, the most specific first.

Every explanation says, for every input, what would have been received if it were so. It is told
only if that is what was received wherever something is wrong, and what is right wherever nothing
is. Explanations come from the catalogue, from changes of one value, and from shares; the words of
each are the same for every input. At most two are told.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from minidann import ops
from minidann.mistakes import catalogue, changes, classifiers, convolution, mixing, shares  # noqa: F401  fill the catalogue
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
        wrong = [k for k, s in enumerate(seen) if s.wrong[i] and s.received[i] is not None]
        if not wrong:
            continue
        main = max(wrong, key=lambda k: (sum(seen[k].wrong), np.size(seen[k].true[i])))
        order = sorted(range(len(seen)), key=lambda k: (k not in wrong, k))
        asked = [
            k for k in order if seen[k].received[i] is not None and seen[k].true[i] is not None
        ]

        def holds(words, i=i, main=main, asked=asked):
            return all(seen[k].fits(_of(tables[k][words], i), i) for k in (main, *asked))

        found[i] = [words for words in tables[main].waiting if holds(words)]
        for words, predict in _read(
            seen[main], i, sizes, terms, tables[main], pairs and not found[i]
        ):
            if words not in found[i] and all(
                seen[k].fits(predict(seen[k], tables[k]), i) for k in asked
            ):
                found[i].append(words)
        if not found[i]:
            found[i] = _sums(seen, asked, i)
    return {i: _told(i, words, found, seen, tables) for i, words in found.items()}


def _of(prediction, i: int):
    return None if prediction is None or i >= len(prediction) else prediction[i]


def _told(i, words, found, seen, tables) -> tuple[str, ...]:
    """Of the explanations of part i first those that spoil no right part, then those of most."""

    def spoils(text):
        for s, table in zip(seen, tables):
            predicted = table[text]
            for j, wrong in enumerate(s.wrong):
                other = _of(predicted, j)
                if j not in found and not wrong and other is not None and s.true[j] is not None:
                    if not close(other, s.true[j], s.floor):
                        return True
        return False

    spoiling = {text: text in tables[0].waiting and spoils(text) for text in words}
    if not all(spoiling.values()):
        words = [text for text in words if not spoiling[text]]
    plain = sorted(words, key=lambda text: not text.startswith("The right "))  # the shortest way
    order = sorted(plain, key=lambda text: -sum(text in others for others in found.values()))
    most = [t for t in order if sum(t in o for o in found.values())
            == sum(order[0] in o for o in found.values())]  # fmt: skip
    listed = [
        text for text in most if text in LISTED
    ]  # what the catalogue has needs no other words
    return tuple((listed or most)[:TOLD])


LISTED = {mistake.says for mistake in catalogue.CATALOGUE}


def _read(s: Seen, i: int, sizes, terms, table, pairs: bool) -> Iterator[tuple[str, Callable]]:
    """What least squares reads off one question: (words, (seen, its table) -> the prediction)."""
    received, true = s.received[i], s.true[i]
    if received.shape == np.shape(true):
        yield from _paths(s, i, sizes, terms)
        text = "The right numbers are {}."
        yield from _factor(true, received, s, text, lambda s, table: s.true[i], sizes)
    for words in (
        list(table.waiting) if pairs else ()
    ):  # last: two mistakes, of which one is a factor
        predicted = _of(table[words], i)
        if predicted is not None and np.shape(predicted) == received.shape:
            text = words.rstrip(".") + "; and the result is {}."
            again = lambda s, table, words=words: _of(table[words], i)  # noqa: E731
            yield from _factor(predicted, received, s, text, again, sizes)


def _paths(s: Seen, i: int, sizes, terms) -> Iterator[tuple[str, Callable]]:
    """How much of each path is in what was received."""
    parts = [(path, gradients[i]) for path, gradients in terms(s.question)]
    parts = [(path, part) for path, part in parts if part is not None]
    counts = shares.shares([part for _, part in parts], s.received[i]) if parts else None
    if counts is None:
        return
    off = [(path, c) for (path, _), c in zip(parts, counts) if abs(c - 1) > shares.NEAR]
    options = [shares.named(c, sizes(s.question))[:4] for _, c in off]
    if not off or not all(options) or np.ptp(counts) <= shares.NEAR:  # one factor of the whole
        return
    for choice in range(max(map(len, options))):
        picked = {path: o[min(choice, len(o) - 1)] for (path, _), o in zip(off, options)}

        def predict(s, table, picked=picked):
            number = dict(shares.numbers(sizes(s.question)))
            parts = terms(s.question)
            if not parts or not all(says in number for says in picked.values()):
                return s.true[i] if not parts else None
            return sum(g[i] * (number[picked[path]] if path in picked else 1) for path, g in parts)

        yield f"{'; '.join(f'{path} is {says}' for path, says in picked.items())}.", predict


def _factor(base, received, s: Seen, text: str, again, sizes) -> Iterator[tuple[str, Callable]]:
    """`received` is `base` times a number that has a name."""
    share = shares.shares([base], received)
    if share is None or abs(share[0] - 1) <= shares.NEAR or not share[0]:
        return
    for says in shares.named(share[0], sizes(s.question))[:6]:

        def predict(s, table, says=says):
            value, number = again(s, table), dict(shares.numbers(sizes(s.question)))
            return None if value is None or says not in number else value * number[says]

        yield text.format(says), predict


def _sums(seen: list[Seen], asked: list[int], i: int) -> list[str]:
    """Is it the right gradient before it was summed?"""
    for axis in range(np.ndim(seen[asked[0]].received[i])):
        if all(
            np.ndim(seen[k].received[i]) > axis
            and close(seen[k].received[i].sum(axis=axis), seen[k].true[i], seen[k].floor)
            for k in asked
        ):
            return [f"The sum over axis {axis} of what is returned is missing."]
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
    return {letter: size for letter, size in found.items() if size != 1.0} | dict.fromkeys(
        (letter for letter, size in found.items() if size == 1.0), 1.0
    )


def at_hand(name: str, question: Question) -> dict[str, np.ndarray]:
    """The arrays that may stand in for another: the inputs, what forward keeps, out and dout."""
    names = argument_names(getattr(ops, name).forward, len(question.case.arrays))
    found = dict(zip(names, question.case.arrays))
    found |= {n: v for n, v in fields(name, question.cache).items() if isinstance(v, np.ndarray)}
    return {**found, "out": np.asarray(question.out), "dout": np.asarray(question.upstream)}


PLAIN = {"relu": "the gate", "dropout": "the mask", "gradient_reversal": "the kept beta"}


def fields(name: str, cache) -> dict[str, object]:
    """What forward keeps, by name."""
    return cache._asdict() if hasattr(cache, "_asdict") else {PLAIN[name]: cache}


def backward_outcomes(name: str, without: catalogue.Mistake | None = None) -> Callable:
    """The explanations of wrong gradients of an op; `without` one mistake of the catalogue."""
    op = getattr(ops, name)

    def outcomes(question: Question) -> Outcomes:
        for mistake in catalogue.of(name):
            if mistake is not without and mistake.place != "forward":
                yield mistake.says, lambda mistake=mistake: mistake.gradients(question)
        dout, cache = np.asarray(question.upstream), question.cache
        sizes, others = letters(name, question), at_hand(name, question)
        yield "dout is not used, as if it were 1 everywhere.", lambda: op.backward(
            np.ones_like(dout), cache)  # fmt: skip
        for field, value in fields(name, cache).items():
            for what, changed in changes.kept(value, sizes, others):
                new = cache._replace(**{field: changed}) if hasattr(cache, "_replace") else changed
                yield _as_if(field, what), lambda new=new: op.backward(dout, new)
        for what, changed in changes.changes(dout, sizes, others):
            yield _as_if("dout", what), lambda changed=changed: op.backward(changed, cache)
        yield from _returned(question, sizes, others)
        yield from _overwritten(op, question)

    return outcomes


def _as_if(value: str, what: str) -> str:
    return f"backward acts as if {value} were {what}."


def _returned(question: Question, sizes, others) -> Outcomes:
    """What may be done to each gradient before it is returned."""
    ways: dict[str, dict[int, np.ndarray]] = {}
    for i, gradient in enumerate(question.gradients):
        if gradient is None:
            continue
        for what, changed in changes.changes(gradient, sizes, others):
            ways.setdefault(f"The right gradient is returned {what}.", {})[i] = changed
        for what, changed in changes.reshaped(gradient):
            ways.setdefault(f"The right gradient is returned {what}.", {})[i] = changed
        for what, value in others.items():
            ways.setdefault(f"{what} itself is returned.", {})[i] = value
        for j, another in enumerate(question.gradients):
            if j != i and np.shape(another) == gradient.shape:
                text = "The gradients are exchanged: each belongs to another argument."
                ways.setdefault(text, {}).setdefault(i, another)
    dout, count = np.asarray(question.upstream), len(question.gradients)
    for what, changed in changes.changes(dout, {}, others):
        ways[f"dout is returned {what}."] = dict.fromkeys(range(count), changed)
    for axes in (a for n in range(1, dout.ndim + 1) for a in combinations(range(dout.ndim), n)):
        where = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"
        ways[f"dout summed over {where} is returned."] = dict.fromkeys(range(count), dout.sum(axes))
        ways[f"dout averaged over {where} is returned."] = dict.fromkeys(
            range(count), dout.mean(axes))  # fmt: skip
    for text, parts in ways.items():
        yield text, lambda parts=parts: tuple(parts.get(i) for i in range(count))


def _overwritten(op, question: Question) -> Outcomes:
    """dout's slices along an axis overwrite each other where they should be added."""
    for axis in range(np.ndim(question.upstream)):
        for stays in ("last", "first"):
            text = (
                f"Where what comes from several places along axis {axis} of dout meets, the "
                f"{stays} overwrites the others: = instead of +=."
            )
            yield text, lambda axis=axis, stays=stays: _left(op, question, axis, stays)


def _left(op, question: Question, axis: int, stays: str) -> tuple:
    dout, left = question.upstream, None
    order = range(dout.shape[axis])
    for index in order if stays == "last" else reversed(order):
        here = np.arange(dout.shape[axis]).reshape(-1, *[1] * (dout.ndim - axis - 1)) == index
        parts = op.backward(np.where(here, dout, 0.0), question.cache)
        left = left or tuple(None if p is None else np.zeros_like(p) for p in parts)
        left = tuple(None if p is None else np.where(p != 0, p, old) for p, old in zip(parts, left))
    return left


def forward_outcomes(name: str, without: catalogue.Mistake | None = None) -> Callable:
    """The explanations of a wrong output of an op."""
    op = getattr(ops, name)
    names = argument_names(op.forward)

    def outcomes(question: Question) -> Outcomes:
        arrays, options = question.case.arrays, question.case.options
        sizes, out = letters(name, question), np.asarray(question.out)

        def of(arrays, options):
            return lambda: (op.forward(*arrays, **options)[0],)

        for mistake in catalogue.of(name, "forward"):
            if mistake is not without:
                yield mistake.says, lambda mistake=mistake: (mistake.out(question),)
        for option, value in options.items():
            for what, changed in changes.kept(value, sizes, {}):
                if not isinstance(value, np.ndarray) or value.dtype.kind in "iu":
                    yield f"forward acts as if {option} were {what}.", of(
                        arrays, {**options, option: changed})  # fmt: skip
            rest = {k: v for k, v in options.items() if k != option}
            yield f"{option} has no effect.", of(arrays, rest)
        inputs = dict(zip(names, arrays))
        for i, (argument, array) in enumerate(inputs.items()):
            others = {n: a for n, a in inputs.items() if n != argument}
            for what, changed in changes.changes(array, sizes, others):
                yield f"forward acts as if {argument} were {what}.", of(
                    (*arrays[:i], changed, *arrays[i + 1 :]), options)  # fmt: skip
        ways = (changes.changes(out, sizes, inputs), changes.reshaped(out))
        for what, changed in (pair for way in ways for pair in way):
            yield f"The right out is returned {what}.", lambda changed=changed: (changed,)

    return outcomes


def _small(seen: list[Seen]) -> list[Seen]:
    return [s for s in seen if sum(a.size for a in s.question.case.arrays) <= LARGEST]


def name_out(name: str, seen: list[Seen], without=None) -> tuple[str, ...]:
    """The causes of a wrong output, which is the only part of what is `seen`."""
    seen = _small(seen)
    sizes = lambda question: letters(name, question)  # noqa: E731
    found = explain(seen, forward_outcomes(name, without), sizes, lambda question: [])
    return found.get(0, ()) or _apart(name, seen, lambda *a: name_out(*a, without), 0)


def name_gradients(name: str, seen: list[Seen], without=None) -> dict[int, tuple[str, ...]]:
    """The causes of each gradient that is wrong somewhere: {argument number: sentences}."""
    seen = _small(seen)
    plain = [s for s in seen if not s.question.case.ties]
    wrong = {i for s in seen for i, is_wrong in enumerate(s.wrong) if is_wrong}
    if any(any(s.wrong) for s in plain):
        seen = plain  # in a tie there is more than one right answer
    sizes = lambda question: letters(name, question)  # noqa: E731
    terms = lambda question: shares.paths(name, question)  # noqa: E731
    found = explain(seen, backward_outcomes(name, without), sizes, terms)
    for i in wrong:
        if not found.get(i):
            apart = _apart(name, seen, lambda *a, i=i: name_gradients(*a, without).get(i, ()), i)
            found[i] = apart
    return found


def _apart(name: str, seen: list[Seen], again: Callable, i: int) -> tuple[str, ...]:
    """The cause where it is one with some options and another, or none, without them."""
    kinds = {tuple(sorted(s.question.case.options)) for s in seen}
    if len(kinds) < 2:
        return ()
    causes = []
    for kind in sorted(kinds):
        some = [s for s in seen if tuple(sorted(s.question.case.options)) == kind]
        if any(s.wrong[i] for s in some):
            told = again(name, some)
            if not told:
                return ()
            where = f"with {' and '.join(kind)}" if kind else "without options"
            causes.append((told[0], f"({where}) {told[0]}"))
    if len({cause for cause, _ in causes}) == 1 and len(causes) == len(kinds):
        return (causes[0][0],)
    return tuple(text for _, text in causes[:TOLD])
