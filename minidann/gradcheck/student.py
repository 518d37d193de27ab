"""A student's file as a module with the ops' contract."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np

from minidann import ops
from minidann.console import UserError
from minidann.gradcheck.gradients import check
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
    except Exception as error:
        message = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be run ({type(error).__name__}: {message})") from None
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
    try:
        arrays, options = module.example(rng)
        arrays = tuple(np.array(array, dtype=np.float64) for array in arrays)
        options = dict(options)
    except Exception as error:
        message = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UserError(f"{path}: example(rng) should give arrays, options ({message})") from None
    return [check(module, rng, arrays=arrays, options=options, title=path.name)]
