"""Mistakes in the batch composition for batch normalisation (table 3)."""

import numpy as np

from minidann import feeding
from minidann.mistakes.mutants.making import feeds

# A cache of `feeding` is (mode, n, rows of each call, cache of each call, ops); one of a call of
# batch norm is (xhat, gamma, scale, mean, var, whether the statistics are the batch's own).


def part(call, rows):
    """The cache of a call as if it had been made of some of its rows."""
    return (call[0][rows], *call[1:])


@feeds("other mode")
def bn2_goes_back_as_bn1(demotion, ddomain, cache):
    """In bn2 the emotion's gradient goes back through the call over all rows."""
    mode, n, groups, calls, ops = cache
    if mode == "bn2":
        cache = ("bn1", n, groups[1:], calls[1:], ops)
    return feeding.backward(demotion, ddomain, cache)


@feeds("other mode")
def bn1_goes_back_as_bn3(demotion, ddomain, cache):
    """In bn1 source and target rows go back as if each domain had been normalised by itself."""
    mode, n, groups, calls, ops = cache
    if mode == "bn1":
        groups = [slice(0, n), slice(n, len(ddomain))]
        cache = ("bn3", n, groups, [part(calls[0], rows) for rows in groups], ops)
    return feeding.backward(demotion, ddomain, cache)


@feeds("other mode")
def bn3_goes_back_as_bn1(demotion, ddomain, cache):
    """In bn3 all rows go back as one call, with the statistics of the source's."""
    mode, n, groups, calls, ops = cache
    if mode == "bn3":
        together = (np.concatenate([call[0] for call in calls]), *calls[0][1:])
        cache = ("bn1", n, [slice(0, len(ddomain))], [together], ops)
    return feeding.backward(demotion, ddomain, cache)


@feeds("mean path", "variance path")
def statistics_are_constants(demotion, ddomain, cache):
    """Every call goes back as in inference: not through the batch's mean and variance."""
    mode, n, groups, calls, ops = cache
    calls = [(*call[:5], False) for call in calls]
    return feeding.backward(demotion, ddomain, (mode, n, groups, calls, ops))


@feeds("missing path", "overwritten")
def the_last_calls_gamma(demotion, ddomain, cache):
    """gamma and beta keep the gradients of the last call; those of the calls should add up."""
    dh, *both = feeding.backward(demotion, ddomain, cache)
    mode, n, groups, calls, ops = cache
    if len(calls) == 2:
        douts = ddomain if mode == "bn2" else ddomain[n:]
        both = ops.batchnorm.backward(douts, calls[1])[1:]
    return dh, *both


@feeds("factor", says="0.5")
def gamma_averaged_over_the_calls(demotion, ddomain, cache):
    """gamma and beta get the mean of the calls' gradients, not their sum: half, with two calls."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    if cache[3]:
        dgamma, dbeta = dgamma / len(cache[3]), dbeta / len(cache[3])
    return dh, dgamma, dbeta


@feeds("overwritten", "missing path")
def the_second_call_overwrites(demotion, ddomain, cache):
    """In bn2 the call over all rows writes over the source rows' gradient instead of adding."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    if cache[0] == "bn2":
        dh = feeding.backward(np.zeros_like(demotion), ddomain, cache)[0]
    return dh, dgamma, dbeta


@feeds("overwritten", "missing path")
def emotion_overwrites_domain(demotion, ddomain, cache):
    """In mode none source rows get the emotion's gradient in place of the domain's."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    if cache[0] == "none" and len(demotion):
        dh[: len(demotion)] = demotion
    return dh, dgamma, dbeta


@feeds("target rows")
def target_rows_are_detached(demotion, ddomain, cache):
    """The convolution gets no gradient from target rows."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    dh[len(demotion) :] = 0
    return dh, dgamma, dbeta


@feeds("target rows", "missing path")
def emotion_stays_with_source_rows(demotion, ddomain, cache):
    """In bn1 the emotion loss acts on target rows too, through the mean and variance: left out."""
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, cache)
    n, silent = len(demotion), np.zeros_like(demotion)
    dh[n:] = feeding.backward(silent, ddomain, cache)[0][n:]
    return dh, dgamma, dbeta
