"""What can go wrong, case by case, and what the commands then say.

    python tests/faults.py        write the two tables of tests/README.md anew

A case is a function that makes a fault in a folder of its own and returns the command that meets
it. tests/test_faults.py runs every one and holds what it says against the table in
tests/README.md: a message that changes, a case without a row or a row without a case fails there.
"""

import functools
import hashlib
import importlib
import io
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import corpus_trees
import numpy as np
import soundfile
from conftest import made_up_corpus
from corpus_trees import named, ratings, sound, text

from minidann import console
from minidann.run import splits, store

README = Path(__file__).with_name("README.md")
MODULES = {
    "train": "minidann.train",
    "predict": "minidann.predict",
    "corpora": "minidann.corpora.__main__",
}
DEV_FULL = "/dev/full"  # a file, on Linux, that is always full

# What libraries and the system say in their own words, which change from release to release.
OTHERS_WORDS = [
    r"(?<=choose from ).*?(?=\);)",  # argparse
    r"(?<=cannot be read as audio \().*?(?=\); )",  # libsndfile
    r"(?<=cannot be read as audio: ).*$",
    r"(?<=cannot be read: ).*$",  # strerror
    r"(?<=is not CSV text in UTF-8: ).*$",
    r"(?<=cannot be made \().*?(?=\))",
    r"(?<=cannot be written \().*?(?=\))",
    r"(?<=cannot be written to \().*?(?=\); )",
    r"\b(?:Is a|Not a) directory\b",
    r"(?<=cannot keep features here \().*?(?=\); )",
    r"(?<=writing the output: ).*$",
    r"(?:Expecting|Extra data|Invalid|Unterminated)\b.*?\(char \d+\)",  # json
    r"File is not a zip file|Bad CRC-32[^)]*|Bad magic number[^)]*|Overlapped[^)]*",  # zipfile
]


@dataclass(frozen=True)
class Tried:
    """What came of a command."""

    code: int
    out: str
    err: str
    warned: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)  # what is other on disk than before it
    data_warnings: list[str] = field(default_factory=list)  # kept in the run's config.json


@dataclass(frozen=True)
class Case:
    part: str  # of the table
    title: str
    make: Callable[["Place"], list]  # -> module and flags
    limit: int | None = None  # bytes that a file may have: how a full disk is made
    stdout: str | None = None  # where its output goes
    says: str = ""  # a warning: part of the line that is meant
    keeps: tuple[str, ...] = ()  # files that may be there afterwards


FAULTS: dict[str, Case] = {}
WARNINGS: dict[str, Case] = {}
_parts = [""]


def part(title: str) -> None:
    """The cases from here on stand below this heading."""
    _parts[0] = title


def fault(title: str, make: Callable | None = None, **how) -> Callable:
    """Register a case that is refused: `make`, or the function that this decorates."""
    return _register(FAULTS, title, how, make)


def warning(title: str, says: str, make: Callable | None = None, **how) -> Callable:
    """Register a case that goes on, with a line in which `says` stands."""
    return _register(WARNINGS, title, how | {"says": says}, make)


def _register(cases: dict, title: str, how: dict, make: Callable | None) -> Callable:
    if make is None:
        return functools.partial(_register, cases, title, how)
    if title in cases:
        raise ValueError(f"{title!r}: there are two cases of this name")
    cases[title] = Case(_parts[0], title, make, **how)
    return make


@dataclass(frozen=True)
class Place:
    """Where a case plays: a folder of its own, and two good corpora and a run in another."""

    folder: Path
    good: Path
    undo: ExitStack = field(default_factory=ExitStack)

    @property
    def source(self) -> str:
        return f"csv:{self.good}/source/source.csv"

    @property
    def target(self) -> str:
        return f"csv:{self.good}/target/target.csv"

    @property
    def recording(self) -> Path:
        return self.good / "target" / "0.wav"

    def train(self, *flags, source: str = "", target: str = "", cache: Path | None = None) -> list:
        """The command that trains on two good corpora, or on those that are given."""
        return [
            "train", "--source", source or self.source, "--target", target or self.target,
            "--cache", cache or self.good / "cache", "--batch-size", 8, "--epochs", 1, *flags,
        ]  # fmt: skip

    def run(self) -> Path:
        """A finished run, of the command above, to be damaged."""
        return shutil.copytree(self.good / "run", self.folder / "run")

    def stopped(self) -> Path:
        """The same run, stopped after its last epoch."""
        return shutil.copytree(self.good / "stopped", self.folder / "run")

    def rows(self, labels: str, name: str = "mine", by: str = "s{}") -> str:
        """A corpus of a second or less of noise each, arousal high or low as `labels` say: HL..."""
        lines = ["path,speaker,arousal,valence"]
        for i, label in enumerate(labels):
            sound(self.folder / name / f"{i}.wav", 0.6, seed=100 + i)
            lines.append(f"{i}.wav,{by.format(i % 4)},{1 if label == 'H' else -1},{(-1) ** i}")
        return f"csv:{text(self.folder / name / f'{name}.csv', chr(10).join(lines))}"

    def table(self, *rows: str, header: str = "path,start,end,speaker,arousal,valence") -> str:
        """A CSV corpus of these rows; in its folder there are a.wav to d.wav, of 0.6 s each."""
        for seed, name in enumerate("abcd"):
            sound(self.folder / "mine" / f"{name}.wav", 0.6, seed=seed)
        return f"csv:{text(self.folder / 'mine' / 'mine.csv', chr(10).join([header, *rows]))}"

    def emodb(self) -> Path:
        """A good recording of an acted corpus; what is wrong comes beside it as 03a02Ta."""
        return named(self.folder / "EMO-DB", ["03a01Fa.wav", "03a01Ta.wav"])

    def iemocap(self) -> Path:
        return corpus_trees.iemocap(self.folder)

    def recola(self) -> Path:
        return corpus_trees.recola(self.folder / "RECOLA")


class Bench:
    """A place to try cases in: the good corpora, a run of them, and a folder a case."""

    def __init__(self, base: Path) -> None:
        self.base = base.resolve()
        self.good = self.base / "good"
        self.good.mkdir()
        for name, seed, rate in (("source", 0, 16000), ("target", 1, 22050)):
            made = made_up_corpus(self.good / name, seed, 24, rate)
            made.rename(made.with_name(f"{name}.csv"))
        place = Place(self.base, self.good)
        made = self.here(place.train("--out", self.good / "run"), self.base)
        if made.code:
            raise RuntimeError(made.err)
        with mock.patch("minidann.run.outcome.test", side_effect=KeyboardInterrupt):
            self.here(place.train("--out", self.good / "stopped"), self.base)
        whole = contents(self.good)
        self.made = {name: what for name, what in whole.items() if "cache/" not in name}

    def attempt(self, case: Case) -> Tried:
        """Run a case; everything that it says is as `plain` has it."""
        with tempfile.TemporaryDirectory(dir=self.base) as folder:
            place = Place(Path(folder), self.good)
            with place.undo:
                command = case.make(place)
                before = contents(place.folder)
                if case.limit or case.stdout:
                    tried = self.apart(command, place.folder, case)
                elif case.says:  # a whole run; its figures are no part of what is told
                    with mock.patch("minidann.run.outcome.draw"):
                        tried = self.here(command, place.folder)
                else:
                    tried = self.here(command, place.folder)
                after = contents(place.folder)
            both = before.keys() | after.keys()
            changed = sorted(
                name
                for name in both
                if before.get(name) != after.get(name) and not name.startswith(case.keeps or "\0")
            )
            said = (plain(words, place.folder, self.good) for words in (tried.out, tried.err))
            data_warnings = [
                plain(one, place.folder, self.good)
                for config in place.folder.rglob("config.json")
                if case.says
                for corpus in json.loads(config.read_text())["corpora"].values()
                for one in corpus["warnings"]
            ]
        return Tried(tried.code, *said, tried.warned, changed, data_warnings)

    def here(self, command: list, folder: Path) -> Tried:
        """Run a command in this process, from `folder`."""
        module, *flags = map(str, command)
        main = importlib.import_module(MODULES[module]).main
        argv, cwd = sys.argv, Path.cwd()
        out, err = self.base / "stdout", self.base / "stderr"
        with (
            open(out, "w", encoding="utf-8") as stdout,
            open(err, "w", encoding="utf-8") as stderr,
            redirect_stdout(stdout),
            redirect_stderr(stderr),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            try:
                sys.argv = [module, *flags]
                os.chdir(folder)
                console.run(main)
                code = 0
            except SystemExit as end:
                code = end.code
            except Exception:
                traceback.print_exc()
                code = 1
            finally:
                sys.argv = argv
                os.chdir(cwd)
        deprecated = (DeprecationWarning, PendingDeprecationWarning)  # libraries' own affair
        told = [str(one.message) for one in warned if not issubclass(one.category, deprecated)]
        said = [path.read_text(encoding="utf-8", errors="replace") for path in (out, err)]
        return Tried(code, *said, told)

    def apart(self, command: list, folder: Path, case: Case) -> Tried:
        """Run a command in a process of its own, on a full disk."""

        def full() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (case.limit, case.limit))

        module, *flags = map(str, command)
        with ExitStack() as stack:
            stdout = stack.enter_context(open(case.stdout, "w")) if case.stdout else subprocess.PIPE
            done = subprocess.run(
                [sys.executable, "-m", f"minidann.{module}", *flags],
                cwd=folder,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                preexec_fn=full if case.limit else None,
            )
        return Tried(done.returncode, done.stdout or "", done.stderr)


def contents(folder: Path) -> dict[str, str]:
    """{name: what it is} of all that is below `folder`."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            what = f"link to {os.readlink(path)}"
        elif path.is_dir():
            what = "folder"
        else:
            what = hashlib.sha256(path.read_bytes()).hexdigest()
        found[path.relative_to(folder).as_posix()] = what
    return found


def plain(said: str, *folders: Path) -> str:
    """What was said, the same on every machine: DIR for the folders, `...` for others' words."""
    for folder in folders:
        said = said.replace(str(folder), "DIR")
    said = re.sub(r"\b[0-9a-f]{32}\b", "CHECKSUM", said)
    for words in OTHERS_WORDS:
        said = re.sub(words, "...", said, flags=re.MULTILINE)
    return said


def damage(path: Path, change: Callable[[dict, dict], object]) -> None:
    """Write a checkpoint or a model anew, after `change(groups, about)`."""
    groups, about = store.read_arrays(path)
    change(groups, about)
    store.write_arrays(path, groups, about)


class Malice:
    """An object whose pickle makes a file where it is unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def malice(path: Path) -> None:
    """An .npz that makes a file beside it where it is read by somebody who trusts it."""
    np.savez(path, about=np.array([Malice(path.with_name("owned"))], dtype=object))


def bomb(path: Path, size: int = 10**8) -> None:
    """A few kilobytes that become `size` zeros where they are unpacked."""
    head = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (size,)}
    np.lib.format.write_array_header_1_0(head, shape)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("params/conv.w.npy", "w") as entry:
            entry.write(head.getvalue())
            for _ in range(100):
                entry.write(bytes(size // 100))


def change(path: Path, old: str, new: str) -> None:
    """Put `new` in the place of `old` in a text file, which has it."""
    before = path.read_text(encoding="latin-1")
    if old not in before:
        raise ValueError(f"{path}: no {old!r} in it")
    path.write_bytes(before.replace(old, new).encode("latin-1"))


LABELS = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
WAV = "Session1/sentences/wav/Ses01F_impro01"
TIMINGS = "RECOLA-Audio_timings/P16.csv"
AROUSAL = "RECOLA-Annotation/emotional_behaviour/arousal/P16.csv"


def flags(title: str, *given, **corpora) -> None:
    """Register a case of flags that are refused."""
    fault(title, lambda p: p.train(*given, **corpora))


def labels(title: str, old: str, new: str) -> None:
    """Register a case of an IEMOCAP with `new` in the place of `old` in a label file."""

    def make(p):
        tree = p.iemocap()
        change(tree / LABELS, old, new)
        return p.train(source=f"iemocap:{tree}")

    fault(title, make)


def numbers(title: str, file: str, old: str, new: str) -> None:
    """Register a case of a RECOLA with `new` in the place of `old` in `file`."""

    def make(p):
        root = p.recola()
        change(root / file, old, new)
        return p.train(target=f"recola:{root}")

    fault(title, make)


def rows(title: str, *lines: str, **header) -> None:
    """Register a case of a CSV table of these lines."""
    fault(title, lambda p: p.train(source=p.table(*lines, **header)))


def a_tree_of_iemocap(p: Place) -> list:
    return p.train("--batch-size", 2, source=f"iemocap:{p.iemocap()}")


def a_tree_of_recola(p: Place) -> list:
    return p.train("--batch-size", 2, source=f"recola:{p.recola()}")


# ------------------------------------------------------------------------------------------------
part("The folder")


fault("a folder that is not there", lambda p: p.train(source=f"emodb:{p.folder}/EMO-DB"))
fault("a CSV file that is not there", lambda p: p.train(target=f"csv:{p.folder}/mine.csv"))
fault(
    "neither of the two folders is there",
    lambda p: p.train(source=f"emodb:{p.folder}/one", target=f"ravdess:{p.folder}/other"),
)
fault(
    "a file in place of a folder",
    lambda p: p.train(source=f"iemocap:{text(p.folder / 'notes.txt', 'nothing')}"),
)
fault(
    "a CSV file given as another corpus",
    lambda p: p.train(source=p.table("a.wav,,,s1,1,1").replace("csv:", "emodb:")),
)
fault(
    "the folder of a CSV file in place of the file",
    lambda p: p.train(source=p.table("a.wav,,,s1,1,1").removesuffix("/mine.csv")),
)


@fault("an empty folder")
def _(p):
    (p.folder / "IEMOCAP").mkdir()
    return p.train(source=f"iemocap:{p.folder}/IEMOCAP")


@fault("a folder of other things")
def _(p):
    for name in ("letter.txt", "song.mp3", "photo.jpg", "a.txt", "b.txt", "c.txt", "d.txt"):
        text(p.folder / "things" / name, "nothing")
    return p.train(source=f"ravdess:{p.folder}/things")


fault("RECOLA's folder given as IEMOCAP", lambda p: p.train(source=f"iemocap:{p.recola()}"))
fault("IEMOCAP's folder given as RECOLA", lambda p: p.train(target=f"recola:{p.iemocap()}"))
fault(
    "--iemocap and --recola exchanged",
    lambda p: ["train", "--iemocap", p.recola(), "--recola", p.iemocap()],
)
fault("EMO-DB's folder given as RAVDESS", lambda p: p.train(source=f"ravdess:{p.emodb()}"))


@fault("RAVDESS's folder given as EMO-DB")
def _(p):
    folder = named(p.folder / "RAVDESS", ["Actor_12/03-01-05-01-02-01-12.wav"])
    return p.train(source=f"emodb:{folder}")


fault("IEMOCAP's folder given as EMO-DB", lambda p: p.train(source=f"emodb:{p.iemocap()}"))


@fault("a corpus of nothing but video (RAVDESS)")
def _(p):
    text(p.folder / "RAVDESS" / "01-01-05-01-02-01-12.mp4", "not sound")
    return p.train(source=f"ravdess:{p.folder}/RAVDESS")


@fault("a corpus of nothing but song (RAVDESS)")
def _(p):
    folder = named(p.folder / "RAVDESS", ["03-02-05-01-02-01-12.wav"])
    return p.train(source=f"ravdess:{folder}")


@fault("a recording that is there in two formats (EMO-DB)")
def _(p):
    folder = p.emodb()
    sound(folder / "other" / "03a01Fa.flac", 0.1)
    return p.train(source=f"emodb:{folder}")


# ------------------------------------------------------------------------------------------------
part("IEMOCAP")


@fault("a session without recordings (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    shutil.rmtree(tree / "Session1/sentences")
    return p.train(source=f"iemocap:{tree}")


@fault("a session without labels (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    shutil.rmtree(tree / "Session1/dialog")
    return p.train(source=f"iemocap:{tree}")


@fault("a session whose label files were not copied (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    (tree / LABELS).unlink()
    return p.train(source=f"iemocap:{tree}")


@fault("a label file without a label (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    text(tree / LABELS, "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n")
    return p.train(source=f"iemocap:{tree}")


@fault("a folder in place of a label file (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    (tree / LABELS).unlink()
    (tree / LABELS).mkdir()
    return p.train(source=f"iemocap:{tree}")


@fault("a label without its recording (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    (tree / WAV / "Ses01F_impro01_F000.wav").unlink()
    return p.train(source=f"iemocap:{tree}")


@fault("a recording that is there in two formats (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    sound(tree / WAV / "Ses01F_impro01_F000.flac")
    return p.train(source=f"iemocap:{tree}")


@fault("a folder named like a recording (IEMOCAP)")
def _(p):
    tree = p.iemocap()
    (tree / WAV / "Ses01F_impro01_F000.wav").unlink()
    (tree / WAV / "Ses01F_impro01_F000.wav").mkdir()
    return p.train(source=f"iemocap:{tree}")


labels(
    "a damaged label line (IEMOCAP)",
    "\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]",
    "\tSes01F_im",
)
labels(
    "a label that is not a number (IEMOCAP)", "[1.5000, 4.0000, 3.5000]", "[1.5000, high, 3.5000]"
)
labels("a label of NaN (IEMOCAP)", "[1.5000, 4.0000, 3.5000]", "[nan, 4.0000, 3.5000]")
labels("a name that is not IEMOCAP's (IEMOCAP)", "\tSes01F_impro01_F000\t", "\tSomebody\t")
labels("times that are reversed (IEMOCAP)", "[6.2901 - 8.2357]", "[8.2357 - 6.2901]")
labels(
    "an utterance that is labelled twice (IEMOCAP)", "Ses01F_impro01_M003", "Ses01F_impro01_F000"
)
# ------------------------------------------------------------------------------------------------
part("RECOLA")


@fault("a folder that is missing (RECOLA)")
def _(p):
    root = p.recola()
    shutil.rmtree(root / "RECOLA-Audio_timings")
    return p.train(target=f"recola:{root}")


@fault("a folder of recordings with nothing in it (RECOLA)")
def _(p):
    root = p.recola()
    for path in (root / "RECOLA-Audio-recordings").iterdir():
        path.unlink()
    return p.train(target=f"recola:{root}")


@fault("a recording that is missing (RECOLA)")
def _(p):
    root = p.recola()
    (root / "RECOLA-Audio-recordings/P16.wav").unlink()
    return p.train(target=f"recola:{root}")


@fault("timings that are missing (RECOLA)")
def _(p):
    root = p.recola()
    (root / TIMINGS).unlink()
    return p.train(target=f"recola:{root}")


@fault("an annotation that is missing (RECOLA)")
def _(p):
    root = p.recola()
    (root / AROUSAL).unlink()
    return p.train(target=f"recola:{root}")


@fault("no annotation of anybody (RECOLA)")
def _(p):
    root = p.recola()
    for path in (root / "RECOLA-Annotation").rglob("*.csv"):
        path.unlink()
    return p.train(target=f"recola:{root}")


@fault("a recording that is there in two formats (RECOLA)")
def _(p):
    root = p.recola()
    sound(root / "RECOLA-Audio-recordings/P16.flac", 2.0)
    return p.train(target=f"recola:{root}")


@fault("a recording that is not audio (RECOLA)")
def _(p):
    root = p.recola()
    text(root / "RECOLA-Audio-recordings/P16.wav", "nothing")
    return p.train(target=f"recola:{root}")


@fault("timings with another header (RECOLA)")
def _(p):
    root = p.recola()
    text(root / TIMINGS, "begin,finish\n0.08,0.16\n")
    return p.train(target=f"recola:{root}")


@fault("timings without a row (RECOLA)")
def _(p):
    root = p.recola()
    text(root / TIMINGS, "start;stop\n")
    return p.train(target=f"recola:{root}")


numbers("a timing that is not a number (RECOLA)", TIMINGS, "0.50", "half")
numbers("a timing that is reversed (RECOLA)", TIMINGS, "0.50;1.50", "1.50;0.50")
numbers("a timing before the recording (RECOLA)", TIMINGS, "0.08;0.16", "-0.08;0.16")
numbers("a timing wholly after the recording (RECOLA)", TIMINGS, "0.50;1.50", "200.5;201.5")
numbers("an annotation with another header (RECOLA)", AROUSAL, "time;FM1 ;", "FM1 ;time;")


@fault("an empty annotation (RECOLA)")
def _(p):
    root = p.recola()
    text(root / AROUSAL, "")
    return p.train(target=f"recola:{root}")


numbers("a rating that is not a number (RECOLA)", AROUSAL, "0.1400", "0,1400")
numbers("a row with too few ratings (RECOLA)", AROUSAL, "0.04;0.0400;", "0.04;")


@fault("an annotation that does not reach an utterance (RECOLA)")
def _(p):
    root = p.recola()
    text(root / AROUSAL, ratings(frames=10))
    return p.train(target=f"recola:{root}")


# ------------------------------------------------------------------------------------------------
part("A corpus of one's own (CSV)")


rows("a column that is missing (CSV)", "a.wav,s1,1", header="path,speaker,arousal")
rows(
    "columns that are separated by semicolons (CSV)",
    "a.wav;s1;1;1",
    header="path;speaker;arousal;valence",
)


@fault("a column that is there twice (CSV)")
def _(p):
    header = "path,speaker,arousal,valence,arousal"
    return p.train(source=p.table("a.wav,s1,1,1,1", header=header))


fault(
    "a table that is not text (CSV)",
    lambda p: p.train(source=f"csv:{sound(p.folder / 'mine.wav')}"),
)
fault("an empty file (CSV)", lambda p: p.train(source=f"csv:{text(p.folder / 'mine.csv', '')}"))
rows("no row below the header (CSV)")
rows("a row with too few cells (CSV)", "a.wav,,,s1,1,1", "b.wav,,,s1,1")
rows("a row without a path (CSV)", "a.wav,,,s1,1,1", ",,,s1,-1,1")
rows("a row without a speaker (CSV)", "a.wav,,,s1,1,1", "b.wav,,,,-1,1")
rows("a label that is not a number (CSV)", "a.wav,,,s1,high,1", "b.wav,,,s1,-1,")
rows("a label of infinity (CSV)", "a.wav,,,s1,inf,1")
rows("a time that is not a number (CSV)", 'a.wav,0:00,"0,5",s1,1,1')
rows("times that are reversed (CSV)", "a.wav,0.5,0.1,s1,1,1")
rows("a time before the recording (CSV)", "a.wav,-0.1,0.5,s1,1,1")
rows("times wholly after the recording (CSV)", "a.wav,60.1,60.5,s1,1,1")
rows("a recording that is missing (CSV)", "a.wav,,,s1,1,1", "z.wav,,,s1,-1,1")


@fault("a folder in place of a recording (CSV)")
def _(p):
    (p.folder / "mine" / "x.wav").mkdir(parents=True)
    return p.train(source=p.table("a.wav,,,s1,1,1", "x.wav,,,s1,-1,1"))


@fault("a recording that is not audio (CSV)")
def _(p):
    text(p.folder / "mine" / "x.wav", "nothing")
    return p.train(source=p.table("a.wav,,,s1,1,1", "x.wav,,,s1,-1,1"))


rows(
    "an utterance that is there twice (CSV)",
    "a.wav,0.1,0.4,s1,1,1",
    "b.wav,,,s1,1,1",
    "a.wav,0.1,0.4,s2,1,1",
)
rows("more faults than fit on a screen (CSV)", *(f"{n}.wav,,,s1,1,1" for n in range(30)))
# ------------------------------------------------------------------------------------------------
part("The sound")


def recorded(title: str, make: Callable | None = None, name: str = "03a02Ta.wav") -> Callable:
    """Register a fault of one recording, which `make` puts at the path it gets."""
    if make is None:
        return functools.partial(recorded, title, name=name)

    def command(p):
        folder = p.emodb()
        make(folder / name)
        return p.train(source=f"emodb:{folder}")

    return fault(title, command)


@recorded("a WAV file that was cut short")
def _(path):
    content = sound(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


@recorded("an Ogg file that was cut short", name="03a02Ta.ogg")
def _(path):
    content = sound(path, 2.0).read_bytes()
    path.write_bytes(content[: len(content) // 2])


@recorded("a FLAC file that was cut short", name="03a02Ta.flac")
def _(path):
    content = sound(path, 2.0).read_bytes()
    path.write_bytes(content[: len(content) // 2])


recorded("a recording of 0 bytes", lambda path: path.write_bytes(b""))
recorded("a recording without a sample", lambda path: sound(path, 0.0))
recorded("a recording that is not audio", lambda path: text(path, "<html>404 Not Found</html>"))
recorded("a recording that is shorter than one frame", lambda path: sound(path, 0.02))


@recorded("NaN in a recording")
def _(path):
    samples = np.zeros(9600, np.float32)
    samples[100] = np.nan
    soundfile.write(path, samples, 16000, subtype="FLOAT")


@recorded("infinity in a recording")
def _(path):
    samples = np.zeros(9600, np.float32)
    samples[100] = np.inf
    soundfile.write(path, samples, 16000, subtype="FLOAT")


recorded(
    "samples that are far beyond full scale",
    lambda path: soundfile.write(path, np.full(9600, 1e30, np.float32), 16000, subtype="FLOAT"),
)


@recorded("a sample rate that no speech has, too low")
def _(path):
    content = bytearray(sound(path).read_bytes())
    content[24:28] = struct.pack("<I", 7)
    path.write_bytes(content)


@recorded("a sample rate that no speech has, too high")
def _(path):
    content = bytearray(sound(path).read_bytes())
    content[24:28] = struct.pack("<I", 2_000_000_000)
    path.write_bytes(content)


recorded("a link to a recording that is gone", lambda path: path.symlink_to("gone.wav"))


@fault("a damaged recording with many utterances in it")
def _(p):
    table = p.table(*(f"a.wav,0.{n},0.{n + 1},s1,1,1" for n in range(1, 5)))
    path = p.folder / "mine" / "a.wav"
    path.write_bytes(path.read_bytes()[:-1000])
    return p.train(source=table)


rows("an utterance that is shorter than one frame", "a.wav,,,s1,1,1", "b.wav,0.1,0.11,s1,-1,1")


@fault("faults in the labels and in the sound of both corpora, told at once")
def _(p):
    tree, root = p.iemocap(), p.recola()
    change(tree / LABELS, "[1.5000, 4.0000, 3.5000]", "[1.5000, high, 3.5000]")
    (tree / WAV / "Ses01F_impro01_F000.wav").write_bytes(b"")
    change(root / TIMINGS, "0.50;1.50", "1.50;0.50")
    recording = root / "RECOLA-Audio-recordings/P16.wav"
    recording.write_bytes(recording.read_bytes()[:-1000])
    return ["train", "--iemocap", tree, "--recola", root, "--cache", p.good / "cache"]


@fault("a name that is there twice and a damaged recording, told at once")
def _(p):
    folder = p.emodb()
    sound(folder / "other" / "03a01Fa.flac", 0.1)
    (folder / "03a01Ta.wav").write_bytes(b"")
    return p.train(source=f"emodb:{folder}")


@fault("nothing is left with --skip-bad: the sound")
def _(p):
    folder = p.emodb()
    for path in folder.iterdir():
        path.write_bytes(b"")
    return p.train("--skip-bad", source=f"emodb:{folder}")


fault(
    "nothing is left with --skip-bad: the labels",
    lambda p: p.train("--skip-bad", source=p.table("a.wav,,,s1,high,1")),
)


# ------------------------------------------------------------------------------------------------
part("The split")


def split_of(rows: int, **how) -> splits.Split:
    """How seed 0 splits a target of so many rows, and a source of as many."""
    speakers = np.array([f"s{i % 4}" for i in range(rows)])
    usual = {"model": "our", "by_speaker": False}
    return splits.draw(0, speakers, speakers, **usual | how)


def low_at(rows: int, low: np.ndarray) -> str:
    """Labels for `Place.rows`: low where `low` says."""
    return "".join("L" if i in set(low.tolist()) else "H" for i in range(rows))


fault(
    "one class is all there is: a scale that is not centred",
    lambda p: p.train(source=p.rows("H" * 10)),
)
fault(
    "a class without an example among the target's development rows",
    lambda p: p.train(target=p.rows(low_at(10, split_of(10).test))),
)
fault(
    "a class without an example among the test rows",
    lambda p: p.train(target=p.rows(low_at(10, split_of(10).dev))),
)


fault(
    "a class without an example in the source validation set",
    lambda p: p.train("--select-by", "source", source=p.rows(low_at(20, split_of(20).train[:9]))),
)
fault(
    "a class without an example among the training rows",
    lambda p: p.train(source=p.rows(low_at(20, split_of(20).source_val[:1]))),
)


fault(
    "a corpus too small for mono's development set",
    lambda p: p.train("--model", "mono", target=p.rows("HL" * 8)),
)
flags("fewer rows than a batch", "--batch-size", 100)
fault(
    "too few speakers for --split speaker",
    lambda p: p.train("--split", "speaker", target=p.rows("HL" * 8, by="one")),
)
fault("one utterance is all there is", lambda p: p.train(target=p.table("a.wav,,,s1,1,1")))
fault("source and target are the same corpus", lambda p: p.train(source=p.target))


@fault("source and target share recordings under other names")
def _(p):
    rows = []
    for i in range(3):
        shutil.copy(p.good / "target" / f"{i}.wav", p.folder / f"copy{i}.wav")
        rows.append(f"{p.folder}/copy{i}.wav,,,s1,{i - 1},1")
    return p.train(source=p.table("a.wav,,,s1,-1,1", *rows))


# ------------------------------------------------------------------------------------------------
part("The flags")


flags("an unknown corpus", source="msp:DIR")
flags("a corpus without its folder", source="emodb")
flags("a corpus with an empty folder name", target="emodb:")
flags("an unknown --model", "--model", "theirs")
flags("an unknown --bn", "--bn", "bn5")
flags("an unknown --dimension", "--dimension", "dominance")
flags("an unknown --direction", "--direction", "fr2en")
flags("an unknown flag", "--learning-rate", "0.1")
flags("a value that is missing", "--seed")
flags("--epochs that is not a number", "--epochs", "x")
flags("--epochs 0", "--epochs", 0)


@fault("several values out of range, told at once")
def _(p):
    return p.train(
        *("--alpha", 1.5, "--dropout", 1, "--beta", "nan", "--l1", -1, "--seed", -1),
        *("--batch-size", 1),
    )


flags("--bn of two domains with --model base", "--model", "base", "--bn", "bn3")
flags("--select-by source with --model mono", "--model", "mono", "--select-by", "source")
fault("--source without --target", lambda p: ["train", "--source", p.source])
flags("--source and --target together with --direction", "--direction", "rec2iem")
fault(
    "--recola without --iemocap: the other would be the synthetic demo",
    lambda p: ["train", "--recola", p.recola()],
)


# ------------------------------------------------------------------------------------------------
part("Where a run is kept")


fault("--out is a file", lambda p: p.train("--out", text(p.folder / "run", "mine")))
fault("--out is below a file", lambda p: p.train("--out", text(p.folder / "file", "mine") / "run"))


@fault("--out holds somebody's files")
def _(p):
    text(p.folder / "thesis" / "chapter1.tex", "mine")
    return p.train("--out", p.folder / "thesis")


fault(
    "--out holds a run of other choices",
    lambda p: p.train("--out", p.run(), "--resume", "--alpha", 0.3, "--bn", "bn4"),
)


@fault("--out holds a run of other corpora")
def _(p):
    table = p.rows("HL" * 12, name="source")
    return p.train("--out", p.run(), "--resume", source=table)


fault("--out holds this run, without --resume", lambda p: p.train("--out", p.run()))


@fault("--out that another process works in")
def _(p):
    hold = (
        "import sys; from pathlib import Path; from minidann.run import store\n"
        "with store.hold(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    out = p.run()
    other = subprocess.Popen(
        [sys.executable, "-c", hold, out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    p.undo.callback(other.communicate, "\n")
    if other.stdout.readline() != "held\n":
        raise RuntimeError("the other process does not hold the folder")
    return p.train("--out", out, "--resume")


@fault("a folder in place of config.json")
def _(p):
    path = p.run() / "config.json"
    path.unlink()
    path.mkdir()
    return p.train("--out", p.folder / "run", "--resume")


@fault("config.json is not JSON")
def _(p):
    text(p.run() / "config.json", '{"choices": {"alpha": 0.')
    return p.train("--out", p.folder / "run", "--resume")


@fault("config.json is JSON, but a list")
def _(p):
    text(p.run() / "config.json", "[1, 2, 3]")
    return p.train("--out", p.folder / "run", "--resume")


@fault("config.json of too many brackets")
def _(p):
    text(p.run() / "config.json", "[" * 100_000)
    return p.train("--out", p.folder / "run", "--resume")


fault("the cache is a file", lambda p: p.train(cache=text(p.folder / "cache", "mine")))


@fault(
    "the disk is full while the run is written",
    limit=100_000,
    keeps=("run/config.json", "run/epochs.bin"),
)
def _(p):
    (p.folder / "run").mkdir()
    return p.train("--out", p.folder / "run")


@fault("the disk is full while features are kept", limit=20_000)
def _(p):
    (p.folder / "cache").mkdir()
    return p.train(cache=p.folder / "cache")


fault("the disk is full where the output goes", Place.train, stdout=DEV_FULL)


@fault("a run of an earlier version")
def _(p):
    path = p.run() / "config.json"
    config = json.loads(path.read_text())
    del config["format"]
    path.write_text(json.dumps(config))
    return p.train("--out", p.folder / "run", "--resume")


# ------------------------------------------------------------------------------------------------
part("A checkpoint, damaged or from a stranger")


def epochs_of(checkpoint: Path) -> Path:
    """The file that lies beside a checkpoint."""
    return checkpoint.with_name("epochs.bin")


def checkpoint(title: str, make: Callable | None = None, edit: Callable | None = None) -> Callable:
    """Register a case of a run that is to go on, after `make` has damaged its checkpoint.

    `edit(groups, about)` is how one that is read and written again is changed.
    """
    if make is None and edit is None:
        return functools.partial(checkpoint, title)

    def command(p):
        path = p.stopped() / "checkpoint.npz"
        damage(path, edit) if edit else make(path)
        return p.train("--out", p.folder / "run", "--resume")

    return fault(title, command)


checkpoint("parameters of the epochs that are gone", lambda path: epochs_of(path).unlink())
checkpoint(
    "parameters of the epochs that were cut short", lambda path: os.truncate(epochs_of(path), 9999)
)
checkpoint(
    "a checkpoint that was cut short", lambda path: path.write_bytes(path.read_bytes()[:100_000])
)
checkpoint("a checkpoint of 0 bytes", lambda path: path.write_bytes(b""))


@checkpoint("a checkpoint with one bit turned over")
def _(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


checkpoint(
    "an .npz of something else in place of the checkpoint",
    lambda path: np.savez(path, embeddings=np.zeros((3, 3))),
)


@checkpoint("a folder in place of the checkpoint")
def _(path):
    path.unlink()
    path.mkdir()


checkpoint("a checkpoint with a program in it (pickle)", malice)
checkpoint("a checkpoint of 100 MB packed into 100 KB", bomb)
checkpoint(
    "a checkpoint with arrays of other shapes",
    edit=lambda groups, about: groups["adam"].update({"m.conv.w": np.zeros(3)}),
)
checkpoint(
    "a checkpoint without one of its arrays",
    edit=lambda groups, about: groups["params"].pop("emotion.w"),
)
checkpoint(
    "a checkpoint with NaN in it",
    edit=lambda groups, about: groups["params"]["emotion.w"].fill(np.nan),
)
checkpoint(
    "the checkpoint of a run with other choices",
    edit=lambda groups, about: about["choices"].update(alpha=0.3),
)


# ------------------------------------------------------------------------------------------------
part("Predicting")


def model(title: str, make: Callable | None = None, edit: Callable | None = None) -> Callable:
    """Register a case of a prediction, after `make`, or `edit`, has damaged the model."""
    if make is None and edit is None:
        return functools.partial(model, title)

    def command(p):
        path = p.run() / "model.npz"
        damage(path, edit) if edit else make(path)
        return ["predict", p.folder / "run", p.recording]

    return fault(title, command)


fault("no run in the folder", lambda p: ["predict", p.folder, p.recording])
fault("no such run", lambda p: ["predict", p.folder / "runs" / "best", p.recording])
fault(
    "the model itself in place of the run's folder",
    lambda p: ["predict", p.run() / "model.npz", p.recording],
)
model("a run that has not ended: no model yet", lambda path: path.unlink())
model("a model that was cut short", lambda path: path.write_bytes(path.read_bytes()[:-1000]))


@model("a model with one bit turned over")
def _(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


model("a model with a program in it (pickle)", malice)


@model("a pickle in place of a model")
def _(path):
    np.save(path.with_suffix(""), np.array([{}], dtype=object))
    os.replace(path.with_suffix(".npy"), path)


model(
    "a model of something else",
    lambda path: np.savez(path, **{"layer1/weights": np.zeros((3, 3))}),
)
model("a model of an earlier version", lambda path: np.savez(path, about=np.array("{}")))
model("a model of 100 MB packed into 100 KB", bomb)
model(
    "a model with an array of another shape",
    edit=lambda groups, about: groups["params"].update({"emotion.b": np.zeros(7)}),
)
model(
    "a model with infinity in it",
    edit=lambda groups, about: groups["params"]["emotion.b"].fill(np.inf),
)
model(
    "a model with a standard deviation of 0",
    edit=lambda groups, about: groups["target"]["std"].fill(0),
)
model(
    "a model that does not name its classes",
    edit=lambda groups, about: about.update(classes="low, high"),
)
fault(
    "a recording that is missing (predict)",
    lambda p: ["predict", p.good / "run", p.folder / "gone.wav", p.recording],
)
fault("no recording at all (predict)", lambda p: ["predict", p.good / "run"])
fault("a folder in place of a recording (predict)", lambda p: ["predict", p.good / "run", p.folder])


@fault("recordings that cannot be used (predict); the others are predicted")
def _(p):
    bad = [
        text(p.folder / "page.wav", "<html>404 Not Found</html>"),
        sound(p.folder / "click.wav", 0.02),
        sound(p.folder / "none.wav", 0.0),
    ]
    return ["predict", p.good / "run", *bad, p.recording]


fault(
    "--plot is a file",
    lambda p: ["predict", p.good / "run", p.recording, "--plot", text(p.folder / "file", "mine")],
)


@fault("--plot of two recordings with one name")
def _(p):
    files = [p.good / "source" / "0.wav", p.good / "target" / "0.wav"]
    return ["predict", p.good / "run", *files, "--plot", p.folder / "plots"]


fault(
    "the disk is full where the prediction goes",
    lambda p: ["predict", p.good / "run", p.recording],
    stdout=DEV_FULL,
)


# ------------------------------------------------------------------------------------------------
part("What is in a corpus")


fault("no corpus given (corpora)", lambda p: ["corpora"])
fault(
    "a folder that is not there (corpora); the others are told of",
    lambda p: ["corpora", f"emodb:{p.folder}/EMO-DB", p.source],
)


@fault("everything wrong in one listing (corpora)")
def _(p):
    tree = p.iemocap()
    change(tree / LABELS, "[1.5000, 4.0000, 3.5000]", "[1.5000, high, 3.5000]")
    (tree / WAV / "Ses01F_impro01_F000.wav").write_bytes(b"")
    return ["corpora", f"iemocap:{tree}", p.table("a.wav,,,s1,1,1", "b.wav,9,8,s1,1,1")]


# ------------------------------------------------------------------------------------------------
part("Warnings: the run goes on")


@warning("audio without a label (IEMOCAP)", "without a label")
def _(p):
    tree = p.iemocap()
    sound(tree / WAV / "Ses01F_impro01_F099.wav", seed=9)
    return p.train("--batch-size", 2, source=f"iemocap:{tree}")


warning("labels off the scale (IEMOCAP)", "outside the scale", a_tree_of_iemocap)
warning("sessions that are missing (IEMOCAP)", "not all of IEMOCAP", a_tree_of_iemocap)
warning("fewer utterances than are published", "are published", a_tree_of_iemocap)
warning("participants without annotation (RECOLA)", "without annotation", a_tree_of_recola)


@warning("overlapping timings (RECOLA)", "start before")
def _(p):
    root = p.recola()
    change(root / TIMINGS, "0.50;1.50", "0.50;1.50\n1.40;1.90")
    return p.train("--batch-size", 2, source=f"recola:{root}")


@warning("timings that end after the recording (RECOLA)", "end after")
def _(p):
    root = p.recola()
    change(root / TIMINGS, "0.50;1.50", "0.50;2.30")
    return p.train("--batch-size", 2, source=f"recola:{root}")


@warning("an annotation that ends before an utterance does (RECOLA)", "before the annotation ends")
def _(p):
    root = p.recola()
    text(root / AROUSAL, ratings(frames=30))
    return p.train("--batch-size", 2, source=f"recola:{root}")


warning("ratings outside -1 to 1 (RECOLA)", "outside -1 to 1", a_tree_of_recola)
warning("other than six raters (RECOLA)", "other than 6 raters", a_tree_of_recola)


@warning("overlapping utterances (CSV)", "start before")
def _(p):
    rows = ["a.wav,0,0.4,s1,1,1", "a.wav,0.3,0.6,s2,-1,-1", "b.wav,,,s2,1,-1", "c.wav,,,s1,-1,1"]
    return p.train("--batch-size", 2, source=p.table(*rows))


@warning("times that end after the recording (CSV)", "end after")
def _(p):
    rows = ["a.wav,0.1,0.9,s1,1,1", "b.wav,,,s2,-1,-1"]
    return p.train("--batch-size", 2, source=p.table(*rows))


@warning("columns that mean nothing (CSV)", "mean nothing")
def _(p):
    header = "path,speaker,arousal,valence,weather"
    rows = ["a.wav,s1,1,1,rain", "b.wav,s2,-1,-1,sun"]
    return p.train("--batch-size", 2, source=p.table(*rows, header=header))


warning(
    "a class under 5% of the utterances",
    "in arousal",
    lambda p: p.train("--batch-size", 2, source=p.rows("L" + 20 * "H")),
)


@warning("all labels on one side in the dimension that is not trained", "in valence")
def _(p):
    rows = ["a.wav,,,s1,1,1", "b.wav,,,s2,-1,1"]
    return p.train("--batch-size", 2, source=p.table(*rows))


@warning("recordings not named as in the corpus (EMO-DB)", "not named as in")
def _(p):
    folder = p.emodb()
    sound(folder / "test.wav")
    return p.train("--batch-size", 2, source=f"emodb:{folder}")


@warning("video and song beside speech (RAVDESS)", "not audio-only speech")
def _(p):
    names = ["03-01-05-01-02-01-12.wav", "03-01-02-01-02-01-12.wav", "03-02-05-01-02-01-12.wav"]
    return p.train("--batch-size", 2, source=f"ravdess:{named(p.folder / 'RAVDESS', names)}")


def sound_warning(title: str, says: str, make: Callable | None = None) -> Callable:
    """Register a data warning about the sound: `make` writes c.wav of a CSV corpus anew."""
    if make is None:
        return functools.partial(sound_warning, title, says)

    def command(p):
        rows = [f"{name}.wav,,,s1,{i % 2},{i % 2}" for i, name in enumerate("abcd")]
        table = p.table(*rows)
        make(p.folder / "mine" / "c.wav")
        return p.train("--batch-size", 2, source=table)

    return warning(title, says, command)


sound_warning(
    "digital silence, all of a recording",
    "nothing but zeros",
    lambda path: soundfile.write(path, np.zeros(9600), 16000),
)


@sound_warning("digital silence, part of a recording", "of exact zeros")
def _(path):
    samples, rate = soundfile.read(path)
    samples[3000:6000] = 0
    soundfile.write(path, samples, rate)


sound_warning("clipping", "clip", lambda path: sound(path, level=2.0))
sound_warning(
    "a recording that is there twice",
    "duplicate recordings",
    lambda path: shutil.copy(path.with_name("a.wav"), path),
)
sound_warning("mixed sample rates", "whose rate", lambda path: sound(path, rate=44100))
sound_warning(
    "mixed numbers of channels", "number of channels", lambda path: sound(path, channels=2)
)
sound_warning(
    "an utterance that is shorter than half a second", "shorter than", lambda path: sound(path, 0.3)
)
sound_warning(
    "an utterance that is longer than half a minute", "longer than", lambda path: sound(path, 31)
)


@warning("a damaged file in the cache, made anew", "is damaged")
def _(p):
    cache = shutil.copytree(p.good / "cache", p.folder / "cache")
    for path in cache.glob("*.npy"):
        content = bytearray(path.read_bytes())
        content[-100] ^= 1
        path.write_bytes(content)
    return p.train(cache=cache)


@warning("bad utterances left out with --skip-bad", "left out:")
def _(p):
    rows = ["a.wav,,,s1,1,1", "b.wav,,,s2,-1,-1", "z.wav,,,s2,1,1", "c.wav,,,s1,high,1"]
    return p.train("--skip-bad", "--batch-size", 2, source=p.table(*rows))


@warning("bad utterances left out, in the result", "left out as unusable")
def _(p):
    text(p.folder / "mine" / "x.wav", "nothing")
    rows = [f"{name}.wav,,,s1,{label},1" for name, label in zip("abcdx", (1, -1, 1, -1, 1))]
    return p.train("--skip-bad", "--batch-size", 2, source=p.table(*rows))


@warning("going on under other versions", "versions are not those")
def _(p):
    path = p.run() / "config.json"
    config = json.loads(path.read_text())
    config["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(config))
    return p.train("--out", p.folder / "run", "--resume")


# ------------------------------------------------------------------------------------------------
# The tables


def message(case: Case, tried: Tried) -> str:
    """What the table shows of a case: all that is wrong, or the line that is meant."""
    if not case.says:
        return tried.err.rstrip("\n")
    lines = [one.strip() for one in (tried.out + tried.err).splitlines() if case.says in one]
    return "\n".join(lines)


def cell(said: str) -> str:
    """A message as it stands in a table of Markdown."""
    return "<br>".join(f"`{line}`".replace("|", "\\|") for line in said.splitlines())


def table(cases: dict[str, Case], said: dict[str, str], head: str) -> str:
    """The cases, part by part, as tables of Markdown."""
    lines, last = [], None
    for case in cases.values():
        if case.part != last:
            several = len({one.part for one in cases.values()}) > 1
            lines += [f"\n### {case.part}"] * several + ["", f"| {head} | it says |", "|---|---|"]
            last = case.part
        lines.append(f"| {case.title} | {said[case.title]} |")
    return "\n".join(lines).strip("\n")


def read_table(name: str) -> dict[str, str]:
    """{title: cell} of the table between the marks `name` in tests/README.md."""
    between = README.read_text(encoding="utf-8").split(f"<!-- {name} -->")[1]
    lines = [line.strip("| ") for line in between.splitlines() if line.startswith("| ")]
    rows = [line.split(" | ", 1) for line in lines if not line.endswith(" | it says")]
    titles = [title for title, *_ in rows]
    if len(set(titles)) != len(titles):
        raise ValueError(f"{README}: a row is there twice")
    return dict(rows)


def write_tables() -> None:
    """Try every case, and put what it says into tests/README.md."""
    content = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as base:
        bench = Bench(Path(base))
        for name, cases, head in (
            ("faults", FAULTS, "what is wrong"),
            ("warnings", WARNINGS, "what is unusual"),
        ):
            before = read_table(name)
            said = {}
            for title, case in cases.items():
                if case.stdout and not Path(case.stdout).exists():
                    said[title] = before[title]
                else:
                    said[title] = cell(message(case, bench.attempt(case)))
            mark = f"<!-- {name} -->"
            above, _, below = content.split(mark)
            rows = f"{len(cases)} cases.\n\n{table(cases, said, head)}"
            content = f"{above}{mark}\n\n{rows}\n\n{mark}{below}"
    README.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write_tables()
