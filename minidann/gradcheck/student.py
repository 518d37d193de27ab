"""A student's file: load it, ask it, judge its answers. Nothing that it does may hang or hide.

With `--op` it answers the questions about that op. Without, its gradients are compared with the
differences of its own forward, on its own `example`.
"""

import inspect
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from minidann import ops
from minidann.console import UserError
from minidann.gradcheck.gradients import NOT_FLOAT64, answers_on, check, judged
from minidann.gradcheck.judging import SINGLE, Answer, judge, questions
from minidann.gradcheck.report import DECLARE, LEGEND, NO_EVIDENCE, Report, Row, aligned
from minidann.gradcheck.running import (
    SECONDS,
    TOTAL,
    TookTooLong,
    answers,
    in_one_line,
    limited,
    place,
)
from minidann.gradcheck.verdict import MOST, Verdict, kind, lines
from minidann.mistakes.question import Case, Question, argument_names, real

LARGE = 2000  # entries: of a larger array random directions are checked, not every entry
DIRECTIONS = 20
FLOAT32 = "it is float64 where float32 goes in; give the arrays that you make the input's dtype"
AT_KINKS = "at a kink or in a tie, where any slope between those of both sides is right"


class Checked(NamedTuple):
    """The verdicts on a file in words, all numbers in a table, and whether everything is right."""

    lines: list[str]
    table: str
    ok: bool


def load(path: Path) -> ModuleType:
    """The module in `path`. UserError where it is missing, does not run, or lacks a function."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    if path.suffix != ".py":
        raise UserError(f"{path}: expected a Python file (.py)")
    module = ModuleType(f"{path.stem} (checked)")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where a dataclass looks for it
    try:
        with limited(SECONDS):
            code = path.read_text(encoding="utf-8-sig")
            exec(compile(code, str(path), "exec"), vars(module))  # noqa: S102
    except UnicodeDecodeError:
        raise UserError(f"{path}: it is not UTF-8 text; save it with the encoding UTF-8") from None
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    except TookTooLong as error:
        raise UserError(
            f"{path}: importing it took more than {SECONDS} s{place(error, path)}; keep only "
            "definitions outside of functions"
        ) from None
    except (Exception, SystemExit) as error:
        problem = f"{in_one_line(error)}{place(error, path)}"
        raise UserError(f"{path}: cannot be run ({problem})") from None
    missing = [name for name in ("forward", "backward") if not callable(vars(module).get(name))]
    if missing:
        raise UserError(f"{path}: has no function {' and no function '.join(missing)}")
    return module


def known_op(name: str) -> str:
    """`name`, if there is such an op; UserError if not."""
    if name not in ops.__all__:
        raise UserError(f"--op {name}: no such op; there are {', '.join(ops.__all__)}")
    return name


def check_file(path: Path, name: str | None, seed: int) -> Checked:
    """Check a student's file: as the op `name`, else on the file's own example."""
    module, rng = load(path), np.random.default_rng(seed)
    if name is not None:
        return check_as(known_op(name), module, rng, path.name)
    if not callable(vars(module).get("example")):
        raise UserError(f"{path}: has no function example; say with --op which op it is")
    try:
        with limited(TOTAL):
            return _check_on_its_own(path, module, rng)
    except TookTooLong as error:
        raise UserError(
            f"{path}: the check took more than {TOTAL} s{place(error, path)}: does a loop never "
            "end? Forward is called several times for each entry, so a small example is faster"
        ) from None


# As an op.


def check_as(name: str, module, rng: np.random.Generator, title: str) -> Checked:
    """The verdicts on `module` as the op `name`: what it gives must be what minidann's op gives."""
    asked, notes = _askable(module.forward, questions(name, rng))
    given = answers(module, asked)
    verdicts = list(judge(name, asked, given, any_subgradient=True).values())
    if all(verdict.right for verdict in verdicts):
        verdicts = _in_float32(name, module, asked[-1], verdicts)
    text = lines(verdicts, f"{title}, as {name}")
    ok = all(verdict.right for verdict in verdicts)
    return Checked([*text, *notes], _table(name, asked, given), ok)


def _askable(forward, asked: list[Question]) -> tuple[list[Question], list[str]]:
    """The questions that forward can be asked, and notes: it may lack an option or its default."""
    try:
        parameters = inspect.signature(forward).parameters
    except (TypeError, ValueError):  # something built in
        return asked, []
    any_option = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    options = {name for question in asked for name in question.case.options}
    needed = {n for n, p in parameters.items() if n in options and p.default is p.empty}
    lacking = set() if any_option else {"input_gradient"} - parameters.keys()
    askable = [q for q in asked if needed <= q.case.options.keys()
               and not lacking & q.case.options.keys()]  # fmt: skip
    without = {name for question in asked for name in needed - question.case.options.keys()}
    notes = [f"note: {name} has no default; minidann's op has one" for name in sorted(without)]
    return askable, notes


def _in_float32(name: str, module, question: Question, verdicts: list[Verdict]) -> list[Verdict]:
    """The same, with a note on what is float64 where float32 goes in."""
    single = Question(
        Case(*_to_float32(question.case)), _to_float32(question.upstream), *[None] * 3
    )
    (answer,) = answers(module, [single], aloud=False)
    parts = ["out", *(f"d{n}" for n in argument_names(getattr(ops, name).forward))]
    wide = {part for part, got in zip(parts, (answer.out, *(answer.gradients or ())))
            if getattr(got, "dtype", None) == np.float64}  # fmt: skip
    return [v._replace(note=v.note or FLOAT32 * (v.part in wide)) for v in verdicts]


def _to_float32(thing):
    """Nested tuples and dicts with every float64 array in float32."""
    if isinstance(thing, dict):
        return {key: _to_float32(value) for key, value in thing.items()}
    if isinstance(thing, tuple):
        return tuple(map(_to_float32, thing))
    is_float = isinstance(thing, np.ndarray) and thing.dtype == np.float64
    return thing.astype(np.float32) if is_float else thing


def _table(name: str, asked: list[Question], given: list[Answer]) -> str:
    """The relative error of each part on each input."""
    names = argument_names(getattr(ops, name).forward)
    rows = [["input", "out", *(f"d{n}" for n in names)]]
    for question, answer in zip(asked, given):
        gradients = answer.gradients
        if not isinstance(gradients, (tuple, list)) or len(gradients) != len(names):
            gradients = [None] * len(names)
        pairs = [(answer.out, question.out), *zip(gradients, question.gradients)]
        rows.append([question.case.what, *(_error(*pair) for pair in pairs)])
    legend = "Each number is the largest error, relative to the largest entry of what is right."
    return "\n".join([legend, *aligned(rows)])


@np.errstate(all="ignore")
def _error(received, true) -> str:
    received = real(received)
    if true is None or received is None:
        return "-"
    if received.shape != np.shape(true):
        return f"shape {received.shape}"
    size = np.abs(true).max(initial=0.0) or 1.0
    return f"{np.abs(received - true).max(initial=0.0) / size:.1e}"


# On its own example.


def _check_on_its_own(path: Path, module, rng) -> Checked:
    """The verdict on the file's gradients, against the differences of its own forward."""
    arrays, options = _example(path, module, rng)
    names = argument_names(module.forward, len(arrays))
    zeros = vars(module).get("ZEROS", ())
    if not isinstance(zeros, (tuple, list)) or not all(zero in names for zero in zeros):
        raise UserError(
            f"{path}: ZEROS: expected names of arguments, of {', '.join(names)}, such as "
            f'("{names[0]}",), received {zeros!r}'
        )
    large = [n for n, array in zip(names, arrays) if array.size > LARGE]
    try:
        report = check(
            module, rng, arrays=arrays, options=options, zeros=tuple(zeros), title=path.name,
            directions=DIRECTIONS if large else None,
        )  # fmt: skip
    except ValueError as error:  # an empty array: everything else is in the report
        raise UserError(f"{path}: {error}") from None
    if f"{NOT_FLOAT64} float32" in report.problems:  # too coarse for differences
        name, verdicts = judged(*answers_on(module, arrays, options, rng))
        if not name:
            raise UserError(
                f"{path}: forward returns float32 where float64 goes in, in which differences are "
                "too coarse; give the arrays that you make the dtype of the input"
            )
        text = lines(verdicts, f"{path.name}, which gives what {name} gives")
        return Checked(text, "", all(verdict.right for verdict in verdicts))
    notes = [
        f"note: {', '.join(large)} has more than {LARGE} entries: {DIRECTIONS} random directions "
        "were checked; a smaller example checks, and names, every entry"
    ] * bool(large)
    problems = [f"{problem}{_about_labels(problem)}" for problem in report.problems]
    verdicts = [_of_row(row, report) for row in report.rows]
    verdicts += [Verdict("the contract", False, tuple(problems[:2]))] if problems else []
    text = [*lines(verdicts, path.name), *notes][:MOST]
    return Checked(text, f"{report}\n{LEGEND}", report.ok)


def _of_row(row: Row, report: Report) -> Verdict:
    """A row of the table as a verdict."""
    part = f"d{row.argument}"
    if row.ok:
        note = row.verdict if row.verdict == "not computed" else SINGLE * ("float32" in row.verdict)
        kinks = f"{row.kinks} of {math.prod(row.shape)} entries are {AT_KINKS}" * bool(row.kinks)
        return Verdict(part, True, note=kinks or note)
    if row.verdict == NO_EVIDENCE:
        return Verdict(part, False, (f'{DECLARE} ZEROS = ("{row.argument}",).',))
    if row.verdict != "WRONG":
        return Verdict(part, False, (f"{row.verdict.lower()}; {part} should have the shape "
                                     f"{row.shape}.",))  # fmt: skip
    at = f"[{', '.join(map(str, row.where))}]" if row.where else ""
    shown = f"received {part}{at} = {row.analytic:.6g}\nright    {part}{at} = {row.true:.6g}"
    return Verdict(part, False, report.causes.get(row.argument, ()), shown)


def _about_labels(problem: str) -> str:
    """What to do where labels were given as if they could be differentiated."""
    indices = "IndexError: arrays used as indices" in problem or "only integers" in problem
    return "; labels are no array to differentiate: return them in the options" if indices else ""


def _example(path: Path, module: ModuleType, rng) -> tuple[tuple, dict]:
    """(arrays, options) of the file's own example. UserError where it gives something else."""
    expected = f"{path}: example(rng): expected (arrays, options), a tuple and a dict, received"
    try:
        with limited(SECONDS):
            given = module.example(rng)
    except TookTooLong as error:
        raise UserError(
            f"{path}: example(rng) took more than {SECONDS} s{place(error, path)}"
        ) from None
    except (Exception, SystemExit) as error:
        raise UserError(f"{path}: example(rng) raised {in_one_line(error)}") from None
    if not isinstance(given, tuple) or len(given) != 2 or not isinstance(given[1], dict):
        raise UserError(f"{expected} {kind(given)}; for two arrays: return (a, b), {{}}")
    arrays, options = given
    if not isinstance(arrays, (tuple, list)) or not arrays:
        raise UserError(f"{expected} {kind(arrays)} first; for one array: return (x,), {{}}")
    try:
        return tuple(np.array(array, dtype=np.float64) for array in arrays), options
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: example(rng): an array is not one ({error})") from None
