"""Is a backward pass right? Compare it with what the forward pass does when nudged.

For a function with one number as output, the gradient says how that number moves when an entry of
the input moves. Nudge each entry and look. An op's output has many numbers, so they are summed up
with random weights (a covector), which are then the `dout` that backward receives. Weights of one
would not do: the gradient of a plain sum through softmax or batch norm is zero, and a backward
pass that returns zeros would pass.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CENTRAL_STEP = 3e-5  # truncation falls with its fourth power, rounding grows with its inverse
COMPLEX_STEP = 1e-30  # no difference is taken, so it may be as small as one likes


@dataclass(frozen=True)
class Comparison:
    """One gradient against finite differences.

    `error` is the largest difference over the largest entry of the true gradient: entry by entry
    a tiny entry of a right gradient can be far off by rounding alone. `where` is the index of the
    largest difference, `analytic` and `numeric` the two values there.
    """

    argument: str
    shape: tuple[int, ...]
    error: float
    where: tuple[int, ...]
    analytic: float
    numeric: float

    def __str__(self) -> str:
        return (
            f"{self.argument} {self.shape}: relative error {self.error:.1e}, at {self.where} "
            f"backward says {self.analytic:.6g}, differences say {self.numeric:.6g}"
        )


def differences(
    function: Callable[[np.ndarray], np.ndarray], array: np.ndarray, *, method: str = "central"
) -> np.ndarray:
    """The derivative of every output of `function` to every entry of `array`.

    `array` is float64 and is not written to; outputs (k,) -> (k, *array.shape).
    Method "central": (8 [f(x+h) - f(x-h)] - [f(x+2h) - f(x-2h)]) / 12h, which is the central
    difference with its first error term taken out; batch norm over few rows bends too much
    without. Method "complex": Im f(x+ih) / h, for functions that accept complex arrays and decide
    every comparison by the real part; exact to rounding.
    """
    outputs = []
    for index in np.ndindex(array.shape):
        if method == "complex":
            nudged = array.astype(np.complex128)
            nudged[index] += 1j * COMPLEX_STEP
            outputs.append(np.imag(function(nudged)) / COMPLEX_STEP)
        else:
            at = {}
            for steps in (-2, -1, 1, 2):
                nudged = array.copy()
                nudged[index] += steps * CENTRAL_STEP
                at[steps] = function(nudged)
            outputs.append((8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * CENTRAL_STEP))
    return np.moveaxis(np.array(outputs), 0, -1).reshape(-1, *array.shape)  # (k, *shape)


def compare(
    argument: str, analytic: np.ndarray, numeric: np.ndarray, *, zero: bool = False
) -> Comparison:
    """One comparison. A gradient that is zero everywhere proves nothing and has error infinity,
    unless `zero` says that it must be: then the error is absolute."""
    if analytic.shape != numeric.shape:
        raise ValueError(f"{argument}: expected {numeric.shape}, received {analytic.shape}")
    off = np.abs(analytic - numeric)
    scale = 1.0 if zero else np.abs(numeric).max()
    where = tuple(int(i) for i in np.unravel_index(off.argmax(), off.shape))
    error = off[where] / scale if scale > 1e-12 else np.inf
    return Comparison(
        argument, numeric.shape, float(error), where, float(analytic[where]), float(numeric[where])
    )


def check_op(
    op,
    rng: np.random.Generator,
    *,
    arrays: tuple | None = None,
    options: dict | None = None,
    method: str = "central",
    zeros: tuple[int, ...] = (),
) -> list[Comparison]:
    """Check every entry of every argument of an op (see `minidann.ops`), in float64.

    On the op's own example, or on `arrays` with `options`. `zeros` are the arguments whose
    gradient must be zero. A gradient that is None was told not to be computed, and is passed over.
    """
    if arrays is None:
        arrays, options = op.example(rng)
    options = options or {}
    out, cache = op.forward(*arrays, **options)
    covector = rng.standard_normal(np.shape(out))
    analytic = op.backward(covector, cache)
    if len(analytic) != len(arrays):
        raise ValueError(f"backward: expected {len(arrays)} gradients, received {len(analytic)}")
    comparisons = []
    for i, gradient in enumerate(analytic):
        if gradient is None:
            continue

        def weighted(array, i=i):
            out, _ = op.forward(*arrays[:i], array, *arrays[i + 1 :], **options)
            return (covector * out).sum()

        numeric = differences(weighted, arrays[i], method=method)[0]
        comparisons.append(compare(f"argument {i}", gradient, numeric, zero=i in zeros))
    return comparisons
