"""Is a backward pass right? Compare it with what the forward pass does when nudged.

For a function with one number as output, the gradient says how that number moves when an entry of
the input moves. An op's output has many numbers, so they are summed up with random weights (a
covector), which are then the `dout` that backward receives. Weights of one would not do: the
gradient of a plain sum through softmax or batch norm is zero, and a backward pass that returns
zeros would pass.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from minidann import diagnosis
from minidann.gradcheck.nudging import derivatives
from minidann.gradcheck.purity import Untouched, same
from minidann.gradcheck.report import Report, Row, compare, refused, settle


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
) -> Report:
    """Check every argument of an op (see `minidann.ops`), in float64.

    On the op's own example, or on `arrays` with `options`. Every entry is nudged, or, where arrays
    are large, `directions` random directions in each. `zeros` are the arguments, by name or
    number, whose gradient must be zero: it is verified to be. `scale`: the backward pass should
    give this many times the derivative; -beta for the gradient reversal, whose purpose is to be
    wrong. `names` of the arguments are those of forward unless given. A gradient may be None, where
    backward was told not to compute it: in the arguments `absent`, by name; anywhere if not given.

    What is random in the op (dropout's mask) must be an option, or no two calls would agree.
    The op is handed copies, and the report says if it writes to them, to `dout` or to its cache.
    """
    if arrays is None:
        arrays, options = op.example(rng)
    arrays = tuple(np.array(array, dtype=np.float64) for array in arrays)
    options = options or {}
    names = names or argument_names(op.forward, len(arrays))
    title = title or getattr(op, "__name__", "op").rpartition(".")[2]
    problems: list[str] = []
    ran = _run(op, arrays, options, names, rng, problems)
    if ran is None:
        return Report(title, (), tuple(problems))
    out, cache, covector, gradients = ran
    rows, wrong, true = [], [], []
    magnitude = float(np.abs(scale * covector * out).sum())  # of what is summed up
    for i, (name, array) in enumerate(zip(names, arrays)):
        if gradients[i] is None:
            fine = absent is None or name in absent
            row = refused(name, array.shape, "not computed" if fine else "NO GRADIENT")
            rows.append(replace(row, ok=fine))
            true.append(None)
            continue

        def weighted(nudged, i=i):
            result = op.forward(*arrays[:i], nudged, *arrays[i + 1 :], **options)[0]
            return (scale * covector * result).sum()

        zero = i in zeros or name in zeros
        row, best = _row(name, gradients[i], array, weighted, magnitude, directions, zero, rng)
        true.append(best)
        rows.append(row)
        if not row.ok and not row.vacuous and _is_float64(gradients[i]):
            wrong.append(i)
            if best is None and array.size <= diagnosis.LARGEST:  # only directions are known
                true[i] = derivatives(weighted, array).best[0].reshape(array.shape)
    evidence = diagnosis.Evidence(
        names, arrays, options, covector, out, tuple(gradients), tuple(true)
    )
    found = diagnosis.diagnose(evidence, wrong) if wrong else {}
    told = {names[i]: diagnoses for i, diagnoses in found.items()}
    rows = [replace(row, diagnoses=told.get(row.argument, ())) for row in rows]
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
        return np.asarray(function(*arrays)), arrays

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


def _run(op, arrays, options, names, rng, problems) -> tuple | None:
    """Forward and backward, once as they are and once more; None if there is no answer."""
    given = [array.copy() for array in arrays]
    inputs = Untouched(**dict(zip(names, given)), **{f"option {k}": v for k, v in options.items()})
    with np.errstate(all="ignore"):
        try:
            answer = op.forward(*given, **options)
        except Exception as error:
            problems.append(f"forward raised {_in_one_line(error)}")
            return None
        if not isinstance(answer, tuple) or len(answer) != 2:
            problems.append("forward: expected (out, cache), received something else")
            return None
        out, cache = answer
        problems += [f"forward writes to {name}" for name in inputs.changed()]
        covector = np.asarray(rng.standard_normal(np.shape(out)))[()]  # a number where out is one
        kept = Untouched(dout=covector, cache=cache, out=out)
        before = inputs.changed()
        try:
            gradients = op.backward(covector, cache)
            first = tuple(None if g is None else np.array(g) for g in gradients)
            second = op.backward(covector, cache)
        except Exception as error:
            problems.append(f"backward raised {_in_one_line(error)}")
            return None
    if isinstance(gradients, np.ndarray) or len(gradients) != len(arrays):
        received = "an array" if isinstance(gradients, np.ndarray) else f"{len(gradients)}"
        problems.append(f"backward: expected {len(arrays)} gradients, received {received}")
        return None
    touched = kept.changed() + [name for name in inputs.changed() if name not in before]
    problems += [f"backward writes to {name}" for name in touched]
    if not same(first, second):
        problems.append("backward: a second call gives another answer")
    return out, cache, covector, first


def _row(
    name, gradient, array, weighted, magnitude, directions, zero, rng
) -> tuple[Row, np.ndarray | None]:
    """The row of one argument, and its true gradient if every entry was looked at."""
    if not _is_float64(gradient):
        row = refused(name, array.shape, f"WRONG TYPE: {gradient.dtype}, not {array.dtype}")
        return row, None
    if directions is None:
        found = derivatives(weighted, array, magnitude=magnitude)
        true = found.best[0].reshape(array.shape)
    else:
        ways = rng.standard_normal((directions, *array.shape))
        ways /= np.sqrt((ways**2).sum(axis=tuple(range(1, ways.ndim)), keepdims=True))
        found, true = derivatives(weighted, array, ways, magnitude=magnitude), None
    if gradient.shape != array.shape:
        return refused(name, array.shape, f"WRONG SHAPE: {gradient.shape}"), true
    if directions is None:
        return compare(name, array.shape, gradient.ravel(), found, zero=zero), true
    along = (ways * gradient).reshape(directions, -1).sum(axis=1)  # (d,)
    return compare(name, array.shape, along, found, zero=zero, directions=True), true


def _is_float64(gradient: np.ndarray) -> bool:
    return gradient.dtype == np.float64


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
