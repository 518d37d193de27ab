"""A submission, read before any of it runs: from a folder, from an archive, from notebooks.

Archives are read in memory and never unpacked, so no path in them leads anywhere. Of what cannot be
read the submission says so, by the name of the file; nothing of it may become a grade of 0.
"""

import ast
import difflib
import io
import json
import os
import re
import tarfile
import tokenize
import warnings
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from minidann.coursework.exercises import EXERCISES, NAMES, Exercise

LARGEST = 256 << 10  # bytes of an exercise; the largest right one takes a hundredth
ARCHIVE = 32 << 20  # bytes of an archive, unpacked
SEEN = 20_000  # files of a submission that are looked at
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z")  # the last two cannot be read
UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, tarfile.TarError,
              zlib.error)  # fmt: skip
# Hidden files and folders, those of Python or of a zip, and minidann itself.
PASSED_OVER = re.compile(r"(^|/)(\.[^.]|__)|minidann/ops/")
NAMED = re.compile(rf"({'|'.join(NAMES)})[ _()\d-]*\.(py|py\.txt|ipynb)", re.I)  # "relu (1).py"
MAGIC = re.compile(r"^\s*[%!].*$", re.M)  # a line that only a notebook understands
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

    Of each exercise's files, one that has its name counts before others, then the file with the
    fewest folders around it, then one of exactly its name; where two are left, neither counts.
    """
    submission = Submission(name_of(place))
    files = [file for file in everything(place) if not PASSED_OVER.search(str(file.path))]
    ranked: dict[str, list] = {}
    problems = []
    for file in files:
        names, problem = meant(file)
        for name in names:
            is_named, depth = bool(NAMED.fullmatch(file.path.name)), len(file.path.parts)
            rank = not is_named, depth, file.path.name != f"{name}.py"
            ranked.setdefault(name, []).append((rank, file._replace(problem=problem)))
        if problem and not names:
            problems.append(f"{file.path} {problem}")
    for name, found in ranked.items():
        near = [file for rank, file in found if rank == min(found)[0]]
        places = ", ".join(str(file.path) for file in near[:3])
        try:
            if len(near) > 1:
                raise NotRead(f"is there {len(near)} times ({places}): hand in one")
            submission.code[name], submission.notes[name] = text_of(near[0], name)
        except NotRead as error:
            submission.unread[name] = f"{near[0].path} {error}"
    if not ranked and not problems:
        others = ", ".join(str(file.path) for file in files[:3]) or "nothing"
        problems = [f"there is no exercise in it, but {others}"]
    submission.note = "; ".join(problems[:5])
    missing = set(NAMES) - ranked.keys() if problems else ()
    submission.unread |= dict.fromkeys(missing, submission.note)
    return submission


def name_of(place: Path) -> str:
    """The name of a folder, or of an archive without its ending."""
    endings = [e for e in ARCHIVES if place.name.casefold().endswith(e) and place.is_file()]
    return place.name[: -len(endings[-1])] if endings else place.name


def meant(file: File) -> tuple[list[str], str]:
    """Each exercise that a file is, and why it cannot be read as that, if it cannot.

    That is the exercise of its name, else what it defines. A layer is not known by what its file
    defines, so a file of another name is told how to be renamed.
    """
    if match := NAMED.fullmatch(file.path.name):
        return [match[1].casefold()], file.problem
    stem, ending = file.path.stem.casefold(), file.path.suffix
    if file.problem or ending not in (".py", ".ipynb"):
        return [], file.problem
    texts = cells(file.content) if ending == ".ipynb" else [decoded(file.content)[0]]
    defined = [e for e in EXERCISES if defines(texts, e)]
    names = [e.name for e in defined if not e.is_op]
    if names or not defined:
        return names, ""
    near = [e.name for e in defined if e.name in stem or stem in e.name][:1]
    near = near or difflib.get_close_matches(stem, NAMES, 1)
    name = near[0] if near else "its exercise, such as relu"
    return near, f"is no exercise: rename it to {name}{ending}"


def text_of(file: File, name: str) -> tuple[str, list[str]]:
    """The code of an exercise, and notes. Raises NotRead."""
    if file.problem:
        raise NotRead(file.problem)
    if len(file.content) > LARGEST:
        raise NotRead(f"is larger than {LARGEST >> 10} kB")
    text, notes = decoded(file.content)
    if file.path.suffix == ".ipynb":
        text = "\n\n".join(map(definitions, cells(file.content))) + "\n"
        if not defines([text], EXERCISES[NAMES.index(name)]):
            raise NotRead("has no code cell that defines its function")
    if file.path.name != f"{name}.py":
        notes.append(f"The code is from {file.path.name}.")
    return text, notes


# --- Files and archives


def everything(place: Path) -> list[File]:
    """Every file in a folder or an archive, and what is wrong with it."""
    folder, paths = place.parent, [place]
    if place.is_dir():
        folder = place
        paths = [Path(at, name) for at, _, names in os.walk(place) for name in sorted(names)]
    files = []
    for path in paths[:SEEN]:
        inside = PurePosixPath(path.relative_to(folder).as_posix())
        try:
            if path.is_symlink():  # to a file of another person, perhaps
                files.append(File(inside, problem="is a link: hand in the file itself"))
            elif is_archive(inside):
                files += members(path, inside)
            elif path.is_file():  # no pipe, say
                with open(path, "rb") as file:
                    files.append(File(inside, file.read(most(inside))))
        except UNREADABLE as error:
            problem = f"cannot be read ({error or type(error).__name__}): hand in a zip"
            files.append(File(inside, problem=problem))
    return files


def is_archive(path: PurePosixPath) -> bool:
    return path.name.casefold().endswith(ARCHIVES)


def most(path: PurePosixPath) -> int:
    """The bytes of a file that are read: a byte more than it may have, none of other files."""
    return LARGEST + 1 if path.suffix.casefold() in (".py", ".txt", ".ipynb") else 0


def members(path: Path, inside: PurePosixPath) -> list[File]:
    """Each file in a zip or a tar. Raises ValueError where they are too large, and others."""
    with open(path, "rb") as file:
        if zipfile.is_zipfile(file):
            archive = zipfile.ZipFile(file)
            found = ((i.filename, i.file_size, archive.open, i) for i in archive.infolist())
        else:
            file.seek(0)
            archive = tarfile.open(fileobj=file)
            found = ((i.name, i.size, archive.extractfile, i) for i in archive if i.isfile())
        files, total = [], 0
        for name, size, open_member, info in found:
            total += size
            if total > ARCHIVE or len(files) == SEEN:
                raise ValueError(f"more than {ARCHIVE >> 20} MB or {SEEN} files")
            member = inside / name.replace("\\", "/")
            problem = "is an archive in an archive: hand in one" * is_archive(member)
            files.append(File(member, open_member(info).read(most(member)), problem))
        return files


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


def cells(content: bytes) -> list[str]:
    """The code cells of a notebook, without the lines that only a notebook understands."""
    try:
        found = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
        return [MAGIC.sub("", "".join(cell["source"])) for cell in found]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def defines(texts: list[str], exercise: Exercise) -> bool:
    """Does one of these texts define one of the exercise's functions?"""
    return any(f"def {name}(" in text for text in texts for name in exercise.functions)


def definitions(text: str) -> str:
    """The imports, functions, classes and numbers of a notebook's cell, but nothing that it only
    tries out. A cell that is not Python is kept, if it defines a function, so that it is told.
    """
    try:
        with warnings.catch_warnings():  # of "\\sum" in a docstring, say
            warnings.simplefilter("ignore")
            nodes = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text * ("def " in text)
    is_number = [isinstance(getattr(node, "value", None), ast.Constant) for node in nodes]
    kept = [node for node, keep in zip(nodes, is_number) if keep or isinstance(node, KEPT)]
    return ast.unparse(ast.Module(kept, []))
