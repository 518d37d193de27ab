"""Mistakes in the classifiers' layers: dropout, dense, softmax and cross-entropy, the reversal."""

import numpy as np

from minidann.mistakes.mutants.making import gradients, keeps, reads
from minidann.ops import dense, dropout, gradient_reversal, softmax_cross_entropy

# --- dropout: the same mask, both ways


@gradients(dropout, "gate")
def dropped_values_get_a_gradient(right, dout, cache):
    """The mask is not applied: the gradient passes everywhere."""
    return (dout.copy(),)


@gradients(dropout, "factor", says="1-p")
def dropped_but_not_scaled(right, dout, cache):
    """What was dropped gets nothing, but what was scaled up by 1 / (1 - p) is not scaled here."""
    return (dout * (cache != 0),)


@reads(dropout, "wrong cache")
def a_fresh_mask(dout, cache):
    """A second mask is drawn for the backward pass."""
    return dout, np.random.default_rng(1).permuted(cache)


# --- dense: two products and a sum


@gradients(dense, "transposed")
def dx_by_a_reshaped_w(right, dout, cache):
    """w is brought to (L, C) by reshape instead of transpose."""
    w = cache[1]
    return dout @ w.reshape(w.shape[::-1]), *right[1:]


@gradients(dense, "transposed")
def dw_comes_transposed(right, dout, cache):
    """dw is dout.T @ x, of shape (L, C), where w is (C, L)."""
    return right[0], right[1].T, right[2]


@gradients(dense, "first only")
def db_of_the_first_row(right, dout, cache):
    """db is the first row of dout: the sum over the batch is missing."""
    return *right[:2], dout[0].copy()


@gradients(dense, "zero slice")
def the_bias_is_forgotten(right, dout, cache):
    """db is zero: as if the bias were not trained."""
    return *right[:2], np.zeros_like(right[2])


@gradients(dense, "sign")
def the_update_instead_of_the_gradient(right, dout, cache):
    """dw is what is to be added to w in a descent, which is minus the gradient."""
    return right[0], -right[1], right[2]


@keeps(dense, "wrong cache")
def x_overwritten_by_relu(cache, arrays, options):
    """The x kept was overwritten, in place, by a ReLU: its negative entries are zero."""
    x, w = cache
    return np.maximum(x, 0), w


# --- softmax_cross_entropy: (p - one-hot) / N


@gradients(softmax_cross_entropy, "summed", "factor", says="the batch")
def the_mean_is_forgotten(right, dout, cache):
    """The loss is a mean over the batch, its gradient is that of a sum: 1/N is missing."""
    return (right[0] * len(right[0]),)


@gradients(softmax_cross_entropy, "factor", says="the columns")
def the_mean_over_all_entries(right, dout, cache):
    """The gradient is divided by the number of scores, N times L, instead of N."""
    return (right[0] / right[0].shape[1],)


@gradients(softmax_cross_entropy, "sign")
def label_minus_probability(right, dout, cache):
    """The gradient is one-hot minus p: it climbs."""
    return (-right[0],)


@gradients(softmax_cross_entropy, "off-diagonal", "zero slice")
def only_the_true_class(right, dout, cache):
    """Only the true class's score gets its p - 1; the other scores get no gradient."""
    p, labels = cache
    return (right[0] * (np.arange(p.shape[1]) == labels[:, None]),)


@gradients(softmax_cross_entropy, "missing path")
def probabilities_alone(right, dout, cache):
    """The one-hot label is never subtracted: the path through the true class's score is missing."""
    p, _ = cache
    return (p * dout / len(p),)


@keeps(softmax_cross_entropy, "wrong axis")
def the_softmax_down_the_columns(cache, arrays, options):
    """The probabilities kept are normalised over the batch instead of over the classes."""
    e = np.exp(arrays[0])
    return e / e.sum(axis=0), cache[1]


# --- gradient_reversal: minus beta


@gradients(gradient_reversal, "no reversal", "sign")
def beta_without_its_minus(right, dout, cache):
    """The gradient is scaled by beta but not reversed."""
    return (cache * dout,)


@gradients(gradient_reversal, "beta ignored", "factor", says="beta")
def minus_one_whatever_beta(right, dout, cache):
    """The gradient is reversed but not scaled: beta is ignored."""
    return (-dout,)


@gradients(gradient_reversal, "double reversal", says="beta squared")
def reversed_twice(right, dout, cache):
    """The layer is passed twice on the way back: beta squared, and the sign is lost."""
    return (cache * cache * dout,)


@gradients(gradient_reversal, "factor", says="divided by beta")
def divided_by_beta(right, dout, cache):
    """The reversed gradient is divided by beta instead of multiplied."""
    return (-dout / cache,)
