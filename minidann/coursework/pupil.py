"""The process that a submission's code runs in: it answers calls, and knows not what is right.

It runs as a script of its own, with the standard library and NumPy, so that the reference is
not in it. The grader sends a call, the answer goes back; both are messages of `pack`: a tree in
JSON and the arrays in it. Nothing is unpickled on either side.

It is no sandbox: code that wants to leave this process can. It is there for accidents.
"""

import contextlib
import importlib.util
import io
import json
import os
import struct
import sys

import numpy as np

SHOWN = 4000  # characters of what the code prints are sent back
REFUSED = ("minidann", "torch", "jax", "tensorflow", "autograd")  # there is nothing to learn from


def pack(thing) -> bytes:
    """None, numbers, text, arrays, and tuples, lists and dicts of them, as bytes.

    Raises TypeError on anything else.
    """
    arrays: list[np.ndarray] = []

    def tree(x):
        if x is None or isinstance(x, (bool, int, float, str)) and not isinstance(x, np.generic):
            return x
        if isinstance(x, (np.ndarray, np.generic)):
            array = np.asarray(x)
            if array.dtype.kind not in "biufc":
                raise TypeError(f"an array of {array.dtype}")
            arrays.append(array)
            return {"array": len(arrays) - 1, "scalar": isinstance(x, np.generic)}
        if isinstance(x, (tuple, list)):
            return {type(x).__mro__[-2].__name__: [tree(one) for one in x]}
        if isinstance(x, dict) and all(isinstance(key, str) for key in x):
            return {"dict": {key: tree(value) for key, value in x.items()}}
        raise TypeError(f"a {type(x).__name__}")

    file = io.BytesIO()
    head = json.dumps(tree(thing)).encode()
    file.write(struct.pack("<I", len(head)) + head)
    for array in arrays:
        np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def unpack(data: bytes):
    """The inverse of `pack`; arrays are new and writeable."""
    (size,) = struct.unpack_from("<I", data)
    file = io.BytesIO(data)
    file.seek(4 + size)
    head = json.loads(data[4 : 4 + size])
    arrays: list[np.ndarray] = []

    def thing(x):
        if not isinstance(x, dict):
            return x
        if "array" in x:
            while len(arrays) <= x["array"]:
                arrays.append(np.lib.format.read_array(file, allow_pickle=False))
            array = arrays[x["array"]]
            return array[()] if x["scalar"] else array
        ((kind, value),) = x.items()
        if kind == "dict":
            return {key: thing(one) for key, one in value.items()}
        return {"tuple": tuple, "list": list}[kind](thing(one) for one in value)

    return thing(head)


def send(file, thing) -> None:
    write(file, pack(thing))


def write(file, data: bytes) -> None:
    """A message that is packed already."""
    file.write(struct.pack("<Q", len(data)) + data)
    file.flush()


def receive(file, largest: int = 1 << 28):
    """The next message. EOFError where the other side has gone, ValueError where it is too long."""
    head = file.read(8)
    if len(head) < 8:
        raise EOFError
    (size,) = struct.unpack("<Q", head)
    if size > largest:
        raise ValueError(f"a message of {size} bytes")
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return unpack(data)


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


def limit(seconds: int, megabytes: int) -> None:
    """No more memory and no more seconds of CPU than this, where the system can be asked."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_AS, megabytes << 20), (resource.RLIMIT_CPU, seconds),
                       (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 1 << 20)):  # fmt: skip
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def load(path: str):
    """The module in a file."""
    spec = importlib.util.spec_from_file_location("exercise", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told(error: BaseException, path: str) -> str:
    """An error in one line, with the line of the submission's file that it comes from."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = " ".join(str(error).split())[:300]
    except Exception:  # an error that cannot be printed
        text = ""
    where = f", line {line}" if line else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{where}"


class Proxy:
    """An op that lives in the grader: forward and backward are asked of it."""

    def __init__(self, requests, answers):
        self._ends = requests, answers

    def _ask(self, function, *args, **options):
        requests, answers = self._ends
        send(answers, {"ask": function, "args": args, "options": options})
        answer = receive(requests)
        if answer["error"] is not None:
            raise ValueError(answer["error"])
        return answer["value"]

    def forward(self, *arrays, **options):
        return self._ask("forward", *arrays, **options)

    def backward(self, dout, cache):
        return self._ask("backward", dout, cache)


def answer(call: dict, modules: dict, kept: dict, requests, answers):
    """Do one call. `keep`: the cache that it returns second stays here; `kept`: it is given it."""
    path = call["path"]
    if path not in modules:
        modules[path] = load(path)
    function = getattr(modules[path], call["function"], None)
    if not callable(function):
        raise NotImplementedError(f"there is no function {call['function']}")
    args = list(call["args"])
    if call["kept"]:
        args.append(kept["cache"])
    if call["proxy"]:
        args.insert(0, Proxy(requests, answers))
        args.append(np.random.default_rng(0))
    value = function(*args, **call["options"])
    if call["keep"]:
        if not isinstance(value, tuple) or len(value) != 2:
            raise TypeError(f"expected (out, cache), received {type(value).__name__}")
        kept["cache"] = value[1]
        value = value[0]
    return value


def main() -> None:
    seconds, megabytes = map(int, sys.argv[1:3])
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # what is written past Python goes nowhere
        os.dup2(nothing, number)
    limit(seconds, megabytes)
    for name in REFUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it is an ImportError
    np.seterr(all="ignore")
    modules: dict = {}
    kept: dict = {}
    own = os.getpid()
    send(answers, "ready")
    while True:
        try:
            call = receive(requests)
        except EOFError:
            os._exit(0)
        printed, value, error = Printed(), None, None
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value = answer(call, modules, kept, requests, answers)
        except BaseException as problem:  # SystemExit and KeyboardInterrupt too
            error = told(problem, call["path"])
        if os.getpid() != own:  # a copy that the code made of us: it has nothing to say
            os._exit(0)
        result = {"error": error, "printed": printed.text, "count": printed.count}
        try:
            send(answers, {**result, "value": value})
        except TypeError as problem:
            send(answers, {**result, "value": None, "error": f"returned {problem}"})


if __name__ == "__main__":
    main()
