"""From a sentence, a speaker and a mood to dry speech: eSpeak NG, steered by six cues.

The six cues are rate, pitch, pitch range, loudness, vocal effort and pauses. Arousal drives all
of them; valence drives them too, but more weakly and with more noise. eSpeak NG speaks the
sentence with the wanted rate, pitch, pitch range and pauses; vocal effort (the tilt of the
spectrum) and loudness are put on afterwards.
"""

import subprocess
from dataclasses import dataclass
from html import escape

import numpy as np

ESPEAK = "espeak-ng"
ESPEAK_HZ = 22050  # sampling rate of everything eSpeak NG says
ESPEAK_AMPLITUDE = 50  # of 200: quiet enough that no voice clips inside eSpeak NG
WAV_HEADER_BYTES = 44  # eSpeak NG's WAV header on standard output has this fixed length
PITCH_PER_SEMITONE = 5.8  # steps of eSpeak's 0-99 pitch scale that make a semitone, measured

# What one unit of a cue does to the voice.
RATE_STEP = 0.11  # natural log of the speaking rate
PITCH_STEP = 1.6  # semitones
RANGE_STEP = 0.35  # natural log of the pitch range
LOUDNESS_STEP = 3.5  # dB
EFFORT_STEP = 1.2  # dB per octave of spectral tilt
PAUSE_STEP = 0.35  # natural log of the length of pauses

# How much of each cue comes from arousal and from valence (both in standard deviations), and how
# far a speaker strays from that by chance. In the order of CUES.
CUES = ("rate", "pitch", "range", "loudness", "effort", "pause")
AROUSAL_WEIGHTS = np.array([0.9, 1.0, 0.8, 1.15, 1.05, -0.9])
VALENCE_WEIGHTS = np.array([0.1, 0.5, 0.6, -0.2, -0.5, -0.2])
CUE_NOISE = 0.5  # standard deviation of each cue's own noise, in units of the cue
AROUSAL_NOISE = 0.2  # of the mood as shown against as felt, in standard deviations
VALENCE_NOISE = 0.75

BASE_PAUSE_MS = 320  # between two sentences, before the pause cue


@dataclass(frozen=True)
class Speaker:
    """One voice and its habits."""

    name: str
    voice: str  # eSpeak NG language and variant, "fr-fr+f2"
    rate_wpm: float  # words per minute
    pitch: float  # eSpeak's 0-99 scale
    loudness_db: float
    effort_db: float  # dB per octave
    expressiveness: float  # how much of a mood reaches the voice; 1 is average


@dataclass(frozen=True)
class Delivery:
    """How one utterance is spoken."""

    rate_wpm: float
    pitch: float  # eSpeak's 0-99 scale
    range_percent: float  # 100 is eSpeak's own intonation
    loudness_db: float
    effort_db: float  # dB per octave
    pause_ms: float


def cast(rng: np.random.Generator, voices: dict[str, str]) -> dict[str, Speaker]:
    """Give each of `voices` (name -> eSpeak voice) habits of its own."""
    return {
        name: Speaker(
            name,
            voice,
            rate_wpm=float(rng.normal(168, 9)),
            pitch=float(rng.normal(48, 6)),
            loudness_db=float(rng.normal(0, 1.2)),
            effort_db=float(rng.normal(0, 0.5)),
            expressiveness=float(rng.uniform(0.7, 1.3)),
        )
        for name, voice in voices.items()
    }


def deliver(rng: np.random.Generator, speaker: Speaker, arousal: float, valence: float) -> Delivery:
    """Turn a mood (in standard deviations of its corpus) into the way an utterance is spoken."""
    shown_arousal = speaker.expressiveness * arousal + rng.normal(0, AROUSAL_NOISE)
    shown_valence = speaker.expressiveness * valence + rng.normal(0, VALENCE_NOISE)
    cues = AROUSAL_WEIGHTS * shown_arousal + VALENCE_WEIGHTS * shown_valence
    rate, pitch, width, loudness, effort, pause = cues + rng.normal(0, CUE_NOISE, len(CUES))
    return Delivery(
        rate_wpm=float(np.clip(speaker.rate_wpm * np.exp(RATE_STEP * rate), 90, 320)),
        pitch=float(np.clip(speaker.pitch + PITCH_PER_SEMITONE * PITCH_STEP * pitch, 0, 99)),
        range_percent=float(np.clip(100 * np.exp(RANGE_STEP * width), 15, 300)),
        loudness_db=float(speaker.loudness_db + LOUDNESS_STEP * loudness),
        effort_db=float(np.clip(speaker.effort_db + EFFORT_STEP * effort, -4, 4)),
        pause_ms=float(BASE_PAUSE_MS * np.exp(PAUSE_STEP * pause)),
    )


def ssml(sentences: list[str], delivery: Delivery) -> str:
    """Mark up `sentences` with the pitch range and with a break between one and the next."""
    pause = f'<break time="{delivery.pause_ms:.0f}ms"/>'
    text = f" {pause} ".join(escape(sentence, quote=False) for sentence in sentences)
    return f'<speak><prosody range="{delivery.range_percent:.0f}%">{text}</prosody></speak>'


def speak(speaker: Speaker, sentences: list[str], delivery: Delivery) -> np.ndarray:
    """Say `sentences`; return samples (n,) at ESPEAK_HZ, float64, silence cut off both ends.

    The loudness of the result is that of `delivery` around an average of 0 dB (an RMS of 1 while
    speaking), so it is no waveform to write to a file yet: a recording gives it its level.
    """
    command = [
        ESPEAK,
        "-m",
        "-b",
        "1",
        "-v",
        speaker.voice,
        "-s",
        f"{delivery.rate_wpm:.0f}",
        "-p",
        f"{delivery.pitch:.0f}",
        "-a",
        str(ESPEAK_AMPLITUDE),
        "--stdout",
        ssml(sentences, delivery),
    ]
    said = subprocess.run(command, capture_output=True, check=False)
    samples = np.frombuffer(said.stdout[WAV_HEADER_BYTES:], dtype="<i2") / 32768
    if said.returncode or not samples.any():
        reason = said.stderr.decode(errors="replace").strip() or "no sound came out"
        raise RuntimeError(
            f"{ESPEAK} could not say {sentences[0]!r} with the voice {speaker.voice}: {reason}"
        )
    samples = tilt(trim(samples), delivery.effort_db)
    return samples / speech_rms(samples) * 10 ** (delivery.loudness_db / 20)


def trim(samples: np.ndarray) -> np.ndarray:
    """Cut what is below 1% of the peak (-40 dB) off both ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def tilt(samples: np.ndarray, db_per_octave: float) -> np.ndarray:
    """Tilt the spectrum around 1 kHz, between 250 Hz and 6 kHz, level beyond.

    An effortful voice closes the glottis faster and so has more high frequencies; a soft one has
    fewer. This is the cue that no gain and no automatic level control can undo.
    """
    hz = np.fft.rfftfreq(len(samples), 1 / ESPEAK_HZ)
    octaves = np.log2(np.clip(hz, 250, 6000) / 1000)
    return np.fft.irfft(np.fft.rfft(samples) * 10 ** (db_per_octave * octaves / 20), len(samples))


def speech_rms(samples: np.ndarray) -> float:
    """RMS of the loud parts: of the 20 ms frames within 30 dB of the loudest."""
    size = ESPEAK_HZ // 50
    frames = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    power = (frames**2).mean(axis=1)
    return float(np.sqrt(power[power > 1e-3 * power.max()].mean()))
