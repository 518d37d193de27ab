"""How much of each path is in what was received: one least squares, and words for its numbers.

A gradient is a sum: over the paths by which an argument acts (batch norm's mean and variance, the
weights of attention), over the losses of equations 8 to 10. How much of each arrives follows by
least squares, and a path that is missing, that has the wrong sign or that counts N times can be
read off.
"""

from collections.abc import Callable, Iterator

import numpy as np

from minidann.mistakes.changes import factors
from minidann.mistakes.question import Seen

NEAR = 1e-7  # of a share to the number that it is taken for
MOST = 6  # words for a number, of which some inputs have many


def shares(paths: dict[str, np.ndarray], received: np.ndarray) -> np.ndarray | None:
    """How much of each path is in `received`; None where nothing fits, or more than one thing."""
    if not paths or any(np.shape(path) != received.shape for path in paths.values()):
        return None
    columns = np.stack([np.ravel(path) for path in paths.values()], axis=1)  # (entries, paths)
    wanted = np.ravel(received)
    if not (np.isfinite(columns).all() and np.isfinite(wanted).all()):
        return None
    found, _, rank, _ = np.linalg.lstsq(columns, wanted, rcond=1e-10)
    off = np.abs(columns @ found - wanted).max(initial=0.0)
    if rank < len(paths) or off > 1e-8 * np.abs(wanted).max(initial=0.0) or not found.any():
        return None
    return found


def by_shares(seen: list[Seen], terms: Callable, sizes: Callable, i: int) -> Iterator[str]:
    """What is said of the paths that do not count once in part i, wherever it is `seen`.

    `terms(question)` are the paths, `sizes(question)` the numbers that a factor may be.
    """
    paths = [{path: parts[i] for path, parts in terms(s.question) if parts[i] is not None}
             for s in seen]  # fmt: skip
    numbers = [{"": 1.0, "missing": 0.0, **factors(sizes(s.question))} for s in seen]
    counts = shares(paths[0], seen[0].received[i])
    if counts is None or (len(counts) > 1 and np.ptp(counts) <= NEAR):  # one factor of the whole
        return
    near = [[word for word, number in numbers[0].items()
             if abs(count - number) <= NEAR * (abs(number) or 1)] for count in counts]  # fmt: skip
    near = [[""] if "" in words else words[:MOST] for words in near]
    for k in range(max(map(len, near)) if all(near) else 0):
        said = {path: words[min(k, len(words) - 1)] for path, words in zip(paths[0], near)}
        sums = [sum(part * values.get(said.get(path, ""), np.nan) for path, part in parts.items())
                for parts, values in zip(paths, numbers)]  # fmt: skip
        if any(said.values()) and all(s.fits(total, i) for s, total in zip(seen, sums)):
            text = "; ".join(f"{path} is {word}" for path, word in said.items() if word)
            yield f"{text[0].upper()}{text[1:]}."
