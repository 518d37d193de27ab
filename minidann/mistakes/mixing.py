"""Mistakes in the layers whose rows or frames act on each other: attention, batch norm."""

import numpy as np

from minidann.mistakes.catalogue import gradients, keeps, table
from minidann.ops import attention, batchnorm
from minidann.ops.batchnorm import EPSILON

# --- attention: f acts twice, and the softmax's weights act on each other


def from_scores(dscore, dout, cache):
    """df and dv, given a gradient of the scores (N, P)."""
    df = cache.weights[:, :, None] * dout[:, None, :] + dscore[:, :, None] * cache.v
    return df, np.einsum("np,npf->f", dscore, cache.f)


def by_weights(dscore):
    """The mistake in which the gradient of the scores is `dscore(s, ds)`."""

    def change(right, dout, cache):
        ds = np.einsum("npf,nf->np", cache.f, dout)  # the gradient of the weights
        return from_scores(dscore(cache.weights, ds), dout, cache)

    return change


def over_frames(a):
    return a.sum(axis=1, keepdims=True)


JACOBIAN = {
    "The softmax's derivative is taken as s (1 - s), its diagonal only: a sum over the frames is "
    "missing.": (lambda s, ds: s * (1 - s) * ds, "frames"),
    "The softmax's derivative is taken as s, as if only the numerator depended on the score.": (
        lambda s, ds: s * ds, "softmax"),
    "The softmax's derivative has the wrong sign: it is s (ds - mean), not s (mean - ds).": (
        lambda s, ds: s * (over_frames(s * ds) - ds), "sign"),
    "In the softmax's derivative the sum is added where it should be subtracted.": (
        lambda s, ds: s * (ds + over_frames(s * ds)), "sign"),
    "In the softmax's derivative the sum runs over the utterances instead of the frames.": (
        lambda s, ds: s * (ds - (s * ds).sum(axis=0, keepdims=True)), "utterances"),
    "In the softmax's derivative the sum has no axis: it runs over the whole batch.": (
        lambda s, ds: s * (ds - (s * ds).sum()), "axis"),
    "In the softmax's derivative a mean over the frames stands where the sum should.": (
        lambda s, ds: s * (ds - (s * ds).mean(axis=1, keepdims=True)), "mean"),
    "In the softmax's derivative the sum is not weighted by s.": (
        lambda s, ds: s * (ds - over_frames(ds)), "weight"),
    "In the softmax's derivative a plain mean stands where the sum weighted by s should.": (
        lambda s, ds: s * (ds - ds.mean(axis=1, keepdims=True)), "mean"),
    "The softmax's derivative lacks its factor s.": (
        lambda s, ds: ds - over_frames(s * ds), "factor"),
    "The softmax is left out: the gradient of the weights is taken for that of the scores.": (
        lambda s, ds: ds, "softmax"),
}  # fmt: skip
for says, (dscore, word) in JACOBIAN.items():
    table(attention, "gradients", {says: by_weights(dscore)}, word)


@gradients(attention, "path|v were zero")
def frames_act_only_in_the_sum(right, dout, cache):
    """df lacks the path through the weights: s is treated as a constant."""
    return cache.weights[:, :, None] * dout[:, None, :], right[1]


@gradients(attention, "path")
def frames_act_only_through_the_weights(right, dout, cache):
    """df lacks the direct path: what is summed up is treated as a constant."""
    return right[0] - cache.weights[:, :, None] * dout[:, None, :], right[1]


@gradients(attention, "weights")
def every_frame_gets_all_of_dout(right, dout, cache):
    """In df the direct path is not multiplied by the weights s: each frame gets all of dout."""
    return right[0] + (1 - cache.weights[:, :, None]) * dout[:, None, :], right[1]


@gradients(attention, "first")
def dv_of_the_first_utterance(right, dout, cache):
    """dv is made from the first utterance alone."""
    alone = dout * (np.arange(len(dout)) == 0)[:, None]
    return right[0], attention.backward(alone, cache)[1]


@keeps(attention, "weights")
def weights_before_they_are_divided(cache, arrays, options):
    """The weights kept are exp(score), before the division by their sum."""
    score = cache.f @ cache.v
    return cache._replace(weights=np.exp(score - score.max(axis=1, keepdims=True)))


@gradients(attention, "sqrt")
def the_root_of_F_in_backward_only(right, dout, cache):
    """The path through the scores is divided by sqrt(F), as in a transformer; forward's is not."""
    direct = cache.weights[:, :, None] * dout[:, None, :]
    root = np.sqrt(len(cache.v))
    return direct + (right[0] - direct) / root, right[1] / root


@gradients(attention, "f")
def f_in_place_of_v(right, dout, cache):
    """In df the path through the weights is multiplied by f where v should stand."""
    ds = np.einsum("npf,nf->np", cache.f, dout)
    dscore = cache.weights * (ds - over_frames(cache.weights * ds))
    return cache.weights[:, :, None] * dout[:, None, :] + dscore[:, :, None] * cache.f, right[1]


def attend(powers):
    """A wrong forward: weights from the scores (N, P)."""
    return lambda f, v: np.einsum("np,npf->nf", powers(f @ v), f)


def softmax(score, axis=1):
    e = np.exp(score - score.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def shifted(score):
    """exp(score - largest of its row)."""
    return np.exp(score - score.max(axis=1, keepdims=True))


def by_channel(f, v):
    """One weight for each channel (N, P, F)."""
    return softmax(f * v)


table(attention, "forward", {
    "exp overflows: subtract each row's largest score first.": attend(
        lambda s: np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)),
    "exp overflows: subtract each row's largest score, not the largest of the batch.": attend(
        lambda s: np.exp(s - s.max()) / np.exp(s - s.max()).sum(axis=1, keepdims=True)),
    "The weights are not used: all frames are summed.": lambda f, v: f.sum(axis=1),
    "The weights are not used: the frames are averaged.": lambda f, v: f.mean(axis=1),
    "There is no softmax: the weights are the scores.": attend(lambda s: s),
    "exp is missing: the weights are the scores divided by their sum.": attend(
        lambda s: s / s.sum(axis=1, keepdims=True)),
    "The scores are divided by sqrt(F), as in a transformer: equation 1 does not.":
        lambda f, v: attention.forward(f, v / np.sqrt(len(v)))[0],
    "The scores are divided by sqrt(P): equation 1 does not.":
        lambda f, v: attention.forward(f, v / np.sqrt(f.shape[1]))[0],
    "The weights are not divided by their sum.": attend(lambda s: np.exp(s)),
    "The weights are exp(score - largest), not divided by their sum.": attend(shifted),
    "The softmax runs over the batch, not over time.": attend(lambda s: softmax(s, axis=0)),
    "The weights are divided by their sum over the batch, not over time.": attend(
        lambda s: shifted(s) / shifted(s).sum(axis=0)),
    "The sum that the weights are divided by has no axis.": attend(
        lambda s: shifted(s) / shifted(s).sum()),
    "The sum has no axis: the softmax runs over all frames of the batch.": attend(
        lambda s: softmax(s, axis=None)),
    "The softmax is applied twice.": attend(lambda s: softmax(softmax(s))),
    "The weighted frames are averaged, not summed.":
        lambda f, v: attention.forward(f, v)[0] / f.shape[1],
    "There is one weight for each channel, not one for each frame.":
        lambda f, v: (by_channel(f, v) * f).sum(axis=1),
    "The frame with the largest score is taken alone.":
        lambda f, v: f[np.arange(len(f)), (f @ v).argmax(axis=1)],
})  # fmt: skip

# --- batchnorm: x acts by itself, through the mean and through the variance


def terms(dout, cache):
    """The three terms of dx / scale: (N, C), (C,) and (N, C)."""
    dxhat = dout * cache.gamma
    return dxhat, dxhat.mean(axis=0), cache.xhat * (dxhat * cache.xhat).mean(axis=0)


def of_terms(combine):
    """The mistake in dx of `combine(own, mean, variance, cache)`, in training only."""

    def change(right, dout, cache):
        if not cache.own_statistics:
            return right
        return cache.scale * combine(*terms(dout, cache), cache), *right[1:]

    return change


def over_all(a, divide=True):
    return a.mean() if divide else a.sum()


TERMS = {
    "The path through the batch's mean is missing.": (
        lambda own, mean, var, c: own - var, "mean"),
    "The path through the batch's variance is missing.": (
        lambda own, mean, var, c: own - mean, "variance|xhat were zero"),
    "Mean and variance are taken for constants: the paths through both are missing.": (
        lambda own, mean, var, c: own, "path|own_statistics"),
    "The path through the mean has the wrong sign.": (
        lambda own, mean, var, c: own + mean - var, "mean"),
    "The path through the variance has the wrong sign.": (
        lambda own, mean, var, c: own - mean + var, "variance"),
    "The 2 of the square's derivative is lost: the path through the variance is half of it.": (
        lambda own, mean, var, c: own - mean - var / 2, "variance"),
    "The path through the variance counts twice.": (
        lambda own, mean, var, c: own - mean - 2 * var, "variance"),
    "The means in dx are sums: 1/N is missing in both paths.": (
        lambda own, mean, var, c: own - len(own) * (mean + var), "path"),
    "1/N is missing in the path through the mean.": (
        lambda own, mean, var, c: own - len(own) * mean - var, "mean"),
    "1/N is missing in the path through the variance.": (
        lambda own, mean, var, c: own - mean - len(own) * var, "variance"),
    "The path through the variance lacks the factor xhat: how x moves it.": (
        lambda own, mean, var, c: own - mean - (own * c.xhat).mean(axis=0), "variance"),
    "The path through the variance has 1/std^2 where 1/std^3 should be.": (
        lambda own, mean, var, c: own - mean - var / c.scale, "variance"),
    "The path through the variance has 1/std where 1/std^3 should be.": (
        lambda own, mean, var, c: own - mean - var / c.scale**2, "variance"),
    "dx is not divided by the standard deviation.": (
        lambda own, mean, var, c: (own - mean - var) / c.scale, "scale"),
    "The means in dx are taken along each row, over the features, as in layer normalisation.": (
        lambda own, mean, var, c: own - own.mean(axis=1, keepdims=True)
        - c.xhat * (own * c.xhat).mean(axis=1, keepdims=True), "row"),
    "The means in dx have no axis: they run over rows and features.": (
        lambda own, mean, var, c: own - over_all(own) - c.xhat * over_all(own * c.xhat), "axis"),
    "In the path through the mean the mean has no axis: it runs over rows and features.": (
        lambda own, mean, var, c: own - over_all(own) - var, "axis"),
    "In the path through the variance the mean has no axis: it runs over rows and features.": (
        lambda own, mean, var, c: own - mean - c.xhat * over_all(own * c.xhat), "axis"),
    "The sums in dx have no axis: they run over rows and features, divided by N.": (
        lambda own, mean, var, c: own - (over_all(own, False)
        + c.xhat * over_all(own * c.xhat, False)) / len(own), "axis"),
    "In the path through the mean the sum has no axis.": (
        lambda own, mean, var, c: own - over_all(own, False) / len(own) - var, "axis"),
    "In the path through the variance the sum has no axis.": (
        lambda own, mean, var, c: own - mean
        - c.xhat * over_all(own * c.xhat, False) / len(own), "axis"),
}  # fmt: skip
for says, (combine, word) in TERMS.items():
    table(batchnorm, "gradients", {says: of_terms(combine)}, word)


@gradients(batchnorm, "own_statistics")
def the_batch_is_blamed_in_inference(right, dout, cache):
    """With running statistics dx still has the paths through the batch's mean and variance."""
    return batchnorm.backward(dout, cache._replace(own_statistics=True))[0], *right[1:]


@gradients(batchnorm, "gamma")
def gamma_is_forgotten(right, dout, cache):
    """dx is not multiplied by gamma."""
    return right[0] / cache.gamma, *right[1:]


def rescaled(variance):
    """dx with 1/sqrt(variance(var, n)) where 1/sqrt(var + epsilon) should be."""

    def change(right, dout, cache):
        scale = 1 / np.sqrt(variance(cache.var, len(dout) if cache.own_statistics else 0))
        return right[0] / cache.scale * scale, *right[1:]

    return change


table(batchnorm, "gradients", {
    "epsilon is in forward only: dx divides by the root of the variance alone.": rescaled(
        lambda var, n: var),
    "In dx epsilon is added outside of the root; in forward it is under it.": rescaled(
        lambda var, n: (np.sqrt(var) + EPSILON) ** 2),
    "The variance is divided by N - 1 in backward, by N in forward.": rescaled(
        lambda var, n: (var * n / (n - 1) if n else var) + EPSILON),
    **{
        f"epsilon is {epsilon:g} in backward, {EPSILON:g} in forward.": rescaled(
            lambda var, n, epsilon=epsilon: var + epsilon)
        for epsilon in (1e-8, 1e-7, 1e-6, 1e-4, 1e-3, 1e-10, 1e-12)
    },
}, "epsilon")  # fmt: skip


@gradients(batchnorm, "were x")
def dgamma_from_x(right, dout, cache):
    """dgamma multiplies with x itself instead of the normalised x."""
    return right[0], (dout * (cache.xhat / cache.scale + cache.mean)).sum(axis=0), right[2]


@gradients(batchnorm, "scale")
def dgamma_from_x_less_the_mean(right, dout, cache):
    """dgamma multiplies with x - mean, which is not yet divided by the standard deviation."""
    return right[0], right[1] / cache.scale, right[2]


@gradients(batchnorm, "divided|averaged")
def dbeta_is_averaged(right, dout, cache):
    """dbeta is the mean over the rows instead of the sum."""
    return *right[:2], dout.mean(axis=0)


@gradients(batchnorm, "exchanged")
def beta_before_gamma(right, dout, cache):
    """The gradients come back in another order than the arguments: dx, dbeta, dgamma."""
    dx, dgamma, dbeta = right
    return dx, dbeta, dgamma


def normalised(make):
    """A wrong forward: xhat = make(x, mean, var) with the statistics that are used."""

    def change(x, gamma, beta, running=None):
        mean, var = (x.mean(axis=0), x.var(axis=0)) if running is None else running
        return gamma * make(x, mean, var) + beta

    return change


def by_statistics(mean_of, var_of):
    """A wrong forward: in training with another mean and variance of the batch."""

    def change(x, gamma, beta, running=None):
        mean, var = (mean_of(x), var_of(x)) if running is None else running
        return gamma * (x - mean) / np.sqrt(var + EPSILON) + beta

    return change


table(batchnorm, "forward", {
    "The variance is divided by N - 1, not by N.": by_statistics(
        lambda x: x.mean(axis=0), lambda x: x.var(axis=0) * len(x) / (len(x) - 1)),
    "The variance is a sum, not a mean.": by_statistics(
        lambda x: x.mean(axis=0), lambda x: x.var(axis=0) * len(x)),
    "The variance has no axis: it is that of all features together.": by_statistics(
        lambda x: x.mean(axis=0), np.var),
    "The mean has no axis: it is that of all features together.": by_statistics(
        np.mean, lambda x: x.var(axis=0)),
    "The mean and the variance have no axis: they are those of all features together.":
        by_statistics(np.mean, np.var),
    "The mean and the variance are those of each row, not of each feature.": by_statistics(
        lambda x: x.mean(axis=1, keepdims=True), lambda x: x.var(axis=1, keepdims=True)),
    "The mean is not subtracted within the variance.": by_statistics(
        lambda x: x.mean(axis=0), lambda x: (x * x).mean(axis=0)),
    "x is divided by the variance: its root is missing.": normalised(
        lambda x, mean, var: (x - mean) / (var + EPSILON)),
    "x is not divided by the standard deviation.": normalised(lambda x, mean, var: x - mean),
    "x is multiplied by the standard deviation.": normalised(
        lambda x, mean, var: (x - mean) * np.sqrt(var + EPSILON)),
    "The mean is not subtracted.": normalised(lambda x, mean, var: x / np.sqrt(var + EPSILON)),
    "epsilon is missing.": normalised(lambda x, mean, var: (x - mean) / np.sqrt(var)),
    "epsilon is added outside of the root.": normalised(
        lambda x, mean, var: (x - mean) / (np.sqrt(var) + EPSILON)),
    **{
        f"epsilon is {epsilon:g}; here it is {EPSILON:g}.": normalised(
            lambda x, mean, var, epsilon=epsilon: (x - mean) / np.sqrt(var + epsilon))
        for epsilon in (1e-8, 1e-7, 1e-6, 1e-4, 1e-3, 1e-10, 1e-12)
    },
    "running holds the mean and the variance, in this order: they are exchanged.":
        lambda x, gamma, beta, running=None: batchnorm.forward(
            x, gamma, beta, running=running and running[::-1])[0],
    "running holds variances: they are taken for standard deviations.":
        lambda x, gamma, beta, running=None: batchnorm.forward(x, gamma, beta)[0]
        if running is None else gamma * (x - running[0]) / (running[1] + EPSILON) + beta,
    "running is not used: the batch's own statistics are.":
        lambda x, gamma, beta, running=None: batchnorm.forward(x, gamma, beta)[0],
    "gamma and beta are exchanged.":
        lambda x, gamma, beta, running=None: batchnorm.forward(x, beta, gamma, running=running)[0],
})  # fmt: skip
