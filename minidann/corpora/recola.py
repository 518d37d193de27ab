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
from minidann.corpora.utterance import (
    AUDIO,
    LARGEST,
    Findings,
    Reader,
    Utterance,
    by_stem,
    cut_to,
    in_or_below,
    inside,
    number,
    shown,
    text_of,
)
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
    if missing := [folder for folder in needed if not (root / folder).is_dir()]:
        found.wrong += [
            f"there is no folder {folder}: the copy is incomplete" for folder in missing
        ]
        return []
    suffixes = (AUDIO, (".csv",), (".csv",), (".csv",))
    audio, timings, arousal, valence = (
        by_stem((root / folder).iterdir(), suffix, root, found)
        for folder, suffix in zip(needed, suffixes, strict=True)
    )
    utterances = []
    for participant in sorted({*audio, *timings, *arousal, *valence}):
        if participant not in arousal and participant not in valence:
            found.warn("participants without annotation, not used", participant)
            continue
        files = [table.get(participant) for table in (audio, timings, arousal, valence)]
        for file, folder, suffix in zip(files, needed, suffixes, strict=True):
            if file is None:
                missing = f"{folder}/{participant}{suffix[0]}"
                found.leave_out(participant, f"annotated, but there is no {missing}")
        if None not in files and not found.unclear & set(files):
            utterances += _participant(root, *files, found)
    return utterances


def _participant(
    root: Path, audio: Path, timings: Path, arousal: Path, valence: Path, found: Findings
) -> list[Utterance]:
    try:
        length = seconds(audio)
    except UserError as error:
        found.leave_out(inside(audio, root), str(error))
        return []
    cuts, cut_lines, _ = _table(timings, ["start", "stop"], root, found)
    ratings = {}
    for file in (arousal, valence):
        rows, _, whole = _table(file, ["time"], root, found)
        if not whole:  # a mean without its bad rows would be another label: none of them is used
            cuts = []
            continue
        ratings[inside(file, root)] = rows
        if rows.shape[1] - 1 != RATERS:
            example = f"{inside(file, root)} {rows.shape[1] - 1}"
            found.warn(f"files with other than {RATERS} raters", example)
        if np.abs(rows[:, 1:]).max() > 1:
            found.warn("files with ratings outside -1 to 1, used as is", inside(file, root))

    utterances, last_stop = [], 0.0
    for (start, stop, *_), line in zip(cuts, cut_lines):
        where = f"{inside(timings, root)}:{line}"
        if stop <= start or start < 0:
            why = "before the recording" if start < 0 else f"not before stop {stop:g} s"
            found.leave_out(where, f"start {start:g} s is {why}")
            continue
        end = cut_to(length, start, stop, where, found)
        if start < last_stop:
            found.warn("utterances that start before the one before them ends", where)
        last_stop = stop
        labels = [] if end is None else _labels(ratings, start, stop, where, found)
        if len(labels) == len(ratings):
            utterances.append(Utterance(audio, float(start), float(end), audio.stem, *labels))
    return utterances


def _labels(
    ratings: dict[str, np.ndarray], start: float, stop: float, where: str, found: Findings
) -> list[float]:
    """The mean rating of each file, {its name: rows}; fewer where one has none of the utterance."""
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


def _table(
    file: Path, first: list[str], root: Path, found: Findings
) -> tuple[np.ndarray | list, list[int], bool]:
    """The numbers below a header that begins with `first`: (rows, columns), and their lines.

    The real headers have blanks at the end of their names. What is not as the header says is left
    out, and the third value is then False.
    """
    content = text_of(file, root, found, "utf-8-sig")
    if content is None:
        return [], [], False
    lines, where = content.splitlines(), inside(file, root)
    names = [name.strip() for name in lines[0].split(";")] if lines else []
    columns = max(2, len(names))  # times and at least one rater, or start and stop
    if names[: len(first)] != first or len(names) < 2:
        wanted = ";".join(first) if len(first) > 1 else "time;FM1;FM2;..."
        header = lines[0] if lines else ""
        found.leave_out(f"{where}:1", f"expected {wanted}, found {shown(header)}")
        return [], [], False
    at = [n for n, line in enumerate(lines[1:], 2) if line.strip()]
    if not at:
        found.leave_out(where, "no row below the header")
        return [], [], False
    try:  # NumPy's parser is fast, but does not say which line is wrong
        rows = np.loadtxt([lines[n - 1] for n in at], delimiter=";", comments=None, ndmin=2)
        if rows.shape == (len(at), columns) and (np.abs(rows) <= LARGEST).all():
            return rows, at, True
    except ValueError:
        pass
    rows, good = [], []
    for n in at:
        row = [number(cell) for cell in lines[n - 1].split(";")]
        if len(row) == columns and not any(map(math.isnan, row)):
            rows.append(row)
            good.append(n)
        else:
            expected = f"expected {columns} numbers, found {shown(lines[n - 1])}"
            found.leave_out(f"{where}:{n}", expected)
    return np.array(rows), good, len(good) == len(at)


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
