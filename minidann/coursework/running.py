"""A submission's code is run in a process of its own, and what it answers comes back.

One process does the exercises of a submission in order. Where it dies, or outstays the time of an
exercise, the exercise is lost and another process goes on after it.
"""

import json
import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from minidann.coursework import pupil
from minidann.ops.parallel import ASKED

START = 60  # seconds in which a process has to have imported NumPy
FORGED = "it writes to the file that its answers come back in"
ENDED = "its process ended in the middle of a call (exit, or out of memory)"


@dataclass(frozen=True)
class Results:
    """What became of an exercise: the value, the error and the output of each call, and notes.

    `lost`: why there are none. `problem`: what the import of the file raised.
    """

    calls: tuple[dict, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()
    lost: str = ""


def write(tasks: dict[str, list[dict]], path: Path) -> None:
    """Write the file of tasks, the calls of each exercise, once for all submissions."""
    lines = (f"{name}\t{pupil.dumps(calls)}\n" for name, calls in tasks.items())
    path.write_text("".join(lines), encoding="ascii")


def run(codes: dict[str, str], tasks: Path, seconds: float) -> dict[str, Results]:
    """The results of each exercise in `codes`, of which each may take `seconds`.

    Raises OSError where no process can be started, which is not the code's fault.
    """
    found: dict[str, Results] = {}
    while left := {name: code for name, code in codes.items() if name not in found}:
        found |= _process(left, tasks, seconds)
    return found


def _process(codes: dict[str, str], tasks: Path, seconds: float) -> dict[str, Results]:
    """The results of the first exercises, up to one that ends their process."""
    kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", *ASKED), "1")
    packages, mark = str(Path(np.__file__).parents[1]), secrets.token_hex()
    given = json.dumps({"codes": codes, "seconds": seconds, "mark": mark})
    why = ENDED
    with TemporaryFile("w+", errors="replace") as out, TemporaryFile("w+", errors="replace") as err:
        try:
            subprocess.run(
                [sys.executable, "-I", "-B", "-W", "ignore", pupil.__file__, packages, str(tasks)],
                input=given.encode(), stdout=out, stderr=err, cwd=tasks.parent, env=environment,
                timeout=START + seconds * len(codes), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:  # it stopped the clock that should have ended it
            why = f"it takes more than {seconds:g} s"
        out.seek(0)
        err.seek(0)
        _, *parts = out.read().split(f"\n{mark} ")
        errors = err.read()
    if not parts:
        raise OSError("a process could not be started")
    if "Timeout (" in errors:
        where = re.search(r'File "\w+\.py", line (\d+) in (\S+)', errors)
        function = f" of {where[2]}" if where and where[2] != "<module>" else ""
        why = f"it takes more than {seconds:g} s"
        why += f"; it was in line {where[1]}{function}" if where else ""
    lines, besides = zip(*(part.split("\n", 1) for part in parts))
    found = {}
    for name, line, before in zip(codes, [*lines[1:], None], besides):
        lost = FORGED if before.strip() else why if line is None else ""
        found[name] = Results(lost=lost) if lost else Results(**pupil.loads(line))
    return found
