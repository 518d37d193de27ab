"""How much of each part is in what was received: one least squares, and names for its numbers.

A gradient is a sum: over the paths by which an argument acts (batch norm's mean and variance, the
weights of attention), over the losses of equations 8 to 10. How much of each arrives follows by
least squares, and a path that is missing, that has the wrong sign or that counts N times can be
read off.
"""

from collections.abc import Iterator

import numpy as np

NEAR = 1e-7  # of a share to the number that it is taken for
Parts = dict[str, np.ndarray]  # by what is said of them


def shares(parts: Parts, received: np.ndarray) -> np.ndarray | None:
    """How much of each part is in `received`; None where nothing fits, or more than one thing."""
    if not parts or any(np.shape(part) != received.shape for part in parts.values()):
        return None
    columns = np.stack([np.ravel(part) for part in parts.values()], axis=1)  # (entries, parts)
    wanted = np.ravel(received)
    if not (np.isfinite(columns).all() and np.isfinite(wanted).all()):
        return None
    found, _, rank, _ = np.linalg.lstsq(columns, wanted, rcond=1e-10)
    off = np.abs(columns @ found - wanted).max(initial=0.0)
    if rank < len(parts) or off > 1e-8 * np.abs(wanted).max(initial=0.0) or not found.any():
        return None
    return found


def readings(parts: Parts, received: np.ndarray, factors: dict[str, float]) -> Iterator[dict]:
    """What may be said of those parts that do not count once, {part: a word of `factors`} each."""
    counts = shares(parts, received)
    if counts is None or (len(parts) > 1 and np.ptp(counts) <= NEAR):  # one factor of the whole
        return
    said = {
        part: [w for w, f in factors.items() if abs(count - f) <= NEAR * (abs(f) or 1)][:6]
        for part, count in zip(parts, counts)
        if abs(count - 1) > NEAR
    }
    if all(said.values()):
        for choice in range(max(map(len, said.values()), default=0)):
            yield {part: words[min(choice, len(words) - 1)] for part, words in said.items()}


def together(parts: Parts, factors: dict[str, float], said: dict) -> np.ndarray | None:
    """The sum of the parts, each as often as is said; None where a word has no number here."""
    if not parts or said.values() - factors.keys():
        return None
    return sum(part * factors.get(said.get(name), 1) for name, part in parts.items())
