"""Code under test is run here, and nowhere else.

    forward(*arrays, **options) -> (out, cache)
    backward(dout, cache) -> one gradient for each of `arrays`, in order

It is handed read-only views, so that writing to one is an error. What it prints is shown the first
time that it runs, never again. No call may take longer than its time.
"""

import contextlib
import io
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from minidann.gradcheck.judging import Answer, mapped, read_only
from minidann.gradcheck.verdict import kind
from minidann.mistakes.question import Question

SECONDS = 10  # for one call
TOTAL = 40  # seconds for all calls
ENDLESS = "does a loop never end, or is forward called for each entry of a large array?"


class TookTooLong(BaseException):
    """No Exception: the code under test must not be able to catch it."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TookTooLong where the block takes longer (only in the main thread, not on Windows)."""
    in_main = threading.current_thread() is threading.main_thread()
    if not hasattr(signal, "setitimer") or not in_main:
        yield
        return

    def stop(number, frame):
        raise TookTooLong

    began, handler = time.monotonic(), signal.signal(signal.SIGALRM, stop)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1))  # 0: there is no limit yet
    try:
        yield
    finally:
        left = max(outer - (time.monotonic() - began), 0.01) if outer else 0.0
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left)


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def quietly(function, *given, aloud: bool = False, **options):
    """What `function` gives; what it prints is dropped, unless `aloud`."""
    silence = contextlib.nullcontext() if aloud else contextlib.redirect_stdout(_Nowhere())
    with silence, np.errstate(all="ignore"):
        return function(*given, **options)


def answers(op, asked: Sequence[Question], *, aloud: bool = True) -> list[Answer]:
    """What `op` gives on each question, and once more when all have been asked."""
    path, until, first = getattr(op, "__file__", None), time.monotonic() + TOTAL, []
    for (_, arrays, options), upstream, *_ in asked:
        out = cache = gradients = None
        which, error = "forward", ""
        try:
            with limited(min(SECONDS, until - time.monotonic())):
                given = quietly(op.forward, *read_only(arrays), aloud=aloud, **read_only(options))
                if not isinstance(given, tuple) or len(given) != 2:
                    raise TypeError(f"forward returned {kind(given)}, not (out, cache)")
                (out, cache), which = given, "backward"
                gradients = quietly(op.backward, read_only(upstream), cache, aloud=aloud)
                # No later call can write to a copy.
                gradients = mapped(np.copy, gradients)
        except TookTooLong as stopped:
            error = f"took more than {SECONDS} s{place(stopped, path)}; {ENDLESS}"
            until = 0.0  # the other questions get the least time
        except (Exception, SystemExit) as raised:
            error = f"raised {in_one_line(raised)}{place(raised, path)}"
        first.append((Answer(out, gradients, None, error, which if error else ""), cache))
        aloud = False
    repeated = []
    for question, (answer, cache) in zip(asked, first):
        again = None if answer.error else ()
        with contextlib.suppress(Exception, SystemExit, TookTooLong):
            if not answer.error:
                with limited(min(SECONDS, until - time.monotonic())):
                    again = quietly(op.backward, question.upstream, cache)
        repeated.append(answer._replace(again=again))
    return repeated


def in_one_line(error: BaseException) -> str:
    """The error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def place(error: BaseException, path: Path | str | None) -> str:
    """The line of the file at which it was raised, and from which it was called, in words."""
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if path and frame.filename == str(path)]
    lines = [str(number) for number in dict.fromkeys(numbers[-1:] + numbers[:1])]
    return f", line {', called in line '.join(lines)}" if lines else ""
