"""What every command shares: errors in one line, progress on anything slow."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator


class UserError(Exception):
    """Something the person at the keyboard can put right.

    The message is one line (or one line a problem) that says what is wrong, where, and what to
    do. `run` prints it without a traceback and ends with exit code 2.
    """


LISTED = 20  # lines of problems that are printed


def listing(where: str, problems: list[str]) -> str:
    """A heading and one line a problem, at most LISTED of them: the message of a UserError."""
    things = "1 thing is" if len(problems) == 1 else f"{len(problems)} things are"
    lines = [f"{where}: {things} wrong", *(f"  {problem}" for problem in problems[:LISTED])]
    if len(problems) > LISTED:
        lines.append(f"  and {len(problems) - LISTED} more")
    return "\n".join(lines)


def run(main: Callable[[], None]) -> None:
    """Run a command's `main()`; turn a UserError into a line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # a file's name need not be text of this encoding
        stream.reconfigure(errors="backslashreplace")
    try:
        main()
    except UserError as error:
        sys.exit(_say(f"error: {error}", code=2))
    except KeyboardInterrupt as stop:  # Ctrl-C; a command that can go on says how
        sys.exit(_say(str(stop) or "stopped", code=130))
    except BrokenPipeError:  # the reader of our output, `head` say, has gone: as SIGPIPE would
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _say(line: str, *, code: int) -> int:
    print(line, file=sys.stderr)
    return code


def clock(seconds: float) -> str:
    """`75.2` seconds as `1:15`, `3675` as `1:01:15`."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def progress(items: Iterable, total: int, label: str, unit: str) -> Iterator:
    """Yield `items`, telling stderr how far it is: done, rate and time left.

    Silent in the first two seconds. A terminal gets one line that is written over and wiped at the
    end, anything else (a log file, say) a plain line every ten seconds.
    """
    terminal = sys.stderr.isatty()
    started, told = time.monotonic(), None
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - started > 2 and (told is None or now - told > (0.2 if terminal else 10)):
            rate = done / (now - started)
            left = (total - done) / rate if rate else 0
            line = f"{label}: {done}/{total} {unit}, {rate:.3g} a second, {clock(left)} left"
            sys.stderr.write(f"\r\x1b[K{line}" if terminal else f"{line}\n")
            sys.stderr.flush()
            told = now
        yield item
    if told is not None and terminal:
        sys.stderr.write("\r\x1b[K")
    elif told is not None:
        line = f"{label}: {total} {unit} in {clock(time.monotonic() - started)}"
        print(line, file=sys.stderr, flush=True)
