"""What is in a submission's folder: where its exercises are, and what they may not be."""

import ast
import warnings
from pathlib import Path

from minidann.coursework.exercises import NAMES

ALLOWED = ("numpy", "math", "numbers", "operator", "copy", "types", "typing", "functools",
           "itertools", "collections", "contextlib", "dataclasses", "enum", "abc", "warnings",
           "__future__")  # fmt: skip
LARGEST = 256  # kilobytes of a file; the largest right one takes a hundredth
SEEN = 2000  # files and folders of a submission that are looked at where one is missing


class Forbidden(Exception):
    """A file cannot be graded: it is no Python, or imports what it may not."""


def has_any(folder: Path) -> bool:
    """Is an exercise in this folder?"""
    return any((folder / f"{name}.py").is_file() for name in NAMES)


def inside(folder: Path) -> tuple[Path, str]:
    """Where a submission's exercises are: in it, or in the one folder in it that has any.

    -> that folder, and what to say of it, or "".
    """
    if has_any(folder):
        return folder, ""
    try:
        below = [one for one in sorted(folder.iterdir()) if one.is_dir() and has_any(one)]
    except OSError as error:
        return folder, f"cannot be read ({error.strerror})"
    if len(below) == 1:
        return below[0], ""
    if below:
        names = ", ".join(one.name for one in below[:3])
        return folder, f"exercises are in {len(below)} folders of it, {names}; expected one"
    there = elsewhere(folder, None)
    return folder, f"there is no exercise in this folder{there and f'; there is {there}'}"


def elsewhere(folder: Path, name: str | None) -> str:
    """A file that may be meant where the exercise `name`, or any, is missing; or ""."""
    names = NAMES if name is None else (name,)
    for path, _ in zip(_everything(folder), range(SEEN)):
        plain = "".join(c for c in path.stem.casefold() if c.isalnum())
        for one in names:
            if path.suffix.casefold() == ".py" and plain.startswith(one.replace("_", "")):
                return str(path.relative_to(folder))
    return ""


def _everything(folder: Path):
    """Every file, those of this folder first; no link is followed."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    yield from (one for one in entries if one.is_file())
    for one in entries:
        if one.is_dir() and not one.is_symlink():
            yield from _everything(one)


def arguments(tree: ast.Module, function: str) -> list[str]:
    """What the last function of this name takes by its place."""
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    return [argument.arg for argument in found[-1].args.args] if found else []


def parsed(path: Path) -> ast.Module:
    """The code in a file; none where there is no file. Raises Forbidden with the reason."""
    if not path.is_file():
        return ast.Module([], [])
    if path.is_symlink():
        raise Forbidden("is a link; hand in the file itself")
    try:
        if path.stat().st_size > LARGEST << 10:
            raise Forbidden(f"is larger than {LARGEST} kB")
        with warnings.catch_warnings():  # of "\sum" in a docstring, say
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        line = " ".join((error.text or "").split())
        where = f"line {error.lineno}: " if error.lineno else ""
        what = f"is not Python ({where}{error.msg}{line and f', in {line[:80]!r}'})"
        raise Forbidden(what) from None
    except ValueError as error:
        raise Forbidden(f"is not Python ({error})") from None
    except (OSError, RecursionError, MemoryError) as error:
        raise Forbidden(f"cannot be read ({error})") from None
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        for name in names:
            if name.split(".")[0] not in ALLOWED:
                raise Forbidden(
                    f"line {node.lineno} imports {name}; an exercise is one file, which may import "
                    f"{', '.join(ALLOWED[:3])} and what else README.md lists"
                )
    return tree
