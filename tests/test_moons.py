"""The moons: the small network's gradients, the points, the training, the command.

That DANN beats source-only on the target is in the output of lesson 0, which is run and compared.
"""

import numpy as np
import pytest
from conftest import call

from minidann import moons
from minidann.gradcheck import differences


@pytest.fixture
def few_epochs(monkeypatch):
    monkeypatch.setitem(moons.train.__kwdefaults__, "epochs", 4)


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 1.7), (0.5, 0.0)])
def test_every_gradient_is_alpha_label_minus_beta_domain(alpha, beta):
    rng = np.random.default_rng(0)
    params = moons.initialise(rng, 4)
    params = {key: value + 0.3 * rng.standard_normal(value.shape) for key, value in params.items()}
    x = rng.standard_normal((7, 2))  # 4 source points, 3 of the target
    options = {"labels": np.array([0, 1, 1, 0]), "domains": np.repeat([0, 1], (4, 3)), "beta": beta}
    _, cache = moons.forward(params, x, **options)
    grads = moons.backward(cache, alpha=alpha)
    assert grads.keys() == params.keys()
    for name in params:
        label, domain = differences(
            lambda value: np.array(moons.forward(params | {name: value}, x, **options)[0]),
            params[name],
        )
        if name.startswith("hidden"):  # below the reversal
            domain = -beta * domain
        expected = alpha * label + (1 - alpha) * domain
        np.testing.assert_allclose(grads[name], expected, rtol=1e-6, atol=1e-9, err_msg=name)
        assert np.abs(grads[name]).max() > 1e-3, name


def test_points_lie_on_two_moons_and_the_target_is_the_source_rotated():
    x, y = moons.moons(np.random.default_rng(0), 0.0)
    rotated, same = moons.moons(np.random.default_rng(0), 35.0)
    assert x.shape == (300, 2)
    assert np.bincount(y).tolist() == [150, 150]
    np.testing.assert_array_equal(y, same)
    # Half circles of radius 2 about (-1, -0.5), above, and (1, 0.5), below, give or take noise.
    for moon, centre, side in ((0, (-1, -0.5), 1), (1, (1, 0.5), -1)):
        spoke = x[y == moon] - centre
        assert np.abs(np.hypot(*spoke.T) - 2).max() < 0.5
        assert (side * spoke[:, 1] > -0.5).all()
    turn = np.deg2rad(35)
    by_hand = (x[:, 0] + 1j * x[:, 1]) * np.exp(1j * turn)  # anticlockwise
    np.testing.assert_allclose(rotated, np.stack([by_hand.real, by_hand.imag], axis=1), atol=1e-12)


def test_training_averages_the_second_half_and_depends_on_the_seed_alone(monkeypatch):
    def short(seed):
        rng = np.random.default_rng(seed)
        (source, labels), (target, _) = moons.moons(rng, 0.0), moons.moons(rng, 35.0)
        return moons.train(rng, source, labels, target, beta=6.0, epochs=3)

    first, second, seen, step = short(0), short(1), [], moons.optim.step
    monkeypatch.setattr(moons.optim, "step", lambda *args: seen.append(step(*args)) or seen[-1])
    again = short(0)
    assert len(seen) == 30  # 3 epochs of 10 steps; the last two are the second half
    for name in first:
        np.testing.assert_allclose(first[name], (seen[19][0][name] + seen[29][0][name]) / 2)
        assert first[name].tobytes() == again[name].tobytes()
        assert not np.array_equal(first[name], second[name])


def test_source_only_learns_nothing_from_the_target():
    """beta 0: another target changes the domain classifier, and nothing else."""
    source, labels = moons.moons(np.random.default_rng(0), 0.0)
    left, right = (
        moons.train(np.random.default_rng(5), source, labels, target, beta=0.0, epochs=2)
        for target in (source + 1, source - 1)
    )
    for name in left:
        assert np.array_equal(left[name], right[name]) != name.startswith("domain"), name


@pytest.mark.parametrize("flags", [("--seeds", 0), ("--beta", "nan"), ("--beta", -1)])
def test_flags_that_make_no_sense(flags, few_epochs):
    done = call("moons", *flags)
    assert done.returncode == 2 and not done.stdout and "expected 1 or more" in done.stderr


def test_the_command_prints_a_table(few_epochs):
    lines = call("moons", "--seeds", 2, "--beta", 0).stdout.splitlines()
    assert "fresh points of the target" in lines[0]
    assert [line.split()[0] for line in lines[-3:]] == ["0", "1", "mean"]
    rows = np.array([line.split()[1:] for line in lines[-3:]], dtype=float)
    assert rows.shape == (3, 4)
    np.testing.assert_allclose(rows[:2].mean(axis=0), rows[2], atol=1.1e-3)
    assert ((0 <= rows) & (rows <= 1)).all()
    np.testing.assert_array_equal(rows[:, :2], rows[:, 2:])  # DANN with beta 0 is source-only
