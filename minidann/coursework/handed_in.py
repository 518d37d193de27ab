"""A submission, read before any of it runs: from a folder, from archives, from notebooks.

Archives are read in memory and never unpacked, so no path in them leads anywhere. Of what cannot be
read the submission says so, by the name of the file; nothing of it may become a grade of 0.
"""

import ast
import gzip
import io
import json
import os
import re
import stat
import tarfile
import tokenize
import warnings
import zipfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from minidann.coursework.exercises import EXERCISES, NAMES

ALLOWED = ("numpy", "math", "numbers", "operator", "copy", "types", "typing", "functools",
           "itertools", "collections", "contextlib", "dataclasses", "enum", "abc", "warnings",
           "__future__")  # fmt: skip
LARGEST = 256 << 10  # bytes of a file; the largest right one takes a hundredth
ARCHIVE = 32 << 20  # bytes of an archive, packed or unpacked, and half those of a submission
NESTED = 3  # archives in archives
SEEN = 20_000  # files and folders of a submission that are looked at
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".rar", ".7z")  # the last two cannot be read
UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, tarfile.TarError,
              zlib.error, MemoryError)  # fmt: skip
LINK = "is a link: hand in the file itself"
MAGIC = re.compile(r"\s*[%!]")  # begins a line that only a notebook understands
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
    """A file's path in the submission, and its content, or why it cannot be read."""

    path: PurePosixPath
    content: bytes = b""
    problem: str = ""


def read(place: Path) -> Submission:
    """The submission in this folder or archive.

    Of each exercise's files, the file with the fewest folders around it counts, and a file of
    exactly its name before others; where two are left, neither counts.
    """
    files = everything(place)
    submission = Submission(name_of(place))
    found: dict[str, list[tuple]] = {}  # by exercise: how far from the top, and from its name
    problems = []
    for file in files:
        exercises = meant(file)
        for name, distance in exercises:
            found.setdefault(name, []).append((len(file.path.parts), distance, file))
        if not exercises and file.problem:
            problems.append(f"{file.path} {file.problem}")
        elif not exercises and file.path.suffix == ".ipynb":
            problems.append(f"{file.path} is no exercise: call a layer's notebook by its exercise, "
                            "such as relu.ipynb")  # fmt: skip
    for name, candidates in found.items():
        nearest = min(candidate[:2] for candidate in candidates)
        near = [file for *distance, file in candidates if tuple(distance) == nearest]
        try:
            if len(near) > 1:
                places = ", ".join(str(file.path) for file in near[:3])
                raise NotRead(f"is there {len(near)} times ({places}): hand in one")
            add(submission, name, near[0])
        except NotRead as error:
            submission.unread[name] = f"{near[0].path} {error}"
        except (Refused, RecursionError) as error:
            submission.refused[name] = str(error)
    if not found and not problems:
        others = ", ".join(str(file.path) for file in files[:3]) or "nothing"
        problems = [f"there is no exercise in it, but {others}"]
    if problems:
        submission.note = "; ".join(problems[:5])
        submission.unread |= dict.fromkeys(set(NAMES) - found.keys(), submission.note)
    return submission


def name_of(place: Path) -> str:
    """The name of a folder, or of an archive without its endings."""
    name = place.name
    for ending in (".gz", ".tgz", ".tar", ".zip") if place.is_file() else ():
        name = name.removesuffix(ending)
    return name


def add(submission: Submission, name: str, file: File) -> None:
    """Add an exercise's file. Raises NotRead or Refused."""
    if file.problem:
        raise NotRead(file.problem)
    if len(file.content) > LARGEST:
        raise NotRead(f"is larger than {LARGEST >> 10} kB")
    is_notebook = file.path.suffix == ".ipynb"
    text, notes = notebook(file.content, name) if is_notebook else decoded(file.content)
    if file.path.name != f"{name}.py":
        notes.append(f"The code is from {file.path.name}.")
    submission.code[name], more = allowed(text)
    if notes + more:
        submission.notes[name] = notes + more


# --- Files and archives


def everything(place: Path) -> list[File]:
    """Every file, and instead of each archive the files in it.

    Hidden folders, those of Python or of a zip, and minidann itself are passed over.
    """
    files, size = [], 0
    on_disk = walk(place) if place.is_dir() else [content_of(place, PurePosixPath(place.name))]
    for file in opened(on_disk, NESTED):
        size += len(file.content)
        if size > 2 * ARCHIVE or len(files) == SEEN:
            problem = f"were not read: there is too much in it, up to {file.path}"
            files.append(File(PurePosixPath("other files"), problem=problem))
            break
        files.append(file)
    packages = {f.path.parent for f in files if f.path.name == "__init__.py"}
    minidann = {folder for folder in packages if folder.name == "minidann"}
    return [
        file
        for file in files
        if not any(part.startswith((".", "__")) for part in file.path.parts)
        and not minidann & set(file.path.parents)  # its layers have the exercises' names
    ]


def walk(folder: Path) -> Iterator[File]:
    """Every file and link below a folder, those of the folder first; no link is followed."""
    waiting = deque([folder])
    while waiting:
        at = waiting.popleft()
        inside = PurePosixPath(at.relative_to(folder).as_posix())
        try:
            with os.scandir(at) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield File(inside, problem=f"cannot be read ({error.strerror})")
            continue
        for entry in children:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith((".", "__")):
                    waiting.append(at / entry.name)
            elif entry.is_symlink():  # to a file of another person, perhaps
                yield File(inside / entry.name, problem=LINK)
            elif entry.is_file():  # no pipe, say
                yield content_of(at / entry.name, inside / entry.name)


def content_of(path: Path, inside: PurePosixPath) -> File:
    """A file on disk."""
    try:
        with open(path, "rb") as file:
            return File(inside, file.read(most(path.name)))
    except OSError as error:
        return File(inside, problem=f"cannot be read ({error.strerror})")


def most(name: str) -> int:
    """The bytes of a file that are read: a byte more than it may have, none of other files."""
    if name.casefold().endswith(ARCHIVES):
        return ARCHIVE + 1
    return LARGEST + 1 if name.casefold().endswith((".py", ".txt", ".ipynb")) else 0


def opened(files: Iterable[File], depth: int) -> Iterator[File]:
    """The files, and instead of each archive the files in it, or what is wrong with it."""
    for file in files:
        if file.problem or not file.path.name.casefold().endswith(ARCHIVES):
            yield file
            continue
        try:
            if depth == 0:
                raise ValueError("an archive too deep in other archives")
            members = list(unpacked(file))
        except UNREADABLE as error:
            problem = f"cannot be read ({error or type(error).__name__})"
            yield File(file.path, problem=problem)
        else:
            yield from opened(members, depth - 1)


def unpacked(archive: File) -> Iterator[File]:
    """The files in an archive."""
    name, content = archive.path.name.casefold(), small_enough(archive.content)
    if name.endswith(".zip"):
        size = 0
        with zipfile.ZipFile(io.BytesIO(content)) as opened_zip:
            for info in opened_zip.infolist()[:SEEN]:
                path = inner(archive.path, info.filename)
                if stat.S_ISLNK(info.external_attr >> 16):
                    yield File(path, problem=LINK)
                elif not info.is_dir():
                    with opened_zip.open(info) as file:
                        content = file.read(most(path.name))
                    size += len(content)
                    if size > ARCHIVE:
                        raise ValueError("too large when it is unpacked")
                    yield File(path, content)
        return
    if name.endswith((".gz", ".tgz")):
        with gzip.open(io.BytesIO(content)) as file:
            content = small_enough(file.read(ARCHIVE + 1))
        if not name.endswith((".tar.gz", ".tgz")):  # one file, such as relu.py.gz
            yield File(archive.path / archive.path.stem, content)
            return
    elif not name.endswith(".tar"):
        raise ValueError("hand in a zip")
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as opened_tar:
        for info in opened_tar.getmembers()[:SEEN]:
            path = inner(archive.path, info.name)
            if info.issym() or info.islnk():
                yield File(path, problem=LINK)
            elif info.isfile():
                yield File(path, opened_tar.extractfile(info).read(most(path.name)))


def small_enough(content: bytes) -> bytes:
    if len(content) > ARCHIVE:
        raise ValueError(f"larger than {ARCHIVE >> 20} MB")
    return content


def inner(archive: PurePosixPath, name: str) -> PurePosixPath:
    """A member's path as a label: archives of Windows have backslashes, hostile ones have .. ."""
    parts = name.replace("\\", "/").split("/")
    return archive.joinpath(*(part for part in parts if part not in ("", ".", "..")))


# --- Which exercise a file is


def meant(file: File) -> list[tuple[str, int]]:
    """Each exercise that a file is, and how far its name is from the exercise's."""
    name = file.path.name
    stem, _, ending = name.casefold().removesuffix(".txt").rpartition(".")
    if ending not in ("py", "ipynb"):
        return []
    if name.endswith(".py") and name.removesuffix(".py") in NAMES:
        return [(name.removesuffix(".py"), 0)]
    plain = stem.replace("-", "_").replace(" ", "_")
    plain = plain if plain in NAMES else plain.rstrip("_()0123456789")  # as of "relu (1).py"
    if plain in NAMES:
        return [(plain, 1 if ending == "py" else 2)]
    if ending == "py":
        return []
    texts = cells(file.content)
    functions = {e.name: e.functions for e in EXERCISES if not e.is_op}
    return [(name, 3) for name, wanted in functions.items() if defines(texts, wanted)]


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
    nodes = [node for top in tree.body if not is_main(top) for node in ast.walk(top)]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    lines, notes = text.split("\n"), []
    for node in nodes:
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + (node.module or "")]
        else:
            continue
        forbidden = [name for name in modules if name.split(".")[0] not in ALLOWED]
        if not forbidden:
            continue
        bound = {alias.asname or alias.name.split(".")[0] for alias in node.names}
        span = range(node.lineno - 1, node.end_lineno)
        alone = [n for n in tree.body if {n.lineno - 1, n.end_lineno - 1} & {*span}] == [node]
        if not alone or forbidden != modules or bound & (used | {"*"}):
            raise Refused(
                f"Line {node.lineno} imports {forbidden[0]}. An exercise is one file, which may "
                f"import {', '.join(ALLOWED[:3])} and what else is listed in its README.md."
            )
        for number in span:
            lines[number] = ""
        notes.append(f"Line {node.lineno} imports {forbidden[0]}, which an exercise may not use. "
                     "It is not used, so it was left out.")  # fmt: skip
    return "\n".join(lines), notes


def is_main(node: ast.stmt) -> bool:
    """Is it the block that runs only where the file is run as a program?"""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Constant) and part.value == "__main__" for part in ast.walk(node.test)
    )


def cells(content: bytes) -> list[str]:
    """The code cells of a notebook, without the lines that only a notebook understands."""
    try:
        found = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
        texts = ["".join(cell["source"]) for cell in found]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return ["\n".join("" if MAGIC.match(line) else line for line in t.split("\n")) for t in texts]


def defines(texts: list[str], functions: tuple[str, ...]) -> bool:
    """Does one of these cells define one of these functions?"""
    return any(f"def {name}(" in text for text in texts for name in functions)


def notebook(content: bytes, name: str) -> tuple[str, list[str]]:
    """The imports, functions, classes and constants of a notebook's cells, but nothing that it only
    tries out. Raises NotRead where none of its cells defines a function of the exercise.
    """
    (exercise,) = (exercise for exercise in EXERCISES if exercise.name == name)
    kept, texts = [], cells(content)
    if not defines(texts, exercise.functions):
        raise NotRead(f"has no code cell that defines {' or '.join(exercise.functions)}")
    for text in texts:
        try:
            nodes = parsed(text).body
        except Refused:  # one that only tries something out
            nodes = parsed(text).body if defines([text], exercise.functions) else []
        for node in nodes:
            inside = [*ast.walk(node.value)] if isinstance(node, ast.Assign) else [ast.Name()]
            is_constant = not any(isinstance(part, (ast.Call, ast.Name)) for part in inside)
            if is_constant or isinstance(node, KEPT):
                kept.append(ast.unparse(node))
    return "\n\n".join(kept) + "\n", []
