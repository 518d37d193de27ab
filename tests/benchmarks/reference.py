"""The network in PyTorch, as one writes it and in faster formulations: what `step.py` runs against.

`Plain` is how one writes it: Conv1d, ReLU, MaxPool1d, Adam. All others pool before ReLU and use the
fused Adam.
"""

import os

from minidann.ops import parallel

# minidann has told BLAS to use one thread; whatever BLAS PyTorch has is to use all.
os.environ.update(dict.fromkeys(parallel.ASKED, os.environ["OMP_NUM_THREADS"]))

import torch
from torch import nn
from torch.nn import functional as F

from minidann.model import FILTERS, KERNEL, POOL, STRIDE, pooled_frames

DROPOUT, ALPHA, BETA, MELS = 0.7, 0.5, 1.0, 26


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -BETA * grad


class Network(nn.Module):
    """The same network; `front` (N, T, D) -> (N, P, 200) is what differs, P = 8 for T = 750."""

    def __init__(self, front: nn.Module, pools: int):
        super().__init__()
        self.front = front
        self.query = nn.Parameter(0.05 * torch.randn(FILTERS))
        self.norm = nn.BatchNorm1d((pools + 1) * FILTERS)
        self.dropout = nn.Dropout(DROPOUT)
        self.emotion = nn.Linear((pools + 1) * FILTERS, 2)
        self.domain = nn.Linear((pools + 1) * FILTERS, 2)

    def forward(self, x, labels, domains):
        f = self.front(x)  # (N, P, 200)
        s = torch.softmax(f @ self.query, dim=1)  # (N, P)
        a = (s[:, None] @ f)[:, 0]  # (N, 200)
        h = torch.cat([f, a[:, None]], dim=1).flatten(1)  # (N, 1800)
        h = self.dropout(self.norm(h))
        emotion = F.cross_entropy(self.emotion(h[: len(labels)]), labels)
        if domains is None:
            return emotion
        domain = F.cross_entropy(self.domain(Reverse.apply(h)), domains)
        return ALPHA * emotion + (1 - ALPHA) * domain


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
        shape = (len(x), pooled_frames(x.shape[1]) * POOL, KERNEL * MELS)
        view = x.as_strided(shape, (x.stride(0), STRIDE * MELS, 1))
        return view.reshape(-1, KERNEL * MELS)  # (N*P*30, 260), copied here

    def forward(self, x):
        conv = self.windows(x) @ self.w  # (N*240, 200)
        best = conv.view(len(x), -1, POOL, FILTERS).amax(dim=2)
        return torch.relu(best + self.b)


class UnfoldedMax(Unfolded):
    """The same with max, which keeps indices, in place of amax, which shares among ties."""

    def forward(self, x):
        conv = self.windows(x) @ self.w
        return torch.relu(conv.view(len(x), -1, POOL, FILTERS).max(dim=2).values + self.b)


class UnfoldedAcross(Unfolded):
    """The product the other way round, so that a pool's frames are neighbours."""

    def forward(self, x):
        conv = self.w.T @ self.windows(x).T  # (200, N*P*30)
        best = conv.view(FILTERS, len(x), -1, POOL).max(dim=3).values
        return torch.relu(best.permute(1, 2, 0) + self.b)


class Early(Plain):
    """Conv1d, and the pool before ReLU."""

    def forward(self, x):
        return torch.relu(self.pool(self.conv(x))).transpose(1, 2)


def pytorch(name: str, x, labels, domains, compiled: bool = False):
    """-> a function that takes one step; `name` is of a class above."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    front, fused = globals()[name], name != "Plain" or compiled
    network = Network(front(), pooled_frames(x.shape[1]))
    params = [p for name, p in network.named_parameters() if domains is not None
              or not name.startswith("domain")]  # fmt: skip
    optimiser = torch.optim.Adam(params, lr=1e-3, **({"fused": True} if fused else {}))
    x = torch.from_numpy(x.transpose(0, 2, 1).copy() if front.channels_first else x)
    labels = torch.from_numpy(labels)
    domains = None if domains is None else torch.from_numpy(domains)
    loss = torch.compile(network) if compiled else network

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss(x, labels, domains).backward()
        optimiser.step()

    return step
