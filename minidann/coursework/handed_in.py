"""A submission, read before any of it runs: from a folder, from an archive, from notebooks.

Archives are read in memory and never unpacked, so no path in them leads anywhere. Of what cannot be
read the submission says so, by the name of the file; nothing of it may become a grade of 0.
"""

import ast
import json
import os
import re
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from minidann.coursework.exercises import EXERCISES, NAMES

LARGEST = 256 << 10  # bytes of an exercise; the largest right one takes a hundredth
ARCHIVE = 32 << 20  # bytes of an archive, unpacked
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z")  # the last two cannot be read
# Hidden files and folders, those of Python or of a zip, and minidann itself.
PASSED_OVER = re.compile(r"(^|/)(\.[^.]|__)|minidann/ops/")
NAMED = re.compile(rf"({'|'.join(NAMES)})[ _()\d-]*\.(py|py\.txt|ipynb)", re.I)  # "relu (1).py"
ASKED_FOR = {name for exercise in EXERCISES for name in exercise.functions}
DEFINES = re.compile(rf"\bdef ({'|'.join(ASKED_FOR)})\(".encode())
MAGIC = re.compile(r"^\s*[%!].*$", re.M)  # a line that only a notebook understands
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)  # of a notebook


class NotRead(Exception):
    """A file cannot be read, so it cannot be graded: the message says why."""


@dataclass
class Submission:
    """The exercises as they were when they were read: nothing that runs later changes them.

    By exercise: `code` is its text, `unread` says why it cannot be graded. `note` is about all.
    """

    name: str
    code: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    note: str = ""


class File(NamedTuple):
    """A file's path in the submission, and its content, or why it cannot be read."""

    path: PurePosixPath
    content: bytes = b""
    problem: str = ""


def read(place: Path) -> Submission:
    """The submission in this folder or archive.

    Of each exercise's files, the one with the fewest folders around it counts, then one of exactly
    its name; where two are left, neither counts.
    """
    submission = Submission(place.name)
    files = [file for file in everything(place) if not PASSED_OVER.search(str(file.path))]
    ranked: dict[str, list[tuple]] = {}
    problems = []
    for file in files:
        if match := NAMED.fullmatch(file.path.name):
            name = match[1].casefold()
            rank = len(file.path.parts), file.path.name != f"{name}.py"
            ranked.setdefault(name, []).append((rank, file))
        elif file.problem:
            problems.append(f"{file.path} {file.problem}")
        elif DEFINES.search(file.content):
            problems.append(f"{file.path} is no exercise: rename it to its exercise, such as relu"
                            f"{file.path.suffix}")  # fmt: skip
    for name, found in ranked.items():
        near = [file for rank, file in found if rank == min(found)[0]]
        places = ", ".join(str(file.path) for file in near[:3])
        try:
            if len(near) > 1:
                raise NotRead(f"is there {len(near)} times ({places}): hand in one")
            submission.code[name] = text_of(near[0])
        except NotRead as error:
            submission.unread[name] = f"{near[0].path} {error}"
    if not ranked and not problems:
        others = ", ".join(str(file.path) for file in files[:3]) or "nothing"
        problems = [f"there is no exercise in it, but {others}"]
    submission.note = "; ".join(problems[:5])
    missing = set(NAMES) - ranked.keys() if problems else ()
    submission.unread |= dict.fromkeys(missing, submission.note)
    return submission


def text_of(file: File) -> str:
    """The code of an exercise. Raises NotRead."""
    if file.problem:
        raise NotRead(file.problem)
    if len(file.content) > LARGEST:
        raise NotRead(f"is larger than {LARGEST >> 10} kB")
    if file.path.suffix == ".ipynb":
        return notebook(file.content)
    try:
        return file.content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise NotRead("is not in UTF-8, as Python expects it: save it as UTF-8") from None


def notebook(content: bytes) -> str:
    """The imports, functions, classes and numbers in a notebook's code cells, but nothing that it
    only tries out. Raises NotRead.
    """
    try:
        cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
        text = "\n\n".join(MAGIC.sub("", "".join(cell["source"])) for cell in cells)
        nodes = ast.parse(text).body
    except Exception as error:  # it is no JSON, no notebook, or no Python
        raise NotRead(f"cannot be read as a notebook ({error}): hand in a .py") from None
    kept = [node for node in nodes if isinstance(node, KEPT) or is_number(node)]
    if not DEFINES.search(text.encode()):
        raise NotRead("has no code cell that defines its function")
    return ast.unparse(ast.Module(kept, []))


def is_number(node: ast.stmt) -> bool:
    """Does it give a name to numbers, such as EPS = -1e-5 or SIZES = (1, 2), or to a type?"""
    return isinstance(node, ast.Assign) and not any(
        isinstance(part, ast.Call) or getattr(part, "id", "np") not in ("np", "dict", "str")
        for part in ast.walk(node.value)
    )


# --- Files and archives


def everything(place: Path) -> list[File]:
    """Every file in a folder or an archive, and what is wrong with it."""
    paths = [Path(at, name) for at, _, names in os.walk(place) for name in sorted(names)]
    files = []
    for path in paths or [place]:
        inside = PurePosixPath(path.relative_to(place if paths else place.parent).as_posix())
        try:
            if path.is_symlink():  # to a file of another person, perhaps
                files.append(File(inside, problem="is a link: hand in the file itself"))
            elif is_archive(inside):
                files += members(path, inside)
            elif path.is_file():  # no pipe, say
                with open(path, "rb") as file:
                    files.append(File(inside, file.read(most(inside))))
        except Exception as error:  # there are many ways in which an archive is damaged
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
    is_zip, files, total = zipfile.is_zipfile(path), [], 0
    with zipfile.ZipFile(path) if is_zip else tarfile.open(path) as archive:
        if is_zip:
            found = ((i.filename, i.file_size, archive.open, i) for i in archive.infolist())
        else:
            found = ((i.name, i.size, archive.extractfile, i) for i in archive if i.isfile())
        for name, size, open_member, info in found:
            total += size
            if total > ARCHIVE:
                raise ValueError(f"more than {ARCHIVE >> 20} MB")
            member = inside / name.replace("\\", "/")
            problem = "is an archive in an archive: hand in one" * is_archive(member)
            files.append(File(member, open_member(info).read(most(member)), problem))
    return files
