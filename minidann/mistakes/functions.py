"""Wrong ways to write a function of the exercises: the optimiser, the features, the UAR.

Each is the right function's source with other words in place of some. As in the catalogue they are
the entries of tables, here

    words => other words ;; words => other words | the sentence for the student

A mistake is named where it gives what was received, on every input.
"""

import inspect
import sys
from collections.abc import Callable

import numpy as np

from minidann.mistakes.catalogue import entries

TABLES: dict[str, list[tuple[str, str]]] = {}  # by function: the words, and the sentence


def ways(name: str, text: str, form: str = "{}") -> None:
    """Read a table of wrong ways to write the function `name`; `form` stands around each."""
    read = [(form.format(words), says) for words, says in entries(text)]
    TABLES[name] = TABLES.get(name, []) + read


def wrong_ways(right: Callable, constants: dict) -> list[Callable]:
    """Functions that are wrong in the ways of the tables, whose docstring is the sentence.

    `constants` are numbers of the right function's module that are others in the exercise.
    """
    made, source = [], inspect.getsource(right)
    for words, says in TABLES.get(right.__name__, ()):
        code, found = source, {}
        for change in words.split(" ;; "):
            old, new = change.split(" => ")
            if old not in code:
                raise ValueError(f"{right.__name__} has no {old}")
            code = code.replace(old, new)
        exec(code, {**globals(), **vars(sys.modules[right.__module__]), **constants}, found)
        made.append(found[right.__name__])
        made[-1].__doc__ = says
    return made


# The rate is 0.93^e times the first rate, but never less than the floor.

ways("learning_rate", """
1e-3 * 0.93**epoch | The rate never stops falling: the floor is missing.
min(1e-3 * 0.93**epoch, 5e-5) | The smaller of the rate and the floor is taken, not the larger.
max(1e-3 * 0.93 ** (epoch + 1), 5e-5) | Epochs are counted from 1, which is one factor too many.
max(1e-3 * 0.93 ** (epoch - 1), 5e-5) | There is one factor too few.
1e-3 * 0.93 ** min(epoch, 42) | The rate stops falling below the floor, not at it.
5e-5 | The rate is the floor from the beginning.
max(1e-3 * 0.93 * epoch, 5e-5) | The rate is multiplied by 0.93 e, not by 0.93 to the power of e.
max(1e-3 * (1 - 0.07 * epoch), 5e-5) | The decay is linear, but it should be exponential.
1e-3 * max(0.93**epoch, 5e-5) | The floor is applied to the factor 0.93^e, not to the rate.
max(1e-3 * np.exp(-0.07 * epoch), 5e-5) | The decay is exp(-0.07 e), not 0.93 to the power of e.
max(1e-3 * np.exp(-0.93 * epoch), 5e-5) | The decay is exp(-0.93 e), not 0.93 to the power of e.
5e-5 + 95e-5 * 0.93**epoch | The distance to the floor decays, not the rate itself.
5e-5 if epoch >= NUMBER else 1e-3 * 0.93**epoch | From some epoch on the rate is the floor.
    for NUMBER in 30, 35, 39, 40, 41, 43, 45, 50
""", "max(INITIAL_RATE * DECAY**epoch, FINAL_RATE) => {}")  # fmt: skip

ways("add_penalty", """
in REGULARISED: => in grads: | The penalty is added to biases, too.
w = params[name] => w = grads[name] | The penalty is that of the gradient, not of the parameter.
dict(grads) => {k: grads[k] for k in REGULARISED if k in grads}
    | Only the gradients of kernels are returned.
dict(grads) => {k: 0 * params[k] for k in REGULARISED if k in params} | grads
    | A kernel without a gradient gets the penalty as its gradient.
in REGULARISED: => in REGULARISED[: [*map(grads.__contains__, REGULARISED), False].index(False)]:
    | After the first kernel without a gradient the others get no penalty.
in REGULARISED: => in [k for k in REGULARISED if k in grads][:1]:
    | Only the first kernel gets its penalty, as with return in the loop.
""")  # fmt: skip
ways("add_penalty", """
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
(l1 * np.sign(w) if l1 else 2 * l2 * w) | Where l1 is given, l2 has no effect.
""", "l1 * np.sign(w) + 2 * l2 * w => {}")  # fmt: skip

# Adam: the moments m and v of a gradient g, its update at the step t, and the new state.

ways("step", """
.t": t} => .t": t - 1} | The new counts of steps, .t, are not in the new state.
": m, f"{name}.v": v => ": m / correction1, f"{name}.v": v / correction2
    | The new state holds the corrected moments, which are corrected again later.
dict(state) => dict(state); BETA1, BETA2 = 0.999, 0.9 | The betas are exchanged.
dict(state) => dict(state); BETA1, BETA2 = 0.999, 0.9 ;; .t": t} => .t": t - 1}
    | The betas are exchanged. The new counts of steps, .t, are not in the new state.
(1 - BETA2) * g * g => (1 - BETA2) * g | The second moment averages g instead of its square.
(1 - BETA2) * g * g => (1 - BETA2) * m * m | The second moment averages m^2 instead of g^2.
(1 - BETA1) * g => g | The first moment lacks the factor 1 - beta1 before g.
(1 - BETA2) * g => g | The second moment lacks the factor 1 - beta2 before g^2.
(1 - BETA1) * g => g ;; (1 - BETA2) * g => g | Both moments lack the factor 1 - beta.
(1 - BETA1) * g => -(1 - BETA1) * g | The sign of g is flipped in the first moment.
return params, state => return params, {k: s for k, s in state.items() if k[:-2] in grads}
    | The new state lacks the moments and the counts of parameters without a gradient.
in grads.items() => in ({k: 0 * p for k, p in params.items()} | grads).items()
    | Parameters without a gradient take one of zero, and so move on.
dict(state) => dict(state); n = 1 + max(s for k, s in state.items() if ".t" in k) ;; int(t) => n
    | All parameters share one count of steps, but each has its own, .t.
dict(state) => dict(state); n = 1 + max(s for k, s in state.items() if ".t" in k)
    ;; int(t) => n ;; .t": t} => .t": n} | All parameters share one count of steps, and all get it.
(1 - BETA2) * g * g => (1 - BETA2) * g * g; v = np.maximum(v, state[f"{name}.v"])
    | The second moment never falls, as in AMSGrad.
""")  # fmt: skip
ways("step", """
m / (np.sqrt(v) + eps) | The moments are not corrected for their start at zero.
m / c1 / np.sqrt(v / c2 + eps) | epsilon is added under the root.
m / c1 / (v / c2 + eps) | The root of the second moment is missing.
-m / c1 / (np.sqrt(v / c2) + eps) | The update is added instead of subtracted.
m / c1 | The update is not divided by the root of the second moment.
m / c1 / (np.sqrt(v) + eps) | Only the first moment is corrected for its start at zero.
m / (np.sqrt(v / c2) + eps) | Only the second moment is corrected for its start at zero.
m / (1 - b1) / (np.sqrt(v / (1 - b2)) + eps) | The bias correction lacks the power t.
m / c1 / np.sqrt(v / c2) | epsilon is left out.
m / c1 / (np.sqrt(v / c1) + eps) | Both moments are corrected with the first moment's beta.
m / (1 - b1 ** (t - 1)) / (np.sqrt(v / (1 - b2 ** (t - 1))) + eps) | The correction uses t - 1.
m / (1 - b1 * t) / (np.sqrt(abs(v / (1 - b2 * t))) + eps) | The correction is 1 - beta t.
m / c1 * np.sqrt(c2) / (np.sqrt(v) + eps) | epsilon is added before v is corrected.
np.sign(g) | The update is the sign of g: the moments are not used.
g | The update is g, as in plain gradient descent.
m / c1 / (np.sqrt(v / c2) + 1e-7) | epsilon is 1e-7, but it should be 1e-8.
""", "(m / correction1) / (np.sqrt(v / correction2) + EPSILON) => (lambda b1, b2, c1, c2, eps: {})"
     "(BETA1, BETA2, correction1, correction2, EPSILON)")  # fmt: skip


def of_classes(y: np.ndarray, p: np.ndarray, score: Callable) -> float:
    """A score of labels and predictions, from the recall, precision and F1 of each class."""
    hits = np.array([((y == c) & (p == c)).sum() for c in (0, 1)])
    recall, precision = (hits / np.array([(a == c).sum() for c in (0, 1)]) for a in (y, p))
    return float(score(recall, precision, 2 * recall * precision / (recall + precision)))


ways("uar", """
(labels == predicted).mean() | This is accuracy: each row counts the same, but each class should.
precision.mean() | This is precision: it divides by how often a class is predicted.
np.nan_to_num(precision).mean() | This is precision, with 0 where a class is not predicted.
(precision[1] + recall[1]) / 2 | This is the mean of precision and recall of class 1.
recall[1] | This is the recall of class 1 alone.
np.nanmean(recall) | A class without an example is left out; the result should be NaN then.
np.nan_to_num(recall).mean()
    | A class without an example counts as 0; the result should be NaN then.
recall[np.unique(predicted)].mean() | It averages over the predicted classes only.
np.nan_to_num(recall // 1).mean() | The recalls are cut down to 0 or 1: // stands where / should.
((labels & predicted).sum() / (labels == 1).sum() + (~labels & ~predicted).sum() / (labels == 0)
    .sum()) / 2 | ~ is no logical not: ~0 is -1, and ~1 is -2. Compare with == 0.
(1 / (2 - recall[0]) + recall[1]) / 2 | The true negatives include the false positives.
(precision[0] + recall[1]) / 2 | Of class 0 it is the precision, not the recall.
100 * recall.mean() | This is the UAR in percent.
round(100 * recall.mean(), 2) | This is the UAR in percent.
f1.mean() | This is the F1 score.
np.nan_to_num(f1).mean() | This is the F1 score.
""", "float(uars(confusion(labels, predicted))) => "
     "of_classes(labels, predicted, lambda recall, precision, f1: {})")  # fmt: skip

ways("normalise_and_pad", """
out[:count] => out[-count:] ;; out[count:] => out[:-count] | The utterance is padded at its front.
frames, mean, => frames, 0, ;; real, std, => real, 1, | The frames are not normalised.
frames, mean, => frames, 0, | The mean is not subtracted.
real, std, => real, 1, | The frames are not divided by std.
out[count:] => out[count - FRAMES :] | Where no frame is missing, out[-0:] is all of out.
np.divide => np.multiply | The frames are multiplied by std.
mean, out= => frames.mean(axis=0), out= ;; std, out= => frames.std(axis=0), out=
    | The utterance's own mean and std are used.
""")  # fmt: skip
ways("normalise_and_pad", """
real.min(axis=0) | minimum has no effect.
real.min(axis=0) if minimum is None else (minimum - mean) / std | minimum is normalised once more.
frames.min(axis=0) | It pads with the minimum from before the frames were normalised.
np.minimum(real.min(axis=0), 0) if minimum is None else minimum
    | The minimum is taken over the whole array, in which zeros still stand after the frames.
np.atleast_2d(-mean / std)[0] | It pads with 0 before the frames are normalised.
real.min() | It pads with one minimum for all bins.
0.0 | It pads with 0.
real[-1] | It pads with the last frame.
""", "real.min(axis=0) if minimum is None else minimum => {}")  # fmt: skip

ways("equations", """
= (1 - alpha) * gradient => = gradient
    | The domain classifier's gradient lacks its factor 1 - alpha.
(1 - alpha) * beta => (1 - alpha) | The encoder's gradient of L_l lacks the factor beta.
(1 - alpha) * beta => beta | The encoder's gradient of L_l lacks the factor 1 - alpha.
- (1 - alpha) * beta => + (1 - alpha) * beta | The encoder's gradient of L_l is not reversed.
grads.get(name, 0) - => - | The encoder's gradient of L_e is lost.
= (1 - alpha) => = alpha | The domain classifier's gradient has alpha, not 1 - alpha.
= (1 - alpha) => = -(1 - alpha) | The domain classifier's gradient is reversed too.
= (1 - alpha) => = -beta * (1 - alpha) | The domain classifier's gradient is reversed too.
grads.get(name => emotion.get(name | The encoder's gradient of L_e lacks the factor alpha.
else: => elif name in emotion: | Where the encoder has only L_l, it gets no gradient.
* beta => * 1 ;; = (1 - alpha) => = beta * (1 - alpha)
    | beta scales the domain classifier, not the encoder.
""")  # fmt: skip

ways("groups", """
else target => else (source + target)[n:m]
    | bn3's target rows end at row m, but they should end at n + m.
else target => else (source + target)[m:]
    | bn3's target rows begin at row m, but they should begin at n.
else target => else [row - n + m for row in target]
    | bn3's target rows are counted from m, but they begin at n.
else target => else target[1:] | bn3's target rows begin one row late: the first one is left out.
[source, source + => [target, source] if mode == "bn3" else [source, source +
    | In bn3 the target rows come before the source rows.
== "bn2" => == "bn3" | The branches of bn2 and bn3 are exchanged.
source + target if mode == "bn2" else target => target
    | In bn2 the second list holds the target rows alone, but it should hold all rows.
[source, source + => source + target if mode == "bn3" else [source, source +
    | bn3 gives one flat list of rows instead of a list of two lists.
range(n, n + m) => range(m) | The target rows are counted from 0, but they begin at n.
""")  # fmt: skip

ways("mean_and_std", """
range(0, total, => range(0, total - 1, | Of an odd number of frames the last one is not counted.
.sum(axis=0, dtype=np.float64) for block in blocks) / total
    => .mean(axis=0, dtype=np.float64) for block in blocks) / len(blocks)
    | The mean is that of the blocks' means, but the last block may be shorter.
np.sqrt(variance) => variance | The root is missing.
std[std < 1e-6] => std[variance < 1e-6]
    | The limit of a bin that never changes is that of std, not of the variance.
std[std < 1e-6] = 1 => 0 | A bin that never changes has the standard deviation 0, not 1.
np.sqrt(variance) => np.sqrt(((frames - frames.mean(0)) ** 2).mean(0)) ;; < 1e-6 => == 0
    | A constant bin is recognised by std == 0 in float32, but rounding leaves more than 0 there.
std[std < 1e-6] = 1 => std += NUMBER | NUMBER is added to std, but a constant bin should get 1.
    for NUMBER in 1e-12, 1e-10, 1e-08, 1e-07, 1e-06, 1e-05
""")  # fmt: skip
ways("mean_and_std", """
sum(((block - mean) ** 2).mean(axis=0) for block in blocks) / len(blocks)
    | The blocks' variances are averaged, not added.
(lambda centre: sum(((block - centre) ** 2).sum(axis=0) for block in blocks) / total)(
    np.mean([block.mean(axis=0, dtype=np.float64) for block in blocks], axis=0))
    | The distances are those from the mean of the blocks' means, not from the mean.
np.var(frames, axis=0, dtype=np.float64, ddof=1) | The variance is divided by n - 1, not by n.
np.maximum(np.mean(np.float64(frames) ** 2, axis=0) - mean**2, 0)
    | The variance is the mean of the squares less the squared mean, which cancels for a large mean.
np.maximum(sum((np.float64(b) ** 2).sum(axis=0) for b in blocks) / total - mean**2, 0)
    | The variance is the mean of the squares less the squared mean, which cancels for a large mean.
""", "sum(((block - mean) ** 2).sum(axis=0) for block in blocks) / total => {}")  # fmt: skip

ways("information", """
(H(p.mean(axis=0)) - H(p).mean()) / np.log(2) | It is in bits: the log should be natural.
H(p).mean() - H(p.mean(axis=0)) | The sign is wrong.
H(p.mean(axis=0)) | It is the entropy of the mean alone.
H(p).mean() | It is the mean entropy alone.
H(p.mean(axis=0)) / p.shape[1] - H(p).mean()
    | The entropy of the mean is averaged over the classes, not added.
H(p.mean(axis=0)) - H(p).mean() / p.shape[1]
    | The entropies of the rows are averaged over the classes, not added.
2 * H(p.mean(axis=0)) - H(p).mean() | The entropy of the mean counts twice.
H(p.mean(axis=0)) - 2 * H(p).mean() | The mean entropy counts twice.
H(p.mean(axis=0)) - H(p).sum() | The entropies are added, not averaged.
H(p.mean(axis=1)) - H(p).mean() | The mean runs over the classes, not over the rows.
H(np.eye(p.shape[1])[p.argmax(axis=1)].mean(axis=0)) - H(p).mean()
    | The share of rows in which a class has the argmax stands where its mean probability should.
""", "entr(p.mean(axis=0)).sum() - entr(p).sum(axis=1).mean() => "
     "(lambda H: {})(lambda p: entr(p).sum(axis=-1))")  # fmt: skip
ways("information", "entr( => -(lambda p: p * np.log(p))( | A probability of 0 gives NaN, not 0.")
