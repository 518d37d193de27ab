"""Where is a quoted piece of code, and does the quote still say what the code says?

A lesson quotes by name, in a fence such as

    ```python minidann.ops.attention.backward
    def backward(dout, cache): ...
    ```

The quote is the object's own lines, all of them and unchanged, but for its docstring, which is
never quoted; a line of three dots stands for lines that are left out.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]  # the clone: the package and the lessons lie side by side in it
DOTS = "..."


class Misquoted(Exception):
    """What is wrong with a quote, in one line."""


@dataclass(frozen=True)
class Source:
    """A named piece of code: the file, from `ROOT` on, and its lines without docstring.

    `lines` are pairs (number in the file, counted from 1; text without the end of line).
    """

    name: str
    file: str
    lines: tuple[tuple[int, str], ...]


def find(name: str, root: Path = ROOT) -> Source:
    """The code of `name`: a module, function, class, method or constant. Raises Misquoted."""
    path, inside = _module(name, root)
    text = path.read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in inside:
        found = [child for child in ast.iter_child_nodes(node) if part in _names(child)]
        if len(found) != 1:
            raise Misquoted(f"{name}: {path.relative_to(root)} has no {part}")
        node = found[0]
    lines = text.splitlines()
    first, last = 1, len(lines)
    if inside:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        last = node.end_lineno
    left_out = _docstring(node)
    kept = [(i, lines[i - 1]) for i in range(first, last + 1) if i not in left_out]
    while kept and not kept[0][1].strip():  # what stood between a docstring and the code
        kept.pop(0)
    return Source(name, path.relative_to(root).as_posix(), tuple(kept))


def lines_of(quote: str, source: Source) -> list[int]:
    """The lines of the file that `quote` shows. Raises Misquoted where it shows anything else."""
    shown, place, open_ended = [], 0, False
    for block in _blocks(quote):
        if block is None:
            open_ended = True
            continue
        starts = range(place, len(source.lines) - len(block) + 1) if open_ended else [place]
        texts = [text for _, text in source.lines]
        start = next((s for s in starts if texts[s : s + len(block)] == block), None)
        if start is None:
            raise Misquoted(_difference(block, texts, place, open_ended, source))
        shown += [number for number, _ in source.lines[start : start + len(block)]]
        place, open_ended = start + len(block), False
    if not open_ended and place < len(source.lines):
        number, text = source.lines[place]
        raise Misquoted(
            f"{source.name} goes on, in {source.file}, line {number}: {text.strip()!r} "
            f"(a line of {DOTS} leaves lines out)"
        )
    return shown


def _module(name: str, root: Path) -> tuple[Path, list[str]]:
    """The file of the longest part of `name` that is a module, and what comes after."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        base = root.joinpath(*parts[:count])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path, parts[count:]
    raise Misquoted(f"{name}: there is no such module")


def _names(node: ast.AST) -> list[str]:
    """The names that a statement gives something to."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    flat = [name for target in targets for name in getattr(target, "elts", [target])]
    return [name.id for name in flat if isinstance(name, ast.Name)]


def _docstring(node: ast.AST) -> range:
    """The lines of a module's, class's or function's docstring."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
        return range(node.body[0].lineno, node.body[0].end_lineno + 1)
    return range(0)


def _blocks(quote: str) -> list[list[str] | None]:
    """Runs of quoted lines; None where three dots stand for lines that are left out."""
    blocks: list[list[str] | None] = []
    for line in quote.splitlines():
        if line.strip() == DOTS:
            blocks.append(None)
        elif blocks and blocks[-1] is not None:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return blocks


def _difference(block, texts, place, open_ended, source) -> str:
    """In words: the first quoted line that is not the code's."""
    if open_ended:  # begin where the first line of the block stands, if it does
        place = next((i for i in range(place, len(texts)) if texts[i] == block[0]), None)
        if place is None:
            return f"{source.name} has no line {block[0].strip()!r} there ({source.file})"
    for quoted, (number, text) in zip(block, source.lines[place:]):
        if quoted != text:
            return (
                f"{source.name} is not what is quoted: {quoted.strip()!r}, but in {source.file}, "
                f"line {number}, {text.strip()!r}"
            )
    return f"{source.name} ends before the quote does ({source.file})"
