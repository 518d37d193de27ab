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
    """Finish every run in `wanted`, `jobs` at a time; a UserError with all that went wrong.

    Each process gets its share of the cores; the result does not depend on it. After a failure no
    other run is begun.
    """
    waiting = [run for run in wanted if not run.finished]
    total, began, done = len(waiting), time.monotonic(), 0
    if not waiting:
        return
    jobs = min(jobs, total)
    share = str(max(1, parallel.threads() // jobs))
    say(f"{total} of {len(wanted)} runs are missing; {jobs} at a time, {share} threads each")
    at_work: list[tuple[Run, subprocess.Popen]] = []
    failed, announced = {}, False
    try:
        while at_work or waiting and not failed:
            for run, process in list(at_work):
                if process.poll() is None:
                    continue
                at_work.remove((run, process))
                held = store.is_held(run.out)  # by another report's run, which has the log as well
                if run.finished:
                    done += 1
                    left = (time.monotonic() - began) / done * (total - done)
                    say(f"{done}/{total}  {run.out.name}  ({clock(left)} left)")
                elif held or ELSEWHERE in (why := _last_words(run, process.returncode)):
                    waiting.append(run)
                else:
                    failed.setdefault(why, []).append(run)
            if len(at_work) < jobs and waiting and not failed:
                # Runs that others are at work on are not begun, and take a place: they use cores.
                elsewhere = [run for run in waiting if store.is_held(run.out)]
                free = [run for run in waiting if run not in elsewhere and not run.finished]
                total -= len(waiting) - len(elsewhere) - len(free)  # finished by others
                waiting = elsewhere + free
                if free and len(at_work) + len(elsewhere) < jobs:
                    waiting.remove(free[0])
                    at_work.append((free[0], _start(free[0], share)))
                    continue
                if elsewhere and not at_work and not announced:
                    say(f"waits for {len(elsewhere)} runs that other processes are at work on")
                    announced = True
            time.sleep(PAUSE)
    except BaseException as error:  # whatever ends a report, its runs are not left to themselves
        for _, process in at_work:
            if os.name == "posix":  # elsewhere Ctrl-C reaches them without us
                process.send_signal(signal.SIGINT)  # they finish their step and keep it
        for _, process in at_work:
            process.wait()
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt("stopped; the same command goes on") from None
        raise
    if failed:
        lines = []
        for why, which in failed.items():
            more = f" and {len(which) - 1} more" if len(which) > 1 else ""
            lines.append(f"{which[0].out.name}{more}: {why} (see {_log(which[0])})")
        raise UserError("\n".join(lines))


def _log(run: Run) -> Path:
    """Where a run's words go: beside the folder of all runs."""
    return run.out.parent.parent / "logs" / f"{run.out.name}.log"


def _start(run: Run, threads: str) -> subprocess.Popen:
    """Begin a run, or go on with it; what it says goes to its log."""
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


def _last_words(run: Run, code: int) -> str:
    """Why a run failed: the signal that ended it, or the end of its log, from "error:" on."""
    if code < 0:  # out of memory, say
        return f"ended by {signal.Signals(-code).name}; the same command goes on"
    text = _log(run).read_text(errors="replace").strip()
    _, colon, why = ("\n" + text).partition("\nerror: ")
    return why if colon else text[-200:]
