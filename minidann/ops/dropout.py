"""Dropout (section 4.1, rate 0.7): in training, most of the features are switched off at random.

    out = x * mask,   mask = 0 with probability `rate`, else 1 / (1 - rate)

The factor keeps the expected value as it was ("inverted" dropout), so inference needs no dropout.
"""

import numpy as np


def draw_mask(
    rng: np.random.Generator, shape: tuple[int, ...], rate: float, dtype: type = np.float32
) -> np.ndarray:
    """A mask of `shape` for `forward`: 0 where a value is dropped, else 1 / (1 - rate)."""
    return (rng.random(shape, dtype=np.float32) >= rate) * dtype(1 / (1 - rate))


def forward(x: np.ndarray, *, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and mask of one shape -> out of that shape. The cache is the mask."""
    if mask.shape != x.shape:
        raise ValueError(f"dropout: expected a mask of shape {x.shape}, received {mask.shape}")
    return x * mask, mask


def backward(dout: np.ndarray, cache: np.ndarray) -> tuple[np.ndarray]:
    """dout -> dx: what was dropped gets nothing, what was scaled up is scaled up."""
    return (dout * cache,)


def examples(rng: np.random.Generator) -> dict[str, tuple[tuple, dict]]:
    """(x,), options with a mask."""
    x, dropped = np.array([[3.0, 2.0, -1.0]]), {"mask": np.array([[0.0, 2.5, 2.5]])}
    large, mask = rng.standard_normal((3, 8)), draw_mask(rng, (3, 8), 0.7, np.float64)
    return {
        "sizes that differ": ((large,), {"mask": mask}),
        "one dropped": ((x,), dropped),
        "all kept": ((rng.standard_normal((2, 3)),), {"mask": np.ones((2, 3))}),
        "all dropped": ((x,), {"mask": np.zeros((1, 3))}),
        "three axes": ((rng.standard_normal((2, 3, 4)),),
                       {"mask": draw_mask(rng, (2, 3, 4), 0.4, np.float64)}),
    }  # fmt: skip
