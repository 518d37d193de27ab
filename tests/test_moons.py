"""The moons: the small network's gradients, the points, what the adversary is good for."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from minidann import moons


def small(beta, alpha, seed=0):
    """Parameters, a function of them -> (L_y, L_d), and the gradients that `backward` gives."""
    rng = np.random.default_rng(seed)
    params = moons.initialise(rng, 4)
    params = {key: value + 0.3 * rng.standard_normal(value.shape) for key, value in params.items()}
    x = rng.standard_normal((7, 2))  # 4 source rows, 3 of the target
    given = {"labels": np.array([0, 1, 1, 0]), "domains": np.array([0] * 4 + [1] * 3)}

    def losses(params):
        return np.array(moons.forward(params, x, beta=beta, **given)[0])

    _, cache = moons.forward(params, x, beta=beta, **given)
    return params, losses, moons.backward(cache, alpha=alpha)


def differences(losses, params, name, step=1e-5):
    """Central differences of both losses by every entry of params[name]: (2, *shape)."""
    result = np.zeros((2, *params[name].shape))
    for i in np.ndindex(params[name].shape):
        nudge = np.zeros(params[name].shape)
        nudge[i] = step
        up, down = ({**params, name: params[name] + sign * nudge} for sign in (1, -1))
        result[(slice(None), *i)] = (losses(up) - losses(down)) / (2 * step)
    return result


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 1.0), (0.3, 1.7), (0.8, 6.0), (0.5, 0.0)])
def test_every_gradient_is_alpha_label_minus_beta_domain(alpha, beta):
    params, losses, grads = small(beta, alpha)
    assert grads.keys() == params.keys()
    for name in params:
        label, domain = differences(losses, params, name)
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


@pytest.fixture(scope="module")
def trained():
    return moons.experiment(1)


def test_dann_beats_source_only_on_the_target(trained):
    _, _, results = trained
    assert results["source-only"]["source"] > 0.98
    assert results["DANN"]["source"] > 0.98
    assert results["DANN"]["target"] > 0.9
    assert results["DANN"]["target"] >= results["source-only"]["target"] + 0.05


def test_the_figure_has_both_models_and_every_point(trained):
    page = moons.figure(*trained, "title")
    titles = [axis.get_title() for axis in page.axes]
    assert len(titles) == 6
    assert all(title.startswith("source-only") for title in titles[:3])
    assert all(title.startswith("DANN") for title in titles[3:])
    assert f"target {trained[2]['DANN']['target']:.3f}" in titles[3]
    for axis in page.axes:
        assert axis.get_xlabel() and axis.get_ylabel()
        drawn = [len(c.get_offsets()) for c in axis.collections if c.get_label()[0] in "st"]
        assert drawn == [150, 150, 300]
    plt.close(page)


def short(seed, beta=6.0, **options):
    rng = np.random.default_rng(seed)
    (source, labels), (target, _) = moons.moons(rng, 0.0), moons.moons(rng, 35.0)
    return moons.train(rng, source, labels, target, beta=beta, epochs=3, **options)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others():
    first, again, different = short(0), short(0), short(1)
    for name in first:
        assert first[name].tobytes() == again[name].tobytes()
        assert not np.array_equal(first[name], different[name])


def test_training_averages_the_second_half(monkeypatch):
    seen = []
    step = moons.optim.step

    def noting(*given):
        result = step(*given)
        seen.append(result[0])
        return result

    monkeypatch.setattr(moons.optim, "step", noting)
    params = short(0)
    assert len(seen) == 30  # 3 epochs of 10 steps; the last two are the second half
    for name in params:
        np.testing.assert_allclose(params[name], (seen[19][name] + seen[29][name]) / 2)


def test_source_only_hears_nothing_from_the_target():
    """beta 0: another target changes the domain classifier, and nothing else."""
    rng = np.random.default_rng(0)
    source, labels = moons.moons(rng, 0.0)
    first, second = (
        moons.train(np.random.default_rng(5), source, labels, target, beta=0.0, epochs=2)
        for target in (source + 1, source - 1)
    )
    for name in first:
        assert np.array_equal(first[name], second[name]) != name.startswith("domain"), name


def command(*flags):
    line = [sys.executable, "-m", "minidann.moons", *map(str, flags)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


def run(monkeypatch, *flags):
    monkeypatch.setattr(sys, "argv", ["moons", *map(str, flags)])
    moons.console.run(moons.main)


def test_the_command_prints_a_table_and_writes_a_png(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(moons.train.__kwdefaults__, "epochs", 4)
    out = tmp_path / "figure.png"
    run(monkeypatch, "--seed", 3, "--seeds", 2, "--hidden", 5, "--rotation", -20, "--out", out)
    lines = capsys.readouterr().out.splitlines()
    assert "fresh points of the target" in lines[0]
    assert [line.split()[0] for line in lines[-4:]] == ["3", "4", "mean", "figure:"]
    rows = np.array([line.split()[1:] for line in lines[-4:-1]], dtype=float)
    assert rows.shape == (3, 4)
    np.testing.assert_allclose(rows[:2].mean(axis=0), rows[2], atol=1.1e-3)
    assert ((0 <= rows) & (rows <= 1)).all()
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--seed", "-1"), "--seed: expected 0 or more"),
        (("--seeds", "0"), "--seeds: expected 1 or more"),
        (("--beta", "nan"), "--beta: expected a number from 0 to 1000"),
        (("--beta", "many"), "argument --beta"),
        (("--hidden", "2"), "--hidden: expected 3 to 1000 units"),
        (("--rotation", "inf"), "--rotation: expected degrees"),
        (("--out", "."), "is a folder"),
        (("--out", "nowhere/moons.png"), "there is no folder nowhere"),
        (("--bet", "1"), "unrecognized arguments"),
    ],
)
def test_what_is_wrong_with_the_flags_is_told_in_one_line(
    flags, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, *flags)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and said in line
    assert not list(tmp_path.iterdir())


def test_a_wrong_flag_on_a_real_command_line():
    done = command("--seeds", "no")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
