"""A table as a Markdown text and as a CSV file.

No times are in them: the same runs give the same bytes.
"""

import numpy as np

from minidann.measure.intervals import Estimate
from minidann.report import plan
from minidann.report.paper import COLUMNS, MISPRINT, PRINTED, TITLES
from minidann.report.results import Results
from minidann.report.tables import CRITERIA, PLANNED, Entry
from minidann.run import store

EXPLANATIONS = {
    "target": "By the UAR on the development set, 30% of the target, whose labels an unsupervised "
    "method would not have.",
    "source": "By the UAR on the source validation set, 10% of the source, which are not trained "
    "on. It knows nothing of the target.",
    "information": "By the mutual information of input and prediction on the target's development "
    "set: it is large where predictions are sure and evenly spread over both classes. It favours "
    "balanced predictions, so it errs where the classes of the target are not balanced.",
}
CONTROLS = (
    "Controls that the paper lacks: `our` with beta 0 is fed and normalised as `our` is, and "
    "nothing is reversed. `base, AdaBN` is `base` with batch norm's statistics taken anew from "
    "the target's utterances, without their labels, at epochs chosen with these statistics. In "
    "`our` and beta 0 the emotion loss weighs alpha against l1 and l2, in `base` 1: where these "
    "are not 0, the batch-norm effect contains that, too. `mono` is trained and chosen with "
    "labels of the target, and tested on a quarter of its utterances, which are among the test "
    "utterances of the others."
)


def bracket(estimate: Estimate) -> str:
    """`[65.1, 75.4]`: the interval over speakers, in %."""
    if not estimate.interval:
        return "no interval"
    return "[{:.1f}, {:.1f}]".format(*(100 * end for end in estimate.interval))


def percent(estimate: Estimate, difference: bool = False) -> str:
    """`70.3 (2.5) [65.1, 75.4]`: mean, standard deviation over seeds, interval over speakers, in %.

    A difference has its sign, and `~` behind it where it is inconclusive.
    """
    spread = "-" if np.isnan(estimate.spread) else f"{100 * estimate.spread:.1f}"
    value = f"{100 * estimate.value:{'+' if difference else ''}.1f}"
    mark = " ~" if difference and not estimate.significant else ""
    return f"{value} ({spread}) {bracket(estimate)}{mark}"


def text_of_paper(entry: Entry) -> str:
    """The paper's number beside an entry, in italics; "" where it has none."""
    if entry.paper is None:
        return ""
    mean, spread = entry.paper
    if entry.kind == "cell" and entry.column is None and entry.row in PRINTED:
        return f"*{mean:.2f}; printed: {PRINTED[entry.row]}*"
    sign = "" if entry.kind == "cell" else "+"
    return f"*{mean:{sign}.2f}{'' if spread is None else f' ({spread:.2f})'}*"


def grid(found: list[Entry], kind: str, criterion: str, heads: list[str]) -> list[str]:
    """One Markdown table: a line a row, and one below it with the paper's numbers in italics."""
    lines = [f"| | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    rows: dict[str, list[Entry]] = {}
    for entry in found:
        if (entry.kind, entry.criterion) == (kind, criterion):
            rows.setdefault(entry.row, []).append(entry)
    for name, row in rows.items():
        lines.append(
            f"| {name} | {' | '.join(percent(entry.estimate, kind != 'cell') for entry in row)} |"
        )
        if any(entry.paper for entry in row):
            paper = " | ".join(text_of_paper(entry) for entry in row)
            lines.append(f"| *the paper's* | {paper} |")
    return lines


def named(corpora: tuple[dict, dict]) -> list[str]:
    """Both corpora with what kind of speech they are, as headings and legends have it."""
    return [f"{corpus['title']} ({corpus['kind']})" for corpus in corpora]


def about(results: Results, corpora: tuple[dict, dict]) -> list[str]:
    """The heading's lines: which speech, what kind of it, how many runs, and what a cell says."""
    args = results.args
    lines = [
        f"- {name}: {corpus['utterances']} utterances, {corpus['speakers']} speakers"
        + (f", {corpus['left_out']} left out as unusable" if corpus.get("left_out") else "")
        for name, corpus in zip(named(corpora), corpora)
    ]
    kinds = {corpus["kind"] for corpus in corpora}
    if any("synthetic" in kind for kind in kinds):
        lines.append("- **Synthetic speech**: these numbers can only show that the code works.")
    first, last = args.seeds[0], args.seeds[-1]
    seeds = f"seeds {first} to {last}" if last > first else f"seed {first}"
    flags = " ".join(plan.given_flags(args))
    lines.append(f"- {seeds}, {args.epochs} epochs" + (f"; {flags}" if flags else ""))
    return lines


def beside(corpora: tuple[dict, dict]) -> str:
    """What the paper's numbers are worth beside these."""
    same = {corpus["kind"] for corpus in corpora} == {"licensed"}
    warning = " This is other speech: compare the pattern, not the values." if not same else ""
    return f"The paper's numbers, in italics, are of RECOLA and IEMOCAP.{warning}"


def heads_of(corpora: tuple[dict, dict]) -> list[str]:
    """The titles of the columns."""
    names = [corpus["title"] for corpus in corpora]
    ways = [f"{names[0]} to {names[1]}", f"{names[1]} to {names[0]}"]
    return [f"{ways[way]}, {dimension}" for way, dimension in COLUMNS] + ["average"]


def markdown(results: Results, name: str, corpora: tuple[dict, dict], found: list[Entry]) -> str:
    """The whole text of a table."""
    heads = heads_of(corpora)
    count = len(PLANNED[name])
    planned = (
        f"Differences, planned before any run: {count}, in four columns and on average, paired by "
        f"speaker. Of {5 * count} intervals about {0.05 * 5 * count:.1f} are expected to miss."
    )
    lines = [f"# {TITLES[name]}", "", *about(results, corpora), ""]
    lines += [
        "UAR of the test set in %: mean over seeds (standard deviation over seeds) [95% interval "
        "over the target's speakers: a jackknife with Student's t]. How a result depends on the "
        f"seed is in the round brackets alone. {beside(corpora)}",
    ]
    if name == "table1":
        lines += ["", CONTROLS]
    for criterion, title in CRITERIA.items():
        lines += ["", f"## {title}", "", EXPLANATIONS[criterion], ""]
        lines += grid(found, "cell", criterion, heads)
        lines += ["", planned, ""]
        lines += grid(found, "difference", criterion, heads)
    if name == "table2":
        lines += ["", MISPRINT]
    lines += [
        "",
        "`~`: inconclusive. The interval over speakers contains 0, or that over seeds "
        "(Student's t) does, or there is one seed only. Nothing is corrected for the number of "
        "comparisons; those below were not planned.",
        "",
        "## What the labels were worth",
        "",
        "The same runs, the same test set: UAR of the epoch chosen with labels of the target, "
        "minus that of the epoch chosen without.",
    ]
    for criterion in list(CRITERIA)[1:]:
        lines += ["", CRITERIA[criterion].split(":")[0] + ":", ""]
        lines += grid(found, "labels", criterion, heads)
    return "\n".join(lines) + "\n"


def as_csv(name: str, corpora: tuple[dict, dict], found: list[Entry]) -> str:
    """The same as CSV, a line an entry; UAR in %."""
    heads = heads_of(corpora)
    rows: list[list] = [["table", "selected_by", "kind", "row", "column", "mean", "std_over_seeds",
                         "ci_low", "ci_high", "significant", "paper", "paper_std"]]  # fmt: skip
    for entry in found:
        figure = entry.estimate
        numbers = [figure.value, figure.spread, *(figure.interval or (np.nan, np.nan))]
        significant = "" if entry.kind == "cell" else str(figure.significant).lower()
        rows.append([
            name, entry.criterion, entry.kind, entry.row,
            heads[-1 if entry.column is None else entry.column],
            *("" if np.isnan(value) else f"{100 * value:.3f}" for value in numbers),
            significant,
            *("" if value is None else value for value in entry.paper or (None, None)),
        ])  # fmt: skip
    return store.csv_text(rows)
