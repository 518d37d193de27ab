"""Acted corpora whose file names carry speaker and emotion: one row of a table each.

An emotion category becomes two binary labels, as Schuller et al. (2010) have it: +1.0 for high
arousal (positive valence), -1.0 for low (negative); the threshold is 0. To add a corpus, add a row
to `CORPORA`.
"""

import re
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from minidann.corpora.utterance import AUDIO, Findings, Reader, Utterance, files_below, is_audio

LOOKED_AT = 100_000  # files that `find` looks at: not a whole disk for a folder given by mistake

#             arousal, valence
EMOTIONS = {
    "anger": (+1.0, -1.0),
    "fear": (+1.0, -1.0),
    "happiness": (+1.0, +1.0),
    "surprise": (+1.0, +1.0),
    "neutral": (-1.0, +1.0),
    "calm": (-1.0, +1.0),
    "sadness": (-1.0, -1.0),
    "boredom": (-1.0, -1.0),
    "disgust": (-1.0, -1.0),
}


@dataclass(frozen=True)
class Acted:
    title: str
    language: str
    example: str  # of a file's name
    name: str  # regular expression for the end of the path without suffix; groups speaker, emotion
    emotions: dict[str, str]  # the group `emotion` -> a key of EMOTIONS
    counts: tuple[int, ...]  # published: the utterances of each of the emotions
    only: dict[str, str] = field(default_factory=dict)  # further groups -> the value that is used
    only_means: str = ""  # the same in words
    misspelt: dict[str, str] = field(default_factory=dict)  # the group `speaker` -> who it is
    kind: str = "acted, free"

    @property
    def published(self) -> dict:
        """The counts as `Reader` has them: of all utterances, and (low, high) a dimension."""
        each = list(zip(self.emotions.values(), self.counts))
        total = sum(self.counts)
        arousal, valence = (sum(n for name, n in each if EMOTIONS[name][i] > 0) for i in (0, 1))
        return {
            "utterances": total,
            "arousal": (total - arousal, arousal),
            "valence": (total - valence, valence),
        }


def _codes(text: str) -> dict[str, str]:
    """`"W=anger fear"` as `{"W": "anger", "fear": "fear"}`."""
    pairs = (word.partition("=") for word in text.split())
    return {code: emotion or code for code, _, emotion in pairs}


CORPORA = {
    "emodb": Acted(
        title="EMO-DB",  # Burkhardt et al. 2005
        language="German",
        example="03a01Fa",
        name=r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[A-Z])[a-z]",  # speaker, text, emotion, version
        emotions=_codes("W=anger L=boredom E=disgust A=fear F=happiness T=sadness N=neutral"),
        counts=(127, 81, 46, 69, 71, 62, 79),
    ),
    "ravdess": Acted(
        title="RAVDESS",  # Livingstone & Russo 2018
        language="English",
        example="03-01-05-01-02-01-16",
        name=(  # 03-01-EE-II-SS-RR-AA: emotion, intensity, statement, repetition, actor
            r"(?P<modality>\d\d)-(?P<channel>\d\d)-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)"
        ),
        emotions=_codes(
            "01=neutral 02=calm 03=happiness 04=sadness 05=anger 06=fear 07=disgust 08=surprise"
        ),
        counts=(96, 192, 192, 192, 192, 192, 192, 192),
        only={"modality": "03", "channel": "01"},  # 01 and 02 are video; channel 02 is song
        only_means="audio-only speech",
    ),
    "cafe": Acted(
        title="CaFE",  # Gournay et al. 2018
        language="French",
        example="01-C-1-1",
        # Speaker, emotion, intensity, sentence. Neutral is of intensity 1 at 48 kHz and has none at
        # 192 kHz (which is AIFF). Folders arrive garbled (ColŠre): not looked at.
        name=r"(?P<speaker>\d\d)-(?P<emotion>[A-Z])(?:-[12])?-\d",
        emotions=_codes("C=anger D=disgust J=happiness N=neutral P=fear S=surprise T=sadness"),
        counts=(144, 144, 144, 72, 144, 144, 144),
    ),
    "oreau": Acted(
        title="Oréau",  # Kerkeni et al. 2020, version 2
        language="French",
        example="10a02Ja",
        name=r"(?P<speaker>\d\d)[a-z]\d\d(?P<emotion>[A-Z])[a-z]",  # 07z03Sa is there, too
        emotions=_codes("C=anger D=disgust J=happiness N=neutral P=fear S=surprise T=sadness"),
        counts=(67, 67, 62, 70, 51, 62, 55),
    ),
    "cremad": Acted(
        title="CREMA-D",  # Cao et al. 2014
        language="English",
        example="1001_DFA_ANG_XX",
        # Speaker, sentence, emotion, level. 1040_ITH_SAD_X is one of them.
        name=r"(?P<speaker>\d{4})_[A-Z]{3}_(?P<emotion>[A-Z]{3})_(?:LO|MD|HI|XX?)",
        emotions=_codes("ANG=anger DIS=disgust FEA=fear HAP=happiness NEU=neutral SAD=sadness"),
        counts=(1271, 1271, 1271, 1271, 1087, 1271),
    ),
    "tess": Acted(
        title="TESS",  # Pichora-Fuller & Dupuis 2020
        language="English",
        example="OAF_lid_fear",
        name=r"(?P<speaker>OAF?|YAF)_[a-z]+_(?P<emotion>[a-z]+)",  # speaker, word, emotion
        emotions=_codes("angry=anger disgust fear happy=happiness neutral ps=surprise sad=sadness"),
        counts=(400,) * 7,
        misspelt={"OA": "OAF"},  # OA_bite_neutral
    ),
    "savee": Acted(
        title="SAVEE",  # Jackson & Haq 2011
        language="English",
        example="DC_a01 or DC/a01",
        # Speaker, emotion, sentence. In the original the speaker is the folder.
        name=r"(?P<speaker>DC|JE|JK|KL)[/_](?P<emotion>[a-z]+)\d\d",
        emotions=_codes("a=anger d=disgust f=fear h=happiness n=neutral sa=sadness su=surprise"),
        counts=(60, 60, 60, 60, 120, 60, 60),
    ),
    "emovo": Acted(
        title="EMOVO",  # Costantini et al. 2014
        language="Italian",
        example="rab-f1-b1",
        name=r"(?P<emotion>[a-z]{3})-(?P<speaker>[fm]\d)-[bdln]\d",  # emotion, speaker, sentence
        emotions=_codes(
            "rab=anger dis=disgust pau=fear gio=happiness neu=neutral sor=surprise tri=sadness"
        ),
        counts=(84,) * 7,
    ),
    "urdu": Acted(
        title="URDU",  # Latif et al. 2018
        language="Urdu",
        example="SM1_F19_A019",
        # Speaker, file, emotion and number: the letter says what the folder (Angry) does.
        name=r"(?P<speaker>S[FM]\d+)_F\d+_(?P<emotion>[A-Z])\d+",
        emotions=_codes("A=anger H=happiness N=neutral S=sadness"),
        counts=(100,) * 4,
        kind="talk shows, free",
    ),
    "nemo": Acted(
        title="nEMO",  # Christop 2024
        language="Polish",
        example="KS0_surprised_70",
        name=r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>[a-z]+)_\d+",  # speaker, emotion, sentence
        emotions=_codes("anger fear happiness neutral sadness surprised=surprise"),
        counts=(749, 736, 749, 809, 769, 669),
    ),
}


def find(row: Acted, root: Path) -> Path | None:
    """`root`, if recordings in it, at whatever depth, have the corpus's names.

    But not where another corpus has the same names and more: the neutral and sad files of EMO-DB
    could be Oréau's, and the other way round, and only what lies beside them can show it.
    """
    if not root.is_dir():
        return None
    named, rest = [], []
    for path in islice(files_below(root), LOOKED_AT):
        if is_audio(path):
            (named if _parse(row, path) else rest).append(path)
    has_more = (
        all(_parse(rival, path) for path in named) and any(_parse(rival, path) for path in rest)
        for rival in CORPORA.values()
    )
    return root if named and not any(has_more) else None


def read(row: Acted, root: Path, found: Findings) -> list[Utterance]:
    utterances: dict[str, Utterance] = {}
    for path in sorted(files_below(root)):
        match, place = _parse(row, path), found.inside(path)
        if not match:
            if is_audio(path):
                found.warn(f"recordings not named as in {row.title}, not used", place)
        elif any(match[group] != value for group, value in row.only.items()):
            found.warn(f"files that are not {row.only_means}, not used", place)
        elif not is_audio(path):
            found.warn("files named like recordings that are not audio, not used", place)
        else:
            speaker = row.misspelt.get(match["speaker"], match["speaker"])
            labels = EMOTIONS[row.emotions[match["emotion"]]]
            utterance = Utterance(path, None, None, speaker, *labels)
            # A folder can be part of the name: DC/a01 is another than JE/a01 in SAVEE, and the same
            # as DC_a01.
            first = utterances.setdefault(match["recording"].replace("/", "_"), utterance)
            if first is not utterance:
                found.report_two(first.path, path)
    # By name, so that the order is the same however the files are spread over folders.
    return [utterance for _, utterance in sorted(utterances.items())]


def _parse(row: Acted, path: Path) -> re.Match | None:
    """The parts of a file's name, or None if it is not one of the corpus.

    The whole path is looked at, because in some corpora (SAVEE) a folder is part of the name.
    """
    name = path.with_suffix("").as_posix()
    match = re.fullmatch(f"(?:.*/)?(?P<recording>{row.name})", name)
    return match if match and match["emotion"] in row.emotions else None


READERS = {
    key: Reader(
        title=row.title,
        language=row.language,
        kind=row.kind,
        threshold=0.0,
        looked_for=f"recordings named like {row.example} ({', '.join(AUDIO)}) at any depth",
        advice=f"give the folder in which the files of {row.title} lie, or one above it",
        find=partial(find, row),
        read=partial(read, row),
        published=row.published,
    )
    for key, row in CORPORA.items()
}
