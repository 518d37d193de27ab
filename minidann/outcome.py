"""The end of a run: test the kept epoch, keep the model, draw the figures, say the result."""

import time
from pathlib import Path

import numpy as np

from minidann import metrics, plots, runs, training
from minidann.console import clock
from minidann.corpora import CLASSES
from minidann.preparation import Setup
from minidann.state import State, generator

SHOWN = 1000  # utterances of each language in features.png, at most


def finish(setup: Setup, state: State, out: Path, say, ops) -> dict:
    """Test the best epoch of `state` and fill the folder `out`; -> what `metrics.json` holds.

    `say` takes the lines for the person at the keyboard.
    """
    results = measure(setup, state, ops)
    about = {
        "dimension": setup.choices.dimension,
        "classes": CLASSES[setup.choices.dimension],
        "features": setup.choices.features,
        "model": setup.choices.model,
        "source": setup.corpora[0].title,
        "target": setup.corpora[1].title,
        "corpora": results["corpora"],
    }
    groups = {"params": state.best_params, "running": state.best_running}
    for role, domain in (("source", setup.source), ("target", setup.target)):
        groups[role] = {"mean": domain.features.mean, "std": domain.features.std}
    runs.write_arrays(out / "model.npz", groups, about)
    runs.write_json(out / "metrics.json", results)
    conclude(setup, results, say)
    began = time.perf_counter()
    draw(setup, state, results, out, ops)
    say(
        f"{results['protocol']}; trained {clock(results['seconds'])}, "
        f"drew {time.perf_counter() - began:.1f} s; {out}"
    )
    return results


def protocol(setup: Setup) -> str:
    """Which labels the choice of the epoch saw: it belongs beside every result."""
    if setup.choices.dev == "source":
        rows = len(setup.split.source_dev)
        return f"epoch chosen with {rows} held-out labels of the source, none of the target"
    rows, all_rows = len(setup.split.dev), len(setup.target.labels)
    return f"epoch chosen with the labels of {rows} target rows ({100 * rows / all_rows:.0f}%)"


def measure(setup: Setup, state: State, ops) -> dict:
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
            state.best_params, state.best_running, domain.features, rows, ops=ops
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
        "best_epoch": state.best_epoch,
        "protocol": protocol(setup),
        "corpora": setup.kinds,
        "left_out": setup.left_out,
        "seconds": sum(row["seconds"] for row in state.history),
    }


def draw(setup: Setup, state: State, results: dict, out: Path, ops) -> None:
    """curves.png (figure 3), features.png (figure 2) and confusion.png."""
    choices, split = setup.choices, setup.split
    place = " to ".join(dict.fromkeys(corpus.title for corpus in setup.corpora))
    beta = f", beta {choices.beta:g} {choices.beta_schedule}" if choices.model == "our" else ""
    title = (
        f"{place}{setup.demo}: {choices.dimension}\n"
        f"{choices.model}, {choices.bn}{beta}, seed {choices.seed}\n{results['protocol']}"
    )
    plots.save(plots.curves(state.history, state.best_epoch, title), out / "curves.png")
    matrix = plots.confusion(results["test"], CLASSES[choices.dimension], title)
    plots.save(matrix, out / "confusion.png")

    shown = [(setup.target, split.test, 1)]
    if not setup.mono:
        shown.insert(0, (setup.source, split.train, 0))
    count = min(SHOWN, *(len(rows) for _, rows, _ in shown))  # as many of each language
    rng = generator(choices.seed, "monitor", 1)
    features, languages, emotions = [], [], []
    for domain, rows, language in shown:
        rows = rng.permutation(rows)[:count]
        features += training.representations(
            state.best_params, state.best_running, domain.features, rows, ops=ops
        )
        languages.append(np.full(count, language))
        emotions.append(domain.labels[rows])
    figure = plots.features(
        np.concatenate(features),
        np.concatenate(languages),
        np.concatenate(emotions),
        [] if setup.mono else [f"{one.title}, {one.language}" for one in setup.corpora],
        [f"{name} {choices.dimension}" for name in CLASSES[choices.dimension]],
        title,
    )
    plots.save(figure, out / "features.png")


def conclude(setup: Setup, results: dict, say) -> None:
    """Say the test result: UAR, interval, confusion."""
    test, classes = results["test"], CLASSES[setup.choices.dimension]
    columns = np.sum(test["confusion"], axis=0)
    if not columns.all():
        interval = f"it says {classes[columns.argmax()]} of every row"
    elif test["ci95"]:
        low, high = (100 * end for end in test["ci95"])
        interval = f"95% interval over {test['speakers']} speakers: {low:.1f} to {high:.1f}"
    else:
        interval = "too few speakers for an interval"
    epoch = results["best_epoch"]
    left_out = ", ".join(f"{n} of the {role}" for role, n in results["left_out"].items() if n)
    if left_out:
        say(f"\nutterances or files left out as unusable: {left_out} (left_out.csv)")
    say(f"\ntest UAR{setup.demo} {100 * test['uar']:.1f} %  ({interval}), epoch {epoch}")
    width = max(len(name) for name in classes)
    say(f"{'':{width + 5}}" + "".join(f"  said {name:>{width}}" for name in classes))
    for name, counts in zip(classes, test["confusion"]):
        say(f"true {name:{width}}" + "".join(f"  {count:{width + 5}}" for count in counts))
