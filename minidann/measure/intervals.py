"""How sure is a table: intervals over speakers of means, differences and averages of UARs.

A figure is a sum of weight times cell, and a cell is the mean over seeds of one model's UAR. A
difference of two cells is `[(1, our), (-1, base)]`, an average of four has four weights of 1/4.
Speakers are what was drawn by chance, so each in turn is left out of all cells and all seeds that
test on that corpus at once: what cells share cancels in their difference. The trained models are
taken as they are, so the interval does not include variation between seeds: see `Estimate.spread`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, stdtrit

from minidann.measure.metrics import Counts, uars

UPPER = 0.975  # 95% intervals: this share of Student's t lies below the upper end


class Cell(NamedTuple):
    """One cell of a table: the same model on the same corpora, a run for each seed."""

    speakers_of: str  # the target corpus; cells with the same one share their speakers
    runs: dict[int, Counts]  # by seed


@dataclass(frozen=True)
class Estimate:
    """A figure, its interval over speakers (None where there is none), and each seed's figure."""

    value: float
    interval: tuple[float, float] | None
    by_seed: np.ndarray  # (seeds,), in the order of the seeds; their mean is the value

    @property
    def spread(self) -> float:
        """Sample standard deviation over seeds; NaN for one seed."""
        return float(self.by_seed.std(ddof=1)) if len(self.by_seed) > 1 else float("nan")

    @property
    def reach(self) -> tuple[float, float]:
        """Both intervals together, over speakers and over seeds; endless where one is missing."""
        if self.interval is None or len(self.by_seed) < 2:
            return -np.inf, np.inf
        away = reach_of_mean(self.by_seed)
        return min(self.interval[0], self.value - away), max(self.interval[1], self.value + away)

    @property
    def significant(self) -> bool:
        """Whether both intervals of a difference leave zero out; otherwise it is inconclusive.

        A few seeds alone prove little: five agree by chance once in 16 times.
        """
        low, high = self.reach
        return bool(low > 0 or high < 0)


def reach_of_mean(values: np.ndarray) -> float:
    """Half the width of Student's t interval of the mean of two or more `values` (n,)."""
    n = len(values)
    return float(stdtrit(n - 1, UPPER) * np.std(values, ddof=1) / np.sqrt(n))


def over_seeds(values: np.ndarray) -> Estimate:
    """The mean of each seed's figure (seeds,), with Student's t interval over the seeds."""
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, None, values)
    away = reach_of_mean(values)
    return Estimate(mean, (mean - away, mean + away), values)


def seeds_needed(values: np.ndarray) -> float:
    """The fewest seeds with which Student's t interval of the mean over seeds excludes 0.

    It takes the mean and the standard deviation of the two or more `values` (n,) for the true
    ones. Infinity where the mean is 0.
    """
    mean, deviation, n = abs(np.mean(values)), np.std(values, ddof=1), 2
    while stdtrit(n - 1, UPPER) * deviation / np.sqrt(n) >= mean:
        n += max(1, n // 50)  # beyond 100 seeds, to 2%
        if n > 1e6:
            return float("inf")
    return float(n)


def estimate(terms: Sequence[tuple[float, Cell]]) -> Estimate:
    """The figure `sum of weight * cell` with its interval over speakers, by the jackknife.

    A cell, or an average of cells (no weight below 0, their sum 1), lies between 0 and 1, and so
    does its interval. There is none where a corpus, or a class of a run, has a single speaker;
    where an average without a speaker is 0 or 1; and where the figure is the same without each
    speaker, as for a model that predicts one class only. All cells have runs of the same seeds.
    """
    seeds = sorted(terms[0][1].runs)
    by_seed = np.zeros(len(seeds))
    changes = []  # for each corpus (speakers,): what leaving one out does to the figure
    for corpus in sorted({cell.speakers_of for _, cell in terms}):
        here = [(weight, cell.runs) for weight, cell in terms if cell.speakers_of == corpus]
        runs = [run for _, by_number in here for run in by_number.values()]
        names = sorted({name for run in runs for name in run if run[name].any()})
        none, change = np.zeros((2, 2)), np.zeros(len(names))  # none: not among this test's rows
        for weight, run in here:
            counts = np.array([[run[seed].get(name, none) for name in names] for seed in seeds])
            each_seed = uars(counts.sum(axis=1))  # (seeds, names, 2, 2) -> (seeds,)
            by_seed += weight * each_seed
            change += weight * (without_each(counts) - each_seed.mean())
        changes.append(change)
    value, weights = by_seed.mean(), [weight for weight, _ in terms]
    average = min(weights) >= 0 and bool(np.isclose(sum(weights), 1))
    interval = ends(value, [value + change for change in changes], average)
    return Estimate(float(value), interval, by_seed)


def without_each(counts: np.ndarray) -> np.ndarray:
    """The mean over seeds of the UAR without each speaker: (seeds, n, 2, 2) -> (n,)."""
    return uars(counts.sum(axis=1, keepdims=True) - counts).mean(axis=0)


def ends(value: float, left_out: Sequence[np.ndarray], average: bool) -> tuple[float, float] | None:
    """Both ends of a figure's interval; None where there is none.

    left_out: for each corpus (n,), the figure without each of its n speakers. The jackknife's
    variance of one corpus is (n - 1) / n times the sum of squared deviations (Efron and Tibshirani
    1993, chapter 11). Corpora are independent, so variances add, and Student's t has the degrees
    of freedom that Satterthwaite (1946) and Welch (1947) give to such a sum: n - 1 for one corpus.
    An `average` of UARs is taken on the logit's scale, log(p / (1 - p)): near 1 there is more room
    below than above (`tests/coverage_of_intervals.py` measures what that is worth).
    """
    to, back = (logit, expit) if average else (np.positive, np.positive)
    total = squares = 0.0
    for figures in left_out:
        n, scaled = len(figures), to(figures)
        if not np.isfinite(scaled).all():  # 0 or 1 has no logit; nothing is left of one speaker
            return None
        variance = (n - 1) / n * ((scaled - scaled.mean()) ** 2).sum()
        total += variance
        squares += variance**2 / (n - 1)
    if total < 1e-24:  # rounding: nothing varies
        return None
    reach = stdtrit(total**2 / squares, UPPER) * np.sqrt(total)
    return float(back(to(value) - reach)), float(back(to(value) + reach))
