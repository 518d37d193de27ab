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


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (["--op", "nothing"], None, "error: --op nothing: no such op; there are conv1d, relu"),
        (["--file", "FILE"], None, "there is no such file"),
        (["--file", "FILE"], "def forward(x:", "line 1: "),
        (["--file", "FILE"], "1 / 0", "cannot be run (ZeroDivisionError: division by zero)"),
        (["--file", "FILE"], "x = 1", "has no function forward and no function backward"),
        (["--file", "FILE"], WRONG_DENSE, "has no function example; say with --op"),
        (["--file", "FILE", "--op", "no"], WRONG_DENSE, "--op no: no such op"),
    ],
)
def test_errors_of_the_person_at_the_keyboard(arguments, code, told, tmp_path):
    file = tmp_path / "mine.py"
    if code is not None:
        file.write_text(code)
    done = command(*(file if a == "FILE" else a for a in arguments))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
