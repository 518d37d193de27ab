"""The whole idea in two dimensions; `python -m minidann.moons` trains it, and lesson 0 draws it.

Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 2016. Two half moons lie in
one another. The source is labelled, by moon; the target is the same rotated by 35 degrees, without
labels. One hidden layer, two classifiers, and the ops that the speech network is made of:

        x (N, 2)
            | dense, sigmoid
        h   (N, 15)                            the encoder G_f ends here
          /             \\
    dense, softmax    gradient reversal, dense, softmax
    source rows       all rows
    -> L_e            -> L_l

The loss is  alpha L_e + (1 - alpha) L_l; through the reversal the hidden layer gets the gradient
of  alpha L_e - (1 - alpha) beta L_l.  With beta 0 nothing comes back through the reversal: that is
source-only training, with a domain classifier that looks on.
"""

from argparse import ArgumentDefaultsHelpFormatter

import numpy as np

from minidann import console, optim
from minidann.ops import dense, gradient_reversal, softmax_cross_entropy

Arrays = dict[str, np.ndarray]

# The paper's toy problem and its network; noise and scale are those of its code. GAIN, Adam's
# settings and the average in `train` were chosen by target accuracy on the seeds 100 to 111. (The
# paper's code has a beta of 12 here, and a domain loss that is a sum of two means.)
POINTS, NOISE, SCALE, ROTATION = 150, 0.05, 2.0, 35.0  # points a moon; degrees
HIDDEN, BETA = 15, 1.0  # beta as in `minidann.train`
GAIN = 4.0  # of the hidden kernel's first values: an old rule for sigmoids, flatter than tanh
ALPHA = 0.5  # as in `minidann.train`
RATE, BATCH, EPOCHS = 0.01, 30, 600


def moons(rng: np.random.Generator, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Points x (300, 2), rotated anticlockwise about their centre, and their moons y (300,)."""
    angle = np.linspace(0, np.pi, POINTS)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # (150, 2)
    lower = np.array([1.0, 0.5]) - upper  # (150, 2)
    x = np.concatenate([upper, lower])  # (300, 2)
    x = SCALE * (x + NOISE * rng.standard_normal(x.shape) - np.array([0.5, 0.25]))
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return x @ np.array([[cos, sin], [-sin, cos]]), np.repeat([0, 1], POINTS)


def initialise(rng: np.random.Generator, hidden: int) -> Arrays:
    """New parameters: kernels Glorot uniform, that of the hidden layer times GAIN; biases zero."""
    params = {}
    for name, rows, columns in (("hidden", 2, hidden), ("label", hidden, 2), ("domain", hidden, 2)):
        limit = (GAIN if name == "hidden" else 1) * np.sqrt(6 / (rows + columns))
        params[f"{name}.w"] = rng.uniform(-limit, limit, (rows, columns))
        params[f"{name}.b"] = np.zeros(columns)
    return params


def encode(params: Arrays, x: np.ndarray) -> tuple[np.ndarray, tuple]:
    """Points x (N, 2) -> h (N, H) = sigmoid(x w + b). The cache is the dense layer's, and h."""
    z, cache = dense.forward(x, params["hidden.w"], params["hidden.b"])  # (N, H)
    h = (1 + np.tanh(z / 2)) / 2  # the sigmoid 1 / (1 + exp(-z)), which so cannot overflow
    return h, (cache, h)


def forward(
    params: Arrays, x: np.ndarray, *, labels: np.ndarray, domains: np.ndarray, beta: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple]:
    """x (n+m, 2), labels of its first n rows (n,), domains of all (n+m,) -> (L_e, L_l), cache."""
    h, encoder = encode(params, x)  # (n+m, H)
    source = h[: len(labels)]  # (n, H)
    z, label = dense.forward(source, params["label.w"], params["label.b"])  # (n, 2)
    label_loss, label_end = softmax_cross_entropy.forward(z, labels=labels)  # ()
    reversed_h, reversal = gradient_reversal.forward(h, beta=beta)  # (n+m, H)
    z, domain = dense.forward(reversed_h, params["domain.w"], params["domain.b"])  # (n+m, 2)
    domain_loss, domain_end = softmax_cross_entropy.forward(z, labels=domains)  # ()
    cache = (encoder, label, label_end, reversal, domain, domain_end)
    return (label_loss, domain_loss), cache


def backward(cache: tuple, *, alpha: float) -> Arrays:
    """The gradient of each parameter: those of the paper's updates, weighed by alpha."""
    (hidden, h), label, label_end, reversal, domain, domain_end = cache
    grads = {}
    (dz,) = softmax_cross_entropy.backward(alpha, label_end)  # (n, 2)
    dsource, grads["label.w"], grads["label.b"] = dense.backward(dz, label)  # (n, H)
    (dz,) = softmax_cross_entropy.backward(1 - alpha, domain_end)  # (n+m, 2)
    dh, grads["domain.w"], grads["domain.b"] = dense.backward(dz, domain)  # (n+m, H)
    (dh,) = gradient_reversal.backward(dh, reversal)  # the sign turns here
    dh[: len(dsource)] += dsource  # only source rows have labels
    dz = dh * h * (1 - h)  # (n+m, H): the sigmoid's derivative is h (1 - h)
    _, grads["hidden.w"], grads["hidden.b"] = dense.backward(dz, hidden)
    return grads


def train(
    rng: np.random.Generator, source: np.ndarray, labels: np.ndarray, target: np.ndarray,
    *, beta: float, epochs: int = EPOCHS,
) -> Arrays:  # fmt: skip
    """Source (n, 2), its labels (n,), target (n, 2) -> parameters, averaged over the second half.

    The two sides of a game without an umpire circle around what they are after and need not come
    to rest. The average over the later epochs lies nearer the middle.
    """
    params = initialise(rng, HIDDEN)
    state = optim.start(params)
    total = {key: np.zeros_like(value) for key, value in params.items()}
    domains = np.repeat([0, 1], BATCH)  # (2B,): source, target
    for epoch in range(epochs):
        source_order, target_order = rng.permutation(len(source)), rng.permutation(len(target))
        for first in range(0, len(source) - BATCH + 1, BATCH):
            batch = source_order[first : first + BATCH]  # (B,)
            target_batch = target_order[first : first + BATCH]  # (B,)
            x = np.concatenate([source[batch], target[target_batch]])  # (2B, 2)
            _, cache = forward(params, x, labels=labels[batch], domains=domains, beta=beta)
            params, state = optim.step(params, backward(cache, alpha=ALPHA), state, RATE)
        if epoch >= epochs // 2:
            total = {key: total[key] + params[key] for key in params}
    return {key: value / (epochs - epochs // 2) for key, value in total.items()}


def classify(params: Arrays, x: np.ndarray, name: str) -> np.ndarray:
    """Probabilities (N, 2) by the classifier `name`, "label" or "domain", of points x (N, 2)."""
    h, _ = encode(params, x)  # (N, H)
    z, _ = dense.forward(h, params[f"{name}.w"], params[f"{name}.b"])  # (N, 2)
    return softmax_cross_entropy.softmax(z)


def experiment(seed: int, beta: float = BETA) -> tuple[tuple, dict, dict]:
    """Both models on the points of `seed` -> source (x, y), target x; parameters, accuracies."""
    rng = np.random.default_rng(seed)
    source, labels = moons(rng, 0.0)  # (300, 2), (300,)
    target, _ = moons(rng, ROTATION)  # (300, 2)
    tests = {
        "source": (source, labels, "label"),
        "target": (*moons(rng, ROTATION), "label"),
        "domain": (np.concatenate([source, target]), np.repeat([0, 1], len(source)), "domain"),
    }
    models, results = {}, {}
    for name, reversal in (("source-only", 0.0), ("DANN", beta)):
        params = train(np.random.default_rng([seed, 1]), source, labels, target, beta=reversal)
        models[name] = params
        results[name] = {
            test: float((classify(params, x, classifier).argmax(axis=1) == y).mean())
            for test, (x, y, classifier) in tests.items()
        }
    return (source, labels, target), models, results


def region(axis, params: Arrays, name: str, reach: float) -> None:
    """Draw what the classifier `name` predicts over the plane: class 1 grey, 0 white, the line."""
    ticks = np.linspace(-reach, reach, 201)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=2)  # (201, 201, 2)
    p = classify(params, grid.reshape(-1, 2), name)[:, 1].reshape(grid.shape[:2])  # (201, 201)
    axis.contourf(ticks, ticks, p, levels=[0, 0.5, 1], colors=["white", "0.9"], zorder=0)
    if p.min() < 0.5 < p.max():
        axis.contour(ticks, ticks, p, levels=[0.5], colors="black", linewidths=2)
    axis.set(xlabel="x1", ylabel="x2", aspect="equal")


def main() -> None:
    p = console.Parser(
        prog="python -m minidann.moons",
        formatter_class=ArgumentDefaultsHelpFormatter,
        description="Train with and without the adversary on two half moons and the same rotated, "
        "and print accuracies. Lesson 0 draws the label boundaries.",
    )
    p.add_argument("--seeds", type=int, default=1, help="how many, from 0 on")
    p.add_argument("--beta", type=float, default=BETA, help="scale of DANN's reversed gradient")
    args = p.parse_args()
    if args.seeds < 1 or not 0 <= args.beta < np.inf:
        p.error(f"--seeds {args.seeds} --beta {args.beta:g}: expected 1 or more, and 0 or more")
    print("accuracy on the source points trained on, and on fresh points of the target")
    print(f"{'':4}  {'source-only':>14}  {'DANN':>14}\nseed  " + "source  target  " * 2)
    table = []
    for seed in range(args.seeds):
        _, _, results = experiment(seed, args.beta)
        table.append([each[name] for each in results.values() for name in ("source", "target")])
        console.say(f"{seed:4}  " + "  ".join(f"{share:6.3f}" for share in table[-1]))
    print("mean  " + "  ".join(f"{share:6.3f}" for share in np.mean(table, axis=0)))


if __name__ == "__main__":
    console.run(main)
