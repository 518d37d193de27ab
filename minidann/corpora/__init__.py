"""From a folder on disk to a table of utterances.

    load("iemocap", Path("IEMOCAP_full_release")) -> Corpus

Known are IEMOCAP and RECOLA in their own layouts (`iemocap.py`, `recola.py`), acted corpora whose
file names carry the emotion (`acted.py`), and your own recordings (`own.py`). The readers know
nothing of features; `python -m minidann.corpora NAME:DIR` says what is in a folder.
"""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minidann.console import UserError
from minidann.corpora import acted, iemocap, own, recola
from minidann.corpora.reading import Findings, Reader, Utterance, examples, grouped, inside
from minidann.sound.warnings import Sound, data_warnings

CLASSES = {"arousal": ("low", "high"), "valence": ("negative", "positive")}
DIMENSIONS = tuple(CLASSES)
READERS: dict[str, Reader] = {
    "iemocap": iemocap.READER,
    "recola": recola.READER,
    **acted.READERS,
    "csv": own.TABLE,
    "audio": own.FOLDER,
}
NAMES = ", ".join(READERS)  # for messages
DEMO_MARK = "SYNTHETIC.txt"  # a folder with this file in it holds no real speech
LISTED = 20  # lines of problems that are printed, where a command does not print all
RARE = 0.05  # of the utterances: a class with fewer is worth a data warning


@dataclass(frozen=True)
class Corpus:
    name: str  # a key of READERS
    title: str  # for people: "IEMOCAP", "IEMOCAP-style demo", or the CSV file's name
    language: str
    kind: str  # "synthetic demo", "licensed", "acted, free", "talk shows, free" or "your own"
    root: Path  # as given
    utterances: tuple[Utterance, ...]  # in an order that does not depend on the file system's
    threshold: float  # a label <= threshold is class 0 (low, negative), above it class 1
    bad: tuple[tuple[str, str], ...]  # (where, why): utterances and files that cannot be used
    warnings: tuple[str, ...]  # data warnings, with counts; see also `about`
    published: dict  # {"utterances": n, "arousal": [low, high], "valence": ...}; {} if unknown
    remarks: tuple[str, ...] = ()  # what makes each utterance's sound doubtful, once it was heard

    def labelled(self, dimension: str) -> bool:
        """Whether its utterances have labels of this dimension; all have them, or none."""
        return not math.isnan(getattr(self.utterances[0], dimension))

    def labels(self, dimension: str) -> np.ndarray:
        """Classes as (n,) int64: 0 low or negative, 1 high or positive, -1 without a label."""
        values = np.array([getattr(u, dimension) for u in self.utterances], dtype=np.float64)
        return np.where(np.isnan(values), -1, values > self.threshold)

    def speakers(self) -> np.ndarray:
        """Who speaks, as (n,) strings."""
        return np.array([u.speaker for u in self.utterances], dtype=str)

    def file(self, i: int) -> str:
        """The recording of utterance `i`, from the corpus's folder on, on one line."""
        root = self.root if self.root.is_dir() else self.root.parent
        return inside(self.utterances[i].path, root)

    def where(self, i: int) -> str:
        """Utterance `i` in messages: its recording, and where in it."""
        utterance, name = self.utterances[i], self.file(i)
        if utterance.start is None and utterance.end is None:
            return name
        end = "end" if utterance.end is None else f"{utterance.end:g} s"
        return f"{name} [{utterance.start or 0:g} s - {end}]"


def parse(spec: str) -> tuple[str, Path]:
    """`"emodb:DIR"` as `("emodb", Path("DIR"))`; a `~` in front means the home folder."""
    name, _, place = spec.partition(":")
    if not place or name not in READERS:
        raise UserError(f"{spec!r}: write NAME:DIR, where NAME is one of {NAMES}")
    return name, Path(os.path.expanduser(place))  # a ~ that means nothing stays


def load(name: str, root: Path) -> Corpus:
    """Read a corpus's labels and find its recordings; no audio is read.

    `name` is a key of READERS. What cannot be used is in the corpus's `bad`: the caller must report
    it. Raises UserError where nothing in the folder can be used, with everything that is wrong.
    """
    reader = READERS[name]
    try:
        tree = reader.find(root)
        if tree is None:
            what = reader.wanted if root.exists() else "such file or folder"
            likely = [key for key, other in READERS.items() if other.title and other.find(root)]
            likely += ["csv"] * (root.is_file() and root.suffix.lower() == ".csv")
            hint = f"; it looks like {likely[0]}:{root}" if likely else ""
            raise UserError(f"{name}:{root}: there is no {what}{hint}")
        found = Findings(tree)
        utterances = [u for u in reader.read(tree, found) if u.path not in found.ambiguous]
    except OSError as error:  # no permission, a disk that is gone
        raise UserError(f"{name}:{root}: {error.strerror}: {error.filename}") from None
    if not utterances:
        why = "; ".join(["there is no utterance in it", *found.warnings()])
        raise UserError(complaint(name, root, found.bad) if found.bad else f"{name}:{root}: {why}")

    # The mark lies in the tree or above it, whatever part of a demo was given.
    demo = any((folder / DEMO_MARK).is_file() for folder in (tree, *tree.absolute().parents))
    return Corpus(
        name=name,
        title=(reader.title or root.absolute().stem) + "-style demo" * demo,
        language=reader.language,
        kind="synthetic demo" if demo else reader.kind,
        root=root,
        utterances=tuple(utterances),
        threshold=reader.threshold,
        bad=tuple(found.bad),
        warnings=tuple(found.warnings()),
        published={} if demo else reader.published,
    )


def complaint(name: str, root: Path, bad: Sequence[tuple[str, str]], all_of_it=False) -> str:
    """The message of a UserError: what is `bad` in a corpus, (where, why) each.

    What is wrong with more than three is one line. Of more than 20 lines the others are counted.
    """
    lines = grouped(bad, len(bad)) if all_of_it else grouped(bad)
    if len(lines) > LISTED and not all_of_it:
        more = f"and {len(lines) - LISTED} more; python -m minidann.corpora {name}:{root} lists all"
        lines[LISTED:] = [more]
    things = "1 thing is" if len(bad) == 1 else f"{len(bad)} things are"
    return "\n  ".join([f"{name}:{root}: {things} wrong", *lines])


def about(corpus: Corpus, sounds: dict[int, Sound]) -> Iterator[str]:
    """The data warnings about a corpus beside those of its reader, a sentence each."""
    for what, groups in data_warnings(sounds).items():
        yield examples(what, [" = ".join(corpus.where(i) for i in group) for group in groups])
    if overlapping := [corpus.where(i) for i in _overlaps(corpus.utterances)]:
        yield examples("utterances that start before another of their recording ends", overlapping)
    count = len(corpus.utterances)
    if (published := corpus.published.get("utterances", count)) != count:
        yield f"{count} utterances, where {published} are published"
    for dimension in filter(corpus.labelled, DIMENSIONS):
        counts = np.bincount(corpus.labels(dimension), minlength=2)
        rare = int(counts.argmin())
        if counts[rare] < RARE * count:
            few, side = CLASSES[dimension][rare], ("up to", "above")[rare]
            hint = "; centre a scale such as 1 to 5" if corpus.name == "csv" else ""
            which = f"{few} in {dimension} (labels {side} {corpus.threshold:g}{hint})"
            yield f"only {counts[rare]} of {count} utterances are {which}"


def _overlaps(utterances: Iterable[Utterance]) -> Iterator[int]:
    """The utterances that begin before an earlier one of their recording ends."""
    ends: dict[Path, float] = {}
    for i, u in sorted(enumerate(utterances), key=lambda numbered: numbered[1].start or 0.0):
        if (u.start or 0.0) < ends.get(u.path, 0.0):
            yield i
        ends[u.path] = max(ends.get(u.path, 0.0), math.inf if u.end is None else u.end)
