"""The feedback that a student gets on a mistake, and that a mistake costs no other point."""

from pathlib import Path

import numpy as np
import pytest
import submissions
from submissions import changed, graded

from minidann.coursework import (
    checking,
    explaining,
    files,
    forwards,
    handout,
    layers,
    practice,
    processes,
)
from minidann.coursework.exercises import EXERCISES, MEND, Exercise, select
from minidann.gradcheck.gradients import argument_names

RELU = "import numpy as np\n\ndef forward(x):\n    return np.maximum(x, 0), x > 0\n"
DENSE = "def forward(x, w, b):\n    return x @ w + b, (x, w)\n\ndef backward(dout, cache):\n"
STEP = "def step(params, grads, state, rate):\n"
UAR = "import numpy as np\n\ndef uar(labels, predictions):\n"
LOOP = """
def backward(dout, cache):
    i = 0
    while i < 5:
        i = 2 * i
    return (dout,)
"""
OWN_CONV1D = """import numpy as np


def forward(x, w, b, *, stride=3, input_gradient=True):
    starts = range(0, x.shape[1] - len(w) + 1, stride)
    out = np.stack([np.tensordot(x[:, t : t + len(w)], w, 2) for t in starts], axis=1)
    return out, {"x": x, "w": w, "stride": stride, "asked": input_gradient}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(dout.shape[1]):
        frames = slice(t * cache["stride"], t * cache["stride"] + len(w))
        dx[:, frames] += np.tensordot(dout[:, t], w, (1, 2))
        dw += np.tensordot(x[:, frames], dout[:, t], (0, 0))
    return dx if cache["asked"] else None, dw, dout.sum(axis=(0, 1))
"""


# Forward and backward


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("conv1d", "k * d, f) + b", "k * d, f)", "b has no effect"),
        ("conv1d", "rows @ w.reshape", "rows @ w[::-1].reshape", "reversed along axis 0"),
        ("conv1d", "windows(x, k, stride)", "windows(x, k, 1)", "as if stride were 1, not 2"),
        ("conv1d", "rows @ w", "-rows @ w", "as if the sign of x were flipped"),
        ("maxpool", "np.take_along_axis(x, argmax, axis=1)", "windows.mean(-1)",
         "the mean of each pool"),
        ("attention", "score - score.real.max(axis=1, keepdims=True)", "score", "subtract"),
        ("attention", "s / s.sum(axis=1", "s / s.sum(axis=0", "runs over the batch"),
        ("attention", "s = s / s.sum(axis=1, keepdims=True)", "pass",
         "not divided by their sum"),
        ("softmax_cross_entropy", "labels].mean()", "labels].sum()", "summed, not averaged"),
        ("softmax_cross_entropy", "-log_p[np.arange(len(z)), labels].mean()",
         "-np.exp(log_p[np.arange(len(z)), labels]).mean()", "the log is missing"),
        ("batchnorm", "np.sqrt(var + EPSILON)", "(var + EPSILON)", "its root is missing"),
        ("batchnorm", "np.sqrt(var + EPSILON)", "np.sqrt(var)", "epsilon is missing"),
        ("batchnorm", "if running is None:", "if True:", "running has no effect"),
    ],
)  # fmt: skip
def test_a_mistake_in_forward_is_named_and_costs_its_point_only(name, old, new, message, tmp_path):
    result = graded(tmp_path, name, changed(name, old, new))
    assert set(result.exercise.parts) - set(result.earned) == {"out"}
    assert message in result.feedback[0]


@pytest.mark.parametrize("name", [e.name for e in EXERCISES if "out" in e.parts])
def test_each_mistake_of_forward_shows_on_some_input(name):
    """So that a right forward is none of them."""
    shows, rng = {}, np.random.default_rng(0)
    (exercise,) = select(None, name)
    for case in layers.inputs(name, rng):
        out, _ = exercise.module.forward(*case.arrays, **case.options)
        names = argument_names(exercise.module.forward, len(case.arrays))
        for text, holds in forwards.explanations(
            name, case.arrays, case.options, out, names
        ).items():
            pattern = explaining.pattern(text)
            shows[pattern] = shows.get(pattern, False) or not holds
    never = {text for text, shown in shows.items() if not shown}
    assert len(shows) > 20 and never <= {"as if f were reversed along axis 1"}  # attention's sum


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("softmax_cross_entropy", ("dz[np.arange(len(p)), labels]", "dz[:, labels]"),
         "in the columns of all labels, in every row"),
        ("batchnorm", ("- xhat * (dgamma / n)", "- dgamma / n"),
         "lacks the factor xhat"),
        ("batchnorm", ("dout - dbeta / n -", "dout - (gamma * dout).sum() / n / gamma -"),
         "the mean's path averages over everything, divided by N alone"),
        ("dropout", ("dout * cache", "dout * 2.5 * (cache > 0)"),
         "on other inputs by another: it depends on what is given, or should"),
        ("dropout", ("dout * cache", "2 * dout * cache"), "off by the factor 2\n"),
    ],
)  # fmt: skip
def test_more_mistakes_of_backward_are_named(name, changes, message, tmp_path):
    assert message in "\n".join(graded(tmp_path, name, changed(name, *changes)).feedback)


def test_infinite_powers_cost_out_alone_whatever_the_cache(tmp_path):
    text = changed(
        "attention", "score - score.real.max(axis=1, keepdims=True)", "score",
        "(f, v, s)", "{'f': f, 'v': v, 's': s}",
        "f, v, s = cache", "f, v, s = cache['f'], cache['v'], cache['s']",
    )  # fmt: skip
    assert set(graded(tmp_path, "attention", text).earned) == {"df", "dv"}


def test_a_mistake_that_other_inputs_rule_out_is_not_named(tmp_path):
    """On one pool of negative numbers the largest absolute value is the smallest number."""
    text = changed("maxpool", "windows.real.argmax", "np.abs(windows).argmax")
    feedback = "\n".join(graded(tmp_path, "maxpool", text).feedback)
    assert "the largest by absolute value, whose sign does not count" in feedback
    text = "import numpy as np\n\ndef forward(f, v):\n    return f.sum(axis=1), None\n"
    feedback = "\n".join(graded(tmp_path, "attention", text).feedback)
    assert "the weights are not used: the sum of all frames" in feedback and "batch" not in feedback


def test_a_wrong_forward_does_not_take_its_own_cache_from_backward(tmp_path):
    result = graded(tmp_path, "conv1d", OWN_CONV1D)  # b is not added
    assert result.earned == {"dx": 1, "dw": 1, "db": 1}


def test_backward_is_right_on_the_cache_described_where_forward_keeps_the_wrong_one(tmp_path):
    text = changed("maxpool", "argmax += stride", "argmax += 0 * stride")
    result = graded(tmp_path, "maxpool", text)
    assert result.earned == {"dx": 1}


def test_a_forward_that_raises_costs_its_own_point(tmp_path):
    text = changed("softmax_cross_entropy", "return loss, (np.exp(log_p), labels)", "return loss")
    result = graded(tmp_path, "softmax_cross_entropy", text)
    assert result.earned == {"dz": 1} and "expected (out, cache)" in result.feedback[0]
    text = changed("dense", "return x @ w + b", "raise KeyError\n    return x @ w + b")
    text = text.replace("x, w = cache", "x, w, _ = cache")
    result = graded(tmp_path, "dense", text)
    assert result.points == 0 and "the cache that the file describes" in "".join(result.feedback)


def test_a_forward_that_raises_in_some_cases_leaves_its_cache_in_the_others(tmp_path):
    text = OWN_CONV1D.replace(
        "    starts", "    if stride > len(w):\n        raise KeyError\n    starts"
    )
    result = graded(tmp_path, "conv1d", text.replace("axis=1)", "axis=1) + b"))
    assert result.earned == {"dx": 1, "dw": 1, "db": 1}
    text = text.replace("if stride > len(w)", "if x.size > 9")  # too few to prove anything
    result = graded(tmp_path, "conv1d", text.replace("axis=1)", "axis=1) + b"))
    assert result.points == 0


SECOND = {  # other right ways to compute a gradient
    "attention": ("def backward", """
def backward(dout, cache):
    f, _, s = cache
    df, dv = np.empty_like(f), 0
    for n in range(len(f)):
        dscore = (np.diag(s[n]) - np.outer(s[n], s[n])) @ (f[n] @ dout[n])
        df[n] = np.outer(s[n], dout[n]) + np.outer(dscore, cache[1])
        dv = dv + f[n].T @ dscore
    return df, dv
"""),
    "batchnorm": ("def backward", """
def backward(dout, cache):
    xhat, gamma, scale, _, _, own_statistics = cache
    n, dxhat = len(xhat), dout * gamma
    dx = dxhat * scale
    if own_statistics:
        dx = scale / n * (n * dxhat - dxhat.sum(0) - xhat * (dxhat * xhat).sum(0))
    return dx, (dout * xhat).sum(0), dout.sum(0)
"""),
    "softmax_cross_entropy": ("def backward", """
def backward(dout, cache):
    p, labels = cache
    dz = np.zeros_like(p)
    for n, label in enumerate(labels):
        for l in range(p.shape[1]):
            dz[n, l] = dout * (p[n, l] - (l == label)) / len(p)
    return (dz,)
"""),
    "conv1d": ("def forward", OWN_CONV1D.partition("def forward")[2]
               .replace("axis=1)\n", "axis=1) + b\n").partition("def forward")[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", SECOND)
@pytest.mark.parametrize("seed", [0, 1, 2, 19, 24, 27])  # attention's dv is rounding in the last
def test_another_right_way_is_right_whatever_the_seed(name, seed, tmp_path):
    at, text = SECOND[name]
    before = submissions.right(select(None, name)[0]).partition(at)[0]
    text = before + (text if at == "def backward" else at + text)
    assert graded(tmp_path, name, text, seed=seed).points == select(None, name)[0].most


def test_a_gradient_that_was_not_asked_for_is_none(tmp_path):
    text = changed("conv1d", "x.shape, stride, input_gradient)", "x.shape, stride, True)")
    result = graded(tmp_path, "conv1d", text)
    assert result.earned == {"out": 1, "dw": 1, "db": 1}
    assert "input_gradient=False" in result.feedback[0] and "right dx = None" in result.feedback[0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("relu", f"{RELU}\ndef backward(dout, cache):\n    return dout * cache\n",
         "a tuple of one has a comma, as in `return (dx,)`"),
        ("relu", f"{RELU}\ndef backward(dout, cache):\n    dout * cache\n",
         "expected a tuple (dx,), received None: is a return missing?"),
        ("relu", f"{RELU}\ndef backward(dout, cache):\n    dout[~cache] = 0\n    return dout,\n",
         "it writes to a read-only array, line 7, as all are that it is given"),
        ("relu", f"{RELU}\ndef bakward(dout, cache):\n    return dout * cache,\n",
         "there is no function backward; should bakward be it?"),
        ("relu", RELU.replace("x > 0", "[x > 0]") + "\ndef backward(dout, cache):\n"
         "    mask = cache.pop() if cache else 0\n    return (dout * mask,)\n",
         "another dx when it is called again with the same cache"),
        ("relu", RELU.replace("x > 0", "(x > 0"), "is not Python (line 4: '(' was never closed"),
        ("dense", f"{DENSE}    x, w = cache\n    return dout @ w.T, x.T @ dout\n",
         "expected a tuple (dx, dw, db), received 2 values in a tuple"),
        ("dense", f"{DENSE}    x, w = cache\n    return dout @ w.T, x.T @ dout, dout\n",
         "b: the sum over axis 0 of what is returned is missing"),
        ("dense", f"{DENSE}    x, w = cache\n    return dout @ w, x.T @ dout, dout.sum(0)\n",
         "dout = [["),
        ("step", f"{STEP}    return params, state['bias']\n", "KeyError: 'bias', line 2, given\n"
         "  params = {w: [1, -2], b: [3]}\n  grads = {w: [2, 0.5], b: [1e-08]}\n  state = {w.m:"),
        ("step", changed("step", "np.sqrt(", "("), "adam: the square root (power 1/2)"),
        ("add_penalty", changed("add_penalty", "np.sign(w)", "w / abs(w)"),
         'the result["conv.w"][1] is nan, expected 1'),
        ("maxpool", changed("maxpool", "return np.take_along_axis(x, argmax, axis=1)",
                            "return np.maximum(0, np.take_along_axis(x, argmax, axis=1))"),
         "negative numbers count as 0"),
        ("maxpool", "def forward(x, **o):\n    return x.max(), 0\n",
         "out: expected an array of shape (1, 1, 1), received a number"),
        ("relu", f"{RELU}\ndef backward(dout, cache):\n    return cache,\n",
         "dx: expected an array of shape (2,), received an array of shape (2,) of bool"),
        ("softmax_cross_entropy", changed("softmax_cross_entropy", "return loss",
                                          "return -np.log(np.exp(log_p[range(len(z)), labels])"
                                          ".mean()) if 0 else -np.log(np.exp(log_p))"
                                          "[range(len(z)), labels].mean()"),
         "take no log of what may be 0"),
        ("softmax_cross_entropy", changed("softmax_cross_entropy", "z.real.max(axis=1, keepdims="
                                          "True)", "z.max()"), "subtract each row's largest"),
        ("attention", changed("attention", "score.real.max(axis=1, keepdims=True)",
                              "score.max()"), "subtract each row's largest"),
        ("attention", changed("attention", "return a, ", "return float('nan'), "),
         "out: expected an array of shape (1, 1), received a number"),
        ("conv1d", OWN_CONV1D.replace("return dx if cache[\"asked\"] else None", "return None"),
         "dx: expected an array of shape (1, 2, 1), received None, on"),
        ("mend_groups", "def groups(mode, n, m):\n    return range(n), range(n, n + m)\n",
         "expected [[0, 1, 2, 3, 4]], received ([0, 1], [2, 3, 4])"),
        ("step", f"{STEP}    return params\n", "expected a tuple (new params, new state)"),
        ("step", f"{STEP}    return params, {{}}\n",
         "m: the result: expected the keys b.m, w.m, received none"),
        ("step", f"{STEP}    state['steady.m'] = 0\n    return params, state\n",
         "it writes to a dict or list that it is given"),
        ("uar", f"{UAR}    return [0.5]\n", "expected a number, received 1 value in a list"),
        ("uar", f"{UAR}    return np.nan\n", "the result is nan"),
        ("learning_rate", "def learning_rate(epoch):\n    return 1e-3 * 0.93000001**epoch\n",
         "epoch = "),
        ("mend_groups", "def groups(mode, n, m):\n    return [[0], [1, 2]]\n",
         "expected [[0, 1, 2, 3, 4]], received [[0], [1, 2]]"),
        ("normalise_and_pad", "import numpy as np\n\ndef normalise_and_pad(frames, mean, std, "
         "minimum=None, out=None):\n    real = (frames - mean) / std\n    return np.concatenate("
         "[real, np.tile(real.min(0), (750 - len(real), 1))]).astype(float)\n",
         "expected float32, received float64"),
    ],
)  # fmt: skip
def test_the_feedback_on_a_mistake(name, text, message, tmp_path):
    result = graded(tmp_path, name, text)
    assert result.points < result.exercise.most
    assert message in "\n".join(result.feedback)


def test_float64_costs_the_point_for_float32_and_no_other(tmp_path):
    text = changed(
        "normalise_and_pad", "np.empty((FRAMES, MELS), np.float32)", "np.empty((750, 26))"
    )
    result = graded(tmp_path, "normalise_and_pad", text)
    assert set(result.earned) == {"normalised", "padded", "the rest given"}
    assert "float32: the result: expected float32, received float64" in "\n".join(result.feedback)


def test_a_step_with_a_wrong_second_moment_earns_the_rest(tmp_path):
    text = changed("step", "g * g", "g")
    assert set(graded(tmp_path, "step", text).earned) == {"m", "no gradient"}


def test_accuracy_and_precision_earn_nothing(tmp_path):
    accuracy = f"{UAR}    return float((labels == predictions).mean())\n"
    assert graded(tmp_path, "uar", accuracy).earned == {}
    precision = (
        f"{UAR}    found = [(labels[predictions == c] == c).mean() for c in (0, 1)]\n"
        "    return float(np.mean(found))\n"
    )
    assert graded(tmp_path, "uar", precision).points == 0


# What is shown


def test_the_smallest_input_is_shown_in_whole_numbers(tmp_path):
    text = changed("dense", "dout.sum(axis=0)", "dout.mean(axis=0)")
    (feedback,) = graded(tmp_path, "dense", text).feedback
    lines = [line.strip() for line in feedback.splitlines()]
    assert "off by the factor 1/3, one over the batch" in lines[0]
    names = [line.partition(" = ")[0] for line in lines[2:]]
    assert names == ["x", "w", "b", "dout", "your db", "right db"]
    assert not any("." in line for line in lines[2:6])


def test_numbers_are_shown_until_they_differ(tmp_path):
    text = changed("dense", "dout.sum(axis=0)", "dout.sum(axis=0) * (1 + 1e-6)")
    feedback = "\n".join(graded(tmp_path, "dense", text).feedback)
    got, want = feedback.partition(" is ")[2].partition(", on")[0].split(", expected ")
    assert got != want


def test_what_a_failing_call_prints_is_shown(tmp_path, capsys):
    text = changed("maxpool", "dx = np.zeros", "print(dout.shape)\n    dx = 2 * np.ones")
    (tmp_path / "maxpool.py").write_text(text)
    practice.check(files.read(tmp_path), select(None, "maxpool"), 0)
    printed = capsys.readouterr().out
    assert "it printed: (1, 1, 1)" in printed and printed.count("it printed") == 1


def test_much_printing_while_looking_for_a_mistake_costs_nothing(tmp_path):
    text = changed("relu", "return (", "print('x' * 3000)\n    return (")
    assert graded(tmp_path, "relu", text).points == 1


def test_an_endless_loop_is_reported_with_its_line(tmp_path, capsys, monkeypatch):
    result = graded(tmp_path, "relu", RELU + LOOP, seconds=3)
    line = 1 + (RELU + LOOP).splitlines().index("    while i < 5:")
    assert result.feedback in (
        [f"took more than 3 s; it was in backward, line {line}"],
        [f"took more than 3 s; it was in backward, line {line + 1}"],
    )
    monkeypatch.setattr(practice, "SLOW", 0.2)
    monkeypatch.setattr(Exercise, "seconds", 1)
    practice.check(files.read(tmp_path), select(None, "relu"), 0)
    assert "relu.py: still running; it is stopped after 1 s" in capsys.readouterr().err


# The checker


@pytest.mark.parametrize(
    ("old", "new", "missed"),
    [
        ("dout = rng.standard_normal(np.shape(out))", "dout = np.ones(np.shape(out))", "dout's"),
        ("1e-6 * np.abs(slope).max()", "1e-5", "weights of 1e-07"),
        ("1e-6 * np.abs(slope).max()", "1e-6 * max(1, np.abs(slope).max())", "weights of 1e-07"),
        ("1e-6 * np.abs(slope).max()", "1e-2 * np.abs(slope).max()", "a thousandth too large"),
        ("if gradient is None:", "if i > 0:", "last argument's"),
    ],
)  # fmt: skip
def test_a_lenient_checker_loses_points_and_learns_what_it_missed(old, new, missed, tmp_path):
    assert old in submissions.CHECK
    result = graded(tmp_path, "checker", submissions.CHECK.replace(old, new))
    assert 0 < result.points < 10
    assert missed in "\n".join(result.feedback)


def test_an_exception_costs_a_checker_what_it_was_asked_about_only(tmp_path):
    text = submissions.CHECK.replace(
        "        if gradient.shape != array.shape:\n            return False\n", ""
    )
    for seed in range(9):  # until one of the wrong ops has a gradient of another shape
        result = graded(tmp_path, "checker", text, seed=seed)
        if "times without an answer" in result.feedback[0]:
            break
    assert 8 < result.points < 10
    assert "check: ValueError" in result.feedback[1] and "dense, wrong: dw is" in result.feedback[1]


def test_the_checker_is_asked_about_right_ops_that_are_right():
    for question in checking.asked(np.random.default_rng(0)):
        arrays, options = question.op.example(np.random.default_rng(1))
        space = {}
        exec(submissions.CHECK, space)
        right = space["check"](question.op, arrays, options, np.random.default_rng(2))
        assert right == (not question.wrong), question


# Bugs and folders


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.kind == MEND], ids=str)
def test_a_bug_is_planted_where_no_other_exercise_asks(exercise, tmp_path):
    asked = {(e.reference, f) for e in EXERCISES if e.kind != MEND for f in e.functions}
    assert not {(exercise.reference, f) for f in exercise.functions} & asked
    result = graded(tmp_path, exercise.name, handout.text(exercise))
    assert result.points == 0 and result.state == "wrong" and "expected" in result.feedback[0]


def test_what_python_reads_is_read(tmp_path):
    text = changed("relu", "return (", "é = 1\n    return (")
    for code in ("utf-8-sig", "latin-1"):
        about = f"# -*- coding: {code} -*-\n" if code == "latin-1" else ""
        (tmp_path / "relu.py").write_bytes((about + text).encode(code))
        assert submissions.grade(tmp_path, select(None, "relu")).total == 1


def test_a_part_that_is_not_written_takes_no_other(tmp_path):
    text = changed("learning_rate", "    return", "    if epoch > 50:\n        "
                   "raise NotImplementedError\n    return")  # fmt: skip
    result = graded(tmp_path, "learning_rate", text)
    assert result.earned == {"decay": 1} and result.feedback == ["floor: not written"]


def test_one_odd_gradient_takes_no_other(tmp_path):
    for odd in ("'todo'", "None", "1j * dout", "[[1], [2, 3]]"):
        text = f"{DENSE}    x, w = cache\n    return dout @ w.T, x.T @ dout, {odd}\n"
        result = graded(tmp_path, "dense", text)
        assert result.earned == {"dx": 1, "dw": 1}
        assert "db: expected an array of shape (1,)" in result.feedback[0]


def test_out_is_to_be_written_to(tmp_path):
    text = changed("normalise_and_pad", "    count =", "    if out is not None:\n        "
                   "return out\n    count =")  # fmt: skip
    result = graded(tmp_path, "normalise_and_pad", text)
    assert set(result.earned) == {"normalised", "padded", "float32"}
    text = changed("normalise_and_pad", "if out is None else out", "")
    result = graded(tmp_path, "normalise_and_pad", text)
    assert set(result.earned) == {"normalised", "padded", "float32"}
    assert "out is given: write to it and return it" in result.feedback[0]


def test_misnamed_files_are_pointed_at(tmp_path):
    folder = submissions.write(tmp_path / "x", conv1d=None, relu=None)
    (folder / "Conv1D.py").write_text("")
    (folder / "more").mkdir()
    (folder / "more" / "relu (1).py").write_text("")
    notes = submissions.grade(folder, select(range(3, 5))).notes
    assert "conv1d: missing; there is Conv1D.py" in notes
    assert f"relu: missing; there is {Path('more') / 'relu (1).py'}" in notes


def test_a_class_is_not_a_submission(tmp_path):
    submissions.write(tmp_path / "class" / "ada")
    submissions.write(tmp_path / "class" / "bob")
    graded_class = submissions.grade(tmp_path / "class", select(None, "relu"))
    assert graded_class.notes == "relu: is in 2 folders, ada, bob; hand in one"


def test_text_in_utf16_is_reported(tmp_path):
    (tmp_path / "relu.py").write_text("x = 1\n", encoding="utf-16")
    assert "save it as UTF-8" in submissions.grade(tmp_path, select(None, "relu")).notes


def test_notes_are_short(tmp_path):
    handout.write(tmp_path / "x", EXERCISES)
    notes = submissions.grade(tmp_path / "x").notes
    assert len(notes) < 900 and notes.count("not written") == 1


ODD = {  # what a function may return that nobody thought of
    "lists of different lengths": "[[1], [2, 3]]",
    "a number too large": "10**400",
    "complex numbers": "np.array([1j])",
    "text": "'x' * 10**6",
    "objects": "np.array([object()])",
    "a dict": "{'a': 1}",
    "a dict of numbers": "{1: 2}",
    "a generator": "(x for x in ())",
    "nothing": "None",
    "an empty array": "np.zeros(0)",
    "not a number": "np.nan",
    "a masked array": "np.ma.array([1, 2], mask=[0, 1])",
    "a list that holds itself": "ITSELF",
}
PLACES = {  # where it may be returned
    "relu": f"{RELU}\ndef backward(dout, cache):\n    return (ODD,)\n",
    "dense": f"{DENSE}    return ODD\n",
    "attention": "def forward(f, v):\n    return ODD, 0\n\ndef backward(dout, cache):\n    pass\n",
    "softmax_cross_entropy": "def forward(z, labels):\n    return ODD\n",
    "add_penalty": "def add_penalty(params, grads, **o):\n    return dict.fromkeys(grads, ODD)\n",
    "step": f"{STEP}    return params, dict.fromkeys(state, ODD)\n",
    "uar": f"{UAR}    return ODD\n",
    "mend_groups": "def groups(mode, n, m):\n    return [ODD]\n",
    "mend_mean_and_std": "def mean_and_std(frames):\n    return ODD, ODD\n",
    "mend_equations": "def equations(emotion, domain, **o):\n    return ODD\n",
    "normalise_and_pad": "def normalise_and_pad(*a, **o):\n    return ODD\n",
    "checker": "def check(*a):\n    return ODD\n",
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("odd", ODD)
def test_whatever_is_returned_can_be_graded(name, odd, tmp_path):
    text = PLACES[name].replace("ODD", ODD[odd])
    result = graded(
        tmp_path, name, f"import numpy as np\n\nITSELF = []\nITSELF.append(ITSELF)\n\n{text}"
    )
    assert result.points == 0
    assert result.feedback and "NOT GRADED" not in "\n".join(result.feedback)


def test_the_machines_fault_is_no_grade(tmp_path, monkeypatch):
    def no_process(*_, **__):
        raise OSError("no process")

    processes.ForkServer.only().end()
    monkeypatch.setattr("subprocess.Popen", no_process)
    with pytest.raises(OSError):
        graded(tmp_path, "relu", RELU)


def test_what_breaks_the_grader_costs_nobody_else_anything(tmp_path, monkeypatch):
    monkeypatch.setattr("minidann.coursework.layers.judge_op", lambda *_: 1 / 0)
    submissions.write(tmp_path / "x")
    step, reversal = submissions.grade(tmp_path / "x", select(range(9, 11))).results[1:]
    assert step.points == 4 and reversal.points == 0
    assert reversal.state == "not graded" and "ZeroDivisionError" in reversal.feedback[0]
