"""Mistakes about batch composition: batch norm goes back in another mode, or loses a call."""

from collections.abc import Iterator

import numpy as np

from minidann import feeding, model, ops
from minidann.mistakes.diagnosis.evidence import Hypothesis
from minidann.mistakes.diagnosis.setting import Setting


def hypotheses(setting: Setting) -> Iterator[Hypothesis]:
    """All of this file."""
    for look in (_modes, _calls):
        for kind, text, grads in look(setting):
            yield Hypothesis(kind, text, grads)


def _modes(setting: Setting):
    """The forward pass has the batch composition of one mode, the backward pass that of another."""
    encoder, fed, emotion, domain, emotion_f, domain_f = setting.cache
    mode, n, _, calls, _ = fed
    all_rows, source, target = slice(0, setting.rows), slice(0, n), slice(n, setting.rows)
    if mode == "none":
        return
    if mode == "bn3":
        xhat = np.concatenate([call[0] for call in calls])
        rows = np.repeat(np.stack([call[2] for call in calls]), [n, setting.rows - n], axis=0)
        wholes = [(xhat, calls[0][1], scale, *calls[0][3:])
                  for scale in (rows, calls[0][2], calls[1][2])]  # fmt: skip
    else:
        wholes = [calls[-1]]
    for whole in wholes:
        first = calls[0] if mode in ("bn2", "bn3") else _part(whole, source)
        second = calls[1] if mode == "bn3" else _part(whole, target)
        for wrong_mode, groups, its_calls in (
            ("bn1", [all_rows], [whole]),
            ("bn2", [source, all_rows], [first, whole]),
            ("bn3", [source, target], [first, second]),
        ):
            if wrong_mode != mode and 0 < n < setting.rows:
                cache = (wrong_mode, n, groups, its_calls, ops)
                text = (
                    f"forward composes batches as {mode}, the gradients go back as in {wrong_mode}"
                )
                yield "other mode", text, setting.with_fed(cache)
    h, _ = model.encode(setting.params, setting.x)
    for wrong_mode in feeding.MODES:
        if wrong_mode not in (mode, "none", "bn4") and 0 < n < setting.rows:
            _, its = feeding.forward(h, setting.params["bn.gamma"], setting.params["bn.beta"],
                                     source_rows=n, mode=wrong_mode)  # fmt: skip
            text = (
                f"forward composes batches as {mode}, the gradients go back as if it had been "
                f"{wrong_mode}"
            )
            yield "other mode", text, setting.with_fed(its)
    text = f"forward composes batches as {mode}, the gradients go back without batch normalisation"
    yield "other mode", text, setting.with_fed(("none", n, [], [], ops))


def _part(call: tuple, rows: slice) -> tuple:
    """The cache of a call of batch norm as if it had been made of some of its rows."""
    return (call[0][rows], *call[1:])


def _calls(setting: Setting):
    """Batch norm is called more than once: a call's gradients are lost or overwritten."""
    if setting.mode not in ("bn2", "bn3"):
        return
    for lost, stays in ((0, "last"), (1, "first")):
        for what, parts in (("", (0, 1, 2)), ("dx", (0,)), ("dgamma, dbeta", (1, 2)),
                            ("dgamma", (1,)), ("dbeta", (2,))):  # fmt: skip
            seen = []

            def backward(dout, cache, lost=lost, parts=parts, seen=seen):
                gradients = list(ops.batchnorm.backward(dout, cache))
                seen.append(cache)
                if len(seen) - 1 == lost:
                    for part in parts:
                        gradients[part] = 0 * gradients[part]
                return tuple(gradients)

            kind = "overwritten" if lost == 0 and what else "missing path"
            text = (
                f"of the two calls of batch norm only the {stays} one's {what or 'gradients'} "
                "is left: the calls' gradients must be added"
            )
            yield kind, text, setting.substituted(batchnorm=backward)
