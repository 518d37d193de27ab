"""How often do 95% intervals over speakers hold the truth? Simulated, where the truth is known.

    python tests/coverage_of_intervals.py [--simulations N]

A simulated speaker has a skill in each class and model, and a number of rows of each class. An
utterance is predicted rightly where `skill + luck > 0`, with luck of variance 1, most of which is
the utterance's own, shared by models and seeds. So a class is found with probability Phi(skill),
and over infinitely many speakers, of skill N(m, sd^2), its recall is Phi(m / sqrt(1 + sd^2)).
Numbers of rows are Poisson with log-normal means.

"none" is the share of simulations in which there is no interval. Tried as well, and not kept: the
percentile bootstrap (below 93% with 10 speakers); for averages of UARs, the jackknife without the
logit (91 to 93% at a true 90% and 10 speakers, 88.5% near 100%), with its bias taken out (up to 0.6
below), the linearised variance (up to 2 below), the BCa bootstrap (87 to 90% at 10 speakers), and
degrees of freedom from the effective number of speakers (96% and 95% with very unequal numbers, but
wider, up to 96.6%, elsewhere).

A second table has differences of nothing: how often do both intervals, over speakers and over
seeds, exclude 0? Each speaker and each seed adds a normal number to the figure. Where only one of
both kinds of chance counts, it is 5%; between, it is more, because each interval holds one kind.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from minidann.measure.intervals import Cell, Estimate, estimate, over_seeds

TEST = 0.7  # of the rows, drawn anew for each seed, the same for every model
# What each seed's training does to the skill in both classes: mostly more predictions of one class.
SEED_SHIFTS = np.array([[0.0, 0.0], [0.3, -0.2], [-0.2, 0.3], [0.1, 0.1], [-0.2, -0.1]])
SHARED = 0.7  # correlation of a speaker's skills in two models


@dataclass(frozen=True)
class Setting:
    """What is simulated; the figure is the mean over corpora of weights @ models."""

    name: str
    weights: tuple[float, ...] = (1.0,)  # one for each model: (-1, 1) is a difference
    skills: tuple[tuple[float, float], ...] = ((0.3, 0.6), (0.5, 0.7))  # m by model and class
    sd: float = 0.45  # of the skill over speakers
    # Correlation of a speaker's skills in both classes: who is loud is predicted high.
    classes: float = -0.4
    rows: float = 60  # a speaker
    size_sd: float = 0.4  # of the logarithm of the numbers of rows
    lacking: float = 0.0  # share of speakers without a row of one class
    corpora: tuple[int, ...] = ()  # speakers in each; empty for one corpus of 10, then of 24

    def truth(self) -> float:
        m = np.array(self.skills)[: len(self.weights), None, :] + SEED_SHIFTS  # (models, seeds, 2)
        recall = norm.cdf(m / np.sqrt(1 + self.sd**2))
        return float(self.weights @ recall.mean(axis=(1, 2)))


GOOD = (1.4, 1.5)  # recalls of about 90%
DIFFERENCE = (-1.0, 1.0)
SETTINGS = [
    Setting("cell"),
    Setting("cell, speakers differ much", sd=0.9),
    Setting("cell, skills of classes go together", classes=0.6),
    Setting("cell, 15 rows a speaker", rows=15),
    Setting("cell, recall about 90%", skills=(GOOD,)),
    Setting("cell, 30% lack a class", lacking=0.3),
    Setting("difference", DIFFERENCE),
    Setting("difference of nothing", DIFFERENCE, skills=((0.3, 0.6), (0.3, 0.6))),
    Setting("difference, one predicts one class", DIFFERENCE, skills=((-3.5, 3.5), (0.3, 0.6))),
    Setting("difference, 75% and 90%", DIFFERENCE, skills=((0.7, 0.8), GOOD)),
    Setting("average of two cells", corpora=(10, 24)),
    Setting("difference of averages", DIFFERENCE, corpora=(10, 24)),
    # And hard ones:
    Setting("cell, recall near 100%", skills=((2.2, 2.6),), rows=30),
    Setting("cell, very unequal numbers of rows", size_sd=1.0),
    Setting("difference, one class and 90%", DIFFERENCE, skills=((-3.5, 3.5), GOOD)),
]


def simulate(setting: Setting, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Counts of one corpus, `shape` simulations and speakers: (models, *shape, seeds, 2, 2)."""
    models, seeds = len(setting.weights), len(SEED_SHIFTS)
    mean_rows = setting.rows * rng.lognormal(-(setting.size_sd**2) / 2, setting.size_sd, shape)
    share = rng.beta(12, 8, shape)  # of class 1, 0.6 on average
    n = rng.poisson(mean_rows[..., None] * np.stack([1 - share, share], axis=-1))  # (*shape, 2)
    lacks = rng.random(shape) < setting.lacking
    n[lacks, rng.integers(0, 2, lacks.sum())] = 0
    row = np.repeat(np.arange(n.size), n.ravel())  # (rows,) number in n
    shared, luck = two_classes(rng, shape, setting.classes), rng.standard_normal(len(row))
    tested = rng.random((seeds, len(row))) < TEST
    out = np.zeros((models, *shape, seeds, 2, 2), int)
    for model in range(models):
        own = two_classes(rng, shape, setting.classes)
        skill = setting.sd * (np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own)
        luck_of_model = np.sqrt(0.5) * luck + np.sqrt(0.2) * rng.standard_normal(len(row))
        for seed, shift in enumerate(SEED_SHIFTS):
            here = (skill + setting.skills[model] + shift).ravel()[row]  # (rows,)
            right = here + luck_of_model + np.sqrt(0.3) * rng.standard_normal(len(row)) > 0
            total, found = (
                np.bincount(row[chosen], minlength=n.size).reshape(n.shape)
                for chosen in (tested[seed], tested[seed] & right)
            )
            for c in (0, 1):
                out[model, :, :, seed, c, c] = found[..., c]
                out[model, :, :, seed, c, 1 - c] = (total - found)[..., c]
    return out


def two_classes(rng: np.random.Generator, shape: tuple, correlation: float) -> np.ndarray:
    """Standard normal numbers (*shape, 2), both of a pair with this correlation."""
    first, second = rng.standard_normal((2, *shape))
    return np.stack([first, correlation * first + np.sqrt(1 - correlation**2) * second], axis=-1)


def coverage(
    setting: Setting, speakers: tuple[int, ...], simulations: int, rng: np.random.Generator
) -> tuple[float, float]:
    """How many of the intervals hold the truth, and how often there is one."""
    corpora = [simulate(setting, (simulations, count), rng) for count in speakers]
    there, held, truth = 0, 0, setting.truth()
    for i in range(simulations):
        terms = []
        for number, counts in enumerate(corpora):
            for weight, of_model in zip(setting.weights, counts[:, i]):  # (speakers, seeds, 2, 2)
                runs = {seed: dict(enumerate(of_model[:, seed])) for seed in range(5)}
                terms.append((weight / len(corpora), Cell(str(number), runs)))
        if (interval := estimate(terms).interval) is not None:
            there += 1
            held += interval[0] <= truth <= interval[1]
    return held / there, there / simulations


def called_significant(
    speakers: int, seeds: int, share: float, simulations: int, rng: np.random.Generator
) -> float:
    """How often a difference of nothing is, where speakers cause this `share` of its variance."""
    of_speakers = rng.standard_normal((simulations, speakers)) * np.sqrt(share * speakers)
    of_seeds = rng.standard_normal((simulations, seeds)) * np.sqrt((1 - share) * seeds)
    found = 0
    for i in range(simulations):
        by_speaker = over_seeds(of_speakers[i] + of_seeds[i].mean())  # Student's t, as for seeds
        by_seed = of_seeds[i] + of_speakers[i].mean()
        found += Estimate(by_speaker.value, by_speaker.interval, by_seed).significant
    return found / simulations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=4000, help="a setting (default 4000)")
    simulations = parser.parse_args().simulations
    error = 100 * np.sqrt(0.95 * 0.05 / simulations)
    print(f"95% intervals, {simulations} simulations; in % (standard error {error:.1f})")
    print(f"{'':38}{'speakers':>9}{'truth':>7}{'coverage':>10}{'none':>6}")
    for setting in SETTINGS:
        for speakers in [setting.corpora] if setting.corpora else [(10,), (24,)]:
            rng = np.random.default_rng([len(setting.name), *speakers])
            held, there = coverage(setting, speakers, simulations, rng)
            line = f"{setting.name:38}{'+'.join(map(str, speakers)):>9}"
            print(f"{line}{100 * setting.truth():7.1f}{100 * held:10.1f}{100 - 100 * there:6.1f}")
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    print("\ndifferences of nothing that are called significant, in %")
    heads = "".join(f"{share:7.2f}" for share in shares)
    print(f"{'share of the variance by speakers':38}{'speakers':>9}{'seeds':>7}{heads}")
    for speakers, seeds in ((10, 5), (24, 5), (10, 20), (24, 20)):
        rng = np.random.default_rng([speakers, seeds])
        often = [called_significant(speakers, seeds, one, simulations, rng) for one in shares]
        numbers = "".join(f"{100 * one:7.1f}" for one in often)
        print(f"{'':38}{speakers:9}{seeds:7}{numbers}")


if __name__ == "__main__":
    main()
