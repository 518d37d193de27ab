"""The log-mel features of a whole corpus: extracted once, and cached.

    DIGEST.f32    the frames of all utterances that can be used, (total, 26) float32
    DIGEST.json   the lengths and the measures of these utterances, what is bad, and a checksum

DIGEST names all that the features depend on, except rounding: the preset, the bytes of every
recording, and where each utterance starts and ends; behind it stands the input where it is not the
paper's. So an entry of the cache is never out of date, and its folder is safe to delete. The JSON
is written last, so an entry that has one is whole. The frames are mapped into memory: what is not
being used need not be there.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidann.console import UserError, progress
from minidann.ops import parallel
from minidann.sound.audio import cut, decode, mono
from minidann.sound.levelled import prepared
from minidann.sound.logmel import MELS, PRESETS, logmel
from minidann.sound.normalise import Features
from minidann.sound.warnings import Sound, measure

VERSION = 8  # of the arithmetic, the layout and the measures: a new number leaves old files unused
DAY = 24 * 3600  # seconds; no process extracts for so long


class Extracted(NamedTuple):
    """What comes of a list of utterances; they are named by their place in it."""

    features: Features | None  # of the good ones, where there are any
    sounds: dict[int, Sound]  # the measures of each good one
    bad: dict[int, str]  # why each of the others cannot be used
    contents: dict[Path, str]  # a digest of each recording's bytes


def extract(
    utterances: Sequence,
    cache: Path | str,
    preset: str = "paper",
    label: str = "features",
    input: str = "paper",
) -> Extracted:
    """The features of `utterances`, in their order: from the cache, or extracted into it.

    An utterance has a `.path`, `.start` and `.end` (seconds, or None for the whole recording).
    `preset` is a key of PRESETS, `input` of INPUTS; `label` heads the progress lines. A damaged
    entry is reported on stderr and made again. Raises UserError where the cache cannot be used.
    """
    contents = digests(utterances, label)
    places = [(contents[u.path], u.start, u.end) for u in utterances]
    everything = json.dumps([VERSION, asdict(PRESETS[preset]), places], default=float)
    name = hashlib.blake2b(everything.encode(), digest_size=16).hexdigest()
    entry = Path(cache, name + f"-{input}" * (input != "paper"))  # the same recordings: one digest
    try:
        try:
            return _load(entry, contents, input)
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError) as error:
            print(f"{label}: {entry} is damaged ({error}); extracting again", file=sys.stderr)
        _save(entry, utterances, preset, label, input)
        return _load(entry, contents, input)
    except OSError as error:
        raise UserError(
            f"{cache}: cannot keep features here ({error.strerror}); give another --cache DIR"
        ) from None


def digests(utterances: Sequence, label: str) -> dict[Path, str]:
    """Name the bytes of each recording, gone through once however many utterances lie in it."""
    contents = dict.fromkeys(u.path for u in utterances)  # each once, in order
    for path in progress(list(contents), len(contents), f"{label}: any changes?", "recordings"):
        try:
            contents[path] = _sha256(path)
        except OSError as error:  # decoding it will say so
            contents[path] = f"cannot be read: {error.strerror}"
    return contents


def extract_each(
    utterances: Sequence, preset: str, label: str, input: str = "paper"
) -> Iterator[tuple[int, Sound | None, np.ndarray | str]]:
    """Yield for each utterance (number, Sound, log-mel (k, 26)), or (number, None, why not)."""
    # Linux's malloc hands freed memory back to the system, and gets it back page by page for the
    # next utterance, until it has seen a larger block come and go.
    np.empty(1 << 24, np.uint8)
    recordings = groupby(enumerate(utterances), key=lambda numbered: numbered[1].path)
    recordings = [(path, list(there), preset, input) for path, there in recordings]
    entries = chain.from_iterable(parallel.stream(extract_one, recordings))
    yield from progress(entries, len(utterances), label, "utterances")


def extract_one(
    path: Path, utterances: list[tuple], preset: str, input: str = "paper"
) -> list[tuple]:
    """What `extract_each` yields for the numbered utterances of one recording."""
    try:
        channels, rate = decode(path)  # (samples, channels)
    except UserError as error:
        return [(i, None, str(error)) for i, _ in utterances]
    audio = mono(channels, rate)  # (samples,)
    extracted = []
    for i, utterance in utterances:
        start, end = utterance.start, utterance.end
        try:
            frames = prepared(logmel(cut(audio, start, end), preset), input).copy()  # (k, 26)
            extracted.append((i, measure(path, channels, rate, start, end), frames))
        except UserError as error:
            extracted.append((i, None, str(error)))
    return extracted


def _save(entry: Path, utterances: Sequence, preset: str, label: str, input: str) -> None:
    """Extract into the two files of `entry`, utterance by utterance.

    They are made in a folder of this process, and then moved. Where several processes make the
    same entry at once, each moves the same bytes. What a kill left there is removed after a day.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    for left in entry.parent.glob("unfinished-*"):
        if left.stat().st_mtime < time.time() - DAY:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=entry.parent) as folder:
        file = Path(folder, f"{entry.name}.f32")
        lengths, bad, sounds = [], {}, {}
        with open(file, "wb") as out:
            for i, sound, frames in extract_each(utterances, preset, label, input):
                if sound is None:
                    bad[i] = frames
                    continue
                lengths.append(len(frames))
                sounds[i] = sound
                out.write(frames.astype("<f4").tobytes())
        notes = {"lengths": lengths, "sounds": [*sounds.items()], "bad": [*bad.items()]}
        text = json.dumps({"checksum": _checksum(file, notes), "notes": notes})
        file.with_suffix(".json").write_text(text)
        for suffix in (".f32", ".json"):
            os.replace(file.with_suffix(suffix), entry.with_suffix(suffix))


def _load(entry: Path, contents: dict[Path, str], input: str) -> Extracted:
    """Map an entry into memory; raise ValueError where it is damaged."""
    file = entry.with_suffix(".f32")
    saved = json.loads(entry.with_suffix(".json").read_text())
    notes = saved["notes"]
    if saved["checksum"] != _checksum(file, notes):
        raise ValueError("its checksum differs")
    sounds = {i: Sound(*measures) for i, measures in notes["sounds"]}
    features = None
    if sounds:
        frames = np.memmap(file, "<f4", "r").reshape(-1, MELS)  # (total, 26), left on disk
        features = Features(frames, notes["lengths"], entry.name.partition("-")[0], input)
    return Extracted(features, sounds, dict(notes["bad"]), contents)


def _checksum(file: Path, notes: dict) -> str:
    """What shows that both files of an entry are those that were written under its name."""
    content = file.stem + _sha256(file) + json.dumps(notes)
    return hashlib.sha256(content.encode()).hexdigest()


def _sha256(path: Path) -> str:
    content = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()
