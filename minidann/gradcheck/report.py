"""What a check by differences found: a table with one row for each argument, and the causes."""

import math
from dataclasses import dataclass, field

import numpy as np

from minidann.gradcheck.perturbing import CENTRAL_STEP, Derivatives
from minidann.gradcheck.verdict import UNKNOWN

CENTRAL_TOLERANCE = 1e-7
COMPLEX_TOLERANCE = 1e-12
NO_EVIDENCE = "ZERO: PROVES NOTHING"
DECLARE = (
    "This gradient is zero here, so nothing was proved. Use another example, or declare it with "
    "zeros=... of check; in a file with"
)
LOST = "forward does not carry an imaginary part through: central differences decide alone"
LEGEND = """central, complex: the relative error against central differences and the complex step.
at: the index of the largest error; there backward gives `backward`, and `true` is right."""


@dataclass(frozen=True)
class Row:
    """One gradient against the derivatives.

    `central` and `complex` are relative errors: the largest difference over the largest entry of
    the true gradient (entry by entry a tiny entry of a right gradient can be far off by rounding
    alone); NaN where the method gave nothing. At the index `where` (of the direction, where
    directions were checked) the difference is largest; there are the values `analytic` and `true`.
    `kinks` counts the entries at which central differences step over a kink.
    """

    argument: str
    shape: tuple[int, ...]
    verdict: str
    central: float = math.nan
    complex: float = math.nan
    where: tuple[int, ...] = ()
    analytic: float = math.nan
    true: float = math.nan
    kinks: int = 0

    @property
    def ok(self) -> bool:
        return self.verdict.startswith(("right", "not computed"))

    def cells(self) -> list[str]:
        """The row of the table."""
        errors, values = (self.central, self.complex), (self.analytic, self.true)
        kinks = f", {self.kinks} kink{'s' * (self.kinks > 1)}" * bool(self.kinks)
        return [
            self.argument, "x".join(map(str, self.shape)) or "()",
            *("-" if math.isnan(error) else f"{error:.1e}" for error in errors),
            ",".join(map(str, self.where)) or "-",
            *("-" if math.isnan(value) else f"{value:.5g}" for value in values),
            self.verdict + kinks,
        ]  # fmt: skip


HEADINGS = ["argument", "shape", "central", "complex", "at", "backward", "true", "verdict"]


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
        lines = [f"{self.title}: {'right' if self.ok else 'WRONG'}"]
        if self.rows:
            lines += [f"  {line}" for line in aligned([HEADINGS, *(r.cells() for r in self.rows)])]
        if any(math.isnan(row.complex) and not math.isnan(row.central) for row in self.rows):
            lines.append(f"  complex -: {LOST}")
        zeros = ", ".join(f'"{row.argument}"' for row in self.rows if row.verdict == NO_EVIDENCE)
        lines += [f"  {DECLARE} ZEROS = ({zeros},)"] * bool(zeros)
        lines += [f"  {problem}" for problem in self.problems]
        arguments: dict[tuple, list[str]] = {}  # one bug spoils several gradients: say it once
        for name, causes in self.causes.items():
            arguments.setdefault(causes or (UNKNOWN,), []).append(name)
        lines += [f"  {', '.join(names)}: {' Or: '.join(c)}" for c, names in arguments.items()]
        return "\n".join(lines)


def aligned(table: list[list[str]]) -> list[str]:
    """The lines of a table, its columns below each other."""
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in table]


@np.errstate(all="ignore")
def compare(
    argument: str,
    shape: tuple[int, ...],
    analytic: np.ndarray,
    found: Derivatives,
    *,
    zero: bool = False,
    strict: bool = False,
    tolerance: float | None = None,
) -> Row:
    """A row: `analytic` (d,) against derivatives (d,), of every entry or along directions.

    A gradient that is zero everywhere proves nothing and is refused, unless `zero` says that it
    must be: then the derivatives must be zero too, and errors are absolute. At kinks any
    subgradient is right, or if `strict` the forward pass's own. `tolerance` is that of both
    methods, where it is not the usual of each.
    """
    right = found.right(analytic, strict=strict)  # (d,)
    off = np.abs(analytic - right)
    off_central = np.where(found.kinks, off, np.abs(analytic - found.central))
    largest = float(np.abs(right).max())
    # Rounding leaves 1e-16 of the output in a complex step, and that over h in a central one.
    nothing = largest <= (100 if found.complex is None else 1e-3) * found.rounding
    scale = 1.0 if zero or nothing else largest
    at = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
    where = np.unravel_index(at, shape) if analytic.size == math.prod(shape) else (at,)
    error = float(off_central.max()) / scale
    error_complex = math.nan if found.complex is None else float(off.max()) / scale
    # Of a gradient that all but cancels, rounding alone is more than the tolerance.
    wrong = not error <= max(tolerance or CENTRAL_TOLERANCE, found.rounding / scale)
    exact = found.rounding * CENTRAL_STEP / scale
    wrong |= error_complex > max(tolerance or COMPLEX_TOLERANCE, exact)
    if not np.isfinite(analytic).all():
        verdict = "NOT FINITE"
    elif zero and not nothing:
        verdict = "DECLARED ZERO, BUT IS NOT"
    elif nothing and not zero and np.abs(analytic).max() <= 100 * found.rounding:
        verdict = NO_EVIDENCE  # either way
    elif wrong:
        verdict = "WRONG"
    else:
        verdict = f"right{', zero' if zero else ''}{', in float32' if tolerance else ''}"
    return Row(
        argument, shape, verdict, error, error_complex, tuple(int(i) for i in where),
        float(analytic[at]), float(right[at]), int(found.kinks.sum()),
    )  # fmt: skip


def exact(argument: str, received, true: np.ndarray) -> Row:
    """A row: what was received against what a formula gives."""
    if np.shape(received) != true.shape:
        return Row(argument, true.shape, f"WRONG SHAPE: {np.shape(received)}")
    flat = true.ravel()
    found = Derivatives(flat, flat, np.zeros(flat.shape, bool), flat, flat, rounding=0.0)
    return compare(argument, true.shape, np.ravel(received), found, zero=not true.any())
