"""Any corpus through a CSV file, one row an utterance:

    path,start,end,speaker,arousal,valence

`path` is absolute or relative to the CSV's folder. `start` and `end` (seconds) may be left out,
as columns or as cells: from the beginning, to the end. `arousal` and `valence` are numbers, and
what is above 0 is high (positive): 0 and 1, -1 and 1, or any scale centred at 0. A scale such as
1 to 5 must be centred first, by taking its middle off; otherwise all of it is high.
"""

import csv
import math
from pathlib import Path

import soundfile

from minidann.corpora.utterance import Reader, Utterance, cut_to, number, some

NEEDED = ("path", "speaker", "arousal", "valence")
OPTIONAL = ("start", "end")


def find(root: Path) -> Path | None:
    return root if root.is_file() else None


def read(root: Path, problems: list[str], remarks: list[str]) -> list[Utterance]:
    try:
        with open(root, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            names = [name.strip() for name in next(rows, [])]
            table = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{root.name}: is not CSV text in UTF-8: {error}")
        return []
    if missing := [name for name in NEEDED if name not in names]:
        problems.append(
            f"{root.name}:1: there is no column {', '.join(missing)}; expected "
            f"path,start,end,speaker,arousal,valence (start and end optional), "
            f"found {','.join(names)!r}"
        )
        return []
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"{root.name}:1: more than one column {', '.join(repeated)}")
        return []
    if ignored := [name for name in names if name not in NEEDED + OPTIONAL]:
        remarks.append(some(ignored, "columns that mean nothing here, not used"))

    utterances, cut = [], []
    first_line: dict[tuple, int] = {}
    lengths: dict[Path, float | None] = {}  # seconds; None where the recording is not to be had
    for line, row in table:
        where = f"{root.name}:{line}"
        if len(row) != len(names):
            problems.append(f"{where}: expected {len(names)} cells, found {len(row)}")
            continue
        cell = {name: value.strip() for name, value in zip(names, row, strict=True)}
        numbers = _numbers(cell, where, problems)
        if not cell["path"] or not cell["speaker"]:
            problems.append(f"{where}: no {'speaker' if cell['path'] else 'path'}")
            continue
        path = root.parent / cell["path"]  # an absolute path replaces the folder
        if path not in lengths:
            lengths[path] = _length(path, cell["path"], where, problems)
        if numbers is None or lengths[path] is None:
            continue
        start, end, arousal, valence = numbers
        if end is not None or start is not None:
            wanted = lengths[path] if end is None else end
            fits = cut_to(lengths[path], start or 0.0, wanted, where, problems)
            if fits < wanted:
                cut.append(where)
                end = fits
        if (before := first_line.setdefault((path, start, end), line)) != line:
            problems.append(f"{where}: the same utterance as in line {before}")
        utterances.append(Utterance(path, start, end, cell["speaker"], arousal, valence))
    if cut:
        remarks.append(some(cut, "utterances that end after their recording, cut to it"))
    return utterances


def _numbers(cell: dict[str, str], where: str, problems: list[str]):
    """(start, end, arousal, valence) of a row, or None, with problems, if one is not right."""
    told = len(problems)
    value = {}
    for name in ("start", "end", "arousal", "valence"):
        text = cell.get(name, "")
        value[name] = None if name in OPTIONAL and not text else number(text)
        if value[name] is not None and math.isnan(value[name]):
            problems.append(f"{where}: {name} {text!r} is not a number")
    if len(problems) == told:
        start, end = value["start"] or 0.0, value["end"]
        if start < 0:
            problems.append(f"{where}: start {start:g} s is before the recording")
        elif end is not None and end <= start:
            problems.append(f"{where}: end {end:g} s is not after start {start:g} s")
    return tuple(value.values()) if len(problems) == told else None


def _length(path: Path, written: str, where: str, problems: list[str]) -> float | None:
    """Seconds of the recording, from its header; None, with a problem, if it cannot be read."""
    if not path.is_file():
        problems.append(f"{where}: there is no file {written}")
        return None
    try:
        return soundfile.info(path).duration
    except soundfile.SoundFileError as error:
        problems.append(f"{where}: {written} cannot be read as audio: {error}")
        return None


READER = Reader(
    title="",  # the file's own name
    language="not stated",
    kind="your own",
    threshold=0.0,
    looked_for="a CSV file with the columns path,start,end,speaker,arousal,valence",
    advice="give the file itself, not its folder",
    find=find,
    read=read,
)
