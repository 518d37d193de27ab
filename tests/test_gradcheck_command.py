"""`python -m minidann.gradcheck`: exit codes, and errors of one line."""

import pytest
from conftest import call

from minidann import feeding, ops
from minidann.gradcheck import proof


def command(*arguments):
    return call("gradcheck", *arguments)


WRONG_DENSE = """
def forward(x, w, b):
    return x @ w + b, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)
"""
EXAMPLE = WRONG_DENSE + "def example(rng):\n    return "
ARRAYS = "(rng.random((4, 3)), rng.random((3, 2)), rng.random(2)), {}\n"


def test_the_proof():
    done = command()
    assert done.returncode == 0, done.stdout[-3000:]
    assert "predicted 1 + beta" in done.stdout
    assert "predicted (1 + beta)(1 - alpha) dL_l" in done.stdout
    for name in ops.__all__:
        assert f"{name}, its example: right\n" in done.stdout
    assert any(n == m for n, m in proof.BATCHES) and any(m > n for n, m in proof.BATCHES)
    for mode, (n, m) in zip(feeding.MODES, proof.BATCHES, strict=True):
        assert f"network, {mode}: right\n" in done.stdout
        assert f"network, {mode}, {n} source and {m} target rows: right\n" in done.stdout


def test_no_false_alarm_on_random_legal_shapes():
    done = command("--random", 15)  # each op and each mode
    assert done.returncode == 0 and "0 false alarms in 15 checks" in done.stdout, done.stdout


def test_a_students_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(WRONG_DENSE)
    done = command("--file", file, "--op", "dense")
    assert done.returncode == 1
    assert "b: summed: b is averaged where it should be summed" in done.stdout
    assert done.stdout.endswith("5 tables: 2 right, 3 wrong\n")  # the mean of one row is its sum
    file.write_text(WRONG_DENSE.replace("mean", "sum"))
    assert command("--file", file, "--op", "dense").returncode == 0
    file.write_text("import numpy as np\n" + EXAMPLE + ARRAYS)
    assert command("--file", file).returncode == 1
    assert command("--op", "relu").stdout.endswith("5 tables: 5 right, 0 wrong\n")


ONE_FRAME = """
import numpy as np
from minidann.ops import attention

forward, backward = attention.forward, attention.backward

def example(rng):
    return (rng.standard_normal((3, 1, 4)), rng.standard_normal(4)), {}
"""


def test_a_file_declares_its_zeros(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(ONE_FRAME)
    done = command("--file", file)
    assert done.returncode == 1
    assert "ZERO: PROVES NOTHING" in done.stdout
    assert 'in a file: ZEROS = ("v",)' in done.stdout
    file.write_text(ONE_FRAME + "ZEROS = ('v',)\n")
    done = command("--file", file)
    assert done.returncode == 0
    assert done.stdout.endswith("1 table: 1 right, 0 wrong\n")


def test_help_states_the_contract():
    done = command("--help")
    assert done.returncode == 0
    assert "forward(*arrays, **options) -> (out, cache)" in done.stdout
    assert "  conv1d: forward(x, w, b, *, stride=3, input_gradient=True)\n" in done.stdout
    assert "  dropout: forward(x, *, mask)\n" in done.stdout


def test_a_file_that_exits_or_prints(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import sys\n" + WRONG_DENSE.replace("x, w = cache", "sys.exit('stop')"))
    done = command("--file", file, "--op", "dense")
    assert done.returncode == 1
    assert "backward raised SystemExit: stop" in done.stdout
    file.write_text(EXAMPLE.replace("x, w = cache", "x, w = cache; print('here')") + ARRAYS)
    assert command("--file", file).stdout.count("here\n") == 1


@pytest.mark.parametrize(
    "code, message",
    [
        (None, "there is no such file"),
        ("def forward(x:", "line 1: "),
        ("1 / 0", "cannot be run (ZeroDivisionError: division by zero)"),
        ("x = 1", "has no function forward and no function backward"),
        (WRONG_DENSE, "has no function example; say with --op"),
        ("raise SystemExit(0)", "cannot be run (SystemExit: 0)"),
        (EXAMPLE + "1 / 0", "example(rng) raised ZeroDivisionError: "),
        (EXAMPLE + "rng, rng", "received a tuple of 2; for two arrays"),
        (EXAMPLE + "rng.random(3)", "a dict, received an array; for two"),
        (EXAMPLE + "rng.random(3), {}", "received an array first; for one"),
        (EXAMPLE + "([[1], [2, 3]],), {}", "an array is not one"),
        (EXAMPLE + "([], [], []), {}", "x is empty, shape (0,)"),
        (EXAMPLE + "([1], [1], [1]), {}\nZEROS = 'x'", "ZEROS: expected names"),
        (EXAMPLE + "([1], [1], [1]), {}\nZEROS = ('y',)", "of x, w, b, such"),
    ],
)
def test_what_is_wrong_with_a_file_is_reported_in_one_line(code, message, tmp_path):
    file = tmp_path / "mine.py"
    if code is not None:
        file.write_text(code)
    done = command("--file", file)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and message in done.stderr


def test_an_unknown_op_is_reported(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(WRONG_DENSE)
    for more in ((), ("--file", file)):
        done = command("--op", "nothing", *more)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert "error: --op nothing: no such op; there are conv1d, relu" in done.stderr
