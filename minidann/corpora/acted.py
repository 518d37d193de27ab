"""Acted corpora whose file names carry speaker and emotion: one row of a table each.

An emotion category becomes two binary labels, as Schuller et al. (2010) have it: +1.0 for high
arousal (positive valence), -1.0 for low (negative); the threshold is 0. To add a corpus, add a row
to `CORPORA`.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from minidann.corpora.utterance import (
    AUDIO,
    Findings,
    Reader,
    Utterance,
    by_stem,
    files_below,
    inside,
)

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
    licence: str
    example: str  # of a file's name
    name: str  # regular expression for the end of the path without suffix; groups speaker, emotion
    emotions: dict[str, str]  # the group `emotion` -> a key of EMOTIONS
    published: dict
    only: dict[str, str] = field(default_factory=dict)  # other groups -> the value that is used
    only_means: str = ""  # the same in words


CORPORA = {
    "emodb": Acted(
        title="EMO-DB",
        language="German",
        licence="Burkhardt et al. 2005; CC0-1.0",
        example="03a01Fa",
        name=r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[A-Z])[a-z]",  # speaker, text, emotion, version
        emotions={
            "W": "anger",
            "L": "boredom",
            "E": "disgust",
            "A": "fear",
            "F": "happiness",
            "T": "sadness",
            "N": "neutral",
        },
        published={"utterances": 535, "arousal": (268, 267), "valence": (385, 150)},
    ),
    "ravdess": Acted(
        title="RAVDESS",
        language="English",
        licence="Livingstone & Russo 2018; CC BY-NC-SA 4.0",
        example="03-01-05-01-02-01-16",
        name=(  # 03-01-EE-II-SS-RR-AA: emotion, intensity, statement, repetition, actor
            r"(?P<modality>\d\d)-(?P<channel>\d\d)-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)"
        ),
        emotions={
            "01": "neutral",
            "02": "calm",
            "03": "happiness",
            "04": "sadness",
            "05": "anger",
            "06": "fear",
            "07": "disgust",
            "08": "surprise",
        },
        published={"utterances": 1440, "arousal": (672, 768), "valence": (768, 672)},
        only={"modality": "03", "channel": "01"},  # 01 and 02 are video; channel 02 is song
        only_means="audio-only speech",
    ),
}


def find(row: Acted, root: Path) -> Path | None:
    """`root`, if any recording in it, at whatever depth, has one of the corpus's names."""
    if not root.is_dir():
        return None
    files = islice(files_below(root), LOOKED_AT)
    return root if any(_parse(row, path) for path in files if _is_audio(path)) else None


def read(row: Acted, root: Path, found: Findings) -> list[Utterance]:
    named = []
    other_files: Counter = Counter()
    for path in sorted(files_below(root)):
        match = _parse(row, path)
        if match and any(match[group] != value for group, value in row.only.items()):
            found.note(f"files that are not {row.only_means}, not used", inside(path, root))
        elif match and not _is_audio(path):
            other_files[path.suffix] += 1
        elif match:
            named.append(path)
        elif _is_audio(path):
            found.note(f"recordings not named as in {row.title}, not used", inside(path, root))
    # By file name, so that the order is the same however the files are spread over folders.
    recordings = by_stem(named, AUDIO, root, found)
    if other_files:
        counts = ", ".join(f"{suffix} {n}" for suffix, n in sorted(other_files.items()))
        found.note(f"files named like recordings that are not audio, not used: {counts}")
    return [_utterance(row, path) for path in recordings.values()]


def _utterance(row: Acted, path: Path) -> Utterance:
    match = _parse(row, path)
    arousal, valence = EMOTIONS[row.emotions[match["emotion"]]]
    return Utterance(path, None, None, match["speaker"], arousal, valence)


def _parse(row: Acted, path: Path) -> re.Match | None:
    """The parts of a file's name, or None if it is not one of the corpus.

    The whole path is looked at, because in some corpora (URDU) a folder names the emotion.
    """
    match = re.fullmatch(f"(?:.*/)?{row.name}", path.with_suffix("").as_posix())
    return match if match and match["emotion"] in row.emotions else None


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in AUDIO


READERS = {
    key: Reader(
        title=row.title,
        language=row.language,
        kind="acted, free",
        threshold=0.0,
        looked_for=f"recordings named like {row.example} ({', '.join(AUDIO)}) at any depth",
        advice=f"give the folder in which the files of {row.title} lie, or one above it",
        find=partial(find, row),
        read=partial(read, row),
        published=row.published,
    )
    for key, row in CORPORA.items()
}
