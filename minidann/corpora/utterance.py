"""What the readers share: the row they yield, how a reader is described, files and numbers."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from minidann.audio import OVERSHOOT

AUDIO = (".wav", ".flac", ".ogg")


@dataclass(frozen=True)
class Utterance:
    path: Path  # the recording
    start: float | None  # seconds into it; None: from its beginning
    end: float | None  # seconds; None: to its end
    speaker: str
    arousal: float  # on the corpus's own scale
    valence: float


@dataclass(frozen=True)
class Reader:
    """One known kind of corpus.

    find(root)                     -> the folder in which the corpus lies, or None if `root` is not
                                      such a corpus
    read(root, problems, remarks)  -> its utterances, in a fixed order. What is wrong is appended
                                      to `problems`, what is odd but legal to `remarks`; `root` is
                                      what `find` returned
    """

    title: str
    language: str
    kind: str
    threshold: float
    looked_for: str  # what `find` looks for, for the message when it is not there
    advice: str  # what to give instead
    find: Callable[[Path], Path | None]
    read: Callable[[Path, list[str], list[str]], list[Utterance]]
    published: dict = field(default_factory=dict)  # utterances; arousal, valence: (low, high)


def in_or_below(root: Path, pattern: str) -> Path | None:
    """`root`, or else its first subfolder, in which a path matches the glob `pattern`."""
    below = sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    return next((folder for folder in (root, *below) if any(folder.glob(pattern))), None)


def files_below(root: Path) -> Iterator[Path]:
    """Every file below `root`, at any depth, but for hidden ones; links to folders are followed.

    Hidden are names that begin with a dot, which `._x.wav` do: macOS leaves such files
    (AppleDouble) beside the real ones on foreign disks, and they are not sound.
    """
    seen = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        if os.path.realpath(folder) in seen:  # a link that leads back up
            subfolders.clear()
            continue
        seen.add(os.path.realpath(folder))
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def by_stem(
    paths: Iterable[Path], suffixes: tuple[str, ...], root: Path, problems: list[str]
) -> dict[str, Path]:
    """`{stem: path}`, sorted, of the files that end in one of `suffixes` (in either case).

    Hidden files are left out. Two files of one stem are a problem: nobody can know which is meant,
    and a recording that is there twice could be trained and tested on.
    """
    found: dict[str, Path] = {}
    twice = []
    for path in sorted(paths):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        if found.setdefault(path.stem, path) is not path:
            twice.append(f"{inside(found[path.stem], root)} and {inside(path, root)}")
    if twice:
        problems.append(f"{some(twice, 'names with more than one file')}; keep one of each")
    return dict(sorted(found.items()))


def inside(path: Path, root: Path) -> str:
    """`path` as it is written in messages: from `root` on, with forward slashes."""
    return path.relative_to(root).as_posix()


def some(things: list[str], what: str, show: int = 3) -> str:
    """`what` with a count and the first few examples: `odd labels (4): a, b, c, ...`."""
    return f"{what} ({len(things)}): {', '.join(things[:show])}{', ...' * (len(things) > show)}"


def number(text: str) -> float:
    """The finite number in `text`, or NaN where there is none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def cut_to(length: float, start: float, end: float, where: str, problems: list[str]) -> float:
    """`end`, but not after the recording's own end (all in seconds).

    A little over is how time stamps are rounded; more than OVERSHOOT, or nothing left at all,
    says that the times belong to another recording.
    """
    if start >= length or end > length + OVERSHOOT:
        problems.append(
            f"{where}: the utterance from {start:g} to {end:g} s is not within the recording, "
            f"which is {length:.3f} s long"
        )
    return min(end, length)
