import numpy as np

EPSILON = 1e-5


def forward(x, gamma, beta, *, running=None):
    mean, var = (x.mean(axis=0), x.var(axis=0)) if running is None else running
    deviation = np.sqrt(var + EPSILON)
    xhat = (x - mean) / deviation
    return gamma * xhat + beta, (xhat, gamma, deviation)


def backward(dout, cache):
    xhat, gamma, deviation = cache
    n = len(xhat)
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = (n * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0)) / (n * deviation)
    return dx, dgamma, dbeta
