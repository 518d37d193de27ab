"""Runs what is missing, several at a time, each as a process of its own.

A run keeps what it has after every epoch, so whatever ends a report (Ctrl-C, a power cut, SIGKILL),
the same command goes on. A report that is killed leaves its runs at work: started again, it waits
for them, as it does for those of another report or of a cluster's jobs.
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
from minidann.run import store

PAUSE = 0.2  # seconds between two looks at the processes
ELSEWHERE = "another process is at work here"


def launch(wanted: Sequence[Run], jobs: int, say: Callable[[str], None]) -> None:
    """Finish the runs of `wanted` that are missing, `jobs` at a time.

    Raises UserError with all that went wrong.

    Each process gets its share of the cores; the result does not depend on it. A run that another
    process is at work on is waited for, and takes one of the places, because it uses cores, too.
    After a failure no other run is begun.
    """
    missing = [run for run in wanted if not run.finished]
    total, began, announced = len(missing), time.monotonic(), False
    jobs = max(1, min(jobs, total))
    share = str(max(1, parallel.threads() // jobs))
    say(f"{total} of {len(wanted)} runs are missing; {jobs} at a time, {share} threads each")
    at_work: dict[Run, subprocess.Popen] = {}
    failed: list[str] = []
    try:
        while at_work or (missing and not failed):
            waiting = [run for run in missing if run not in at_work]
            held = [run for run in waiting if store.is_held(run.out)]
            for run in waiting:
                idle = not (failed or run in held or run.finished)
                if idle and len(at_work) + len(held) < jobs:
                    at_work[run] = _start(run, share)
            if held and not at_work and not announced:
                say(f"waits for {len(held)} runs that other processes are at work on")
                announced = True
            time.sleep(PAUSE)
            for run, process in list(at_work.items()):
                if process.poll() is not None:
                    del at_work[run]
                    # Where another process has, or had, the folder, it has the log, too.
                    if not (run.finished or store.is_held(run.out)):
                        why = _last_words(run, process)
                        if ELSEWHERE not in why:
                            failed.append(f"{run.out.name}: {why} (see {_log(run)})")
            for run in [run for run in missing if run.finished and run not in at_work]:
                missing.remove(run)
                done = total - len(missing)
                left = (time.monotonic() - began) / done * len(missing)
                say(f"{done}/{total}  {run.out.name}  ({clock(left)} left)")
    except BaseException as error:  # whatever ends a report, its runs are not left to themselves
        for process in at_work.values():
            if os.name == "posix":  # elsewhere Ctrl-C reaches them without us
                process.send_signal(signal.SIGINT)  # each epoch that they ended is kept
        for process in at_work.values():
            process.wait()
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt("stopped; the same command goes on") from None
        raise
    if failed:
        raise UserError("\n".join(failed))


def _log(run: Run) -> Path:
    """Where a run's words go: beside the folder of all runs."""
    return run.out.parent.parent / "logs" / f"{run.out.name}.log"


def _start(run: Run, threads: str) -> subprocess.Popen:
    """Begin a run, or go on with it; its output goes to its log."""
    _log(run).parent.mkdir(parents=True, exist_ok=True)
    with open(_log(run), "wb") as log:
        return subprocess.Popen(
            [sys.executable, *run.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"OMP_NUM_THREADS": threads},
            start_new_session=True,  # Ctrl-C is passed on to it, once
        )


def _last_words(run: Run, process: subprocess.Popen) -> str:
    """Why a run failed: the signal that ended it, or the end of its log, from "error:" on."""
    if process.returncode < 0:  # out of memory, say
        return f"ended by {signal.Signals(-process.returncode).name}; the same command goes on"
    text = _log(run).read_text(errors="replace").strip()
    return text.rpartition("error: ")[2][-200:]
