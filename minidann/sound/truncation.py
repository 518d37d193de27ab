"""Does a WAV or Ogg file hold what it says? Half of one still plays, and would train unnoticed.

So would the first half of a file whose header claims less than there is. A FLAC file that is cut
short cannot be decoded, and needs no such look.
"""

import mmap
import struct
from pathlib import Path
from typing import BinaryIO

FIRST_PAGE, LAST_PAGE = 2, 4  # bits in an Ogg page's flags: a stream begins, ends with it
LONGEST_PAGE = 27 + 255 + 255 * 255  # bytes
UNKNOWN = 0x7FFFF000  # lengths from here on are what programs that write to a pipe put down
TAGS = (b"ID3", b"TAG", b"APET", b"LYRI")  # not in chunks, but put behind a file as it was
COPY = "copy it again, or, where that gives the same file, convert it to WAV or FLAC"


def misfit(path: Path) -> str | None:
    """What shows that `path` holds less or more sound than would be read, and what to do; or None.

    Formats other than WAV and Ogg: None. Raises OSError where the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] in (b"RIFF", b"RIFX") and head[8:] == b"WAVE":
            return _wav(file, "<" if head[:4] == b"RIFF" else ">")
        if head[:4] == b"OggS":
            return _ogg(file)
    return None


def _wav(file: BinaryIO, order: str) -> str | None:
    """RIFF: chunks one after the other, each with its name and its length; `data` has the sound.

    `order` of a length's bytes: "<", or ">" in the rare RIFX.
    """
    size = file.seek(0, 2)
    place = 12
    while chunk := _chunk(file, place, order):
        name, length = chunk
        place += 8
        if name == b"data":
            break
        place += length + length % 2  # chunks begin at even places
    else:
        return f"cut short: it ends before its sound begins; {COPY}"
    there = size - place
    # Some programs put down the size of the file, or RIFF's: all of the sound is there.
    if length >= UNKNOWN or length in (size, size - 8):
        return None
    if there < length:
        return f"cut short: {there} of its {length} bytes of sound are there; {COPY}"
    if any(_no_sound_from(file, place + length + gap, order) for gap in (length % 2, 0)):
        return None
    return (
        f"its header claims {length} bytes of sound, and {there - length} more lie behind them; "
        "convert it with `ffmpeg -ignore_length 1 -i OLD.wav NEW.wav`, which reads all of them"
    )


def _chunk(file: BinaryIO, place: int, order: str) -> tuple[bytes, int] | None:
    """The name and the length of the chunk that begins at `place`; None where none does."""
    file.seek(place)
    head = file.read(8)
    if len(head) < 8:
        return None
    return struct.unpack(f"{order}4sI", head)


def _no_sound_from(file: BinaryIO, place: int, order: str) -> bool:
    """Whether from `place` to the end there are only chunks without sound, a tag, or one byte."""
    size = file.seek(0, 2)
    while chunk := _chunk(file, place, order):
        name, length = chunk
        if name.startswith(TAGS) or (name == b"LIST" and place + 8 + length > size):
            return True
        if name == 4 * name[:1]:  # perhaps the file was filled up with one byte
            file.seek(place)
            return all(not b.strip(name[:1]) for b in iter(lambda: file.read(1 << 20), b""))
        if name == b"data" or not (name.isascii() and name.decode().isprintable()):
            return False
        place += 8 + length + length % 2
    return place <= size + 1  # the last chunk need not be filled up to an even place


def _ogg(file: BinaryIO) -> str | None:
    """Ogg: pages, each with the lengths of its pieces. Only the first stream would be read."""
    streams, place, whole = 0, 0, False
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (place := content.find(b"OggS", place)) >= 0:
            flags, count = content[place + 5 : place + 6], content[place + 26 : place + 27]
            lengths = content[place + 27 : place + 27 + sum(count)]  # 255: the piece goes on
            end = place + 27 + len(lengths) + sum(lengths)
            whole = len(lengths) == sum(count) and place + 27 <= end <= len(content)
            whole = whole and (bool(flags[0] & LAST_PAGE) or lengths[-1:] != b"\xff")
            streams += bool(sum(flags) & FIRST_PAGE)
            place = end
    if streams > 1:
        return (
            f"holds {streams} streams, as a recording that was paused does, of which only the "
            "first would be read; convert it to WAV with a program that reads all, such as ffmpeg"
        )
    return None if whole else f"cut short: its last page is missing; {COPY}"


def says_its_end(path: Path) -> bool:
    """False for an Ogg file whose last page is not marked as the last: more may have followed."""
    with open(path, "rb") as file:
        if file.read(4) != b"OggS":
            return True
        file.seek(max(0, file.seek(0, 2) - LONGEST_PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    return bool(page[5] & LAST_PAGE)
