"""Adam and the penalties, against formulas that are written another way.

Adam's moments are running averages, updated from one step to the next. Written out they are sums
over all gradients so far, with weights that fall off:

    m after t steps = sum over i of  0.1 * 0.9^(t-i) * g[i]
    v after t steps = sum over i of  0.001 * 0.999^(t-i) * g[i]^2

The gradients here span from 1 down to 1e-9 and include a zero, so that epsilon, 1e-8, matters to
some entries; the rate changes from step to step; one parameter has no gradient in some steps, one
never has.
"""

import math

import numpy as np

from minidann.gradcheck.contract import in_one_line
from minidann.gradcheck.perturbing import derivatives
from minidann.gradcheck.purity import Untouched
from minidann.gradcheck.report import COMPLEX_TOLERANCE, Report, Row, compare, refused
from minidann.mistakes import catalogue, optimiser  # noqa: F401  fills the catalogue
from minidann.mistakes.question import close

# Written out: what is checked must not bring its own measure.
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
REGULARISED = ("conv.w", "emotion.w", "domain.w")
STEPS = 7
L1, L2 = 0.3, 0.2
PENALISED = (*REGULARISED, "conv.b", "bn.gamma", "bn.beta", "attention.v", "emotion.b")
PRICES = ((L1, 0.0, "conv.w"), (0.0, L2, "emotion.w"), (L1, L2, "domain.w"))  # a kernel without
Arrays = dict[str, np.ndarray]
History = list[tuple[Arrays, float]]  # the gradients and the rate of each step


def check_optimiser(optim, rng: np.random.Generator) -> Report:
    """Check `add_penalty`, `start` and `step` of `optim` (see `minidann.optim`)."""
    params, history = example(rng)
    penalised = penalty_example(rng)
    rows, problems, causes = [], [], {}
    for run, compared, given in ((follow, _adam, (params, history)),
                                 (penalise, _penalties, penalised)):  # fmt: skip
        try:
            received, written = run(optim, *given)
            part = compared(received, *given)
        except (Exception, SystemExit) as error:
            problems.append(f"raised {in_one_line(error)}")
            continue
        rows += part
        problems += written
        wrong = [row.argument for row in part if not row.ok]
        if wrong:
            causes.update(dict.fromkeys(wrong, _causes(run, received, given)))
    return Report("optim", tuple(rows), tuple(dict.fromkeys(problems)), causes)


@np.errstate(all="ignore")
def _causes(run, received: Arrays, given: tuple) -> tuple[str, ...]:
    """The mistakes of the catalogue that give just what was received."""
    found = []
    for mistake in catalogue.of("optim"):
        would, _ = run(mistake.build(), *given)
        if received.keys() == would.keys() and all(
            close(received[name], would[name], 1e-12 * np.abs(would[name]).max(initial=0))
            for name in would
        ):
            found.append(mistake.says)
    return tuple(found[:2])


def example(rng: np.random.Generator) -> tuple[Arrays, History]:
    """Parameters, and what each of a few steps is given."""
    params = {
        "steady": rng.standard_normal((2, 5)),  # a gradient in every step
        "gaps": rng.standard_normal(3),  # in some
        "frozen": rng.standard_normal(4),  # in none
    }
    size = 10.0 ** -np.arange(10).reshape(2, 5)  # 1 down to 1e-9
    history = []
    for i in range(STEPS):
        grads = {"steady": rng.standard_normal((2, 5)) * size}
        grads["steady"][0, 1] = 0.0
        if i not in (1, 2, 5):
            grads["gaps"] = rng.standard_normal(3)
        history.append((grads, 0.01 * 0.8**i))
    return params, history


def trajectory(params: Arrays, history: History) -> Arrays:
    """Where Adam ends, and its state, from the moments written out as sums."""
    ends = {}
    for name, w in params.items():
        grads = [(g[name], rate) for g, rate in history if name in g]
        m = v = np.zeros_like(w)
        for t in range(1, len(grads) + 1):
            past = [g for g, _ in grads[:t]]
            m = sum((1 - BETA1) * BETA1 ** (t - i) * g for i, g in enumerate(past, 1))
            v = sum((1 - BETA2) * BETA2 ** (t - i) * g**2 for i, g in enumerate(past, 1))
            # The weights in m add up to 1 - 0.9^t: divided by that, m is an average.
            average, square = m / (1 - BETA1**t), v / (1 - BETA2**t)
            w = w - grads[t - 1][1] * average / (np.sqrt(square) + EPSILON)
        ends.update({name: w, f"{name}.m": m, f"{name}.v": v, f"{name}.t": np.array(len(grads))})
    return ends


def follow(optim, params: Arrays, history: History) -> tuple[Arrays, list[str]]:
    """Where `optim` ends, by the names of `trajectory`, and what it writes to."""
    given = Untouched(params=params, grads=[g for g, _ in history])
    state, problems, now = optim.start(params), [], params
    with np.errstate(all="ignore"):
        for grads, rate in history:
            kept = Untouched(state=state)
            now, after = optim.step(now, dict(grads), state, rate)
            problems += [f"step writes to {name}" for name in kept.changed()]
            state = after
    problems += [f"step writes to {name}" for name in given.changed()]
    return {**now, **state}, list(dict.fromkeys(problems))


def _adam(ends: Arrays, params: Arrays, history: History) -> list[Row]:
    """Rows of Adam: how far each parameter went, and its state."""
    rows = []
    for name, value in trajectory(params, history).items():
        received, before = np.asarray(ends.get(name, np.nan)), params.get(name, 0)
        title = f"Adam: {name}"
        if received.shape != value.shape:
            rows.append(refused(title, value.shape, f"WRONG SHAPE: {received.shape}"))
        else:  # of a parameter, the change counts
            rows.append(_exact(title, received - before, value - before))
    return rows


def _exact(title: str, received: np.ndarray, true: np.ndarray) -> Row:
    """A row against a formula, where there is nothing to perturb."""
    off = np.abs(received - true)
    scale = np.abs(true).max() or 1.0
    at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
    error = float(off[at] / scale)
    ok = error <= COMPLEX_TOLERANCE
    return Row(
        title, true.shape, math.nan, error, float(off[at]), tuple(int(i) for i in at),
        float(received[at]), float(true[at]), 1e-15, "right" if ok else "WRONG", ok,
    )  # fmt: skip


def penalty_example(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Parameters and gradients. abs has a kink at 0, so no weight is near it."""
    params = {name: rng.standard_normal((3, 4)) for name in PENALISED}
    params = {name: w + 0.1 * np.sign(w) for name, w in params.items()}
    return params, {name: rng.standard_normal((3, 4)) for name in PENALISED}


def penalise(optim, params: Arrays, all_grads: Arrays) -> tuple[Arrays, list[str]]:
    """What `optim` adds, by the names of `_penalties`, and what it writes to."""
    added, problems = {}, []
    for l1, l2, without in PRICES:
        grads = {name: g for name, g in all_grads.items() if name != without}
        given = Untouched(params=params, grads=grads)
        after = optim.add_penalty(params, grads, l1=l1, l2=l2)
        problems += [f"add_penalty writes to {name}" for name in given.changed()]
        for name, g in after.items():
            added[f"l1 {l1:g}, l2 {l2:g}: {name}"] = g - grads.get(name, 0)
    zero = {"conv.w": np.zeros((2, 3))}
    after = optim.add_penalty(zero, dict(zero), l1=L1, l2=0.0)
    added[f"l1 {L1:g}: conv.w at 0"] = after["conv.w"]
    return added, list(dict.fromkeys(problems))


def _penalties(added: Arrays, params: Arrays, all_grads: Arrays) -> list[Row]:
    """Rows of l1, l2 and both: what is added to the gradient, against finite differences."""
    rows = []
    for l1, l2, without in PRICES:
        for name, w in params.items():
            title = f"l1 {l1:g}, l2 {l2:g}: {name}"
            if (title in added) == (name == without):
                rows.append(refused(title, w.shape, "GRADIENT OUT OF NOTHING OR LOST"))
            elif title in added:
                rows.append(_penalty(title, added[title], w, l1, l2, name in REGULARISED))
    title = f"l1 {L1:g}: conv.w at 0"
    rows.append(_exact(title, added[title], np.zeros((2, 3))))
    return rows


def _penalty(title, added, w, l1, l2, kernel) -> Row:
    if not kernel:  # biases, batch norm and the attention query are left alone
        return _exact(title, added, np.zeros_like(w))

    def penalty(w):
        return l1 * (w * np.sign(w.real)).sum() + l2 * (w * w).sum()  # abs, by the real part

    return compare(title, w.shape, added.ravel(), derivatives(penalty, w))
