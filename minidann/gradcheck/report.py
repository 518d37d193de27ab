"""What a check by differences found: a table with one row for each argument, and the causes."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from minidann.gradcheck.perturbing import CENTRAL_STEP, Derivatives
from minidann.gradcheck.verdict import UNKNOWN

CENTRAL_TOLERANCE = 1e-7
COMPLEX_TOLERANCE = 1e-12
NO_PROOF = "PROVES NOTHING"
NO_EVIDENCE = f"ZERO: {NO_PROOF}"
DECLARE = (
    "This gradient is zero here, so nothing was proved. Use another example, or declare it with "
    "zeros=... of check; in a file with"
)
LOST = "forward does not carry an imaginary part through: central differences decide alone"
HEADINGS = (
    "argument", "shape", "central", "complex", "off by", "at", "backward", "true", "rounding",
    "verdict",
)  # fmt: skip
LEGEND = """central, complex: the relative error against central differences and the complex step.
off by, at: the largest error and its index; there backward gives `backward`, and `true` is right.
rounding: the relative error that rounding alone may put into central differences."""


@dataclass(frozen=True)
class Row:
    """One gradient against the derivatives.

    `central` and `complex` are relative errors: the largest difference over the largest entry of
    the true gradient (entry by entry a tiny entry of a right gradient can be far off by rounding
    alone); NaN where the method gave nothing. `absolute` is the largest difference, `where` its
    index (of the direction, where directions were checked), `analytic` and `true` the two values
    there. `expected` is the relative error to expect of central differences from rounding.
    `kinks` counts the entries where central differences step over a kink and were passed over,
    `unchecked` those of them where no method decides: the gradient there lies between the slopes
    of both sides, and more is not known. `tried` is the number of all entries (or directions).
    """

    argument: str
    shape: tuple[int, ...]
    central: float
    complex: float
    absolute: float
    where: tuple[int, ...]
    analytic: float
    true: float
    expected: float
    verdict: str
    ok: bool
    kinks: int = 0
    unchecked: int = 0
    tried: int = 0

    @property
    def vacuous(self) -> bool:
        """Is nothing known to be wrong, and nothing proved either?"""
        return self.verdict.endswith(NO_PROOF)

    @property
    def error(self) -> float:
        """The larger of the relative errors; infinite if the row is wrong in another way."""
        known = [e for e in (self.central, self.complex) if not math.isnan(e)]
        return max(known) if known else (0.0 if self.ok else math.inf)

    def cells(self) -> list[str]:
        def number(value, form):
            return "-" if math.isnan(value) else format(value, form)

        shape = "x".join(map(str, self.shape)) or "()"
        where = ",".join(map(str, self.where)) or "-"
        verdict = self.verdict
        if self.kinks:
            verdict += f", {self.kinks} kink{'s' if self.kinks > 1 else ''}"
        if self.unchecked:
            verdict += f", {self.unchecked} of {self.tried} not checked"
        return [
            self.argument, shape, number(self.central, ".1e"), number(self.complex, ".1e"),
            number(self.absolute, ".1e"), where, number(self.analytic, ".5g"),
            number(self.true, ".5g"), number(self.expected, ".0e"), verdict,
        ]  # fmt: skip

    def __str__(self) -> str:
        return "  ".join(f"{head} {cell}" for head, cell in zip(HEADINGS, self.cells()))


@dataclass(frozen=True)
class Report:
    """All rows of one check.

    `problems` are breaches of the contract that are not numbers; `causes` what may be wrong with a
    wrong row, at most two sentences for an argument, none where the mistake is not known.
    """

    title: str
    rows: tuple[Row, ...]
    problems: tuple[str, ...] = ()
    causes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems and all(row.ok for row in self.rows)

    def __str__(self) -> str:
        unchecked = sum(row.unchecked for row in self.rows)
        right = f"right, but {unchecked} not checked" if unchecked else "right"
        lines = [f"{self.title}: {right if self.ok else 'WRONG'}"]
        if self.rows:
            table = [list(HEADINGS), *(row.cells() for row in self.rows)]
            widths = [max(len(line[i]) for line in table) for i in range(len(HEADINGS))]
            lines += ["  " + "  ".join(c.ljust(w) for c, w in zip(t, widths)).rstrip()
                      for t in table]  # fmt: skip
        if any(math.isnan(row.complex) and not math.isnan(row.central) for row in self.rows):
            lines.append(f"  complex -: {LOST}")
        zeros = ", ".join(f'"{row.argument}"' for row in self.rows if row.verdict == NO_EVIDENCE)
        if zeros:
            lines.append(f"  {DECLARE}: ZEROS = ({zeros},)")
        lines += [f"  {problem}" for problem in self.problems]
        arguments: dict[tuple, list[str]] = {}  # one bug spoils several gradients: say it once
        for row in self.rows:
            if row.argument in self.causes:
                causes = self.causes[row.argument] or (UNKNOWN,)
                arguments.setdefault(causes, []).append(row.argument)
        for causes, names in arguments.items():
            lines.append(f"  {', '.join(names)}: {' Or: '.join(causes)}")
        return "\n".join(lines)


def refused(argument: str, shape: tuple[int, ...], verdict: str) -> Row:
    """A row for what cannot be compared: no gradient, or one of the wrong shape."""
    nan = math.nan
    return Row(argument, shape, nan, nan, nan, (), nan, nan, nan, verdict, False)


@np.errstate(all="ignore")
def compare(
    argument: str,
    shape: tuple[int, ...],
    analytic: np.ndarray,
    found: Derivatives,
    *,
    zero: bool = False,
    directions: bool = False,
    tolerance: float = CENTRAL_TOLERANCE,
) -> Row:
    """A row: `analytic` (d,) against derivatives of one output (1, d).

    A gradient that is zero everywhere proves nothing and is refused, unless `zero` says that it
    must be: then the derivatives must be zero too, and errors are absolute.
    """
    unchecked = found.undecided
    if unchecked.any():
        found = replace(found.settle(found.nearest(analytic)), undecided=unchecked)
    central, best = found.central[0], found.best[0]  # (d,)
    rounding = float(found.rounding[0])
    largest = float(np.abs(best[~unchecked]).max(initial=0.0))
    # Rounding leaves 1e-16 of the output in a complex step, and that over h in a central one.
    nothing = largest <= (100 if found.complex is None else 1e-3) * rounding
    scale = 1.0 if zero or nothing else largest
    passed_over = found.kinks & ~found.settled
    off_central = np.where(passed_over, 0.0, np.abs(analytic - central))
    off = off_central if found.complex is None else np.abs(analytic - best)
    at = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
    where = (at,) if directions else tuple(int(i) for i in np.unravel_index(at, shape))
    error = float(off_central.max()) / scale
    error_complex = math.nan if found.complex is None else float(off.max()) / scale
    # Of a gradient that all but cancels, rounding alone is more than the tolerance.
    wrong = not error <= max(tolerance, rounding / scale)
    exact = COMPLEX_TOLERANCE if tolerance == CENTRAL_TOLERANCE else tolerance
    wrong |= error_complex > max(exact, rounding * CENTRAL_STEP / scale)
    if not np.isfinite(analytic).all():
        verdict = "NOT FINITE"
    elif zero and not nothing:
        verdict = "DECLARED ZERO, BUT IS NOT"
    elif unchecked.all() and not wrong:
        verdict = f"ONLY KINKS: {NO_PROOF}"
    elif nothing and not zero and np.abs(analytic).max() <= 100 * rounding:
        verdict = NO_EVIDENCE  # either way
    elif wrong:
        verdict = "WRONG"
    else:
        verdict = "right, zero" if zero else "right"
    return Row(
        argument, shape, error, error_complex, float(off[at]), where, float(analytic[at]),
        float(best[at]), rounding / scale, verdict, verdict.startswith("right"),
        int(found.kinks.sum()), int(unchecked.sum()), len(analytic),
    )  # fmt: skip
