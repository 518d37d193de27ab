"""Files cut anywhere are refused, and whole files are not."""

import os
import sys

import numpy as np
import pytest
import soundfile
from corpus_trees import read_audio

from minidann.console import UserError
from minidann.sound.truncation import misfit
from minidann.train import DEMO

FORMATS = {"wav": "PCM_16", "ogg": "VORBIS", "flac": "PCM_16"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """{suffix: bytes} of the same second of noise."""
    folder = tmp_path_factory.mktemp("sound")
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000)
    content = {}
    for suffix, subtype in FORMATS.items():
        soundfile.write(folder / f"a.{suffix}", noise, 16000, subtype=subtype)
        content[suffix] = (folder / f"a.{suffix}").read_bytes()
    return content


@pytest.mark.parametrize("suffix", FORMATS)
def test_whole_files_are_read_and_cut_ones_refused(whole, suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(whole[suffix])
    assert misfit(path) is None
    assert len(read_audio(path)) == 16000
    for keep in (0.02, 0.3, 0.5, 0.9, 0.999):
        path.write_bytes(whole[suffix][: int(keep * len(whole[suffix]))])
        with pytest.raises(UserError, match="^(cut short|cannot be read as audio)"):
            read_audio(path)


def claiming(wav, length):
    """A WAV file whose header says that there are so many bytes of sound."""
    at = wav.index(b"data") + 4
    return wav[:at] + length.to_bytes(4, "little") + wav[at + 4 :]


@pytest.mark.parametrize("length", [0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 32044, 32036])
def test_a_wav_that_does_not_state_its_length_is_read(whole, length, tmp_path):
    """As espeak-ng, sox and others leave it when they write to a pipe, or with the header in it."""
    (tmp_path / "a.wav").write_bytes(claiming(whole["wav"], length))
    assert len(read_audio(tmp_path / "a.wav")) == 16000


CHUNK = b"note" + (5).to_bytes(4, "little") + b"hello"
BEHIND = {
    "a chunk": CHUNK,
    "a chunk filled up": CHUNK + b"\0",
    "two chunks": CHUNK + b"\0" + CHUNK,
    "a list whose length is wrong": b"LIST" + (500).to_bytes(4, "little") + b"INFO",
    "an ID3 tag": b"ID3\4" + bytes(range(100)),
    "an APE tag": b"APETAGEX" + bytes(range(100)),
    "zeros": bytes(3000),
    "one byte": b"\xff" * 500,
    "a few stray bytes": b"\1\2\3",
}


@pytest.mark.parametrize("kind", BEHIND)
def test_what_may_follow_the_sound(whole, kind, tmp_path):
    (tmp_path / "a.wav").write_bytes(whole["wav"] + BEHIND[kind])
    assert len(read_audio(tmp_path / "a.wav")) == 16000
    odd = claiming(whole["wav"][:-1], 31999)
    for padding in (b"\0", b""):  # some leave it out
        (tmp_path / "a.wav").write_bytes(odd + padding + BEHIND[kind])
        assert len(read_audio(tmp_path / "a.wav")) == 15999


@pytest.mark.parametrize(
    "sound",
    [
        b"\1\0" * 2000,
        b"LIST\4\0\0\0abcd" + b"\1\0" * 500,
        bytes(3000) + b"\1\0" * 500,
        CHUNK + b"\0" + b"\1\0" * 20,
    ],
)
def test_what_may_not_follow_the_sound(whole, sound, tmp_path):
    (tmp_path / "a.wav").write_bytes(whole["wav"] + sound)
    with pytest.raises(UserError, match=f"claims 32000 bytes of sound, and {len(sound)} more"):
        read_audio(tmp_path / "a.wav")


def test_a_wav_with_long_text_before_its_sound(whole, tmp_path):
    text = b"INFO" + 60 * (b"ICMT" + (80).to_bytes(4, "little") + 80 * b"x")
    chunk = b"LIST" + len(text).to_bytes(4, "little") + text
    content = whole["wav"][:12] + chunk + whole["wav"][12:]
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_audio(tmp_path / "a.wav")) == 16000
    (tmp_path / "a.wav").write_bytes(content[:-100])
    with pytest.raises(UserError, match="cut short: 31900 of its 32000"):
        read_audio(tmp_path / "a.wav")


def test_floating_point_somewhat_above_full_scale_is_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", 4 * np.sin(np.arange(16000)), 16000, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav")).max() == pytest.approx(4, abs=1e-3)


@pytest.mark.parametrize("count", [2, 4])
def test_channels_that_do_not_cancel(count, tmp_path):
    """One turned round at half the level is refused; unrelated and silent ones are not."""
    rng = np.random.default_rng(0)
    voice = 0.1 * rng.standard_normal((16000, count))
    soundfile.write(tmp_path / "a.wav", voice[:, :1] * np.tile([1, -0.5], count // 2), 16000)
    with pytest.raises(UserError, match=f"its {count} channels cancel"):
        read_audio(tmp_path / "a.wav")
    for fine in (voice, voice * ([1] + [0] * (count - 1))):
        soundfile.write(tmp_path / "a.wav", fine, 16000)
        assert len(read_audio(tmp_path / "a.wav")) == 16000


def test_a_wav_with_a_chunk_of_uneven_length_before_its_sound(whole, tmp_path):
    content = whole["wav"]
    chunk = b"junk" + (3).to_bytes(4, "little") + b"abc" + b"\0"  # filled up to an even place
    content = content[:12] + chunk + content[12:]
    (tmp_path / "a.wav").write_bytes(content)
    assert misfit(tmp_path / "a.wav") is None
    (tmp_path / "a.wav").write_bytes(content[:-100])
    assert "cut short" in misfit(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "bits",
    [
        {21: 0x0F},  # the highest bits of the number of samples
        {18: 0x17, 19: 0x70, 22: 0x80},  # less than a day, at 96 kHz, but too many for the file
    ],
)
def test_a_length_that_no_recording_has(whole, bits, tmp_path):
    """FLAC keeps 36 bits of it: a flipped one must not ask for gigabytes of memory."""
    content = bytearray(whole["flac"])
    for place, value in bits.items():
        content[place] = value | (content[place] & 0xF0 if place == 21 else 0)
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(UserError, match=r"says that it holds \d{10,11} samples"):
        read_audio(tmp_path / "a.flac")


def test_ogg_with_a_hole_in_it(tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal(160000)
    soundfile.write(tmp_path / "a.ogg", noise, 16000, subtype="VORBIS")
    pages = (tmp_path / "a.ogg").read_bytes().split(b"OggS")
    (tmp_path / "a.ogg").write_bytes(b"OggS".join(pages[:7] + pages[8:]))
    with pytest.raises(UserError, match="of its 160000 samples are there"):
        read_audio(tmp_path / "a.ogg")


def test_no_file_of_the_demo_is_misfit():
    files = list(DEMO.rglob("*.ogg"))
    assert len(files) > 800
    assert [path for path in files if misfit(path)] == []


@pytest.mark.parametrize("kind", ["RF64", "AIFF", "AU", "W64"])
def test_other_formats_are_refused_whatever_their_name(kind, tmp_path):
    """They can be read, but nobody would see that half of one is missing."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(1000), 16000, format=kind)
    with pytest.raises(UserError, match=f"is {kind} inside; convert it to WAV or FLAC"):
        read_audio(path)


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_both_orders_of_bytes(endian, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(1000), 16000, format="WAV", endian=endian)
    assert len(read_audio(path)) == 1000
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="cut short"):
        read_audio(path)


def test_samples_without_a_header(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(1000))
    with pytest.raises(UserError, match="cannot be read as audio .*convert it to WAV or FLAC"):
        read_audio(tmp_path / "a.raw")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"/annex/objects/MD5E-s9--0.wav", "is a pointer to the recording"),
        (b"\xef\xbb\xbf<HTML><head>", "is text, not sound"),
    ],
)
def test_what_a_failed_download_leaves(content, what, tmp_path):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(UserError, match=what):
        read_audio(tmp_path / "a.wav")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is text")
def test_a_name_that_is_not_text(whole, tmp_path):
    folder = tmp_path / os.fsdecode(b"Col\xe8re")
    folder.mkdir()
    (folder / "a.wav").write_bytes(whole["wav"])
    assert len(read_audio(folder / "a.wav")) == 16000
