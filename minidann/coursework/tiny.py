"""The smallest inputs of each layer, mostly whole numbers: a mistake can be found by hand."""

import math

import numpy as np

from minidann.gradcheck.cases import Case

DIGITS = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])


def whole(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Whole numbers from -3 to 3 but 0, no two alike where there are enough."""
    return rng.choice(DIGITS, shape, replace=math.prod(shape) > len(DIGITS))


def is_whole(case: Case) -> bool:
    """Are all of its arrays of whole numbers?"""
    return all((array == np.round(array)).all() for array in case.arrays)


def tiny(name: str, rng: np.random.Generator) -> list[Case]:
    """What the layer `name` can get at the least, and what each of its sizes and options adds."""
    return [Case(what, arrays, options) for what, arrays, options in globals()[f"_{name}"](rng)]


def _conv1d(rng):
    def arrays(n, t, d, k, f):
        return whole(rng, n, t, d), whole(rng, k, d, f), whole(rng, f)

    yield "one window", arrays(1, 2, 1, 2, 1), {"stride": 1}
    yield "first layer", arrays(1, 2, 1, 2, 1), {"stride": 1, "input_gradient": False}
    yield "windows that overlap", arrays(1, 3, 1, 2, 1), {"stride": 1}
    yield "a tail that is not read", arrays(1, 5, 1, 2, 1), {"stride": 2}
    yield "two filters", arrays(1, 2, 1, 2, 2), {"stride": 1}
    yield "two bands", arrays(1, 2, 2, 2, 1), {"stride": 1}
    yield "three utterances", arrays(3, 2, 1, 2, 1), {"stride": 1}
    yield "three utterances, two windows", arrays(3, 3, 1, 2, 1), {"stride": 1}


def _relu(rng):
    yield "one of each sign", (np.array([-1.0, 2.0]),), {}
    yield "a zero", (np.array([-1.0, 0.0, 2.0]),), {}


def _maxpool(rng):
    def of(*values):
        return (np.array(values, float)[None, :, None],)  # (1, T, 1)

    yield "one pool", of(3, 1), {"size": 2, "stride": 2}
    yield "negative numbers", of(-3, -1), {"size": 2, "stride": 2}
    yield "a tie", of(2, 2), {"size": 2, "stride": 2}
    yield "two pools", of(1, 3, 4, 2), {"size": 2, "stride": 2}
    yield "a tail that is not read", of(1, 2, 5), {"size": 2, "stride": 2}
    yield "one frame that is largest twice", of(1, 3, 2), {"size": 2, "stride": 1}
    yield "gaps between the pools", of(1, 2, 5, 4, 3), {"size": 2, "stride": 3}
    both = np.array([[[1.0, 4.0], [2.0, 3.0]]])  # (1, 2, 2)
    yield "two channels", (both,), {"size": 2, "stride": 2}
    yield "two utterances", (both.transpose(2, 1, 0).copy(),), {"size": 2, "stride": 2}


def _attention(rng):
    yield "one frame", (whole(rng, 1, 1, 2), whole(rng, 2)), {}
    yield "two frames", (np.array([[[1.0], [2.0]]]), np.array([1.0])), {}
    yield "two channels", (np.array([[[1.0, 2.0], [2.0, 0.0]]]), np.array([1.0, -1.0])), {}
    three = np.array([[[1.0], [2.0]], [[2.0], [1.0]], [[0.0], [1.0]]])  # (3, 2, 1)
    yield "three utterances", (three, np.array([-1.0])), {}
    large = np.array([[[2.0, 1.0], [2.0, 3.0]], [[-2.0, 2.0], [-2.0, 0.0]]])  # (2, 2, 2)
    yield "scores of 800 and -800", (large, np.array([400.0, 0.5])), {}


def _dense(rng):
    for what, n, c, units in (("one of all", 1, 1, 1), ("three rows", 3, 1, 1),
                              ("two features", 1, 2, 1), ("two units", 1, 1, 2),
                              ("two features and units", 1, 2, 2)):  # fmt: skip
        yield what, (whole(rng, n, c), whole(rng, c, units), whole(rng, units)), {}


def _softmax_cross_entropy(rng):
    yield "one row", (np.array([[1.0, 2.0]]),), {"labels": np.array([0])}
    yield "equal scores", (np.array([[1.0, 1.0]]),), {"labels": np.array([1])}
    three = np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 0.0]])
    yield "three rows", (three,), {"labels": np.array([1, 1, 0])}
    yield "three classes", (np.array([[1.0, 2.0, 0.0]]),), {"labels": np.array([2])}
    far = np.array([[800.0, 0.0], [-801.0, -800.0]])  # the first label's probability is 0
    yield "a label far behind", (far,), {"labels": np.array([1, 0])}


def _batchnorm(rng):
    gamma, beta = np.array([2.0]), np.array([-1.0])
    fixed = {"running": (np.array([1.0]), np.array([4.0]))}
    yield "inference, one row", (np.array([[5.0]]), gamma, beta), fixed
    still = {"running": (np.array([1.0]), np.array([0.0]))}
    yield "inference, a variance of 0", (np.array([[3.0]]), gamma, beta), still
    yield "inference, two rows", (np.array([[3.0], [-1.0]]), gamma, beta), fixed
    yield "four rows", (np.array([[0.0], [0.0], [4.0], [4.0]]), np.array([3.0]), beta), {}
    yield "three rows", (np.array([[1.0], [2.0], [6.0]]), np.array([3.0]), beta), {}
    two = np.array([[1.0, 0.0], [2.0, 3.0], [6.0, 1.0]])  # (3, 2)
    yield "two features", (two, np.array([2.0, 3.0]), np.array([1.0, -1.0])), {}


def _dropout(rng):
    yield "one kept, one dropped", (np.array([[3.0, 2.0]]),), {"mask": np.array([[0.0, 2.5]])}
    options = {"mask": np.array([[0.0, 2.5, 2.5]])}
    yield "two kept, one dropped", (np.array([[3.0, 2.0, -1.0]]),), options


def _gradient_reversal(rng):
    yield "three rows", (np.array([[1.0], [-2.0], [4.0]]),), {"beta": 2.0}
