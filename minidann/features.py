"""The log-mel features of a whole corpus: extracted once, and cached.

A cache file is named after all that it depends on: the preset, the bytes of every recording, and
where each utterance starts and ends. So it is never out of date, and its folder is safe to
delete. It is mapped into memory: what is not being used need not be there.
"""

import hashlib
import json
import os
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np

from minidann.audio import cut, read_audio
from minidann.console import UserError, listing, progress
from minidann.logmel import FRAMES, MELS, PRESETS, Preset, crop, logmel
from minidann.normalise import Features

VERSION = 1  # of the arithmetic and of the file's layout: a new number leaves old files unused


def extract(
    utterances: Sequence, cache: Path | str, preset: str = "paper", label: str = "features"
) -> Features:
    """The features of `utterances`, in their order: from the cache, or extracted into it.

    An utterance has `.path`, and `.start` and `.end` (seconds, or None for the whole recording).
    `cache` is a folder, made where it is missing; `label` heads the progress lines. A damaged
    file is said to be so and made again. Raises one UserError that names every bad utterance,
    and then leaves no file behind.
    """
    if not len(utterances):
        raise UserError(f"{label}: no utterances to take features from; check the corpus folder")
    if preset not in PRESETS:
        raise ValueError(f"expected a preset among {', '.join(PRESETS)}, received {preset!r}")
    digest = fingerprint(utterances, PRESETS[preset], label)
    file = Path(cache) / f"{digest}.features"
    if digest and file.is_file():
        try:
            return _load(file, len(utterances))
        except (OSError, EOFError, ValueError) as error:
            print(f"{label}: {file} is damaged ({error}); extracting again", file=sys.stderr)
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(temporary, utterances, preset, label)
            os.replace(temporary, file)  # a file that has its own name is a whole file
        finally:
            temporary.unlink(missing_ok=True)
        return _load(file, len(utterances))
    except OSError as error:
        raise UserError(
            f"{cache}: cannot keep features here ({error}); give another --cache DIR"
        ) from None


def fingerprint(utterances: Sequence, preset: Preset, label: str) -> str:
    """Name what the features depend on, in 32 letters; "" where a recording cannot be read.

    Each recording is gone through once, however many utterances lie in it.
    """
    contents = dict.fromkeys(Path(one.path) for one in utterances)  # each once, in order
    for path in progress(list(contents), len(contents), f"{label}: any changes?", "recordings"):
        content = hashlib.blake2b()
        try:
            with open(path, "rb") as file:
                while chunk := file.read(1 << 20):
                    content.update(chunk)
        except OSError:
            return ""  # reading the audio will say what is wrong, with this one and with others
        contents[path] = content.hexdigest()
    rows = [(contents[Path(one.path)], one.start, one.end) for one in utterances]
    everything = json.dumps([VERSION, asdict(preset), rows], default=float)
    return hashlib.blake2b(everything.encode(), digest_size=16).hexdigest()


def _write(file: Path, utterances: Sequence, preset: str, label: str) -> None:
    """Extract into `file`, utterance by utterance, with one recording in memory at a time.

    The utterances of one recording are expected to follow one another; where they do not, it is
    read again. The file is two .npy in a row, frames (total, 26) float32 and offsets (n+1,)
    int64, and then the CRC-32 of both.
    """
    # Linux's malloc hands freed memory back to the system, and gets it back page by page for the
    # next utterance, until it has seen a larger block come and go: two thirds of the time.
    np.empty(1 << 24, np.uint8)
    problems, offsets = [], [0]
    path = audio = None
    with open(file, "wb") as out:
        _write_header(out, FRAMES * len(utterances))  # the most it can be; put right below
        for one in progress(utterances, len(utterances), label, "utterances"):
            try:
                if one.path != path:
                    path, audio = one.path, None
                    audio = read_audio(path)  # (samples,)
                if audio is None:
                    continue  # this recording is on the list of problems
                part = cut(audio, one.start, one.end, path)  # (samples of the utterance,)
                where = path if one.start is None else f"{path} from {one.start:g} s"
                frames = crop(logmel(part, preset, where))  # (k, 26)
            except UserError as error:
                problems.append(str(error))
                continue
            out.write(frames.astype("<f4").tobytes())
            offsets.append(offsets[-1] + len(frames))
        if problems:
            raise UserError(listing(label, problems))
        np.save(out, np.array(offsets, "<i8"))
        out.seek(0)
        _write_header(out, offsets[-1])
    checksum = zlib.crc32(np.memmap(file, np.uint8, "r"))
    with open(file, "ab") as out:
        out.write(checksum.to_bytes(4, "little"))


def _write_header(file: BinaryIO, total: int) -> None:
    """The head of a .npy of (total, 26) float32. NumPy pads it to 128 bytes, whatever `total`."""
    shape = {"descr": "<f4", "fortran_order": False, "shape": (total, MELS)}
    np.lib.format.write_array_header_1_0(file, shape)


def _load(file: Path, count: int) -> Features:
    """Map a cache file of `count` utterances into memory; raise ValueError on any damage."""
    content = np.memmap(file, np.uint8, "r")
    if zlib.crc32(content[:-4]) != int.from_bytes(content[-4:].tobytes(), "little"):
        raise ValueError("its checksum differs")
    del content  # or its pages would count as memory in use beside those of `frames`
    frames = np.load(file, mmap_mode="r", allow_pickle=False)  # (total, 26), left on disk
    with open(file, "rb") as rest:
        rest.seek(frames.offset + frames.nbytes)
        offsets = np.load(rest, allow_pickle=False)  # (n+1,)
    if len(offsets) != count + 1:
        raise ValueError(f"expected {count} utterances, received {len(offsets) - 1}")
    return Features(frames, offsets, digest=file.stem)
