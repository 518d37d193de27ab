"""Code under test is run here, and nowhere else.

The arrays of a question are read-only, so that writing to one is an error. What the code prints is
shown the first time that it runs, never again. No call may take longer than its time.
"""

import contextlib
import io
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidann.gradcheck.judging import Answer, mapped
from minidann.gradcheck.verdict import kind
from minidann.mistakes.question import Question

SECONDS = 10  # for one call
TOTAL = 40  # seconds for all calls
ENDLESS = "does a loop never end, or is forward called for each entry of a large array?"


class TookTooLong(BaseException):
    """No Exception, so that `except Exception` in the code under test does not catch it."""


def attempt(function: Callable, path, seconds: float) -> tuple[Any, str]:
    """(what `function` gives, "") or (None, what went wrong, as a predicate with the line in path).

    Time is limited in the main thread only, and not on Windows.
    """

    stopped = []

    def stop(number, frame):
        if stopped:
            print(f"error: {path}: a loop never ends, because it catches all errors: write "
                  "`except Exception`, or the error that is meant", file=sys.stderr)  # fmt: skip
            os._exit(2)
        stopped.append(number)
        raise TookTooLong

    in_main = threading.current_thread() is threading.main_thread()
    if is_limited := in_main and hasattr(signal, "setitimer"):
        handler = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1), SECONDS)  # 0 would be no limit
    try:
        return function(), ""
    except TookTooLong as error:
        return None, f"took more than {seconds:.3g} s{place(error, path)}; {ENDLESS}"
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return None, f"raised {text}{place(error, path)}"
    finally:
        if is_limited:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)


def quietly(function, *given, aloud: bool = False, **options):
    """What `function` gives; what it prints is dropped, unless `aloud`."""
    silence = contextlib.nullcontext() if aloud else contextlib.redirect_stdout(io.StringIO())
    with silence, np.errstate(all="ignore"):
        return function(*given, **options)


def answers(op, asked: Sequence[Question], *, aloud: bool = True) -> list[Answer]:
    """What `op` gives on each question, and once more when all have been asked."""
    path, until, first = getattr(op, "__file__", None), time.monotonic() + TOTAL, []

    def call(function, *given, **options) -> tuple[Any, str]:
        seconds = min(SECONDS, until - time.monotonic())
        # Views, because even a read-only array can be given another shape.
        given = [a.view() if isinstance(a, np.ndarray) else a for a in given]
        return attempt(lambda: quietly(function, *given, **options), path, seconds)

    def backward(dout, cache):
        return mapped(np.copy, op.backward(dout, cache))  # no later call can write to a copy

    for (_, arrays, options), upstream, *_ in asked:
        out = cache = gradients = None
        which, (given, error) = "forward", call(op.forward, *arrays, aloud=aloud, **options)
        if not error and isinstance(given, tuple) and len(given) == 2:
            which, (out, cache) = "backward", given
            gradients, error = call(backward, upstream, cache, aloud=aloud)
        elif not error:
            error = f"returned {kind(given)}, not (out, cache)"
        first.append((Answer(out, gradients, None, error, which if error else ""), cache))
        aloud = False
        if ENDLESS in error:
            until = 0.0  # the other questions get the least time
    repeated = []
    for question, (answer, cache) in zip(asked, first):
        if not answer.error:
            again, error = call(backward, question.upstream, cache)
            answer = answer._replace(again=() if error else again)
        repeated.append(answer)
    return repeated


def place(error: BaseException, path: Path | str | None) -> str:
    """The line of the file at which it was raised, and from which it was called, in words."""
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if path and frame.filename == str(path)]
    lines = [str(number) for number in dict.fromkeys(numbers[-1:] + numbers[:1])]
    return f", line {', called in line '.join(lines)}" if lines else ""
