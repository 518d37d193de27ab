"""`python -m minidann.gradcheck`: prove every gradient, or check yours."""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from minidann import console, ops
from minidann.console import UserError
from minidann.gradcheck import contract, proof, student
from minidann.gradcheck.report import CENTRAL_TOLERANCE, COMPLEX_TOLERANCE, Report


def show(reports) -> bool:
    """Print reports as they come; are all of them right?"""
    fine = True
    for report in reports:
        print(report, end="\n\n", flush=True)
        fine = fine and report.ok
    return fine


def show_with_sum(reports) -> bool:
    """Print reports, and how many tables are right."""
    reports = list(reports)
    fine = show(reports)
    right = sum(report.ok for report in reports)
    tables = "table" if len(reports) == 1 else "tables"
    print(f"{len(reports)} {tables}: {right} right, {len(reports) - right} wrong")
    return fine


def show_proof(seed: int) -> bool:
    started = time.monotonic()
    worst = {"central": 0.0, "complex": 0.0}
    fine = True
    for report in proof.prove(seed):
        fine &= show([report])
        for row in report.rows:
            for method in worst:
                worst[method] = np.fmax(worst[method], getattr(row, method))
    reversed_rightly, lines = proof.reversal(seed)
    print(lines, end="\n\n")
    print(
        f"largest relative errors: central differences {worst['central']:.1e} (at most "
        f"{CENTRAL_TOLERANCE:.0e}), complex step {worst['complex']:.1e} (at most "
        f"{COMPLEX_TOLERANCE:.0e}); {time.monotonic() - started:.1f} s"
    )
    return fine and reversed_rightly


def show_mutants(seed: int) -> bool:
    """The bank: killed or not, named or not; is every mutant killed?"""
    from minidann.gradcheck.bank import check_mutant, counts
    from minidann.mistakes import mutants  # the wrong code is loaded only where it is asked for

    verdicts = []
    for mutant in console.progress(mutants.BANK, len(mutants.BANK), "mutants", "checked"):
        verdict = check_mutant(mutant, np.random.default_rng(seed))
        verdicts.append(verdict)
        life = "killed  " if verdict.killed else "SURVIVES"
        half = "held out" if mutant.held_out else "known"
        named = ", ".join(verdict.kinds)
        print(f"{life}  {verdict.named:7}  {half:8}  {mutant.name}: {named}", flush=True)
    for half, held_out in (("written on", False), ("measured on", True)):
        print(f"{half}: {counts([v for v in verdicts if v.mutant.held_out is held_out])}")
    return all(verdict.killed for verdict in verdicts)


def show_random(count: int, seed: int) -> bool:
    wrong: list[Report] = []
    for report in console.progress(proof.random_checks(count, seed), count, "checking", "checks"):
        if not report.ok:
            wrong.append(report)
    show(wrong)
    print(f"{len(wrong)} false alarms in {count} checks of correct code")
    return not wrong


def main() -> None:
    as_written = argparse.RawDescriptionHelpFormatter  # leaves the lines of the epilog alone
    p = console.Parser(
        prog="python -m minidann.gradcheck",
        description="Compare every gradient with finite differences and the complex step; where\n"
        "one is wrong, say what is wrong with it. Exit code 0 if all are right, 1 if one is\n"
        "not, 2 if the command cannot be carried out.",
        epilog=contract.signatures(ops),
        formatter_class=as_written,
    )
    p.add_argument("--op", metavar="NAME", help=f"this op only: {', '.join(ops.__all__)}")
    p.add_argument("--file", type=Path, metavar="FILE", help="check this file's forward and "
                   "backward, as the op of --op or on its own example")  # fmt: skip
    instead = p.add_mutually_exclusive_group()
    bank = "check the bank of wrong backward passes: all must be caught"
    instead.add_argument("--mutants", action="store_true", help=bank)
    correct = "N checks of correct code with random shapes: none may fail"
    instead.add_argument("--random", type=int, metavar="N", help=correct)
    p.add_argument("--seed", type=int, default=0, help="of all random numbers (default: 0)")
    args = p.parse_args()
    if args.seed < 0 or (args.random is not None and args.random < 1):
        raise UserError("--seed: expected 0 or more; --random: 1 or more")
    if (args.file or args.op) and (args.mutants or args.random):
        raise UserError("--op and --file check one op; --mutants and --random check all of them")
    if args.file is not None:
        fine = show_with_sum(student.check_file(args.file, args.op, args.seed))
    elif args.mutants:
        fine = show_mutants(args.seed)
    elif args.random is not None:
        fine = show_random(args.random, args.seed)
    elif args.op is not None:
        op = getattr(ops, student.known_op(args.op))
        fine = show_with_sum(proof.check_op(args.op, op, np.random.default_rng(args.seed)))
    else:
        fine = show_proof(args.seed)
    if not fine:
        sys.exit(1)


if __name__ == "__main__":
    console.run(main)
