"""Moods, and what raters make of them.

A mood is a pair of numbers, arousal and valence, in standard deviations of its corpus. Raters of
the English corpus give each utterance whole points from 1 to 5, as IEMOCAP's do; raters of the
French corpus move a slider from -1 to 1 while they listen, as RECOLA's do.
"""

import numpy as np
from scipy import signal

# The course of a conversation: a mood of its own, and steps that remember the last ones.
SHARE_OF_CONVERSATION = 0.3  # of the variance
MEMORY = 0.6  # correlation between two utterances that follow each other

# Raters who give points.
POINTS_STEP = 0.9  # points in one standard deviation of mood
POINTS_BIAS = 0.25  # standard deviation between raters, in points
POINTS_NOISE = 0.35  # of one rating, in points

# Raters who move a slider.
FRAME_S = 0.04  # a value every 40 ms
SLIDER_STEP = 0.16  # travel in one standard deviation of mood
SLIDER_BIAS = 0.06  # standard deviation between raters
SLIDER_NOISE = 0.10  # standard deviation of a rater's own wandering
SLIDER_MEMORY_S = 2.0  # how long that wandering lasts
SLIDER_DELAY_S = (0.2, 1.0)  # from hearing to moving
SLIDER_GAIN = (0.7, 1.3)


def moods(rng: np.random.Generator, sizes: list[int]) -> np.ndarray:
    """Arousal and valence (sum of sizes, 2) over conversations of `sizes` utterances.

    Over the whole corpus both have mean 0 and standard deviation 1, and they do not correlate:
    otherwise some of valence could be read off arousal.
    """
    courses = []
    for size in sizes:
        steps = rng.standard_normal((size, 2)) * np.sqrt(1 - MEMORY**2)
        steps[0] /= np.sqrt(1 - MEMORY**2)  # begin with the full spread
        course = signal.lfilter([1], [1, -MEMORY], steps, axis=0)
        whole = rng.standard_normal(2)
        courses.append(
            np.sqrt(SHARE_OF_CONVERSATION) * whole + np.sqrt(1 - SHARE_OF_CONVERSATION) * course
        )
    raw = np.concatenate(courses)
    raw -= raw.mean(axis=0)
    return raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T, bias=True))).T


def rate_in_points(
    rng: np.random.Generator,
    mood: np.ndarray,
    present: np.ndarray,
    threshold: float,
    share_low: float,
) -> np.ndarray:
    """Ratings (n, raters) from 1 to 5 of `mood` (n,); NaN where `present` (n, raters) is false.

    The scale is shifted as a whole until `share_low` of the utterances have a mean of at most
    `threshold`: that sets the balance of the classes.
    """
    bias = rng.normal(0, POINTS_BIAS, present.shape[1])
    noise = rng.normal(0, POINTS_NOISE, present.shape)
    exact = POINTS_STEP * mood[:, None] + bias + noise

    def rated(middle: float) -> np.ndarray:
        points = np.clip(np.round(middle + exact), 1, 5)
        return np.where(present, points, np.nan)

    low, high = 1.0, 5.0
    for _ in range(40):  # bisection: more shift, fewer low means
        middle = (low + high) / 2
        if np.mean(np.nanmean(rated(middle), axis=1) <= threshold) > share_low:
            low = middle
        else:
            high = middle
    return rated(high)


def trace(
    rng: np.random.Generator, times: np.ndarray, middles: np.ndarray, mood: np.ndarray, raters: int
) -> np.ndarray:
    """Slider traces (frames, raters) at `times` (s) of a conversation that is not yet centred.

    `mood` (n,) is what the utterances with centres `middles` (s) express; between them it glides.
    """
    out = np.empty((len(times), raters))
    memory = np.exp(-FRAME_S / SLIDER_MEMORY_S)
    for rater in range(raters):
        delay, gain = rng.uniform(*SLIDER_DELAY_S), rng.uniform(*SLIDER_GAIN)
        heard = np.interp(times - delay, middles, mood)
        start = rng.standard_normal()
        steps = rng.standard_normal(len(times)) * np.sqrt(1 - memory**2)
        wander, _ = signal.lfilter([1], [1, -memory], steps, zi=[memory * start])
        out[:, rater] = SLIDER_STEP * gain * heard + SLIDER_NOISE * wander
    return out


def centre(labels: np.ndarray, share_high: float) -> float:
    """What to add to `labels` so that `share_high` of them lie above 0 and none close to it."""
    order = np.sort(labels)
    first_high = round(len(order) * (1 - share_high))
    return -float(order[first_high - 1] + order[first_high]) / 2
