"""Where the time of a whole run goes, and how a step's cost grows.

    python tests/benchmarks/run.py

First a default run, as `python -m minidann.train` does it, from EMO-DB to RAVDESS (or the demo's,
where `MINIDANN_CORPORA` has not both), in a process of its own, whose peak memory is the operating
system's figure; and the same again beside another program that keeps one core busy. The features
are extracted in a run of one epoch before. Then a training step on random features as the frames,
filters, rows and utterances grow.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time

from machine import describe, real, sgemm_rate, with_threads

# isort: split
import numpy as np

from minidann import optim, training
from minidann.choices import Choices
from minidann.model import FILTERS, KERNEL, POOL, initialise, pooled_frames
from minidann.ops.dropout import draw_mask
from minidann.sound import normalise
from minidann.sound.logmel import FRAMES, MELS

BATCHES = "batches of the steps"  # those that are evaluated belong to evaluation
# What is timed: (name, module, function); a phase inside another is taken out of the outer one.
PHASES = (
    ("training steps", "minidann.training", "update"),
    ("training steps", "minidann.training", "draw_mask"),
    ("evaluation of an epoch", "minidann.train", "evaluate_epoch"),
    ("evaluation at the end", "minidann.run.outcome", "test"),
    (BATCHES, "minidann.sound.normalise", "Features.batch"),
    ("corpora and features", "minidann.run.setup", "prepare"),
    ("checkpoints", "minidann.run.folder", "keep"),
    ("figures", "minidann.run.outcome", "draw"),
)
INSIDE = ("training steps", "evaluation of an epoch", "evaluation at the end")
APART = ("start-up", "figures")
FEATURES = "features, the first time"

CHILD = """
import time
began = {began}
import json, sys, resource, functools, importlib
from minidann import train
spent, open_phases = {{"start-up": time.time() - began}}, []
def timed(name, work):
    @functools.wraps(work)
    def inner(*args, **options):
        if name == {batches!r} and open_phases:
            return work(*args, **options)
        start = time.perf_counter()
        open_phases.append(0.0)
        try:
            return work(*args, **options)
        finally:
            took = time.perf_counter() - start
            spent[name] = spent.get(name, 0.0) + took - open_phases.pop()
            if open_phases:
                open_phases[-1] += took
    return inner
for name, module, function in {phases!r}:
    *owner, last = function.split(".")
    place = functools.reduce(getattr, owner, importlib.import_module(module))
    setattr(place, last, timed(name, getattr(place, last)))
train.main()
unit = 2**20 if sys.platform == "darwin" else 2**10
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
print("SPENT", json.dumps([spent, time.time() - began, memory]))
"""


def phases_of(arguments: list[str]) -> tuple[dict[str, float], float, float]:
    """Run `minidann.train` -> seconds of each phase, seconds in all, MB at the peak."""
    code = CHILD.format(began=time.time(), phases=PHASES, batches=BATCHES)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.rsplit("SPENT", 1)[1])


def whole_run(epochs: int) -> None:
    places, whose = [], "the demo (synthetic), recola to iemocap"
    source, target = real("emodb"), real("ravdess")
    if source and target:
        places = ["--source", f"emodb:{source}", "--target", f"ravdess:{target}"]
        whose = "EMO-DB to RAVDESS"

    def both(folder: str) -> tuple[dict[str, float], float, float]:
        """A run that extracts the features, of one epoch, and a whole one that finds them."""
        files = [*places, "--cache", f"{folder}/cache", "--epochs"]
        cold, _, _ = phases_of([*files, "1", "--out", f"{folder}/first"])
        spent, total, memory = phases_of([*files, str(epochs), "--out", f"{folder}/run"])
        spent["all else"] = total - sum(spent.values())
        spent[FEATURES] = cold["corpora and features"] - spent["corpora and features"]
        return spent, total, memory

    with tempfile.TemporaryDirectory() as folder:
        spent, total, memory = both(folder)
    with tempfile.TemporaryDirectory() as folder:
        other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            beside, slow_total, _ = both(folder)
        finally:
            other.kill()
            other.wait()
    print(f"\nA run, {whose}, {epochs} epochs: {total:.1f} s, peak {memory:.0f} MB")
    of_interest = total - sum(spent[name] for name in APART)
    outside = of_interest - sum(spent[name] for name in INSIDE)
    print(f"{'':26} seconds  share   beside another program that keeps a core busy")
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        apart = name in (*APART, FEATURES)
        share = " apart" if apart else f"{seconds / of_interest:6.1%}"
        print(
            f"  {name:24} {seconds:7.2f} {share} {beside[name]:7.2f}, x{beside[name] / seconds:.2f}"
        )
    print(f"  {'in all':24} {total:7.2f}        {slow_total:7.2f}, x{slow_total / total:.2f}")
    print(f"RATIO outside steps and evaluation {outside / of_interest:.3f}")


def step_of(rows: int, frames: int, filters: int, utterances: int) -> float:
    """The median ms of a step, batch included, on random features of so many utterances."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(200, 700, utterances)
    speech = rng.standard_normal((lengths.sum(), MELS), dtype=np.float32)
    features = normalise.Features(speech, lengths)
    choices = Choices("made up", "made up")
    now = training.start(choices)
    if (frames, filters) != (FRAMES, FILTERS):
        drawn = np.random.default_rng(0)
        now.params, now.running = initialise(drawn, frames=frames, filters=filters)
        now.adam = optim.start(now.params)
    labels = np.arange(rows // 2) % 2
    times, batch = [], np.empty((rows, FRAMES, MELS), np.float32)
    for _ in range(25):
        chosen = rng.integers(0, utterances, rows)
        began = time.perf_counter()
        x = features.batch(chosen, out=batch)  # (rows, 750, 26)
        if frames != FRAMES:
            x = np.concatenate([x] * -(-frames // FRAMES), axis=1)[:, :frames]
        mask = draw_mask(rng, (rows, (pooled_frames(frames) + 1) * filters), 0.7)
        x, domains = np.ascontiguousarray(x), np.repeat([0, 1], rows // 2)
        training.update(choices, now, x, labels, mask, rate=1e-3, beta=1.0, domain_labels=domains)
        times.append(time.perf_counter() - began)
    return 1e3 * float(np.median(times[3:]))


def growth() -> None:
    usual = {"rows": 64, "frames": 750, "filters": 200, "utterances": 1000}
    rate = sgemm_rate()
    print(f"\nA step with its batch, ms, and the share of the sgemm rate, {rate / 1e9:.0f} GFLOP/s")
    print("(random features of 2.0 to 7.0 s; all else as usual: " +
          ", ".join(f"{value} {name}" for name, value in usual.items()) + ")")  # fmt: skip
    for name, values in (
        ("frames", (375, 750, 1500)), ("filters", (100, 200, 400)),
        ("rows", (16, 32, 64, 128)), ("utterances", (1000, 3000, 10_000)),
    ):  # fmt: skip
        for value in values:
            sizes = usual | {name: value}
            ms = step_of(**sizes)
            pools = pooled_frames(sizes["frames"])
            flops = 4 * sizes["rows"] * pools * POOL * KERNEL * MELS * sizes["filters"]
            print(f"  {value:6d} {name:10} {ms:7.1f} ms  {flops / (1e-3 * ms) / rate:5.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=50)
    args = parser.parse_args()
    with_threads(args.threads)
    print(describe(threads=args.threads))
    whole_run(args.epochs)
    growth()


if __name__ == "__main__":
    main()
