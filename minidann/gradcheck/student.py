"""A student's file as a module with the ops' contract."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np

from minidann import ops
from minidann.console import UserError
from minidann.gradcheck.contract import described, in_one_line
from minidann.gradcheck.gradients import argument_names, check
from minidann.gradcheck.proof import check_op
from minidann.gradcheck.report import Report


def load(path: Path) -> ModuleType:
    """The module in `path`. UserError where it is missing, does not run, or lacks a function."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None:
        raise UserError(f"{path}: expected a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        raise UserError(f"{path}: cannot be run ({in_one_line(error)})") from None
    missing = [name for name in ("forward", "backward") if not callable(vars(module).get(name))]
    if missing:
        raise UserError(f"{path}: has no function {' and no function '.join(missing)}")
    return module


def known_op(name: str) -> str:
    """`name`, if there is such an op; UserError if not."""
    if name not in ops.__all__:
        raise UserError(f"--op {name}: no such op; there are {', '.join(ops.__all__)}")
    return name


def check_file(path: Path, name: str | None, seed: int) -> list[Report]:
    """Check a student's file: as the op `name` on its cases, else on the file's own example."""
    module, rng = load(path), np.random.default_rng(seed)
    if name is not None:
        return check_op(known_op(name), module, rng)
    if not callable(vars(module).get("example")):
        raise UserError(f"{path}: has no function example; say with --op which op it is")
    arrays, options = _example(path, module, rng)
    zeros = vars(module).get("ZEROS", ())
    known = argument_names(module.forward, len(arrays))
    if not isinstance(zeros, (tuple, list)) or not all(zero in known for zero in zeros):
        raise UserError(
            f"{path}: ZEROS: expected names of arguments, of {', '.join(known)}, such as "
            f'("{known[0]}",), received {zeros!r}'
        )
    given = {"arrays": arrays, "options": options, "zeros": tuple(zeros), "title": path.name}
    try:
        return [check(module, rng, **given)]
    except ValueError as error:  # an empty array: everything else is in the report
        raise UserError(f"{path}: {error}") from None


def _example(path: Path, module: ModuleType, rng) -> tuple[tuple, dict]:
    """(arrays, options) of the file's own example. UserError where it gives something else."""
    expected = f"{path}: example(rng): expected (arrays, options), a tuple and a dict"
    try:
        given = module.example(rng)
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
