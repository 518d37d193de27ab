"""python -m minidann.predict RUN FILE...: what a trained model predicts for recordings."""

from collections import Counter
from pathlib import Path

import numpy as np

from minidann import console, model
from minidann.console import UserError
from minidann.ops import batchnorm
from minidann.run import evaluation, plots, store
from minidann.sound.audio import decode, mono
from minidann.sound.logmel import FRAMES, MELS, PRESETS, SHIFT, logmel
from minidann.sound.normalise import normalise_and_pad

BATCH = 32  # windows at a time: four minutes of sound


def load(run: Path) -> tuple[dict, dict]:
    """The arrays and the description of the model in the run folder `run`.

    Raises UserError where there is none, or it is damaged or not a model.
    """
    path = run / "model.npz"
    groups, about = store.read_arrays(path)
    there = groups.setdefault("params", {})
    groups.setdefault("running", {})
    params, running = model.initialise(
        np.random.default_rng(), batch_norm="bn.gamma" in there, domain="domain.w" in there
    )
    each_bin = {"mean": np.zeros(MELS, np.float32), "std": np.ones(MELS, np.float32)}
    expected = {"params": params, "running": running, "source": each_bin, "target": each_bin}
    store.agree(path, groups, expected)
    stds = [groups["source"]["std"], groups["target"]["std"]]
    spread = [*stds, groups["running"].get("bn.var", stds[0]) + batchnorm.EPSILON]
    classes = about.get("classes")
    names = [about.get(name) for name in ("dimension", "features", "corpora", "target")]
    if not all((values > 0).all() for values in spread):
        raise UserError(f"{path}: damaged (a standard deviation that is not above 0); train again")
    if not (
        isinstance(classes, list)
        and len(classes) == 2
        and all(isinstance(name, str) and name.isprintable() for name in [*classes, *names])
        and about["features"] in PRESETS
    ):
        raise UserError(f"{path}: damaged (its description makes no sense); train again")
    return groups, about


def windows(frames: np.ndarray) -> list[np.ndarray]:
    """Raw log-mel (T, 26) as successive windows of 750 frames, the last one shorter."""
    return [frames[i : i + FRAMES] for i in range(0, len(frames), FRAMES)]


def inputs(groups: dict, frames: np.ndarray, domain: str) -> np.ndarray:
    """Raw log-mel (T, 26) -> what the network gets of its W windows, (W, 750, 26) float32.

    `domain`, "source" or "target", says whose mean and standard deviation normalise it.
    """
    mean, std = groups[domain]["mean"], groups[domain]["std"]
    return np.stack([normalise_and_pad(window, mean, std) for window in windows(frames)])


def predict(groups: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows x (W, 750, 26) -> probabilities (W, 2) and attention weights (W, 8)."""
    encoded, weights = [], []
    for i in range(0, len(x), BATCH):
        h, cache = model.encode(groups["params"], x[i : i + BATCH])  # (B, 1800)
        encoded.append(h)
        weights.append(model.attention_weights(cache))  # (B, 8)
    probabilities = evaluation.predict(groups["params"], groups["running"], encoded)
    return probabilities, np.concatenate(weights)


def stretches(count: int) -> tuple[np.ndarray, np.ndarray]:
    """When the pooled frames of `count` windows begin and end, in seconds, (count*8,) each."""
    frames = model.STRIDE * model.POOL  # 90 from one pooled frame to the next
    within = frames * np.arange(model.pooled_frames(FRAMES))  # (8,)
    first = np.add.outer(FRAMES * np.arange(count), within).ravel()  # (count*8,)
    return SHIFT * first, SHIFT * (first + frames)


def rows(path: Path, frames: np.ndarray, probabilities: np.ndarray, classes: list[str]):
    """The lines to print of one recording: all of it, then, if there are several, its windows.

    The recording's probabilities are the mean over its windows, weighted by their real frames.
    """
    lengths = [len(window) for window in windows(frames)]  # (W,)
    whole = np.average(probabilities, axis=0, weights=lengths)  # (2,)
    ends = np.cumsum(lengths)
    spans = [(0, ends[-1], whole)]
    if len(lengths) > 1:
        spans += list(zip(ends - lengths, ends, probabilities))
    for first, last, probability in spans:
        predicted = classes[int(probability.argmax())]
        numbers = "\t".join(f"{p:.3f}" for p in probability)
        yield f"{path}\t{SHIFT * first:.1f}-{SHIFT * last:.1f}\t{numbers}\t{predicted}"


def draw(folder: Path, path: Path, frames, x, weights, about) -> None:
    """A picture of one recording in `folder`: what the network gets, and where it looks."""
    starts, ends = stretches(len(weights))
    x = x.reshape(-1, x.shape[2])  # (W*750, 26): the windows one after the other
    title = f"{path.name}: {about['dimension']}, model of {about['corpora']} speech"
    figure = plots.attention(x, SHIFT * len(frames), starts, ends, weights.ravel(), title)
    plots.save(figure, folder / f"{path.stem}.png")


def main() -> None:
    p = console.Parser(
        prog="python -m minidann.predict",
        description="Print the probability of each class for each recording, and for each window "
        "of 7.5 s of those that are longer.",
    )
    p.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    p.add_argument("files", type=Path, nargs="+", metavar="FILE", help="WAV, FLAC or OGG")
    p.add_argument("--domain", choices=("target", "source"), default="target",
                   help="whose recording conditions the files have (default: target)")  # fmt: skip
    p.add_argument("--plot", type=Path, metavar="DIR",
                   help="draw log-mel and attention of each file into DIR")  # fmt: skip
    args = p.parse_args()
    groups, about = load(args.run)
    if args.plot:
        count = Counter(path.stem for path in args.files)
        if same := [str(path) for path in args.files if count[path.stem] > 1]:
            raise UserError(f"--plot: {' and '.join(same)} have one name; draw them apart")
        try:
            args.plot.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"--plot {args.plot}: cannot be made ({error.strerror}); choose another DIR"
            ) from None
    low, high = about["classes"]
    what = f"{about['dimension']} (model of {about['corpora']} speech)"
    print(f"file\tseconds\t{low}\t{high}\t{what}")
    problems = []
    for path in console.progress(args.files, len(args.files), "predicting", "files"):
        try:
            frames = logmel(mono(*decode(path)), about["features"])  # (T, 26)
        except UserError as error:
            problems.append(f"{path}: {error}")
            continue
        x = inputs(groups, frames, args.domain)  # (W, 750, 26)
        probabilities, weights = predict(groups, x)
        print(*rows(path, frames, probabilities, about["classes"]), sep="\n", flush=True)
        if args.plot:
            draw(args.plot, path, frames, x, weights, about)
    if problems:
        raise UserError("\n".join(problems))


if __name__ == "__main__":
    console.run(main)
