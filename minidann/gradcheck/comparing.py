"""Is a gradient what the differences of forward say?"""

import math
from collections.abc import Callable

import numpy as np

from minidann.gradcheck.perturbing import CENTRAL_STEP, Derivatives, derivatives
from minidann.gradcheck.verdict import Verdict, beside
from minidann.mistakes.question import SINGLE, is_single

CENTRAL_TOLERANCE = 1e-7
COMPLEX_TOLERANCE = 1e-12
MISSING = "There is no gradient."
ZERO = "zero here, as it should be, which proves little: use another example, too"
IN_FLOAT32 = (
    "it is float32, which holds seven digits; give the arrays that you make the dtype of the input"
)
AT_KINKS = "at a kink or in a tie, where any slope between those of both sides is right"


@np.errstate(all="ignore")
def compare(
    part: str, gradient, found: Derivatives, shape: tuple, *, strict: bool = False
) -> Verdict:
    """The verdict on a gradient of this shape, against derivatives of every entry.

    Errors are the largest difference over the largest entry of the true gradient (entry by entry a
    tiny entry of a right gradient can be far off by rounding alone). Where that is zero they are
    absolute, and a note says so. At kinks any subgradient is right, or if `strict` the forward
    pass's own.
    """
    if np.shape(gradient) != shape:
        shown = "\n".join(beside(part, gradient, np.zeros(shape)))
        return Verdict(part, False, (MISSING,) * (gradient is None), shown)
    received = np.ravel(gradient)  # (d,)
    right = found.right(received, strict=strict)  # (d,)
    off = np.abs(received - right)
    off_central = np.where(found.kinks, off, np.abs(received - found.central))
    largest = float(np.abs(right).max())
    # Rounding leaves 1e-16 of the output in a complex step, and that over h in a central one.
    nothing = bool(largest <= (100 if found.complex is None else 1e-3) * found.rounding)
    scale = 1.0 if nothing else largest
    central = float(off_central.max()) / scale
    by_complex = math.nan if found.complex is None else float(off.max()) / scale
    # Of a gradient that all but cancels, rounding alone is more than the tolerance.
    least = SINGLE if is_single(received) and not strict else 0.0
    wrong = not central <= max(least, CENTRAL_TOLERANCE, found.rounding / scale)
    exact = found.rounding * CENTRAL_STEP / scale
    wrong |= by_complex > max(least, COMPLEX_TOLERANCE, exact)
    numbers = {"central": central, "complex": by_complex, "kinks": int(found.kinks.sum())}
    if wrong:
        shown = "\n".join(beside(part, gradient, right.reshape(shape)))
        return Verdict(part, False, shown=shown, **numbers)
    note = ZERO * nothing or IN_FLOAT32 * (received.dtype == np.float32)
    if numbers["kinks"] and not strict:
        note = f"{numbers['kinks']} of {received.size} entries are {AT_KINKS}"
    return Verdict(part, True, note=note, **numbers)


def by_differences(
    part: str, gradient, function: Callable, array: np.ndarray, *, strict: bool = False
) -> Verdict:
    """The verdict on the gradient of the sum of `function` at `array`; see `compare`."""
    verdict = compare(part, gradient, derivatives(function, array), array.shape, strict=strict)
    if verdict.right and verdict.kinks:  # what ties must not get more together than all of it
        found = derivatives(lambda shift: function(array + shift), np.zeros(()))
        together = compare(f"the sum of {part}", np.sum(gradient), found, (), strict=strict)
        if not together.right:
            return together._replace(part=part, kinks=verdict.kinks)
    return verdict
