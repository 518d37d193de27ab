"""Wrong ways to write a function of the exercises: the optimiser, the features, the UAR.

`WRONG` has them by the right function's name: functions that take what it takes, whose docstring is
the sentence for the student. As in the catalogue they are formulas in tables, which use what a
function before each table gives, from the arguments of the right one. A mistake is named where it
gives what was received, on every input.
"""

from collections.abc import Callable

import numpy as np

from minidann import optim
from minidann.mistakes.catalogue import family, formulas, taking

WRONG: dict[str, list[Callable]] = {}


def ways(name: str, derive: Callable, text: str, form: str = "{}") -> None:
    """Read a table of wrong ways to write the function `name`, whose arguments `derive` takes."""
    made = [taking(derive, change) for change in formulas(text, derive=derive, form=form)]
    WRONG[name] = WRONG.get(name, []) + made


# --- learning_rate: 0.93^e times the first rate, but never less than the floor


def of_epoch(e):
    first = optim.INITIAL_RATE
    return {"first": first, "falling": first * optim.DECAY**e, "floor": optim.FINAL_RATE}


ways("learning_rate", of_epoch, """
falling | The rate never stops falling: the floor is missing.
min(falling, floor) | The smaller of the rate and the floor is taken, not the larger.
max(falling * 0.93, floor) | Epochs are counted from 1, which is one factor too many.
max(falling / 0.93, floor) | There is one factor too few.
floor | The rate is the floor from the beginning.
max(first * 0.93 * e, floor) | The rate is multiplied by 0.93 e, not by 0.93 to the power of e.
max(first * (1 - 0.07 * e), floor) | The decay is linear, but it should be exponential.
first * max(0.93 ** e, floor) | The floor is applied to the factor 0.93^e, not to the rate.
max(first * np.exp(-0.07 * e), floor) | The decay is exp(-0.07 e) instead of 0.93 to the power of e.
max(first * np.exp(-0.93 * e), floor) | The decay is exp(-0.93 e) instead of 0.93 to the power of e.
floor + (first - floor) * 0.93 ** e | The distance to the floor decays, not the rate itself.
""" + family("""
floor if e >= NUMBER else falling | From some epoch on the rate is the floor, whatever 0.93^e is.
""", 30, 35, 39, 40, 41, 43, 45, 50))  # fmt: skip

# --- add_penalty: what is added to the gradient of each kernel w


def of_penalty(params, grads, *, l1, l2):
    def kernels(penalty, grads=grads):
        names = grads.keys() & {*optim.REGULARISED}
        return grads | {name: grads[name] + penalty(params[name]) for name in names}

    idle = {name: np.zeros_like(params[name]) for name in optim.REGULARISED if name in params}
    return {"kernels": kernels, "idle": idle, "right": lambda w: l1 * np.sign(w) + 2 * l2 * w}


ways("add_penalty", of_penalty, """
{k: g + right(params[k]) for k, g in grads.items()} | The penalty is added to biases, too.
{k: g + right(g) if k in idle else g for k, g in grads.items()}
    | The penalty is that of the gradient, but it should be that of the parameter.
{k: g for k, g in kernels(right).items() if k in idle} | Only the gradients of kernels are returned.
kernels(right, idle | grads) | A kernel without a gradient gets the penalty as its gradient.
""")  # fmt: skip
ways("add_penalty", of_penalty, """
l1 * np.sign(w) + l2 * w | The 2 is missing: the gradient of l2 w^2 is 2 l2 w.
l2 * np.sign(w) + 2 * l1 * w | l1 and l2 are exchanged.
l1 * abs(w).sum() + l2 * (w * w).sum() | The penalty itself is added, not its gradient.
l1 * abs(w) + 2 * l2 * w | l1 is multiplied by abs(w) instead of sign(w).
l1 * np.sign(w) + l2 * w * w | l2 is multiplied by w^2 instead of 2 w.
l1 * np.where(w >= 0, 1, -1) + 2 * l2 * w | Where w is 0, l1 is added, but the sign of 0 is 0.
l1 * np.where(w > 0, 1, -1) + 2 * l2 * w | Where w is 0, l1 is subtracted, but the sign of 0 is 0.
l1 * w / abs(w) + 2 * l2 * w | The sign is w / abs(w), which is NaN where w is 0.
(l2 * np.sign(w) + 2 * l1 * w) / w.size | l1 and l2 are exchanged, and it is divided by w.size.
2 * l2 * w | l1 has no effect.
l1 * np.sign(w) | l2 has no effect.
""", "kernels(lambda w: {})")  # fmt: skip

# --- step: Adam's moments m and v of a gradient g, its update at the step t, and its new state


def of_step(params, grads, state, rate):
    """`stepped` has a wrong part, a function of USED: c1 and c2 correct for the start at zero, and
    `most` is the largest t of all.
    """

    def stepped(moments=None, update=None, kept=None, betas=BETAS, grads=grads):
        new, after = optim.step(params, grads, state, rate)
        most = 1 + max(count for name, count in state.items() if name.endswith(".t"))
        for name, g in grads.items():
            (m, v), t, (b1, b2) = (state[f"{name}.{k}"] for k in "mv"), after[f"{name}.t"], betas
            used = g, b1, b2, 1 - b1**t, 1 - b2**t, optim.EPSILON, t, most
            m, v = (moments or right_moments)(m, v, *used)
            new[name] = params[name] - rate * (update or right_update)(m, v, *used)
            m, v, t = kept(m, v, *used) if kept else (m, v, t)
            after |= {f"{name}.m": m, f"{name}.v": v, f"{name}.t": t}
        return new, after

    idle = {name: np.zeros_like(value) for name, value in params.items()}
    return {"stepped": stepped, "idle": idle, "exchanged": BETAS[::-1]}


def right_moments(m, v, g, b1, b2, *_):
    return b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g


def right_update(m, v, g, b1, b2, c1, c2, eps, *_):
    return m / c1 / (np.sqrt(v / c2) + eps)


BETAS = optim.BETA1, optim.BETA2
USED = "lambda m, v, g, b1, b2, c1, c2, eps, t, most"
KEPT = """
m, v, t - 1 | The new counts of steps, .t, are not in the new state.
m / c1, v / c2, t | The new state holds the corrected moments, which are corrected again later.
"""
ways("step", of_step, """
stepped(grads=idle | grads) | Parameters without a gradient take one of zero, and so move on.
stepped(betas=exchanged) | The betas are exchanged.
stepped()[0], {k: moment for k, moment in stepped()[1].items() if k[:-2] in grads}
    | The new state lacks the moments and the counts of parameters without a gradient.
""")  # fmt: skip
ways("step", of_step, """
b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g | The second moment averages g instead of its square.
b1 * m + g, b2 * v + (1 - b2) * g * g | The first moment lacks the factor 1 - beta1 before g.
b1 * m + (1 - b1) * g, b2 * v + g * g | The second moment lacks the factor 1 - beta2 before g^2.
b1 * m - (1 - b1) * g, b2 * v + (1 - b2) * g * g | The sign of g is flipped in the first moment.
b1 * m + g, b2 * v + g * g | Both moments lack the factor 1 - beta before the new term.
""", f"stepped(moments={USED}: ({{}}))")  # fmt: skip
ways("step", of_step, """
m / (np.sqrt(v) + eps) | The moments are not corrected for their start at zero.
m / c1 / np.sqrt(v / c2 + eps) | epsilon is added under the root.
m / c1 / (v / c2 + eps) | The root of the second moment is missing.
-m / c1 / (np.sqrt(v / c2) + eps) | The update is added instead of subtracted.
np.sign(g) | The update is the sign of g: the moments are not used.
g | The update is g, as in plain gradient descent.
m / c1 | The update is not divided by the root of the second moment.
m / c1 / (np.sqrt(v) + eps) | Only the first moment is corrected for its start at zero.
m / (np.sqrt(v / c2) + eps) | Only the second moment is corrected for its start at zero.
m / (1 - b1) / (np.sqrt(v / (1 - b2)) + eps) | The bias correction lacks the power t.
m / c1 / np.sqrt(v / c2) | epsilon is left out.
m / c1 / (np.sqrt(v / c1) + eps) | Both moments are corrected with the first moment's beta.
m / (1 - b1 ** (t - 1)) / (np.sqrt(v / (1 - b2 ** (t - 1))) + eps) | The correction uses t - 1.
m / (1 - b1 * t) / (np.sqrt(abs(v / (1 - b2 * t))) + eps) | The correction is 1 - beta t.
m / c1 * np.sqrt(c2) / (np.sqrt(v) + eps) | epsilon is added before v is corrected.
m / (1 - b1 ** most) / (np.sqrt(v / (1 - b2 ** most)) + eps)
    | All parameters share one count of steps, but each has its own, .t.
m / c1 / (np.sqrt(v / c2) + 1e-7) | epsilon is 1e-7, but it should be 1e-8.
""", f"stepped(update={USED}: {{}})")  # fmt: skip
ways("step", of_step, KEPT, f"stepped(kept={USED}: ({{}}))")
ways("step", of_step, KEPT.replace("| ", "| The betas are exchanged. "),
     f"stepped(kept={USED}: ({{}}), betas=exchanged)")  # fmt: skip

# --- uar: of labels y and predictions p; recall, precision and f1 are of each class


def of_classes(y, p):
    hits = np.array([((y == c) & (p == c)).sum() for c in (0, 1)])
    occurs, predicted = (np.array([(a == c).sum() for c in (0, 1)]) for a in (y, p))
    recall, precision = hits / occurs, hits / predicted
    f1 = 2 * recall * precision / (recall + precision)
    return {"hits": hits, "occurs": occurs, "recall": recall, "precision": precision, "f1": f1}


ways("uar", of_classes, """
(y == p).mean() | This is accuracy: each row counts the same, but each class should.
precision.mean() | This is precision: it divides by how often a class is predicted.
np.nan_to_num(precision).mean() | This is precision, with 0 where a class is not predicted.
(precision[1] + recall[1]) / 2 | This is the mean of precision and recall of class 1.
recall[1] | This is the recall of class 1 alone.
recall[np.unique(p)].mean() | It averages over the predicted classes only.
(hits // occurs).mean() | The recalls are cut down to 0 or 1: // stands where / should.
(precision[0] + recall[1]) / 2 | Of class 0 it is the precision, not the recall.
100 * recall.mean() | This is the UAR in percent.
round(100 * recall.mean(), 2) | This is the UAR in percent.
f1.mean() | This is the F1 score.
np.nan_to_num(f1).mean() | This is the F1 score.
""")  # fmt: skip

# --- normalise_and_pad: of the frames f, x is normalised


def of_frames(f, mean, std, minimum=None, out=None):
    from minidann.sound.normalise import FRAMES as count  # here: it loads scipy.fft

    def padded(x, low=None, front=False):
        right = x.min(axis=0) if minimum is None else minimum
        low = np.atleast_1d(right if low is None else low)
        tail = np.broadcast_to(low[0] if low.ndim == 2 else low, (count - len(x), x.shape[1]))
        return np.concatenate([tail, x] if front else [x, tail]).astype(np.float32)

    return {"x": (f - mean) / std, "padded": padded}


ways("normalise_and_pad", of_frames, """
x, front=True | The utterance is padded at its front.
f | The frames are not normalised.
f / std | The mean is not subtracted.
f - mean | The frames are not divided by std.
(f - mean) * std | The frames are multiplied by std.
(f - f.mean(axis=0)) / f.std(axis=0) | The utterance's own mean and std are used.
x, x.min(axis=0) | minimum has no effect.
x, x.min(axis=0) if minimum is None else (minimum - mean) / std | minimum is normalised once more.
x, f.min(axis=0) | It pads with the minimum from before the frames were normalised.
x, np.minimum(x.min(axis=0), 0) if minimum is None else minimum
    | The minimum is taken over the whole array, in which zeros still stand after the frames.
x, x.min() | It pads with one minimum for all bins.
x, 0.0 | It pads with 0.
x, x[-1] | It pads with the last frame.
x, -mean / std | It pads with 0 before the frames are normalised.
""", "padded({})")  # fmt: skip

# --- equations 8 to 10: of the domain classifier and the encoder, from e, what L_e gives, 0 where
# there is none, and l, what L_l gives; a and b are alpha and beta


def of_losses(emotion, domain, *, alpha, beta):
    def each(formula):
        grads = {name: alpha * gradient for name, gradient in emotion.items()}
        for name, gradient in domain.items():
            both = formula(emotion.get(name, 0), gradient, alpha, beta)
            grads[name] = both[0 if name.startswith("domain.") else 1]
        return {name: gradient for name, gradient in grads.items() if gradient is not None}

    return {"each": each}


ways("equations", of_losses, """
l, a * e - (1 - a) * b * l | The domain classifier's gradient lacks its factor 1 - alpha.
(1 - a) * l, a * e - (1 - a) * l | The encoder's gradient of L_l lacks the factor beta.
(1 - a) * l, a * e + (1 - a) * b * l | The encoder's gradient of L_l is not reversed.
(1 - a) * l, a * e - b * l | The encoder's gradient of L_l lacks the factor 1 - alpha.
(1 - a) * l, -(1 - a) * b * l | The encoder's gradient of L_e is lost.
-(1 - a) * l, a * e - (1 - a) * b * l | The domain classifier's gradient is reversed too.
-(1 - a) * b * l, a * e - (1 - a) * b * l | The domain classifier's gradient is reversed too.
a * l, a * e - (1 - a) * b * l | The domain classifier's gradient has alpha, not 1 - alpha.
(1 - a) * l, e - (1 - a) * b * l | The encoder's gradient of L_e lacks the factor alpha.
(1 - a) * l, a * e - (1 - a) * b * l if np.ndim(e) else None
    | A parameter of the encoder that only L_l depends on gets no gradient.
(1 - a) * b * l, a * e - (1 - a) * l | beta scales the domain classifier, not the encoder.
""", "each(lambda e, l, a, b: ({}))")  # fmt: skip

# --- groups: what is wrong of each mode; s are the source rows, t the target rows

ways("groups", lambda mode, n, m: {"s": [*range(n)], "t": [*range(n, n + m)]}, """
bn3=[s, (s + t)[n:m]] | bn3's target rows end at row m, but they should end at n + m.
bn3=[s, (s + t)[m:]] | bn3's target rows begin at row m, but they should begin at n.
bn3=[s, t[1:]] | bn3's target rows begin one row late: the first one is left out.
bn3=[t, s] | In bn3 the target rows come before the source rows.
bn2=[s, t], bn3=[s, s + t] | The branches of bn2 and bn3 are exchanged.
bn2=[s, t] | In bn2 the second list holds the target rows alone, but it should hold all rows.
bn3=s + t | bn3 gives one flat list of rows instead of a list of two lists.
bn1=[s + [*range(m)]], bn2=[s, s + [*range(m)]], bn3=[s, [*range(m)]]
    | The target rows are counted from 0 in every mode, but they begin at n.
""", "{{**dict(bn1=[s + t], bn2=[s, s + t], bn3=[s, t]), **dict({})}}[mode]")  # fmt: skip

# --- mean_and_std: the variance of the frames f, with their mean; `mean_of` averages over blocks


def of_blocks(frames):
    f, single = frames.astype(np.float64), np.sqrt(((frames - frames.mean(0)) ** 2).mean(0))
    blocks = [f[i : i + 2] for i in range(0, len(f), 2)]  # as in the exercise
    mean = f.mean(axis=0)

    def from_variance(variance, mean=mean):
        std = np.sqrt(variance)
        std[std < 1e-6] = 1
        return mean.astype(np.float32), std.astype(np.float32)

    return {"f": f, "mean": mean, "from_variance": from_variance, "single": single,
            "mean_of": lambda of: sum(map(of, blocks)) / len(blocks), "whole": f[: len(f) // 2 * 2],
            "total_of": lambda of: sum(map(of, blocks)) / len(f)}  # fmt: skip


ways("mean_and_std", of_blocks, """
mean_of(lambda b: ((b - mean) ** 2).mean(axis=0)) | The blocks' variances are averaged, not added.
f.var(axis=0) * len(f) / (len(f) - 1) | The variance is divided by n - 1, not by n.
f.var(axis=0) ** 2 | The root is missing.
((f - mean_of(lambda b: b.mean(axis=0))) ** 2).mean(axis=0), mean_of(lambda b: b.mean(axis=0))
    | The mean is that of the blocks' means, but the last block may be shorter.
((whole - whole.sum(axis=0) / len(f)) ** 2).sum(axis=0) / len(f), whole.sum(axis=0) / len(f)
    | Of an odd number of frames the last one is not counted.
np.maximum((f ** 2).mean(axis=0) - mean ** 2, 0)
    | The variance is the mean of the squares less the squared mean, which cancels for a large mean.
np.maximum(total_of(lambda b: (b**2).sum(axis=0)) - total_of(lambda b: b.sum(axis=0)) ** 2, 0)
    | The variance is the mean of the squares less the squared mean, which cancels for a large mean.
""", "from_variance({})")  # fmt: skip
ways("mean_and_std", of_blocks, """
mean, f.std(axis=0) | A bin that never changes has the standard deviation 0, but it should be 1.
frames.mean(axis=0), single + (single == 0)
    | A constant bin is recognised by std == 0 in float32, but rounding leaves more than 0 there.
""" + family("""
mean, f.std(axis=0) + NUMBER | NUMBER is added to std, but a bin that never changes should get 1.
""", 1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5), "tuple(map(np.float32, ({})))")  # fmt: skip

# --- information: of probabilities p; H is the entropy of one row or more


def of_probabilities(probabilities):
    def entropy(p, safe=True):
        return -(p * np.log(np.where(p > 0, p, 1) if safe else p)).sum(axis=-1)

    return {"p": np.asarray(probabilities, np.float64), "H": entropy}


ways("information", of_probabilities, """
(H(p.mean(axis=0)) - H(p).mean()) / np.log(2) | It is in bits: the log should be natural.
H(p).mean() - H(p.mean(axis=0)) | The sign is wrong.
H(p.mean(axis=0)) | It is the entropy of the mean alone.
H(p).mean() | It is the mean entropy alone.
H(p.mean(axis=0)) - H(p).sum() | The entropies are added, not averaged.
H(p.mean(axis=1)) - H(p).mean() | The mean runs over the classes, not over the rows.
H(np.eye(p.shape[1])[p.argmax(axis=1)].mean(axis=0)) - H(p).mean()
    | The share of rows in which a class has the argmax stands where its mean probability should.
H(p.mean(axis=0), False) - H(p, False).mean() | A probability of 0 gives NaN: 0 log 0 counts as 0.
""", "float({})")  # fmt: skip
