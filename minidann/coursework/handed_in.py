"""A submission, read before any of it runs: from a folder, from archives, from notebooks.

Archives are read in memory and never unpacked, so no path in them leads anywhere. Of what cannot be
read the submission says so, by the name of the file; nothing of it may become a grade of 0.
"""

import ast
import io
import json
import os
import re
import tarfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from minidann.coursework.exercises import EXERCISES, NAMES
from minidann.coursework.pupil import ALLOWED

LARGEST = 256 << 10  # bytes of an exercise; the largest right one takes a hundredth
ARCHIVE = 32 << 20  # bytes of an archive, packed or unpacked
NESTED = 3  # archives in archives
SEEN = 20_000  # files of a submission that are looked at
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z")  # the last two cannot be read
UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, tarfile.TarError,
              zlib.error)  # fmt: skip
# Hidden files and folders, those of Python or of a zip, and minidann itself.
PASSED_OVER = re.compile(r"(^|/)(\.[^.]|__)|minidann/ops/|coursework/bugs/")
NAMED = re.compile(rf"({'|'.join(NAMES)})[ _()\d-]*\.(py|py\.txt|ipynb)", re.I)  # "relu (1).py"
UNNAMED = "is no exercise: call a layer's notebook by its exercise, such as relu.ipynb"
MAGIC = re.compile(r"^\s*[%!].*$", re.M)  # a line that only a notebook understands
BROKEN_CODE = (SyntaxError, ValueError, RecursionError, MemoryError)
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)  # of a notebook


class NotRead(Exception):
    """A file cannot be read, so it cannot be graded: the message says why."""


@dataclass
class Submission:
    """The exercises as they were when they were read: nothing that runs later changes them.

    By exercise: `code` is its text; `unread` says why it cannot be graded; `notes` are what else
    there is to say. `note` is about the whole.
    """

    name: str
    code: dict[str, str] = field(default_factory=dict)
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
    submission = Submission(name_of(place))
    files = [(file, meant(file)) for file in everything(place)]
    problems = [
        f"{file.path} {file.problem or UNNAMED}"
        for file, names in files
        if not names and (file.problem or file.path.suffix == ".ipynb")
    ]
    for name in NAMES:
        ranked = [
            ((len(file.path.parts), file.path.name != f"{name}.py"), file)
            for file, names in files
            if name in names
        ]
        near = [file for rank, file in ranked if rank == min(ranked)[0]]
        places = ", ".join(str(file.path) for file in near[:3])
        try:
            if len(near) > 1:
                raise NotRead(f"is there {len(near)} times ({places}): hand in one")
            for file in near:
                submission.code[name], submission.notes[name] = text_of(file, name)
        except NotRead as error:
            submission.unread[name] = f"{near[0].path} {error}"
    if not submission.code and not submission.unread and not problems:
        others = ", ".join(str(file.path) for file, _ in files[:3]) or "nothing"
        problems = [f"there is no exercise in it, but {others}"]
    if problems:
        submission.note = "; ".join(problems[:5])
        missing = set(NAMES) - submission.code.keys() - submission.unread.keys()
        submission.unread |= dict.fromkeys(missing, submission.note)
    return submission


def name_of(place: Path) -> str:
    """The name of a folder, or of an archive without its ending."""
    endings = [e for e in ARCHIVES if place.name.casefold().endswith(e) and place.is_file()]
    return place.name[: -len(endings[-1])] if endings else place.name


def meant(file: File) -> list[str]:
    """Each exercise that a file is: that of its name, or those that a notebook defines."""
    if match := NAMED.fullmatch(file.path.name):
        return [match[1].casefold()]
    if file.path.suffix != ".ipynb":
        return []
    texts = cells(file.content)
    return [e.name for e in EXERCISES if not e.is_op and defines(texts, e.functions)]


def text_of(file: File, name: str) -> tuple[str, list[str]]:
    """The code of an exercise, and notes. Raises NotRead."""
    if file.problem:
        raise NotRead(file.problem)
    if len(file.content) > LARGEST:
        raise NotRead(f"is larger than {LARGEST >> 10} kB")
    is_notebook = file.path.suffix == ".ipynb"
    text, notes = notebook(file.content, name) if is_notebook else decoded(file.content)
    if file.path.name != f"{name}.py":
        notes.append(f"The code is from {file.path.name}.")
    text, more = without_unused(text)
    return text, notes + more


# --- Files and archives


def everything(place: Path) -> list[File]:
    """Every file of a submission that may be an exercise, and whatever cannot be read."""
    files, size = [], 0
    for file in opened(place):
        if PASSED_OVER.search(str(file.path)):
            continue
        size += len(file.content)
        if size > 2 * ARCHIVE or len(files) == SEEN:
            problem = f"were not read: there is too much in it, up to {file.path}"
            return [*files, File(PurePosixPath("other files"), problem=problem)]
        files.append(file)
    return files


def opened(place: Path) -> Iterator[File]:
    """Every file in a folder or an archive, and instead of each archive the files in it."""
    folder, paths = place.parent, [place]
    if place.is_dir():
        folder = place
        paths = [Path(at, name) for at, _, names in os.walk(place) for name in sorted(names)]
    for path in paths:
        inside = PurePosixPath(path.relative_to(folder).as_posix())
        try:
            if path.is_symlink():  # to a file of another person, perhaps
                yield File(inside, problem="is a link: hand in the file itself")
            elif path.is_file():  # no pipe, say
                with open(path, "rb") as file:
                    yield from unpacked(inside, file.read(most(path.name)), NESTED)
        except OSError as error:
            yield File(inside, problem=f"cannot be read ({error.strerror})")


def most(name: str) -> int:
    """The bytes of a file that are read: a byte more than it may have, none of other files."""
    if name.casefold().endswith(ARCHIVES):
        return ARCHIVE + 1
    return LARGEST + 1 if name.casefold().endswith((".py", ".txt", ".ipynb")) else 0


def unpacked(path: PurePosixPath, content: bytes, depth: int) -> Iterator[File]:
    """The file, or if it is an archive the files in it, and what is wrong with it."""
    if not path.name.casefold().endswith(ARCHIVES):
        yield File(path, content)
        return
    try:
        if depth == 0:
            raise ValueError("an archive too deep in other archives")
        for name, inner in members(content):
            yield from unpacked(path / name.replace("\\", "/"), inner, depth - 1)
    except UNREADABLE as error:
        problem = f"cannot be read ({error or type(error).__name__}): hand in a zip"
        yield File(path, problem=problem)


def members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each file in a zip or a tar, in memory.

    Raises ValueError where they are too large, and others of UNREADABLE.
    """
    file, total = io.BytesIO(content), len(content)
    if zipfile.is_zipfile(file):
        archive = zipfile.ZipFile(file)
        found = ((i.filename, i.file_size, archive.open, i) for i in archive.infolist())
    else:
        archive = tarfile.open(fileobj=io.BytesIO(content))
        found = ((i.name, i.size, archive.extractfile, i) for i in archive if i.isfile())
    for name, size, open_member, info in found:
        total += size
        if total > ARCHIVE:
            raise ValueError(f"more than {ARCHIVE >> 20} MB")
        yield name, open_member(info).read(most(name))


# --- Text


def decoded(content: bytes) -> tuple[str, list[str]]:
    """The text of a Python file, and a note where it is not as Python expects it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), ["The file is in UTF-16: save it as UTF-8."]
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding).replace("\r\n", "\n"), []
    except (SyntaxError, UnicodeDecodeError):
        note = "The file is not in UTF-8 and was read as Latin-1: save it as UTF-8."
        return content.decode("latin-1").replace("\r\n", "\n"), [note]


def without_unused(text: str) -> tuple[str, list[str]]:
    """The code without imports that it may not have and does not use, and a note on each.

    An import that it uses is refused when it is run, and so is what is not Python.
    """
    try:
        tops = parsed(text).body
    except BROKEN_CODE:
        return text, []
    nodes = [node for top in tops if not is_main(top) for node in ast.walk(top)]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    lines, notes = text.split("\n"), []
    for node in nodes:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        bound = {alias.asname or alias.name.split(".")[0] for alias in node.names}
        module = (getattr(node, "module", "") or node.names[0].name).split(".")[0]
        if module not in ALLOWED and not bound & (used | {"*"}):
            first, last = node.lineno - 1, node.end_lineno - 1
            begin, end = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
            lines[first] = f"{begin}pass{end}"
            lines[first + 1 : last + 1] = [""] * (last - first)  # each line keeps its number
            notes.append(f"Line {node.lineno} imports {module}, which an exercise may not use. "
                         "It is not used, so it was left out.")  # fmt: skip
    return "\n".join(lines), notes


def parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():  # of "\\sum" in a docstring, say
        warnings.simplefilter("ignore")
        return ast.parse(text)


def is_main(node: ast.stmt) -> bool:
    """Is it the block that runs only where the file is run as a program?"""
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


def cells(content: bytes) -> list[str]:
    """The code cells of a notebook, without the lines that only a notebook understands."""
    try:
        found = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
        return [MAGIC.sub("", "".join(cell["source"])) for cell in found]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


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
        except BROKEN_CODE:
            nodes = []
            if defines([text], exercise.functions):
                kept.append(text)
        for node in nodes:
            is_number = isinstance(node, ast.Assign) and not any(
                isinstance(part, (ast.Call, ast.Name)) for part in ast.walk(node.value)
            )
            if is_number or isinstance(node, KEPT):
                kept.append(ast.unparse(node))
    return "\n\n".join(kept) + "\n", []
