"""A submission's code is run in a process of its own, and what it answers comes back.

One process does the exercises of a submission in order. Where it dies, or outstays the time of an
exercise, the exercise is lost and another process goes on after it.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from minidann.coursework import pupil
from minidann.ops.parallel import ASKED

START = 60  # seconds until a process has to have imported NumPy
GRACE = 3  # seconds after which a process is killed that should have ended by itself
LINE = 64 << 20  # characters of an answer
KILLED = -9  # the exit code of a process that was killed, on POSIX
FORGED = "it writes to the pipe that its answers come back on"
ENDED = "its process ended in the middle of a call (exit, or out of memory)"


@dataclass(frozen=True)
class Task:
    """The calls of an exercise, in the terms of `pupil.Pupil.answer`, and the time for all of them.

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
    """A process. Raises OSError where it cannot be started."""

    def __init__(self, tasks: Path):
        threads = dict.fromkeys(("OMP_NUM_THREADS", *ASKED), "1")
        kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
        environment = {name: os.environ[name] for name in kept if name in os.environ} | threads
        packages = str(Path(np.__file__).parents[1])
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-W", "ignore", pupil.__file__, packages, str(tasks)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=tasks.parent, env=environment,
        )  # fmt: skip
        if self.line(time.monotonic() + START) != {"ready": True}:
            self.end()
            raise OSError("a process could not be started")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, thing: dict) -> None:
        """Send it one line."""
        with contextlib.suppress(OSError):  # it has ended: `line` says so
            self.process.stdin.write(pupil.dumps(thing).encode() + b"\n")
            self.process.stdin.flush()

    def line(self, until: float) -> dict | None:
        """Its next line; None where it has ended. At the time `until` it is killed."""
        watch = threading.Timer(until - time.monotonic(), self.process.kill)
        watch.start()
        text = self.process.stdout.readline(LINE)
        watch.cancel()
        try:
            found = pupil.loads(text.decode("ascii")) if text else None
        except (ValueError, TypeError, KeyError, RecursionError):
            found = {}
        return found if found is None or isinstance(found, dict) else {}

    def results(self, name: str, code: str, task: Task, seconds: float) -> Results:
        """What becomes of a task."""
        self.send({"name": name, "code": code, "seconds": seconds})
        until = time.monotonic() + seconds + GRACE
        while (line := self.line(until)) and (answer := task.ops.get(str(line.get("ask")))):
            self.send(answer(line))
        if line is None:
            return Results(lost=self.why_ended(name, seconds))
        calls, problem = line.get("results"), line.get("problem")
        if not isinstance(calls, list) or not isinstance(problem, str):
            return Results(lost=FORGED)
        if not problem and (len(calls) != len(task.calls) or not all(map(is_result, calls))):
            return Results(lost=FORGED)
        return Results(tuple(calls), problem)

    def why_ended(self, name: str, seconds: float) -> str:
        """Why it has ended, and where the file of this exercise was when its time was up."""
        text = self.process.communicate()[1].decode(errors="replace")
        if "Timeout (" not in text and self.process.returncode != KILLED:
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
            file.write(f"{name}\t{json.dumps(calls)}\n")


def run(
    codes: dict[str, str], tasks: dict[str, Task], path: Path, seconds: float | None = None
) -> dict[str, Results]:
    """The results of each exercise whose code is in `codes`; `path` is the file of `tasks`.

    `seconds` replaces every task's own limit. Raises OSError where no process can be started, which
    is not the code's fault.
    """
    found: dict[str, Results] = {}
    child = None
    try:
        for name in (name for name in tasks if name in codes):
            child = child or Child(path)
            limit = seconds or tasks[name].seconds
            found[name] = child.results(name, codes[name], tasks[name], limit)
            if found[name].lost:
                child.end()
                child = None
    finally:
        if child:
            child.end()
    return found
