"""The corpus readers: right rows from small trees, every complaint word for word, real counts."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_trees import iemocap, named, ratings, recola, sound, text

from minidann.console import UserError
from minidann.corpora import (
    CLASSES,
    DIMENSIONS,
    READERS,
    Corpus,
    Utterance,
    about,
    complaint,
    load,
    parse,
    survey,
)
from minidann.corpora.acted import CORPORA, EMOTIONS, Acted, read
from minidann.corpora.utterance import Findings

PROJECT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("MINIDANN_CORPORA", PROJECT.parent / "shared" / "corpora"))


def rows(corpus: Corpus) -> list[tuple]:
    """An easy form to compare: file name, start, end, speaker, labels."""
    return [
        (u.path.name, u.start, u.end, u.speaker, u.arousal, u.valence) for u in corpus.utterances
    ]


def wrong(name: str, root: Path) -> list[str]:
    """The complaints about a corpus: what stops it from being read, and what is bad in it."""
    try:
        return [f"{where}: {why}" for where, why in load(name, root).bad]
    except UserError as error:
        heading, *lines = str(error).split("\n")
    things = "1 thing is" if len(lines) == 1 else f"{len(lines)} things are"
    assert heading == f"{name}:{root}: {things} wrong"
    assert all(line.startswith("  ") for line in lines)
    return [line[2:] for line in lines]


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_bytes().decode("latin-1")
    assert old in content
    path.write_bytes(content.replace(old, new).encode("latin-1"))


# --- IEMOCAP ---------------------------------------------------------------------------------

DIALOG = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"


def test_iemocap_rows(tmp_path):
    tree = iemocap(tmp_path)
    corpus = load("iemocap", tree)
    assert rows(corpus) == [
        ("Ses01F_impro01_F000.wav", None, None, "1F", 2.5, 2.5),
        ("Ses01F_impro01_M003.FLAC", None, None, "1M", 4.0, 1.5),
        ("Ses02M_script01_1_F000.ogg", None, None, "2F", 2.6667, 5.5),
    ]
    assert all(u.path.is_file() for u in corpus.utterances)
    # Exactly 2.5 is low.
    assert corpus.labels("arousal").tolist() == [0, 1, 1]
    assert corpus.labels("valence").tolist() == [0, 0, 1]
    assert corpus.labels("valence").dtype == np.int64
    assert corpus.speakers().tolist() == ["1F", "1M", "2F"]
    assert (corpus.name, corpus.title, corpus.language) == ("iemocap", "IEMOCAP", "English")
    assert (corpus.kind, corpus.root, corpus.threshold) == ("licensed", tree, 2.5)
    assert corpus.published["utterances"] == 10039 == sum(corpus.published["arousal"])
    assert 10039 == sum(corpus.published["valence"])
    assert (*corpus.warnings, *about(corpus)) == (
        "not all of IEMOCAP: there is no Session3, Session4, Session5",
        (
            "labels outside the scale from 1 to 5, used as is (2): "
            "Ses02M_script01_1_F000 valence 5.5, Ses02M_script01_1_F000 dominance 0.5"
        ),
        "3 utterances, where 10039 are published",
    )


def test_iemocap_from_the_folder_above(tmp_path):
    tree = iemocap(tmp_path)
    assert load("iemocap", tmp_path).utterances == load("iemocap", tree).utterances


def test_unknown_dimension_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="expected one of .*arousal.*valence.*received 'dominance'"
    ):
        load("iemocap", iemocap(tmp_path)).labels("dominance")


def emodb(root: Path) -> Path:
    return named(root, ["wav/03a01Fa.wav", "more/03a01Wa.flac", "wav/08a01Na.wav", "wav/x.wav"])


@pytest.mark.parametrize(
    "name, build", [("iemocap", iemocap), ("recola", recola), ("emodb", emodb)]
)
def test_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch, name, build):
    (tmp_path / "a").mkdir()
    build(tmp_path / "a")
    corpus = load(name, tmp_path / "a")
    listed = []

    def backwards(real):
        return lambda *args, **kw: listed.append(1) or reversed(list(real(*args, **kw)))

    monkeypatch.setattr(Path, "iterdir", backwards(Path.iterdir))
    monkeypatch.setattr(Path, "glob", backwards(Path.glob))
    walk = os.walk

    def walk_backwards(*args, **kw):
        for folder, subfolders, names in walk(*args, **kw):
            subfolders.reverse()
            yield folder, subfolders, listed.append(1) or names[::-1]

    monkeypatch.setattr(os, "walk", walk_backwards)
    assert load(name, tmp_path / "a") == corpus
    assert listed


@pytest.mark.parametrize("above", [False, True])
def test_demo_mark(tmp_path, above):
    tree = iemocap(tmp_path)
    text(tmp_path / "SYNTHETIC.txt", "made by a machine\n")
    corpus = load("iemocap", tmp_path if above else tree)
    assert (corpus.title, corpus.kind) == ("IEMOCAP-style demo", "synthetic demo")
    assert corpus.published == {}
    assert not any("published" in warning for warning in about(corpus))


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        (
            "[6.2901 - 8.2357]\tSes01F",
            "[8.2357 - 6.2901]\tSes01F",
            "end 6.2901 s is not after start 8.2357 s",
        ),
        ("[6.2901 -", "[nan -", "start 'nan' is not a number"),
        ("- 8.2357]", "- x]", "end 'x' is not a number"),
        ("[2.5000, 2.5000, 2.5000]", "[2.5000, inf, 2.5]", "arousal 'inf' is not a number"),
        ("[2.5000, 2.5000, 2.5000]", "[2,5, 2.5, 2.5000, 1]", None),
        ("_F000\tneu", "_X000\tneu", None),
        ("\tneu\t", " ", None),
    ],
)
def test_iemocap_bad_line(tmp_path, old, new, complaint):
    tree = iemocap(tmp_path)
    edit(tree / DIALOG, old, new)
    line = (tree / DIALOG).read_bytes().decode("latin-1").splitlines()[2]
    complaint = complaint or f"expected [START - END] NAME CATEGORY [V, A, D], found {line!r}"
    assert wrong("iemocap", tree) == [f"{DIALOG}:3: {complaint}"]


def test_iemocap_label_without_recording_and_the_reverse(tmp_path):
    tree = iemocap(tmp_path)
    folder = tree / "Session1/sentences/wav/Ses01F_impro01"
    sound(folder / "Ses01F_impro01_F001.wav")
    warning = (
        "recordings without a label, not used (1): "
        "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F001.wav"
    )
    assert warning in load("iemocap", tree).warnings
    (folder / "Ses01F_impro01_M003.FLAC").unlink()
    assert wrong("iemocap", tree) == [
        (
            f"{DIALOG}:9: Ses01F_impro01_M003 has no recording in "
            "Session1/sentences/wav/Ses01F_impro01 (.wav, .flac, .ogg)"
        )
    ]


def test_iemocap_everything_wrong_at_once(tmp_path):
    tree = iemocap(tmp_path)
    text(tree / "Session1/dialog/EmoEvaluation/Ses01F_impro02.txt", "% header only\n")
    wav = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000"
    sound(tree / f"{wav}.flac")
    copy = (tree / DIALOG).read_bytes().decode("latin-1") + "[broken\n[1 - 2]\n"
    text(tree / DIALOG, copy)
    (tree / "Session3").mkdir()
    (tree / "Session4/dialog/EmoEvaluation").mkdir(parents=True)
    assert wrong("iemocap", tree) == [
        f"{wav}.flac and {wav}.wav: two files for one recording or table; keep one of them",
        f"{DIALOG}:11: expected [START - END] NAME CATEGORY [V, A, D], found '[broken'",
        f"{DIALOG}:12: expected [START - END] NAME CATEGORY [V, A, D], found '[1 - 2]'",
        (
            "Session1/dialog/EmoEvaluation/Ses01F_impro02.txt: "
            "no line that begins with [, so no label"
        ),
        "Session3: there is no dialog/EmoEvaluation in it: the copy is incomplete",
        "Session4: no recording (.wav, .flac, .ogg) in sentences/wav",
        "Session4: there is no .txt file in dialog/EmoEvaluation",
    ]


def test_iemocap_labelled_twice(tmp_path):
    tree = iemocap(tmp_path)
    line = "[1.0 - 2.0]\tSes01F_impro01_F000\tneu\t[1, 1, 1]\n"
    text(tree / DIALOG, line + line)
    complaint = f"{DIALOG}: Ses01F_impro01_F000: is labelled twice"
    assert wrong("iemocap", tree) == [complaint]
    names = [utterance.path.stem for utterance in load("iemocap", tree).utterances]
    assert names == ["Ses02M_script01_1_F000"]  # neither of the two labels is used


def test_long_listing_is_cut():
    bad = [(f"a.txt:{n}", "is broken") for n in range(50)]
    lines = complaint("iemocap", Path("tree"), bad).split("\n")
    assert lines[0] == "iemocap:tree: 50 things are wrong"
    assert len(lines) == 22
    assert lines[-1] == "  and 30 more; python -m minidann.corpora iemocap:tree lists all"
    assert len(complaint("iemocap", Path("tree"), bad, show=50).split("\n")) == 51


def test_a_damaged_recording_is_one_line():
    bad = [(f"P16.wav [{n} s - {n + 1} s]", "cut short") for n in range(3)]
    bad += [("P16.wav [9 s - 9.01 s]", "too short"), ("P17.wav [0 s - 1 s]", "cut short")]
    assert complaint("recola", Path("tree"), bad).split("\n")[1:] == [
        "  P16.wav (3 utterances): cut short",
        "  P16.wav [9 s - 9.01 s]: too short",
        "  P17.wav [0 s - 1 s]: cut short",
    ]


def test_a_line_too_long_to_be_meant_is_not_looked_at(tmp_path):
    tree = iemocap(tmp_path)
    text(tree / DIALOG, "[" + "1 - " * 100_000 + "\n")
    (said,) = wrong("iemocap", tree)
    assert len(said) < 300 and said.endswith("... (400001 characters)")


# --- RECOLA ----------------------------------------------------------------------------------

AROUSAL = "RECOLA-Annotation/emotional_behaviour/arousal/P16.csv"
VALENCE = "RECOLA-Annotation/emotional_behaviour/valence/P16.csv"
TIMES = "RECOLA-Audio_timings/P16.csv"


def test_recola_rows(tmp_path):
    corpus = load("recola", recola(tmp_path))
    assert [row[:4] for row in rows(corpus)] == [
        ("P16.wav", 0.08, 0.16, "P16"),
        ("P16.wav", 0.5, 1.5, "P16"),
        ("P17.flac", 1.0, 2.0, "P17"),
    ]
    # start <= time < stop: the frames at 0.08 and 0.12; 0.52 ... 1.48; 1.00 ... 1.96. The raters
    # add 0.1 r: 0.25 by the mean of six, 0.2 of five.
    expected = [(0.10 + 0.25, 0.10 - 0.75), (1.0 + 0.25, 0.25), (1.48 - 1.75, 1.48 - 0.3)]
    found = [(u.arousal, u.valence) for u in corpus.utterances]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert corpus.labels("arousal").tolist() == [1, 1, 0]
    assert corpus.labels("valence").tolist() == [0, 1, 1]
    assert (corpus.title, corpus.language, corpus.kind) == ("RECOLA", "French", "licensed")
    assert corpus.threshold == 0.0
    assert corpus.published["arousal"] == (520, 788) and corpus.published["valence"] == (245, 1063)
    assert (*corpus.warnings, *about(corpus)) == (
        (
            "files with ratings outside -1 to 1, used as is (4): "
            "RECOLA-Annotation/emotional_behaviour/arousal/P16.csv, "
            "RECOLA-Annotation/emotional_behaviour/valence/P16.csv, "
            "RECOLA-Annotation/emotional_behaviour/arousal/P17.csv, ..."
        ),
        (
            "files with other than 6 raters (1): "
            "RECOLA-Annotation/emotional_behaviour/valence/P17.csv 5"
        ),
        "participants without annotation, not used (1): P18",
        "3 utterances, where 1308 are published",
    )


def test_recola_header_has_blanks_as_the_real_one(tmp_path):
    tree = recola(tmp_path)
    assert (tree / AROUSAL).read_text().splitlines()[0] == "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"


def test_recola_zero_is_low_and_one_rater_is_enough(tmp_path):
    tree = recola(tmp_path)
    text(tree / AROUSAL, "\ufefftime;FM1 \n0.08;0.25\n0.12;-0.25\n0.52;0.1\n")
    corpus = load("recola", tree)
    assert corpus.utterances[0].arousal == 0.0
    assert corpus.labels("arousal").tolist() == [0, 1, 0]
    assert any(warning.startswith("labels from the frames before") for warning in corpus.warnings)


def test_recola_ratings_that_cancel_are_zero(tmp_path):
    tree = recola(tmp_path)
    assert 0.1 + 0.2 - 0.3 > 0  # as the sum of floats has it
    text(tree / AROUSAL, "time;FM1 ;FM2 ;FM3 \n0.08;0.1;0.2;-0.3\n   \n0.52;1_0;1;1\n")
    corpus = load("recola", tree)
    assert [u.arousal for u in corpus.utterances[:2]] == [0.0, 4.0]
    assert corpus.labels("arousal")[0] == 0


def test_recola_stop_a_little_after_the_recording(tmp_path):
    tree = recola(tmp_path)
    text(tree / TIMES, "start;stop\n0.50;1.50\n1.40;2.01\n")
    corpus = load("recola", tree)
    assert corpus.utterances[1].end == 2.0
    cut = f"utterances that end after their recording, cut to it (1): {TIMES}:3 by 0.01 s"
    assert cut in corpus.warnings
    overlap = f"utterances that start before the one before them ends (1): {TIMES}:3"
    assert overlap in corpus.warnings


@pytest.mark.parametrize(
    "row, complaint",
    [
        ("1.0;0.5", "start 1 s is not before stop 0.5 s"),
        ("1.0;1.0", "start 1 s is not before stop 1 s"),
        ("-1.0;1.0", "start -1 s is before the recording"),
        ("nan;1.0", "expected 2 numbers, found 'nan;1.0'"),
        ("1.0", "expected 2 numbers, found '1.0'"),
        ("1,0;2,0", "expected 2 numbers, found '1,0;2,0'"),
        (
            "2.0;9.0",
            "the utterance from 2 to 9 s is not within the recording, which is 2.000 s long",
        ),
    ],
)
def test_recola_bad_timing(tmp_path, row, complaint):
    tree = recola(tmp_path)
    text(tree / TIMES, f"start;stop\n0.1;0.2\n{row}\n")
    assert wrong("recola", tree) == [f"{TIMES}:3: {complaint}"]


def test_recola_no_frame_in_an_utterance(tmp_path):
    tree = recola(tmp_path)
    text(tree / AROUSAL, ratings(frames=10))
    complaint = f"no frame of {AROUSAL} lies between 0.5 and 1.5 s (it goes from 0 to 0.36 s)"
    assert wrong("recola", tree) == [f"{TIMES}:3: {complaint}"]


@pytest.mark.parametrize(
    "content, complaints",
    [
        ("", [":1: expected time;FM1;FM2;..., found ''"]),
        ("time\n0.0\n", [":1: expected time;FM1;FM2;..., found 'time'"]),
        ("time,FM1\n0.0,1\n", [":1: expected time;FM1;FM2;..., found 'time,FM1'"]),
        ("time;FM1 \n", [": no row below the header"]),
        ("time;FM1 \n0.0;0.1\n0.04;\n", [":3: expected 2 numbers, found '0.04;'"]),
        ("time;FM1 \n0.0;1\n  \n0.04;x\n", [":4: expected 2 numbers, found '0.04;x'"]),
        ("time;FM1 \n0.0;nan\n\n0.04;1\n", [":2: expected 2 numbers, found '0.0;nan'"]),
        (
            "time;FM1 \n0.0;0,1\n0.04;1;2\n",
            [":2: expected 2 numbers, found '0.0;0,1'", ":3: expected 2 numbers, found '0.04;1;2'"],
        ),
    ],
)
def test_recola_bad_annotation(tmp_path, content, complaints):
    tree = recola(tmp_path)
    text(tree / AROUSAL, content)
    assert wrong("recola", tree) == [f"{AROUSAL}{complaint}" for complaint in complaints]


@pytest.mark.parametrize(
    "file, missing",
    [
        ("RECOLA-Audio-recordings/P16.wav", "RECOLA-Audio-recordings/P16.wav"),
        (TIMES, TIMES),
        (AROUSAL, AROUSAL),
        (VALENCE, VALENCE),
    ],
)
def test_recola_missing_file(tmp_path, file, missing):
    tree = recola(tmp_path)
    (tree / file).unlink()
    assert wrong("recola", tree) == [f"P16: annotated, but there is no {missing}"]


def test_recola_missing_folders_and_unreadable_audio(tmp_path):
    tree = recola(tmp_path)
    recording = tree / "RECOLA-Audio-recordings/P16.wav"
    recording.write_bytes(b"not sound")
    (complaint,) = wrong("recola", tree)
    assert complaint.startswith("RECOLA-Audio-recordings/P16.wav: cannot be read as audio (")
    (tree / "RECOLA-Audio_timings").rename(tree / "RECOLA-Audio-timings")
    assert wrong("recola", tree) == [
        "there is no folder RECOLA-Audio_timings: the copy is incomplete"
    ]


# --- acted -----------------------------------------------------------------------------------


def test_emodb_rows_and_remarks(tmp_path):
    names = [f"wav/03a01{emotion}a.wav" for emotion in "WLEAFTN"]
    tree = named(tmp_path, [*names, "wav/notes.wav", "wav/03a01Xa.wav", "wav/._03a01Nb.wav"])
    text(tree / "lablaut/03a01Fa.lablaut", "phones")
    text(tree / "readme.txt", "not a recording")
    corpus = load("emodb", tree)
    assert [(row[0], row[3], row[4], row[5]) for row in rows(corpus)] == [
        ("03a01Aa.wav", "03", 1.0, -1.0),
        ("03a01Ea.wav", "03", -1.0, -1.0),
        ("03a01Fa.wav", "03", 1.0, 1.0),
        ("03a01La.wav", "03", -1.0, -1.0),
        ("03a01Na.wav", "03", -1.0, 1.0),
        ("03a01Ta.wav", "03", -1.0, -1.0),
        ("03a01Wa.wav", "03", 1.0, -1.0),
    ]
    assert (corpus.kind, corpus.language, corpus.threshold) == ("acted, free", "German", 0.0)
    assert (*corpus.warnings, *about(corpus)) == (
        "recordings not named as in EMO-DB, not used (2): wav/03a01Xa.wav, wav/notes.wav",
        "files named like recordings that are not audio, not used: .lablaut 1",
        "7 utterances, where 535 are published",
    )


def test_ravdess_only_speech_is_used(tmp_path):
    names = [f"Actor_{a}/03-01-{e:02d}-01-01-01-{a}.wav" for e in range(1, 9) for a in ("01", "02")]
    song, video = "Actor_01/03-02-01-01-01-01-01.wav", "Actor_01/01-01-01-01-01-01-01.mp4"
    tree = named(tmp_path, [*names, song])
    text(tree / video, "moving pictures")
    corpus = load("ravdess", tree)
    assert len(corpus.utterances) == 16
    assert sorted(set(corpus.speakers())) == ["01", "02"]
    # neutral, calm, happy, sad, angry, fearful, disgust, surprised
    assert corpus.labels("arousal")[::2].tolist() == [0, 0, 1, 0, 1, 1, 0, 1]
    assert corpus.labels("valence")[::2].tolist() == [1, 1, 1, 0, 0, 0, 0, 1]
    assert f"files that are not audio-only speech, not used (2): {video}, {song}" in corpus.warnings


def test_acted_order_is_the_same_in_any_folders(tmp_path):
    names = ["03a01Fa.wav", "08b02Wc.flac", "16a05Ld.ogg"]
    flat = named(tmp_path / "flat", names)
    deep = named(tmp_path / "deep", [f"{9 - n}/{name}" for n, name in enumerate(names)][::-1])
    assert rows(load("emodb", flat)) == rows(load("emodb", deep))


def test_acted_corpus_that_is_there_twice(tmp_path):
    tree = named(tmp_path, ["a/03a01Fa.wav", "b/03a01Fa.wav", "b/03a01Wa.flac", "b/03a01Wa.wav",
         "16a05Ld.ogg"])  # fmt: skip
    why = "two files for one recording or table; keep one of them"
    assert wrong("emodb", tree) == [
        f"a/03a01Fa.wav and b/03a01Fa.wav: {why}",
        f"b/03a01Wa.flac and b/03a01Wa.wav: {why}",
    ]
    assert [row[0] for row in rows(load("emodb", tree))] == ["16a05Ld.ogg"]  # neither is used


def test_links_are_followed_and_do_not_go_round(tmp_path):
    named(tmp_path / "elsewhere", ["03a01Fa.wav"])
    tree = named(tmp_path / "corpus", ["03a01Wa.wav"])
    try:
        (tree / "linked").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "back").symlink_to(tree)
    except OSError:
        pytest.skip("this system makes no links")
    assert [row[0] for row in rows(load("emodb", tree))] == ["03a01Fa.wav", "03a01Wa.wav"]


def test_one_class_only_is_remarked(tmp_path):
    corpus = load("emodb", named(tmp_path, ["03a01Fa.wav"]))
    assert tuple(about(corpus))[1:] == (
        "every utterance is high in arousal: all labels are above 0",
        "every utterance is positive in valence: all labels are above 0",
    )


def test_every_row_of_the_acted_table_is_sound():
    for key, row in CORPORA.items():
        assert set(row.emotions.values()) <= set(EMOTIONS)
        assert READERS[key].title == row.title
        for dimension in DIMENSIONS:
            assert sum(row.published[dimension]) == row.published["utterances"]


@pytest.mark.parametrize(
    "name, emotions, file, speaker, emotion",
    [
        (r"(?P<speaker>\d\d)-(?P<emotion>[A-Z])-\d-\d", {"C": "anger"}, "01-C-1-2", "01", "anger"),
        (r"(?P<speaker>\d+)_[A-Z]+_(?P<emotion>[A-Z]+)_..", {"HAP": "happiness"},
         "1001_DFA_HAP_XX", "1001", "happiness"),
        (r"(?P<speaker>[A-Z]+)_(?P<emotion>sa|su|[adfhn])\d\d", {"sa": "sadness", "n": "neutral"},
         "JE_sa03", "JE", "sadness"),
        (r"(?P<emotion>Angry|Sad)/(?P<speaker>S[MF]\d+)_.*", {"Sad": "sadness"},
         "Sad/SM1_F19_S019", "SM1", "sadness"),
        (r"(?P<speaker>..\d)_(?P<emotion>[a-z]+)_\d+", {"surprised": "surprise"},
         "KS0_surprised_70", "KS0", "surprise"),
    ],
)  # fmt: skip
def test_other_free_corpora_are_one_row(tmp_path, name, emotions, file, speaker, emotion):
    row = Acted("T", "L", "free", example=file, name=name, emotions=emotions, published={})
    findings = Findings()
    (found,) = read(row, named(tmp_path, [f"{file}.wav"]), findings)
    assert findings == Findings()
    assert found.speaker == speaker
    assert (found.arousal, found.valence) == EMOTIONS[emotion]


# --- CSV -------------------------------------------------------------------------------------


def test_csv_round_trip(tmp_path):
    sound(tmp_path / "data/a.wav", 1.0)
    sound(tmp_path / "data/deep/b.flac", 1.0, rate=44100, channels=2)
    away = sound(tmp_path / "away.ogg", 1.0)
    table = text(
        tmp_path / "data/mine.csv",
        "path,start,end,speaker,arousal,valence\n"
        "deep/b.flac,0.25,0.75,anna,1,-0.5\n"
        "\n"
        f'"{away}",,,bert,0,0.5\n'
        "a.wav,,0.5,anna,-1,0\n"
        "a.wav,0.5,,anna,0.1,0\n",
    )
    corpus = load("csv", table)
    folder = tmp_path / "data"
    assert corpus.utterances == (
        Utterance(folder / "deep/b.flac", 0.25, 0.75, "anna", 1.0, -0.5),
        Utterance(away, None, None, "bert", 0.0, 0.5),
        Utterance(folder / "a.wav", None, 0.5, "anna", -1.0, 0.0),
        Utterance(folder / "a.wav", 0.5, None, "anna", 0.1, 0.0),
    )
    assert corpus.labels("arousal").tolist() == [1, 0, 0, 1]
    assert corpus.labels("valence").tolist() == [0, 1, 0, 0]
    assert (corpus.name, corpus.title, corpus.kind) == ("csv", "mine", "your own")
    assert (corpus.published, corpus.warnings, corpus.threshold) == ({}, (), 0.0)


def test_csv_without_times_in_another_order(tmp_path):
    for name in "ab":
        sound(tmp_path / f"{name}.wav")
    table = text(
        tmp_path / "t.csv",
        "\ufeffvalence, arousal,speaker,path,mood\r\n1,0,x,a.wav,gay\r\n0,1,y,b.wav,\r\n",
    )
    corpus = load("csv", table)
    assert rows(corpus) == [
        ("a.wav", None, None, "x", 0.0, 1.0),
        ("b.wav", None, None, "y", 1.0, 0.0),
    ]
    assert corpus.warnings == ("columns that mean nothing here, not used (1): mood",)


def test_csv_scale_that_is_not_centred(tmp_path):
    sound(tmp_path / "a.wav")
    table = text(tmp_path / "t.csv", "path,speaker,arousal,valence\na.wav,x,1,5\n")
    assert next(about(load("csv", table))) == (
        "every utterance is high in arousal: all labels are above 0 "
        "(a scale such as 1 to 5 must be centred first)"
    )


def test_csv_parts_that_overlap_or_end_late_are_remarked(tmp_path):
    sound(tmp_path / "a.wav", 2.0)
    table = text(
        tmp_path / "t.csv",
        "path,start,end,speaker,arousal,valence\n"
        "a.wav,1.5,7,x,1,0\n"
        "a.wav,0,1,x,0,1\n"
        "a.wav,0.9,1.4,x,0,1\n",
    )
    corpus = load("csv", table)
    assert [(u.start, u.end) for u in corpus.utterances] == [(1.5, 2.0), (0, 1), (0.9, 1.4)]
    assert (*corpus.warnings, *about(corpus)) == (
        "utterances that end after their recording, cut to it (1): t.csv:2 by 5 s",
        "utterances that start before another of their recording ends (1): t.csv:4",
    )


def test_a_rare_class_is_remarked(tmp_path):
    sound(tmp_path / "a.wav", 2.0)
    rows = [f"a.wav,{n / 30},{(n + 1) / 30},x,{n % 2},{int(n == 0)}" for n in range(30)]
    table = text(tmp_path / "t.csv", "\n".join(["path,start,end,speaker,arousal,valence", *rows]))
    assert tuple(about(load("csv", table))) == (
        (
            "only 1 of 30 utterances are positive in valence: each weighs much in its half of the "
            "UAR"
        ),
    )


def test_csv_everything_wrong_at_once(tmp_path):
    sound(tmp_path / "a.wav", 1.0)
    text(tmp_path / "b.wav", "not sound")
    table = text(
        tmp_path / "t.csv",
        "path,start,end,speaker,arousal,valence\n"
        "a.wav,,,x,1,0\n"
        "a.wav,,,x,0,0\n"
        "a.wav,0.5,0.2,x,1,0\n"
        "a.wav,-1,0.2,x,1,0\n"
        "a.wav,nan,later,x,,high\n"
        "a.wav,1,9,x,1,0\n"
        "c.wav,,,x,1,0\n"
        "a.wav,,x,1,0\n"
        "a.wav,0.1,0.2,,1,0\n"
        ",,,x,1,0\n"
        "b.wav,,,x,1,0\n",
    )
    *lines, last = wrong("csv", table)
    assert lines == [
        "t.csv:3: the same utterance as in line 2",
        "t.csv:4: end 0.2 s is not after start 0.5 s",
        "t.csv:5: start -1 s is before the recording",
        "t.csv:6: start 'nan' is not a number",
        "t.csv:6: end 'later' is not a number",
        "t.csv:6: arousal '' is not a number",
        "t.csv:6: valence 'high' is not a number",
        ("t.csv:7: the utterance from 1 to 9 s is not within the recording, which is 1.000 s long"),
        "t.csv:8: 'c.wav': no such file; check the path",
        "t.csv:9: expected 6 cells, found 5",
        "t.csv:10: no speaker",
        "t.csv:11: no path",
    ]
    assert last.startswith("t.csv:12: 'b.wav': cannot be read as audio (")


@pytest.mark.parametrize(
    "content, complaint",
    [
        (
            "path;speaker;arousal;valence\n",
            (
                "t.csv:1: there is no column path, speaker, arousal, valence; expected "
                "path,start,end,speaker,arousal,valence (start and end optional), "
                "found 'path;speaker;arousal;valence'; separate the columns with commas"
            ),
        ),
        (
            "path,speaker,arousal,valence,path\na,b,1,2,c\n",
            "t.csv:1: more than one column path",
        ),
        ("path,speaker,arousal,valence\n", "there is no utterance in it"),
    ],
)
def test_csv_header(tmp_path, content, complaint):
    assert wrong("csv", text(tmp_path / "t.csv", content)) == [complaint]


def test_csv_that_is_no_text(tmp_path):
    (complaint,) = wrong("csv", sound(tmp_path / "a.flac"))
    assert complaint.startswith("a.flac: is not CSV text in UTF-8: ")


# --- the wrong place -------------------------------------------------------------------------


def refusal(name: str, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(name, root)
    message = str(caught.value)
    assert message.startswith(f"{name}:{root}: ") and "\n" not in message
    return message.removeprefix(f"{name}:{root}: ")


def test_wrong_place(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    french = recola(tmp_path / "french")
    german = named(tmp_path / "german", ["wav/03a01Fa.wav"])
    for n in range(7):
        text(tmp_path / f"papers/{n}.txt", "")
    looked = "looked for Session*/dialog/EmoEvaluation, in the folder and in the folders in it, "
    advice = "give the folder IEMOCAP_full_release or the one it lies in"
    missing = f"{looked}and did not find it; "
    assert refusal("iemocap", tmp_path / "gone") == "there is no such folder"
    assert refusal("csv", tmp_path / "gone.csv") == "there is no such file"
    assert refusal("iemocap", empty) == f"{missing}the folder is empty; {advice}"
    assert refusal("iemocap", tmp_path / "papers") == (
        f"{missing}it holds 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more; {advice}"
    )
    assert refusal("iemocap", french) == (
        f"{missing}it looks like RECOLA: give it as recola:DIR, or --recola DIR"
    )
    assert refusal("recola", german) == (
        "looked for RECOLA-Annotation/emotional_behaviour, in the folder and in the folders in "
        "it, and did not find it; it looks like EMO-DB: give it as emodb:DIR"
    )
    assert refusal("ravdess", german / "wav") == (
        "looked for recordings named like 03-01-05-01-02-01-16 (.wav, .flac, .ogg) at any depth, "
        "and did not find it; it looks like EMO-DB: give it as emodb:DIR"
    )
    assert refusal("csv", german) == (
        "looked for a CSV file with the columns path,start,end,speaker,arousal,valence, "
        "and did not find it; it looks like EMO-DB: give it as emodb:DIR"
    )
    table = text(tmp_path / "t.csv", "")
    assert refusal("emodb", table) == (
        f"is a file, where a folder is needed; for a CSV file write csv:{table}"
    )


def test_parse():
    assert parse("emodb:some/where") == ("emodb", Path("some/where"))
    assert parse("csv:C:/x.csv") == ("csv", Path("C:/x.csv"))
    assert parse("recola:~/x") == ("recola", Path.home() / "x")
    names = f"the names are {', '.join(READERS)}"
    for spec, said in {
        "emodb": f"'emodb': write NAME:DIR; {names}",
        "emodb:": f"'emodb:': write NAME:DIR; {names}",
        "timit:x": f"'timit:x': unknown corpus 'timit'; {names}",
    }.items():
        with pytest.raises(UserError) as caught:
            parse(spec)
        assert str(caught.value) == said
    with pytest.raises(UserError, match="unknown corpus 'timit'; the names are"):
        load("timit", Path("."))


# --- the survey and the command ----------------------------------------------------------------


def manifest_of(folder: Path, sounds: dict[str, np.ndarray], rate=16000) -> Path:
    for name, samples in sounds.items():
        soundfile.write(folder / name, samples, rate, subtype="FLOAT" if "wav" in name else None)
    lines = [f"{name},s{n % 2},{n % 2},{n % 2}" for n, name in enumerate(sounds)]
    return text(folder / "t.csv", "\n".join(["path,speaker,arousal,valence", *lines, ""]))


def test_survey_measures(tmp_path):
    rate, second = 16000, np.sin(np.arange(16000) * 0.1)
    clipped = np.clip(1.5 * second, -1, 1)
    gap = 0.5 * second.copy()
    gap[4000:6400] = 0  # 0.15 s
    ends = np.concatenate([1e-4 * np.ones(3200), 0.5 * second, 1e-4 * np.ones(1600)])
    table = manifest_of(
        tmp_path,
        {
            "tone.wav": 0.5 * second,
            "double.wav": np.stack([0.5 * second] * 2, axis=1),
            "clipped.wav": clipped,
            "gap.wav": gap,
            "silent.wav": np.zeros(rate),
            "ends.wav": ends,
            "short.wav": 0.25 * second[:1600],
            "long.wav": np.resize(0.3 * second, 31 * rate + 7),
        },
    )
    corpus = load("csv", table)
    sounds, problems = survey.measure_all(corpus)
    assert problems == []
    tone, double, clip, gap, silent, ends, *_ = sounds.values()
    assert (tone.rate, tone.channels, tone.seconds) == (rate, 1, 1.0)
    np.testing.assert_allclose(tone.rms, 0.5 / np.sqrt(2), rtol=1e-3)
    assert double.channels == 2 and double.checksum == tone.checksum != gap.checksum
    assert clip.clipped and not tone.clipped
    assert gap.zeros == pytest.approx(0.15, abs=1e-3) and tone.zeros < 0.001
    assert silent.rms == 0 and silent.zeros == 1.0
    assert (ends.lead, ends.tail) == pytest.approx((0.2, 0.1), abs=1e-3)
    printed = "\n".join(survey.report(corpus, sounds))
    for line in (
        "t (not stated; your own) in ",
        "utterances   8",
        "speakers                2  4 utterances each",
        "1 (12.5%) are longer than 7.515 s and are cropped",
        "rate         16000 Hz: 8",
        "channels     1: 7, 2: 1",
        "arousal  low            4   50.0%",
        "4 of the low are exactly 0",
        "- utterances shorter than 0.5 s (1): short.wav",
        "- utterances longer than 30 s (1): long.wav",
        "- utterances of nothing but zeros (1): silent.wav",
        "- utterances with 0.1 s or more of exact zeros (1): gap.wav",
        "- utterances that clip (3 samples in a row at full scale) (1): clipped.wav",
        "- utterances whose number of channels is not 1, as is usual here (1): double.wav",
        "- duplicate recordings (1): tone.wav = double.wav",
    ):
        assert line in printed, printed
    assert "published" not in printed


def test_survey_reads_the_utterance_not_the_recording(tmp_path):
    corpus = load("recola", recola(tmp_path))
    sounds, problems = survey.measure_all(corpus)
    assert problems == []
    assert [s.seconds for s in sounds.values()] == pytest.approx([0.08, 1.0, 1.0], abs=1e-4)
    assert [(s.rate, s.channels) for s in sounds.values()] == [(44100, 2), (44100, 2), (16000, 1)]
    printed = "\n".join(survey.report(corpus, sounds))
    assert "utterances              3  published 1308" in printed
    assert "RECOLA-Audio-recordings/P16.wav [0.08 s - 0.16 s]" in printed


def command(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "minidann.corpora", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )


def test_command(tmp_path):
    tree = named(tmp_path / "german", ["03a01Fa.wav", "03a01Wa.wav", "08a01Na.flac"])
    (tree / "03a01Wa.wav").write_bytes(b"")
    missing = tmp_path / "gone"
    done = command(f"iemocap:{missing}", f"emodb:{tree}")
    assert done.returncode == 2
    assert "utterances              3  published 535" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[:2] == [
        f"error: iemocap:{missing}: there is no such folder",
        f"emodb:{tree}: 1 thing is wrong",
    ]
    assert lines[2].startswith("  03a01Wa.wav: ") and len(lines) == 3


def test_command_without_arguments():
    done = command()
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        f"error: give one or more NAME:DIR, where NAME is one of {', '.join(READERS)}; "
        "--help says what there is\n"
    )


# --- the real ones -----------------------------------------------------------------------------


def real(name: str) -> Corpus:
    if not (REAL / name).is_dir():
        pytest.skip(f"no {name} in {REAL}: set MINIDANN_CORPORA to the folder that holds it")
    return load(name, REAL / name)


@pytest.mark.parametrize(
    "name, n, speakers, arousal, valence",
    [
        ("emodb", 535, 10, (268, 267), (385, 150)),
        ("ravdess", 1440, 24, (672, 768), (768, 672)),
        ("iemocap", 10039, 10, (3121, 6918), (5356, 4683)),
        ("recola", 1308, 23, (520, 788), (245, 1063)),
    ],
)
def test_real_counts(name, n, speakers, arousal, valence):
    corpus = real(name)
    assert len(corpus.utterances) == n and len(set(corpus.speakers())) == speakers
    assert tuple(np.bincount(corpus.labels("arousal"))) == arousal
    assert tuple(np.bincount(corpus.labels("valence"))) == valence
    assert corpus.published == {"utterances": n, "arousal": arousal, "valence": valence}
    assert not any("published" in warning for warning in about(corpus))


def test_real_twins_are_found():
    corpus = real("ravdess")
    names = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07", "03-01-03-01-01-01-07")
    few = [u for u in corpus.utterances if u.path.stem in names]
    part = Corpus(**{**vars(corpus), "utterances": tuple(few)})
    sounds, _ = survey.measure_all(part)
    printed = "\n".join(survey.report(part, sounds))
    suffix = few[0].path.suffix
    duplicates = " = ".join(f"Actor_07/{name}{suffix}" for name in names[:2])
    assert f"duplicate recordings (1): {duplicates}" in printed


def test_classes_name_both_sides():
    assert CLASSES == {"arousal": ("low", "high"), "valence": ("negative", "positive")}
    assert tuple(CLASSES) == DIMENSIONS
