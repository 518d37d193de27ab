"""What is said of students' code: right is right, and what is wrong has its own name or none."""

from types import SimpleNamespace

import numpy as np
import pytest
from wrong_code import asked, changed, judged

from minidann import ops
from minidann.gradcheck import judging
from minidann.gradcheck.verdict import MOST, UNKNOWN, Verdict, lines
from minidann.mistakes import naming
from minidann.mistakes.changes import changes, factors
from minidann.mistakes.convolution import largest, shared
from minidann.mistakes.explaining import explain
from minidann.mistakes.question import Case, Seen, ask, close, is_single
from minidann.mistakes.shares import by_shares, shares
from minidann.ops import (
    attention,
    batchnorm,
    dense,
    gradient_reversal,
    maxpool,
    relu,
    softmax_cross_entropy,
)


def by(forward, backward):
    return SimpleNamespace(forward=forward, backward=backward)


def causes(verdicts):
    return {part: v.causes for part, v in verdicts.items() if not v.right}


@pytest.mark.parametrize("name", ops.__all__)
def test_minidanns_own_ops_are_right(name):
    verdicts = judged(name, getattr(ops, name))
    assert all(v.right and not v.note and not v.shown for v in verdicts.values())


@pytest.mark.parametrize("name", ops.__all__)
def test_questions_are_read_only_and_reach_options_and_their_defaults(name):
    for question in asked(name):
        assert not any(array.flags.writeable for array in question.case.arrays)
    options = [set(question.case.options) for question in asked(name)]
    if name in ("conv1d", "maxpool", "gradient_reversal", "batchnorm", "conv_relu_maxpool"):
        assert set() in options and any(options)
    sizes = [sum(a.size for a in question.case.arrays) for question in asked(name)]
    assert sizes == sorted(sizes)


# Right code in other styles.


def test_float32_is_a_note():
    op = by(lambda x: (np.float32(relu.forward(x)[0]), x > 0), lambda d, c: (np.float32(d * c),))
    verdicts = judged("relu", op)
    assert all(v.right and "float32" in v.note for v in verdicts.values())


@pytest.mark.parametrize("pack, unpack", [
    (lambda *c: [*c], tuple), (lambda x, w: {"x": x, "w": w}, lambda c: (c["x"], c["w"])),
    (lambda x, w: SimpleNamespace(x=x, w=w), lambda c: (c.x, c.w)),
])  # fmt: skip
def test_a_cache_may_be_anything(pack, unpack):
    op = by(lambda x, w, b: (x @ w + b, pack(x, w)), lambda d, c: dense.backward(d, unpack(c)))
    assert not causes(judged("dense", op))


def pool(weights):
    """Max pooling whose gradient is spread by `weights(ties)`, the places of the largest."""
    return by(
        lambda x, size=30, stride=30: (
            maxpool.forward(x, size=size, stride=stride)[0], (x, size, stride)),
        lambda dout, cache: shared(lambda v: weights(largest(v)), dout, *cache),
    )  # fmt: skip


def test_any_subgradient_is_accepted_where_that_is_asked_for_and_told():
    split = pool(lambda ties: ties / ties.sum(axis=1, keepdims=True))
    verdict = judged("maxpool", split, any_subgradient=True)["dx"]
    assert verdict.right and "Tied maxima share the gradient" in verdict.note
    verdict = judged("maxpool", split)["dx"]
    assert verdict.causes == ("Tied maxima share the gradient; forward took the first.",)
    assert "a tie" in verdict.shown
    whole = pool(lambda ties: ties)  # no subgradient: the slopes of both add up to too much
    verdict = judged("maxpool", whole, any_subgradient=True)["dx"]
    assert verdict.causes[0].startswith("Each of several tied maxima gets the whole gradient")


@pytest.mark.parametrize("slope, right", [(0.0, True), (0.5, True), (1.0, True), (1.5, False)])
def test_relus_slope_at_0(slope, right):
    op = by(lambda x: (relu.forward(x)[0], x), lambda d, x: (d * np.heaviside(x, slope),))
    assert judged("relu", op, any_subgradient=True)["dx"].right == right


# Holes that a checker may have.


def naive(f, v):
    s = np.exp(f @ v)
    s = s / s.sum(axis=1, keepdims=True)
    return np.einsum("np,npf->nf", s, f), (f, v, s)


def log_of_p(z, *, labels):
    _, cache = softmax_cross_entropy.forward(z, labels=labels)
    return -np.log(cache.p[np.arange(len(z)), labels]).mean(), cache


def from_zero(x, *, size=30, stride=30):
    out, cache = maxpool.forward(x, size=size, stride=stride)
    return np.maximum(out, 0), cache


def spoiled(dout, cache):
    gradients = dense.backward(dout, cache)
    cache.w[...] = 0
    return gradients


OWN_COPY = by(lambda x, w, b: (x @ w + b, dense.Cache(x, w.copy())), spoiled)
HOLES = {
    "exp overflows: subtract each row's largest score first.": (
        "attention", by(naive, lambda d, c: attention.backward(d, c)), "out"),
    "The log is taken of p, which may be 0: take log p = z - largest - log sum exp.": (
        "softmax_cross_entropy", by(log_of_p, softmax_cross_entropy.backward), "out"),
    "Negative numbers count as 0: the search for the largest starts at 0.": (
        "maxpool", by(from_zero, maxpool.backward), "out"),
    "A beta of 0 is taken for 1: `beta or 1.0` cannot tell 0 from nothing.": (
        "gradient_reversal", by(lambda x, beta=1.0: (x, beta or 1.0), gradient_reversal.backward),
        "dx"),
    "The default of stride is size, but it should be 30.": (
        "maxpool", by(lambda x, size=30, stride=None: maxpool.forward(
            x, size=size, stride=stride or size), maxpool.backward), "out"),
    "xhat = (out - beta) / gamma is 0/0 where gamma is 0: keep xhat.": (
        "batchnorm", by(lambda x, gamma, beta, running=None: (
            (made := batchnorm.forward(x, gamma, beta, running=running))[0],
            made[1]._replace(xhat=(made[0] - beta) / gamma)), batchnorm.backward), "dx"),
    judging.AGAIN: ("dense", OWN_COPY, "dx"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("says", HOLES)
def test_a_hole_is_closed(says):
    name, op, part = HOLES[says]
    verdict = judged(name, op)[part]
    assert not verdict.right and verdict.causes[0] == says, verdict


def test_a_cache_in_a_global_and_writing_to_an_input_are_caught():
    kept = {}

    def in_a_global(x):
        kept["passed"] = x > 0
        return np.maximum(x, 0), None

    assert not judged("relu", by(in_a_global, lambda d, c: (d * kept["passed"],)))["dx"].right

    def in_place(x):
        x[x < 0] = 0
        return x, x > 0

    said = causes(judged("relu", by(in_place, relu.backward)))
    assert said["out"][0].startswith("forward writes to an array that it was given; copy it first")
    assert said["out"] == said["dx"]


# Names.


def gradients_by(name, change):
    """The causes of each gradient of an op whose backward returns change(right, dout, cache)."""
    return causes(judged(name, changed(getattr(ops, name), change)))


@pytest.mark.parametrize(
    "name, change, says",
    [
        ("dense", lambda g, d, c: (g[0], g[1], np.full_like(g[2], d.sum())), "over all axes."),
        ("dense", lambda g, d, c: (g[0], g[1], d), "dout is returned."),
        ("relu", lambda g, d, c: (1.0 * c,), "Backward acts as if dout were one everywhere: it is"),
        ("conv1d", lambda g, d, c: (*g[:2], d.sum(axis=1)), "dout summed over axis 1 is"),
        ("dense", lambda g, d, c: (g[0], g[1], g[2][None]), "keepdims"),
        ("dense", lambda g, d, c: (g[0], g[1].ravel(), g[2]), "is returned flattened to one axis."),
        ("dense", lambda g, d, c: (*g[:2], d.sum()), "summed over all axes, which should stay."),
        ("dense", lambda g, d, c: (*g[:2], 1 + 0 * g[2]), "is replaced by one everywhere."),
        ("maxpool", lambda g, d, c: (g[0][:, : c.argmax.max() + 1],), "cut short along axis 1"),
        ("batchnorm", lambda g, d, c: (g[0], d * c.xhat, g[2]), "The sum over axis 0 is missing."),
        ("dense", lambda g, d, c: (*g[:2], np.cos(d)), None),  # what has no sum of that kind
        ("dense", lambda g, d, c: (0 * g[0] + g[0][:1], *g[1:]),
         "The right gradient is replaced by that of the first of axis 0 everywhere."),
        ("dense", lambda g, d, c: (g[0], g[1] / len(d), g[2]), "divided by N"),
        ("softmax_cross_entropy", lambda g, d, c: (g[0] / len(c.p),), "numbers are divided by N."),
        ("softmax_cross_entropy", lambda g, d, c: (c.p * d / len(c.p),), "label's 1 is missing"),
        ("attention", lambda g, d, c: (g[0] - c.weights[..., None] * d[:, None] / 2, g[1]),
         "The direct path is divided by 2."),
        ("attention", lambda g, d, c: (g[0], g[1] / np.sqrt(len(c.v))), "divided by sqrt(F)"),
        ("softmax_cross_entropy", lambda g, d, c: (2 * c.p * d / len(c.p),),
         "The part of p is multiplied by 2; the label's 1 is missing."),
        ("dense", lambda g, d, c: (d @ np.abs(c.w).T, *g[1:]),
         "Backward acts as if w were its absolute value."),
        ("batchnorm", lambda g, d, c: (g[0] * (2 if c.own_statistics else np.nan), *g[1:]),
         "The right numbers are multiplied by 2. And large numbers overflow."),
        ("batchnorm", lambda g, d, c: (2 * g[0] if c.own_statistics else g[0], *g[1:]),
         "Called without options: The right numbers are multiplied by 2."),
        *(("batchnorm", lambda g, d, c: ((2 if c.own_statistics else 3) * g[0], *g[1:]), says)
          for says in ("Called without options: The right numbers are multiplied by 2.",
                       "Called with running: The right numbers are multiplied by 3.")),
        ("softmax_cross_entropy",
         lambda g, d, c: (g[0] / len(c.p.T) + 0 * np.exp(c.p.std() * 3e3),),
         "large numbers overflow"),
        ("dropout", lambda g, d, c: (g[0] / 0.3,), "The right numbers are multiplied by 3.333."),
        ("dense", lambda g, d, c: (g[0], g[1] + 0.01 * c.w, g[2]), "0.01 times w is added."),
        ("attention", lambda g, d, c: (g[0], np.einsum("npf,nf,npg->g", c.f, d, c.f)),
         "derivative is missing: ds stands where"),
        ("softmax_cross_entropy", lambda g, d, c: (
            (c.p - np.isin(np.arange(len(c.p.T)), c.labels)) * d / len(c.p),), "takes columns"),
        # It is not one number on all inputs, or there is only one input that is called like this.
        ("dense", lambda g, d, c: (g[0], g[1], g[2] * (1.37 if len(d) < 4 else 1.38)), None),
        ("maxpool", lambda g, d, c: (g[0] * (1.37 if c.x_shape[1] == 307 else 1),), None),
        ("conv1d", lambda g, d, c: (g[0], np.cos(g[1]), g[2]), None),
        ("dense", lambda g, d, c: (g[0] * np.nan, *g[1:]), None),
        # On some inputs the factor is N, on others not: so it is not N.
        ("dense", lambda g, d, c: (g[0] * (len(d) if len(d) != 3 else 1.5), *g[1:]), None),
    ],
)  # fmt: skip
def test_a_gradient_is_named_or_not_known(name, change, says):
    verdicts = judged(name, changed(getattr(ops, name), change))
    ((part, found),) = causes(verdicts).items()
    if says is None:
        assert found == ()
        assert UNKNOWN in lines([verdicts[part]])[1]
    else:
        assert says in " ".join(found), found
        assert len(found) <= 2 and not any("sign of out" in cause for cause in found)
        assert len(found) == 1 or "overflow." not in found[0]


def test_the_input_that_is_shown_is_called_as_the_cause_says():
    def change(g, d, c):  # wrong in another way with running statistics
        return c.gamma * c.scale * (d - d.mean(axis=0)), *g[1:]

    verdict = judged("batchnorm", changed(batchnorm, change))["dx"]
    assert verdict.causes == ("Called without options: The path through the variance is missing.",)
    assert 'On the input "three rows"' in verdict.shown and "running" not in verdict.shown


@pytest.mark.parametrize(
    "name, change, says",
    [
        ("dense", lambda g, d, c: tuple(map(np.squeeze, g)), "without its axes of size 1"),
        ("dense", lambda g, d, c: g[::-1], "in the order db, dw, dx, not in that of"),
        ("batchnorm", lambda g, d, c: (g[0], g[2], g[1]), "in the order dx, dbeta, dgamma"),
        ("dense", lambda g, d, c: tuple(-x for x in g), "The right gradient is returned with the"),
    ],
)
def test_what_happens_to_all_gradients_is_told_once(name, change, says):
    ((cause, *_),) = set(gradients_by(name, change).values())
    assert says in cause


def test_an_output_is_named_by_what_forward_would_give_of_other_inputs():
    op = by(lambda x, w, b: (x @ w - 2 * b, dense.Cache(x, w)), dense.backward)
    said = causes(judged("dense", op))["out"]
    assert said == ("Forward acts as if b were with the wrong sign and multiplied by 2.",)


def test_two_mistakes_in_two_gradients_are_told_apart():
    found = gradients_by("dense", lambda g, d, c: (g[0], -g[1], g[2] / len(d)))
    assert found["dw"][0] == "The right gradient is returned with the wrong sign."
    assert found["db"][0] == "The right numbers are divided by N."


def test_one_mistake_in_both_passes_is_told_once():
    """N - 1 in forward, and backward is the derivative of that."""

    def forward(x, gamma, beta, running=None):
        out, cache = batchnorm.forward(x, gamma, beta, running=running)
        n = len(x)
        if running is not None or n == 1:
            return out, (cache, n)
        var = x.var(axis=0, ddof=1)
        scale = 1 / np.sqrt(var + 1e-5)
        xhat = (x - x.mean(axis=0)) * scale
        return gamma * xhat + beta, (cache._replace(xhat=xhat, scale=scale), n - 1)

    def backward(dout, kept):
        cache, n = kept
        dgamma, dbeta = (dout * cache.xhat).sum(axis=0), dout.sum(axis=0)
        dx = dout - dbeta / len(dout) - cache.xhat * dgamma / n if cache.own_statistics else dout
        return cache.gamma * cache.scale * dx, dgamma, dbeta

    said = set(causes(judged("batchnorm", by(forward, backward))).values())
    assert said == {("The variance is divided by N - 1, not by N.",)}


def test_a_gradient_that_is_wrong_because_forward_is():
    op = by(
        lambda x, w, b: (x @ w, (x, w)),
        lambda d, c: (*dense.backward(d, c)[:2], np.zeros(d.shape[1])),
    )
    assert causes(judged("dense", op)) == dict.fromkeys(("out", "db"), ("The bias is not added.",))


# What names are made of.

A, B, NAN = np.array([1.0, 2.0, 0.0]), np.array([0.0, 1.0, 1.0]), np.array([1.0, np.nan, 0.0])
PARTS = {"A": A, "B": B}


def test_shares_are_what_fits_alone():
    np.testing.assert_allclose(shares(PARTS, 2 * A - 3 * B), [2, -3])
    for parts, received in (
        ({}, A), (PARTS, A[:2]), (PARTS, A + [1e-7, 0, 0]), (PARTS, 1e-9 * np.eye(3)[0]),
        ({"A": A, "again": 2 * A}, A), (PARTS, 0 * A), (PARTS, NAN), ({"A": A, "NaN": NAN}, A),
    ):  # fmt: skip
        assert shares(parts, received) is None


@pytest.mark.parametrize("paths, received, said", [
    (PARTS, 2 * A + B, ["A is multiplied by 2.", "A is multiplied by N."]),
    (PARTS, 2 * A + B / 2, ["A is multiplied by 2; B is divided by 2.",
                            "A is multiplied by N; B is divided by N."]),
    (PARTS, B * (1 + 1e-8), ["A is missing."]),
    (PARTS, (1e4 + 1e-4) * A + B, ["A is multiplied by T."]),
    (PARTS, (2 + 1e-6) * A + B, []), (PARTS, 2 * A + 7 * B, []), (PARTS, NAN, []),
    (PARTS, A + B, []), (PARTS, 2 * A + 2 * B, []), ({"A": A}, A, []),
    ({"A": A}, A / 2, ["A is divided by 2.", "A is divided by N."]),
])  # fmt: skip
def test_shares_are_read_as_factors(paths, received, said):
    terms = {path: (part,) for path, part in paths.items()}.items()
    for sizes in ([2.0], [2.0, 3.0]):
        seen = [Seen(n, (received,), (sum(paths.values()),), (True,)) for n in sizes]
        with np.errstate(all="ignore"):
            found = [*by_shares(seen, lambda n: terms, lambda n: {"N": n, "T": 1e4}, 0)]
        assert found[: len(said)] == said and bool(found) == bool(said)
        said = [words for words in said if "N" not in words]  # which another input rules out


def test_what_is_close():
    assert close(A, A * (1 + 9e-8)) and not close(A, A + [0, 0, 3e-7]) and close(NAN, NAN)
    assert not close(1e-9, 2e-9) and close(1e-9, 2e-9, 1e-9) and close(A[:0], A[:0])
    assert not any(close(x, A) for x in (None, [*A], A[:2], A + 0j, NAN))
    large = np.array([np.inf, 1.0])  # what overflows twice is the same
    assert close(large, large) and not any(close(x, large) for x in (-large, 2 * large, NAN[:2]))
    single = np.float32([0.1, 0.2])
    assert close(single, [0.1 + 1e-6, 0.2]) and not close(single, np.float32([0.1 + 1e-6, 0.2]))
    assert is_single(np.float64(single)) and is_single(np.float32(1)) and not is_single(A[:0])
    assert not is_single(np.array([0.1, 0.2]))
    small = ask(dense, Case("", (np.eye(1) / 4, np.eye(1) / 4, A[:1]), {}), np.eye(1) / 2)
    assert small.floor == 5e-7


@pytest.mark.parametrize("wrong, true, received, predicted, fits", [
    (False, 99 * A, A, 99 * A * (1 + 5e-7), True), (False, A, A, 2 * A, False),
    (False, A, A, NAN, True), (True, A, 99 * A, 99 * A + 5e-5, True),
    (True, A, B, None, False), (True, A, B, B[:2], False), (True, A, B, B + 1e-7, True),
    (True, A, B, B + 1e-5, False), (True, A, NAN, NAN, True), (True, A, NAN, A, False),
    (True, A, A, NAN, False), (True, A, NAN, 2 * NAN, False), (True, A[:2], B, B + 5e-8, True),
    (True, A[:2], B, B + 2e-7, False), (True, A, np.float32(B), B + 1e-5, True),
    (True, A, NAN[1:2], NAN[1:2], True),
])  # fmt: skip
def test_what_fits(wrong, true, received, predicted, fits):
    assert Seen(None, (received,), (true,), (wrong,)).fits(predicted, 0) is fits


def test_what_spoils_a_right_part_is_no_cause_and_what_explains_more_comes_first():
    def told(received, **predicted):
        wrong = tuple(not np.array_equal(*pair) for pair in zip(received, (A, B)))
        seen = Seen(None, received, (A, B), wrong)
        outcomes = {words: lambda given=given: given for words, given in predicted.items()}
        return explain([seen], lambda _: outcomes.items(), lambda _: {}, lambda _: {})

    found = told((2 * A, B), spoils=(2 * A, A), fits=(2 * A, B), half=(2 * A,))
    assert found == {0: ("fits", "half")} and told((2 * A, B), x=(2 * A, A)) == {0: ("x",)}
    assert told((A, 2 * B), **dict.fromkeys("abc", (A, 2 * B))) == {1: ("a", "b")}
    found = told((2 * A, 2 * B), one=(2 * A, B), both=(2 * A, 2 * B))
    assert found == {0: ("both",), 1: ("both",)}
    right, other = "The right one is changed.", "A is returned."
    assert told((2 * A, B), **{other: (2 * A, A), right: (2 * A, A)}) == {0: (right,)}


def test_factors_and_ways_that_are_tried():
    with np.errstate(all="ignore"):
        found = factors({"K": 2.0, "N": 3.0, "one": 1.0})
    assert found["with the wrong sign"] == -1
    for words, number in {"2": 2, "N": 3, "K times N": 6, "K/N": 2 / 3, "N/K": 1.5, "N squared": 9,
                          "sqrt(N)": 3**0.5}.items():  # fmt: skip
        assert found[f"multiplied by {words}"] == pytest.approx(number)
        assert found[f"with the wrong sign and divided by {words}"] == pytest.approx(-1 / number)
    a = np.array([[1.0, -2.0, 4.0], [3.0, 0.5, -1.0]])
    made = dict(changes(a, {"N": 2.0}, {"a": a, "b": a + 1, "c": a[0]}))
    assert not {"a", "c", "N"} & made.keys()
    for words, right in {"shifted by +1 along axis 1": [[0, 1, -2], [0, 3, 0.5]], "b": a + 1,
                         "zero in the last of axis 0": [a[0], 0 * a[1]], "multiplied by N": 2 * a,
                         "transposed to the axes (1, 0)": a.T}.items():  # fmt: skip
        np.testing.assert_array_equal(made[words](), right)
    number = dict(changes(7, {"N": 5.0}, {}))["N"]()
    assert number == 5 and type(number) is int and not [*changes("x", {"N": 5.0}, {})]
    assert [(words, make()) for words, make in changes(True, {"N": 5.0}, {})] == [("False", False)]
    # SciPy's product reads outside of its matrix where a row number points there.
    assert not [*changes(np.array([0, 3, 1]), {"N": 5.0}, {})]


def test_sizes_and_words_of_an_op():
    sizes = naming.letters("conv1d", asked("conv1d")[0])
    assert sizes == {letter: 1 + (letter in "TK") for letter in (*"TKNDF", "T'", "stride")}
    assert [*sizes][:2] == ["T", "K"]  # what is 1 comes last
    mask = asked("dropout")[0].case.options["mask"]
    assert naming.letters("dropout", asked("dropout")[0])["1/(1 - p)"] == mask.max()
    *_, pooled, plain = asked("maxpool")
    for question, words, options in (
        (pooled, "stride has no effect.", {"size": 5}),
        (pooled, "Forward acts as if size were stride.", {"size": 2, "stride": 2}),
        (plain, "The default of size is 3, but it should be 30.", {"size": 3}),
    ):
        out = dict(naming.forward_outcomes("maxpool", question))[words]()[0]
        right, _ = maxpool.forward(*question.case.arrays, **options)
        np.testing.assert_array_equal(out, right)
    words = {*dict(naming.forward_outcomes("maxpool", pooled))}
    words |= {*dict(naming.backward_outcomes("conv1d", asked("conv1d")[-3]))}
    assert words >= {
        "The right out is returned with the wrong sign.", "dout summed over axis 1 is returned.",
        "The right gradient is replaced by zero everywhere.", "out is returned.",
    }  # fmt: skip
    op = by(lambda x: (relu.forward(x)[0], x), lambda d, x: (2 * d * (x >= 0),))
    assert causes(judged("relu", op))["dx"][0] == "The right numbers are multiplied by 2."


# Words.


def test_lines_are_few_and_begin_with_the_verdict():
    verdicts = [Verdict(f"d{c}", False, (f"Mistake {c}.",), "a\nb\nc") for c in "abcdefgh"]
    said = lines([*verdicts, Verdict("out", True, note="a note")], "mine.py")
    assert len(said) == MOST
    assert said[0] == "mine.py: wrong: da, db, dc, dd, de, df, dg, dh; right: out"
    assert "    a" in said
    one = lines([Verdict("dx", False, ("No.", "Or so."), "here"), Verdict("dw", False, ("No.",))])
    assert one == ["wrong: dx, dw", "dx, dw: No.", "    or: Or so.", "    here"]


@pytest.mark.parametrize(
    "returned, words",
    [
        (lambda g: g[0], "backward returns an array of shape"),
        (lambda g: None, "backward returns None: end it with return (dx, dw, db)."),
        (lambda g: g[:2], "backward returns a tuple of 2"),
        (lambda g: (g[0], g[1].tolist(), g[2]), "backward returns a list of"),
    ],
)
def test_what_is_no_gradient_is_said(returned, words):
    said = causes(judged("dense", changed(dense, lambda g, d, c: returned(g))))
    assert words in said["dw"][0]
