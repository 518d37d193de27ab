"""Work on all cores: in order, at once, whatever the number of threads."""

import os
import subprocess
import sys
import threading
import time

import pytest

from minidann.ops import parallel

CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name not in (*parallel.ASKED, "OMP_NUM_THREADS")
}


@pytest.fixture(params=[1, 2, 5])
def threads(request, monkeypatch):
    monkeypatch.setattr(parallel, "early", True)
    monkeypatch.setenv("OMP_NUM_THREADS", str(request.param))
    return request.param


WAYS = pytest.mark.parametrize("way", [parallel.each, parallel.stream])


@WAYS
@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_results_come_in_order(way, count, threads):
    assert list(way(lambda i, j: i - j, [(i, 2 * i) for i in range(count)])) == [
        -i for i in range(count)
    ]


@WAYS
def test_parts_are_done_at_once(way, threads):
    met = threading.Barrier(threads, timeout=20)  # breaks unless so many are there together
    assert list(way(lambda _: met.wait() >= 0, [(i,) for i in range(threads)])) == [True] * threads


@WAYS
def test_what_a_part_raises_is_raised(way, threads):
    with pytest.raises(ZeroDivisionError):
        list(way(lambda i: 1 / (i - 7), [(i,) for i in range(10)]))
    assert list(way(abs, [(-1,), (2,)])) == [1, 2]  # and the next call is none the worse


@WAYS
def test_few_parts_are_begun_after_an_error(way, threads):
    begun = []

    def work(i):
        begun.append(i)
        time.sleep(0.01 if i else 0)
        1 / i

    with pytest.raises(ZeroDivisionError):
        list(way(work, [(i,) for i in range(1000)]))
    assert len(begun) < 40


def test_a_stream_is_few_parts_ahead_and_begins_no_more_when_it_is_left(threads):
    begun = []
    results = parallel.stream(begun.append, [(i,) for i in range(1000)])
    next(results)
    results.close()
    assert len(begun) == parallel.AHEAD * threads


@pytest.mark.parametrize(
    "limit, expected",
    [("3", 3), ("1", 1), (" 2,1", 2), *((limit, 7) for limit in ("", "0", "many", "-2", "²"))],
)
def test_the_limit(monkeypatch, limit, expected):
    monkeypatch.setattr(parallel, "early", True)
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(7))
    else:
        monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert parallel.threads() == expected


def printed(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], env=CLEAN | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_blas_is_set_to_one_thread():
    code = (
        "import os, minidann.train; "
        "print(*(os.environ[name] for name in minidann.ops.parallel.ASKED))"
    )
    assert printed(code, OPENBLAS_NUM_THREADS="4") == ["1"] * len(parallel.ASKED)


@pytest.mark.parametrize("blas, expected", [({}, "1"), ({"OPENBLAS_NUM_THREADS": "1"}, "3")])
def test_where_blas_has_its_threads_already(blas, expected):
    code = "import numpy; from minidann.ops import parallel; print(parallel.threads())"
    assert printed(code, OMP_NUM_THREADS="3", **blas) == [expected]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own():
    code = """
import os, warnings
from minidann.ops import parallel
warnings.simplefilter("ignore")
parts = [(i,) for i in range(8)]
parallel.each(abs, parts)
if os.fork() == 0:
    print(*parallel.each(abs, parts), flush=True)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert printed(code, OMP_NUM_THREADS="3") == [*"01234567", "0"]
