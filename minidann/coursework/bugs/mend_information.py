import numpy as np


def entropy(p):
    safe = np.where(p > 0, p, 1)  # 0 log 0 is 0
    return -(p * np.log(safe)).sum(axis=-1)


def information(probabilities):
    p = np.asarray(probabilities, np.float64)
    said = p.mean()
    whole = entropy(np.array([said, 1 - said]))
    return float(whole - entropy(p).mean())
