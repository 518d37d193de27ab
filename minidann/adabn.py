"""AdaBN (Li et al. 2016): batch norm's statistics taken anew from the target, and nothing learned.

The control that the paper lacks. `our` differs from `base` in its adversary, but also in a batch
norm that has seen rows of the target. Here a finished `base` gets the second without the first:
its parameters stay as they are, and the mean and the variance that it normalises with in inference
become those of all of the target's rows, without their labels.
"""

import numpy as np

import minidann.ops
from minidann import model, training
from minidann.normalise import Features

Arrays = dict[str, np.ndarray]


def predict(
    params: Arrays, features: Features, rows: np.ndarray, *, ops=minidann.ops
) -> np.ndarray:
    """Emotion's probabilities (len(rows), 2) on `rows`, after statistics from all of `features`."""
    every = np.arange(len(features))
    # Without running statistics there is no batch norm, and what comes out is what goes into it.
    h = np.concatenate(
        list(training.representations(params, {}, features, every, ops=ops))
    )  # (n, C)
    running = {
        "bn.mean": h.mean(axis=0, dtype=np.float64).astype(h.dtype),  # (C,)
        "bn.var": h.var(axis=0, dtype=np.float64).astype(h.dtype),
    }
    f = model.normalise(params, running, h[rows], ops=ops)  # (len(rows), C)
    return model.classify(params, f, "emotion", ops=ops)
