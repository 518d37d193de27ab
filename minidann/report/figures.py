"""A table as a figure, and the paper's figures 2 and 3 from the runs of a report."""

import numpy as np

from minidann.choices import SELECTION
from minidann.corpora import CLASSES
from minidann.report.paper import BASE, OUR
from minidann.report.runs import Results
from minidann.report.tables import Line, named, title_of
from minidann.run import plots, store
from minidann.run.plots import DARK, GREEN, LIGHT, Figure, subplots

STYLE = dict(zip(SELECTION, (("o", DARK), ("^", GREEN), ("s", LIGHT))))  # marker, colour


def table(lines: list[Line], heads: list[str], title: str) -> Figure:
    """The cells of a table: a panel a column, a place a row, intervals over speakers as bars."""
    cells = [line for line in lines if line.kind == "cell"]
    names = list(dict.fromkeys(line.name for line in cells))
    size = (max(9, 3.1 * len(heads)), 2.2 + 0.32 * len(names))
    figure, axes = subplots(1, len(heads), figsize=size, sharex=True, sharey=True, squeeze=False)
    axes = axes[0]
    for column, (axis, head) in enumerate(zip(axes, heads)):
        for offset, (criterion, (marker, colour)) in zip((-0.22, 0, 0.22), STYLE.items()):
            here = [line for line in cells if line.criterion == criterion]
            place = [names.index(line.name) + offset for line in here]
            found = [line.estimates[column] for line in here]
            value = np.array([figure.value for figure in found])  # (N,)
            ends = np.array([figure.interval or (figure.value, figure.value) for figure in found])
            axis.errorbar(100 * value, place, xerr=100 * np.abs(ends.T - value), fmt=marker, ms=5,
                          color=colour, lw=1, label=title_of(criterion).lower())  # fmt: skip
        paper = {line.name: line.paper[column][0] for line in cells if line.paper[column]}
        if paper:
            axis.plot(list(paper.values()), [names.index(name) for name in paper], "x",
                      color="black", ms=7, label="the paper, on RECOLA and IEMOCAP")  # fmt: skip
        axis.axvline(50, color="0.7", lw=0.8, zorder=0)  # chance
        axis.set_title(head.replace(", ", "\n"), fontsize=9)
        axis.set(xlabel="UAR (%)")
        axis.grid(axis="y", color="0.92")
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    figure.suptitle(f"{title}\nbars: 95% interval over the target's speakers", fontsize=10)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


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
    figure, (top, bottom) = subplots(2, 1, figsize=(7, 6), sharex=True, height_ratios=(3, 2))
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
