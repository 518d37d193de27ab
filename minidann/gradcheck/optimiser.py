"""Adam and the penalties, against formulas that are written another way.

Adam's moments are running averages, updated from one step to the next. Written out they are sums
over all gradients so far, with weights that fall off:

    m after t steps = sum over i of  0.1 * 0.9^(t-i) * g[i]
    v after t steps = sum over i of  0.001 * 0.999^(t-i) * g[i]^2

The gradients here span from 1 down to 1e-9 and include a zero, so that epsilon, 1e-8, matters to
some entries; the rate changes from step to step; one parameter has no gradient in some steps, one
never has.
"""

from types import SimpleNamespace

import numpy as np

from minidann import optim
from minidann.gradcheck.judging import read_only
from minidann.gradcheck.perturbing import differences
from minidann.gradcheck.report import Report, Row, exact
from minidann.gradcheck.running import in_one_line
from minidann.mistakes.functions import WRONG
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
    rows, problems, causes = [], [], {}
    for follow, expected, example in ((walk, walk_in_sums, walk_example),
                                      (penalise, penalties, penalty_example)):  # fmt: skip
        given = example(rng)
        try:
            received, true = follow(optim, *given), expected(*given)
        except (Exception, SystemExit) as error:
            problems.append(f"{follow.__name__}: raised {in_one_line(error)}")
            continue
        part = [
            exact(name, received[name], value) if name in received else
            Row(name, value.shape, "IS LOST") for name, value in true.items()
        ]  # fmt: skip
        part += [Row(name, (), "OUT OF NOTHING") for name in received if name not in true]
        wrong = [row.argument for row in part if not row.ok]
        causes |= dict.fromkeys(wrong, _causes(follow, received, given) if wrong else ())
        rows += part
    return Report("optim", tuple(rows), tuple(problems), causes)


@np.errstate(all="ignore")
def _causes(follow, received: Arrays, given: tuple) -> tuple[str, ...]:
    """The mistakes of the catalogue that give just what was received."""
    found = []
    for name, wrong in ((n, way) for n in ("step", "add_penalty") for way in WRONG[n]):
        try:
            would = follow(SimpleNamespace(**{**vars(optim), name: wrong}), *given)
        except ValueError:  # it writes to what it is given
            continue
        if received.keys() == would.keys() and all(
            close(received[name], would[name], 1e-12 * np.abs(would[name]).max(initial=0))
            for name in would
        ):
            found.append(wrong.__doc__)
    return tuple(found[:2])


def walk_example(rng: np.random.Generator) -> tuple[Arrays, History]:
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
        history.append((read_only(grads), 0.01 * 0.8**i))
    return read_only(params), history


def walk(optim, params: Arrays, history: History) -> Arrays:
    """How far `optim` goes from `params`, and its state in the end."""
    state, now = optim.start(params), params
    with np.errstate(all="ignore"):
        for grads, rate in history:
            now, state = optim.step(now, dict(grads), read_only(state), rate)
    ends = {name: w - params[name] for name, w in now.items()}  # of a parameter, the change counts
    return {f"Adam: {name}": np.asarray(value) for name, value in {**ends, **state}.items()}


def walk_in_sums(params: Arrays, history: History) -> Arrays:
    """How far Adam goes, and its state, from the moments written out as sums."""
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
        state = {f"{name}.m": m, f"{name}.v": v, f"{name}.t": np.array(float(len(grads)))}
        ends |= {f"Adam: {key}": value for key, value in {name: w - params[name], **state}.items()}
    return ends


def penalty_example(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Parameters and gradients. abs has a kink at 0, so no weight is near it."""
    params = {name: rng.standard_normal((3, 4)) for name in PENALISED}
    params = {name: w + 0.1 * np.sign(w) for name, w in params.items()}
    return read_only((params, {name: rng.standard_normal((3, 4)) for name in PENALISED}))


def penalise(optim, params: Arrays, all_grads: Arrays) -> Arrays:
    """What `optim` adds to the gradients: of l1, of l2, of both, and of l1 where a weight is 0."""
    added = {}
    for l1, l2, without in PRICES:
        grads = {name: g for name, g in all_grads.items() if name != without}
        for name, g in optim.add_penalty(params, dict(grads), l1=l1, l2=l2).items():
            added[f"l1 {l1:g}, l2 {l2:g}: {name}"] = g - grads.get(name, 0)
    zero = {"conv.w": np.zeros((2, 3))}
    after = optim.add_penalty(zero, dict(zero), l1=L1, l2=0.0)
    return {**added, f"l1 {L1:g}: conv.w at 0": after["conv.w"]}


def penalties(params: Arrays, all_grads: Arrays) -> Arrays:
    """What must be added: the derivative of the penalty, by the complex step."""
    true = {f"l1 {L1:g}: conv.w at 0": np.zeros((2, 3))}
    for l1, l2, without in PRICES:

        def penalty(w, l1=l1, l2=l2):  # abs, by the real part
            return l1 * (w * np.sign(w.real)).sum() + l2 * (w * w).sum()

        for name, w in params.items():
            if name in REGULARISED:
                slopes = differences(penalty, w, method="complex")[0]
            else:  # biases, batch norm and the attention query are left alone
                slopes = np.zeros_like(w)
            true |= {f"l1 {l1:g}, l2 {l2:g}: {name}": slopes} if name != without else {}
    return true
