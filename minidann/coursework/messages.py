"""Messages between the grader and a submission's process: trees in JSON, and the arrays in them.

Nothing is unpickled on either side. The process that runs a submission loads this file by its path,
so it imports nothing of minidann.
"""

import io
import json
import struct

import numpy as np

LARGEST = 16  # megabytes; the largest right answer takes a hundredth


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
            return {"array": len(arrays) - 1, "scalar": isinstance(x, np.generic)}
        if isinstance(x, (tuple, list, range)):
            return {"tuple" if isinstance(x, tuple) else "list": [tree(one) for one in x]}
        if isinstance(x, dict):
            if not all(isinstance(key, str) for key in x):
                raise TypeError("a dict with keys that are no strings")
            return {"dict": {key: tree(value) for key, value in x.items()}}
        raise TypeError(f"a thing of type {type(x).__name__}")

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
