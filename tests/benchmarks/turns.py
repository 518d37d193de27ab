"""Programs that take turns, each in a process of its own, as its users would have it.

In one process they would share more than the clock: NumPy's and PyTorch's threads, waiting in busy
loops, get in each other's way, and each lives on memory that the other has given back. What the
machine does beside all this slows all of them alike, because none runs for long before the next.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable


class Program:
    """A process that can be told what to do, and then to do it so many times."""

    def __init__(self, **environment: str):
        """`environment` is set for this process only."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        self._process.start()
        theirs.close()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})

    def prepare(self, make: Callable, *args) -> None:
        """Let it call `make(*args)`, which gives the work: a function without arguments."""
        self._pipe.send((make, args))
        try:
            self._pipe.recv()
        except EOFError:
            sys.exit("a program could not be prepared; its own message is above")

    def run(self, repeats: int) -> list[float]:
        """Seconds of each of `repeats` times; one more goes before and does not count."""
        self._pipe.send(repeats)
        return self._pipe.recv()

    def end(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _serve(pipe) -> None:
    work = None
    while (order := pipe.recv()) is not None:
        if isinstance(order, tuple):
            make, args = order
            work = make(*args)
            work(), work()
            pipe.send("ready")
        else:
            times = []
            for _ in range(order + 1):
                began = time.perf_counter()
                work()
                times.append(time.perf_counter() - began)
            pipe.send(times[1:])


def take_turns(programs: dict[str, Program], turns: int, repeats: int) -> dict[str, list[float]]:
    """The seconds that each program took, in every turn again."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(turns):
        for name, program in programs.items():
            times[name] += program.run(repeats)
    return times
