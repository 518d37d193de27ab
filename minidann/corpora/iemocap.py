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
from collections.abc import Iterator
from pathlib import Path

from minidann.corpora.utterance import AUDIO, Findings, Reader, Utterance, in_or_below, shown

LABELS = "dialog/EmoEvaluation"
WAV = "sentences/wav"
# The dialog `Ses01F_...` is named after the speaker who wore the motion markers; who speaks is the
# letter of the LAST token: Ses01F_impro01_M003 is the man of session 1.
LINE = re.compile(
    r"\[(?P<start>[\d.]+) - (?P<end>[\d.]+)\]\s+"
    r"(?P<name>Ses0(?P<session>\d)[FM]_\w*_(?P<sex>[FM])\w*)\s+\w+\s+"
    r"\[(?P<valence>[^,\]]+),(?P<arousal>[^,\]]+),(?P<dominance>[^,\]]+)\]\s*"
)
NUMBERS = ("start", "end", "valence", "arousal", "dominance")


def find(root: Path) -> Path | None:
    return in_or_below(root, f"Session*/{LABELS}")


def read(root: Path, found: Findings) -> list[Utterance]:
    utterances: dict[str, Utterance] = {}
    sessions = sorted(p for p in root.glob("Session*") if p.is_dir())
    if missing := {f"Session{n}" for n in range(1, 6)} - {p.name for p in sessions}:
        found.warn(f"not all of IEMOCAP: there is no {', '.join(sorted(missing))}")
    for session in sessions:
        if not (session / LABELS).is_dir():
            found.leave_out(session.name, f"there is no {LABELS} in it: the copy is incomplete")
            continue
        recordings = found.recordings_by_stem((session / WAV).glob("*/*"))
        if not recordings:
            found.leave_out(session.name, f"no recording ({', '.join(AUDIO)}) in {WAV}")
        used = set()
        # Directly in the folder only: Attribute/, Categorical/ and Self-evaluation/ below it hold
        # single raters' files.
        files = sorted((session / LABELS).glob("[!.]*.txt"))
        if not files:
            found.leave_out(session.name, f"there is no .txt file in {LABELS}")
        for file in files:
            for name, utterance in _labels(file, recordings, found):
                if name in utterances:
                    found.leave_out(file, f"{name} is labelled twice")
                    found.ambiguous.add(utterance.path)
                utterances[name] = utterance
                used.add(utterance.path)
        if unused := [found.inside(p) for p in recordings.values() if p not in used]:
            found.warn("recordings without a label, not used", *unused)
    return [utterance for _, utterance in sorted(utterances.items())]


def _labels(
    file: Path, recordings: dict[str, Path], found: Findings
) -> Iterator[tuple[str, Utterance]]:
    """Yield (name, utterance) for every label in `file` that has its recording."""
    # Raters typed what they liked, in whatever encoding: only the `[` lines have to be right.
    lines = found.lines_of(file)
    if lines is None:
        return
    if not any(line.startswith("[") for line in lines):
        found.leave_out(file, "no line that begins with [, so no label")
    for line_number, line in enumerate(lines, 1):
        if not line.startswith("["):
            continue
        where = f"{found.inside(file)}:{line_number}"
        match = LINE.fullmatch(line)
        if not match:
            expected = "[START - END] NAME CATEGORY [V, A, D]"
            found.leave_out(where, f"expected {expected}, found {shown(line)}")
            continue
        value = found.numbers({name: match[name] for name in NUMBERS}, where)
        # The times are the dialog's, and its length is not known: they must only be in order.
        if not value or not found.end_within(math.inf, value["start"], value["end"], where):
            continue
        name = match["name"]
        if name not in recordings:
            if recordings:  # else the session has been reported as a whole
                found.leave_out(where, f"{name} has no recording ({', '.join(AUDIO)}) in {WAV}")
            continue
        for scale in NUMBERS[2:]:
            if not 1 <= value[scale] <= 5:
                what = "labels outside the scale from 1 to 5, used as is"
                found.warn(what, f"{name} {scale} {value[scale]:g}")
        speaker = match["session"] + match["sex"]
        labels = value["arousal"], value["valence"]
        yield name, Utterance(recordings[name], None, None, speaker, *labels)


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
