"""Inputs to check the ops on: each op's example, what is special about it, and random shapes."""

from dataclasses import dataclass

import numpy as np

from minidann import ops
from minidann.ops import conv_relu_maxpool, dropout


@dataclass(frozen=True)
class Case:
    """One legal input of an op. `zeros`, `scale` and `absent` as in `check`."""

    what: str
    arrays: tuple
    options: dict
    zeros: tuple = ()
    scale: float = 1.0
    absent: tuple = ()

    @property
    def given(self) -> dict:
        """The keywords with which `check` checks this case."""
        names = ("arrays", "options", "zeros", "scale", "absent")
        return {name: getattr(self, name) for name in names}


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
    return globals()[f"_{name}"](rng)


def cases(name: str, rng: np.random.Generator) -> list[Case]:
    """The op's example, then what is special about this op."""
    arrays, options = next(iter(getattr(ops, name).examples(rng).values()))
    scale = -options["beta"] if name == "gradient_reversal" else 1.0
    absent = ("x",) if name == "conv_relu_maxpool" else ()
    return [Case("its example", arrays, options, (), scale, absent), *_special(name, rng)]


def _special(name, rng) -> list[Case]:
    """What random shapes may or may not bring: here it comes with every seed."""
    normal = rng.standard_normal
    example, options = next(iter(getattr(ops, name).examples(rng).values()))
    if name in ("dense", "softmax_cross_entropy", "conv1d", "attention", "maxpool"):
        of_one = {k: v[:1] if k == "labels" else v for k, v in options.items()}
        single_row = [Case("one row", (example[0][:1], *example[1:]), of_one)]
    if name == "dense":
        return single_row
    if name == "softmax_cross_entropy":
        scores = np.array([[800.0, 799.5, 798.0], [800.0, 801.0, 802.0]])  # exp(800) overflows
        return [*single_row, Case("large scores", (scores,), {"labels": np.array([2, 0])})]
    if name == "conv1d":
        return [*single_row, *_strides(*example, normal)]
    if name == "relu":
        return [Case("zeros", (np.array([[0.0, -1.0, 2.0], [3.0, 0.0, 0.5]]),), {})]
    if name == "maxpool":
        return [*single_row, Case("ties", (tied(rng, 3, 17, 2),), {"size": 5, "stride": 5})]
    if name == "attention":
        return [*single_row, Case("one frame", (normal((3, 1, 4)), normal(4)), {}, zeros=("v",))]
    if name == "batchnorm":
        x, gamma, beta = example
        running = {"running": (normal(3), rng.random(3) + 0.5)}
        return [
            *(Case(f"inference, {n} rows", (x[:n], gamma, beta), running) for n in (5, 2, 1)),
            Case("one row", (x[:1], gamma, beta), {}, zeros=("x", "gamma")),
        ]
    if name == "conv_relu_maxpool":
        return [_conv_relu_maxpool(rng)]
    return []


def _strides(x, w, b, normal) -> list[Case]:
    """What the stride makes of a convolution whose example is (x, w, b)."""
    k, d, _ = w.shape
    return [
        Case("stride longer than the kernel", (normal((3, 23, d)), w, b), {"stride": k + 2}),
        Case("stride of the kernel", (normal((3, 4 * k + 1, d)), w, b), {"stride": k}),
        Case("every frame", (x, w, b), {"stride": 1}),
        Case("one window", (x[:, :k], w, b), {"stride": 3}),
        Case("first layer", (x, w, b), {"stride": 3, "input_gradient": False}, absent=("x",)),
    ]


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
    stride = int(rng.integers(1, size + 2))
    x = rng.permutation(n * t * f).reshape(n, t, f) / 10.0
    ties = rng.random() < 0.5
    if ties:
        x = tied(rng, n, t, f)
    what = f"x {x.shape}, size {size}, stride {stride}{', ties' if ties else ''}"
    return Case(what, (x,), {"size": size, "stride": stride})


def _attention(rng):
    """No frame has all the weight: then v's gradient is all but zero, and rounding dominates."""
    n, p, f = sizes(rng, (1, 4), (1, 7), (2, 5))
    while True:
        frames, v = rng.standard_normal((n, p, f)), rng.standard_normal(f)
        _, (_, _, weights) = ops.attention.forward(frames, v)  # (N, P)
        if p == 1 or weights.max(axis=1).min() < 0.8:
            return Case(f"f {frames.shape}", (frames, v), {}, zeros=("v",) if p == 1 else ())


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
    return Case(f"x {shape}", (rng.standard_normal(shape),), {"beta": beta}, scale=-beta)


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
            what = f"padded x {x.shape}, w {w.shape}, stride {stride}, pool {size}"
            return Case(what, (x, w, b), {"stride": stride, "size": size}, absent=("x",))
