"""Small corpora for tests, in the layouts and with the exceptions of the real ones."""

from pathlib import Path

import numpy as np
import soundfile

from minidann.sound.audio import cut, decode, mono

# The lines of two real-looking label files: votes with free text, a mean of exactly 2.5, a valence
# of 5.5, a man who speaks in a dialog named after the woman.
IMPRO = """\
% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E4:\tOther;\t([sarcastic], caf\u00e9)
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  3;\t(mixed [see above])

[10.0100 - 11.3925]\tSes01F_impro01_M003\tang\t[1.5000, 4.0000, 3.5000]
A-E3:\tval 1; act 4; dom  3;\t()
"""
SCRIPT = """\
% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[0.5000 - 34.6000]\tSes02M_script01_1_F000\thap\t[5.5000, 2.6667, 0.5000]
"""


def sound(path: Path, seconds=0.6, rate=16000, channels=1, seed=0, level=0.05) -> Path:
    """Write noise in the format that the suffix says."""
    shape = (round(seconds * rate), channels)
    samples = level * np.random.default_rng(seed).standard_normal(shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written through an open file: the suffix's case would otherwise matter.
    kind = path.suffix[1:].upper()
    with open(path, "wb") as file:
        soundfile.write(file, samples.clip(-1, 1), rate, format=kind)
    return path


def read_audio(path: Path, start=None, end=None) -> np.ndarray:
    """A recording, or a part of it, as features are taken from it."""
    return cut(mono(*decode(Path(path))), start, end)


def text(path: Path, content: str, encoding="utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode(encoding))
    return path


def replace(path: Path, old: str, new: str) -> None:
    """Put `new` in the place of `old` in a text file, which has it."""
    before = path.read_bytes().decode("latin-1")
    assert old in before, f"{path}: no {old!r} in it"
    text(path, before.replace(old, new), "latin-1")


def iemocap(root: Path) -> Path:
    """Three utterances of two sessions, and what is not to be read. Returns the release folder."""
    tree = root / "IEMOCAP_full_release"
    labels = tree / "Session1/dialog/EmoEvaluation"
    wav = tree / "Session1/sentences/wav/Ses01F_impro01"
    # Latin-1, as a rater typed it; Windows line ends.
    text(labels / "Ses01F_impro01.txt", IMPRO, "latin-1")
    text(labels / "._Ses01F_impro01.txt", "[\x00\x05\x16\x07 not text")
    text(labels / "Attribute/Ses01F_impro01_e3.txt", "[val 3")
    sound(wav / "Ses01F_impro01_F000.wav")
    sound(wav / "Ses01F_impro01_M003.FLAC", rate=44100, seed=1)
    text(wav / "._Ses01F_impro01_F000.wav", "\x00")
    session2 = tree / "Session2"
    script = SCRIPT.replace("\n", "\r\n")
    text(session2 / "dialog/EmoEvaluation/Ses02M_script01_1.txt", script)
    wav = session2 / "sentences/wav/Ses02M_script01_1/Ses02M_script01_1_F000.ogg"
    sound(wav, channels=2, seed=2)
    return tree


HEADER = "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"  # with blanks, as the real ones


def ratings(frames=50, first=0.0, raters=6) -> str:
    """An annotation file: at time t rater r gives first + t + 0.1 r."""
    names = ";".join(HEADER.split(";")[: raters + 1])
    rows = []
    for n in range(frames):
        t = 0.04 * n
        rows.append(";".join([f"{t:.2f}", *(f"{first + t + 0.1 * r:.4f}" for r in range(raters))]))
    return "\n".join([names, *rows]) + "\n"


def recola(root: Path) -> Path:
    """Two participants with two utterances and one, and a third without annotation."""
    recordings, timings = root / "RECOLA-Audio-recordings", root / "RECOLA-Audio_timings"
    sound(recordings / "P16.wav", 2.0, rate=44100, channels=2)
    sound(recordings / "P17.flac", 2.0, seed=1)
    sound(recordings / "P18.wav", 0.5, seed=2)
    text(recordings / "._P16.wav", "\x00\x05")
    text(timings / "._P16.csv", "\x00\x05")
    text(timings / "P16.csv", "start;stop\n0.08;0.16\n0.50;1.50\n")
    text(timings / "P17.csv", "start;stop\r\n1.00;2.00\r\n")
    text(timings / "P18.csv", "start;stop\n0.00;0.40\n")
    annotation = root / "RECOLA-Annotation/emotional_behaviour"
    text(annotation / "arousal/P16.csv", ratings())
    text(annotation / "valence/P16.csv", ratings(first=-1.0))
    text(annotation / "arousal/P17.csv", ratings(first=-2.0))
    text(annotation / "valence/P17.csv", ratings(first=-0.5, raters=5))
    return root


def named(root: Path, names: list[str]) -> Path:
    """A folder of recordings of an acted corpus."""
    for seed, name in enumerate(names):
        sound(root / name, 0.1, seed=seed)
    return root
