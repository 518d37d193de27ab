"""`python -m minidann.gradcheck`: prove every gradient, or check yours."""

import argparse
import inspect
import sys
import time
from pathlib import Path

import numpy as np

from minidann import console, ops
from minidann.console import UserError
from minidann.gradcheck import proof, student
from minidann.gradcheck.report import CENTRAL_TOLERANCE, COMPLEX_TOLERANCE

CONTRACT = """a file for --file has two functions, and a third if --op is not given:
  forward(*arrays, **options) -> (out, cache)   float64 in, float64 out; complex in, complex out
  backward(dout, cache) -> (d_first, d_second, ...)   a tuple with one gradient for each array
  example(rng) -> (arrays, options)   a small legal input: a tuple of arrays, a dict of options
No input is written to, and what is random must come in as an option (dropout's mask). Where two
values are compared, compare their real parts: the complex step needs it. An argument whose gradient
must be zero on the example is declared in the file: ZEROS = ("v",)
The ops of --op:"""


def signatures() -> str:
    """The contract, and forward of each op as `--op` expects it."""
    lines = [CONTRACT]
    for name in ops.__all__:
        given = inspect.signature(getattr(ops, name).forward).parameters.values()
        bare = inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in given])
        lines.append(f"  {name}: forward{bare}")
    return "\n".join(lines)


def show(reports) -> bool:
    """Print reports as they come; are all of them right?"""
    fine = True
    for report in reports:
        print(report, end="\n\n", flush=True)
        fine = fine and report.ok
    return fine


def show_proof(seed: int) -> bool:
    """Everything, and the largest errors; is all of it right?"""
    started, reports = time.monotonic(), []
    for report in proof.prove(seed):
        show([report])
        reports.append(report)
    reversed_rightly, lines = proof.reversal(seed)
    rows = [row for report in reports for row in report.rows]
    central, by_complex = (np.nanmax([getattr(row, method) for row in rows])
                           for method in ("central", "complex"))  # fmt: skip
    print(
        f"{lines}\n\nlargest relative errors: central differences {central:.1e} (at most "
        f"{CENTRAL_TOLERANCE:.0e}), complex step {by_complex:.1e} (at most "
        f"{COMPLEX_TOLERANCE:.0e}); {time.monotonic() - started:.1f} s"
    )
    return reversed_rightly and all(report.ok for report in reports)


def show_mutants(seed: int) -> bool:
    """Each mistake of the catalogue: caught or not, named or not; is each caught?"""
    from minidann.gradcheck.bank import counts, try_mistake
    from minidann.mistakes.catalogue import CATALOGUE

    tried = []
    for mistake in console.progress(CATALOGUE, len(CATALOGUE), "mistakes", "checked"):
        t = try_mistake(mistake, seed)
        tried.append(t)
        life = "caught  " if t.killed else "SURVIVES"
        print(f"{life}  with it {t.with_it:7}  without it {t.without_it:7}  {mistake.name}")
        if t.without_it == "wrong":
            print(f"            {' '.join(t.said)}")
    backward = [t for t in tried if t.mistake.place != "forward"]
    print(f"backward and networks: {counts(backward)}")
    print(f"forward: {counts([t for t in tried if t.mistake.place == 'forward'])}")
    return all(t.killed for t in tried)


def main() -> None:
    as_written = argparse.RawDescriptionHelpFormatter  # leaves the lines of the epilog alone
    p = console.Parser(
        prog="python -m minidann.gradcheck",
        description="Compare every gradient with finite differences and the complex step; where\n"
        "one is wrong, say what is wrong with it. Exit code 0 if all are right, 1 if one is\n"
        "not, 2 if the command cannot be carried out.",
        epilog=signatures(),
        formatter_class=as_written,
    )
    p.add_argument("--op", metavar="NAME", help=f"this op only: {', '.join(ops.__all__)}")
    p.add_argument("--file", type=Path, metavar="FILE", help="check this file's forward and "
                   "backward, as the op of --op or on its own example")  # fmt: skip
    p.add_argument("-v", "--verbose", action="store_true", help="with --file: all numbers, too")
    p.add_argument("--mutants", action="store_true", help="check the catalogue of mistakes: each "
                   "must be caught")  # fmt: skip
    p.add_argument("--seed", type=int, default=0, help="of all random numbers (default: 0)")
    args = p.parse_args()
    if args.seed < 0:
        raise UserError(f"--seed: expected 0 or more, received {args.seed}")
    if (args.file or args.op) and args.mutants:
        raise UserError("--op and --file check one op; --mutants checks all of them")
    if args.file is not None:
        found = student.check_file(args.file, args.op, args.seed)
        print("\n".join(found.lines))
        if args.verbose:
            print(f"\n{found.table}")
        fine = found.ok
    elif args.mutants:
        fine = show_mutants(args.seed)
    elif args.op is not None:
        fine = show(proof.prove_op(student.known_op(args.op), np.random.default_rng(args.seed)))
    else:
        fine = show_proof(args.seed)
    if not fine:
        sys.exit(1)


if __name__ == "__main__":
    console.run(main)
