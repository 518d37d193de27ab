"""What every command shares: errors in one line, progress on anything slow."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import NoReturn


class UserError(Exception):
    """Something the person at the keyboard can put right: what is wrong, where, and what to do.

    It is one line, or one a problem. `run` prints it without a traceback.
    """


class Parser(argparse.ArgumentParser):
    """A command line whose mistakes are told in one line, and whose flags are not cut short."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help says what there is")


def run(main: Callable[[], None]) -> None:
    """Run a command's `main()`; turn a UserError into a line on stderr and exit code 2.

    So with what the system refuses (a full disk, a file that went away) where nobody expected it.
    """
    for stream in (sys.stdout, sys.stderr):  # a file's name need not be text of this encoding
        if hasattr(stream, "reconfigure"):  # not if it was closed before, or is a notebook's
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
        if sys.stdout is not None:
            sys.stdout.flush()
        return
    except UserError as error:
        code, line = 2, f"error: {error}"
    except KeyboardInterrupt as stop:  # Ctrl-C; a command that can go on says how
        code, line = 130, str(stop) or "stopped"
    except MemoryError as error:
        code, line = 2, f"error: out of memory ({error or 'no details'})"
    except OSError as error:
        where = error.filename or "writing the output"
        code, line = 2, f"error: {where}: {error.strerror or error}"
        if not error.filename:  # what is still to be written goes nowhere: no complaint at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader, `head` say, has gone: as SIGPIPE would
            sys.exit(141)
    print(line, file=sys.stderr)
    sys.exit(code)


say = partial(print, flush=True)  # also where stdout is a file or a pipe: a log must not lag behind


def clock(seconds: float) -> str:
    """`75.2` seconds as `1:15`, `3675` as `1:01:15`."""
    return str(timedelta(seconds=int(seconds))).removeprefix("0:").removeprefix("0")


def progress(items: Iterable, total: int, label: str, unit: str) -> Iterator:
    """Yield `items`, telling stderr after two seconds, and then every ten, how many are done.

    The first items can be slow, so the time left is told when a twentieth of them is done.
    """
    started = time.monotonic()
    due = started + 2
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now > due:
            left = f", {clock((now - started) * (total - done) / done)} left"
            line = f"{label}: {done}/{total} {unit}" + left * (20 * done >= total)
            print(line, file=sys.stderr, flush=True)
            due = now + 10
        yield item
