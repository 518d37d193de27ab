"""python -m minidann.moons: train with and without the adversary, print accuracies, draw them."""

from argparse import Namespace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from minidann import console, moons, plots
from minidann.console import UserError


def scatter(axis, source: np.ndarray, labels: np.ndarray, target: np.ndarray) -> None:
    """Source (n, 2) by class, target (m, 2) without: told apart by shape, then by shade."""
    for value, marker, colour in ((0, "o", plots.DARK), (1, "^", plots.LIGHT)):
        name = f"source, class {value} ({('upper', 'lower')[value]} moon)"
        style = {"color": colour, "edgecolors": "black", "linewidths": 0.7, "label": name}
        axis.scatter(*source[labels == value].T, s=22, marker=marker, **style)
    style = {"color": plots.GREEN, "linewidths": 1.2, "label": "target, no labels"}
    axis.scatter(*target.T, s=18, marker="x", zorder=0.9, **style)  # below the source


def region(axis, params: dict, name: str, reach: float) -> None:
    """What the classifier `name` says over the plane: class 1 grey, class 0 white, and the line."""
    ticks = np.linspace(-reach, reach, 201)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=2)  # (201, 201, 2)
    p = moons.classify(params, grid.reshape(-1, 2), name)[:, 1].reshape(
        grid.shape[:2]
    )  # (201, 201)
    axis.contourf(ticks, ticks, p, levels=[0, 0.5, 1], colors=["white", "0.9"], zorder=0)
    if p.min() < 0.5 < p.max():
        axis.contour(ticks, ticks, p, levels=[0.5], colors="black", linewidths=2)
    axis.set(xlabel="x1", ylabel="x2", aspect="equal")


def figure(points: tuple, models: dict, results: dict, title: str) -> Figure:
    """The paper's panels: label boundary, hidden layer by PCA, domain boundary; a row a model."""
    source, labels, target = points
    both = np.concatenate([source, target])  # (600, 2)
    page, axes = plots.plt.subplots(2, 3, figsize=(12, 8), layout="constrained")
    for (left, middle, right), (name, params) in zip(axes, models.items()):
        shares = results[name]
        for axis, classifier in ((left, "label"), (right, "domain")):
            region(axis, params, classifier, 1.1 * np.abs(both).max())
            scatter(axis, source, labels, target)
        h, _ = moons.encode(params, both)  # (600, H)
        shown, share = plots.principal_components(h)  # (600, 2), (2,)
        scatter(middle, shown[: len(source)], labels, shown[len(source) :])
        middle.set(xlabel=f"component 1 ({100 * share[0]:.0f}% of the variance)")
        middle.set(ylabel=f"component 2 ({100 * share[1]:.0f}%)")
        told = "accuracy: source {source:.3f}, target {target:.3f}".format(**shares)
        left.set_title(f"{name}: label boundary\n{told}", fontsize=10)
        middle.set_title(f"{name}: hidden layer by PCA", fontsize=10)
        told = f"accuracy: {shares['domain']:.3f} (guessing: 0.500)"
        right.set_title(f"{name}: domain boundary\n{told}", fontsize=10)
    handles, names = axes[0, 0].get_legend_handles_labels()
    page.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, markerscale=1.5)
    page.suptitle(f"{title}\ngrey is where it says: left class 1, right target", fontsize=10)
    return page


def arguments() -> Namespace:
    """The flags, checked. Raises UserError."""
    p = console.Parser(
        prog="python -m minidann.moons",
        description="Train with and without the adversary on two half moons and the same rotated; "
        "print accuracies and draw the DANN paper's figure 2.",
    )
    for flag, default, text in (
        ("--seed", 0, "of points, first weights and order"),
        ("--seeds", 1, "how many, from --seed on; the figure is of the first"),
        ("--beta", moons.BETA, "scale of DANN's reversed gradient"),
        ("--hidden", moons.HIDDEN, "units of the hidden layer"),
        ("--rotation", moons.ROTATION, "of the target, in degrees anticlockwise"),
        ("--out", Path("moons.png"), "the figure, a PNG file"),
    ):
        kind = Path if flag == "--out" else type(default)
        p.add_argument(flag, type=kind, default=default, help=f"{text} (default: {default})")
    args = p.parse_args()
    for fine, message in (
        (args.seed >= 0, "--seed: expected 0 or more"),
        (args.seeds >= 1, "--seeds: expected 1 or more"),
        (0 <= args.beta <= 1000, "--beta: expected a number from 0 to 1000"),
        (3 <= args.hidden <= 1000, "--hidden: expected 3 to 1000 units"),
        (abs(args.rotation) <= 360, "--rotation: expected degrees from -360 to 360"),
        (not args.out.is_dir(), f"--out {args.out}: is a folder; expected a file's name"),
        (args.out.parent.is_dir(), f"--out {args.out}: there is no folder {args.out.parent}"),
    ):
        if not fine:
            raise UserError(message)
    return args


def main() -> None:
    args = arguments()
    print("accuracy on the source points trained on, and on fresh points of the target")
    print(f"{'':4}  {'source-only':>14}  {'DANN':>14}\nseed  " + "source  target  " * 2, flush=True)
    table = []
    for seed in range(args.seed, args.seed + args.seeds):
        options = {"degrees": args.rotation, "hidden": args.hidden, "beta": args.beta}
        points, models, results = moons.experiment(seed, **options)
        table.append(
            [results[name][domain] for name in moons.MODELS for domain in ("source", "target")]
        )
        print(f"{seed:4}  " + "  ".join(f"{one:6.3f}" for one in table[-1]), flush=True)
        if seed == args.seed:
            title = (
                f"inter-twinning moons, target rotated by {args.rotation:g} degrees, seed {seed}"
            )
            plots.save(figure(points, models, results, title), args.out)
    if len(table) > 1:
        print("mean  " + "  ".join(f"{one:6.3f}" for one in np.mean(table, axis=0)))
    print(f"figure: {args.out}")


if __name__ == "__main__":
    console.run(main)
