"""The network against equations 8 to 10.

A network with a reversed gradient must fail an ordinary check: what its backward pass gives is
not the gradient of its loss. So each parameter is compared with the derivative of its own loss,
with alpha and beta away from 0.5 and 1, where several mistakes look right:

    emotion classifier      alpha L_e                              (8)
    domain classifier     (1 - alpha) L_l                          (9)
    encoder                 alpha L_e - (1 - alpha) beta L_l       (10)
"""

from typing import NamedTuple

import numpy as np

from minidann import feeding, model, ops
from minidann.gradcheck.judging import read_only
from minidann.gradcheck.perturbing import Derivatives, compare, derivatives
from minidann.gradcheck.verdict import Report, Verdict
from minidann.mistakes import networks

ALPHA, BETA = 0.3, 1.7
NO_PART = "It takes no part in this update, so it should have no gradient."


class Step(NamedTuple):
    """One update of a small network: parameters (name -> array) and its batch of n + m rows.

    x (n+m, T, D), emotion labels (n,), domain labels (n+m,), dropout's mask (n+m, C).
    """

    params: dict
    x: np.ndarray
    emotion_labels: np.ndarray
    domain_labels: np.ndarray
    mask: np.ndarray
    mode: str
    label: str  # ": source step" or ": target step" where a step has two updates
    alpha: float = ALPHA
    beta: float = BETA

    def forward(self, network, params: dict) -> tuple:
        """((L_e or None, L_l), cache) of `network` with these parameters."""
        return network.forward(
            params, self.x, emotion_labels=self.emotion_labels, domain_labels=self.domain_labels,
            mode=self.mode, beta=self.beta, mask=self.mask,
        )  # fmt: skip


def padded(rng: np.random.Generator, n: int, frames: int, mels: int) -> np.ndarray:
    """x (n, frames, mels), each row filled up with its minimum, so that pools in it tie."""
    x = rng.standard_normal((n, frames, mels))
    for row in x:
        unpadded = int(rng.integers(frames // 4, frames))
        row[unpadded:] = row[:unpadded].min(axis=0)
    return x


def example(
    rng: np.random.Generator, mode: str, *, n: int = 7, m: int = 4, frames: int = 281,
    mels: int = 2, filters: int = 5,
) -> list[Step]:  # fmt: skip
    """The updates of one step in `mode`, in float64: two in bn4, else one. All is read-only.

    Sizes differ, so that a wrong factor names its size. About half of a filter's pools are active:
    where all are, batch norm takes the convolution's bias out and its gradient is only rounding.
    """
    params, _ = model.initialise(
        rng, frames=frames, mels=mels, filters=filters, batch_norm=mode != "none", dtype=np.float64
    )
    for name in params:
        if name.endswith((".b", ".gamma", ".beta", ".v")):
            params[name] = params[name] + 0.5 * rng.standard_normal(params[name].shape)
    x = padded(rng, n + m, frames, mels)
    x[:n] += 0.4
    high = np.full(filters, 100.0)  # so that nothing is cut off at 0
    pooled, _ = ops.conv_relu_maxpool.forward(x, params["conv.w"], high)  # (n+m, P, F)
    params["conv.b"] = 100.01 - np.median(pooled, axis=(0, 1))  # no pool is at 0, the kink
    features = (model.pooled_frames(frames) + 1) * filters
    mask = ops.dropout.draw_mask(rng, (n + m, features), 0.4, np.float64)
    labels = rng.permutation(np.arange(n) % 2)
    domains = (np.arange(n + m) >= n).astype(int)
    steps = feeding.steps(mode, n, m)
    names = [""] if len(steps) == 1 else [": source step", ": target step"]
    given = [(params, x[rows], labels[:count], domains[rows], mask[rows]) for rows, count in steps]
    return [Step(*read_only(batch), mode, name) for batch, name in zip(given, names)]


def check_network(network, rng: np.random.Generator, *, mode: str, **sizes: int) -> Report:
    """Check every parameter's gradient in one batch composition against equations 8-10.

    `network` has the `forward` and `backward` of `minidann.model`; `sizes` are those of `example`.
    bn4 has two updates, and a verdict on a parameter for each.
    """
    verdicts, received = [], []
    for step in example(rng, mode, **sizes):
        given = networks.gradients(network, step).items()
        grads = {name: gradient for name, gradient in given if gradient is not None}
        received.append((step, grads))
        trained = [n for n in step.params if len(step.emotion_labels) or "emotion" not in n]
        found = [Verdict(name, False, (NO_PART,)) for name in sorted(grads.keys() - {*trained})]
        for name in trained:
            true = expected(network, step, name)
            found.append(compare(name, grads.get(name), true, step.params[name].shape, strict=True))
        verdicts += [verdict._replace(part=verdict.part + step.label) for verdict in found]
    named = {} if all(verdict.right for verdict in verdicts) else networks.name(received)
    causes = [named.get(v.part.partition(":")[0]) or v.causes for v in verdicts]
    verdicts = [v if v.right else v._replace(causes=c) for v, c in zip(verdicts, causes)]
    return Report(f"network, {mode}", tuple(verdicts))


def expected(network, step: Step, name: str) -> Derivatives:
    """Equations 8-10: the derivatives of the loss of the parameter `name`."""
    of_emotion, of_domain = step.alpha, 1 - step.alpha
    weights = {"emotion": (of_emotion, 0), "domain": (0, of_domain)}.get(
        name.partition(".")[0], (of_emotion, -of_domain * step.beta)
    )

    def weighed(value):
        (emotion, domain), _ = step.forward(network, {**step.params, name: value})
        return weights * np.array([0 * domain if emotion is None else emotion, domain])

    return derivatives(weighed, step.params[name])
