"""`python -m minidann.gradcheck`: exit codes, and errors of one line."""

import subprocess
import sys

import pytest


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "minidann.gradcheck", *map(str, arguments)],
        capture_output=True, text=True,
    )  # fmt: skip


WRONG_DENSE = """
def forward(x, w, b):
    return x @ w + b, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)
"""


def test_the_proof():
    done = command()
    assert done.returncode == 0, done.stdout[-3000:]
    assert "network, bn4: right" in done.stdout
    assert "predicted 1 + beta" in done.stdout


def test_a_students_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(WRONG_DENSE)
    done = command("--file", file, "--op", "dense")
    assert done.returncode == 1
    assert "b: summed: b is averaged where it should be summed" in done.stdout
    file.write_text(WRONG_DENSE.replace("mean", "sum"))
    assert command("--file", file, "--op", "dense").returncode == 0
    file.write_text(
        "import numpy as np\n" + WRONG_DENSE + "def example(rng):\n"
        "    return (rng.random((4, 3)), rng.random((3, 2)), rng.random(2)), {}\n"
    )
    assert command("--file", file).returncode == 1


def test_how_many_tables_are_right(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(WRONG_DENSE)
    done = command("--file", file, "--op", "dense")
    assert done.stdout.endswith("5 tables: 2 right, 3 wrong\n")  # the mean of one row is its sum
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
    example = "def example(rng):\n    return (rng.random((4, 3)), rng.random((3, 2)), {}), {{}}\n"
    printing = WRONG_DENSE.replace("x, w = cache", "x, w = cache; print('here')")
    file.write_text(printing + example.format("rng.random(2)"))
    assert command("--file", file).stdout.count("here\n") == 1


EXAMPLE = WRONG_DENSE + "def example(rng):\n    return "


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["--op", "nothing"], None, "error: --op nothing: no such op; there are conv1d, relu"),
        (["--file", "FILE"], None, "there is no such file"),
        (["--file", "FILE"], "def forward(x:", "line 1: "),
        (["--file", "FILE"], "1 / 0", "cannot be run (ZeroDivisionError: division by zero)"),
        (["--file", "FILE"], "x = 1", "has no function forward and no function backward"),
        (["--file", "FILE"], WRONG_DENSE, "has no function example; say with --op"),
        (["--file", "FILE"], "raise SystemExit(0)", "cannot be run (SystemExit: 0)"),
        (["--file", "FILE"], EXAMPLE + "1 / 0", "example(rng) raised ZeroDivisionError: "),
        (["--file", "FILE"], EXAMPLE + "rng, rng", "received a tuple of 2; for two arrays"),
        (["--file", "FILE"], EXAMPLE + "rng.random(3)", "a dict, received an array; for two"),
        (["--file", "FILE"], EXAMPLE + "rng.random(3), {}", "received an array first; for one"),
        (["--file", "FILE"], EXAMPLE + "([[1], [2, 3]],), {}", "an array is not one"),
        (["--file", "FILE"], EXAMPLE + "([], [], []), {}", "x is empty, shape (0,)"),
        (["--file", "FILE"], EXAMPLE + "([1], [1], [1]), {}\nZEROS = 'x'", "ZEROS: expected names"),
        (["--file", "FILE"], EXAMPLE + "([1], [1], [1]), {}\nZEROS = ('y',)", "of x, w, b, such"),
        (["--file", "FILE", "--op", "no"], WRONG_DENSE, "--op no: no such op"),
    ],
)
def test_errors_of_the_person_at_the_keyboard(arguments, code, message, tmp_path):
    file = tmp_path / "mine.py"
    if code is not None:
        file.write_text(code)
    done = command(*(file if a == "FILE" else a for a in arguments))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
