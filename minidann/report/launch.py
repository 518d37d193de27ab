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
from minidann.report.plan import Run
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
    waiting = [run for run in wanted if not run.finished]
    total, began, done = len(waiting), time.monotonic(), 0
    jobs = min(jobs, total)
    share = str(max(1, parallel.threads() // jobs))
    say(f"{total} of {len(wanted)} runs are missing; {jobs} at a time, {share} threads each")
    at_work: dict[Run, subprocess.Popen | None] = {}  # None: the process is another report's
    failed: dict[str, list[Run]] = {}
    announced = False
    try:
        while any(at_work.values()) or not failed and (waiting or at_work):
            while waiting and len(at_work) < jobs and not failed:
                run = waiting.pop(0)
                elsewhere = run.finished or store.is_held(run.out)
                at_work[run] = None if elsewhere else _start(run, share)
            time.sleep(PAUSE)
            for run, process in list(at_work.items()):
                held = store.is_held(run.out)
                if held if process is None else process.poll() is None:
                    continue
                del at_work[run]
                if run.finished:
                    done += 1
                    left = (time.monotonic() - began) / done * (total - done)
                    say(f"{done}/{total}  {run.out.name}  ({clock(left)} left)")
                elif process is None or held or ELSEWHERE in (why := _last_words(run, process)):
                    waiting.append(run)  # another process has, or had, the folder and the log
                else:
                    failed.setdefault(why, []).append(run)
            if at_work and not any(at_work.values()) and not announced:
                say(f"waits for {len(at_work)} runs that other processes are at work on")
                announced = True
    except BaseException as error:  # whatever ends a report, its runs are not left to themselves
        begun = [process for process in at_work.values() if process]
        for process in begun:
            if os.name == "posix":  # elsewhere Ctrl-C reaches them without us
                process.send_signal(signal.SIGINT)  # each epoch that they ended is kept
        for process in begun:
            process.wait()
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt("stopped; the same command goes on") from None
        raise
    if failed:
        lines = []
        for why, (run, *more) in failed.items():
            count = f" and {len(more)} more" if more else ""
            lines.append(f"{run.out.name}{count}: {why} (see {_log(run)})")
        raise UserError("\n".join(lines))


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
    _, colon, why = ("\n" + text).partition("\nerror: ")
    return why if colon else text[-200:]
