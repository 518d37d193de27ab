"""The process that runs a submission's code. It imports NumPy and nothing of minidann.

It knows no right answer. The grader starts it as a script of its own. On stdin it gets the code and
the calls of each exercise; on stdout it answers with one line an exercise. Calls and answers are
JSON, in which an array is the base64 of its bytes, so nothing is unpickled at either end. Arrays
that are made from bytes are read-only.

This is no sandbox: code that sets out to leave this process can. It is there for accidents.
"""

import base64
import builtins
import collections
import contextlib
import faulthandler
import importlib
import io
import json
import os
import signal
import sys
import traceback
import types
import warnings
from collections.abc import Callable

if __name__ == "__main__":
    sys.path.append(sys.argv[1])  # where the grader's NumPy is; -I hides a user's own packages
import numpy as np

ALLOWED = ("numpy", "math", "numbers", "operator", "copy", "types", "typing", "functools",
           "itertools", "collections", "contextlib", "dataclasses", "enum", "abc", "warnings",
           "__future__")  # fmt: skip
NUMPY, PYTHON = (os.path.dirname(module.__file__) + os.sep for module in (np, os))
MEGABYTES = 2048  # of address space; NumPy alone takes a few hundred
WRITTEN = 256 << 20  # bytes of all answers
SHOWN = 2000  # characters of what an exercise prints are sent back
LARGEST = 16 << 20  # bytes of an array that is sent back
TODO = "is not written yet"
SYSTEM = ("os.", "subprocess.", "shutil.", "socket.", "ctypes.", "signal.", "resource.")


def plain(thing):
    """An array as JSON can hold it; of what it cannot hold, the name."""
    if isinstance(thing, np.bool_):
        return bool(thing)
    if not isinstance(thing, (np.ndarray, np.generic)):
        return {"name__": type(thing).__name__}
    if thing.dtype.kind not in "biufc":
        return {"name__": f"NumPy array of {thing.dtype}"}
    if thing.nbytes > LARGEST:
        return {"name__": f"NumPy array of more than {LARGEST >> 20} MB"}
    content = base64.b64encode(np.asarray(thing).tobytes()).decode()
    return {"dtype__": thing.dtype.str, "shape": thing.shape, "bytes": content}


def decode(found: dict):
    """The thing that was written as this; json.loads calls it, innermost objects first."""
    if "dtype__" in found:
        array = np.frombuffer(base64.b64decode(found["bytes"]), np.dtype(found["dtype__"]))
        return array.reshape(found["shape"])
    if "fields__" in found:  # the cache of a layer
        return collections.namedtuple("Cache", found["fields__"])(**found["fields__"])
    if "name__" in found:  # something that only has this type's name
        return type(found["name__"], (), {})()
    return found


def dumps(thing) -> str:
    return json.dumps(thing, default=plain)


def loads(line: str):
    return json.loads(line, object_hook=decode)


def stand_in(module: str):
    """In place of a module that an exercise may not import, and of what it imports from it: an
    import alone does no harm, but whatever uses it raises an error.
    """

    def refuse(*_, **__):
        raise ImportError(f"an exercise may not use {module}")

    uses = "call iter getitem setitem len contains enter bool lt le gt ge neg matmul pow "
    uses += "add radd sub rsub mul rmul truediv rtruediv"
    refused = {f"__{use}__": refuse for use in uses.split()}
    return type("StandIn", (), {"__getattr__": lambda self, part: self, **refused})()


def importer(notes: list[str]) -> Callable:
    """The `__import__` of an exercise, which notes what it may not import."""

    def importing(name, names=None, local=None, fromlist=(), level=0):
        module = name.partition(".")[0]
        if module in ALLOWED and not level:
            return builtins.__import__(name, names, local, fromlist, level)
        module = module or "other files"  # from . import conv1d
        line = sys._getframe(1).f_lineno
        notes.append(f"Line {line} imports {module}, which an exercise may not use.")
        return stand_in(module)

    return importing


def refuse(event: str, args: tuple) -> None:
    """An audit hook: Python calls it before it opens a file or asks the system for anything.

    The files of NumPy and of Python may be read: some are only when they are first used.
    """
    if event != "open" and not event.startswith(SYSTEM):
        return
    path, mode, *_ = *map(str, args), "", ""
    own = path.startswith((NUMPY, PYTHON)) and "-packages" not in path.removeprefix(NUMPY)
    if own and (event == "os.listdir" or (event == "open" and mode in ("r", "rb"))):
        return
    if event == "open":
        raise PermissionError(f"an exercise may not open files, here {path}")
    raise PermissionError(f"an exercise may not use {event}")


def restrict() -> None:
    """Limit memory and files, on systems that can, and refuse files and requests to the system."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
        resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
    sys.addaudithook(refuse)


def load(name: str, code: str, notes: list[str]) -> types.ModuleType:
    """The module of this code."""
    module = types.ModuleType(f"exercise_{name}")
    sys.modules[module.__name__] = module  # dataclasses look for the module that they are in
    vars(module)["__builtins__"] = vars(builtins) | {"__import__": importer(notes)}
    exec(compile(code, f"{name}.py", "exec"), vars(module))
    return module


def told(error: BaseException, name: str) -> str:
    """An error in one line, with the line of the submission's file that it comes from."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__)
             if frame.f_code.co_filename == f"{name}.py"]  # fmt: skip
    if isinstance(error, SyntaxError) and not lines:
        lines = [error.lineno]
    text = " ".join(traceback.format_exception_only(error)[-1].split())[:300]
    where = f", line {lines[-1]}" if lines else ""
    if isinstance(error, NotImplementedError):
        return TODO
    if "is read-only" in text:
        return f"writes to an array that it is given, or to a view of one{where}: copy it first"
    if text.startswith("TypeError: it "):  # `answer` raised it
        return text.removeprefix("TypeError: it ")
    if "The truth value of an array" in text:
        return f"asks whether a whole array is true{where}: test one number, or `is None`"
    return f"raised {text}{where}"


def answer(module, caches: dict, call: dict):
    """The value of one call of a function of the exercise.

    `keep`: the cache that the function returns stays here, under this number, and out is the value;
    `kept`: the function gets the cache of this number last. `op`: the function gets first the op of
    this code, and last a generator. `constants` of the module are set before.
    """
    function = getattr(module, call["function"], None)
    if function is None:
        raise TypeError("it is missing")
    vars(module).update(call.get("constants", {}))
    args, options = call["args"], call.get("options", {})
    if "out" in options:  # NumPy's name for an array that is meant to be written to
        options["out"] = options["out"].copy()
    dicts = [(thing, dict(thing)) for thing in args if isinstance(thing, dict)]
    if "kept" in call:
        if call["kept"] not in caches:
            raise NotImplementedError("forward gave no cache")
        args = [*args, caches[call["kept"]]]
    if "op" in call:
        op = types.SimpleNamespace()
        exec(call["op"], vars(op))
        args = [op, *args, np.random.default_rng(0)]
    value = function(*args, **options)
    if "out" in options and not np.shares_memory(value, options["out"]):
        raise TypeError("it does not write to the given out and return it")
    for now, before in dicts:
        if now.keys() != before.keys() or any(now[key] is not before[key] for key in now):
            raise TypeError("it writes to a dict that it is given: copy it first")
    if "keep" not in call:
        return value
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"it returns a {type(value).__name__} instead of (out, cache)")
    out, caches[call["keep"]] = value
    return out


def do(name: str, code: str, calls: list[dict]) -> dict:
    """What becomes of an exercise: the value of each call, and its error in a line or ""; why it
    cannot be imported; the beginning of what it printed; and notes.
    """
    printed, notes, caches, results = "", [], {}, []

    def guarded(function: Callable, *args) -> tuple:
        nonlocal printed
        shown, value, error = io.StringIO(), None, ""
        out, err = contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown)
        with out, err, np.errstate(all="ignore"):
            try:
                value = function(*args)
            except BaseException as raised:  # SystemExit and KeyboardInterrupt too
                error = told(raised, name)
        printed += shown.getvalue()[: SHOWN - len(printed)]
        return value, error

    module, problem = guarded(load, name, code, notes)
    problem = problem and f"The file cannot be imported: it {problem}."
    for call in [] if problem else calls:
        before = printed
        # Its value as it is now, because the code may write to it later.
        value, error = guarded(lambda call: loads(dumps(answer(module, caches, call))), call)
        results.append({"value": value, "error": error})
        printed = before if call.get("again") else printed
    return {"calls": results, "problem": problem, "notes": notes, "printed": printed}


def main() -> None:
    """Do one exercise after the other."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends this process as it ends the grader
    given = json.load(sys.stdin)
    answers, nothing = os.fdopen(os.dup(1), "w"), os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # what is written past Python goes nowhere; faulthandler writes to 2
    restrict()
    modules = map(importlib.import_module, (*ALLOWED, "numpy.linalg", "numpy.random"))
    shared = [vars(module) for module in modules]
    before = [dict(names) for names in shared]
    answers.write(f"\n{given['mark']} \n")
    for name, (code, calls) in given["asked"].items():
        answers.flush()
        faulthandler.dump_traceback_later(given["seconds"], exit=True)
        with warnings.catch_warnings():
            done = dumps(do(name, code, loads(calls)))
        faulthandler.cancel_dump_traceback_later()
        for names, right in zip(shared, before):  # it may have set np.where = None, say
            names.update(right)
        answers.write(f"\n{given['mark']} {done}\n")
    answers.flush()


if __name__ == "__main__":
    main()
