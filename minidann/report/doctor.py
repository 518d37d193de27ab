"""Is my DANN working? A page on one run, from its own records, with the figures behind it.

The page is a list of findings. Each is a sentence with the run's figures, and rules that say what
they mean and what to try: of each group of rules the first whose condition holds.
"""

import math
from pathlib import Path
from textwrap import fill
from types import SimpleNamespace

import numpy as np

from minidann.choices import SELECTION
from minidann.console import UserError
from minidann.corpora import CLASSES
from minidann.report.ledger import LAST  # of a run of less than 20 epochs, the second half
from minidann.run import folder, store
from minidann.run.outcome import selected_in_words

# Above which domain UAR, in inference, the domain classifier wins; about chance between the two.
WINS, CHANCE = 0.85, (0.40, 0.65)
WEAK, STRONG = 0.1, 3.0  # ratio of the gradient norms: beyond, one hardly counts
SHIFT = 0.10  # difference of two shares of a class that is called a shift
NOISE, CLOSE = 0.3, 0.5  # of a proxy A-distance with ten speakers; of domains that are close
APART = 0.05  # difference of two UARs, by the choice of an epoch or a threshold, worth a word
LOG2 = math.log(2)

# When there is such a finding, its sentence, and its groups of rules: (condition, words, advice).
FINDINGS = (
    (lambda f: f.model == "our",
     "In the last epochs ({last}), the domain classifier is right about {uar:.0%} of "
     "development utterances and as many of the source (50% is guessing), with a loss of "
     "{loss:.2f}; in training {train:.2f} (guessing: 0.69).",
     [(lambda f: f.domain_labels == "shuffled", "Its labels are SHUFFLED: there is nothing to "
       "learn, and nothing is adapted. This run is a placebo, to compare others with.", ""),
      (lambda f: f.alpha == 1, "It is NOT TRAINED: alpha is 1, and (1 - alpha) weighs its loss.",
       "an alpha below 1: 0.5 is the usual value"),
      (lambda f: f.uar >= WINS, "It is WINNING: what reaches it gives the language away. "
       "Recordings differ in more than language: silence at the ends, level, band, noise.",
       "see the data warnings of both corpora: python -m minidann.corpora"),
      (lambda f: f.overrun, "It is OVERRUN: by its UAR or by its loss, it does worse than "
       "guessing, because the encoder moves faster than it can follow.", ""),
      (lambda f: f.steady and f.uar <= CHANCE[1],
       "It is DEAD: its loss is that of guessing, from the first epoch.",
       "are the utterances of both domains really different? Look at the corpora"),
      (lambda f: f.uar <= CHANCE[1], "It is BALANCED, about chance, as the method wants. The "
       "distance below says whether the language is gone or only hidden from it.", ""),
      (lambda f: True, "It is BETWEEN: better than guessing, not winning.", "")],
     [(lambda f: not f.adversary or f.alpha == 1, "", ""),
      (lambda f: f.uar >= WINS and f.ratio <= STRONG and f.may_grow, "",
       "a larger --beta than {beta:g}: it may cost emotion"),
      (lambda f: f.overrun, "",
       "a smaller --beta than {beta:g}, or --beta-schedule ganin, from 0 on")],
     [(lambda f: f.uar >= WINS and f.alpha < 1 and f.input == "paper", "",
       "--input levelled, which takes out the level and the silence at the ends")]),
    (lambda f: f.model == "our",
     "The reversed gradient at the encoder's output is {ratio:.2g} times that of emotion (median "
     "of the last epochs: {last}).",
     [(lambda f: f.beta == 0, "beta is 0: nothing is reversed, and there is no adversary.", ""),
      (lambda f: f.ratio < WEAK, "The adversary hardly moves the encoder: a classifier that is "
       "sure of itself, or that has learned nothing, has hardly a gradient to reverse.", ""),
      (lambda f: f.ratio > STRONG, "The adversary drowns emotion: the encoder works against "
       "language first.", "a smaller --beta, or a larger --alpha"),
      (lambda f: True, "Both count.", "")],
     [(lambda f: f.adversary and f.ratio < WEAK and f.may_grow, "",
       "a larger --beta, or a smaller --alpha")]),
    (lambda f: f.after is not None,
     "Proxy A-distance: {before:.2f} before (mean and standard deviation of each mel bin), "
     "{after:.2f} after (the encoder's output at the epoch kept). 0: a linear classifier, trained "
     "anew and tested on other speakers, cannot tell the languages apart; 2: it never errs. Of "
     "ten speakers, differences below 0.3 say nothing; and 1800 random features can be near 2 as "
     "well, so only a fall means anything.",
     [(lambda f: f.fell and f.after <= CLOSE, "The encoder has brought them together.", ""),
      (lambda f: f.fell, "The encoder has brought them nearer, and not together.", ""),
      (lambda f: f.after <= CLOSE, "They are close, and were so before the encoder.", ""),
      (lambda f: True, "The encoder has not brought the languages together.", "")],
     [(lambda f: f.adversary and f.after > 1.5,
       "Whatever the adversary's own classifier says, another one still sees it.",
       "the same run with --beta 0, and with --domain-labels shuffled: is anything of the gain the "
       "adversary's?")]),
    (lambda f: True,
     "{name} is {in_source:.0%} of the source, and {predicted:.0%} of the predictions on {where}. "
     "{known}",
     [(lambda f: f.predicted in (0, 1) and f.model == "base", "ONE CLASS is predicted for every "
       "utterance: no better than guessing. The usual reason is that batch norm uses the running "
       "statistics of the source.",
       "--model our --beta 0, whose batch norm sees the target, or AdaBN (below)"),
      (lambda f: f.predicted in (0, 1), "ONE CLASS is predicted for every utterance: no better "
       "than guessing.", "another seed, more epochs, a smaller --beta"),
      (lambda f: abs(f.predicted - f.true) > SHIFT, "The predictions have other shares than the "
       "labels: a threshold of 1/2 does not suit the target.", "")],
     [(lambda f: f.shift, "The classes have other shares in the target: LABEL SHIFT. An adversary "
       "that makes both languages look alike must then mix classes, and mutual information, which "
       "favours predictions in equal shares, may choose a wrong epoch.",
       "no larger beta, and --select-by source in place of information")]),
    (lambda f: f.auc is not None,
     "Ranking and threshold: AUC is {auc:.1%}, test UAR {own:.1%} at the threshold of 1/2, and "
     "{matched:.1%} where the predicted share is that of the source's labels.",
     [(lambda f: f.matched - f.own > APART, "The THRESHOLD IS OFF: the same ranking gives more "
       "there.", "")]),
    (lambda f: f.selected, "Test UAR by what chose the epoch: {selected}.",
     [(lambda f: f.apart > APART,
       "They are far apart: choosing the epoch is worth as much as the method.",
       "more seeds, and all three choices of the epoch in the report of it")]),
)  # fmt: skip


def page(run: Path) -> str:
    """The whole page as text. Raises UserError where `run` is not a finished run's folder."""
    config = folder.read_config(run)
    if not folder.is_done(run):
        raise UserError(f"{run}: not finished; its command with --resume goes on")
    results = store.read_json(run / "metrics.json")
    f = facts(run, config, results)
    titles = " to ".join(dict.fromkeys(about["title"] for about in config["corpora"].values()))
    steered = ", alpha {alpha:g}, beta {beta:g} {beta_schedule}, {bn}" * (f.model == "our")
    heading = f"{{dimension}}: {{model}}{steered}, seed {{seed}}; {{result}}".format(**vars(f))
    lines = [f"{run}\n{titles} ({results['corpora']}), {heading}, {results['protocol']}"]
    advice: list[str] = []
    there = [finding for finding in FINDINGS if finding[0](f)]
    for number, (_, sentence, *groups) in enumerate(there, 1):
        text = f"{number}. {sentence}"
        for group in groups:
            holds = [(says, tries) for condition, says, tries in group if condition(f)]
            for says, tries in holds[:1]:
                text += f" {says}"
                advice += [tries.format(**vars(f))] if tries else []
        lines.append(fill(text.format(**vars(f)), 79, subsequent_indent="   "))
    advice = list(dict.fromkeys(advice)) or ["nothing here asks for a change"]
    lines.append("\n".join(["What to try next:", *(f"  - {line}" for line in advice)]))
    return "\n\n".join(lines) + "\n"


def facts(run: Path, config: dict, results: dict) -> SimpleNamespace:
    """The run's choices, and all figures that the findings are about."""
    f = SimpleNamespace(**config["choices"])
    f.adversary = f.model == "our" and f.beta > 0 and f.domain_labels == "true"
    kept = results["selected_by"].get(f.select_by, {})  # of an earlier version: without AUC
    f.auc, f.own = kept.get("auc"), kept.get("test_uar")
    f.matched = kept.get("share_matched_uar")
    upper, classes = CLASSES[f.dimension][1], config["corpora"]["source"]["classes"]
    f.name, f.in_source = upper.capitalize(), classes[1] / sum(classes)
    if results["test"]:
        counts, tested = np.array(results["test"]["confusion"]), results["selected_by"]
        f.predicted, f.true = counts.sum(axis=0)[1] / counts.sum(), counts[1].sum() / counts.sum()
        f.known = f"By the labels, which adaptation must not see, it is {f.true:.0%} of them."
        f.result, f.where = f"test UAR {results['test']['uar']:.1%}", "the target's test set"
        f.selected = "; ".join(
            f"{about['test_uar']:.1%} by {selected_in_words(name)} (epoch {about['epoch']})"
            for name, about in tested.items()
        )
        f.apart = np.ptp([tested[name]["test_uar"] for name in SELECTION if name in tested])
    else:
        rows = store.read_csv(run / "predictions.csv")
        f.predicted, f.true = np.mean([row["predicted"] == upper for row in rows]), math.nan
        f.known = "Only labels of the target could say how many it should be."
        f.result, f.where = "no test UAR, because the target has no labels", "the target"
        f.selected = ""
    f.shift = f.model != "mono" and abs(f.in_source - f.true) > SHIFT
    distance = results["distance"] or {"before": None, "after": None}
    f.before, f.after = distance["before"], distance["after"]
    f.fell = f.after is not None and f.after <= f.before - NOISE
    if f.model == "our":
        history = folder.history_of(run)
        f.last = max(1, min(LAST, len(history["epoch"]) // 2))
        names = ("domain_uar", "dev_domain_loss", "domain_loss")
        f.uar, f.loss, f.train = (np.mean(history[name][-f.last :]) for name in names)
        f.overrun = f.uar < CHANCE[0] or (f.uar < WINS and max(f.loss, f.train) > 1.5 * LOG2)
        f.steady = np.ptp(history["dev_domain_loss"]) < 0.02 and abs(f.loss - LOG2) < 0.02
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = history["domain_grad_norm"] / history["emotion_grad_norm"]  # (epochs,)
        f.ratio = np.median(ratio[-f.last :])
        f.may_grow = not f.shift and not f.overrun and 0 < f.predicted < 1
    return f
