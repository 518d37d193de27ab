"""AdaBN (Li et al. 2016): batch norm's statistics taken anew from the target, and nothing learned.

The control that the paper lacks. `our` differs from `base` in its adversary, but also in a batch
norm that has seen utterances of the target. Here `base` gets only the second: its parameters
stay as they are, and the mean and the variance that it normalises with in inference become those of
the target's utterances, without their labels.
"""

import numpy as np

BLOCK = 100  # features at a time: the variance makes a copy of them in float64


def statistics(h: np.ndarray) -> dict[str, np.ndarray]:
    """What takes the place of batch norm's running statistics: those of h (N, C)."""
    blocks = [h[:, i : i + BLOCK] for i in range(0, h.shape[1], BLOCK)]  # (N, 100) each
    means = [block.mean(axis=0, dtype=np.float64) for block in blocks]
    variances = [block.var(axis=0, dtype=np.float64) for block in blocks]
    return {
        "bn.mean": np.concatenate(means).astype(h.dtype),  # (C,)
        "bn.var": np.concatenate(variances).astype(h.dtype),
    }
