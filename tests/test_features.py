"""Sound to network input: against two other programs, and against what can be worked out."""

import os
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from corpus_trees import read_audio

from minidann.console import UserError
from minidann.sound import features
from minidann.sound.audio import RATE, cut, decode, mono
from minidann.sound.features import extract
from minidann.sound.levelled import WINDOW, level_and_cut
from minidann.sound.logmel import FRAMES, HOP, MELS, PRESETS, crop, filterbank, logmel
from minidann.sound.normalise import from_frames, normalise_and_pad, windows_of
from minidann.sound.warnings import data_warnings

BESIDE = Path(__file__).parents[2] / "shared" / "corpora"
CORPORA = Path(os.environ.get("MINIDANN_CORPORA", BESIDE))


def noise(seconds=1.0, level=0.1, seed=0):
    """Made-up sound, (samples,) float32: noise that comes and goes, and a rising tone in it."""
    t = np.arange(round(seconds * RATE)) / RATE
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(len(t)) * np.sin(3 * t) ** 4 + np.sin(2000 * t * (1 + t))
    return (level * sound).astype(np.float32)


def write(path, audio, rate=RATE, subtype="FLOAT"):
    soundfile.write(path, audio, rate, subtype=subtype)
    return path


def whole(path):
    """An utterance that is a whole recording."""
    return SimpleNamespace(path=path, start=None, end=None)


def corpus(folder, seconds=(0.5, 1.0, 8.0)):
    """Recordings of made-up sound, as utterances."""
    return [whole(write(folder / f"{i}.wav", noise(s, seed=i))) for i, s in enumerate(seconds)]


def recordings():
    """Some real recordings: every 200th there is."""
    files = sorted(CORPORA.rglob("*.flac"))[::200]
    if not files:
        pytest.skip(f"no real recordings in {CORPORA}; set MINIDANN_CORPORA to a folder of FLAC")
    return [read_audio(file) for file in files]


def by_librosa(audio):
    librosa = pytest.importorskip("librosa", reason="librosa, the oracle, is not installed")
    mel = librosa.feature.melspectrogram(
        y=audio, sr=RATE, n_fft=512, hop_length=160, win_length=400, window="hamming",
        center=False, power=2, n_mels=26, fmin=0, fmax=8000, htk=True, norm=None,
    )  # fmt: skip
    return np.log(np.maximum(mel, 1e-10)).T


def by_psf(audio):
    psf = pytest.importorskip(
        "python_speech_features", reason="python_speech_features, the oracle, is not installed"
    )
    return psf.logfbank(audio, RATE, 0.025, 0.01, 26, 512, 0, 8000, preemph=0.97)


def by_loop(audio):
    """The `paper` preset as one would write it down, frame by frame."""
    frames = []
    for start in range(0, len(audio) - 399, 160):
        spectrum = np.fft.rfft(audio[start : start + 400] * np.hamming(400), 512)
        frames.append(np.abs(spectrum) ** 2 @ filterbank(PRESETS["paper"]))
    return np.log(np.maximum(frames, 1e-10))


ORACLES = {"paper": by_loop, "librosa": by_librosa, "psf": by_psf}


# Log-mel


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_gives_its_oracles_numbers_on_real_recordings(preset):
    for audio in recordings():
        expected = ORACLES[preset](audio.astype(np.float64))
        for dtype, error in ((np.float64, 1e-6), (np.float32, 3e-3 if preset == "psf" else 1e-4)):
            mel = logmel(audio.astype(dtype), preset)
            assert (mel.dtype, mel.shape) == (dtype, expected.shape)
            assert np.abs(mel - expected).max() < error


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("samples", [512, 561, 160_239, 160_240, 172_000])
def test_a_preset_gives_its_oracles_numbers_at_any_length(preset, samples):
    audio = noise(11).astype(np.float64)[:samples]
    audio[3000:9000] = 0  # digital silence
    expected = ORACLES[preset](audio)
    assert logmel(audio, preset).shape == expected.shape
    assert np.abs(logmel(audio, preset) - expected).max() < 1e-6


def test_silence_is_the_floor():
    silence = np.zeros(4000, np.float32)
    assert np.all(logmel(silence) == np.float32(np.log(1e-10)))
    assert np.all(logmel(silence, "psf") == np.log(np.float32(np.finfo(float).eps)))


def test_a_filter_answers_to_its_own_frequency():
    corner = 2595 * np.log10(1 + 8000 / 700) * np.arange(28) / 27
    hertz = 700 * (10 ** (corner / 2595) - 1)
    time = np.arange(RATE) / RATE
    for j in range(5, MELS):  # below, a filter is narrower than the window's main lobe
        assert logmel(np.sin(2 * np.pi * hertz[j + 1] * time)).mean(axis=0).argmax() == j


def test_logmel_takes_a_whole_frame_and_refuses_less():
    assert logmel(np.zeros(400, np.float32)).shape == (1, MELS)
    with pytest.raises(UserError, match=r"^399 samples \(0\.025 s\).* one frame of 400"):
        logmel(np.zeros(399, np.float32))
    with pytest.raises(UserError, match="of 512"):
        logmel(np.zeros(511, np.float32), "librosa")


@pytest.mark.parametrize(
    "count, first, last", [(1, 0, 0), (750, 0, 749), (751, 0, 749), (752, 1, 750), (1001, 125, 874)]
)
def test_crop_takes_the_middle(count, first, last):
    kept = crop(np.arange(count)[:, None])
    assert (kept[0, 0], kept[-1, 0], len(kept)) == (first, last, min(count, 750))


# Audio


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 96_000])
def test_resampling_keeps_frequency_and_level(tmp_path, rate):
    time = np.arange(rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time)
    audio = read_audio(write(tmp_path / "tone.wav", tone, rate))
    assert audio.dtype == np.float32
    assert len(audio) == RATE
    middle = slice(2000, -2000)  # the filter rings at both ends
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    assert np.abs(audio - expected)[middle].max() < 0.002


def test_resampling_takes_out_what_16_khz_cannot_hold():
    tone = np.sin(2 * np.pi * 15_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(mono(tone[:, None], 48_000)[1000:-1000]).max() < 0.01


def test_stereo_is_the_mean_of_its_channels(tmp_path):
    channels = np.stack([noise(seed=1), noise(seed=2)], axis=1)
    audio = read_audio(write(tmp_path / "stereo.wav", channels))
    assert np.allclose(audio, channels.mean(axis=1), atol=1e-7)


def test_times_in_milliseconds_are_refused():
    audio = np.zeros(RATE)
    assert len(cut(audio, 0.5, 9.9)) == RATE // 2
    with pytest.raises(UserError, match="end 500 s is far beyond the recording.* milliseconds"):
        cut(audio, None, 500)


def test_a_part_is_the_whole_cut_by_hand(tmp_path):
    path = write(tmp_path / "long.wav", noise(3), 44_100)
    audio = read_audio(path)
    for start, end, samples in (
        (0.25, 0.8, slice(4000, 12_800)),
        (0.25, None, slice(4000, None)),
        (None, 0.5, slice(8000)),
        (0.5, len(audio) / RATE + 0.4, slice(8000, None)),
    ):
        assert np.array_equal(read_audio(path, start, end), audio[samples])


# Normalisation and padding


def log_mel_like(lengths, seed=0):
    """Made-up utterances, (k, 26) float32 each, with another mean and standard deviation a bin."""
    rng = np.random.default_rng(seed)
    bins = np.arange(1, MELS + 1)
    return [(-bins + bins / 5 * rng.standard_normal((k, MELS))).astype(np.float32) for k in lengths]


def test_real_frames_have_mean_0_and_variance_1():
    lengths = [3, 750, 120, 900]
    corpus = from_frames(log_mel_like(lengths))
    assert corpus.lengths.tolist() == [3, 750, 120, 750]
    batch = corpus.batch(range(4))
    real = np.concatenate([batch[i, :k] for i, k in enumerate(corpus.lengths)])
    assert np.abs(real.mean(axis=0)).max() < 1e-5
    assert np.abs(real.std(axis=0) - 1).max() < 1e-5
    assert batch.mean(axis=(0, 1)).max() < -0.3  # padding, which took no part, pulls it down


def test_statistics_are_exact_over_blocks(monkeypatch):
    utterances = [frames + np.float32(1000) for frames in log_mel_like([700] * 10)]
    frames = np.concatenate(utterances).astype(float)
    monkeypatch.setattr("minidann.sound.normalise.BLOCK", 999)
    corpus = from_frames(utterances)
    assert np.allclose(corpus.mean, frames.mean(axis=0), rtol=1e-7)
    assert np.allclose(corpus.std, frames.std(axis=0), rtol=1e-6)
    assert corpus.mean.dtype == corpus.std.dtype == np.float32


def test_padding_is_at_the_end_and_is_the_utterances_own_minimum():
    utterances = log_mel_like([3, 749, 750])
    corpus = from_frames(utterances)
    before, batch = corpus.frames.copy(), corpus.batch([1, 0, 2, 0])
    assert (batch.shape, batch.dtype) == ((4, FRAMES, MELS), np.float32)
    assert np.array_equal(corpus.frames, before)
    for x, row in zip(batch, [1, 0, 2, 0]):
        count = len(utterances[row])
        normal = (utterances[row] - corpus.mean) / corpus.std
        assert np.allclose(x[:count], normal, atol=1e-5)
        assert np.all(x[count:] == x[:count].min(axis=0))  # to the bit, so that ties are ties
        alone = normalise_and_pad(utterances[row], corpus.mean, corpus.std)
        assert np.array_equal(alone, x)


def test_a_bin_that_never_changes_becomes_zeros():
    utterances = log_mel_like([30, 40])
    for frames in utterances:
        frames[:, 5] = np.log(1e-10)
    corpus = from_frames(utterances)
    assert corpus.std[0, 5] == 1
    assert np.abs(corpus.batch([0, 1])[:, :, 5]).max() < 1e-5


def test_by_speaker_each_is_normalised_with_its_own_frames():
    utterances, speakers = log_mel_like([30, 40, 50]), np.array(["b", "a", "b"])
    corpus = from_frames(utterances)
    own = corpus.by_speaker(speakers)
    for row, mates in enumerate([[0, 2], [1], [0, 2]]):
        frames = np.concatenate([utterances[i] for i in mates])
        normal = (utterances[row] - frames.mean(axis=0)) / frames.std(axis=0)
        (x,) = own.batch([row])
        assert np.allclose(x[: len(normal)], normal, atol=1e-4)
        assert np.all(x[len(normal) :] == x[: len(normal)].min(axis=0))
    assert corpus.mean.shape == (1, MELS) and own.mean.shape == (2, MELS)
    alone = corpus.by_speaker(np.array(["a"] * 3))
    assert np.array_equal(alone.batch([0, 1, 2]), corpus.batch([0, 1, 2]))


# The input "levelled"


def test_levelled_has_neither_level_nor_silence():
    sound = noise(2.0)
    faded = sound * np.hanning(len(sound)).astype(np.float32)
    plain = level_and_cut(logmel(faded))
    assert 100 < len(plain) < 198
    assert np.allclose(level_and_cut(logmel(np.float32(0.1) * faded)), plain, atol=1e-3)
    silence = np.zeros(7 * HOP, np.float32)
    around = level_and_cut(logmel(np.concatenate([silence, faded, silence, silence])))
    assert np.array_equal(around, plain)
    # Where sound begins at once, two frames at either end reach into the silence.
    for seconds, moves in ((0.5, 0.13), (2.0, 0.04)):
        whole, around = noise(seconds), np.pad(noise(seconds), 7 * HOP)
        whole, around = level_and_cut(logmel(whole)), level_and_cut(logmel(around))
        before = np.round((len(around) - len(whole)) / 2).astype(int)
        assert 0 <= len(around) - len(whole) <= 4
        assert np.abs(around[before:][: len(whole)] - whole).max() < moves
    energy = np.log(np.exp(plain.astype(float)).sum(axis=1))
    assert abs(energy[energy > energy.max() - np.log(1000)].mean()) < 1e-4


def test_levelled_windows_are_tiled_and_start_anywhere_in_training_alone():
    utterances = [frames + 5 * np.sin(np.arange(len(frames)))[:, None].astype(np.float32)
                  for frames in log_mel_like([40, 500])]  # fmt: skip
    corpus = from_frames(utterances, "levelled")
    normal = [(corpus.raw(i) - corpus.mean) / corpus.std for i in range(2)]
    batch = corpus.batch([0, 1])
    assert (batch.shape, batch.dtype) == ((2, WINDOW, MELS), np.float32)
    short, long = corpus.lengths
    assert np.array_equal(batch[0], np.resize(normal[0], (WINDOW, MELS)))
    first = (long - WINDOW) // 2
    assert np.array_equal(batch[1], normal[1][first : first + WINDOW])
    starts = corpus.batch([0, 0, 1, 1], rng=np.random.default_rng(0))
    again = corpus.batch([0, 0, 1, 1], rng=np.random.default_rng(0))
    assert np.array_equal(starts, again) and not np.array_equal(starts[0], starts[1])
    at = [np.flatnonzero((normal[1] == x[0]).all(axis=1))[0] for x in starts[2:]]
    for x, start in zip(starts[2:], at):
        assert np.array_equal(x, np.roll(normal[1], -start, axis=0)[:WINDOW])
    pieces = windows_of(utterances[1], corpus.mean[0], corpus.std[0], "levelled")
    assert pieces.lengths.tolist() == [WINDOW, long - WINDOW]
    windows = zip(pieces.batch([0, 1]), pieces.lengths)
    assert np.array_equal(np.concatenate([x[:count] for x, count in windows]), normal[1])


# Extraction and cache


def extracted(utterances, cache, *args, **options):
    """The features of utterances of which none is bad."""
    got = extract(utterances, cache, *args, **options)
    assert got.bad == {} and list(got.sounds) == list(range(len(utterances)))
    return got.features


def same(first, second):
    return np.array_equal(first.frames, second.frames) and first.lengths.tolist() == (
        second.lengths.tolist()
    )


def test_extraction_keeps_the_order_and_crops(tmp_path):
    utterances = corpus(tmp_path)[::-1]
    got = extracted(utterances, tmp_path / "new" / "cache")
    assert len(got) == 3
    assert got.lengths.tolist() == [750, 98, 48]
    for i, utterance in enumerate(utterances):
        assert np.array_equal(got.raw(i), crop(logmel(read_audio(utterance.path))))


def test_a_hit_decodes_nothing_and_is_mapped(tmp_path, monkeypatch):
    utterances, cache = corpus(tmp_path), tmp_path / "cache"
    first = extracted(utterances, cache)
    written = {path: path.read_bytes() for path in cache.iterdir()}
    assert {path.name for path in written} == {f"{first.digest}.f32", f"{first.digest}.json"}
    assert np.array_equal(
        np.fromfile(cache / f"{first.digest}.f32", np.float32), first.frames.ravel()
    )
    monkeypatch.setattr(features, "decode", None)
    second = extracted(utterances, cache)
    assert same(first, second) and first.digest == second.digest
    assert {path: path.read_bytes() for path in cache.iterdir()} == written
    assert np.array_equal(first.batch([2, 0]), second.batch([2, 0]))
    owner = second.frames
    while not isinstance(owner, np.memmap):
        owner = owner.base
    assert not owner.flags.writeable


def test_the_key_is_content_preset_times_and_order(tmp_path):
    utterances, cache = corpus(tmp_path), tmp_path / "cache"
    digests = {extracted(utterances, cache).digest}
    utterances[0].path = utterances[0].path.rename(tmp_path / "renamed.wav")
    assert extracted(utterances, cache).digest in digests  # a name is no content
    assert extracted(utterances, cache, input="levelled").digest in digests  # the same recordings
    digests.add(extracted(utterances, cache, "psf").digest)
    digests.add(extracted(utterances[::-1], cache).digest)
    utterances[2].start = 0.5
    digests.add(extracted(utterances, cache).digest)
    utterances[2].start, utterances[2].end = None, 0.5
    digests.add(extracted(utterances, cache).digest)
    write(utterances[0].path, noise(0.5, seed=9))
    digests.add(extracted(utterances, cache).digest)
    assert len(digests) == 6


@pytest.mark.parametrize(
    "suffix, damage",
    [
        ("f32", lambda content: content[:-1] + bytes([content[-1] ^ 1])),
        ("json", lambda content: content[:-50]),
        ("json", lambda content: content.replace(b'"bad": []', b'"bad": [[0, ""]]')),
        ("json", lambda content: b"[]"),
    ],
)
def test_a_damaged_file_is_made_again(tmp_path, capsys, suffix, damage):
    utterances, cache = corpus(tmp_path), tmp_path / "cache"
    entry = cache / extracted(utterances, cache).digest
    file = entry.with_suffix(f".{suffix}")
    good = file.read_bytes()
    file.unlink()  # the features above keep their own
    file.write_bytes(damage(good))
    extracted(utterances, cache, label="EMO-DB")
    assert file.read_bytes() == good
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"EMO-DB: {entry} is damaged (") and line.endswith("extracting again")


def test_an_entry_under_the_name_of_another_is_made_again(tmp_path, capsys):
    utterances, cache = corpus(tmp_path), tmp_path / "cache"
    right, wrong = extracted(utterances, cache), extracted(utterances[:2], cache)
    for suffix in (".f32", ".json"):
        os.replace(cache / f"{wrong.digest}{suffix}", cache / f"{right.digest}{suffix}")
    assert same(extracted(utterances, cache), right)
    assert "is damaged (its checksum differs)" in capsys.readouterr().err


def test_what_a_kill_left_in_the_cache_is_removed_after_a_day(tmp_path):
    old, new = tmp_path / "cache/unfinished-old", tmp_path / "cache/unfinished-new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    extracted(corpus(tmp_path), tmp_path / "cache")
    assert new.exists() and not old.exists()


@pytest.mark.parametrize("written", [".f32", ".json"])
def test_a_kill_while_an_entry_is_moved(tmp_path, monkeypatch, capsys, written):
    """The JSON is moved last: without it there is no entry, and with it there is all of it."""
    utterances, cache = corpus(tmp_path), tmp_path / "cache"
    move = os.replace

    def killed(source, target):
        move(source, target)
        if str(target).endswith(written):
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        extract(utterances, cache)
    monkeypatch.setattr(os, "replace", move)
    decoded = []
    monkeypatch.setattr(features, "decode", lambda path: decoded.append(path) or decode(path))
    assert len(extracted(utterances, cache)) == 3
    assert len(decoded) == (3 if written == ".f32" else 0)
    assert len(list(cache.iterdir())) == 2 and capsys.readouterr().err == ""


def test_parts_of_one_recording(tmp_path, monkeypatch):
    path = write(tmp_path / "P16.wav", noise(10), 44_100)
    times = [(0.1, 0.9), (2.5, 3.0), (1.0, 1.513)]
    parts = [SimpleNamespace(path=path, start=a, end=b) for a, b in times]
    reads = []
    monkeypatch.setattr(features, "decode", lambda p: reads.append(p) or decode(p))
    got = extracted(parts, tmp_path / "cache")
    assert reads == [path]  # read and resampled once
    for i, (a, b) in enumerate(times):
        expected = logmel(read_audio(path)[round(a * RATE) : round(b * RATE)])
        assert np.array_equal(got.raw(i), expected)


def test_bad_utterances_are_reported_and_left_out(tmp_path):
    utterances, cache = corpus(tmp_path), tmp_path / "cache"
    missing = tmp_path / "missing.wav"
    late, tiny = (
        SimpleNamespace(path=utterances[0].path, start=a, end=b) for a, b in ((7, 8), (0.2, 0.21))
    )
    rows = [utterances[0], whole(missing), utterances[1], late, tiny]
    for _ in range(2):  # extracted, then from the cache
        got = extract(rows, cache)
        assert list(got.sounds) == [0, 2] and got.sounds[2].seconds == 1
        assert np.array_equal(got.features.frames, extracted(utterances[:2], cache).frames)
        assert got.bad[1].startswith("cannot be read (")
        assert got.bad[3].startswith("no part from 7 to 8 s in a recording of ")
        assert got.bad[4].startswith("160 samples (0.010 s) are less than one frame")
    only_bad = extract([whole(missing)], cache)
    assert only_bad.features is None and list(only_bad.bad) == [0]
    write(missing, noise(0.5))  # put right: another content, another entry
    assert list(extract(rows, cache).sounds) == [0, 1, 2]


def test_data_warnings_are_the_same_from_the_cache(tmp_path):
    first, silent, loud = corpus(tmp_path)
    write(silent.path, np.zeros(RATE))
    write(loud.path, np.clip(30 * noise(1), -1, 1), 22_050)
    rows = [first, whole(tmp_path / "missing.wav"), silent, loud, first]
    expected = {"clipping": [[3]], "zeros": [[2]], "rate": [[3]], "duplicate": [[0, 4]]}
    for _ in range(2):
        found = data_warnings(extract(rows, tmp_path / "cache").sounds)
        for what, groups in expected.items():
            assert [found[warning] for warning in found if what in warning] == [groups]


def peak_memory(work):
    """The most that NumPy and Python held at once during `work()`, in bytes."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_extraction_holds_one_recording_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("minidann.sound.normalise.BLOCK", 1000)
    two = corpus(tmp_path, [7.0, 8.0])
    few = peak_memory(lambda: extracted(two, tmp_path / "cache"))
    many = peak_memory(lambda: extracted(two * 30, tmp_path / "cache"))  # 29 MB of sound
    assert many < few + 1e6


def test_a_long_recording_needs_a_block_beyond_itself():
    minutes = np.zeros(600 * RATE, np.float32)  # 60 blocks, 6 MB of features
    few = peak_memory(lambda: logmel(minutes[: 20 * RATE]))  # two blocks, 0.2 MB of features
    assert peak_memory(lambda: logmel(minutes)) < few + 8e6
