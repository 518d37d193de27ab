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

from minidann.gradcheck.contract import in_one_line, quietly, run
from minidann.gradcheck.perturbing import Derivatives, derivatives
from minidann.gradcheck.purity import copied
from minidann.gradcheck.report import Report, Row, compare, refused, settle
from minidann.mistakes import diagnosis


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
    rows, wrong, true = [], [], []
    magnitude = float(np.abs(scale * ran.upstream * ran.out).sum())  # of what is summed up
    for i, (name, array) in enumerate(zip(names, arrays)):
        gradient = ran.gradients[i]
        if gradient is None:
            fine = absent is None or name in absent
            row = refused(name, array.shape, "not computed" if fine else "NO GRADIENT")
            rows.append(replace(row, ok=fine))
            true.append(None)
            continue

        def terms(perturbed, i=i):
            given = [*copied(arrays[:i]), perturbed, *copied(arrays[i + 1 :])]
            return scale * ran.upstream * quietly(op.forward, *given, **copied(options))[0]

        zero = i in zeros or name in zeros
        try:
            row, best = _row(
                name, gradient, array, terms, magnitude, directions, zero, rng, proved[i]
            )
        except (Exception, SystemExit) as error:
            message = f"forward raised {in_one_line(error)}, where {name} was perturbed"
            return Report(title, (), (*problems, message))
        true.append(best)
        rows.append(row)
        if not row.ok and not row.vacuous and _is_float64(gradient):
            wrong.append(i)
            if best is None and array.size <= diagnosis.LARGEST:  # only directions are known
                true[i] = _found(terms, array).best[0].reshape(array.shape)
    evidence = diagnosis.Evidence(
        names, arrays, options, ran.upstream, ran.out, ran.gradients, tuple(true)
    )
    found = diagnosis.diagnose(evidence, wrong) if wrong else {}
    diagnosed = {names[i]: diagnoses for i, diagnoses in found.items()}
    rows = [replace(row, diagnoses=diagnosed.get(row.argument, ())) for row in rows]
    return settle([Report(title, tuple(rows), tuple(problems))])[0]


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


def argument_names(function: Callable, count: int) -> tuple[str, ...]:
    """The names of the first `count` positional arguments, "argument i" where they have none."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # something built in
        parameters = ()
    names = [p.name for p in parameters if p.kind in kinds][:count]
    return (*names, *(f"argument {i}" for i in range(len(names), count)))


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


def _row(
    name, gradient, array, terms, magnitude, directions, zero, rng, proved
) -> tuple[Row, np.ndarray | None]:
    """The row of one argument, and its true gradient if every entry was looked at."""
    if not _is_float64(gradient):
        row = refused(name, array.shape, f"WRONG TYPE: {gradient.dtype}, not {array.dtype}")
        return row, None
    if directions is None:
        found = _found(terms, array, magnitude=magnitude)
        if proved is not None:
            found = found.settle(proved.ravel())
        true = found.best[0].reshape(array.shape)
    else:
        vectors = rng.standard_normal((directions, *array.shape))
        vectors /= np.sqrt((vectors**2).sum(axis=tuple(range(1, vectors.ndim)), keepdims=True))
        found, true = _found(terms, array, vectors, magnitude=magnitude), None
    if gradient.shape != array.shape:
        return refused(name, array.shape, f"WRONG SHAPE: {gradient.shape}"), true
    if directions is None:
        return compare(name, array.shape, gradient.ravel(), found, zero=zero), true
    along = (vectors * gradient).reshape(directions, -1).sum(axis=1)  # (d,)
    return compare(name, array.shape, along, found, zero=zero, directions=True), true


def _found(terms, array, directions=None, magnitude=0.0) -> Derivatives:
    return derivatives(
        lambda x: terms(x).sum(), array, directions, magnitude=magnitude, terms=terms
    )


def _is_float64(gradient: np.ndarray) -> bool:
    return gradient.dtype == np.float64
