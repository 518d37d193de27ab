"""What the functions are tried on: by part, (arguments, options) each, small ones first.

A third thing is a part: the try is one only where that part is earned.
"""

import numpy as np

from minidann import optim


def learning_rate(rng):
    """Epochs before the floor is reached, and after."""
    parts = {
        "decay": [0, 1, *sorted(rng.integers(2, 40, 3)), 41],
        "floor": [42, 60, 80, 500, 1, 2, 5],
    }
    return {part: [((int(e),), {}) for e in epochs] for part, epochs in parts.items()}


def step(rng):
    """Adam's first steps by hand, then some of small gradients; last what has none in a step."""
    params = {"w": np.array([1.0, -2.0]), "b": np.array([3.0])}
    grads = {"w": np.array([2.0, 0.5]), "b": np.array([1e-8])}
    partial, full = [], []
    state = optim.start(params)
    for given in (grads, {"w": grads["w"]}, grads):  # then b is one step behind
        (full if len(given) == 2 else partial).append(((params, given, state, 0.1), {}))
        _, state = optim.step(params, given, state, 0.1)
    params = {"w": rng.standard_normal((2, 5)), "b": rng.standard_normal(3), "c": np.ones(1)}
    state = optim.start(params)
    for t in range(6):
        size = 10.0 ** -np.arange(10).reshape(2, 5)  # 1 down to 1e-9
        grads = {"w": size * rng.standard_normal((2, 5)), "b": rng.standard_normal(3)}
        some = {"b": grads["b"]} if t % 2 else grads
        grads = {**grads, "c": rng.standard_normal(1)}
        partial.append(((params, some, state, 0.3), {}))
        full.append(((params, grads, state, 0.3), {}))
        params, state = optim.step(params, grads, state, 0.3)
    return {"m": full, "v": full, "parameters": full, "no gradient": partial}


def add_penalty(rng):
    """Kernels and a bias; each penalty alone, and both; for l1 a kernel with a zero in it, too."""
    names = (*optim.REGULARISED, "conv.b", "bn.gamma", "bn.beta", "attention.v", "emotion.b")
    small = {"conv.w": np.array([2.0, -3.0]), "emotion.w": np.array([5.0]),
             "domain.w": np.array([-1.0]), "conv.b": np.array([4.0])}  # fmt: skip
    ones = {name: np.ones_like(w) for name, w in small.items()}
    large, grads = ({name: rng.standard_normal((3, 4)) for name in names} for _ in range(2))
    given = [(small, ones), (large, grads)]
    zero = [({**small, "conv.w": np.array([2.0, 0.0])}, ones)]
    without = [(small, {"conv.b": np.array([1.0])})] + [
        (large, {name: g for name, g in grads.items() if name != lost})
        for lost in ("conv.w", "domain.w")
    ]
    l1, l2, both = {"l1": 0.5, "l2": 0.0}, {"l1": 0.0, "l2": 0.25}, {"l1": 0.5, "l2": 0.25}
    return {
        "l1": [(pair, l1) for pair in given + zero],
        "l2": [(pair, l2) for pair in given] + [(pair, both, "l1") for pair in given],
        "kernels only": [(pair, both) for pair in given + without],
    }


def mend_equations(rng):
    """Steps with both losses, and with the domain loss alone, as on bn4's target rows."""
    tries = []
    for alpha, beta in ((0.5, 3.0), (0.3, 1.7), (0.8, 0.4), (0.5, 0.0)):
        sizes = {"conv.w": 2, "attention.v": 1}
        emotion = {
            name: rng.integers(1, 9, n) / 2 for name, n in (sizes | {"emotion.w": 1}).items()
        }
        domain = {name: rng.integers(1, 9, n) / 2 for name, n in (sizes | {"domain.w": 1}).items()}
        tries += [((e, domain), {"alpha": alpha, "beta": beta}) for e in ({}, emotion)]
    return {"mended": tries}


def mend_groups(rng):
    """Every mode, with more rows of either domain."""
    sizes = [(2, 3), (4, 1), (3, 3), tuple(map(int, rng.integers(1, 9, 2)))]
    return {"mended": [((mode, *size), {}) for size in sizes for mode in ("bn1", "bn2", "bn3")]}


def mend_mean_and_std(rng):
    """Bins of all sorts: loud and quiet ones, and one that never changes."""
    steps = np.array([[1, 1000, 5], [2, 1001, 5], [6, 1000, 5], [3, 1003, 5]], np.float32)
    noise = rng.standard_normal((401, 4)) * [1, 0.02, 3, 1e-3] + [-7, 1e4, 2, 0.5]
    bins = np.split(noise.astype(np.float32), 4, axis=1)  # alone: each has a size of its own
    inputs = (steps[:2], steps[:3], steps, np.full((3, 2), 0.1, np.float32), *bins)
    return {"mended": [((frames,), {}) for frames in inputs]}


def mend_information(rng):
    """Answers that are sure or unsure, of equally frequent classes and of others."""
    column = rng.random((7, 1))
    inputs = ([[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.9, 0.1]],
              [[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]], np.hstack([column, 1 - column]))  # fmt: skip
    return {"mended": [((np.array(probabilities),), {}) for probabilities in inputs]}


def normalise_and_pad(rng):
    """Utterances of 1 to 750 frames; and what may be given beside them."""

    def utterance(count, shift):  # whole numbers, for those who look for a mistake by hand
        frames = rng.integers(-9, 9, (count, 26)) + shift
        mean, std = rng.integers(1, 6, 26), 2.0 ** rng.integers(-1, 3, 26)
        return tuple(array.astype(np.float32) for array in (frames, mean, std))

    low = rng.integers(-9, -6, 26).astype(np.float32)
    frames, mean, std = utterance(5, 0)
    each = (frames, np.tile(mean, (5, 1)), np.tile(std, (5, 1)))
    padded = [utterance(1, -7), utterance(4, -7), utterance(301, -7), utterance(749, 2)]
    options = ((utterance(4, 0), {"minimum": low}), (each, {}),
               (each, {"out": np.ones((750, 26), np.float32)}))  # fmt: skip
    return {
        "normalised": [(utterance(750, -7), {})],
        "padded": [(args, {}) for args in padded],
        "float32": [(utterance(750, -7), {})],
        "the rest given": options,
    }


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
    return {"result": [case(*each) for each in counts]}


# --- What of the result counts


def of_state(kept):
    """Of what `step` returns, what the new state has under names that end so."""
    return lambda result, args: {k: v for k, v in result[1].items() if k.endswith(kept)}


def moved(result, args):
    """The new parameters, and their counts of steps."""
    return result[0] | of_state(".t")(result, args)


def without_gradient(result, args):
    """All that `step` returns of parameters without a gradient."""
    return {k: v for k, v in (result[0] | result[1]).items() if not {k, k[:-2]} & args[1].keys()}


def kernels(result, args):
    return {name: g for name, g in result.items() if name in optim.REGULARISED}


def no_kernels(result, args):
    """What `add_penalty` returns of others, and of which kernels it returns anything."""
    return {name: 0 if name in optim.REGULARISED else g for name, g in result.items()}


def floor(result, args):
    """The rate, once the floor is reached; before, whether it is above it."""
    return result if args[0] >= 42 else {"above": 1.0 * (np.asarray(result) > optim.FINAL_RATE)}


VIEWS = {  # by function and part; all of the result, where it is not here
    ("learning_rate", "floor"): floor,
    ("step", "m"): of_state(".m"),
    ("step", "v"): of_state(".v"),
    ("step", "parameters"): moved,
    ("step", "no gradient"): without_gradient,
    ("add_penalty", "l1"): kernels,
    ("add_penalty", "l2"): kernels,
    ("add_penalty", "kernels only"): no_kernels,
}
IDLE = {"step": "no gradient", "add_penalty": "kernels only"}  # right where nothing is done
