"""The end of a run: select epochs, test them, keep the model, draw, report the result."""

import functools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from minidann import model, training
from minidann.choices import SELECTION
from minidann.console import clock
from minidann.corpora import CLASSES
from minidann.measure import adabn, distance, intervals, metrics
from minidann.run import evaluation, folder, plots, store
from minidann.run.setup import Setup
from minidann.training import Arrays, Domain, State

SHOWN = 1000  # features.png shows at most this many utterances of each domain,
COMPARED = 500  # and the proxy A-distance compares at most this many of them
SPEAKERS = (  # the columns of speakers.csv
    "selected_by", "epoch", "statistics", "speaker",
    "true_0_pred_0", "true_0_pred_1", "true_1_pred_0", "true_1_pred_1",
)  # fmt: skip
# (criterion, statistics): the epoch, and the probabilities (n, 2) of all utterances of the target
Tested = dict[tuple[str, str], tuple[int, np.ndarray]]


def finish(setup: Setup, state: State, out: Path, say: Callable[[str], None]) -> dict:
    """Select and test epochs, and write all files of a finished run; return its metrics.json."""
    arrays_of = functools.partial(folder.epoch_arrays, out, state)
    tested = test(setup, state.history, arrays_of)
    epoch, probabilities = tested[setup.choices.select_by, "own"]
    params, running = arrays_of(epoch)
    results = measure(setup, state.history, tested, params, running)
    about = {
        "dimension": setup.choices.dimension,
        "classes": CLASSES[setup.choices.dimension],
        "features": setup.choices.features,
        "model": setup.choices.model,
        "source": setup.corpora[0].title,
        "target": setup.corpora[1].title,
        "corpora": results["corpora"],
    }
    groups = {"params": params, "running": running}
    for role, domain in (("source", setup.source), ("target", setup.target)):
        groups[role] = {"mean": domain.features.mean, "std": domain.features.std}
    began = time.perf_counter()
    picture, shares, results["distance"] = project(setup, params, running)
    store.write_arrays(out / "model.npz", groups, about)
    store.write(out / "speakers.csv", speakers_csv(setup, tested).encode())
    text = predictions_csv(setup, probabilities).encode(errors="backslashreplace")
    store.write(out / "predictions.csv", text)
    store.write_arrays(out / "features.npz", {"features": picture}, {"shares": shares})
    report_result(setup, results, say)
    draw(setup, state.history, results, picture, shares, out)
    folder.finish(out, results)  # the last file: where it is, all of them are
    say(
        f"{results['protocol']}; trained {clock(results['seconds'])}, "
        f"drew {time.perf_counter() - began:.1f} s; {out}"
    )
    return results


def best_epoch(history: list[dict], column: str) -> int:
    """The epoch, counted from 1, with the largest value in a column; the first of several."""
    return 1 + int(np.argmax([row[column] for row in history]))


def test(
    setup: Setup, history: list[dict], arrays_of: Callable[[int], tuple[Arrays, Arrays]]
) -> Tested:
    """Let each selection criterion pick its epoch, and predict the target with it.

    `arrays_of(epoch)` gives parameters and running statistics. The results named "own" use the
    run's running statistics. For `base`, those named "adabn" use the target's, and their epochs
    are selected by the AdaBN columns.
    """
    features, tested = setup.target.features, {}
    rows = np.arange(len(features))

    @functools.cache  # criteria often agree
    def own(epoch: int) -> np.ndarray:
        params, running = arrays_of(epoch)
        encoded = evaluation.encode(params, features, rows)
        return evaluation.predict(params, running, encoded)

    @functools.cache
    def adapted(epoch: int) -> np.ndarray:
        params, _ = arrays_of(epoch)
        return adabn.predict(params, np.concatenate(evaluation.encode(params, features, rows)))

    criteria = ["target"] if setup.mono else [*SELECTION]
    for name in criteria if setup.labelled else criteria[1:]:  # the first one is "target"
        epoch = best_epoch(history, SELECTION[name].column)
        tested[name, "own"] = epoch, own(epoch)
        if evaluation.has_adabn(setup.choices):
            epoch = best_epoch(history, SELECTION[name].adabn_column)
            tested[name, "adabn"] = epoch, adapted(epoch)
    return tested


def speakers_csv(setup: Setup, tested: Tested) -> str:
    """Each speaker's confusion on the test set, for every criterion: what tables are made of."""
    test, rows = setup.split.test, [SPEAKERS]
    if setup.labelled:
        labels, speakers = setup.target.labels[test], setup.target.speakers[test]
        for (criterion, statistics), (epoch, probabilities) in tested.items():
            predicted = probabilities[test].argmax(axis=1)  # (n,)
            for name, counts in metrics.by_speaker(labels, predicted, speakers).items():
                rows.append((criterion, epoch, statistics, name, *counts.ravel()))
    return store.csv_text(rows)


def predictions_csv(setup: Setup, probabilities: np.ndarray) -> str:
    """A row an utterance of the target: its probabilities, from (n, 2), and the larger one's class.

    Its part of the split is told as well, because only the test set was not looked at before.
    """
    corpus, split, classes = setup.corpora[1], setup.split, CLASSES[setup.choices.dimension]
    part = np.full(len(probabilities), "train")  # only mono has more than these two parts
    part[split.dev], part[split.test] = "dev", "test"
    rows = [("path", "start", "end", "speaker", "part", *classes, "predicted", "remarks")]
    for i, utterance in enumerate(corpus.utterances):
        times = ["" if time is None else f"{time:g}" for time in (utterance.start, utterance.end)]
        numbers = [f"{p:.4f}" for p in probabilities[i]]
        predicted = classes[probabilities[i].argmax()]
        where = corpus.file(i), *times, utterance.speaker, part[i]
        rows.append((*where, *numbers, predicted, corpus.remarks[i]))
    return store.csv_text(rows)


def measure(
    setup: Setup, history: list[dict], tested: Tested, params: Arrays, running: Arrays
) -> dict:
    """UAR, confusion, count and interval of the selected epoch, and the UAR of the others."""
    test = setup.split.test
    uar = functools.partial(evaluation.uar, setup.target, test)
    epoch, predicted = tested[setup.choices.select_by, "own"]
    results = {"test": evaluate(setup.target, test, predicted[test])}
    parts = {"dev": setup.watched, "source": (setup.source, setup.split.train)}
    for part, (domain, rows) in parts.items():
        encoded = evaluation.encode(params, domain.features, rows)
        probabilities = evaluation.predict(params, running, encoded)
        results[part] = evaluate(domain, rows, probabilities)
    return results | {
        "best_epoch": epoch,
        "protocol": protocol(setup),
        "selected_by": {
            f"{name}{' with adabn' * (statistics == 'adabn')}": {
                "epoch": at,
                "test_uar": uar(predicted[test]) if setup.labelled else None,
            }
            for (name, statistics), (at, predicted) in tested.items()
        },
        "corpora": setup.kinds,
        "left_out": setup.left_out,
        "seconds": sum(row["seconds"] for row in history),
    }


def protocol(setup: Setup) -> str:
    """Which labels the selection of the epoch saw: it belongs beside every result."""
    by = SELECTION[setup.choices.select_by].by
    return f"epoch selected by {by}, {len(setup.watched[1])} utterances"


def selected_in_words(name: str) -> str:
    """What selected an epoch, from its name in the `selected_by` of `metrics.json`."""
    criterion, _, adapted = name.partition(" with ")
    return SELECTION[criterion].by + ", and AdaBN" * bool(adapted)


def evaluate(domain: Domain, rows: np.ndarray, probabilities: np.ndarray) -> dict | None:
    """UAR, confusion, count and interval of probabilities (n, 2) of the utterances `rows` (n,).

    None where the domain has no labels.
    """
    labels = domain.labels[rows]
    if (labels < 0).any():
        return None
    counts = metrics.by_speaker(labels, probabilities.argmax(axis=1), domain.speakers[rows])
    confusion = sum(counts.values())  # (2, 2)
    cell = intervals.Cell("these", {0: counts})
    return {
        "uar": float(metrics.uars(confusion)),
        "confusion": confusion.tolist(),
        "n": len(rows),
        "speakers": len(counts),
        "ci95": intervals.estimate([(1.0, cell)]).interval,
    }


def project(setup: Setup, params: Arrays, running: Arrays) -> tuple[dict, list[float], dict | None]:
    """The encoder's output in two dimensions, and how far apart the domains are.

    -> {"points" (N, 2) float32, "domains", "emotions" (N,) int64}; the shares of the variance of
    both dimensions; the proxy A-distance {"before", "after"} of the encoder, which mono, with its
    one domain, does not have. As many utterances of each domain, at most SHOWN.
    """
    choices, split = setup.choices, setup.split
    shown = [(setup.source, split.train), (setup.target, split.test)][setup.mono :]
    count = min(SHOWN, *(len(rows) for _, rows in shown))
    rng = training.generator(choices.seed, "monitor", 1)
    shown = [(domain, rng.permutation(rows)[:count]) for domain, rows in shown]
    outputs = []  # (count, 1800) each
    for domain, rows in shown:
        encoded = evaluation.encode(params, domain.features, rows)
        outputs.append(np.concatenate([model.normalise(params, running, h) for h in encoded]))
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
        folds = training.generator(choices.seed, "monitor", 2)  # the same for both
        apart[when] = distance.proxy_a_distance(*pair, *speakers, folds)
    return picture, shares.tolist(), apart


def draw(
    setup: Setup, history: list[dict], results: dict, picture: dict, shares: list[float], out: Path
) -> None:
    """curves.png (figure 3), features.png (figure 2) and confusion.png."""
    choices = setup.choices
    place = " to ".join(dict.fromkeys(corpus.title for corpus in setup.corpora))
    beta = f", beta {choices.beta:g} {choices.beta_schedule}" if choices.model == "our" else ""
    title = (
        f"{place}{setup.demo}: {choices.dimension}\n"
        f"{choices.model}, {choices.bn}{beta}, seed {choices.seed}\n{results['protocol']}"
    )
    plots.save(plots.curves(history, results["best_epoch"], title), out / "curves.png")
    if setup.labelled:
        matrix = plots.confusion(results["test"], CLASSES[choices.dimension], title)
        plots.save(matrix, out / "confusion.png")
    else:
        title += "; the target has no labels"
    domains = [f"{corpus.title}, {corpus.language}" for corpus in setup.corpora]
    emotions = [f"{name} {choices.dimension}" for name in CLASSES[choices.dimension]]
    figure = plots.features([(title, picture, shares)], [] if setup.mono else domains, emotions)
    plots.save(figure, out / "features.png")


def report_result(setup: Setup, results: dict, say: Callable[[str], None]) -> None:
    """Print the test result: UAR, interval, confusion, and what the other criteria select."""
    test, classes = results["test"], CLASSES[setup.choices.dimension]
    left_out = ", ".join(f"{n} of the {role}" for role, n in results["left_out"].items() if n)
    if left_out:
        say(f"\nutterances or files left out as unusable: {left_out} (left_out.csv)")
    epoch = results["best_epoch"]
    if test is None:
        say(
            f"\nno test UAR{setup.demo}, because the target has no labels; predictions.csv has "
            f"what epoch {epoch} predicts for each of its utterances"
        )
        return
    columns = np.sum(test["confusion"], axis=0)
    if not columns.all():
        interval = f"it predicts {classes[columns.argmax()]} for every utterance"
    elif test["ci95"]:
        low, high = (100 * end for end in test["ci95"])
        interval = f"95% interval over {test['speakers']} speakers: {low:.1f} to {high:.1f}"
    else:
        interval = "no interval: too few speakers, or no difference among them"
    say(f"\ntest UAR{setup.demo} {100 * test['uar']:.1f} %  ({interval}), epoch {epoch}")
    width = max(len(name) for name in classes)
    say(f"{'':{width + 5}}" + "".join(f"  predicted {name:>{width}}" for name in classes))
    for name, counts in zip(classes, test["confusion"]):
        say(f"true {name:{width}}" + "".join(f"  {count:{width + 10}}" for count in counts))
    for name, selected in results["selected_by"].items():
        if name != setup.choices.select_by:
            by = selected_in_words(name)
            uar = f"{100 * selected['test_uar']:.1f} %{setup.demo}"
            say(f"epoch {selected['epoch']}, selected by {by}: {uar}")
