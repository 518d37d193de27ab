"""The gradient norm of each classifier at the encoder, beside the gradients of `model.backward`.

It is the norm of the loss's gradient at the encoder's output f (n+m, C), before batch norm's
way back: alpha dL_e/df for emotion, (1 - alpha) beta dL_l/df for domain, whose sign the reversal
turns (a norm does not see it). Here f itself is perturbed, and the loss computed from it.
"""

import math

import numpy as np

from minidann import model
from minidann.gradcheck.perturbing import differences
from minidann.gradcheck.report import COMPLEX_TOLERANCE, Row, refused
from minidann.ops import dense, softmax_cross_entropy

NAME = "grad_norms"


def grad_norms(step, alpha: float, beta: float) -> np.ndarray:
    """The norms (2,) in the update `step` (see `network.Step`), of emotion and of domain."""
    _, (*_, emotion_f, domain_f) = step.forward(model, step.params)  # (n, C), (n+m, C)
    emotion = _norm(step, "emotion", emotion_f, step.emotion_labels)
    domain = _norm(step, "domain", domain_f, step.domain_labels)
    return np.array([alpha * emotion, (1 - alpha) * beta * domain])


def _norm(step, name: str, f: np.ndarray, labels: np.ndarray) -> float:
    """The norm of d loss / df of the classifier `name`; 0 where it sees no row."""
    if not len(labels):
        return 0.0
    w, b = step.params[f"{name}.w"], step.params[f"{name}.b"]

    def loss(f):  # (n, C) -> ()
        z, _ = dense.forward(f * step.mask[: len(f)], w, b)
        return softmax_cross_entropy.forward(z, labels=labels)[0]

    return float(np.linalg.norm(differences(loss, f, method="complex")))


def grad_norms_row(step, received, alpha: float, beta: float) -> Row:
    """A row: what the backward pass returned as the norms, against the two norms."""
    try:
        received = np.array([float(norm) for norm in received])
    except (TypeError, ValueError):
        return refused(NAME, (2,), "NOT TWO NUMBERS")
    if received.shape != (2,):
        return refused(NAME, (2,), "NOT TWO NUMBERS")
    true = grad_norms(step, alpha, beta)
    off = np.abs(received - true)
    at = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
    error = float(off[at] / true.max())
    ok = error <= COMPLEX_TOLERANCE
    return Row(
        NAME, (2,), math.nan, error, float(off[at]), (at,), float(received[at]), float(true[at]),
        1e-15, "right" if ok else "WRONG", ok,
    )  # fmt: skip
