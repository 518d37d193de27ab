"""Mistakes in the classifiers' layers: dropout, dense, softmax and cross-entropy, the reversal."""

import numpy as np

from minidann.mistakes.catalogue import family, table
from minidann.ops import dense, dropout, gradient_reversal, softmax_cross_entropy
from minidann.ops.softmax_cross_entropy import softmax

# --- dropout: the same mask, both ways

table(dropout, "afresh", """
The mask is not applied: the gradient passes everywhere.
    (dout.copy(),) | one everywhere
What was dropped gets nothing, but what was scaled up by 1 / (1 - p) is not scaled here.
    (dout * (mask != 0),) | multipl|divided
A second mask is drawn for the backward pass.
    (dout * np.random.default_rng(1).permuted(mask),) | mask
The mask is inverted: what was dropped gets the gradient.
    (dout * (mask.max() - mask),) | mask
The mask is inverted, and what was kept is not scaled.
    (dout * (mask == 0),) | mask
The gradient is divided by the mask where it should be multiplied.
    (np.where(mask, dout / np.where(mask, mask, 1), 0),) | mask
The mask is applied twice.
    (dout * mask * mask,) | mask|square
""" + family("""
What was kept is scaled by 1 / (1 - NUMBER) whatever the rate is: use the mask.
    (dout * (mask != 0) / (1 - NUMBER),) | mask|multipl
""", 0.2, 0.3, 0.5, 0.7, 0.8))  # fmt: skip
table(dropout, "forward", """
What is kept is not scaled by 1 / (1 - p).
    x * (mask != 0)
The mask is not applied.
    x
The mask is inverted.
    x * (mask == 0)
""" + family("""
The scale is 1 / (1 - NUMBER) whatever the rate is: use the mask.
    x * (mask != 0) / (1 - NUMBER)
""", 0.2, 0.3, 0.5, 0.7, 0.8))  # fmt: skip

# --- dense: two products and a sum

table(dense, "afresh", """
w is brought to (L, C) by reshape instead of transpose.
    dout @ w.reshape(w.shape[::-1]), dw, db | transposed
dw is dout.T @ x, of shape (L, C), where w is (C, L).
    dx, dw.T, db | transpose
db is the first row of dout: the sum over the batch is missing.
    dx, dw, dout[0].copy() | first
db is zero: as if the bias were not trained.
    dx, dw, np.zeros_like(db) | zero
dw is what is to be added to w in a descent, which is minus the gradient.
    dx, -dw, db | sign
The x kept was overwritten, in place, by a ReLU: its negative entries are zero.
    again(x=np.maximum(x, 0)) | negative
db is the sum of all of dout: the sum has no axis.
    dx, dw, np.full_like(db, dout.sum()) | axis
""")  # fmt: skip
table(dense, "forward", """
The bias is not added.
    x @ w
The bias is subtracted.
    x @ w - b
The bias is added twice.
    x @ w + 2 * b
""")  # fmt: skip

# --- softmax_cross_entropy: (p - one-hot) / N


def naive(z, axis=1):
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)


def shifted(z):
    return z - z.max(axis=1, keepdims=True)


def log_softmax(z):
    return shifted(z) - np.log(np.exp(shifted(z)).sum(axis=1, keepdims=True))


def of_scores(z, p, labels, dout, **_):
    """What the tables of the gradient use: the one-hot labels, and gradients with another p."""
    one_hot = np.arange(p.shape[1]) == labels[:, None]  # (N, L)

    def minus_one_at(place):
        dz = p.copy()
        dz[place] -= 1
        return (dz * dout / len(p),)

    return {"one_hot": one_hot, "minus_one_at": minus_one_at,
            "with_p": lambda p: ((p - one_hot) * dout / len(one_hot),)}  # fmt: skip


table(softmax_cross_entropy, "afresh", """
The loss is a mean over the batch, its gradient is that of a sum: 1/N is missing.
    (dz * len(p),) | N
The gradient is divided by the number of scores, N times L, instead of N.
    (dz / p.shape[1],) | L
The gradient is divided by N twice: once is right.
    (dz / len(p),) | N
The gradient is divided by the number of classes L, where the batch size N should be.
    (dz * len(p) / p.shape[1],) | L
The gradient has the wrong sign: it is one-hot minus p, and ascends.
    (-dz,) | sign
Only the true class's score gets its p - 1; the other scores get no gradient.
    (dz * one_hot,) | class
The one-hot label is never subtracted: the path through the true class's score is missing.
    (p * dout / len(p),) | missing
The probabilities kept are normalised over the batch instead of over the classes.
    again(p=softmax(z.T).T) | columns
Only the 1 of the label is divided by N, p is not: parentheses are missing.
    ((p - one_hot / len(p)) * dout,) | N
Only p is divided by N, the 1 of the label is not.
    ((p / len(p) - one_hot) * dout,) | N
dout is not used, as if it were 1.
    again(np.ones(())) | dout
1 is subtracted in the columns of all labels in every row: p[:, labels] -= 1 needs rows.
    minus_one_at((slice(None), labels)) | mean over all
1 is subtracted from every score, not from the label's own.
    ((p - 1) * dout / len(p),) | 1
The label's number is subtracted from all of its row, not 1 from the label's place.
    ((p - labels[:, None]) * dout / len(p),) | label
dz[labels] -= 1 subtracts from whole rows: it needs the rows too, dz[rows, labels] -= 1.
    minus_one_at(labels % len(p)) | row
The gradient goes through the softmax once more: p - one-hot is that of the scores already.
    (p * (dz - (p * dz).sum(axis=1, keepdims=True)),) | p
p - one-hot is multiplied by the slope p (1 - p) once more: it is the scores' gradient already.
    (dz * p * (1 - p),) | p
In backward the softmax is applied twice.
    with_p(softmax(p)) | p
In backward the scores stand where the probabilities should.
    with_p(z) | p
In backward log p stands where p should.
    with_p(np.log(p)) | p
In backward exp(z) is not divided by its sum.
    with_p(np.exp(z)) | p
In backward exp(z - largest) is not divided by its sum.
    with_p(np.exp(shifted(z))) | p
In backward the softmax runs over all scores of the batch: its sum has no axis.
    with_p(np.exp(z - z.max()) / np.exp(z - z.max()).sum()) | p
In backward exp overflows: subtract each row's largest score first.
    with_p(naive(z)) | p
In backward the softmax runs over the batch, not over the classes, and exp overflows.
    with_p(naive(z, axis=0)) | p
The derivative is that of -1/p of the label, without the softmax.
    (one_hot / -p * dout / len(p),) | p
""", softmax, naive, shifted, derive=of_scores)  # fmt: skip


def of_labels(z, labels):
    """What the tables of the loss use: `loss(p)`, of the p of the labels, and the right one."""

    def loss(p, of=lambda picked: -np.log(picked).mean()):
        return of(p[np.arange(len(p)), labels])

    return {"loss": loss, "right": softmax_cross_entropy.forward(z, labels=labels)[0]}


table(softmax_cross_entropy, "forward", """
exp overflows: subtract each row's largest score first.
    loss(naive(z))
The log is taken of a probability that may be 0: take log p = z - largest - log sum exp.
    loss(softmax(z))
The softmax runs down the columns, over the batch.
    loss(softmax(z.T).T)
The softmax runs down the columns, over the batch, and exp overflows.
    loss(naive(z, axis=0))
The sum has no axis: the softmax runs over all scores of the batch.
    loss(np.exp(z - z.max()) / np.exp(z - z.max()).sum())
The softmax is applied twice.
    loss(softmax(softmax(z)))
The softmax is missing: the scores are taken for log probabilities.
    loss(z, lambda picked: -picked.mean())
The softmax is missing: the scores are taken for probabilities.
    loss(z)
The losses of the rows are summed, not averaged.
    right * len(z)
The loss is the mean over all scores, not over the rows.
    right / z.shape[1]
There is one loss for each row: their mean is missing.
    -log_softmax(z)[np.arange(len(z)), labels]
The log is missing.
    loss(softmax(z), lambda picked: -picked.mean())
The log is taken of the mean, not the mean of the logs.
    loss(softmax(z), lambda picked: -np.log(picked.mean()))
The label has no effect: it is 0 for every row.
    -log_softmax(z)[:, 0].mean()
The sign of the loss is wrong: it is the mean of log p, not of -log p.
    -right
Every row's score for every label is taken: [rows, labels] takes one for each row.
    -log_softmax(z)[:, labels].mean()
The log is to base 2.
    right / np.log(2)
The log is to base 10.
    right / np.log(10)
""" + family("""
NUMBER is added inside the log, which changes it: take the log of what is never 0.
    loss(softmax(z) + NUMBER)
p is cut off at NUMBER before the log: take the log of what is never 0.
    loss(np.maximum(softmax(z), NUMBER))
""", 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5),
    softmax, naive, log_softmax, derive=of_labels)  # fmt: skip

# --- gradient_reversal: minus beta

table(gradient_reversal, "afresh", """
The gradient passes as it is: the reversal is missing.
    (1 * dout,) | sign|dout itself
The gradient is scaled by beta but not reversed: the minus is missing.
    (beta * dout,) | sign
The gradient is reversed but not scaled: beta is ignored.
    (-dout,) | beta|were 1|one over
The gradient is reversed twice: it is scaled by beta squared, and the minus is lost.
    (beta * beta * dout,) | beta
The reversed gradient is scaled by beta twice.
    (-beta * beta * dout,) | beta
The reversed gradient is divided by beta instead of multiplied.
    (-dout / beta,) | beta|one over
A beta of 0 is taken for 1: `beta or 1.0` cannot tell 0 from nothing.
    (-(beta or 1.0) * dout,) | beta
""")  # fmt: skip
table(gradient_reversal, "forward", """
The reversal acts in forward: out should be x as it is.
    -beta * x
The sign of x is reversed in forward: out should be x as it is.
    -x
x is scaled by beta in forward: out should be x as it is.
    beta * x
""")  # fmt: skip
