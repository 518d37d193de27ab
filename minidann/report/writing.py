"""Numbers, headings and tables as all texts of a report have them.

No times are in them: the same runs give the same bytes.
"""

import numpy as np

from minidann.choices import FLAGS, SELECTION, flag_of
from minidann.measure.intervals import Estimate
from minidann.report import plan
from minidann.report.results import Results


def title_of(criterion: str) -> str:
    """A selection criterion as a heading."""
    return f"Epoch selected by {SELECTION[criterion].by}"


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    first, *rest = (f"| {' | '.join(cells)} |" for cells in (heads, *rows))
    return "\n".join([first, "|---" * len(heads) + "|", *rest])


def bracket(figure: Estimate) -> str:
    """`[65.1, 75.4]`: the interval over speakers, in %."""
    if not figure.interval:
        return "no interval"
    return "[{:.1f}, {:.1f}]".format(*(100 * end for end in figure.interval))


def percent(figure: Estimate, difference: bool = False) -> str:
    """`70.3 (2.5) [65.1, 75.4]`: mean, standard deviation over seeds, interval over speakers, in %.

    A difference has its sign, and `~` behind it where it is inconclusive.
    """
    spread = "-" if np.isnan(figure.spread) else f"{100 * figure.spread:.1f}"
    value = f"{100 * figure.value:{'+' if difference else ''}.1f}"
    mark = " ~" if difference and not figure.significant else ""
    return f"{value} ({spread}) {bracket(figure)}{mark}"


def named(corpora: list[dict]) -> list[str]:
    """Both corpora with what kind of speech they are, as headings and legends have it."""
    return [f"{corpus['title']} ({corpus['kind']})" for corpus in corpora]


def page(title: str, results: Results, corpora: list[dict], parts: list[str]) -> str:
    """A Markdown text of a report: its title, what it is about, and its paragraphs and tables.

    It is about these corpora, what kind of speech they are, the seeds, the flags.
    """
    about = [
        f"- {name}: {corpus['utterances']} utterances, {corpus['speakers']} speakers"
        + (f", {corpus['left_out']} left out as unusable" if corpus["left_out"] else "")
        for name, corpus in zip(named(corpora), corpora)
    ]
    if any("synthetic" in corpus["kind"] for corpus in corpora):
        about.append("- **Synthetic speech**: these numbers can only show that the code works.")
    args, flags = results.args, ""
    for name, value in plan.given(args).items():
        if name != "epochs" and value != FLAGS[name].default:
            flags += f" {flag_of(name)} {value}"
    flags += " --skip-bad" * args.skip_bad
    first, last = args.seeds[0], args.seeds[-1]
    seeds = f"seeds {first} to {last}" if last > first else f"seed {first}"
    about.append(f"- {seeds}, {args.epochs} epochs" + f";{flags}" * bool(flags))
    return "\n\n".join([f"# {title}", "\n".join(about), *filter(None, parts)]) + "\n"
