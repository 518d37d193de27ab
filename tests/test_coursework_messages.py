"""The feedback that a student gets on a mistake, and that a mistake costs no other point."""

import time

import pytest
from submissions import SECOND_CONV1D, changed, graded, right

from minidann.coursework import handout
from minidann.coursework.exercises import EXERCISES, MEND, select

RELU = "import numpy as np\n\ndef forward(x):\n    return np.maximum(x, 0), x > 0\n"
BACK = "\ndef backward(dout, cache):\n"
DENSE = f"def forward(x, w, b):\n    return x @ w + b, (x, w)\n{BACK}"
STEP = "def step(params, grads, state, rate):\n"
UAR = "import numpy as np\n\ndef uar(labels, predictions):\n"
RATE = "def learning_rate(epoch):\n"
PENALTY = "def add_penalty(params, grads, *, l1, l2):\n"
GROUPS = "def groups(mode, n, m):\n"
STUB = "raise NotImplementedError"
GRADIENTS = "    for name, g in grads.items():\n"


def raises_if(condition):
    """SECOND_CONV1D, with its bias, whose forward raises on some inputs."""
    raising = f"    if {condition}:\n        raise KeyError\n    starts"
    return SECOND_CONV1D.replace("    starts", raising).replace("axis=1)", "axis=1) + b")


def check(folder, name, handed_in, earned, *words):
    """Hand in a text, or the right one with changes (old, new, old, new ...): which parts are
    earned, separated by commas, and what words are in the feedback?
    """
    text = handed_in if isinstance(handed_in, str) else changed(name, *handed_in)
    result = graded(folder, name, text)
    feedback = "\n".join(result.feedback)
    assert set(result.earned) == set(filter(None, earned.split(", "))), feedback
    for expected in words:
        assert expected in feedback
    return feedback


# Forward passes


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("conv1d", "k * d, f) + b", "k * d, f)", "b has no effect"),
        ("conv1d", "rows @ w.reshape", "rows @ w[::-1].reshape", "reversed along axis 0"),
        ("conv1d", "windows(x, k, stride)", "windows(x, k, 1)", "as if stride were 1, not 2"),
        ("conv1d", "rows @ w", "-rows @ w", "as if the sign of x were flipped"),
        ("maxpool", "np.take_along_axis(x, argmax, axis=1)", "windows.mean(-1)",
         "the mean of each pool"),
        # Not: the smallest number, which it is on a pool of negative numbers.
        ("maxpool", "windows.real.argmax", "np.abs(windows).argmax",
         "the largest by absolute value, whose sign does not count"),
        ("maxpool", "return np.take_along_axis(x, argmax, axis=1)",
         "return np.maximum(0, np.take_along_axis(x, argmax, axis=1))",
         "negative numbers count as 0"),
        ("attention", "score - score.real.max(axis=1, keepdims=True)", "score",
         "subtract each row's largest"),
        ("attention", "score.real.max(axis=1, keepdims=True)", "score.max()",
         "subtract each row's largest"),
        ("attention", "s / s.sum(axis=1", "s / s.sum(axis=0", "runs over the batch"),
        ("attention", "s = s / s.sum(axis=1, keepdims=True)", "pass",
         "not divided by their sum"),
        ("attention", "return a, ", "return float('nan'), ",
         "out: expected an array of shape (1, 1), received a number"),
        ("softmax_cross_entropy", "labels].mean()", "labels].sum()", "summed, not averaged"),
        ("softmax_cross_entropy", "-log_p[np.arange(len(z)), labels].mean()",
         "-np.exp(log_p[np.arange(len(z)), labels]).mean()", "the log is missing"),
        ("softmax_cross_entropy", "return loss", "return -np.log(np.exp(log_p))"
         "[range(len(z)), labels].mean()", "take no log of what may be 0"),
        ("softmax_cross_entropy", "z.real.max(axis=1, keepdims=True)", "z.max()",
         "subtract each row's largest"),
        ("softmax_cross_entropy", "return loss, (np.exp(log_p), labels)", "return loss",
         "expected (out, cache)"),
        ("batchnorm", "np.sqrt(var + EPSILON)", "(var + EPSILON)", "its root is missing"),
        ("batchnorm", "np.sqrt(var + EPSILON)", "np.sqrt(var)", "epsilon is missing"),
        ("batchnorm", "if running is None:", "if True:", "running has no effect"),
    ],
)  # fmt: skip
def test_a_mistake_in_forward_is_named_and_costs_its_point_only(name, old, new, message, tmp_path):
    (exercise,) = select(None, name)
    check(tmp_path, name, (old, new), ", ".join(exercise.parts[1:]), message)


def test_a_mistake_that_other_inputs_rule_out_is_not_named(tmp_path):
    text = "import numpy as np\n\ndef forward(f, v):\n    return f.sum(axis=1), None\n"
    feedback = check(tmp_path, "attention", text, "", "weights are not used: the sum of all frames")
    assert "batch" not in feedback


# Backward passes, both (a mistake in one costs no points of the other), and functions.


MISTAKES = [  # exercise, what is handed in, what is earned, what is said
    ("softmax_cross_entropy", ("dz[np.arange(len(p)), labels]", "dz[:, np.unique(labels)]"),
     "out", "in the columns of all labels, in every row"),
    ("batchnorm", ("- xhat * (dgamma / n)", "- dgamma / n"), "out, dgamma, dbeta",
     "lacks the factor xhat"),
    ("batchnorm", ("dout - dbeta / n -", "dout - (gamma * dout).sum() / n / gamma -"),
     "out, dgamma, dbeta", "the mean's path averages over everything, divided by N alone"),
    ("dropout", ("dout * cache", "dout * 2.5 * (cache > 0)"), "",
     "on other inputs by another: it depends on what is given, or should"),
    ("dropout", ("dout * cache", "2 * dout * cache"), "", "off by the factor 2\n"),
    ("dense", ("dout.sum(axis=0)", "dout.sum(axis=0, keepdims=True)"), "dx, dw",
     "an axis of size 1 too many: is it keepdims?"),
    ("dense", ("def backward(dout: np.ndarray, cache: tuple)",
               "def backward(cache: tuple, dout: np.ndarray)"), "",
     "backward is called with (dout, cache), and takes (cache, dout): another order"),
    ("relu", f"{RELU}{BACK}    return dout * cache\n", "",
     "a tuple of one has a comma, as in `return (dx,)`"),
    ("relu", f"{RELU}{BACK}    dout * cache\n", "",
     "expected a tuple (dx,), received None: is a return missing?"),
    ("relu", f"{RELU}{BACK}    dout[~cache] = 0\n    return dout,\n", "",
     "it writes to a read-only array, line 7, as all are that it is given"),
    ("relu", f"{RELU}\ndef bakward(dout, cache):\n    return dout * cache,\n", "",
     "there is no function backward; should bakward be it?"),
    ("relu", RELU.replace("x > 0", "[x > 0]") + f"{BACK}    mask = cache.pop() if cache else 0"
     "\n    return (dout * mask,)\n", "",
     "another dx when it is called again with the same cache"),
    ("relu", RELU.replace("x > 0", "(x > 0"), "",
     "is not Python (line 4: '(' was never closed"),
    ("relu", f"{RELU}{BACK}    return cache,\n", "",
     "dx: expected an array of shape (2,), received an array of shape (2,) of bool"),
    ("relu", ("return ", "return -1.0 * "), "", "forward was given, and is no longer right"),
    ("dense", f"{DENSE}    x, w = cache\n    return dout @ w.T, x.T @ dout\n", "",
     "expected a tuple (dx, dw, db), received 2 values in a tuple"),
    ("dense", f"{DENSE}    x, w = cache\n    return dout @ w.T, x.T @ dout, dout\n", "dx, dw",
     "b: the sum over axis 0 of what is returned is missing"),
    ("dense", f"{DENSE}    x, w = cache\n    return dout @ w, x.T @ dout, dout.sum(0)\n",
     "", "dout = [["),
    ("dense", ("    return dout @", "    if len(dout) > 1000:\n        return None\n"
               "    return dout @"), "",
     "backward: it is wrong, on an input of 100,000"),
    ("maxpool", "def forward(x, **o):\n    return x.max(), 0\n", "",
     "out: expected an array of shape (1, 1, 1), received a number"),
    ("conv1d", ("return None, dw, db", "return dw, db"), "out, dw, db",
     "expected a tuple (None, dw, db), received 2 values"),
    ("conv1d", ("return None, dw, db", "return dw, db"), "out, dw, db",
     "input_gradient = False"),
    ("conv1d", ("x.shape, stride, input_gradient)", "x.shape, stride, True)"), "out, dw, db",
     "right dx = None"),
    ("conv1d", SECOND_CONV1D.replace('return dx if cache["asked"] else None', "return None"),
     "dw, db", "dx: expected an array of shape (1, 2, 1), received None, on"),
    *(("dense", f"{DENSE}    x, w = cache\n    return dout @ w.T, x.T @ dout, {wrong}\n", "dx, dw",
       "db: expected an array of shape (1,)")
      for wrong in ("'todo'", "None", "1j * dout", "[[1], [2, 3]]")),
    # Both:
    ("attention", ("    if v.shape != f", f"    {STUB}\n    if v.shape != f"), "df, dv",
     "forward: not written"),
    # Infinite powers in forward, and a cache that the file does not describe:
    ("attention", ("score - score.real.max(axis=1, keepdims=True)", "score",
                   "(f, v, s)", "{'f': f, 'v': v, 's': s}",
                   "f, v, s = cache", "f, v, s = cache['f'], cache['v'], cache['s']"),
     "df, dv", ""),
    ("conv1d", SECOND_CONV1D, "dx, dw, db", "b has no effect"),
    ("maxpool", ("argmax += stride", "argmax += 0 * stride"), "dx", ""),
    ("dense", ("return x @ w + b", "raise KeyError\n    return x @ w + b",
               "x, w = cache", "x, w, _ = cache"), "", "the cache that the file describes"),
    ("conv1d", raises_if("stride > len(w)"), "dx, dw, db", "KeyError"),
    ("conv1d", raises_if("x.size > 9"), "", "KeyError"),  # too few cases to prove anything
    ("softmax_cross_entropy", ("return loss, (", "return 0 * loss, (0 * "), "dz",
     "dz: right with the cache that the file describes, not with that of your"),
    # What is special may be left for later.
    ("conv1d", ("return None, dw, db", STUB), "out, dw, db", ""),
    ("conv1d", ("    view =", f"    if stride > 2:\n        {STUB}\n    view ="), "dx, dw, db",
     "forward: not written, on"),
    # Functions:
    ("step", f"{STEP}    return params, state['bias']\n", "",
     "KeyError: 'bias', line 2, given\n  params = {w: [1, -2], b: [3]}\n"
     "  grads = {w: [2, 0.5], b: [1e-08]}\n  state = {w.m:"),
    ("step", ("np.sqrt(", "("), "m, v, no gradient", "adam: the square root (power 1/2)"),
    ("step", ("g * g", "g"), "m, no gradient", ""),
    ("step", ('state[f"{name}.t"] + 1', 'state[f"{name}.t"] + 2'), "m, v, no gradient", ""),
    ("step", ('state[f"{name}.t"] + 1', "shared", GRADIENTS, "    shared = max(state[f'{n}.t'] "
              "for n in params) + 1\n" + GRADIENTS),
     "m, v, no gradient", "all parameters share one count of steps"),
    ("step", (', f"{name}.t": t})', "})"), "m, v, no gradient",
     "the new counts of steps, .t, are not in the new state"),
    ("step", (GRADIENTS, "    for name in params:\n        g = grads[name]\n"),
     "m, v, parameters", "no gradient: KeyError: 'b'"),
    ("step", f"{STEP}    return params\n", "", "expected a tuple (new params, new state)"),
    ("step", f"{STEP}    return params, {{}}\n", "",
     "m: the result: expected the keys b.m, w.m, received none"),
    ("step", f"{STEP}    state['steady.m'] = 0\n    return params, state\n", "",
     "it writes to a dict or list that it is given"),
    ("step", f"{STEP}    return params, state\n", "", "no point alone"),
    ("add_penalty", ("l1 * np.sign(w)", "l1 * w / np.abs(w)"), "l2, kernels only",
     'the result["conv.w"][1] is nan, expected 1'),
    ("add_penalty", ("l1 * np.sign(w)", "l1 * np.where(w >= 0, 1, -1)"), "l2, kernels only",
     ""),
    ("add_penalty", ("l1 * np.sign(w)", "l1 * np.abs(w)"), "l2, kernels only", "abs"),
    ("add_penalty", ("+ l1 * np.sign(w)", ""), "l2, kernels only", ""),
    ("add_penalty", ("2 * l2 * w", "l2 * w"), "l1, kernels only", "2"),
    ("add_penalty", ("+ 2 * l2 * w", "+ (2 * l2 * w if l1 == 0 else 0)"), "l1, kernels only",
     ""),
    ("add_penalty", ("REGULARISED = (", 'REGULARISED = ("conv.b", '), "l1, l2", "conv.b"),
    ("add_penalty", ("        if name in grads:\n", "        if True:\n"), "l1, l2",
     "kernels only: KeyError"),
    ("add_penalty", f"{PENALTY}    return dict(grads)\n", "", "no point alone"),
    ("learning_rate", f"{RATE}    return 1e-3 * 0.93**epoch\n", "decay",
     "floor: it never stops falling: the floor is missing: "),
    ("learning_rate", f"{RATE}    return 1e-3 * 0.93000001**epoch\n", "", "epoch = "),
    ("learning_rate", f"{RATE}    return 5e-5\n", "", ""),
    ("learning_rate", ("    return", f"    if epoch > 50:\n        {STUB}\n    return"),
     "decay", "floor: not written"),
    ("normalise_and_pad", ("out[count:] = real.min(axis=0)", "out[count:] = real[-1]"),
     "normalised, float32", "padded: padded with the last frame: "),
    ("normalise_and_pad", ("np.empty((FRAMES, MELS), np.float32)", "np.empty((750, 26))"),
     "normalised, padded, the rest given",
     "float32: the result: expected float32, received float64"),
    ("normalise_and_pad", "import numpy as np\n\ndef normalise_and_pad(frames, mean, std, "
     "minimum=None, out=None):\n    real = (frames - mean) / std\n    return np.concatenate("
     "[real, np.tile(real.min(0), (750 - len(real), 1))]).astype(float)\n",
     "normalised, padded", "expected float32, received float64"),
    ("normalise_and_pad", ("    count =", "    if out is not None:\n        return out\n"
                           "    count ="), "normalised, padded, float32", ""),
    ("normalise_and_pad", ("if out is None else out", ""), "normalised, padded, float32",
     "out is given: write to it and return it"),
    ("uar", f"{UAR}    return [0.5]\n", "", "expected a number, received 1 value in a list"),
    ("uar", f"{UAR}    return np.nan\n", "", "the result is nan"),
    ("uar", f"{UAR}    return (labels == predictions).mean()\n", "", "it is accuracy"),
    ("uar", f"{UAR}    return np.mean([(labels[predictions == c] == c).mean() for c in (0, 1)])"
     "\n", "", "it is precision"),
    ("uar", f"{UAR}    return (predictions[labels == 1] == 1).mean()\n", "",
     "the recall of class 1 alone"),
    ("mend_groups", f"{GROUPS}    return range(n), range(n, n + m)\n", "",
     "expected [[0, 1, 2, 3, 4]], received ([0, 1], [2, 3, 4])"),
    ("mend_groups", f"{GROUPS}    return [[0], [1, 2]]\n", "",
     "expected [[0, 1, 2, 3, 4]], received [[0], [1, 2]]"),
    # What has no gradient stays as it is:
    *(("step", (GRADIENTS, "    for name in params.keys() - grads.keys():\n        " + wrong +
                GRADIENTS), "m, v, parameters", "")
      for wrong in ("state[name + '.m'] = 0.9 * state[name + '.m']\n",
                    "params[name] = params[name] - rate * state[name + '.m']\n",
                    "state[name + '.v'] = 0 * state[name + '.v']\n",
                    "state[name + '.t'] = state[name + '.t'] + 1\n",
                    "del state[name + '.m']\n")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "handed_in", "earned", "words"), MISTAKES)
def test_a_mistake_is_named_and_costs_its_point_only(name, handed_in, earned, words, tmp_path):
    check(tmp_path, name, handed_in, earned, words)


def test_a_forward_that_raises_mostly_is_no_mistake_of_backward(tmp_path):
    text = changed(
        "conv1d",
        "    view =",
        "    if x.shape != (1, 2, 1):\n        raise ValueError('no')\n    view =",
        "(rows, w, x.shape,",
        "(0, rows, w, x.shape,",
        "    rows, w, x_shape,",
        "    _, rows, w, x_shape,",
    )
    words = "backward: right wherever forward gave something"
    assert "unpack" not in check(tmp_path, "conv1d", text, "", words)


def test_a_gradient_is_diagnosed_with_the_described_cache_while_forward_is_wrong(tmp_path):
    changes = ("s / s.sum(axis=1, keepdims=True)", "s / s.sum(axis=0)",
               "ds - (s * ds).sum(axis=1, keepdims=True)", "ds")  # fmt: skip
    words = "the softmax runs over the batch", "off-diagonal"
    feedback = check(tmp_path, "attention", changes, "", *words)
    assert "none of the mistakes" not in feedback


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.kind == MEND], ids=str)
def test_a_bug_is_planted_where_no_other_exercise_asks(exercise, tmp_path):
    asked = {(e.reference, f) for e in EXERCISES if e.kind != MEND for f in e.functions}
    assert not {(exercise.reference, f) for f in exercise.functions} & asked
    words = "the bug is still there", "expected"
    check(tmp_path, exercise.name, handout.text(exercise), "", *words)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mend_equations",
         ("        reversed_gradient = (1 - alpha) * beta * gradient\n", "",
          "grads[name] = reversed_gradient\n", "grads[name] = (1 - alpha) * gradient\n",
          "- reversed_gradient", "- (1 - alpha) * beta * gradient * (beta / beta)")),
        ("mend_mean_and_std",
         ("    variance = sum(((block - block.mean(axis=0))",
          "    middle = np.mean([b.mean(axis=0) for b in blocks], axis=0)\n"
          "    variance = sum(((block - middle)")),
    ],
)  # fmt: skip
def test_half_mended_is_not_mended(name, changes, tmp_path):
    text = handout.text(*select(None, name))
    for old, new in zip(changes[::2], changes[1::2]):
        text = text.replace(old, new)
    check(tmp_path, name, text, "")


# What is shown


def test_the_smallest_input_is_shown_in_whole_numbers(tmp_path):
    changes = ("dout.sum(axis=0)", "dout.mean(axis=0)")
    lines = check(tmp_path, "dense", changes, "dx, dw").splitlines()
    assert "off by the factor 1/3, one over the batch" in lines[0]
    names = [line.strip().partition(" = ")[0] for line in lines[2:]]
    assert names == ["x", "w", "b", "dout", "your db", "right db"]
    assert not any("." in line for line in lines[2:6])


def test_numbers_are_shown_until_they_differ(tmp_path):
    changes = ("dout.sum(axis=0)", "dout.sum(axis=0) * (1 + 1e-6)")
    feedback = check(tmp_path, "dense", changes, "dx, dw")
    got, want = feedback.partition(" is ")[2].partition(", on")[0].split(", expected ")
    assert got != want
    changes = ("np.sqrt(var + EPSILON)", "(np.sqrt(var) + EPSILON)")
    feedback = check(tmp_path, "batchnorm", changes, "dx, dgamma, dbeta")
    shown = (feedback.partition(f"{whose} out = ")[2].split("\n")[0] for whose in ("your", "right"))
    assert len(set(shown)) == 2


def test_a_large_result_is_shown_where_it_is_wrong(tmp_path):
    changes = ("out[count:] = real.min(axis=0)", "out[count:] = real[-1]")
    words = "frames[:, ", "your result["
    check(tmp_path, "normalise_and_pad", changes, "normalised, float32", *words)


# Whatever is returned


RETURNED = {
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
    "a list in a list, 300 times": "DEEP",
    "a long list": "[0.5] * 30000",
    "brackets": "'[' * 1000",
    "a long key": "{'a' * 10**5: 1}",
}
PLACES = {  # where it may be returned
    "relu": f"{RELU}\ndef backward(dout, cache):\n    return (IT,)\n",
    "uar": f"{UAR}    return IT\n",
    "dense": f"{DENSE}    return IT\n",
    "attention": "def forward(f, v):\n    return IT, 0\n\ndef backward(dout, cache):\n    pass\n",
    "softmax_cross_entropy": "def forward(z, labels):\n    return IT\n",
    "add_penalty": "def add_penalty(params, grads, **o):\n    return dict.fromkeys(grads, IT)\n",
    "step": f"{STEP}    return params, dict.fromkeys(state, IT)\n",
    "learning_rate": f"{RATE}    return IT\n",
    "mend_groups": f"{GROUPS}    return [IT]\n",
    "mend_mean_and_std": "def mean_and_std(frames):\n    return IT, IT\n",
    "mend_equations": "def equations(emotion, domain, **o):\n    return IT\n",
    "normalise_and_pad": "def normalise_and_pad(*a, **o):\n    return IT\n",
    "checker": "def check(*a):\n    return IT\n",
}
MADE = "import numpy as np\n\nITSELF = []\nITSELF.append(ITSELF)\nDEEP = 1.0\n" + (
    "for _ in range(300):\n    DEEP = (DEEP,)\n\n"
)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *((name, what) for name in ("relu", "uar") for what in RETURNED),
        *((name, "lists of different lengths") for name in PLACES if name not in ("relu", "uar")),
        *((name, "objects") for name in PLACES if name not in ("relu", "uar")),
        ("step", "a long key"), ("mend_groups", "brackets"),
        ("normalise_and_pad", "an empty array"),
    ],
)  # fmt: skip
def test_whatever_is_returned_can_be_graded(name, what, tmp_path):
    began = time.monotonic()
    result = graded(tmp_path, name, MADE + PLACES[name].replace("IT", RETURNED[what]))
    assert time.monotonic() - began < 20
    feedback = "\n".join(result.feedback)
    assert result.points == 0 and result.state in ("wrong", "refused", "not written")
    assert feedback and "NOT GRADED" not in feedback and len(feedback) < 50_000


# What is right is right.


@pytest.mark.parametrize(
    ("name", "handed_in"),
    [
        ("dense", "import numpy as np\n\ndef forward(x, w, b):\n    return x @ w + b, {'x': x, "
         f"'w': w}}\n{BACK}    x, w = cache['x'], cache['w']\n"
         "    return dout @ w.T, x.T @ dout, dout.sum(axis=0)\n"),
        ("relu", "from __future__ import annotations\nfrom dataclasses import dataclass\n"
         "import enum\n" + right(*select(None, "relu")) +
         "\n\n@dataclass\nclass Cache:\n    gate: object\n"),
        ("mend_groups", ('"bn1": [source + target]', '"bn1": np.arange(n + m)[None]')),
        ("normalise_and_pad", ("    return out", "    return out[:]")),  # a view of all of it
    ],
)  # fmt: skip
def test_another_way_to_write_it_is_right(name, handed_in, tmp_path):
    (exercise,) = select(None, name)
    check(tmp_path, name, handed_in, ", ".join(exercise.parts))
