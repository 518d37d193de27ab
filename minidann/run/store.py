"""Files of a run, written so that a kill leaves no half file, and read with suspicion.

Every file is written under a temporary name beside its place and then renamed, which the file
system does at once or not at all.
"""

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from minidann.console import UserError, say

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

Arrays = dict[str, np.ndarray]
FORMAT = 3  # of the files of a run; raise it when they change
EARLIER = "made by an earlier version of minidann; train again, in another --out"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep `folder`, made if missing, for this process alone, after any other at work there."""
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"{folder}: another process is at work here; waiting for it")
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path`, wholly or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before the name changes
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        why = f"cannot be written ({error.strerror})"
        raise UserError(f"{path}: {why}; make room, or choose another folder") from None


def csv_text(rows: Iterable[Sequence]) -> str:
    """Rows as CSV, a line each that ends as lines do here."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Iterable[Sequence]) -> None:
    """Put rows at `path` as CSV; what is no text, in a file's name, as backslashes."""
    write(path, csv_text(rows).encode(errors="backslashreplace"))


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file, by the names in its heading."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@contextmanager
def reading(path: Path | str, todo: str = "train again") -> Iterator[None]:
    """Within it, what is wrong with the file `path` becomes a UserError: why, and what to do."""
    try:
        yield
    except UserError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: not found; is {Path(path).parent} a run's folder?") from None
    except Exception as error:  # NumPy and zipfile raise a dozen kinds, and quote what they found
        why = getattr(error, "strerror", None) or str(error).split("\n")[0][:200]
        raise UserError(f"{path}: damaged, or not minidann's ({why}); {todo}") from None


def write_json(path: Path, value: dict) -> None:
    """Put `value` at `path` as JSON."""
    write(path, (json.dumps(value, indent=2) + "\n").encode())


def read_json(path: Path) -> dict:
    """The JSON object in the file `path`; a UserError where it is missing or damaged."""
    with reading(path):
        return dict(json.loads(path.read_bytes()))


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
    groups: dict[str, Arrays] = {}
    with reading(path):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("it would be larger than its file")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = dict(json.loads(np.asarray(arrays.pop("about")).tobytes()))
        if about.get("format") != FORMAT:
            raise UserError(f"{path}: {EARLIER}")
        for key, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
                raise ValueError(f"{key!r} is not an array of numbers")
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = array
    return groups, about


def agree(path: Path, groups: dict[str, Arrays], expected: dict[str, Arrays]) -> None:
    """Raise UserError unless `groups`, read from `path`, are finite and shaped as `expected`."""
    here, there = _flat(groups), _flat(expected)
    with reading(path):
        if differ := here.keys() ^ there.keys():
            raise ValueError(f"{min(differ)} is missing, or needless")
        for name, array in here.items():
            if (array.shape, array.dtype) != (there[name].shape, there[name].dtype):
                raise ValueError(f"{name} has another shape or dtype")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds NaN or infinity")
