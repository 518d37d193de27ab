"""Log-mel energies of a corpus, in memory and from its files, against other packages.

    python tests/benchmarks/logmel.py --threads 1

EMO-DB, or the demo's French corpus where `MINIDANN_CORPORA` has no EMO-DB. All packages are given
the same parameters: 25 ms, 10 ms, 512 points, 26 filters from 0 to 8000 Hz; python_speech_features
and Kaldi emphasise high frequencies first, and the former has no window, as they do unless told not
to. All take turns, each in a process of its own; the median of each counts. In memory all use one
thread, whatever `--threads` says, but for BLAS's. From files, minidann's figure is all that
`extract` does into an empty cache, with the search for data warnings; against it
stands reading the files alone, in a plain loop and with the same threads.
"""

import argparse
import contextlib
import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from machine import describe, real, with_threads

# isort: split
import numpy as np
import soundfile
from turns import Program, take_turns

from minidann import corpora
from minidann.sound import audio, features
from minidann.sound.logmel import logmel
from minidann.train import DEMO

PACKAGES = {"librosa": "librosa", "python_speech_features": "psf", "kaldi_native_fbank": "kaldi"}


def corpus():
    there = real("emodb")
    return corpora.load("emodb", there) if there else corpora.load("recola", DEMO / "recola")


def sounds() -> list[np.ndarray]:
    """Every recording, mono at 16 kHz."""
    paths = dict.fromkeys(one.path for one in corpus().utterances)
    return [audio.mono(*audio.decode(Path(path))) for path in paths]


def ours():
    every = sounds()
    return lambda: [logmel(one) for one in every]


def librosa():
    from librosa.feature import melspectrogram

    given = {
        "sr": 16000, "n_fft": 512, "hop_length": 160, "win_length": 400, "window": "hamming",
        "center": False, "n_mels": 26, "fmin": 0, "fmax": 8000, "htk": True, "norm": None,
    }  # fmt: skip
    every = sounds()
    return lambda: [np.log(np.maximum(melspectrogram(y=one, **given), 1e-10)) for one in every]


def psf():
    from python_speech_features import logfbank

    given = 16000, 0.025, 0.01, 26, 512, 0, 8000
    every = sounds()
    return lambda: [logfbank(one, *given) for one in every]


def kaldi():
    import kaldi_native_fbank

    given = kaldi_native_fbank.FbankOptions()
    given.frame_opts.dither, given.frame_opts.window_type = 0, "hamming"
    given.mel_opts.num_bins, given.mel_opts.low_freq, given.mel_opts.high_freq = 26, 0, 8000
    every = sounds()

    def one_of(sound):
        bank = kaldi_native_fbank.OnlineFbank(given)
        bank.accept_waveform(16000, sound)
        bank.input_finished()
        return np.array([bank.get_frame(i) for i in range(bank.num_frames_ready)])

    return lambda: [one_of(one) for one in every]


def extraction():
    utterances = corpus().utterances

    def work():
        with tempfile.TemporaryDirectory() as cache, contextlib.redirect_stderr(io.StringIO()):
            features.extract(utterances, cache)

    return work


def reading(threads: int):
    paths = list(dict.fromkeys(one.path for one in corpus().utterances))

    def read(path):
        return soundfile.read(path, dtype="float32")

    if threads == 1:
        return lambda: [read(path) for path in paths]
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(read, paths))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="of all sides")
    parser.add_argument("--turns", type=int, default=7, help="of every program")
    args = parser.parse_args()
    with_threads(args.threads)
    there = {name: short for name, short in PACKAGES.items() if find_spec(name)}
    for name in PACKAGES.keys() - there.keys():
        print(f"{name} is not installed: left out")
    versions = {name: version(name) for name in there}
    print(describe(**versions, threads=args.threads))
    every = sounds()
    minutes = sum(map(len, every)) / 16000 / 60
    print(f"{corpus().title}: {len(every)} recordings, {minutes:.1f} minutes")
    memory = {"minidann": (ours, ())} | {
        name: (globals()[short], ()) for name, short in there.items()
    }
    files = {"minidann's extraction": (extraction, ()), "reading alone, a loop": (reading, (1,))}
    if args.threads > 1:
        files["reading alone, in threads"] = (reading, (args.threads,))
    for what, programs in (("in memory", memory), ("from files", files)):
        running = {name: Program() for name in programs}
        for name, (make, given) in programs.items():
            running[name].prepare(make, *given)
        times = take_turns(running, args.turns, 1)
        taken = {name: float(np.median(every)) for name, every in times.items()}
        for program in running.values():
            program.end()
        first, *others = taken
        for name, seconds in taken.items():
            print(
                f"{what:12} {name:26} {seconds:6.3f} s  {seconds / taken[first]:5.2f} of minidann"
            )
        if what == "in memory" and others:
            fastest = min(others, key=taken.get)
            print(f"RATIO in memory {taken[fastest] / taken[first]:.2f}  ({fastest})")
        for other in others if what == "from files" else ():
            print(f"RATIO from files {taken[first] / taken[other]:.2f}  ({other})")


if __name__ == "__main__":
    main()
