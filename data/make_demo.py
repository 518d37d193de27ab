"""Build the two demo corpora: synthetic speech in the layouts of IEMOCAP and RECOLA.

    python data/make_demo.py                        # rebuilds data/demo, in a few minutes
    python data/make_demo.py --out other_demo --seed 1

Needs the program eSpeak NG (Debian: espeak-ng), and numpy, scipy and soundfile. The same seed and
the same versions of these give the same bytes. How the corpora came about: README.md, beside this.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ratings
import recording
import voices
from recording import HEADSET, STAGE, Conditions
from voices import ESPEAK_HZ, Speaker

HERE = Path(__file__).resolve().parent

ENGLISH, FRENCH = 1, 2  # first word of each corpus's random streams

# Third word of a random stream. Utterance i speaks from stream i and is recorded from stream
# RECORDING + i; what is drawn once a corpus lies between the two.
PLAN, RATERS, SEATS, TURNS, CALLS = (10**6 + n for n in (0, 1, 2, 10, 10))
RECORDING = 10**6 + 100

# No variant (behind the plus) speaks both languages.
ENGLISH_VOICES = {
    "1F": "en-us+f1",
    "1M": "en-us+m3",
    "2F": "en-gb+f3",
    "2M": "en-gb-x-rp+m1",
    "3F": "en-us+Annie",
    "3M": "en-us+boris",
    "4F": "en-gb-scotland+shelby",
    "4M": "en-us+m7",
    "5F": "en-us+steph",
    "5M": "en-gb-x-gbclan+m5",
}
FRENCH_VOICES = {
    "P16": "fr-fr+f2",
    "P17": "fr-fr+m2",
    "P19": "fr-ch+f4",
    "P21": "fr-be+m4",
    "P23": "fr-fr+f5",
    "P26": "fr-ch+m6",
    "P28": "fr-be+linda",
    "P30": "fr-fr+m8",
    "P37": "fr-fr+aunty",
    "P41": "fr-fr+Denis",
    "P43": "fr-be+belinda",
    "P56": "fr-ch+Nguyen",
}

# English: sizes in proportion to IEMOCAP's 1819, 1811, 2136, 2103 and 2170 utterances.
SESSION_SIZES = {1: 147, 2: 146, 3: 172, 4: 170, 5: 175}
DIALOGS = (
    "F_impro01",
    "F_impro02",
    "F_script01_1",
    "M_impro01",
    "M_impro02",
    "M_script01_1",
    "M_script02_1",
)
POINTS_THRESHOLD = 2.5  # a mean of at most this is low or negative
LOW_AROUSAL, NEGATIVE = 3121 / 10039, 5356 / 10039  # IEMOCAP's shares
CATEGORICAL_RATERS = ("C-E2", "C-E3", "C-E4")
POINT_RATERS = ("A-E2", "A-E3", "A-E4")
THIRD_RATER = 0.12  # share of the utterances that all three raters rate

# French: RECOLA's shares, and its six raters as its files name them, spaces included.
FRENCH_UTTERANCES = 420
HIGH_AROUSAL, POSITIVE = 788 / 1308, 1063 / 1308
SLIDER_HEADER = "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"
SLIDER_RATERS = 6

# Durations in seconds: log-normal, median and standard deviation of the logarithm.
ENGLISH_SECONDS = (3.25, 0.85)  # IEMOCAP: median 3.52, 14% above 7.5 s
FRENCH_SECONDS = (3.1, 0.70)
SECONDS_RANGE = (0.6, 30.0)
LETTERS_PER_SECOND = {ENGLISH: 16.0, FRENCH: 19.0}  # of eSpeak NG at a middling rate
BREAK_S = 0.5  # what a pause between two sentences adds
GAP_S = 0.9  # mean pause between two utterances of a conversation

COMPRESSION = 0.945  # of Ogg Opus: about 21 kb/s

SYNTHETIC = """Synthetic demo corpus of minidann: spoken by eSpeak NG, rated by no human.
{name} is only its layout on disk; see data/README.md.
"""


@dataclass
class Utterance:
    """One utterance on its way from plan to file."""

    number: int  # in its corpus: seeds its random stream
    speaker: Speaker
    conversation: str
    sentences: list[str]
    mood: np.ndarray  # (2,) arousal and valence in standard deviations
    speech: np.ndarray | None = None  # dry speech at ESPEAK_HZ
    loudness_db: float = 0.0


def main() -> None:
    """Parse the command line and build both corpora."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE / "demo",
        help="folder for the two corpora; theirs in it are replaced (default: data/demo)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    args = parser.parse_args()
    if shutil.which(voices.ESPEAK) is None:
        sys.exit(
            complain(
                f"the program {voices.ESPEAK} is missing: install it (on Debian: "
                f"apt-get install {voices.ESPEAK}) and try again"
            )
        )
    try:
        build_english(args.out / "iemocap", args.seed)
        build_french(args.out / "recola", args.seed)
    except RuntimeError as error:
        sys.exit(complain(str(error)))


def complain(message: str) -> int:
    """Print one line for the person at the keyboard; return the exit code."""
    print(f"error: {message}", file=sys.stderr)
    return 2


def stream(seed: int, corpus: int, number: int) -> np.random.Generator:
    """A generator of its own for every purpose, so that one change does not move the rest."""
    return np.random.default_rng([seed, corpus, number])


def read_sentences(path: Path) -> list[str]:
    """The lines of `path` without comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def fill(
    rng: np.random.Generator, sentences: list[str], seconds: float, letters_per_second: float
) -> list[str]:
    """Draw sentences that together last about `seconds`."""
    left, chosen = seconds * letters_per_second, []
    while left > 0:
        fitting = [s for s in sentences if len(s) <= 1.1 * left and s not in chosen]
        if not fitting:
            break
        # One sentence of about the right length, or several for what no sentence can fill.
        longest = sorted(fitting, key=len)[-12:]
        chosen.append(longest[rng.integers(len(longest))])
        left -= len(chosen[-1]) + BREAK_S * letters_per_second
    return chosen or [min(sentences, key=len)]


def draw_seconds(rng: np.random.Generator, spread: tuple[float, float]) -> float:
    """A duration from the log-normal distribution with (median, log_std) `spread`."""
    median, log_std = spread
    return float(np.clip(median * np.exp(log_std * rng.standard_normal()), *SECONDS_RANGE))


def plan(
    seed: int,
    corpus: int,
    conversations: list[tuple[str, list[str]]],
    voice_of: dict,
    sentences: list[str],
    spread: tuple[float, float],
) -> list[Utterance]:
    """Lay out a corpus: `conversations` are (name, the speaker's name for each utterance)."""
    rng = stream(seed, corpus, PLAN)
    speakers = voices.cast(rng, voice_of)
    mood = iter(ratings.moods(rng, [len(turns) for _, turns in conversations]))
    planned = []
    for name, turns in conversations:
        for who in turns:
            text = fill(rng, sentences, draw_seconds(rng, spread), LETTERS_PER_SECOND[corpus])
            planned.append(Utterance(len(planned), speakers[who], name, text, next(mood)))
    return planned


def say(seed: int, corpus: int, planned: list[Utterance]) -> Iterator[Utterance]:
    """Let eSpeak NG speak every utterance; report progress on stderr."""
    for utterance in planned:
        rng = stream(seed, corpus, utterance.number)
        delivery = voices.deliver(rng, utterance.speaker, *utterance.mood)
        utterance.speech = voices.speak(utterance.speaker, utterance.sentences, delivery)
        utterance.loudness_db = delivery.loudness_db
        done = utterance.number + 1
        if done % 50 == 0 or done == len(planned):
            print(f"\r{done}/{len(planned)} utterances", end="", file=sys.stderr, flush=True)
        yield utterance
    print(file=sys.stderr)


def silent(speech: np.ndarray, before_s: float, after_s: float) -> np.ndarray:
    """`speech` with silence at both ends."""
    return np.pad(speech, (round(before_s * ESPEAK_HZ), round(after_s * ESPEAK_HZ)))


# ---- English, in IEMOCAP's layout ----------------------------------------------------------------


def english_turns(rng: np.random.Generator) -> list[tuple[str, list[str]]]:
    """Five sessions of seven dialogs; in each, a woman and a man speak by turns."""
    dialogs = []
    for session, size in SESSION_SIZES.items():
        cuts = np.linspace(0, size, len(DIALOGS) + 1).round().astype(int)
        for dialog, count in zip(DIALOGS, np.diff(cuts)):
            who, turns = dialog[0], []
            for _ in range(count):
                turns.append(f"{session}{who}")
                if rng.random() < 0.75:  # else the same speaker goes on
                    who = "M" if who == "F" else "F"
            dialogs.append((f"Ses{session:02d}{dialog}", turns))
    return dialogs


def english_names(planned: list[Utterance]) -> list[str]:
    """Number the utterances by dialog and speaker: Ses01F_impro01_F000."""
    counts, names = {}, []
    for utterance in planned:
        key = f"{utterance.conversation}_{utterance.speaker.name[-1]}"
        names.append(f"{key}{counts.get(key, 0):03d}")
        counts[key] = counts.get(key, 0) + 1
    return names


def rate_english(seed: int, planned: list[Utterance]) -> np.ndarray:
    """Points (n, 3 dimensions, 3 raters): valence, activation, dominance; NaN: did not rate."""
    rng = stream(seed, ENGLISH, RATERS)
    mood = np.array([u.mood for u in planned])
    present = np.ones((len(planned), len(POINT_RATERS)), dtype=bool)
    pair_only = rng.random(len(planned)) > THIRD_RATER
    present[np.flatnonzero(pair_only), rng.integers(len(POINT_RATERS), size=pair_only.sum())] = 0
    arousal, valence = mood.T
    dominance = 0.6 * arousal + 0.8 * rng.standard_normal(len(planned))
    rated = [
        ratings.rate_in_points(rng, scale, present, POINTS_THRESHOLD, share)
        for scale, share in ((valence, NEGATIVE), (arousal, LOW_AROUSAL), (dominance, 0.3))
    ]
    return np.stack(rated, axis=1)


def category(rng: np.random.Generator, mood: np.ndarray) -> tuple[str, str]:
    """A category that goes with a mood, as IEMOCAP abbreviates and spells it."""
    arousal, valence = mood + 0.4 * rng.standard_normal(2)
    if np.hypot(arousal, valence) < 0.7:
        return "neu", "Neutral"
    if arousal > 0:
        return ("exc", "Excited") if valence > 0 else ("ang", "Anger")
    return ("hap", "Happiness") if valence > 0 else ("sad", "Sadness")


def evaluation_block(
    rng: np.random.Generator,
    name: str,
    start: float,
    end: float,
    mood: np.ndarray,
    points: np.ndarray,
) -> str:
    """One utterance in an EmoEvaluation file: the line of means, then a line a rater."""
    short, long = category(rng, mood)
    means = ", ".join(f"{mean:.4f}" for mean in np.nanmean(points, axis=1))
    lines = [f"[{start:.4f} - {end:.4f}]\t{name}\t{short}\t[{means}]"]
    lines += [
        f"{rater}:\t{category(rng, mood)[1] if rng.random() < 0.4 else long};\t()"
        for rater in CATEGORICAL_RATERS
    ]
    for rater, (val, act, dom) in zip(POINT_RATERS, points.T):
        if not np.isnan(val):
            lines.append(f"{rater}:\tval {val:.0f}; act {act:.0f}; dom  {dom:.0f};\t()")
    return "\n".join(lines) + "\n"


def build_english(out: Path, seed: int, conditions: Conditions = STAGE) -> None:
    """Write the English corpus to `out`, in IEMOCAP's layout."""
    fresh_folder(out, "IEMOCAP")
    planned = plan(
        seed,
        ENGLISH,
        english_turns(stream(seed, ENGLISH, TURNS)),
        ENGLISH_VOICES,
        read_sentences(HERE / "sentences_en.txt"),
        ENGLISH_SECONDS,
    )
    names, points = english_names(planned), rate_english(seed, planned)
    seats_rng = stream(seed, ENGLISH, SEATS)
    seats = {who: recording.take_seat(seats_rng, conditions) for who in ENGLISH_VOICES}
    clocks: dict[str, float] = {}
    blocks: dict[str, dict[str, str]] = {}
    for utterance in say(seed, ENGLISH, planned):
        name, dialog = names[utterance.number], utterance.conversation
        rng = stream(seed, ENGLISH, RECORDING + utterance.number)
        speech = recording.control_gain(utterance.speech, utterance.loudness_db, conditions)
        speech = silent(speech, *rng.uniform(*conditions.silence_s, size=2))
        samples = recording.record(rng, speech, seats[utterance.speaker.name], conditions)
        session = f"Session{int(dialog[3:5])}"
        recording.write_ogg(
            out / session / "sentences" / "wav" / dialog / f"{name}.ogg",
            samples,
            conditions.rate_hz,
            COMPRESSION,
            serial=ENGLISH * 10**6 + utterance.number,
        )
        start = clocks.get(dialog, 5.0) + rng.exponential(GAP_S)
        end = clocks[dialog] = start + len(samples) / conditions.rate_hz
        file = f"{session}/dialog/EmoEvaluation/{dialog}.txt"
        blocks.setdefault(file, {})[name] = evaluation_block(
            rng, name, start, end, utterance.mood, points[utterance.number]
        )
        utterance.speech = None  # an hour of audio need not stay
    for file, by_name in blocks.items():
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        header = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
        (out / file).write_text(
            header + "\n".join(by_name[name] for name in sorted(by_name)), encoding="utf-8"
        )


# ---- French, in RECOLA's layout ------------------------------------------------------------------


@dataclass
class Conversation:
    """One participant's side of a call, ready to be written."""

    name: str
    timings: np.ndarray  # (n, 2) start and stop of the utterances, seconds
    times: np.ndarray  # (frames,) of the annotation, seconds
    traces: dict[str, np.ndarray]  # dimension -> (frames, raters), not centred yet


def french_turns() -> list[tuple[str, list[str]]]:
    """One side of a call each: every participant speaks as often as the others."""
    each = FRENCH_UTTERANCES // len(FRENCH_VOICES)
    return [(who, [who] * each) for who in FRENCH_VOICES]


def lay_out(
    seed: int, spoken: list[Utterance], conditions: Conditions
) -> tuple[np.ndarray, np.ndarray]:
    """Put utterances on a time line; return the sound at ESPEAK_HZ and the timings (n, 2)."""
    parts, timings, clock = [], [], 0
    for utterance in spoken:
        rng = stream(seed, FRENCH, RECORDING + utterance.number)
        gap = round((0.4 + rng.exponential(GAP_S - 0.4)) * ESPEAK_HZ)
        before, after = (rng.uniform(*conditions.silence_s, size=2) * ESPEAK_HZ).round().astype(int)
        speech = recording.control_gain(utterance.speech, utterance.loudness_db, conditions)
        parts += [np.zeros(gap + before), speech, np.zeros(after)]
        start = clock + gap
        clock = start + before + len(speech) + after
        timings.append((start, clock))
    parts.append(np.zeros(ESPEAK_HZ // 2))
    return np.concatenate(parts), np.array(timings) / ESPEAK_HZ


def build_french(out: Path, seed: int, conditions: Conditions = HEADSET) -> None:
    """Write the French corpus to `out`, in RECOLA's layout."""
    fresh_folder(out, "RECOLA")
    planned = plan(
        seed,
        FRENCH,
        french_turns(),
        FRENCH_VOICES,
        read_sentences(HERE / "sentences_fr.txt"),
        FRENCH_SECONDS,
    )
    rng = stream(seed, FRENCH, RATERS)
    seats_rng = stream(seed, FRENCH, SEATS)
    by_name: dict[str, list[Utterance]] = {}
    for utterance in say(seed, FRENCH, planned):
        by_name.setdefault(utterance.conversation, []).append(utterance)
    conversations = []
    for number, (name, spoken) in enumerate(by_name.items()):
        sound, timings = lay_out(seed, spoken, conditions)
        samples = recording.record(
            stream(seed, FRENCH, CALLS + number),
            sound,
            recording.take_seat(seats_rng, conditions),
            conditions,
        )
        recording.write_ogg(
            out / "RECOLA-Audio-recordings" / f"{name}.ogg",
            samples,
            conditions.rate_hz,
            COMPRESSION,
            serial=FRENCH * 10**6 + number,
        )
        times = np.arange(0, len(sound) / ESPEAK_HZ, ratings.FRAME_S)
        mood = np.array([u.mood for u in spoken])
        traces = {
            dimension: ratings.trace(
                rng, times, timings.mean(axis=1), mood[:, column], SLIDER_RATERS
            )
            for column, dimension in enumerate(("arousal", "valence"))
        }
        conversations.append(Conversation(name, timings.round(2), times, traces))
    for dimension, share in (("arousal", HIGH_AROUSAL), ("valence", POSITIVE)):
        bias = ratings.SLIDER_BIAS * rng.standard_normal(SLIDER_RATERS)
        labels = [label for c in conversations for label in utterance_means(c, dimension, bias)]
        shift = ratings.centre(np.array(labels), share)
        for conversation in conversations:
            write_trace(out, conversation, dimension, bias + shift)
    for conversation in conversations:
        write_rows(
            out / "RECOLA-Audio_timings" / f"{conversation.name}.csv",
            "start;stop",
            [f"{start:.2f};{stop:.2f}" for start, stop in conversation.timings],
        )


def utterance_means(conversation: Conversation, dimension: str, bias: np.ndarray) -> list[float]:
    """The mean over an utterance's frames and all raters, for every utterance."""
    times, trace = conversation.times, conversation.traces[dimension] + bias
    return [
        float(trace[(times >= start) & (times <= stop)].mean())
        for start, stop in conversation.timings
    ]


def write_trace(out: Path, conversation: Conversation, dimension: str, shift: np.ndarray) -> None:
    """Write one participant's annotation in one dimension, two decimals a value."""
    trace = np.clip(conversation.traces[dimension] + shift, -1, 1).round(2) + 0.0  # no "-0.00"
    rows = [
        f"{time:.2f};" + ";".join(f"{value:.2f}" for value in values)
        for time, values in zip(conversation.times, trace)
    ]
    write_rows(
        out / "RECOLA-Annotation" / "emotional_behaviour" / dimension / f"{conversation.name}.csv",
        SLIDER_HEADER,
        rows,
    )


def write_rows(path: Path, header: str, rows: list[str]) -> None:
    """Write a text file of a header and rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="ascii")


def fresh_folder(out: Path, name: str) -> None:
    """Make `out` anew. What is there is removed only if it is a demo corpus."""
    marker = out / "SYNTHETIC.txt"
    if out.exists():
        if any(out.iterdir()) and not marker.exists():
            sys.exit(
                complain(
                    f"{out} is not empty and no demo corpus (it has no SYNTHETIC.txt): "
                    f"choose another --out"
                )
            )
        shutil.rmtree(out)
    out.mkdir(parents=True)
    marker.write_text(SYNTHETIC.format(name=name), encoding="ascii")


if __name__ == "__main__":
    main()
