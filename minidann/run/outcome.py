"""The end of a run: test the kept epochs, keep the model, draw the figures, say the result."""

import time
from pathlib import Path

import numpy as np

from minidann import training
from minidann.console import clock
from minidann.corpora import CLASSES
from minidann.measure import adabn, distance, intervals, metrics
from minidann.run import plots, store
from minidann.run.setup import Setup
from minidann.state import Domain, State, generator

SHOWN = 1000  # utterances of each language in features.png, at most
COMPARED = 500  # of them in the proxy A-distance
SELECTED_BY = {
    "target": "labels of the target",
    "source": "labels of the source validation set",
    "information": "information maximisation on the target",
}
SPEAKERS = (  # the columns of speakers.csv
    "selected_by", "epoch", "statistics", "speaker",
    "true_0_pred_0", "true_0_pred_1", "true_1_pred_0", "true_1_pred_1",
)  # fmt: skip


def finish(setup: Setup, state: State, out: Path, say, ops) -> dict:
    """Test the best epochs of `state` and fill the folder `out`; -> what `metrics.json` holds.

    `say` takes the lines for the person at the keyboard.
    """
    tested = test(setup, state, ops)
    results = measure(setup, state, tested, ops)
    about = {
        "dimension": setup.choices.dimension,
        "classes": CLASSES[setup.choices.dimension],
        "features": setup.choices.features,
        "model": setup.choices.model,
        "source": setup.corpora[0].title,
        "target": setup.corpora[1].title,
        "corpora": results["corpora"],
    }
    params, running = state.kept[setup.choices.select_by]
    groups = {"params": params, "running": running}
    for role, domain in (("source", setup.source), ("target", setup.target)):
        groups[role] = {"mean": domain.features.mean, "std": domain.features.std}
    began = time.perf_counter()
    picture, shares, results["distance"] = look(setup, state, ops)
    store.write_arrays(out / "model.npz", groups, about)
    store.write(out / "speakers.csv", speakers_csv(setup, tested).encode())
    store.write_arrays(out / "features.npz", {"features": picture}, {"shares": shares})
    conclude(setup, results, say)
    draw(setup, state, results, picture, shares, out)
    store.write_json(out / "metrics.json", results)  # the last: where it is, all is there
    say(
        f"{results['protocol']}; trained {clock(results['seconds'])}, "
        f"drew {time.perf_counter() - began:.1f} s; {out}"
    )
    return results


def protocol(setup: Setup) -> str:
    """Which labels the choice of the epoch saw: it belongs beside every result."""
    split, dev = setup.split, len(setup.split.dev)
    share = 100 * dev / len(setup.target.labels)
    return {
        "target": f"epoch chosen with the labels of {dev} target rows ({share:.0f}%)",
        "source": f"epoch chosen with {len(split.source_val)} labels of the source validation "
        "set, none of the target",
        "information": f"epoch chosen by information maximisation on {dev} target rows, "
        "none of their labels",
    }[setup.choices.select_by]


def test(setup: Setup, state: State, ops) -> dict[tuple[str, int, str], np.ndarray]:
    """What is said of the test rows: {(criterion, epoch, whose statistics): (N,) of 0 and 1}.

    The statistics of batch norm are the run's "own"; for `base`, there are those of the target
    beside them, "adabn", at epochs of their own.
    """
    features, rows = setup.target.features, setup.split.test
    every = np.arange(len(features))
    said = {}
    for kept, (params, running) in state.kept.items():
        criterion, _, adapted = kept.partition(" ")
        epoch = state.best_epoch(kept)
        if not adapted:
            own = training.probabilities(params, running, features, rows, ops=ops)["emotion"]
            said[criterion, epoch, "own"] = own.argmax(axis=1)
        if adapted or criterion == "source" and "target adabn" in state.kept:
            some = training.representations(params, {}, features, every, ops=ops)
            answers = adabn.predict(params, np.concatenate(list(some)), ops=ops)  # (n, 2)
            said[criterion, epoch, "adabn"] = answers[rows].argmax(axis=1)
    return said


def speakers_csv(setup: Setup, tested: dict) -> str:
    """Each speaker's confusion on the test rows, by criterion: all that a table is made of."""
    labels, speakers = (a[setup.split.test] for a in (setup.target.labels, setup.target.speakers))
    rows = [
        (criterion, epoch, whose, name, *counts.ravel())
        for (criterion, epoch, whose), said in tested.items()
        for name, counts in metrics.by_speaker(labels, said, speakers).items()
    ]
    return store.csv_text([SPEAKERS, *rows])


def measure(setup: Setup, state: State, tested: dict, ops) -> dict:
    """UAR, confusion, count and interval of test, development and source rows."""
    criterion, split = setup.choices.select_by, setup.split
    epoch = state.best_epoch(criterion)
    parts = {"dev": (setup.target, split.dev), "source": (setup.source, split.train)}
    if criterion == "source":
        parts["dev"] = setup.source, split.source_val
    results = {"test": judge(setup.target, split.test, tested[criterion, epoch, "own"])}
    for part, (domain, rows) in parts.items():
        said = training.probabilities(*state.kept[criterion], domain.features, rows, ops=ops)
        results[part] = judge(domain, rows, said["emotion"].argmax(axis=1))
    labels = setup.target.labels[split.test]
    return results | {
        "best_epoch": epoch,
        "protocol": protocol(setup),
        "selected_by": {
            f"{one}{' with adabn' * (whose == 'adabn')}": {
                "epoch": at,
                "test_uar": metrics.uar(labels, said),
            }
            for (one, at, whose), said in tested.items()
        },
        "corpora": setup.kinds,
        "left_out": setup.left_out,
        "seconds": sum(row["seconds"] for row in state.history),
    }


def judge(domain: Domain, rows: np.ndarray, said: np.ndarray) -> dict:
    """UAR, confusion, count and interval of what was `said` (N,) of `rows` (N,)."""
    labels = domain.labels[rows]
    counts = metrics.by_speaker(labels, said, domain.speakers[rows])
    cell = intervals.Cell("these", {0: counts})
    return {
        "uar": metrics.uar(labels, said),
        "confusion": metrics.confusion(labels, said).tolist(),
        "n": len(rows),
        "speakers": len(counts),
        "ci95": intervals.estimate([(1.0, cell)]).interval,
    }


def look(setup: Setup, state: State, ops) -> tuple[dict, list[float], dict | None]:
    """The encoder's output in two dimensions, and how far the languages are apart.

    -> {"points" (N, 2) float32, "languages", "emotions" (N,) int64}; the shares of the variance
    of both dimensions; the proxy A-distance {"before", "after"} of the encoder, which mono, with
    its one language, has not. Of each language as many rows, at most SHOWN.
    """
    choices, split = setup.choices, setup.split
    shown = [(setup.target, split.test)]
    if not setup.mono:
        shown.insert(0, (setup.source, split.train))
    count = min(SHOWN, *(len(rows) for _, rows in shown))
    rng = generator(choices.seed, "monitor", 1)
    shown = [(domain, rng.permutation(rows)[:count]) for domain, rows in shown]
    outputs = [
        np.concatenate(
            list(
                training.representations(
                    *state.kept[choices.select_by], one.features, rows, ops=ops
                )
            )
        )
        for one, rows in shown
    ]  # (count, 1800) each
    points, shares = plots.principal_components(np.concatenate(outputs))  # (N, 2), (2,)
    picture = {
        "points": points.astype(np.float32),
        "domains": np.repeat(np.arange(2)[-len(shown) :], count),
        "emotions": np.concatenate([domain.labels[rows] for domain, rows in shown]),
    }
    if setup.mono:
        return picture, shares.tolist(), None
    shown = [(domain, rows[:COMPARED]) for domain, rows in shown]
    speakers = [domain.speakers[rows] for domain, rows in shown]
    sound = [distance.statistics(domain.features, rows) for domain, rows in shown]
    apart = {}
    for when, pair in (("before", sound), ("after", [f[:COMPARED] for f in outputs])):
        folds = generator(choices.seed, "monitor", 2)  # the same for both
        apart[when] = distance.proxy_a_distance(*pair, *speakers, folds)
    return picture, shares.tolist(), apart


def draw(
    setup: Setup, state: State, results: dict, picture: dict, shares: list[float], out: Path
) -> None:
    """curves.png (figure 3), features.png (figure 2) and confusion.png."""
    choices = setup.choices
    place = " to ".join(dict.fromkeys(corpus.title for corpus in setup.corpora))
    beta = f", beta {choices.beta:g} {choices.beta_schedule}" if choices.model == "our" else ""
    title = (
        f"{place}{setup.demo}: {choices.dimension}\n"
        f"{choices.model}, {choices.bn}{beta}, seed {choices.seed}\n{results['protocol']}"
    )
    plots.save(plots.curves(state.history, results["best_epoch"], title), out / "curves.png")
    matrix = plots.confusion(results["test"], CLASSES[choices.dimension], title)
    plots.save(matrix, out / "confusion.png")
    domains = [] if setup.mono else [f"{one.title}, {one.language}" for one in setup.corpora]
    emotions = [f"{name} {choices.dimension}" for name in CLASSES[choices.dimension]]
    figure = plots.features([(title, picture, shares)], domains, emotions)
    plots.save(figure, out / "features.png")


def conclude(setup: Setup, results: dict, say) -> None:
    """Say the test result: UAR, interval, confusion."""
    test, classes = results["test"], CLASSES[setup.choices.dimension]
    columns = np.sum(test["confusion"], axis=0)
    if not columns.all():
        interval = f"it predicts {classes[columns.argmax()]} for every utterance"
    elif test["ci95"]:
        low, high = (100 * end for end in test["ci95"])
        interval = f"95% interval over {test['speakers']} speakers: {low:.1f} to {high:.1f}"
    else:
        interval = "no interval: too few speakers, or no difference among them"
    epoch = results["best_epoch"]
    left_out = ", ".join(f"{n} of the {role}" for role, n in results["left_out"].items() if n)
    if left_out:
        say(f"\nutterances or files left out as unusable: {left_out} (left_out.csv)")
    say(f"\ntest UAR{setup.demo} {100 * test['uar']:.1f} %  ({interval}), epoch {epoch}")
    width = max(len(name) for name in classes)
    say(f"{'':{width + 5}}" + "".join(f"  predicted {name:>{width}}" for name in classes))
    for name, counts in zip(classes, test["confusion"]):
        say(f"true {name:{width}}" + "".join(f"  {count:{width + 10}}" for count in counts))
    for name, one in results["selected_by"].items():
        criterion, _, adabn = name.partition(" with ")
        if name != setup.choices.select_by:
            by = SELECTED_BY[criterion] + ", and AdaBN" * bool(adabn)
            say(f"epoch {one['epoch']}, by {by}: {100 * one['test_uar']:.1f} %{setup.demo}")
