"""Adam, the decaying learning rate, and l1 and l2 regularisation (section 4.1)."""

import numpy as np

BETA1 = 0.9
BETA2 = 0.999
EPSILON = 1e-8
INITIAL_RATE = 1e-3
DECAY = 0.93
FINAL_RATE = 5e-5
REGULARISED = ("conv.w", "emotion.w", "domain.w")  # kernels only, no bias, no batch norm

Arrays = dict[str, np.ndarray]


def learning_rate(epoch: int) -> float:
    """The rate in `epoch`, counted from 0: 1e-3, times 0.93 for every epoch, never below 5e-5."""
    return max(INITIAL_RATE * DECAY**epoch, FINAL_RATE)


def add_penalty(params: Arrays, grads: Arrays, *, l1: float, l2: float) -> Arrays:
    """`grads` plus the gradient of  l1 * sum(abs(w)) + l2 * sum(w**2)  over the REGULARISED.

    It stands outside equation 7: alpha does not weigh it and it is never reversed. A kernel that
    has no gradient in this step stays without one. abs has no gradient at 0; 0 is taken.
    """
    grads = dict(grads)
    for name in REGULARISED:
        if name in grads:
            w = params[name]
            grads[name] = grads[name] + l1 * np.sign(w) + 2 * l2 * w
    return grads


def start(params: Arrays) -> Arrays:
    """Adam's state before the first step: for each parameter two moments and a count of steps."""
    state = {}
    for name, value in params.items():
        state[f"{name}.m"], state[f"{name}.v"] = np.zeros_like(value), np.zeros_like(value)
        state[f"{name}.t"] = np.zeros((), np.int64)
    return state


def step(params: Arrays, grads: Arrays, state: Arrays, rate: float) -> tuple[Arrays, Arrays]:
    """One step of Adam (Kingma and Ba 2015, algorithm 1) -> new params, new state.

        m = 0.9 m + 0.1 g            v = 0.999 v + 0.001 g^2
        w = w - rate * m' / (sqrt(v') + 1e-8),   m' = m / (1 - 0.9^t),  v' = v / (1 - 0.999^t)

    `state` has of each parameter, say conv.w, its moments conv.w.m and conv.w.v and its count of
    steps conv.w.t, all of which start at zero. Nothing that is given is written to.
    A parameter without a gradient is returned as it was, and so are its moments and its count.
    """
    params, state = dict(params), dict(state)
    for name, g in grads.items():
        t = state[f"{name}.t"] + 1
        m = BETA1 * state[f"{name}.m"] + (1 - BETA1) * g
        v = BETA2 * state[f"{name}.v"] + (1 - BETA2) * g * g
        # Both corrections as Python floats, so that float32 stays float32.
        correction1, correction2 = 1 - BETA1 ** int(t), 1 - BETA2 ** int(t)
        update = (m / correction1) / (np.sqrt(v / correction2) + EPSILON)
        params[name] = params[name] - rate * update
        state.update({f"{name}.m": m, f"{name}.v": v, f"{name}.t": t})
    return params, state
