"""python -m minidann.predict RUN FILE...: what a trained model says of recordings."""

import argparse
from pathlib import Path

import numpy as np

from minidann import console, model, plots, runs
from minidann.console import UserError
from minidann.features import FRAMES, logmel, normalise_and_pad, read_audio

SHIFT = 0.01  # seconds from frame to frame
BATCH = 32  # windows at a time: four minutes of sound


def load(run: Path) -> tuple[dict, dict]:
    """The arrays and the description of the model in the run folder `run`."""
    groups, about = runs.read_arrays(run / "model.npz")
    try:
        {name: groups[name] for name in ("params", "source", "target")}
        {name: about[name] for name in ("classes", "dimension", "features", "corpora")}
    except KeyError as missing:
        raise UserError(f"{run / 'model.npz'}: has no {missing}; train again") from None
    return groups, about


def windows(frames: np.ndarray) -> list[np.ndarray]:
    """Raw log-mel (T, 26) as successive windows of 750 frames, the last one shorter."""
    return [frames[i : i + FRAMES] for i in range(0, len(frames), FRAMES)]


def predict(groups: dict, frames: np.ndarray, domain: str) -> tuple[np.ndarray, np.ndarray]:
    """Raw log-mel (T, 26) -> probabilities (W, 2) and attention weights (W, 8) of its W windows.

    `domain`, "source" or "target", says whose mean and deviation normalise it.
    """
    mean, std = groups[domain]["mean"], groups[domain]["std"]
    params, parts = groups["params"], windows(frames)
    probabilities, weights = [], []
    for i in range(0, len(parts), BATCH):
        x = np.stack([normalise_and_pad(one, mean, std) for one in parts[i : i + BATCH]])
        f = model.represent(params, groups.get("running", {}), x)  # (B, 750, 26) -> (B, 1800)
        probabilities.append(model.classify(params, f, "emotion"))  # (B, 2)
        weights.append(model.attention_weights(params, x))  # (B, 8)
    return np.concatenate(probabilities), np.concatenate(weights)


def stretches(count: int) -> tuple[np.ndarray, np.ndarray]:
    """When the pooled frames of `count` windows begin and end, in seconds (count*8,) each."""
    frames = model.STRIDE * model.POOL  # 90 between pooled frames
    pooled = ((FRAMES - model.KERNEL) // model.STRIDE + 1) // model.POOL  # 8
    first = np.add.outer(FRAMES * np.arange(count), frames * np.arange(pooled)).ravel()
    return SHIFT * first, SHIFT * (first + frames)


def main() -> None:
    p = argparse.ArgumentParser(
        prog="python -m minidann.predict",
        description="Print the probability of each class for each recording.",
    )
    p.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    p.add_argument("files", type=Path, nargs="+", metavar="FILE", help="WAV, FLAC or OGG")
    p.add_argument("--domain", choices=("target", "source"), default="target",
                   help="whose recording conditions the files have (default: target)")  # fmt: skip
    p.add_argument("--plot", type=Path, metavar="DIR",
                   help="draw log-mel and attention of each file into DIR")  # fmt: skip
    args = p.parse_args()
    groups, about = load(args.run)
    low, high = about["classes"]
    print(f"file\twindow_s\t{low}\t{high}\t{about['dimension']} ({about['corpora']})")
    problems = []
    for path in console.progress(args.files, len(args.files), "predicting", "files"):
        try:
            frames = logmel(read_audio(path), about["features"], path)  # (T, 26)
        except UserError as error:
            problems.append(str(error))
            continue
        p_class, weights = predict(groups, frames, args.domain)
        for i, (one, probability) in enumerate(zip(windows(frames), p_class)):
            begin = SHIFT * FRAMES * i
            said = about["classes"][int(probability.argmax())]
            print(
                f"{path}\t{begin:.1f}-{begin + SHIFT * len(one):.1f}\t"
                f"{probability[0]:.3f}\t{probability[1]:.3f}\t{said}"
            )
        if args.plot:
            args.plot.mkdir(parents=True, exist_ok=True)
            starts, ends = stretches(len(weights))
            title = f"{path.name}: {about['dimension']}"
            figure = plots.attention(frames, starts, ends, weights.ravel(), title)
            plots.save(figure, args.plot / f"{path.stem}.png")
    if problems:
        raise UserError("\n".join(problems))


if __name__ == "__main__":
    console.run(main)
