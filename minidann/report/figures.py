"""The paper's figures 2 and 3 from the runs of a report."""

import numpy as np

from minidann.corpora import CLASSES
from minidann.report.paper import BASE, OUR
from minidann.report.runs import Results
from minidann.report.tables import named, title_of
from minidann.run import plots, store
from minidann.run.plots import DARK, GREEN, LIGHT, Figure


def figure2(results: Results, corpora: list[dict], dimension: str) -> Figure:
    """Figure 2: the encoder's output of base and our by PCA, by language and by emotion."""
    models, seed = [], results.args.seeds[0]
    for row in (BASE, OUR):
        path = results.run(row, (0, dimension), seed).out / "features.npz"
        groups, about = store.read_arrays(path)
        title = f"{row.name}, {dimension}, seed {seed}, {title_of('target').lower()}"
        models.append((title, groups["features"], about["shares"]))
    emotions = [f"{name} {dimension}" for name in CLASSES[dimension]]
    return plots.features(models, named(corpora), emotions)


def figure3(results: Results, corpora: list[dict], dimension: str) -> Figure:
    """Figure 3: domain loss, domain UAR and emotion UAR by epoch, on the development set.

    The line is the mean over seeds, the band goes from the lowest to the highest seed.
    """
    names = ("target_dev_uar", "domain_uar", "dev_domain_loss")
    curves = results.curves(OUR, (0, dimension), *names)  # (seeds, 3, epochs)
    figure = Figure(figsize=(7, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    epochs = np.arange(1, curves.shape[2] + 1)
    for axis, k, scale, colour, style, label in (
        (top, 0, 100, DARK, "-", "emotion UAR"),
        (top, 1, 100, GREEN, "--", "domain UAR"),
        (bottom, 2, 1, LIGHT, "-.", "domain loss"),
    ):
        values = scale * curves[:, k]  # (seeds, epochs)
        axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2)
        axis.plot(epochs, values.mean(axis=0), style, color=colour, label=label)
    top.axhline(50, color="0.5", lw=1, ls=(0, (1, 3)), label="guessing")
    top.set(ylabel="UAR (%)")
    bottom.axhline(np.log(2), color="0.5", lw=1, ls=(0, (1, 3)), label="guessing (log 2)")
    bottom.set(xlabel="epoch", ylabel="domain loss (nats)", ylim=(0, None))
    for axis in (top, bottom):
        axis.legend(frameon=False, fontsize=9)
    seeds = results.args.seeds
    figure.suptitle(
        f"{' to '.join(named(corpora))}\n{OUR.name}, {dimension}, development set; mean, lowest "
        f"and highest of seeds {seeds[0]} to {seeds[-1]}",
        fontsize=9,
    )
    return figure
