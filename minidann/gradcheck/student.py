"""A student's file: load it, ask it, judge its answers. Nothing that it does may hang or hide.

With `--op` it answers the questions about that op. Without, its gradients are compared with the
differences of its own forward, on its own `example`.
"""

import contextlib
import inspect
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from minidann import ops
from minidann.console import UserError
from minidann.gradcheck.contract import described, in_one_line, quietly
from minidann.gradcheck.gradients import check, same_op
from minidann.gradcheck.judging import SINGLE as SINGLE_NOTE
from minidann.gradcheck.judging import Answer, judge, questions
from minidann.gradcheck.purity import copied, same
from minidann.gradcheck.report import DECLARE, LEGEND, NO_EVIDENCE, Report, Row
from minidann.gradcheck.verdict import MOST, Verdict, lines
from minidann.mistakes.question import Case, Question, argument_names, ask, real

SECONDS = 10  # for one call
TOTAL = 40  # seconds for all calls
LARGE = 2000  # entries: of a larger array random directions are checked, not every entry
DIRECTIONS = 20
FLOAT32 = "it is float64 where float32 goes in; give the arrays that you make the input's dtype"
DEAF = (
    "backward gives the same gradients whatever dout is: multiply by dout, which for a loss is the "
    "derivative of what comes after it, a number."
)


class Checked(NamedTuple):
    """The verdicts on a file in words, all numbers in a table, and whether everything is right."""

    lines: list[str]
    table: str
    ok: bool


class TookTooLong(BaseException):
    """No Exception: the code under test must not be able to catch it."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TookTooLong where the block takes longer (on Windows there is no limit)."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number, frame):
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def load(path: Path) -> ModuleType:
    """The module in `path`. UserError where it is missing, does not run, or lacks a function."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    if path.suffix != ".py":
        raise UserError(f"{path}: expected a Python file (.py)")
    try:
        code = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: it is not UTF-8 text; save it with the encoding UTF-8") from None
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        with limited(SECONDS):
            exec(compile(code, str(path), "exec"), vars(module))  # noqa: S102
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise UserError(f"{path}: cannot be run ({in_one_line(error)})") from None
    except TookTooLong as error:
        raise UserError(
            f"{path}: importing it took more than {SECONDS} s{place(error, path)}; keep only "
            "definitions outside of functions"
        ) from None
    except (Exception, SystemExit) as error:
        raise UserError(
            f"{path}: cannot be run ({in_one_line(error)}{place(error, path)})"
        ) from None
    missing = [name for name in ("forward", "backward") if not callable(vars(module).get(name))]
    if missing:
        raise UserError(f"{path}: has no function {' and no function '.join(missing)}")
    return module


def place(error: BaseException, path: Path | str | None) -> str:
    """The line of the file at which it was raised, in words."""
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if path and frame.filename == str(path)]
    return f", line {numbers[-1]}" if numbers else ""


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
    return _check_on_its_own(path, module, rng)


# As an op.


def check_as(name: str, module, rng: np.random.Generator, title: str) -> Checked:
    """The verdicts on `module` as the op `name`: what it gives must be what minidann's op gives."""
    asked = questions(name, rng)
    takes, notes = _takes(module.forward, asked)
    asked = [question for question in asked if takes(question)]
    given = answers(module, asked)
    verdicts = judge(name, asked, given, any_subgradient=True)
    if all(verdict.right for verdict in verdicts.values()):
        verdicts = _in_float32(module, asked[-1], verdicts)
    ok = all(verdict.right for verdict in verdicts.values())
    head = lines(verdicts.values(), f"{title}, as {name}")
    return Checked([*head, *notes], _table(asked, given, name), ok)


def answers(module, asked: list[Question]) -> list[Answer]:
    """What the code under test gives on each question, and once more when all have been asked."""
    path, until, first = getattr(module, "__file__", None), time.monotonic() + TOTAL, []
    for question in asked:
        _, arrays, options = question.case
        out = cache = None
        which = "forward"
        try:
            with limited(min(SECONDS, until - time.monotonic())):
                given = (quietly if first else _heard)(module.forward, *arrays, **options)
                if not isinstance(given, tuple) or len(given) != 2:
                    raise TypeError(f"forward returned {described(given)}, not (out, cache)")
                out, cache = given
                which = "backward"
                gradients = (quietly if first else _heard)(
                    module.backward, question.upstream, cache
                )
                first.append((Answer(out, copied(gradients)), cache))
        except TookTooLong as error:
            text = f"took more than {SECONDS} s{place(error, path)}; does a loop never end?"
            first.append((Answer(out, error=text, which=which), None))
            until = 0.0  # the other questions get the least time
        except (Exception, SystemExit) as error:
            text = f"raised {in_one_line(error)}{place(error, path)}"
            first.append((Answer(out, error=text, which=which), None))
    return [_asked_again(module, q, a, cache, until) for q, (a, cache) in zip(asked, first)]


def _heard(function, *given, **options):
    """What the first call prints is shown."""
    with np.errstate(all="ignore"):
        return function(*given, **options)


def _asked_again(module, question: Question, answer: Answer, cache, until: float) -> Answer:
    if answer.error:
        return answer
    try:
        with limited(min(SECONDS, until - time.monotonic())):
            return answer._replace(again=quietly(module.backward, question.upstream, cache))
    except (Exception, SystemExit, TookTooLong):
        return answer._replace(again=())


def _takes(forward: Callable, asked: list[Question]) -> tuple[Callable, list[str]]:
    """Which questions forward can be asked: its options may be fewer, or lack minidann's defaults.

    -> (question -> can it be asked?, notes on what could not).
    """
    try:
        parameters = inspect.signature(forward).parameters
    except (TypeError, ValueError):  # something built in
        return (lambda question: True), []
    given_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    options = {name for question in asked for name in question.case.options}
    needed = {n for n, p in parameters.items() if n in options and p.default is p.empty}

    def takes(question: Question) -> bool:
        lacks = "input_gradient" in question.case.options and not (
            given_all or "input_gradient" in parameters
        )
        return not lacks and needed <= question.case.options.keys()

    defaults = {n for question in asked for n in needed - question.case.options.keys()}
    notes = [f"note: {name} has no default; minidann's op has one" for name in sorted(defaults)]
    return takes, notes


def _in_float32(module, question: Question, verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
    """The same, with a note on what is float64 where float32 goes in."""
    arrays, options = (_to_float32(copied(given)) for given in question.case[1:])
    try:
        with limited(SECONDS):
            out, cache = quietly(module.forward, *arrays, **options)
            gradients = quietly(module.backward, _to_float32(question.upstream), cache)
    except (Exception, SystemExit, TookTooLong):
        return verdicts
    parts = dict(zip(verdicts, (out, *gradients))) if len(verdicts) > len(gradients) else {}
    wide = {part for part, array in parts.items() if getattr(array, "dtype", None) == np.float64}
    return {part: verdict._replace(note=verdict.note or FLOAT32 * (part in wide))
            for part, verdict in verdicts.items()}  # fmt: skip


def _to_float32(thing):
    """Nested tuples and dicts with every float64 array in float32."""
    if isinstance(thing, dict):
        return {key: _to_float32(value) for key, value in thing.items()}
    if isinstance(thing, tuple):
        return tuple(_to_float32(value) for value in thing)
    is_float = isinstance(thing, np.ndarray) and thing.dtype == np.float64
    return thing.astype(np.float32) if is_float else thing


def _table(asked: list[Question], given: list[Answer], name: str) -> str:
    """The relative error of each part on each input."""
    names = argument_names(getattr(ops, name).forward)
    rows = [["input", "out", *(f"d{n}" for n in names)]]
    for question, answer in zip(asked, given):
        gradients = answer.gradients
        if not isinstance(gradients, (tuple, list)) or len(gradients) != len(names):
            gradients = [None] * len(names)
        pairs = [(answer.out, question.out), *zip(gradients, question.gradients)]
        rows.append([question.case.what, *(_error(*pair) for pair in pairs)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    table = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
    legend = "Each number is the largest error, relative to the largest entry of what is right."
    return "\n".join([legend, *table])


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
        with limited(TOTAL):
            tried = _try(module, arrays, options)
            if tried.out == np.float32:
                return _in_single(path, module, rng, arrays, options)
            report = check(
                module, rng, arrays=arrays, options=options, zeros=tuple(zeros), title=path.name,
                names=names, directions=DIRECTIONS if large else None, single=tried.single,
            )  # fmt: skip
    except TookTooLong as error:
        raise UserError(
            f"{path}: the check took more than {TOTAL} s{place(error, path)}: does a loop never "
            "end? Forward is called several times for each entry, so a small example is faster"
        ) from None
    except ValueError as error:  # an empty array: everything else is in the report
        raise UserError(f"{path}: {error}") from None
    notes = [
        f"note: {', '.join(large)} has more than {LARGE} entries: {DIRECTIONS} random directions "
        "were checked; a smaller example checks, and names, every entry"
    ] * bool(large)
    problems = [f"{p}{_about_labels(p)}" for p in report.problems] + [DEAF] * tried.deaf
    verdicts = [_of_row(row, report, tried) for row in report.rows]
    verdicts += [Verdict("the contract", False, tuple(problems[:2]))] if problems else []
    ok = report.ok and not tried.deaf
    return Checked([*lines(verdicts, path.name), *notes][:MOST], f"{report}\n{LEGEND}", ok)


class Tried(NamedTuple):
    """The dtype of out, whether a gradient is float32, whether backward ignores dout."""

    out: np.dtype | None
    single: bool
    deaf: bool


def _try(module, arrays, options) -> Tried:
    """Run the code once; what goes wrong, `check` will report."""
    try:
        out, cache = quietly(module.forward, *copied(arrays), **copied(options))
        dout = np.asarray(np.ones(np.shape(out)))
        once = copied(quietly(module.backward, dout, cache))
        found = [np.asarray(g) for g in once if g is not None]
        again = quietly(module.backward, 3 * dout, cache)
        deaf = same(once, again) and any(g.any() for g in found)
        return Tried(np.asarray(out).dtype, any(g.dtype == np.float32 for g in found), deaf)
    except (Exception, SystemExit):
        return Tried(None, False, False)


def _in_single(path: Path, module, rng, arrays, options) -> Checked:
    """The verdict where forward returns float32: only a known op can be judged."""
    out, _ = quietly(module.forward, *copied(arrays), **copied(options))
    name = same_op(arrays, options, out)
    if name is None:
        raise UserError(
            f"{path}: forward returns float32 where float64 goes in, in which differences are too "
            "coarse; give the arrays that you make the dtype of the input"
        )
    case = Case("your example", arrays, options)
    asked = [
        ask(getattr(ops, name), case, np.asarray(rng.standard_normal(np.shape(out))))
        for _ in range(3)
    ]
    given = answers(module, asked)
    verdicts = judge(name, asked, given, any_subgradient=True).values()
    text = lines(verdicts, f"{path.name}, which gives what {name} gives")
    return Checked(text, _table(asked, given, name), all(v.right for v in verdicts))


def _of_row(row: Row, report: Report, tried: Tried) -> Verdict:
    """A row of the table as a verdict."""
    part = f"d{row.argument}"
    if row.ok:
        note = row.verdict if row.verdict == "not computed" else SINGLE_NOTE * tried.single
        if row.unchecked:
            note = f"{row.unchecked} of {row.tried} entries are at a kink, where any slope between "
            note += "those of both sides is accepted"
        return Verdict(part, True, note=note)
    if row.verdict == NO_EVIDENCE:
        cause = f'{DECLARE} ZEROS = ("{row.argument}",).'
        return Verdict(part, False, (cause,))
    at = f"[{', '.join(map(str, row.where))}]" if row.where else ""
    given = f"received {part}{at} = {row.analytic:.6g}\nright    {part}{at} = {row.true:.6g}"
    causes = report.causes.get(row.argument, ())
    if row.verdict != "WRONG":
        causes, given = (f"{row.verdict.lower()}; {part} should have the shape {row.shape}.",), ""
    return Verdict(part, False, causes, given)


def _about_labels(problem: str) -> str:
    """What to do where labels were given as if they could be differentiated."""
    indices = "IndexError: arrays used as indices" in problem or "only integers" in problem
    return "; labels are no array to differentiate: return them in the options" if indices else ""


def _example(path: Path, module: ModuleType, rng) -> tuple[tuple, dict]:
    """(arrays, options) of the file's own example. UserError where it gives something else."""
    expected = f"{path}: example(rng): expected (arrays, options), a tuple and a dict"
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
        raise UserError(
            f"{expected}, received {described(given)}; for two arrays and no options: "
            "return (a, b), {}"
        )
    arrays, options = given
    if not isinstance(arrays, (tuple, list)) or not arrays:
        raise UserError(
            f"{expected}, received {described(arrays)} first; for one: return (x,), {{}}"
        )
    try:
        return tuple(np.array(array, dtype=np.float64) for array in arrays), options
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: example(rng): an array is not one ({error})") from None
