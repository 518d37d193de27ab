"""Mistakes in putting the network together: equations 7 to 10, table 3, the way to the encoder."""

from collections.abc import Callable
from functools import partial
from types import FunctionType, SimpleNamespace

import numpy as np

import minidann.ops
from minidann import feeding, model
from minidann.mistakes.catalogue import CATALOGUE, Mistake, formulas
from minidann.ops import batchnorm, gradient_reversal

# --- how a mistake is grafted on


def rewired(module, **changes) -> SimpleNamespace:
    """A copy of a module in which some names mean something else; the module stays as it is.

    Its functions run the same code, but look names up among the copy's own.
    """
    names = dict(vars(module))
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            names[name] = FunctionType(value.__code__, names, name, value.__defaults__)
            names[name].__kwdefaults__ = value.__kwdefaults__
    names.update(changes)
    return SimpleNamespace(**names)


def with_op(name: str, op) -> SimpleNamespace:
    """The network in which `op` stands for the op `name`."""

    def forward(*args, ops=minidann.ops, **options):
        ours = SimpleNamespace(**{name: getattr(ops, name) for name in minidann.ops.__all__})
        setattr(ours, name, op)
        return model.forward(*args, ops=ours, **options)

    return SimpleNamespace(forward=forward, backward=model.backward)


def at_encoder(cache, alpha):
    """What `model.backward` returns, the gradient that arrives at the encoder (N, P + 1, F), of P
    frames and the attention vector, and the encoder's cache.
    """
    seen = []

    def watched(dh, kept):
        seen.append((dh.reshape(kept.shape), kept))
        return model.encode_backward(dh, kept)

    returned = rewired(model, encode_backward=watched).backward(cache, alpha=alpha)
    return returned, *seen[0]


def encoded(dh: np.ndarray, kept) -> dict[str, np.ndarray]:
    """The encoder's gradients, given the one that arrives there (N, P + 1, F)."""
    return model.encode_backward(np.ascontiguousarray(dh).reshape(len(dh), -1), kept)


def weighed(cache, alpha, **weights) -> dict[str, np.ndarray]:
    """The gradients with, on the way back, other weights of the losses, `emotion` and `domain`, or
    other scales of their reversals, `emotion_reversal` and `reversal`.
    """

    def head(_, cache):
        before = cache.before
        if cache.name == "domain":
            layer, kept = before[-1]
            before = [*before[:-1], (layer, weights.get("reversal", kept))]
        elif "emotion_reversal" in weights:
            before = [*before, (gradient_reversal, weights["emotion_reversal"])]
        weight = weights.get(cache.name, alpha if cache.name == "emotion" else 1 - alpha)
        return model._classifier_backward(weight, cache._replace(before=before))

    return rewired(model, _classifier_backward=head).backward(cache, alpha=alpha)[0]


def network_by(change: Callable) -> SimpleNamespace:
    """The network in which the gradients of a formula stand for the right ones, `grads`.

    It may use a and b, alpha and beta; n source and m target rows; `by_rows(s, t)`, s for source
    and t for target rows.
    """

    def backward(cache, *, alpha):
        grads, norms = model.backward(cache, alpha=alpha)
        n, m = cache.fed.source_rows, len(cache.domain_f) - cache.fed.source_rows
        changed = change(
            a=alpha, b=cache.domain.before[-1][1], n=n, m=m, grads=grads,
            by_rows=lambda s, t: np.repeat([s, t], [n, m])[:, None],
            weighed=lambda **weights: weighed(cache, alpha, **weights),
        )  # fmt: skip
        return {**grads, **changed}, norms

    return SimpleNamespace(forward=model.forward, backward=backward)


def feeding_by(change: Callable) -> SimpleNamespace:
    """The network whose `feeding.backward` is the formula: of demotion, ddomain, n source rows,
    what its cache holds, the right dh, dgamma and dbeta, and `again`, the right function.
    """

    def backward(demotion, ddomain, cache):
        def again(demotion=demotion, **changed):
            return feeding.backward(demotion, ddomain, cache._replace(**changed))

        right, n = again(), cache.source_rows
        return change(
            **cache._asdict(), **dict(zip(("dh", "dgamma", "dbeta"), right)), n=n, right=right,
            batchnorm=batchnorm, demotion=demotion, ddomain=ddomain, again=again,
            all_rows=[slice(0, len(ddomain))], by_domain=[slice(0, n), slice(n, len(ddomain))],
            part=lambda call, rows: call._replace(xhat=call.xhat[rows]),
            joined=lambda calls: calls[0]._replace(xhat=np.concatenate([c.xhat for c in calls])),
        )  # fmt: skip

    return rewired(model, feeding=rewired(feeding, backward=backward))


# --- equations 7 to 10: two weights and a reversal

WEIGHTS = """
reversal=-1.0 | The reversal is left out: the encoder descends on the domain loss.
reversal=-b
    | The domain gradient comes back reversed and is then subtracted: a minus too many.
reversal=-b * b | There are two reversal layers: beta is squared and the sign is lost.
reversal=1.0 | beta is not handed to the reversal, which takes 1.
reversal=b if n else 1.0 | In bn4 the step on target rows does not hand beta on.
domain=(1 - a) * b, reversal=1.0 | beta scales the domain classifier's gradient too.
domain=(1 - a) * b | beta weighs the domain loss too: the encoder gets it squared.
domain=-(1 - a) * b, reversal=-1.0 | The domain classifier's own gradient is reversed too.
domain=a - 1 | The domain loss is subtracted, and reversed, too: both sides go the wrong way.
emotion_reversal=b | The emotion classifier's gradient is reversed too.
reversal=by_rows(b, -1.0) | The reversal acts on source rows only.
reversal=by_rows(-b, b) | The reversal acts on target rows only; source rows' are scaled.
domain=(1 - a) * (n + m) / (n or m) | The domain loss is divided by n instead of n + m.
domain=(1 - a) * (n + m) / (m or n) | The domain loss is divided by m instead of n + m.
emotion=1 - a, domain=a | alpha weighs the domain loss and 1 - alpha the emotion loss.
"""

# --- where they act

CHANGED = """
{k: g for k, g in weighed(reversal=-1.0).items() if k.startswith("bn.")}
    | The reversal stands below batch norm: gamma and beta descend on the domain loss.
{f"{a}.{k}": grads[f"{b}.{k}"] for a, b in (("emotion", "domain"), ("domain", "emotion"))
    for k in "wb" if "emotion.w" in grads}
    | The two classifiers' gradients are filed under each other's names.
"""

# --- table 3: batch composition for batch normalisation

FEEDING = """
again(mode="bn1", groups=groups[1:], calls=calls[1:]) if mode == "bn2" else right
    | In bn2 the emotion's gradient goes back through the call over all rows.
again(mode="bn3", groups=by_domain, calls=[part(calls[0], rows) for rows in by_domain]) if mode
    == "bn1" else right
    | In bn1 source and target rows go back as if each domain had been normalised by itself.
again(mode="bn1", groups=all_rows, calls=[joined(calls)]) if mode == "bn3" else right
    | In bn3 all rows go back as one call, with the statistics of the source's.
(dh, *batchnorm.backward(ddomain if mode == "bn2" else ddomain[n:], calls[1])[1:]) if
    len(calls) == 2 else right
    | gamma and beta keep the gradients of the last call; those of the calls should add up.
(again(0 * demotion)[0], dgamma, dbeta) if mode == "bn2" else right
    | In bn2 the call over all rows writes over the source rows' gradient instead of adding.
(np.concatenate([demotion, dh[n:]]), dgamma, dbeta) if mode == "none" else right
    | In mode none source rows get the emotion's gradient in place of the domain's.
np.concatenate([dh[:n], again(0 * demotion)[0][n:]]), dgamma, dbeta
    | In bn1 the emotion loss acts on target rows too, through the mean and variance: left out.
"""
for target, text, build, form in (
    ("model", WEIGHTS, network_by, "weighed({})"), ("model", CHANGED, network_by, "{}"),
    ("feeding", FEEDING, feeding_by, "{}"),
):  # fmt: skip
    for change in formulas(text, form=form):
        CATALOGUE.append(Mistake(target, change.__doc__, "whole", partial(build, change)))
