"""Exercises that are no layer: the checker, the optimiser, two equations, features, UAR."""

from types import SimpleNamespace

import numpy as np

from minidann import mutants, ops, optim
from minidann.coursework.exercises import Exercise
from minidann.coursework.handout import reference
from minidann.coursework.results import Result, close, compared, written
from minidann.coursework.session import Failed, Problem, Session
from minidann.gradcheck.optimiser import check_optimiser
from minidann.gradcheck.report import Report

# Ops with small examples: a checker nudges every entry, and each nudge is a call from process to
# process. The right ones are there for the false alarms.
RIGHT = ("relu", "maxpool", "attention", "batchnorm", "dropout", "dense",
         "softmax_cross_entropy")  # fmt: skip
WRONG = 3  # mutants of each of them, at most


def judge_checker(exercise: Exercise, session: Session, rng, result: Result) -> None:
    """The share of wrong ops that are caught, less that of right ones that are called wrong."""
    missed, alarms, wrong = [], [], 0
    for name in RIGHT:
        bank = mutants.select(name)
        chosen = rng.permutation(len(bank))[:WRONG]
        for mutant in [None, *(bank[i] for i in sorted(chosen))]:
            op = getattr(ops, name) if mutant is None else mutant.build()
            arrays, options = op.example(rng)
            try:
                said = session.call(exercise.name, "check", arrays, options, op=op)
            except Failed as error:
                result.said.append(f"check raised {error}, on {name}")
                return
            if not isinstance(said, (bool, np.bool_)):
                result.said.append(f"check: expected True or False, received {type(said).__name__}")
                return
            wrong += mutant is not None
            if mutant is None and not said:
                alarms.append(name)
            if mutant is not None and said:
                missed.append(f"{name}: {mutant.what}")
    share = (wrong - len(missed)) / wrong - len(alarms) / len(RIGHT)
    result.earned["caught"] = round(exercise.most * max(0.0, share), 2)
    result.said.append(
        f"caught {wrong - len(missed)} of {wrong} wrong ops, called {len(alarms)} of {len(RIGHT)} "
        "right ones wrong"
    )
    result.said += [f"right, but called wrong: {name}" for name in alarms]
    result.said += [f"wrong, but not caught: {one}" for one in missed[:3]]


def judge_function(exercise: Exercise, session: Session, rng, result: Result) -> None:
    """Any other function: each of its parts is tried by itself."""
    (name,) = exercise.functions

    def call(*args, **options):
        return session.call(exercise.name, name, *args, **options)

    if name in ("step", "add_penalty"):
        _judge_optimiser(exercise, call, rng, result)
        return
    right = getattr(reference(exercise), name)
    for part, tries in TRIES[exercise.name](rng).items():
        problem = None
        for args, options in tries:
            problem = _problem(call, right, args, options)
            if problem:
                break
        if problem:
            result.said.append(f"{part}: {problem}")
        else:
            result.earned[part] = exercise.most / len(exercise.parts)


def _problem(call, right, args, options) -> str | None:
    """What is wrong with one call, in words."""
    given = ", ".join([*map(_short, args), *(f"{k}={_short(v)}" for k, v in options.items())])
    try:
        received = call(*args, **options)
    except Failed as error:
        return f"raised {error}, given {given}"
    return _different(received, right(*args, **options), given)


def _different(received, true, given: str) -> str | None:
    if isinstance(true, dict):
        if not isinstance(received, dict) or set(received) != set(true):
            return (
                f"expected a dict of {', '.join(true)}, received {_short(received)}, given {given}"
            )
        told = [_different(received[key], true[key], given) for key in true]
        return next((f"{key}: {one}" for key, one in zip(true, told) if one), None)
    if isinstance(true, list):
        same = isinstance(received, (list, tuple)) and [list(np.ravel(one)) for one in received]
        return (
            None if same == true else f"expected {true}, received {_short(received)}, given {given}"
        )
    if not isinstance(received, (np.ndarray, np.generic, float, int)):
        return f"expected {_short(true)}, received {_short(received)}, given {given}"
    return (
        None
        if close(received, true)
        else f"{compared('it', received, true).strip()}, given {given}"
    )


def _short(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_short(one)}" for key, one in value.items()) + "}"
    if isinstance(value, np.ndarray):
        return written(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:80]


# Adam and the penalties: the checker of optimisers knows their mistakes by name.


def _judge_optimiser(exercise: Exercise, call, rng, result: Result) -> None:
    """By the rows of the checker's report."""
    (name,) = exercise.functions
    lost = []

    def asked(*args, **options):
        try:
            return call(*args, **options)
        except Problem as error:  # the checker of optimisers would make a row of it
            lost.append(error)
            raise

    made = SimpleNamespace(add_penalty=optim.add_penalty, start=optim.start, step=optim.step)
    setattr(made, name, asked)
    report = check_optimiser(made, rng)
    for error in lost:
        if not isinstance(error, Failed):
            raise error
    if lost:
        result.said.append(f"raised {lost[0]}")
        return
    for part, rows in _rows(report, name).items():
        if rows and all(row.ok for row in rows):
            result.earned[part] = 1
    told = dict.fromkeys(str(one) for one in report.diagnosis)
    result.said += [*told, *report.problems]


def _rows(report: Report, name: str) -> dict[str, list]:
    """The rows of each part."""
    rows = {row.argument: row for row in report.rows}

    def those(test):
        return [row for title, row in rows.items() if test(title)]

    if name == "step":
        return {
            "parameters": those(lambda t: t == "Adam: steady"),
            "moments": those(lambda t: t.startswith("Adam: steady.")),
            "without a gradient": those(lambda t: t.startswith(("Adam: frozen", "Adam: gaps"))),
        }
    kernels = optim.REGULARISED

    def of(start):
        return those(lambda t: t.startswith(start) and t.split(": ")[1] in kernels)

    others = those(
        lambda t: t.startswith("l1") and t.split(": ")[1] not in (*kernels, "conv.w at 0")
    )
    return {"l1": of("l1 0.3, l2 0:") + those(lambda t: t.endswith("at 0")),
            "l2": of("l1 0, l2 0.2:") + of("l1 0.3, l2 0.2:"), "kernels only": others}  # fmt: skip


# What the other functions are tried on: by part, (args, options) each.


def _epochs(epochs):
    return [((int(epoch),), {}) for epoch in epochs]


def _equations(rng):
    tries = []
    for alpha, beta in ((0.3, 1.7), (0.8, 0.4)):
        shapes = {"conv.w": (2, 3), "attention.v": (3,)}
        emotion = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        language = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        emotion["emotion.w"], language["language.w"] = rng.standard_normal((2, 4, 2))
        tries.append(((emotion, language), {"alpha": alpha, "beta": beta}))
        tries.append((({}, language), {"alpha": alpha, "beta": beta}))  # the target step of bn4
    return {"mended": tries}


def _utterances(rng):
    def one(count, shift):
        frames = (3 * rng.standard_normal((count, 26)) + shift).astype(np.float32)
        mean, std = rng.standard_normal(26), rng.random(26) + 0.5
        return (frames, mean.astype(np.float32), std.astype(np.float32)), {}

    return {"normalised": [one(750, -7)], "padded": [one(1, -7), one(301, -7), one(749, 2)]}


def _answers(rng):
    def one(zeros, ones):
        labels = rng.permutation(np.repeat([0, 1], [zeros, ones]))
        return (labels, np.where(rng.random(len(labels)) < 0.7, labels, 1 - labels)), {}

    return {
        "equal classes": [one(10, 10), one(1, 1)],
        "unequal classes": [
            one(3, 40),
            one(31, 9),
            ((np.array([0, 1, 1]), np.array([1, 1, 1])), {}),
        ],
    }


TRIES = {
    "learning_rate": lambda rng: {
        "decay": _epochs([0, 1, *rng.integers(2, 40, 3)]),
        "floor": _epochs([41, 42, 43, 500]),
    },  # fmt: skip
    "mend_equations": _equations,
    "mend_groups": lambda rng: {
        "mended": [
            ((mode, n, m), {})
            for mode in ("bn1", "bn2", "bn3")
            for n, m in ((2, 3), (4, 1), (3, 3))
        ]
    },
    "normalise_and_pad": _utterances,
    "uar": _answers,
}
