"""What is right is right, what is wrong is wrong, and a mistake in one part costs no other."""

from types import SimpleNamespace

import numpy as np
import pytest
from submissions import CHECK, NUMERICAL, SECOND_CONV1D, changed, graded, judged, right

from minidann.coursework import functions, handout, layers
from minidann.coursework.exercises import EXERCISES, MEND, select
from minidann.coursework.judging import WRONG, Result
from minidann.gradcheck.verdict import MOST, UNKNOWN, Verdict
from minidann.mistakes.functions import TABLES, wrong_ways

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


def check(name, handed_in, earned, *words):
    """Judge a text, or the right one with changes (old, new, old, new ...): which parts are earned,
    separated by commas, and what words are in the feedback?
    """
    text = handed_in if isinstance(handed_in, str) else changed(name, *handed_in)
    result = judged(name, text)
    feedback = "\n".join(result.lines())
    assert set(result.earned) == set(filter(None, earned.split(", "))), feedback
    assert len(result.lines()) <= MOST + 1
    for expected in words:
        assert expected in feedback
    return feedback


# Layers


SECOND = {  # other right ways to compute a gradient
    "attention": """
def backward(dout, cache):
    f, v, s = cache
    df, dv = np.empty_like(f), 0
    for n in range(len(f)):
        dscore = (np.diag(s[n]) - np.outer(s[n], s[n])) @ (f[n] @ dout[n])
        df[n] = np.outer(s[n], dout[n]) + np.outer(dscore, v)
        dv = dv + f[n].T @ dscore
    return df, dv
""",
    "softmax_cross_entropy": """
def backward(dout, cache):
    p, labels = cache
    dz = np.zeros_like(p)
    for n, label in enumerate(labels):
        for l in range(p.shape[1]):
            dz[n, l] = dout * (p[n, l] - (l == label)) / len(p)
    return (dz,)
""",
    "conv1d": SECOND_CONV1D.replace("axis=1)\n", "axis=1) + b\n"),
}


@pytest.mark.parametrize(("name", "seed"), [("conv1d", 0), ("attention", 0), ("attention", 27)])
def test_another_right_way_is_right_whatever_the_seed(name, seed):
    """Attention's dv is rounding with the seed 27."""
    before = right(select(None, name)[0]).partition("def backward")[0]
    result = judged(name, before + SECOND[name], seed)
    assert result.state == "right", result.lines()


CACHES = {"attention": ("{'it': cache}", "cache['it']"), "batchnorm": ("Box(cache)", "cache.it")}


@pytest.mark.parametrize(("name", "cache"), CACHES.items())
def test_a_cache_of_another_type_is_as_good(name, cache):
    kept, taken = cache
    result = judged(name, right(select(None, name)[0]) + (
        "\n_forward, _backward = forward, backward\n\nclass Box:\n    def __init__(self, it):\n"
        "        self.it = it\n\ndef forward(*a, **o):\n    out, cache = _forward(*a, **o)\n"
        f"    return out, {kept}\n\ndef backward(dout, cache):\n"
        f"    return _backward(dout, {taken})\n"
    ))  # fmt: skip
    assert result.state == "right", result.lines()


def test_loops_are_quick_enough(tmp_path):
    name = "softmax_cross_entropy"
    before = right(select(None, name)[0]).partition("def backward")[0]
    assert graded(tmp_path, name, before + SECOND[name]).state == "right"


def test_a_numerical_derivative_is_no_backward_pass(tmp_path):
    """It would take minutes on the large input."""
    text = f"{right(select(None, 'attention')[0])}\nimport numpy as np\n{NUMERICAL}"
    result = graded(tmp_path, "attention", text, seconds=1)
    assert result.points == 0 and "takes more than 1 s; it was in line" in result.why


def test_a_backward_that_writes_to_its_cache_is_caught():
    text = changed("batchnorm", "    xhat, gamma, scale, _, _, own_statistics = cache\n",
                                "    xhat, gamma, scale, _, _, own_statistics = cache\n"
                                "    if own_statistics:\n        cache[0][...] = xhat * 2\n"
                                "        xhat = cache[0] / 2\n")  # fmt: skip
    result = judged("batchnorm", text)
    assert set(result.earned) == {"out", "dbeta"}
    feedback = "\n".join(result.lines())
    assert "when it is called again" in feedback and "received" not in feedback


def test_a_cache_in_a_global_is_caught():
    text = f"{DENSE}    x, w = KEPT\n    return dout @ w.T, x.T @ dout, dout.sum(0)\n"
    text = text.replace("    return x @ w", "    global KEPT\n    KEPT = x, w\n    return x @ w")
    assert set(judged("dense", text).earned) <= {"db"}


@pytest.mark.parametrize(
    ("name", "handed_in", "earned", "words"),
    [
        ("dropout", ("dout * cache", "2 * dout * cache"), "", "dx: "),
        ("dense", ("dout.sum(axis=0)", "dout.mean(axis=0)"), "dx, dw", "db: "),
        ("relu", f"{RELU}{BACK}    dout * cache\n", "", "None"),
        ("relu", f"{RELU}{BACK}    return [(dout * cache).tolist()]\n", "",
         "dx: backward returns a list of 2 as dx: return an array."),
        ("relu", f"{RELU}{BACK}    dout[~cache] = 0\n    return dout,\n", "",
         "dx: backward writes to an array that it is given, or to a view of one, line 7: "
         "copy it first"),
        ("relu", f"{RELU}\ndef bakward(dout, cache):\n    return dout * cache,\n", "",
         "dx: backward is missing"),
        ("dense", f"{DENSE}    x, w = cache\n    return dout @ w.T, x.T @ dout, dout\n", "dx, dw",
         "db: "),
        ("dense", ("    return dout @", "    if len(dout) > 1000:\n        return None\n"
                   "    return dout @"), "", "end it with return (dx, dw, db)"),
        ("conv1d", SECOND_CONV1D.replace('return dx if cache["asked"] else None', "return None"),
         "dw, db", "dx: "),
        ("conv1d", ("if not input_gradient:", "if False:"), "out, dw, db",
         "dx: backward gives dx with input_gradient=False, too: return None in its place.\n"
         '    On the input "without input_gradient": '),
        # Each pass has its own points.
        ("attention", ("    score = f @ v", f"    {STUB}\n    score = f @ v"), "df, dv",
         "forward is not written yet"),
        ("attention", ("score = f @ v", STUB, "return df, dv", "return -df, dv"), "dv",
         "df: The right gradient is returned with the wrong sign."),
        ("conv1d", SECOND_CONV1D, "dx, dw, db", "out: "),
        ("maxpool", ("argmax += stride", "argmax += 0 * stride"), "dx", ""),
        ("batchnorm", ("np.sqrt(var + EPSILON)", "np.sqrt(var)"), "dx, dgamma, dbeta", "out: "),
        ("softmax_cross_entropy", ("return loss, Cache(", "return 0 * loss, Cache(0 * "), "dz",
         "out: "),
        ("attention", "import numpy as np\n\ndef forward(f, v):\n    return f[0], 0\n\n"
         + SECOND["attention"], "df, dv", "out: "),
    ],
)  # fmt: skip
def test_a_mistake_in_a_layer_costs_its_point_only(name, handed_in, earned, words):
    check(name, handed_in, earned, words)


def test_a_forward_that_was_given_and_is_broken_is_noted():
    imports = "try:\n    import os\nexcept ImportError:\n    pass\n"
    result = judged("dropout", imports + changed("dropout", "return x * mask", "return 0 * x"))
    imported, broken = result.notes
    assert result.state == "right" and imported.startswith("Line 2 imports os, which")
    assert broken == layers.BROKEN == "forward was given, and it is no longer right."
    for name in ("dense", "relu"):  # whose caches are a named tuple, and an array
        alone = right(select(None, name)[0]).replace("def forward", "def other")
        assert judged(name, alone).state == "right"  # backward alone is what is asked for
        by_name = alone.replace("x, w = cache\n", "x, w = cache.x, cache.w\n")
        assert judged(name, by_name).state == "right"


# Functions


@pytest.mark.parametrize(
    ("name", "handed_in", "earned", "words"),
    [
        ("step", f"{STEP}    return params, state['bias']\n", "",
         "step raised KeyError: 'bias', line 2"),
        ("step", ("np.sqrt(", "("), "m, v, no gradient", "root of the second moment is missing."),
        ("step", (GRADIENTS, "    for name in params:\n        g = grads[name]\n"),
         "m, v, parameters", "KeyError: 'b'"),
        ("step", f"{STEP}    return params\n", "", "right: a tuple of 2"),
        ("step", f"{STEP}    return params, {{}}\n", "", "lacks ['b.m', 'w.m']"),
        ("step", f"{STEP}    state['steady.m'] = 0\n    return params, state\n", "",
         "writes to a dict that it is given"),
        ("step", f"{STEP}    return params, state\n", "", "wrong: m, v, parameters, no gradient"),
        ("add_penalty", ("l1 * np.sign(w)", "l1 * w / np.abs(w)"), "l2, kernels only", "nan"),
        ("add_penalty", ("l1 * np.sign(w)", "l1 * np.where(w >= 0, 1, -1)"), "l2, kernels only",
         "Where w is 0, l1 is added"),
        ("add_penalty", ("+ 2 * l2 * w", "+ 2 * l2 * np.sin(w)"), "l1, kernels only",
         UNKNOWN),
        ("add_penalty", f"{PENALTY}    return dict(grads)\n", "", "l1 has no effect"),
        ("learning_rate", f"{RATE}    return 1e-3 * 0.93**epoch\n", "decay",
         "floor: The rate never stops falling: the floor is missing."),
        ("learning_rate", f"{RATE}    return 1e-3 * 0.93001**epoch\n", "", "epoch = "),
        ("learning_rate", ("    return", f"    if epoch > 50:\n        {STUB}\n    return"),
         "decay", 'is not written yet.\n    On the input "floor": epoch = 60'),
        ("normalise_and_pad", ("out[count:] = real.min(axis=0)", "out[count:] = real[-1]"),
         "normalised, float32", "padded: It pads with the last frame."),
        ("normalise_and_pad", ("np.empty((FRAMES, MELS), np.float32)", "np.empty((750, 26))"),
         "normalised, padded, minimum and out", "It returns float64"),
        ("normalise_and_pad", ("if out is None else out", ""), "normalised, padded, float32",
         "normalise_and_pad does not write to the given out"),
        ("normalise_and_pad", ("real.min(axis=0) if minimum is None else minimum",
                               "minimum or real.min(axis=0)"),
         "normalised, padded, float32", "test one number, or `is None`"),
        ("uar", f"{UAR}    return [0.5]\n", "", "a list of 1"),
        ("uar", f"{UAR}    return None\n", "", "It returns None."),
        ("uar", f"{UAR}    return np.random.random()\n", "", "when it is called again"),
        ("mend_groups", f"{GROUPS}    return [[0], [1, 2]]\n", "", "[[0], [1, 2]]"),
        ("mend_groups", ("[source, source", "[target, source"), "",
         "received the result = [[2, 3, 4], [0, 1, 2, 3, 4]]\n    right    the result = [[0, 1], "),
    ],
)  # fmt: skip
def test_a_mistake_in_a_function_is_named_and_costs_its_point_only(name, handed_in, earned, words):
    check(name, handed_in, earned, words)


@pytest.mark.parametrize("rest", ["state[name + '.m'] = 0\n", "del state[name + '.m']\n"])
def test_what_has_no_gradient_stays_as_it_is(rest):
    rest = "    for name in params.keys() - grads.keys():\n        " + rest
    check("step", (GRADIENTS, rest + GRADIENTS), "m, v, parameters")


@pytest.mark.parametrize("name", TABLES)
def test_each_wrong_function_is_caught_and_named(name):
    """The module of an exercise with the mistake in it; at most two mistakes give the same."""
    (exercise,) = (e for e in EXERCISES if e.functions == (name,))
    constants = {"BLOCK": 2} if name == "mean_and_std" else {}  # as in the exercise
    for wrong in wrong_ways(getattr(exercise.module, name), constants):
        result = judged(exercise.name, module=SimpleNamespace(**{name: wrong}))
        causes = [cause for verdict in result.verdicts for cause in verdict.causes]
        assert result.state == "wrong" and wrong.__doc__ in causes, (wrong.__doc__, causes)


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.kind == MEND], ids=str)
def test_a_bug_is_planted_where_no_other_exercise_asks(exercise):
    asked = {
        (e.module, f)
        for e in EXERCISES
        if e.kind != MEND and e.name != "checker"
        for f in e.functions
    }
    assert not {(exercise.module, f) for f in exercise.functions} & asked
    as_before = ": It gives what it gave when it was handed out: the bug is still there.\n"
    check(exercise.name, handout.text(exercise), "", as_before, "received")


@pytest.mark.parametrize(
    ("name", "handed_in"),
    [
        ("relu", "from __future__ import annotations\nfrom dataclasses import dataclass\n"
         "import enum\n" + right(*select(None, "relu")) +
         "\n\n@dataclass\nclass Mask:\n    gate: object\n"),
        ("mend_groups", ("[source + target]", "np.arange(n + m)[None]")),
        ("normalise_and_pad", ("    return out", "    return out[:]")),  # a view of all of it
        ("batchnorm", ("    if running is None", "    x = np.float32(x)\n    if running is None")),
    ],
)  # fmt: skip
def test_another_way_to_write_it_is_right(name, handed_in):
    check(name, handed_in, ", ".join(select(None, name)[0].parts))


def test_a_number_of_the_hand_out_cannot_be_changed_away():
    (exercise,) = select(None, "mend_mean_and_std")
    text = handout.text(exercise)
    assert "BLOCK = 2 " in text
    check(exercise.name, text.replace("BLOCK = 2 ", "BLOCK = 50000 "), "", "the bug is still there")


@pytest.mark.parametrize(("received", "true", "found"), [
    (1.0 + 5e-8, 1.0, None), (1.0 + 5e-7, 1.0, ("it", 1.0 + 5e-7, 1.0, "")),
    (1.0 + 5e-7, np.float32(1), None), (None, 1.0, ("it", None, 1.0, "It returns None.")),
    ({"a": 1}, {"b": 1}, ("it", None, None, "it lacks ['b'].")),
    ({"a": 1, "b": 1}, {"b": 1}, ("it", None, None, "it should not have ['a'].")),
    ({"a": (1, 2)}, {"a": (1, 3)}, ('it["a"][1]', 2, 3, "")), ({"a": 1}, {"a": 1}, None),
    ((1,), (1, 2), ("it", (1,), (1, 2), "It is a tuple of 1, not a tuple of 2.")),
    (1, {"a": 1}, ("it", 1, {"a": 1}, "It is a number, not a dict.")),
    ([1, 2], [1, 3], ("it", [1, 2], [1, 3], "It returns [1, 2], not [1, 3].")), ([1], [1], None),
    (1, "x", ("it", 1, "x", "It returns 1, not x.")), ("x", "x", None),
    ("x", 1, ("it", "x", 1, "It is a str, not a number.")),
])  # fmt: skip
def test_where_two_results_differ(received, true, found):
    assert functions.difference("it", received, true) == found


def test_the_lines_and_the_summary_of_a_result():
    verdicts = Verdict("out", True), Verdict("dx", False, ("No.",), "here"), Verdict("dw", False)
    result = Result(None, WRONG, {"out": 0.1, "dw": 0.2}, verdicts, notes=("A note.",))
    assert result.points == 0.3 and result.lines("out") == ["right: out", "A note."]
    assert result.lines("dx") == ["wrong: dx", "dx: No.", "    here", "A note."]
    assert result.summary == f"dx: No. | dw: {UNKNOWN} | A note."
    assert Result(None, WRONG, why="No.", notes=("A note.",)).summary == "No. | A note."
    many = Result(None, WRONG, verdicts=[Verdict(f"d{i}", False, ("a" * i,)) for i in range(20)])
    assert len(many.lines()) == MOST - 1


RETURNED = ("[[1], [2, 3]]", "10**400", "np.array([1j])", "np.array([object()])", "{'a': 1}",
            "(x for x in ())", "None", "np.zeros(0)", "np.nan", "ITSELF", "DEEP", "'todo'",
            "np.ma.array([1, 2], mask=[0, 1])", "True", "type('T', (), {})()",
            "np.float32(2)")  # fmt: skip
PLACES = {  # where it may be returned
    "relu": f"{RELU}\ndef backward(dout, cache):\n    return (IT,)\n",
    "dense": f"{DENSE}    return IT\n",
    "attention": "def forward(f, v):\n    return IT, 0\n\ndef backward(dout, cache):\n    pass\n",
    "step": f"{STEP}    return params, dict.fromkeys(state, IT)\n",
    "uar": f"{UAR}    return IT\n",
    "mend_groups": f"{GROUPS}    return [IT]\n",
    "mend_mean_and_std": "def mean_and_std(frames):\n    return IT, IT\n",
    "mend_equations": "def equations(emotion, domain, **o):\n    return IT\n",
    "checker": "def check(*a):\n    return IT\n",
}
MADE = "import numpy as np\n\nITSELF = []\nITSELF.append(ITSELF)\nDEEP = 1.0\n" + (
    "for _ in range(300):\n    DEEP = (DEEP,)\n\n"
)


@pytest.mark.parametrize("name", PLACES)
def test_whatever_is_returned_can_be_graded(name):
    for returned in RETURNED if name == "uar" else RETURNED[::3]:
        result = judged(name, MADE + PLACES[name].replace("IT", returned))
        feedback = "\n".join(result.lines())
        assert result.points < 1 and result.state in ("wrong", "not written"), (returned, feedback)
        assert feedback and len(feedback) < 20_000, returned


# The checker


CHEATS = (
    "next(calls) % 3 == 0", "False", "True",
    "type(op.forward(*arrays, **options)[1]) is tuple",  # what it keeps shows no mistake
)  # fmt: skip


@pytest.mark.parametrize("answer", CHEATS)
def test_a_checker_that_does_not_look_earns_next_to_nothing(answer):
    text = "import itertools\n\ncalls = itertools.count()\n\ndef check(op, arrays, options, rng):\n"
    text += f"    return {answer}\n"
    assert np.mean([judged("checker", text, seed).points for seed in range(3)]) < 2


LENIENT = "not np.abs(slope - gradient).max() <= 1e-6 * np.abs(slope).max()"


@pytest.mark.parametrize(
    ("old", "new", "most", "missed"),
    [
        ("dout = rng.standard_normal(np.shape(out))", "dout = np.ones(np.shape(out))", 10,
         "dout's"),
        ("1e-6 * np.abs(slope).max()", "1e-5", 10, "weights of 1e-07"),
        ("1e-6 * np.abs(slope).max()", "1e-2 * np.abs(slope).max()", 10, "a thousandth too large"),
        ("if gradient is None:", "if i > 0:", 10, "last argument's"),
        ("not np.abs(slope - gradient).max() <=", "np.abs(slope - gradient).max() >", 9.5, "NaN"),
        (LENIENT, "not abs(slope.sum() - gradient.sum()) <= 1e-6 * np.abs(slope).sum()", 9.0,
         "reverse order"),
        (LENIENT, "not (abs(slope - gradient) / (abs(slope) + 1e-300)).max() <= 1e-4", 9.0,
         "a constant feature"),  # no floor
    ],
)  # fmt: skip
def test_a_lenient_checker_loses_points_and_learns_what_it_missed(old, new, most, missed):
    assert old in CHECK
    result = judged("checker", CHECK.replace(old, new))
    assert 0 < result.points < most
    (verdict,) = result.verdicts
    assert missed in verdict.shown


def test_the_checker_is_asked_about_right_ops_that_are_right():
    """A right checker gets all points, whatever the seed."""
    for seed in range(5):
        assert judged("checker", CHECK, seed).points == 10
