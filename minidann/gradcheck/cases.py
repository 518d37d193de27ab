"""Random legal inputs of the ops, beside the examples that each op brings."""

import numpy as np

from minidann import ops
from minidann.mistakes.question import Case
from minidann.ops import conv_relu_maxpool, dropout


def sizes(rng: np.random.Generator, *ranges: tuple[int, int]) -> list[int]:
    """A size from each range (low, high), ends included, no two alike: a factor names its size."""
    while True:
        drawn = [int(rng.integers(low, high + 1)) for low, high in ranges]
        if len(set(drawn)) == len(drawn):
            return drawn


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


def random_case(name: str, rng: np.random.Generator) -> Case:
    """A random legal input of the op `name`: odd lengths, tails, ties, any stride."""
    return RANDOM[name](rng)


def tied(rng: np.random.Generator, n: int, frames: int, channels: int) -> np.ndarray:
    """x (n, frames, channels) of few different values: most windows have several maxima."""
    return rng.integers(0, 3, (n, frames, channels)).astype(float)


def _conv1d(rng):
    while True:
        n, windows, d, f, k = sizes(rng, (1, 4), (1, 6), (1, 3), (1, 4), (2, 7))
        stride = int(rng.integers(1, 8))
        t = (windows - 1) * stride + k + int(rng.integers(0, stride))
        if t not in (n, windows, d, f) and stride not in (n, windows, d, f, t):
            break
    x, w, b = (rng.standard_normal(shape) for shape in ((n, t, d), (k, d, f), (f,)))
    return Case(f"x {x.shape}, w {w.shape}, stride {stride}", (x, w, b), {"stride": stride})


def _relu(rng):
    (x,), _ = ops.relu.examples(rng)["sizes that differ"]
    x = x.ravel()[: rng.integers(8, 60)]
    return Case(f"x {x.shape}", (x,), {})


def _maxpool(rng):
    n, t, f, size = sizes(rng, (1, 4), (7, 15), (1, 3), (2, 7))
    ties = rng.random() < 0.5
    stride = size if ties else int(rng.integers(1, size + 2))
    x = rng.permutation(n * t * f).reshape(n, t, f) / 10.0
    if ties:
        x = tied(rng, n, t, f)
    what = f"{'a tie, ' * ties}x {x.shape}, size {size}, stride {stride}"
    return Case(what, (x,), {"size": size, "stride": stride})


def _attention(rng):
    """No frame has all the weight: then v's gradient is all but zero, and rounding dominates."""
    n, p, f = sizes(rng, (1, 4), (1, 7), (2, 5))
    while True:
        frames, v = rng.standard_normal((n, p, f)), rng.standard_normal(f)
        _, (_, _, weights) = ops.attention.forward(frames, v)  # (N, P)
        if p == 1 or weights.max(axis=1).min() < 0.8:
            return Case(f"f {frames.shape}", (frames, v), {})


def _batchnorm(rng):
    n, c = sizes(rng, (4, 9), (1, 6))  # two rows are +1 and -1 whatever x is
    x = rng.uniform(0.5, 3) * rng.standard_normal((n, c)) + 1
    gamma, beta = rng.standard_normal(c) + 2, rng.standard_normal(c)
    inference = rng.random() < 0.3
    options = {"running": (rng.standard_normal(c), rng.random(c) + 0.5)} if inference else {}
    return Case(f"x {x.shape}{', inference' if inference else ''}", (x, gamma, beta), options)


def _dropout(rng):
    n, c = sizes(rng, (1, 5), (6, 12))
    mask = dropout.draw_mask(rng, (n, c), 0.6, np.float64)
    mask[0, 0] = 1 / 0.4  # at least one is kept
    return Case(f"x {mask.shape}", (rng.standard_normal((n, c)),), {"mask": mask})


def _dense(rng):
    n, c, f = sizes(rng, (1, 7), (1, 6), (1, 4))
    x, w, b = (rng.standard_normal(shape) for shape in ((n, c), (c, f), (f,)))
    return Case(f"x {x.shape}, w {w.shape}", (x, w, b), {})


def _softmax_cross_entropy(rng):
    n, classes = sizes(rng, (1, 8), (2, 5))
    labels = rng.integers(0, classes, n)
    return Case(f"z {(n, classes)}", (rng.standard_normal((n, classes)),), {"labels": labels})


def _gradient_reversal(rng):
    shape = tuple(sizes(rng, (1, 5), (6, 9)))
    beta = float(rng.uniform(0.2, 3))
    return Case(f"x {shape}", (rng.standard_normal(shape),), {"beta": beta})


def _conv_relu_maxpool(rng):
    """Padded rows with ties, some pools inactive, in a small network's shapes."""
    while True:
        n, d, f, k, size = sizes(rng, (3, 4), (1, 2), (5, 7), (2, 8), (3, 9))
        stride = int(rng.integers(1, 4))
        frames = k + stride * (2 * size - 1) + int(rng.integers(0, 2 * size))
        x = padded(rng, n, frames, d, min(frames // 2, k + stride))
        w, b = rng.standard_normal((k, d, f)), rng.standard_normal(f) - 0.5
        out, _ = conv_relu_maxpool.forward(x, w, b, stride=stride, size=size)
        if 0.1 < (out > 0).mean() < 0.95:
            what = f"a tie in padded x {x.shape}, w {w.shape}, stride {stride}, pool {size}"
            return Case(what, (x, w, b), {"stride": stride, "size": size})


RANDOM = {
    "conv1d": _conv1d,
    "relu": _relu,
    "maxpool": _maxpool,
    "attention": _attention,
    "batchnorm": _batchnorm,
    "dropout": _dropout,
    "dense": _dense,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "gradient_reversal": _gradient_reversal,
    "conv_relu_maxpool": _conv_relu_maxpool,
}
