"""The figures hold what they should: lines, points, bars, labels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from minidann.run import plots
from minidann.run.evaluation import HISTORY


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def history(epochs, domain=True):
    rng = np.random.default_rng(0)
    rows = [dict.fromkeys(HISTORY, 0.5) | {"epoch": float(i + 1)} for i in range(epochs)]
    for row in rows:
        row["target_dev_uar"] = rng.uniform(0.5, 0.7)
        if not domain:
            row["domain_uar"] = row["dev_domain_loss"] = float("nan")
    return rows


@pytest.mark.parametrize("epochs", [1, 50])
@pytest.mark.parametrize("domain", [True, False])
def test_curves(epochs, domain):
    rows = history(epochs, domain)
    figure = plots.curves(rows, 1, "title")
    left = figure.axes[0]
    lines = {line.get_label(): line for line in left.get_lines()}
    dev = lines["emotion UAR, development"]
    np.testing.assert_allclose(dev.get_xdata(), np.arange(1, epochs + 1))
    np.testing.assert_allclose(dev.get_ydata(), [100 * row["target_dev_uar"] for row in rows])
    assert ("domain UAR, development" in lines) == domain
    assert figure.axes[1].get_visible() == domain
    assert left.get_xlim()[0] <= 1 <= epochs <= left.get_xlim()[1]
    assert left.get_ylim() == (0, 102)
    assert all(tick == int(tick) for tick in left.get_xticks())


def test_features_shows_every_point_of_both_groups():
    rng = np.random.default_rng(0)
    f = rng.standard_normal((40, 12))
    domains, emotions = np.repeat([0, 1], 20), np.tile([0, 1], 20)
    points, share = plots.principal_components(f)
    picture = {"points": points, "domains": domains, "emotions": emotions}
    model = ("title", picture, share)
    figure = plots.features([model], ["a", "b"], ["low", "high"])
    for axis, group in zip(figure.axes, (domains, emotions)):
        drawn = [collection.get_offsets() for collection in axis.collections]
        for value in (0, 1):
            np.testing.assert_allclose(drawn[value], points[group == value])
    assert f"{100 * share[0]:.0f}%" in figure.axes[0].get_xlabel()
    assert len(plots.features([model, model], ["a", "b"], ["low", "high"]).axes) == 4


def test_features_without_spread_are_drawn_all_the_same():
    half = np.arange(20) % 2
    points, share = plots.principal_components(np.ones((20, 30)))
    assert points.shape == (20, 2) and not share.any() and not points.any()
    picture = {"points": points, "domains": half, "emotions": half}
    plots.features([("title", picture, share)], ["a", "b"], ["low", "high"])


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    figure = plots.curves(history(3), 1, r"a$\foo$b")
    plots.save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_confusion_prints_counts_and_recalls():
    test = {"confusion": [[30, 10], [5, 15]], "uar": 0.75, "ci95": None, "n": 60, "speakers": 1}
    figure = plots.confusion(test, ("low", "high"), "title")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["30\n75.0%", "10\n25.0%", "5\n25.0%", "15\n75.0%"]
    assert "test UAR 75.0%" in figure.get_suptitle()
