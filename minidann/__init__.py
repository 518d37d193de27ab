"""minidann: cross-lingual speech emotion recognition with a domain adversarial network, in NumPy.

The files in reading order. The core, which is the paper:

    ops/            the layers, one file each: forward and backward by hand
    model.py        figure 1 and equations 5-10: encoder, two classifiers, their gradients
    feeding.py      table 3: four ways to feed two domains through batch normalisation
    optim.py        Adam, the decaying learning rate, l1 and l2
    training.py     the loop: epochs of steps, and all that changes while it runs

What stands around it:

    choices.py      every choice of a run, once: its flag, default, range and help
    train.py        the command that trains: one run, read from top to bottom
    run/            its setup, the evaluation of an epoch, the outcome, the folder
    predict.py      what a trained model says of recordings
    sound/          from a sound file to 26 log-mel energies every 10 ms, normalised
    corpora/        from a folder on disk to a table of utterances
    measure/        UAR, intervals, the distance between domains, AdaBN
    gradcheck/      finite differences and complex step: is a gradient right?
    mistakes/       if it is not: which mistake is it? and a catalogue of known ones
    report/         every table and figure of the paper, its claims, and what they hide
    coursework/     exercises on the lessons: hand out, check, grade
    reader/         the lessons as HTML, with the code beside them, and as notebooks
    moons.py        the whole idea in two dimensions
    console.py      errors in one line, progress

In Python, `minidann.train(...)` and `minidann.predict(...)` do what the commands of these names do,
and raise `minidann.UserError` where a command would print one.
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

import minidann.ops  # noqa: F401  before NumPy: it tells BLAS how many threads to use


class Command(ModuleType):
    """The module of a command: to call it is to call its function of the same name."""

    def __call__(self, *args, **options):
        return vars(self)[self.__name__.rpartition(".")[2]](*args, **options)


def __getattr__(name: str):
    """What is imported when it is first asked for, because it takes a second."""
    if name in ("train", "predict"):
        return import_module(f"minidann.{name}")
    if name == "UserError":
        return import_module("minidann.console").UserError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
