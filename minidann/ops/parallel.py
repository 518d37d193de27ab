"""All cores: the same work on several parts at once, in threads.

NumPy, SciPy and BLAS let go of Python's lock while they compute, so threads do run at once. The
threads of BLAS share one matrix product and wait for each other in a busy loop: where another
program keeps a core, all of them wait, and many small products take ten times as long. So BLAS is
set to one thread, and here each thread takes the next part as soon as it is done with one. The
result does not depend on how many there are.

BLAS reads its settings when NumPy is loaded. If NumPy was imported before minidann, BLAS already
has its own threads, and minidann uses one.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

AHEAD = 16  # parts a thread that `stream` does at once: fewer would wait for one another more often
ASKED = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

early = "numpy" not in sys.modules
if early:
    os.environ.update(dict.fromkeys(ASKED, "1"))


def threads() -> int:
    """How many to use: OMP_NUM_THREADS, where such a limit is usually set, or one for each core."""
    limit = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2": 4 at the outermost
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))  # the cores that this process may use
    if limit.isdecimal() and int(limit):
        count = int(limit)
    if count > 1 and not early and os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        text = "NumPy was imported before minidann, so only one core is used; import minidann first"
        warnings.warn(text, stacklevel=2)  # which Python prints once
        return 1
    return count


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    """`count` threads that stay: to start one takes longer than a part of the work."""
    return ThreadPoolExecutor(count, "minidann")


if hasattr(os, "register_at_fork"):  # a forked process has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def each(work: Callable, parts: Sequence) -> list:
    """[work(*part) for part in parts], on all cores; where a part raises, few more are begun.

    `work` is pure, or writes to its own place, and does not call `each` itself: its threads would
    wait for each other.
    """
    return list(_pool(threads()).map(work, *zip(*parts))) if parts else []


def stream(work: Callable, parts: Sequence) -> Iterator:
    """As `each`, one result after the other: few parts are ahead of the one that is asked for."""
    size = AHEAD * threads()
    for i in range(0, len(parts), size):
        yield from each(work, parts[i : i + size])
