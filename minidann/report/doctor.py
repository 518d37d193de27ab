"""Is my DANN working? A page on one run, from its own records, with the figures behind it."""

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
NOISE = 0.3  # of a proxy A-distance with ten speakers
APART = 0.05  # difference of two UARs, by the choice of an epoch, that is worth a word
LOG2 = math.log(2)
Finding = tuple[list[str], list[str]]  # paragraphs of the page, what to try


def page(run: Path) -> str:
    """The whole page as text. Raises UserError where `run` is not a finished run's folder."""
    config = folder.read_config(run)
    if not folder.is_done(run):
        raise UserError(f"{run}: not finished; its command with --resume goes on")
    results, choices = store.read_json(run / "metrics.json"), config["choices"]
    findings = [_distance(choices, results), _priors(run, config, results), _epochs(results)]
    if choices["model"] == "our":
        history = folder.history_of(run)
        findings = [_classifier(choices, history), _grad_norms(choices, history), *findings]
    lines, advice = [_heading(run, choices, config, results), ""], []
    for number, (texts, tries) in enumerate(findings, 1):
        for indent, text in zip([f"{number}. ", *["   "] * len(texts)], texts):
            lines.append(fill(text, 79, initial_indent=indent, subsequent_indent="   "))
        lines.append("")
        advice += tries
    if any("smaller --beta" in text or "no larger beta" in text for text in advice):
        advice = [text for text in advice if not text.startswith("a larger --beta")]
    advice = list(dict.fromkeys(advice)) or ["nothing here asks for a change"]
    return "\n".join([*lines, "What to try next:", *(f"  - {text}" for text in advice)]) + "\n"


def _heading(run: Path, choices: dict, config: dict, results: dict) -> str:
    titles = [config["corpora"][role]["title"] for role in ("source", "target")]
    place, steered = titles[0] if choices["model"] == "mono" else " to ".join(titles), ""
    if choices["model"] == "our":
        steered = ", alpha {alpha:g}, beta {beta:g} {beta_schedule}, {bn}".format(**choices)
    uar = "no test UAR, because the target has no labels"
    if results["test"]:
        uar = f"test UAR {100 * results['test']['uar']:.1f} %"
    return (
        f"{run}\n{place} ({results['corpora']}), {choices['dimension']}: {choices['model']}"
        f"{steered}, seed {choices['seed']}; {uar}, {results['protocol']}"
    )


def _ratio(history: dict) -> tuple[float, float]:
    """The reversed gradient at the encoder over that of emotion: in the first epochs, the last."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = history["domain_grad_norm"] / history["emotion_grad_norm"]  # (epochs,)
    return np.median(ratio[: _last(history)]), np.median(ratio[-_last(history) :])


def _last(history: dict) -> int:
    """How many epochs are looked at, at the end of a run."""
    return max(1, min(LAST, len(history["epoch"]) // 2))


def _classifier(choices: dict, history: dict) -> Finding:
    """Is the domain classifier dead, winning, balanced, or overrun?"""
    beta, names = choices["beta"], ("domain_uar", "dev_domain_loss", "domain_loss")
    uar, loss, train = (np.mean(history[name][-_last(history) :]) for name in names)
    steady, why, tries = np.ptp(history["dev_domain_loss"]) < 0.02, [], []
    if choices["alpha"] == 1:
        state = "NOT TRAINED: alpha is 1, and (1 - alpha) weighs its loss."
        tries = ["an alpha below 1: 0.5 is the usual value"]
    elif uar >= WINS:
        state = "WINNING."
        why = [
            "What reaches it gives the language away. Recordings differ in more than language: "
            "silence at the ends, level, band, noise."
        ]
        if beta == 0:
            why += ["beta is 0, so nothing works against it."]
        else:
            tries = ["see what gives the corpus away (python -m minidann.corpora): silence, level"]
            if _ratio(history)[1] <= STRONG:
                tries += [
                    f"a larger --beta than {beta:g}: it may cost emotion, and the more so where "
                    "classes have other shares in the target"
                ]
    elif uar < CHANCE[0] or max(train, loss) > 1.5 * LOG2:
        state = "OVERRUN in training: its loss there is well above that of guessing."
        if uar < CHANCE[0]:
            state = "OVERRUN: it is wrong more often than guessing would be."
        elif train <= 1.5 * LOG2:
            state = (
                "OVERRUN: it is sure of itself where it is wrong, so its loss is above guessing."
            )
        why = [
            "The encoder moves faster than the classifier can follow. The languages can still be "
            "told apart, but what tells them apart has changed sides since the last step."
        ]
        if beta > 0:
            tries = [f"a smaller --beta than {beta:g}, or --beta-schedule ganin, from 0 on"]
    elif steady and abs(loss - LOG2) < 0.02 and uar <= CHANCE[1]:
        state = "DEAD: its loss is that of guessing, from the first epoch."
        tries = ["are the utterances of both domains really different? Look at the corpora"]
    elif uar <= CHANCE[1]:
        state = "BALANCED: about chance."
        why = [
            "That is what the method wants. Whether the language is gone, or only hidden from this "
            "classifier, is what the distance below says."
        ]
    else:
        state = "BETWEEN: better than guessing, not winning."
    figures = (
        f"In the last epochs, here {_last(history)}, it is right about {100 * uar:.0f}% of "
        "development utterances and as many of the source (50% is guessing), with a loss of "
        f"{loss:.2f}; in training {train:.2f} (guessing: {LOG2:.2f})."
    )
    return [f"The domain classifier is {state}", figures, *why], tries


def _grad_norms(choices: dict, history: dict) -> Finding:
    """The gradient norms of both classifiers at the encoder."""
    if choices["beta"] == 0:
        return ["beta is 0: nothing is reversed, and there is no adversary."], []
    if choices["alpha"] == 0:
        return ["alpha is 0: emotion has no weight."], ["an alpha above 0: 0.5 is the usual value"]
    first, last = _ratio(history)
    what, tries = "Both count.", []
    if last < WEAK:
        what = (
            "The adversary hardly moves the encoder: a classifier that is sure of itself, or that "
            "has learned nothing, has hardly a gradient to reverse."
        )
        tries = ["a larger --beta, or a smaller --alpha"]
    elif last > STRONG:
        what = "The adversary drowns emotion: the encoder works against language first."
        tries = ["a smaller --beta, or a larger --alpha"]
    ratio = (
        f"The reversed gradient at the encoder's output is {last:.2g} times that of emotion "
        f"(median of the last {_last(history)} epochs; of the first {first:.2g})."
    )
    return [ratio, what], tries


def _distance(choices: dict, results: dict) -> Finding:
    """Proxy A-distance before and after the encoder."""
    apart = results["distance"]
    if not apart or None in apart.values():
        return ["No proxy A-distance: it takes two languages with two speakers each."], []
    before, after = apart["before"], apart["after"]
    if max(before, after) <= 0.5:
        found = "They are close, with the encoder and without it."
    elif after > before - NOISE and after <= 0.5:
        found = "They are close after the encoder, and were nearly as close before it."
    elif after > before - NOISE:
        found = "The encoder has not brought the languages together."
    elif after > 0.5:
        found = "The encoder has brought them nearer, and not together."
    else:
        found = "The encoder has brought them together."
    lines = [
        f"Proxy A-distance: {before:.2f} before (mean and standard deviation of each mel "
        f"bin), {after:.2f} after (the encoder's output at the epoch kept).",
        "0: a linear classifier, trained anew and tested on other speakers, cannot tell the "
        f"languages apart; 2: it never errs. Of ten speakers, differences below {NOISE} say "
        "nothing; and 1800 random features can be near 2 as well, so that only a fall means "
        "anything.",
        found,
    ]
    if choices["model"] == "our" and choices["beta"] > 0 and after > 1.5:
        lines.append("Whatever the adversary's own classifier says, another one still sees it.")
        return lines, ["the same run with --beta 0: is anything of the gain the adversary's?"]
    return lines, []


def _priors(run: Path, config: dict, results: dict) -> Finding:
    """Shares of the upper class: in the source, among the predictions, in the target."""
    choices = config["choices"]
    name = CLASSES[choices["dimension"]][1]
    classes = config["corpora"]["source"]["classes"]
    source = classes[1] / sum(classes)
    if results["test"]:
        counts = np.array(results["test"]["confusion"])  # (2, 2), rows true
        predicted, true = counts.sum(axis=0)[1] / counts.sum(), counts[1].sum() / counts.sum()
        test = "'s test set"
        known = f"(By the labels, which adaptation must not see, it is {100 * true:.0f}% of them.)"
    else:
        rows = store.read_csv(run / "predictions.csv")
        predicted = np.mean([row["predicted"] == name for row in rows])
        true, test, known = (
            math.nan,
            "",
            "(Only labels of the target could say how many it should be.)",
        )
    lines = [
        f"{name.capitalize()} is {100 * source:.0f}% of the source, and "
        f"{100 * predicted:.0f}% of the predictions on the target{test}.",
        known,
    ]
    tries = []
    if predicted in (0, 1):
        lines.append(
            "ONE CLASS is predicted for every utterance, which is no better than guessing."
        )
        tries = ["another seed, more epochs, a smaller --beta"]
        if choices["model"] == "base":
            lines.append(
                "Batch norm still uses the running statistics of the source, on a corpus that is "
                "recorded otherwise: the usual reason."
            )
            tries = ["--model our --beta 0, whose batch norm sees the target, or AdaBN (below)"]
    elif abs(predicted - true) > SHIFT:
        lines.append(
            "The predictions have other shares than the labels: a threshold of 1/2 does not suit "
            "the target."
        )
    if choices["model"] != "mono" and abs(source - true) > SHIFT:
        lines.append(
            "The classes have other shares in the target: LABEL SHIFT. An adversary that makes "
            "both languages look alike as wholes must then mix classes, and the mutual information "
            "of input and prediction, which favours predictions in equal shares, may choose a "
            "wrong epoch."
        )
        tries += [
            "no larger beta, and --select-by source in place of information, under label shift"
        ]
    return lines, tries


def _epochs(results: dict) -> Finding:
    """What the choice of the epoch did."""
    if not results["test"]:
        return ["Only labels of the target could say which criterion chose the best epoch."], []
    lines, uars = ["Test UAR by what chose the epoch:"], []
    for name, selected in results["selected_by"].items():
        uar, by = f"{100 * selected['test_uar']:.1f} %", selected_in_words(name)
        lines.append(f"{uar}  by {by} (epoch {selected['epoch']})")
        if name in SELECTION:  # without AdaBN
            uars.append(selected["test_uar"])
    if max(uars) - min(uars) <= APART:
        return lines, []
    lines.append("They are far apart: the choice of an epoch is worth as much as the method.")
    return lines, ["more seeds, and all three choices of the epoch in the report of it"]
