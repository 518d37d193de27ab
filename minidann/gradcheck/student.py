"""A student's file: load it, ask it, judge its answers. Nothing that it does may hang or hide.

With `--op` it answers the questions about that op. Without, its gradients are compared with the
differences of its own forward, on its own `example`.
"""

import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

from minidann import ops
from minidann.console import UserError
from minidann.gradcheck.gradients import check
from minidann.gradcheck.judging import Answer, judge, mapped, questions
from minidann.gradcheck.running import SECONDS, answers, attempt
from minidann.gradcheck.verdict import Report, Verdict
from minidann.mistakes.question import Case, Question, argument_names, as_example

LARGE = 5000  # entries of an array, of which each is perturbed
FLOAT32 = "it is float64 where float32 goes in; give the arrays that you make the input's dtype"
LEGEND = "\nby input, the smallest first (WRONG may follow from a wrong out; -: there is none)"
CACHE = "backward is right with the cache of minidann's forward: look at what yours puts into it."


def load(path: Path) -> ModuleType:
    """The module in `path`. UserError where it does not run or lacks a function."""
    if path.suffix != ".py":
        raise UserError(f"{path}: expected a Python file (.py)")
    module = ModuleType(f"{path.stem} (checked)")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where a dataclass looks for it
    try:
        code = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: it is not UTF-8 text; save it with the encoding UTF-8") from None
    _run(path, "importing it", lambda: exec(compile(code, str(path), "exec"), vars(module)))  # noqa: S102
    missing = [name for name in ("forward", "backward") if not callable(vars(module).get(name))]
    if missing:
        raise UserError(f"{path}: has no function {' and no function '.join(missing)}")
    return module


def _run(path: Path, what: str, function: Callable):
    """What `function` gives. UserError where it raises an error or never ends."""
    given, problem = attempt(function, path, SECONDS)
    if problem:
        raise UserError(f"{path}: {what} {problem}")
    return given


def check_file(path: Path, name: str | None, seed: int, verbose: bool = False) -> Report:
    """Check a student's file as the op `name` (`verbose`: with a table), else on its example."""
    module, rng = load(path), np.random.default_rng(seed)
    if name is not None:
        return check_as(name, module, rng, path.name, verbose)
    if not callable(vars(module).get("example")):
        raise UserError(f"{path}: has no function example; say with --op which op it is")

    def example():
        arrays, options = as_example(module.example(rng))
        return tuple(np.array(array, dtype=np.float64) for array in arrays), dict(options)

    arrays, options = _run(path, "example(rng)", example)
    for name, array in zip(argument_names(module.forward, len(arrays)), arrays):
        if not 0 < array.size <= LARGE:
            raise UserError(f"{path}: example(rng): {name} has {array.size} entries, and each is "
                            f"perturbed: make it a small example, of 1 to {LARGE}")  # fmt: skip
    return check(module, rng, arrays=arrays, options=options, title=path.name)


def check_as(name: str, module, rng: np.random.Generator, title: str, verbose: bool) -> Report:
    """The verdicts on `module` as the op `name`: what it gives must be what minidann's op gives."""
    op, (asked, notes) = getattr(ops, name), _askable(module.forward, questions(name, rng))
    given = answers(module, asked)
    verdicts = judge(name, asked, given, any_subgradient=True)
    wrong = not all(verdict.right for verdict in verdicts.values())
    if not wrong:
        verdicts = _in_float32(module, asked[-1], verdicts)
    elif verdicts["out"].right and not any(answer.error for answer in given):
        mixed = SimpleNamespace(forward=op.forward, backward=module.backward)
        others = judge(name, asked, answers(mixed, asked, aloud=False), any_subgradient=True)
        if all(verdict.right for verdict in others.values()):
            notes = [f"note: {CACHE}", *notes]
    table = by_input(name, asked, given, verdicts) if verbose else ""
    return Report(f"{title}, as {name}", tuple(verdicts.values()), tuple(notes), table)


def by_input(name: str, asked: list[Question], given: list[Answer], parts: Iterable[str]) -> str:
    """A table with a row for each input: which of the parts are right on it?"""
    rows = [("input", *parts)]
    for question, answer in zip(asked, given):
        alone = judge(name, [question], [answer], any_subgradient=True)
        marks = {part: "right" if verdict.right else "WRONG" for part, verdict in alone.items()}
        rows.append((question.case.what, *(marks.get(part, "-") for part in parts)))
    lines = [f"{what:34}{' '.join(f'{mark:7}' for mark in marks)}" for what, *marks in rows]
    return "\n".join([LEGEND, *map(str.rstrip, lines)])


def _askable(forward, asked: list[Question]) -> tuple[list[Question], list[str]]:
    """The questions that forward can be asked, and notes: it may lack an option or its default."""
    parameters = inspect.signature(forward).parameters
    options = {name for question in asked for name in question.case.options}
    needed = {n for n, p in parameters.items() if n in options and p.default is p.empty}
    lacking = {"input_gradient"} - parameters.keys()
    askable = [q for q in asked if needed <= q.case.options.keys()
               and not lacking & q.case.options.keys()]  # fmt: skip
    without = {name for question in asked for name in needed - question.case.options.keys()}
    notes = [f"note: {name} has no default; minidann's op has one" for name in sorted(without)]
    return askable, notes


def _in_float32(module, question: Question, verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
    """The same, with a note on what is float64 where float32 goes in."""

    def single(array):
        return array.astype(np.float32) if array.dtype == np.float64 else array

    case, upstream = mapped(single, tuple(question.case)), single(question.upstream)
    asked = Question(Case(*case), upstream, None, None, ())
    (answer,) = answers(module, [asked], aloud=False)
    received = zip(verdicts, (answer.out, *(answer.gradients or ())))
    wide = {part for part, got in received if getattr(got, "dtype", None) == np.float64}
    return {part: v._replace(note=v.note or FLOAT32 * (part in wide))
            for part, v in verdicts.items()}  # fmt: skip
