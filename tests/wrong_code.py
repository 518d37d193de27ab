"""Wrong backward passes, made for a test, and the checker asked about them."""

from functools import lru_cache
from types import SimpleNamespace
from unittest import mock

import numpy as np

from minidann import gradcheck, model
from minidann.gradcheck import judging, network
from minidann.gradcheck.running import answers


def check(op, *, seed=0, **given):
    """The report on an op, on its own example or on given arrays and options."""
    return gradcheck.check(op, np.random.default_rng(seed), **given)


def changed(op, change):
    """`op`, whose backward returns `change(right gradients, dout, cache)`."""

    def backward(dout, cache):
        return change(op.backward(dout, cache), dout, cache)

    return SimpleNamespace(**{**vars(op), "backward": backward})


def changed_at(i, change):
    """For `changed`: gradient i becomes `change(gradient, dout, cache)`, the others stay."""
    return lambda g, dout, cache: (*g[:i], change(g[i], dout, cache), *g[i + 1 :])


def changed_network(change):
    """The network, whose backward returns `change(gradients by name, norms)`."""
    return SimpleNamespace(
        forward=model.forward,
        backward=lambda cache, *, alpha: change(*model.backward(cache, alpha=alpha)),
    )


DERIVATIVES = {}  # by step and parameter
COMPUTED = network.expected


def remembered(wrong, step, name):
    """`network.expected`, computed once for all networks whose forward is right."""
    key = step.mode, step.label, name, step.x.tobytes()
    if key not in DERIVATIVES:
        DERIVATIVES[key] = COMPUTED(model, step, name)
    return DERIVATIVES[key]


def check_network(wrong, *, mode, seed=0):
    """The report on a network whose forward is right."""
    with mock.patch.object(network, "expected", remembered):
        return gradcheck.check_network(wrong, np.random.default_rng(seed), mode=mode)


@lru_cache
def asked(name, seed=0):
    """The questions about an op."""
    return judging.questions(name, np.random.default_rng(seed))


def judged(name, op, **given):
    """The verdicts on `op` as the op `name`."""
    return judging.judge(name, asked(name), answers(op, asked(name)), **given)
