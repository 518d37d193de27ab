"""The network against equations 8 to 10.

A network with a reversed gradient must fail an ordinary check: what its backward pass gives is
not the gradient of its loss. So each parameter is compared with the derivative of its own loss,
with alpha and beta away from 0.5 and 1, where several mistakes look right:

    emotion classifier      alpha L_e                              (8)
    domain classifier     (1 - alpha) L_l                          (9)
    encoder                 alpha L_e - (1 - alpha) beta L_l       (10)
"""

from dataclasses import dataclass, replace

import numpy as np

import minidann.ops
from minidann import feeding, model
from minidann.gradcheck.cases import padded
from minidann.gradcheck.judging import read_only
from minidann.gradcheck.perturbing import Derivatives, derivatives
from minidann.gradcheck.report import Report, Row, compare
from minidann.gradcheck.running import in_one_line
from minidann.gradcheck.verdict import kind
from minidann.mistakes import networks
from minidann.mistakes.question import close
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

    def losses(self, network, name: str, value: np.ndarray, ops=minidann.ops) -> np.ndarray:
        """(L_e, L_l) where the parameter `name` has this value; L_e is 0 without source rows."""
        (emotion, domain), _ = self.forward(network, {**self.params, name: value}, ops)
        return np.array([0 * domain if emotion is None else emotion, domain])


def example(
    rng: np.random.Generator, mode: str, *, n: int = 7, m: int = 4, frames: int = 281,
    mels: int = 2, filters: int = 5,
) -> list[Step]:  # fmt: skip
    """The updates of one step in `mode`, in float64: two in bn4, else one. All is read-only.

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
        Step(*map(read_only, (params, x[rows], labels[:count], domains[rows], mask[rows])), mode,
             title)
        for (rows, count), title in zip(steps, titles)
    ]  # fmt: skip


def check_network(
    network, rng: np.random.Generator, *, mode: str, ops=minidann.ops, **sizes: int
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
        rows += [replace(row, argument=label + row.argument) for row in report.rows]
        problems += [label + problem for problem in report.problems]
        wrong |= {label + row.argument: row.argument for row in report.rows if not row.ok}
        received.append((step, grads))
    found = networks.name(received) if wrong else {}
    causes = {label: found[name] for label, name in wrong.items() if name in found}
    causes = {name: () for name in wrong if wrong[name] in steps[0].params} | causes
    return Report(f"network, {mode}", tuple(rows), tuple(dict.fromkeys(problems)), causes)


def check_step(network, step: Step, *, ops=minidann.ops) -> tuple[Report, dict]:
    """Check one update; see `check_network`. -> the report without causes, the gradients."""
    title = f"network, {step.title}"
    try:
        (emotion_loss, _), cache = step.forward(network, step.params, ops)
        grads, _ = network.backward(cache, alpha=ALPHA)
        if not isinstance(grads, dict):
            raise TypeError(f"backward returned {kind(grads)} first, not gradients by name")
        grads = {name: np.array(g) for name, g in grads.items() if g is not None}
        again, _ = network.backward(cache, alpha=ALPHA)
    except (Exception, SystemExit) as error:
        return Report(title, (), (f"raised {in_one_line(error)}",)), {}
    problems = []
    if not all(close(again.get(name), gradient, 1e-15) for name, gradient in grads.items()):
        problems.append("backward: a second call gives another answer")
    rows = [Row(str(name), (), "NO SUCH PARAMETER") for name in grads.keys() - step.params.keys()]
    for name, value in step.params.items():
        takes_part = emotion_loss is not None or not name.startswith("emotion")
        if takes_part and np.shape(grads.get(name)) == value.shape:
            found = expected(network, step, name, ops)
            rows.append(compare(name, value.shape, grads[name].ravel(), found, strict=True))
        elif takes_part:
            wrong = f"WRONG SHAPE: {grads[name].shape}" if name in grads else "NO GRADIENT"
            rows.append(Row(name, value.shape, wrong))
        elif name in grads:
            rows.append(Row(name, value.shape, "TAKES NO PART, HAS A GRADIENT"))
    return Report(title, tuple(rows), tuple(problems)), grads


def expected(network, step: Step, name: str, ops=minidann.ops) -> Derivatives:
    """Equations 8-10: the derivatives of the loss of the parameter `name`."""
    weights = {"emotion": (ALPHA, 0), "domain": (0, 1 - ALPHA)}.get(
        name.partition(".")[0], (ALPHA, -(1 - ALPHA) * BETA)
    )
    return derivatives(
        lambda value: weights * step.losses(network, name, value, ops), step.params[name]
    )
