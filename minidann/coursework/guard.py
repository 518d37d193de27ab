"""What a submission's code may not do: write to what it is given, open files, ask the system.

It is no sandbox: code that wants to leave its process can. It is there for accidents. The process
loads this file by its path.
"""

import contextlib
import operator
import os
import sys
from collections.abc import Callable

import numpy as np

# What Python calls requests to the system: of these an exercise needs none.
SYSTEM = ("os.", "subprocess.", "shutil.", "socket.", "ctypes.", "signal.", "resource.", "fcntl.",
          "pty.", "winreg.", "_winapi.", "sqlite3.")  # fmt: skip
# Of these it is not asked: modules that are not to be imported, functions that are taken away.
UNHEARD = ("readline", "_posixsubprocess", "_posixshmem")
TAKEN = ("pidfd_open", "memfd_create", "pidfd_send_signal")


def lock(thing) -> list[tuple]:
    """Make every array in it read-only, but one that is called `out`, as NumPy calls what is to be
    written to. -> its dicts and lists, and what is in them now.
    """
    if isinstance(thing, np.ndarray):
        thing.flags.writeable = False
    if not isinstance(thing, (dict, tuple, list)):
        return []
    held = [] if isinstance(thing, tuple) else [(thing, contents(thing))]
    items = thing.items() if isinstance(thing, dict) else enumerate(thing)
    return held + [pair for name, value in items if name != "out" for pair in lock(value)]


def contents(thing: dict | list) -> list:
    """What a dict or a list holds."""
    return [*thing, *thing.values()] if isinstance(thing, dict) else [*thing]


def changed(held: list[tuple]) -> bool:
    """Does a dict or a list hold something else than when it was locked?"""
    return any(
        len(now := contents(thing)) != len(before) or any(map(operator.is_not, now, before))
        for thing, before in held
    )


def limit(seconds: int, megabytes: int) -> None:
    """No more memory and no more seconds of CPU than this, where the system can be asked; and no
    large file, should there be a way to write one.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_AS, megabytes << 20), (resource.RLIMIT_CPU, seconds),
                       (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 1 << 20)):  # fmt: skip
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


class Barred:
    """Finds no module, and refuses what is neither Python's own nor NumPy's."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in UNHEARD or name.partition(".")[0] not in (*sys.stdlib_module_names, "numpy"):
            raise ModuleNotFoundError(f"{name} is not for exercises")


def take() -> None:
    """Take away what Python asks nobody about."""
    for module in ("os", "posix", "signal", "_signal"):
        for name in TAKEN:
            vars(sys.modules.get(module, os)).pop(name, None)


def hook(packages: str) -> Callable:
    """An audit hook: Python calls it before it opens a file or asks most things of the system.

    An exercise computes. It opens what it imports, from Python's own folders and the one with
    NumPy, but nothing of minidann, which may lie there too. Links in there are the system's.
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
                raise PermissionError(f"an exercise opens no file, here {name}")
        elif event.startswith(SYSTEM) and event not in ("os.listdir", "os.scandir"):
            raise PermissionError(f"an exercise has no use for {event}")

    return asked
