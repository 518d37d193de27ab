"""A process for each exercise, at once: forked from one that has NumPy and runs nobody's code.

To start Python and import NumPy takes ten times as long as most exercises. Where the system cannot
fork (Windows), it is done for each of them all the same.
"""

import atexit
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

from minidann.coursework import messages, pupil

FORKS = hasattr(os, "fork")
START = 60  # seconds until a process has to have imported NumPy


def _run(alone: bool, **streams) -> subprocess.Popen:
    """pupil.py as a program, which knows of the grader's environment what it needs."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")}
    packages = str(Path(np.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-I", "-B", pupil.__file__, packages, *["alone"] * alone],
        stderr=subprocess.DEVNULL, env={**kept, **threads}, start_new_session=True, **streams,
    )  # fmt: skip


class Nurse:
    """The process that the others are forked from; this one's, see `pupil.nurse`."""

    _only: "Nurse | None" = None

    def __init__(self):
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(START)
        try:
            with theirs:
                self.program = _run(False, stdin=theirs, stdout=subprocess.DEVNULL)
        except OSError:
            self._socket.close()
            raise
        atexit.register(self.end)

    @classmethod
    def only(cls) -> "Nurse":
        """The one of this process; another where it has gone."""
        if cls._only is None or cls._only.program.poll() is not None:
            cls._only = cls()
        return cls._only

    def fork(self, stdin: int, stdout: int) -> int:
        """A new process with these ends of pipes -> its pid."""
        socket.send_fds(self._socket, [b"fork"], [stdin, stdout])
        return struct.unpack("<I", self._receive(4))[0]

    def finish(self, pid: int) -> None:
        """Kill a process, and what it started in its group; it is gone on return."""
        self._socket.sendall(struct.pack("<I", pid))
        self._receive(1)

    def _receive(self, size: int) -> bytes:
        data = self._socket.recv(size)
        if len(data) < size:
            raise OSError("the process that forks others has ended")
        return data

    def end(self) -> None:
        """End it; it takes with it what it forked."""
        atexit.unregister(self.end)
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.program.wait(timeout=5)
        self.program.kill()
        self.program.wait()
        Nurse._only = None


class Process:
    """A process that answers calls: `stdin` and `stdout` are the pipes to and from it.

    Raises OSError where there can be none.
    """

    def __init__(self, place: str, seconds: int, megabytes: int):
        requests, stdin = os.pipe()
        stdout, answers = os.pipe()
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
        self._nurse = self._alone = None
        try:
            if FORKS:
                self._nurse = Nurse.only()
                self._pid = self._nurse.fork(requests, answers)
            else:
                self._alone = _run(True, stdin=requests, stdout=answers)
            limits = {"place": place, "seconds": seconds, "megabytes": megabytes}
            messages.send(self.stdin, limits)
        except OSError:
            if self._nurse is not None:
                self._nurse.end()  # another one may do
            self.stdout.close()
            self._close()
            raise
        finally:
            os.close(requests)
            os.close(answers)

    def kill(self) -> None:
        """Kill it, from whichever thread; `end` has to follow."""
        if self._alone is not None:
            self._alone.kill()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it, and what it started in its group. stdout is closed by who reads it."""
        self.kill()
        if self._alone is not None:
            self._alone.wait()
        else:
            try:
                self._nurse.finish(self._pid)
            except OSError:  # it has gone, or does not answer
                self._nurse.end()
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # what was to be sent may be in it still
            self.stdin.close()
