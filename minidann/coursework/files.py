"""What is handed in: read once, before any of it runs; and what its files may not be."""

import ast
import importlib.util
import os
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from minidann.coursework.exercises import NAMES

ALLOWED = ("numpy", "math", "numbers", "operator", "copy", "types", "typing", "functools",
           "itertools", "collections", "contextlib", "dataclasses", "enum", "abc", "warnings",
           "__future__")  # fmt: skip
LARGEST = 256  # kilobytes of a file; the largest right one takes a hundredth
SEEN = 20_000  # files and folders of a submission that are looked at


class Forbidden(Exception):
    """A file cannot be graded: it is no Python, or imports what it may not."""


@dataclass(frozen=True)
class Submission:
    """A folder's exercises as they were when it was read: nothing that runs later changes them.

    `code` is the content of each exercise's file, by the exercise; `refused` says why there is none
    of some. `other_files` are Python files of other names; `note` is about the folder.
    """

    name: str
    code: dict[str, bytes]
    refused: dict[str, str]
    other_files: tuple[str, ...]
    note: str

    def parsed(self, name: str) -> tuple[str, ast.Module]:
        """An exercise's code, as text and as a tree; none where it is missing.

        Raises Forbidden with the reason.
        """
        if name in self.refused:
            raise Forbidden(self.refused[name])
        return _parsed(self.code.get(name, b""))


def read(folder: Path) -> Submission:
    """Read what is handed in. Of an exercise's files the one with the fewest folders around it
    counts; where there are two of those, neither. No link is followed: it would be somebody else's.
    """
    found: dict[str, list[Path]] = {}  # the files of each exercise, the nearest first
    other_files, problems = [], []
    for path in _everything(folder, problems):
        if path.suffix == ".py" and path.stem in NAMES:
            found.setdefault(path.stem, []).append(path)
        elif path.suffix.casefold() == ".py":
            other_files.append(str(path.relative_to(folder)))
    code, refused = {}, {}
    for name, paths in found.items():
        try:
            code[name] = _content(folder, paths)
        except Forbidden as error:
            refused[name] = str(error)
    if not found:
        there = meant(other_files, NAMES)
        none = f"there is no exercise in this folder{there and f'; there is {there}'}"
        problems.insert(0, none)
    return Submission(folder.name, code, refused, tuple(other_files), "; ".join(problems))


def meant(paths: Iterable[str], names: Iterable[str]) -> str:
    """That of these files which may be one of the exercises `names`; or ""."""
    for path in paths:
        plain = "".join(c for c in Path(path).stem.casefold() if c.isalnum())
        if any(plain.startswith(name.replace("_", "")) for name in names):
            return path
    return ""


def _content(folder: Path, paths: list[Path]) -> bytes:
    """What is in the nearest of these files. Raises Forbidden with the reason."""
    near = [path for path in paths if len(path.parts) == len(paths[0].parts)]
    if len(near) > 1:
        places = ", ".join(str(path.parent.relative_to(folder)) for path in near[:3])
        raise Forbidden(f"is in {len(near)} folders, {places}; hand in one")
    (path,) = near
    if path.is_symlink():
        raise Forbidden("is a link; hand in the file itself")
    try:
        with open(path, "rb") as file:
            content = file.read((LARGEST << 10) + 1)
    except OSError as error:
        raise Forbidden(f"cannot be read ({error.strerror})") from None
    if len(content) > LARGEST << 10:
        raise Forbidden(f"is larger than {LARGEST} kB")
    return content


def _everything(folder: Path, problems: list[str]) -> Iterator[Path]:
    """Every file and link, those of this folder first; what was not looked at is added to
    `problems`. Hidden folders are passed over, those of Python or of a zip, and minidann itself.
    """
    waiting, seen = deque([folder]), 0
    while waiting:
        at = waiting.popleft()
        try:
            with os.scandir(at) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            where = "" if at == folder else f"{at.relative_to(folder)}: "
            problems.append(f"{where}cannot be read ({error.strerror})")
            continue
        if at.name == "minidann" and any(entry.name == "__init__.py" for entry in children):
            continue  # the package itself, whose layers have the exercises' names
        for entry in children:
            if (seen := seen + 1) > SEEN:
                problems.append(f"only {SEEN} of its files and folders were looked at")
                return
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith((".", "__")):
                    waiting.append(at / entry.name)
            elif entry.is_symlink() or entry.is_file():  # no pipe, say
                yield at / entry.name


def arguments(tree: ast.Module, function: str) -> list[str]:
    """What the last function of this name takes by its place."""
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    return [argument.arg for argument in found[-1].args.args] if found else []


def _parsed(content: bytes) -> tuple[str, ast.Module]:
    """The code of a file, as text and as a tree. Raises Forbidden with the reason."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Forbidden("is not Python (it is text in UTF-16: save it as UTF-8)")
    try:
        with warnings.catch_warnings():  # of "\sum" in a docstring, say
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
        text = importlib.util.decode_source(content)
    except SyntaxError as error:
        line = " ".join((error.text or "").split())
        where = f"line {error.lineno}: " if error.lineno else ""
        what = f"is not Python ({where}{error.msg}{line and f', in {line[:80]!r}'})"
        raise Forbidden(what) from None
    except ValueError as error:
        raise Forbidden(f"is not Python ({error})") from None
    except (RecursionError, MemoryError):
        raise Forbidden("cannot be read: it is nested too deeply") from None
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
                    f"{', '.join(ALLOWED[:3])} and what else is listed in its README.md"
                )
    return text, tree
