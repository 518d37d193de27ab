"""Mistakes about rows: which are reversed, which reach the encoder, which are taken for others."""

from collections.abc import Iterator

import numpy as np

from minidann.mistakes.diagnosis.evidence import Hypothesis
from minidann.mistakes.diagnosis.setting import Setting
from minidann.mistakes.diagnosis.symptoms import ranges


def hypotheses(setting: Setting) -> Iterator[Hypothesis]:
    """All of this file."""
    for look in (_rows, _blocks, _each_row):
        for kind, text, grads in look(setting):
            yield Hypothesis(kind, text, grads)


def _rows(setting: Setting):
    """The reversal on some rows only; rows whose gradient does not reach the encoder."""
    n, beta = setting.n, setting.beta
    source = np.arange(setting.rows) < n
    for name, other_domain, chosen in (("source", "target", source), ("target", "source", ~source)):
        for factor, what in (
            (1.0, "passes as it is"), (beta, "is scaled by beta and not reversed"),
            (-1.0, "is reversed without beta"),
        ):  # fmt: skip
            text = (
                f"the reversal acts on {name} rows only; on {other_domain} rows the gradient {what}"
            )
            yield (
                "source rows only",
                text,
                setting.substituted(
                    gradient_reversal=lambda dout, b: (
                        np.where(chosen[:, None], -b, factor) * dout,
                    )
                ),
            )
        kind = "target rows" if name == "source" else "missing path"
        text = f"L_l sends no gradient from {other_domain} rows into the encoder"
        yield (
            kind,
            text,
            setting.substituted(
                gradient_reversal=lambda dout, b: (np.where(chosen[:, None], -b, 0.0) * dout,)
            ),
        )
        cut = setting.encoder(setting.dh * chosen[:, None, None])
        text = f"no gradient from {other_domain} rows reaches"
        yield kind, f"{text} the encoder below batch norm", cut
        conv = {name: cut[name] for name in ("conv.w", "conv.b")}
        yield kind, f"{text} the convolution", {**setting.right, **conv}
        yield kind, f"{text} the attention", {**cut, **{k: setting.right[k] for k in conv}}


def _blocks(setting: Setting):
    """The gradients of rows arrive at other rows."""
    (demotion, ddomain), n = setting.at_encoder, setting.n
    if not 0 < n < setting.rows:
        return
    exchanged = np.concatenate([ddomain[n:], ddomain[:n]])
    text = "L_l's gradients of source and target rows have changed places"
    yield "swapped", text, setting.fed_with(demotion, exchanged)
    yield (
        "reversed",
        "L_l's gradients arrive in reversed order of rows",
        setting.fed_with(demotion, ddomain[::-1]),
    )
    if setting.mode in ("bn1", "none"):
        for first in range(1, setting.rows - n + 1):
            moved = ddomain.copy()
            moved[first : first + n] += demotion
            last = first == setting.rows - n
            text = f"the emotion's gradient is added to rows {first} and on, not to the first rows"
            yield ("swapped" if last else "shifted"), text, setting.fed_with(0 * demotion, moved)
        overwritten = ddomain.copy()
        overwritten[:n] = 0
        text = "the emotion's gradient overwrites the domain's on source rows"
        yield "overwritten", text, setting.fed_with(demotion, overwritten)


def _each_row(setting: Setting):
    """Only some rows' gradients arrive in the encoder: their shares, by least squares."""
    received, names = setting.received, ("conv.w", "conv.b", "attention.v")
    if any(received.get(name, np.zeros(0)).shape != setting.right[name].shape for name in names):
        return
    parts = []
    for row in range(setting.rows):
        dh = np.zeros_like(setting.dh)
        dh[row] = setting.dh[row]
        parts.append(setting.encoder(dh))
    columns = np.stack([np.concatenate([part[name].ravel() for name in names]) for part in parts],
                       axis=1)  # fmt: skip
    wanted = np.concatenate([received[name].ravel() for name in names])
    shares, _, rank, _ = np.linalg.lstsq(columns, wanted, rcond=1e-10)
    whole = shares.round()
    if rank < len(parts) or np.abs(shares - whole).max() > 1e-6 or not set(whole) <= {0.0, 1.0}:
        return
    kept = np.flatnonzero(whole)
    kind = "first only" if kept.tolist() == [0] else "zero slice"
    blocks = (list(range(setting.n)), list(range(setting.n, setting.rows)))  # `_rows` looked there
    if len(kept) and kept.tolist() not in blocks:
        text = f"of the {len(parts)} rows only {ranges(kept)} send a gradient into the encoder"
        dh = setting.dh * whole[:, None, None]
        yield kind, text, setting.encoder(dh)
