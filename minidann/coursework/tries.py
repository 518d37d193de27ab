"""What the functions are called with: (arguments, options) each, small ones first.

VIEWS says what of the result a part of an exercise is about.
"""

import numpy as np

from minidann import optim

KERNELS = optim.REGULARISED


def learning_rate(rng):
    """Epochs before the floor is reached, and after."""
    return [((int(e),), {}) for e in (0, 1, *sorted(rng.integers(2, 40, 3)), 41, 42, 60, 80, 500)]


def step(rng):
    """Adam's first steps by hand, then some of small gradients; in some a gradient is missing."""
    params = {"w": np.array([1.0, -2.0]), "b": np.array([3.0])}
    grads = {"w": np.array([2.0, 0.5]), "b": np.array([1e-8])}
    calls, state = [], optim.start(params)
    for given in (grads, {"w": grads["w"]}, grads):  # then b is one step behind
        calls.append(((params, given, state, 0.1), {}))
        _, state = optim.step(params, given, state, 0.1)
    params = {"w": rng.standard_normal((2, 5)), "b": rng.standard_normal(3), "c": np.ones(1)}
    state = optim.start(params)
    for t in range(6):
        size = 10.0 ** -np.arange(10).reshape(2, 5)  # 1 down to 1e-9
        grads = {"w": size * rng.standard_normal((2, 5)), "b": rng.standard_normal(3)}
        some = {"b": grads["b"]} if t % 2 else grads
        grads = {**grads, "c": rng.standard_normal(1)}
        calls += [((params, given, state, 0.3), {}) for given in (some, grads)]
        params, state = optim.step(params, grads, state, 0.3)
    return calls


def add_penalty(rng):
    """Kernels and a bias; each penalty alone, and both; a kernel with a zero in it."""
    names = (*KERNELS, "conv.b", "bn.gamma", "bn.beta", "attention.v", "emotion.b")
    small = {"conv.w": np.array([2.0, -3.0]), "emotion.w": np.array([5.0]),
             "domain.w": np.array([-1.0]), "conv.b": np.array([4.0])}  # fmt: skip
    ones = {name: np.ones_like(w) for name, w in small.items()}
    large, grads = ({name: rng.standard_normal((3, 4)) for name in names} for _ in range(2))
    zero = {**small, "conv.w": np.array([2.0, 0.0])}
    given = [(small, ones), (large, grads)]
    given += [(small, {"conv.b": np.array([1.0])})] + [
        (large, {name: g for name, g in grads.items() if name != lost})
        for lost in ("conv.w", "domain.w")
    ]
    sizes = ((0.5, 0.0), (0.0, 0.25), (0.5, 0.25))
    calls = [(pair, {"l1": l1, "l2": l2}) for pair in given for l1, l2 in sizes]
    return [*calls, ((zero, ones), {"l1": 0.5, "l2": 0.0})]


def equations(rng):
    """Steps with both losses, and with the domain loss alone, as on bn4's target rows."""
    calls = []
    for alpha, beta in ((0.5, 3.0), (0.3, 1.7), (0.8, 0.4), (0.5, 0.0)):
        emotion, domain = (
            {name: rng.integers(1, 9, n) / 2 for name, n in sizes.items()}
            for sizes in ({"conv.w": 2, "attention.v": 1, "emotion.w": 1},
                          {"conv.w": 2, "attention.v": 1, "domain.w": 1})
        )  # fmt: skip
        calls += [((e, domain), {"alpha": alpha, "beta": beta}) for e in ({}, emotion)]
    return calls


def groups(rng):
    """Every mode, with more rows of either domain."""
    sizes = [(2, 3), (4, 1), (3, 3), tuple(map(int, rng.integers(1, 9, 2)))]
    return [((mode, *size), {}) for size in sizes for mode in ("bn1", "bn2", "bn3")]


def mean_and_std(rng):
    """Bins of all sorts: loud and quiet ones, and one that never changes."""
    steps = np.array([[1, 1000, 5], [2, 1001, 5], [6, 1000, 5], [3, 1003, 5]], np.float32)
    noise = rng.standard_normal((401, 4)) * [1, 0.02, 3, 1e-3] + [-7, 1e4, 2, 0.5]
    bins = np.split(noise.astype(np.float32), 4, axis=1)  # alone: each has a size of its own
    inputs = (steps[:2], steps[:3], steps, np.full((3, 2), 0.1, np.float32), *bins)
    return [((frames,), {}) for frames in inputs]


def information(rng):
    """Answers that are sure or unsure, of equally frequent classes and of others."""
    column = rng.random((7, 1))
    inputs = ([[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.9, 0.1]],
              [[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]], np.hstack([column, 1 - column]))  # fmt: skip
    return [((np.array(probabilities),), {}) for probabilities in inputs]


def normalise_and_pad(rng):
    """Utterances of 1 to 750 frames; and what may be given beside them."""

    def utterance(count, shift):  # whole numbers, for those who look for a mistake by hand
        frames = rng.integers(-9, 9, (count, 26)) + shift
        mean, std = rng.integers(1, 6, 26), 2.0 ** rng.integers(-1, 3, 26)
        return tuple(array.astype(np.float32) for array in (frames, mean, std))

    low = rng.integers(-9, -6, 26).astype(np.float32)
    frames, mean, std = utterance(5, 0)
    each = (frames, np.tile(mean, (5, 1)), np.tile(std, (5, 1)))
    sizes = ((750, -7), (1, -7), (2, 20), (4, -7), (301, -7), (749, 2))  # 20: all are positive
    return [
        *((utterance(*size), {}) for size in sizes),
        (utterance(4, 0), {"minimum": low}),
        (each, {}),
        (each, {"out": np.ones((750, 26), np.float32)}),
    ]


def uar(rng):
    """Classes of the same size, where UAR is accuracy but not precision, and of others."""

    def case(zeros, ones, right_zeros, right_ones):
        labels = np.repeat([0, 1], [zeros, ones])
        right = np.concatenate([np.arange(zeros) < right_zeros, np.arange(ones) < right_ones])
        order = rng.permutation(len(labels))
        return (labels[order], np.where(right, labels, 1 - labels)[order]), {}

    few, (a, b, c) = int(rng.integers(5, 20)), rng.integers(1, 5, 3)
    counts = [(1, 1, 1, 1), (2, 2, 2, 1), (1, 2, 0, 2), (3, 9, 2, 5), (few, few, a, 5),
              (few + 20, few, b, c)]  # fmt: skip
    return [case(*each) for each in counts]


# --- What of a result r a part is about; None where the call is none of the part's. The call has
# the arguments a and the options o; `earned` are the parts before this one that are right.


def keys(result, *names):
    return {k: value for k, value in result.items() if k.endswith(names)}


def is_full(a) -> bool:
    """Has every parameter a gradient?"""
    return a[0].keys() == a[1].keys()


def no_gradient(r, a, *_):
    """All that `step` returns of parameters without a gradient, and whether the others move."""
    if is_full(a):
        return None
    moves = {f"{k} moves": 1.0 * np.any(r[0][k] != a[0][k]) for k in a[1]}
    return {k: v for k, v in (r[0] | r[1]).items() if not {k, k[:-2]} & a[1].keys()} | moves


def kernels_only(r, a, *_):
    """What `add_penalty` returns of other parameters, and whether it changes those of kernels."""
    return {k: 1.0 * np.any(g != a[1][k]) if k in KERNELS else g for k, g in r.items()}


VIEWS = {  # by function and part; all of the result of every call, where it is not here
    ("learning_rate", "decay"): lambda r, a, *_: r if a[0] < 42 else None,
    ("learning_rate", "floor"): lambda r, a, *_: (
        r if a[0] >= 42 else {"above the floor": 1.0 * (r > optim.FINAL_RATE)} if a[0] else None),
    ("step", "m"): lambda r, a, *_: keys(r[1], ".m") if is_full(a) else None,
    ("step", "v"): lambda r, a, *_: keys(r[1], ".v") if is_full(a) else None,
    ("step", "parameters"): lambda r, a, *_: r[0] | keys(r[1], ".t") if is_full(a) else None,
    ("step", "no gradient"): no_gradient,
    ("add_penalty", "l1"): lambda r, a, o, earned: (
        keys(r, *KERNELS) if is_full(a) and not o["l2"] else None),
    ("add_penalty", "l2"): lambda r, a, o, earned: (
        keys(r, *KERNELS) if is_full(a) and ("l1" in earned or not o["l1"]) else None),
    ("add_penalty", "kernels only"): kernels_only,
    ("normalise_and_pad", "normalised"): lambda r, a, *_: r if len(a[0]) == 750 else None,
    ("normalise_and_pad", "padded"): lambda r, a, o, earned: (
        r if len(a[0]) < 750 and a[1].ndim == 1 and not o else None),
    ("normalise_and_pad", "float32"): lambda r, a, *_: (
        str(r.dtype) if len(a[0]) == 750 else None),
    ("normalise_and_pad", "minimum and out"): lambda r, a, o, earned: (
        r if a[1].ndim == 2 or o else None),
}  # fmt: skip
