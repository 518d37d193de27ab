"""The free acted corpora: a small tree of each, with its real names, folders and exceptions."""

from pathlib import Path

import pytest
from corpus_trees import named, sound

from minidann.console import UserError
from minidann.corpora import READERS, Corpus, load
from minidann.corpora.acted import labels_of
from minidann.corpora.reading import files_below

TWICE = "two files for one recording; keep one of them"
# Some files of each, where they lie when it is unpacked, in the reader's order: name, speaker,
# emotion.
TREES = {
    "emodb": """
        wav/03a01Aa 03 fear, wav/03a01Ea 03 disgust, wav/03a01Fa 03 happiness,
        wav/03a01La 03 boredom, wav/03a01Na 03 neutral, wav/03a01Ta 03 sadness,
        wav/03a01Wa 03 anger""",
    "ravdess": """
        Actor_01/03-01-01-01-01-01-01 01 neutral, Actor_01/03-01-02-01-01-01-01 01 calm,
        Actor_01/03-01-03-01-01-01-01 01 happiness, Actor_01/03-01-04-01-01-01-01 01 sadness,
        Actor_02/03-01-05-01-01-01-02 02 anger, Actor_02/03-01-06-01-01-01-02 02 fear,
        Actor_02/03-01-07-01-01-01-02 02 disgust, Actor_02/03-01-08-01-01-01-02 02 surprise""",
    "cafe": """
        CaFE_48k/ColŠre/Faible/01-C-1-1 01 anger, CaFE_48k/ColŠre/Fort/01-C-2-1 01 anger,
        CaFE_48k/Dégoût/Fort/02-D-2-6 02 disgust, CaFE_48k/Surprise/Faible/02-S-1-1 02 surprise,
        CaFE_48k/Joie/Faible/03-J-1-3 03 happiness, CaFE_48k/Neutre/06-N-1-4 06 neutral,
        CaFE_48k/Tristesse/Fort/08-T-2-3 08 sadness, CaFE_48k/Peur/Fort/12-P-2-5 12 fear""",
    "oreau": """
        m/sessp/07a01Pa 07 fear, m/sesss/07z03Sa 07 surprise, f/sessj/10a02Ja 10 happiness,
        m/sessn/11a04Na 11 neutral, f/sessd/11a06Da 11 disgust, f/sessc/24a01Ca 24 anger,
        m/sesst/32a07Ta 32 sadness""",
    "cremad": """
        AudioWAV/1001_DFA_ANG_XX 1001 anger, AudioWAV/1001_IEO_DIS_LO 1001 disgust,
        AudioWAV/1001_IEO_FEA_HI 1001 fear, AudioWAV/1002_IEO_HAP_MD 1002 happiness,
        AudioWAV/1002_IWL_NEU_XX 1002 neutral, AudioWAV/1040_ITH_SAD_X 1040 sadness,
        AudioWAV/1076_MTI_SAD_XX 1076 sadness""",
    "tess": """
        OAF_angry/OAF_back_angry OA anger, OAF_disgust/OAF_back_disgust OA disgust,
        OAF_happy/OAF_back_happy OA happiness, OAF_Pleasant_surprise/OAF_back_ps OA surprise,
        OAF_Fear/OAF_lid_fear OA fear, OAF_neutral/OA_bite_neutral OA neutral,
        YAF_sad/YAF_back_sad YA sadness, YAF_pleasant_surprised/YAF_food_ps YA surprise""",
    "savee": """
        AudioData/DC/a01 DC anger, AudioData/DC/d01 DC disgust, AudioData/DC/f12 DC fear,
        AudioData/JE/a01 JE anger, AudioData/JE/h01 JE happiness, AudioData/JE/n30 JE neutral,
        AudioData/JK/sa10 JK sadness, AudioData/KL/su05 KL surprise""",
    "emovo": """
        EMOVO/f1/dis-f1-b1 f1 disgust, EMOVO/f1/gio-f1-l4 f1 happiness,
        EMOVO/f2/neu-f2-n5 f2 neutral, EMOVO/f3/pau-f3-d2 f3 fear, EMOVO/m1/rab-m1-b3 m1 anger,
        EMOVO/m2/sor-m2-d1 m2 surprise, EMOVO/m3/tri-m3-l1 m3 sadness""",
    "urdu": """
        Happy/SF8_F1_H045 SF8 happiness, Angry/SM1_F19_A019 SM1 anger,
        Sad/SM27_F4_S096 SM27 sadness, Angry/SM3_F1_A051 SM3 anger,
        Neutral/SM3_F1_N021 SM3 neutral, Angry/SM4_F48_A0100 SM4 anger""",
    "nemo": """
        samples/EB0_anger_1 EB0 anger, samples/IC0_fear_63 IC0 fear,
        samples/KD0_happiness_14 KD0 happiness, samples/KS0_surprised_70 KS0 surprise,
        samples/MK0_neutral_86 MK0 neutral, samples/WR0_sadness_9 WR0 sadness""",
}
TREES = {
    key: {f"{name}.wav": about for name, *about in map(str.split, files.split(","))}
    for key, files in TREES.items()
}


def rows(corpus: Corpus) -> list[tuple]:
    return [(u.path.stem, u.speaker, u.arousal, u.valence) for u in corpus.utterances]


def expected(key: str) -> list[tuple]:
    """What `rows` gives of the tree of a corpus."""
    files = TREES[key].items()
    return [(Path(name).stem, speaker, *labels_of(emotion)) for name, (speaker, emotion) in files]


def unpacked(key: str, root: Path) -> Path:
    return named(root, list(TREES[key])[::-1])


@pytest.mark.parametrize("key", TREES)
def test_rows_speakers_and_labels(tmp_path, key):
    corpus = load(key, unpacked(key, tmp_path))
    assert rows(corpus) == expected(key)
    assert (corpus.warnings, corpus.bad) == ((), ())
    assert corpus.kind == ("talk shows, free" if key == "urdu" else "acted, free")
    assert corpus.threshold == 0.0
    # Each is known by its row alone.
    assert [name for name in READERS if READERS[name].find(corpus.root)] == [key, "audio"]
    with pytest.raises(UserError, match=f"it looks like {key}:"):
        load("iemocap", corpus.root)


def test_neutral_and_sad_alone_could_be_of_either(tmp_path):
    # Both have a speaker 14, a sentence a04, and N and T with the same meaning.
    tree = named(tmp_path, ["14a04Na.wav", "14a04Ta.wav"])
    assert READERS["emodb"].find(tree) and READERS["oreau"].find(tree)


WRONG = {  # nearly right
    "emodb": ["3a01Fa", "03c01Fa", "03a01Xa", "03a01fa", "03a01F"],
    "ravdess": ["03-01-09-01-01-01-01", "03-01-05-01-01-01", "3-01-05-01-01-01-01"],
    "cafe": ["1-C-1-1", "01-C-3-1", "01-X-1-1", "01-c-1-1", "01-C-1-1 (1)"],
    "oreau": ["1a02Ja", "10a02Xa", "10a02J", "10a2Ja"],
    "cremad": ["1001_DFA_ANG", "1001_DFA_SUR_XX", "1001_DFA_ANG_YY", "101_DFA_ANG_XX"],
    "tess": ["OAF_back", "OAF_back_surprise", "XAF_back_sad"],
    "savee": ["DC_s01", "DC_sh01", "DC_a1", "XX_a01", "a01"],
    "emovo": ["xyz-f1-b1", "rab-f1", "rab-x1-b1", "rab-f1-z1"],
    "urdu": ["SM1_F19_X019", "SX1_F19_A019", "SM1_A019"],
    "nemo": ["KS0_surprise_70", "KS_surprised_70", "KS0_surprised"],
}


@pytest.mark.parametrize("key", WRONG)
def test_nearly_right_names_are_reported(tmp_path, key):
    tree = unpacked(key, tmp_path)
    files = sorted(f"near/{name}.wav" for name in WRONG[key])
    named(tree, files)
    sound(tree / "near" / "._hidden.wav", 0.1)  # macOS leaves such files
    corpus = load(key, tree)
    assert rows(corpus) == expected(key)
    what = f"recordings not named as in {READERS[key].title}, not used ({len(files)})"
    assert corpus.warnings == (f"{what}: {', '.join(files[:3])}{', ...' * (len(files) > 3)}",)


@pytest.mark.parametrize("key", TREES)
def test_the_same_from_flac_in_one_folder(tmp_path, key):
    """Folders mean nothing, but for SAVEE, whose flat form has the speaker in the file's name."""
    parts = 2 if key == "savee" else 1
    flat = ["_".join(Path(name).with_suffix(".flac").parts[-parts:]) for name in TREES[key]]
    found = rows(load(key, named(tmp_path / "all", flat)))
    assert [row[1:] for row in found] == [row[1:] for row in expected(key)]


@pytest.mark.parametrize("key", ["tess", "savee"])
def test_the_whole_set_twice(tmp_path, key):
    # As some downloads have it: the folder again, within itself.
    tree = unpacked(key, tmp_path)
    once = load(key, tree).utterances
    unpacked(key, tree / "again")
    twice, count = load(key, tree), len(TREES[key])
    assert len(twice.utterances) == len(once) == count and twice.bad == ()
    assert f"copies of other files, not used ({count}): " in twice.warnings[-1]
    for path in files_below(tree / "again"):
        path.write_bytes(b"another recording")
    with pytest.raises(UserError) as caught:
        load(key, tree)
    assert str(caught.value).startswith(f"{key}:{tree}: {count} things are wrong")
    assert f"{TWICE} ({count}): " in str(caught.value)


# --- what only one of them has -------------------------------------------------------------------


def test_cafe_at_192_khz_has_neutral_without_intensity(tmp_path):
    tree = named(tmp_path, ["CaFE_192k_1/Neutre/03-N-1.wav", "CaFE_192k_2/Neutre/07-N-6.wav"])
    assert rows(load("cafe", tree)) == [("03-N-1", "03", -1.0, 1.0), ("07-N-6", "07", -1.0, 1.0)]


def test_savee_in_folders_and_flat_is_there_twice(tmp_path):
    tree = unpacked("savee", tmp_path)
    named(tree, ["ALL/DC_a01.wav", "ALL/KL_su06.wav"])
    corpus = load("savee", tree)
    assert corpus.bad == (("ALL/DC_a01.wav and AudioData/DC/a01.wav", TWICE),)
    assert ("a01", "JE", 1.0, -1.0) in rows(corpus) and len(corpus.utterances) == 8


def test_savee_from_one_speakers_folder(tmp_path):
    tree = unpacked("savee", tmp_path) / "AudioData" / "DC"
    assert rows(load("savee", tree)) == expected("savee")[:3]
