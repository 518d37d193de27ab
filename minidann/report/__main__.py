"""The command line of `minidann.report`."""

import argparse
import shlex
import sys
import time
from pathlib import Path

from minidann import console, train
from minidann.corpora import DIMENSIONS
from minidann.ops import parallel
from minidann.report import claims, doctor, figures, ladder, launch, ledger, runs, sweep, tables
from minidann.report.paper import BASE, CLAIMED, COLUMNS, OUR, PLACES, TABLES
from minidann.report.runs import Results, Run
from minidann.run import plots, setup, store

PAPER = {  # what `all` makes
    **{name: table.title.split(": ")[1] for name, table in TABLES.items()},
    "figure2": "the encoder's output in two dimensions: base and our, by language and by emotion",
    "figure3": "domain loss, domain UAR and emotion UAR by epoch",
    "claims": "what the paper claims, line by line: does it hold here?",
}
WHOLE = TABLES | {"ladder": ladder.TABLE}  # tables of both directions and both dimensions
FIGURES = {"figure2": figures.figure2, "figure3": figures.figure3}
HELP = PAPER | {
    "all": "all of these",
    "ladder": "what moves a recogniser across languages: input, batch norm, adversary, placebo",
    "sweep": "alpha, beta, schedule and batch norm over a grid",
}


def seeds(text: str) -> range:
    """`5` as the seeds 0 to 4, `5-9` as those."""
    first, dash, last = text.partition("-")
    numbers = range(int(first), int(last) + 1) if dash else range(int(first))
    if not numbers:
        raise ValueError("no seed")  # argparse says which argument
    return numbers


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = console.Parser(
        prog="python -m minidann.report",
        description="Every table and figure of the paper by one command each: runs what is "
        "missing, and writes Markdown, CSV and figures. Stopped, the same command goes on.",
    )
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    about = {"formatter_class": argparse.ArgumentDefaultsHelpFormatter}
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text, description=text, **about)
        command.set_defaults(direction=None)  # which a run has: a report goes both ways
        grid = {"sweep": runs.STEERING, "ladder": ("input", "normalise")}.get(name, ())
        groups = train.add_shared_flags(command, [s for s in runs.SHARED if s not in grid])
        few = "3" if name == "sweep" else "5"
        groups["training"].add_argument("--seeds", type=seeds, default=few,
                                        help="how many, or first-last such as 5-9")  # fmt: skip
        files = groups["files"]
        files.add_argument("--out", type=Path, metavar="DIR",
                           help="of all files; named after the corpora below reports/")  # fmt: skip
        files.add_argument("--jobs", type=int, default=parallel.threads(), help="runs at a time")
        files.add_argument("--list", action="store_true", help="print the command of every "
                           "missing run, and run nothing")  # fmt: skip
        groups["corpora"].add_argument("--dimension", choices=DIMENSIONS, default="arousal",
                                       help="of figures and sweep; tables have both")  # fmt: skip
        if name == "sweep":
            sweep.add_options(groups["model"])
    command = commands.add_parser("doctor", help="is my DANN working? a page on one run")
    command.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    return p


def runs_of(results: Results, command: str) -> list[Run]:
    """The runs that a command is made of."""
    if command == "claims" or command in WHOLE:
        return results.runs(CLAIMED if command == "claims" else WHOLE[command].rows, COLUMNS)
    first = (0, results.args.dimension)
    if command == "figure2":
        return [results.run(row, first, results.args.seeds[0]) for row in (BASE, OUR)]
    rows = sweep.table(results.args).rows if command == "sweep" else [OUR]
    return results.runs(rows, [first])


def drawn(results: Results, command: str) -> list[Run]:
    """Those of them whose folder is needed, because the ledger has no curves and no points."""
    if command == "claims":
        return results.runs([OUR], [(0, "arousal")])
    return runs_of(results, command) if command in FIGURES else []


def made(results: Results, command: str, corpora: list[dict]) -> dict[str, str | plots.Figure]:
    """The texts and the figures of a command from finished runs, by the names of their files."""
    if command == "claims":
        return {"claims.md": claims.markdown(results, corpora)}
    dimension = results.args.dimension
    if command in FIGURES:
        return {f"{command}-{dimension}.png": FIGURES[command](results, corpora, dimension)}
    stem, table, places = command, WHOLE.get(command), PLACES
    write = ladder.markdown if command == "ladder" else tables.markdown
    if command == "sweep":
        stem, table = f"sweep-{dimension}", sweep.table(results.args)
        places, write = [{(0, dimension): 1}], sweep.markdown
    heads, lines = tables.heads_of(corpora, places), tables.lines(results, table, places)
    return {
        f"{stem}.md": write(results, table, corpora, lines),
        f"{stem}.csv": tables.as_csv(command, heads, lines),
    }


def main() -> None:
    args = parser().parse_args()
    if args.command == "doctor":
        print(doctor.page(args.run), end="")
        return
    began, results = time.monotonic(), Results(args)
    names = [*PAPER] if args.command == "all" else [args.command]
    wanted, folders = (
        list(dict.fromkeys(run for name in names for run in which(results, name)))
        for which in (runs_of, drawn)
    )
    results.corpora(run for run in wanted if results.rows(run))  # refuses those that are not meant
    unfinished = [run for run in wanted if not run.finished]
    missing = [run for run in unfinished if run in folders or not results.rows(run)]
    if args.list:
        for run in missing:
            print(shlex.join(["python", *run.arguments]))
        if not missing:
            print("no run is missing", file=sys.stderr)
        return
    if missing:  # both corpora read and their features extracted once, not by each of the runs
        run = max(missing, key=lambda run: run.choices.model != "mono")
        setup.prepare(run.choices, (run.source.place, run.target.place), args.cache, args.skip_bad)
        launch.launch(missing, args.jobs, console.say)
        results.rows.cache_clear()
    corpora = results.corpora(wanted)
    noted = ledger.read(results.ledger)  # again, as another report may have written there by now
    ledger.write(results.ledger, noted | {run.out.name: results.rows(run) for run in wanted})
    for name in names:
        for file, content in made(results, name, corpora).items():
            if isinstance(content, str):
                store.write(args.out / file, content.encode())
            else:
                plots.save(content, args.out / file)
            print(args.out / file)
    duration = console.clock(time.monotonic() - began)
    print(f"{duration} for {len(wanted)} runs and what is made of them")


if __name__ == "__main__":
    console.run(main)
