"""Which mistake gives these gradients of a network? The catalogue, tried on the same steps.

Every parameter's gradient is a dL_e + b dL_l, with a and b from equations 8 to 10. So least squares
reads off how much of each loss arrives, and which number it was multiplied by.
"""

import numpy as np

from minidann import model
from minidann.mistakes import catalogue, changes, naming, network
from minidann.mistakes.question import close

USED = ("conv_relu_maxpool", "attention", "batchnorm", "dropout", "gradient_reversal", "dense",
        "softmax_cross_entropy")  # fmt: skip


def gradients(wrong, step) -> dict[str, np.ndarray]:
    """What this network gives on this step."""
    with np.errstate(all="ignore"):
        return wrong.backward(step.forward(wrong, step.params)[1], alpha=step.alpha)[0]


def name(received: list[tuple], without=None) -> dict[str, tuple[str, ...]]:
    """The causes of each parameter whose gradient is wrong in one of the (step, gradients)."""
    names = tuple(dict.fromkeys(key for step, _ in received for key in step.params))
    seen = []
    for step, grads in received:
        true = gradients(model, step)
        given = {key: g for key, g in grads.items() if isinstance(g, np.ndarray) and key in true}
        wrong = tuple(key in given and not close(given[key], true[key], 1e-12) for key in names)
        parts = tuple(given.get(key) for key in names)
        seen.append(naming.Seen(step, parts, tuple(true.get(key) for key in names), wrong, 1e-12))

    def outcomes(step):
        for words, make in _outcomes(step, without):
            yield words, lambda make=make: tuple(map(make().get, names))

    def terms(step):
        losses = _losses(step)
        return [(loss, tuple(parts.get(key) for key in names)) for loss, parts in losses.items()]

    found = naming.explain(seen, outcomes, _sizes, terms)
    return {names[i]: causes for i, causes in found.items()}


def _sizes(step) -> dict[str, float]:
    n = len(step.emotion_labels)
    return {"beta": step.beta, "alpha": step.alpha, "(1 - alpha)": 1 - step.alpha, "n": n,
            "m": len(step.x) - n, "(n + m)": len(step.x)}  # fmt: skip


def _losses(step) -> dict[str, dict[str, np.ndarray]]:
    """The two parts of equations 8 to 10, by parameter; without source rows there is one."""
    total = gradients(model, step)
    emotion = network.weighed(step.forward(model, step.params)[1], step.alpha, domain=0.0)
    domain = {key: total[key] - emotion[key] for key in total}
    parts = {"The part of L_e": emotion, "The part of L_l": domain}
    return parts if len(step.emotion_labels) else {"The part of L_l": domain}


def _outcomes(step, without):
    """(words, () -> gradients by name) of all mistakes that a network can have."""
    for mistake in (*catalogue.of("model"), *catalogue.of("feeding")):
        if mistake is not without:
            yield mistake.says, lambda m=mistake: gradients(m.build(), step)
    for op in USED:
        for mistake in catalogue.of(op):
            if mistake.place != "forward" and mistake is not without:
                built = network.with_op(op, mistake.build())
                yield f"In {op}: {mistake.says}", lambda built=built: gradients(built, step)
    (right, _), dh, kept = network.at_encoder(step.forward(model, step.params)[1], step.alpha)
    source = (np.arange(len(step.x)) < len(step.emotion_labels))[:, None, None]
    arrives = {
        "No gradient of source rows reaches the encoder.": lambda: dh * ~source,
        "No gradient of target rows reaches the encoder.": lambda: dh * source,
    }
    for what, make in changes.changes(dh, {}, {}):
        arrives[f"The gradient of h (rows, frames, channels) is {what}."] = make
    for words, make in arrives.items():
        yield words, lambda make=make: {**right, **network.encoded(make(), kept)}
    for words, make in naming.returned(list(right.values()), {}, {}, {}):
        yield words, lambda make=make: dict(zip(right, make()))
