"""Your own recordings: in a table with their labels (`csv`), or in a folder without (`audio`).

The table is a CSV file, one row an utterance:

    path,start,end,speaker,arousal,valence

`path` is absolute or relative to the CSV's folder. `start` and `end` (seconds) may be left out,
as columns or as cells: from the beginning, to the end. `arousal` and `valence` are numbers, and
what is above 0 is high (positive): 0 and 1, -1 and 1, or any scale centred at 0. A scale such as
1 to 5 must be centred first, by taking its middle off; otherwise all of it is high. A target needs
no labels: either of these columns may be missing, or empty from top to bottom.

Tabs and semicolons separate columns, too, and paths may have backslashes.

Who speaks in a folder is not known; the folder in which a recording lies is taken for its speaker.
"""

import csv
import math
import unicodedata
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from minidann.console import UserError
from minidann.corpora import reading
from minidann.corpora.reading import AUDIO, Findings, Reader, Utterance, shown

NEEDED, TIMES, LABELS = ("path", "speaker"), ("start", "end"), ("arousal", "valence")
COLUMNS = ("path", *TIMES, "speaker", *LABELS)


def read_table(root: Path, found: Findings) -> list[Utterance]:
    names, table = [], {}
    with found.reporting(root.name):
        names, table = columns_and_rows(root, found)
    utterances: dict[int, Utterance] = {}  # by their lines
    lines: dict[tuple, int] = {}  # (path, start, end) -> the first line with it
    twice = set()  # lines of which another one is about the same utterance
    for line, row in table.items():
        with found.reporting(f"{root.name}:{line}"):
            if len(row) != len(names):
                raise UserError(f"expected {len(names)} cells, found {len(row)}")
            utterance = read_row(root.parent, dict(zip(names, row)))
            first = lines.setdefault((utterance.path, utterance.start, utterance.end), line)
            if first != line:  # nobody can know which of the two is right
                twice.add(first)
                raise UserError(f"the same utterance as in line {first}")
            utterances[line] = utterance
    for name in LABELS:
        without = [line for line, u in utterances.items() if math.isnan(getattr(u, name))]
        if len(without) < len(utterances):
            for line in without:
                del utterances[line]
                found.bad.append((f"{root.name}:{line}", f"no {name}, where other rows have one"))
    return [utterance for line, utterance in utterances.items() if line not in twice]


def columns_and_rows(root: Path, found: Findings) -> tuple[list[str], dict[int, list[str]]]:
    """The names of the columns, and {line: cells} of the rows that are not empty."""
    try:
        with open(root, newline="", encoding="utf-8-sig") as file:
            delimiter = max(",;\t", key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter)
            names = [name.strip().lower() for name in next(reader, [])]
            table = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"is not CSV text in UTF-8: {error}") from None
    if any(names.count(name) != 1 for name in NEEDED) or max(map(names.count, COLUMNS)) > 1:
        raise UserError(
            f"expected the columns {','.join(COLUMNS)} once each, with or without times and "
            f"labels, separated by commas; found {shown(','.join(names))}"
        )
    if ignored := [shown(name) for name in names if name not in COLUMNS]:
        found.warn("columns that mean nothing here, not used", *ignored)
    return names, {line: row for line, row in table if any(row)}


def read_row(folder: Path, cells: dict[str, str]) -> Utterance:
    """The utterance of one row. Raises UserError where there is none that can be used."""
    if missing := [name for name in NEEDED if not cells[name]]:
        raise UserError(f"no {' and no '.join(missing)}")
    value = reading.numbers({name: cells[name] for name in TIMES + LABELS if cells.get(name)})
    labels = (value.get(name, math.nan) for name in LABELS)
    times = map(value.get, TIMES)
    slashes = cells["path"].replace("\\", "/")
    # macOS writes an accent as a character of its own, which elsewhere is another name.
    names = (slashes, *(unicodedata.normalize(form, slashes) for form in ("NFC", "NFD")))
    path = next((folder / name for name in names if (folder / name).exists()), folder / slashes)
    return Utterance(path, *times, cells["speaker"], *labels)


def read_folder(root: Path, found: Findings) -> list[Utterance]:
    utterances, named = [], defaultdict(list)
    for path in sorted(reading.files_below(root)):
        if path.suffix.lower() not in AUDIO:
            found.warn(f"files that are not {', '.join(AUDIO)}, not used", found.inside(path))
        elif not any(found.is_copy(other, path) for other in named[path.name]):
            named[path.name].append(path)
            speaker = found.inside(path.parent)
            utterances.append(Utterance(path, None, None, speaker, math.nan, math.nan))
    return utterances


TABLE = Reader(
    title="",  # the file's own name
    language="not stated",
    kind="your own",
    threshold=0.0,
    wanted=f"CSV file with the columns {','.join(COLUMNS)}; give the file, not its folder",
    find=lambda root: root if root.is_file() else None,
    read=read_table,
)
FOLDER = replace(
    TABLE,
    wanted=f"recording ({', '.join(AUDIO)}) in it, at any depth",
    find=lambda root: root if reading.recordings_below(root) else None,
    read=read_folder,
)
