"""Intervals over speakers of means, differences and averages of cells."""

import dataclasses

import coverage_of_intervals as coverage
import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student_t

from minidann.measure import intervals, metrics
from minidann.measure.intervals import Cell, Estimate, estimate


def table(low_right, low_wrong, high_wrong, high_right):
    return np.array([[low_right, low_wrong], [high_wrong, high_right]])


ONE = {"a": table(2, 0, 0, 2), "b": table(1, 1, 0, 2), "c": table(0, 2, 1, 1)}
CONSTANT = {name: table(0, 2, 0, 2) for name in "abc"}  # says high to everything


def draw(rng, speakers=8, skill=0.7, rows=40):
    """Random counts of one run."""
    found = rng.binomial(rows, np.clip(rng.normal(skill, 0.1, (speakers, 2)), 0, 1))
    return {f"s{i}": table(a, rows - a, rows - b, b) for i, (a, b) in enumerate(found)}


def width(result):
    return result.interval[1] - result.interval[0]


def test_by_hand():
    """Without a: low 1 of 4, high 3 of 4: 0.5. Without b: 2 of 4, 3 of 4. Without c: 3, 4 of 4."""
    left = np.array([0.5, 0.625, 0.875])
    value = (3 / 6 + 5 / 6) / 2
    got = estimate([(1.0, Cell("x", {0: ONE}))])
    assert got.value == pytest.approx(value) and got.by_seed == pytest.approx([value])
    # logits of 0.5, 0.625, 0.875: 0, log(5/3), log 7; of 2/3: log 2; t with 2 degrees: 4.302653
    logits = np.array([0, 0.510826, 1.945910])
    reach = 4.302653 * np.sqrt(2 / 3 * ((logits - logits.mean()) ** 2).sum())
    assert got.interval == pytest.approx(expit(0.693147 + np.array([-reach, reach])), rel=1e-5)
    # Any other sum, such as twice the cell, keeps the plain scale.
    double = estimate([(2.0, Cell("x", {0: ONE}))])
    reach = 2 * 4.302653 * np.sqrt(2 / 3 * ((left - 2 / 3) ** 2).sum())
    assert double.interval == pytest.approx((2 * value - reach, 2 * value + reach))


def test_two_seeds_by_hand():
    """The mean over seeds is taken before the spread over speakers."""
    second = {"a": table(1, 1, 1, 1), "b": table(2, 0, 0, 2), "c": table(2, 0, 1, 1)}
    got = estimate([(-1.0, Cell("x", {3: ONE, 7: second}))])
    assert got.by_seed == pytest.approx([-2 / 3, -(5 / 6 + 4 / 6) / 2])
    assert got.spread == pytest.approx((3 / 4 - 2 / 3) / np.sqrt(2))
    left = (np.array([0.5, 0.625, 0.875]) + np.array([(1 + 3 / 4) / 2, 0.625, 0.75])) / 2
    reach = 4.302653 * np.sqrt(2 / 3 * ((left - left.mean()) ** 2).sum())
    assert got.interval == pytest.approx((got.value - reach, got.value + reach))


def test_one_answer_for_every_row_is_no_obstacle_to_a_difference():
    """Its UAR is 0.5 whoever speaks: the interval is that of the other, on the plain scale."""
    constant = Cell("x", {0: CONSTANT})
    assert estimate([(1.0, constant)]).interval is None
    got = estimate([(1.0, Cell("x", {0: ONE})), (-1.0, constant)])
    left = np.array([0.5, 0.625, 0.875])
    reach = 4.302653 * np.sqrt(2 / 3 * ((left - 2 / 3) ** 2).sum())
    assert got.interval == pytest.approx((2 / 3 - 0.5 - reach, 2 / 3 - 0.5 + reach))


def test_pairing():
    """Two models that fail on the same speakers: their difference is sharper than either."""
    rng = np.random.default_rng(1)
    base = draw(rng, speakers=10)
    our = {name: c + table(3, -3, -3, 3) for name, c in base.items()}
    our["s0"] = base["s0"]
    cells = Cell("x", {0: our}), Cell("x", {0: base})
    paired = estimate([(1.0, cells[0]), (-1.0, cells[1])])
    strangers = estimate([(1.0, cells[0]), (-1.0, Cell("y", {0: base}))])
    assert paired.value == pytest.approx(strangers.value)
    assert width(paired) < width(strangers) / 3


def test_variances_of_independent_corpora_add():
    rng = np.random.default_rng(2)
    ten, many = Cell("x", {0: draw(rng, 10)}), Cell("y", {0: draw(rng, 24)})
    variance, df = [], [9, 23]
    for cell, d in zip((ten, many), df):  # weight -0.5: the plain scale
        variance.append((width(estimate([(-0.5, cell)])) / 2 / student_t.ppf(0.975, d)) ** 2)
    welch = sum(variance) ** 2 / sum(v**2 / d for v, d in zip(variance, df))
    assert 9 < welch < 32
    both = estimate([(-0.5, ten), (-0.5, many)])
    reach = student_t.ppf(0.975, welch) * np.sqrt(sum(variance))
    assert width(both) / 2 == pytest.approx(reach)
    assert both.value == pytest.approx(
        estimate([(-0.5, ten)]).value + estimate([(-0.5, many)]).value
    )
    average = estimate([(0.5, ten), (0.5, many)])  # the same to first order
    assert width(average) == pytest.approx(width(both), rel=0.02)
    reach = np.diff(logit(average.interval)) / 2
    assert logit(average.interval[0]) + reach == pytest.approx(logit(average.value))


def test_differences_of_differences():
    """Linear in the terms; a cell minus itself leaves what remains."""
    rng = np.random.default_rng(3)
    a, b, c = (Cell("x", {s: draw(rng) for s in range(3)}) for _ in range(3))
    whole = estimate([(1, a), (-1, b), (-1, a), (1, c)])
    rest = estimate([(-1, b), (1, c)])
    assert whole.value == pytest.approx(rest.value)
    assert whole.interval == pytest.approx(rest.interval)
    assert whole.by_seed == pytest.approx(rest.by_seed)


def test_level():
    cell = Cell("x", {0: draw(np.random.default_rng(4))})
    assert width(estimate([(-1, cell)], 0.9)) / width(estimate([(-1, cell)])) == pytest.approx(
        student_t.ppf(0.95, 7) / student_t.ppf(0.975, 7)
    )


def test_interval_of_an_average_stays_between_0_and_1():
    counts = {"a": table(20, 0, 0, 20), "b": table(20, 0, 1, 19), "c": table(19, 1, 0, 20)}
    low, high = estimate([(1, Cell("x", {0: counts}))]).interval
    assert 0.8 < low < high < 1
    assert estimate([(1, Cell("x", {0: ONE}))], 0.9999).interval[0] > 0
    assert estimate([(2, Cell("x", {0: ONE}))], 0.9999).interval[0] < 0


def test_speakers_who_lack_a_class_or_a_run():
    """A speaker counts with what is there; without a row anywhere, not at all."""
    full = draw(np.random.default_rng(5), speakers=5)
    lacking = {**full, "s5": table(7, 3, 0, 0)}
    got = estimate([(1, Cell("x", {0: lacking}))])
    assert got.value == pytest.approx(metrics.uar_of_confusion(sum(lacking.values())))
    assert got.interval != estimate([(1, Cell("x", {0: full}))]).interval
    silent = {**full, "s5": table(0, 0, 0, 0)}
    assert (
        estimate([(1, Cell("x", {0: silent}))]).interval
        == estimate([(1, Cell("x", {0: full}))]).interval
    )
    # Split by speaker: s0 in the first run only, s5 in the second only; 6 speakers, 5 degrees.
    second = {name: c for name, c in lacking.items() if name != "s0"}
    got = estimate([(-1, Cell("x", {0: full, 1: second}))])
    uar = metrics.uar_of_confusion
    left = []
    for name in lacking:
        totals = [sum(c for n, c in run.items() if n != name) for run in (full, second)]
        left.append(-np.mean([uar(total) for total in totals]))
    reach = student_t.ppf(0.975, 5) * np.sqrt(5 / 6 * np.sum((left - np.mean(left)) ** 2))
    assert got.interval == pytest.approx((got.value - reach, got.value + reach))


def test_where_there_is_none():
    varying = Cell("x", {0: ONE})
    alone = Cell("y", {0: {"a": ONE["b"]}})
    only_a_has_low = Cell("z", {0: {"a": table(1, 1, 1, 1), "b": table(0, 0, 1, 1)}})
    # one such run is enough
    later = Cell("x", {0: ONE, 1: {"a": table(1, 1, 1, 1), "b": table(0, 0, 1, 1)}})
    constant = Cell("x", {0: CONSTANT})
    perfect = Cell("x", {0: {name: table(2, 0, 0, 2) for name in "abc"}})
    one_fails = Cell("x", {0: {**perfect.runs[0], "a": ONE["c"]}})  # without a, nothing is wrong
    for cell in (alone, only_a_has_low, later, constant, perfect, one_fails):
        got = estimate([(1.0, cell)])
        assert got.interval is None and not got.significant and np.isfinite(got.value)
    for terms in (
        [(1, varying), (-1, alone)],  # as the other corpus' speakers cannot tell for it
        [(1, varying), (-1, only_a_has_low)],
        [(1, varying), (-1, varying)],
        [(0.3, varying), (-0.1, varying), (-0.1, varying), (-0.1, varying)],  # but for rounding
        [(1, constant), (-1, constant)],
    ):
        assert estimate(terms).interval is None
    assert estimate([(1, varying), (-1, constant)]).interval is not None
    assert estimate([(1, one_fails), (-1, constant)]).interval is not None
    assert np.isnan(estimate([(1, Cell("x", {0: {"a": table(0, 0, 1, 1)}}))]).value)


def test_seeds_must_be_the_same():
    with pytest.raises(ValueError, match=r"seeds \[0, 1\], received \[0, 2\]"):
        estimate([(1, Cell("x", {0: ONE, 1: ONE})), (-1, Cell("y", {0: ONE, 2: ONE}))])


def test_seeds_are_paired_by_number():
    """Whatever order the runs come in."""
    rng = np.random.default_rng(6)
    runs = {seed: draw(rng) for seed in range(3)}
    turned = Cell("x", {seed: runs[seed] for seed in (2, 0, 1)})
    got = estimate([(1, Cell("x", runs)), (-1, turned)])
    assert got.by_seed == pytest.approx([0, 0, 0])


def test_told():
    """Both intervals decide, over speakers and over seeds; one seed tells nothing."""
    agree, argue = np.array([0.04, 0.05, 0.06]), np.array([-0.1, 0.05, 0.2])
    assert Estimate(0.05, (0.01, 0.09), agree).significant
    assert Estimate(-0.05, (-0.09, -0.01), -agree).significant
    assert not Estimate(0.05, (-0.01, 0.11), agree).significant  # not the speakers
    assert not Estimate(0.05, (0.01, 0.09), argue).significant  # not the seeds
    assert not Estimate(-0.05, (-0.09, -0.01), -argue).significant
    assert not Estimate(0.05, None, agree).significant
    assert not Estimate(0.05, (0.01, 0.09), np.array([0.05])).significant  # one seed
    assert not Estimate(-0.05, (-0.09, -0.01), np.array([-0.05])).significant
    assert np.isnan(Estimate(0.05, (0.01, 0.09), np.array([0.05])).spread)
    # t with 2 degrees: 4.30 standard errors of 0.01 / sqrt(3) are 0.0248
    assert Estimate(0.0249, (0.01, 0.04), agree - 0.0251).significant
    assert not Estimate(0.0247, (0.01, 0.04), agree - 0.0253).significant
    assert Estimate(0.0247, (0.01, 0.04), agree - 0.0253, level=0.9).significant


def test_reach_is_from_the_lower_of_both_ends_to_the_upper():
    seeds = np.array([0.04, 0.05, 0.06])  # 4.302653 * 0.01 / sqrt(3) = 0.0248414 on either side
    low, high = 0.05 - 0.0248414, 0.05 + 0.0248414
    assert Estimate(0.05, (0.03, 0.06), seeds).reach == pytest.approx((low, high), abs=1e-6)
    assert Estimate(0.05, (0.01, 0.09), seeds).reach == (0.01, 0.09)
    assert Estimate(0.05, (0.01, 0.06), seeds).reach == pytest.approx((0.01, high), abs=1e-6)
    assert Estimate(0.05, (0.03, 0.09), seeds).reach == pytest.approx((low, 0.09), abs=1e-6)
    away = 2.919986 * 0.01 / np.sqrt(3)
    got = Estimate(0.05, (0.04, 0.06), seeds, level=0.9).reach
    assert got == pytest.approx((0.05 - away, 0.05 + away), abs=1e-6)
    for endless in (Estimate(0.05, None, seeds), Estimate(0.05, (0.01, 0.09), np.array([0.05]))):
        assert endless.reach == (-np.inf, np.inf)


def test_simulated_truth():
    """That of very many speakers, some long-winded and good, some without a class."""
    setting = coverage.Setting("", (-1.0, 1.0), lacking=0.3, size_skill=0.5)
    for variant in (setting, dataclasses.replace(setting, weights=(1.0,), by_speaker=True)):
        counts = coverage.simulate(variant, 30000, 1, np.random.default_rng(7))
        value = coverage.figure(variant, intervals.uars(counts.sum(axis=-3)).mean(axis=-1))
        assert value == pytest.approx(variant.truth(), abs=0.003)


def test_simulated_intervals_are_those_of_estimate():
    setting = coverage.Setting("", (-1.0, 1.0), dimensions=2, lacking=0.3)
    check_simulated(setting)
    check_simulated(coverage.Setting("", dimensions=2, by_speaker=True))


def check_simulated(setting):
    corpora = [coverage.simulate(setting, s, 3, np.random.default_rng(s)) for s in (10, 24)]
    low, high = coverage.jackknife(setting, corpora)
    for i in range(3):
        terms = []
        for corpus, counts in zip("xy", corpora):  # (2, models, 3, seeds, speakers, 2, 2)
            for d in range(2):
                for m, weight in enumerate(setting.weights):
                    runs = {
                        k: {str(j): c for j, c in enumerate(run)}
                        for k, run in enumerate(counts[d, m, i])
                    }
                    terms.append((weight / 4, Cell(corpus, runs)))
        assert estimate(terms).interval == pytest.approx((low[i], high[i]))


@pytest.mark.parametrize(
    "setting",
    [
        coverage.Setting("", lacking=0.2),
        coverage.Setting("", skills=(coverage.GOOD,)),
        coverage.Setting("", (-1.0, 1.0)),
        coverage.Setting("", dimensions=2, corpora=(10, 24)),
    ],
    ids=["cell", "recall 90%", "difference", "average"],
)
def test_intervals_cover_the_truth(setting):
    """93 to 97 of 100, and the percentile bootstrap of 10 speakers does not pass the same check.

    4000 simulations: the standard error of a coverage of 95% is 0.34%.
    """
    for speakers in [setting.corpora] if setting.corpora else [(10,), (24,)]:
        got = coverage.coverage(setting, speakers, 4000, np.random.default_rng(0))
        assert 0.93 <= got["jackknife"][0] <= 0.97
        if 10 in speakers:
            assert got["bootstrap"][0] < 0.93
