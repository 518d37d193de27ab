"""Which mistake gives these gradients of a network? The catalogue, tried on the same steps.

Every parameter's gradient is a dL_e + b dL_l, with a and b from equations 8 to 10. So least squares
reads off how much of each loss arrives, and which number it was multiplied by.
"""

from types import SimpleNamespace

import numpy as np

import minidann.ops
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

    found = naming.explain(seen, outcomes, _sizes, terms, pairs=False)
    return {names[i]: causes for i, causes in found.items()}


def _sizes(step) -> dict[str, float]:
    n = len(step.emotion_labels)
    return {"beta": step.beta, "alpha": step.alpha, "(1 - alpha)": 1 - step.alpha, "n": n,
            "m": len(step.x) - n, "(n + m)": len(step.x)}  # fmt: skip


def _losses(step) -> dict[str, dict[str, np.ndarray]]:
    """The two parts of equations 8 to 10, by parameter; without source rows there is one."""
    total = gradients(model, step)
    emotion = gradients(network.weighing("domain=0.0"), step)
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
    yield from _of_calls(step)
    right, (dh, cache) = gradients(model, step), _at_encoder(step)
    source = np.arange(len(step.x)) < len(step.emotion_labels)
    lost = {"source": dh * ~source[:, None, None], "target": dh * source[:, None, None]}
    found = [(f"No gradient of {rows} rows reaches the encoder.", a) for rows, a in lost.items()]
    for what, changed in changes.changes(dh, {}, {}):
        found.append((f"The gradient of h (rows, frames, channels) is {what}.", changed))
    for words, changed in found:
        flat = np.ascontiguousarray(changed).reshape(len(dh), -1)
        yield words, lambda flat=flat: {**right, **model.encode_backward(flat, cache)}
    ways: dict[str, dict] = {}
    for key, gradient in right.items():
        for what, changed in changes.changes(gradient, {}, {}):
            ways.setdefault(f"The right gradient is returned {what}.", {})[key] = changed
        for what, changed in changes.reshaped(gradient):
            ways.setdefault(f"The right gradient is returned {what}.", {})[key] = changed
        for another, value in right.items():
            if another != key and value.shape == gradient.shape:
                text = "The gradients of two parameters are exchanged."
                ways.setdefault(text, {}).setdefault(key, value)
    for words, parts in ways.items():
        yield words, lambda parts=parts: parts


def _at_encoder(step) -> tuple[np.ndarray, model.EncoderCache]:
    """The gradient that arrives at the encoder (rows, frames + 1, channels), and its cache."""
    seen = []

    def watched(dh, cache):
        seen.append((dh.reshape(cache.shape), cache))
        return model.encode_backward(dh, cache)

    gradients(network.encoding(watched), step)
    return seen[0]


def _of_calls(step):
    """Batch norm is called more than once: what one of the calls gives is lost."""
    for stays, lost in (("last", 0), ("first", 1)):
        for what, parts in (("dx", (0,)), ("dgamma and dbeta", (1, 2)), ("gradients", (0, 1, 2))):
            words = f"Of the calls of batch norm only the {stays} one's {what} arrive: add them."
            yield words, lambda lost=lost, parts=parts: gradients(_losing(lost, parts), step)


def _losing(lost: int, parts: tuple) -> SimpleNamespace:
    calls = []
    right = minidann.ops.batchnorm

    def backward(dout, cache):
        calls.append(cache)
        scale = [0.0 if len(calls) - 1 == lost and i in parts else 1.0 for i in range(3)]
        return tuple(s * g for s, g in zip(scale, right.backward(dout, cache)))

    return network.with_op("batchnorm", SimpleNamespace(forward=right.forward, backward=backward))
