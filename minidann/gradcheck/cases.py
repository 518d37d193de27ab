"""Legal inputs of the ops: the examples that each op brings, and random ones."""

import numpy as np

from minidann import ops
from minidann.mistakes.question import Case, argument_names
from minidann.ops import attention, conv_relu_maxpool, dropout


def cases(name: str, rng: np.random.Generator, count: int) -> list[Case]:
    """The examples of the op `name`, and `count` random inputs, if it is among `RANDOM`."""
    examples = [Case(what, *given) for what, given in getattr(ops, name).examples(rng).items()]
    return examples + [random_case(name, rng) for _ in range(count if name in RANDOM else 0)]


def random_case(name: str, rng: np.random.Generator) -> Case:
    """A random legal input of the op `name`: odd lengths, tails, ties, any stride.

    No two of its sizes are alike, so that a factor names its size.
    """
    ranges, build = RANDOM[name]
    found = None
    while found is None:
        sizes = rng.integers(*zip(*ranges), endpoint=True).tolist()
        found = build(rng, *sizes) if len(set(sizes)) == len(sizes) else None
    arrays, options = found
    names = argument_names(getattr(ops, name).forward)
    what = [f"{n} {array.shape}" for n, array in zip(names, arrays)]
    what += [f"{n} {value:.3g}" if np.isscalar(value) else n for n, value in options.items()]
    ties = any(np.unique(array).size < array.size for array in arrays)
    return Case(", ".join(["a tie"] * ties + what), arrays, options)


def padded(rng: np.random.Generator, n: int, frames: int, mels: int, size: int = 0) -> np.ndarray:
    """x (n, frames, mels) as the network gets it: each utterance filled up with its minimum.

    Windows in the padding are equal, so the pool after them ties. The padding takes the last
    `size` frames or more.
    """
    x = rng.standard_normal((n, frames, mels))
    for row in x:
        unpadded = int(rng.integers(frames // 4, frames - size))
        row[unpadded:] = row[:unpadded].min(axis=0)
    return x


def tied(rng: np.random.Generator, n: int, frames: int, channels: int) -> np.ndarray:
    """x (n, frames, channels) of few different values: most windows have several maxima."""
    return rng.integers(0, 3, (n, frames, channels)).astype(float)


def _normal(rng, *shapes) -> tuple:
    return tuple(map(rng.standard_normal, shapes))


# Each makes (arrays, options) of given sizes, or None where these would hide a mistake.


def _conv1d(rng, n, windows, d, f, k, stride):
    t = (windows - 1) * stride + k + int(rng.integers(0, stride))
    shapes = (n, t, d), (k, d, f), (f,)
    return None if t in (n, d, f) else (_normal(rng, *shapes), {"stride": stride})


def _maxpool(rng, n, t, f, size):
    ties = rng.random() < 0.5
    stride = size if ties else int(rng.integers(1, size + 2))
    x = tied(rng, n, t, f) if ties else rng.permutation(n * t * f).reshape(n, t, f) / 10.0
    return (x,), {"size": size, "stride": stride}


def _attention(rng, n, p, f):
    """No frame has all the weight: then v's gradient is all but zero, and rounding dominates."""
    frames, v = _normal(rng, (n, p, f), (f,))
    _, (_, _, weights) = attention.forward(frames, v)  # (N, P)
    return ((frames, v), {}) if p == 1 or weights.max(axis=1).min() < 0.8 else None


def _batchnorm(rng, n, c):
    x, gamma, beta, mean = _normal(rng, (n, c), (c,), (c,), (c,))
    options = {"running": (mean, rng.random(c) + 0.5)} if rng.random() < 0.3 else {}
    return (rng.uniform(0.5, 3) * x + 1, gamma + 2, beta), options


def _dropout(rng, n, c):
    mask = dropout.draw_mask(rng, (n, c), 0.6, np.float64)
    return (_normal(rng, (n, c)), {"mask": mask}) if mask.any() else None


def _conv_relu_maxpool(rng, n, d, f, k, size, stride):
    """Padded rows with ties, some pools inactive, in a small network's shapes."""
    frames = k + stride * (2 * size - 1) + int(rng.integers(0, 2 * size))
    x = padded(rng, n, frames, d, min(frames // 2, k + stride))
    w, b = _normal(rng, (k, d, f), (f,))
    out, _ = conv_relu_maxpool.forward(x, w, b - 0.5, stride=stride, size=size)
    mixed = 0.1 < (out > 0).mean() < 0.95
    return ((x, w, b - 0.5), {"stride": stride, "size": size}) if mixed else None


# By op: a range of each size, ends included, and what makes an input of such sizes.
RANDOM = {
    "conv1d": (((1, 4), (1, 6), (1, 3), (1, 4), (2, 7), (1, 8)), _conv1d),
    "relu": (((8, 60),), lambda rng, n: (_normal(rng, (n,)), {})),
    "maxpool": (((1, 4), (7, 15), (1, 3), (2, 7)), _maxpool),
    "attention": (((1, 4), (1, 7), (2, 5)), _attention),
    "batchnorm": (((4, 9), (1, 6)), _batchnorm),  # two rows are +1 and -1 whatever x is
    "dropout": (((1, 5), (6, 12)), _dropout),
    "dense": (((1, 7), (1, 6), (1, 4)),
              lambda rng, n, c, f: (_normal(rng, (n, c), (c, f), (f,)), {})),
    "softmax_cross_entropy": (((1, 8), (2, 5)), lambda rng, n, classes: (
        _normal(rng, (n, classes)), {"labels": rng.integers(0, classes, n)})),
    "gradient_reversal": (((1, 5), (6, 9)), lambda rng, n, c: (
        _normal(rng, (n, c)), {"beta": float(rng.uniform(0.2, 3))})),
    "conv_relu_maxpool": (((3, 4), (1, 2), (5, 7), (2, 8), (3, 9), (1, 3)), _conv_relu_maxpool),
}  # fmt: skip
