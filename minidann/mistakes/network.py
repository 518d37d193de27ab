"""Mistakes in putting the network together: equations 7 to 10, table 3, the way to the encoder."""

from collections.abc import Callable
from types import FunctionType, SimpleNamespace

import numpy as np

import minidann.ops
from minidann import feeding, model
from minidann.mistakes.catalogue import register, whole
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


def with_backward(backward: Callable) -> SimpleNamespace:
    return SimpleNamespace(forward=model.forward, backward=backward)


def with_cache(change: Callable) -> SimpleNamespace:
    """The network whose backward reads `change(cache)`."""
    return with_backward(lambda cache, *, alpha: model.backward(change(cache), alpha=alpha))


def with_grads(change: Callable) -> SimpleNamespace:
    """The network whose gradients are `change(grads, cache, alpha)`."""

    def backward(cache, *, alpha):
        grads, grad_norms = model.backward(cache, alpha=alpha)
        return change(grads, cache, alpha), grad_norms

    return with_backward(backward)


def encoding(change: Callable) -> SimpleNamespace:
    """The network whose `encode_backward` is `change(dh, cache)`, dh (N, C)."""
    return with_backward(rewired(model, encode_backward=change).backward)


def feeds(word: str = "") -> Callable:
    """Decorates a wrong `feeding.backward`: (demotion, ddomain, cache) -> dh, dgamma, dbeta."""

    def decorate(backward):
        fed = rewired(feeding, backward=backward)
        built = lambda: rewired(model, feeding=fed)  # noqa: E731
        built.__name__ = backward.__name__
        register("feeding", "whole", built, " ".join(backward.__doc__.split()), word)
        return backward

    return decorate


# --- equations 7 to 10: two weights and a reversal


def weighing(emotion=None, domain=None, reversal=None, emotion_reversal=None):
    """The network with, on the way back, other weights of the losses or scale of the reversal.

    Each is a function of alpha, beta, n source and m target rows; the scale may differ by row.
    """

    def backward(cache, *, alpha):
        n, rows = cache.fed.source_rows, len(cache.domain_f)
        beta = cache.domain.before[-1][1]
        given = alpha, beta, n, rows - n

        def head(_, cache):
            if cache.name == "emotion":
                if emotion_reversal:
                    before = [*cache.before, (gradient_reversal, emotion_reversal(*given))]
                    cache = cache._replace(before=before)
                weight = emotion(*given) if emotion else alpha
                return model._classifier_backward(weight, cache)
            if reversal:
                layer, _ = cache.before[-1]
                cache = cache._replace(before=[*cache.before[:-1], (layer, reversal(*given))])
            return model._classifier_backward(domain(*given) if domain else 1 - alpha, cache)

        return rewired(model, _classifier_backward=head).backward(cache, alpha=alpha)

    return with_backward(backward)


def by_rows(source, target):
    """A reversal with one scale for source rows and one for target rows."""
    return lambda alpha, beta, n, m: np.repeat([source(beta), target(beta)], [n, m])[:, None]


WEIGHTS = {
    "The reversal is left out, and beta with it: the encoder descends on the domain loss.": (
        {"reversal": lambda a, b, n, m: -1.0}, "sign"),
    "The domain gradient comes back reversed and is then subtracted at the encoder: a minus sign "
    "too many.": ({"reversal": lambda a, b, n, m: -b}, "sign"),
    "There are two reversal layers: beta is squared and the sign is lost.": (
        {"reversal": lambda a, b, n, m: -b * b}, "beta"),
    "beta is not handed to the reversal, which takes 1.": (
        {"reversal": lambda a, b, n, m: 1.0}, "beta"),
    "In bn4 the step on target rows does not hand beta on, and the reversal takes 1 there.": (
        {"reversal": lambda a, b, n, m: b if n else 1.0}, "beta"),
    "beta is applied twice on the way to the encoder.": (
        {"reversal": lambda a, b, n, m: b * b}, "beta"),
    "Nothing of the domain loss reaches the encoder.": (
        {"reversal": lambda a, b, n, m: 0.0}, "missing"),
    "Nothing of the emotion loss reaches the encoder.": (
        {"emotion_reversal": lambda a, b, n, m: 0.0}, "missing"),
    "beta multiplies the domain loss, so it scales the domain classifier's gradient too.": (
        {"domain": lambda a, b, n, m: (1 - a) * b, "reversal": lambda a, b, n, m: 1.0}, "beta"),
    "beta weighs the domain loss and scales the reversal: the encoder gets it squared.": (
        {"domain": lambda a, b, n, m: (1 - a) * b}, "beta"),
    "The domain classifier's own gradient is reversed too: the loss is alpha L_e - (1 - alpha) "
    "beta L_l, and the classifier ascends.": (
        {"domain": lambda a, b, n, m: -(1 - a) * b, "reversal": lambda a, b, n, m: -1.0}, "sign"),
    "The domain loss is subtracted and there is a reversal too: both sides go the wrong way.": (
        {"domain": lambda a, b, n, m: a - 1}, "sign"),
    "The emotion classifier's gradient is reversed too.": (
        {"emotion_reversal": lambda a, b, n, m: b}, "sign"),
    "The reversal acts on source rows only; target rows' gradients pass as they are.": (
        {"reversal": by_rows(lambda b: b, lambda b: -1.0)}, "rows"),
    "The reversal acts on target rows only; source rows' gradients are scaled, not reversed.": (
        {"reversal": by_rows(lambda b: -b, lambda b: b)}, "rows"),
    "The domain loss is divided by n, the number of source rows, instead of n + m.": (
        {"domain": lambda a, b, n, m: (1 - a) * (n + m) / (n or m)}, "n"),
    "The domain loss is divided by m, the number of target rows, instead of n + m.": (
        {"domain": lambda a, b, n, m: (1 - a) * (n + m) / (m or n)}, "m"),
    "The domain loss is summed over the rows, where equation 6 takes the mean.": (
        {"domain": lambda a, b, n, m: (1 - a) * (n + m)}, "n"),
    "The emotion loss is summed over the rows, where equation 5 takes the mean.": (
        {"emotion": lambda a, b, n, m: a * n}, "n"),
    "alpha weighs the domain loss and 1 - alpha the emotion loss.": (
        {"emotion": lambda a, b, n, m: 1 - a, "domain": lambda a, b, n, m: a}, "alpha"),
    "The domain loss has the weight 1 where it should have 1 - alpha.": (
        {"domain": lambda a, b, n, m: 1.0}, "alpha"),
    "The emotion loss has the weight 1 where it should have alpha.": (
        {"emotion": lambda a, b, n, m: 1.0}, "alpha"),
}  # fmt: skip
for says, (weights, word) in WEIGHTS.items():
    register("model", "whole", lambda weights=weights: weighing(**weights), says, word)


@whole("model", "wrong sign")
def the_reversal_below_batch_norm():
    """The reversal stands below batch norm: gamma and beta descend on the domain loss."""
    above = weighing(reversal=lambda alpha, beta, n, m: -1.0)

    def change(grads, cache, alpha):
        plain, _ = above.backward(cache, alpha=alpha)
        return {**grads, **{name: plain[name] for name in grads if name.startswith("bn.")}}

    return with_grads(change)


# --- from the classifiers down to the convolution


def of_rows(frames, vector):
    """The network in whose encoder the frames' gradient and the attention vector's are scaled."""

    def change(dh, cache):
        grads, dh = model.encode_backward(dh, cache), dh.reshape(cache.shape).copy()
        dh[:, :-1] *= frames
        dh[:, -1] *= vector
        changed = model.encode_backward(dh, cache)
        return changed if vector else {**changed, "attention.v": grads["attention.v"]}

    return encoding(change)


@whole("model", "vector|axis")
def the_attention_vector_is_detached():
    """The convolution gets no gradient through the attention vector, only through the frames."""
    return of_rows(1, 0)


@whole("model", "last of axis 1")
def the_frames_are_detached():
    """The convolution gets a gradient through the attention vector only."""
    return of_rows(0, 1)


@whole("model", "rolled|shifted")
def the_attention_vector_taken_from_the_front():
    """The attention vector was appended after the frames; backward looks for it before them."""
    return encoding(
        lambda dh, cache: model.encode_backward(np.roll(dh.reshape(cache.shape), -1, 1), cache)
    )


@whole("model", "transpose")
def flattened_the_other_way():
    """Backward unflattens features as (channels, frames); forward flattened (frames, channels)."""

    def change(dh, cache):
        n, p, f = cache.shape
        return model.encode_backward(dh.reshape(n, f, p).swapaxes(1, 2), cache)

    return encoding(change)


@whole("model", "zero|missing")
def no_gradient_for_the_convolutions_bias():
    """conv.b gets zero, since batch norm takes a bias out; but ReLU and the pool lie between."""
    return with_grads(
        lambda grads, cache, alpha: {**grads, "conv.b": np.zeros_like(grads["conv.b"])}
    )


@whole("model", "exchanged")
def the_classifiers_exchanged():
    """The two classifiers' gradients are filed under each other's names."""
    counterpart = {"emotion.w": "domain.w", "emotion.b": "domain.b"}
    counterpart |= {theirs: ours for ours, theirs in counterpart.items()}

    def change(grads, cache, alpha):
        if not counterpart.keys() <= grads.keys():  # one classifier only: nothing to confuse
            return grads
        return {name: grads[counterpart.get(name, name)] for name in grads}

    return with_grads(change)


@whole("model", "mask")
def dropout_is_forgotten_on_the_way_back():
    """Dropout's mask is not applied to the gradient of what was dropped."""
    right = minidann.ops.dropout
    return with_op("dropout", SimpleNamespace(forward=right.forward, backward=lambda d, c: (d,)))


@whole("model", "mask")
def the_emotion_mask_of_other_rows():
    """Source rows' gradients pass through the dropout mask of the batch's last rows."""

    def change(cache):
        emotion, domain = cache.emotion, cache.domain
        if emotion is None or domain is None or len(domain.before) < 2:
            return cache
        [(layer, mask)], (_, full) = emotion.before, domain.before[0]
        return cache._replace(emotion=emotion._replace(before=[(layer, full[-len(mask) :])]))

    return with_cache(change)


# --- table 3: batch composition for batch normalisation


def some(call, rows):
    """The cache of a call of batch norm as if it had been made of some of its rows."""
    return call._replace(xhat=call.xhat[rows])


@feeds("mode|bn1")
def bn2_goes_back_as_bn1(demotion, ddomain, cache):
    """In bn2 the emotion's gradient goes back through the call over all rows."""
    if cache.mode == "bn2":
        cache = cache._replace(mode="bn1", groups=cache.groups[1:], calls=cache.calls[1:])
    return feeding.backward(demotion, ddomain, cache)


@feeds("mode|bn3")
def bn1_goes_back_as_bn3(demotion, ddomain, cache):
    """In bn1 source and target rows go back as if each domain had been normalised by itself."""
    if cache.mode == "bn1":
        groups = [slice(0, cache.source_rows), slice(cache.source_rows, len(ddomain))]
        calls = [some(cache.calls[0], rows) for rows in groups]
        cache = cache._replace(mode="bn3", groups=groups, calls=calls)
    return feeding.backward(demotion, ddomain, cache)


@feeds("mode|bn1")
def bn3_goes_back_as_bn1(demotion, ddomain, cache):
    """In bn3 all rows go back as one call, with the statistics of the source's."""
    if cache.mode == "bn3":
        together = cache.calls[0]._replace(xhat=np.concatenate([c.xhat for c in cache.calls]))
        cache = cache._replace(mode="bn1", groups=[slice(0, len(ddomain))], calls=[together])
    return feeding.backward(demotion, ddomain, cache)


@feeds("constants|statistics")
def statistics_are_constants(demotion, ddomain, cache):
    """Every call goes back as in inference: not through the batch's mean and variance."""
    calls = [call._replace(own_statistics=False) for call in cache.calls]
    return feeding.backward(demotion, ddomain, cache._replace(calls=calls))


@feeds("call")
def the_last_calls_gamma(demotion, ddomain, cache):
    """gamma and beta keep the gradients of the last call; those of the calls should add up."""
    dh, *both = feeding.backward(demotion, ddomain, cache)
    if len(cache.calls) == 2:
        douts = ddomain if cache.mode == "bn2" else ddomain[cache.source_rows :]
        both = batchnorm.backward(douts, cache.calls[1])[1:]
    return dh, *both


@feeds("halved")
def gamma_averaged_over_the_calls(demotion, ddomain, cache):
    """gamma and beta get the mean of the calls' gradients, not their sum: half, with two calls."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    if cache.calls:
        dgamma, dbeta = dgamma / len(cache.calls), dbeta / len(cache.calls)
    return dh, dgamma, dbeta


@feeds("overwrit")
def the_second_call_overwrites(demotion, ddomain, cache):
    """In bn2 the call over all rows writes over the source rows' gradient instead of adding."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    if cache.mode == "bn2":
        dh = feeding.backward(np.zeros_like(demotion), ddomain, cache)[0]
    return dh, dgamma, dbeta


@feeds("overwrit")
def emotion_overwrites_domain(demotion, ddomain, cache):
    """In mode none source rows get the emotion's gradient in place of the domain's."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    if cache.mode == "none" and len(demotion):
        dh[: len(demotion)] = demotion
    return dh, dgamma, dbeta


@feeds("target rows")
def target_rows_are_detached(demotion, ddomain, cache):
    """The convolution gets no gradient from target rows."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    dh[len(demotion) :] = 0
    return dh, dgamma, dbeta


@feeds("target rows")
def emotion_stays_with_source_rows(demotion, ddomain, cache):
    """In bn1 the emotion loss acts on target rows too, through the mean and variance: left out."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    n, silent = len(demotion), np.zeros_like(demotion)
    dh[n:] = feeding.backward(silent, ddomain, cache)[0][n:]
    return dh, dgamma, dbeta
