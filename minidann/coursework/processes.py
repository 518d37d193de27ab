"""A process for each exercise, to run a submission's code in; pupil.py is what runs there.

To start Python and import NumPy takes ten times as long as most exercises. So the processes are
forked from one, the fork server, which has done that once and runs nobody's code. macOS can fork
too, but not be relied on once its libraries are loaded: there and on Windows each is started anew.
"""

import atexit
import contextlib
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

from minidann.coursework import messages, pupil
from minidann.ops.parallel import ASKED

FORKS = sys.platform == "linux"
START = 60  # seconds until a process has to have imported NumPy
ANSWER = 5  # seconds until the fork server has to have answered, once it has started


def _start(alone: bool, **streams) -> subprocess.Popen:
    """pupil.py as a program, which knows of the grader's environment what it needs."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", *ASKED), "1")
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")}
    packages = str(Path(np.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-I", "-B", pupil.__file__, packages, *["alone"] * alone],
        stderr=subprocess.DEVNULL, env={**kept, **threads}, start_new_session=True, **streams,
    )  # fmt: skip


class ForkServer:
    """The process that others are forked from: what is asked of `pupil.serve_forks`.

    Raises OSError where it cannot be started, or has gone.
    """

    _only: "ForkServer | None" = None

    def __init__(self):
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(START)
        try:
            with theirs:
                self.program = _start(False, stdin=theirs, stdout=subprocess.DEVNULL)
        except OSError:
            self._socket.close()
            raise
        atexit.register(self.end)

    @classmethod
    def only(cls) -> "ForkServer":
        """The one of this process; another where it has gone."""
        if cls._only is not None and cls._only.program.poll() is not None:
            cls._only.end()
        if cls._only is None:
            cls._only = cls()
        return cls._only

    def fork(self, stdin: int, stdout: int) -> int:
        """A new process with these ends of pipes -> its pid."""
        socket.send_fds(self._socket, [b"fork"], [stdin, stdout])
        (pid,) = struct.unpack("<I", self._receive(4))
        self._socket.settimeout(ANSWER)
        return pid

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
        if ForkServer._only is self:
            ForkServer._only = None


class Process:
    """A process that answers calls: `stdin` and `stdout` are the pipes to and from it.

    `about` is its first message. Raises OSError where there can be none.
    """

    def __init__(self, about: dict):
        requests, stdin = os.pipe()
        stdout, answers = os.pipe()
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
        self._server: ForkServer | None = None
        self._program: subprocess.Popen | None = None
        try:
            if FORKS:
                self._fork(requests, answers)
            else:
                self._program = _start(True, stdin=requests, stdout=answers)
        except OSError:
            self.stdin.close()
            self.stdout.close()
            raise
        finally:
            os.close(requests)
            os.close(answers)
        with contextlib.suppress(OSError):  # it has ended: who reads stdout will see
            messages.send(self.stdin, about)

    def _fork(self, requests: int, answers: int) -> None:
        self._server = ForkServer.only()
        try:
            self._pid = self._server.fork(requests, answers)
        except OSError:  # somebody killed it
            self._server.end()
            self._server = ForkServer.only()
            self._pid = self._server.fork(requests, answers)

    def kill(self) -> None:
        """Kill it, from whichever thread; `end` has to follow."""
        if self._program is not None:
            self._program.kill()
        else:
            pupil.kill(self._pid)

    def end(self) -> None:
        """Kill it, and what is in its group, where there are groups. Who reads stdout closes it."""
        self.kill()
        if self._program is not None:
            self._program.wait()
        else:
            try:
                self._server.finish(self._pid)
            except OSError:  # it has gone, or does not answer
                self._server.end()
        with contextlib.suppress(OSError):  # what was to be sent may be in it still
            self.stdin.close()
