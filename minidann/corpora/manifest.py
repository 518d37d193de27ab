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

from minidann.console import UserError
from minidann.corpora.utterance import Findings, Reader, Utterance, cut_to, number, shown
from minidann.sound.audio import seconds

NEEDED = ("path", "speaker", "arousal", "valence")
OPTIONAL = ("start", "end")


def find(root: Path) -> Path | None:
    return root if root.is_file() else None


def read(root: Path, found: Findings) -> list[Utterance]:
    names, table = _rows(root, found)
    utterances = []
    lines: dict[tuple, int] = {}  # (path, start, end) -> its first line
    twice = set()
    lengths: dict[str, float | str] = {}  # seconds, or why the recording is not to be had
    for line, row in table:
        where = f"{root.name}:{line}"
        if len(row) != len(names):
            found.leave_out(where, f"expected {len(names)} cells, found {len(row)}")
            continue
        cell = {name: value.strip() for name, value in zip(names, row, strict=True)}
        numbers = _numbers(cell, where, found)
        if not cell["path"] or not cell["speaker"]:
            found.leave_out(where, f"no {'speaker' if cell['path'] else 'path'}")
            continue
        path = root.parent / cell["path"]  # an absolute path replaces the folder
        if cell["path"] not in lengths:
            lengths[cell["path"]] = _length(path, cell["path"])
        length = lengths[cell["path"]]
        if isinstance(length, str):
            found.leave_out(where, length)
        if numbers is None or isinstance(length, str):
            continue
        start, end, arousal, valence = numbers
        if end is not None or start is not None:
            wanted = length if end is None else end
            fits = cut_to(length, start or 0.0, wanted, where, found)
            if fits is None:
                continue
            end = end if fits == wanted else fits
        place = (path, start, end)
        if place in lines:
            found.leave_out(where, f"the same utterance as in line {lines[place]}")
            twice.add(place)
            continue
        lines[place] = line
        utterances.append(Utterance(*place, cell["speaker"], arousal, valence))
    _overlaps(lines, root.name, found)
    # Which of two rows is right, nobody can know.
    return [
        utterance
        for utterance in utterances
        if (utterance.path, utterance.start, utterance.end) not in twice
    ]


def _rows(root: Path, found: Findings) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and (line, cells) of each row that is not empty."""
    try:
        with open(root, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            names = [name.strip() for name in next(rows, [])]
            table = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        found.wrong.append(f"{root.name}: is not CSV text in UTF-8: {error}")
        return [], []
    if missing := [name for name in NEEDED if name not in names]:
        found.wrong.append(
            f"{root.name}:1: there is no column {', '.join(missing)}; expected "
            f"path,start,end,speaker,arousal,valence (start and end optional), "
            f"found {shown(','.join(names))}"
            + "; separate the columns with commas"
            * any(";" in name for name in names)
        )
        return [], []
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        found.wrong.append(f"{root.name}:1: more than one column {', '.join(repeated)}")
        return [], []
    if ignored := [name or "(no name)" for name in names if name not in NEEDED + OPTIONAL]:
        found.warn("columns that mean nothing here, not used", *ignored)
    return names, table


def _numbers(cell: dict[str, str], where: str, found: Findings) -> tuple | None:
    """(start, end, arousal, valence) of a row, or None, with what is wrong, if one is not right."""
    before = len(found.bad)
    value = {}
    for name in ("start", "end", "arousal", "valence"):
        text = cell.get(name, "")
        value[name] = None if name in OPTIONAL and not text else number(text)
        if value[name] is not None and math.isnan(value[name]):
            found.leave_out(where, f"{name} {shown(text)} is not a number")
    if len(found.bad) == before:
        start, end = value["start"] or 0.0, value["end"]
        if start < 0:
            found.leave_out(where, f"start {start:g} s is before the recording")
        elif end is not None and end <= start:
            found.leave_out(where, f"end {end:g} s is not after start {start:g} s")
    return tuple(value.values()) if len(found.bad) == before else None


def _length(path: Path, written: str) -> float | str:
    """Seconds of the recording, from its header; or why it cannot be read."""
    try:
        return seconds(path)
    except UserError as error:
        return f"{shown(written)}: {error}"


def _overlaps(lines: dict[tuple, int], name: str, found: Findings) -> None:
    """Warn of utterances, {(path, start, end): line}, that begin before another one ends."""
    ends: dict[Path, float] = {}
    for (path, start, end), line in sorted(lines.items(), key=lambda item: item[0][1] or 0.0):
        if (start or 0.0) < ends.get(path, 0.0):
            found.warn(
                "utterances that start before another of their recording ends", f"{name}:{line}"
            )
        ends[path] = max(ends.get(path, 0.0), math.inf if end is None else end)


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
