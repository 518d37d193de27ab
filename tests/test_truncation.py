"""Files cut anywhere are refused, and whole files are not."""

import numpy as np
import pytest
import soundfile
from corpus_trees import read_audio

from minidann.console import UserError
from minidann.sound.truncation import cut_short
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
    assert cut_short(path) is None
    assert len(read_audio(path)) == 16000
    for keep in (0.02, 0.3, 0.5, 0.9, 0.999):
        path.write_bytes(whole[suffix][: int(keep * len(whole[suffix]))])
        with pytest.raises(UserError, match="^(cut short|cannot be read as audio)"):
            read_audio(path)


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_wav_that_does_not_state_its_length_is_read(whole, length, tmp_path):
    """As espeak-ng, sox and others leave it when they write to a pipe."""
    content = bytearray(whole["wav"])
    at = content.index(b"data") + 4
    content[at : at + 4] = length.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert cut_short(tmp_path / "a.wav") is None


def test_a_wav_with_a_chunk_of_uneven_length_before_its_sound(whole, tmp_path):
    content = whole["wav"]
    chunk = b"junk" + (3).to_bytes(4, "little") + b"abc" + b"\0"  # filled up to an even place
    content = content[:12] + chunk + content[12:]
    (tmp_path / "a.wav").write_bytes(content)
    assert cut_short(tmp_path / "a.wav") is None
    (tmp_path / "a.wav").write_bytes(content[:-100])
    assert "cut short" in cut_short(tmp_path / "a.wav")


def test_a_length_that_no_recording_has(whole, tmp_path):
    content = bytearray(whole["flac"])
    content[21] |= 0x0F  # the highest bits of the number of samples
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(UserError, match=r"says that it holds \d{11} samples"):
        read_audio(tmp_path / "a.flac")


def test_no_file_of_the_demo_is_cut_short():
    files = list(DEMO.rglob("*.ogg"))
    assert len(files) > 800
    assert [path for path in files if cut_short(path)] == []


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
