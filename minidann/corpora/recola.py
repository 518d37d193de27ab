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

from minidann.console import UserError
from minidann.corpora.utterance import Findings, Reader, Utterance, in_or_below, number, shown
from minidann.sound.audio import seconds

RECORDINGS = "RECOLA-Audio-recordings"
TIMINGS = "RECOLA-Audio_timings"
ANNOTATION = "RECOLA-Annotation/emotional_behaviour"
FRAME = 0.04  # seconds from one annotation row to the next
RATERS = 6


def find(root: Path) -> Path | None:
    return in_or_below(root, ANNOTATION)


def read(root: Path, found: Findings) -> list[Utterance]:
    needed = (RECORDINGS, TIMINGS, f"{ANNOTATION}/arousal", f"{ANNOTATION}/valence")
    for folder in needed:
        if not (root / folder).is_dir():
            found.leave_out(folder, "there is no such folder: the copy is incomplete")
    if found.bad:
        return []
    audio = found.recordings_by_stem((root / RECORDINGS).iterdir())
    timings, arousal, valence = (
        {file.stem: file for file in (root / folder).glob("[!.]*.csv")} for folder in needed[1:]
    )
    utterances = []
    for participant in sorted({*audio, *timings, *arousal, *valence}):
        if participant not in arousal and participant not in valence:
            found.warn("participants without annotation, not used", participant)
            continue
        files = [table.get(participant) for table in (audio, timings, arousal, valence)]
        for file, folder in zip(files, needed):
            if file is None:
                missing = f"{folder}/{participant}{'.wav' if folder == RECORDINGS else '.csv'}"
                found.leave_out(participant, f"annotated, but there is no {missing}")
        if None not in files:
            utterances += _participant(*files, found)
    return utterances


def _participant(
    audio: Path, timings: Path, arousal: Path, valence: Path, found: Findings
) -> list[Utterance]:
    try:
        length = seconds(audio)
    except UserError as error:
        found.leave_out(audio, str(error))
        return []
    cuts = _table(timings, "start;stop", found)
    ratings = {found.inside(file): _ratings(file, found) for file in (arousal, valence)}
    if any(rows is None for rows in ratings.values()):
        return []
    utterances = []
    for line, (start, stop, *_) in cuts.items():
        where = f"{found.inside(timings)}:{line}"
        end = found.end_within(length, start, stop, where)
        if end is not None:
            labels = mean_ratings(ratings, start, stop, where, found)
            if len(labels) == len(ratings):
                utterances.append(Utterance(audio, start, end, audio.stem, *labels))
    return utterances


def _ratings(file: Path, found: Findings) -> np.ndarray | None:
    """An annotation as (rows, 1 + raters), time first. None where a row of it is bad.

    A mean without its bad rows would be another label, so then none of them is used.
    """
    before = len(found.bad)
    rows = np.array(list(_table(file, "time;FM1;FM2;...", found).values()))
    if len(found.bad) > before:
        return None
    raters = rows.shape[1] - 1
    if raters != RATERS:
        found.warn(f"files with other than {RATERS} raters", f"{found.inside(file)} {raters}")
    if np.abs(rows[:, 1:]).max() > 1:
        found.warn("files with ratings outside -1 to 1, used as is", found.inside(file))
    return rows


def mean_ratings(
    ratings: dict[str, np.ndarray], start: float, stop: float, where: str, found: Findings
) -> list[float]:
    """The mean rating of each file, {its name: rows}; fewer where a file has no frame of it."""
    labels = []
    for name, rows in ratings.items():
        time = rows[:, 0]
        frames = rows[(time >= start) & (time < stop), 1:]  # (frames, raters)
        if len(frames) == 0:
            found.leave_out(
                where,
                f"no frame of {name} lies between {start:g} and {stop:g} s (it goes from "
                f"{time[0]:g} to {time[-1]:g} s)",
            )
            continue
        if stop > time[-1] + 2 * FRAME:
            found.warn("labels from the frames before the annotation ends", where)
        # Rounded, so that ratings which cancel give the threshold itself, not 1e-18 above it.
        labels.append(round(float(frames.mean()), 9))
    return labels


def _table(file: Path, wanted: str, found: Findings) -> dict[int, list[float]]:
    """The numbers below the header `wanted`, {line: row}; bad rows are reported.

    The real headers have blanks at the end of their names.
    """
    lines = found.lines_of(file)
    if lines is None:
        return {}
    header, *lines = lines or [""]
    where, names = found.inside(file), [name.strip() for name in header.split(";")]
    if names[:2] != wanted.split(";")[:2]:
        found.leave_out(f"{where}:1", f"expected {wanted}, found {shown(header)}")
        return {}
    rows = {}
    for at, line in enumerate(lines, 2):
        row = [number(cell) for cell in line.split(";")]
        if len(row) == len(names) and not any(map(math.isnan, row)):
            rows[at] = row
        elif line.strip():
            why = f"expected {len(names)} numbers, found {shown(line)}"
            found.leave_out(f"{where}:{at}", why)
    if not "".join(lines).strip():
        found.leave_out(where, "no row below the header")
    return rows


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
