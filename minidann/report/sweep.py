"""Choosing alpha and beta, which the paper does not give, by trying a grid of settings.

The grid is a table with a row a setting. Every setting is compared with the same one without its
adversary (beta 0), paired by speaker: that is the adversary's own part. With a placebo, it is split
into what any reversed gradient does and what the language labels do. With dozens of settings some
will look good by chance, so the setting to take is chosen by what needs no labels of the target,
and confirmed on seeds of its own.
"""

import argparse
from itertools import product

import numpy as np

from minidann import feeding
from minidann.choices import SCHEDULES, SELECTION
from minidann.console import UserError
from minidann.report.ledger import LAST
from minidann.report.paper import Row, Table, make_row
from minidann.report.runs import Results
from minidann.report.tables import INCONCLUSIVE, MEASURES, Lines, markdown_table, page, percent

UNSUPERVISED = {"information": "mutual information", "source": "source validation UAR"}


def add_options(group: argparse._ArgumentGroup) -> None:
    """The grid, as flags. Beside each setting stands that with beta 0."""
    for flag, kind, default, known, help in (
        ("--alphas", float, (0.5, 0.8), None, "weights of the emotion loss"),
        ("--betas", float, (0.1, 0.3, 1.0, 3.0), None, "scales of the reversed gradient, above 0"),
        ("--schedules", str, SCHEDULES, SCHEDULES, "of beta"),
        ("--modes", str, ("bn1", "none"), feeding.MODES, "with and without batch norm"),
    ):
        group.add_argument(flag, type=kind, nargs="+", default=default, choices=known, help=help)
    group.add_argument("--placebo", action="store_true", help="each with shuffled labels, too")


def setting(
    bn: str, alpha: float, beta: float, schedule: str = "constant", labels: str = "true"
) -> Row:
    """A place of the grid, as the row of a table."""
    name = f"{bn}, alpha {alpha:g}, beta {beta:g}" + f" {schedule}" * (beta > 0)
    choices = {"alpha": alpha, "beta": beta, "beta_schedule": schedule, "domain_labels": labels}
    return make_row(name + ", placebo" * (labels == "shuffled"), model="our", bn=bn, **choices)


def table(args: argparse.Namespace) -> Table:
    """The settings that `args` ask for, each once; planned: its part, and what that consists of."""
    if min(args.betas) <= 0:
        raise UserError("--betas: expected numbers above 0; beta 0 is there in any case")
    rows, parts = {}, {}
    for bn in args.modes:
        for alpha in args.alphas:
            without = setting(bn, alpha, 0.0)
            rows[without] = None
            for place in product(args.betas, args.schedules):
                our, placebo = (
                    setting(bn, alpha, *place, labels) for labels in ("true", "shuffled")
                )
                rows[our], parts[part_of(our)] = None, {our: 1, without: -1}
                if args.placebo:
                    rows[placebo], parts[part_of(placebo)] = None, {placebo: 1, without: -1}
                    parts[f"{our.name} - placebo"] = {our: 1, placebo: -1}
    return Table("Alpha, beta, schedule and batch norm", tuple(rows), parts)


def part_of(row: Row) -> str:
    """The name of the difference of a setting and the same with beta 0."""
    return f"{row.name} - beta 0"


def markdown(results: Results, grid: Table, corpora: list[dict], lines: Lines) -> str:
    """The grid as a table, a row a setting; the differences; and the settings to choose."""
    column, first = (0, results.args.dimension), results.args.seeds[-1] + 1
    figures = {key: percent(line.estimates[0], key[2] != "cell") for key, line in lines.items()}
    best, rows = {}, []
    for row in grid.rows:
        runs = [results.cell(row, column, criterion).values() for criterion in UNSUPERVISED]
        information, source = best[row] = [np.mean([run.value for run in seeds]) for seeds in runs]
        domain = np.mean([run.domain_uar for run in runs[0]])
        cells = [figures["UAR", criterion, "cell", row.name] for criterion in SELECTION]
        means = f"{100 * domain:.0f}", f"{information:.3f}", f"{100 * source:.1f}"
        rows.append([row.name, *cells, *means])
    chosen, settings = [], [row for row in grid.rows if ("domain_labels", "true") in row.choices]
    heads = ["setting", *(f"by {about.by}" for about in SELECTION.values())]
    for i, (criterion, name) in enumerate(UNSUPERVISED.items()):
        row = max(settings, key=lambda row: best[row][i])
        uar = figures["UAR", criterion, "cell", row.name]
        part = figures.get(("UAR", criterion, "difference", part_of(row)), "none")  # of beta 0
        said = f"{row.name}; test UAR {uar}, the adversary's part {part}."
        chosen.append(f"- By the largest {name}: {said}")
    pairs = list(product(MEASURES, SELECTION))
    parts = [
        [name, *(figures[measure, criterion, "difference", name] for measure, criterion in pairs)]
        for name in grid.planned
    ]
    part_heads = [f"{measure}, by {SELECTION[criterion].by}" for measure, criterion in pairs]
    count = len(grid.planned) * len(pairs)
    paragraphs = [
        "Test UAR in %, with the epoch chosen in three ways: mean over seeds (standard "
        "deviation over seeds) [95% interval over speakers]. Domain UAR: the domain classifier on "
        f"development utterances and as many of the source, mean of the last {LAST} epochs; 50 "
        "is guessing. Mutual information of input and prediction (nats) and source validation "
        "UAR are those of their best epochs.",
        markdown_table([*heads, "domain UAR", *UNSUPERVISED.values()], rows),
        "The adversary's part is the difference to the same setting with beta 0, paired by "
        "speaker. `share` is UAR at the threshold at which the predicted share of the upper class "
        f"is that of the source's training labels. Of these {count} intervals about "
        f"{0.05 * count:.1f} are expected to miss.",
        markdown_table(["difference", *part_heads], parts),
        INCONCLUSIVE,
        "## Chosen without labels of the target",
        "\n".join(chosen),
        "To confirm a setting, run the sweep with it alone, on seeds that had no part in choosing "
        f"it (`--seeds {first}-{first + 4}`), and with another `--out`.",
    ]
    pair = " to ".join(corpus["title"] for corpus in corpora)
    return page(f"{grid.title}: {pair}, {results.args.dimension}", results, corpora, paragraphs)
