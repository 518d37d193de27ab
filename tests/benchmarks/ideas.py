"""From the plain composition to the fast op, one idea at a time, and what each of them gains.

    python tests/benchmarks/ideas.py

Forward and backward of convolution, ReLU and pooling, 64 rows in float32, full-length and real ones
as in `step.py`, on two threads (or as many as `OMP_NUM_THREADS` says). Each line keeps what the
lines above it do; all take turns, and all are held against the first in float64 before the clock
starts.
"""

import os
from functools import partial
from types import SimpleNamespace
from unittest import mock

os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "2")
import numpy as np  # before minidann: BLAS has all threads until the last line

# isort: split
from machine import describe
from step import rows_of_speech
from turns import Program, take_turns

from minidann.model import FILTERS, KERNEL, POOL, STRIDE
from minidann.ops import conv1d, conv_relu_maxpool, relu

TURNS, REPEATS = 6, 12  # turns long enough for caches and memory to settle
PLAIN = "plain: convolution, ReLU, pool"
FIRST = "no gradient of the input"
LATE = "240 of 247 frames; bias and ReLU last"
SPARSE = "sparse times dense for the gradient"
PADDING = "padding once"
PARTS = "a few utterances at a time"
MARKS = "marks in place of argmax"
CORES = "a thread for each core, BLAS with one"
IDEAS = PLAIN, FIRST, LATE, SPARSE, PADDING, PARTS, MARKS, CORES
ALL = 10**6  # utterances at a time


def plain(x, w, b, dout, *, first):
    """Forward and backward of the three ops, one after the other -> out, dw, db."""

    def with_input(*arrays, stride, input_gradient):
        return conv1d.forward(*arrays, stride=stride)

    convolution = conv1d if first else SimpleNamespace(
        forward=with_input, backward=conv1d.backward
    )  # fmt: skip
    op = conv_relu_maxpool.compose(conv1d=convolution)
    out, cache = op.forward(x, w, b)
    _, dw, db = op.backward(dout, cache)
    return out, dw, db


def late(x, w, b, dout):
    """The pool acts on the bare product; bias and ReLU on what it lets through."""
    k, d, f = w.shape
    n, p, _ = dout.shape
    rows = conv1d.windows(x, k, STRIDE)[:, : POOL * p].reshape(-1, k * d)  # (N*P*30, K*D)
    best, argmax = by_argmax((rows @ w.reshape(k * d, f)).reshape(n * p, POOL, f))
    out, gate = relu.forward(best.reshape(n, p, f) + b)
    (dout,) = relu.backward(dout, gate)
    dconv = np.zeros((n * p, POOL, f), dout.dtype)
    np.put_along_axis(dconv, argmax[:, None], dout.reshape(n * p, 1, f), axis=1)
    dw = rows.T @ dconv.reshape(-1, f)
    return out, dw.reshape(w.shape), dout.sum(axis=(0, 1))


def by_argmax(x):
    """As `first_largest` of the op: (q, size, F) -> largest and where, (q, F) each."""
    argmax = x.argmax(axis=1)
    return np.take_along_axis(x, argmax[:, None], axis=1)[:, 0], argmax


def fast(x, w, b, dout, *, padding=True, part=ALL, marks=False):
    """The op itself, but for the ideas that are still to come."""
    changed = {"PART": part}
    if not padding:
        changed["unpadded_frames"] = lambda x: np.full(len(x), x.shape[1])
    if not marks:
        changed["first_largest"] = by_argmax
    with mock.patch.multiple(conv_relu_maxpool, **changed):
        out, cache = conv_relu_maxpool.forward(x, w, b)
        _, dw, db = conv_relu_maxpool.backward(dout, cache)
    return out, dw, db


PART = conv_relu_maxpool.PART
WAYS = {
    PLAIN: partial(plain, first=False),
    FIRST: partial(plain, first=True),
    LATE: late,
    SPARSE: partial(fast, padding=False),
    PADDING: fast,
    PARTS: partial(fast, part=PART),
    MARKS: partial(fast, part=PART, marks=True),
    CORES: partial(fast, part=PART, marks=True),
}


def arrays(x):
    """Weights and a gradient to go with x, in its dtype."""
    rng = np.random.default_rng(0)
    w = 0.05 * rng.standard_normal((KERNEL, x.shape[2], FILTERS))
    b = 0.1 * rng.standard_normal(FILTERS)
    dout = rng.standard_normal((len(x), 8, FILTERS))
    return tuple(a.astype(x.dtype) for a in (x, w, b, dout))


def prepare(idea, x):
    """-> the work: forward and backward."""
    return partial(WAYS[idea], *arrays(x))


def main() -> None:
    speech, whose = rows_of_speech(64)
    random = np.random.default_rng(0).standard_normal(speech.shape).astype(np.float32)
    for x in (random[:10], speech[:10]):
        given = arrays(x.astype(np.float64))
        expected = WAYS[PLAIN](*given)
        for idea in IDEAS:
            for right, got in zip(expected, WAYS[idea](*given)):
                assert np.abs(right - got).max() < 1e-12 * np.abs(right).max(), idea
    cores = os.environ["OMP_NUM_THREADS"]
    programs = {}
    for idea in IDEAS:
        blas = "1" if idea == CORES else cores
        programs[idea] = Program(OPENBLAS_NUM_THREADS=blas, OMP_NUM_THREADS=cores)
    taken = []
    for x in (random, speech):
        for idea, program in programs.items():
            program.prepare(prepare, idea, x)
        times = take_turns(programs, TURNS, REPEATS)
        taken.append([1e3 * float(np.median(times[idea])) for idea in IDEAS])
    for program in programs.values():
        program.end()
    print(f"{describe(threads=cores)}; real rows: {whose}")
    print(f"{'':42} full ms  gain   real ms  gain")
    before = [times[0] for times in taken]
    for idea, *now in zip(IDEAS, *taken):
        cells = [f"{ms:7.1f}  {was / ms:4.2f}" for ms, was in zip(now, before)]
        print(f"{idea:42} {'   '.join(cells)}", flush=True)
        before = now


if __name__ == "__main__":
    main()
