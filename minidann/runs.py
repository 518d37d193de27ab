"""The run folder: what a run leaves on disk, written so that a kill leaves no half file.

Every file is written under a temporary name beside its place and then renamed, which the file
system does at once or not at all.
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from minidann.console import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

Arrays = dict[str, np.ndarray]


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make `folder` and keep it for this process alone; a UserError where another one has it.

    The system lets go of it when the process ends, however it ends: nothing stale stays behind.
    Windows and some network file systems have no such lock, and get none.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = None if fcntl is None else os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be made ({error.strerror}); choose another --out"
        ) from None
    try:
        if handle is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"{folder}: another process is at work here; wait for it, or choose another "
                    "--out"
                ) from None
            except OSError:
                pass  # some network file systems have no such lock either
        yield
    finally:
        if handle is not None:
            os.close(handle)


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
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None


def write_json(path: Path, value: dict) -> None:
    """Put `value` at `path` as JSON."""
    write(path, (json.dumps(value, indent=2) + "\n").encode())


def read_json(path: Path) -> dict:
    """The JSON object in the file `path`; a UserError where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; is {path.parent} a run's folder?") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); restore it or train again") from None


def write_arrays(path: Path, groups: dict[str, Arrays], about: dict) -> None:
    """Put arrays at `path` as an .npz, named "group/name", with `about` as JSON.

    The same arrays give the same bytes: NumPy writes no times into the archive.
    """
    arrays = {f"{group}/{name}": a for group, named in groups.items() for name, a in named.items()}
    content = io.BytesIO()
    np.savez(content, about=np.array(json.dumps(about)), **arrays)
    write(path, content.getvalue())


def read_arrays(path: Path) -> tuple[dict[str, Arrays], dict]:
    """What `write_arrays` put at `path`; a UserError where it is missing or damaged.

    Nothing in the file is run: pickled objects are refused.
    """
    groups: dict[str, Arrays] = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            for key in archive.files:
                if key != "about":
                    group, name = key.split("/", 1)
                    groups.setdefault(group, {})[name] = archive[key]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; is {path.parent} a run's folder?") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: damaged, or not minidann's ({error}); delete it and train again"
        ) from None
    return groups, about
