"""How a mutant is made: the right code with one mistake grafted on.

No op is copied. A mistake is a function of a few lines whose name names the mutant and whose
docstring is its description; a decorator grafts it on, according to where it acts:

    gradients(op)     on what the right backward returned: (right, dout, cache) -> gradients
    reads(op)         on what it is handed: (dout, cache) -> dout, cache
    keeps(op)         on what forward keeps for it: (cache, arrays, options) -> cache
    afresh(op)        instead of it, on forward's own input: (dout, arrays, options) -> gradients
    feeds             a wrong `feeding.backward`, in the network that is otherwise right
    whole(target)     the mistake builds the wrong thing, a network or an optimiser, itself
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace

import minidann.ops
from minidann import feeding, model
from minidann.mistakes.mutants.halves import HELD_OUT


@dataclass(frozen=True)
class Mutant:
    """A wrong backward pass, network or optimiser, and what is wrong with it.

    `target` is an op's name, "model", "feeding" or "optim". `kinds` are the diagnoses that name
    the mistake, in the words of `minidann.mistakes.diagnosis`: mostly one. `held_out` mutants were
    not looked at while the diagnosis was written. `says` is what the diagnosis must say to be of
    use, where its kind alone does not help: the size that a factor is equal to.
    `build()` gives, with right outputs:

        an op              forward, backward, and an example on which the mistake shows
        model, feeding     forward and backward of `minidann.model`; some are wrong in some modes
        optim              add_penalty, start and step of `minidann.optim`
    """

    name: str
    target: str
    what: str
    kinds: tuple[str, ...]
    held_out: bool
    build: Callable
    says: str = ""


MADE: list[Mutant] = []  # in the order in which they are written down


def register(
    target, kinds: tuple[str, ...], mistake: Callable, build: Callable, says: str = ""
) -> Callable:
    """Enter a mutant in the bank; `target` is an op or a name. -> the mistake, as it was."""
    if not isinstance(target, str):
        target = target.__name__.split(".")[-1]
    name = f"{target}: {mistake.__name__.replace('_', ' ')}"
    MADE.append(Mutant(name, target, mistake.__doc__, kinds, name in HELD_OUT, build, says))
    return mistake


def first(op, rng):
    """The first of the examples of `op`."""
    return next(iter(op.examples(rng).values()))


def variant(op, **changes) -> SimpleNamespace:
    """`op` with some of its functions replaced, where they are not None."""
    if hasattr(op, "examples") and not changes.get("example"):
        changes["example"] = lambda rng: first(op, rng)
    changes = {name: change for name, change in changes.items() if change is not None}
    return SimpleNamespace(**{**vars(op), **changes})


def altered(op, change: Callable, example: Callable | None = None) -> SimpleNamespace:
    """`op`, whose gradients pass through `change(right, dout, cache)`."""

    def backward(dout, cache):
        return tuple(change(op.backward(dout, cache), dout, cache))

    return variant(op, backward=backward, example=example)


def gradients(op, *kinds: str, example: Callable | None = None, says: str = "") -> Callable:
    """Decorates (right gradients, dout, cache) -> wrong gradients."""
    return lambda mistake: register(op, kinds, mistake, lambda: altered(op, mistake, example), says)


def reads(op, *kinds: str, example: Callable | None = None) -> Callable:
    """Decorates (dout, cache) -> the dout and the cache that the right backward reads instead."""

    def decorate(mistake):
        def backward(dout, cache):
            return op.backward(*mistake(dout, cache))

        return register(op, kinds, mistake, lambda: variant(op, backward=backward, example=example))

    return decorate


def keeps(op, *kinds: str, example: Callable | None = None) -> Callable:
    """Decorates (cache, arrays, options) -> the cache that forward keeps instead."""

    def decorate(mistake):
        def forward(*arrays, **options):
            out, cache = op.forward(*arrays, **options)
            return out, mistake(cache, arrays, options)

        return register(op, kinds, mistake, lambda: variant(op, forward=forward, example=example))

    return decorate


def afresh(op, *kinds: str, example: Callable | None = None) -> Callable:
    """Decorates (dout, arrays, options) -> gradients made from forward's own input."""

    def decorate(mistake):
        def forward(*arrays, **options):
            out, _ = op.forward(*arrays, **options)
            return out, (arrays, options)

        def backward(dout, cache):
            return mistake(dout, *cache)

        return register(
            op,
            kinds,
            mistake,
            lambda: variant(op, forward=forward, backward=backward, example=example),
        )

    return decorate


def whole(target: str, *kinds: str, says: str = "") -> Callable:
    """Decorates () -> the wrong network or optimiser."""
    return lambda mistake: register(target, kinds, mistake, mistake, says)


def feeds(*kinds: str, says: str = "") -> Callable:
    """Decorates a wrong `feeding.backward`: (demotion, ddomain, cache) -> dh, dgamma, dbeta."""

    def decorate(mistake):
        fed = variant(feeding, backward=mistake)
        return register("feeding", kinds, mistake, lambda: rewired(model, feeding=fed), says)

    return decorate


def rewired(module, **changes) -> SimpleNamespace:
    """A copy of a module in which some names mean something else; the module stays as it is.

    Its functions run the same code, but look names up among the copy's own.
    """
    names = dict(vars(module))
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            names[name] = FunctionType(value.__code__, names, name, value.__defaults__)
            names[name].__kwdefaults__ = value.__kwdefaults__
    names.update(changes)
    return SimpleNamespace(**names)


def with_ops(**changes: Callable) -> SimpleNamespace:
    """The network on some wrong ops: `name=change` gives the op `name` altered by `change`."""

    def forward(*args, ops=minidann.ops, **options):
        ours = SimpleNamespace(**{name: getattr(ops, name) for name in minidann.ops.__all__})
        for name, change in changes.items():
            setattr(ours, name, altered(getattr(ops, name), change))
        return model.forward(*args, ops=ours, **options)

    return SimpleNamespace(forward=forward, backward=model.backward)


def with_cache(change: Callable) -> SimpleNamespace:
    """The network whose backward reads `change(cache)`."""
    return SimpleNamespace(
        forward=model.forward,
        backward=lambda cache, *, alpha: model.backward(change(cache), alpha=alpha),
    )


def with_grads(change: Callable) -> SimpleNamespace:
    """The network whose gradients are `change(grads, cache, alpha)`."""

    def backward(cache, *, alpha):
        grads, grad_norms = model.backward(cache, alpha=alpha)
        return change(grads, cache, alpha), grad_norms

    return SimpleNamespace(forward=model.forward, backward=backward)
