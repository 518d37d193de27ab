"""Mistakes in putting the network together: equations 7 to 10, and the way back to the encoder."""

from types import SimpleNamespace

import numpy as np

from minidann import model
from minidann.mistakes.mutants.making import rewired, whole, with_cache, with_grads, with_ops

# --- equations 7 to 10: two weights and a reversal


def weighing(
    *,
    emotion=lambda alpha, beta, n, m: alpha,
    domain=lambda alpha, beta, n, m: 1 - alpha,
    reversal=lambda alpha, beta, n, m: beta,
):
    """The network with, on the way back, other weights of the losses or scale of the reversal.

    Each is a function of alpha, beta, n source and m target rows; the scale may differ by row.
    """

    def backward(cache, *, alpha):
        n, rows = cache[1][1], len(cache[5])

        def head(_, cache):
            name, caches, *remaining = cache
            if name == "emotion":
                return model._classifier_backward(emotion(alpha, None, n, rows - n), cache)
            layer, beta = caches[-1]
            sizes = alpha, beta, n, rows - n
            caches = [*caches[:-1], (layer, reversal(*sizes))]
            return model._classifier_backward(domain(*sizes), (name, caches, *remaining))

        return rewired(model, _classifier_backward=head).backward(cache, alpha=alpha)

    return SimpleNamespace(forward=model.forward, backward=backward)


def by_rows(source, target):
    """A reversal with one scale for source rows and one for target rows."""
    return lambda alpha, beta, n, m: np.repeat([source(beta), target(beta)], [n, m])[:, None]


@whole("model", "no reversal")
def no_reversal_layer():
    """The reversal is left out, and beta with it: the encoder descends on the domain loss."""
    return weighing(reversal=lambda alpha, beta, n, m: -1.0)


@whole("model", "double reversal", "no reversal")
def subtracted_though_reversed():
    """The domain gradient comes back reversed and is then subtracted at the encoder."""
    return weighing(reversal=lambda alpha, beta, n, m: -beta)


@whole("model", "double reversal")
def two_reversal_layers():
    """Encoder and classifier each bring a reversal: beta is squared and the sign is lost."""
    return weighing(reversal=lambda alpha, beta, n, m: -beta * beta)


@whole("model", "no reversal")
def the_reversal_below_batch_norm():
    """The reversal stands below batch norm: gamma and beta descend on the domain loss."""

    above = weighing(reversal=lambda alpha, beta, n, m: -1.0)

    def change(grads, cache, alpha):
        plain, _ = above.backward(cache, alpha=alpha)
        return {**grads, **{name: plain[name] for name in grads if name.startswith("bn.")}}

    return with_grads(change)


@whole("model", "beta ignored", says="beta")
def beta_stays_at_one():
    """beta is not handed to the reversal, which takes 1."""
    return weighing(reversal=lambda alpha, beta, n, m: 1.0)


@whole("model", "beta ignored")
def beta_left_out_of_the_second_step():
    """In bn4 the step on target rows does not hand beta on, and the reversal takes 1 there."""
    return weighing(reversal=lambda alpha, beta, n, m: beta if n else 1.0)


@whole("model", "beta on classifier", says="beta")
def beta_weighs_the_loss():
    """beta multiplies the domain loss, so it scales the domain classifier's gradient too."""
    return weighing(
        domain=lambda alpha, beta, n, m: (1 - alpha) * beta,
        reversal=lambda alpha, beta, n, m: 1.0,
    )


@whole("model", "beta on classifier")
def beta_in_the_loss_and_in_the_layer():
    """beta weighs the domain loss and scales the reversal: the encoder gets it squared."""
    return weighing(domain=lambda alpha, beta, n, m: (1 - alpha) * beta)


@whole("model", "minus loss", "beta on classifier")
def minus_beta_in_the_loss():
    """The loss is alpha L_e - (1 - alpha) beta L_l without a reversal: the classifier climbs."""
    return weighing(
        domain=lambda alpha, beta, n, m: -(1 - alpha) * beta,
        reversal=lambda alpha, beta, n, m: -1.0,
    )


@whole("model", "minus loss")
def minus_and_reversal():
    """The domain loss is subtracted and there is a reversal too: both sides go the wrong way."""
    return weighing(domain=lambda alpha, beta, n, m: alpha - 1)


@whole("model", "source rows only")
def target_rows_are_not_reversed():
    """The reversal acts on source rows only; target rows' gradients pass as they are."""
    return weighing(reversal=by_rows(lambda beta: beta, lambda beta: -1.0))


@whole("model", "source rows only")
def source_rows_are_not_reversed():
    """The reversal acts on target rows only; source rows' gradients are scaled, not reversed."""
    return weighing(reversal=by_rows(lambda beta: -beta, lambda beta: beta))


@whole("model", "loss mean")
def the_domain_loss_over_source_rows():
    """The domain loss is divided by n, the number of source rows, instead of n + m."""
    return weighing(domain=lambda alpha, beta, n, m: (1 - alpha) * (n + m) / (n or m))


@whole("model", "loss mean", "summed", says="n + m")
def the_domain_loss_is_a_sum():
    """The domain loss is summed over the rows, where equation 6 takes the mean."""
    return weighing(domain=lambda alpha, beta, n, m: (1 - alpha) * (n + m))


@whole("model", "alpha")
def alpha_swapped():
    """alpha weighs the domain loss and 1 - alpha the emotion loss."""
    return weighing(
        emotion=lambda alpha, beta, n, m: 1 - alpha, domain=lambda alpha, beta, n, m: alpha
    )


@whole("model", "alpha")
def the_domain_loss_unweighted():
    """The domain loss has the weight 1 where it should have 1 - alpha."""
    return weighing(domain=lambda alpha, beta, n, m: 1.0)


# --- from the classifiers down to the convolution


def encoding(change):
    """The network whose `encode_backward` is `change(dh, cache)`, dh (N, C)."""
    return SimpleNamespace(
        forward=model.forward, backward=rewired(model, encode_backward=change).backward
    )


@whole("model", "missing path")
def the_attention_vector_is_detached():
    """The convolution gets no gradient through the attention vector, only through the frames."""

    def change(dh, cache):
        grads, frames = model.encode_backward(dh, cache), dh.reshape(cache[2]).copy()
        frames[:, -1] = 0
        return {**model.encode_backward(frames, cache), "attention.v": grads["attention.v"]}

    return encoding(change)


@whole("model", "missing path")
def the_frames_are_detached():
    """The convolution gets a gradient through the attention vector only."""

    def change(dh, cache):
        vector = dh.reshape(cache[2]).copy()
        vector[:, :-1] = 0
        return model.encode_backward(vector, cache)

    return encoding(change)


@whole("model", "shifted")
def the_attention_vector_taken_from_the_front():
    """The attention vector was appended after the frames; backward looks for it before them."""
    return encoding(
        lambda dh, cache: model.encode_backward(np.roll(dh.reshape(cache[2]), -1, axis=1), cache)
    )


@whole("model", "transposed")
def flattened_the_other_way():
    """Backward unflattens features as (channels, frames); forward flattened (frames, channels)."""

    def change(dh, cache):
        n, p, f = cache[2]
        return model.encode_backward(dh.reshape(n, f, p).swapaxes(1, 2), cache)

    return encoding(change)


@whole("model", "zero slice")
def no_gradient_for_the_convolutions_bias():
    """conv.b gets zero, since batch norm takes a bias out; but ReLU and the pool lie between."""
    return with_grads(
        lambda grads, cache, alpha: {**grads, "conv.b": np.zeros_like(grads["conv.b"])}
    )


@whole("model", "swapped")
def the_classifiers_exchanged():
    """The two classifiers' gradients are filed under each other's names."""

    counterpart = {"emotion.w": "domain.w", "emotion.b": "domain.b"}
    counterpart |= {theirs: ours for ours, theirs in counterpart.items()}

    def change(grads, cache, alpha):
        if not counterpart.keys() <= grads.keys():  # one classifier only: nothing to confuse
            return grads
        return {name: grads[counterpart.get(name, name)] for name in grads}

    return with_grads(change)


@whole("model", "gate")
def dropout_is_forgotten_on_the_way_back():
    """Dropout's mask is not applied to the gradient of what was dropped."""
    return with_ops(dropout=lambda right, dout, cache: (dout,))


@whole("model", "wrong cache")
def the_emotion_mask_of_other_rows():
    """Source rows' gradients pass through the dropout mask of the batch's last rows."""

    def change(cache):
        encoder, fed, emotion, domain, *rest = cache
        if emotion is not None and domain is not None and len(domain[1]) == 2:
            name, [(layer, mask)], *remaining = emotion
            emotion = (name, [(layer, domain[1][0][1][-len(mask) :])], *remaining)
        return (encoder, fed, emotion, domain, *rest)

    return with_cache(change)
