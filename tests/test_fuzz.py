"""Anything may lie in a corpus folder or call itself a model: generated files for all that reads.

    FUZZ_EXAMPLES=40000 python -m pytest tests/test_fuzz.py    # of each property; about an hour

Each test is given generated input, most of it nearly right. What comes back must be utterances
(arrays) that make sense, or a UserError of a few lines; no other exception, no warning, none that
works over a second, and all of it in less than 500 MB. Needs hypothesis, in the extra `fuzz`.
"""

import io
import json
import os
import signal
import tempfile
import time
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from corpus_trees import HEADER, IMPRO, iemocap, ratings, recola, sound

from minidann import predict, training
from minidann.choices import Choices
from minidann.console import UserError
from minidann.corpora import READERS, Utterance, about, load
from minidann.run import folder, store
from minidann.run.evaluation import HISTORY
from minidann.sound import features
from minidann.sound.warnings import remarks

pytest.importorskip("hypothesis", reason="needs hypothesis: pip install -e '.[fuzz]'")
pytest.importorskip("resource", reason="Windows: no measure of memory, no SIGALRM")

import resource

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", 60))
SLOW, LARGE = 1.0, 500  # seconds an example may take, MB all of them may need
HANGS = 20  # seconds by the clock after which SIGALRM ends it all


# --- what is generated -------------------------------------------------------------------------

strange_numbers = st.sampled_from(
    "nan inf -inf 1e999 1e308 -1 0 -0 1_0 0x10 ١٢ 1,5 1e-320 2.5000 1000000000000 . - +".split()
) | st.floats().map(str)
strange_text = st.text(max_size=20) | st.sampled_from(
    ["\x00", "\ufeff", "\r", "\u2028", '"', "[" * 600]
)
strange = strange_numbers | strange_text


@st.composite
def edited(draw, text: str, tokens: str):
    """`text` with a few of the things between `tokens` replaced, doubled, or gone; as bytes."""
    parts, start = [], 0
    for i, letter in enumerate(text):
        if letter in tokens:
            parts += [text[start:i], letter]
            start = i + 1
    parts.append(text[start:])
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(parts) - 1))
        parts[at] = draw(st.sampled_from(["", parts[at] * 2]) | strange)
    content = "".join(parts).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        return content
    at = draw(st.integers(0, len(content)))  # and bytes of any kind somewhere
    return content[:at] + draw(st.binary(max_size=30)) + content[at + draw(st.integers(0, 30)) :]


def file_like(text: str, tokens: str):
    """Mostly `text` with mistakes in it; at times no such text at all."""
    return edited(text, tokens) | edited(text, tokens) | st.binary(max_size=300)


TABLE = (
    "path,start,end,speaker,arousal,valence\na.wav,,,x,1,0\na.wav,0.1,0.4,y,0,1\nb.wav,0,,x,-1,2\n"
)
names = st.lists(
    st.tuples(
        st.sampled_from(["03a01Fa", "08b02Wc", "03-01-05-01-02-01-16", "03-02-01-01-01-01-01", ""])
        | st.text(st.characters(blacklist_characters="/\x00"), max_size=12)
        | st.from_regex(r"\A[0-9]{2}[ab][0-9]{2}[A-Z][a-z]\Z"),
        st.sampled_from([".wav", ".WAV", ".flac", ".ogg", ".txt", "", ".lablaut"]),
        st.sampled_from(["", "deep/", "._", "a\nb/", "\udcff/"]),
    ).map(lambda parts: parts[2] + parts[0] + parts[1]),
    max_size=6,
)


# --- what must hold ----------------------------------------------------------------------------


def clean(read):
    """`read()` gives something or raises a UserError that can be printed; -> what it gave."""
    result, began = None, time.process_time()  # of this process: other programs have their own
    signal.alarm(HANGS)
    try:
        result = read()
    except UserError as error:
        lines = str(error).split("\n")
        assert 1 <= len(lines) <= 22 and all(line.strip() for line in lines), lines
        assert max(map(len, lines)) < 2000, "a message longer than anyone reads"
    finally:
        signal.alarm(0)
    assert time.process_time() - began < SLOW
    return result


def corpus(name: str, root: Path) -> None:
    read = clean(lambda: load(name, root))
    if read is None:
        return
    assert read.utterances
    for utterance in read.utterances:
        assert not np.isinf([utterance.arousal, utterance.valence]).any() and utterance.speaker
    for line in [*map(" ".join, read.bad), *read.warnings, *about(read, {})]:
        assert "\n" not in line and len(line) < 2000


class Places:
    """Small corpora on disk, made once; each example writes its own file into one of them."""

    def __init__(self, root: Path):
        self.iemocap, self.recola, self.csv = (root / name for name in ("iemocap", "recola", "csv"))
        iemocap(self.iemocap)
        recola(self.recola)
        for name in ("a", "b"):
            sound(self.csv / f"{name}.wav")
        self.sounds = [
            sound(root / name, 0.5, channels=channels).read_bytes()
            for name, channels in (("a.wav", 1), ("b.wav", 2), ("a.ogg", 1), ("a.flac", 1))
        ]
        self.names, self.run = root / "names", root / "run"
        self.run.mkdir()
        self.choices = Choices("csv", "csv")
        self.fresh = training.start(self.choices)
        bins = {"mean": np.zeros(26, np.float32), "std": np.ones(26, np.float32)}
        groups = {"params": self.fresh.params, "running": self.fresh.running}
        groups |= {"source": bins, "target": bins}
        about = {"choices": asdict(self.choices), "corpora": "made up"}
        store.write_arrays(self.run / "model.npz", groups, about)
        self.model = (self.run / "model.npz").read_bytes()
        self.fresh.history.append({name: 1.0 for name in HISTORY})
        folder.keep(self.run, self.fresh)
        self.checkpoint = (self.run / "checkpoint.npz").read_bytes()


def iemocap_labels(place: Places, data) -> None:
    tree = place.iemocap / "IEMOCAP_full_release"
    file = tree / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    file.write_bytes(data.draw(file_like(IMPRO, " \n\t,[]_")))
    corpus("iemocap", place.iemocap)


def recola_tables(place: Places, data) -> None:
    emotion = "RECOLA-Annotation/emotional_behaviour"
    times = data.draw(file_like("start;stop\n0.08;0.16\n0.50;1.50\n", ";\n."))
    (place.recola / "RECOLA-Audio_timings/P16.csv").write_bytes(times)
    rated = data.draw(file_like(ratings(), ";\n") | file_like(HEADER + "\n0;1;1;1;1;1;1\n", ";\n"))
    which = data.draw(st.sampled_from(["arousal", "valence"]))
    (place.recola / f"{emotion}/{which}/P16.csv").write_bytes(rated)
    corpus("recola", place.recola)


def csv_table(place: Places, data) -> None:
    (place.csv / "t.csv").write_bytes(data.draw(file_like(TABLE, ",\n")))
    corpus("csv", place.csv / "t.csv")


def file_names(place: Places, data) -> None:
    with tempfile.TemporaryDirectory(dir=place.run) as folder:
        for name in data.draw(names):
            path = Path(folder, name)
            try:
                path.parent.mkdir(exist_ok=True)
                path.touch()
            except (OSError, ValueError):  # no name that this system allows
                pass
        corpus(data.draw(st.sampled_from(list(READERS))), Path(folder))


def sound_file(place: Places, data) -> None:
    """Bytes of its header changed, bytes put in, behind or away; most of them still sound."""
    draw, content = data.draw, bytearray(data.draw(st.sampled_from(place.sounds)))
    pages = [at for at in range(len(content)) if content.startswith(b"OggS", at)] or [0]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.sampled_from(pages)) + draw(st.integers(0, 60))
        content[at : at + 1] = draw(st.binary(min_size=1, max_size=1) | st.binary(max_size=8))
    ends = st.sampled_from([b"", b"LIST\4\0\0\0abcd", b"data\4\0\0\0abcd", bytes(content)])
    content += draw(ends | st.binary(max_size=40))
    path = place.run / "sound"
    path.write_bytes(content[: draw(st.sampled_from([None, None, -1, 44, 100, len(content) // 2]))])
    whole = [(0, Utterance(path, None, None, "s", 0.0, 0.0))]
    ((_, heard, frames),) = clean(lambda: features.extract_one(path, whole, "paper"))
    if heard is None:
        assert frames and "\n" not in frames and len(frames) < 400
    else:
        assert np.isfinite(frames).all() and len(remarks(heard)) < 8


HEADS = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<U999999999', 'fortran_order': False, 'shape': (0,), }",
    "{'descr': '<U1', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 5), }",
    "{'descr': __import__('os').abort()}",
    *("(" * 5000, "{", "\x00", ""),
]
ABOUTS = [
    *("[" * 100_000, "{}", "[]", "null", '{"a":' * 2000, "9" * 5000, '{"choices": 1}', ""),
    json.dumps({"history": [{"epoch": "x"}], "batches": -1, "records": 3, "seconds": None}),
]
ARRAYS = [
    *(np.array(None), np.array([{}]), np.full(26, np.nan, np.float32), np.zeros((10, 26, 200))),
    *(np.zeros((0, 5), np.float32), np.array(1 + 1j), np.array("text"), np.zeros(1800, np.int8)),
    *(np.zeros(3, [("a", "<f4")]), np.array("2020-01-01", "M8[D]"), np.full(26, -1, np.float32)),
]


def head(text: str) -> bytes:
    """The beginning of a .npy with this header."""
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode()


def npy(array: np.ndarray) -> bytes:
    saved = io.BytesIO()
    np.save(saved, array, allow_pickle=True)
    return saved.getvalue()


ENTRIES = [  # what may be in an archive in the place of an array
    *map(head, HEADS),
    *(npy(np.frombuffer(about.encode(), np.uint8)) for about in ABOUTS),
    *map(npy, ARRAYS),
]


def spoilt(whole: bytes, draw) -> bytes:
    """The archive `whole` with something wrong in it."""
    kind = draw(st.sampled_from(["cut", "bytes", "directory", "entries", "anything"]))
    if kind == "anything":
        return draw(st.binary(max_size=200))
    if kind == "cut":
        return whole[: draw(st.integers(0, len(whole) - 1))]
    if kind != "entries":
        content = bytearray(whole)
        first = 0 if kind == "bytes" else len(whole) - 3000  # the directory is at the end
        for _ in range(draw(st.integers(0, 8))):
            content[draw(st.integers(first, len(whole) - 1))] = draw(st.integers(0, 255))
        return bytes(content)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["about.npy", "params/new.npy"]) | st.sampled_from([*entries]))
        old = entries.pop(name, b"")
        new = st.sampled_from([old[:-1], old[:200], old + b"x", None]) | st.binary(max_size=80)
        content = draw(new | st.sampled_from(ENTRIES))
        if content is not None:
            entries[name] = content
    out = io.BytesIO()
    compression = draw(st.sampled_from([zipfile.ZIP_STORED] * 3 + [zipfile.ZIP_DEFLATED]))
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def model_file(place: Places, data) -> None:
    (place.run / "model.npz").write_bytes(spoilt(place.model, data.draw))
    read = clean(lambda: predict.load(place.run))
    if read is not None:
        silence = np.zeros((750, 26), np.float32)
        probability, _ = predict.probabilities_of(read[0], silence, "paper")
        assert probability.shape == (2,)


def checkpoint_file(place: Places, data) -> None:
    file = place.run / "checkpoint.npz"
    file.write_bytes(spoilt(place.checkpoint, data.draw))
    read = clean(lambda: folder.start_or_resume(place.choices, place.run))
    assert read is None or read.epoch >= 0


PROPERTIES = (
    iemocap_labels, recola_tables, csv_table, file_names, sound_file, model_file, checkpoint_file,
)  # fmt: skip


def run(which, place: Places, examples: int) -> None:
    """`examples` generated examples of one property; hypothesis reports the smallest that fails."""

    @settings(
        max_examples=examples, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), derandomize="FUZZ_EXAMPLES" not in os.environ,
    )  # fmt: skip
    @given(data=st.data())
    def property_holds(data):
        which(place, data)

    property_holds()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Places(tmp_path_factory.mktemp("fuzz"))


def peak() -> float:
    """The most memory that this process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("which", PROPERTIES, ids=lambda which: which.__name__)
def test_anything_in_is_read_or_refused(which, place):
    before = peak()
    run(which, place, EXAMPLES)
    assert peak() - before < LARGE


def test_a_reader_that_fails_is_found(place, monkeypatch):
    def fails(name, root):
        raise IndexError

    monkeypatch.setitem(globals(), "load", fails)
    with pytest.raises(IndexError):
        run(csv_table, place, 5)
