"""`python -m minidann.gradcheck`: prove every gradient, or check yours."""

import argparse
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from minidann import console, feeding, model, ops
from minidann.console import UserError
from minidann.gradcheck import student
from minidann.gradcheck.gradients import check
from minidann.gradcheck.network import check_network
from minidann.gradcheck.perturbing import CENTRAL_TOLERANCE, COMPLEX_TOLERANCE
from minidann.gradcheck.verdict import Report

CONTRACT = """a file for --file has two functions, and a third if --op is not given:
  forward(*arrays, **options) -> (out, cache)   float64 in, float64 out; complex in, complex out
  backward(dout, cache) -> (d_first, d_second, ...)   a tuple with one gradient for each array
  example(rng) -> (arrays, options)   a small legal input: a tuple of arrays, a dict of options
No input is written to, and what is random must come in as an option (dropout's mask). Where two
values are compared, compare their real parts: the complex step needs it.
The ops of --op:"""


def signatures() -> str:
    """The contract, and forward of each op as `--op` expects it."""
    lines = [CONTRACT]
    for name in ops.__all__:
        given = inspect.signature(getattr(ops, name).forward).parameters.values()
        bare = inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in given])
        lines.append(f"  {name}: forward{bare}")
    return "\n".join(lines)


def prove(names: Iterable[str], modes: Iterable[str], seed: int) -> Iterator[Report]:
    """The reports on these ops on their examples, and on the network in these compositions.

    At a kink the gradient of an op must be its forward's own.
    """
    rng = np.random.default_rng(seed)
    for name in names:
        op = getattr(ops, name)
        for what, (arrays, options) in op.examples(rng).items():
            scale = -options.get("beta", 1.0) if name == "gradient_reversal" else 1.0
            yield check(op, rng, arrays=arrays, options=options, scale=scale, strict=True,
                        title=f"{name}, {what}")  # fmt: skip
    for mode in modes:
        yield check_network(model, rng, mode=mode)


def show_proof(reports) -> bool:
    """Print reports as they come, each with its largest errors; is all of it right?"""
    fine = True
    for report in reports:
        errors = [[v.central, v.complex] for v in report.verdicts]
        central, by_complex = np.nanmax([[0.0, 0.0], *errors], axis=0)  # NaN: not computed
        right = f"{report.title}: right, central {central:.0e}, complex {by_complex:.0e}"
        print(right if report.ok else report, flush=True)
        fine &= report.ok
    print(f"\nrelative errors: right is at most {CENTRAL_TOLERANCE:.0e} by central differences, "
          f"and {COMPLEX_TOLERANCE:.0e} by the complex step")  # fmt: skip
    return fine


def show_mutants(seed: int) -> bool:
    """Each mistake of the catalogue: caught or not, named or not; is each caught?"""
    from minidann.gradcheck.bank import try_mistake
    from minidann.mistakes.catalogue import CATALOGUE

    found = []
    for mistake in console.progress(CATALOGUE, len(CATALOGUE), "mistakes", "checked"):
        tried = try_mistake(mistake, seed)
        found.append(tried)
        life = "caught" if tried.killed else "SURVIVES"
        print(f"{life}; with its entry {tried.with_it}, without it {tried.without_it}: "
              f"{mistake.name}")  # fmt: skip
        if tried.without_it == "wrong":
            print(f"    {' '.join(tried.said)}")
    _, with_it, without_it, _ = zip(*found)
    caught = sum(tried.killed for tried in found)
    print(f"\n{caught} of {len(found)} caught")
    for what, named in ("named with its own entry", with_it), ("without it", without_it):
        print(f"{what}:", ", ".join(f"{named.count(k)} {k}" for k in ("right", "wrong", "unknown")))
    return caught == len(found)


def main() -> None:
    p = console.Parser(
        prog="python -m minidann.gradcheck",
        description="Compare every gradient with finite differences and the complex step; where\n"
        "one is wrong, say what is wrong with it. Exit code 0 if all are right, 1 if one is\n"
        "not, 2 if the command cannot be carried out.",
        epilog=signatures(),
        formatter_class=argparse.RawDescriptionHelpFormatter,  # leaves the lines alone
    )
    p.add_argument("--op", choices=ops.__all__, metavar="NAME", help="this op only")
    p.add_argument("--file", type=Path, metavar="FILE", help="check this file's forward and "
                   "backward, as the op of --op or on its own example")  # fmt: skip
    p.add_argument("-v", "--verbose", action="store_true", help="with --file and --op: which "
                   "part is right on which input, too")  # fmt: skip
    p.add_argument("--mutants", action="store_true", help="check the catalogue of mistakes: each "
                   "must be caught")  # fmt: skip
    p.add_argument("--seed", type=int, default=0, help="of all random numbers (default: 0)")
    args = p.parse_args()
    if args.seed < 0:
        raise UserError(f"--seed: expected 0 or more, received {args.seed}")
    if args.verbose and not (args.file and args.op):
        raise UserError("--verbose shows each input of an op: give --file and --op, too")
    if (args.file or args.op) and args.mutants:
        raise UserError("--op and --file check one op; --mutants checks all of them")
    if args.file is not None:
        report = student.check_file(args.file, args.op, args.seed, args.verbose)
        print(report, *filter(None, [report.table]), sep="\n")
        fine = report.ok
    elif args.mutants:
        fine = show_mutants(args.seed)
    else:
        names, modes = ([args.op], ()) if args.op else (ops.__all__, feeding.MODES)
        fine = show_proof(prove(names, modes, args.seed))
    if not fine:
        sys.exit(1)


if __name__ == "__main__":
    console.run(main)
