import numpy as np


def entropy(p):
    safe = np.where(p > 0, p, 1)  # 0 log 0 is 0
    return -(p * np.log(safe)).sum(axis=-1)


def information(probabilities):
    p = np.asarray(probabilities, np.float64)
    predicted = p.mean()
    whole = entropy(np.array([predicted, 1 - predicted]))
    return float(whole - entropy(p).mean())
