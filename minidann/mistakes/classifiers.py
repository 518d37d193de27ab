"""Mistakes in the classifiers' layers: dropout, dense, softmax and cross-entropy, the reversal."""

import numpy as np

from minidann.mistakes.catalogue import PATHS, formulas, table
from minidann.ops import dense, dropout, gradient_reversal, softmax_cross_entropy

# --- dropout: the same mask, both ways

MASKS = """
mask != 0 | What is kept is not scaled by 1 / (1 - p).
(mask != 0) / max((mask != 0).mean(), 1e-9) | The scale is that of the share kept, not of the rate.
mask.max() - mask | The mask is inverted: what is dropped passes.
mask == 0 | The mask is inverted, and what passes is not scaled.
np.where(mask, 1 / np.where(mask, mask, 1), 0) | What is kept is divided by the mask.
(mask != 0) / (1 - NUMBER) | The scale is 1 / (1 - NUMBER) whatever the rate is: use the mask.
    for NUMBER in 0.2, 0.3, 0.5, 0.7, 0.8
"""
table(dropout, "forward", MASKS, form="x * ({})")
table(dropout, "afresh", MASKS + """
np.random.default_rng(1).permuted(mask) | A second mask is drawn for the backward pass.
""", form="(dout * ({}),)")  # fmt: skip

# --- dense: two products and a sum

table(dense, "forward", """
x @ w | The bias is not added.
""")  # fmt: skip

# --- softmax_cross_entropy: (p - one-hot) / N


def softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def naive(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def shifted(z):
    return z - z.max(axis=1, keepdims=True)


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


SOFTMAX = """
naive(z) | exp overflows: subtract each row's largest score first.
naive(z - z.max()) | exp gives 0 for a whole row, then 0/0: subtract that row's largest score.
np.exp(z) | exp(score) is not divided by its sum.
np.exp(shifted(z)) | exp(score - largest) is not divided by its sum.
softmax(z, axis=0) | The softmax runs over the batch.
softmax(z, axis=None) | The softmax has no axis: it runs over all scores of the batch.
softmax(softmax(z)) | The softmax is applied twice.
z | The softmax is missing: the scores stand in its place.
"""
HELPERS = softmax, naive, shifted, log_softmax


def of_scores(z, p, labels, dout, **_):
    """What the table of the gradient uses: the one-hot labels, and gradients with another p."""
    one_hot = np.arange(p.shape[1]) == labels[:, None]  # (N, L)

    def minus_one_at(place):
        dz = p.copy()
        dz[place] -= 1
        return (dz * dout / len(p),)

    return {"one_hot": one_hot, "minus_one_at": minus_one_at,
            "with_p": lambda p: ((p - one_hot) * dout / len(one_hot),)}  # fmt: skip


PATHS["softmax_cross_entropy"] = formulas("""
(p * dout / len(p),) | the part of p
(-dout / len(p) * one_hot,) | the label's 1
""", derive=of_scores)  # fmt: skip
table(softmax_cross_entropy, "afresh", """
(dz * one_hot,) | Only the true class's score gets its p - 1; the other scores get no gradient.
((p - 1) * dout / len(p),) | 1 is subtracted from every score, not from the label's own.
minus_one_at(np.s_[:, labels]) | dz[:, labels] -= 1 takes columns: write dz[rows, labels] -= 1.
minus_one_at(labels % len(p)) | dz[labels] -= 1 takes whole rows: write dz[rows, labels] -= 1.
(p * (dz - (p * dz).sum(axis=1, keepdims=True)),) | The gradient goes through the softmax twice.
(dz * p * (1 - p),) | p - one-hot, the scores' gradient already, is multiplied by p (1 - p).
""", derive=of_scores)  # fmt: skip
table(softmax_cross_entropy, "afresh", SOFTMAX, *HELPERS, derive=of_scores, form="with_p({})")


TINY = "1e-15, 1e-12, 1e-10, 1e-09, 1e-08, 1e-07, 1e-06, 1e-05"


def of_labels(z, labels, **_):
    """What the table of the loss uses: `loss(p)` of the labels' p, and `log_loss(log p)`."""

    def loss(p, of=lambda picked: -np.log(picked).mean()):
        return of(p[np.arange(len(p)), labels])

    return {"loss": loss, "log_loss": lambda log_p: loss(log_p, lambda picked: -picked.mean())}


table(softmax_cross_entropy, "forward", f"""
loss(softmax(z)) | The log is taken of p, which may be 0: take log p = z - largest - log sum exp.
log_loss(log_softmax(z - z.max()))
    | The log is taken of 0 in a row far below the largest score of the batch: subtract each row's.
log_loss(log_softmax(z)) | exp overflows: subtract each row's largest score first, from all.
log_loss(z - z.max(axis=1) - np.log(np.exp(z - z.max(axis=1)).sum(axis=1)))
    | keepdims=True is missing in max and sum: a row's numbers are taken for those of a class.
-((np.arange(labels.max() + 1) == labels[:, None]) * log_softmax(shifted(z))).sum() / len(z)
    | The one-hot labels have labels.max() + 1 columns, but they need one for each class.
np.logaddexp(0, (1 - 2 * (labels == 1)) * (z[:, 1] - z[:, 0])).mean() | Two classes are assumed.
-log_softmax(shifted(z))[np.arange(len(z)), labels] | The mean over the rows is missing.
-np.log(loss(softmax(z), np.mean)) | The log of the mean is taken, not the mean of the logs.
log_loss(softmax(z)) | The log is missing.
loss(softmax(z) + NUMBER) | NUMBER is added inside the log: take the log of what is never 0.
    for NUMBER in {TINY}
loss(np.maximum(softmax(z), NUMBER)) | p is cut off at NUMBER: take the log of what is never 0.
    for NUMBER in {TINY}
""", *HELPERS, derive=of_labels)  # fmt: skip
table(softmax_cross_entropy, "forward", SOFTMAX, *HELPERS, derive=of_labels, form="loss({})")

# --- gradient_reversal: minus beta

table(gradient_reversal, "afresh", """
(1 * dout,) | The gradient passes as it is: the reversal is missing.
(beta * dout,) | The gradient is scaled by beta but not reversed: the minus is missing.
(-dout,) | The gradient is reversed but not scaled: beta is ignored.
((1 - 2 / (1 + np.exp(-10 * beta))) * dout,) | beta goes through a ramp: use it as it is.
(-(beta or 1.0) * dout,) | A beta of 0 is taken for 1: `beta or 1.0` cannot tell 0 from nothing.
""")  # fmt: skip
