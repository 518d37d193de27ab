"""The network against equations 8 to 10.

A network with a reversed gradient must fail an ordinary check: what its backward pass gives is
not the gradient of its loss. So the two losses are differenced apart, and put together as the
equations say, with alpha and beta away from 0.5 and 1, where several mistakes look right:

    emotion classifier      alpha dL_e                               (8)
    domain classifier     (1 - alpha) dL_l                         (9)
    encoder                 alpha dL_e - (1 - alpha) beta dL_l       (10)
"""

from dataclasses import dataclass, replace

import numpy as np

import minidann.ops
from minidann import feeding, model
from minidann.gradcheck.cases import padded
from minidann.gradcheck.contract import described, in_one_line
from minidann.gradcheck.grad_norms import grad_norms_row
from minidann.gradcheck.perturbing import Derivatives, derivatives
from minidann.gradcheck.purity import Untouched, copied, same
from minidann.gradcheck.report import Report, compare, refused
from minidann.mistakes import networks
from minidann.ops import conv_relu_maxpool, dropout

ALPHA, BETA = 0.3, 1.7


@dataclass(frozen=True)
class Step:
    """One update of a small network: parameters (name -> array) and its batch of n + m rows.

    x (n+m, T, D), emotion labels (n,), domain labels (n+m,), dropout's mask (n+m, C).
    """

    alpha = ALPHA
    beta = BETA

    params: dict
    x: np.ndarray
    emotion_labels: np.ndarray
    domain_labels: np.ndarray
    mask: np.ndarray
    mode: str
    title: str

    def forward(self, network, params: dict, ops=minidann.ops) -> tuple:
        """((L_e or None, L_l), cache) of `network` with these parameters."""
        return network.forward(
            params, self.x, emotion_labels=self.emotion_labels,
            domain_labels=self.domain_labels, mode=self.mode, beta=BETA, mask=self.mask,
            ops=ops,
        )  # fmt: skip


def example(
    rng: np.random.Generator, mode: str, *, n: int = 7, m: int = 4, frames: int = 281,
    mels: int = 2, filters: int = 5,
) -> list[Step]:  # fmt: skip
    """The updates of one step in `mode`, in float64: two in bn4, else one.

    Sizes that differ, so that a wrong factor names its size, and padded rows, so that pools tie.
    In both domains some pools are active in some rows and not in others: where all are, batch norm
    takes the convolution's bias out and its gradient is nothing but rounding.
    """
    while True:
        params, _ = model.initialise(
            rng, frames=frames, mels=mels, filters=filters, batch_norm=mode != "none",
            dtype=np.float64,
        )  # fmt: skip
        for name in params:
            if name.endswith((".b", ".gamma", ".beta", ".v")):
                params[name] = params[name] + 0.5 * rng.standard_normal(params[name].shape)
        params["conv.b"] = params["conv.b"] - 1.2
        x = padded(rng, n + m, frames, mels)
        x[:n] += 0.4
        pooled, _ = conv_relu_maxpool.forward(x, params["conv.w"], params["conv.b"])
        active = pooled > 0  # (n+m, P, F)
        mixed = [rows.any(axis=0) & ~rows.all(axis=0) for rows in (active[:n], active[n:])]
        if all(domain.any() for domain in mixed) and active.mean() > 0.1:
            break
    features = (model.pooled_frames(frames) + 1) * filters
    mask = dropout.draw_mask(rng, (n + m, features), 0.4, np.float64)
    labels = rng.permutation(np.arange(n) % 2)
    domains = (np.arange(n + m) >= n).astype(int)
    steps = feeding.steps(mode, n, m)
    titles = [mode] if len(steps) == 1 else [f"{mode}, source step", f"{mode}, target step"]
    return [
        Step(params, x[rows], labels[:count], domains[rows], mask[rows], mode, title)
        for (rows, count), title in zip(steps, titles)
    ]


def check_network(
    network,
    rng: np.random.Generator,
    *,
    mode: str,
    ops=minidann.ops,
    **sizes: int,
) -> Report:
    """Check every parameter's gradient in one batch composition against equations 8-10.

    `network` has the `forward` and `backward` of `minidann.model`; `sizes` are those of `example`.
    The rows of bn4 are those of its two updates.
    """
    steps = example(rng, mode, **sizes)
    rows, problems, received, wrong = [], [], [], {}
    for step in steps:
        report, grads = check_step(network, step, ops=ops)
        label = "" if len(steps) == 1 else step.title.partition(", ")[2] + ": "
        wrong.update((label + argument, argument) for argument in report.causes)
        rows += [replace(row, argument=label + row.argument) for row in report.rows]
        problems += [label + problem for problem in report.problems]
        received.append((step, grads))
    found = networks.name(received) if wrong else {}
    causes = {labelled: found.get(argument, ()) for labelled, argument in wrong.items()}
    return Report(f"network, {mode}", tuple(rows), tuple(dict.fromkeys(problems)), causes)


def check_step(network, step: Step, *, ops=minidann.ops) -> tuple[Report, dict]:
    """Check one update; see `check_network`. -> the report without causes, the gradients."""
    given = Untouched(params=step.params, x=step.x, mask=step.mask)
    try:
        (emotion_loss, _), cache = step.forward(network, step.params, ops)
        kept = Untouched(cache=cache)
        grads, pulled = network.backward(cache, alpha=ALPHA)
        first = copied((grads, pulled))
        again = network.backward(cache, alpha=ALPHA)
    except (Exception, SystemExit) as error:
        return Report(step.title, (), (f"raised {in_one_line(error)}",)), {}
    if not isinstance(grads, dict):
        problem = (
            f"backward: expected (gradients by name, norms), received {described(grads)} first"
        )
        return Report(step.title, (), (problem,)), {}
    problems = [f"writes to {name}" for name in given.changed() + kept.changed()]
    if not same(first, tuple(again)):
        problems.append("backward: a second call gives another answer")
    grads, pulled = first
    rows, true = [], set()
    for name, value in step.params.items():
        takes_part = emotion_loss is not None or not name.startswith("emotion")
        if not takes_part:
            if name in grads:
                rows.append(refused(name, value.shape, "TAKES NO PART, HAS A GRADIENT"))
            continue
        found = expected(losses(network, step, name, ops), name)
        true.add(name)
        verdict = _not_comparable(grads.get(name), value)
        if verdict:
            rows.append(refused(name, value.shape, verdict))
        else:
            rows.append(compare(name, value.shape, grads[name].ravel(), found))
    strange = [name for name in grads if name not in step.params]
    rows += [refused(str(name), (), "NO SUCH PARAMETER") for name in strange]
    row = grad_norms_row(step, pulled, ALPHA, BETA)  # not a gradient: in the table only if wrong
    rows += [] if row.ok else [row]
    wrong = {row.argument: () for row in rows if row.argument in true and not row.ok}
    return Report(f"network, {step.title}", tuple(rows), tuple(problems), wrong), grads


def _not_comparable(gradient, value: np.ndarray) -> str | None:
    """What keeps a gradient from being compared, if anything."""
    if gradient is None:
        return "NO GRADIENT"
    if not isinstance(gradient, np.ndarray):
        return f"NOT AN ARRAY: {described(gradient)}"
    if gradient.dtype != value.dtype:
        return f"WRONG TYPE: {gradient.dtype}, not {value.dtype}"
    return None if gradient.shape == value.shape else f"WRONG SHAPE: {gradient.shape}"


def losses(network, step: Step, name: str, ops=minidann.ops) -> Derivatives:
    """How (L_e, L_l) move with every entry of the parameter `name`; without L_e that is 0."""

    def both(value):
        (emotion, domain), _ = step.forward(network, {**step.params, name: value}, ops)
        return np.array([0 * domain if emotion is None else emotion, domain])

    return derivatives(both, step.params[name])


def expected(
    found: Derivatives, name: str, alpha: float = ALPHA, beta: float = BETA
) -> Derivatives:
    """Equations 8-10: the derivatives of (L_e, L_l), put together for the parameter `name`."""
    if name.startswith("emotion"):
        weights = np.array([alpha, 0])
    elif name.startswith("domain"):
        weights = np.array([0, 1 - alpha])
    else:
        weights = np.array([alpha, -(1 - alpha) * beta])
    return Derivatives(
        (weights @ found.central)[None],
        None if found.complex is None else (weights @ found.complex)[None],
        found.kinks, found.undecided, np.abs(weights)[None] @ found.rounding,
        _least(weights, found.low, found.high), _least(weights, found.high, found.low),
        found.settled,
    )  # fmt: skip


def _least(weights, low, high) -> np.ndarray:
    """The least (1, d) of the weighted sum of what is between `low` and `high`, each (k, d)."""
    return (np.maximum(weights, 0) @ low + np.minimum(weights, 0) @ high)[None]


def naive(network, step: Step, name: str) -> tuple[float, float]:
    """How an ordinary check of the total loss fails for the encoder's parameter `name`.

    -> (relative error of the backward pass against the derivative of the total loss, how far this
    difference is from the predicted -(1 + beta)(1 - alpha) dL_l, relative to it).
    """
    _, cache = step.forward(network, step.params)
    grads, _ = network.backward(cache, alpha=ALPHA)
    emotion, domain = losses(network, step, name).best  # (d,), (d,)
    total = ALPHA * emotion + (1 - ALPHA) * domain
    difference = grads[name].ravel() - total
    predicted = -(1 + BETA) * (1 - ALPHA) * domain
    return (
        float(np.abs(difference).max() / np.abs(total).max()),
        float(np.abs(difference - predicted).max() / np.abs(predicted).max()),
    )
