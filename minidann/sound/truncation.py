"""Does a WAV or Ogg file hold what it says? Half of one still plays, and would train unnoticed.

So would the first half of a file whose header claims less than there is. libsndfile reads both
without a complaint, but writes what it met into its log. A FLAC file that is cut short cannot be
decoded, and needs no such look.
"""

import re

UNKNOWN = 0x7FFFF000  # lengths from here on are what programs that write to a pipe put down
TAGS = (b"ID3", b"TAG", b"APET", b"LYRI")  # not in chunks, but put behind a file as it was
COPY = "copy it again, or, where that gives the same file, convert it to WAV or FLAC"


def misfit(content: bytes, log: str) -> str | None:
    """What shows that a file holds less or more sound than would be read, and what to do; or None.

    `content` are its bytes, and `log` is what libsndfile wrote of them.
    """
    data = re.search(r"data : (\d+)( \(should be (\d+)\))?", log)
    if content[:4] == b"OggS":
        streams = len(re.findall(rb"OggS\0[\2\3\6\7]", content))  # pages that begin a stream
        if streams > 1:
            return (
                f"holds {streams} streams, as a recording that was paused does, of which only the "
                "first would be read; convert it to WAV with a program such as ffmpeg"
            )
        return f"cut short: its last page is missing; {COPY}" if "Junk after" in log else None
    if content[:3] != b"RIF":
        return None
    if not data:  # the log has room for 2000 characters
        return f"holds no sound, or too much text before it; {COPY}"
    claimed, there = int(data[1]), data[3]
    # Some programs put down the size of the file, or RIFF's: all of the sound is there.
    if there and claimed < UNKNOWN and claimed not in (len(content), len(content) - 8):
        return f"cut short: {there} of its {claimed} bytes of sound are there; {COPY}"
    strange = re.search(r"(?:Unknown chunk marker.*|Have 0 marker) at position (\d+)", log)
    behind = content[int(strange[1]) :] if strange else b""
    # A few stray bytes are no sound, and perhaps the file was filled up with one byte.
    if len(behind) > 8 and not behind.startswith(TAGS) and behind.strip(behind[:1]):
        return (
            f"its header claims {claimed} bytes of sound, and {len(behind)} more lie behind them; "
            "convert it with `ffmpeg -ignore_length 1 -i OLD.wav NEW.wav`, which reads all of them"
        )
    return None
