"""The figures: training curves (figure 3), features in two dimensions (figure 2), confusion,
attention over time. Told apart by shape and shade, not by colour alone."""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # draws to files, needs no screen
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.sparse.linalg import svds

from minidann import runs

DARK, LIGHT, ACCENT = "#1b3a5c", "#e08f3c", "#5b9a78"


def save(figure: Figure, path: Path) -> None:
    """Write `figure` to `path` as PNG, wholly or not at all, and forget it."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    plt.close(figure)
    runs.write(path, content.getvalue())


def curves(history: list[dict], best_epoch: int, title: str) -> Figure:
    """Figure 3: domain loss, domain UAR and emotion UAR by epoch, on the development set."""
    epoch = 1 + np.array([row["epoch"] for row in history])
    column = {name: np.array([row[name] for row in history]) for name in history[0]}
    figure, left = plt.subplots(figsize=(7, 4), layout="constrained")
    left.plot(epoch, 100 * column["dev_uar"], color=DARK, label="emotion UAR, development")
    left.plot(epoch, 100 * column["source_uar"], color=DARK, ls=":", label="emotion UAR, source")
    left.set(xlabel="epoch", ylabel="UAR (%)", title=title)
    lines = left.get_lines()
    if not np.isnan(column["domain_uar"]).all():
        left.plot(epoch, 100 * column["domain_uar"], color=ACCENT, ls="--", label="domain UAR")
        right = left.twinx()
        right.plot(epoch, column["dev_domain_loss"], color=LIGHT, ls="-.", label="domain loss")
        right.set(ylabel="domain loss (nats)")
        lines = [*left.get_lines(), *right.get_lines()]
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.axhline(50, color="0.7", lw=0.8, zorder=0)
    kept = left.axvline(best_epoch + 1, color="0.5", lw=1, ls=(0, (1, 3)), label="epoch kept")
    left.legend(
        handles=[*(line for line in lines if not line.get_label().startswith("_")), kept],
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, fontsize=8,
    )  # fmt: skip
    return figure


def principal_components(f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows f (N, C) in the two directions of largest variance (N, 2), and their shares (2,)."""
    centred = (f - f.mean(axis=0)).astype(np.float64)
    # Only two of the singular vectors are wanted; v0 is where the search starts, fixed so that
    # the same features give the same picture.
    u, s, _ = svds(centred, k=2, v0=np.ones(min(centred.shape)))
    order = s.argsort()[::-1]
    return (u * s)[:, order], s[order] ** 2 / (centred**2).sum()


def features(
    f: np.ndarray,
    languages: np.ndarray,
    emotions: np.ndarray,
    language_names: list[str],
    emotion_names: list[str],
    title: str,
) -> Figure:
    """Figure 2: the encoder's output f (N, C) by PCA; left by language, right by emotion (N,)."""
    points, share = principal_components(f)  # (N, 2)
    # A few far utterances would squeeze the rest together; what lies outside is counted below.
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    margin = 0.05 * (high - low)
    outside = ((points < low - margin) | (points > high + margin)).any(axis=1).sum()
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained", sharey=True)
    for axis, group, names in (
        (axes[0], languages, language_names),
        (axes[1], emotions, emotion_names),
    ):
        for value, colour, marker in ((0, DARK, "o"), (1, LIGHT, "^")):
            if (group == value).any():
                axis.scatter(
                    *points[group == value].T, s=9, alpha=0.6, color=colour, marker=marker,
                    linewidths=0, label=names[value],
                )  # fmt: skip
        axis.set(xlabel=f"component 1 ({100 * share[0]:.0f}% of variance)")
        axis.set(xlim=(low[0] - margin[0], high[0] + margin[0]))
        axis.set(ylim=(low[1] - margin[1], high[1] + margin[1]))
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
    axes[0].set(ylabel=f"component 2 ({100 * share[1]:.0f}%)")
    figure.suptitle(f"{title}\nencoder output, {len(f)} utterances, {outside} outside the frame")
    return figure


def confusion(test: dict, classes: tuple[str, str], title: str) -> Figure:
    """The test set's confusion matrix, rows true, with recalls; `test` is from metrics.json."""
    counts = np.array(test["confusion"])  # (2, 2)
    recall = counts / counts.sum(axis=1, keepdims=True)
    figure, axis = plt.subplots(figsize=(4.6, 4), layout="constrained")
    image = axis.imshow(recall, cmap="Blues", vmin=0, vmax=1)
    for (i, j), share in np.ndenumerate(recall):
        colour = "white" if share > 0.55 else "black"
        text = f"{counts[i, j]}\n{100 * share:.1f}%"
        axis.text(j, i, text, ha="center", va="center", color=colour)
    axis.set_xticks([0, 1], [f"said {name}" for name in classes])
    axis.set_yticks([0, 1], [f"true {name}" for name in classes], rotation=90, va="center")
    figure.suptitle(f"{title}\ntest UAR {100 * test['uar']:.1f}%", fontsize=10)
    figure.colorbar(image, label="share of the true class")
    return figure


def attention(
    logmel: np.ndarray, starts: np.ndarray, ends: np.ndarray, weights: np.ndarray, title: str
) -> Figure:
    """A log-mel spectrogram (T, 26) over the attention weight of each pooled stretch of time.

    The stretches lie from `starts` to `ends` (P,), in seconds; `weights` (P,) sum to 1 a window.
    """
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8, 4.6), layout="constrained", sharex=True, height_ratios=(2, 1)
    )
    seconds = 0.01 * len(logmel)
    image = top.imshow(
        logmel.T, origin="lower", aspect="auto", cmap="magma", extent=(0, seconds, 0.5, 26.5)
    )
    top.set(ylabel="mel bin", title=title)
    figure.colorbar(image, ax=top, label="log energy")
    bottom.bar(starts, weights, width=ends - starts, align="edge", color=DARK, edgecolor="white")
    bottom.set(xlabel="time (s)", ylabel="attention weight", xlim=(0, seconds), ylim=(0, None))
    return figure
