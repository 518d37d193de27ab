"""The grader's end: a submission's code is called in a process of its own, with limits."""

import ast
import contextlib
import queue
import re
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from minidann.coursework import messages, pupil
from minidann.coursework.exercises import Exercise
from minidann.coursework.files import Forbidden, Submission, meant
from minidann.coursework.processes import START, Process

MEGABYTES = 2048  # of address space; NumPy alone takes a few hundred
CPU = 600  # seconds that a process can use in all: one that nobody waits for ends, too
PRINTED = 500_000  # characters that an exercise may print: room for looking for a mistake
ENDED = "its process ended in the middle of a call (exit, or out of memory or time)"
FORGED = "it answered in the grader's place"


class Problem(Exception):
    """What went wrong when a submission's code was called, in one line: one of the next three."""


class Failed(Problem):
    """It raised, or returned what nobody can use; another call may go well."""


class NotWritten(Problem):
    """The exercise has not been done: its file is missing, or it raises NotImplementedError."""


class Refused(Problem):
    """Nothing of this exercise can be graded."""


class Session:
    """A submission; `call` runs a function of one of its files.

    Each exercise has a process of its own, started when it is needed: what one does to NumPy does
    not reach the next. `exercise` begins anew what is limited: seconds, and how much may be
    printed. Use as a context.
    """

    def __init__(
        self, submission: Submission, *, seconds: float | None = None, megabytes: int = MEGABYTES
    ):
        self.submission, self.megabytes = submission, megabytes
        self._seconds = seconds  # instead of each exercise's own limit
        self.name, self.seconds = "", 0.0  # of the exercise at hand
        self.process: Process | None = None
        self.printed = self.first_printed = ""  # by the last call; by the first that prints
        self.text, self.tree = "", ast.Module([], [])  # the code of the exercise at hand
        self._count = 0
        self._spare = 0.0  # seconds that are left, while the submission's code does not run
        self._deadline = 0.0  # and until when it may run, while it does
        self._lost: str | None = None

    def __enter__(self):
        self._place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        return self

    def __exit__(self, *_):
        self.end()
        self._place.cleanup()

    def exercise(self, exercise: Exercise) -> None:
        """The next calls belong to this exercise, and get a process of their own."""
        self.end()
        self.name = exercise.name
        self.printed = self.first_printed = ""
        self._count = 0
        self._lost = None
        self.text, self.tree = "", ast.Module([], [])
        try:
            self.text, self.tree = self.submission.parsed(self.name)
        except Forbidden as error:
            self._lost = f"{self.name}.py: {error}"
        self.seconds = exercise.seconds if self._seconds is None else self._seconds
        self._spare = self.seconds

    def hurry(self, seconds: float) -> None:
        """Leave no more time than this for what is still to be called."""
        if seconds < self._spare:
            self.seconds = self._spare = seconds

    def call(self, function: str, *args, keep=None, kept=None, op=None, seed=0, **options):
        """`function(*args, **options)` of the exercise at hand.

        `keep`: of (out, cache) the cache stays where it is, under this number, and out comes back;
        `kept`: the function gets the cache of that number after `args`. `op`: the function gets a
        proxy of it first, and an rng of this `seed` last. Raises a Problem.
        """
        if self._lost:
            raise Refused(self._lost)
        if self.name not in self.submission.code:
            there = meant(self.submission.other_files, [self.name])
            raise NotWritten(f"{self.name}.py: missing" + (f"; there is {there}" if there else ""))
        try:
            return self._ask(
                {"function": function, "args": list(args), "options": options, "keep": keep,
                 "kept": kept, "proxy": None if op is None else seed}, op,
            )  # fmt: skip
        except Refused as error:
            self._lost = str(error)
            self.end()
            raise

    def _ask(self, message: dict, op):
        """One call, and what comes back. `op` answers for the proxy of it."""
        if self.process is None:
            self._start()
        self._deadline = time.monotonic() + self._spare
        message["seconds"] = self._left()
        # A process that does not read what it is sent would hold us up for ever: at the latest now
        # it is killed, and the pipe breaks.
        watch = threading.Timer(self._left() + 1, self.process.kill)
        watch.start()
        try:
            messages.send(self.process.stdin, message)
            while "ask" in (answer := self._next()):
                messages.write(self.process.stdin, _asked(op, answer, message["args"]))
        except OSError:
            raise Refused(ENDED) from None
        finally:
            watch.cancel()
            self._spare = self._left()
        kinds = {"error": (str, type(None)), "printed": str, "count": int, "value": object}
        if set(answer) != set(kinds) or not all(isinstance(answer[k], kinds[k]) for k in kinds):
            raise Refused(FORGED)
        self.printed = answer["printed"]
        self.first_printed = self.first_printed or self.printed
        self._count += answer["count"]
        if self._count > PRINTED:
            raise Refused(f"prints more than {PRINTED} characters")
        if error := answer["error"]:
            if error.startswith("NotImplementedError"):
                raise NotWritten("not written")
            raise Failed(error)
        return answer["value"]

    def _left(self) -> float:
        """Seconds until the time of the exercise is up."""
        return max(0.0, self._deadline - time.monotonic())

    def _next(self) -> dict:
        """The next message, before the time is up."""
        try:
            answer = self._answers.get(timeout=self._left())
        except queue.Empty:
            raise Refused(f"took more than {self.seconds:g} s{self._stuck()}") from None
        if isinstance(answer, EOFError):
            raise Refused(ENDED)
        if isinstance(answer, messages.TooLong):
            raise Refused(f"returned more than {messages.LARGEST} MB")
        if not isinstance(answer, dict):  # or an error of `receive`
            raise Refused(FORGED)
        return answer

    def _stuck(self) -> str:
        """Where the code was when its time was up, if its process could still say so."""
        try:
            with open(Path(self._place.name) / pupil.STUCK, errors="replace") as file:
                text = file.read(65536)  # whatever was written to it
        except OSError:
            return ""
        for file, line, function in re.findall(r'File "(.*)", line (\d+) in (\S+)', text):
            if file == pupil.file_of(self.name):
                return f"; it was in {function}, line {line}"
        return ""

    def _start(self) -> None:
        """A new process; its time to start is not the submission's."""
        about = {"place": self._place.name, "seconds": CPU, "megabytes": self.megabytes}
        self.process = Process({**about, "name": self.name, "code": self.text})
        self._answers: queue.Queue = queue.Queue(maxsize=8)  # a flood waits in the pipe
        self._ended = threading.Event()
        threading.Thread(
            target=_read, args=(self.process.stdout, self._answers, self._ended), daemon=True
        ).start()
        try:
            ready = self._answers.get(timeout=START)
        except queue.Empty:
            ready = None
        if ready != "ready":
            self.end()
            raise OSError(f"a process for {self.submission.name} could not be started")

    def end(self) -> None:
        """Kill the process, and what it started in its group."""
        if self.process is None:
            return
        self._ended.set()
        self.process.end()
        self.process = None


def _read(pipe, answers: queue.Queue, ended: threading.Event) -> None:
    """Hand on every message until nobody wants any; the last is the exception that ended it."""
    with pipe:
        while not ended.is_set():
            try:
                message = messages.receive(pipe)
            except Exception as error:
                message = error
            while not ended.is_set():
                with contextlib.suppress(queue.Full):
                    answers.put(message, timeout=1)
                    break
            if isinstance(message, Exception):
                return


def _asked(op, request: dict, given: list) -> bytes:
    """What the op says to a checker that was `given` arrays and options for it, packed.

    Only its numbers distinguish a right op from a wrong one; and as what it computes is the
    grader's time and memory, it takes arrays of the given shapes only.
    """
    try:
        arrays, options = request["arrays"], request["options"]
        _agree(_shapes(*given), _shapes(arrays, options))
        value, cache = op.forward(*arrays, **options)
        if request["ask"] == "backward":
            _agree(np.shape(value), np.shape(request["dout"]))
            value = op.backward(request["dout"], cache)
        return messages.pack({"value": value, "error": None})
    except Failed as error:
        return messages.pack({"value": None, "error": str(error)})
    except Exception:
        return messages.pack({"value": None, "error": "expected real numbers, as they were given"})


def _agree(expected, received) -> None:
    if expected != received:
        raise Failed(f"expected arrays of shapes {expected}, received {received}")


def _shapes(arrays, options: dict) -> str:
    named = (f"{name} {np.shape(value)}" for name, value in options.items())
    return ", ".join([*(str(np.shape(array)) for array in arrays), *named])
