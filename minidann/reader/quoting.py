"""Where is a quoted piece of code, and does the quote still say what the code says?

A lesson quotes by name, in a fence such as

    ```python minidann.ops.attention.backward
    def backward(dout, cache): ...
    ```

The quote is the object's own lines, all of them and unchanged, but for its docstring, which is
never quoted; a line of three dots stands for lines that are left out.
"""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from minidann.console import UserError

ROOT = Path(__file__).parents[2]  # the clone: the package and the lessons lie side by side in it
DOTS = "..."


class Source(NamedTuple):
    """A named piece of code: the file, from the clone on, and its lines without docstring.

    `lines` are pairs (number in the file, counted from 1; text without the end of line).
    """

    name: str
    file: str
    lines: list[tuple[int, str]]


def find(name: str, root: Path = ROOT) -> Source:
    """The code of `name`: a module, function, class, method or constant. Raises UserError."""
    path, inside = _module(name, root)
    file, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    lines = list(enumerate(text.splitlines(), start=1))
    for part in inside:
        children = ast.iter_child_nodes(node)
        node = next((child for child in children if part in _names(child)), None)
        if node is None:
            raise UserError(f"{name}: {file} has no {part}")
    if inside:
        lines = lines[node.lineno - 1 : node.end_lineno]
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
        docstring = node.body[0]
        lines = [line for line in lines if not docstring.lineno <= line[0] <= docstring.end_lineno]
    return Source(name, file, lines)


def lines_of(quote: str, source: Source) -> list[int]:
    """The lines of the file that `quote` shows. Raises UserError where it shows anything else."""
    quoted = quote.splitlines()
    pattern = [
        "(?:.*\n)*?" if line.strip() == DOTS else f"({re.escape(line)})\n" for line in quoted
    ]
    text = "".join(f"{line}\n" for _, line in source.lines)
    if match := re.fullmatch("".join(pattern), text):
        starts = (match.start(group) for group in range(1, match.re.groups + 1))
        return [source.lines[text.count("\n", 0, start)][0] for start in starts]
    what = f"has lines that the quote leaves out; a line of {DOTS} says so"
    for line in quoted:
        if line.strip() != DOTS and line not in text.splitlines():
            what = f"has no line {line.strip()!r}"
            break
    raise UserError(f"{source.name} {what} ({source.file})")


def _module(name: str, root: Path) -> tuple[Path, list[str]]:
    """The file of the longest part of `name` that is a module, and what comes after."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        base = root.joinpath(*parts[:count])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path, parts[count:]
    raise UserError(f"{name}: there is no such module")


def _names(node: ast.AST) -> set[str]:
    """The names that a statement gives something to."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    names = (name for name in ast.walk(node) if isinstance(name, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}
