"""A forward pass is wrong: what would give this out?

Each explanation is a mistake and the out that would come of it, as in
`minidann.mistakes.diagnosis`: one that gives what was received holds.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from minidann import ops
from minidann.coursework.results import close, real
from minidann.ops.batchnorm import EPSILON

OVERFLOW = ("attention", "softmax_cross_entropy")  # they take exp of what they are given
TOO_LARGE = (
    "exp of a large number is infinite, of a small one 0: subtract each row's largest score first, "
    "and take no log of what may be 0"
)
Mistakes = Iterator[tuple[str, object]]


def explanations(name: str, arrays: tuple, options: dict, received, names) -> dict[str, bool]:
    """What would give another `out` than the layer `name` on these inputs, or the right one: does
    it give what was `received`?
    """
    numbers = real(received)
    if numbers is None:
        return {}
    if name in OVERFLOW and not np.isfinite(numbers).all():
        scores = arrays[0] @ arrays[1] if name == "attention" else arrays[0]
        if np.ptp(scores) > 700 or scores.max() > 700:
            return {TOO_LARGE: True}
    op = getattr(ops, name)
    true, _ = op.forward(*arrays, **options)
    op_mistakes = globals().get(f"_{name}")
    found: dict[str, bool] = {}
    with np.errstate(all="ignore"):
        mistakes = [
            *(op_mistakes(arrays, options) if op_mistakes else ()),
            *_inputs(op, arrays, options, names),
        ]
        for text, out in [*mistakes, *_outputs(true)]:
            if out is not None:
                found[text] = found.get(text, False) or close(received, out)
    return found


def _inputs(op, arrays: tuple, options: dict, names) -> Mistakes:
    """The right layer on something else than it was given."""
    for i, (name, array) in enumerate(zip(names, arrays)):
        for text, changed in _changed_inputs(name, array):
            yield text, _forward(op, (*arrays[:i], changed, *arrays[i + 1 :]), options)
    for name, value in options.items():
        if type(value) is int:
            for number in range(1, value + 3):
                text = f"as if {name} were {number}, not {value}"
                yield text, _forward(op, arrays, {**options, name: number})
    if "running" in options:
        yield "running has no effect", _forward(op, arrays, {})


def _changed_inputs(name: str, array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{name} has no effect, as if it were 0", np.zeros_like(array)
    yield f"{name} has no effect, as if it were 1", np.ones_like(array)
    yield f"as if the sign of {name} were flipped", -array
    for axis in range(array.ndim):
        yield f"as if {name} were reversed along axis {axis}", np.flip(array, axis)
    for axes in list(permutations(range(array.ndim)))[1:]:  # but for that which changes nothing
        turned = array.transpose(axes)
        text = f"{name} is reshaped where its axes should be permuted"
        yield text, turned.reshape(array.shape)
        yield text, array.reshape(turned.shape).transpose(np.argsort(axes))


def _forward(op, arrays, options):
    try:
        return op.forward(*arrays, **options)[0]
    except (ValueError, IndexError, TypeError, ZeroDivisionError):
        return None


def _outputs(true: np.ndarray) -> Mistakes:
    """The right out, with something done to it."""
    true = np.asarray(true)
    yield "the sign of out is flipped", -true
    yield "cut to whole numbers: out has an integer dtype", np.trunc(true)
    yield "out is zero", np.zeros_like(true)
    for axis, size in enumerate(true.shape):
        for text, number in ((f"summed over, or multiplied by, the {size} of axis {axis}", size),
                             (f"divided by the {size} of axis {axis}", 1 / size)):  # fmt: skip
            yield text, true * number
        for lag in (1, -1):
            yield f"out is shifted by {lag:+d} along axis {axis}", np.roll(true, lag, axis)
        yield f"out is reversed along axis {axis}", np.flip(true, axis)
        first = np.arange(size).reshape(-1, *[1] * (true.ndim - axis - 1)) == 0
        yield f"only the first of axis {axis} is filled", np.where(first, true, 0)
        yield (
            f"the first of axis {axis} stands for all",
            np.repeat(true.take([0], axis), size, axis),
        )
        yield f"the last of axis {axis} is missing", true.take(range(size - 1), axis)
    for axes in list(permutations(range(true.ndim)))[1:]:
        yield f"the axes of out are permuted, as by transpose{axes}", true.transpose(axes)
    yield "right numbers in another shape: flat", true.ravel()


def _conv1d(arrays, options) -> Mistakes:
    x, w, b = arrays
    (k, d, f), stride, n = w.shape, options.get("stride", 3), len(x)
    all_windows = ops.conv1d.windows(x, k, 1)  # (N, T-K+1, K*D)
    flat = w.reshape(k * d, f)  # (K*D, F)
    seen = all_windows[:, ::stride]  # (N, T', K*D)
    count = seen.shape[1]

    def placed(starts):
        return (
            all_windows[:, list(starts)] @ flat + b if max(starts) < all_windows.shape[1] else None
        )

    right = seen @ flat + b
    yield "b is added twice", right + b
    yield "the stride is not used: window t begins at frame t", placed(range(count))
    text = "windows never overlap: they begin every K frames, whatever the stride"
    yield text, placed(range(0, count * k, k))
    yield text, placed(range(0, all_windows.shape[1], k))
    yield "the stride is 3 whatever is given", placed(range(0, all_windows.shape[1], 3))
    yield "the last window is missing", right[:, :-1]
    yield "the first window is missing", right[:, 1:]
    text = "the last frame of each window is missing"
    yield text, seen[..., : (k - 1) * d] @ flat[: (k - 1) * d] + b
    mixed = right.reshape(count, n, f).transpose(1, 0, 2)
    yield "windows and utterances are mixed up where the rows get their axes back", mixed
    turned = seen.reshape(n, count, k, d).swapaxes(2, 3).reshape(seen.shape)
    text = "windows with their channels before their frames, on a kernel that has them after"
    yield text, turned @ flat + b


def _maxpool(arrays, options) -> Mistakes:
    (x,), size, stride = arrays, options.get("size", 30), options.get("stride", 30)
    view = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, ::stride]  # (N, P, F, size)
    yield "the mean of each pool, not its largest", view.mean(axis=-1)
    yield "the sum of each pool, not its largest", view.sum(axis=-1)
    largest = np.abs(view).argmax(axis=-1)[..., None]
    by_size = np.take_along_axis(view, largest, axis=-1)[..., 0]
    yield "the largest by absolute value, whose sign does not count", by_size
    yield "the largest absolute value", np.abs(view).max(axis=-1)
    text = "pools begin every `size` frames, whatever the stride"
    yield text, ops.maxpool.forward(x, size=size, stride=size)[0]
    yield "the first frame of each pool", view[..., 0]
    yield "the last frame of each pool", view[..., -1]
    frame = np.broadcast_to(view[:, :, :1].argmax(axis=-1)[..., None], (*view.shape[:3], 1))
    text = "the frame in which the first channel is largest, for all channels"
    yield text, np.take_along_axis(view, frame, axis=-1)[..., 0]
    yield "the smallest of each pool, not its largest", view.min(axis=-1)
    yield "negative numbers count as 0", np.maximum(view.max(axis=-1), 0)
    padding = np.full((len(x), size, x.shape[2]), -np.inf)
    longer = np.concatenate([x, padding], axis=1)
    starts = range(0, x.shape[1], stride)
    pools = [longer[:, i : i + size].max(axis=1) for i in starts]
    yield "the tail that does not fill a pool is a pool of its own", np.stack(pools, axis=1)


def _powers(scores: np.ndarray) -> Iterator[np.ndarray]:
    """exp of scores (N, L), as they are, or less each row's largest: with a wrong sum not alike."""
    yield np.exp(scores)
    yield np.exp(scores - scores.max(axis=1, keepdims=True))


def _attention(arrays, options) -> Mistakes:
    f, v = arrays
    scores = f @ v  # (N, P)

    def weighed(weights):
        return np.einsum("np,npf->nf", weights, f)

    yield "the weights are not used: the sum of all frames", f.sum(axis=1)
    yield "the weights are not used: the mean of all frames", f.mean(axis=1)
    yield "the weights are the scores: there is no softmax", weighed(scores)
    shares = scores / scores.sum(axis=1, keepdims=True)
    yield "the weights are the scores divided by their sum: exp is missing", weighed(shares)
    for what, size in (("channels", f.shape[2]), ("frames", f.shape[1])):
        text = f"the scores are divided by the root of the number of {what}: equation 1 does not"
        yield text, ops.attention.forward(f, v / np.sqrt(size))[0]
    for powers in _powers(scores):
        yield "the weights are not divided by their sum", weighed(powers)
        batch = powers / powers.sum(axis=0)
        yield "the softmax runs over the batch, not over time", weighed(batch)
        yield "the softmax runs over all frames of the batch", weighed(powers / powers.sum())
        right = powers / powers.sum(axis=1, keepdims=True)
    yield "the mean of the weighted frames, not their sum", weighed(right) / len(right[0])
    by_channel = np.exp(f * v) / np.exp(f * v).sum(axis=1, keepdims=True)  # (N, P, F)
    text = "one weight for each channel, not one for each frame"
    yield text, (by_channel * f).sum(axis=1)
    yield "the frame with the largest score alone", f[range(len(f)), scores.argmax(axis=1)]


def _softmax_cross_entropy(arrays, options) -> Mistakes:
    (z,), labels = arrays, options["labels"]
    rows = np.arange(len(z))

    def loss(p):
        return -np.log(p[rows, labels]).mean()

    for powers in _powers(z):
        yield "the softmax runs down the columns", loss(powers / powers.sum(axis=0))
        yield "the softmax runs over all scores of the batch", loss(powers / powers.sum())
        p = powers / powers.sum(axis=1, keepdims=True)
    losses = -np.log(p[rows, labels])
    yield "the losses of the rows are summed, not averaged", losses.sum()
    yield "the mean over all scores, not over the rows", losses.sum() / z.size
    yield "one loss a row: their mean is missing", losses
    yield "the log is missing", -p[rows, labels].mean()
    yield "the label has no effect: it is 0 for every row", -np.log(p[:, 0]).mean()
    yield "the sign of the loss is flipped", -losses.mean()
    text = "each row's score for every row's label: [rows, labels] takes one a row"
    yield text, -np.log(p[:, labels]).mean()
    for small in (1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6):
        text = (
            f"{small:g} is added inside the log, which changes it: take the log of what is never 0"
        )
        yield text, loss(p + small)
    yield "a log to base 2", losses.mean() / np.log(2)
    yield "a log to base 10", losses.mean() / np.log(10)
    yield "the softmax is missing: scores are taken for log probabilities", -z[rows, labels].mean()
    yield "the log of the mean, not the mean of the logs", -np.log(p[rows, labels].mean())


def _batchnorm(arrays, options) -> Mistakes:
    x, gamma, beta = arrays
    if options:
        mean, var = options["running"]
    else:
        mean, var = x.mean(axis=0), x.var(axis=0)
    centred, root = x - mean, np.sqrt(var + EPSILON)
    yield "divided by the variance: its root is missing", gamma * centred / (var + EPSILON) + beta
    yield "not divided by the standard deviation", gamma * centred + beta
    yield "the mean is not subtracted", gamma * x / root + beta
    yield "gamma and beta are exchanged", beta * centred / root + gamma
    if options:
        exchanged = gamma * (x - var) / np.sqrt(np.abs(mean) + EPSILON) + beta
        yield "running holds mean and var, in this order: they are exchanged", exchanged
    yield "epsilon is missing", gamma * centred / np.sqrt(var) + beta
    yield "epsilon is added outside of the root", gamma * centred / (np.sqrt(var) + EPSILON) + beta
    yield "multiplied by the standard deviation", gamma * centred * root + beta
    if not options:
        spread = np.sqrt((x * x).mean(axis=0) + EPSILON)
        yield "the mean is not subtracted within the variance", gamma * centred / spread + beta
        total = np.sqrt(((x - mean) ** 2).sum(axis=0) + EPSILON)
        yield "the variance is a sum, not a mean", gamma * centred / total + beta
    if not options and len(x) > 1:
        unbiased = np.sqrt(x.var(axis=0, ddof=1) + EPSILON)
        yield "the variance is divided by N - 1, not N", gamma * centred / unbiased + beta
        rows = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + EPSILON)
        yield "mean and variance of each row, not of each feature", gamma * rows + beta
        together = (x - x.mean()) / np.sqrt(x.var() + EPSILON)
        yield "one mean and variance of all features together", gamma * together + beta
