"""The log-mel features of a whole corpus: extracted once, and cached.

A cache file is named after all that it depends on but rounding: the preset, the bytes of every
recording, and where each utterance starts and ends. So it is never out of date, and its folder is
safe to delete. It is mapped into memory: what is not being used need not be there.
"""

import hashlib
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from minidann.console import UserError, progress
from minidann.ops import parallel
from minidann.sound.audio import cut, decode, mono
from minidann.sound.logmel import FRAMES, MELS, PRESETS, crop, logmel
from minidann.sound.normalise import Features
from minidann.sound.warnings import Sound, Warnings, data_warnings, measure

VERSION = 4  # of the arithmetic, the layout and the warnings: a new number leaves old files unused
STALE = 3600  # seconds after which nobody is writing to a temporary file any more


class Extracted(NamedTuple):
    """What comes of a list of utterances; they are named by their place in it."""

    features: Features | None  # of the good ones, where there are any
    good: list[int]
    bad: dict[int, str]  # why each of the others cannot be used
    warnings: Warnings  # data warnings about the good ones
    contents: dict[Path, str]  # a digest of each recording's bytes


def extract(
    utterances: Sequence, cache: Path | str, preset: str = "paper", label: str = "features"
) -> Extracted:
    """The features of `utterances`, in their order: from the cache, or extracted into it.

    An utterance has `.path`, and `.start` and `.end` (seconds, or None for the whole recording).
    `cache` is a folder, made where it is missing; `label` heads the progress lines. A damaged
    file is said to be so and made again. Raises UserError where the cache cannot be written to.
    """
    if not len(utterances):
        raise UserError(f"{label}: no utterances to take features from; check the corpus folder")
    if preset not in PRESETS:
        raise ValueError(f"expected a preset among {', '.join(PRESETS)}, received {preset!r}")
    contents = digests(utterances, label)
    rows = [
        (contents[Path(utterance.path)], utterance.start, utterance.end) for utterance in utterances
    ]
    everything = json.dumps([VERSION, asdict(PRESETS[preset]), rows], default=float)
    digest = hashlib.blake2b(everything.encode(), digest_size=16).hexdigest()
    file = Path(cache) / f"{digest}.features"
    try:
        if file.is_file():
            try:
                return _load(file, len(utterances), contents)
            except (EOFError, ValueError) as error:
                print(f"{label}: {file} is damaged ({error}); extracting again", file=sys.stderr)
        file.parent.mkdir(parents=True, exist_ok=True)
        _clear(file.parent)
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        try:
            bad = _write(temporary, utterances, preset, label)
            if len(bad) == len(utterances):
                return Extracted(None, [], bad, {}, contents)
            os.replace(temporary, file)  # a file that has its own name is a whole file
        finally:
            temporary.unlink(missing_ok=True)
        return _load(file, len(utterances), contents)
    except OSError as error:
        raise UserError(
            f"{cache}: cannot keep features here ({error.strerror}); give another --cache DIR"
        ) from None


def _clear(cache: Path) -> None:
    """Take away what kills left half written, and nothing that others keep in the same folder."""
    for old in cache.glob("*.tmp"):
        with suppress(FileNotFoundError):  # another process has just finished it
            stale = time.time() - old.stat().st_mtime > STALE
            if stale and re.fullmatch(r"[0-9a-f]{32}\.\d+\.tmp", old.name):
                old.unlink()


def digests(utterances: Sequence, label: str) -> dict[Path, str]:
    """Name the bytes of each recording, gone through once however many utterances lie in it."""
    paths = (Path(utterance.path) for utterance in utterances)
    contents = dict.fromkeys(paths)  # each once, in order
    for path in progress(list(contents), len(contents), f"{label}: any changes?", "recordings"):
        content = hashlib.sha256()
        try:
            with open(path, "rb") as file:
                while chunk := file.read(1 << 20):
                    content.update(chunk)
            contents[path] = content.hexdigest()
        except OSError as error:  # decoding it will say so
            contents[path] = f"cannot be read: {error.strerror}"
    return contents


def extract_each(
    utterances: Sequence, preset: str, label: str
) -> Iterator[tuple[int, Sound | None, np.ndarray | str]]:
    """Yield for each utterance (number, Sound, log-mel (k, 26)), or (number, None, why not).

    Each core has one recording in memory at a time; the features of a few dozen recordings wait to
    be asked for. The utterances of one recording are expected to follow one another; where they do
    not, it is read again.
    """
    # Linux's malloc hands freed memory back to the system, and gets it back page by page for the
    # next utterance, until it has seen a larger block come and go.
    np.empty(1 << 24, np.uint8)
    recordings = groupby(enumerate(utterances), key=lambda numbered: numbered[1].path)
    recordings = [(path, list(there)) for path, there in recordings]
    size = min(8, 1 + len(recordings) // 100)  # of a part: threads that seldom meet seldom wait
    parts = [(recordings[i : i + size], preset) for i in range(0, len(recordings), size)]
    extracted = (entry for part in parallel.stream(_extract_part, parts) for entry in part)
    yield from progress(extracted, len(utterances), label, "utterances")


def _extract_part(recordings: list[tuple], preset: str) -> list[tuple]:
    return [entry for path, there in recordings for entry in extract_one(path, there, preset)]


def extract_one(path: Path | str, utterances: list[tuple[int, object]], preset: str) -> list[tuple]:
    """What `extract_each` yields for the numbered utterances of one recording."""
    try:
        channels, rate = decode(Path(path))  # (samples, channels)
    except UserError as error:
        return [(i, None, str(error)) for i, _ in utterances]
    audio = mono(channels, rate)  # (samples,)
    extracted = []
    for i, utterance in utterances:
        start, end = utterance.start, utterance.end
        try:
            frames = crop(logmel(cut(audio, start, end), preset)).copy()  # (k, 26)
            extracted.append((i, measure(channels, rate, start, end), frames))
        except UserError as error:
            extracted.append((i, None, str(error)))
    return extracted


def _write(file: Path, utterances: Sequence, preset: str, label: str) -> dict[int, str]:
    """Extract into `file`, utterance by utterance. -> {number: why} of those that are bad.

    The file is three .npy in a row, and then the CRC-32 of all: frames (total, 26) float32,
    offsets (n+1,) int64, and `bad` and `warnings` of `Extracted` as the bytes of a JSON text.
    """
    bad, sounds, offsets = {}, {}, [0]
    with open(file, "wb") as out:
        _write_header(out, FRAMES * len(utterances))  # the most it can be; put right below
        for i, sound, frames in extract_each(utterances, preset, label):
            if sound is None:
                bad[i] = frames
                continue
            sounds[i] = sound
            out.write(frames.astype("<f4").tobytes())
            offsets.append(offsets[-1] + len(frames))
        np.save(out, np.array(offsets, "<i8"))
        notes = json.dumps([list(bad.items()), data_warnings(sounds)])
        np.save(out, np.frombuffer(notes.encode(), np.uint8))
        out.seek(0)
        _write_header(out, offsets[-1])
    checksum = zlib.crc32(np.memmap(file, np.uint8, "r"))
    with open(file, "ab") as out:
        out.write(checksum.to_bytes(4, "little"))
    return bad


def _write_header(file: BinaryIO, total: int) -> None:
    """The head of a .npy of (total, 26) float32. NumPy pads it to 128 bytes, whatever `total`."""
    shape = {"descr": "<f4", "fortran_order": False, "shape": (total, MELS)}
    np.lib.format.write_array_header_1_0(file, shape)


def _load(file: Path, count: int, contents: dict[Path, str]) -> Extracted:
    """Map a cache file of `count` utterances into memory; raise ValueError on any damage."""
    content = np.memmap(file, np.uint8, "r")
    if zlib.crc32(content[:-4]) != int.from_bytes(content[-4:].tobytes(), "little"):
        raise ValueError("its checksum differs")
    del content  # or its pages would count as memory in use beside those of `frames`
    frames = np.load(file, mmap_mode="r", allow_pickle=False)  # (total, 26), left on disk
    with open(file, "rb") as rest:
        rest.seek(frames.offset + frames.nbytes)
        offsets = np.load(rest, allow_pickle=False)  # (n+1,)
        bad, warnings = json.loads(np.load(rest, allow_pickle=False).tobytes())
    bad = dict(bad)
    if len(offsets) - 1 + len(bad) != count:
        raise ValueError(f"expected {count} utterances, received {len(offsets) - 1 + len(bad)}")
    good = [i for i in range(count) if i not in bad]
    return Extracted(Features(frames, offsets, digest=file.stem), good, bad, warnings, contents)
