"""The network of figure 1 and its gradients, equations 5 to 10.

        log-mel x (N, 750, 26)
            | convolution, ReLU, max pooling
        f^  (N, 8, 200)
            | attention vector appended, flattened
        h   (N, 1800)
            | batch normalisation (see feeding.py), dropout
        f   (N, 1800)                          the encoder G_f ends here
          /                         \\
    emotion classifier G_e       gradient reversal, domain classifier G_l
    source examples -> L_e (5)   all examples -> L_l (6)

G_l tells source from target: it is what the paper calls the language classifier. The loss is
L = alpha L_e + (1 - alpha) L_l  (7). Through the reversal, what is called gradient here is that of
equations 8-10: for G_e alpha dL_e, for G_l (1 - alpha) dL_l, for the encoder
alpha dL_e - (1 - alpha) beta dL_l.
"""

from types import ModuleType
from typing import NamedTuple

import numpy as np

import minidann.ops
from minidann import feeding

Arrays = dict[str, np.ndarray]

FILTERS = 200
KERNEL = 10
STRIDE = 3
POOL = 30
QUERY_STD = 0.05  # of the attention query's first values


class EncoderCache(NamedTuple):
    """The caches of `conv_relu_maxpool` and `attention`, the shape (N, P+1, F) of h."""

    front: tuple
    attention: tuple
    shape: tuple[int, int, int]
    ops: ModuleType


class ClassifierCache(NamedTuple):
    """The classifier's name and the caches of its layers; `before` dense are pairs (op, cache)."""

    name: str
    before: list
    dense: tuple
    loss: tuple
    ops: ModuleType


class Cache(NamedTuple):
    """Of each part of the network its cache, None where it took no part; both classifiers' f."""

    encoder: EncoderCache
    fed: feeding.Cache
    emotion: ClassifierCache | None
    domain: ClassifierCache | None
    emotion_f: np.ndarray
    domain_f: np.ndarray


def pooled_frames(frames: int) -> int:
    """How many frames come out of convolution and pooling: 8 of 750."""
    return ((frames - KERNEL) // STRIDE + 1) // POOL


def initialise(
    rng: np.random.Generator,
    *,
    frames: int = 750,
    mels: int = 26,
    filters: int = FILTERS,
    batch_norm: bool = True,
    domain: bool = True,
    dtype: type = np.float32,
) -> tuple[Arrays, Arrays]:
    """New parameters, and the running statistics of batch norm (empty without it).

    Kernels are Glorot uniform, biases zero, the attention query normal with standard deviation
    0.05. `frames` is the T that `encode` will see. The domain classifier is drawn last, so that
    models with and without one start alike.
    """

    def glorot(shape, fan_in, fan_out):
        limit = np.sqrt(6 / (fan_in + fan_out))
        return rng.uniform(-limit, limit, shape).astype(dtype)

    features = (pooled_frames(frames) + 1) * filters  # 1800
    params = {
        "conv.w": glorot((KERNEL, mels, filters), KERNEL * mels, KERNEL * filters),
        "conv.b": np.zeros(filters, dtype),
        "attention.v": (QUERY_STD * rng.standard_normal(filters)).astype(dtype),
    }
    running = {}
    if batch_norm:
        params["bn.gamma"], params["bn.beta"] = np.ones(features, dtype), np.zeros(features, dtype)
        running = {"bn.mean": np.zeros(features, dtype), "bn.var": np.ones(features, dtype)}
    for name in ("emotion", "domain") if domain else ("emotion",):
        params[f"{name}.w"] = glorot((features, 2), features, 2)
        params[f"{name}.b"] = np.zeros(2, dtype)
    return params, running


def encode(params: Arrays, x: np.ndarray, *, ops=minidann.ops) -> tuple[np.ndarray, EncoderCache]:
    """Log-mel x (N, T, D) -> h (N, C), the encoder up to batch norm; C = 1800 for T = 750."""
    pooled, front = ops.conv_relu_maxpool.forward(
        x, params["conv.w"], params["conv.b"], stride=STRIDE, size=POOL
    )  # (N, 8, 200)
    a, attention = ops.attention.forward(pooled, params["attention.v"])  # (N, 200)
    h = np.concatenate([pooled, a[:, None]], axis=1)  # (N, 9, 200)
    return h.reshape(len(x), -1), EncoderCache(front, attention, h.shape, ops)  # (N, 1800)


def encode_backward(dh: np.ndarray, cache: EncoderCache) -> Arrays:
    """dh (N, C) -> the gradients of the convolution and of the attention query."""
    front, attention, shape, ops = cache
    dh = dh.reshape(shape)  # (N, 9, 200)
    dpooled, dv = ops.attention.backward(dh[:, -1], attention)  # (N, 8, 200), (200,)
    _, dw, db = ops.conv_relu_maxpool.backward(dpooled + dh[:, :-1], front)
    return {"conv.w": dw, "conv.b": db, "attention.v": dv}


def _classifier_forward(params, name, f, *, labels, reversal, mask, ops):
    """Features f (N, C) -> loss (), by way of dropout, the reversal, dense and softmax.

    `reversal` is beta; None, for the emotion classifier, leaves the layer out. So does mask None.
    """
    caches = []
    if mask is not None:
        f, cache = ops.dropout.forward(f, mask=mask)
        caches.append((ops.dropout, cache))
    if reversal is not None:
        f, cache = ops.gradient_reversal.forward(f, beta=reversal)
        caches.append((ops.gradient_reversal, cache))
    z, dense = ops.dense.forward(f, params[f"{name}.w"], params[f"{name}.b"])  # (N, 2)
    loss, loss_cache = ops.softmax_cross_entropy.forward(z, labels=labels)  # ()
    return loss, ClassifierCache(name, caches, dense, loss_cache, ops)


def _classifier_backward(dloss, cache):
    """The loss's weight in the total -> df (N, C), gradients of the classifier's parameters."""
    name, caches, dense, loss_cache, ops = cache
    (dz,) = ops.softmax_cross_entropy.backward(dloss, loss_cache)
    df, dw, db = ops.dense.backward(dz, dense)
    for op, op_cache in reversed(caches):
        (df,) = op.backward(df, op_cache)
    return df, {f"{name}.w": dw, f"{name}.b": db}


def forward(
    params: Arrays,
    x: np.ndarray,
    *,
    emotion_labels: np.ndarray,
    domain_labels: np.ndarray | None,
    mode: str,
    beta: float = 1.0,
    mask: np.ndarray | None = None,
    ops=minidann.ops,
) -> tuple[tuple[np.ndarray | None, np.ndarray | None], Cache]:
    """x (n+m, T, D), emotion labels of the first n (n,), domain labels of all (n+m,).

    -> (L_e, L_l) as arrays of shape (). L_e is None where no example has an emotion label (in the
    second step of bn4), L_l where `domain_labels` is None (`base` and `mono` have no such
    classifier). `mask` (n+m, C) is dropout's, drawn by `dropout.draw_mask`; None: no dropout.
    """
    n = len(emotion_labels)
    h, encoder = encode(params, x, ops=ops)  # (n+m, C)
    (emotion_f, domain_f), fed = feeding.forward(
        h, params.get("bn.gamma"), params.get("bn.beta"), source_rows=n, mode=mode, ops=ops
    )  # (n, C), (n+m, C)
    emotion_loss = emotion = domain_loss = domain = None
    if n:
        emotion_mask = None if mask is None else mask[:n]
        emotion_loss, emotion = _classifier_forward(
            params, "emotion", emotion_f, labels=emotion_labels, reversal=None,
            mask=emotion_mask, ops=ops,
        )  # fmt: skip
    if domain_labels is not None:
        domain_loss, domain = _classifier_forward(
            params, "domain", domain_f, labels=domain_labels, reversal=beta,
            mask=mask, ops=ops,
        )  # fmt: skip
    cache = Cache(encoder, fed, emotion, domain, emotion_f, domain_f)
    return (emotion_loss, domain_loss), cache


def backward(cache: Cache, *, alpha: float) -> tuple[Arrays, tuple[float, float]]:
    """The gradients of equations 8-10, and the gradient norm of each classifier at the encoder.

    alpha weighs the losses (7); 1 where there is no domain classifier. Parameters that took no
    part have no entry. The norms are those of the gradient at the encoder's output f: emotion's,
    the domain's.
    """
    encoder, fed, emotion, domain, emotion_f, domain_f = cache
    dtype = domain_f.dtype.type  # a Python float would do, but a float64 scalar would promote
    demotion, ddomain = np.zeros_like(emotion_f), np.zeros_like(domain_f)
    grads = {}
    if emotion is not None:
        demotion, head = _classifier_backward(dtype(alpha), emotion)
        grads.update(head)
    if domain is not None:
        ddomain, head = _classifier_backward(dtype(1 - alpha), domain)
        grads.update(head)
    dh, dgamma, dbeta = feeding.backward(demotion, ddomain, fed)
    if dgamma is not None:
        grads.update({"bn.gamma": dgamma, "bn.beta": dbeta})
    grads.update(encode_backward(dh, encoder))
    return grads, (float(np.linalg.norm(demotion)), float(np.linalg.norm(ddomain)))


def update_running(running: Arrays, cache: Cache) -> Arrays:
    """The running statistics after the step that left `cache`."""
    if not running:
        return running
    mean, var = feeding.update_running((running["bn.mean"], running["bn.var"]), cache.fed)
    return {"bn.mean": mean, "bn.var": var}


def normalise(params: Arrays, running: Arrays, h: np.ndarray, *, ops=minidann.ops) -> np.ndarray:
    """From `encode`'s h to the encoder's output f, (N, C): running statistics, no dropout."""
    if not running:
        return h
    statistics = running["bn.mean"], running["bn.var"]
    f, _ = ops.batchnorm.forward(h, params["bn.gamma"], params["bn.beta"], running=statistics)
    return f


def classify(params: Arrays, f: np.ndarray, name: str, *, ops=minidann.ops) -> np.ndarray:
    """Probabilities (N, 2) by the classifier `name`, "emotion" or "domain", of f (N, C)."""
    z, _ = ops.dense.forward(f, params[f"{name}.w"], params[f"{name}.b"])  # (N, 2)
    return ops.softmax_cross_entropy.softmax(z)
