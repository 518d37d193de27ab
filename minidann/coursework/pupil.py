"""The process that a submission's code runs in: it answers calls, and knows not what is right.

It runs as a script of its own, with the standard library and NumPy, so that the reference is not in
it. The grader sends a call, the answer goes back (see messages.py). What the code is given is
locked: it may write to none of it. Where the system forks, the script itself runs nobody's code: a
process that it forks does, for each exercise another.

It is no sandbox: code that wants to leave this process can. It is there for accidents.
"""

import contextlib
import difflib
import faulthandler
import functools
import io
import os
import signal
import socket
import struct
import sys
import types
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(sys.argv[1])  # where the grader's NumPy is; -I hides a user's own packages
import numpy as np
import numpy.random  # else each process would import it, on the student's time

SHOWN = 2000  # characters of what a call prints are sent back
STUCK = "stuck"  # the file that says where the code was just before its time was up


def file_of(name: str) -> str:
    """What Python calls the file that an exercise's code is from."""
    return f"{name}.py"


def load(name: str, code: str) -> types.ModuleType:
    """The module of this code."""
    module = types.ModuleType(f"exercise_{name}")
    sys.modules[module.__name__] = module  # dataclasses look for the module that they are in
    exec(compile(code, file_of(name), "exec"), vars(module))
    return module


def beside(name: str) -> types.ModuleType:
    """The file of this name beside this one, by its path: nothing of minidann is imported."""
    return load(name, Path(__file__).with_name(f"{name}.py").read_text("utf-8"))


guard, messages = beside("guard"), beside("messages")


class BadCall(Exception):
    """What is wrong with a call that raised nothing itself."""


class Printed(io.TextIOBase):
    """What is printed, its beginning only; the rest is counted and dropped."""

    def __init__(self):
        self.text, self.count = "", 0

    def writable(self):
        return True

    def write(self, text):
        self.count += len(text)
        self.text += text[: SHOWN - len(self.text)]
        return len(text)


def error_text(error: BaseException, name: str) -> str:
    """An error in one line, with the line of the submission's file that it comes from."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file_of(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = " ".join(str(error).split())[:300]
    except Exception:  # an error that cannot be printed
        text = ""
    where = f", line {line}" if line else ""
    if isinstance(error, BadCall):
        return text
    if isinstance(error, ValueError) and "read-only" in text:
        return f"it writes to a read-only array{where}, as all are that it is given: copy it first"
    return f"{type(error).__name__}{': ' if text else ''}{text}{where}"


class Proxy:
    """An op that lives in the grader: forward and backward are asked of it.

    What the cache holds is not seen here: it stands for the arrays and options of its forward.
    """

    def __init__(self, requests, answers):
        self._ends = requests, answers

    def _ask(self, function, **given):
        requests, answers = self._ends
        try:
            messages.send(answers, {"ask": function, **given})
        except TypeError as problem:
            raise TypeError(f"op.{function} is given {problem}") from None
        answer = messages.receive(requests)
        if answer["error"] is not None:
            raise ValueError(f"op.{function}: {answer['error']}")
        return answer["value"]

    def forward(self, *arrays, **options):
        given = {"arrays": arrays, "options": options}
        return self._ask("forward", **given), Kept(given)

    def backward(self, dout, cache):
        if not isinstance(cache, Kept):
            raise TypeError("op.backward takes the cache that op.forward returned")
        return self._ask("backward", dout=dout, **cache.given)


class Kept:
    """The cache of an op that lives in the grader."""

    def __init__(self, given: dict):
        self.given = given


def answer(call: dict, exercise: types.ModuleType, caches: dict, proxy: Proxy):
    """Do one call of a function of the exercise.

    `keep`: the cache that it returns second stays here, under that number; `kept`: the function is
    given the cache of that number last.
    """
    function = getattr(exercise, call["function"], None)
    if not callable(function):
        raise BadCall(missing(exercise, call["function"]))
    args = list(call["args"])
    held = guard.lock((tuple(args), call["options"]))
    if call["kept"] is not None:
        args.append(caches[call["kept"]])
    if call["proxy"] is not None:
        args = [proxy, *args, np.random.default_rng(call["proxy"])]
    value = function(*args, **call["options"])
    if call["options"].get("out") is not None and not same(value, call["options"]["out"]):
        raise BadCall("out is given: write to it and return it")
    if guard.changed(held):
        raise BadCall("it writes to a dict or list that it is given: copy it first")
    if call["keep"] is None:
        return value
    if not isinstance(value, tuple) or len(value) != 2:
        what = f"{len(value)} values" if isinstance(value, tuple) else f"a {type(value).__name__}"
        what = "None: is its return missing?" if value is None else what
        raise BadCall(f"expected (out, cache), received {what}")
    out, caches[call["keep"]] = value
    return out


def same(value, array) -> bool:
    """Is it the array, or a view of all of it?"""
    return (
        isinstance(value, np.ndarray)
        and value.shape == array.shape
        and value.strides == array.strides
        and np.shares_memory(value, array)
    )


def missing(module, name: str) -> str:
    """There is no function of that name; perhaps one of nearly that name."""
    near = difflib.get_close_matches(name, [n for n, v in vars(module).items() if callable(v)], 1)
    return f"there is no function {name}" + (f"; should {near[0]} be it?" if near else "")


def kill(pid: int) -> None:
    """Kill a process, and what it started in its group; that it may have left."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended
            send(pid, signal.SIGKILL)


def serve_forks(grader: socket.socket) -> None:
    """Fork a process when asked, and kill it when asked; all of them where the grader has gone.

    With "fork" come the ends of two pipes, its stdin and stdout; its pid goes back. A pid asks for
    its end; a byte goes back. Returns in each process that is forked.
    """
    alive = set()
    while True:
        request, ends, *_ = socket.recv_fds(grader, 4, 2)
        if request == b"fork":
            if (pid := os.fork()) == 0:
                os.setpgid(0, 0)
                for number, end in enumerate(ends):
                    os.dup2(end, number)  # the grader's socket was at 0
                    os.close(end)
                grader.detach()
                return
            os.setpgid(pid, pid)  # here, too: who is first
            for end in ends:
                os.close(end)
            alive.add(pid)
            grader.sendall(struct.pack("<I", pid))
            continue
        ending = struct.unpack("<I", request) if request else tuple(alive)
        for pid in ending:
            kill(pid)
            os.waitpid(pid, 0)
            alive.remove(pid)
        if not request:
            os._exit(0)
        grader.sendall(b".")


def main() -> None:
    """Answer calls until nobody asks any more."""
    if "alone" not in sys.argv:
        serve_forks(socket.socket(fileno=0))
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # what is written past Python goes nowhere
        os.dup2(nothing, number)
    given = messages.receive(requests)
    os.chdir(given["place"])
    stuck = open(STUCK, "w")
    guard.limit(given["seconds"], given["megabytes"])
    guard.take()
    sys.meta_path.insert(0, guard.Barred)
    sys.addaudithook(guard.hook(sys.argv[1]))
    np.seterr(all="ignore")
    name = given["name"]
    exercise = functools.cache(lambda: load(name, given["code"]))
    caches: dict = {}
    proxy = Proxy(requests, answers)
    messages.send(answers, "ready")
    while True:
        try:
            call = messages.receive(requests)
        except EOFError:
            os._exit(0)
        printed, value, error = Printed(), None, None
        faulthandler.dump_traceback_later(max(0.1, call["seconds"] - 0.3), file=stuck)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value = answer(call, exercise(), caches, proxy)
        except BaseException as problem:  # SystemExit and KeyboardInterrupt too
            error = error_text(problem, name)
        faulthandler.cancel_dump_traceback_later()
        result = {"error": error, "printed": printed.text, "count": printed.count}
        try:
            messages.send(answers, {**result, "value": value})
        except Exception as problem:  # no message can be made of it
            messages.send(answers, {**result, "value": None, "error": f"returned {problem}"})


if __name__ == "__main__":
    main()
