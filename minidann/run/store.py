"""The run folder: what a run leaves on disk, written so that a kill leaves no half file.

Every file is written under a temporary name beside its place and then renamed, which the file
system does at once or not at all.
"""

import csv
import io
import json
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np

from minidann.console import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

Arrays = dict[str, np.ndarray]
FORMAT = 2  # of the files of a run; raise it when they change
EARLIER = "made by an earlier version of minidann; train again, in another --out"
# What NumPy and zipfile raise on a damaged or hostile archive.
DAMAGED = (
    OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, OverflowError, SyntaxError,
    RuntimeError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make `folder` and keep it for this process alone; a UserError where another one has it.

    Raises UserError, too, where nothing can be written into it. A folder made here in which nothing
    was kept is taken away again.
    """
    with ExitStack() as held:
        try:
            made = [place for place in (folder, *folder.parents) if not place.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(_locked(folder))
            with tempfile.TemporaryFile(dir=folder):
                pass
        except BlockingIOError:
            raise UserError(
                f"{folder}: another process is at work here; wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise UserError(
                f"{folder}: cannot be written to ({error.strerror}); choose another --out"
            ) from None
        try:
            yield
        finally:
            with suppress(OSError):  # it is not empty: something was kept
                for place in made:
                    place.rmdir()


def is_held(folder: Path) -> bool:
    """Whether a process is at work in `folder`, as far as can be told."""
    try:
        with suppress(FileNotFoundError), _locked(folder):
            pass
    except BlockingIOError:
        return True
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock `folder`. Raises BlockingIOError where another process has locked it.

    The system lets go of it when the process ends, however it ends: nothing stale stays behind.
    Windows and some network file systems have no such lock, and get none.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
        yield
    finally:
        os.close(handle)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within it, what the system refuses about the file `path` becomes a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); make room, or choose another folder"
        ) from None


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path`, wholly or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # on the disk before the name changes
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file, by the names in its heading."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def csv_text(rows: Iterable[Sequence]) -> str:
    """Rows as CSV, a line each that ends as lines do here."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_json(path: Path, value: dict) -> None:
    """Put `value` at `path` as JSON."""
    write(path, (json.dumps(value, indent=2) + "\n").encode())


@contextmanager
def reading(path: Path, what="damaged, or not minidann's", then="delete it and train again"):
    """Within it, what is wrong with the file `path` becomes a UserError: why, and what to do."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: not found; is {path.parent} a run's folder?") from None
    except DAMAGED as error:
        # zipfile and NumPy quote all that they found.
        why = getattr(error, "strerror", None) or str(error).split("\n")[0][:200]
        raise UserError(f"{path}: {what} ({why}); {then}") from None


def read_json(path: Path) -> dict:
    """The JSON object in the file `path`; a UserError where it is missing or damaged."""
    with reading(path, "cannot be read", "restore it or train again"):
        return _object(path.read_text(encoding="utf-8"))


def _object(text: str) -> dict:
    """The JSON object in `text`; ValueError where there is none."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    return value


def write_arrays(path: Path, groups: dict[str, Arrays], about: dict) -> None:
    """Put arrays at `path` as an .npz, named "group/name", with `about` as JSON.

    The same arrays give the same bytes: NumPy writes no times into the archive.
    """
    text = json.dumps(about | {"format": FORMAT})
    content = io.BytesIO()
    np.savez(content, about=np.frombuffer(text.encode(), np.uint8), **_flat(groups))
    write(path, content.getvalue())


def _flat(groups: dict[str, Arrays]) -> Arrays:
    """The arrays of all groups, named "group/name"."""
    return {f"{group}/{name}": a for group, named in groups.items() for name, a in named.items()}


def read_arrays(path: Path) -> tuple[dict[str, Arrays], dict]:
    """What `write_arrays` put at `path`; a UserError where it is missing or damaged.

    The file may come from anybody: nothing in it is run, and nothing larger than it is unpacked.
    """
    with reading(path):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("it would be larger than its file")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if "about" not in arrays:
            raise ValueError("it has no description")
        about = np.asarray(arrays.pop("about"))  # what is no .npy comes as bytes
        if about.dtype.kind == "U":
            raise UserError(f"{path}: {EARLIER}")
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
                raise ValueError(f"{name!r} is not an array of numbers")
        about = _object(about.tobytes().decode())
        if about.get("format") != FORMAT:
            raise UserError(f"{path}: {EARLIER}")
    groups: dict[str, Arrays] = {}
    for key, array in arrays.items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = array
    return groups, about


def agree(path: Path, groups: dict[str, Arrays], expected: dict[str, Arrays]) -> None:
    """Raise UserError unless `groups`, read from `path`, has the arrays of `expected` and no more.

    Shapes and dtypes must be the same, and every number finite.
    """
    found = _flat(groups)
    with reading(path):
        for name, there in _flat(expected).items():
            here = found.pop(name, None)
            if here is None:
                raise ValueError(f"it has no {name}")
            if (here.shape, here.dtype) != (there.shape, there.dtype):
                was = f"{here.shape} {here.dtype}"
                raise ValueError(f"{name} is {was}, not {there.shape} {there.dtype}")
            if not np.isfinite(here).all():
                raise ValueError(f"{name} holds NaN or infinity")
        if found:
            raise ValueError(f"it has a needless {min(found)}")
