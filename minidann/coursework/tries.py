"""What the functions are called with: for each part of an exercise (arguments, options), small
ones first. VIEWS says what of the results a part is about.
"""

import numpy as np

from minidann import optim


def learning_rate(rng):
    """Epochs before the floor is reached, and after."""
    before = (0, 1, *sorted(map(int, rng.integers(2, 40, 3))), 41)
    return {"decay": [((e,), {}) for e in before],
            "floor": [((e,), {}) for e in (1, 42, 60, 80, 500)]}  # fmt: skip


def step(rng):
    """Adam's first steps by hand, then some of small gradients; in some a gradient is missing."""
    params = {"w": np.array([1.0, -2.0]), "b": np.array([3.0])}
    grads = {"w": np.array([2.0, 0.5]), "b": np.array([1e-8])}
    state, some = optim.start(params), {"w": grads["w"]}
    full, lacking = [((params, grads, state, 0.1), {})], [((params, some, state, 0.1), {})]
    _, state = optim.step(params, some, state, 0.1)
    full.append(((params, grads, state, 0.1), {}))  # here b is one step behind
    params = {"w": rng.standard_normal((2, 5)), "b": rng.standard_normal(3)}
    state = optim.start(params)
    for _ in range(4):
        size = 10.0 ** -np.arange(10).reshape(2, 5)  # 1 down to 1e-9
        grads = {"w": size * rng.standard_normal((2, 5)), "b": rng.standard_normal(3)}
        full.append(((params, grads, state, 0.3), {}))
        lacking.append(((params, {"b": grads["b"]}, state, 0.3), {}))
        params, state = optim.step(params, grads, state, 0.3)
    return dict.fromkeys(("m", "v", "parameters"), full) | {"no gradient": lacking}


def add_penalty(rng):
    """Kernels and a bias; each penalty alone, and both; a kernel with a zero in it."""
    names = (*optim.REGULARISED, "conv.b", "bn.gamma", "bn.beta", "attention.v", "emotion.b")
    small = {"conv.w": np.array([2.0, -3.0]), "emotion.w": np.array([5.0]),
             "domain.w": np.array([-1.0]), "conv.b": np.array([4.0])}  # fmt: skip
    ones = {name: np.ones_like(w) for name, w in small.items()}
    large, grads = ({name: rng.standard_normal((3, 4)) for name in names} for _ in range(2))
    zero, lacking = {**small, "conv.w": np.array([2.0, 0.0])}, {**grads}
    del lacking["conv.w"], lacking["bn.beta"]
    given = (small, ones), (large, lacking), (large, grads), (zero, ones)
    of_l1 = [(pair, {"l1": 0.5, "l2": 0.0}) for pair in given]
    of_l2 = [(pair, {"l1": l1, "l2": 0.25}) for pair in given[:3] for l1 in (0.0, 0.5)]
    return {"l1": of_l1, "l2": of_l2, "kernels only": of_l1 + of_l2}


def equations(rng):
    """Steps with both losses, and with the domain loss alone, as on bn4's target rows."""
    calls = []
    for alpha, beta in ((0.5, 3.0), (0.3, 1.7), (0.8, 0.4), (0.5, 0.0)):
        emotion, domain = (
            {name: rng.integers(1, 9, 2) / 2 for name in ("conv.w", "attention.v", own)}
            for own in ("emotion.w", "domain.w")
        )
        calls += [((e, domain), {"alpha": alpha, "beta": beta}) for e in ({}, emotion)]
    return {"result": calls}


def groups(rng):
    """Every mode, with more rows of either domain."""
    sizes = [(2, 3), (4, 1), (3, 3), tuple(map(int, rng.integers(1, 9, 2)))]
    return {"result": [((mode, *size), {}) for size in sizes for mode in ("bn1", "bn2", "bn3")]}


def mean_and_std(rng):
    """Bins of all sorts: loud and quiet ones, and one that never changes."""
    steps = np.array([[1, 1000, 5], [2, 1001, 5], [6, 1000, 5], [3, 1003, 5]], np.float32)
    noise = rng.standard_normal((401, 4)) * [1, 0.02, 3, 1e-3] + [-7, 1e4, 2, 0.5]
    bins = np.split(noise.astype(np.float32), 4, axis=1)  # alone: each has a size of its own
    inputs = (steps[:2], steps[:3], steps, np.full((3, 2), 0.1, np.float32), *bins)
    return {"result": [((frames,), {}) for frames in inputs]}


def information(rng):
    """Answers that are sure or unsure, of equally frequent classes and of others."""
    column = rng.random((7, 1))
    inputs = ([[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.9, 0.1]],
              [[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]], np.hstack([column, 1 - column]))  # fmt: skip
    return {"result": [((np.array(probabilities),), {}) for probabilities in inputs]}


def normalise_and_pad(rng):
    """Utterances of 1 to 750 frames; and what may be given beside them."""

    def utterance(count, shift=-7):  # whole numbers, for those who look for a mistake by hand
        frames = rng.integers(-9, 9, (count, 26)) + shift
        mean, std = rng.integers(1, 6, 26), 2.0 ** rng.integers(-1, 3, 26)
        return tuple(array.astype(np.float32) for array in (frames, mean, std))

    frames, mean, std = utterance(5, 0)
    rows = np.arange(5, dtype=np.float32)[:, None]  # each frame has statistics of its own
    tiled, (low, *_) = (frames, mean + rows, std * (1 + rows)), utterance(1)[0]
    whole, out = [(utterance(750), {})], np.ones((750, 26), np.float32)
    shorter = (1, -7), (2, 20), (4, -7), (301, -7), (749, 2)  # 20: all are positive
    return {"normalised": whole, "float32": whole,
            "padded": [(utterance(*each), {}) for each in shorter],
            "minimum and out": [(utterance(4), {"minimum": low}), (tiled, {}),
                                (tiled, {"out": out})]}  # fmt: skip


def uar(rng):
    """Classes of the same size, where UAR is accuracy but not precision, of others, and of none."""
    pairs = [([0, 1], [0, 1]), ([0, 0, 1, 1], [0, 0, 1, 0]), ([1, 0, 1], [1, 1, 1])]
    for zeros in (3, 9, 40):
        labels = rng.permutation(np.repeat([0, 1], [zeros, 9]))
        pairs.append((labels, np.where(rng.random(len(labels)) < 0.3, 1 - labels, labels)))
    arrays = [(tuple(map(np.array, pair)), {}) for pair in [*pairs, ([1], [1])]]
    return {"result": arrays[:-1], "missing class": arrays}


# --- What of a result r a part is about; all of it, where the part is not here.


def keys(result, *names):
    return {k: value for k, value in result.items() if k.endswith(names)}


def no_gradient(r, params, grads, *_):
    """All that `step` returns of parameters without a gradient, and the first moments."""
    return {k: v for k, v in (r[0] | r[1]).items() if not {k, k[:-2]} & grads.keys() or ".m" in k}


VIEWS = {
    "m": lambda r, *_: keys(r[1], ".m"),
    "v": lambda r, *_: keys(r[1], ".v"),
    "parameters": lambda r, *_: r[0] | keys(r[1], ".t"),
    "no gradient": no_gradient,
    "l1": lambda r, *_: keys(r, *optim.REGULARISED),
    "l2": lambda r, *_: keys(r, *optim.REGULARISED),
    # A kernel's own value is another part's, but it has to change.
    "kernels only": lambda r, params, grads: {
        k: 1.0 * np.any(g != grads[k]) if k in optim.REGULARISED else g for k, g in r.items()},
    "float32": lambda r, *_: str(r.dtype),
}  # fmt: skip
