"""IEMOCAP (Busso et al. 2008) as it is on disk: acted dialogs in English, ten speakers.

    IEMOCAP_full_release/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt           the labels
    IEMOCAP_full_release/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav

In a label file only the lines that begin with `[` matter, one an utterance:

    [6.2901 - 8.2357]<tab>Ses01F_impro01_F000<tab>neu<tab>[2.5000, 2.5000, 2.5000]

with start and end in the dialog (seconds), name, category, and [valence, activation, dominance]
from 1 to 5, the mean of the raters. Activation is what the paper calls arousal. The lines between
them are single raters' votes with free text. A label of 2.5 or less is low (negative), which gives
the paper's counts.
"""

import math
import re
from pathlib import Path

from minidann.corpora.utterance import (
    AUDIO,
    Reader,
    Utterance,
    by_stem,
    in_or_below,
    inside,
    number,
    some,
)

LABELS = "dialog/EmoEvaluation"
LINE = re.compile(
    r"\[\s*(?P<start>\S+)\s*-\s*(?P<end>\S+?)\s*\]\s+(?P<name>\S+)\s+\S+\s+"
    r"\[(?P<valence>[^,\]]+),(?P<arousal>[^,\]]+),(?P<dominance>[^,\]]+)\]\s*"
)
# The dialog `Ses01F_...` is named after the speaker who wore the motion markers; who speaks is
# the letter of the LAST token: Ses01F_impro01_M003 is the man of session 1.
NAME = re.compile(r"Ses(?P<session>\d+)[FM]_.*_(?P<sex>[FM])\w*")


def find(root: Path) -> Path | None:
    return in_or_below(root, f"Session*/{LABELS}")


def read(root: Path, problems: list[str], remarks: list[str]) -> list[Utterance]:
    utterances: dict[str, Utterance] = {}
    unlabelled: list[str] = []
    off_scale: list[str] = []
    sessions = sorted(p for p in root.glob("Session*") if p.is_dir())
    for session in sessions:
        if not (session / LABELS).is_dir():
            problems.append(f"{session.name}: there is no {LABELS} in it: the copy is incomplete")
            continue
        recordings = _recordings(session, root, problems)
        used = set()
        # Directly in the folder only: Attribute/, Categorical/ and Self-evaluation/ below it hold
        # single raters' files.
        files = sorted((session / LABELS).glob("[!.]*.txt"))
        if not files:
            problems.append(f"{session.name}: there is no .txt file in {LABELS}")
        for file in files:
            for name, utterance in _labels(file, root, recordings, problems, off_scale):
                if name in utterances:
                    problems.append(f"{inside(file, root)}: {name} is labelled twice")
                utterances[name] = utterance
                used.add(utterance.path)
        unlabelled += [inside(p, root) for p in recordings.values() if p not in used]
    if missing := {f"Session{n}" for n in range(1, 6)} - {p.name for p in sessions}:
        remarks.append(f"not all of IEMOCAP: there is no {', '.join(sorted(missing))}")
    if unlabelled:
        remarks.append(some(unlabelled, "recordings without a label, not used"))
    if off_scale:
        remarks.append(some(off_scale, "labels outside the scale from 1 to 5, used as is"))
    return [utterances[name] for name in sorted(utterances)]


def _recordings(session: Path, root: Path, problems: list[str]) -> dict[str, Path]:
    """`{"<dialog>/<utterance>": path}` of a session."""
    wav = session / "sentences" / "wav"
    found: dict[str, Path] = {}
    for dialog in sorted(wav.iterdir()) if wav.is_dir() else []:
        if dialog.is_dir() and not dialog.name.startswith("."):
            stems = by_stem(dialog.iterdir(), AUDIO, root, problems)
            found.update({f"{dialog.name}/{stem}": path for stem, path in stems.items()})
    if not found:
        problems.append(f"{session.name}: no recording ({', '.join(AUDIO)}) in sentences/wav")
    return found


def _labels(file, root, recordings, problems, off_scale):
    """Yield (name, utterance) for every label in `file` that has its recording."""
    # Raters typed what they liked, in whatever encoding: only the `[` lines have to be right.
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    if not any(line.startswith("[") for line in lines):
        problems.append(f"{inside(file, root)}: no line that begins with [, so no label")
    for line_number, line in enumerate(lines, 1):
        if not line.startswith("["):
            continue
        where = f"{inside(file, root)}:{line_number}"
        match = LINE.fullmatch(line)
        name = NAME.fullmatch(match["name"]) if match else None
        if not name:
            problems.append(
                f"{where}: expected [START - END] NAME CATEGORY [V, A, D], found {line!r}"
            )
            continue
        fields = ("start", "end", "valence", "arousal", "dominance")
        value = {key: number(match[key]) for key in fields}
        if bad := [key for key in fields if math.isnan(value[key])]:
            problems.append(f"{where}: {bad[0]} {match[bad[0]].strip()!r} is not a number")
            continue
        if value["end"] <= value["start"]:
            problems.append(
                f"{where}: end {value['end']:g} s is not after start {value['start']:g} s"
            )
            continue
        if f"{file.stem}/{name[0]}" not in recordings:
            if recordings:  # else the session has been reported as a whole
                problems.append(
                    f"{where}: {name[0]} has no recording in "
                    f"{inside(file.parents[2], root)}/sentences/wav/{file.stem} "
                    f"({', '.join(AUDIO)})"
                )
            continue
        off_scale += [
            f"{name[0]} {key} {value[key]:g}" for key in fields[2:] if not 1 <= value[key] <= 5
        ]
        yield (
            name[0],
            Utterance(
                path=recordings[f"{file.stem}/{name[0]}"],
                start=None,  # the recording is the utterance; start and end are the dialog's
                end=None,
                speaker=f"{int(name['session'])}{name['sex']}",
                arousal=value["arousal"],
                valence=value["valence"],
            ),
        )


READER = Reader(
    title="IEMOCAP",
    language="English",
    kind="licensed",
    threshold=2.5,
    looked_for=f"Session*/{LABELS}, in the folder and in the folders in it",
    advice="give the folder IEMOCAP_full_release or the one it lies in",
    find=find,
    read=read,
    published={"utterances": 10039, "arousal": (3121, 6918), "valence": (5356, 4683)},
)
