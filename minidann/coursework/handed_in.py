"""A submission, read before any of it runs: from a folder, from archives, from notebooks.

Archives are read in memory and never unpacked, so no path in them leads anywhere. Of what cannot be
read the submission says so, by the name of the file; nothing of it may become a grade of 0.
"""

import ast
import bz2
import gzip
import io
import json
import os
import stat
import tarfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from minidann.coursework.exercises import EXERCISES, NAMES

ALLOWED = ("numpy", "math", "numbers", "operator", "copy", "types", "typing", "functools",
           "itertools", "collections", "contextlib", "dataclasses", "enum", "abc", "warnings",
           "__future__")  # fmt: skip
LARGEST = 256 << 10  # bytes of a file; the largest right one takes a hundredth
ARCHIVE = 32 << 20  # bytes of an archive, packed and unpacked
NESTED = 3  # archives in archives
SEEN = 20_000  # files and folders of a submission that are looked at
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".rar", ".7z", ".xz")
UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, NotImplementedError, zipfile.BadZipFile,
              tarfile.TarError, zlib.error, MemoryError)  # fmt: skip


KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)  # of a notebook


class NotRead(Exception):
    """A file cannot be read, so it cannot be graded: the message says why."""


class Refused(Exception):
    """A file is read and earns nothing: the message says why."""


@dataclass
class Submission:
    """The exercises as they were when they were read: nothing that runs later changes them.

    By exercise: `code` is its text; `refused` says why it earns nothing without being run, `unread`
    why it cannot be graded; `notes` are what else there is to say. `note` is about the whole.
    """

    name: str
    code: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""


class File(NamedTuple):
    """A file's path in the submission, and how its content is read (which may raise NotRead)."""

    path: PurePosixPath
    content: Callable[[], bytes]


def read(place: Path) -> Submission:
    """The submission in this folder or archive.

    Of each exercise's files, the file with the fewest folders around it counts, and a file of
    exactly its name before others; where two are left, neither counts.
    """
    problems: list[str] = []  # what could not be read
    files = list(everything(place, problems))
    submission = Submission(place.name if place.is_dir() else without_archive(place.name))
    candidates: dict[str, list[tuple]] = {}
    for file in files:
        for exercise, distance in meant(file, problems):
            candidates.setdefault(exercise, []).append((len(file.path.parts), distance, file))
    for name, found in candidates.items():
        nearest = min(item[:2] for item in found)
        near = [file for *distance, file in found if tuple(distance) == nearest]
        try:
            if len(near) > 1:
                places = ", ".join(str(file.path) for file in near[:3])
                raise NotRead(f"is there {len(near)} times ({places}): hand in one")
            add(submission, name, near[0])
        except NotRead as error:
            submission.unread[name] = f"{near[0].path} {error}"
        except Refused as error:
            submission.refused[name] = str(error)
    if not candidates and not problems:
        others = ", ".join(str(file.path) for file in files[:3]) or "nothing"
        problems = [f"there is no exercise in it, but {others}"]
    if problems:
        submission.note = "; ".join(problems[:5])
        missing = set(NAMES) - candidates.keys()
        submission.unread |= {name: submission.note for name in missing}
    return submission


def add(submission: Submission, name: str, file: File) -> None:
    """Add an exercise's file. Raises NotRead or Refused."""
    content, notes = file.content(), []
    if len(content) > LARGEST:
        raise NotRead(f"is larger than {LARGEST >> 10} kB")
    if file.path.suffix == ".ipynb":
        text = notebook(content, functions_of(name))
        notes.append(f"The code is from the notebook {file.path.name}.")
    else:
        text, note = decoded(content)
        notes += note
        if file.path.name != f"{name}.py":
            notes.append(f"The code is from {file.path.name}.")
    text, note = allowed(text)
    submission.code[name] = text
    if notes + note:
        submission.notes[name] = notes + note


# --- Files and archives


def everything(place: Path, problems: list[str]) -> Iterator[File]:
    """Every file, also of archives. What cannot be read is added to `problems`.

    Hidden folders, those of Python or of a zip, and minidann itself are passed over.
    """
    inside = walk(place, problems) if place.is_dir() else [archive_file(place)]
    yield from opened(inside, problems, NESTED)


def archive_file(path: Path) -> File:
    return File(PurePosixPath(path.name), lambda: bytes_of(path, ARCHIVE))


def opened(files, problems: list[str], depth: int) -> Iterator[File]:
    """The files, and instead of each archive the files in it."""
    files = list(files)
    packages = {file.path.parent for file in files if file.path.name == "__init__.py"}
    for file in files:
        folders = file.path.parts[:-1]
        if any(part.startswith((".", "__")) for part in file.path.parts) or any(
            parent.name == "minidann" and parent in packages for parent in file.path.parents
        ):
            continue  # the package's layers have the exercises' names
        if not file.path.name.casefold().endswith(ARCHIVES):
            yield file
            continue
        try:
            if depth == 0:
                raise NotRead("is an archive too deep in other archives")
            members = list(unpacked(file.path, file.content()))
        except NotRead as error:
            problems.append(f"{file.path} {error}")
            continue
        except UNREADABLE as error:
            problems.append(f"{file.path} cannot be read ({error or type(error).__name__})")
            continue
        inside = PurePosixPath(*folders, file.path.name)
        yield from opened(
            (File(inside / member.path, member.content) for member in members), problems, depth - 1
        )


def unpacked(path: PurePosixPath, content: bytes) -> Iterator[File]:
    """The files in an archive."""
    name = path.name.casefold()
    if len(content) > ARCHIVE:
        raise NotRead(f"is larger than {ARCHIVE >> 20} MB")
    if zipfile.is_zipfile(io.BytesIO(content)):
        archive = zipfile.ZipFile(io.BytesIO(content))
        for info in archive.infolist()[:SEEN]:
            if not info.is_dir():
                yield File(inner(info.filename), lambda info=info: member(archive, info))
        return
    for ending, unpack in ((".gz", gzip.open), (".tgz", gzip.open), (".bz2", bz2.open)):
        if name.endswith(ending):
            with unpack(io.BytesIO(content)) as file:
                content = file.read(ARCHIVE + 1)
            if len(content) > ARCHIVE:
                raise NotRead(f"is larger than {ARCHIVE >> 20} MB when it is unpacked")
            if not name.endswith((".tar.gz", ".tgz", ".tar.bz2")):  # one file, such as relu.py.gz
                yield File(PurePosixPath(path.stem), lambda: content)
                return
    if not name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2")):
        raise NotRead("is an archive that cannot be read: hand in a zip")
    archive = tarfile.open(fileobj=io.BytesIO(content), mode="r:")
    for info in archive.getmembers()[:SEEN]:
        if info.isfile():
            yield File(inner(info.name), lambda info=info: archive.extractfile(info).read())
        elif info.issym() or info.islnk():
            yield File(inner(info.name), link)


def inner(name: str) -> PurePosixPath:
    """A member's path in an archive, which may come from Windows, as a label only."""
    parts = name.replace("\\", "/").split("/")
    return PurePosixPath(*(part for part in parts if part not in ("", ".", "..")) or ("file",))


def member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The content of a file in a zip, up to what an archive may have."""
    if stat.S_ISLNK(info.external_attr >> 16):
        link()
    try:
        with archive.open(info) as file:
            return file.read(ARCHIVE + 1)
    except UNREADABLE as error:
        raise NotRead(f"cannot be read ({error})") from None


def link() -> bytes:
    raise NotRead("is a link: hand in the file itself")


def bytes_of(path: Path, most: int) -> bytes:
    """The content of a file on disk, up to a byte more than `most`."""
    if path.is_symlink():  # it would be another person's
        link()
    try:
        with open(path, "rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise NotRead(f"cannot be read ({error.strerror})") from None


def walk(folder: Path, problems: list[str]) -> Iterator[File]:
    """Every file and link below a folder, those of the folder first; no link is followed."""
    waiting, seen = [folder], 0
    while waiting:
        at = waiting.pop(0)
        try:
            with os.scandir(at) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            problems.append(f"{at.relative_to(folder)} cannot be read ({error.strerror})")
            continue
        for entry in children:
            if (seen := seen + 1) > SEEN:
                problems.append(f"only {SEEN} of its files and folders were looked at")
                return
            path = at / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith((".", "__")):
                    waiting.append(path)
            elif entry.is_symlink() or entry.is_file():  # no pipe, say
                inside = PurePosixPath(path.relative_to(folder).as_posix())
                yield File(inside, lambda path=path: bytes_of(path, ARCHIVE))


def without_archive(name: str) -> str:
    """A file's name without the endings of an archive."""
    for ending in (".gz", ".bz2", ".tgz", ".tar", ".zip"):
        name = name.removesuffix(ending)
    return name


# --- Which exercise a file is


def functions_of(name: str) -> tuple[str, ...]:
    """The functions that an exercise's file has; of a layer both."""
    (exercise,) = (exercise for exercise in EXERCISES if exercise.name == name)
    return ("forward", "backward") if exercise.is_op else exercise.functions


def meant(file: File, problems: list[str]) -> Iterator[tuple[str, int]]:
    """Each exercise that a file is, and how far its name is from the exercise's."""
    name = file.path.name
    stem = name.casefold().removesuffix(".txt")
    if not stem.endswith((".py", ".ipynb")):
        return
    plain = stem.rpartition(".")[0].replace("-", "_").replace(" ", "_")
    plain = plain if plain in NAMES else plain.rstrip("_()0123456789")  # as of "relu (1).py"
    exact = name.removesuffix(".py")
    if exact in NAMES and name.endswith(".py"):
        yield exact, 0
    elif plain in NAMES:
        yield plain, 1 if stem.endswith(".py") else 2
    elif stem.endswith(".ipynb"):
        try:
            found = [
                exercise.name
                for exercise in EXERCISES
                if not exercise.is_op and defines(cells(file.content()), exercise.functions)
            ]
        except NotRead as error:
            problems.append(f"{file.path} {error}")
            return
        if not found:
            problems.append(f"{file.path} is no exercise: call a layer's notebook by its exercise, "
                            "such as relu.ipynb")  # fmt: skip
        yield from ((name, 3) for name in found)


# --- Text


def decoded(content: bytes) -> tuple[str, list[str]]:
    """The text of a Python file, and a note where it is not as Python expects it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), ["The file is in UTF-16: save it as UTF-8."]
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return io.TextIOWrapper(io.BytesIO(content), encoding).read(), []
    except (SyntaxError, UnicodeDecodeError, LookupError):
        note = "The file is not in UTF-8 and was read as Latin-1: save it as UTF-8."
        return content.decode("latin-1").replace("\r\n", "\n"), [note]


def parsed(text: str) -> ast.Module:
    """The code as a tree. Raises Refused where it is not Python."""
    try:
        with warnings.catch_warnings():  # of "\sum" in a docstring, say
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        line = " ".join((error.text or "").split())[:80]
        where = f"line {error.lineno}: " if error.lineno else ""
        raise Refused(
            f"It is not Python ({where}{error.msg}{line and f', in {line!r}'})."
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"It is not Python ({error or 'nested too deeply'}).") from None


def allowed(text: str) -> tuple[str, list[str]]:
    """The code without imports that it may not have and does not use, and a note on them.

    Raises Refused where it uses them, or is not Python.
    """
    tree = parsed(text)
    main = [n for n in tree.body if isinstance(n, ast.If) and "__main__" in ast.unparse(n.test)]
    skipped = {id(inside) for block in main for inside in ast.walk(block)}  # it does not run
    nodes = [node for node in ast.walk(tree) if id(node) not in skipped]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    lines, notes = text.splitlines(), []
    for node in nodes:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        relative = isinstance(node, ast.ImportFrom) and node.level
        module = "." * relative + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        modules = [module] if module else [alias.name for alias in node.names]
        forbidden = [name for name in modules if name.split(".")[0] not in ALLOWED]
        if not forbidden:
            continue
        bound = {alias.asname or alias.name.split(".")[0] for alias in node.names}
        alone = [
            n for n in tree.body if n.lineno <= node.end_lineno and n.end_lineno >= node.lineno
        ]
        if alone != [node] or len(forbidden) < len(modules) or bound & (used | {"*"}):
            raise Refused(
                f"Line {node.lineno} imports {forbidden[0]}. An exercise is one file, which may "
                f"import {', '.join(ALLOWED[:3])} and what else is listed in its README.md."
            )
        for number in range(node.lineno - 1, node.end_lineno):
            lines[number] = ""
        notes.append(f"Line {node.lineno} imports {forbidden[0]}, which an exercise may not use. "
                     "It is not used, so it was left out.")  # fmt: skip
    return ("\n".join(lines) + "\n" if notes else text), notes


def cells(content: bytes) -> list[str]:
    """The code cells of a notebook, without the lines that only a notebook understands."""
    try:
        found = json.loads(content)["cells"]
        sources = [cell["source"] for cell in found if cell["cell_type"] == "code"]
        texts = [source if isinstance(source, str) else "".join(source) for source in sources]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotRead("is no notebook that can be read") from None
    return [
        "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in text.split("\n"))
        for text in texts
    ]


def defines(texts: list[str], functions: tuple[str, ...]) -> bool:
    """Does one of these cells define one of these functions?"""
    return any(f"def {name}(" in text for text in texts for name in functions)


def notebook(content: bytes, functions: tuple[str, ...]) -> str:
    """The imports, functions, classes and constants of a notebook's cells, but nothing that it only
    tries out. Raises NotRead where none of its cells defines one of the functions.
    """
    texts = cells(content)
    if not defines(texts, functions):
        raise NotRead(f"has no cell that defines {' or '.join(functions)}")
    kept = []
    for text in texts:
        try:
            tree = parsed(text)
        except Refused:
            if defines([text], functions):
                raise
            continue
        for node in tree.body:
            is_constant = isinstance(node, ast.Assign) and not any(
                isinstance(inside, (ast.Call, ast.Name)) for inside in ast.walk(node.value)
            )
            if is_constant or isinstance(node, KEPT):
                kept.append(ast.unparse(node))
    return "\n\n".join(kept) + "\n"
