"""What the readers share: the utterance they yield, what they report, files and numbers."""

import filecmp
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from minidann.console import UserError

AUDIO = (".wav", ".flac", ".ogg")
LARGEST = 1e9  # no second of a recording and no label on any scale is as large
EXAMPLES = 3  # places that are named where there are more
SHOWN = 80  # characters of a bad line that are printed


@dataclass(frozen=True)
class Utterance:
    path: Path  # the recording
    start: float | None  # seconds into it; None: from its beginning
    end: float | None  # seconds; None: to its end
    speaker: str
    arousal: float  # on the corpus's own scale; NaN without a label
    valence: float


@dataclass(frozen=True)
class Reader:
    """One known kind of corpus.

    find(root)         -> the folder in which the corpus lies; None if `root` is no such corpus
    read(root, found)  -> its utterances, in a fixed order; `root` is what `find` returned, and what
                          there is to report goes to `found`
    """

    title: str
    language: str
    kind: str
    threshold: float
    wanted: str  # what `find` looks for, and what to give, for the message when it is not there
    find: Callable[[Path], Path | None]
    read: Callable[[Path, "Findings"], list[Utterance]]
    published: dict = field(default_factory=dict)  # utterances; arousal, valence: [low, high]


@dataclass
class Findings:
    """What a reader has to report of the folder (or table) `root`, beside its utterances.

    bad        (where, why): utterances, or files with utterances in them, that cannot be used
    warned     {data warning: the places that it is about}: these utterances can be used
    ambiguous  recordings that are there, or labelled, twice: no utterance of them is used
    """

    root: Path
    bad: list[tuple[str, str]] = field(default_factory=list)
    warned: dict[str, list[str]] = field(default_factory=dict)
    ambiguous: set[Path] = field(default_factory=set)

    @contextmanager
    def reporting(self, where: Path | str) -> Iterator[None]:
        """What goes wrong within is reported of `where`, an utterance or file, and ends there."""
        try:
            yield
        except (UserError, OSError) as error:
            system = isinstance(error, OSError)
            why = f"cannot be read: {error.strerror}" if system else str(error)
            self.bad.append((self.inside(where) if isinstance(where, Path) else where, why))

    def warn(self, what: str, *where: str) -> None:
        """Add a data warning; without `where`, it is about the corpus as a whole."""
        self.warned.setdefault(what, []).extend(where)

    def warnings(self) -> list[str]:
        """The data warnings, a sentence each, with counts and examples."""
        return [examples(what, where) if where else what for what, where in self.warned.items()]

    def inside(self, path: Path) -> str:
        """`path` as it is written in messages."""
        return inside(path, self.root)

    def is_copy(self, first: Path, second: Path) -> bool:
        """Whether two files hold the same bytes, as where a folder was packed twice: then warn."""
        with suppress(OSError):  # such as a link to nowhere, which is told when it is decoded
            if filecmp.cmp(first, second, shallow=False):
                self.warn("copies of other files, not used", self.inside(second))
                return True
        return False

    def unique(self, named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
        """{name: recording}. A name that is there twice could be trained and tested on.

        Of copies the first is used. Of two that differ none is: which is meant, nobody can know.
        """
        recordings: dict[str, Path] = {}
        for name, path in named:
            first = recordings.setdefault(name, path)
            if first is not path and not self.is_copy(first, path):
                self.ambiguous.add(first)
                both = f"{self.inside(first)} and {self.inside(path)}"
                self.bad.append((both, "two files for one recording; keep one of them"))
        return recordings

    def by_stem(self, folder: Path) -> dict[str, Path]:
        """{stem: recording} of all that are below `folder`."""
        return self.unique((path.stem, path) for path in recordings_below(folder))


def in_or_below(root: Path, pattern: str) -> Path | None:
    """`root`, or else its first subfolder, in which a path matches the glob `pattern`."""
    folders = (root, *sorted(path for path in root.glob("*") if path.is_dir()))
    return next((folder for folder in folders if any(folder.glob(pattern))), None)


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


def recordings_below(folder: Path) -> list[Path]:
    """The recordings in a folder, at any depth, sorted; none where there is no such folder."""
    files = files_below(folder) if folder.is_dir() else ()
    return sorted(path for path in files if path.suffix.lower() in AUDIO)


def number(text: str) -> float:
    """The number in `text`, or NaN where there is none, or none that could be meant."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) <= LARGEST else math.nan


def numbers(cells: dict[str, str]) -> dict[str, float]:
    """The numbers in `cells`, by their names. Raises UserError where one is missing."""
    values = {name: number(text) for name, text in cells.items()}
    if wrong := [name for name, value in values.items() if math.isnan(value)]:
        why = (f"{name} {shown(cells[name].strip())} is not a number" for name in wrong)
        raise UserError("; ".join(why))
    return values


def inside(path: Path, root: Path) -> str:
    """`path` as it is written in messages: on one line, with forward slashes, from `root` on.

    A path that is not below `root` is written in full.
    """
    name = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
    return name if name.isprintable() else repr(name)


def shown(line: str) -> str:
    """A line of a file as it is quoted in messages: in quotes, and no longer than can be read."""
    return repr(line) if len(line) <= SHOWN else f"{line[:SHOWN]!r}... ({len(line)} characters)"


def examples(what: str, things: list[str], show: int = EXAMPLES) -> str:
    """`what` with a count and the first few things: `labels off the scale (4): a, b, c, ...`."""
    more = ", ..." * (len(things) > show)
    return f"{what} ({len(things)}): {', '.join(things[:show])}{more}"


def grouped(bad: list[tuple[str, str]], show: int = EXAMPLES) -> list[str]:
    """A line for each (where, why), but one for all places where there are more than three."""
    places: dict[str, list[str]] = {}
    for where, why in bad:
        places.setdefault(why, []).append(where)
    lines = []
    for why, those in places.items():
        many = len(those) > EXAMPLES
        lines += [examples(why, those, show)] if many else [f"{where}: {why}" for where in those]
    return lines
