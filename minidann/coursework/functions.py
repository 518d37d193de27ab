"""Exercises that are no layer: the optimiser, two equations, features, UAR."""

import inspect
from types import SimpleNamespace

import numpy as np

from minidann import optim
from minidann.coursework import tries
from minidann.coursework.exercises import Exercise
from minidann.coursework.handout import reference
from minidann.coursework.results import (
    Result,
    close,
    compared,
    kind,
    labelled,
    of_shape,
    real,
    returned,
    written,
)
from minidann.coursework.session import Failed, NotWritten, Problem, Session
from minidann.gradcheck.optimiser import check_optimiser
from minidann.gradcheck.purity import copied
from minidann.gradcheck.report import Report

DTYPE = "float32"  # a part: where an exercise has it, only there a right number needs its dtype


def judge_function(exercise: Exercise, session: Session, rng, result: Result) -> None:
    """Each part is tried by itself, and earned where all of its tries are right."""
    (name,) = exercise.functions

    def call(*args, **options):
        return session.call(exercise.name, name, *args, **options)

    if name in ("step", "add_penalty"):
        _judge_optimiser(name, call, rng, result)
        return
    right, stub = getattr(reference(exercise), name), None
    for part, given in getattr(tries, exercise.name)(rng).items():
        dtype = part == DTYPE or DTYPE not in exercise.parts
        try:
            problems = (_problem(call, right, *one, dtype=dtype) for one in given)
            problem = next(filter(None, problems), None)
        except NotWritten as error:
            problem, stub = str(error), error
        if problem:
            result.said.append(f"{part}: {problem}")
            result.printed = result.printed or session.printed
        else:
            result.earned[part] = exercise.most / len(exercise.parts)
    if stub and not result.earned:
        raise stub


def _problem(call, right, args: tuple, options: dict, dtype: bool = True) -> str | None:
    """What is wrong with one call, in words."""
    names = list(inspect.signature(right).parameters)[: len(args)]
    given = labelled((*names, *options), (*args, *options.values()))
    true = right(*copied(args), **copied(options))  # one may be there to be written to
    try:
        received = call(*args, **options)
    except Failed as error:
        return f"{error}, given\n{given}"
    problem = _different("the result", received, true, dtype)
    if received is None:
        problem = "it returned None: is a return missing?"
    both = labelled(("your result", "right result"), (received, true))
    return f"{problem}, given\n{given}\n{both}" if problem else None


def _different(what: str, received, true, dtype: bool) -> str | None:
    """How two results differ, in words; in `dtype` only if that counts."""
    if isinstance(true, dict):
        if not isinstance(received, dict):
            return f"{what}: expected a dict, received {kind(received)}"
        if set(received) != set(true):
            return _other_keys(what, received, true)
        found = (_different(f'{what}["{key}"]', received[key], true[key], dtype) for key in true)
        return next(filter(None, found), None)
    if isinstance(true, tuple):
        if not isinstance(received, (tuple, list)) or len(received) != len(true):
            return f"{what}: expected {len(true)} values, received {kind(received)}"
        pairs = enumerate(zip(received, true))
        found = (_different(f"{what}[{i}]", *pair, dtype) for i, pair in pairs)
        return next(filter(None, found), None)
    if isinstance(true, list):
        rows = [real(row) for row in received] if isinstance(received, (list, tuple)) else []
        same = [None if row is None else row.tolist() for row in rows] == true
        return None if same else f"{what}: expected {true}, received {written(received)}"
    if not close(received, true):
        return compared(what, received, true)
    if dtype and isinstance(true, np.ndarray) and np.asarray(received).dtype != true.dtype:
        return f"{what}: expected {true.dtype}, received {np.asarray(received).dtype}"
    return None


# Adam and the penalties: the checker of optimisers knows their mistakes by name.


def _judge_optimiser(name: str, call, rng, result: Result) -> None:
    """By the rows of the checker's report; the smallest input that shows it is told, too."""
    lost: list[Problem] = []

    def asked(*args, **options):
        try:
            received = call(*args, **options)
            if problem := _unusable(name, received, args[0]):
                raise Failed(problem)
        except Problem as error:  # the checker of optimisers would make a row of it
            lost.append(error)
            raise
        return received

    made = SimpleNamespace(add_penalty=optim.add_penalty, start=optim.start, step=optim.step)
    setattr(made, name, asked)
    report = check_optimiser(made, rng)
    for error in lost:
        if not isinstance(error, Failed):
            raise error
    parts = {} if lost else _rows(report, name)
    for part, rows in parts.items():
        wrong = [row for row in rows if not row.ok]
        if rows and not wrong:
            result.earned[part] = 1
        elif wrong:
            told = f": {wrong[0].diagnosis}" if wrong[0].diagnosis else ""
            result.said.append(f"{part}{told}\n  {_row(wrong[0])}")
    result.said += [str(lost[0])] if lost else report.problems
    if result.said:
        smallest = (_problem(call, getattr(optim, name), *one) for one in getattr(tries, name)(rng))
        result.said += filter(None, [next(filter(None, smallest), None)])


def _unusable(name: str, received, params: dict) -> str | None:
    """Why nothing can be done with what `step` or `add_penalty` returned; None if it can."""
    if name == "add_penalty":
        if not isinstance(received, dict):
            return f"expected a dict, received {returned(received)}"
        known = {key: params[key] for key in received if key in params}
        return _misfit("the result", received, known)
    if not isinstance(received, (tuple, list)) or len(received) != 2:
        return f"expected a tuple (new params, new state), received {returned(received)}"
    if not all(isinstance(one, dict) for one in received):
        return f"expected two dicts, received {kind(received[0])} and {kind(received[1])}"
    return _misfit("new params", received[0], params) or _misfit(
        "new state", received[1], optim.start(params)
    )


def _misfit(what: str, received: dict, like: dict) -> str | None:
    """What is wrong with the keys or the shapes of a dict; None if they are as in `like`."""
    if set(received) != set(like):
        return _other_keys(what, received, like)
    for key, value in like.items():
        numbers = real(received[key])
        if numbers is None or numbers.shape != value.shape:
            there = f'{what}["{key}"]'
            return f"{there}: expected {of_shape(value.shape)}, received {kind(received[key])}"
    return None


def _other_keys(what: str, received: dict, like: dict) -> str:
    wanted, got = (", ".join(sorted(some)) or "none" for some in (like, received))
    return f"{what}: expected the keys {wanted}, received {got}"


def _row(row) -> str:
    """A wrong row of the checker's report."""
    if np.isnan(row.analytic):
        return f"{row.argument}: {row.verdict.lower()}"
    place = f" at {list(row.where)}" if row.where else ""
    return f"{row.argument}{place}: {row.analytic:.9g}, expected {row.true:.9g}"


def _rows(report: Report, name: str) -> dict[str, list]:
    """The rows of each part."""
    rows = {row.argument: row for row in report.rows}

    def those(test):
        return [row for title, row in rows.items() if test(title)]

    if name == "step":
        return {
            "m": those(lambda t: t == "Adam: steady.m"),
            "v": those(lambda t: t == "Adam: steady.v"),
            "parameters": those(lambda t: t in ("Adam: steady", "Adam: steady.t")),
            "no gradient": those(lambda t: t.startswith("Adam: frozen") or t == "Adam: gaps.t"),
        }
    kernels = optim.REGULARISED

    def of(start):
        return those(lambda t: t.startswith(start) and t.split(": ")[1] in kernels)

    others = those(
        lambda t: t.startswith("l1") and t.split(": ")[1] not in (*kernels, "conv.w at 0")
    )
    return {"l1": of("l1 0.3, l2 0:") + those(lambda t: t.endswith("at 0")),
            "l2": of("l1 0, l2 0.2:") + of("l1 0.3, l2 0.2:"), "kernels only": others}  # fmt: skip
