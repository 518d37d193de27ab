import numpy as np


def mean_and_std(frames):
    mean = frames.mean(axis=0)
    variance = (frames * frames).mean(axis=0) - mean * mean
    std = np.sqrt(np.maximum(variance, 0))
    std[std < 1e-6] = 1
    return mean.astype(np.float32), std.astype(np.float32)
