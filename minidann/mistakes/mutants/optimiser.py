"""Mistakes in Adam and in the penalties."""

import numpy as np

from minidann import optim
from minidann.mistakes.mutants.making import rewired, variant, whole

# --- Adam


def adam(update):
    """An optimiser that takes `update(g, m, v, t)` of each parameter, the moments being right."""

    def step(params, grads, state, rate):
        after, state = optim.step(params, grads, state, rate)
        for name, g in grads.items():
            m, v, t = (state[f"{name}.{kept}"] for kept in "mvt")
            after[name] = params[name] - rate * update(g, m, v, int(t))
        return after, state

    return variant(optim, step=step)


def corrected(m, v, t):
    """Both moments, without the bias that starting at zero gives them."""
    return m / (1 - optim.BETA1**t), v / (1 - optim.BETA2**t)


@whole("optim", "adam")
def no_bias_correction():
    """The moments start at zero and are used as they are, without dividing by 1 - beta^t."""
    return adam(lambda g, m, v, t: m / (np.sqrt(v) + optim.EPSILON))


@whole("optim", "adam")
def the_correction_counts_one_ahead():
    """The bias correction uses t + 1: the count of steps starts at 1 and is raised first."""

    def update(g, m, v, t):
        m, v = corrected(m, v, t + 1)
        return m / (np.sqrt(v) + optim.EPSILON)

    return adam(update)


@whole("optim", "adam")
def epsilon_under_the_root():
    """epsilon is added to v under the root: small gradients then move a parameter less."""

    def update(g, m, v, t):
        m, v = corrected(m, v, t)
        return m / np.sqrt(v + optim.EPSILON)

    return adam(update)


@whole("optim", "adam")
def no_square_root():
    """The update divides by the second moment itself; its root is missing."""

    def update(g, m, v, t):
        m, v = corrected(m, v, t)
        return m / (v + optim.EPSILON)

    return adam(update)


@whole("optim", "adam", "sign")
def the_update_is_added():
    """The update is added to the parameter: it climbs."""

    def update(g, m, v, t):
        m, v = corrected(m, v, t)
        return -m / (np.sqrt(v) + optim.EPSILON)

    return adam(update)


@whole("optim", "adam")
def the_betas_exchanged():
    """0.999 is used for the first moment and 0.9 for the second."""
    return rewired(optim, BETA1=optim.BETA2, BETA2=optim.BETA1)


@whole("optim", "adam")
def every_parameter_counts_every_step():
    """Parameters without a gradient in a step take one of zero: they move on by their momentum."""

    def step(params, grads, state, rate):
        idle = {name: np.zeros_like(value) for name, value in params.items()}
        return optim.step(params, {**idle, **grads}, state, rate)

    return variant(optim, step=step)


# --- the penalties


def penalised(penalty):
    """An optimiser that adds `penalty(name, w, l1, l2)` to every gradient; 0 adds nothing."""

    def add_penalty(params, grads, *, l1, l2):
        return {name: g + penalty(name, params[name], l1, l2) for name, g in grads.items()}

    return variant(optim, add_penalty=add_penalty)


@whole("optim", "penalty")
def the_square_without_its_two():
    """The gradient of l2 w^2 is taken as l2 w."""
    return penalised(
        lambda name, w, l1, l2: (l1 * np.sign(w) + l2 * w) * (name in optim.REGULARISED)
    )


@whole("optim", "penalty")
def l1_without_a_sign():
    """The gradient of l1 |w| is taken as l1, whatever the sign of w."""
    return penalised(lambda name, w, l1, l2: (l1 + 2 * l2 * w) * (name in optim.REGULARISED))


@whole("optim", "penalty")
def biases_are_penalised_too():
    """The penalty is added for every parameter, biases and batch norm's gamma and beta included."""
    return penalised(lambda name, w, l1, l2: l1 * np.sign(w) + 2 * l2 * w)


@whole("optim", "penalty")
def the_domain_classifier_goes_free():
    """The kernels of the convolution and of emotion are penalised, that of domain is not."""
    return rewired(optim, REGULARISED=optim.REGULARISED[:2])


@whole("optim", "penalty")
def idle_kernels_are_penalised():
    """A kernel without a gradient in a step gets the penalty as its gradient, and so moves."""

    def add_penalty(params, grads, *, l1, l2):
        idle = {k: np.zeros_like(params[k]) for k in optim.REGULARISED if k in params}
        return optim.add_penalty(params, {**idle, **grads}, l1=l1, l2=l2)

    return variant(optim, add_penalty=add_penalty)
