"""Does a kill cost anything but time? The main job on the demo, killed at random moments.

    python tests/kills.py --kills 100

Each run begins with an empty cache, is killed (SIGKILL), goes on with --resume, is killed again,
and so on until it comes to its end by itself. Then everything it left must be what an undisturbed
run left: `model.npz` and `config.json` to the byte, the rest but for its times.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

EPOCHS = 12
LATEST = 0.6  # of an undisturbed run's time: most runs are killed, and more than once


def command() -> list[str]:
    flags = f"--direction rec2iem --epochs {EPOCHS} --resume --out run --cache cache"
    return [sys.executable, "-m", "minidann.train", *flags.split()]


def left(run: Path) -> dict:
    """What a run left, but for its times."""
    with open(run / "history.csv", newline="") as file:
        history = [row | {"seconds": 0} for row in csv.DictReader(file)]
    metrics = json.loads((run / "metrics.json").read_text()) | {"seconds": 0}
    whole = {name: (run / name).read_bytes() for name in ("model.npz", "config.json")}
    names = sorted(path.name for path in run.iterdir())  # nothing half written among them
    return {"history": history, "metrics": metrics, "names": names, **whole}


def phase(place: Path) -> str:
    """Where a run is, from what is on the disk."""
    if (place / "run" / "metrics.json").exists():
        return "last test and figures"
    if (place / "run" / "config.json").exists():
        return "training"
    return "features" if (place / "cache").exists() else "start"


def start(place: Path) -> subprocess.Popen:
    return subprocess.Popen(
        command(), cwd=place, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    when: Counter = Counter()
    runs = differ = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "undisturbed")
        place.mkdir()
        began = time.monotonic()
        if start(place).wait():
            sys.exit("the undisturbed run failed")
        seconds = time.monotonic() - began
        expected = left(place / "run")
        while when.total() < args.kills:
            runs += 1
            place = Path(folder, f"run{runs}")
            place.mkdir()
            while True:
                process = start(place)
                try:
                    errors = process.communicate(timeout=rng.uniform(0, LATEST * seconds))[1]
                    break
                except subprocess.TimeoutExpired:
                    when[phase(place)] += 1
                    process.kill()
                    process.communicate()
            if process.returncode:
                sys.exit(f"run {runs} ended with {process.returncode}: {errors}")
            found = left(place / "run")
            wrong = [name for name in expected if found[name] != expected[name]]
            differ += bool(wrong)
            said = f"differs in {', '.join(wrong)}" if wrong else "the same"
            print(f"run {runs}: {said}; {when.total()} kills so far", flush=True)
    print(f"undisturbed: {seconds:.0f} s; {runs} runs, {when.total()} kills: {dict(when)}")
    sys.exit(f"{differ} runs differ" if differ else 0)


if __name__ == "__main__":
    main()
