"""The end of a run: select epochs, test them, keep the model, draw, report the result."""

import functools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidann import model, training
from minidann.choices import SELECTION, flags_of
from minidann.console import clock, say
from minidann.corpora import CLASSES
from minidann.measure import adabn, distance, intervals, metrics
from minidann.run import evaluation, folder, plots, store
from minidann.run.setup import Setup
from minidann.training import Arrays, State

SHOWN = 500  # utterances of each domain at most, in features.png and for the proxy A-distance
SPEAKERS = (  # the columns of speakers.csv
    "selected_by", "epoch", "statistics", "threshold", "speaker",
    "true_0_pred_0", "true_0_pred_1", "true_1_pred_0", "true_1_pred_1",
)  # fmt: skip


class Tested(NamedTuple):
    """An epoch that a criterion selected, and how it does on the target."""

    epoch: int
    probabilities: np.ndarray  # (n, 2) of all utterances of the target
    counts: metrics.Counts  # each speaker's confusion on the test set; {} without labels
    matched: metrics.Counts  # the same where the predicted share is that of the source's labels
    auc: float | None  # on the test set


def finish(setup: Setup, state: State, out: Path) -> None:
    """Select and test epochs, report the result, and write all files of a finished run."""
    choices, arrays_of = setup.choices, functools.partial(folder.epoch_arrays, out, state)
    tested = test(setup, state.history, arrays_of)
    selected = tested[choices.select_by, "own"]
    params, running = arrays_of(selected.epoch)
    groups = {"params": params, "running": running}
    if choices.normalise == "corpus":  # else a recording is normalised by those given with it
        for role, domain in (("source", setup.source), ("target", setup.target)):
            groups[role] = {"mean": domain.features.mean[0], "std": domain.features.std[0]}
    about = {"choices": asdict(choices), "corpora": setup.kinds}
    store.write_arrays(out / "model.npz", groups, about)
    picture, shares, apart = project(setup, params, running)
    store.write_arrays(out / "features.npz", {"features": picture}, {"shares": shares})
    by_speaker, selected_by = [SPEAKERS], {}
    for (criterion, statistics), one in tested.items():
        for threshold, counts in (("half", one.counts), ("share", one.matched)):
            which = criterion, one.epoch, statistics, threshold
            by_speaker += [(*which, name, *counts[name].ravel()) for name in counts]
        selected_by[selected_name(criterion, statistics)] = {
            "epoch": one.epoch, "test_uar": uar_of(one.counts), "auc": one.auc,
            "share_matched_uar": uar_of(one.matched),
        }  # fmt: skip
    store.write_csv(out / "speakers.csv", by_speaker)
    store.write_csv(out / "predictions.csv", predictions(setup, selected.probabilities))
    by = SELECTION[choices.select_by].by
    results = {
        "test": evaluate(selected.counts),
        "best_epoch": selected.epoch,
        "protocol": f"epoch selected by {by}, {len(setup.watched)} utterances",
        "selected_by": selected_by,
        "corpora": setup.kinds,
        "left_out": setup.left_out,
        "seconds": sum(row["seconds"] for row in state.history),
        "distance": apart,
    }
    report_result(setup, results)
    draw(setup, state.history, results, picture, shares, out)
    store.write_json(out / "metrics.json", results)  # the last file: where it is, all of them are
    say(f"{results['protocol']}; trained {clock(results['seconds'])}; {out}")


def uar_of(counts: metrics.Counts) -> float | None:
    """UAR of all speakers together; None without labels."""
    return float(metrics.uars(sum(counts.values()))) if counts else None


def best_epoch(history: list[dict], column: str) -> int:
    """The epoch, counted from 1, with the largest value in a column; the first of several."""
    return 1 + int(np.argmax([row[column] for row in history]))


def test(
    setup: Setup, history: list[dict], arrays_of: Callable[[int], tuple[Arrays, Arrays]]
) -> dict[tuple[str, str], Tested]:
    """Let each selection criterion pick its epoch, and predict the target with it.

    `arrays_of(epoch)` gives parameters and running statistics. The keys are (criterion, "own"),
    with the run's running statistics, and for `base` (criterion, "adabn") with the target's, where
    the AdaBN columns select the epoch.
    """
    rows, target = setup.split.test, setup.target
    share = float(setup.source.labels[setup.split.train].mean())  # of class 1, in training

    @functools.cache  # criteria often agree
    def tested_in(epoch: int, statistics: str) -> Tested:
        params, running = arrays_of(epoch)
        h = evaluation.encode(params, target.features, np.arange(len(target.features)))
        running = adabn.statistics(h) if statistics == "adabn" else running
        probabilities = evaluation.predict(params, running, h)
        if not setup.labelled:
            return Tested(epoch, probabilities, {}, {}, None)
        threshold = metrics.share_threshold(probabilities[:, 1], share)  # of all utterances
        labels, scores = target.labels[rows], probabilities[rows, 1]
        counts, matched = (
            metrics.by_speaker(labels, predicted, target.speakers[rows])
            for predicted in (probabilities[rows].argmax(axis=1), (scores >= threshold).astype(int))
        )
        return Tested(epoch, probabilities, counts, matched, metrics.auc(labels, scores))

    ways = ("own", "adabn") if evaluation.has_adabn(setup.choices) else ("own",)
    return {
        (name, statistics): tested_in(best_epoch(history, column), statistics)
        for name, criterion in SELECTION.items()
        for statistics, column in zip(ways, (criterion.column, criterion.adabn_column))
        if not np.isnan(history[0][column])  # it may need labels or a source that this run lacks
    }


def predictions(setup: Setup, probabilities: np.ndarray) -> list[tuple]:
    """A row an utterance of the target: its part of the split, its probabilities, from (n, 2)."""
    corpus, split, classes = setup.corpora[1], setup.split, CLASSES[setup.choices.dimension]
    part = np.full(len(probabilities), "train")  # only mono has more than these two parts
    part[split.dev], part[split.test] = "dev", "test"
    rows = [("path", "start", "end", "speaker", "part", *classes, "predicted", "remarks")]
    for i, (utterance, p) in enumerate(zip(corpus.utterances, probabilities)):
        times = ["" if time is None else f"{time:g}" for time in (utterance.start, utterance.end)]
        numbers, predicted = [f"{share:.4f}" for share in p], classes[p.argmax()]
        where = corpus.file(i), *times, utterance.speaker, part[i]
        rows.append((*where, *numbers, predicted, corpus.remarks[i]))
    return rows


def selected_name(criterion: str, statistics: str) -> str:
    """The name of a selected epoch in the `selected_by` of `metrics.json`."""
    return criterion + " with adabn" * (statistics == "adabn")


def selected_in_words(name: str) -> str:
    """What selected an epoch, from its name in the `selected_by` of `metrics.json`."""
    criterion, _, adapted = name.partition(" with ")
    return SELECTION[criterion].by + ", and AdaBN" * bool(adapted)


def evaluate(counts: metrics.Counts) -> dict | None:
    """UAR, confusion, count and interval of each speaker's confusion; None without labels."""
    if not counts:
        return None
    confusion = sum(counts.values())  # (2, 2)
    return {
        "uar": uar_of(counts),
        "confusion": confusion.tolist(),
        "n": int(confusion.sum()),
        "speakers": len(counts),
        "ci95": intervals.estimate([(1.0, intervals.Cell("these", {0: counts}))]).interval,
    }


def project(setup: Setup, params: Arrays, running: Arrays) -> tuple[dict, list[float], dict | None]:
    """The encoder's output in two dimensions, and how far apart the domains are.

    -> {"points" (N, 2) float32, "domains", "emotions" (N,) int64}; both dimensions' shares of the
    variance; the proxy A-distance {"before", "after"} the encoder, None for mono. As many
    utterances of each domain, at most SHOWN.
    """
    rng_of = functools.partial(training.generator, setup.choices.seed, "monitor")
    shown = [(setup.source, setup.split.train), (setup.target, setup.split.test)][setup.mono :]
    count, rng = min(SHOWN, *(len(rows) for _, rows in shown)), rng_of(1)
    shown = [(domain, rng.permutation(rows)[:count]) for domain, rows in shown]
    encoded = [evaluation.encode(params, domain.features, rows) for domain, rows in shown]
    outputs = [model.normalise(params, running, h) for h in encoded]  # (count, 1800) each
    points, shares = plots.principal_components(np.concatenate(outputs))  # (N, 2), (2,)
    picture = {
        "points": points.astype(np.float32),
        "domains": np.repeat(np.arange(2)[-len(shown) :], count),
        "emotions": np.concatenate([domain.labels[rows] for domain, rows in shown]),
    }
    if setup.mono:
        return picture, shares.tolist(), None
    speakers = [domain.speakers[rows] for domain, rows in shown]
    sound = [distance.statistics(domain.features, rows) for domain, rows in shown]
    apart = {
        when: distance.proxy_a_distance(*pair, *speakers, rng_of(2))  # the same folds for both
        for when, pair in (("before", sound), ("after", outputs))
    }
    return picture, shares.tolist(), apart


def draw(
    setup: Setup, history: list[dict], results: dict, picture: dict, shares: list[float], out: Path
) -> None:
    """curves.png (figure 3), features.png (figure 2) and confusion.png."""
    choices, classes = setup.choices, CLASSES[setup.choices.dimension]
    place = " to ".join(dict.fromkeys(corpus.title for corpus in setup.corpora))
    chosen = " ".join(flags_of(choices)) or "all choices by default"
    title = f"{place}{setup.demo}: {choices.dimension}\n{chosen}\n{results['protocol']}"
    plots.save(plots.curves(history, results["best_epoch"], title), out / "curves.png")
    if setup.labelled:
        plots.save(plots.confusion(results["test"], classes, title), out / "confusion.png")
    domains = [f"{corpus.title}, {corpus.language}" for corpus in setup.corpora]
    emotions = [f"{name} {choices.dimension}" for name in classes]
    figure = plots.features([(title, picture, shares)], domains, emotions)
    plots.save(figure, out / "features.png")


def report_result(setup: Setup, results: dict) -> None:
    """Print the test result: UAR, interval, confusion, and what the other criteria select."""
    test, epoch, classes = results["test"], results["best_epoch"], CLASSES[setup.choices.dimension]
    left_out = ", ".join(f"{n} of the {role}" for role, n in results["left_out"].items() if n)
    if left_out:
        say(f"\nutterances or files left out as unusable: {left_out} (left_out.csv)")
    if test is None:
        where = f"predictions.csv has what epoch {epoch} predicts for its utterances"
        say(f"\nno test UAR{setup.demo}, because the target has no labels; {where}")
        return
    interval = "no interval: too few speakers, or no difference among them"
    if test["ci95"]:
        low, high = (100 * end for end in test["ci95"])
        interval = f"95% interval over {test['speakers']} speakers: {low:.1f} to {high:.1f}"
    say(f"\ntest UAR{setup.demo} {100 * test['uar']:.1f} %  ({interval}), epoch {epoch}")
    width = max(map(len, classes))
    say(f"{'':{width + 5}}" + "".join(f"  predicted {name:>{width}}" for name in classes))
    for name, counts in zip(classes, test["confusion"]):
        say(f"true {name:{width}}" + "".join(f"  {count:{width + 10}}" for count in counts))
    for name, selected in results["selected_by"].items():
        if name != setup.choices.select_by:
            uar = f"{100 * selected['test_uar']:.1f} %{setup.demo}"
            say(f"epoch {selected['epoch']}, selected by {selected_in_words(name)}: {uar}")
