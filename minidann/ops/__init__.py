"""The layers, one file each, in reading order. Each has the same three functions:

    forward(*arrays, **options) -> (out, cache)
    backward(dout, cache) -> one gradient for each of `arrays`, in order
    examples(rng) -> {what: (arrays, options)}, small legal inputs that reach every branch

What is kept from forward to backward, the cache, is an array or a named tuple. Of the examples the
first has sizes that all differ; where maxima tie or a kink is met, `what` begins with "a tie".

They are pure: no state, no global seed, inputs never written to. `dout` is the gradient of the
loss with respect to `out`; so is each gradient, with respect to its array. The output's dtype is
the input's: float32 to train, float64 to check, complex128 for the complex step. Wrong shapes are a
ValueError, of the op only where NumPy would take them.
"""

from minidann.ops import (
    parallel,  # noqa: F401  before NumPy: it sets BLAS's number of threads
    conv1d,
    relu,
    maxpool,
    attention,
    batchnorm,
    dropout,
    dense,
    softmax_cross_entropy,
    gradient_reversal,
    conv_relu_maxpool,
)

__all__ = [
    "conv1d", "relu", "maxpool", "attention", "batchnorm", "dropout", "dense",
    "softmax_cross_entropy", "gradient_reversal", "conv_relu_maxpool",
]  # fmt: skip
