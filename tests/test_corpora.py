"""The corpus readers: right rows from small trees, what is wrong with them, real counts.

Each single fault and its message is a case of `faults.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_trees import iemocap, named, recola, replace, sound, text

from minidann.console import UserError
from minidann.corpora import DIMENSIONS, READERS, Corpus, Utterance, about, load, parse
from minidann.corpora.__main__ import report
from minidann.sound import features
from minidann.sound.audio import decode

PROJECT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("MINIDANN_CORPORA", PROJECT.parent / "shared" / "corpora"))
COLUMNS = "path,start,end,speaker,arousal,valence"


def rows(corpus: Corpus) -> list[tuple]:
    """An easy form to compare: file name, start, end, speaker, labels."""
    return [
        (u.path.name, u.start, u.end, u.speaker, u.arousal, u.valence) for u in corpus.utterances
    ]


def names(corpus: Corpus) -> list[str]:
    return [u.path.name for u in corpus.utterances]


def wrong(name: str, root: Path) -> list[str]:
    """What is bad in a corpus of which something is left, a line each."""
    return [f"{where}: {why}" for where, why in load(name, root).bad]


def table(folder: Path, *lines: str, header: str = COLUMNS) -> Path:
    """A CSV corpus."""
    return text(folder / "t.csv", "\n".join([header, *lines]))


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
    assert load("iemocap", tmp_path).utterances == corpus.utterances  # from the folder above


def emodb(root: Path) -> Path:
    return named(root, ["wav/03a01Fa.wav", "more/03a01Wa.flac", "wav/08a01Na.wav", "wav/x.wav"])


@pytest.mark.parametrize(
    "name, build", [("iemocap", iemocap), ("recola", recola), ("emodb", emodb)]
)
def test_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch, name, build):
    build(tmp_path)
    corpus, walk, listed = load(name, tmp_path), os.walk, []

    def backwards(real):
        return lambda *args, **kw: listed.append(1) or reversed(list(real(*args, **kw)))

    def walk_backwards(*args, **kw):
        for folder, subfolders, files in walk(*args, **kw):
            subfolders.reverse()
            yield folder, subfolders, listed.append(1) or files[::-1]

    monkeypatch.setattr(Path, "iterdir", backwards(Path.iterdir))
    monkeypatch.setattr(Path, "glob", backwards(Path.glob))
    monkeypatch.setattr(os, "walk", walk_backwards)
    assert load(name, tmp_path) == corpus
    assert listed


@pytest.mark.parametrize("above", [False, True])
def test_demo_mark(tmp_path, above):
    tree = iemocap(tmp_path)
    text(tmp_path / "SYNTHETIC.txt", "made by a machine\n")
    corpus = load("iemocap", tmp_path if above else tree)
    assert (corpus.title, corpus.kind) == ("IEMOCAP-style demo", "synthetic demo")
    assert corpus.published == {}
    assert not any("published" in warning for warning in about(corpus, {}))


def test_iemocap_numbers_with_commas_are_not_three_numbers(tmp_path):
    tree = iemocap(tmp_path)
    replace(tree / DIALOG, "[2.5000, 2.5000, 2.5000]", "[2,5, 2.5, 2.5000, 1]")
    (message,) = wrong("iemocap", tree)
    assert message.startswith(f"{DIALOG}:3: expected [START - END] NAME CATEGORY [V, A, D], found ")


def test_of_two_labels_neither_is_used(tmp_path):
    tree = iemocap(tmp_path)
    text(tree / DIALOG, 2 * "[1.0 - 2.0]\tSes01F_impro01_F000\tneu\t[1, 1, 1]\n")
    assert names(load("iemocap", tree)) == ["Ses02M_script01_1_F000.ogg"]


def test_a_line_too_long_to_be_meant_is_quoted_in_part(tmp_path):
    tree = iemocap(tmp_path)
    text(tree / DIALOG, "[" + "1 - " * 100_000 + "\n")
    (message,) = wrong("iemocap", tree)
    assert len(message) < 300 and message.endswith("... (400001 characters)")


# --- RECOLA ----------------------------------------------------------------------------------

AROUSAL = "RECOLA-Annotation/emotional_behaviour/arousal/P16.csv"
TIMINGS = "RECOLA-Audio_timings/P16.csv"


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


def test_recola_ratings_that_cancel_are_zero_and_low(tmp_path):
    tree = recola(tmp_path)
    assert 0.1 + 0.2 - 0.3 > 0  # as the sum of floats has it
    text(tree / AROUSAL, "\ufefftime;FM1 ;FM2 ;FM3 \n0.08;0.1;0.2;-0.3\n   \n0.52;10;1;1\n")
    corpus = load("recola", tree)
    assert [u.arousal for u in corpus.utterances[:2]] == [0.0, 4.0]
    assert corpus.labels("arousal").tolist() == [0, 1, 0]


def test_recola_bad_row(tmp_path):
    """It spoils the recording: a mean of the others is another label."""
    tree = recola(tmp_path)
    text(tree / AROUSAL, "time;FM1 \n0;1\n\n0.04;nan\n")
    assert wrong("recola", tree) == [f"{AROUSAL}: line 4: expected 2 numbers, found '0.04;nan'"]
    assert names(load("recola", tree)) == ["P17.flac"]


def test_recola_bad_timings_cost_themselves(tmp_path):
    tree = recola(tmp_path)
    whole = len(load("recola", tree).utterances)
    file = tree / TIMINGS
    lines = file.read_text().splitlines()
    text(file, "\n".join([*lines, "half;1.5", "2"]))
    n = len(lines)
    assert wrong("recola", tree) == [
        f"{TIMINGS}: line {n + 1}: expected 2 numbers, found 'half;1.5'",
        f"{TIMINGS}: line {n + 2}: expected 2 numbers, found '2'",
    ]
    assert len(load("recola", tree).utterances) == whole


# --- acted: see test_acted.py, too -------------------------------------------------------------


def test_emodb_and_what_lies_beside_it(tmp_path):
    hidden = ["wav/._03a01Nb.wav", ".trash/03a01Nc.wav"]
    beside = ["wav/notes\x7f.wav", "wav/03a01Xa.wav"]
    tree = named(tmp_path, ["wav/03a01Ta.wav", "wav/03a02Ta.wav", *beside, *hidden])
    text(tree / "lablaut/03a01Ta.lablaut", "phones")
    corpus = load("emodb", tree)
    assert rows(corpus)[0] == ("03a01Ta.wav", None, None, "03", -1.0, -1.0)
    assert (*corpus.warnings, *about(corpus, {})) == (
        r"recordings not named as in EMO-DB, not used (2): wav/03a01Xa.wav, 'wav/notes\x7f.wav'",
        "2 utterances, where 535 are published",
        "only 0 of 2 utterances are high in arousal (labels above 0)",
        "only 0 of 2 utterances are positive in valence (labels above 0)",
    )
    sound(tree / "wav/more.wav")  # now most are of something else
    with pytest.raises(UserError, match="there is no recording named like 03a01Fa"):
        load("emodb", tree)


def test_links_are_followed_and_do_not_go_round(tmp_path):
    named(tmp_path / "elsewhere", ["03a01Fa.wav"])
    tree = named(tmp_path / "corpus", ["03a01Wa.wav"])
    try:
        (tree / "linked").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "back").symlink_to(tree)
    except OSError:
        pytest.skip("this system makes no links")
    corpus = load("emodb", tree)
    assert names(corpus) == ["03a01Fa.wav", "03a01Wa.wav"] and corpus.warnings == ()


# --- CSV -------------------------------------------------------------------------------------


def test_csv_round_trip(tmp_path):
    away, folder = tmp_path / "away.ogg", tmp_path / "data"
    csv = table(
        folder,
        "deep/b.flac,0.25,0.75,anna,1,-0.5",
        "",
        f'"{away}",,,bert,0,0.5',
        "a.wav,,0.5,anna,-1,0",
        "a.wav,0.5,,anna,0.1,0",
    )
    corpus = load("csv", csv)
    assert corpus.utterances == (
        Utterance(folder / "deep/b.flac", 0.25, 0.75, "anna", 1.0, -0.5),
        Utterance(away, None, None, "bert", 0.0, 0.5),
        Utterance(folder / "a.wav", None, 0.5, "anna", -1.0, 0.0),
        Utterance(folder / "a.wav", 0.5, None, "anna", 0.1, 0.0),
    )
    assert corpus.labels("arousal").tolist() == [1, 0, 0, 1]
    assert corpus.labels("valence").tolist() == [0, 1, 0, 0]
    assert (corpus.name, corpus.title, corpus.kind) == ("csv", "t", "your own")
    assert (corpus.published, corpus.warnings, corpus.threshold) == ({}, (), 0.0)
    assert tuple(about(corpus, {})) == ()


def test_csv_without_times_in_another_order(tmp_path):
    header = "\ufeffvalence, arousal,speaker,path,mood\r"
    corpus = load("csv", table(tmp_path, "1,0,x,a.wav,gay\r", "0,1,y,b.wav,\r", header=header))
    assert rows(corpus) == [
        ("a.wav", None, None, "x", 0.0, 1.0),
        ("b.wav", None, None, "y", 1.0, 0.0),
    ]
    assert corpus.warnings == ("columns that mean nothing here, not used (1): 'mood'",)


def heard(corpus: Corpus) -> tuple[dict, dict]:
    """The measures of the utterances, and why the others cannot be used, by their numbers."""
    each = list(features.extract_each(corpus.utterances, "paper", "reading"))
    return {i: s for i, s, _ in each if s}, {i: why for i, s, why in each if not s}


def test_csv_parts_that_overlap_or_end_late(tmp_path):
    for name in "ab":
        sound(tmp_path / f"{name}.wav", 2.0)
    parts = ["a.wav,1.5,7", "a.wav,0,1", "a.wav,0.9,1.4", "b.wav,,", "b.wav,1,1.2", "b.wav,1.5,"]
    lines = [f"{part},x,{n % 2},{n % 2}" for n, part in enumerate(parts)]
    corpus = load("csv", table(tmp_path, *lines))
    sounds, bad = heard(corpus)
    assert bad == {} and [s.seconds for s in sounds.values()] == [0.5, 1, 0.5, 2, 0.2, 0.5]
    late = "utterances that end after their recording, cut to it (1): a.wav [1.5 s - 7 s]"
    assert late in about(corpus, sounds)
    assert list(about(corpus, sounds))[-1] == (
        "utterances that start before another of their recording ends (3): "
        "a.wav [0.9 s - 1.4 s], b.wav [1 s - 1.2 s], b.wav [1.5 s - end]"
    )


def test_a_class_is_rare_below_5_percent(tmp_path):
    lines = [f"a.wav,{n / 10},{(n + 1) / 10},x,{int(n == 0)},{n % 2}" for n in range(21)]
    for count, warnings in ((20, 0), (21, 1)):
        assert len(list(about(load("csv", table(tmp_path, *lines[:count])), {}))) == warnings


ONE, OTHER = "path,speaker,arousal,valence\ncafé/a.wav,x,1,0\n", "b.wav,y,-1,2\n"


@pytest.mark.parametrize(
    "table",
    [
        ONE + OTHER,
        (ONE + OTHER).replace(",", "\t"),
        (ONE + OTHER).replace(",", ";"),
        ONE.replace("path,speaker", "Path, SPEAKER") + OTHER,
        ONE.replace("café/", "café\\") + OTHER,
        ONE.replace("café/", ".\\cafe\u0301\\") + OTHER,
    ],
)
@pytest.mark.parametrize("folder", ["café", "cafe\u0301"])
def test_csv_as_spreadsheets_write_it(tmp_path, table, folder):
    sound(tmp_path / folder / "a.wav")
    sound(tmp_path / "b.wav")
    corpus = load("csv", text(tmp_path / "t.csv", table))
    assert corpus.bad == corpus.warnings == ()
    assert [u.path.stem for u in corpus.utterances if u.path.is_file()] == ["a", "b"]
    assert corpus.labels("arousal").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("table", "labelled"),
    [
        ("path,speaker\na.wav,x\nb.wav,y\n", []),
        ("path,speaker,arousal,valence\na.wav,x,,\nb.wav,y,,\n", []),
        ("path,speaker,arousal,valence\na.wav,x,1,\nb.wav,y,0,\n", ["arousal"]),
        ("path,speaker,valence\na.wav,x,1\nb.wav,y,0\n", ["valence"]),
    ],
)
def test_csv_without_labels(tmp_path, table, labelled):
    corpus = load("csv", text(tmp_path / "t.csv", table))
    assert corpus.bad == () and len(corpus.utterances) == 2
    assert [name for name in DIMENSIONS if corpus.labelled(name)] == labelled
    assert "\n".join(report(corpus, {})).count("no labels") == 2 - len(labelled)


def test_a_folder_of_recordings(tmp_path):
    sound(tmp_path / "b" / "1.wav")
    sound(tmp_path / "a" / "1.ogg")
    text(tmp_path / "a" / "1.mp3", "")
    corpus = load("audio", tmp_path)
    assert [(u.path.name, u.speaker) for u in corpus.utterances] == [("1.ogg", "a"), ("1.wav", "b")]
    assert corpus.title == tmp_path.name and not any(map(corpus.labelled, DIMENSIONS))
    assert corpus.warnings == ("files that are not .wav, .flac, .ogg, not used (1): a/1.mp3",)
    with pytest.raises(UserError, match=r"there is no recording \(.wav, "):
        (tmp_path / "a" / "1.ogg").unlink()
        load("audio", tmp_path / "a")


def test_csv_everything_wrong_at_once(tmp_path):
    parts = "a.wav,,,x,1,0", "a.wav,,,x,0,0", "a.wav,nan,later,x,,high", "a.wav,0,1,x,,0"
    csv = table(tmp_path, *parts, "a.wav,1,1,x", "c.wav,,,,1,1")
    with pytest.raises(UserError) as caught:  # of two rows for one utterance, neither is used
        load("csv", csv)
    assert str(caught.value).split("\n") == [
        f"csv:{csv}: 5 things are wrong",
        "  t.csv:3: the same utterance as in line 2",
        "  t.csv:4: start 'nan' is not a number; end 'later' is not a number; "
        "valence 'high' is not a number",
        "  t.csv:6: expected 6 cells, found 4",
        "  t.csv:7: no speaker",
        "  t.csv:5: no arousal, where other rows have one",
    ]


def test_csv_row_that_is_there_twice_costs_itself(tmp_path):
    rows = [f"a.wav,{i},{i + 1},x,1,0" for i in range(4)]
    corpus = load("csv", table(tmp_path, *rows, "a.wav,2,3,x,0,0"))
    assert corpus.bad == (("t.csv:6", "the same utterance as in line 4"),)
    assert [u.start for u in corpus.utterances] == [0, 1, 3]


def test_links_to_nowhere_of_one_name_are_reported(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.wav").symlink_to(tmp_path / "nowhere")
    corpus = load("audio", tmp_path)
    assert names(corpus) == ["x.wav", "x.wav"]
    with pytest.raises(UserError, match="cannot be read"):
        decode(corpus.utterances[0].path)


def test_a_folder_that_cannot_be_listed_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "some/where")

    monkeypatch.setattr("minidann.corpora.reading.files_below", refuse)
    with pytest.raises(UserError, match="Permission denied: some/where"):
        load("audio", tmp_path)


def test_parse():
    assert parse("emodb:some/where") == ("emodb", Path("some/where"))
    assert parse("csv:C:/x.csv") == ("csv", Path("C:/x.csv"))
    assert parse("recola:~/x") == ("recola", Path.home() / "x")


# --- the survey and the command ----------------------------------------------------------------


def test_survey_measures(tmp_path):
    rate, second = 16000, np.sin(np.arange(16000) * 0.1)
    gap = 0.5 * second
    gap[4000:6400] = 0  # 0.15 s
    sounds = {
        "tone.wav": 0.5 * second,
        "double.wav": np.stack([0.5 * second] * 2, axis=1),
        "clipped.wav": np.clip(1.5 * second, -1, 1),
        "gap.wav": gap,
        "silent.wav": np.zeros(rate),
        "short.wav": 0.25 * second[:1600],
        "long.wav": np.resize(0.3 * second, 31 * rate + 7),
    }
    for name, samples in sounds.items():
        soundfile.write(tmp_path / name, samples, rate, subtype="FLOAT")
    lines = [f"{name},s{n % 2},{n % 2},{n % 2}" for n, name in enumerate(sounds)]
    corpus = load("csv", table(tmp_path, *lines, header="path,speaker,arousal,valence"))
    measured, bad = heard(corpus)
    assert bad == {}
    tone, double, clip, gap, silent, *_ = measured.values()
    assert (tone.rate, tone.channels, tone.seconds) == (rate, 1, 1.0)
    assert double.channels == 2 and double.checksum == tone.checksum != gap.checksum
    assert clip.clipped and not tone.clipped
    assert gap.silent == pytest.approx(0.15, abs=0.03) and tone.silent == 0
    assert silent.silent == 1 and silent.peak == 0
    printed = "\n".join(report(corpus, measured))
    for line in (
        "t (not stated; your own) in ",
        "utterances   7\n",
        "speakers     2, 3 to 4 utterances each",
        "14.3% are longer than 7.515 s and are cropped",
        "arousal      low            4   57.1%",
        "- utterances with clipping, three or more samples in a row at the peak (1): clipped.wav",
        "- utterances with 0.1 s or more of digital silence (2): gap.wav, silent.wav",
        "- duplicate recordings (1): tone.wav = double.wav",
    ):
        assert line in printed, printed
    assert "published" not in printed


def test_survey_reads_the_utterance_not_the_recording(tmp_path):
    corpus = load("recola", recola(tmp_path))
    sounds, _ = heard(corpus)
    assert [s.seconds for s in sounds.values()] == pytest.approx([0.08, 1.0, 1.0], abs=1e-4)
    assert [(s.rate, s.channels) for s in sounds.values()] == [(44100, 2), (44100, 2), (16000, 1)]
    printed = "\n".join(report(corpus, sounds))
    assert "utterances   3  published 1308" in printed
    assert "RECOLA-Audio-recordings/P16.wav [0.08 s - 0.16 s]" in printed


def test_command(tmp_path):
    """It lists all, however much is wrong, and goes on to the other corpora."""
    stems = [f"03a01F{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    tree = named(tmp_path / "german", [f"{stem}.wav" for stem in stems])
    for i, stem in enumerate(stems[1:]):
        text(tree / f"{stem}.wav", stem if i < 21 else "")
    missing = tmp_path / "gone"
    command = [sys.executable, "-m", "minidann.corpora", f"iemocap:{missing}", f"emodb:{tree}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 2
    assert "utterances   26  published 535" in done.stdout
    heading, *lines = done.stderr.splitlines()
    assert heading == f"error: iemocap:{missing}: there is no such file or folder"
    assert lines[0] == f"emodb:{tree}: 25 things are wrong"
    assert len(lines) == 1 + 21 + 1
    names = ", ".join(f"{stem}.wav" for stem in stems[22:])
    assert lines[-1].endswith(f" (4): {names}")


# --- the real ones -----------------------------------------------------------------------------


def real(name: str) -> Corpus:
    if not (REAL / name).is_dir():
        pytest.skip(f"no {name} in {REAL}: set MINIDANN_CORPORA to the folder that holds it")
    return load(name, REAL / name)


@pytest.mark.parametrize(
    "name, n, speakers, arousal, valence",
    [
        ("emodb", 535, 10, [268, 267], [385, 150]),
        ("ravdess", 1440, 24, [672, 768], [768, 672]),
        ("iemocap", 10039, 10, [3121, 6918], [5356, 4683]),
        ("recola", 1308, 23, [520, 788], [245, 1063]),
    ],
)
def test_real_counts(name, n, speakers, arousal, valence):
    published = {"utterances": n, "arousal": arousal, "valence": valence}
    assert READERS[name].published == published  # also where the corpus itself is missing
    corpus = real(name)
    assert len(corpus.utterances) == n and len(set(corpus.speakers())) == speakers
    assert np.bincount(corpus.labels("arousal")).tolist() == arousal
    assert np.bincount(corpus.labels("valence")).tolist() == valence
    assert corpus.published == published
    assert not any("published" in warning for warning in about(corpus, {}))


def test_real_duplicates_are_found():
    corpus = real("ravdess")
    stems = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07", "03-01-03-01-01-01-07")
    few = [u for u in corpus.utterances if u.path.stem in stems]
    part = Corpus(**{**vars(corpus), "utterances": tuple(few)})
    printed = "\n".join(report(part, heard(part)[0]))
    suffix = few[0].path.suffix
    duplicates = " = ".join(f"Actor_07/{stem}{suffix}" for stem in stems[:2])
    assert f"duplicate recordings (1): {duplicates}" in printed
