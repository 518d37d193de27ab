"""Does a WAV or Ogg file hold what it says? Half of one still plays, and would train unnoticed.

So would the first half of a file whose header claims less than there is. libsndfile reads both
without a complaint. A FLAC file that is cut short cannot be decoded, and needs no such look.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path

LAST_PAGE = 4  # a bit in an Ogg page's flags: a stream ends with it
UNKNOWN = 0x7FFFF000  # lengths from here on are what programs that write to a pipe put down
TAGS = (b"ID3", b"TAG", b"APET", b"LYRI")  # not in chunks, but put behind a file as it was
COPY = "copy it again, or, where that gives the same file, convert it to WAV or FLAC"


def misfit(path: Path) -> str | None:
    """What shows that `path` holds less or more sound than would be read, and what to do; or None.

    Formats other than WAV and Ogg: None. Raises OSError where the file cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[:4] in (b"RIFF", b"RIFX"):
            return _wav(content, "<" if content[:4] == b"RIFF" else ">")  # order of its bytes
        return _ogg(content) if content[:4] == b"OggS" else None


def _chunks(content: mmap.mmap, place: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a RIFF file from `place` on: name, and where its bytes begin and end."""
    while place + 8 <= len(content):
        name, length = struct.unpack_from(f"{order}4sI", content, place)
        yield name, place + 8, place + 8 + length
        place += 8 + length + length % 2  # chunks begin at even places


def _wav(content: mmap.mmap, order: str) -> str | None:
    size, chunks = len(content), _chunks(content, 12, order)
    begin, end = next((places for name, *places in chunks if name == b"data"), (size, size))
    length, there = end - begin, size - begin
    # Some programs put down the size of the file, or RIFF's: all of the sound is there.
    if length >= UNKNOWN or length in (size, size - 8):
        return None
    if there < length:
        return f"cut short: {there} of its {length} bytes of sound are there; {COPY}"
    if any(_no_sound_from(content, place, order) for place in (end, end + length % 2)):
        return None
    return (
        f"its header claims {length} bytes of sound, and {there - length} more lie behind them; "
        "convert it with `ffmpeg -ignore_length 1 -i OLD.wav NEW.wav`, which reads all of them"
    )


def _no_sound_from(content: mmap.mmap, place: int, order: str) -> bool:
    """Whether from `place` to the end there are only chunks without sound, a tag, or one byte."""
    for name, begin, end in _chunks(content, place, order):
        if name.startswith(TAGS) or (name == b"LIST" and end > len(content)):
            return True
        if name == 4 * name[:1]:  # perhaps the file was filled up with one byte
            return not content[begin:].strip(name[:1])
        if name == b"data" or not (name.isascii() and name.decode().isprintable()):
            return False
        place = end
    return place <= len(content)


def _ogg(content: mmap.mmap) -> str | None:
    """Ogg: pages, each with the lengths of its pieces. Only the first stream would be read."""
    streams = len(re.findall(rb"OggS\0[\2\3\6\7]", content))  # pages that begin a stream
    if streams > 1:
        return (
            f"holds {streams} streams, as a recording that was paused does, of which only the "
            "first would be read; convert it to WAV with a program that reads all, such as ffmpeg"
        )
    count, *lengths = content[content.rfind(b"OggS") + 26 :] or [0]
    end = content.rfind(b"OggS") + 27 + count + sum(lengths[:count])
    whole = count and end <= len(content)
    return None if whole else f"cut short: its last page is missing; {COPY}"


def says_its_end(path: Path) -> bool:
    """False for an Ogg file whose last page is not marked as the last: more may have followed."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content[:4] != b"OggS" or bool(content[content.rfind(b"OggS") + 5] & LAST_PAGE)
