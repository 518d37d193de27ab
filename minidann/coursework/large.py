"""One input of each layer that is too large for a backward pass by numerical differentiation.

For a derivative of N numbers it calls forward N times, on N numbers each. A backward pass looks at
each of them a few times, which takes a second or so even in loops.
"""

import numpy as np

from minidann.coursework.exercises import Exercise
from minidann.coursework.results import Result, close
from minidann.coursework.session import Failed, NotWritten, Refused, Session

SECONDS = 4  # for forward and backward
SIZES = {  # of the arrays; of the first about 100,000 numbers
    "conv1d": ((1, 33_000, 3), (3, 3, 2), (2,)),
    "relu": ((1000, 100),),
    "maxpool": ((10, 1000, 10),),
    "attention": ((200, 10, 50), (50,)),
    "dense": ((10_000, 10), (10, 2), (2,)),
    "softmax_cross_entropy": ((10_000, 10),),
    "batchnorm": ((1000, 100), (100,), (100,)),
    "dropout": ((1000, 100),),
    "gradient_reversal": ((1000, 100),),
}
OPTIONS = {
    "conv1d": {"stride": 3},
    "maxpool": {"size": 10, "stride": 10},
    "gradient_reversal": {"beta": 0.5},
    "softmax_cross_entropy": {"labels": np.tile([0, 9, 5, 1], 2500)},
    "dropout": {"mask": np.tile([0.0, 2.5, 2.5, 0.0, 2.5], (1000, 20))},
}
WHERE = "on an input of 100,000 numbers"


def judge_large(exercise: Exercise, session: Session, names, rng, result: Result) -> None:
    """Take back what was earned by what fails on a large input, or takes too long there."""
    arrays = tuple(rng.standard_normal(size) for size in SIZES[exercise.name])
    options = OPTIONS.get(exercise.name, {})
    true, cache = exercise.module.forward(*arrays, **options)
    dout = rng.standard_normal(np.shape(true))
    gradients = exercise.module.backward(np.asarray(dout), cache)
    parts = [f"d{name}" for name in names]

    def lose(lost: set[str], why: str) -> None:
        if taken := [part for part in result.exercise.parts if part in lost & result.earned.keys()]:
            for part in taken:
                del result.earned[part]
            result.feedback.append(f"{', '.join(taken)}: {why}, {WHERE}")

    session.hurry(SECONDS)
    asked, right = {"out", *parts}, set()
    try:
        left_cache, problem = False, ""
        try:
            out = session.call("forward", *arrays, keep=0, **options)
            left_cache, problem = True, "" if close(out, true) else "it is wrong"
        except (Failed, NotWritten) as error:
            problem = str(error)
        if problem:
            lose({"out"}, f"forward: {problem}")
        asked = set(parts)
        for kept in [0] * left_cache + [None] * bool(problem):  # as on smaller inputs
            given = (dout,) if kept == 0 else (dout, cache)
            try:
                received, why = session.call("backward", *given, kept=kept), "it is wrong"
                if isinstance(received, (tuple, list)):  # so it was on all smaller inputs
                    pairs = zip(parts, received, gradients)
                    right |= {part for part, got, want in pairs if close(got, want)}
            except (Failed, NotWritten) as error:
                why = str(error)
        lose(asked - right, f"backward: {why}")
    except Refused as error:
        hint = ": does it perturb each of them?" if str(error).startswith("took") else ""
        lose(asked, f"{error}{hint}")
