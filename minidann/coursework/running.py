"""A submission's code is run in a process of its own, and what it answers comes back.

One process does the exercises of a submission in order. Where it dies, or outstays the time of an
exercise, the exercise is lost and the next process goes on after it.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from minidann.coursework import pupil
from minidann.ops.parallel import ASKED

MEGABYTES = 2048  # of address space; NumPy alone takes a few hundred
START = 60  # seconds until a process has to have imported NumPy
GRACE = 3  # seconds after which a process is killed that should have ended by itself
LINE = 64 << 20  # characters of an answer
KILLED = -9  # the exit code of a process that was killed, on POSIX
FORGED = "it writes to the pipe that its answers come back on"
ENDED = "its process ended in the middle of a call (exit, or out of memory)"


@dataclass(frozen=True)
class Task:
    """The calls of an exercise, in the terms of `pupil.answer`, and the time for all of them.

    `ops` has the function that answers for each op, by the `proxy` of the call that is given it.
    """

    calls: list[dict]
    seconds: float
    ops: dict[str, Callable] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """What became of a task: the value, the error and the output of each call.

    `lost`: why there are none. `problem`: what the import of the file raised.
    """

    calls: tuple[dict, ...] = ()
    problem: str = ""
    lost: str = ""


class Child:
    """A process. Use as a context; it is killed at the end."""

    def __init__(self, tasks: Path, given: dict):
        threads = dict.fromkeys(("OMP_NUM_THREADS", *ASKED), "1")
        kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
        environment = {name: os.environ[name] for name in kept if name in os.environ} | threads
        packages = str(Path(np.__file__).parents[1])
        self.stuck = tempfile.TemporaryFile()  # where its code was when its time was up
        self.given = given
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", pupil.__file__, packages, str(tasks)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stuck,
                cwd=tasks.parent, env=environment,
            )  # fmt: skip
        except OSError:
            self.stuck.close()
            raise

    def __enter__(self):
        with contextlib.suppress(OSError):  # it has ended: `line` says so
            self.send(self.given)
        with self.killed_after(START):
            ready = self.line()
        if ready != {"ready": True}:
            self.__exit__()
            raise OSError("a process could not be started")
        return self

    def __exit__(self, *_):
        self.process.kill()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.stuck.close()

    def send(self, thing: dict) -> None:
        """Send it one line."""
        self.process.stdin.write(pupil.dumps(thing).encode() + b"\n")
        self.process.stdin.flush()

    @contextlib.contextmanager
    def killed_after(self, seconds: float) -> Iterator[None]:
        """It is killed where what follows takes longer, so that `line` ends."""
        watch = threading.Timer(seconds, self.process.kill)
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def line(self) -> dict | None:
        """Its next line; None where it has ended."""
        text = self.process.stdout.readline(LINE)
        if not text:
            return None
        try:
            found = pupil.loads(text.decode("ascii"))
        except (ValueError, TypeError, KeyError, RecursionError):
            found = {}
        return found if isinstance(found, dict) else {}

    def results(self, name: str, task: Task, seconds: float) -> Results | None:
        """What becomes of a task; None where another process has to do it."""
        with self.killed_after(seconds + GRACE):
            while (line := self.line()) and (answer := task.ops.get(str(line.get("ask")))):
                with contextlib.suppress(OSError):  # it has ended
                    self.send(answer(line))
        if line is None:
            return Results(lost=self.end(name, seconds))
        if line == {"marked": True}:
            return None
        calls, problem = line.get("results"), line.get("problem")
        if not isinstance(calls, list) or not isinstance(problem, str):
            return Results(lost=FORGED)
        if not problem and (len(calls) != len(task.calls) or not all(map(is_result, calls))):
            return Results(lost=FORGED)
        return Results(tuple(calls), problem)

    def end(self, name: str, seconds: float) -> str:
        """Why it has ended, and where the file of this exercise was when its time was up."""
        code = self.process.wait()
        self.stuck.seek(0)
        text = self.stuck.read(65536).decode(errors="replace")
        if "Timeout (" not in text and code != KILLED:
            return ENDED
        where = re.search(rf'File "{name}\.py", line (\d+) in (\S+)', text)
        function = f" of {where[2]}" if where and where[2] != "<module>" else ""
        at = f"; it was in line {where[1]}{function}" if where else ""
        return f"it takes more than {seconds:g} s{at}"


def is_result(call) -> bool:
    kinds = {"value": object, "error": str, "printed": str}
    return isinstance(call, dict) and all(isinstance(call.get(k), v) for k, v in kinds.items())


def write(tasks: dict[str, Task], path: Path) -> None:
    """Write the file of tasks, once for all submissions."""
    with open(path, "w", encoding="ascii") as file:
        for name, task in tasks.items():
            calls = [{key: pupil.encode(v) for key, v in call.items()} for call in task.calls]
            file.write(f"{name}\t{task.seconds}\t{json.dumps(calls)}\n")


def run(
    codes: dict[str, str],
    tasks: dict[str, Task],
    path: Path,
    *,
    seconds: float | None = None,
    megabytes: int = MEGABYTES,
) -> dict[str, Results]:
    """The results of each exercise whose code is in `codes`; `path` is the file of `tasks`.

    `seconds` replaces every task's own limit. Raises OSError where no process can be started, which
    is not the code's fault.
    """
    found: dict[str, Results] = {}
    while waiting := [name for name in tasks if name in codes and name not in found]:
        limits = {name: seconds or tasks[name].seconds for name in waiting}
        given = {"codes": {name: codes[name] for name in waiting}, "seconds": seconds,
                 "megabytes": megabytes, "cpu": 60 + int(sum(limits.values()))}  # fmt: skip
        with Child(path, given) as child:
            for name in waiting:
                results = child.results(name, tasks[name], limits[name])
                if results is None and name != waiting[0]:
                    break
                results = results or Results(lost=FORGED)
                found[name] = results
                if results.lost:
                    break
    return found
