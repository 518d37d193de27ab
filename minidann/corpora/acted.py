"""Acted corpora whose file names carry speaker and emotion: one row of a table each.

An emotion category becomes two binary labels, as Schuller et al. (2010) have it: +1.0 for high
arousal (positive valence), -1.0 for low (negative); the threshold is 0. To add a corpus, add a row
to `READERS`.
"""

import re
from pathlib import Path

from minidann.corpora.reading import AUDIO, Findings, Reader, Utterance, recordings_below

# Of these and sadness, boredom and disgust, the others are low, or negative.
HIGH = {"anger", "fear", "happiness", "surprise"}
POSITIVE = {"happiness", "surprise", "neutral", "calm"}


def labels_of(emotion: str) -> tuple[float, float]:
    """Arousal and valence of an emotion category."""
    return (1.0 if emotion in HIGH else -1.0), (1.0 if emotion in POSITIVE else -1.0)


def acted(
    title: str, language: str, example: str, pattern: str, codes: str, kind: str = "acted, free"
) -> Reader:
    """The reader of a corpus whose files are named like `example`.

    pattern  regular expression for the end of the path without suffix: speaker, emotion
    codes    `CODE=EMOTION:COUNT ...`: the group `emotion`, which it is, how many are published
    """
    rows = re.findall(r"(\w+)=(\w+):(\d+)", codes)
    emotions = {code: emotion for code, emotion, _ in rows}
    # The whole path is looked at, because in some corpora (SAVEE) a folder is part of the name.
    whole = re.compile(f"(?:.*/)?(?P<recording>{pattern})")

    def parse(path: Path) -> re.Match | None:
        """The parts of a recording's name, or None if it is not one of the corpus."""
        match = whole.fullmatch(path.with_suffix("").as_posix())
        return match if match and match["emotion"] in emotions else None

    def find(root: Path) -> Path | None:
        """`root`, if at least half of the recordings in it have the corpus's names.

        Fewer can be another corpus: the neutral and sad files of EMO-DB could be Oréau's, too.
        """
        named = [parse(path) is not None for path in recordings_below(root)]
        return root if named and 2 * sum(named) >= len(named) else None

    def read(root: Path, found: Findings) -> list[Utterance]:
        matches = {path: parse(path) for path in recordings_below(root)}
        if others := [found.inside(path) for path, match in matches.items() if not match]:
            found.warn(f"recordings not named as in {title}, not used", *others)
        # DC/a01 is another than JE/a01 in SAVEE, and the same as DC_a01.
        named = ((m["recording"].replace("/", "_"), path) for path, m in matches.items() if m)
        utterances = []
        # By name, so that the order is the same however the files are spread over folders.
        for _, path in sorted(found.unique(named).items()):
            labels = labels_of(emotions[matches[path]["emotion"]])
            utterances.append(Utterance(path, None, None, matches[path]["speaker"], *labels))
        return utterances

    published = {"utterances": 0, "arousal": [0, 0], "valence": [0, 0]}
    for _, emotion, count in rows:
        published["utterances"] += int(count)
        for dimension, value in zip(("arousal", "valence"), labels_of(emotion)):
            published[dimension][value > 0] += int(count)
    wanted = f"recording named like {example} ({', '.join(AUDIO)}), at any depth"
    return Reader(title, language, kind, 0.0, wanted, find, read, published)


# fmt: off
READERS = {
    # Burkhardt et al. 2005: speaker, text, emotion, version
    "emodb": acted(
        "EMO-DB", "German", "03a01Fa", r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[A-Z])[a-z]",
        "W=anger:127 L=boredom:81 E=disgust:46 A=fear:69 F=happiness:71 T=sadness:62 N=neutral:79"),
    # Livingstone & Russo 2018: modality (01 and 02 are video), channel (02 is song), emotion,
    # intensity, statement, repetition, actor
    "ravdess": acted(
        "RAVDESS", "English", "03-01-05-01-02-01-16",
        r"03-01-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)",
        "01=neutral:96 02=calm:192 03=happiness:192 04=sadness:192 05=anger:192 06=fear:192 "
        "07=disgust:192 08=surprise:192"),
    # Gournay et al. 2018: speaker, emotion, intensity (neutral has none at 192 kHz), sentence.
    # Folders arrive garbled (ColŠre): not looked at.
    "cafe": acted(
        "CaFE", "French", "01-C-1-1", r"(?P<speaker>\d\d)-(?P<emotion>[A-Z])(?:-[12])?-\d",
        "C=anger:144 D=disgust:144 J=happiness:144 N=neutral:72 P=fear:144 S=surprise:144 "
        "T=sadness:144"),
    # Kerkeni et al. 2020, version 2: speaker, sentence (07z03Sa is there, too), emotion
    "oreau": acted(
        "Oréau", "French", "10a02Ja", r"(?P<speaker>\d\d)[a-z]\d\d(?P<emotion>[A-Z])[a-z]",
        "C=anger:67 D=disgust:67 J=happiness:62 N=neutral:70 P=fear:51 S=surprise:62 T=sadness:55"),
    # Cao et al. 2014: speaker, sentence, emotion, level. 1040_ITH_SAD_X is one of them.
    "cremad": acted(
        "CREMA-D", "English", "1001_DFA_ANG_XX",
        r"(?P<speaker>\d{4})_[A-Z]{3}_(?P<emotion>[A-Z]{3})_(?:LO|MD|HI|XX?)",
        "ANG=anger:1271 DIS=disgust:1271 FEA=fear:1271 HAP=happiness:1271 NEU=neutral:1087 "
        "SAD=sadness:1271"),
    # Pichora-Fuller & Dupuis 2020: speaker (OA_bite_neutral is one of OAF's), word, emotion
    "tess": acted(
        "TESS", "English", "OAF_lid_fear", r"(?P<speaker>OA|YA)F?_[a-z]+_(?P<emotion>[a-z]+)",
        "angry=anger:400 disgust=disgust:400 fear=fear:400 happy=happiness:400 "
        "neutral=neutral:400 ps=surprise:400 sad=sadness:400"),
    # Jackson & Haq 2011: speaker, in the original a folder, emotion, sentence
    "savee": acted(
        "SAVEE", "English", "DC_a01 or DC/a01",
        r"(?P<speaker>DC|JE|JK|KL)[/_](?P<emotion>[a-z]+)\d\d",
        "a=anger:60 d=disgust:60 f=fear:60 h=happiness:60 n=neutral:120 sa=sadness:60 "
        "su=surprise:60"),
    # Costantini et al. 2014: emotion, speaker, sentence
    "emovo": acted(
        "EMOVO", "Italian", "rab-f1-b1", r"(?P<emotion>[a-z]{3})-(?P<speaker>[fm]\d)-[bdln]\d",
        "rab=anger:84 dis=disgust:84 pau=fear:84 gio=happiness:84 neu=neutral:84 sor=surprise:84 "
        "tri=sadness:84"),
    # Latif et al. 2018: speaker, file, emotion and number. The letter says what the folder does.
    "urdu": acted(
        "URDU", "Urdu", "SM1_F19_A019", r"(?P<speaker>S[FM]\d+)_F\d+_(?P<emotion>[A-Z])\d+",
        "A=anger:100 H=happiness:100 N=neutral:100 S=sadness:100", kind="talk shows, free"),
    # Christop 2024: speaker, emotion, sentence
    "nemo": acted(
        "nEMO", "Polish", "KS0_surprised_70", r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>[a-z]+)_\d+",
        "anger=anger:749 fear=fear:736 happiness=happiness:749 neutral=neutral:809 "
        "sadness=sadness:769 surprised=surprise:669"),
}
# fmt: on
