"""What the functions are tried on: by part, (arguments, options) each, small ones first.

Of `step` and `add_penalty` these are only the small ones, to be shown where something is wrong.
"""

import numpy as np

from minidann import optim


def learning_rate(rng):
    """Epochs before the floor is reached, and after."""
    return {
        "decay": _epochs([0, 1, *sorted(rng.integers(2, 40, 3)), 41, 42]),
        "floor": _epochs([60, 80, 500]),
    }


def _epochs(epochs):
    return [((int(epoch),), {}) for epoch in epochs]


def step(rng):
    """Adam's first step, its second, and one in which a parameter has no gradient."""
    params = {"w": np.array([1.0, -2.0]), "b": np.array([3.0])}
    fresh = optim.start(params)
    grads = {"w": np.array([2.0, 0.5]), "b": np.array([0.0])}
    after, state = optim.step(params, grads, fresh, 0.1)
    return [
        ((params, grads, fresh, 0.1), {}),
        ((after, grads, state, 0.1), {}),
        ((after, {"w": grads["w"]}, state, 0.1), {}),
    ]


def add_penalty(rng):
    """A kernel with a zero in it, and a bias; each penalty alone, and both."""
    params = {"conv.w": np.array([2.0, -3.0, 0.0]), "conv.b": np.array([4.0])}
    grads = {"conv.w": np.array([1.0, 1.0, 1.0]), "conv.b": np.array([1.0])}
    rates = ((0.5, 0.0), (0.0, 0.25), (0.5, 0.25))
    return [((params, grads), {"l1": l1, "l2": l2}) for l1, l2 in rates]


def mend_equations(rng):
    """Steps with both losses, and with the language loss alone, as on bn4's target rows."""
    tries = []
    for alpha, beta in ((0.5, 3.0), (0.3, 1.7), (0.8, 0.4)):
        shapes = {"conv.w": (2,), "attention.v": (1,)}
        emotion = {name: rng.integers(1, 9, shape) / 2 for name, shape in shapes.items()}
        language = {name: rng.integers(1, 9, shape) / 2 for name, shape in shapes.items()}
        emotion["emotion.w"], language["language.w"] = rng.integers(1, 9, (2, 2, 1)) / 2
        tries.append((({}, language), {"alpha": alpha, "beta": beta}))
        tries.append(((emotion, language), {"alpha": alpha, "beta": beta}))
    return {"mended": tries}


def mend_groups(rng):
    """Every mode, with more rows of either domain."""
    sizes = [(2, 3), (4, 1), (3, 3), tuple(int(n) for n in rng.integers(1, 9, 2))]
    tries = [((mode, n, m), {}) for n, m in sizes for mode in ("bn1", "bn2", "bn3")]
    return {"mended": tries}


def mend_mean_and_std(rng):
    """Bins of all sorts: loud and quiet ones, and one that never changes."""
    steps = np.array([[1, 1000, 5], [2, 1001, 5], [6, 1000, 5], [3, 1003, 5]], np.float32)
    noise = rng.standard_normal((400, 3)) * [1, 0.02, 3] + [-7, 500, 2]
    every = (steps[:2], steps, np.full((3, 2), 0.1, np.float32), noise.astype(np.float32))
    return {"mended": [((frames,), {}) for frames in every]}


def mend_information(rng):
    """Answers that are sure or unsure, of equally frequent classes and of others."""
    some = rng.random((7, 1))
    every = (
        np.array([[1.0, 0.0], [0.0, 1.0]]),
        np.array([[0.9, 0.1], [0.9, 0.1]]),
        np.array([[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]]),
        np.concatenate([some, 1 - some], axis=1),
    )
    return {"mended": [((one,), {}) for one in every]}


def normalise_and_pad(rng):
    """Utterances of 1 to 750 frames; and what may be given beside them."""

    def one(count, shift, **more):  # whole numbers, for those who look for a mistake by hand
        frames = rng.integers(-9, 9, (count, 26)) + shift
        mean, std = rng.integers(-5, 5, 26), 2.0 ** rng.integers(-1, 3, 26)
        return tuple(one.astype(np.float32) for one in (frames, mean, std)), more

    low = rng.integers(-9, -6, 26).astype(np.float32)
    (frames, mean, std), _ = one(5, 0)
    out = np.ones((750, 26), np.float32)
    each = (frames, np.tile(mean, (5, 1)), np.tile(std, (5, 1)))
    return {
        "normalised": [one(750, -7)],
        "padded": [one(1, -7), one(301, -7), one(749, 2)],
        "float32": [one(750, -7)],
        "the rest given": [one(4, 0, minimum=low), (each, {}), (each, {"out": out})],
    }


def uar(rng):
    """Classes of the same size, where UAR is accuracy but not precision, and of others."""

    def one(zeros, ones, right_zeros, right_ones):
        labels = np.repeat([0, 1], [zeros, ones])
        right = np.concatenate([np.arange(zeros) < right_zeros, np.arange(ones) < right_ones])
        order = rng.permutation(len(labels))
        return (labels[order], np.where(right, labels, 1 - labels)[order]), {}

    few, right = int(rng.integers(5, 20)), rng.integers(1, 5, 3)
    return {
        "equal classes": [one(1, 1, 1, 1), one(2, 2, 2, 1), one(few, few, right[0], 5)],
        "unequal classes": [one(1, 2, 0, 2), one(3, 9, 2, 5), one(few + 20, few, *right[1:])],
    }
