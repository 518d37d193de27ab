"""Choosing alpha and beta, which the paper does not give: a grid, and its significant differences.

The grid is a table with a row a setting. Every setting is compared with the same one without its
adversary (beta 0), paired by speaker: that is the adversary's own part. With dozens of settings
some will look good by chance, so the setting to take is chosen by what needs no labels of the
target, and confirmed on seeds of its own.
"""

import argparse

from minidann import feeding
from minidann.choices import SCHEDULES, SELECTION
from minidann.console import UserError
from minidann.report.paper import Row, Table, make_row
from minidann.report.results import Results
from minidann.report.tables import Line
from minidann.report.writing import markdown_table, page, percent, title_of

LAST = 10  # epochs over which the domain UAR is averaged
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


def setting(bn: str, alpha: float, beta: float, schedule: str = "constant") -> Row:
    """A place of the grid, as the row of a table."""
    name = f"{bn}, alpha {alpha:g}, beta {beta:g}" + f" {schedule}" * (beta > 0)
    return make_row(name, model="our", bn=bn, alpha=alpha, beta=beta, beta_schedule=schedule)


def table(args: argparse.Namespace) -> Table:
    """The settings that `args` ask for, each once; planned is the adversary's part in each."""
    if min(args.betas) <= 0:
        raise UserError("--betas: expected numbers above 0; beta 0 is there in any case")
    rows, parts = {}, {}
    for bn in args.modes:
        for alpha in args.alphas:
            without = setting(bn, alpha, 0.0)
            rows[without] = None
            for schedule in args.schedules:
                for row in [setting(bn, alpha, beta, schedule) for beta in args.betas]:
                    rows[row], parts[row.name] = None, {row: 1, without: -1}
    return Table("Alpha, beta, schedule and batch norm", tuple(rows), parts)


def markdown(results: Results, corpora: list[dict], lines: list[Line]) -> str:
    """The grid as a table, its significant differences, and the settings to choose."""
    settings, column = table(results.args), (0, results.args.dimension)
    figures = {(line.kind, line.criterion, line.name): line.estimates[0] for line in lines}
    names = [SELECTION[criterion].column for criterion in UNSUPERVISED]
    best, rows = {}, []
    for row in settings.rows:
        domain, *curves = results.curves(row, column, "domain_uar", *names).swapaxes(0, 1)
        domain = domain[:, -LAST:].mean()  # of each: (seeds, epochs)
        best[row] = dict(zip(UNSUPERVISED, (curve.max(axis=1).mean() for curve in curves)))
        cells = [row.name]
        for criterion in SELECTION:
            part = figures.get(("difference", criterion, row.name))  # with beta 0 there is none
            cells.append(percent(figures["cell", criterion, row.name]))
            cells.append(percent(part, difference=True) if part else "")
        cells += [f"{100 * domain:.0f}", f"{best[row]['information']:.3f}"]
        rows.append([*cells, f"{100 * best[row]['source']:.1f}"])
    heads = ["setting"]
    for criterion in SELECTION.values():
        heads += [f"by {criterion.by}", "the adversary's part"]
    chosen = []
    for criterion, name in UNSUPERVISED.items():
        row = max(settings.rows, key=lambda row: best[row][criterion])
        chosen.append(f"- By the largest {name}: {choice(row, figures, criterion, results.args)}.")
    count = len(settings.planned)
    differences = [f"- {title_of(name)}. {counted(results, figures, name)}" for name in SELECTION]
    parts = [
        "Test UAR in %, with the epoch chosen in three ways: mean over seeds (standard "
        "deviation over seeds) [95% interval over speakers]. The adversary's part is the "
        "difference to the same setting with beta 0, paired by speaker; `~`: inconclusive, "
        "over speakers or over seeds. Domain UAR: the domain classifier on development "
        f"utterances and as many of the source, mean of the last {LAST} epochs; 50 is "
        "guessing. Mutual information of input and prediction (nats) and source validation UAR "
        "are those of their best epochs.",
        markdown_table([*heads, "domain UAR", *UNSUPERVISED.values()], rows),
        "## Significant differences",
        "\n".join(differences),
        f"Of {count} intervals that miss 5 times in 100, about {0.05 * count:.1f} do, half of them "
        "on either side.",
        "## Chosen without labels of the target",
        "\n".join(chosen),
    ]
    pair = " to ".join(corpus["title"] for corpus in corpora)
    return page(f"{settings.title}: {pair}, {results.args.dimension}", results, corpora, parts)


def counted(results: Results, figures: dict, criterion: str) -> str:
    """Which settings differ significantly from no adversary, and how many from the best."""
    settings, column = table(results.args), (0, results.args.dimension)
    parts = {name: figures["difference", criterion, name] for name in settings.planned}
    significant = {name: part.value for name, part in parts.items() if part.significant}
    above = [name for name, value in significant.items() if value > 0]
    below = [name for name, value in significant.items() if value < 0]
    listed = (f"{len(names)}" + f" ({'; '.join(names)})" * bool(names) for names in (above, below))
    best = max(settings.rows, key=lambda row: figures["cell", criterion, row.name].value)
    others = [row for row in settings.rows if row != best]
    less = [results.estimate({row: 1, best: -1}, {column: 1}, {criterion: 1}) for row in others]
    worse = sum(figure.significant and figure.value < 0 for figure in less)
    return (
        "Of {} settings the adversary's part is significantly above zero in {} and below in {}; "
        "the rest are inconclusive. The best is {}; {} of the other {} are significantly below it."
    ).format(len(parts), *listed, best.name, worse, len(others))


def choice(row: Row, figures: dict, criterion: str, args: argparse.Namespace) -> str:
    """A setting that was chosen: its test UAR, and the command that confirms it."""
    text = f"{row.name}; test UAR {percent(figures['cell', criterion, row.name])}"
    part = figures.get(("difference", criterion, row.name))
    if not part:
        return text
    chosen, first = dict(row.choices), args.seeds[-1] + 1
    return (
        f"{text}, the adversary's part {percent(part, difference=True)}. To confirm "
        "it, on seeds that had no part in choosing it: "
        f"`--alphas {chosen['alpha']} --betas {chosen['beta']} --schedules "
        f"{chosen['beta_schedule']} --modes {chosen['bn']} --seeds {first}-{first + 4}`, and "
        "another `--out`"
    )
