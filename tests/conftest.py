"""Two small made-up corpora on disk, and a command called within this process."""

import csv
import gc
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from unittest import mock

import minidann.ops  # noqa: F401  before NumPy: it tells BLAS how many threads to use

# isort: split
import numpy as np
import pytest
import soundfile

from minidann import console


def pytest_collection_finish(session):
    """What was imported stays: a search for garbage in it would take a sixth of all the time."""
    gc.freeze()
    gc.set_threshold(50_000)


def call(module, *args, **environment):
    """What `python -m minidann.MODULE ARGS` does, without the second that a new process takes."""
    name = f"minidann.{module}"
    if hasattr(import_module(name), "__path__"):
        name += ".__main__"
    main = import_module(name).main
    out, err = (
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)
    )
    with (
        mock.patch.object(sys, "argv", [module, *map(str, args)]),
        mock.patch.dict(os.environ, environment),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            console.run(main)
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
    said = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(args, code, *said)


def made_up_corpus(folder, seed, count, rate):
    """Noise through the CSV reader: high arousal is louder and faster. Not speech, not a result.

    Some rows sound like the other class, so that nobody is right about all of them.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir()
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "start", "end", "speaker", "arousal", "valence"])
        for i in range(count):
            high = i % 2
            seconds = rng.uniform(0.8, 2.0)
            time = np.arange(int(seconds * rate)) / rate
            loud = high if i % 7 else 1 - high
            sound = rng.standard_normal(len(time)) * (0.02 + 0.08 * loud)
            sound *= 1 + np.sin(2 * np.pi * (3 + 3 * loud) * time)
            soundfile.write(folder / f"{i}.wav", sound, rate)
            table.writerow([f"{i}.wav", "", "", f"s{i % 5}", high, (i // 2) % 2])
    return folder / "table.csv"


@pytest.fixture(scope="session")
def corpora(tmp_path_factory):
    """The flags that name them, and a cache: ["--source", ..., "--target", ..., "--cache", ...]."""
    place = tmp_path_factory.mktemp("corpora")
    source = made_up_corpus(place / "source", 0, 48, 16000)
    target = made_up_corpus(place / "target", 1, 60, 22050)
    return [
        "--source", f"csv:{source}", "--target", f"csv:{target}", "--cache", str(place / "cache"),
        "--batch-size", "8",
    ]  # fmt: skip
