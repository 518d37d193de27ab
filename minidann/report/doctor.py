"""Is my DANN working? A page on one run, from its own records, with the figures behind it.

Each finding is some paragraphs, and what to try. Where a figure can mean several things, the first
of a list of rules whose condition holds says which.
"""

import math
from pathlib import Path
from textwrap import fill

import numpy as np

from minidann.choices import SELECTION
from minidann.console import UserError
from minidann.corpora import CLASSES
from minidann.run import folder, store
from minidann.run.outcome import selected_in_words

LAST = 10  # epochs that are looked at, at the end; of a run of less than 20, the second half
# Above which domain UAR, in inference, the domain classifier wins; about chance between the two.
WINS, CHANCE = 0.85, (0.40, 0.65)
WEAK, STRONG = 0.1, 3.0  # ratio of the gradient norms: beyond, one hardly counts
SHIFT = 0.10  # difference of two shares of a class that is called a shift
NOISE, CLOSE = 0.3, 0.5  # of a proxy A-distance with ten speakers; of domains that are close
APART = 0.05  # difference of two UARs, by the choice of an epoch, that is worth a word
LOG2 = math.log(2)
LARGER = "a larger --beta, which may cost emotion, and the more so under label shift"
Finding = tuple[list[str], list[str]]  # paragraphs of the page, what to try


def page(run: Path) -> str:
    """The whole page as text. Raises UserError where `run` is not a finished run's folder."""
    config = folder.read_config(run)
    if not folder.is_done(run):
        raise UserError(f"{run}: not finished; its command with --resume goes on")
    results, choices = store.read_json(run / "metrics.json"), config["choices"]
    findings = [_distance(choices, results), _shares(run, config, results), _epochs(results)]
    steered, uar = "", "no test UAR, because the target has no labels"
    if choices["model"] == "our":
        history = folder.history_of(run)
        findings = [_classifier(choices, history), _grad_norms(choices, history), *findings]
        steered = ", alpha {alpha:g}, beta {beta:g} {beta_schedule}, {bn}".format(**choices)
    if results["test"]:
        uar = f"test UAR {100 * results['test']['uar']:.1f} %"
    titles = dict.fromkeys(corpus["title"] for corpus in config["corpora"].values())
    text = (
        f"{run}\n{' to '.join(titles)} ({results['corpora']}), {choices['dimension']}: "
        f"{choices['model']}{steered}, seed {choices['seed']}; {uar}, {results['protocol']}\n\n"
    )
    margin = "   "
    for number, (paragraphs, _) in enumerate(findings, 1):
        wrapped = [fill(p, 79, initial_indent=margin, subsequent_indent=margin) for p in paragraphs]
        text += f"{number}. " + "\n".join(wrapped).removeprefix(margin) + "\n\n"
    advice = list(dict.fromkeys(line for _, tries in findings for line in tries))
    if any("smaller --beta" in line or "no larger beta" in line for line in advice):
        advice = [line for line in advice if line != LARGER]
    advice = advice or ["nothing here asks for a change"]
    return "\n".join([f"{text}What to try next:", *(f"  - {line}" for line in advice)]) + "\n"


def _first(*rules: tuple) -> list:
    """What the first of the rules says whose condition holds."""
    return next(says for condition, *says in rules if condition)


def _last(history: dict) -> int:
    """How many epochs are looked at, at the end of a run."""
    return max(1, min(LAST, len(history["epoch"]) // 2))


def _classifier(choices: dict, history: dict) -> Finding:
    """Is the domain classifier dead, winning, balanced, or overrun?"""
    last, names = _last(history), ("domain_uar", "dev_domain_loss", "domain_loss")
    uar, loss, train = (np.mean(history[name][-last:]) for name in names)
    steady = np.ptp(history["dev_domain_loss"]) < 0.02 and abs(loss - LOG2) < 0.02
    state, why, tries = _first(
        (choices["alpha"] == 1, "NOT TRAINED: alpha is 1, and (1 - alpha) weighs its loss.", [],
         ["an alpha below 1: 0.5 is the usual value"]),
        (uar >= WINS, "WINNING.",
         ["What reaches it gives the language away. Recordings differ in more than language: "
          "silence at the ends, level, band, noise."],
         ["see what gives the corpus away (python -m minidann.corpora): silence, level", LARGER]),
        (uar < CHANCE[0] or max(loss, train) > 1.5 * LOG2,
         "OVERRUN: by its UAR or by its loss, it does worse than guessing.",
         ["The encoder moves faster than the classifier can follow. The languages can still be "
          "told apart, but what tells them apart has changed sides since the last step."],
         ["a smaller --beta, or --beta-schedule ganin, from 0 on"]),
        (steady and uar <= CHANCE[1], "DEAD: its loss is that of guessing, from the first epoch.",
         [], ["are the utterances of both domains really different? Look at the corpora"]),
        (uar <= CHANCE[1], "BALANCED: about chance.",
         ["That is what the method wants. Whether the language is gone, or only hidden from this "
          "classifier, is what the distance below says."], []),
        (True, "BETWEEN: better than guessing, not winning.", [], []),
    )  # fmt: skip
    figures = (
        f"In the last epochs, here {last}, it is right about {100 * uar:.0f}% of development "
        "utterances and as many of the source (50% is guessing), with a loss of "
        f"{loss:.2f}; in training {train:.2f} (guessing: {LOG2:.2f})."
    )
    if choices["beta"] == 0:
        tries = []
    return [f"The domain classifier is {state}", figures, *why], tries


def _grad_norms(choices: dict, history: dict) -> Finding:
    """The gradient norms of both classifiers at the encoder."""
    last = _last(history)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.median((history["domain_grad_norm"] / history["emotion_grad_norm"])[-last:])
    measured = (
        f"The reversed gradient at the encoder's output is {ratio:.2g} times that of emotion "
        f"(median of the last {last} epochs)."
    )
    paragraphs, tries = _first(
        (choices["beta"] == 0, ["beta is 0: nothing is reversed, and there is no adversary."], []),
        (ratio < WEAK, [measured, "The adversary hardly moves the encoder: a classifier that is "
         "sure of itself, or that has learned nothing, has hardly a gradient to reverse."],
         ["a larger --beta, or a smaller --alpha"]),
        (ratio > STRONG, [measured, "The adversary drowns emotion: the encoder works against "
         "language first."], ["a smaller --beta, or a larger --alpha"]),
        (True, [measured, "Both count."], []),
    )  # fmt: skip
    return paragraphs, tries


def _distance(choices: dict, results: dict) -> Finding:
    """Proxy A-distance before and after the encoder."""
    apart = results["distance"]
    if not apart or None in apart.values():
        return ["No proxy A-distance: it takes two languages with two speakers each."], []
    before, after = apart["before"], apart["after"]
    fell = after <= before - NOISE
    (found,) = _first(
        (max(before, after) <= CLOSE, "They are close, with the encoder and without it."),
        (fell and after <= CLOSE, "The encoder has brought them together."),
        (fell, "The encoder has brought them nearer, and not together."),
        (after <= CLOSE, "They are close after the encoder, and were nearly as close before it."),
        (True, "The encoder has not brought the languages together."),
    )
    paragraphs = [
        f"Proxy A-distance: {before:.2f} before (mean and standard deviation of each mel "
        f"bin), {after:.2f} after (the encoder's output at the epoch kept).",
        "0: a linear classifier, trained anew and tested on other speakers, cannot tell the "
        f"languages apart; 2: it never errs. Of ten speakers, differences below {NOISE} say "
        "nothing; and 1800 random features can be near 2 as well, so only a fall means anything.",
        found,
    ]
    if choices["model"] != "our" or choices["beta"] == 0 or after <= 1.5:
        return paragraphs, []
    paragraphs += ["Whatever the adversary's own classifier says, another one still sees it."]
    return paragraphs, ["the same run with --beta 0: is anything of the gain the adversary's?"]


def _shares(run: Path, config: dict, results: dict) -> Finding:
    """Shares of the upper class: in the source, among the predictions, in the target."""
    choices, classes = config["choices"], config["corpora"]["source"]["classes"]
    name, source = CLASSES[choices["dimension"]][1], classes[1] / sum(classes)
    where, known = "the target", "Only labels of the target could say how many it should be."
    if results["test"]:
        where = "the target's test set"
        counts = np.array(results["test"]["confusion"])  # (2, 2), rows true
        predicted, true = counts.sum(axis=0)[1] / counts.sum(), counts[1].sum() / counts.sum()
        known = f"By the labels, which adaptation must not see, it is {100 * true:.0f}% of them."
    else:
        rows = store.read_csv(run / "predictions.csv")
        predicted, true = np.mean([row["predicted"] == name for row in rows]), math.nan
    paragraphs = [
        f"{name.capitalize()} is {100 * source:.0f}% of the source, and {100 * predicted:.0f}% of "
        f"the predictions on {where}. {known}"
    ]
    tries = []
    if predicted in (0, 1):
        paragraphs += ["ONE CLASS is predicted for every utterance: no better than guessing."]
        tries = ["another seed, more epochs, a smaller --beta"]
        if choices["model"] == "base":
            paragraphs += [
                "Batch norm still uses the running statistics of the source, on a corpus that is "
                "recorded otherwise: the usual reason."
            ]
            tries = ["--model our --beta 0, whose batch norm sees the target, or AdaBN (below)"]
    elif abs(predicted - true) > SHIFT:
        paragraphs += [
            "The predictions have other shares than the labels: a threshold of 1/2 does not suit "
            "the target."
        ]
    if choices["model"] != "mono" and abs(source - true) > SHIFT:
        paragraphs += [
            "The classes have other shares in the target: LABEL SHIFT. An adversary that makes "
            "both languages look alike as wholes must then mix classes, and the mutual information "
            "of input and prediction, which favours predictions in equal shares, may choose a "
            "wrong epoch."
        ]
        tries += ["no larger beta, and --select-by source in place of information"]
    return paragraphs, tries


def _epochs(results: dict) -> Finding:
    """What the choice of the epoch did."""
    if not results["test"]:
        return ["Only labels of the target could say which criterion chose the best epoch."], []
    tested = results["selected_by"]
    paragraphs = ["Test UAR by what chose the epoch:"]
    for name, selected in tested.items():
        uar, by = f"{100 * selected['test_uar']:.1f} %", selected_in_words(name)
        paragraphs.append(f"{uar}  by {by} (epoch {selected['epoch']})")
    uars = [tested[name]["test_uar"] for name in SELECTION if name in tested]  # without AdaBN
    if max(uars) - min(uars) <= APART:
        return paragraphs, []
    paragraphs.append("They are far apart: choosing the epoch is worth as much as the method.")
    return paragraphs, ["more seeds, and all three choices of the epoch in the report of it"]
