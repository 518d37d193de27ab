"""A submission, read before any of it runs: from a folder, from an archive, from notebooks.

Archives are read in memory and never unpacked, so no path in them leads anywhere. Of what cannot be
read the submission says so, by the name of the file; nothing of it may become a grade of 0.
"""

import ast
import builtins
import json
import os
import re
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from importlib.util import decode_source
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from minidann.console import UserError
from minidann.coursework.exercises import EXERCISES, NAMES, select
from minidann.coursework.pupil import ALLOWED

LARGEST = 256 << 10  # bytes of an exercise; the largest right one takes a hundredth
ARCHIVE = 32 << 20  # bytes of an archive, unpacked
# The last two cannot be read.
ARCHIVES = ".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".rar", ".7z"
CODE = (".py", ".py.txt", ".ipynb")
# Hidden files and folders, those of Python or of a zip, and minidann itself.
PASSED_OVER = re.compile(r"(^|/)(\.[^.]|__)|minidann/ops/")
NAMED = re.compile(rf"({'|'.join(NAMES)})[ _()\d-]*\.(py|py\.txt|ipynb)", re.I)  # "relu (1).py"
DEFINES = re.compile(r"^def (\w+)\(", re.M)
MAGIC = re.compile(r"^([%!?].*|[\w.]+\?+)$", re.M)  # a line that only a notebook understands
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)  # of a notebook
(GIVEN_UP,) = ast.parse("try: pass\nexcept Exception: pass").body  # a constant that raises an error


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

    The files that are named after an exercise come before others that define its function; only its
    name makes a file a layer's, because all layers have functions of the same names. Then the file
    with the fewest folders around it counts, of these one that can be read; where two are left,
    neither counts.
    """
    submission, problems, notes = Submission(place.name), [], []
    files = [file for file in everything(place) if not PASSED_OVER.search(str(file.path))]
    texts: list[tuple] = []  # of each file of code: its path, its exercise, its text or why not
    for file in files:
        path, match = file.path, NAMED.fullmatch(file.path.name)
        own, text, why = match[1].casefold() if match else "", "", ""
        if file.problem or is_code(path):
            try:
                text = text_of(file, own, problems)
            except UserError as error:
                why = f"{path} {error}"
                problems += [why] * (not own or path.suffix == ".ipynb")  # it may hold others
            texts.append((path, own, text, why))
            if not own and {"forward", "backward"} & {*DEFINES.findall(text)}:
                problems.append(f"{path} defines a layer, but which? Rename it to its exercise, "
                                f"such as relu{path.suffix}")  # fmt: skip
    for exercise in EXERCISES:
        name, function = exercise.name, "" if exercise.is_op else exercise.functions[0]
        named = [each for each in texts if each[1] == name]
        defining = [each for each in texts if function in DEFINES.findall(each[2])]
        depths = [len(path.parts) for path, *_ in named or defining]
        near = [each for each, depth in zip(named or defining, depths) if depth == min(depths)]
        near = [each for each in near if not each[3]] or near
        if len(near) == 1:
            path, _, text, why = near[0]
            (submission.unread if why else submission.code)[name] = why or text
            notes += [f"{name} is graded by {path}, not by {other}"
                      for other, own, *_ in defining if named and not own]  # fmt: skip
        elif near:
            places = ", ".join(str(path) for path, *_ in near[:3])
            why = f"{name} is there {len(near)} times ({places}): hand in one"
            submission.unread[name] = why
    if not (submission.code or submission.unread or problems):
        others = ", ".join(str(file.path) for file in files[:3])
        nothing = "it is empty" if place.exists() else "there is no such folder"
        problems = [f"there is no exercise in it, only {others}" if others else nothing]
    submission.note = "; ".join([*problems, *notes][:5])
    missing = {*NAMES} - submission.code.keys() - submission.unread.keys() if problems else ()
    submission.unread |= dict.fromkeys(missing, submission.note)
    return submission


def text_of(file: File, own: str, problems: list[str]) -> str:
    """The code in a file, which may be named after the exercise `own`. Raises UserError."""
    if file.problem:
        raise UserError(file.problem)
    if len(file.content) > LARGEST:
        raise UserError(f"is larger than {LARGEST >> 10} kB")
    if file.path.suffix == ".ipynb":
        return notebook(file, own, problems)
    try:
        return decode_source(file.content)
    except (UnicodeDecodeError, SyntaxError):
        raise UserError("is not in UTF-8, as Python expects it: save it as UTF-8") from None


def notebook(file: File, own: str, problems: list[str]) -> str:
    """The imports, functions, classes and constants in a notebook's code cells, but nothing that it
    only tries out. A cell that is not Python is left out, which the problems say. Raises UserError.
    """
    kept: list[ast.stmt] = []
    names = {"np", *(name for name, kind in vars(builtins).items() if isinstance(kind, type))}
    try:
        cells = [cell for cell in json.loads(file.content)["cells"] if cell["cell_type"] == "code"]
        texts = [MAGIC.sub("", "".join(cell["source"])) for cell in cells]
    except Exception as error:  # it is no JSON, or no notebook
        raise UserError(f"cannot be read as a notebook ({error}): hand in a .py") from None
    for text in texts:
        try:
            for node in ast.parse(text).body:
                if isinstance(node, KEPT):
                    kept.append(node)
                    names |= imported(node)
                elif stored := constants(node, names):
                    calls = any(isinstance(part, ast.Call) for part in ast.walk(node))
                    kept.append(ast.Try([node], GIVEN_UP.handlers, [], []) if calls else node)
                    names |= stored
        except Exception as error:
            what = f"the cell {text.strip().partition(chr(10))[0][:40]!r} is not Python ({error})"
            problems.append(f"{file.path}: {what}")
    defined = [node.name for node in kept if isinstance(node, ast.FunctionDef)]
    if own and not {*defined} & {*select(None, own)[0].functions}:
        raise UserError("has no code cell that defines its function")
    if max(map(defined.count, ("forward", "backward"))) > 1:
        raise UserError("defines forward or backward twice: leave one of them")
    return ast.unparse(ast.Module(kept, []))


def imported(node: ast.stmt) -> set[str]:
    """The names that it imports from modules that an exercise may import."""
    names = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []
    found = {each.asname or each.name: getattr(node, "module", each.name) or "" for each in names}
    return {name for name, module in found.items() if module.partition(".")[0] in ALLOWED}


def constants(node: ast.stmt, known: set[str]) -> set[str]:
    """The names that it gives to what is made of `known` names alone, and of no function of the
    notebook: EPS = -1e-5, HALF = EPS / 2, Cache = namedtuple("Cache", "x w"). None of all else.
    """
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return set()
    used, inner = names_in(node, ast.Load), names_in(node.value, ast.Store)  # [... for i in ...]
    return names_in(node, ast.Store) if used <= known | inner else set()


def names_in(node: ast.AST, context: type) -> set[str]:
    """The names that are read in it (ast.Load), or written (ast.Store)."""
    names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, context)}


def everything(place: Path) -> list[File]:
    """Every file in a folder or an archive, and what is wrong with it."""
    paths = sorted(Path(at, name) for at, _, names in os.walk(place) for name in names)
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
        except Exception as error:
            damaged = tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError
            why = "it is damaged, or no zip and no tar" if isinstance(error, damaged) else error
            files.append(File(inside, problem=f"cannot be read ({why}): hand in a zip"))
    return files


def is_archive(path: PurePosixPath) -> bool:
    return path.name.casefold().endswith(ARCHIVES)


def is_code(path: PurePosixPath) -> bool:
    return path.name.casefold().endswith(CODE)


def most(path: PurePosixPath) -> int:
    """The bytes of a file that are read: of code one more than it may have, else none."""
    return LARGEST + 1 if is_code(path) else 0


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
