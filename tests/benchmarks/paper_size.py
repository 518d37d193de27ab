"""What a run at the paper's size costs: seconds an epoch and peak memory, both directions.

    python tests/benchmarks/paper_size.py

As many utterances as IEMOCAP (10,039) and RECOLA (1,308), with durations drawn like IEMOCAP's
(0.58 to 34.1 s, median 3.52, one in seven longer than 7.5). The features are random numbers, so
only time and memory mean anything here. They lie in files and are mapped into memory, as in a
real run. Each direction has a process of its own, whose peak is the operating system's figure.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

from machine import describe  # and minidann, which is to come before NumPy

# isort: split
import numpy as np

from minidann import parallel, splits, state, training
from minidann.logmel import FRAMES, MELS
from minidann.normalise import Features
from minidann.state import Choices, Domain

SIZES = {"recola": (1308, 23), "iemocap": (10039, 10)}  # utterances, speakers
BLOCK = 500  # utterances made up at a time


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
    labels = rng.integers(0, 2, count)
    return Domain(Features(frames, offsets), labels, np.arange(count) % speakers)


def measure(direction: tuple[str, str], model: str, epochs: int, folder: Path, results) -> None:
    """Run a few epochs and put (name, seconds an epoch, MB) into `results`."""
    source, target = (made_up(name, folder) for name in direction)
    choices = Choices(*direction, model=model, l2=5e-3, epochs=epochs)
    split = splits.draw(0, source.speakers, target.speakers, model=model, by_speaker=False)
    progress = state.start(choices, FRAMES, MELS)
    training.train(choices, progress, source, target, split, tell=lambda _: None)
    seconds = np.median([row["seconds"] for row in progress.history])
    steps = len(split.train) // choices.batch_size
    began = time.perf_counter()
    training.probabilities(progress.params, progress.running, target.features, split.test)
    testing = time.perf_counter() - began
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    results.put((" to ".join(direction), model, steps, seconds, testing, memory))


def main() -> None:
    p = argparse.ArgumentParser(description="Time and memory of a run at the paper's size.")
    p.add_argument("--epochs", type=int, default=3, help="epochs to take the median of")
    epochs = p.parse_args().epochs
    print(f"{describe(threads=parallel.threads())}; random features")
    print(f"{'direction':20} {'model':5} {'steps':>5} {'s/epoch':>8} {'test s':>7} {'peak MB':>8}")
    context = multiprocessing.get_context("spawn")
    for direction in (("recola", "iemocap"), ("iemocap", "recola")):
        for model in ("base", "our"):
            with tempfile.TemporaryDirectory() as folder:
                results = context.Queue()
                args = (direction, model, epochs, Path(folder), results)
                process = context.Process(target=measure, args=args)
                process.start()
                name, model, steps, seconds, testing, memory = results.get()
                process.join()
            print(f"{name:20} {model:5} {steps:5d} {seconds:8.1f} {testing:7.1f} {memory:8.0f}")


if __name__ == "__main__":
    main()
