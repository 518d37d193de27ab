"""What can go wrong, case by case, and what the commands then print.

    python tests/faults.py        write the table of tests/README.md anew

A case is the command that meets a fault, or a function that makes the fault in a folder of its own
and returns the command. test_faults.py runs every case and compares what it prints with the table
in tests/README.md: a message that changes, a case without a row or a row without a case fails
there. The cases follow the machinery, part by part.
"""

import functools
import hashlib
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import corpus_trees
import numpy as np
import soundfile
from conftest import call, made_up_corpus
from corpus_trees import named, ratings, replace, sound, text

from minidann.run import splits, store

README = Path(__file__).with_name("README.md")
MARK = "<!-- cases -->"  # before and after the table
DEV_FULL = "/dev/full"  # a file, on Linux, that is always full

# What libraries and the system say in their own words, which change from release to release.
FOREIGN_WORDS = [
    r"(?<=choose from ).*?(?=\);)",  # argparse
    r"(?<=cannot be read as audio \().*?(?=\); )",  # libsndfile
    r"(?<=cannot be read: ).*$",  # strerror
    r"(?<=is not CSV text in UTF-8: ).*$",
    r"(?<=cannot be written \().*?(?=\))",
    r"(?<=cannot be written to \().*?(?=\); )",
    r"\b(?:Is a|Not a) directory\b",
    r"(?<=cannot keep features here \().*?(?=\); )",
    r"(?<=writing the output: ).*$",
    r"(?:Expecting|Extra data|Invalid|Unterminated)\b.*?\(char \d+\)",  # json
    r"maximum recursion depth[^)]*",  # json
    r"too many values to unpack[^)]*\)|cannot convert dictionary[^)]*",  # Python
    r"File is not a zip file|Bad CRC-32[^)]*|Bad magic number[^)]*|Overlapped[^)]*",  # zipfile
]


@dataclass(frozen=True)
class Case:
    part: str  # of the table
    make: str | Callable[["Place"], list]  # the command, or what makes the fault and returns it
    warns: str = ""  # the run goes on: part of the line that is meant
    limit: int | None = None  # bytes that a file may have: how a full disk is made
    stdout: str | None = None  # where the output of a process of its own goes
    keeps: tuple[str, ...] = ()  # files that may be there afterwards


CASES: dict[str, Case] = {}  # by their titles
part = ""  # the cases from here on belong to it


def case(title: str, make: str | Callable, **how) -> None:
    """Register a case, made and tried as `how`, fields of a Case, has it; see `Place.command`."""
    if title in CASES:
        raise ValueError(f"{title!r}: there are two cases of this name")
    CASES[title] = Case(part, make, **how)


@dataclass(frozen=True)
class Place:
    """Where a case plays: a folder of its own, and two good corpora and a run in another."""

    folder: Path
    good: Path

    @property
    def source(self) -> str:
        return f"csv:{self.good}/source/source.csv"

    @property
    def target(self) -> str:
        return f"csv:{self.good}/target/target.csv"

    @property
    def recording(self) -> Path:
        return self.good / "target" / "0.wav"

    def __getitem__(self, name: str):
        """What {name} stands for in a command."""
        return getattr(self, name)

    def command(self, make: str | Callable) -> list:
        """The command of a case; what begins with a flag is for training on two good corpora."""
        if callable(make):
            return make(self)
        words = [word.format_map(self) for word in make.split()]
        return self.train(*words) if make.startswith("--") else words

    def train(self, *flags, **named) -> list:
        """The command that trains on two good corpora, unless `flags` or `named` give others."""
        named = [word for name, value in named.items() for word in (f"--{name}", value)]
        return [
            "train", "--source", self.source, "--target", self.target,
            "--cache", self.good / "cache", "--batch-size", 2, "--epochs", 1, *flags, *named,
        ]  # fmt: skip

    def run(self, state: str = "finished") -> Path:
        """A run of the command above, finished or stopped after its last epoch, to be damaged."""
        return shutil.copytree(self.good / state, self.folder / "run")

    def rows(self, labels: str, name: str = "mine", by: str = "s{}") -> str:
        """A corpus of 0.6 s of noise each, arousal high or low as `labels` has it: HL..."""
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

    def ravdess(self, *names: str) -> Path:
        return named(self.folder / "RAVDESS", names)

    # Small corpora that are made where they are named.

    @property
    def emodb(self) -> Path:
        return named(self.folder / "EMO-DB", ["03a01Fa.wav", "03a01Ta.wav"])

    @property
    def iemocap(self) -> Path:
        return corpus_trees.iemocap(self.folder)

    @property
    def recola(self) -> Path:
        return corpus_trees.recola(self.folder / "RECOLA")


@dataclass(frozen=True)
class Tried:
    """What came of a command."""

    code: int
    out: str
    err: str
    changed: list[str]  # what differs on the disk from before it
    data_warnings: list[str]  # kept in the config.json of a run that went on


class Bench:
    """A place to try cases in: the good corpora, a run of them, and a folder a case."""

    def __init__(self, base: Path) -> None:
        self.base = base.resolve()
        self.good = self.base / "good"
        self.good.mkdir()
        for name, seed, rate in (("source", 0, 16000), ("target", 1, 22050)):
            table = made_up_corpus(self.good / name, seed, 24, rate)
            table.rename(table.with_name(f"{name}.csv"))
        train = Place(self.base, self.good).train
        with mock.patch("minidann.run.outcome.test", side_effect=KeyboardInterrupt):
            call(*train("--out", self.good / "stopped"))
        shutil.copytree(self.good / "stopped", self.good / "finished")
        done = self.run(train("--out", self.good / "finished", "--resume"), self.base)
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.made = self.contents()

    def contents(self) -> dict[str, str]:
        """What is in the good corpora and runs, the cache apart."""
        whole = contents(self.good)
        return {name: what for name, what in whole.items() if "cache/" not in name}

    def attempt(self, case: Case) -> Tried:
        """Run a case; all that it prints is as `plain` has it."""
        with tempfile.TemporaryDirectory(dir=self.base) as folder:
            place = Place(Path(folder), self.good)
            command = place.command(case.make)
            before = contents(place.folder)
            done = self.run(command, place.folder, case.limit, case.stdout)
            after = contents(place.folder)
            changed = sorted(
                name
                for name in before.keys() | after.keys()
                if before.get(name) != after.get(name) and not name.startswith(case.keeps or "\0")
            )
            kept = [
                line
                for config in place.folder.rglob("config.json")
                if case.warns
                for corpus in json.loads(config.read_text())["corpora"].values()
                for line in corpus["warnings"]
            ]
        here = functools.partial(plain, folders=(place.folder, self.good))
        out, err = here(done.stdout or ""), here(done.stderr)
        return Tried(done.returncode, out, err, changed, list(map(here, kept)))

    def run(self, command: list, folder: Path, limit=None, stdout=None):
        """Run a command from `folder`: in this process, or in another if its output goes away."""
        if stdout:
            command = [sys.executable, "-m", f"minidann.{command[0]}", *map(str, command[1:])]
            with open(stdout, "w") as out:
                return subprocess.run(
                    command, stdout=out, stderr=subprocess.PIPE, text=True, cwd=folder
                )
        cwd, (soft, hard) = Path.cwd(), resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            os.chdir(folder)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit or soft, hard))
            with (
                mock.patch("minidann.run.outcome.draw"),  # figures are no part of what is printed
                mock.patch("minidann.sound.features.progress", lambda items, *rest: items),
            ):
                return call(*command)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            os.chdir(cwd)


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


def plain(printed: str, folders: tuple[Path, ...]) -> str:
    """`printed`, the same on every machine: DIR for the folders, `...` for foreign words."""
    for folder in folders:
        printed = printed.replace(str(folder), "DIR")
    printed = re.sub(r"\b[0-9a-f]{32}\b", "CHECKSUM", printed)
    for words in FOREIGN_WORDS:
        printed = re.sub(words, "...", printed, flags=re.MULTILINE)
    return printed


# --- The table ----------------------------------------------------------------------------------


def cell(case: Case, tried: Tried) -> str:
    """What the table shows of a case: all that is wrong, or the line that is meant."""
    lines = tried.err.splitlines()
    if case.warns:
        lines = [line.strip() for line in tried.out.splitlines() + lines if case.warns in line]
    return "<br>".join(f"`{line}`".replace("|", "\\|") for line in lines)


def read_table() -> dict[str, str]:
    """{title: cell} of the table in tests/README.md."""
    lines = README.read_text(encoding="utf-8").split(MARK)[1].splitlines()
    rows = [line.strip("| ").split(" | ", 1) for line in lines if line.startswith("| ")]
    return {title: cell for title, cell in rows if cell != "it prints"}


def write_table() -> None:
    """Try every case, on Linux, and put what it prints into tests/README.md."""
    above, _, below = README.read_text(encoding="utf-8").split(MARK)
    lines, last = [f"{len(CASES)} cases."], ""
    with tempfile.TemporaryDirectory() as base:
        bench = Bench(Path(base))
        for title, case in CASES.items():
            if case.part != last:
                head = "| what is unusual |" if case.warns else "| what is wrong |"
                lines += ["", f"### {case.part}", "", f"{head} it prints |", "|---|---|"]
                last = case.part
            lines.append(f"| {title} | {cell(case, bench.attempt(case))} |")
    table = "\n".join(lines)
    README.write_text(f"{above}{MARK}\n\n{table}\n\n{MARK}{below}", encoding="utf-8")


# --- How a file is spoilt: the first argument is its path ----------------------------------------


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder(path: Path) -> None:
    """An empty folder in its place."""
    if path.exists():
        remove(path)
    path.mkdir(parents=True)


def folders(path: Path) -> None:
    """Empty folders in the place of all that is in it."""
    for inner in list(path.iterdir()):
        folder(inner)


def cut(path: Path, size: int) -> None:
    """Cut to `size` bytes, or by so many where it is negative."""
    path.write_bytes(path.read_bytes()[:size])


def flip(path: Path) -> None:
    """One bit turned over."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@contextmanager
def edited(path: Path):
    """The groups and the description of a checkpoint or a model, to be changed; then kept."""
    groups, about = store.read_arrays(path)
    yield groups, about
    store.write_arrays(path, groups, about)


def reshape(path: Path, group: str, name: str) -> None:
    with edited(path) as (groups, _):
        groups[group][name] = np.zeros(7)


def lose(path: Path, group: str, name: str) -> None:
    with edited(path) as (groups, _):
        del groups[group][name]


def fill(path: Path, group: str, name: str, number: float) -> None:
    with edited(path) as (groups, _):
        groups[group][name].fill(number)


def describe(path: Path, **otherwise) -> None:
    with edited(path) as (_, about):
        about.update(otherwise)


def edit_json(path: Path, **otherwise) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | otherwise))


class Malice:
    """An object whose pickle makes a file where it is unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def malice(path: Path) -> None:
    """An .npz that makes a file beside it, if a reader trusts it."""
    np.savez(path, about=np.array([Malice(path.with_name("owned"))], dtype=object))


def bomb(path: Path) -> None:
    """100 KB that become 100 MB of zeros where they are unpacked."""
    np.savez_compressed(path, **{"params/conv.w": np.zeros(10**8, np.uint8)})


def cut_sound(path: Path, seconds: float, size: int) -> None:
    """A recording that was cut short."""
    cut(sound(path, seconds), size)


def samples(path: Path, value: float, first: int | None = None, last: int | None = None) -> None:
    """A recording in floating point whose samples from `first` to `last` are `value`."""
    content, rate = soundfile.read(sound(path))
    content[first:last] = value
    soundfile.write(path, content, rate, subtype="FLOAT")


def rate(path: Path, hertz: int) -> None:
    """A recording whose header has another sample rate."""
    content = bytearray(sound(path).read_bytes())
    content[24:28] = struct.pack("<I", hertz)
    path.write_bytes(content)


# --- Cases of one kind ---------------------------------------------------------------------------


def corpus(key: str, title: str, spoil: Callable | None = None, file="", *how, warns="") -> None:
    """A small iemocap, recola or emodb, in which one file is spoilt."""

    def make(p):
        root = p[key]
        if spoil:
            spoil(root / file, *how)
        return p.train(source=f"{key}:{root}")

    case(title, make, warns=warns)


iemocap, recola, emodb = (functools.partial(corpus, key) for key in ("iemocap", "recola", "emodb"))


def lying(title: str, key: str, *names: str) -> None:
    """A folder given as this corpus, in which lie files of these names and nothing else."""

    def make(p):
        folder(p.folder / "things")
        for name in names:
            text(p.folder / "things" / name, "nothing")
        return p.train(source=f"{key}:{p.folder}/things")

    case(title, make)


def rows(title: str, *lines: str, warns="", flags=(), role="source", **header) -> None:
    """A CSV table of these lines."""
    case(title, lambda p: p.train(*flags, **{role: p.table(*lines, **header)}), warns=warns)


def recorded(title: str, spoil: Callable, *how, flags=(), warns: str = "", **by) -> None:
    """A CSV table of four recordings, of which one is spoilt."""

    def make(p):
        table = p.table(*(f"{name}.wav,,,s1,{i % 2},{i % 2}" for i, name in enumerate("abcd")))
        spoil(p.folder / "mine" / "c.wav", *how, **by)
        return p.train(*flags, source=table)

    case(title, make, warns=warns)


def labelled(title: str, *flags, warns: str = "", **labels: str) -> None:
    """A source or a target of noise, arousal high or low as its labels have it: HL..."""

    def make(p):
        return p.train(*flags, **{role: p.rows(given) for role, given in labels.items()})

    case(title, make, warns=warns)


def predicted(title: str, spoil: Callable, *how, file="c.wav", warns: str = "", **by) -> None:
    """A recording that a good model is to predict."""

    def make(p):
        spoil(p.folder / file, *how, **by)
        return ["predict", p.good / "finished", p.folder / file]

    case(title, make, warns=warns)


def resumed(title: str, spoil: Callable, file: str, *how, state="finished", warns="", **by) -> None:
    """A run of which one file is spoilt, and that should go on."""

    def make(p):
        run = p.run(state)
        spoil(run / file, *how, **by)
        return p.train("--out", run, "--resume")

    case(title, make, warns=warns)


def checkpoint(title: str, spoil: Callable, *how, file: str = "checkpoint.npz", **by) -> None:
    """A stopped run whose checkpoint, or the file beside it, is spoilt."""
    resumed(title, spoil, file, *how, state="stopped", **by)


def model(title: str, spoil: Callable, *how, **by) -> None:
    """A prediction by a run whose model is spoilt."""

    def make(p):
        run = p.run()
        spoil(run / "model.npz", *how, **by)
        return ["predict", run, p.recording]

    case(title, make)


part = "The folder"


SPEECH, SONG = "Actor_12/03-01-05-01-02-01-12.wav", "Actor_12/03-02-05-01-02-01-12.wav"

case("a folder that is not there", "--source emodb:{folder}/EMO-DB")
case("a CSV file that is not there", "--target csv:{folder}/mine.csv")
case(
    "neither of the two folders is there",
    "--source emodb:{folder}/one --target ravdess:{folder}/other",
)
case("a file in place of a folder", "--source iemocap:{recording}")
case("a CSV file given as another corpus", "--source emodb:{good}/source/source.csv")
case("the folder of a CSV file in place of the file", "--source csv:{good}/source")
lying("an empty folder", "iemocap")
lying("a folder of other things", "ravdess", ".DS_Store", *"abcd", "text.txt", "song.mp3", "a.jpg")
case("RECOLA's folder given as IEMOCAP", "--source iemocap:{recola}")
case("IEMOCAP's folder given as RECOLA", "--target recola:{iemocap}")
case("--iemocap and --recola exchanged", "train --iemocap {recola} --recola {iemocap}")
case("EMO-DB's folder given as RAVDESS", "--source ravdess:{emodb}")
case("RAVDESS's folder given as EMO-DB", lambda p: p.train(source=f"emodb:{p.ravdess(SPEECH)}"))
case("IEMOCAP's folder given as EMO-DB", "--source emodb:{iemocap}")
lying("a corpus of nothing but video (RAVDESS)", "ravdess", "01-01-05-01-02-01-12.mp4")
case(
    "a corpus of nothing but song (RAVDESS)",
    lambda p: p.train(source=f"ravdess:{p.ravdess(SONG)}"),
)
emodb("a recording that is there in two formats (EMO-DB)", sound, "other/03a01Fa.flac", 0.1)


part = "IEMOCAP"

LABELS = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
WAV = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000"
NAME = "\tSes01F_impro01_F000\t"
LABEL = f"{NAME}neu\t[2.5000, 2.5000, 2.5000]"
ANGRY = "[1.5000, 4.0000, 3.5000]"

iemocap("a session without recordings (IEMOCAP)", remove, "Session1/sentences")
iemocap("a session without labels (IEMOCAP)", remove, "Session1/dialog")
iemocap("a session whose label files were not copied (IEMOCAP)", remove, LABELS)
iemocap("a label file without a label (IEMOCAP)", text, LABELS, "% [START_TIME - END_TIME]\n")
iemocap("a folder in place of a label file (IEMOCAP)", folder, LABELS)
iemocap("a label without its recording (IEMOCAP)", remove, f"{WAV}.wav")
iemocap("a recording that is there in two formats (IEMOCAP)", sound, f"{WAV}.flac")
iemocap("a folder named like a recording (IEMOCAP)", folder, f"{WAV}.wav")
iemocap("a damaged label line (IEMOCAP)", replace, LABELS, LABEL, "\tSes01F_im")
iemocap("a label that is not a number (IEMOCAP)", replace, LABELS, ANGRY, "[1.5000, high, 3.5000]")
iemocap("a label of NaN (IEMOCAP)", replace, LABELS, ANGRY, "[nan, 4.0000, 3.5000]")
iemocap("a name that is not IEMOCAP's (IEMOCAP)", replace, LABELS, NAME, "\tSomebody\t")
iemocap("times that are reversed (IEMOCAP)", replace, LABELS, "[6.2901", "[9.2901")
iemocap("an utterance that is labelled twice (IEMOCAP)", replace, LABELS, "_M003", "_F000")


part = "RECOLA"

TIMINGS = "RECOLA-Audio_timings/P16.csv"
RATINGS = "RECOLA-Annotation/emotional_behaviour"
AROUSAL = f"{RATINGS}/arousal/P16.csv"
RECORDINGS = "RECOLA-Audio-recordings"
P16 = f"{RECORDINGS}/P16.wav"


recola("a folder that is missing (RECOLA)", remove, "RECOLA-Audio_timings")
recola("a folder of recordings with nothing in it (RECOLA)", folder, RECORDINGS)
recola("a recording that is missing (RECOLA)", remove, P16)
recola("timings that are missing (RECOLA)", remove, TIMINGS)
recola("an annotation that is missing (RECOLA)", remove, AROUSAL)
recola("no annotation of anybody (RECOLA)", folders, RATINGS)
recola("a recording that is there in two formats (RECOLA)", sound, f"{RECORDINGS}/P16.flac", 2.0)
recola("a recording that is not audio (RECOLA)", text, P16, "nothing")
recola("timings with another header (RECOLA)", text, TIMINGS, "begin,finish\n0.08,0.16\n")
recola("timings without a row (RECOLA)", text, TIMINGS, "start;stop\n")
recola("a timing that is not a number (RECOLA)", replace, TIMINGS, "0.50", "half")
recola("a timing that is reversed (RECOLA)", replace, TIMINGS, "0.50;1.50", "1.50;0.50")
recola("a timing before the recording (RECOLA)", replace, TIMINGS, "0.08;0.16", "-0.08;0.16")
recola("a timing wholly after the recording (RECOLA)", replace, TIMINGS, "0.50;1.50", "200.5;201.5")
recola("an annotation with another header (RECOLA)", replace, AROUSAL, "time;FM1 ;", "FM1 ;time;")
recola("an empty annotation (RECOLA)", empty, AROUSAL)
recola("a rating that is not a number (RECOLA)", replace, AROUSAL, "0.1400", "0,1400")
recola("a row with too few ratings (RECOLA)", replace, AROUSAL, "0.04;0.0400;", "0.04;")
recola("an annotation that does not reach an utterance (RECOLA)", text, AROUSAL, ratings(frames=10))


part = "A corpus of one's own (CSV)"


rows("a column that is missing (CSV)", "a.wav,1,1", header="path,arousal,valence")
rows("a label that some rows lack (CSV)", "a.wav,,,s1,1,1", "b.wav,,,s1,,1")
rows("a column that is there twice (CSV)", header="path,speaker,arousal,valence,arousal")
case("a table that is not text (CSV)", "--source csv:{recording}")
case("an empty file (CSV)", lambda p: p.train(source=f"csv:{text(p.folder / 'mine.csv', '')}"))
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
recorded("a folder in place of a recording (CSV)", folder)
recorded("a recording that is not audio (CSV)", text, "nothing")
rows(
    *("an utterance that is there twice (CSV)", "a.wav,0.1,0.4,s1,1,1", "b.wav,,,s1,1,1"),
    "a.wav,0.1,0.4,s2,1,1",
)
rows("more faults than fit on a screen (CSV)", *(f"a.wav,{n},0,s1,1,1" for n in range(30)))
rows("many recordings with one fault (CSV)", *(f"{n}.wav,,,s1,1,1" for n in range(30)))


part = "The sound"

SOUND = "03a02Ta.wav"  # comes beside the good ones of EMO-DB


def a_damaged_recording_of_many_utterances(p):
    table = p.table(*(f"a.wav,0.{n},0.{n + 1},s1,1,1" for n in range(1, 5)))
    cut(p.folder / "mine" / "a.wav", -1000)
    return p.train(source=table)


def faults_in_both_corpora(p):
    tree, root = p.iemocap, p.recola
    replace(tree / LABELS, ANGRY, "[1.5000, high, 3.5000]")
    empty(tree / f"{WAV}.wav")
    replace(root / TIMINGS, "0.50;1.50", "1.50;0.50")
    cut(root / P16, -1000)
    return ["train", "--iemocap", tree, "--recola", root, "--cache", p.good / "cache"]


def a_name_twice_and_a_bad_sound(p):
    root = p.emodb
    sound(root / "other" / "03a01Fa.flac", 0.1)
    empty(root / "03a01Ta.wav")
    return p.train(source=f"emodb:{root}")


def no_sound_is_left(p):
    root = p.emodb
    for path in root.iterdir():
        empty(path)
    return p.train("--skip-bad", source=f"emodb:{root}")


emodb("a WAV file that was cut short", cut_sound, SOUND, 0.6, 9622)
emodb("an Ogg file that was cut short", cut_sound, "03a02Ta.ogg", 2.0, 8000)
emodb("a FLAC file that was cut short", cut_sound, "03a02Ta.flac", 2.0, 20_000)
emodb("a recording of 0 bytes", empty, SOUND)
emodb("a recording without a sample", sound, SOUND, 0.0)
emodb("a recording that is not audio", text, SOUND, "<html>404 Not Found</html>")
emodb("a recording that is shorter than one frame", sound, SOUND, 0.02)
emodb("NaN in a recording", samples, SOUND, np.nan, 100, 101)
emodb("infinity in a recording", samples, SOUND, np.inf, 100, 101)
emodb("samples that are far beyond full scale", samples, SOUND, 1e30)
emodb("a sample rate that no speech has, too low", rate, SOUND, 7)
emodb("a sample rate that no speech has, too high", rate, SOUND, 2_000_000_000)
emodb("a link to a recording that is gone", lambda path: path.symlink_to("gone.wav"), SOUND)
case("a damaged recording with many utterances in it", a_damaged_recording_of_many_utterances)
rows("an utterance that is shorter than one frame", "a.wav,,,s1,1,1", "b.wav,0.1,0.11,s1,-1,1")
case("faults in the labels and in the sound of both corpora, at once", faults_in_both_corpora)
case("a name that is there twice and a damaged recording, at once", a_name_twice_and_a_bad_sound)
case("nothing is left with --skip-bad: the sound", no_sound_is_left)
rows("nothing is left with --skip-bad: the labels", "a.wav,,,s1,high,1", flags=["--skip-bad"])


part = "Files as people have them"


def claiming(path: Path, claimed: Callable[[int], int]) -> None:
    """A WAV file whose header says that it has `claimed(n)` of its n bytes of sound."""
    content = bytearray(sound(path, 2.0).read_bytes())
    content[40:44] = struct.pack("<I", claimed(len(content) - 44))
    path.write_bytes(content)


def paused(path: Path, times: int, **how) -> None:
    """An Ogg file of several streams, as a recorder leaves it that was paused."""
    path.write_bytes(b"".join(written(path, **how).read_bytes() for _ in range(times)))


def written(path: Path, *, scale=1.0, channels=(1.0,), seconds=2.0, rate=16000, **how) -> Path:
    """The same noise in each channel, times a number; as `soundfile.write` writes it."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * rate))
    soundfile.write(path, scale * np.outer(noise, channels), rate, **how)
    return path


def half_silent(path: Path) -> None:
    content, rate = soundfile.read(written(path))
    content[4000:24000] = 0
    soundfile.write(path, content, rate)


def pointers(path: Path) -> None:
    """What a clone without Git LFS has in the place of a file."""
    for letter in "ENLT":
        about = f"version https://git-lfs.github.com/spec/v1\noid sha256:{letter}\nsize 9\n"
        text(path.with_name(f"03a02{letter}a.wav"), about)


HALF = {"claimed": lambda size: size // 2}
predicted("a WAV file that claims half of its sound", claiming, **HALF)
predicted("a WAV file that claims a twentieth of a second", claiming, claimed=lambda size: 1600)
predicted("a WAV file whose length is taken modulo 2^13", claiming, claimed=lambda n: n % 8192)
predicted("a WAV file that claims no sound, and has some", claiming, claimed=lambda size: 0)
emodb("a WAV file that claims half of its sound, in training", claiming, SOUND, HALF["claimed"])
predicted("an Ogg file of two streams", paused, 2, file="a.ogg")
predicted("an Ogg file of three streams", paused, 3, file="a.ogg")
predicted("an Ogg file of two streams (Opus)", paused, 2, file="a.ogg", subtype="OPUS")
predicted("floating point on the scale of 16 bits", written, scale=32768, subtype="FLOAT")
predicted("floating point on the scale of 24 bits", written, scale=1 << 23, subtype="DOUBLE")
predicted("floating point on the scale of 8 bits", written, scale=300, subtype="FLOAT")
predicted("two channels of opposite polarity", written, channels=(1, -1))
predicted("two channels that nearly cancel each other", written, channels=(1, -0.9))
predicted("four channels that cancel in pairs", written, channels=(1, -1, 0.9, -1))
recorded("two channels of opposite polarity, in training", written, channels=(1, -1))
predicted("digital silence (predict)", written, scale=0)
predicted("digital silence in two channels (predict)", written, scale=0, channels=(1, 1))
predicted("30 ms of sound (predict)", written, seconds=0.03)
predicted("half a second of sound (predict)", written, seconds=0.5)
predicted("a Git LFS pointer in place of a recording (predict)", text, "version https://git-lfs")
predicted("an answer in XML in place of a recording (predict)", text, "<?xml version='1.0'?>")
emodb("a clone of a corpus without Git LFS", pointers, SOUND)
case("no file that matches (predict)", "predict {good}/finished {folder}/*.flac")


part = "A target without labels"

UNLABELLED = ["a.wav,s1", "b.wav,s2", "c.wav,s1", "d.wav,s2"]


def unlabelled(title: str, *flags, role="target", header="path,speaker", lines=UNLABELLED) -> None:
    case(title, lambda p: p.train(*flags, **{role: p.table(*lines, header=header)}))


unlabelled("an epoch that labels of such a target should select")
unlabelled("valence, of a target with arousal alone", "--dimension", "valence",
           header="path,speaker,arousal", lines=["a.wav,s1,0", "b.wav,s2,1"])  # fmt: skip
unlabelled("a source without labels", role="source")
unlabelled("mono on a target without labels", "--model", "mono")
case("a folder of recordings as the source", "--source audio:{good}/source")
case("a folder without a recording", "--target audio:{good}/finished --select-by information")


part = "The split"


def low_in(count: int, part: str, first: int | None = None) -> str:
    """Labels of `count` utterances for `labelled`: low are the `first` of this part, others high.

    It is the part in which a target of so many, or a source of as many, has them with seed 0.
    """
    speakers = np.array([f"s{i % 4}" for i in range(count)])
    split = splits.draw(0, speakers, speakers, model="our", by_speaker=False)
    low = getattr(split, part)[:first]
    return "".join("L" if i in low else "H" for i in range(count))


def shared_recordings(p):
    copies = []
    for i in range(3):
        shutil.copy(p.good / "target" / f"{i}.wav", p.folder / f"copy{i}.wav")
        copies.append(f"{p.folder}/copy{i}.wav,,,s1,{i - 1},1")
    return p.train(source=p.table("a.wav,,,s1,-1,1", *copies))


labelled("one class is all there is: a scale that is not centred", source=10 * "H")
labelled("a class without an example in the target's development set", target=low_in(10, "test"))
labelled("a class without an example in the test set", target=low_in(10, "dev"))
labelled(
    "a class without an example in the source validation set",
    *("--select-by", "source"),
    source=low_in(20, "train", 9),
)
labelled("a class without an example in the training set", source=low_in(20, "source_val", 1))
labelled("a corpus too small for mono's development set", "--model", "mono", target=8 * "HL")
case("fewer utterances than a batch", "--batch-size 100")
case(
    "too few speakers for --split speaker",
    lambda p: p.train("--split", "speaker", target=p.rows("HL" * 8, by="one")),
)
case("one utterance is all there is", lambda p: p.train(target=p.table("a.wav,,,s1,1,1")))
case("source and target are the same corpus", "--source {target}")
case("source and target share recordings under other names", shared_recordings)


part = "The flags"

case("an unknown corpus", "--source msp:DIR")
case("a corpus without its folder", "--source emodb")
case("an unknown --model", "--model theirs")
case("an unknown flag", "--learning-rate 0.1")
case("--epochs that is not a number", "--epochs x")
case(
    "several values out of range, at once",
    "--alpha 1.5 --dropout 1 --beta nan --l1 -1 --seed -1 --batch-size 1",
)
case("--bn of two domains with --model base", "--model base --bn bn3")
case("--select-by source with --model mono", "--model mono --select-by source")
case("--source without --target", "train --source {source}")
case("--source and --target together with --direction", "--direction rec2iem")
case("--recola without --iemocap: the other would be the synthetic demo", "train --recola {folder}")


part = "Where a run is kept"


def a_full_disk(name: str) -> Callable:
    """A case that writes into a folder which is there, and is given by the flag of this name."""

    def make(p):
        folder(p.folder / name)
        return p.train(**{name: p.folder / name})

    return make


case("--out is a file", "--out {recording}")
case("--out lies below a file", "--out {recording}/run")
case("--out holds somebody's files", "--out {good}/target")
case("--out holds a run of other choices", "--out {good}/finished --resume --alpha 0.3 --bn bn4")
case(
    "--out holds a run of other corpora",
    lambda p: p.train("--out", p.run(), "--resume", source=p.rows("HL" * 12, name="source")),
)
case("--out holds this run, without --resume", "--out {good}/finished")
resumed("config.json is not JSON", text, "config.json", '{"choices": {"alpha": 0.')
resumed("config.json without its choices", edit_json, "config.json", choices=None)
resumed("config.json is JSON, but a list", text, "config.json", "[1, 2, 3]")
case("the cache is a file", "--cache {recording}")
case(
    "the disk is full while the run is written",
    a_full_disk("out"),
    limit=100_000,
    keeps=("out/config.json", "out/epochs"),
)
case("the disk is full while features are kept", a_full_disk("cache"), limit=20_000)
case("the disk is full where the output goes", Place.train, stdout=DEV_FULL)
resumed("a run of an earlier version", edit_json, "config.json", format=1)


part = "A checkpoint, damaged or from a stranger"

checkpoint("parameters of the epochs that are gone", remove, file="epochs/1.npz")
checkpoint("parameters of the epochs with one bit turned over", flip, file="epochs/1.npz")
checkpoint("a checkpoint that was cut short", cut, 100_000)
checkpoint("a checkpoint with one bit turned over", flip)
checkpoint("a checkpoint with arrays of other shapes", reshape, "adam", "conv.w.m")
checkpoint("a checkpoint without one of its arrays", lose, "adam", "emotion.w.m")
checkpoint("a checkpoint with NaN in it", fill, "adam", "emotion.w.m", np.nan)


part = "Predicting"


def bad_recordings(p):
    bad = [
        text(p.folder / "page.wav", "<html>404 Not Found</html>"),
        sound(p.folder / "click.wav", 0.02),
        sound(p.folder / "none.wav", 0.0),
    ]
    return ["predict", p.good / "finished", *bad, p.recording]


case("no run in the folder", "predict {folder} {recording}")
case("no such run", "predict {folder}/runs/best {recording}")
case(
    "the model itself in place of the run's folder",
    "predict {good}/finished/model.npz {recording}",
)
model("a run that has not ended: no model yet", remove)
model("a model with one bit turned over", flip)
model("a model with a program in it (pickle)", malice)
model("a model of an earlier version", lambda path: np.savez(path, about=np.array("{}")))
model("a model of 100 MB packed into 100 KB", bomb)
model("a model with infinity in it", fill, "params", "emotion.b", np.inf)
model("a model with a standard deviation of 0", fill, "target", "std", 0)
model("a model that does not say how it was made", describe, choices={"alpha": 0.3})
case(
    "a recording that is missing (predict)",
    "predict {good}/finished {folder}/gone.wav {recording}",
)
case("no recording at all (predict)", "predict {good}/finished")
case("a folder in place of a recording (predict)", "predict {good}/finished {folder}")
case("recordings that cannot be used (predict); the others are predicted", bad_recordings)
case(
    *("the disk is full where the prediction goes", "predict {good}/finished {recording}"),
    stdout=DEV_FULL,
)


part = "What is in a corpus"


def everything_wrong(p):
    tree = p.iemocap
    replace(tree / LABELS, ANGRY, "[1.5000, high, 3.5000]")
    empty(tree / f"{WAV}.wav")
    return ["corpora", f"iemocap:{tree}", p.table("a.wav,,,s1,1,1", "b.wav,9,8,s1,1,1")]


case("no corpus given (corpora)", "corpora")
case(
    "a folder that is not there (corpora); the others are reported",
    "corpora emodb:{folder}/EMO-DB {source}",
)
case("everything wrong in one listing (corpora)", everything_wrong)


part = "Warnings: the run goes on"


def video_and_song(p):
    return p.train(source=f"ravdess:{p.ravdess(SPEECH, SPEECH.replace('-05-', '-02-'), SONG)}")


def copies(root: Path) -> None:
    """A corpus that is there twice, as where its folder was packed within itself."""
    shutil.copytree(root, root / "again")


def tone(path: Path) -> None:
    soundfile.write(path, 0.1 * np.sin(np.arange(32000) / 10), 16000)


def unmarked(path: Path) -> None:
    """An Ogg file as a recorder leaves it that was not told of the end: its last page unmarked."""
    content = bytearray(written(path).read_bytes())
    page = content.rfind(b"OggS")
    content[page + 5] &= ~4
    content[page + 22 : page + 26] = bytes(4)
    checksum = 0  # CRC-32 of the polynomial 0x04C11DB7, from the highest bit on
    for byte in content[page:]:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1) ^ (0x104C11DB7 if checksum >> 31 else 0)
    content[page + 22 : page + 26] = checksum.to_bytes(4, "little")
    path.write_bytes(content)


def a_damaged_cache(p):
    cache = shutil.copytree(p.good / "cache", p.folder / "cache")
    for path in cache.glob("*.f32"):
        if path.stat().st_size:  # of corpora in which nothing can be used, it is empty
            flip(path)
    return p.train(cache=cache)


iemocap("audio without a label (IEMOCAP)", sound, f"{WAV[:-4]}F099.wav", warns="without a label")
iemocap("labels off the scale (IEMOCAP)", warns="outside the scale")
iemocap("sessions that are missing (IEMOCAP)", warns="not all of IEMOCAP")
iemocap("fewer utterances than are published", warns="are published")
recola("participants without annotation (RECOLA)", warns="without annotation")
recola(
    *("overlapping timings (RECOLA)", replace, TIMINGS, "0.50;1.50", "0.50;1.50\n1.40;1.90"),
    warns="start before",
)
recola(
    *("timings that end after the recording (RECOLA)", replace, TIMINGS, "0.50;1.50", "0.50;2.30"),
    warns="end after",
)
recola(
    *("an annotation that ends before an utterance does (RECOLA)", text, AROUSAL, ratings(30)),
    warns="before the annotation ends",
)
recola("ratings outside -1 to 1 (RECOLA)", warns="outside -1 to 1")
recola("other than six raters (RECOLA)", warns="other than 6 raters")
rows(
    *("overlapping utterances (CSV)", "a.wav,0,0.4,s1,1,1", "a.wav,0.3,0.6,s2,-1,-1"),
    *("b.wav,,,s2,1,-1", "c.wav,,,s1,-1,1"),
    warns="start before",
)
rows(
    *("times that end after the recording (CSV)", "a.wav,0.1,0.9,s1,1,1", "b.wav,,,s2,-1,-1"),
    warns="end after",
)
rows(
    *("columns that mean nothing (CSV)", "a.wav,s1,1,1,rain", "b.wav,s2,-1,-1,sun"),
    header="path,speaker,arousal,valence,weather",
    warns="mean nothing",
)
labelled("a class under 5% of the utterances", source="L" + 20 * "H", warns="in arousal")
rows(
    "all labels on one side in the dimension that is not trained",
    *("a.wav,,,s1,1,1", "b.wav,,,s2,-1,1"),
    warns="in valence",
)
rows(
    *("a target's columns of labels that are empty", "a.wav,s1,,", "b.wav,s2,,"),
    header="path,speaker,arousal,valence",
    role="target",
    flags=["--select-by", "information"],
    warns="no test UAR",
)
emodb("copies of recordings in another folder (EMO-DB)", copies, warns="copies of other files")
emodb("recordings not named as in the corpus (EMO-DB)", sound, "test.wav", warns="not named as in")
case("video and song beside speech (RAVDESS)", video_and_song, warns="not named as in")
recorded("digital silence, all of a recording", samples, 0, warns="nothing but zeros")
recorded("digital silence, part of a recording", samples, 0, 3000, 6000, warns="of digital silence")
recorded("clipping", sound, level=2.0, warns="clip")
recorded(
    "a recording that is there twice",
    lambda path: shutil.copy(path.with_name("a.wav"), path),
    warns="duplicate recordings",
)
recorded("mixed sample rates", sound, rate=44100, warns="whose rate")
recorded("mixed numbers of channels", sound, channels=2, warns="whose rate")
recorded("an utterance that is shorter than half a second", sound, 0.3, warns="shorter than")
recorded("an utterance that is longer than half a minute", sound, 31, warns="longer than")
case("a damaged file in the cache, made anew", a_damaged_cache, warns="is damaged")
predicted("noise alone (predict)", written, warns="as in noise")
predicted("noise alone, loud (predict)", written, scale=4.0, warns="as in noise")
predicted("a steady tone (predict)", tone, warns="as in noise")
predicted("clipping (predict)", sound, 1.5, level=2.0, warns="clipping")
predicted("exact zeros over most of it (predict)", half_silent, warns="exact zeros")
predicted("16 bits of which one is used (predict)", written, scale=1e-4, warns="another scale")
predicted("16 bits of which two are used (predict)", written, scale=3e-4, warns="another scale")
predicted(
    *("32 bits that hold the numbers of 16 (predict)", written),
    scale=2**-16,
    subtype="PCM_32",
    warns="another scale",
)
predicted("Ogg without a mark of its end (predict)", unmarked, file="a.ogg", warns="without a mark")
rows(
    *("bad utterances left out with --skip-bad", "a.wav,,,s1,1,1", "b.wav,,,s2,-1,-1"),
    *("z.wav,,,s2,1,1", "c.wav,,,s1,high,1"),
    flags=["--skip-bad"],
    warns="left out as unusable",
)
recorded(
    *("bad utterances left out, in the result", text, "nothing"),
    flags=["--skip-bad"],
    warns="left out as unusable",
)
resumed(
    *("going on under other versions", edit_json, "config.json"),
    versions={"numpy": "1.0"},
    warns="versions are not those",
)


if __name__ == "__main__":
    write_table()
