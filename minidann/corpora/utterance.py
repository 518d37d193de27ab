"""What the readers share: the utterance they yield, what they find, files and numbers."""

import filecmp
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

AUDIO = (".wav", ".flac", ".ogg")
LARGEST = 1e9  # no second of a recording and no label on any scale is as large
FAR = 10  # times a recording's length: an end beyond that is on another scale
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


@dataclass
class Findings:
    """What a reader has to report of the folder (or table) `root`, beside its utterances.

    bad        (where, why): utterances, or files with utterances in them, that cannot be used
    warned     {data warning: the places that it is about}: these utterances can be used
    ambiguous  recordings that are there, or labelled, twice: no utterance of them is used
    """

    root: Path = Path()
    bad: list[tuple[str, str]] = field(default_factory=list)
    warned: dict[str, list[str]] = field(default_factory=dict)
    ambiguous: set[Path] = field(default_factory=set)

    def leave_out(self, where: Path | str, why: str) -> None:
        """Report an utterance, or a file, that cannot be used."""
        self.bad.append((self.inside(where) if isinstance(where, Path) else where, why))

    def is_copy(self, first: Path, second: Path) -> bool:
        """Whether two files hold the same bytes, as where a folder was packed twice: then warn."""
        with suppress(OSError):
            if filecmp.cmp(first, second, shallow=False):
                self.warn("copies of other files, not used", self.inside(second))
                return True
        return False

    def report_two(self, first: Path, second: Path) -> None:
        """Report two files for one recording: the code cannot know which is meant.

        If they hold the same bytes, the first one is used.
        """
        if self.is_copy(first, second):
            return
        self.ambiguous.add(first)
        where = f"{self.inside(first)} and {self.inside(second)}"
        self.leave_out(where, "two files for one recording; keep one of them")

    def warn(self, what: str, *where: str) -> None:
        """Add a data warning; without `where`, it is about the corpus as a whole."""
        self.warned.setdefault(what, []).extend(where)

    def warnings(self) -> list[str]:
        """The data warnings, a sentence each, with counts and examples."""
        return [examples(what, where) if where else what for what, where in self.warned.items()]

    def inside(self, path: Path) -> str:
        """`path` as it is written in messages."""
        return inside(path, self.root)

    def recordings_by_stem(self, paths: Iterable[Path]) -> dict[str, Path]:
        """`{stem: path}` of the recordings among `paths`, without hidden files, sorted.

        Of two files of one stem, the first is in the result, and both are reported: a recording
        that is there twice could be trained and tested on.
        """
        stems: dict[str, Path] = {}
        for path in sorted(paths):
            if is_audio(path) and not path.name.startswith("."):
                first = stems.setdefault(path.stem, path)
                if first is not path:
                    self.report_two(first, path)
        return stems

    def lines_of(self, file: Path) -> list[str] | None:
        """The lines of a text, whatever its bytes; None where the system will not read it."""
        try:
            return file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except OSError as error:
            self.leave_out(file, f"cannot be read: {error.strerror}")
            return None

    def numbers(self, cells: dict[str, str], where: str) -> dict[str, float] | None:
        """The numbers in `cells`, by their names; None, and a report, where one is missing."""
        values = {name: number(text) for name, text in cells.items()}
        wrong = [name for name, value in values.items() if math.isnan(value)]
        if not wrong:
            return values
        why = (f"{name} {shown(cells[name].strip())} is not a number" for name in wrong)
        self.leave_out(where, "; ".join(why))
        return None

    def end_within(self, length: float, start: float, end: float, where: str) -> float | None:
        """`end`, but not after the recording's own end (all in seconds), with a data warning.

        None, and a report, where there is no such part in a recording of this length.
        """
        if start < 0:
            why = f"start {start:g} s is before the recording"
        elif start >= length:
            why = (
                f"the utterance from {start:g} to {end:g} s is not within the recording, "
                f"which is {length:.3f} s long"
            )
        elif end <= start:
            why = f"end {end:g} s is not after start {start:g} s"
        elif end > FAR * length:
            why = (
                f"end {end:g} s is far beyond the recording, which is {length:.3f} s long; are "
                "these milliseconds?"
            )
        else:
            if end > length:
                what = "utterances that end after their recording, cut to it"
                self.warn(what, f"{where} by {end - length:.2g} s")
            return min(end, length)
        self.leave_out(where, why)
        return None


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


def is_audio(path: Path) -> bool:
    """Whether the name is that of a recording."""
    return path.suffix.lower() in AUDIO


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


def number(text: str) -> float:
    """The number in `text`, or NaN where there is none, or none that could be meant."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) <= LARGEST else math.nan
