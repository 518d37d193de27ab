"""One training step against PyTorch's: forward, backward, Adam; float32, the same threads.

    python tests/benchmarks/step.py --threads 2

PyTorch runs as one writes it (Conv1d, MaxPool1d, Adam) and in the formulations of `FASTEST`, of
which the fastest counts. All take turns, a few steps at a time; the median of each counts.
Full-length rows are random numbers; real ones are RAVDESS's (or the demo's, where
`MINIDANN_CORPORA` has no RAVDESS), padded as in training. Ends with lines `RATIO full64 plain
2.31`: how many times as fast minidann is, for what kind of rows, how many of them, and against
which PyTorch.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from machine import describe, sgemm_rate, with_threads
from torch import nn
from torch.nn import functional as F

from minidann import corpora, state, training
from minidann.features import extract
from minidann.model import FILTERS, KERNEL, POOL, STRIDE
from minidann.ops.dropout import draw_mask
from minidann.state import Choices
from minidann.train import DEMO

STEPS = 5  # in a turn; the first of them does not count
DROPOUT, ALPHA, BETA, MELS, FRAMES = 0.7, 0.5, 1.0, 26, 750
POOLS = 8


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -BETA * grad


class Network(nn.Module):
    """The same network; `front` (N, T, D) -> (N, 8, 200) is what differs."""

    def __init__(self, front: nn.Module):
        super().__init__()
        self.front = front
        self.query = nn.Parameter(0.05 * torch.randn(FILTERS))
        self.norm = nn.BatchNorm1d((POOLS + 1) * FILTERS)
        self.dropout = nn.Dropout(DROPOUT)
        self.emotion = nn.Linear((POOLS + 1) * FILTERS, 2)
        self.language = nn.Linear((POOLS + 1) * FILTERS, 2)

    def forward(self, x, labels, languages):
        f = self.front(x)  # (N, 8, 200)
        s = torch.softmax(f @ self.query, dim=1)  # (N, 8)
        a = (s[:, None] @ f)[:, 0]  # (N, 200)
        h = torch.cat([f, a[:, None]], dim=1).flatten(1)  # (N, 1800)
        h = self.dropout(self.norm(h))
        emotion = F.cross_entropy(self.emotion(h[: len(labels)]), labels)
        if languages is None:
            return emotion
        language = F.cross_entropy(self.language(Reverse.apply(h)), languages)
        return ALPHA * emotion + (1 - ALPHA) * language


class Plain(nn.Module):
    """As one writes it; the batch comes with channels before time."""

    channels_first = True

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(MELS, FILTERS, KERNEL, STRIDE)
        self.pool = nn.MaxPool1d(POOL)

    def forward(self, x):
        return self.pool(torch.relu(self.conv(x))).transpose(1, 2)


class Unfolded(nn.Module):
    """One matrix product of strided windows; the pool before bias and ReLU."""

    channels_first = False

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(0.05 * torch.randn(KERNEL * MELS, FILTERS))
        self.b = nn.Parameter(torch.zeros(FILTERS))

    def windows(self, x):
        shape = (len(x), POOLS * POOL, KERNEL * MELS)
        view = x.as_strided(shape, (x.stride(0), STRIDE * MELS, 1))
        return view.reshape(-1, KERNEL * MELS)  # (N*240, 260), copied here

    def forward(self, x):
        conv = self.windows(x) @ self.w  # (N*240, 200)
        best = conv.view(len(x), POOLS, POOL, FILTERS).amax(dim=2)
        return torch.relu(best + self.b)


class UnfoldedMax(Unfolded):
    """The same with max, which keeps indices, in place of amax, which shares among ties."""

    def forward(self, x):
        conv = self.windows(x) @ self.w
        return torch.relu(conv.view(len(x), POOLS, POOL, FILTERS).max(dim=2).values + self.b)


class UnfoldedAcross(Unfolded):
    """The product the other way round, so that a pool's frames are neighbours."""

    def forward(self, x):
        conv = self.w.T @ self.windows(x).T  # (200, N*240)
        best = conv.view(FILTERS, len(x), POOLS, POOL).max(dim=3).values
        return torch.relu(best.permute(1, 2, 0) + self.b)


class Early(Plain):
    """Conv1d, and the pool before ReLU."""

    def forward(self, x):
        return torch.relu(self.pool(self.conv(x))).transpose(1, 2)


PLAIN = "PyTorch plain"
FASTEST = {one.__name__: one for one in (Unfolded, UnfoldedMax, UnfoldedAcross, Early)}


def pytorch(front: type, x, labels, languages, fused: bool, compiled: bool = False):
    """-> a function that takes one step."""
    torch.manual_seed(0)
    network = Network(front())
    params = [p for name, p in network.named_parameters() if languages is not None
              or not name.startswith("language")]  # fmt: skip
    optimiser = torch.optim.Adam(params, lr=1e-3, **({"fused": True} if fused else {}))
    x = torch.from_numpy(x.transpose(0, 2, 1).copy() if front.channels_first else x)
    labels = torch.from_numpy(labels)
    languages = None if languages is None else torch.from_numpy(languages)
    loss = torch.compile(network) if compiled else network

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss(x, labels, languages).backward()
        optimiser.step()

    return step


def minidann(model: str, x, labels):
    """-> a function that takes one step."""
    choices = Choices("made up", "made up", model=model, dropout=DROPOUT)
    now = state.start(choices, FRAMES, MELS)
    rng = np.random.default_rng(0)

    def step():
        mask = draw_mask(rng, (len(x), (POOLS + 1) * FILTERS), DROPOUT)
        training.update(choices, now, x, labels, mask, rate=1e-3, beta=BETA)

    return step


def take_turns(programs: dict, turns: int) -> dict[str, float]:
    """The median of every program's steps, in ms."""
    times = {name: [] for name in programs}
    for _ in range(turns):
        for name, step in programs.items():
            for i in range(STEPS):
                began = time.perf_counter()
                step()
                if i:
                    times[name].append(time.perf_counter() - began)
    return {name: 1e3 * float(np.median(all_of_it)) for name, all_of_it in times.items()}


def rows_of_speech(count: int) -> tuple[np.ndarray, str]:
    """`count` padded utterances, (count, 750, 26) float32, and whose they are."""
    real = Path(os.environ.get("MINIDANN_CORPORA", DEMO.parents[2] / "shared" / "corpora"))
    there = (real / "ravdess").is_dir()
    name, root = ("ravdess", real / "ravdess") if there else ("iemocap", DEMO / "iemocap")
    corpus = corpora.load(name, root)
    chosen = np.random.default_rng(0).permutation(len(corpus.utterances))[:count]
    with tempfile.TemporaryDirectory() as cache:
        features = extract([corpus.utterances[i] for i in chosen], cache).features
        return features.batch(range(count)), corpus.title


def programs_of(model: str, x: np.ndarray, compiled: bool) -> dict:
    """All programs, a step each, on these rows; with a target, the first half is source."""
    n = len(x) // 2 if model == "our" else len(x)
    labels = np.arange(n) % 2
    languages = (np.arange(len(x)) >= n).astype(np.int64) if model == "our" else None
    programs = {
        "minidann": minidann(model, x, labels),
        PLAIN: pytorch(Plain, x, labels, languages, fused=False),
    }
    for name, front in FASTEST.items():
        programs[f"PyTorch {name}"] = pytorch(front, x, labels, languages, fused=True)
    for name, front in ({"Plain": Plain} | FASTEST).items() if compiled else ():
        step = pytorch(front, x, labels, languages, fused=True, compiled=True)
        programs[f"PyTorch {name}, compiled"] = step
    return programs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="of both sides")
    parser.add_argument("--turns", type=int, default=12, help="of every program")
    parser.add_argument("--compile", action="store_true", help="try torch.compile, too")
    args = parser.parse_args()
    with_threads(args.threads)
    torch.set_num_threads(args.threads)
    rate = sgemm_rate(FILTERS, KERNEL * MELS, 64 * POOLS * POOL)
    print(describe(torch=torch.__version__, threads=args.threads))
    speech, whose = rows_of_speech(64)
    random = np.random.default_rng(0).standard_normal(speech.shape).astype(np.float32)
    ratios = []
    print(f"{'rows':16} {'program':26} {'ms':>7}  of the sgemm rate, {rate / 1e9:.0f} GFLOP/s")
    for model in ("our", "base"):
        for kind, every in (("full", random), ("real", speech)):
            for count in (64, 32):
                x = np.ascontiguousarray(every[:count])
                taken = take_turns(programs_of(model, x, args.compile), args.turns)
                # The products of the whole batch: forward, and the kernel's gradient.
                flops = 2 * 2 * count * POOLS * POOL * KERNEL * MELS * FILTERS
                for name, ms in taken.items():
                    share = flops / (1e-3 * ms) / rate
                    print(
                        f"{model}, {kind}, {count:2}".ljust(16),
                        f"{name:26} {ms:7.1f}  {share:6.0%}",
                    )
                sys.stdout.flush()
                label = f"{'base-' * (model == 'base')}{kind}{count}"
                best = min(taken.keys() - {"minidann"}, key=taken.get)
                for what, name in (("plain", PLAIN), ("fastest", best)):
                    ratio = taken[name] / taken["minidann"]
                    ratios.append(f"RATIO {label} {what} {ratio:.2f}  ({name})")
    print(f"real rows: {whose}; medians of {args.turns * (STEPS - 1)} steps each")
    print("\n".join(ratios))


if __name__ == "__main__":
    main()
