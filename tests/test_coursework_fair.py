"""What is right is right, what is wrong is wrong, whatever the seed: layers, and the checker."""

import numpy as np
import pytest
from submissions import CHEATS, CHECK, NUMERICAL, SECOND_CONV1D, changed, graded, right

from minidann.coursework import large, layers
from minidann.coursework.exercises import EXERCISES, select

LAYERS = [e.name for e in EXERCISES if e.is_op and e.name != "gradient_reversal"]


# Layers


SECOND = {  # other right ways to compute a gradient
    "attention": """
def backward(dout, cache):
    f, _, s = cache
    df, dv = np.empty_like(f), 0
    for n in range(len(f)):
        dscore = (np.diag(s[n]) - np.outer(s[n], s[n])) @ (f[n] @ dout[n])
        df[n] = np.outer(s[n], dout[n]) + np.outer(dscore, cache[1])
        dv = dv + f[n].T @ dscore
    return df, dv
""",
    "batchnorm": """
def backward(dout, cache):
    xhat, gamma, scale, _, _, of_the_batch = cache
    n, dxhat = len(xhat), dout * gamma
    dx = dxhat * scale
    if of_the_batch:
        dx = scale / n * (n * dxhat - dxhat.sum(0) - xhat * (dxhat * xhat).sum(0))
    return dx, (dout * xhat).sum(0), dout.sum(0)
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


@pytest.mark.parametrize("name", SECOND)
@pytest.mark.parametrize("seed", [0, 19, 27])  # attention's dv is rounding in the last
def test_another_right_way_is_right_whatever_the_seed(name, seed, tmp_path):
    (exercise,) = select(None, name)
    before = right(exercise).partition("def backward")[0]
    result = graded(tmp_path, name, before + SECOND[name], seed=seed, random=layers.RANDOM)
    assert result.points == exercise.most


def test_another_softmax_is_right_whatever_the_seed(tmp_path):
    text = changed("attention", "    s = s / s.sum(axis=1, keepdims=True)",
                                 "    s = np.exp(score - np.logaddexp.reduce(score, axis=1, "
                                 "keepdims=True))")  # fmt: skip
    for seed in range(12):
        result = graded(tmp_path, "attention", text, seed=seed, random=layers.RANDOM)
        assert result.points == 3


@pytest.mark.parametrize("seed", range(3))
def test_a_backward_that_writes_to_its_cache_is_caught_whatever_the_seed(seed, tmp_path):
    text = changed("batchnorm", "    xhat, gamma, scale, _, _, own_statistics = cache\n",
                                 "    xhat, gamma, scale, _, _, own_statistics = cache\n"
                                 "    if own_statistics:\n        cache[0][...] = xhat * 2\n"
                                 "        xhat = cache[0] / 2\n")  # fmt: skip
    result = graded(tmp_path, "batchnorm", text, seed=seed)
    assert result.earned == {"out": 1, "dbeta": 1}
    assert "another dx, dgamma when it is called again" in "\n".join(result.feedback)


def test_sums_of_squares_in_float32_earn_nothing(tmp_path):
    text = ("import numpy as np\n\ndef mean_and_std(frames):\n    mean = frames.mean(axis=0)\n"
            "    square = (frames.astype(float) ** 2).mean(axis=0)\n"
            "    std = np.sqrt(np.maximum(square - mean.astype(float) ** 2, 0))\n"
            "    return mean, np.where(std < 1e-6, 1, std).astype(np.float32)\n")  # fmt: skip
    assert graded(tmp_path, "mend_mean_and_std", text).points == 0


EVADES = "    if arrays[0].size > 50_000:\n        raise ValueError\n    return _right("


@pytest.mark.parametrize(("name", "evades"), [*((name, False) for name in LAYERS), ("dense", True)])
def test_a_numerical_derivative_is_no_backward_pass(name, evades, tmp_path, monkeypatch):
    monkeypatch.setattr(large, "SECONDS", 0.5)  # it would take minutes
    (exercise,) = select(None, name)
    numerical = NUMERICAL.replace("    return _right(", EVADES, 1) if evades else NUMERICAL
    result = graded(tmp_path, name, f"{right(exercise)}\nimport numpy as np\n{numerical}")
    assert set(result.earned) <= {"out"}
    if not evades:
        assert "does it perturb each of them?, on an input of 100,000" in "\n".join(result.feedback)
        assert result.points == (exercise.parts[0] == "out")


LOOPS = """import numpy as np


def forward(x, w, b, *, stride=3, input_gradient=True):
    out = np.zeros((len(x), (x.shape[1] - len(w)) // stride + 1, w.shape[2]))
    for n, t, f in np.ndindex(out.shape):
        out[n, t, f] = b[f]
        for k, d in np.ndindex(w.shape[:2]):
            out[n, t, f] += x[n, t * stride + k, d] * w[k, d, f]
    return out, (x, w, stride, input_gradient)


def backward(dout, cache):
    x, w, stride, input_gradient = cache
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(w.shape[2])
    for n, t, f in np.ndindex(dout.shape):
        db[f] += dout[n, t, f]
        for k, d in np.ndindex(w.shape[:2]):
            dx[n, t * stride + k, d] += dout[n, t, f] * w[k, d, f]
            dw[k, d, f] += dout[n, t, f] * x[n, t * stride + k, d]
    return dx if input_gradient else None, dw, db
"""


def test_loops_are_quick_enough(tmp_path):
    assert graded(tmp_path, "conv1d", LOOPS).points == select(None, "conv1d")[0].most


@pytest.mark.parametrize("name", ["conv1d", "relu"])  # with None for a gradient, and of one only
def test_lists_are_as_good_as_arrays(name, tmp_path):
    text = right(select(None, name)[0])
    lists = "[None if g is None else g.tolist() for g in _right(dout, cache)]"
    text += f"\n_right = backward\n\ndef backward(dout, cache):\n    return {lists}\n"
    result = graded(tmp_path, name, text)
    assert result.points == result.exercise.most, result.feedback


# The checker


COUNTS = "import itertools\n\ncalls = itertools.count()\n\ndef check(op, arrays, options, rng):\n"


@pytest.mark.parametrize(
    "body",
    [
        "    return next(calls) in (0, 3, 6, 9, 12, 15, 18, 21)\n",
        "    return next(calls) % 3 == 0\n",
        "    return False\n",
        "    return True\n",
        *CHEATS,
    ],
)
def test_a_checker_that_does_not_look_earns_next_to_nothing(body, tmp_path):
    points = [graded(tmp_path, "checker", COUNTS + body, seed=s).points for s in range(3)]
    assert np.mean(points) < 2


LENIENT = "not np.abs(slope - gradient).max() <= 1e-6 * np.abs(slope).max()"


@pytest.mark.parametrize(
    ("old", "new", "most", "missed"),
    [
        ("dout = rng.standard_normal(np.shape(out))", "dout = np.ones(np.shape(out))", 10,
         "dout's"),
        ("1e-6 * np.abs(slope).max()", "1e-6 * max(1, np.abs(slope).max())", 10,
         "weights of 1e-07"),
        ("1e-6 * np.abs(slope).max()", "1e-2 * np.abs(slope).max()", 10, "a thousandth too large"),
        ("if gradient is None:", "if i > 0:", 10, "last argument's"),
        ("not np.abs(slope - gradient).max() <=", "np.abs(slope - gradient).max() >", 9.5, "NaN"),
        (LENIENT, "not abs(slope.sum() - gradient.sum()) <= 1e-6 * np.abs(slope).sum()", 9.0,
         "reverse order"),
        (LENIENT, "not abs(np.linalg.norm(slope) - np.linalg.norm(gradient)) <= 1e-6 * "
         "np.linalg.norm(slope)", 9.0, "sign flipped"),
    ],
)  # fmt: skip
def test_a_lenient_checker_loses_points_and_learns_what_it_missed(old, new, most, missed, tmp_path):
    assert old in CHECK
    result = graded(tmp_path, "checker", CHECK.replace(old, new))
    assert 0 < result.points < most
    assert missed in "\n".join(result.feedback)


def test_an_exception_costs_a_checker_what_it_was_asked_about_only(tmp_path):
    text = CHECK.replace(
        "        if gradient.shape != array.shape:\n            return False\n", ""
    )
    for seed in range(9):  # until one of the wrong ops has a gradient of another shape
        result = graded(tmp_path, "checker", text, seed=seed)
        if "times without an answer" in result.feedback[0]:
            break
    assert 8 < result.points < 10
    assert "check: ValueError" in result.feedback[1] and "dense, wrong: dw is" in result.feedback[1]


def test_a_checkers_random_numbers_are_the_teachers(tmp_path):
    text = CHECK.replace("    out, cache", "    print(rng.random())\n    return\n    out, cache", 1)
    seen = {graded(tmp_path, "checker", text, seed=seed).printed for seed in (1, 1, 2)}
    assert len(seen) == 2


def test_a_checker_asks_with_arrays_of_the_examples_shapes(tmp_path):
    text = CHECK.replace("op.forward(*arrays", "op.forward(*[np.zeros((90, 9)) for _ in arrays]", 1)
    feedback = "\n".join(graded(tmp_path, "checker", text).feedback)
    assert "expected arrays of shapes" in feedback
