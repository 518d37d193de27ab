"""The command line of `minidann.report`."""

import argparse
import re
from pathlib import Path

from minidann import console, parallel, train
from minidann.report import launch, paper, plan


def seeds(text: str) -> range:
    """`5` as the seeds 0 to 4, `5-9` as those."""
    match = re.fullmatch(r"(?:(\d{1,9})-)?(\d{1,9})", text)
    numbers = range(0)
    if match:
        first, last = match.groups()
        numbers = range(int(last)) if first is None else range(int(first), int(last) + 1)
    if not numbers:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a count, or first-last such as 5-9")
    return numbers


def parser() -> argparse.ArgumentParser:
    p = console.Parser(prog="python -m minidann.report", description="")
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in ("table1", "table2", "table3", "all"):
        one = commands.add_parser(name, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        train.shared_options(one)
        one.add_argument("--seeds", type=seeds, default="5", help="how many, or first-last")
        one.add_argument("--jobs", type=int, default=parallel.threads(), help="runs at a time")
        one.add_argument("--out", type=Path, metavar="DIR", help="")
        one.add_argument("--list", action="store_true", help="")
    return p


def main() -> None:
    args = parser().parse_args()
    names = paper.TABLES if args.command == "all" else [args.command]
    rows = [row for name in names for row in paper.TABLES[name]]
    wanted = {}
    for seed in args.seeds:
        for direction, dimension in paper.COLUMNS:
            for row in rows:
                run = plan.run_of(args, row, direction, dimension, seed)
                wanted[run.out] = run
    if args.list:
        print(*(run.command for run in wanted.values() if not run.finished), sep="\n")
        return
    launch.launch(list(wanted.values()), args.jobs, lambda line: print(line, flush=True))


if __name__ == "__main__":
    console.run(main)
