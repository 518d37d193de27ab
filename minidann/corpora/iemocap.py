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

import re
from pathlib import Path

from minidann.console import UserError
from minidann.corpora import reading
from minidann.corpora.reading import AUDIO, Findings, Reader, Utterance, shown

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


def read(root: Path, found: Findings) -> list[Utterance]:
    utterances: dict[str, Utterance] = {}
    sessions = sorted(p for p in root.glob("Session*") if p.is_dir())
    if missing := {f"Session{n}" for n in range(1, 6)} - {p.name for p in sessions}:
        found.warn(f"not all of IEMOCAP: there is no {', '.join(sorted(missing))}")
    for session in sessions:
        recordings = found.by_stem(session / WAV)
        # Directly in the folder only: Attribute/, Categorical/ and Self-evaluation/ below it hold
        # single raters' files.
        files = sorted((session / LABELS).glob("[!.]*.txt"))
        if not files:
            why = f"there is no .txt file in {LABELS}: the copy is incomplete"
            found.bad.append((session.name, why))
        for file in files:
            with found.reporting(file):
                read_file(file, recordings, utterances, found)
        if unused := [found.inside(recordings[name]) for name in recordings.keys() - utterances]:
            found.warn("recordings without a label, not used", *sorted(unused))
    return [utterance for _, utterance in sorted(utterances.items())]


def read_file(file: Path, recordings: dict, utterances: dict, found: Findings) -> None:
    """Add to `utterances` what `file` labels of the `recordings` of its session, both by name."""
    # Raters typed what they liked, in whatever encoding: only the `[` lines have to be right.
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    labels = {n: line for n, line in enumerate(lines, 1) if line.startswith("[")}
    if not labels:
        raise UserError("no line that begins with [, so no label")
    for n, line in labels.items():
        with found.reporting(f"{found.inside(file)}:{n}"):
            match = LINE.fullmatch(line)
            if not match:
                expected = "[START - END] NAME CATEGORY [V, A, D]"
                raise UserError(f"expected {expected}, found {shown(line)}")
            value, name = reading.numbers({each: match[each] for each in NUMBERS}), match["name"]
            if value["end"] <= value["start"]:
                raise UserError("its end is not after its start")
            if name not in recordings:
                raise UserError(f"no recording ({', '.join(AUDIO)}) of this name in {WAV}")
            if name in utterances:
                found.ambiguous.add(recordings[name])
                raise UserError(f"{name} is labelled twice")
            for scale in NUMBERS[2:]:
                if not 1 <= value[scale] <= 5:
                    what = "labels outside the scale from 1 to 5, used as is"
                    found.warn(what, f"{name} {scale} {value[scale]:g}")
            speaker = match["session"] + match["sex"]
            emotion = value["arousal"], value["valence"]
            utterances[name] = Utterance(recordings[name], None, None, speaker, *emotion)


READER = Reader(
    title="IEMOCAP",
    language="English",
    kind="licensed",
    threshold=2.5,
    wanted=f"Session*/{LABELS} in it or in a folder in it; give IEMOCAP_full_release",
    find=lambda root: reading.in_or_below(root, f"Session*/{LABELS}"),
    read=read,
    published={"utterances": 10039, "arousal": [3121, 6918], "valence": [5356, 4683]},
)
