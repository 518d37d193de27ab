"""Is a backward pass right? Compare it with what the forward pass does when perturbed.

For a function with one number as output, the gradient says how that number moves when an entry of
the input moves. An op's output has many numbers, so they are summed up with random weights,
which are then the upstream gradient, the `dout` that backward receives. Weights that are all 1
would not do: the gradient of a plain sum through softmax or batch norm is zero, and a backward pass
that returns zeros would pass.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from minidann import ops
from minidann.gradcheck.contract import in_one_line, quietly, run
from minidann.gradcheck.perturbing import Derivatives, derivatives
from minidann.gradcheck.purity import copied
from minidann.gradcheck.report import CENTRAL_TOLERANCE, Report, Row, compare, refused
from minidann.mistakes import naming
from minidann.mistakes.question import (
    SINGLE,
    Case,
    argument_names,
    ask,
    close,
    floor,
)

NO_DERIVATIVE = (
    "The gradient reversal is not the derivative of its forward; check it with scale=-beta, or "
    "with --op gradient_reversal."
)


def check(
    op,
    rng: np.random.Generator,
    *,
    arrays: tuple | None = None,
    options: dict | None = None,
    directions: int | None = None,
    zeros: tuple = (),
    scale: float = 1.0,
    title: str | None = None,
    names: tuple[str, ...] | None = None,
    absent: tuple | None = None,
    reference=None,
    single: bool = False,
) -> Report:
    """Check every argument of an op (see `minidann.ops`), in float64.

    On the op's own example, or on `arrays` with `options`. Every entry is perturbed; or, where
    arrays are large, `directions` random directions in each. `zeros` are the arguments, by name or
    number, whose gradient must be zero: it is verified to be. `scale`: the backward pass should
    give this many times the derivative; -beta for the gradient reversal, whose purpose is to be
    wrong. `names` of the arguments are those of forward unless given. A gradient may be None, where
    backward need not compute it: in the arguments `absent`, by name; anywhere if not given.
    `reference`: an op that is known to be right, whose output this one should give. Its backward
    pass judges the entries at kinks (ties, a ReLU at 0) that no derivative decides; without it,
    any gradient between the slopes of both sides passes there, and the report counts them.
    `single`: accept gradients of float32, to as many digits as they have.

    What is random in the op (dropout's mask) must be an option, or no two calls would agree.
    The op is handed copies, and the report says if it writes to them, to `dout` or to its cache.
    """
    if arrays is None:
        arrays, options = (
            next(iter(op.examples(rng).values())) if hasattr(op, "examples") else op.example(rng)
        )
    arrays = tuple(np.array(array, dtype=np.float64) for array in arrays)
    options = options or {}
    if directions is not None and directions < 1:
        raise ValueError(f"directions: expected 1 or more, received {directions}")
    names = names or argument_names(op.forward, len(arrays))
    title = title or getattr(op, "__name__", "op").rpartition(".")[2]
    for name, array in zip(names, arrays):
        if not array.size:
            raise ValueError(f"{name} is empty, shape {array.shape}: there is nothing to perturb")
    problems: list[str] = []
    ran = run(op, arrays, options, names, rng, problems)
    if ran is None:
        return Report(title, (), tuple(problems))
    proved = _proved(reference, arrays, options, ran, problems)
    rows, wrong = [], []
    magnitude = float(np.abs(scale * ran.upstream * ran.out).sum())  # of what is summed up
    for i, (name, array) in enumerate(zip(names, arrays)):
        gradient = ran.gradients[i]
        if single and gradient is not None:
            gradient = gradient.astype(np.float64)
        if gradient is None:
            fine = absent is None or name in absent
            row = refused(name, array.shape, "not computed" if fine else "NO GRADIENT")
            rows.append(replace(row, ok=fine))
            continue

        def terms(perturbed, i=i):
            given = [*copied(arrays[:i]), perturbed, *copied(arrays[i + 1 :])]
            return scale * ran.upstream * quietly(op.forward, *given, **copied(options))[0]

        zero = i in zeros or name in zeros
        try:
            row = _row(
                name, gradient, array, terms, magnitude, directions, zero, rng, proved[i], single
            )
        except (Exception, SystemExit) as error:
            message = f"forward raised {in_one_line(error)}, where {name} was perturbed"
            return Report(title, (), (*problems, message))
        rows.append(row)
        if not row.ok and not row.vacuous and gradient.dtype == np.float64:
            wrong.append(i)
    found = _causes(op, arrays, options, ran, wrong, scale)
    causes = {names[i]: found.get(i, ()) for i in wrong}
    return Report(title, tuple(rows), tuple(problems), causes)


def check_function(
    function: Callable,
    gradient: Callable,
    arrays: tuple | np.ndarray,
    rng: np.random.Generator,
    *,
    directions: int | None = None,
    zeros: tuple = (),
) -> Report:
    """Check any function: `function(*arrays) -> out`, `gradient(dout, *arrays) -> gradients`.

    `gradient` gives one gradient for each array (for a single array, it or a tuple of it); `dout`
    has the shape of `out`, a number where out is one.
    """
    arrays = arrays if isinstance(arrays, tuple) else (arrays,)

    def forward(*arrays):
        out = function(*arrays)
        return (np.asarray(out) if isinstance(out, (int, float, complex)) else out), arrays

    def backward(dout, cache):
        gradients = gradient(dout, *cache)
        return gradients if isinstance(gradients, (tuple, list)) else (gradients,)

    forward.__signature__ = inspect.signature(function)
    op = SimpleNamespace(forward=forward, backward=backward)
    title = getattr(function, "__name__", "function")
    return check(op, rng, arrays=arrays, directions=directions, zeros=zeros, title=title)


def _causes(op, arrays, options, ran, wrong, scale) -> dict[int, tuple[str, ...]]:
    """What may be wrong with these gradients, if an op of minidann gives the same output.

    Three dout tell more than one: with each of them backward is asked again.
    """
    known = same_op(arrays, options, ran.out) if wrong else None
    if known is None:
        return {}
    reference, rng, seen = getattr(ops, known), np.random.default_rng(0), []
    if known == "gradient_reversal" and scale == 1:
        return dict.fromkeys(wrong, (NO_DERIVATIVE,))
    more = [np.asarray(rng.standard_normal(np.shape(ran.out))) for _ in range(2)]
    for upstream in (ran.upstream, *more):
        question = ask(reference, Case(known, arrays, options), upstream)
        try:
            _, cache = quietly(op.forward, *copied(arrays), **copied(options))
            received = quietly(op.backward, upstream, cache)
            received = tuple(None if g is None else np.asarray(g) for g in received)
        except (Exception, SystemExit):  # it does not take every dout
            continue
        off = tuple(i in wrong and not close(g, question.gradients[i], floor(question))
                    for i, g in enumerate(received))  # fmt: skip
        seen.append(naming.Seen(question, received, question.gradients, off, floor(question)))
    return naming.name_gradients(known, seen)


def same_op(arrays, options, out) -> str | None:
    """The name of minidann's op that gives this output."""
    for name in ops.__all__:
        try:
            found, _ = getattr(ops, name).forward(*arrays, **options)
        except (TypeError, ValueError, IndexError, AttributeError):
            continue
        if np.shape(found) == np.shape(out) and close(out, found):
            return name
    return None


def _proved(reference, arrays, options, ran, problems) -> tuple:
    """The gradients of the `reference`, None where there is none or where its output differs."""
    nothing = (None,) * len(arrays)
    if reference is None:
        return nothing
    out, cache = reference.forward(*arrays, **options)
    if np.shape(out) != np.shape(ran.out) or not np.allclose(out, ran.out, 1e-9, 1e-12):
        name = getattr(reference, "__name__", "the reference").rpartition(".")[2]
        problems.append(f"forward: its output is not that of {name}")
        return nothing
    return reference.backward(ran.upstream, cache)


def _row(name, gradient, array, terms, magnitude, directions, zero, rng, proved, single) -> Row:
    """The row of one argument."""
    if gradient.dtype != np.float64:
        return refused(name, array.shape, f"WRONG TYPE: {gradient.dtype}, not {array.dtype}")
    given = {"zero": zero, "tolerance": SINGLE if single else CENTRAL_TOLERANCE}
    if directions is None:
        found = _found(terms, array, magnitude=magnitude)
        if proved is not None:
            found = found.settle(proved.ravel())
    else:
        vectors = rng.standard_normal((directions, *array.shape))
        vectors /= np.sqrt((vectors**2).sum(axis=tuple(range(1, vectors.ndim)), keepdims=True))
        found = _found(terms, array, vectors, magnitude=magnitude)
    if gradient.shape != array.shape:
        return refused(name, array.shape, f"WRONG SHAPE: {gradient.shape}")
    if directions is None:
        return compare(name, array.shape, gradient.ravel(), found, **given)
    along = (vectors * gradient).reshape(directions, -1).sum(axis=1)  # (d,)
    return compare(name, array.shape, along, found, **given, directions=True)


def _found(terms, array, directions=None, magnitude=0.0) -> Derivatives:
    return derivatives(
        lambda x: terms(x).sum(), array, directions, magnitude=magnitude, terms=terms
    )
