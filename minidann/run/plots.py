"""The figures; what they show differs in shape and shade, not in colour alone."""

import io
import os
import sys
from pathlib import Path

# A notebook hands its own way of drawing on to commands, which draw to files and may not have it.
if "IPython" not in sys.modules and "MPLBACKEND" in os.environ:
    os.environ["MPLBACKEND"] = "agg"
# isort: split
import numpy as np
from matplotlib.figure import Figure  # pyplot would keep each figure, and choose a screen
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from minidann.run import store

DARK, LIGHT, GREEN = "#1b3a5c", "#e08f3c", "#5b9a78"


def save(figure: Figure, path: Path) -> None:
    """Write `figure` to `path` as PNG, wholly or not at all."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar in a file's name is a dollar, and bytes are no text
        text.set_text(text.get_text().encode(errors="backslashreplace").decode())
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    store.write(path, content.getvalue())


def curves(history: list[dict], best_epoch: int, title: str) -> Figure:
    """Figure 3 from rows of `evaluation.HISTORY`, in inference mode; epochs are counted from 1."""
    column = {name: np.array([row[name] for row in history]) for name in history[0]}
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    left = figure.subplots()
    right = left.twinx()
    for axis, name, scale, colour, style, label in (
        (left, "target_dev_uar", 100, DARK, "-", "emotion UAR, development"),
        (left, "source_train_uar", 100, DARK, ":", "emotion UAR, training"),
        (left, "domain_uar", 100, GREEN, "--", "domain UAR, development"),
        (right, "dev_domain_loss", 1, LIGHT, "-.", "domain loss, development"),
    ):
        if not np.isnan(column[name]).all():
            values = scale * column[name]
            axis.plot(column["epoch"], values, style, color=colour, marker=".", ms=4, label=label)
    left.axvline(best_epoch, color="0.5", lw=1, ls=(0, (1, 3)), label="selected epoch")
    left.axhline(50, color="0.7", lw=0.8, zorder=0)  # chance
    left.set(xlabel="epoch", ylabel="UAR (%)", xlim=(0.5, len(history) + 0.5), ylim=(0, 102))
    left.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    left.set_title(title, fontsize=9)
    right.set(ylabel="domain loss (nats)", ylim=(0, None), visible=bool(right.lines))
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def principal_components(f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows f (N, C) in the two directions of largest variance (N, 2), and their shares (2,).

    Zeros where all rows are the same. N is at least 2.
    """
    centred = (f - f.mean(axis=0)).astype(np.float64)
    values, vectors = np.linalg.eigh(centred @ centred.T)  # (N,) from small to large, (N, N)
    values, vectors = values[:-3:-1].clip(0), vectors[:, :-3:-1]  # (2,), (N, 2)
    total = (centred**2).sum()
    return np.sqrt(values) * vectors, values / (total or 1.0)


def features(
    models: list[tuple[str, dict, list[float]]], domain_names: list[str], emotion_names: list[str]
) -> Figure:
    """Figure 2: of each model (title, points by domain and emotion, shares of variance) a row."""
    groups = (
        ("domains", domain_names, (DARK, LIGHT), "o^"),
        ("emotions", emotion_names, (GREEN, DARK), "vs"),
    )
    figure = Figure(figsize=(9.2, 4.8 * len(models)), layout="constrained")
    rows = figure.subfigures(len(models), 1, squeeze=False)[:, 0]
    for row, (title, picture, share) in zip(rows, models):
        points, axes = picture["points"], row.subplots(1, 2, sharey=True)  # (N, 2)
        for axis, (group, names, colours, markers) in zip(axes, groups):
            for value in np.intersect1d(picture[group], (0, 1)):  # -1 is no label
                axis.scatter(
                    *points[picture[group] == value].T, s=14, alpha=0.5, color=colours[value],
                    marker=markers[value], linewidths=0, label=names[value],
                )  # fmt: skip
            axis.set(xlabel=f"component 1 ({100 * share[0]:.0f}% of the variance)")
            axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False, fontsize=9)
        axes[0].set(ylabel=f"component 2 ({100 * share[1]:.0f}%)")
        which = "source: training, target: test" if 0 in picture["domains"] else "test"
        row.suptitle(f"{title}\n{len(points)} utterances ({which})", fontsize=9)
    return figure


def confusion(test: dict, classes: tuple[str, str], title: str) -> Figure:
    """The test set's confusion matrix, rows true, with recalls; `test` is from metrics.json."""
    counts = np.array(test["confusion"])  # (2, 2)
    recall = counts / counts.sum(axis=1, keepdims=True)
    figure = Figure(figsize=(6, 4.4), layout="constrained")
    axis = figure.subplots()
    axis.imshow(recall, cmap="Blues", vmin=0, vmax=2)  # light enough for black letters
    for (i, j), share in np.ndenumerate(recall):
        axis.text(j, i, f"{counts[i, j]}\n{100 * share:.1f}%", ha="center", va="center")
    axis.set_xticks([0, 1], [f"predicted {name}" for name in classes])
    axis.set_yticks([0, 1], [f"true {name}" for name in classes], rotation=90, va="center")
    uar = f"test UAR {100 * test['uar']:.1f}%, {test['n']} utterances, {test['speakers']} speakers"
    figure.suptitle(f"{title}\n{uar}", fontsize=9)
    return figure
