"""What Table 1 costs at the paper's size: time and memory of a run of each kind, hours for all.

    python tests/benchmarks/paper_size.py

As many utterances as IEMOCAP (10,039) and RECOLA (1,308), with durations drawn like IEMOCAP's
(0.58 to 34.1 s, median 3.52, one in seven longer than 7.5). The features are synthetic: random
numbers, so only time and memory mean anything here. They lie in files and are mapped into memory,
as in a real run. Each run is a process of its own, whose peak is the operating system's figure, and
does all that a run does but the reading of sound: epochs, the tests at the end, AdaBN, the proxy
A-distance, figures. As `minidann.report` does it, as many runs go at once as there are cores, one
thread each: here all of the same kind. A few epochs are timed, and the time of fifty is worked out.
Seconds are the processor's: a run has one thread, so where nothing else is at work they are the
clock's, and where other programs are, these count little. Of an epoch's it says how many are
evaluation. `PYTHONPATH=CLONE` before the command measures another clone's package.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

JOBS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
os.environ["OMP_NUM_THREADS"] = "1"  # of each process

from machine import describe  # noqa: E402  and minidann, which is to come before NumPy

# isort: split
import numpy as np  # noqa: E402

from minidann import training  # noqa: E402
from minidann.choices import Choices  # noqa: E402
from minidann.corpora import Corpus, Utterance  # noqa: E402
from minidann.run import outcome, splits  # noqa: E402
from minidann.run.evaluation import evaluate_epoch  # noqa: E402
from minidann.run.folder import keep  # noqa: E402
from minidann.run.setup import Setup  # noqa: E402
from minidann.sound.logmel import FRAMES, MELS  # noqa: E402
from minidann.sound.normalise import Features  # noqa: E402
from minidann.training import Domain  # noqa: E402

SIZES = {"recola": (1308, 23), "iemocap": (10039, 10)}  # utterances, speakers
DIRECTIONS = ("recola", "iemocap"), ("iemocap", "recola")
BLOCK = 500  # utterances made up at a time
KINDS = {
    "base": {"model": "base"},
    "our": {},
    "mono": {"model": "mono"},
    "our, beta 0": {"beta": 0.0},
    "our, placebo": {"domain_labels": "shuffled"},
}
PAPER = ("base", "our", "mono")  # the paper's rows; the others are controls
EPOCHS, SEEDS, DIMENSIONS = 50, 5, 2  # of the paper's table


def made_up(name: str, folder: Path) -> Domain:
    """A corpus of the size of `name`, its frames in a file."""
    count, speakers = SIZES[name]
    rng = np.random.default_rng(count)
    seconds = (3.52 * np.exp(0.69 * rng.standard_normal(count))).clip(0.58, 34.1)
    lengths = np.minimum(FRAMES, (100 * seconds).astype(int) - 2)
    offsets = np.concatenate([[0], lengths.cumsum()])
    path = folder / name
    with open(path, "wb") as file:
        for i in range(0, count, BLOCK):
            size = offsets[min(i + BLOCK, count)] - offsets[i]
            file.write(rng.standard_normal((size, MELS), dtype=np.float32))
    frames = np.memmap(path, np.float32, "r", shape=(offsets[-1], MELS))
    names = np.array([f"speaker {i % speakers}" for i in range(count)])
    return Domain(Features(frames, lengths), rng.integers(0, 2, count), names)


def corpus_of(name: str, domain: Domain, folder: Path) -> Corpus:
    """The table of utterances that belongs to a made-up corpus."""
    utterances = tuple(
        Utterance(folder / f"{i}.wav", None, None, speaker, float(label), float(label))
        for i, (speaker, label) in enumerate(zip(domain.speakers, domain.labels))
    )
    about = "synthetic, random numbers"
    remarks = ("",) * len(utterances)
    return Corpus(name, about, "none", about, folder, utterances, 0.5, (), (), {}, remarks)


def measure(names: tuple[str, str], kind: str, epochs: int, folder: Path, results) -> None:
    """One run with few epochs; puts (s an epoch, s of it evaluation, s at the end, MB) there."""
    there = {name: made_up(name, folder) for name in dict.fromkeys(names)}
    domains = [there[name] for name in names]
    choices = Choices(*names, l2=5e-3, epochs=epochs, **KINDS[kind])
    split = splits.draw(
        0, *(one.speakers for one in domains), model=choices.model, by_speaker=False
    )
    state = training.start(choices)
    evaluations, ends = [], [time.process_time()]

    def on_epoch_end(state):
        began = time.process_time()
        evaluate_epoch(choices, state, *domains, split)
        evaluations.append(time.process_time() - began)
        keep(folder, state)
        ends.append(time.process_time())

    training.train(choices, state, *domains, split.train, on_epoch_end=on_epoch_end)
    seconds = np.median(np.diff(ends))
    corpora = [corpus_of(name, there[name], folder) for name in names]
    began = time.process_time()
    setup = Setup(choices, tuple(corpora), *domains, split)
    outcome.finish(setup, state, folder)
    end = time.process_time() - began
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    results.put((seconds, np.median(evaluations), end, memory))


def main() -> None:
    p = argparse.ArgumentParser(description="Time and memory of Table 1 at the paper's size.")
    p.add_argument("--epochs", type=int, default=3, help="epochs to take the median of")
    epochs = p.parse_args().epochs
    print(f"{describe(threads=1)}, {JOBS} runs at once; synthetic features")
    heads = f"{'s/epoch':>8} {'evaluation':>10} {'end, s':>7} {'run, min':>9} {'peak MB':>8}"
    print(f"{'direction':19} {'model':12} {heads}")
    context = multiprocessing.get_context("spawn")
    totals = {True: 0.0, False: 0.0}  # of the paper's rows, and of the controls
    for direction in DIRECTIONS:
        for kind in KINDS:
            names = (direction[1], direction[1]) if kind == "mono" else direction
            with tempfile.TemporaryDirectory() as place:
                results, processes = context.Queue(), []
                for number in range(JOBS):
                    folder = Path(place, str(number))
                    folder.mkdir()
                    args = (names, kind, epochs, folder, results)
                    processes.append(context.Process(target=measure, args=args))
                    processes[-1].start()
                found = np.array([results.get() for _ in processes])  # (JOBS, 4)
                for process in processes:
                    process.join()
            seconds, evaluation, end, _ = found.mean(axis=0)
            run = EPOCHS * seconds + end
            totals[kind in PAPER] += run * SEEDS * DIMENSIONS / JOBS
            print(f"{' to '.join(direction):19} {kind:12} {seconds:8.2f} {evaluation:10.2f} "
                  f"{end:7.1f} {run / 60:9.1f} {found[:, 3].max():8.0f}", flush=True)  # fmt: skip
    print(f"Table 1, {SEEDS} seeds and {DIMENSIONS} dimensions: {', '.join(PAPER)} "
          f"{totals[True] / 3600:.2f} hours, controls {totals[False] / 3600:.2f} more")  # fmt: skip


if __name__ == "__main__":
    main()
