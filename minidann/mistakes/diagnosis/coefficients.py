"""Equations 8-10 read backwards: how much of each loss is in the gradients received?

Every parameter's gradient is a dL_e + b dL_l with a and b from equations 8-10. What a and b are
in the gradients received follows by least squares, and most mistakes can be read off them.
"""

from collections.abc import Iterator

import numpy as np

from minidann.mistakes.diagnosis.evidence import Hypothesis
from minidann.mistakes.diagnosis.setting import Setting

CONV, ATTENTION, NORM = ("conv.w", "conv.b"), ("attention.v",), ("bn.gamma", "bn.beta")
ENCODER = (CONV, ATTENTION, NORM)
EMOTION, DOMAIN = ("emotion.w", "emotion.b"), ("domain.w", "domain.b")
PARTS = (*ENCODER, EMOTION, DOMAIN)
PLACES = (
    "L_e in the encoder", "L_e in its classifier", "L_l in the encoder", "L_l in its classifier",
)  # fmt: skip


def hypotheses(setting: Setting) -> Iterator[Hypothesis]:
    """What the coefficients of dL_e and dL_l say, as multiples of the right ones."""
    ratios = {part: _ratios(setting, part) for part in PARTS}
    if None in ratios.values():
        return
    candidate = {
        name: ratios[part][0] * setting.emotion[name] + ratios[part][1] * setting.domain[name]
        for part in PARTS for name in part if name in setting.received
    }  # fmt: skip
    reading = _words(setting, ratios)
    if reading is not None:
        yield Hypothesis(*reading, candidate)


def _ratios(setting: Setting, part: tuple[str, ...]) -> tuple[float, float] | None:
    """By what (dL_e's part, dL_l's part) are multiplied in this part of the network."""
    received = setting.received
    names = [name for name in part if name in received]
    if not names:
        return 1.0, 1.0
    if any(received[name].shape != setting.emotion[name].shape for name in names):
        return None
    columns = [np.concatenate([loss[name].ravel() for name in names])
               for loss in (setting.emotion, setting.domain)]  # fmt: skip
    wanted = np.concatenate([received[name].ravel() for name in names])
    used = [i for i, column in enumerate(columns) if np.abs(column).max() > 1e-12]
    if not used:
        return 1.0, 1.0
    shares, *_ = np.linalg.lstsq(np.stack([columns[i] for i in used], axis=1), wanted, rcond=None)
    fit = sum(share * columns[i] for share, i in zip(shares, used))
    if not np.isfinite(wanted).all() or np.abs(fit - wanted).max() > 1e-8 * np.abs(wanted).max():
        return None
    both = [1.0, 1.0]
    for share, i in zip(shares, used):
        both[i] = float(share)
    return both[0], both[1]


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) <= 1e-7 * max(1.0, abs(expected))


def readings(setting: Setting) -> Iterator[tuple[tuple, str, str]]:
    """(ratios, kind, text): of dL_e in encoder and classifier, of dL_l in both; None: any."""
    a, b, n, rows = setting.alpha, setting.beta, setting.n, setting.rows
    yield (1, 1, -1 / b, 1), "no reversal", "the encoder descends L_l: the reversal is missing"
    text = "the encoder gets +(1-alpha) beta dL_l: a minus sign too many in the reversal, or none"
    yield (1, 1, -1, 1), "double reversal", text
    text = "the gradient is reversed twice: the encoder gets +(1-alpha) beta^2 dL_l"
    yield (1, 1, -b, 1), "double reversal", text
    text = "beta has no effect on the encoder: it gets -(1-alpha) dL_l"
    yield (1, 1, 1 / b, 1), "beta ignored", text
    yield (1, 1, b, 1), "factor", "beta is applied twice on the way to the encoder"
    yield (1, 1, 0, 1), "missing path", "nothing of L_l reaches the encoder"
    yield (0, 1, 1, 1), "missing path", "nothing of L_e reaches the encoder"
    text = "beta also scales the domain classifier's own gradient"
    yield (None, 1, None, b), "beta on classifier", text
    text = "the domain classifier's own gradient is reversed too"
    yield (None, 1, None, -b), "beta on classifier", text
    text = "L_l has a minus sign: the domain classifier climbs its own loss"
    yield (None, 1, None, -1), "minus loss", text
    for classifier in (1, -b):
        text = "the emotion classifier's gradient is reversed too"
        yield (-b, classifier, 1, 1), "double reversal", text
    for name, count in (("n", n), ("m", rows - n)):
        if 0 < count < rows:
            text = f"L_l is divided by {name} = {count}, not by n + m = {rows}"
            yield (1, 1, rows / count, rows / count), "loss mean", text
    text = f"L_l is summed over its n + m = {rows} rows, not averaged"
    yield (1, 1, rows, rows), "loss mean", text
    if n:
        text = f"L_e is summed over its n = {n} rows, not averaged"
        yield (n, n, 1, 1), "loss mean", text
        yield (n, n, rows, rows), "loss mean", "both losses are summed, not averaged"
        text = f"L_e is divided by n + m = {rows}, not by n = {n}"
        yield (n / rows, n / rows, 1, 1), "loss mean", text
    swapped = ((1 - a) / a,) * 2 + (a / (1 - a),) * 2
    yield swapped, "alpha", "alpha and 1 - alpha are swapped"


def _words(setting: Setting, ratios: dict) -> tuple[str, str] | None:
    """(kind, text) for ratios that are not all one."""
    n, parts = setting.n, [part for part in ENCODER if part[0] in setting.params]
    wrong = [p for p in parts if not (_near(ratios[p][1], 1) and (not n or _near(ratios[p][0], 1)))]
    e_encoder, l_encoder = ratios[wrong[0]] if wrong else (1.0, 1.0)
    for part in wrong:  # what is wrong is wrong everywhere in the same way
        if not _near(ratios[part][1], l_encoder) or n and not _near(ratios[part][0], e_encoder):
            return None
    received = (e_encoder, ratios[EMOTION][0], l_encoder, ratios[DOMAIN][1])
    reading = _read(setting, received)
    if reading is None or wrong in ([], parts):
        return reading
    names = ", ".join(name for part in wrong for name in part)
    return reading[0], f"{reading[1]}; in {names} only"


def _read(setting: Setting, received: tuple) -> tuple[str, str] | None:
    """The ratios received, looked up."""
    alpha, used = setting.alpha, (setting.n, setting.n, 1, 1)  # no source rows, no L_e
    for wanted, kind, text in readings(setting):
        if all(w is None or not u or _near(r, w) for r, w, u in zip(received, wanted, used)):
            return kind, text
    if _near(received[0], received[2]) and _near(received[1], 1) and _near(received[3], 1):
        return "factor", f"the encoder's gradient is off by the factor {received[0]:.6g}"
    weights = (1, 1 / alpha, 1 / (1 - alpha), alpha, 1 - alpha, alpha / (1 - alpha),
               (1 - alpha) / alpha)  # fmt: skip
    if all(any(_near(r, w) for w in weights) for r, u in zip(received, used) if u):
        off = [f"{place} times {r:.4g}" for place, r in zip(PLACES, received) if not _near(r, 1)]
        return "alpha", f"a weight of the losses, alpha or 1 - alpha, is wrong: {', '.join(off)}"
    return None
