"""Mistakes in Adam, in the decaying rate's use, and in the penalties."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from minidann import optim
from minidann.mistakes.catalogue import of, register, whole
from minidann.mistakes.functions import instead_of
from minidann.optim import BETA1, BETA2, EPSILON, REGULARISED


def changed(**functions) -> SimpleNamespace:
    """The optimiser with some of its functions replaced."""
    return SimpleNamespace(**{**vars(optim), **functions})


# --- Adam


def right_update(g, m, v, t):
    return m / (1 - BETA1**t) / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)


def right_moments(m, v, g):
    return BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g


def adam(update=right_update, moments=right_moments, kept=lambda m, v, t: (m, v)):
    """Adam that goes `update(g, m, v, t)` far at rate 1, with other moments, or keeping others."""

    def step(params, grads, state, rate):
        params, state = dict(params), dict(state)
        for name, g in grads.items():
            t = state[f"{name}.t"] + 1
            m, v = moments(state[f"{name}.m"], state[f"{name}.v"], g)
            params[name] = params[name] - rate * update(g, m, v, int(t))
            m, v = kept(m, v, int(t))
            state.update({f"{name}.m": m, f"{name}.v": v, f"{name}.t": t})
        return params, state

    return changed(step=step)


def corrected(by1=lambda t: 1 - BETA1**t, by2=lambda t: 1 - BETA2**t):
    """The update with other corrections of the moments' bias."""
    return lambda g, m, v, t: m / by1(t) / (np.sqrt(v / by2(t)) + EPSILON)


def made_of(combine):
    """The update `combine(g, average, square)` of the moments without their bias."""
    return lambda g, m, v, t: combine(g, m / (1 - BETA1**t), v / (1 - BETA2**t))


UPDATES = {
    "The bias of both moments is not corrected: they start at zero and are used as they are.":
        corrected(lambda t: 1.0, lambda t: 1.0),
    "The first moment's bias correction is missing.": corrected(by1=lambda t: 1.0),
    "The second moment's bias correction is missing.": corrected(by2=lambda t: 1.0),
    "Both biases are corrected with the first moment's 0.9.": corrected(
        by2=lambda t: 1 - BETA1**t),
    "Both biases are corrected with the second moment's 0.999.": corrected(
        by1=lambda t: 1 - BETA2**t),
    "The two bias corrections are exchanged.": corrected(
        lambda t: 1 - BETA2**t, lambda t: 1 - BETA1**t),
    "The bias is corrected as in the first step, in every step.": corrected(
        lambda t: 1 - BETA1, lambda t: 1 - BETA2),
    "The bias correction uses t + 1: the count of steps starts at 1 and is raised first.":
        corrected(lambda t: 1 - BETA1 ** (t + 1), lambda t: 1 - BETA2 ** (t + 1)),
    "The bias correction uses t - 1: the count of steps is raised after the update.":
        corrected(lambda t: 1 - BETA1 ** (t - 1), lambda t: 1 - BETA2 ** (t - 1)),
    "The bias correction multiplies by 1 - beta^t where it should divide.": corrected(
        lambda t: 1 / (1 - BETA1**t), lambda t: 1 / (1 - BETA2**t)),
    "The bias is corrected by 1 - beta*t, not by 1 - beta^t.": corrected(
        lambda t: 1 - BETA1 * t, lambda t: 1 - BETA2 * t),
    "The second moment's correction stands outside the square root.":
        lambda g, m, v, t: m / (1 - BETA1**t) / (np.sqrt(v) / (1 - BETA2**t) + EPSILON),
    "epsilon is added under the root: small gradients then move a parameter less.": made_of(
        lambda g, average, square: average / np.sqrt(square + EPSILON)),
    "epsilon squared is added under the root.": made_of(
        lambda g, average, square: average / np.sqrt(square + EPSILON**2)),
    "epsilon is missing.": made_of(lambda g, average, square: average / np.sqrt(square)),
    "epsilon is added before the second moment's bias is corrected.":
        lambda g, m, v, t: m / (1 - BETA1**t) * np.sqrt(1 - BETA2**t) / (np.sqrt(v) + EPSILON),
    **{f"epsilon is {wrong:g}; here it is {EPSILON:g}.": made_of(
        lambda g, average, square, wrong=wrong: average / (np.sqrt(square) + wrong))
       for wrong in (1e-7, 1e-6, 1e-5, 1e-10, 1e-12)},
    "The update divides by the second moment itself; its root is missing.": made_of(
        lambda g, average, square: average / (square + EPSILON)),
    "The update is not divided by the second moment.": made_of(lambda g, average, square: average),
    "The update takes the gradient, not the first moment.": made_of(
        lambda g, average, square: g / (np.sqrt(square) + EPSILON)),
    "The moments change places in the update.": made_of(
        lambda g, average, square: square / (np.sqrt(np.abs(average)) + EPSILON)),
    "The update is added to the parameter: it ascends.": made_of(
        lambda g, average, square: -average / (np.sqrt(square) + EPSILON)),
    "The update is divided by the root of the mean of v, not entry by entry.": made_of(
        lambda g, average, square: average / (np.sqrt(square.mean()) + EPSILON)),
    "Only the sign of the first moment is used.": made_of(
        lambda g, average, square: np.sign(average)),
}  # fmt: skip


def averaged(beta1=BETA1, beta2=BETA2, new1=None, new2=None, of1=lambda g, m: g,
             of2=lambda g, m: g * g):  # fmt: skip
    """Moments beta * old + new * (of1 or of2)(g, first moment); `new` is 1 - beta if not given."""
    new1, new2 = 1 - beta1 if new1 is None else new1, 1 - beta2 if new2 is None else new2

    def moments(m, v, g):
        m = beta1 * m + new1 * of1(g, m)
        return m, beta2 * v + new2 * of2(g, m)

    return moments


MOMENTS = {
    "0.999 is used for the first moment and 0.9 for the second.": averaged(BETA2, BETA1),
    "Both moments decay with 0.9.": averaged(BETA1, BETA1),
    "Both moments decay with 0.999.": averaged(BETA2, BETA2),
    "0.9 and 0.1 are exchanged in the first moment.": averaged(1 - BETA1, BETA2),
    "0.999 and 0.001 are exchanged in the second moment.": averaged(BETA1, 1 - BETA2),
    "0.9 and 0.1, 0.999 and 0.001 are exchanged in the moments.": averaged(1 - BETA1, 1 - BETA2),
    "g is not weighed by 0.1 in the first moment.": averaged(new1=1.0),
    "g^2 is not weighed by 0.001 in the second moment.": averaged(new2=1.0),
    "g and g^2 are not weighed in the moments.": averaged(new1=1.0, new2=1.0),
    "The second moment collects g, not g^2.": averaged(of2=lambda g, m: g),
    "The second moment collects abs(g), not g^2.": averaged(of2=lambda g, m: np.abs(g)),
    "The second moment collects m^2, not g^2.": averaged(of2=lambda g, m: m * m),
    "The second moment collects the mean of g^2, not each entry's.": averaged(
        of2=lambda g, m: (g * g).mean()),
    "The moments start anew in every step.": lambda m, v, g: ((1 - BETA1) * g, (1 - BETA2) * g * g),
}  # fmt: skip
for says, update in UPDATES.items():
    register("optim", "whole", lambda update=update: adam(update=update), says)
for says, moments in MOMENTS.items():
    # With 0.9 and 0.999 exchanged in the moments, the corrections are exchanged as well.
    exchanged = corrected(lambda t: 1 - BETA2**t, lambda t: 1 - BETA1**t)
    update = exchanged if says.startswith("0.999 is used") else right_update
    register("optim", "whole", lambda m=moments, u=update: adam(update=u, moments=m), says)
register(
    "optim", "whole",
    lambda: adam(moments=averaged(BETA2, BETA1)),
    "0.9 and 0.999 are exchanged in the moments; the bias corrections have them right.",
)  # fmt: skip
register(
    "optim", "whole",
    lambda: adam(kept=lambda m, v, t: (m / (1 - BETA1**t), v / (1 - BETA2**t))),
    "The corrected moments are kept, and corrected again in the next step.",
)  # fmt: skip


def stepping(change: Callable) -> SimpleNamespace:
    """The optimiser whose step is `change(params, grads, state, rate)`."""
    return changed(step=change)


@whole("optim")
def every_parameter_counts_every_step():
    """Parameters without a gradient in a step take one of zero: they move on by their momentum."""

    def step(params, grads, state, rate):
        idle = {name: np.zeros_like(value) for name, value in params.items()}
        return optim.step(params, {**idle, **grads}, state, rate)

    return stepping(step)


@whole("optim")
def one_count_for_all():
    """All parameters share one count of steps: each has its own, .t."""

    def step(params, grads, state, rate):
        steps = max(count for name, count in state.items() if name.endswith(".t"))
        counts = {f"{name}.t": steps for name in params}
        new, after = optim.step(params, grads, {**state, **counts}, rate)
        return new, {**after, **{f"{name}.t": steps + 1 for name in params}}

    return stepping(step)


@whole("optim")
def the_count_is_not_kept():
    """The new counts of steps, .t, are not in the new state."""

    def step(params, grads, state, rate):
        new, after = optim.step(params, grads, state, rate)
        return new, after | {name: old for name, old in state.items() if name.endswith(".t")}

    return stepping(step)


@whole("optim")
def the_rate_is_not_used():
    """The rate is not used: it is 1 in every step."""
    return stepping(lambda params, grads, state, rate: optim.step(params, grads, state, 1.0))


# --- the penalties


def penalised(penalty: Callable, names=REGULARISED) -> SimpleNamespace:
    """The optimiser that adds `penalty(l1, l2, w)` to these gradients; None: to all."""

    def add_penalty(params, grads, *, l1, l2):
        chosen = [name for name in grads if names is None or name in names]
        return {**grads, **{n: grads[n] + penalty(l1, l2, params[n]) for n in chosen}}

    return changed(add_penalty=add_penalty)


def right_penalty(l1, l2, w):
    return l1 * np.sign(w) + 2 * l2 * w


PENALTIES = {
    "The 2 is missing: the gradient of l2 w^2 is 2 l2 w.": lambda l1, l2, w: (
        l1 * np.sign(w) + l2 * w),
    "l1 and l2 are exchanged.": lambda l1, l2, w: right_penalty(l2, l1, w),
    "The penalty is added itself, one number to all entries, not its gradient.": lambda l1, l2, w: (
        l1 * np.abs(w).sum() + l2 * (w * w).sum()),
    "The penalty of l1 is added itself, not its gradient.": lambda l1, l2, w: (
        l1 * np.abs(w).sum() + 2 * l2 * w),
    "The penalty of l2 is added itself, not its gradient.": lambda l1, l2, w: (
        l1 * np.sign(w) + l2 * (w * w).sum()),
    "abs(w) is added where its gradient, sign(w), should be.": lambda l1, l2, w: (
        l1 * np.abs(w) + 2 * l2 * w),
    "w itself is added where the gradient of abs(w), sign(w), should be.": lambda l1, l2, w: (
        l1 * w + 2 * l2 * w),
    "w^2 is added where its gradient, 2 w, should be.": lambda l1, l2, w: (
        l1 * np.sign(w) + l2 * w * w),
    "The gradient of the penalty is subtracted, not added.": lambda l1, l2, w: (
        -right_penalty(l1, l2, w)),
    "The gradient of l1 |w| is taken as l1, whatever the sign of w.": lambda l1, l2, w: (
        l1 + 2 * l2 * w),
    "The gradient of the penalty is divided by the number of weights.": lambda l1, l2, w: (
        right_penalty(l1, l2, w) / w.size),
    "l1 has no effect.": lambda l1, l2, w: 2 * l2 * w,
    "l2 has no effect.": lambda l1, l2, w: l1 * np.sign(w),
    "At w = 0 the gradient of l1 |w| is taken as l1; it should be 0.": lambda l1, l2, w: (
        l1 * np.where(w >= 0, 1.0, -1.0) + 2 * l2 * w),
    "At w = 0 the gradient of l1 |w| is taken as -l1; it should be 0.": lambda l1, l2, w: (
        l1 * np.where(w > 0, 1.0, -1.0) + 2 * l2 * w),
}  # fmt: skip
for says, penalty in PENALTIES.items():
    register("optim", "whole", lambda penalty=penalty: penalised(penalty), says)


@whole("optim")
def biases_are_penalised_too():
    """The penalty is added for every parameter, biases and batch norm's gamma and beta included."""
    return penalised(right_penalty, None)


@whole("optim")
def every_weight_matrix_and_every_bias():
    """The penalty is added for biases as well as kernels."""
    biases = ("conv.b", "emotion.b", "domain.b")
    return penalised(right_penalty, (*REGULARISED, *biases))


@whole("optim")
def the_domain_classifier_goes_free():
    """The kernels of the convolution and of emotion are penalised, that of domain is not."""
    return penalised(right_penalty, REGULARISED[:2])


@whole("optim")
def idle_kernels_are_penalised():
    """A kernel without a gradient in a step gets the penalty as its gradient, and so moves."""

    def add_penalty(params, grads, *, l1, l2):
        idle = {k: np.zeros_like(params[k]) for k in REGULARISED if k in params}
        return optim.add_penalty(params, {**idle, **grads}, l1=l1, l2=l2)

    return changed(add_penalty=add_penalty)


for mistake in of("optim"):  # the exercises ask for the two functions one by one
    for name in ("step", "add_penalty"):
        wrong = getattr(mistake.build(), name)
        if wrong is not getattr(optim, name):
            wrong.__doc__ = mistake.says
            instead_of(name)(wrong)
