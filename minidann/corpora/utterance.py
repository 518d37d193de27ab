"""What the readers share: the utterance they yield, what they find, files and numbers."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

AUDIO = (".wav", ".flac", ".ogg")
LARGEST = 1e9  # no second of a recording and no label on any scale is as large
TWICE = "two files for one recording or table; keep one of them"
SHOWN = 80  # characters of a bad line that are printed


@dataclass(frozen=True)
class Utterance:
    path: Path  # the recording
    start: float | None  # seconds into it; None: from its beginning
    end: float | None  # seconds; None: to its end
    speaker: str
    arousal: float  # on the corpus's own scale
    valence: float


@dataclass
class Findings:
    """What a reader has to say of a folder, beside its utterances.

    wrong  with the folder as a whole, a sentence each: it cannot be used
    bad    (where, why), an utterance each, or a file with utterances in it: the others can be used
    warned   {data warning: the places that it is about}: all can be used
    unclear  files that are there twice: what hangs on them is not used
    """

    wrong: list[str] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    warned: dict[str, list[str]] = field(default_factory=dict)
    unclear: set[Path] = field(default_factory=set)

    def leave_out(self, where: str, why: str) -> None:
        """One that cannot be used."""
        self.bad.append((where, why))

    def warn(self, what: str, *where: str) -> None:
        """Add a data warning; without `where`, it is about the corpus as a whole."""
        self.warned.setdefault(what, []).extend(where)

    def warnings(self) -> list[str]:
        """The data warnings, a sentence each, with counts and examples."""
        return [summary(where, what) if where else what for what, where in self.warned.items()]


@dataclass(frozen=True)
class Reader:
    """One known kind of corpus.

    find(root)         -> the folder in which the corpus lies; None if `root` is no such corpus
    read(root, found)  -> its utterances, in a fixed order; what else there is to say goes to
                          `found`; `root` is what `find` returned
    """

    title: str
    language: str
    kind: str
    threshold: float
    looked_for: str  # what `find` looks for, for the message when it is not there
    advice: str  # what to give instead
    find: Callable[[Path], Path | None]
    read: Callable[[Path, Findings], list[Utterance]]
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

    def refuse(error: OSError) -> None:  # else what cannot be listed would be passed over
        raise error

    seen = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=refuse):
        if os.path.realpath(folder) in seen:  # a link that leads back up
            subfolders.clear()
            continue
        seen.add(os.path.realpath(folder))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def by_stem(
    paths: Iterable[Path], suffixes: tuple[str, ...], root: Path, found: Findings
) -> dict[str, Path]:
    """`{stem: path}`, sorted, of the files that end in one of `suffixes` (in either case).

    Hidden files are left out. Two files of one stem are bad: nobody can know which is meant, and a
    recording that is there twice could be trained and tested on. The first is in the result, and
    in `found.unclear`.
    """
    stems: dict[str, Path] = {}
    for path in sorted(paths):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        first = stems.setdefault(path.stem, path)
        if first is not path:
            found.unclear.add(first)
            found.leave_out(f"{inside(first, root)} and {inside(path, root)}", TWICE)
    return dict(sorted(stems.items()))


def text_of(file: Path, root: Path, found: Findings, encoding: str = "utf-8") -> str | None:
    """What is written in `file`, whatever its bytes; None where the system will not read it."""
    try:
        return file.read_text(encoding=encoding, errors="replace")
    except OSError as error:
        found.leave_out(inside(file, root), f"cannot be read: {error.strerror}")
        return None


def inside(path: Path, root: Path) -> str:
    """`path` as it is written in messages: on one line, from `root` on, with forward slashes."""
    name = path.relative_to(root).as_posix()
    return name if name.isprintable() else repr(name)


def shown(line: str) -> str:
    """A line of a file as it is quoted in messages: in quotes, and no longer than can be read."""
    return repr(line) if len(line) <= SHOWN else f"{line[:SHOWN]!r}... ({len(line)} characters)"


def summary(things: list[str], what: str, show: int = 3) -> str:
    """`what` with a count and the first few examples: `labels off the scale (4): a, b, c, ...`."""
    return f"{what} ({len(things)}): {', '.join(things[:show])}{', ...' * (len(things) > show)}"


def number(text: str) -> float:
    """The number in `text`, or NaN where there is none, or none that could be meant."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) <= LARGEST else math.nan


def cut_to(length: float, start: float, end: float, where: str, found: Findings) -> float | None:
    """`end`, but not after the recording's own end (all in seconds), with a data warning.

    None where nothing is left: the times belong to another recording.
    """
    if start >= length:
        found.leave_out(
            where,
            f"the utterance from {start:g} to {end:g} s is not within the recording, "
            f"which is {length:.3f} s long",
        )
        return None
    if end > length:
        found.warn(
            "utterances that end after their recording, cut to it",
            f"{where} by {end - length:.2g} s",
        )
    return min(end, length)
