"""AdaBN (Li et al. 2016): batch norm's statistics taken anew from the target, and nothing learned.

The control that the paper lacks. `our` differs from `base` in its adversary, but also in a batch
norm that has seen utterances of the target. Here `base` gets only the second: its parameters
stay as they are, and the mean and the variance that it normalises with in inference become those of
the target's utterances, without their labels.
"""

import numpy as np

import minidann.ops
from minidann import model

Arrays = dict[str, np.ndarray]


def statistics(h: np.ndarray) -> Arrays:
    """What takes the place of batch norm's running statistics: those of h (N, C)."""
    return {
        "bn.mean": h.mean(axis=0, dtype=np.float64).astype(h.dtype),  # (C,)
        "bn.var": h.var(axis=0, dtype=np.float64).astype(h.dtype),
    }


def predict(params: Arrays, h: np.ndarray, *, ops=minidann.ops) -> np.ndarray:
    """Emotion's probabilities (N, 2) of examples that `encode` turned into h (N, C)."""
    f = model.normalise(params, statistics(h), h, ops=ops)  # (N, C)
    return model.classify(params, f, "emotion", ops=ops)
