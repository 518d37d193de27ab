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
from minidann.corpora import reading
from minidann.corpora.reading import Findings, Reader, Utterance, shown

ANNOTATION = "RECOLA-Annotation/emotional_behaviour"
AROUSAL, VALENCE = f"{ANNOTATION}/arousal", f"{ANNOTATION}/valence"
RECORDINGS, TIMINGS = "RECOLA-Audio-recordings", "RECOLA-Audio_timings"
FOLDERS = (RECORDINGS, TIMINGS, AROUSAL, VALENCE)
RATERS = 6
FRAME = 0.04  # seconds from one annotation row to the next


def read(root: Path, found: Findings) -> list[Utterance]:
    places = {RECORDINGS: found.by_stem(root / RECORDINGS)}  # {folder: {participant: file}}
    for folder in FOLDERS[1:]:
        places[folder] = {file.stem: file for file in (root / folder).glob("[!.]*.csv")}
    utterances = []
    for participant in sorted(set().union(*places.values())):
        if participant not in places[AROUSAL] and participant not in places[VALENCE]:
            found.warn("participants without annotation, not used", participant)
            continue
        with found.reporting(participant):
            if missing := [name for name, files in places.items() if participant not in files]:
                raise UserError(f"annotated, but not in {', '.join(missing)}")
            files = {name: files[participant] for name, files in places.items()}
            utterances += read_participant(files, found)
    return utterances


def read_participant(files: dict[str, Path], found: Findings) -> list[Utterance]:
    """The utterances of one participant, from the file in each of the four folders."""
    tables = {}
    for folder in FOLDERS[1:]:
        with found.reporting(files[folder]):  # each, so that all that is wrong is told at once
            tables[folder] = table(files[folder], folder, found)
    if len(tables) < 3 or not all(tables.values()):
        return []
    rated = [np.array([*tables[folder].values()]) for folder in (AROUSAL, VALENCE)]
    for folder, rows in zip((AROUSAL, VALENCE), rated):  # (n, 1 + raters)
        name, raters = found.inside(files[folder]), rows.shape[1] - 1
        if raters != RATERS:
            found.warn(f"files with other than {RATERS} raters", f"{name} {raters}")
        if np.abs(rows[:, 1:]).max() > 1:
            found.warn("files with ratings outside -1 to 1, used as is", name)
    utterances = []
    for line, (start, stop, *_) in tables[TIMINGS].items():
        where = f"{found.inside(files[TIMINGS])}:{line}"
        with found.reporting(where):
            labels = [mean_rating(rows, start, stop) for rows in rated]
            if stop > min(rows[-1, 0] for rows in rated) + 2 * FRAME:
                found.warn("labels from the frames before the annotation ends", where)
            audio = files[RECORDINGS]
            utterances.append(Utterance(audio, start, stop, audio.stem, *labels))
    return utterances


def mean_rating(rows: np.ndarray, start: float, stop: float) -> float:
    """The mean over raters and frames, start <= time < stop, of rows (n, 1 + raters), time first.

    Raises UserError where there is no such frame.
    """
    time = rows[:, 0]
    frames = rows[(time >= start) & (time < stop), 1:]  # (frames, raters)
    if len(frames) == 0:
        raise UserError(
            f"no frame of its annotation lies between {start:g} and {stop:g} s (it goes from "
            f"{time[0]:g} to {time[-1]:g} s)"
        )
    # Rounded, so that ratings which cancel give the threshold itself, not 1e-18 above it.
    return round(float(frames.mean()), 9)


def table(file: Path, folder: str, found: Findings) -> dict[int, list[float]]:
    """The numbers below a table's heading, {line: row}; bad rows are reported, and leave none."""
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    header, *lines = text.splitlines() or [""]
    names = [name.strip() for name in header.split(";")]  # the real ones end in blanks
    wanted = "start;stop" if folder == TIMINGS else "time;FM1;FM2;..."
    if names[:2] != wanted.split(";")[:2]:
        raise UserError(f"expected the header {wanted}, found {shown(header)}")
    rows, wrong = {}, []
    for n, line in enumerate(lines, 2):
        row = [reading.number(cell) for cell in line.split(";")]
        if len(row) == len(names) and not any(map(math.isnan, row)):
            rows[n] = row
        elif line.strip():
            wrong.append(f"line {n}: expected {len(names)} numbers, found {shown(line)}")
    if not rows and not wrong:
        raise UserError("no row below the header")
    found.bad += [(found.inside(file), why) for why in wrong]
    return {} if wrong and folder != TIMINGS else rows


READER = Reader(
    title="RECOLA",
    language="French",
    kind="licensed",
    threshold=0.0,
    wanted=f"{ANNOTATION} in it or in a folder in it; {RECORDINGS} and {TIMINGS} lie beside it",
    find=lambda root: reading.in_or_below(root, ANNOTATION),
    read=read,
    published={"utterances": 1308, "arousal": [520, 788], "valence": [245, 1063]},
)
