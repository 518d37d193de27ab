"""The free acted corpora: a small tree of each, with its real names, folders and exceptions."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from corpus_trees import named, sound, text

from minidann.console import UserError
from minidann.corpora import READERS, Corpus, load
from minidann.corpora.acted import CORPORA, EMOTIONS

TWICE = "two files for one recording or table; keep one of them"
TREES = {  # some files of each corpus, where they lie when it is unpacked
    "emodb": [f"wav/03a01{letter}a.wav" for letter in "WLEAFTN"],
    "ravdess": [f"Actor_01/03-01-{e:02d}-01-01-01-01.wav" for e in range(1, 9)],
    "cafe": [
        *("CaFE_48k/ColŠre/Faible/01-C-1-1.wav", "CaFE_48k/ColŠre/Fort/01-C-2-1.wav"),
        *("CaFE_48k/Dégoût/Fort/02-D-2-6.wav", "CaFE_48k/Joie/Faible/03-J-1-3.wav"),
        *("CaFE_48k/Neutre/06-N-1-4.wav", "CaFE_48k/Peur/Fort/12-P-2-5.wav"),
        *("CaFE_48k/Surprise/Faible/02-S-1-1.wav", "CaFE_48k/Tristesse/Fort/08-T-2-3.wav"),
    ],
    "oreau": [
        *("f/sessc/24a01Ca.wav", "f/sessd/11a06Da.wav", "f/sessj/10a02Ja.wav"),
        *("m/sessn/11a04Na.wav", "m/sessp/07a01Pa.wav", "m/sesss/07z03Sa.wav"),
        "m/sesst/32a07Ta.wav",
    ],
    "cremad": [
        *("AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_IEO_DIS_LO.wav"),
        *("AudioWAV/1001_IEO_FEA_HI.wav", "AudioWAV/1002_IEO_HAP_MD.wav"),
        *("AudioWAV/1002_IWL_NEU_XX.wav", "AudioWAV/1040_ITH_SAD_X.wav"),
        "AudioWAV/1076_MTI_SAD_XX.wav",
    ],
    "tess": [
        *("OAF_angry/OAF_back_angry.wav", "OAF_disgust/OAF_back_disgust.wav"),
        *("OAF_Fear/OAF_lid_fear.wav", "OAF_happy/OAF_back_happy.wav"),
        *("OAF_neutral/OA_bite_neutral.wav", "OAF_Pleasant_surprise/OAF_back_ps.wav"),
        *("YAF_sad/YAF_back_sad.wav", "YAF_pleasant_surprised/YAF_food_ps.wav"),
    ],
    "savee": [
        *("AudioData/DC/a01.wav", "AudioData/DC/d01.wav", "AudioData/DC/f12.wav"),
        *("AudioData/JE/a01.wav", "AudioData/JE/h01.wav", "AudioData/JE/n30.wav"),
        *("AudioData/JK/sa10.wav", "AudioData/KL/su05.wav"),
    ],
    "emovo": [
        *("EMOVO/f1/dis-f1-b1.wav", "EMOVO/f1/gio-f1-l4.wav", "EMOVO/f2/neu-f2-n5.wav"),
        *("EMOVO/f3/pau-f3-d2.wav", "EMOVO/m1/rab-m1-b3.wav", "EMOVO/m2/sor-m2-d1.wav"),
        "EMOVO/m3/tri-m3-l1.wav",
    ],
    "urdu": [
        *("Angry/SM1_F19_A019.wav", "Angry/SM4_F48_A0100.wav", "Angry/SM3_F1_A051.wav"),
        *("Happy/SF8_F1_H045.wav", "Neutral/SM3_F1_N021.wav", "Sad/SM27_F4_S096.wav"),
    ],
    "nemo": [
        *("samples/EB0_anger_1.wav", "samples/IC0_fear_63.wav", "samples/KD0_happiness_14.wav"),
        *("samples/KS0_surprised_70.wav", "samples/MK0_neutral_86.wav"),
        "samples/WR0_sadness_9.wav",
    ],
}


def rows(corpus: Corpus) -> list[tuple]:
    return [(u.path.stem, u.speaker, u.arousal, u.valence) for u in corpus.utterances]


def spoken(*rows: tuple[str, str, str]) -> list[tuple]:
    """Name, speaker, emotion -> what `rows` gives."""
    return [(name, speaker, *EMOTIONS[emotion]) for name, speaker, emotion in rows]


def unpacked(key: str, root: Path) -> Path:
    return named(root, TREES[key])


EXPECTED = {  # in the reader's order, which is that of the names
    "cafe": [
        ("01-C-1-1", "01", "anger"),
        ("01-C-2-1", "01", "anger"),
        ("02-D-2-6", "02", "disgust"),
        ("02-S-1-1", "02", "surprise"),
        ("03-J-1-3", "03", "happiness"),
        ("06-N-1-4", "06", "neutral"),
        ("08-T-2-3", "08", "sadness"),
        ("12-P-2-5", "12", "fear"),
    ],
    "oreau": [
        ("07a01Pa", "07", "fear"),
        ("07z03Sa", "07", "surprise"),
        ("10a02Ja", "10", "happiness"),
        ("11a04Na", "11", "neutral"),
        ("11a06Da", "11", "disgust"),
        ("24a01Ca", "24", "anger"),
        ("32a07Ta", "32", "sadness"),
    ],
    "cremad": [
        ("1001_DFA_ANG_XX", "1001", "anger"),
        ("1001_IEO_DIS_LO", "1001", "disgust"),
        ("1001_IEO_FEA_HI", "1001", "fear"),
        ("1002_IEO_HAP_MD", "1002", "happiness"),
        ("1002_IWL_NEU_XX", "1002", "neutral"),
        ("1040_ITH_SAD_X", "1040", "sadness"),  # so it is on disk, with one X
        ("1076_MTI_SAD_XX", "1076", "sadness"),
    ],
    "tess": [
        ("OAF_back_angry", "OAF", "anger"),
        ("OAF_back_disgust", "OAF", "disgust"),
        ("OAF_back_happy", "OAF", "happiness"),
        ("OAF_back_ps", "OAF", "surprise"),
        ("OAF_lid_fear", "OAF", "fear"),
        ("OA_bite_neutral", "OAF", "neutral"),  # so it is on disk, without F
        ("YAF_back_sad", "YAF", "sadness"),
        ("YAF_food_ps", "YAF", "surprise"),
    ],
    "savee": [
        ("a01", "DC", "anger"),
        ("d01", "DC", "disgust"),
        ("f12", "DC", "fear"),
        ("a01", "JE", "anger"),  # the same file name as DC's
        ("h01", "JE", "happiness"),
        ("n30", "JE", "neutral"),
        ("sa10", "JK", "sadness"),
        ("su05", "KL", "surprise"),
    ],
    "emovo": [
        ("dis-f1-b1", "f1", "disgust"),
        ("gio-f1-l4", "f1", "happiness"),
        ("neu-f2-n5", "f2", "neutral"),
        ("pau-f3-d2", "f3", "fear"),
        ("rab-m1-b3", "m1", "anger"),
        ("sor-m2-d1", "m2", "surprise"),
        ("tri-m3-l1", "m3", "sadness"),
    ],
    "urdu": [
        ("SF8_F1_H045", "SF8", "happiness"),
        ("SM1_F19_A019", "SM1", "anger"),
        ("SM27_F4_S096", "SM27", "sadness"),
        ("SM3_F1_A051", "SM3", "anger"),
        ("SM3_F1_N021", "SM3", "neutral"),
        ("SM4_F48_A0100", "SM4", "anger"),
    ],
    "nemo": [
        ("EB0_anger_1", "EB0", "anger"),
        ("IC0_fear_63", "IC0", "fear"),
        ("KD0_happiness_14", "KD0", "happiness"),
        ("KS0_surprised_70", "KS0", "surprise"),
        ("MK0_neutral_86", "MK0", "neutral"),
        ("WR0_sadness_9", "WR0", "sadness"),
    ],
}


@pytest.mark.parametrize("key", EXPECTED)
def test_rows_speakers_and_labels(tmp_path, key):
    corpus = load(key, unpacked(key, tmp_path))
    assert rows(corpus) == spoken(*EXPECTED[key])
    assert (corpus.warnings, corpus.bad) == ((), ())
    assert (corpus.title, corpus.language) == (CORPORA[key].title, CORPORA[key].language)
    assert corpus.kind == ("talk shows, free" if key == "urdu" else "acted, free")
    assert corpus.threshold == 0.0
    assert set(CORPORA[key].emotions.values()) == {emotion for *_, emotion in EXPECTED[key]}


@pytest.mark.parametrize("key", TREES)
def test_each_corpus_is_known_by_its_own_row_alone(tmp_path, key):
    tree = unpacked(key, tmp_path)
    assert [name for name in READERS if READERS[name].find(tree)] == [key]
    for name in READERS.keys() - {key, "csv"}:
        with pytest.raises(UserError, match=f"it looks like {CORPORA[key].title}: .*{key}:DIR"):
            load(name, tree)


def test_neutral_and_sad_alone_could_be_of_either(tmp_path):
    # Both have a speaker 14, a sentence a04, and N and T with the same meaning.
    tree = named(tmp_path, ["14a04Na.wav", "14a04Ta.wav"])
    assert READERS["emodb"].find(tree) and READERS["oreau"].find(tree)


def test_a_folder_of_several_corpora_is_each_of_them(tmp_path):
    for key in ("ravdess", "cafe", "cremad"):
        unpacked(key, tmp_path / key)
    for key in ("ravdess", "cafe", "cremad"):
        corpus = load(key, tmp_path)
        assert rows(corpus) == rows(load(key, tmp_path / key))
        in_others = sum(len(TREES[name]) for name in ("ravdess", "cafe", "cremad") if name != key)
        (warning,) = corpus.warnings
        assert warning.startswith(
            f"recordings not named as in {CORPORA[key].title}, not used ({in_others}): "
        )


WRONG = {  # nearly right
    "cafe": ["1-C-1-1", "01-C-3-1", "01-X-1-1", "01-c-1-1", "01-C-1-1 (1)"],
    "oreau": ["1a02Ja", "10a02Xa", "10a02J", "10a2Ja"],
    "cremad": ["1001_DFA_ANG", "1001_DFA_SUR_XX", "1001_DFA_ANG_YY", "101_DFA_ANG_XX"],
    "tess": ["OAF_back", "OAF_back_surprise", "XAF_back_sad", "YA_back_sad"],
    "savee": ["DC_s01", "DC_sh01", "DC_a1", "XX_a01", "a01"],
    "emovo": ["xyz-f1-b1", "rab-f1", "rab-x1-b1", "rab-f1-z1"],
    "urdu": ["SM1_F19_X019", "SX1_F19_A019", "SM1_A019"],
    "nemo": ["KS0_surprise_70", "KS_surprised_70", "KS0_surprised"],
}


@pytest.mark.parametrize("key", WRONG)
def test_other_names_are_noted(tmp_path, key):
    tree = unpacked(key, tmp_path)
    named(tree, [f"other/{name}.wav" for name in WRONG[key]])
    sound(tree / "other" / "._hidden.wav", 0.1)  # macOS leaves such files
    corpus = load(key, tree)
    assert rows(corpus) == spoken(*EXPECTED[key])
    first = ", ".join(
        f"other/{name}.wav" for name in sorted(WRONG[key], key=lambda n: f"{n}.wav")[:3]
    )
    more = ", ..." * (len(WRONG[key]) > 3)
    assert corpus.warnings == (
        f"recordings not named as in {CORPORA[key].title}, not used ({len(WRONG[key])}): "
        f"{first}{more}",
    )


@pytest.mark.parametrize("key", EXPECTED)
def test_the_same_from_flac_in_one_folder(tmp_path, key):
    """Folders mean nothing, but for SAVEE, whose flat form has the speaker in the file's name."""
    flat = [
        "_".join(Path(name).parts[-2:]) if key == "savee" else Path(name).name
        for name in TREES[key]
    ]
    tree = named(tmp_path / "all", [str(Path(name).with_suffix(".flac")) for name in flat])
    found = [row[1:] for row in rows(load(key, tree))]
    assert found == [row[1:] for row in spoken(*EXPECTED[key])]


@pytest.mark.parametrize("key", EXPECTED)
def test_the_whole_set_twice(tmp_path, key):
    # As some downloads of TESS and SAVEE have it: the folder again, within itself.
    tree = unpacked(key, tmp_path)
    unpacked(key, tree / "again")
    with pytest.raises(UserError) as caught:
        load(key, tree)
    count = len(TREES[key])
    assert str(caught.value).startswith(f"{key}:{tree}: {count} things are wrong")
    assert str(caught.value).count(TWICE) == count


# --- what only one of them has -------------------------------------------------------------------


def test_cafe_at_192_khz_has_neutral_without_intensity(tmp_path):
    tree = named(tmp_path, ["CaFE_192k_1/Neutre/03-N-1.wav", "CaFE_192k_2/Neutre/07-N-6.wav"])
    assert rows(load("cafe", tree)) == spoken(
        ("03-N-1", "03", "neutral"), ("07-N-6", "07", "neutral")
    )


def test_cafe_at_192_khz_is_aiff_and_is_not_used(tmp_path):
    text(tmp_path / "CaFE_192k_1/Neutre/03-N-1.aiff", "FORM")
    with pytest.raises(UserError, match=r"looked for recordings named like 01-C-1-1 \(\.wav, "):
        load("cafe", tmp_path)
    tree = unpacked("cafe", tmp_path)
    assert load("cafe", tree).warnings == (
        "files named like recordings that are not audio, not used: .aiff 1",
    )


def test_oreau_with_both_versions_is_told(tmp_path):
    # The second is a part of the first; both are in one download.
    named(tmp_path, ["OréauFR_01/f/sessc/24a01Ca.wav", "OréauFR_01/f/sessc/24a03Ca.wav"])
    unpacked("oreau", tmp_path / "OréauFR_02")
    corpus = load("oreau", tmp_path)
    first, second = (f"OréauFR_0{n}/f/sessc/24a01Ca.wav" for n in (1, 2))
    assert corpus.bad == ((f"{first} and {second}", TWICE),)
    assert not any(u.path.stem == "24a01Ca" for u in corpus.utterances)
    assert len(load("oreau", tmp_path / "OréauFR_02").utterances) == 7


def test_cremad_has_the_same_names_in_other_formats(tmp_path):
    tree = unpacked("cremad", tmp_path)
    for folder, suffix in (("AudioMP3", ".mp3"), ("VideoFlash", ".flv")):
        text(tree / folder / f"1001_DFA_ANG_XX{suffix}", "not for us")
    text(tree / "VideoDemographics.csv", "ActorID,Age,Sex,Race,Ethnicity\n")
    assert load("cremad", tree).warnings == (
        "files named like recordings that are not audio, not used: .flv 1, .mp3 1",
    )


def test_savee_in_folders_and_flat_is_there_twice(tmp_path):
    tree = unpacked("savee", tmp_path)
    named(tree, ["ALL/DC_a01.wav", "ALL/KL_su06.wav"])
    corpus = load("savee", tree)
    assert corpus.bad == ((f"ALL/DC_a01.wav and {TREES['savee'][0]}", TWICE),)
    assert ("a01", "JE", 1.0, -1.0) in rows(corpus) and len(corpus.utterances) == 8


def test_savee_from_one_speakers_folder(tmp_path):
    tree = unpacked("savee", tmp_path) / "AudioData" / "DC"
    assert rows(load("savee", tree)) == spoken(*EXPECTED["savee"][:3])


def test_emovo_is_stereo_and_has_one_mono(tmp_path):
    for channels, name in (
        (2, "f1/dis-f1-b1.wav"),
        (2, "f1/rab-f1-b1.wav"),
        (1, "m2/neu-m2-n1.wav"),
    ):
        sound(tmp_path / name, 0.1, rate=48000, channels=channels)
    text(tmp_path / "f1/._dis-f1-b1.wav", "\x00\x05")
    corpus = load("emovo", tmp_path)
    assert (len(corpus.utterances), corpus.warnings, corpus.bad) == (3, (), ())


def test_urdu_goes_by_the_letter_in_the_name(tmp_path):
    # It says in all 400 what the folder says, so that no name is in two folders.
    tree = named(tmp_path, ["SM1_F1_A01.wav", "SM1_F1_H01.wav", "SM1_F1_N01.wav", "SM1_F1_S01.wav"])
    corpus = load("urdu", tree)
    assert corpus.labels("arousal").tolist() == [1, 1, 0, 0]
    assert corpus.labels("valence").tolist() == [0, 1, 1, 0]


# --- counts --------------------------------------------------------------------------------------

COUNTS = {  # files of each emotion, in the order of the row's `emotions`
    "emodb": [127, 81, 46, 69, 71, 62, 79],
    "ravdess": [96, 192, 192, 192, 192, 192, 192, 192],
    "cafe": [144, 144, 144, 72, 144, 144, 144],
    "oreau": [67, 67, 62, 70, 51, 62, 55],
    "cremad": [1271, 1271, 1271, 1271, 1087, 1271],
    "tess": [400] * 7,
    "savee": [60, 60, 60, 60, 120, 60, 60],
    "emovo": [84] * 7,
    "urdu": [100] * 4,
    "nemo": [749, 736, 749, 809, 769, 669],
}


@pytest.mark.parametrize("key", CORPORA)
def test_published_counts_are_sums_over_emotions(key):
    row = CORPORA[key]
    counts: Counter = Counter()
    for emotion, n in zip(row.emotions.values(), COUNTS[key], strict=True):
        arousal, valence = np.array(EMOTIONS[emotion]) > 0
        counts += Counter({("arousal", arousal): n, ("valence", valence): n})
    assert row.published == {
        "utterances": sum(COUNTS[key]),
        "arousal": (counts["arousal", False], counts["arousal", True]),
        "valence": (counts["valence", False], counts["valence", True]),
    }
