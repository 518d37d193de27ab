"""RECOLA (Ringeval et al. 2013) as it is on disk: French, spontaneous, five minutes a speaker.

    RECOLA-Audio-recordings/P16.wav                               a recording a participant
    RECOLA-Audio_timings/P16.csv                                  start;stop, a row an utterance
    RECOLA-Annotation/emotional_behaviour/arousal/P16.csv         time;FM1 ;FM2 ;FM3 ;FF1 ;...
    RECOLA-Annotation/emotional_behaviour/valence/P16.csv         the same

Times are in seconds. An annotation file has a row each 0.04 s and a column a rater (six of them),
in [-1, 1]. An utterance's label is the mean over its frames, start <= time < stop, and its raters;
0 or less is low (negative). The participants are those in the folder: 23 are public.
"""

import math
from pathlib import Path

import numpy as np
import soundfile

from minidann.corpora.utterance import (
    AUDIO,
    Reader,
    Utterance,
    by_stem,
    cut_to,
    in_or_below,
    inside,
    number,
    some,
)

RECORDINGS = "RECOLA-Audio-recordings"
TIMINGS = "RECOLA-Audio_timings"
ANNOTATION = "RECOLA-Annotation/emotional_behaviour"
FRAME = 0.04  # seconds from one annotation row to the next
RATERS = 6


def find(root: Path) -> Path | None:
    return in_or_below(root, ANNOTATION)


def read(root: Path, problems: list[str], remarks: list[str]) -> list[Utterance]:
    needed = (RECORDINGS, TIMINGS, f"{ANNOTATION}/arousal", f"{ANNOTATION}/valence")
    if missing := [folder for folder in needed if not (root / folder).is_dir()]:
        problems += [f"there is no folder {folder}: the copy is incomplete" for folder in missing]
        return []
    suffixes = (AUDIO, (".csv",), (".csv",), (".csv",))
    audio, timings, arousal, valence = (
        by_stem((root / folder).iterdir(), suffix, root, problems)
        for folder, suffix in zip(needed, suffixes, strict=True)
    )
    unlabelled: list[str] = []
    odd: dict[str, list[str]] = {}  # what is odd -> examples
    utterances = []
    for participant in sorted({*audio, *timings, *arousal, *valence}):
        if participant not in arousal and participant not in valence:
            unlabelled.append(participant)
            continue
        files = [table.get(participant) for table in (audio, timings, arousal, valence)]
        if None in files:
            problems += [
                f"{participant}: annotated, but there is no {folder}/{participant}{suffix[0]}"
                for file, folder, suffix in zip(files, needed, suffixes, strict=True)
                if file is None
            ]
            continue
        utterances += _participant(root, *files, problems, odd)
    if unlabelled:
        remarks.append(some(unlabelled, "participants without annotation, not used"))
    remarks += [some(examples, what) for what, examples in odd.items()]
    return utterances


def _participant(root, audio, timings, arousal, valence, problems, odd) -> list[Utterance]:
    try:
        length = soundfile.info(audio).duration
    except soundfile.SoundFileError as error:
        problems.append(f"{inside(audio, root)}: cannot be read as audio: {error}")
        return []
    cuts = _table(timings, ["start", "stop"], root, problems)
    ratings = [_table(file, ["time"], root, problems) for file in (arousal, valence)]
    if cuts is None or any(table is None for table in ratings):
        return []
    for file, (rows, _) in zip((arousal, valence), ratings, strict=True):
        raters = rows.shape[1] - 1
        if raters != RATERS:
            _note(odd, f"files with other than {RATERS} raters", f"{inside(file, root)} {raters}")
        if np.abs(rows[:, 1:]).max() > 1:
            _note(odd, "files with ratings outside -1 to 1, used as is", inside(file, root))

    utterances, last_stop = [], 0.0
    for (start, stop, *_), line in zip(*cuts, strict=True):
        where = f"{inside(timings, root)}:{line}"
        if stop <= start or start < 0:
            why = "before the recording" if start < 0 else f"not before stop {stop:g} s"
            problems.append(f"{where}: start {start:g} s is {why}")
            continue
        end = cut_to(length, start, stop, where, problems)
        if end < stop:
            _note(odd, "utterances that end after their recording, cut to it", where)
        if start < last_stop:
            _note(odd, "utterances that start before the one before them ends", where)
        last_stop = stop
        labels = []
        for file, (rows, _) in zip((arousal, valence), ratings, strict=True):
            time = rows[:, 0]
            frames = rows[(time >= start) & (time < stop), 1:]  # (frames, raters)
            if len(frames) == 0:
                problems.append(
                    f"{where}: no frame of {inside(file, root)} lies between {start:g} and "
                    f"{stop:g} s (it goes from {time[0]:g} to {time[-1]:g} s)"
                )
            elif stop > time[-1] + 2 * FRAME:
                _note(odd, "labels from the frames before the annotation ends", where)
            # Rounded, so that ratings which cancel give the threshold itself, not 1e-18 above it.
            labels.append(round(float(frames.mean()), 9) if len(frames) else math.nan)
        utterances.append(Utterance(audio, float(start), float(end), audio.stem, *labels))
    return utterances


def _table(file: Path, first: list[str], root: Path, problems: list[str]):
    """The numbers below a header that begins with `first`: (rows, columns), and their lines.

    The real headers have blanks at the end of their names. None, with a problem, if a row is not
    what the header says.
    """
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    where = inside(file, root)
    names = [name.strip() for name in lines[0].split(";")] if lines else []
    columns = max(2, len(names))  # times and at least one rater, or start and stop
    if names[: len(first)] != first or len(names) < 2:
        wanted = ";".join(first) if len(first) > 1 else "time;FM1;FM2;..."
        problems.append(f"{where}:1: expected {wanted}, found {lines[0] if lines else ''!r}")
        return None
    at = [n for n, line in enumerate(lines[1:], 2) if line.strip()]
    if not at:
        problems.append(f"{where}: no row below the header")
        return None
    try:  # NumPy's parser is fast, but does not say which line is wrong
        rows = np.loadtxt([lines[n - 1] for n in at], delimiter=";", comments=None, ndmin=2)
        if rows.shape == (len(at), columns) and np.isfinite(rows).all():
            return rows, at
    except ValueError:
        pass
    told, cells = len(problems), []
    for n in at:
        cells.append([number(cell) for cell in lines[n - 1].split(";")])
        if len(cells[-1]) != columns or any(map(math.isnan, cells[-1])):
            problems.append(f"{where}:{n}: expected {columns} numbers, found {lines[n - 1]!r}")
    return (np.array(cells), at) if len(problems) == told else None


def _note(odd: dict[str, list[str]], what: str, example: str) -> None:
    odd.setdefault(what, []).append(example)


READER = Reader(
    title="RECOLA",
    language="French",
    kind="licensed",
    threshold=0.0,
    looked_for=f"{ANNOTATION}, in the folder and in the folders in it",
    advice=f"give the folder in which {RECORDINGS}, {TIMINGS} and RECOLA-Annotation lie",
    find=find,
    read=read,
    published={"utterances": 1308, "arousal": (520, 788), "valence": (245, 1063)},
)
