"""The process that runs a submission's code. It imports NumPy and nothing of minidann.

It knows no right answer. The grader starts it as a script of its own and gives it a file of tasks,
a line each: the exercise's name, its seconds and its calls, with tabs between them. The pupil
answers each task with one line, on the pipe that was its stdout. Calls and answers are JSON, in
which an array is the base64 of its bytes, so nothing is unpickled at either end. Arrays that are
made from bytes are read-only.

This is no sandbox: code that sets out to leave this process can. It is there for accidents.
"""

import base64
import builtins
import collections
import contextlib
import difflib
import faulthandler
import functools
import io
import json
import math
import operator
import os
import signal
import sys
import types
from collections.abc import Callable

if __name__ == "__main__":
    sys.path.append(sys.argv[1])  # where the grader's NumPy is; -I hides a user's own packages
import numpy as np
import numpy.linalg
import numpy.random  # else the first exercise would import them, in its own time

SHOWN = 2000  # characters of what a call prints are sent back
LARGEST = 16 << 20  # bytes of an array that is sent back
NO_CACHE = "has no cache, because forward failed"
# The hook of this process refuses what Python calls requests to the system. It does not hear of the
# modules and functions below, so they are hidden.
SYSTEM = ("os.", "subprocess.", "shutil.", "socket.", "ctypes.", "signal.", "resource.", "fcntl.",
          "pty.", "winreg.", "_winapi.", "sqlite3.")  # fmt: skip
HIDDEN = ("readline", "_posixsubprocess", "_posixshmem")
TAKEN = ("pidfd_open", "memfd_create", "pidfd_send_signal")


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
        if array.dtype.kind not in "biufc":
            raise TypeError("an array of objects")
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


def limit(seconds: int, megabytes: int) -> None:
    """Limit memory, CPU time and the size of files, on systems that can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_AS, megabytes << 20), (resource.RLIMIT_CPU, seconds),
                       (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 1 << 20)):  # fmt: skip
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


class Barred:
    """Refuses to import what is neither Python's own nor NumPy's."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in HIDDEN or name.partition(".")[0] not in (*sys.stdlib_module_names, "numpy"):
            raise ModuleNotFoundError(f"an exercise may not import {name}")


def hook(packages: str) -> Callable:
    """An audit hook, which Python calls before it opens a file or asks the system for anything.

    Python's own folders and the one with NumPy may be read, because imports read them. minidann may
    be installed beside NumPy, so its folder is refused.
    """
    allowed = [os.path.abspath(place) for place in (sys.prefix, sys.base_prefix, packages)]
    writes, below, absolute = os.O_WRONLY | os.O_RDWR, os.path.commonpath, os.path.abspath

    def is_fine(path, place):
        try:
            inside = below((path, place)) == place
        except ValueError:  # on another drive
            return False
        return inside and "minidann" not in path[len(place) :].split(os.sep)

    def asked(event, args):
        if event == "open":
            name, _, flags = args
            path = absolute(os.fsdecode(name)) if isinstance(name, (str, bytes)) else ""
            if flags & writes or not any(is_fine(path, place) for place in allowed):
                raise PermissionError(f"an exercise may not open files, here {name}")
        elif event.startswith(SYSTEM) and event not in ("os.listdir", "os.scandir"):
            raise PermissionError(f"an exercise may not use {event}")

    return asked


def names() -> list[tuple]:
    """Every name that all exercises share, of NumPy, of Python and of this file, and its value."""
    shared = (np, np.linalg, np.random, math, builtins, json, base64, sys.modules[__name__])
    return [(module, name, value) for module in shared for name, value in vars(module).items()]


def has_left_marks(before: list[tuple]) -> bool:
    """Did an exercise rebind a shared name, or leave a thread running?"""
    rebound = any(vars(module).get(name) is not value for module, name, value in before)
    return rebound or len(sys._current_frames()) > 1


# --- A call


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed."""

    text = ""

    def writable(self):
        return True

    def write(self, text):
        self.text += text[: SHOWN - len(self.text)]
        return len(text)


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
        return self._ask("forward", given), Kept(given)

    def backward(self, dout, cache):
        if not isinstance(cache, Kept):
            raise TypeError("op.backward takes the cache that op.forward returned")
        return self._ask("backward", {"dout": dout, **cache.given})


class Kept:
    """The cache of an op that lives in the grader."""

    def __init__(self, given: dict):
        self.given = given


def contents(thing) -> list[tuple]:
    """Every dict and list in `thing`, each with what it holds now."""
    if not isinstance(thing, (dict, tuple, list)):
        return []
    items = [*thing, *thing.values()] if isinstance(thing, dict) else [*thing]
    mine = [] if isinstance(thing, tuple) else [(thing, items)]
    return mine + [pair for item in items for pair in contents(item)]


def answer(call: dict, exercise: types.ModuleType, caches: dict, ask: Callable):
    """The value of one call of a function of the exercise.

    `keep`: the cache that the function returns stays here, under this number, and out is the value;
    `kept`: the function gets the cache of this number last. `proxy`: the function gets an op that
    lives in the grader first, and last a generator of this seed.
    """
    function = getattr(exercise, call["function"], None)
    if not callable(function):
        defined = [name for name, value in vars(exercise).items() if callable(value)]
        near = difflib.get_close_matches(call["function"], defined, 1)
        raise BadCall("is not defined" + (f"; is {near[0]} meant to be it?" if near else ""))
    args, options = list(call.get("args", ())), dict(call.get("options", {}))
    if "out" in options:  # NumPy's name for an array that is meant to be written to
        options["out"] = options["out"].copy()
    held = contents((tuple(args), options))
    if "kept" in call:
        if call["kept"] not in caches:
            raise BadCall(NO_CACHE)
        args.append(caches[call["kept"]])
    if "proxy" in call:
        op = Proxy(functools.partial(ask, call["proxy"]))
        args = [op, *args, np.random.default_rng(call["proxy"])]
    value = function(*args, **options)
    if "out" in options and not (
        isinstance(value, np.ndarray)
        and value.shape == options["out"].shape
        and np.shares_memory(value, options["out"])
    ):
        raise BadCall("does not write to the given out and return it")
    for thing, before in held:
        after = [*thing, *thing.values()] if isinstance(thing, dict) else thing
        if len(after) != len(before) or any(map(operator.is_not, after, before)):
            raise BadCall("writes to a dict or list that it is given: copy it first")
    if "keep" not in call:
        return value
    if not isinstance(value, tuple) or len(value) != 2:
        what = f"{len(value)} values" if isinstance(value, tuple) else f"a {type(value).__name__}"
        what = "None: is its return missing?" if value is None else what
        raise BadCall(f"returns {what} instead of (out, cache)")
    out, caches[call["keep"]] = value
    return out


class Pupil:
    """The exercise at hand: its module, its caches, and how it reaches the grader."""

    def __init__(self, name: str, code: str, send: Callable, receive: Callable):
        self.name, self.send, self.receive = name, send, receive
        self.caches: dict = {}
        self.printed, self.problem, self.module = Printed(), "", None
        with self.shielded():
            try:
                self.module = load(name, code)
            except BaseException as error:  # SystemExit and KeyboardInterrupt too
                self.problem = told(error, name)

    @contextlib.contextmanager
    def shielded(self):
        """While the exercise's code runs, `printed` keeps its output, and NumPy does not warn."""
        out, err = contextlib.redirect_stdout, contextlib.redirect_stderr
        with out(self.printed), err(self.printed), np.errstate(all="ignore"):
            yield

    def ask(self, proxy: int, function: str, given: dict):
        """What the op of this proxy answers, in the grader."""
        try:
            self.send({"ask": proxy, "function": function, **given})
        except TypeError as error:
            raise TypeError(f"op.{function} is given {error}") from None
        reply = self.receive()
        if reply["error"]:
            raise ValueError(f"op.{function}: {reply['error']}")
        return reply["value"]

    def do(self, calls: list[dict]) -> list[dict]:
        """The value of each call, its error in a line or "", and what it printed."""
        results = []
        for call in calls:
            error, value = "", None
            with self.shielded():
                try:
                    value = answer(call, self.module, self.caches, self.ask)
                except BaseException as problem:
                    error = told(problem, self.name)
            try:
                value = encode(value)
            except Exception as problem:  # JSON cannot hold it
                value, error = None, f"returns {problem}"
            results.append({"value": value, "error": error, "printed": self.printed.text})
            self.printed.text = ""  # the first call has what was printed at import, too
        return results


def main() -> None:
    """Do one task after the other."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends this process as it ends the grader
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    tasks = open(sys.argv[2], encoding="ascii")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):  # what is written past Python goes nowhere; faulthandler writes to 2
        os.dup2(nothing, number)

    def send(thing: dict) -> None:
        answers.write(dumps(thing) + "\n")
        answers.flush()

    def receive() -> dict:
        return loads(requests.readline())

    given = receive()
    limit(given["cpu"], given["megabytes"])
    for module in ("os", "posix", "signal", "_signal"):
        for name in TAKEN:
            vars(sys.modules.get(module, os)).pop(name, None)
    sys.meta_path.insert(0, Barred)
    sys.addaudithook(hook(sys.argv[1]))
    before = names()
    send({"ready": True})
    for line in tasks:
        name, seconds, calls = line.split("\t")
        if name not in given["codes"]:
            continue
        if has_left_marks(before):
            return send({"marked": True})  # the grader starts another process
        faulthandler.dump_traceback_later(given["seconds"] or float(seconds), exit=True)
        pupil = Pupil(name, given["codes"][name], send, receive)
        results = [] if pupil.problem else pupil.do(json.loads(calls, object_hook=decode))
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps({"results": results, "problem": pupil.problem}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
