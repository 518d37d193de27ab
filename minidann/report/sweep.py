"""Choosing alpha and beta, which the paper does not give: a grid, and its significant differences.

Every setting is compared with the same one without its adversary (beta 0), paired by speaker: that
is the adversary's own part. With dozens of settings some will look good by chance, so the setting
to take is chosen by what needs no labels of the target, and confirmed on seeds of its own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minidann import feeding
from minidann.choices import SCHEDULES
from minidann.console import UserError
from minidann.measure.intervals import Estimate
from minidann.report.figures import STYLE, bars
from minidann.report.paper import Row
from minidann.report.results import Results
from minidann.report.tables import CRITERIA
from minidann.report.writing import about, named, percent
from minidann.run import plots, store
from minidann.run.plots import DARK, GREEN, LIGHT, Figure, plt

STYLES = (("-", DARK), ("--", GREEN), ("-.", LIGHT), (":", "black"))  # of alphas
LAST = 10  # epochs over which the domain UAR is averaged


@dataclass(frozen=True)
class Setting:
    """One place of the grid."""

    bn: str
    alpha: float
    beta: float
    schedule: str = "constant"

    @property
    def row(self) -> Row:
        """The row of a table, with the flags of `minidann.train`."""
        choices = {"model": "our", "bn": self.bn, "alpha": self.alpha, "beta": self.beta}
        return Row(self.name, (*choices.items(), ("beta_schedule", self.schedule)))

    @property
    def name(self) -> str:
        """What it is called in tables."""
        schedule = f" {self.schedule}" if self.beta else ""
        return f"{self.bn}, alpha {self.alpha:g}, beta {self.beta:g}{schedule}"

    @property
    def without(self) -> "Setting":
        """The same, but for the adversary."""
        return Setting(self.bn, self.alpha, 0.0)


def add_options(group) -> None:
    """The grid, as flags of an argparse `group`. Beside each setting stands that with beta 0."""
    for flag, kind, default, text in (
        ("--alphas", float, (0.5, 0.8), "weights of the emotion loss"),
        ("--betas", float, (0.1, 0.3, 1.0, 3.0), "scales of the reversed gradient, above 0"),
        ("--schedules", str, SCHEDULES, "of beta"),
        ("--modes", str, ("bn1", "none"), "with and without batch norm"),
    ):
        known = {"--schedules": SCHEDULES, "--modes": feeding.MODES}.get(flag)
        group.add_argument(flag, type=kind, nargs="+", default=default, choices=known, help=text)


class Sweep:
    """The grid on the first direction, and what its finished runs say."""

    def __init__(self, results: Results):
        self.args, self.results = results.args, results
        self.column = (0, self.args.dimension)
        if min(self.args.betas) <= 0:
            raise UserError("--betas: expected numbers above 0; beta 0 is there in any case")
        self.modes, self.alphas, self.betas, self.schedules = (  # each once, in the order given
            list(dict.fromkeys(getattr(self.args, name)))
            for name in ("modes", "alphas", "betas", "schedules")
        )
        self.settings = [
            setting
            for bn in self.modes
            for alpha in self.alphas
            for setting in (
                Setting(bn, alpha, 0.0),
                *(
                    Setting(bn, alpha, beta, schedule)
                    for schedule in self.schedules
                    for beta in self.betas
                ),
            )
        ]
        self.runs = results.runs_of([setting.row for setting in self.settings], [self.column])

    def uar(self, setting: Setting, criterion: str) -> Estimate:
        """The test UAR of a setting."""
        return self.results.estimate({setting.row: 1}, [self.column], criterion)

    def less(self, setting: Setting, subtracted: Setting, criterion: str) -> Estimate:
        """The test UAR of a setting less that of another."""
        return self.results.estimate({setting.row: 1, subtracted.row: -1}, [self.column], criterion)

    def watched(self, setting: Setting) -> dict[str, float]:
        """Means over seeds: domain UAR at the end; what could choose a setting without labels."""
        names = ("domain_uar", "source_val_uar", "mutual_information")
        curves = np.stack(
            [
                self.results.curves(setting.row, self.column, seed, *names)
                for seed in self.args.seeds
            ]
        )  # (seeds, 3, epochs)
        return {
            "domain_uar": float(curves[:, 0, -LAST:].mean()),
            "source": float(curves[:, 1].max(axis=1).mean()),
            "information": float(curves[:, 2].max(axis=1).mean()),
        }

    def markdown(self, corpora: tuple[dict, dict]) -> str:
        """The grid as a table, its significant differences, and the settings to choose."""
        titles = [corpus["title"] for corpus in corpora]
        watched = {setting: self.watched(setting) for setting in self.settings}
        heads = ["setting"]
        for title in ("with labels", "by source validation", "by mutual information"):
            heads += [title, "the adversary's part"]
        heads += ["domain UAR", "mutual information", "source validation UAR"]
        lines = [
            f"# Alpha, beta, schedule and batch norm: {' to '.join(titles)}, {self.args.dimension}",
            "",
            *about(self.results, corpora),
            "",
            "Test UAR in %, with the epoch chosen in three ways: mean over seeds (standard "
            "deviation over seeds) [95% interval over speakers]. The adversary's part is the "
            "difference to the same setting with beta 0, paired by speaker; `~`: inconclusive, "
            "over speakers or over seeds. Domain UAR: the domain classifier on development "
            f"utterances and as many of the source, mean of the last {LAST} epochs; 50 is "
            "guessing. Mutual information of input and prediction (nats) and source validation UAR "
            "are those of their best epochs.",
            "",
            f"| {' | '.join(heads)} |",
            "|---" * len(heads) + "|",
        ]
        for setting in self.settings:
            cells = [setting.name]
            for criterion in CRITERIA:
                cells.append(percent(self.uar(setting, criterion)))
                part = self.less(setting, setting.without, criterion)
                cells.append(percent(part, True) if setting.beta else "")
            saw = watched[setting]
            cells += [f"{100 * saw['domain_uar']:.0f}", f"{saw['information']:.3f}"]
            lines.append(f"| {' | '.join(cells)} | {100 * saw['source']:.1f} |")
        lines += ["", "## Significant differences", ""]
        for criterion, title in CRITERIA.items():
            lines.append(f"- {title}. {self.differences(criterion)}")
        tried = len(self.settings) - len(self.modes) * len(self.alphas)
        lines += [
            "",
            f"Of {tried} intervals that miss 5 times in 100, about {0.05 * tried:.1f} do, half of "
            "them on either side.",
            "",
            "## Chosen without labels of the target",
            "",
        ]
        for criterion, by in (
            ("information", "mutual information"),
            ("source", "source validation UAR"),
        ):
            best = max(self.settings, key=lambda setting: watched[setting][criterion])
            line = f"- By the largest {by}: {best.name}; test UAR "
            line += percent(self.uar(best, criterion))
            if best.beta:
                first = self.args.seeds[-1] + 1
                part = percent(self.less(best, best.without, criterion), True)
                line += (
                    f", the adversary's part {part}. To confirm it, on seeds that had no part in "
                    f"choosing it: `--alphas {best.alpha} --betas {best.beta} --schedules "
                    f"{best.schedule} --modes {best.bn} --seeds {first}-{first + 4}`, and another "
                    "`--out`"
                )
            lines.append(f"{line}.")
        return "\n".join(lines) + "\n"

    def differences(self, criterion: str) -> str:
        """Which settings differ significantly from no adversary, and which from the best."""
        tried = [setting for setting in self.settings if setting.beta]
        parts = {setting.name: self.less(setting, setting.without, criterion) for setting in tried}
        significant = {name: part.value for name, part in parts.items() if part.significant}
        above = [name for name, value in significant.items() if value > 0]
        below = [name for name, value in significant.items() if value < 0]
        best = max(self.settings, key=lambda setting: self.uar(setting, criterion).value)
        less = [self.less(setting, best, criterion) for setting in self.settings if setting != best]
        worse = sum(difference.significant and difference.value < 0 for difference in less)
        return (
            f"Of {len(tried)} settings the adversary's part is significantly above zero in "
            f"{len(above)}{_named(above)} and below in {len(below)}{_named(below)}; the rest are "
            f"inconclusive. The best is {best.name}; {worse} of the other "
            f"{len(self.settings) - 1} are significantly below it."
        )

    def figure(self, title: str) -> Figure:
        """UAR and domain UAR over beta: a column for each batch norm and schedule."""
        alphas, betas = self.alphas, self.betas
        places = [(bn, schedule) for bn in self.modes for schedule in self.schedules]
        figure, axes = plt.subplots(
            3, len(places), figsize=(3.4 * len(places), 7.5), sharex=True, sharey="row",
            layout="constrained", squeeze=False,
        )  # fmt: skip
        x = np.arange(1 + len(betas))
        for i, (bn, schedule) in enumerate(places):
            for k, alpha in enumerate(alphas):
                style, colour = STYLES[k % len(STYLES)]
                offset = 0.08 * (k - (len(alphas) - 1) / 2)  # bars beside each other
                line = [Setting(bn, alpha, 0.0)]
                line += [Setting(bn, alpha, beta, schedule) for beta in betas]
                for axis, criterion in zip(axes[:2, i], ("target", "information")):
                    value, reach = bars([self.uar(setting, criterion) for setting in line])
                    axis.errorbar(
                        x + offset, value, yerr=reach, ls=style,
                        marker=STYLE[criterion][0], color=colour, ms=4,
                        lw=1.2, elinewidth=0.7, label=f"alpha {alpha:g}",
                    )  # fmt: skip
                domain = [100 * self.watched(setting)["domain_uar"] for setting in line]
                axes[2, i].plot(x + offset, domain, style, marker="d", ms=4, color=colour)
            known = {"bn1": "batch norm", "none": "no batch norm"}
            axes[0, i].set_title(f"{known.get(bn, f'batch norm {bn}')}, {schedule}", fontsize=9)
            axes[2, i].set_xticks(x, ["0", *(f"{beta:g}" for beta in betas)])
            axes[2, i].set_xlabel("beta")
        for axis in axes.flat:
            axis.axhline(50, color="0.7", lw=0.8, zorder=0)  # chance
        axes[0, 0].set_ylabel("test UAR (%),\nepoch by target labels")
        axes[1, 0].set_ylabel("test UAR (%),\nepoch by mutual information")
        axes[2, 0].set_ylabel(f"domain UAR (%),\nlast {LAST} epochs")
        axes[0, 0].legend(frameon=False, fontsize=8)
        figure.suptitle(f"{title}\nbars: 95% interval over the target's speakers", fontsize=10)
        return figure

    def write(self, corpora: tuple[dict, dict]) -> list[Path]:
        """Both files, from finished runs."""
        stem = self.args.out / f"sweep-{self.args.dimension}"
        store.write(stem.with_suffix(".md"), self.markdown(corpora).encode())
        figure = self.figure(f"{' to '.join(named(corpora))}: {self.args.dimension}")
        plots.save(figure, stem.with_suffix(".png"))
        return [stem.with_suffix(".md"), stem.with_suffix(".png")]


def _named(names: list[str]) -> str:
    return f" ({'; '.join(names)})" if names else ""
