"""One input of each layer that is too large for a backward pass that nudges forward.

For a derivative of N numbers it calls forward N times, on N numbers each. A backward pass looks at
each of them once or a few times, which takes less than a second even in loops.
"""

import numpy as np

from minidann.gradcheck.cases import Case

SIZES = {  # of the arrays; of the first up to 100,000 numbers: more is too much to send at once
    "conv1d": ((1, 33_000, 3), (3, 3, 2), (2,)),
    "relu": ((1000, 100),),
    "maxpool": ((10, 1000, 10),),
    "attention": ((20, 100, 50), (50,)),
    "dense": ((2000, 50), (50, 20), (20,)),
    "softmax_cross_entropy": ((10_000, 10),),
    "batchnorm": ((1000, 100), (100,), (100,)),
    "dropout": ((500, 100),),
    "gradient_reversal": ((1000, 100),),
}
OPTIONS = {
    "conv1d": {"stride": 3},
    "maxpool": {"size": 10, "stride": 10},
    "gradient_reversal": {"beta": 0.5},
    "softmax_cross_entropy": {"labels": np.tile([0, 9, 5, 1], 2500)},
    "dropout": {"mask": np.tile([0.0, 2.5, 2.5, 0.0, 2.5], (500, 20))},
}


def large(name: str, rng: np.random.Generator) -> Case:
    """An input of up to 100,000 numbers for the layer `name`."""
    arrays = tuple(rng.standard_normal(size) for size in SIZES[name])
    return Case("up to 100,000 numbers", arrays, OPTIONS.get(name, {}))


def is_large(case: Case) -> bool:
    """Is it such an input?"""
    return case.arrays[0].size >= 50_000
