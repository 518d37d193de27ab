"""The proof: all ops, the network in five batch compositions, the reversal, Adam, the penalties."""

import inspect
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from minidann import feeding, model, ops, optim
from minidann.gradcheck.cases import Case, cases, random_case
from minidann.gradcheck.contract import in_one_line, quietly
from minidann.gradcheck.gradients import argument_names, check
from minidann.gradcheck.network import ALPHA, BETA, check_network, example, naive
from minidann.gradcheck.optimiser import check_optimiser
from minidann.gradcheck.purity import copied
from minidann.gradcheck.report import CENTRAL_TOLERANCE, Report, settle
from minidann.ops import conv_relu_maxpool

PLAIN = "conv1d, relu, maxpool"  # one after the other, in place of conv_relu_maxpool
BATCHES = ((4, 7), (6, 6), (5, 8), (5, 5), (6, 9))  # n and m, one pair a mode: n at most m
REVERSAL_TOLERANCE = 1e-10


def check_op(name: str, op, rng: np.random.Generator) -> list[Report]:
    """Check `op` as the op `name` on all cases of that one: its example, what is special, random.

    A gradient is checked against its own forward; so that must give what the op `name` gives. At
    kinks the backward pass of that op decides, and in float32 everything must stay float32.
    """
    reference = getattr(ops, name)
    all_cases = cases(name, rng) + [random_case(name, rng) for _ in range(3)]
    names = argument_names(reference.forward, len(all_cases[0].arrays))
    reports = []
    for case in all_cases:
        if not _takes(op.forward, case.options):
            continue
        title = f"{name}, {case.what}"
        report = check(op, rng, **case.given, names=names, title=title, reference=reference)
        reports.append(report)
    if all(report.rows for report in reports):
        problems = reports[0].problems + _in_float32(op, all_cases[0], names)
        reports[0] = replace(reports[0], problems=problems)
    return settle(reports)


def _takes(forward, options: dict) -> bool:
    """Nobody must be able to leave out the input's gradient; all other options must be there."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # something built in
        return True
    everything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    known = {p.name for p in parameters}
    return everything or "input_gradient" not in set(options) - known


def _in_float32(op, case: Case, names) -> tuple[str, ...]:
    """Float32 goes in: what comes out in another type, in words."""
    arrays, options = (_to_float32(copied(given)) for given in (case.arrays, case.options))
    try:
        out, cache = quietly(op.forward, *arrays, **options)
        gradients = quietly(op.backward, np.ones_like(out), cache)
        received = {"out": out, **{f"the gradient of {n}": g for n, g in zip(names, gradients)}}
        return tuple(
            f"float32 goes in, but {what} is {np.asarray(array).dtype}: the output's type is the "
            "input's"
            for what, array in received.items()
            if array is not None and np.asarray(array).dtype != np.float32
        )
    except (Exception, SystemExit) as error:
        return (f"raised {in_one_line(error)}, where float32 went in",)


def _to_float32(thing):
    """Nested tuples and dicts with every float64 array in float32."""
    if isinstance(thing, dict):
        return {key: _to_float32(value) for key, value in thing.items()}
    if isinstance(thing, tuple):
        return tuple(_to_float32(value) for value in thing)
    is_float = isinstance(thing, np.ndarray) and thing.dtype == np.float64
    return thing.astype(np.float32) if is_float else thing


def prove(seed: int = 0) -> Iterator[Report]:
    """Every report of the proof."""
    rng = np.random.default_rng(seed)
    for name in ops.__all__:
        yield from check_op(name, getattr(ops, name), rng)
    plain = conv_relu_maxpool.compose()
    for _ in range(2):  # max pool's ties, along directions that keep them
        case = random_case("conv_relu_maxpool", rng)
        names = argument_names(conv_relu_maxpool.forward, 3)
        yield check(plain, rng, **case.given, names=names, title=f"{PLAIN}, {case.what}")
    for mode in feeding.MODES:
        yield check_network(model, rng, mode=mode)
    for mode, (n, m) in zip(feeding.MODES, BATCHES, strict=True):
        report = check_network(model, rng, mode=mode, n=n, m=m, filters=2, mels=1)
        yield replace(report, title=f"{report.title}, {n} source and {m} target rows")
    yield check_optimiser(optim, rng)


def reversal(seed: int = 0) -> tuple[bool, str]:
    """(as it should be?, lines): how an ordinary check of the reversal fails, alone and in place.

    Alone by the factor -beta: an error of 1 + beta of the largest entry. In the network's total
    loss by (1 + beta)(1 - alpha) dL_l in the encoder, and by nothing else.
    """
    rng = np.random.default_rng(seed)
    arrays, options = ops.gradient_reversal.examples(rng)["sizes that differ"]
    (row,) = check(ops.gradient_reversal, rng, arrays=arrays, options=options).rows
    off = abs(row.error - (1 + options["beta"]))
    fine = off <= CENTRAL_TOLERANCE
    lines = [
        f"gradient reversal, alpha {ALPHA:g}, beta {BETA:g}: an ordinary check must fail",
        f"  by itself: fails by {row.error:.10g} of the largest entry, predicted 1 + beta, "
        f"{off:.0e} away",
        "  the network's total loss, in the encoder: predicted (1 + beta)(1 - alpha) dL_l",
    ]
    for step in (step for mode in feeding.MODES for step in example(rng, mode)):
        for name in ("conv.w", "conv.b", "attention.v"):
            fails, off = naive(model, step, name)
            fine = fine and fails > 1e-3 and off <= REVERSAL_TOLERANCE
            lines.append(
                f"    {step.title:16}  {name:11}  fails by {fails:.3g} of the largest entry, "
                f"{off:.0e} away from the prediction"
            )
    return fine, "\n".join(lines)


def random_checks(count: int, seed: int = 0) -> Iterator[Report]:
    """`count` checks of correct code with random legal shapes: all ops in turn, and the network.

    Odd lengths, padded inputs with ties, n different from m. Every report should be right.
    """
    turns = [*ops.__all__, *feeding.MODES]
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        what = turns[i % len(turns)]
        if what in feeding.MODES:
            n, m, frames, filters, mels = map(int, (*rng.permutation(np.arange(4, 9))[:2],
                *rng.integers((187, 2, 1), (300, 5, 3))))  # fmt: skip
            sizes = {"n": n, "m": m, "frames": frames, "filters": filters, "mels": mels}
            yield check_network(model, rng, mode=what, **sizes)
        else:
            case = random_case(what, rng)
            yield check(getattr(ops, what), rng, **case.given, title=f"{what}, {case.what}")
