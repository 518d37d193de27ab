"""Mistakes in the layers whose rows or frames act on each other: attention, batch norm."""

import numpy as np

from minidann.mistakes.mutants.making import first, gradients, keeps
from minidann.ops import attention, batchnorm

# --- attention: f acts twice, and the softmax's weights act on each other


def from_scores(dscore, dout, cache):
    """df and dv, given a gradient of the scores."""
    f, v, s = cache
    df = s[:, :, None] * dout[:, None, :] + dscore[:, :, None] * v
    return df, np.einsum("np,npf->f", dscore, f)


def weights_gradient(dout, cache):
    """The gradient of the weights s: (N, P)."""
    return np.einsum("npf,nf->np", cache[0], dout)


@gradients(attention, "missing path")
def frames_act_only_in_the_sum(right, dout, cache):
    """df lacks the path through the weights: s is treated as a constant."""
    s = cache[2]
    return s[:, :, None] * dout[:, None, :], right[1]


@gradients(attention, "missing path")
def frames_act_only_through_the_weights(right, dout, cache):
    """df lacks the direct path: what is summed up is treated as a constant."""
    s = cache[2]
    return right[0] - s[:, :, None] * dout[:, None, :], right[1]


@gradients(attention, "off-diagonal")
def softmax_as_if_it_were_a_sigmoid(right, dout, cache):
    """The softmax's derivative is taken as s (1 - s), its diagonal only."""
    s = cache[2]
    return from_scores(s * (1 - s) * weights_gradient(dout, cache), dout, cache)


@gradients(attention, "off-diagonal")
def softmax_without_its_denominator(right, dout, cache):
    """The softmax's derivative is taken as s, as if only the numerator depended on the score."""
    return from_scores(cache[2] * weights_gradient(dout, cache), dout, cache)


@gradients(attention, "sign")
def the_softmax_is_subtracted_the_wrong_way(right, dout, cache):
    """The gradient of the scores is s (mean - ds) where it should be s (ds - mean)."""
    s, ds = cache[2], weights_gradient(dout, cache)
    return from_scores(s * ((s * ds).sum(axis=1, keepdims=True) - ds), dout, cache)


@gradients(attention, "wrong axis")
def the_softmax_runs_over_the_batch(right, dout, cache):
    """In the softmax's derivative the sum runs over the utterances instead of the frames."""
    s, ds = cache[2], weights_gradient(dout, cache)
    return from_scores(s * (ds - (s * ds).sum(axis=0, keepdims=True)), dout, cache)


@gradients(attention, "first only")
def dv_of_the_first_utterance(right, dout, cache):
    """dv is made from the first utterance alone."""
    alone = dout * (np.arange(len(dout)) == 0)[:, None]
    return right[0], attention.backward(alone, cache)[1]


@keeps(attention, "wrong cache")
def weights_before_they_are_divided(cache, arrays, options):
    """What is kept as the weights is exp(score), before the division by its sum."""
    f, v, _ = cache
    score = f @ v
    return f, v, np.exp(score - score.max(axis=1, keepdims=True))


# --- batchnorm: x acts by itself, through the mean and through the variance


def terms(dout, cache):
    """The three terms of dx / scale, each (N, C) or (C,), and the scale."""
    xhat, gamma, scale = cache[:3]
    dxhat = dout * gamma
    return dxhat, dxhat.mean(axis=0), xhat * (dxhat * xhat).mean(axis=0), scale


def of_inference(rng):
    """The example with running statistics, as in inference."""
    arrays, _ = first(batchnorm, rng)
    return arrays, {"running": (rng.standard_normal(3), rng.random(3) + 0.5)}


def almost_constant(rng):
    """Features that hardly vary, where epsilon matters."""
    (x, gamma, beta), options = first(batchnorm, rng)
    return (0.01 * x, gamma, beta), options


@gradients(batchnorm, "mean path")
def the_mean_is_a_constant(right, dout, cache):
    """dx lacks the path through the batch's mean."""
    dxhat, _, through_var, scale = terms(dout, cache)
    return scale * (dxhat - through_var), *right[1:]


@gradients(batchnorm, "variance path")
def the_variance_is_a_constant(right, dout, cache):
    """dx lacks the path through the batch's variance."""
    dxhat, through_mean, _, scale = terms(dout, cache)
    return scale * (dxhat - through_mean), *right[1:]


@gradients(batchnorm, "mean path", "sign")
def the_mean_path_is_added(right, dout, cache):
    """In dx the path through the mean has the wrong sign."""
    dxhat, through_mean, through_var, scale = terms(dout, cache)
    return scale * (dxhat + through_mean - through_var), *right[1:]


@gradients(batchnorm, "variance path", says="halved")
def the_square_has_slope_x(right, dout, cache):
    """The 2 of the square's derivative is lost: the path through the variance is half of it."""
    dxhat, through_mean, through_var, scale = terms(dout, cache)
    return scale * (dxhat - through_mean - through_var / 2), *right[1:]


@gradients(batchnorm, "mean path", "variance path", example=of_inference)
def the_batch_is_blamed_in_inference(right, dout, cache):
    """With running statistics dx still has the paths through the batch's mean and variance."""
    dxhat, through_mean, through_var, scale = terms(dout, cache)
    return scale * (dxhat - through_mean - through_var), *right[1:]


@gradients(batchnorm, "factor", says="gamma")
def gamma_is_forgotten(right, dout, cache):
    """dx is not multiplied by gamma: each feature is off by its own factor."""
    return right[0] / cache[1], *right[1:]


@gradients(batchnorm, "factor", "unknown pattern", example=almost_constant, says="epsilon")
def epsilon_in_forward_only(right, dout, cache):
    """dx divides by the root of the variance without epsilon: off where features hardly vary."""
    _, _, scale, _, var, _ = cache
    return right[0] / (scale * np.sqrt(var)), *right[1:]


@gradients(batchnorm, "wrong cache")
def dgamma_from_x(right, dout, cache):
    """dgamma multiplies with x itself instead of the normalised x."""
    xhat, _, scale, mean, _, _ = cache
    return right[0], (dout * (xhat / scale + mean)).sum(axis=0), right[2]


@gradients(batchnorm, "summed", "factor", says="the batch")
def dbeta_is_averaged(right, dout, cache):
    """dbeta is the mean over the rows instead of the sum."""
    return *right[:2], dout.mean(axis=0)


@gradients(batchnorm, "wrong axis")
def means_over_the_features(right, dout, cache):
    """The means in dx are taken along each row, over the features, as in layer normalisation."""
    xhat, gamma, scale = cache[:3]
    dxhat = dout * gamma
    through_var = xhat * (dxhat * xhat).mean(axis=1, keepdims=True)
    return scale * (dxhat - dxhat.mean(axis=1, keepdims=True) - through_var), *right[1:]


@gradients(batchnorm, "swapped")
def beta_before_gamma(right, dout, cache):
    """The gradients come back in another order than the arguments: dx, dbeta, dgamma."""
    dx, dgamma, dbeta = right
    return dx, dbeta, dgamma
