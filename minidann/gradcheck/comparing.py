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
NO_EVIDENCE = (
    "This gradient is zero here, so nothing was proved. Use another example, or declare it with "
    "zeros=... of check."
)
NOT_ZERO = "It was declared to be zero, but it is not."
ZERO = "zero, as declared"
IN_FLOAT32 = (
    "it is float32, which holds seven digits; give the arrays that you make the dtype of the input"
)
AT_KINKS = "at a kink or in a tie, where any slope between those of both sides is right"


@np.errstate(all="ignore")
def compare(
    part: str, gradient, found: Derivatives, shape: tuple, *, zero: bool = False,
    strict: bool = False,
) -> Verdict:  # fmt: skip
    """The verdict on a gradient of this shape, against derivatives of every entry.

    Errors are the largest difference over the largest entry of the true gradient (entry by entry a
    tiny entry of a right gradient can be far off by rounding alone). A gradient that is zero
    everywhere proves nothing and is refused, unless `zero` says that it must be: then the
    derivatives must be zero too, and errors are absolute. At kinks any subgradient is right, or if
    `strict` the forward pass's own.
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
    nothing = largest <= (100 if found.complex is None else 1e-3) * found.rounding
    scale = 1.0 if zero or nothing else largest
    central = float(off_central.max()) / scale
    by_complex = math.nan if found.complex is None else float(off.max()) / scale
    # Of a gradient that all but cancels, rounding alone is more than the tolerance.
    least = SINGLE if is_single(received) and not strict else 0.0
    wrong = not central <= max(least, CENTRAL_TOLERANCE, found.rounding / scale)
    exact = found.rounding * CENTRAL_STEP / scale
    wrong |= by_complex > max(least, COMPLEX_TOLERANCE, exact)
    numbers = {"central": central, "complex": by_complex, "kinks": int(found.kinks.sum())}
    if nothing and not zero and np.abs(received).max() <= 100 * found.rounding:
        return Verdict(part, False, (NO_EVIDENCE,), **numbers)
    if wrong or (zero and not nothing):
        shown = "\n".join(beside(part, gradient, right.reshape(shape)))
        return Verdict(part, False, (NOT_ZERO,) * (not wrong), shown, **numbers)
    note = ZERO * zero or IN_FLOAT32 * (received.dtype == np.float32)
    if numbers["kinks"] and not strict:
        note = f"{numbers['kinks']} of {received.size} entries are {AT_KINKS}"
    return Verdict(part, True, note=note, **numbers)


def by_differences(
    part: str, gradient, function: Callable, array: np.ndarray, **given: bool
) -> Verdict:
    """The verdict on the gradient of the sum of `function` at `array`; see `compare`."""
    verdict = compare(part, gradient, derivatives(function, array), array.shape, **given)
    if verdict.right and verdict.kinks:  # what ties must not get more together than all of it
        found = derivatives(function, array, np.ones((1, *array.shape)))
        together = compare(f"the sum of {part}", np.sum(gradient, keepdims=True).ravel(), found,
                           (1,), **given)  # fmt: skip
        if together.shown:  # it is wrong
            return together._replace(part=part, kinks=verdict.kinks)
    return verdict
