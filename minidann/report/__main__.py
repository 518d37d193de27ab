"""The command line of `minidann.report`."""

import argparse
import re
import time
from pathlib import Path

from minidann import console, train
from minidann.console import clock
from minidann.corpora import DIMENSIONS
from minidann.ops import parallel
from minidann.report import claims, doctor, figures, launch, plan, sweep, tables, writing
from minidann.report.paper import BASE, OUR, TABLES, TITLES
from minidann.report.results import Results
from minidann.run import plots, setup, store

FIGURES = ("figure2", "figure3")
HELP = {
    **{name: title.split(": ")[1] for name, title in TITLES.items()},
    "figure2": "the encoder's output in two dimensions: base and our, by language and by emotion",
    "figure3": "domain loss, domain UAR and emotion UAR by epoch",
    "claims": "what the paper claims, line by line: does it hold here?",
    "all": "all of these",
}


def seeds(text: str) -> range:
    """`5` as the seeds 0 to 4, `5-9` as those."""
    match = re.fullmatch(r"(?:(\d{1,9})-)?(\d{1,9})", text)
    numbers = range(0)
    if match:
        first, last = match.groups()
        numbers = range(int(last)) if first is None else range(int(first), int(last) + 1)
    if not 0 < len(numbers) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a count, or first-last such as 5-9")
    return numbers


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected 1 or more")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = console.Parser(
        prog="python -m minidann.report",
        description="Every table and figure of the paper by one command each: runs what is "
        "missing, and writes Markdown, CSV and figures. Stopped, the same command goes on.",
    )
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    how = {"formatter_class": argparse.ArgumentDefaultsHelpFormatter}
    for name, text in {**HELP, "sweep": "alpha, beta, schedule and batch norm over a grid"}.items():
        command = commands.add_parser(name, help=text, description=text, **how)
        steering = plan.STEERING if name == "sweep" else ()
        shared = [choice for choice in plan.SHARED if choice not in steering]
        groups = train.add_shared_flags(command, shared)
        few = "3" if name == "sweep" else "5"
        groups["training"].add_argument("--seeds", type=seeds, default=few,
                                        help="how many, or first-last such as 5-9")  # fmt: skip
        files = groups["files"]
        files.add_argument("--out", type=Path, metavar="DIR",
                           help="of all files; named after the corpora below reports/")  # fmt: skip
        files.add_argument("--jobs", type=count, default=parallel.threads(),
                           help="runs at a time")  # fmt: skip
        files.add_argument("--list", action="store_true", help="print the command of every "
                           "missing run, and run nothing")  # fmt: skip
        if name in (*FIGURES, "sweep", "all"):
            groups["corpora"].add_argument("--dimension", choices=DIMENSIONS, default="arousal",
                                           help="of figures and sweep")  # fmt: skip
        if name == "sweep":
            sweep.add_options(groups["model"])
    examine = commands.add_parser("doctor", help="is my DANN working? a page on one run")
    examine.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    return p


def needed(results: Results, command: str) -> list:
    """The runs that a command is made of."""
    args = results.args
    if command in TABLES:
        return results.runs_of(TABLES[command])
    if command == "claims":
        return results.runs_of(claims.ROWS)
    if command == "sweep":
        return sweep.Sweep(results).runs
    if command == "figure2":
        return [results.run(row, (0, args.dimension), args.seeds[0]) for row in (BASE, OUR)]
    return results.runs_of([OUR], [(0, args.dimension)])


def write(results: Results, command: str, wanted: list) -> list[Path]:
    """Make the table or figure of a command from finished runs; -> the files."""
    args, corpora = results.args, results.corpora(wanted)
    if command in TABLES:
        found, title = tables.entries(results, command), TITLES[command]
        store.write(
            args.out / f"{command}.md", writing.markdown(results, command, corpora, found).encode()
        )
        store.write(args.out / f"{command}.csv", writing.as_csv(command, corpora, found).encode())
        place = " and ".join(writing.named(corpora))
        figure = figures.table(found, writing.heads_of(corpora), f"{title}. {place}")
        plots.save(figure, args.out / f"{command}.png")
        return [args.out / f"{command}.{kind}" for kind in ("md", "csv", "png")]
    if command == "claims":
        text = claims.markdown(claims.claims(results), writing.about(results, corpora))
        store.write(args.out / "claims.md", text.encode())
        return [args.out / "claims.md"]
    if command == "sweep":
        return sweep.Sweep(results).write(corpora)
    path = args.out / f"{command}-{args.dimension}.png"
    if command == "figure2":
        plots.save(figures.figure2(results, corpora, args.dimension), path)
    else:
        way = " to ".join(writing.named(corpora))
        plots.save(figures.figure3(results, way, args.dimension), path)
    return [path]


def main() -> None:
    args = parser().parse_args()
    if args.command == "doctor":
        print(doctor.page(args.run), end="")
        return
    began = time.monotonic()
    args.out = args.out or Path("reports", plan.pair_of(args).title)
    results = Results(args)
    names = [name for name in HELP if name != "all"] if args.command == "all" else [args.command]
    parts = {name: needed(results, name) for name in names}
    wanted = list({run.out: run for part in parts.values() for run in part}.values())
    results.refuse_others(wanted)
    missing = [run for run in wanted if not run.finished]
    if args.list:
        for run in missing:
            print(run.command)
        return
    if missing:  # both corpora read and their features extracted once, not by each of the runs
        run = max(missing, key=lambda run: run.choices.model != "mono")
        setup.prepare(run.choices, run.places, args.cache, args.skip_bad)
    launch.launch(wanted, args.jobs, lambda line: print(line, flush=True))
    written = [path for name, part in parts.items() for path in write(results, name, part)]
    print(*written, sep="\n")
    print(f"{clock(time.monotonic() - began)} for {len(wanted)} runs and what is made of them")


if __name__ == "__main__":
    console.run(main)
