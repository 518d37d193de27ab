"""A step of a network whose gradients are in question, and the right network's view of it.

It can run the right network with one thing wrong: an op's backward pass, the cache of `feeding`,
what arrives at the encoder. What gradients would come out?
"""

from collections.abc import Callable
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from minidann import feeding, model, ops

Grads = dict[str, np.ndarray]


class Setting:
    """One update of a network whose gradients are in question, and the right network's view of it.

    x (n+m, T, D), emotion labels (n,), domain labels (n+m,), mask (n+m, C); parameters, mode,
    alpha and beta; the gradients received.
    """

    def __init__(self, params, x, emotion_labels, domain_labels, mask, mode, alpha, beta, received):
        self.received = received
        self.params, self.x, self.mask, self.mode = params, x, mask, mode
        self.labels = {"emotion_labels": emotion_labels, "domain_labels": domain_labels}
        self.alpha, self.beta = alpha, beta
        self.n, self.rows = len(emotion_labels), len(x)
        self.sizes = {"alpha": alpha, "beta": beta, "n": self.n, "m": self.rows - self.n}

    def forward(self, variant=ops) -> tuple:
        """The cache of the right forward pass, with these ops."""
        _, cache = model.forward(
            self.params, self.x, **self.labels, mode=self.mode, beta=self.beta, mask=self.mask,
            ops=variant,
        )  # fmt: skip
        return cache

    def substituted(self, **backwards: Callable) -> Grads:
        """The gradients where the named ops have another backward pass."""
        variant = SimpleNamespace(**{name: getattr(ops, name) for name in ops.__all__})
        for name, backward in backwards.items():
            setattr(variant, name, SimpleNamespace(forward=getattr(ops, name).forward,
                                                   backward=backward))  # fmt: skip
        return model.backward(self.forward(variant), alpha=self.alpha)[0]

    @cached_property
    def cache(self) -> tuple:
        return self.forward()

    @cached_property
    def right(self) -> Grads:
        """The right gradients."""
        return model.backward(self.cache, alpha=self.alpha)[0]

    @cached_property
    def dh(self) -> np.ndarray:
        """The gradient at the encoder's features before batch norm, (n+m, P+1, F)."""
        seen = {}

        def attention(dout, cache):
            seen["vector"] = dout
            seen["through"], dv = ops.attention.backward(dout, cache)
            return seen["through"], dv

        def front(dout, cache):
            seen["frames"] = dout - seen["through"]
            return ops.conv_relu_maxpool.backward(dout, cache)

        self.substituted(attention=attention, conv_relu_maxpool=front)
        return np.concatenate([seen["frames"], seen["vector"][:, None]], axis=1)

    @cached_property
    def at_encoder(self) -> tuple[np.ndarray, np.ndarray]:
        """What arrives at the encoder's output from emotion (n, C) and from domain (n+m, C)."""
        seen = []

        def dropout(dout, mask):
            seen.append(dout * mask)
            return (dout * mask,)

        self.substituted(dropout=dropout)
        if len(seen) == 1:
            seen.insert(0, np.zeros((0, seen[0].shape[1])))
        return seen[0], seen[1]

    def fed_with(self, demotion: np.ndarray, ddomain: np.ndarray) -> Grads:
        """The gradients if these arrived at the encoder's output."""
        dh, dgamma, dbeta = feeding.backward(demotion, ddomain, self.cache[1])
        norm = {} if dgamma is None else {"bn.gamma": dgamma, "bn.beta": dbeta}
        return {**self.right, **norm, **model.encode_backward(dh, self.cache[0])}

    def encoder(self, dh: np.ndarray) -> Grads:
        """The gradients if this dh (n+m, P+1, F) arrived at the encoder."""
        return {**self.right, **model.encode_backward(dh.reshape(len(dh), -1), self.cache[0])}

    def with_fed(self, fed: tuple) -> Grads:
        """The gradients if `feeding.forward` had left this cache."""
        cache = (self.cache[0], fed, *self.cache[2:])
        return model.backward(cache, alpha=self.alpha)[0]

    @cached_property
    def emotion(self) -> Grads:
        """alpha dL_e, of every parameter; zero where it does not act."""
        return self._part(1.0, self.alpha)

    @cached_property
    def domain(self) -> Grads:
        """The part of L_l in equations 9 and 10, of every parameter."""
        return self._part(0.0, 1 - self.alpha)

    def _part(self, alpha, weight) -> Grads:
        grads, _ = model.backward(self.cache, alpha=alpha)
        return {name: weight * grads.get(name, np.zeros_like(value))
                for name, value in self.params.items()}  # fmt: skip
