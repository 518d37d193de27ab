"""Which mistake gives these gradients of a network? The catalogue, tried on the same steps.

Every parameter's gradient is a dL_e + b dL_l, with a and b from equations 8 to 10. So least squares
reads off how much of each loss arrives, and which number it was multiplied by. What is wrong with
the weights of the losses, or with their reversals, stands in a table of its own.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np

from minidann import model
from minidann.mistakes import catalogue, naming  # noqa: F401  naming fills the catalogue
from minidann.mistakes.explaining import explain, returned
from minidann.mistakes.question import Seen, close, real


def weighed(cache, *, emotion, domain, reversal=None) -> dict:
    """The gradients where the losses have these weights, and maybe another scale of reversal."""
    if reversal is not None:
        *before, (layer, _) = cache.domain.before
        cache = cache._replace(domain=cache.domain._replace(before=[*before, (layer, reversal)]))
    of_emotion, of_domain = (model.backward(cache, alpha=alpha)[0] for alpha in (1.0, 0.0))
    return {k: emotion * of_emotion[k] + domain * of_domain[k] for k in of_domain}


def network_by(change: Callable) -> SimpleNamespace:
    """The network whose backward takes its weights from a formula of a and b, alpha and beta; of n
    source and m target rows; and of `by_rows(s, t)`, s for source and t for target rows.
    """

    def backward(cache, *, alpha):
        n, m = cache.fed.source_rows, len(cache.domain_f) - cache.fed.source_rows
        weights = change(
            a=alpha, b=cache.domain.before[-1][1], n=n, m=m,
            by_rows=lambda s, t: np.repeat([s, t], [n, m])[:, None],
        )  # fmt: skip
        return weighed(cache, **{"emotion": alpha, "domain": 1 - alpha, **weights}), None

    return SimpleNamespace(forward=model.forward, backward=backward)


for change in catalogue.formulas("""
reversal=-b * b | There are two reversal layers: beta is squared and the sign is lost.
reversal=b if n else 1.0 | In bn4 the step on target rows does not hand beta on.
domain=(1 - a) * b, reversal=1.0 | beta scales the domain classifier's gradient too.
domain=(1 - a) * b | beta weighs the domain loss too: the encoder gets it squared.
domain=-(1 - a) * b, reversal=-1.0 | The domain classifier's own gradient is reversed too.
domain=a - 1 | The domain loss is subtracted, and reversed, too: both sides go the wrong way.
reversal=by_rows(b, -1.0) | The reversal acts on source rows only.
reversal=by_rows(-b, b) | The reversal acts on target rows only; source rows' are scaled.
domain=(1 - a) * (n + m) / (n or m) | The domain loss is divided by n instead of n + m.
domain=(1 - a) * (n + m) / (m or n) | The domain loss is divided by m instead of n + m.
emotion=1 - a, domain=a | alpha weighs the domain loss and 1 - alpha the emotion loss.
""", form="dict({})"):  # fmt: skip
    made = catalogue.Mistake("model", change.__doc__, "whole", partial(network_by, change))
    catalogue.CATALOGUE.append(made)


def gradients(wrong, step) -> dict[str, np.ndarray]:
    """What this network gives on this step."""
    with np.errstate(all="ignore"):
        return wrong.backward(step.forward(wrong, step.params)[1], alpha=step.alpha)[0]


def name(received: list[tuple]) -> dict[str, tuple[str, ...]]:
    """The causes of each parameter whose gradient is wrong in one of the (step, gradients)."""
    names = tuple(dict.fromkeys(key for step, _ in received for key in step.params))

    def listed(grads: dict) -> tuple:
        return tuple(real(grads.get(key)) for key in names)

    seen = []
    for step, grads in received:
        given, true = listed(grads), listed(gradients(model, step))
        wrong = tuple(g is not None and t is not None and not close(g, t, 1e-12)
                      for g, t in zip(given, true))  # fmt: skip
        seen.append(Seen(step, given, true, wrong, 1e-12))

    def outcomes(step):
        for mistake in catalogue.of("model"):
            yield mistake.says, lambda mistake=mistake: listed(gradients(mistake.build(), step))
        yield from returned(listed(gradients(model, step)), {}, {}, {})

    def terms(step):
        _, cache = step.forward(model, step.params)
        losses = {"The part of L_l": weighed(cache, emotion=0.0, domain=1 - step.alpha)}
        if len(step.emotion_labels):
            losses["The part of L_e"] = weighed(cache, emotion=step.alpha, domain=0.0)
        return [(loss, listed(grads)) for loss, grads in losses.items()]

    found = explain(seen, outcomes, _sizes, terms)
    return {names[i]: causes for i, causes in found.items()}


def _sizes(step) -> dict[str, float]:
    n = len(step.emotion_labels)
    return {"beta": step.beta, "alpha": step.alpha, "(1 - alpha)": 1 - step.alpha, "n": n,
            "m": len(step.x) - n, "(n + m)": len(step.x)}  # fmt: skip
