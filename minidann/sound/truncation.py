"""Was a sound file cut short? Half of a WAV or Ogg file still plays, and would train unnoticed.

A FLAC file that is cut short cannot be decoded, and needs no such look.
"""

import struct
from pathlib import Path

OGG_PAGE = 27 + 255 + 255 * 255  # bytes: the longest page that the format allows
LAST_PAGE = 4  # the bit in a page's flags that says so
UNKNOWN = 0x7FFFF000  # lengths from here on, and 0, are what programs that write to a pipe put down


def cut_short(path: Path) -> str | None:
    """What shows that the file `path` is not whole, or None; formats other than WAV and Ogg: None.

    Raises OSError where it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        size = file.seek(0, 2)
        if head[:4] in (b"RIFF", b"RIFX") and head[8:] == b"WAVE":
            return _wav(file, size, "<" if head[:4] == b"RIFF" else ">")
        if head[:4] == b"OggS":
            file.seek(max(0, size - OGG_PAGE))
            return _ogg(file.read())
    return None


def _wav(file, size: int, order: str) -> str | None:
    """RIFF: chunks one after the other, each with its name and its length; `data` has the sound.

    `order` of a length's bytes: "<", or ">" in the rare RIFX.
    """
    place = 12
    while place + 8 <= size:
        file.seek(place)
        name, length = struct.unpack(f"{order}4sI", file.read(8))
        if name == b"data":
            there = size - place - 8
            if length == 0 or length >= UNKNOWN or there >= length:
                return None
            return f"cut short: {there} of its {length} bytes of sound are there"
        place += 8 + length + length % 2  # chunks begin at even places
    return "cut short: it ends before its sound begins"


def _ogg(tail: bytes) -> str | None:
    """Ogg: pages, each with the lengths of its pieces; the last one is marked as the last."""
    page = tail[tail.rfind(b"OggS") :]
    pieces = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(pieces)
    if whole and page[5] & LAST_PAGE:
        return None
    return "cut short: its last page is missing"
