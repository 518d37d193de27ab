"""Runs what is missing, several at a time, each as a process of its own.

A run keeps what it has after every epoch, so whatever ends a report (Ctrl-C, a power cut, SIGKILL),
the same command goes on. A report that is killed leaves its runs at work. Started again, it begins
them a second time, and the second process waits for the first one; it then has little to do.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from minidann.console import UserError, clock
from minidann.ops import parallel
from minidann.report.runs import Run

PAUSE = 0.2  # seconds between two looks at the processes


def launch(missing: Sequence[Run], jobs: int, say: Callable[[str], None]) -> None:
    """Finish the missing runs, `jobs` at a time. Raises UserError where a run fails."""
    waiting, total, began = [*missing], len(missing), time.monotonic()
    jobs = max(1, min(jobs, total))
    threads = max(1, parallel.threads() // jobs)
    say(f"runs missing: {total}; at a time: {jobs}; threads of each: {threads}")
    at_work: dict[Run, subprocess.Popen] = {}
    try:
        while waiting or at_work:
            while waiting and len(at_work) < jobs:
                run = waiting.pop(0)
                at_work[run] = _start(run, threads)
            time.sleep(PAUSE)
            for run in [run for run in at_work if at_work[run].poll() is not None]:
                process = at_work.pop(run)
                if not run.finished:
                    raise UserError(f"{run.out.name}: {_why(run, process)} (see {_log(run)})")
                left = len(waiting) + len(at_work)
                seconds = (time.monotonic() - began) / (total - left) * left
                say(f"{total - left}/{total}  {run.out.name}  ({clock(seconds)} left)")
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on") from None
    finally:  # none is at work any more, unless something went wrong
        for process in at_work.values():
            if os.name == "posix":  # elsewhere Ctrl-C reaches them without us
                process.send_signal(signal.SIGINT)  # each epoch that they ended is kept
        for process in at_work.values():
            process.wait()


def _log(run: Run) -> Path:
    """Where a run's words go: beside the folder of all runs."""
    return run.out.parent.parent / "logs" / f"{run.out.name}.log"


def _start(run: Run, threads: int) -> subprocess.Popen:
    """Begin a run, or go on with it; its output goes to its log."""
    _log(run).parent.mkdir(parents=True, exist_ok=True)
    with open(_log(run), "wb") as log:
        return subprocess.Popen(
            [sys.executable, *run.arguments], env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is passed on to it, once
        )  # fmt: skip


def _why(run: Run, process: subprocess.Popen) -> str:
    """Why a run failed: the signal that ended it, or the end of its log, from "error:" on."""
    if process.returncode < 0:  # out of memory, say
        return f"ended by {signal.Signals(-process.returncode).name}; the same command goes on"
    text = _log(run).read_text(errors="replace").strip()
    return text.rpartition("error: ")[2][-200:]
