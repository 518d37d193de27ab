"""Any corpus through a CSV file, one row an utterance:

    path,start,end,speaker,arousal,valence

`path` is absolute or relative to the CSV's folder. `start` and `end` (seconds) may be left out,
as columns or as cells: from the beginning, to the end. `arousal` and `valence` are numbers, and
what is above 0 is high (positive): 0 and 1, -1 and 1, or any scale centred at 0. A scale such as
1 to 5 must be centred first, by taking its middle off; otherwise all of it is high. A target needs
no labels: either of these columns may be missing, or empty from top to bottom.

Spreadsheets write tables in several ways, so tabs and semicolons separate columns too, capitals in
their names do not matter, and paths may have backslashes.
"""

import csv
import math
import unicodedata
from pathlib import Path

from minidann.console import UserError
from minidann.corpora.utterance import Findings, Reader, Utterance, shown
from minidann.sound.audio import seconds

NEEDED = ("path", "speaker")
LABELS = ("arousal", "valence")
OPTIONAL = ("start", "end", *LABELS)


def find(root: Path) -> Path | None:
    return root if root.is_file() else None


def read(root: Path, found: Findings) -> list[Utterance]:
    names, table = _rows(root, found)
    utterances: dict[tuple, Utterance] = {}  # (path, start, end) -> the utterance
    lines: dict[tuple, int] = {}  # the same -> its first line
    twice = set()
    for line, row in table:
        where = f"{root.name}:{line}"
        if len(row) != len(names):
            found.leave_out(where, f"expected {len(names)} cells, found {len(row)}")
            continue
        cell = {name: value.strip() for name, value in zip(names, row)}
        if not cell["path"] or not cell["speaker"]:
            found.leave_out(where, f"no {'speaker' if cell['path'] else 'path'}")
            continue
        given = {name: cell[name] for name in OPTIONAL if cell.get(name)}
        value = found.numbers(given, where)
        path = _path(root.parent, cell["path"])
        try:
            length = seconds(path)
        except UserError as error:
            found.leave_out(f"{where}: {shown(cell['path'])}", str(error))
            continue
        if value is None:
            continue
        end = None
        if "start" in value or "end" in value:
            end = found.end_within(length, value.get("start", 0.0), value.get("end", length), where)
            if end is None:
                continue
        place = (path, value.get("start"), end if "end" in value else None)
        if place in lines:
            found.leave_out(where, f"the same utterance as in line {lines[place]}")
            twice.add(place)
            continue
        lines[place] = line
        labels = (value.get(name, math.nan) for name in LABELS)
        utterances[place] = Utterance(*place, cell["speaker"], *labels)
    without = set()
    for name in LABELS:
        places = [place for place, u in utterances.items() if math.isnan(getattr(u, name))]
        if len(places) < len(utterances):
            for place in places:
                why = f"no {name}, where other rows have one"
                found.leave_out(f"{root.name}:{lines[place]}", why)
            without.update(places)
    # The code cannot know which of two rows is right.
    return [u for place, u in utterances.items() if place not in twice | without]


def _rows(root: Path, found: Findings) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and (line, cells) of each row that is not empty."""
    try:
        with open(root, newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            rows = csv.reader(file, delimiter=max(",;\t", key=head.count))
            names = [name.strip().lower() for name in next(rows, [])]
            table = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        found.leave_out(root.name, f"is not CSV text in UTF-8: {error}")
        return [], []
    where = f"{root.name}:1"
    if missing := [name for name in NEEDED if name not in names]:
        found.leave_out(
            where,
            f"there is no column {', '.join(missing)}; expected "
            "path,start,end,speaker,arousal,valence (start and end optional, labels too in a "
            f"target), found {shown(','.join(names))}"
            + "; separate the columns with commas"
            * (len(names) == 1),
        )
        return [], []
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        found.leave_out(where, f"more than one column {', '.join(repeated)}")
        return [], []
    ignored = [name or "(no name)" for name in names if name not in NEEDED + OPTIONAL]
    if ignored := [name if name.isprintable() else shown(name) for name in ignored]:
        found.warn("columns that mean nothing here, not used", *ignored)
    return names, table


def _path(folder: Path, cell: str) -> Path:
    """The file that a cell means, relative to `folder` or absolute.

    Windows writes backslashes, and macOS an accent as a character of its own, which elsewhere is
    another name.
    """
    slashes = cell.replace("\\", "/")
    meant = (cell, slashes, *(unicodedata.normalize(form, slashes) for form in ("NFC", "NFD")))
    return next((folder / name for name in meant if (folder / name).exists()), folder / cell)


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
