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
import tempfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from minidann.coursework import pupil
from minidann.ops.parallel import ASKED

START = 60  # seconds in which a process has to have imported NumPy


def run(codes: dict[str, str], tasks: dict[str, str], seconds: float) -> dict:
    """What became of each exercise in `codes`, as `pupil.do` says; `tasks`: the calls of each."""
    found: dict[str, SimpleNamespace] = {}
    while left := {name: code for name, code in codes.items() if name not in found}:
        found |= _process(left, tasks, seconds)
    return found


def _process(codes: dict[str, str], tasks: dict[str, str], seconds: float) -> dict:
    """The results of the first exercises, up to one that ends their process."""
    kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", *ASKED), "1")
    packages, mark = str(Path(np.__file__).parents[1]), secrets.token_hex()
    asked = {name: (code, tasks[name]) for name, code in codes.items()}
    given = json.dumps({"asked": asked, "seconds": seconds, "mark": mark})
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place,
        tempfile.TemporaryFile("w+", errors="replace") as out,
        tempfile.TemporaryFile("w+", errors="replace") as err,
    ):
        with suppress(subprocess.TimeoutExpired):  # it stopped the clock that should have ended it
            subprocess.run(
                [sys.executable, "-I", "-B", "-W", "ignore", pupil.__file__, packages],
                input=given.encode(), stdout=out, stderr=err, cwd=place,
                env=environment, timeout=START + seconds * len(codes), check=False,
            )  # fmt: skip
        out.seek(0)
        err.seek(0)
        _, *parts = out.read().split(f"\n{mark} ")
        errors = err.read()
    if not parts:
        raise OSError("a process could not be started")
    why = "its process ended in the middle of a call (exit, out of memory, or out of time)"
    if "Timeout (" in errors:
        where = re.search(r'File "\w+\.py", line (\d+) in (\S+)', errors)
        why = f"it takes more than {seconds:g} s"
        why += f"; it was in line {where[1]} of {where[2]}" if where else ""
    answers = [part.split("\n", 1)[0] for part in parts[1:]]  # a line each; the code may write more
    lost = {"calls": [], "problem": f"It could not be run to its end: {why}."}
    found = [*map(pupil.loads, answers), lost | {"notes": [], "printed": ""}]
    return {name: SimpleNamespace(**of_it) for name, of_it in zip(codes, found)}
