"""The run folder: what a run leaves on disk, written so that a kill leaves no half file.

Every file is written under a temporary name beside its place and then renamed, which the file
system does at once or not at all.
"""

import csv
import io
import json
import math
import os
import re
import struct
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from minidann.console import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

Arrays = dict[str, np.ndarray]
NPY = re.compile(  # the head of an array as np.savez writes it; the two dots are its length
    r"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype><[fiu][48]|<U[1-9]\d{0,7})', "
    r"'fortran_order': False, 'shape': \((?P<shape>[\d, ]{0,99})\), \} *\n",
    re.DOTALL,
)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make `folder` and keep it for this process alone; a UserError where another one has it.

    Raises UserError, too, where nothing can be written into it. The system lets go of it when the
    process ends, however it ends: nothing stale stays behind. Windows and some network file
    systems have no such lock, and get none. A folder made here in which nothing was kept is taken
    away again.
    """
    with _writing_to(folder):
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        handle = _lock(folder)
    try:
        with _writing_to(folder), tempfile.TemporaryFile(dir=folder):
            pass
        yield
    finally:
        with suppress(OSError):  # it is not empty: something was kept
            for one in made:
                one.rmdir()
        if handle is not None:
            os.close(handle)


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """What the system refuses within it becomes a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written to ({error.strerror}); choose another --out"
        ) from None


def _lock(folder: Path) -> int | None:
    """Make `folder` and lock it; -> what to close to let go of it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return None
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # another process made it, kept nothing, and took it away
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise UserError(
                f"{folder}: another process is at work here; wait for it, or choose another --out"
            ) from None
        except OSError:  # some network file systems have no such lock either
            return handle
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(folder)):
                return handle
        os.close(handle)  # what was locked is gone from its place


def is_held(folder: Path) -> bool:
    """Whether a process is at work in `folder`, as far as can be told: see `hold`."""
    if fcntl is None:
        return False
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # not there, or taken away again at this moment
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such lock here
        return False
    finally:
        os.close(handle)
    return False


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path`, wholly or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before the name changes: a power cut is a kill
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); make room, or choose another folder"
        ) from None


def csv_text(rows: Iterable[Sequence]) -> str:
    """Rows as CSV, a line each that ends as lines do here."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_json(path: Path, value: dict) -> None:
    """Put `value` at `path` as JSON."""
    write(path, (json.dumps(value, indent=2) + "\n").encode())


def read_json(path: Path) -> dict:
    """The JSON object in the file `path`; a UserError where it is missing or damaged."""
    try:
        return _object(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: not found; is {path.parent} a run's folder?") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({why}); restore it or train again") from None


def _object(text: str) -> dict:
    """The JSON object in `text`; ValueError where there is none."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("its brackets are too deep") from None
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    return value


def write_arrays(path: Path, groups: dict[str, Arrays], about: dict) -> None:
    """Put arrays at `path` as an .npz, named "group/name", with `about` as JSON.

    The same arrays give the same bytes: NumPy writes no times into the archive.
    """
    arrays = {
        f"{group}/{name}": np.asarray(a, order="C")  # the only order that `read_arrays` takes
        for group, named in groups.items()
        for name, a in named.items()
    }
    content = io.BytesIO()
    np.savez(content, about=np.array(json.dumps(about)), **arrays)
    write(path, content.getvalue())


def read_arrays(path: Path) -> tuple[dict[str, Arrays], dict]:
    """What `write_arrays` put at `path`; a UserError where it is missing or damaged.

    The file may come from anybody: nothing in it is run, and nothing larger than it is unpacked.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            size = file.seek(0, os.SEEK_END)
            arrays = {one.filename: _array(archive, one, size) for one in archive.infolist()}
        about = arrays.pop("about.npy", np.zeros(0))
        if about.shape != () or about.dtype.kind != "U":
            raise ValueError("it has no description")
        about = _object(about.tobytes().decode("utf-32-le").rstrip("\0"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: not found; is {path.parent} a run's folder?") from None
    # RuntimeError and struct.error are how zipfile refuses an encrypted or a damaged entry.
    except (
        OSError, ValueError, EOFError, zipfile.BadZipFile, RuntimeError, struct.error
    ) as error:  # fmt: skip
        # zipfile quotes all that it found
        why = getattr(error, "strerror", None) or str(error).split("\n")[0][:200]
        raise UserError(
            f"{path}: damaged, or not minidann's ({why}); delete it and train again"
        ) from None
    groups: dict[str, Arrays] = {}
    for key, array in arrays.items():
        group, _, name = key.removesuffix(".npy").partition("/")
        groups.setdefault(group, {})[name] = array
    return groups, about


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, size: int) -> np.ndarray:
    """One array of an archive of `size` bytes; ValueError where it is not as np.savez writes it.

    NumPy's own reader would take more: objects, and heads for which it asks Python's parser.
    """
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size:
        raise ValueError(f"{entry.filename!r} is compressed")  # bytes could become gigabytes
    content = archive.read(entry)  # and its checksum verified
    end = 10 + int.from_bytes(content[8:10], "little")
    head = NPY.fullmatch(content[:end].decode("latin-1"))
    if not head:
        raise ValueError(f"{entry.filename!r} is no array of numbers")
    shape = tuple(int(size) for size in head["shape"].split(",") if size.strip())
    dtype = np.dtype(head["dtype"])
    if math.prod(shape) * dtype.itemsize != len(content) - end:
        raise ValueError(f"{entry.filename!r} is not as long as its head says")
    return np.frombuffer(content, dtype, offset=end).reshape(shape).copy()


def agree(path: Path, groups: dict[str, Arrays], expected: dict[str, Arrays]) -> None:
    """Raise UserError unless `groups`, read from `path`, has the arrays of `expected` and no more.

    Shapes and dtypes must be the same, and every number finite.
    """
    found, wanted = (
        {f"{group}/{name}": a for group, named in one.items() for name, a in named.items()}
        for one in (groups, expected)
    )
    for name in sorted(found.keys() | wanted.keys()):
        here, there = found.get(name), wanted.get(name)
        if here is None or there is None:
            why = f"it has {'no' if here is None else 'a needless'} {name}"
        elif (here.shape, here.dtype) != (there.shape, there.dtype):
            why = f"{name} is {here.shape} {here.dtype}, not {there.shape} {there.dtype}"
        elif not np.isfinite(here).all():
            why = f"{name} holds NaN or infinity"
        else:
            continue
        raise UserError(f"{path}: damaged, or not minidann's ({why}); delete it and train again")
