"""Mistakes in the layers whose rows or frames act on each other: attention, batch norm."""

import numpy as np

from minidann.mistakes.catalogue import PATHS, formulas, table
from minidann.mistakes.classifiers import HELPERS, SOFTMAX
from minidann.ops import attention, batchnorm
from minidann.ops.batchnorm import EPSILON, MOMENTUM

# --- attention: f acts twice, and the softmax's weights act on each other


def of_weights(f, v, weights, dout, **_):
    """What the tables of gradients use: s, its gradient ds, the right gradient of the scores; what
    goes back `through` them, and `by`, that with the part of df with s held, `direct` (N, P, F).
    """
    s, ds = weights, np.einsum("npf,nf->np", f, dout)  # (N, P) each
    direct = s[:, :, None] * dout[:, None, :]

    def through(dscore):
        return dscore[:, :, None] * v, np.einsum("np,npf->f", dscore, f)

    def by(dscore):
        df, dv = through(dscore)
        return direct + df, dv

    return {"s": s, "ds": ds, "direct": direct, "through": through, "by": by,
            "dscore": s * (ds - over_frames(s * ds))}  # fmt: skip


def over_frames(a):
    return a.sum(axis=1, keepdims=True)


PATHS["attention"] = formulas("""
direct, 0 * v | the direct path
through(s * ds) | the path through the weights' numerator
through(-s * over_frames(s * ds)) | the path through the weights' denominator
""", over_frames, derive=of_weights)  # fmt: skip
table(attention, "afresh", """
by(s * (1 - s) * ds)
    | The softmax's derivative is taken as s (1 - s), its diagonal only: a sum over the frames
    is missing.
by(-dscore) | The softmax's derivative has the wrong sign: it is s (ds - mean), not s (mean - ds).
by(s * (ds - (s * ds).sum())) | In the softmax's derivative the sum has no axis.
by(s * (ds - over_frames(ds))) | In the softmax's derivative the sum is not weighted by s.
by(s * (ds - ds.mean(axis=1, keepdims=True)))
    | In the softmax's derivative a plain mean stands where the sum weighted by s should.
by(ds - over_frames(s * ds)) | The softmax's derivative lacks its factor s.
by(dscore / np.sqrt(len(v))) | The scores' gradient is divided by sqrt(F), but the scores are not.
by(ds) | The softmax's derivative is missing: ds stands where the scores' gradient should.
direct, dv | df lacks the path through the weights: s is treated as a constant.
df - direct + dscore[:, :, None] * dout[:, None, :], dv
    | In df the direct path is multiplied by the scores' gradient: s was overwritten by it.
direct + dscore[:, :, None] * f, dv | In df, f stands where v should, after the scores' gradient.
""", over_frames, derive=of_weights)  # fmt: skip


def of_score(f, v, **_):
    return {"z": f @ v, "attend": lambda weights: np.einsum("np,npf->nf", weights, f)}


table(attention, "forward", """
attend(softmax(np.tanh(f) @ v)) | f goes through tanh before the scores.
attend(softmax(np.clip(z, -30, 30)))
    | Large scores are cut off: subtract each row's largest score instead.
attend(softmax(np.tanh(z))) | The scores go through tanh before the softmax.
attend(np.exp(np.minimum(z, 700)) / (over_frames(np.exp(np.minimum(z, 700))) + 1e-8))
    | Scores are cut off at 700, and a small number is added to the sum: subtract the row's largest.
""", over_frames, *HELPERS, derive=of_score)  # fmt: skip
table(attention, "forward", SOFTMAX, *HELPERS, derive=of_score, form="attend({})")

# --- batchnorm: x acts by itself, through the mean and through the variance

EPSILONS = "0, 1e-12, 1e-10, 1e-08, 1e-07, 1e-06, 0.0001, 0.001"


def of_terms(dout, xhat, gamma, scale, var, dx, dgamma, dbeta, own_statistics, **_):
    """What the tables of gradients use. dx is scale * (own - mean - change): x acts by itself,
    through the mean and through the variance. `train(terms)` has other terms, in training only;
    `rescaled(var)` has another variance under the root.
    """
    own = dout * gamma  # (N, C)

    def train(terms):
        return scale * terms if own_statistics else dx, dgamma, dbeta

    return {
        "own": own, "mean": own.mean(axis=0), "change": xhat * (own * xhat).mean(axis=0),
        "n": len(dout), "train": train, "epsilon": EPSILON,
        "rescaled": lambda var: (dx / scale / np.sqrt(var), dgamma, dbeta),
    }  # fmt: skip


PATHS["batchnorm"] = formulas("""
scale * own, None, None | the direct path
-scale * (mean + 0 * own) * own_statistics, None, None | the path through the mean
-scale * change * own_statistics, None, None | the path through the variance
""", derive=of_terms)  # fmt: skip
table(batchnorm, "afresh", f"""
train(own - mean - xhat * (dout * xhat).mean(axis=0)) | The path through the variance lacks gamma.
train(own - mean - (own * xhat).mean(axis=0)) | The path through the variance lacks the factor xhat.
train(own - mean - change / scale) | 1/std^2 stands in the path through the variance, not 1/std^3.
train(own - mean - change / scale**2) | 1/std stands in the path through the variance, not 1/std^3.
train(own - own.mean(1, keepdims=True) - xhat * (own * xhat).mean(1, keepdims=True))
    | The means in dx are taken along each row, over the features, as in layer normalisation.
train(own - (scale * own.mean(axis=0)).sum() / scale - change)
    | The path through the mean is summed over the features, too: the sum has no axis.
train(own - own.mean() - xhat * (own * xhat).mean()) | The means in dx have no axis.
again(own_statistics=True)[0], dgamma, dbeta | With running statistics dx has the batch's paths.
scale * (own - mean - (xhat - xhat.mean(axis=0)) * (own * xhat).mean(axis=0)), dgamma, dbeta
    | With running statistics dx still has the terms of the batch's mean and variance.
again(xhat=(out - beta) / gamma) | xhat = (out - beta) / gamma is 0/0 where gamma is 0: keep xhat.
rescaled((np.sqrt(var) + epsilon) ** 2) | In dx epsilon is outside of the root, in forward under it.
rescaled((var * n / (n - 1) if own_statistics else var) + epsilon)
    | The variance is divided by N - 1 in backward, by N in forward.
rescaled(var + NUMBER) | epsilon is NUMBER in backward, {EPSILON:g} in forward.
    for NUMBER in {EPSILONS}
""", derive=of_terms)  # fmt: skip


def of_statistics(x, gamma, beta, running, **_):
    """What the table of forward uses: mean and var; `to(xhat)`; and `by`, out by another mean and
    variance of the batch, in training only.
    """
    mean, var = (x.mean(axis=0), x.var(axis=0)) if running is None else running

    def by(batch_mean, batch_var):
        used = (batch_mean, batch_var) if running is None else (mean, var)
        return gamma * (x - used[0]) / np.sqrt(used[1] + EPSILON) + beta

    return {"mean": mean, "var": var, "by": by, "to": lambda xhat: gamma * xhat + beta,
            "epsilon": EPSILON, "old": MOMENTUM}  # fmt: skip


table(batchnorm, "forward", f"""
by(mean, var * len(x) / (len(x) - 1)) | The variance is divided by N - 1, not by N.
by(mean, np.var(x)) | The variance has no axis: it is that of all features together.
by(np.mean(x), np.var(x)) | The mean and the variance have no axis: all features share them.
by(x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)) | Mean and variance are each row's.
to((x - mean) / (var + epsilon)) | x is divided by the variance: its root is missing.
gamma * x + beta if len(x) == 1 else again() | A single row is not normalised.
to(x - mean) | x is not divided by the standard deviation.
to(x / np.sqrt(var + epsilon)) | The mean is not subtracted.
to((x - mean) / (np.sqrt(var) + epsilon)) | epsilon is added outside of the root.
again(running=running and running[::-1]) | The mean and the variance of running are exchanged.
again(running=running and (old * mean + (1 - old) * x.mean(0), old * var + (1 - old) * x.var(0)))
    | In inference running is averaged with the batch's own statistics: use it as it is given.
again(gamma=beta, beta=gamma) | gamma and beta are exchanged.
to((x - mean) / np.sqrt(var + NUMBER)) | epsilon is NUMBER, but it should be {EPSILON:g}.
    for NUMBER in {EPSILONS}
""", derive=of_statistics)  # fmt: skip
