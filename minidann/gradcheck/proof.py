"""The proof: all ops, the network in five batch compositions, and the reversal."""

from collections.abc import Iterator

import numpy as np

from minidann import feeding, model, ops
from minidann.gradcheck.cases import cases, random_case
from minidann.gradcheck.comparing import COMPLEX_TOLERANCE
from minidann.gradcheck.gradients import check
from minidann.gradcheck.network import check_network
from minidann.gradcheck.verdict import Report
from minidann.mistakes.question import Case, argument_names, first_example
from minidann.ops import conv_relu_maxpool

PLAIN = "conv1d, relu, maxpool"  # one after the other, in place of conv_relu_maxpool
BATCHES = ((4, 7), (6, 6), (5, 8), (5, 5), (6, 9))  # n and m, one pair a mode: n at most m


def prove(seed: int = 0) -> Iterator[Report]:
    """Every report of the proof."""
    rng = np.random.default_rng(seed)
    for name in ops.__all__:
        yield from prove_op(name, rng)
    plain = conv_relu_maxpool.compose()
    for _ in range(2):  # max pool's ties, along directions that keep them
        case = random_case("conv_relu_maxpool", rng)
        yield check_case(plain, "conv_relu_maxpool", case, rng, title=PLAIN)
    for mode in feeding.MODES:
        yield check_network(model, rng, mode=mode)
    for mode, (n, m) in zip(feeding.MODES, BATCHES, strict=True):
        report = check_network(model, rng, mode=mode, n=n, m=m, filters=2, mels=1)
        yield report._replace(title=f"{report.title}, {n} source and {m} target rows")


def prove_op(name: str, rng: np.random.Generator) -> Iterator[Report]:
    """The reports on one op: on its examples, and on three random cases."""
    for case in cases(name, rng, 3):
        yield check_case(getattr(ops, name), name, case, rng)


def check_case(op, name: str, case: Case, rng: np.random.Generator, title: str = "") -> Report:
    """Check `op` as the op `name` on one case. A gradient that is zero there must be zero."""
    reference = getattr(ops, name)
    out, cache = reference.forward(*case.arrays, **case.options)
    gradients = reference.backward(np.asarray(rng.standard_normal(np.shape(out))), cache)
    named = zip(argument_names(reference.forward), gradients)
    zeros = tuple(n for n, g in named if g is not None and np.abs(g).max() < 1e-12)
    scale = -case.options.get("beta", 1.0) if name == "gradient_reversal" else 1.0
    return check(
        op, rng, arrays=case.arrays, options=case.options, scale=scale, zeros=zeros, strict=True,
        title=f"{title or name}, {case.what}",
    )  # fmt: skip


def reversal(seed: int = 0) -> tuple[bool, str]:
    """(as it should be?, a line): an ordinary check of the reversal must fail by the factor -beta.

    That is an error of 1 + beta of the largest entry. In the network it is the reason for the
    losses of `network.py`: against the total loss the encoder's gradient is wrong, too.
    """
    op, rng = ops.gradient_reversal, np.random.default_rng(seed)
    arrays, options = first_example(op, rng)
    (verdict,) = check(op, rng, arrays=arrays, options=options).verdicts
    off = abs(verdict.complex - (1 + options["beta"]))
    return off <= COMPLEX_TOLERANCE, (
        f"gradient reversal, an ordinary check must fail: it fails by {verdict.complex:.10g} of "
        f"the largest entry, predicted 1 + beta, {off:.0e} away"
    )
