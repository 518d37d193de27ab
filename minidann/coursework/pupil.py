"""The process that runs a submission's code. It imports NumPy and nothing of minidann.

It knows no right answer. The grader starts it as a script of its own, with a file of tasks: a line
an exercise, its name and its calls with a tab between them. For each exercise that is handed in,
the grader sends one line with the code, and the pupil answers with one line, on the pipe that was
its stdout. Calls and answers are JSON, in which an array is the base64 of its bytes, so nothing is
unpickled at either end. Arrays that are made from bytes are read-only.

This is no sandbox: code that sets out to leave this process can. It is there for accidents.
"""

import base64
import builtins
import collections
import contextlib
import difflib
import faulthandler
import functools
import importlib
import io
import json
import math
import os
import signal
import sys
import threading
import types
from collections.abc import Callable

if __name__ == "__main__":
    sys.path.append(sys.argv[1])  # where the grader's NumPy is; -I hides a user's own packages
import numpy as np

ALLOWED = ("numpy", "math", "numbers", "operator", "copy", "types", "typing", "functools",
           "itertools", "collections", "contextlib", "dataclasses", "enum", "abc", "warnings",
           "__future__")  # fmt: skip
OTHERS = ("numpy.linalg", "numpy.random", "numpy.fft", "numpy.ma", "numpy.polynomial",
          "collections.abc", "unicodedata")  # fmt: skip
MEGABYTES = 2048  # of address space; NumPy alone takes a few hundred
SHOWN = 2000  # characters of what a call prints are sent back
LARGEST = 16 << 20  # bytes of an array that is sent back
NO_CACHE = "has no cache, because forward failed"
SYSTEM = ("os.", "subprocess.", "shutil.", "socket.", "ctypes.", "signal.", "resource.")


# --- Lines


def encode(thing, depth: int = 20):
    """`thing` as JSON can hold it. Raises TypeError, which names what JSON cannot hold."""
    if depth == 0:
        raise TypeError("lists in lists without end")
    if isinstance(thing, (np.ndarray, np.generic)):
        if thing.dtype.kind not in "biufc":
            raise TypeError(f"an array of {thing.dtype}")
        if thing.nbytes > LARGEST:
            raise TypeError(f"more than {LARGEST >> 20} MB")
        content = base64.b64encode(np.asarray(thing).tobytes()).decode()
        return {"array": thing.dtype.str, "shape": thing.shape, "bytes": content}
    if isinstance(thing, int) and abs(thing) >> 63:
        raise TypeError("a number of more than 64 bits")
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return {"fields": {name: encode(getattr(thing, name), depth - 1) for name in thing._fields}}
    if isinstance(thing, dict) and all(isinstance(key, str) for key in thing):
        return {"dict": {key: encode(value, depth - 1) for key, value in thing.items()}}
    if isinstance(thing, (tuple, list)):
        items = [encode(item, depth - 1) for item in thing]
        return {"tuple": items} if isinstance(thing, tuple) else items
    raise TypeError(f"a thing of type {type(thing).__name__}")


def decode(found: dict):
    """The thing that `encode` made this of; json.loads calls it, innermost objects first."""
    if "array" in found:
        array = np.frombuffer(base64.b64decode(found["bytes"]), np.dtype(found["array"]))
        return array.reshape(found["shape"])
    if "tuple" in found:
        return tuple(found["tuple"])
    if "fields" in found:
        return named(*found["fields"])(**found["fields"])
    return found.get("dict", found)


@functools.cache
def named(*fields: str) -> type:
    """A named tuple with these fields, such as the cache of a layer."""
    return collections.namedtuple("Cache", fields)


def dumps(thing) -> str:
    """A dict as one line; what its values hold is encoded."""
    return json.dumps({name: encode(value) for name, value in thing.items()})


def loads(line: str):
    """The dict that `dumps` was given."""
    return json.loads(line, object_hook=decode)


# --- What the code may not do


def restrict() -> None:
    """Limit the memory, on systems that can, and refuse imports, files and requests to the system.

    What an exercise may import is imported before, so that Python opens no file later.
    """
    for name in (*ALLOWED, *OTHERS):
        importlib.import_module(name)
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
    threading.Thread.start = no_thread  # which could end a later exercise
    sys.meta_path.insert(0, Barred)
    sys.addaudithook(refuse)


class Barred:
    """Refuses to import anything more."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        raise ModuleNotFoundError(f"an exercise may not import {name}")


def no_thread(*_):
    raise PermissionError("an exercise may not start a thread")


def refuse(event: str, args: tuple) -> None:
    """An audit hook: Python calls it before it opens a file or asks the system for anything."""
    if event == "open":
        raise PermissionError(f"an exercise may not open files, here {args[0]}")
    if event.startswith(SYSTEM):
        raise PermissionError(f"an exercise may not use {event}")


# --- A call


class BadCall(Exception):
    """Says what is wrong with a call that raised nothing itself."""


def load(name: str, code: str) -> types.ModuleType:
    """The module of this code."""
    module = types.ModuleType(f"exercise_{name}")
    sys.modules[module.__name__] = module  # dataclasses look for the module that they are in
    exec(compile(code, f"{name}.py", "exec"), vars(module))
    return module


def told(error: BaseException, name: str) -> str:
    """An error in one line, with the line of the submission's file that it comes from."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == f"{name}.py":
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
        return f"writes to an array that it is given{where}: copy it first"
    return f"raised {type(error).__name__}{': ' if text else ''}{text}{where}"


class Proxy:
    """An op that lives in the grader, which answers `forward` and `backward`.

    The cache that `forward` returns stands for the arrays and options that it was given.
    """

    def __init__(self, ask: Callable):
        self._ask = ask

    def forward(self, *arrays, **options):
        given = {"arrays": arrays, "options": options}
        return self._ask({"function": "forward", **given}), types.SimpleNamespace(given=given)

    def backward(self, dout, cache):
        return self._ask({"function": "backward", "dout": dout, **cache.given})


class Pupil:
    """The exercise at hand: its module, its caches, and how it reaches the grader."""

    def __init__(self, name: str, code: str, send: Callable, receive: Callable):
        self.name, self.send, self.receive = name, send, receive
        self.caches: dict = {}
        self.module, self.problem, self.printed = self.guarded(load, name, code)

    def guarded(self, function: Callable, *args) -> tuple:
        """What a function that runs the exercise's code returns, its error in a line or "", and the
        beginning of what it prints.
        """
        printed, value, error = io.StringIO(), None, ""
        out, err = contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed)
        with out, err, np.errstate(all="ignore"):
            try:
                value = function(*args)
            except BaseException as problem:  # SystemExit and KeyboardInterrupt too
                error = told(problem, self.name)
        return value, error, printed.getvalue()[:SHOWN]

    def ask(self, proxy: int, given: dict):
        """What the op of this proxy answers, in the grader."""
        self.send({"ask": proxy, **given})
        reply = self.receive()
        if reply["error"]:
            raise ValueError(f"op.{given['function']}: {reply['error']}")
        return reply["value"]

    def answer(self, call: dict):
        """The value of one call of a function of the exercise.

        `keep`: the cache that the function returns stays here, under this number, and out is the
        value; `kept`: the function gets the cache of this number last. `proxy`: the function gets
        an op that lives in the grader first, and last a generator of this seed.
        """
        function = getattr(self.module, call["function"], None)
        if not callable(function):
            near = difflib.get_close_matches(call["function"], vars(self.module), 1)
            raise BadCall("is not defined" + (f"; is {near[0]} meant to be it?" if near else ""))
        args, options = list(call["args"]), dict(call.get("options", {}))
        if "out" in options:  # NumPy's name for an array that is meant to be written to
            options["out"] = options["out"].copy()
        dicts = [(thing, dict(thing)) for thing in args if isinstance(thing, dict)]
        if "kept" in call:
            if call["kept"] not in self.caches:
                raise BadCall(NO_CACHE)
            args.append(self.caches[call["kept"]])
        if "proxy" in call:
            op = Proxy(functools.partial(self.ask, call["proxy"]))
            args = [op, *args, np.random.default_rng(call["proxy"])]
        value = function(*args, **options)
        if "out" in options and all(
            array is not options["out"] for array in (value, getattr(value, "base", None))
        ):
            raise BadCall("does not write to the given out and return it")
        for now, before in dicts:
            if now.keys() != before.keys() or any(now[key] is not before[key] for key in now):
                raise BadCall("writes to a dict that it is given: copy it first")
        if "keep" not in call:
            return value
        if not isinstance(value, tuple) or len(value) != 2:
            many = isinstance(value, tuple)
            what = f"{len(value)} values" if many else f"a {type(value).__name__}"
            what = "None: is its return missing?" if value is None else what
            raise BadCall(f"returns {what} instead of (out, cache)")
        out, self.caches[call["keep"]] = value
        return out

    def do(self, calls: list[dict]) -> list[dict]:
        """The value of each call, its error in a line or "", and what it printed."""
        results = []
        for call in calls:
            value, error, printed = self.guarded(self.answer, call)
            try:
                value = encode(value)
            except Exception as problem:  # JSON cannot hold it
                value, error = None, f"returns {problem}"
            results.append({"value": value, "error": error, "printed": self.printed + printed})
            self.printed = ""  # the first call has what was printed at import, too
        return results


def main() -> None:
    """Do one exercise after the other."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends this process as it ends the grader
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):  # what is written past Python goes nowhere; faulthandler writes to 2
        os.dup2(nothing, number)
    with open(sys.argv[2], encoding="ascii") as tasks:
        calls = dict(line.split("\t") for line in tasks)

    def send(thing: dict) -> None:
        answers.write(dumps(thing) + "\n")
        answers.flush()

    def receive() -> dict:
        return loads(requests.readline())

    restrict()
    shared = [vars(module) for module in (np, np.linalg, np.random, math, builtins, json)]
    before = [dict(names) for names in shared]
    send({"ready": True})
    while line := requests.readline():
        given = json.loads(line)
        faulthandler.dump_traceback_later(given["seconds"], exit=True)
        pupil = Pupil(given["name"], given["code"], send, receive)
        if not pupil.problem:
            results = pupil.do(json.loads(calls[given["name"]], object_hook=decode))
        faulthandler.cancel_dump_traceback_later()
        for names, right in zip(shared, before):  # it may have set np.where = None, say
            names.update(right)
        answers.write(json.dumps({"results": [] if pupil.problem else results,
                                  "problem": pupil.problem}) + "\n")  # fmt: skip
        answers.flush()


if __name__ == "__main__":
    main()
