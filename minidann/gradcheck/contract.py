"""Does an op keep the contract? It is run as it is, with nothing perturbed.

    forward(*arrays, **options) -> (out, cache)
    backward(dout, cache) -> one gradient for each of `arrays`, in order

What the code under test prints is shown the first time that it runs here, never again.
"""

import inspect
import io
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np

from minidann.gradcheck.purity import Untouched, copied, same

CONTRACT = """a file for --file has two functions, and a third if --op is not given:
  forward(*arrays, **options) -> (out, cache)   float64 in, float64 out; complex in, complex out
  backward(dout, cache) -> (d_first, d_second, ...)   a tuple with one gradient for each array
  example(rng) -> (arrays, options)   a small legal input: a tuple of arrays, a dict of options
No input is written to, and what is random must come in as an option (dropout's mask). Where two
values are compared, compare their real parts: the complex step needs it. An argument whose gradient
must be zero on the example is declared in the file: ZEROS = ("v",)"""


@dataclass(frozen=True)
class Run:
    """One forward and backward pass: `gradients` has an array or None for each argument."""

    out: np.ndarray
    upstream: np.ndarray
    gradients: tuple


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def quietly(function: Callable, *given, **options):
    """What `function` gives; what it prints is dropped."""
    with redirect_stdout(_Nowhere()), np.errstate(all="ignore"):
        return function(*given, **options)


def run(op, arrays: tuple, options: dict, names, rng, problems: list[str]) -> Run | None:
    """Forward and backward, twice each; breaches of the contract go into `problems`.

    None where nothing is left to compare. The op is handed copies.
    """
    given, kept_options = [array.copy() for array in arrays], copied(options)
    named = {f"option {name}": value for name, value in kept_options.items()}
    inputs = Untouched(**dict(zip(names, given)), **named)
    with np.errstate(all="ignore"):
        try:
            answer = op.forward(*given, **kept_options)
            again = quietly(op.forward, *copied(tuple(arrays)), **copied(options))
        except (Exception, SystemExit) as error:
            problems.append(f"forward raised {in_one_line(error)}")
            if isinstance(error, TypeError):
                problems.append(f"forward is called as {call(names, options)}")
            return None
        problem = _wrong_answer(answer, again)
        if problem:
            problems.append(problem)
            return None
        out, cache = answer
        problems += [f"forward writes to {name}" for name in inputs.changed()]
        upstream = np.asarray(rng.standard_normal(np.shape(out)))[()]  # a number where out is one
        kept = Untouched(dout=upstream, cache=cache, out=out)
        before = inputs.changed()
        try:
            gradients = op.backward(upstream, cache)
            first = copied(gradients)
            second = quietly(op.backward, upstream, cache)
        except (Exception, SystemExit) as error:
            problems.append(f"backward raised {in_one_line(error)}")
            return None
    problem = _wrong_gradients(first, names)
    if problem:
        problems.append(problem)
        return None
    touched = kept.changed() + [name for name in inputs.changed() if name not in before]
    problems += [f"backward writes to {name}" for name in touched]
    if not same(first, second):
        problems.append("backward: a second call gives another answer")
    return Run(out, upstream, tuple(None if g is None else np.asarray(g) for g in first))


def _wrong_answer(answer, again) -> str | None:
    """What is wrong with what forward gave, if anything."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        received = described(answer)
        return f"forward: expected (out, cache), received {received}: end it with return out, cache"
    out = answer[0]
    if not _is_array(out):
        return f"forward: its output is {described(out)}: return an array"
    dtype = np.asarray(out).dtype
    if dtype != np.float64:
        return f"forward: its output is {dtype}, expected float64"
    if not same(out, again[0]):
        return "forward: a second call gives another answer (np.random? make it an option)"
    return None


def _wrong_gradients(gradients, names) -> str | None:
    """What is wrong with what backward gave, if it is not one array or None for each argument."""
    count = f"{len(names)} gradient{'s' if len(names) > 1 else ''}"
    end = f"end it with return ({', '.join(f'd{n}' for n in names)}{',' * (len(names) == 1)})"
    if not isinstance(gradients, (tuple, list)):
        return f"backward: expected {count}, received {described(gradients)}: {end}"
    if len(gradients) != len(names):
        return f"backward: expected {count}, received {len(gradients)}: {end}"
    for name, gradient in zip(names, gradients):
        if gradient is not None and not _is_array(gradient):
            return f"backward: the gradient of {name} is {described(gradient)}: return an array"
    return None


def _is_array(thing) -> bool:
    return isinstance(thing, (np.ndarray, np.generic, float))


def described(thing) -> str:
    """What kind of thing it is, in words."""
    if thing is None:
        return "None"
    if isinstance(thing, tuple):
        return f"a tuple of {len(thing)}"
    if isinstance(thing, np.ndarray):
        return "an array"
    return f"{'an' if type(thing).__name__[0] in 'aeiou' else 'a'} {type(thing).__name__}"


def call(names, options) -> str:
    """How forward is called, with the options it is given."""
    return f"forward({', '.join([*names, *(f'{option}=...' for option in options)])})"


def signatures(ops) -> str:
    """The contract, and forward of each op as `--op` expects it."""
    lines = [f"  {name}: forward{_parameters(getattr(ops, name))}" for name in ops.__all__]
    return "\n".join([CONTRACT, "The ops of --op:", *lines])


def _parameters(op) -> str:
    parameters = inspect.signature(op.forward).parameters.values()
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return str(inspect.Signature(bare))


def in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
