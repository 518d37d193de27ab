"""Choosing alpha and beta, which the paper does not give: a grid, and its significant differences.

Every setting is compared with the same one without its adversary (beta 0), paired by speaker: that
is the adversary's own part. With dozens of settings some will look good by chance, so the setting
to take is chosen by what needs no labels of the target, and confirmed on seeds of its own.
"""

import argparse

import numpy as np

from minidann import feeding
from minidann.choices import SCHEDULES, SELECTION
from minidann.console import UserError
from minidann.measure.intervals import Estimate
from minidann.report.figures import STYLE, bars
from minidann.report.paper import Row, Terms, make_row
from minidann.report.results import Results
from minidann.report.writing import markdown_table, named, page, percent, title_of
from minidann.run.plots import DARK, GREEN, LIGHT, Figure, subplots

STYLES = (("-", DARK), ("--", GREEN), ("-.", LIGHT), (":", "black"))  # of alphas
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


def grid(args: argparse.Namespace) -> dict[Row, Row]:
    """Each setting that `args` asks for, once, and the same without its adversary: beta 0."""
    if min(args.betas) <= 0:
        raise UserError("--betas: expected numbers above 0; beta 0 is there in any case")
    settings = {}
    for bn in args.modes:
        for alpha in args.alphas:
            without = setting(bn, alpha, 0.0)
            settings[without] = without
            for schedule in args.schedules:
                settings |= {setting(bn, alpha, beta, schedule): without for beta in args.betas}
    return settings


class Sweep:
    """What the finished runs of the grid say, on the first direction."""

    def __init__(self, results: Results):
        self.args, self.results = results.args, results
        self.column = (0, self.args.dimension)
        self.grid = grid(self.args)
        self.tried = [row for row, without in self.grid.items() if row != without]

    def estimate(self, rows: Terms, criterion: str) -> Estimate:
        """The test UAR of a setting, or a difference of settings."""
        return self.results.estimate(rows, {self.column: 1}, {criterion: 1})

    def part(self, row: Row, criterion: str) -> Estimate:
        """The adversary's part: the test UAR of a setting less that of the same without it."""
        return self.estimate({row: 1, self.grid[row]: -1}, criterion)

    def watched(self, row: Row) -> dict[str, float]:
        """Means over seeds: domain UAR at the end; what could choose a setting without labels."""
        columns = [SELECTION[criterion].column for criterion in UNSUPERVISED]
        curves = self.results.curves(row, self.column, "domain_uar", *columns)
        domain, *best = curves.swapaxes(0, 1)  # (seeds, epochs) each
        found = {name: float(curve.max(axis=1).mean()) for name, curve in zip(UNSUPERVISED, best)}
        return {"domain": float(domain[:, -LAST:].mean()), **found}

    def markdown(self, corpora: list[dict]) -> str:
        """The grid as a table, its significant differences, and the settings to choose."""
        pair = " to ".join(corpus["title"] for corpus in corpora)
        watched = {row: self.watched(row) for row in self.grid}
        heads, rows = ["setting"], []
        for criterion in SELECTION.values():
            heads += [f"by {criterion.by}", "the adversary's part"]
        for row in self.grid:
            cells = [row.name]
            for criterion in SELECTION:
                cells.append(percent(self.estimate({row: 1}, criterion)))
                cells.append(percent(self.part(row, criterion), True) if row in self.tried else "")
            saw = watched[row]
            cells += [f"{100 * saw['domain']:.0f}", f"{saw['information']:.3f}"]
            rows.append([*cells, f"{100 * saw['source']:.1f}"])
        title = f"Alpha, beta, schedule and batch norm: {pair}, {self.args.dimension}"
        differences = [f"- {title_of(name)}. {self.differences(name)}" for name in SELECTION]
        chosen = []
        for criterion, name in UNSUPERVISED.items():
            best = max(self.grid, key=lambda row: watched[row][criterion])
            chosen.append(f"- By the largest {name}: {self.choice(best, criterion)}.")
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
            f"Of {len(self.tried)} intervals that miss 5 times in 100, about "
            f"{0.05 * len(self.tried):.1f} do, half of them on either side.",
            "## Chosen without labels of the target",
            "\n".join(chosen),
        ]
        return page(title, self.results, corpora, parts)

    def differences(self, criterion: str) -> str:
        """Which settings differ significantly from no adversary, and which from the best."""
        parts = {row.name: self.part(row, criterion) for row in self.tried}
        significant = {name: part.value for name, part in parts.items() if part.significant}
        above = [name for name, value in significant.items() if value > 0]
        below = [name for name, value in significant.items() if value < 0]
        best = max(self.grid, key=lambda row: self.estimate({row: 1}, criterion).value)
        less = [self.estimate({row: 1, best: -1}, criterion) for row in self.grid if row != best]
        worse = sum(figure.significant and figure.value < 0 for figure in less)
        return (
            f"Of {len(parts)} settings the adversary's part is significantly above zero in "
            f"{_counted(above)} and below in {_counted(below)}; the rest are inconclusive. The "
            f"best is {best.name}; {worse} of the other {len(less)} are significantly below it."
        )

    def choice(self, row: Row, criterion: str) -> str:
        """A setting that was chosen: its test UAR, and the command that confirms it."""
        text = f"{row.name}; test UAR {percent(self.estimate({row: 1}, criterion))}"
        if row not in self.tried:
            return text
        chosen, first = dict(row.choices), self.args.seeds[-1] + 1
        return (
            f"{text}, the adversary's part {percent(self.part(row, criterion), True)}. To confirm "
            "it, on seeds that had no part in choosing it: "
            f"`--alphas {chosen['alpha']} --betas {chosen['beta']} --schedules "
            f"{chosen['beta_schedule']} --modes {chosen['bn']} --seeds {first}-{first + 4}`, and "
            "another `--out`"
        )

    def figure(self, corpora: list[dict]) -> Figure:
        """UAR and domain UAR over beta: a column for each batch norm and schedule."""
        alphas, betas = self.args.alphas, self.args.betas
        places = [(bn, schedule) for bn in self.args.modes for schedule in self.args.schedules]
        figure, axes = subplots(
            3, len(places), figsize=(3.4 * len(places), 7.5), sharex=True, sharey="row",
            squeeze=False,
        )  # fmt: skip
        x = np.arange(1 + len(betas))
        for i, (bn, schedule) in enumerate(places):
            for k, alpha in enumerate(alphas):
                style, colour = STYLES[k % len(STYLES)]
                offset = 0.08 * (k - (len(alphas) - 1) / 2)  # bars beside each other
                line = [setting(bn, alpha, beta, schedule) for beta in betas]
                line.insert(0, self.grid[line[0]])
                for axis, criterion in zip(axes[:2, i], ("target", "information")):
                    value, reach = bars([self.estimate({row: 1}, criterion) for row in line])
                    axis.errorbar(
                        x + offset, value, yerr=reach, ls=style,
                        marker=STYLE[criterion][0], color=colour, ms=4,
                        lw=1.2, elinewidth=0.7, label=f"alpha {alpha:g}",
                    )  # fmt: skip
                domain = [100 * self.watched(row)["domain"] for row in line]
                axes[2, i].plot(x + offset, domain, style, marker="d", ms=4, color=colour)
            known = {"bn1": "batch norm", "none": "no batch norm"}
            axes[0, i].set_title(f"{known.get(bn, f'batch norm {bn}')}, {schedule}", fontsize=9)
            axes[2, i].set_xticks(x, ["0", *(f"{beta:g}" for beta in betas)])
            axes[2, i].set_xlabel("beta")
        for axis in axes.flat:
            axis.axhline(50, color="0.7", lw=0.8, zorder=0)  # chance
        for axis, criterion in zip(axes[:2, 0], ("target", "information")):
            axis.set_ylabel(f"test UAR (%), epoch by\n{SELECTION[criterion].by}")
        axes[2, 0].set_ylabel(f"domain UAR (%),\nlast {LAST} epochs")
        axes[0, 0].legend(frameon=False, fontsize=8)
        figure.suptitle(
            f"{' to '.join(named(corpora))}: {self.args.dimension}\n"
            "bars: 95% interval over the target's speakers",
            fontsize=10,
        )
        return figure


def _counted(names: list[str]) -> str:
    """`2 (these, those)`."""
    return f"{len(names)} ({'; '.join(names)})" if names else "0"
