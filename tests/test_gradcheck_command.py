"""`python -m minidann.gradcheck`: exit codes, and errors of one line."""

import subprocess
import sys

import pytest
from conftest import call

from minidann import feeding
from minidann.mistakes import catalogue


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
    done = subprocess.run(
        [sys.executable, "-m", "minidann.gradcheck"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "wrong" not in done.stdout and "relu, a tie at 0: right" in done.stdout
    assert all(f"network, {mode}: right, " in done.stdout for mode in feeding.MODES)


def test_a_students_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(WRONG_DENSE)
    done = command("--file", file, "--op", "dense")
    assert done.returncode == 1
    assert done.stdout.startswith("mine.py, as dense: wrong: db; right: out, dx, dw\n")
    assert "\ndb: The right numbers are divided by N.\n" in done.stdout
    assert 'On the input "three rows": x = [[2], [-1], [3]]' in done.stdout
    assert done.stdout.count("\n") <= 15 and "one row" not in done.stdout
    verbose = command("--file", file, "--op", "dense", "-v").stdout
    assert verbose.startswith(done.stdout)
    table = verbose.partition("\nby input")[2].splitlines()
    rows = [" ".join(row.split()) for row in table]
    assert rows[1] == "input out dx dw db" and "one row right right right right" in rows
    assert "as many rows as features right right right WRONG" in rows
    file.write_text(WRONG_DENSE.replace("mean", "sum"))
    assert command("--file", file, "--op", "dense").returncode == 0
    file.write_text("import numpy as np\n" + EXAMPLE + ARRAYS)
    assert command("--file", file).returncode == 1
    assert "relu, a tie at 0: right" in command("--op", "relu").stdout


def test_help_states_the_contract():
    done = command("--help")
    assert done.returncode == 0
    assert "forward(*arrays, **options) -> (out, cache)" in done.stdout
    assert "  conv1d: forward(x, w, b, *, stride=3, input_gradient=True)\n" in done.stdout
    assert "  dropout: forward(x, *, mask)\n" in done.stdout


@pytest.mark.parametrize(
    "code, message",
    [
        (None, "No such file or directory"),
        ("def forward(x:", "raised SyntaxError: "),
        ("1 / 0", "importing it raised ZeroDivisionError: division by zero, line 1"),
        ("x = 1", "has no function forward and no function backward"),
        (WRONG_DENSE, "has no function example; say with --op"),
        ("raise SystemExit(0)", "importing it raised SystemExit: 0, line 1"),
        (EXAMPLE + "1 / 0", "example(rng) raised ZeroDivisionError: "),
        (EXAMPLE + "rng, rng", "example(rng) raised TypeError: expected a tuple of arrays and a"),
        (EXAMPLE + "rng.random(3)", "such as (x, w), {} or (x,), {}; received array([0.63"),
        (EXAMPLE + "rng.random((4, 3)), {}", "expected a tuple of arrays and a dict"),
        (EXAMPLE + "(rng.random(3),), 3", "expected a tuple of arrays and a dict"),
        (EXAMPLE + "([[1], [2, 3]],), {}", "raised ValueError: setting an array element"),
        (EXAMPLE + "([], [], []), {}", "x has 0 entries"),
    ],
)
def test_what_is_wrong_with_a_file_is_reported_in_one_line(code, message, tmp_path):
    file = tmp_path / "mine.py"
    if code is not None:
        file.write_text(code)
    done = command("--file", file)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and message in done.stderr


def test_the_mutants_are_counted(monkeypatch):
    monkeypatch.setattr("minidann.mistakes.catalogue.CATALOGUE", catalogue.of("gradient_reversal"))
    done = command("--mutants")
    n = len(catalogue.of("gradient_reversal"))
    assert done.returncode == 0
    assert f"\n\n{n} of {n} caught\nnamed with its own entry: {n} right, 0 wrong" in done.stdout
    assert "\nwithout it: " in done.stdout


def test_inputs_by_themselves_need_a_file_and_an_op():
    done = command("-v", "--file", "mine.py")
    assert done.returncode == 2 and "error: --verbose shows each input of an op" in done.stderr
    assert command("-v", "--op", "relu").returncode == 2


def test_an_unknown_op_is_reported():
    done = command("--op", "nothing")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "error: argument --op: invalid choice: 'nothing'" in done.stderr
