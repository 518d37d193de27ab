"""From dry speech to a recording: room, noise, band, level, silence, and the OGG file."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal
from voices import ESPEAK_HZ

WRITE_BLOCK = 16384  # samples a write; one call with minutes of audio can crash libsndfile
KNEE, PEAK = 0.45, 0.70  # peaks above KNEE are bent to stay below PEAK, for Opus overshoots
REVERB_LATE_S = 0.012  # the echoes begin this long after the direct sound


@dataclass(frozen=True)
class Conditions:
    """How a corpus was recorded. Levels are RMS in dB of full scale."""

    rate_hz: int  # sampling rate of the files
    room_s: float  # time in which the echoes fall by 60 dB
    room_db: float  # level of all echoes against the direct sound
    noise_db: float  # background noise in the room
    noise_slope_db: float  # its slope in dB per octave (negative: a rumble)
    line_noise_db: float  # white noise of the electronics, behind the band
    band_hz: tuple[float, float]  # what the microphone and the line let through
    level_db: float  # speech of an average speaker in an average mood
    seat_db: float  # standard deviation of level from one seat to the next
    gain_control: float  # share of the differences in level that is taken out, 0-1
    silence_s: tuple[float, float]  # shortest and longest silence at either end


# The conditions were chosen by looking at the models `base` and `mono` only, and frozen before
# the first run of `our` (README.md, "How the conditions were chosen").
STAGE = Conditions(
    rate_hz=16000,
    room_s=0.6,
    room_db=-2.0,
    noise_db=-55.0,
    noise_slope_db=-4.0,
    line_noise_db=-80.0,
    band_hz=(60.0, 7800.0),
    level_db=-33.0,
    seat_db=1.5,
    gain_control=0.0,
    silence_s=(0.10, 0.50),
)
HEADSET = Conditions(
    rate_hz=24000,
    room_s=0.12,
    room_db=-18.0,
    noise_db=-78.0,
    noise_slope_db=-1.0,
    line_noise_db=-83.0,
    band_hz=(250.0, 3600.0),
    level_db=-29.0,
    seat_db=2.0,
    gain_control=0.75,
    silence_s=(0.02, 0.12),
)


@dataclass(frozen=True)
class Seat:
    """One place in front of one microphone."""

    echoes: np.ndarray  # (k,) impulse response behind the direct sound
    gain_db: float


def take_seat(rng: np.random.Generator, conditions: Conditions) -> Seat:
    """A seat in the room: its echoes (exponentially decaying noise) and its distance."""
    length = max(int(conditions.room_s * ESPEAK_HZ), 1)
    seconds = np.arange(length) / ESPEAK_HZ
    echoes = rng.standard_normal(length) * 10 ** (-3 * seconds / conditions.room_s)
    echoes[seconds < REVERB_LATE_S * rng.uniform(0.5, 1.0)] = 0
    power = (echoes**2).sum()
    if power > 0:
        echoes *= 10 ** (conditions.room_db / 20) / np.sqrt(power)
    return Seat(echoes, float(rng.normal(0, conditions.seat_db)))


def control_gain(speech: np.ndarray, loudness_db: float, conditions: Conditions) -> np.ndarray:
    """Take the stated share of an utterance's loudness away, as a call's gain control does."""
    return speech * 10 ** (-conditions.gain_control * loudness_db / 20)


def record(
    rng: np.random.Generator, speech: np.ndarray, seat: Seat, conditions: Conditions
) -> np.ndarray:
    """Record `speech` (n,) at ESPEAK_HZ, RMS about 1; return float32 at `conditions.rate_hz`."""
    sound = speech + signal.fftconvolve(speech, seat.echoes)[: len(speech)]
    sound *= 10 ** ((conditions.level_db + seat.gain_db) / 20)
    sound += coloured_noise(rng, len(sound), conditions.noise_db, conditions.noise_slope_db)
    low, high = conditions.band_hz
    sound = signal.sosfilt(signal.butter(4, low, "high", fs=ESPEAK_HZ, output="sos"), sound)
    sound = signal.sosfilt(signal.butter(6, high, "low", fs=ESPEAK_HZ, output="sos"), sound)
    sound += 10 ** (conditions.line_noise_db / 20) * rng.standard_normal(len(sound))
    if conditions.rate_hz != ESPEAK_HZ:
        common = np.gcd(conditions.rate_hz, ESPEAK_HZ)
        sound = signal.resample_poly(sound, conditions.rate_hz // common, ESPEAK_HZ // common)
    return limit(sound).astype(np.float32)


def coloured_noise(
    rng: np.random.Generator, length: int, level_db: float, slope_db: float
) -> np.ndarray:
    """Noise (length,) of RMS `level_db` whose spectrum falls or rises by `slope_db` an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hz = np.fft.rfftfreq(length, 1 / ESPEAK_HZ)
    spectrum *= 10 ** (slope_db * np.log2(np.maximum(hz, 40) / 1000) / 20)
    noise = np.fft.irfft(spectrum, length)
    return noise * 10 ** (level_db / 20) / np.sqrt((noise**2).mean())


def limit(sound: np.ndarray) -> np.ndarray:
    """Bend peaks above KNEE smoothly so that none passes PEAK."""
    over = np.maximum(np.abs(sound) - KNEE, 0)
    room = PEAK - KNEE
    return np.sign(sound) * (np.minimum(np.abs(sound), KNEE) + room * np.tanh(over / room))


def write_ogg(
    path: Path, samples: np.ndarray, rate_hz: int, compression: float, serial: int
) -> None:
    """Write `samples` (n,) as Ogg Opus; `compression` from 0 (256 kb/s) to 1 (6 kb/s).

    Opus and not Vorbis, because each Vorbis file begins with a table of 3.4 kB, a fifth of a short
    utterance, and Vorbis needs half as many bits again for the rest. It knows the sampling rates
    8, 12, 16, 24 and 48 kHz only.

    `serial` numbers the stream. libsndfile draws that number at random, so two builds would
    never be the same bytes; here it is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(
        path, "w", rate_hz, 1, format="OGG", subtype="OPUS", compression_level=compression
    ) as file:
        for start in range(0, len(samples), WRITE_BLOCK):
            file.write(samples[start : start + WRITE_BLOCK])
    path.write_bytes(renumber(path.read_bytes(), serial))


def renumber(ogg: bytes, serial: int) -> bytes:
    """Give every page of an Ogg file the stream number `serial` and a fresh checksum.

    A page is "OggS", version, flags, position (8 bytes), serial (4), sequence (4), checksum (4),
    a count and that many segment lengths, then the segments.
    """
    out, start = [], 0
    while start < len(ogg):
        segments = ogg[start + 26]
        end = start + 27 + segments + sum(ogg[start + 27 : start + 27 + segments])
        page = bytearray(ogg[start:end])
        page[14:18] = serial.to_bytes(4, "little")
        page[22:26] = bytes(4)  # the checksum counts itself as zero
        page[22:26] = ogg_checksum(bytes(page)).to_bytes(4, "little")
        out.append(bytes(page))
        start = end
    return b"".join(out)


REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's polynomial, but most significant bit first, from 0, not inverted."""
    mirrored = zlib.crc32(page.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
