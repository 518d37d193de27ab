"""Intervals over speakers of means, differences and averages of cells."""

import coverage_of_intervals as coverage
import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student_t

from minidann.measure.intervals import Cell, Estimate, estimate, seeds_needed
from minidann.measure.metrics import uars


def table(low_right, low_wrong, high_wrong, high_right):
    return np.array([[low_right, low_wrong], [high_wrong, high_right]])


ABC = {"a": table(2, 0, 0, 2), "b": table(1, 1, 0, 2), "c": table(0, 2, 1, 1)}
LEFT_OUT = np.array([0.5, 0.625, 0.875])  # its UAR without a: low 1 of 4, high 3 of 4; and so on
CONSTANT = {name: table(0, 2, 0, 2) for name in "abc"}  # predicts high for everything


def cell(*runs, of="x"):
    return Cell(of, dict(enumerate(runs)))


def draw(rng, speakers=8, skill=0.7, rows=40):
    """Random counts of one run."""
    found = rng.binomial(rows, np.clip(rng.normal(skill, 0.1, (speakers, 2)), 0, 1))
    return {f"s{i}": table(a, rows - a, rows - b, b) for i, (a, b) in enumerate(found)}


def width(result):
    return result.interval[1] - result.interval[0]


def reach_of(left_out):
    """Half the width of the jackknife's interval on the plain scale."""
    n = len(left_out)
    error = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    return student_t.ppf(0.975, n - 1) * error


def test_by_hand():
    got = estimate([(1.0, cell(ABC))])
    assert got.value == pytest.approx(2 / 3) and got.by_seed == pytest.approx([2 / 3])
    # logits of 0.5, 0.625, 0.875: 0, log(5/3), log 7; of 2/3: log 2; t with 2 degrees: 4.302653
    logits = np.array([0, 0.510826, 1.945910])
    reach = 4.302653 * np.sqrt(2 / 3 * ((logits - logits.mean()) ** 2).sum())
    assert got.interval == pytest.approx(expit(0.693147 + np.array([-reach, reach])), rel=1e-5)
    # A cell of weight 0 has no say.
    alike = estimate([(1.0, cell(ABC)), (0.0, cell(CONSTANT))])
    assert (alike.value, alike.interval) == (got.value, got.interval)
    # Any other sum, such as twice the cell, keeps the plain scale, also where weights add up to 1.
    reach = 2 * 4.302653 * np.sqrt(2 / 3 * ((LEFT_OUT - 2 / 3) ** 2).sum())
    for terms, value in (
        ([(2.0, cell(ABC))], 4 / 3),
        ([(2.0, cell(ABC)), (-1.0, cell(CONSTANT))], 4 / 3 - 1 / 2),
    ):
        assert estimate(terms).interval == pytest.approx((value - reach, value + reach))


def test_two_seeds_by_hand():
    """The mean over seeds is taken before the spread over speakers."""
    second = {"a": table(1, 1, 1, 1), "b": table(2, 0, 0, 2), "c": table(2, 0, 1, 1)}
    got = estimate([(-1.0, Cell("x", {3: ABC, 7: second}))])
    assert got.by_seed == pytest.approx([-2 / 3, -(5 / 6 + 4 / 6) / 2])
    assert got.spread == pytest.approx((3 / 4 - 2 / 3) / np.sqrt(2))
    reach = reach_of((LEFT_OUT + np.array([(1 + 3 / 4) / 2, 0.625, 0.75])) / 2)
    assert got.interval == pytest.approx((got.value - reach, got.value + reach))


def test_variances_of_independent_corpora_add():
    rng = np.random.default_rng(2)
    ten, many = cell(draw(rng, 10)), cell(draw(rng, 24), of="y")
    variance, df = [], [9, 23]
    for term, d in zip((ten, many), df):  # weight -0.5: the plain scale
        variance.append((width(estimate([(-0.5, term)])) / 2 / student_t.ppf(0.975, d)) ** 2)
    welch = sum(variance) ** 2 / sum(v**2 / d for v, d in zip(variance, df))
    assert 9 < welch < 32
    both = estimate([(-0.5, ten), (-0.5, many)])
    assert width(both) / 2 == pytest.approx(student_t.ppf(0.975, welch) * np.sqrt(sum(variance)))
    halves = estimate([(-0.5, ten)]).value + estimate([(-0.5, many)]).value
    assert both.value == pytest.approx(halves)
    average = estimate([(0.5, ten), (0.5, many)])  # the same to first order
    assert width(average) == pytest.approx(width(both), rel=0.02)
    reach = np.diff(logit(average.interval)) / 2
    assert logit(average.interval[0]) + reach == pytest.approx(logit(average.value))


def test_the_interval_of_an_average_stays_between_0_and_1():
    counts = {"a": table(20, 0, 0, 20), "b": table(20, 0, 1, 19), "c": table(19, 1, 0, 20)}
    low, high = estimate([(1, cell(counts))]).interval
    assert 0.8 < low < high < 1
    two = {"a": table(2, 0, 0, 2), "b": table(0, 2, 2, 0)}  # t with 1 degree: 12.7
    assert estimate([(1, cell(two))]).interval is None  # without b it is 1
    two["b"] = table(0, 2, 1, 1)
    two["a"] = table(2, 0, 1, 9)
    assert estimate([(1, cell(two))]).interval[0] > 0
    assert estimate([(2, cell(two))]).interval[0] < 0


def test_speakers_who_lack_a_class_or_a_run():
    """A speaker counts with what is there; without an utterance anywhere, not at all."""
    full = draw(np.random.default_rng(5), speakers=5)
    lacking, silent = {**full, "s5": table(7, 3, 0, 0)}, {**full, "s5": table(0, 0, 0, 0)}
    got = estimate([(1, cell(lacking))])
    assert got.value == pytest.approx(uars(sum(lacking.values())))
    assert got.interval != estimate([(1, cell(full))]).interval
    assert estimate([(1, cell(silent))]).interval == estimate([(1, cell(full))]).interval
    # Split by speaker: s0 in the first run only, s5 in the second only; 6 speakers, 5 degrees.
    second = {name: c for name, c in lacking.items() if name != "s0"}
    got = estimate([(-1, cell(full, second))])
    left_out = [
        -np.mean([uars(sum(c for n, c in run.items() if n != name)) for run in (full, second)])
        for name in lacking
    ]
    reach = reach_of(np.array(left_out))
    assert got.interval == pytest.approx((got.value - reach, got.value + reach))


def test_where_there_is_no_interval():
    alone = cell({"a": ABC["b"]}, of="y")
    lacks = {"a": table(1, 1, 1, 1), "b": table(0, 0, 1, 1)}  # only a has low ones
    perfect = {name: table(2, 0, 0, 2) for name in "abc"}
    without_a_perfect = cell(perfect | {"a": ABC["c"]})
    for runs in (cell(lacks), cell(ABC, lacks), cell(CONSTANT), cell(perfect), without_a_perfect,
                 alone):  # fmt: skip
        got = estimate([(1.0, runs)])
        assert got.interval is None and not got.significant and np.isfinite(got.value)
    abc, constant = cell(ABC), cell(CONSTANT)
    for terms in (
        [(1, abc), (-1, alone)],  # as the other corpus' speakers cannot tell for it
        [(1, abc), (-1, cell(lacks, of="z"))],
        [(1, abc), (-1, abc)],
        [(0.3, abc), (-0.1, abc), (-0.1, abc), (-0.1, abc)],  # but for rounding
        [(1, constant), (-1, constant)],
    ):
        assert estimate(terms).interval is None
    assert estimate([(1, without_a_perfect), (-1, constant)]).interval is not None
    assert np.isnan(estimate([(1, cell({"a": table(0, 0, 1, 1)}))]).value)


def test_seeds_are_paired_by_number():
    """Whatever order the runs come in."""
    rng = np.random.default_rng(6)
    runs = {seed: draw(rng) for seed in range(3)}
    turned = Cell("x", {seed: runs[seed] for seed in (2, 0, 1)})
    got = estimate([(1, Cell("x", runs)), (-1, turned)])
    assert got.by_seed == pytest.approx([0, 0, 0])


def test_reach_and_significance():
    """Both intervals decide, over speakers and over seeds; a single seed proves nothing."""
    agree, argue = np.array([0.04, 0.05, 0.06]), np.array([-0.1, 0.05, 0.2])
    low, high = 0.05 - 0.0248414, 0.05 + 0.0248414  # 4.302653 (t, 2 degrees) * 0.01 / sqrt(3)
    endless = (-np.inf, np.inf)
    for interval, seeds, reach, significant in (
        ((0.03, 0.06), agree, (low, high), True),
        ((0.01, 0.09), agree, (0.01, 0.09), True),
        ((0.01, 0.06), agree, (0.01, high), True),
        ((0.03, 0.09), agree, (low, 0.09), True),
        ((-0.01, 0.11), agree, (-0.01, 0.11), False),  # not the speakers
        ((0.01, 0.09), argue, (0.05 - 0.3726207, 0.05 + 0.3726207), False),  # not the seeds
        ((0.01, 0.04), agree - 0.0251, (low - 0.0251, high - 0.0251), True),
        ((0.01, 0.04), agree - 0.0253, (low - 0.0253, high - 0.0253), False),
        ((0.01, 0.09), agree[::2], (0.05 - 0.1270620, 0.05 + 0.1270620), False),  # 1 degree: 12.7
        ((0.01, 0.09), agree[1:2], endless, False),
        (None, agree, endless, False),
    ):
        for sign in (1, -1):
            ends = interval and tuple(sorted(sign * end for end in interval))
            got = Estimate(sign * seeds.mean(), ends, sign * seeds)
            assert sorted(sign * end for end in got.reach) == pytest.approx(reach, abs=1e-6)
            assert got.significant == significant
    assert np.isnan(Estimate(0.05, (0.01, 0.09), agree[1:2]).spread)


# The simulation


def test_simulated_truth():
    """That of very many speakers, some without a class."""
    setting = coverage.Setting("", (-1.0, 1.0), lacking=0.3)
    counts = coverage.simulate(setting, (1, 30000), np.random.default_rng(7))
    value = setting.weights @ uars(counts.sum(axis=(1, 2))).mean(axis=1)
    assert value == pytest.approx(setting.truth(), abs=0.003)


@pytest.mark.parametrize(
    "setting",
    [
        coverage.Setting("cell", lacking=0.2),
        coverage.Setting("recall 90%", skills=(coverage.GOOD,)),
        coverage.Setting("difference", (-1.0, 1.0)),
        coverage.Setting("average", corpora=(10, 24)),
    ],
    ids=lambda setting: setting.name,
)
def test_intervals_cover_the_truth(setting):
    """93 to 97 of 100. Of 1500 simulations, the standard error of a coverage of 95% is 0.56%."""
    held, _ = coverage.coverage(setting, setting.corpora or (10,), 1500, np.random.default_rng(0))
    assert 0.93 <= held <= 0.97


def test_how_many_seeds_an_interval_needs():
    values = np.array([-1.0, 0.0, 1.0, 2.0, 3.0])  # mean 1, standard deviation 1.58
    n = int(seeds_needed(values))
    reach = [student_t.ppf(0.975, k - 1) * values.std(ddof=1) / np.sqrt(k) for k in (n - 1, n)]
    assert reach[0] >= 1 > reach[1]
    assert seeds_needed(values - 1) == np.inf
    assert seeds_needed(np.ones(2)) == 2
