"""The gradient reversal layer (equations 3 and 4): nothing forwards, minus beta backwards.

    R(x) = x                 (3)
    dR/dx = -beta I          (4)

Below it the domain classifier's gradient arrives with the wrong sign, on purpose: the encoder
climbs where the classifier descends. It is the one op whose backward is not the derivative of its
forward, so an ordinary gradient check of it must fail, by the factor -beta.
"""

import numpy as np


def forward(x: np.ndarray, *, beta: float = 1.0) -> tuple[np.ndarray, float]:
    """x of any shape -> x itself. The cache is beta, the scale of the reversed gradient."""
    return x, beta


def backward(dout: np.ndarray, cache: float) -> tuple[np.ndarray]:
    """dout -> dx = -beta * dout."""
    return (-cache * dout,)


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x,), options."""
    x = rng.standard_normal((5, 3))
    return {
        "sizes that differ": ((x,), {"beta": 1.7}),
        "three rows": ((np.array([[1.0], [-2.0], [4.0]]),), {"beta": 2.0}),
        "a small beta": ((x,), {"beta": 0.25}),
        "a beta of 0": ((x,), {"beta": 0.0}),
        "the default beta": ((x,), {}),
    }
