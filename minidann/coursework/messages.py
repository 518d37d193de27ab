"""Messages between the grader and a submission's process: trees in JSON, and the arrays in them.

Nothing is unpickled on either side. The process that runs a submission loads this file by its path,
so it imports nothing of minidann.
"""

import json
import math
import struct

import numpy as np

LARGEST = 16  # megabytes; 100,000 numbers in lists take a few


class TooLong(ValueError):
    """A message of more than LARGEST megabytes."""


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
            scalar = isinstance(x, np.generic)
            return {"array": array.dtype.str, "shape": array.shape, "scalar": scalar}
        if isinstance(x, (tuple, list, range)):
            return {"tuple" if isinstance(x, tuple) else "list": [tree(item) for item in x]}
        if isinstance(x, dict):
            if not all(isinstance(key, str) for key in x):
                raise TypeError("a dict with keys that are no strings")
            return {"dict": {key: tree(value) for key, value in x.items()}}
        raise TypeError(f"a thing of type {type(x).__name__}")

    head = json.dumps(tree(thing)).encode()
    return b"".join([struct.pack("<I", len(head)), head, *(array.tobytes() for array in arrays)])


def unpack(data: bytes):
    """The inverse of `pack`; arrays are new and writeable. Raises ValueError on what is none."""
    (size,) = struct.unpack_from("<I", data)
    at = 4 + size
    head = json.loads(data[4:at])

    def thing(x):
        nonlocal at
        if not isinstance(x, dict):
            return x
        if "array" in x:  # their bytes come in the order in which they are met here
            dtype, shape = np.dtype(x["array"]), x["shape"]
            array = np.frombuffer(data, dtype, math.prod(shape), at).reshape(shape).copy()
            at += array.nbytes
            return array[()] if x["scalar"] else array
        ((kind, value),) = x.items()
        if kind == "dict":
            return {key: thing(item) for key, item in value.items()}
        return {"tuple": tuple, "list": list}[kind](thing(item) for item in value)

    return thing(head)


def send(file, thing) -> None:
    write(file, pack(thing))


def write(file, data: bytes) -> None:
    """A message that is packed already."""
    file.write(struct.pack("<Q", len(data)) + data)
    file.flush()


def receive(file):
    """The next message. EOFError where the other side has gone, TooLong where it is too long."""
    head = file.read(8)
    if len(head) < 8:
        raise EOFError
    (size,) = struct.unpack("<Q", head)
    if size > LARGEST << 20:
        raise TooLong if size < 1 << 40 else ValueError("this is no message")
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return unpack(data)
