"""The checker against the whole bank of mutants."""

import numpy as np

from minidann import feeding
from minidann.gradcheck.bank import check_mutant, counts
from minidann.mistakes import mutants

# Nearly every mistake shows in bn2; the others are tried only for what it does not catch.
MODES = (("bn2",), ("bn1", "bn3"), ("none", "bn4"))


def verdict(mutant):
    for modes in MODES:
        found = check_mutant(mutant, np.random.default_rng(0), modes=modes)
        if found.killed:
            break
    return found


def test_every_mutant_is_killed_and_most_are_named():
    assert sorted(mode for modes in MODES for mode in modes) == sorted(feeding.MODES)
    verdicts = [verdict(mutant) for mutant in mutants.BANK]
    print(counts(verdicts))
    assert [v.mutant.name for v in verdicts if not v.killed] == []
    named = [v.named for v in verdicts]
    assert named.count("right") >= 0.9 * len(named), counts(verdicts)
    assert named.count("wrong") <= 0.03 * len(named), counts(verdicts)
