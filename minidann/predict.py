"""python -m minidann.predict RUN FILE...: what a trained model predicts for recordings."""

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import minidann
from minidann import console, model, training
from minidann.choices import Choices
from minidann.console import UserError
from minidann.corpora import CLASSES
from minidann.corpora.reading import grouped
from minidann.ops import batchnorm
from minidann.run import evaluation, store
from minidann.sound.audio import decode, mono
from minidann.sound.levelled import prepared
from minidann.sound.logmel import MELS, PRESETS, SHIFT, duration, logmel
from minidann.sound.normalise import ENOUGH, mean_and_std, windows_of
from minidann.sound.warnings import SILENCE, measure, remarks
from minidann.training import Arrays

POOLED = model.STRIDE * model.POOL  # frames of log-mel from one pooled frame to the next: 90


def load(run: Path) -> tuple[dict[str, Arrays], Choices, str]:
    """The model in the run folder `run`: its arrays, its choices, and the kinds of speech it knows.

    Raises UserError where there is none, or it is damaged or not a model.
    """
    path = run / "model.npz"
    groups, about = store.read_arrays(path)
    groups = {"running": {}} | groups  # empty without batch norm
    with store.reading(path):
        choices, corpora = Choices(**about["choices"]), about["corpora"]
        known = choices.dimension in CLASSES and choices.features in PRESETS
        if not known or not corpora.isprintable():
            raise ValueError("its description makes no sense")
        fresh = training.start(choices)
        each_bin = {"mean": np.zeros(MELS, np.float32), "std": np.ones(MELS, np.float32)}
        expected = {"params": fresh.params, "running": fresh.running}
        if choices.normalise == "corpus":
            expected |= {"source": each_bin, "target": each_bin}
        store.agree(path, groups, expected)
        variance = groups["running"].get("bn.var", np.ones(1)) + batchnorm.EPSILON
        if min(groups.get("target", each_bin)["std"].min(), variance.min()) <= 0:
            raise ValueError("a standard deviation is not above 0")
    return groups, choices, corpora


def probabilities_of(groups: dict, frames: np.ndarray, input: str) -> tuple[np.ndarray, np.ndarray]:
    """Raw log-mel (k, 26) -> probabilities (2,), attention weights (W, P) of its W windows.

    `groups["target"]` normalises it, see `with_speaker`. The probabilities are the mean over the
    windows, weighted by the frames that are not padded or repeated.
    """
    windows = windows_of(frames, **groups["target"], input=input)
    encoded, weights = [], []
    for row in range(len(windows)):
        h, cache = model.encode(groups["params"], windows.batch([row]))  # (1, C)
        encoded.append(h)
        weights.append(cache.attention.weights)  # (1, P)
    h = np.concatenate(encoded)  # (W, C)
    each = evaluation.predict(groups["params"], groups["running"], h)  # (W, 2)
    return np.average(each, axis=0, weights=windows.lengths), np.concatenate(weights)


class Prediction(NamedTuple):
    """What a model predicts for one recording; where there is a `problem`, no class."""

    path: Path
    problem: str = ""
    remarks: tuple[str, ...] = ()  # what makes the recording doubtful
    probabilities: np.ndarray | None = None  # (2,)
    predicted: str = ""  # the class of the larger one
    frames: np.ndarray | None = None  # (T, 26), its log-mel
    weights: np.ndarray | None = None  # attention in each window, (W, 8); levelled (W, 3)


def predict(run: Path | str, files: Iterable[Path | str]) -> list:
    """What the model in the folder `run` predicts for recordings: a list of `Prediction`.

    With a model of `--normalise speaker` all of them are taken as recordings of one speaker. Raises
    UserError where there is no such model, or where it needs more recordings.
    """
    if isinstance(files, (str, Path)):  # a text is an iterable too
        files = [files]
    groups, choices, _ = load(Path(run))
    return [*predictions(groups, choices, map(Path, files))]


def predictions(groups: dict, choices: Choices, files: Iterable[Path]) -> Iterator[Prediction]:
    """Each prediction when its turn comes; for `--normalise speaker` all are heard before."""
    heard: Iterable[Prediction] = (listen(choices, file) for file in files)
    if choices.normalise == "speaker":
        heard = [*heard]
        groups = with_speaker(groups, choices, heard)
    for recording in heard:
        if not recording.problem:
            p, weights = probabilities_of(groups, recording.frames, choices.input)
            predicted = CLASSES[choices.dimension][int(p.argmax())]
            recording = recording._replace(probabilities=p, predicted=predicted, weights=weights)
        yield recording


def with_speaker(groups: dict, choices: Choices, heard: Iterable[Prediction]) -> dict:
    """`groups`, and in "target" the mean and std of the frames that were heard."""
    frames = {one.path: one.frames for one in heard}.values()  # of a file given twice, once
    usable = [prepared(one, choices.input) for one in frames if one is not None]
    if len(usable) < ENOUGH:
        raise UserError(
            f"{len(usable)} recordings can be used, and this model (--normalise speaker) needs "
            f"{ENOUGH} or more of one speaker: give more recordings of this speaker at once"
        )
    return groups | {"target": dict(zip(("mean", "std"), mean_and_std(np.concatenate(usable))))}


def listen(choices: Choices, path: Path) -> Prediction:
    """What is known of a recording before the model sees it: a problem, or remarks and frames."""
    try:
        channels, rate = decode(path)
        frames = logmel(mono(channels, rate), choices.features)  # (T, 26)
    except UserError as error:
        return Prediction(path, str(error))
    sound = measure(path, channels, rate, None, None)
    if sound.peak < SILENCE:
        return Prediction(path, "holds nothing but silence, and so no class; record it again")
    if len(frames) < POOLED:
        needed = f"the network needs {duration(POOLED):.3f} s; give it more of the recording"
        problem = f"holds {sound.seconds:.3f} s of sound, and {needed}"
        return Prediction(path, problem, frames=frames)
    return Prediction(path, remarks=tuple(remarks(sound)), frames=frames)


def matching(name: str) -> list[str]:
    """The file of this name, or those that match its wildcards, as Windows hands them on."""
    return [name] if os.path.exists(name) else sorted(glob.glob(name)) or [name]


def main() -> None:
    p = console.Parser(
        prog="python -m minidann.predict",
        description="Print the probability of each class for each recording.",
    )
    p.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    p.add_argument("files", type=matching, nargs="+", metavar="FILE", help="WAV, FLAC or OGG")
    args = p.parse_args()
    files = [Path(name) for names in args.files for name in names]
    groups, choices, corpora = load(args.run)
    turns = console.progress(files, len(files), "predicting", "files")
    if choices.normalise == "speaker":
        what = "all files are taken as recordings of one speaker, normalised by their own mean"
        print(f"note: {what} and standard deviation", file=sys.stderr, flush=True)
    what = f"{choices.dimension} (model of {corpora} speech)"
    header = "\t".join(["file", "seconds", *CLASSES[choices.dimension], what]) + "\n"
    problems = []
    for prediction in predictions(groups, choices, turns):
        path = prediction.path
        for remark in prediction.remarks:
            print(f"{path}: note: a recording {remark}", file=sys.stderr, flush=True)
        if prediction.problem:
            problems.append((str(path), prediction.problem))
            continue
        numbers = "\t".join(f"{p:.3f}" for p in prediction.probabilities)
        seconds = SHIFT * len(prediction.frames)
        console.say(f"{header}{path}\t{seconds:.1f}\t{numbers}\t{prediction.predicted}")
        header = ""
    if problems:
        raise UserError("\n".join(grouped(problems)))


if __name__ == "__main__":
    console.run(main)
else:
    sys.modules[__name__].__class__ = minidann.Command
