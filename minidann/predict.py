"""python -m minidann.predict RUN FILE...: what a trained model predicts for recordings."""

import glob
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import minidann
from minidann import console, model
from minidann.console import UserError
from minidann.corpora.reading import grouped
from minidann.ops import batchnorm
from minidann.run import evaluation, plots, store
from minidann.sound.audio import RATE, decode, mono
from minidann.sound.logmel import FRAMES, MELS, PRESETS, SHIFT, WINDOW, logmel
from minidann.sound.normalise import normalise_and_pad
from minidann.sound.warnings import SILENCE, measure, remarks

POOLED = model.STRIDE * model.POOL  # frames of log-mel from one pooled frame to the next: 90
DOMAINS = "target", "source"
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


def probabilities_of(groups: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
    within = POOLED * np.arange(model.pooled_frames(FRAMES))  # (8,)
    first = np.add.outer(FRAMES * np.arange(count), within).ravel()  # (count*8,)
    return SHIFT * first, SHIFT * (first + POOLED)


class Prediction(NamedTuple):
    """What a model predicts for one recording; where there is a `problem`, only that it has one.

    The recording's `probabilities` (2,) are the mean over its windows of 7.5 s, `windows` (W, 2),
    weighted by their unpadded frames. `predicted` is the class of the larger one. `remarks` say
    what makes the recording doubtful. `frames` (T, 26) is its log-mel, `weights` (W, 8) attention.
    """

    path: Path
    problem: str = ""
    remarks: tuple[str, ...] = ()
    probabilities: np.ndarray | None = None
    predicted: str = ""
    windows: np.ndarray | None = None
    frames: np.ndarray | None = None
    weights: np.ndarray | None = None


def predict(run: Path | str, files: Iterable[Path | str], domain: str = "target") -> list:
    """What the model in the folder `run` predicts for recordings: a list of `Prediction`.

    `domain`, "target" or "source", says whose recording conditions they have. Raises UserError
    where there is no such model.
    """
    if isinstance(files, (str, Path)):  # a text is an iterable too
        files = [files]
    if domain not in DOMAINS:
        raise UserError(f"domain {domain!r}: expected one of {', '.join(DOMAINS)}")
    groups, about = load(Path(run))
    return [predict_one(groups, about, Path(file), domain) for file in files]


def predict_one(groups: dict, about: dict, path: Path, domain: str) -> Prediction:
    """The prediction for one recording, of a model as from `load`."""
    try:
        channels, rate = decode(path)
        frames = logmel(mono(channels, rate), about["features"])  # (T, 26)
    except UserError as error:
        return Prediction(path, str(error))
    sound = measure(path, channels, rate, None, None)
    if sound.peak < SILENCE:
        return Prediction(path, "holds nothing but silence, and so no class; record it again")
    if len(frames) < POOLED:
        return Prediction(
            path,
            f"holds {sound.seconds:.3f} s of sound, and the first pool of the network alone takes "
            f"{SHIFT * (POOLED - 1) + WINDOW / RATE:.3f} s; give it more of the recording",
        )
    of_windows, weights = probabilities_of(groups, inputs(groups, frames, domain))
    whole = over_windows(frames, of_windows)
    answer = about["classes"][int(whole.argmax())]
    return Prediction(path, "", tuple(remarks(sound)), whole, answer, of_windows, frames, weights)


def over_windows(frames: np.ndarray, of_windows: np.ndarray) -> np.ndarray:
    """Probabilities (W, 2) of windows -> (2,), the mean weighted by their unpadded frames."""
    return np.average(of_windows, axis=0, weights=[len(window) for window in windows(frames)])


def rows(prediction: Prediction, classes: list[str]) -> Iterator[str]:
    """The lines to print of one recording: all of it, then, if there are several, its windows."""
    lengths = [len(window) for window in windows(prediction.frames)]  # (W,)
    ends = np.cumsum(lengths)
    spans = [(0, ends[-1], prediction.probabilities)]
    if len(lengths) > 1:
        spans += list(zip(ends - lengths, ends, prediction.windows))
    for first, last, probability in spans:
        predicted = classes[int(probability.argmax())]
        numbers = "\t".join(f"{p:.3f}" for p in probability)
        yield f"{prediction.path}\t{SHIFT * first:.1f}-{SHIFT * last:.1f}\t{numbers}\t{predicted}"


def draw(folder: Path, prediction: Prediction, groups: dict, about: dict, domain: str) -> None:
    """A picture of one recording in `folder`: what the network gets, and where it looks."""
    path, frames, weights = prediction.path, prediction.frames, prediction.weights
    starts, ends = stretches(len(weights))
    x = inputs(groups, frames, domain).reshape(-1, MELS)  # (W*750, 26): one window after the other
    title = f"{path.name}: {about['dimension']}, model of {about['corpora']} speech"
    figure = plots.attention(x, SHIFT * len(frames), starts, ends, weights.ravel(), title)
    plots.save(figure, folder / f"{path.stem}.png")


def matching(files: Iterable[Path]) -> list[Path]:
    """The files, and those that match where a name has wildcards, as Windows hands them on."""
    found = []
    for file in files:
        matches = [] if file.exists() else sorted(glob.glob(str(file)))
        found += map(Path, matches) if matches else [file]
    return found


def main() -> None:
    p = console.Parser(
        prog="python -m minidann.predict",
        description="Print the probability of each class for each recording, and for each window "
        "of 7.5 s of those that are longer.",
    )
    p.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    p.add_argument("files", type=Path, nargs="+", metavar="FILE", help="WAV, FLAC or OGG")
    p.add_argument("--domain", choices=DOMAINS, default="target",
                   help="whose recording conditions the files have (default: target)")  # fmt: skip
    p.add_argument("--plot", type=Path, metavar="DIR",
                   help="draw log-mel and attention of each file into DIR")  # fmt: skip
    args = p.parse_args()
    files = matching(args.files)
    groups, about = load(args.run)
    if args.plot:
        count = Counter(path.stem for path in files)
        if same := [str(path) for path in files if count[path.stem] > 1]:
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
    for path in console.progress(files, len(files), "predicting", "files"):
        prediction = predict_one(groups, about, path, args.domain)
        for remark in prediction.remarks:
            print(f"{path}: note: a recording {remark}", file=sys.stderr, flush=True)
        if prediction.problem:
            problems.append((str(path), prediction.problem))
            continue
        print(*rows(prediction, about["classes"]), sep="\n", flush=True)
        if args.plot:
            draw(args.plot, prediction, groups, about, args.domain)
    if problems:
        raise UserError("\n".join(grouped(problems)))


if __name__ == "__main__":
    console.run(main)
else:
    sys.modules[__name__].__class__ = minidann.Command
