"""What is wrong with an optimiser: Adam with one thing changed; a penalty's coefficients."""

import numpy as np

from minidann.mistakes.diagnosis.evidence import Diagnosis
from minidann.optim import BETA1, BETA2, EPSILON, REGULARISED

Arrays = dict[str, np.ndarray]
# Changes of the update, given g, the moments m and v, the step t -> how far to go at rate 1.
UPDATES = {
    "neither moment is corrected for its bias": lambda g, m, v, t: m / (np.sqrt(v) + EPSILON),
    "the first moment's bias correction is missing": lambda g, m, v, t: (
        m / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)
    ),
    "the second moment's bias correction is missing": lambda g, m, v, t: (
        m / (1 - BETA1**t) / (np.sqrt(v) + EPSILON)
    ),
    "both biases are corrected with the first moment's 0.9": lambda g, m, v, t: (
        m / (1 - BETA1**t) / (np.sqrt(v / (1 - BETA1**t)) + EPSILON)
    ),
    "both biases are corrected with the second moment's 0.999": lambda g, m, v, t: (
        m / (1 - BETA2**t) / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)
    ),
    "the two bias corrections are exchanged": lambda g, m, v, t: (
        m / (1 - BETA2**t) / (np.sqrt(v / (1 - BETA1**t)) + EPSILON)
    ),
    "the biases are corrected as in the first step, always": lambda g, m, v, t: (
        m / (1 - BETA1) / (np.sqrt(v / (1 - BETA2)) + EPSILON)
    ),
    "the bias correction counts steps from one too many": lambda g, m, v, t: (
        m / (1 - BETA1 ** (t + 1)) / (np.sqrt(v / (1 - BETA2 ** (t + 1))) + EPSILON)
    ),
    "the bias correction multiplies by 1 - beta^t": lambda g, m, v, t: (
        m * (1 - BETA1**t) / (np.sqrt(v * (1 - BETA2**t)) + EPSILON)
    ),
    "the biases are corrected by 1 - beta*t, not 1 - beta^t": lambda g, m, v, t: (
        m / (1 - BETA1 * t) / (np.sqrt(v / (1 - BETA2 * t)) + EPSILON)
    ),
    "the second correction stands outside the square root": lambda g, m, v, t: (
        m / (1 - BETA1**t) / (np.sqrt(v) / (1 - BETA2**t) + EPSILON)
    ),
    "epsilon is added under the square root": lambda g, m, v, t: (
        m / (1 - BETA1**t) / np.sqrt(v / (1 - BETA2**t) + EPSILON)
    ),
    "epsilon squared is added under the square root": lambda g, m, v, t: (
        m / (1 - BETA1**t) / np.sqrt(v / (1 - BETA2**t) + EPSILON**2)
    ),
    "epsilon is missing": lambda g, m, v, t: m / (1 - BETA1**t) / np.sqrt(v / (1 - BETA2**t)),
    "epsilon is added before v's bias is corrected": lambda g, m, v, t: (
        m / (1 - BETA1**t) * np.sqrt(1 - BETA2**t) / (np.sqrt(v) + EPSILON)
    ),
    "epsilon is subtracted": lambda g, m, v, t: (
        m / (1 - BETA1**t) / (np.sqrt(v / (1 - BETA2**t)) - EPSILON)
    ),
    "the square root (power 1/2) of the second moment is missing": lambda g, m, v, t: (
        m / (1 - BETA1**t) / (v / (1 - BETA2**t) + EPSILON)
    ),
    "the update is not divided by the second moment": lambda g, m, v, t: m / (1 - BETA1**t),
    "the update takes the gradient, not the first moment": lambda g, m, v, t: (
        g / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)
    ),
    "the moments change places in the update": lambda g, m, v, t: (
        v / (1 - BETA2**t) / (np.sqrt(np.abs(m) / (1 - BETA1**t)) + EPSILON)
    ),
    "the sign of the step is flipped: it climbs": lambda g, m, v, t: (
        -m / (1 - BETA1**t) / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)
    ),
    "the update is divided by the root of the mean of v, not entry by entry": lambda g, m, v, t: (
        m / (1 - BETA1**t) / (np.sqrt((v / (1 - BETA2**t)).mean()) + EPSILON)
    ),
    "only the sign of the first moment is used": lambda g, m, v, t: np.sign(m),
}
# Changes of the moments: (m, v, g) -> (m, v).
MOMENTS = {
    "0.9 and 0.999 are exchanged": lambda m, v, g: (
        BETA2 * m + (1 - BETA2) * g, BETA1 * v + (1 - BETA1) * g * g,
    ),
    "both moments decay with 0.9": lambda m, v, g: (
        BETA1 * m + (1 - BETA1) * g, BETA1 * v + (1 - BETA1) * g * g,
    ),
    "both moments decay with 0.999": lambda m, v, g: (
        BETA2 * m + (1 - BETA2) * g, BETA2 * v + (1 - BETA2) * g * g,
    ),
    "0.9 and 0.1 are exchanged in the first moment": lambda m, v, g: (
        (1 - BETA1) * m + BETA1 * g, BETA2 * v + (1 - BETA2) * g * g,
    ),
    "0.999 and 0.001 are exchanged in the second moment": lambda m, v, g: (
        BETA1 * m + (1 - BETA1) * g, (1 - BETA2) * v + BETA2 * g * g,
    ),
    "0.9 and 0.1, 0.999 and 0.001 are exchanged in the moments": lambda m, v, g: (
        (1 - BETA1) * m + BETA1 * g, (1 - BETA2) * v + BETA2 * g * g,
    ),
    "g is not weighed by 0.1 in the first moment": lambda m, v, g: (
        BETA1 * m + g, BETA2 * v + (1 - BETA2) * g * g,
    ),
    "g^2 is not weighed by 0.001 in the second moment": lambda m, v, g: (
        BETA1 * m + (1 - BETA1) * g, BETA2 * v + g * g,
    ),
    "neither g nor g^2 is weighed in the moments": lambda m, v, g: (
        BETA1 * m + g, BETA2 * v + g * g,
    ),
    "the second moment collects g, not g^2": lambda m, v, g: (
        BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g,
    ),
    "the second moment collects abs(g), not g^2": lambda m, v, g: (
        BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * np.abs(g),
    ),
    "the second moment collects m^2, not g^2": lambda m, v, g: (
        BETA1 * m + (1 - BETA1) * g,
        BETA2 * v + (1 - BETA2) * (BETA1 * m + (1 - BETA1) * g) ** 2,
    ),
    "the second moment collects the mean of g^2, not each entry's": lambda m, v, g: (
        BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * (g * g).mean(),
    ),
    "the moments start anew in every step": lambda m, v, g: (
        (1 - BETA1) * g, (1 - BETA2) * g * g,
    ),
}  # fmt: skip


def right_update(g, m, v, t):
    return m / (1 - BETA1**t) / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)


def right_moments(m, v, g):
    return BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g


def run(params, history, *, update=right_update, moments=right_moments, idle=False,
        count="own", rate_of=lambda rate: rate, keep=lambda m, v, t: (m, v)) -> Arrays:  # fmt: skip
    """Where a changed Adam ends. `count` "own": each parameter's steps, "all": everybody's."""
    ends = {}
    for name, w in params.items():
        m, v, t = np.zeros_like(w), np.zeros_like(w), 0
        for i, (grads, rate) in enumerate(history, 1):
            if name in grads or idle:
                g = grads.get(name, np.zeros_like(w))
                m, v = moments(m, v, g)
                t += 1
                w = w - rate_of(rate) * update(g, m, v, i if count == "all" else t)
                m, v = keep(m, v, t)
        ends[name] = w
    return ends


def variants(params, history):
    """(text, where it ends) of every change."""
    for text, update in UPDATES.items():
        yield text, run(params, history, update=update)
    for text, moments in MOMENTS.items():
        yield text, run(params, history, moments=moments)
    yield "all parameters share one count of steps", run(params, history, count="all")
    yield (
        "parameters without a gradient move on by their momentum",
        run(params, history, idle=True),
    )
    first = history[0][1]
    yield (
        "the rate is that of the first step, always",
        run(params, history, rate_of=lambda rate: first),
    )
    yield "the rate is not used", run(params, history, rate_of=lambda rate: 1.0)
    yield (
        "the corrected moments are kept, and corrected again in the next step",
        run(params, history, keep=lambda m, v, t: (m / (1 - BETA1**t), v / (1 - BETA2**t))),
    )
    before = [({}, 0.0), *history]
    yield (
        "the step is made with the gradient of the step before",
        run(params, [(old, rate) for (old, _), (_, rate) in zip(before, history)]),
    )


def diagnose_adam(params: Arrays, history, ends: Arrays, true: Arrays) -> Diagnosis:
    """What is wrong with Adam, given the parameters and state it ended with."""

    def equals(value, expected, name):
        moved = np.abs(true[name] - params.get(name, 0)).max()
        value, expected = np.asarray(value), np.asarray(expected)
        if value.shape != expected.shape:
            return False
        return np.allclose(value, expected, rtol=0, atol=1e-9 * (moved or 1.0), equal_nan=True)

    with np.errstate(all="ignore"):
        for text, candidate in variants(params, history):
            if all(name in ends and equals(candidate[name], ends[name], name) for name in params):
                wrong = [name for name in params if not equals(true[name], ends[name], name)]
                if wrong:
                    return Diagnosis("adam", text)
    states = {"the first moment": "m", "the second moment": "v", "the count of steps": "t"}
    parts = {True: [], False: []}
    for what, key in states.items():
        names = [f"{name}.{key}" for name in params]
        fine = all(name in ends and equals(ends[name], true[name], name) for name in names)
        parts[fine].append(what)
    text = f"wrong: {', '.join(parts[False]) or 'the update itself'}"
    return Diagnosis("adam", text + (f"; right: {', '.join(parts[True])}" if parts[True] else ""))


def diagnose_penalty(params: Arrays, grads: Arrays, wrong: list) -> Diagnosis:
    """What is wrong with a penalty. `wrong`: (l1, l2, parameter, what was added).

    In place of what was added, whether there was a gradient that got lost.
    """
    sentences = {}
    for l1, l2, name, added in wrong:
        sentences[_penalty(params, grads, l1, l2, name, added)] = None
    return Diagnosis("penalty", "; ".join(sentences))


def _penalty(params, grads, l1, l2, name, added) -> str:
    if isinstance(added, bool):
        what = "has lost its" if added else "has no gradient in this step and must get no"
        return f"{name} {what} gradient"
    if not added.any():
        return f"{name} is not penalised by {'l1' if l1 else 'l2'}"
    if name not in REGULARISED:
        return f"{name} is no kernel and must not be penalised"
    w, g = params[name].ravel(), grads[name].ravel()
    columns = {"sign(w)": np.sign(w), "w": w, "abs(w)": np.abs(w), "": np.ones_like(w), "g": g,
               "w^2": w * w}  # fmt: skip
    shares, *_ = np.linalg.lstsq(
        np.stack(list(columns.values()), axis=1), added.ravel(), rcond=None
    )
    fit = np.stack(list(columns.values()), axis=1) @ shares
    if np.abs(fit - added.ravel()).max() > 1e-9 * np.abs(added).max():
        return f"what is added to {name} is not l1 sign(w) + 2 l2 w"
    got = " + ".join(f"{s:.4g} {c}".strip() for s, c in zip(shares, columns) if abs(s) > 1e-9)
    return f"l1 {l1:g}, l2 {l2:g}: {got} is added, not {l1:g} sign(w) + {2 * l2:g} w"
