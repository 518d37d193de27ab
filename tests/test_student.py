"""`gradcheck --file` on what students hand in: it never hangs, and each dead end has a sentence."""

import subprocess
import sys
import time
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

from minidann.console import UserError
from minidann.gradcheck import gradients, running, student
from minidann.gradcheck.verdict import Verdict, beside, kind, lines, written

HEAD = "import numpy as np\n"
DENSE = (
    HEAD
    + """
def forward(x, w, b):
    return x @ w + b, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)

def example(rng):
    return (rng.standard_normal((5, 3)), rng.standard_normal((3, 2)), rng.standard_normal(2)), {}
"""
)
LOSS = (
    HEAD
    + """
def forward(z, *, labels):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(z)), labels]).mean(), (p, labels)

def backward(dout, cache):
    p, labels = cache
    dz = p.copy()
    dz[np.arange(len(p)), labels] -= 1
    return (dz / len(p),)

def example(rng):
    return (rng.standard_normal((4, 3)),), {"labels": np.array([0, 1, 2, 0])}
"""
)


def checked(tmp_path, code, name=None):
    file = tmp_path / "mine.py"
    file.write_text(code)
    return student.check_file(file, name, 0)


def test_a_right_file_and_a_wrong_one_on_their_own_example_and_as_an_op(tmp_path):
    assert checked(tmp_path, DENSE).lines == ["mine.py: right: dx, dw, db"]
    found = checked(tmp_path, DENSE, "dense")
    assert found.lines == ["mine.py, as dense: right: out, dx, dw, db"] and not found.table
    found = checked(tmp_path, DENSE.replace("dout.sum", "dout.mean"))
    assert found.lines[:2] == ["mine.py: wrong: db; right: dx, dw",
                               "db: The right numbers are divided by N."]  # fmt: skip
    # Not also "dout averaged over axis 0 is returned", which says the same.
    assert found.lines[2].startswith('    On the input "your example": x = an array of')
    assert found.lines[3].startswith("    received db = [")


def test_what_a_file_prints_is_shown_once_and_what_it_raises_has_a_line(tmp_path, capsys):
    for name in (None, "dense"):
        checked(tmp_path, DENSE.replace("x, w = cache", "x, w = cache; print('here')"), name)
        assert capsys.readouterr().out == "here\n"
    found = checked(tmp_path, DENSE.replace("x, w = cache", "raise SystemExit('stop')"), "dense")
    assert found.lines[1].endswith("backward raised SystemExit: stop, line 7")
    assert "On the input" in found.lines[2]


def test_float32_gradients_are_a_note_on_its_own_example(tmp_path):
    found = checked(tmp_path, DENSE.replace("dout @ w.T", "np.float32(dout @ w.T)"))
    assert found.ok and "float32" in found.lines[1]
    both = "np.float32(dout @ w.T), np.float32(x.T @ dout)"
    found = checked(tmp_path, DENSE.replace("dout @ w.T, x.T @ dout", both))
    assert found.ok and found.lines[1].startswith("dx, dw: ") and len(found.lines) == 2
    found = checked(tmp_path, DENSE.replace("x @ w + b, ", "np.float32(x @ w + b), "))
    assert found.ok and found.lines[0].startswith("mine.py, which gives what dense gives: right")
    found = checked(tmp_path, DENSE.replace("x @ w + b, ", "np.float32(x @ w + 2 * b), "))
    assert not found.ok and "forward returns float32" in found.lines[1]


def test_a_loop_that_never_ends(tmp_path, monkeypatch):
    for module in (student, running):
        monkeypatch.setattr(module, "SECONDS", 0.3)
    endless = DENSE.replace("    x, w = cache", "    while True: pass")
    started = time.monotonic()
    found = checked(tmp_path, endless, "dense")
    assert time.monotonic() - started < 10
    assert "backward took more than 0.3 s, line 7; does a loop never end" in found.lines[1]
    with pytest.raises(UserError, match="importing it took more than 0.3 s, line 2"):
        checked(tmp_path, "def forward(): 0\nwhile True: pass\n")
    assert "backward took more than 0.3 s, line 7" in checked(tmp_path, endless).lines[1]
    monkeypatch.setattr(gradients, "TOTAL", 0.3)
    slow = "import time\n" + DENSE.replace("return x @", "time.sleep(0.02); return x @")
    words = "forward, where x was perturbed, took more than 0.3 s, line 5; does a loop never end"
    assert words in checked(tmp_path, slow).lines[1]


def test_the_shape_of_what_is_given_may_be_set(tmp_path):
    code = DENSE.replace("return dout @ w.T", "given = dout @ w.T")
    code = code.replace(
        "\n\ndef example", "\n    dout.shape = (-1,)\n    return given\n\ndef example"
    )
    assert checked(tmp_path, code, "dense").ok


def test_a_loop_that_catches_all_errors_ends_the_command():
    code = "while True:\n    try:\n        sum(range(9999))\n    except:\n        pass\n"
    run = "from minidann.gradcheck import running; running.SECONDS = 0.3; "
    run += f"running.attempt(lambda: exec({code!r}), 'mine.py', 0.3)"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "error: mine.py: a loop never ends, because" in done.stderr


def test_a_check_in_another_thread_has_no_limit_of_time():
    """Python lets only the main thread have a signal's handler."""
    with ThreadPool(1) as pool:
        assert pool.apply(running.attempt, (lambda: 1, None, 1)) == (1, "")


def test_a_large_example_is_refused(tmp_path):
    with pytest.raises(UserError, match="w has 6000 entries, .* make it a small example"):
        checked(tmp_path, DENSE.replace("(3, 2)", "(3, 2000)"))


def test_labels_among_the_arrays_and_a_loss_whose_backward_ignores_dout(tmp_path):
    code = LOSS.replace("(z, *, labels)", "(z, labels)").replace("(dz / len(p),)", "dz, None")
    code = code.replace('4, 3)),), {"labels": np.array([0, 1, 2, 0])}',
                        "4, 3)), np.array([0, 1, 2, 0])), {}")  # fmt: skip
    found = checked(tmp_path, code)
    assert not found.ok
    assert any("labels are no array to differentiate" in line for line in found.lines)
    found = checked(tmp_path, LOSS)
    assert not found.ok
    assert any("whatever dout is: multiply by dout" in line for line in found.lines)


def test_a_file_that_is_no_utf8(tmp_path):
    file = tmp_path / "mine.py"
    file.write_bytes(DENSE.encode("utf-16"))
    with pytest.raises(UserError, match="save it with the encoding UTF-8"):
        student.load(file)
    file.write_bytes(b"\xef\xbb\xbf" + DENSE.encode())
    assert student.load(file).forward


def test_an_option_without_a_default_is_a_note(tmp_path):
    code = "def forward(x, *, beta): return x, beta\ndef backward(d, beta): return (-beta * d,)\n"
    found = checked(tmp_path, code, "gradient_reversal")
    assert found.ok and found.lines[-1] == "note: beta has no default; minidann's op has one"
    code = "from minidann.ops import conv1d\nbackward = conv1d.backward\n"
    code += "def forward(x, w, b, stride=3): return conv1d.forward(x, w, b, stride=stride)\n"
    assert checked(tmp_path, code, "conv1d").ok


DATACLASS = """from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Cache:
    x: int
"""


def test_a_dataclass_is_a_fine_cache(tmp_path):
    code = DATACLASS + DENSE.replace("(x, w)\n", "(Cache(x), w)\n").replace("x.T", "x.x.T")
    assert checked(tmp_path, code, "dense").ok and checked(tmp_path, code).ok


def test_another_subgradient_is_right_and_told(tmp_path):
    code = HEAD + "def forward(x): return x * (x.real > 0), x\n"
    code += "def backward(dout, x): return (dout * (x >= 0),)\n"
    found = checked(tmp_path, code, "relu")
    assert found.ok and found.lines[1].startswith(
        "dx: at a kink or in a tie it is another subgradient than minidann's, which is right too"
    )
    code += "def example(rng): return (np.array([-1.0, 0.0, 2.0]),), {}\n"
    found = checked(tmp_path, code)
    assert found.ok and "1 of 3 entries are at a kink or in a tie" in found.lines[1]


def test_float64_out_of_float32_is_a_note(tmp_path):
    found = checked(tmp_path, DENSE.replace("x @ w + b, ", "x @ w + b + np.zeros(1), "), "dense")
    assert found.ok and "float64 where float32 goes in" in found.lines[1]


# The words of a verdict.

FAILS = """
def forward(x, w, b):
    out = x @ w + b
    return 2 * out if len(x) in (1, 4) else out, (x, w)

def backward(dout, cache):
    x, w = cache
    if len(x) == 3:
        raise ValueError("no")
    return dout @ w.T / len(x), x.T @ dout, dout.sum(axis=0)
"""
GOLDEN = """mine.py, as dense: wrong: out, dx, dw, db
out: This is none of the mistakes that minidann knows.
    On the input "one row, one feature, one unit": x = [[2]], w = [[2]], b = [1]
    received out = [[10]]
    right    out = [[5]]
dx: The right numbers are divided by N.
    also: backward raised ValueError: no, line 20 (on the input "three rows")
    On the input "sizes that differ": x = an array of shape (5, 3), w = [[-0.7323, -0.5443], \
[-0.3163, 0.4116], [1.043, -0.1285]], b = [1.366, -0.66 ...
    received dx[1, 2] = 0.3596
    right    dx[1, 2] = 1.798
dw, db: backward raised ValueError: no, line 20"""


def test_the_words_of_verdicts(tmp_path):
    assert str(checked(tmp_path, DENSE + FAILS, "dense")) == GOLDEN
    said = lines([Verdict("dx", False, ("A.", "forward raised E")), Verdict("dw", True)])
    assert said == ["wrong: dx; right: dw", "dx: A.", "    also: forward raised E"]


def test_a_gradient_has_a_mistake_of_its_own_where_forward_is_wrong_too(tmp_path):
    code = DENSE.replace("x @ w + b, ", "x @ w, ").replace("x.T @ dout", "2 * x.T @ dout")
    found = {v.part: v.causes for v in checked(tmp_path, code, "dense").verdicts}
    assert found["out"] == ("The bias is not added.",)
    assert found["dw"][0] == "The right numbers are multiplied by 2."


def test_values_in_words():
    assert written({"a": [1 / 3, -0.0], "b": (None, True)}) == "{a: [0.3333, 0], b: (None, True)}"
    assert written(np.ones(12)).count("1") == 12
    assert written(np.ones(13)) == "an array of shape (13,)"
    things = True, ..., 1.5, np.array(["x"]), np.array(1j), [1], {}
    assert ", ".join(map(kind, things)) == (
        "True, Ellipsis, a number, an array of shape (1,) of <U1, a number of complex128, "
        "a list of 1, a dict"
    )
    assert beside("x", "a", 1.0) == ["received x: a str; right: a number"]
    assert beside("x", 1 + 1e-10, 1.0) == ["received x = 1.0000000001", "right    x = 1"]
    assert beside("x", [1.00001], [1.0]) == ["received x = [1.00001]", "right    x = [1]"]
    assert beside("x", np.r_[np.ones(12), np.nan, 9], np.zeros(14))[0] == "received x[12] = nan"
