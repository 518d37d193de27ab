"""Mistakes in the classifiers' layers: dropout, dense, softmax and cross-entropy, the reversal."""

import numpy as np

from minidann.mistakes.catalogue import afresh, gradients, keeps, reads, table
from minidann.ops import dense, dropout, gradient_reversal, softmax_cross_entropy
from minidann.ops.softmax_cross_entropy import softmax

# --- dropout: the same mask, both ways


@gradients(dropout, "one everywhere")
def dropped_values_get_a_gradient(right, dout, cache):
    """The mask is not applied: the gradient passes everywhere."""
    return (dout.copy(),)


@gradients(dropout, "multipl|divided")
def dropped_but_not_scaled(right, dout, cache):
    """What was dropped gets nothing, but what was scaled up by 1 / (1 - p) is not scaled here."""
    return (dout * (cache != 0),)


@reads(dropout, "mask")
def a_fresh_mask(dout, cache):
    """A second mask is drawn for the backward pass."""
    return dout, np.random.default_rng(1).permuted(cache)


table(dropout, "gradients", {
    "The mask is inverted: what was dropped gets the gradient.":
        lambda right, dout, mask: (dout * (mask.max() - mask),),
    "The mask is inverted, and what was kept is not scaled.":
        lambda right, dout, mask: (dout * (mask == 0),),
    "The gradient is divided by the mask where it should be multiplied.":
        lambda right, dout, mask: (np.where(mask, dout / np.where(mask, mask, 1), 0),),
    "The mask is applied twice.": lambda right, dout, mask: (dout * mask * mask,),
}, "mask|square")  # fmt: skip
table(dropout, "forward", {
    "What is kept is not scaled by 1 / (1 - p).": lambda x, mask: x * (mask != 0),
    "The mask is not applied.": lambda x, mask: x,
    "The mask is inverted.": lambda x, mask: x * (mask == 0),
})  # fmt: skip

# --- dense: two products and a sum


@gradients(dense, "transposed")
def dx_by_a_reshaped_w(right, dout, cache):
    """w is brought to (L, C) by reshape instead of transpose."""
    return dout @ cache.w.reshape(cache.w.shape[::-1]), *right[1:]


@gradients(dense, "transpose")
def dw_comes_transposed(right, dout, cache):
    """dw is dout.T @ x, of shape (L, C), where w is (C, L)."""
    return right[0], right[1].T, right[2]


@gradients(dense, "first")
def db_of_the_first_row(right, dout, cache):
    """db is the first row of dout: the sum over the batch is missing."""
    return *right[:2], dout[0].copy()


@gradients(dense, "zero")
def the_bias_is_forgotten(right, dout, cache):
    """db is zero: as if the bias were not trained."""
    return *right[:2], np.zeros_like(right[2])


@gradients(dense, "sign")
def the_update_instead_of_the_gradient(right, dout, cache):
    """dw is what is to be added to w in a descent, which is minus the gradient."""
    return right[0], -right[1], right[2]


@keeps(dense, "negative")
def x_overwritten_by_relu(cache, arrays, options):
    """The x kept was overwritten, in place, by a ReLU: its negative entries are zero."""
    return cache._replace(x=np.maximum(cache.x, 0))


@gradients(dense, "axis")
def db_over_everything(right, dout, cache):
    """db is the sum of all of dout: the sum has no axis."""
    return *right[:2], np.full_like(right[2], dout.sum())


table(dense, "forward", {
    "The bias is not added.": lambda x, w, b: x @ w,
    "The bias is subtracted.": lambda x, w, b: x @ w - b,
    "The bias is added twice.": lambda x, w, b: x @ w + 2 * b,
})  # fmt: skip

# --- softmax_cross_entropy: (p - one-hot) / N


def at_labels(p, labels):
    return np.arange(p.shape[1]) == labels[:, None]  # (N, L)


@gradients(softmax_cross_entropy, "N")
def the_mean_is_forgotten(right, dout, cache):
    """The loss is a mean over the batch, its gradient is that of a sum: 1/N is missing."""
    return (right[0] * len(right[0]),)


@gradients(softmax_cross_entropy, "L")
def the_mean_over_all_entries(right, dout, cache):
    """The gradient is divided by the number of scores, N times L, instead of N."""
    return (right[0] / right[0].shape[1],)


@gradients(softmax_cross_entropy, "N")
def divided_by_N_twice(right, dout, cache):
    """The gradient is divided by N twice: once is right."""
    return (right[0] / len(right[0]),)


@gradients(softmax_cross_entropy, "L")
def divided_by_L(right, dout, cache):
    """The gradient is divided by the number of classes L, where the batch size N should be."""
    return (right[0] * len(right[0]) / right[0].shape[1],)


@gradients(softmax_cross_entropy, "sign")
def label_minus_probability(right, dout, cache):
    """The gradient has the wrong sign: it is one-hot minus p, and ascends."""
    return (-right[0],)


@gradients(softmax_cross_entropy, "class")
def only_the_true_class(right, dout, cache):
    """Only the true class's score gets its p - 1; the other scores get no gradient."""
    return (right[0] * at_labels(*cache),)


@gradients(softmax_cross_entropy, "missing")
def probabilities_alone(right, dout, cache):
    """The one-hot label is never subtracted: the path through the true class's score is missing."""
    return (cache.p * dout / len(cache.p),)


@keeps(softmax_cross_entropy, "columns")
def the_softmax_down_the_columns(cache, arrays, options):
    """The probabilities kept are normalised over the batch instead of over the classes."""
    return cache._replace(p=softmax(arrays[0].T).T)


@gradients(softmax_cross_entropy, "N")
def only_the_one_hot_is_divided(right, dout, cache):
    """Only the 1 of the label is divided by N, p is not: parentheses are missing."""
    return ((cache.p - at_labels(*cache) / len(cache.p)) * dout,)


@gradients(softmax_cross_entropy, "N")
def only_p_is_divided(right, dout, cache):
    """Only p is divided by N, the 1 of the label is not."""
    return ((cache.p / len(cache.p) - at_labels(*cache)) * dout,)


@gradients(softmax_cross_entropy, "dout")
def dout_is_not_used(right, dout, cache):
    """dout is not used, as if it were 1."""
    return softmax_cross_entropy.backward(np.ones(()), cache)


@afresh(softmax_cross_entropy, "mean over all")
def the_label_in_every_row(dout, arrays, options):
    """1 is subtracted in the columns of all labels in every row: p[:, labels] -= 1 needs rows."""
    p, labels = softmax(arrays[0]), options["labels"]
    p[:, labels] -= 1
    return (p * dout / len(p),)


@gradients(softmax_cross_entropy, "1")
def one_is_subtracted_from_every_entry(right, dout, cache):
    """1 is subtracted from every score, not from the label's own."""
    return ((cache.p - 1) * dout / len(cache.p),)


@gradients(softmax_cross_entropy, "label")
def the_labels_number_is_subtracted(right, dout, cache):
    """The label's number is subtracted from all of its row, not 1 from the label's place."""
    return ((cache.p - cache.labels[:, None]) * dout / len(cache.p),)


@afresh(softmax_cross_entropy, "row")
def the_label_is_taken_for_a_row(dout, arrays, options):
    """dz[labels] -= 1 subtracts from whole rows: it needs the rows too, dz[rows, labels] -= 1."""
    p, labels = softmax(arrays[0]), options["labels"]
    p[labels % len(p)] -= 1  # where there is no such row, the student sees an IndexError
    return (p * dout / len(p),)


def probabilities(make):
    """The mistake in which `make(z)` (N, L) stands for the probabilities."""

    def change(dout, arrays, options):
        p = make(arrays[0])
        return ((p - at_labels(p, options["labels"])) * dout / len(p),)

    return change


def shifted(z):
    return z - z.max(axis=1, keepdims=True)


table(softmax_cross_entropy, "afresh", {
    "In backward the softmax is applied twice.": probabilities(lambda z: softmax(softmax(z))),
    "In backward the scores stand where the probabilities should.": probabilities(lambda z: z),
    "In backward log p stands where p should.": probabilities(lambda z: np.log(softmax(z))),
    "In backward exp(z) is not divided by its sum.": probabilities(np.exp),
    "In backward exp(z - largest) is not divided by its sum.": probabilities(
        lambda z: np.exp(shifted(z))),
    "In backward the softmax runs over all scores of the batch: its sum has no axis.":
        probabilities(lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum()),
    "In backward exp overflows: subtract each row's largest score first.": probabilities(
        lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)),
    "The derivative is that of -1/p of the label, without the softmax.":
        lambda dout, arrays, options: (at_labels(arrays[0], options["labels"])
                                       / -softmax(arrays[0]) * dout / len(arrays[0]),),
}, "p")  # fmt: skip


def loss_of(p_of, of=lambda picked: -np.log(picked).mean()):
    """A wrong forward: `of(p of the labels)`, with p = p_of(z)."""

    def change(z, labels):
        p = p_of(z)
        return of(p[np.arange(len(p)), labels])

    return change


def log_softmax(z):
    return shifted(z) - np.log(np.exp(shifted(z)).sum(axis=1, keepdims=True))


def naive(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


table(softmax_cross_entropy, "forward", {
    "exp overflows: subtract each row's largest score first.": loss_of(naive),
    "The log is taken of a probability that may be 0: take log p = z - largest - log sum exp.":
        loss_of(softmax),
    "The softmax runs down the columns, over the batch.": loss_of(lambda z: softmax(z.T).T),
    "The sum has no axis: the softmax runs over all scores of the batch.": loss_of(
        lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum()),
    "The softmax is applied twice.": loss_of(lambda z: softmax(softmax(z))),
    "The softmax is missing: the scores are taken for log probabilities.": loss_of(
        np.asarray, lambda picked: -picked.mean()),
    "The softmax is missing: the scores are taken for probabilities.": loss_of(np.asarray),
    "The losses of the rows are summed, not averaged.":
        lambda z, labels: softmax_cross_entropy.forward(z, labels=labels)[0] * len(z),
    "The loss is the mean over all scores, not over the rows.":
        lambda z, labels: softmax_cross_entropy.forward(z, labels=labels)[0] / z.shape[1],
    "There is one loss for each row: their mean is missing.":
        lambda z, labels: -log_softmax(z)[np.arange(len(z)), labels],
    "The log is missing.": loss_of(softmax, lambda picked: -picked.mean()),
    "The log is taken of the mean, not the mean of the logs.": loss_of(
        softmax, lambda picked: -np.log(picked.mean())),
    "The label has no effect: it is 0 for every row.":
        lambda z, labels: softmax_cross_entropy.forward(z, labels=0 * labels)[0],
    "The sign of the loss is wrong: it is the mean of log p, not of -log p.":
        lambda z, labels: -softmax_cross_entropy.forward(z, labels=labels)[0],
    "Every row's score for every label is taken: [rows, labels] takes one for each row.":
        lambda z, labels: -log_softmax(z)[:, labels].mean(),
    "The log is to base 2.":
        lambda z, labels: softmax_cross_entropy.forward(z, labels=labels)[0] / np.log(2),
    "The log is to base 10.":
        lambda z, labels: softmax_cross_entropy.forward(z, labels=labels)[0] / np.log(10),
    **{
        f"{small:g} is added inside the log, which changes it: take the log of what is never 0.":
        loss_of(softmax, lambda picked, small=small: -np.log(picked + small).mean())
        for small in (1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
    },
    **{
        f"p is cut off at {small:g} before the log: take the log of what is never 0.":
        loss_of(softmax, lambda picked, small=small: -np.log(np.maximum(picked, small)).mean())
        for small in (1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
    },
})  # fmt: skip

# --- gradient_reversal: minus beta

table(gradient_reversal, "gradients", {
    "The gradient passes as it is: the reversal is missing.": lambda right, dout, beta: (1 * dout,),
    "The gradient is scaled by beta but not reversed: the minus is missing.":
        lambda right, dout, beta: (beta * dout,),
}, "sign|dout itself")  # fmt: skip
table(gradient_reversal, "gradients", {
    "The gradient is reversed but not scaled: beta is ignored.":
        lambda right, dout, beta: (-dout,),
    "The gradient is reversed twice: it is scaled by beta squared, and the minus is lost.":
        lambda right, dout, beta: (beta * beta * dout,),
    "The reversed gradient is scaled by beta twice.":
        lambda right, dout, beta: (-beta * beta * dout,),
    "The reversed gradient is divided by beta instead of multiplied.":
        lambda right, dout, beta: (-dout / beta,),
    "A beta of 0 is taken for 1: `beta or 1.0` cannot tell 0 from nothing.":
        lambda right, dout, beta: (-(beta or 1.0) * dout,),
}, "beta|were 1|one over")  # fmt: skip
table(gradient_reversal, "forward", {
    "The reversal acts in forward: out should be x as it is.":
        lambda x, beta=1.0: -beta * x,
    "The sign of x is reversed in forward: out should be x as it is.": lambda x, beta=1.0: -x,
    "x is scaled by beta in forward: out should be x as it is.": lambda x, beta=1.0: beta * x,
})  # fmt: skip
