"""The end of a run: test the kept epoch, keep the model, draw the figures, say the result."""

import time
from pathlib import Path

import numpy as np

from minidann import metrics, model, plots, runs, training
from minidann.console import clock
from minidann.corpora import CLASSES
from minidann.state import Choices, State, generator

SHOWN = 1000  # utterances of each language in features.png, at most


def finish(setup, progress: State, out: Path, say, ops) -> dict:
    """Test the best epoch of `progress` and fill the folder `out`; -> what `metrics.json` holds.

    `setup` is an `experiment.Setup`; `say` takes the lines for the person at the keyboard.
    """
    results = measure(setup, progress, ops)
    about = {
        "dimension": setup.choices.dimension,
        "classes": CLASSES[setup.choices.dimension],
        "features": setup.choices.features,
        "model": setup.choices.model,
        "source": setup.trained_on.title,
        "target": setup.corpora[1].title,
        "corpora": results["corpora"],
    }
    groups = {"params": progress.best_params, "running": progress.best_running}
    for role, domain in (("source", setup.source), ("target", setup.target)):
        groups[role] = {"mean": domain.features.mean, "std": domain.features.std}
    runs.write_arrays(out / "model.npz", groups, about)
    runs.write_json(out / "metrics.json", results)
    began = time.perf_counter()
    draw(setup, progress, results, out, ops)
    conclude(setup, results, say)
    say(
        f"{results['protocol']}; trained {clock(results['seconds'])}, "
        f"drew {time.perf_counter() - began:.1f} s; {out}"
    )
    return results


def protocol(choices: Choices) -> str:
    """Which labels the choice of the epoch saw: it belongs beside every result."""
    if choices.model == "mono":
        return "the epoch was chosen with the target's labels, as all of mono is"
    if choices.dev == "source":
        return "the epoch was chosen with source labels only: no label of the target was seen"
    return "the epoch was chosen with labels of 30% of the target, as in the paper"


def measure(setup, progress: State, ops) -> dict:
    """UAR, confusion, count and interval of test, development and source rows."""
    split = setup.split
    parts = {
        "test": (setup.target, split.test),
        "dev": (setup.target, split.dev),
        "source": (setup.source, split.train),
    }
    if setup.choices.dev == "source":
        parts["dev"] = setup.source, split.source_dev
    results = {}
    for part, (domain, rows) in parts.items():
        said = training.probabilities(
            progress.best_params, progress.best_running, domain.features, rows, ops=ops
        )
        labels, predictions = domain.labels[rows], said["emotion"].argmax(axis=1)
        results[part] = {
            "uar": metrics.uar(labels, predictions),
            "confusion": metrics.confusion(labels, predictions).tolist(),
            "n": len(rows),
            "speakers": len(set(domain.speakers[rows])),
            "ci95": metrics.speaker_interval(labels, predictions, domain.speakers[rows]),
        }
    return results | {
        "best_epoch": progress.best_epoch,
        "protocol": protocol(setup.choices),
        "corpora": " and ".join(sorted({corpus.kind for corpus in setup.corpora})),
        "seconds": sum(row["seconds"] for row in progress.history),
    }


def draw(setup, progress: State, results: dict, out: Path, ops) -> None:
    """curves.png (figure 3), features.png (figure 2) and confusion.png."""
    choices, split = setup.choices, setup.split
    titles = [corpus.title for corpus in setup.corpora]
    place = titles[1] if choices.model == "mono" else " to ".join(titles)
    demo = " (synthetic demo)" if "synthetic demo" in results["corpora"] else ""
    title = f"{place}, {choices.dimension}, {choices.model}{demo}"
    plots.save(plots.curves(progress.history, progress.best_epoch, title), out / "curves.png")
    matrix = plots.confusion(results["test"], CLASSES[choices.dimension], title)
    plots.save(matrix, out / "confusion.png")

    shown = [(setup.target, split.test, 1)]
    if choices.model != "mono":
        shown.insert(0, (setup.source, split.train, 0))
    count = min(SHOWN, *(len(rows) for _, rows, _ in shown))  # as many of each language
    rng = generator(choices.seed, "monitor", 1)
    features, languages, emotions = [], [], []
    for domain, rows, language in shown:
        rows = rng.permutation(rows)[:count]
        for i in range(0, count, training.INFERENCE_ROWS):
            x = domain.features.batch(rows[i : i + training.INFERENCE_ROWS])
            f = model.represent(progress.best_params, progress.best_running, x, ops=ops)
            features.append(f)
        languages.append(np.full(count, language))
        emotions.append(domain.labels[rows])
    figure = plots.features(
        np.concatenate(features),
        np.concatenate(languages),
        np.concatenate(emotions),
        [f"{corpus.title}, {corpus.language}" for corpus in setup.corpora],
        [f"{name} {choices.dimension}" for name in CLASSES[choices.dimension]],
        title,
    )
    plots.save(figure, out / "features.png")


def conclude(setup, results: dict, say) -> None:
    """Say the test result: UAR, interval, confusion."""
    test, classes = results["test"], CLASSES[setup.choices.dimension]
    interval = "too few speakers for an interval"
    if test["ci95"]:
        low, high = (100 * end for end in test["ci95"])
        interval = f"95% interval over {test['speakers']} speakers: {low:.1f} to {high:.1f}"
    demo = " on the synthetic demo" if "synthetic demo" in results["corpora"] else ""
    epoch = results["best_epoch"] + 1
    say(f"\ntest UAR{demo} {100 * test['uar']:.1f} %  ({interval}), epoch {epoch}")
    width = max(len(name) for name in classes)
    say(f"{'':{width + 5}}" + "".join(f"  said {name:>{width}}" for name in classes))
    for name, counts in zip(classes, test["confusion"]):
        say(f"true {name:{width}}" + "".join(f"  {count:{width + 5}}" for count in counts))
