"""One training step against PyTorch's: forward, backward, Adam; float32, the same threads.

    python tests/benchmarks/step.py --threads 2

PyTorch runs as one writes it (Conv1d, MaxPool1d, Adam) and in the faster formulations of
`reference.py`, of which the fastest counts. All take turns, a dozen steps at a time, each in a
process of its own; the median of each counts. Full-length rows are random numbers; real ones are
RAVDESS's (or the demo's, where `MINIDANN_CORPORA` has no RAVDESS), normalised and padded as in
training. Of their padding minidann computes one window, and PyTorch, as one uses it, all of them.
Levelled rows are the same utterances as `--input levelled` has them, in windows of 300 frames
without padding. "minidann's plain ops" are convolution, ReLU and pool one after the other.
Ends with lines `RATIO full64 plain 2.31`: how many times as fast minidann is, for what kind of
rows, how many of them, and against which PyTorch.
"""

import argparse
import tempfile
from importlib.metadata import version
from types import SimpleNamespace

from machine import describe, real, sgemm_rate, with_threads  # and minidann, which is to come first

# isort: split
import numpy as np
from turns import Program, take_turns

from minidann import corpora, ops, training
from minidann.choices import Choices
from minidann.model import FILTERS, KERNEL, POOL, pooled_frames
from minidann.ops.dropout import draw_mask
from minidann.sound.features import extract
from minidann.sound.levelled import INPUTS
from minidann.sound.logmel import MELS
from minidann.train import DEMO

STEPS = 12  # in a turn: long enough for caches and memory to settle
DROPOUT = 0.7
FASTEST = "Unfolded", "UnfoldedMax", "UnfoldedAcross", "Early"  # in reference.py
PLAIN = "minidann's plain ops"


def minidann(x, labels, domains, plain=False):
    """-> a function that takes one step; `plain`: on three ops in place of the fast one."""
    model = "base" if domains is None else "our"
    named = next(name for name, frames in INPUTS.items() if frames == x.shape[1])
    choices = Choices("made up", "made up", model=model, dropout=DROPOUT, input=named)
    now = training.start(choices)
    rng = np.random.default_rng(0)
    layers = SimpleNamespace(**vars(ops))
    if plain:
        layers.conv_relu_maxpool = ops.conv_relu_maxpool.compose()

    def step():
        mask = draw_mask(rng, (len(x), len(now.params["emotion.w"])), DROPOUT)
        training.update(choices, now, x, labels, mask, rate=1e-3, beta=1.0, domain_labels=domains,
                        ops=layers)  # fmt: skip

    return step


def pytorch(*args):
    """-> a function that takes one step. Loaded here, so that minidann's process is without it."""
    import reference

    return reference.pytorch(*args)


def rows_of_speech(count: int, input: str = "paper") -> tuple[np.ndarray, str]:
    """`count` utterances as the network takes them, (count, T, 26) float32, and whose they are."""
    name, root = ("ravdess", real("ravdess")) if real("ravdess") else ("iemocap", DEMO / "iemocap")
    corpus = corpora.load(name, root)
    chosen = np.random.default_rng(0).permutation(len(corpus.utterances))[:count]
    with tempfile.TemporaryDirectory() as cache:
        features = extract([corpus.utterances[i] for i in chosen], cache, input=input).features
        return features.batch(range(count)), corpus.title


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="of both sides")
    parser.add_argument("--turns", type=int, default=5, help="of every program")
    parser.add_argument("--compile", action="store_true", help="try torch.compile, too")
    args = parser.parse_args()
    with_threads(args.threads)
    rate = sgemm_rate()
    print(describe(torch=version("torch"), threads=args.threads))
    speech, whose = rows_of_speech(64)
    random = np.random.default_rng(0).standard_normal(speech.shape).astype(np.float32)
    kinds = {"full": random, "real": speech, "levelled": rows_of_speech(64, "levelled")[0]}
    names = {
        "minidann": (minidann, ()),
        PLAIN: (minidann, ()),
        "PyTorch plain": (pytorch, ("Plain",)),
    }
    names |= {f"PyTorch {name}": (pytorch, (name,)) for name in FASTEST}
    if args.compile:
        names |= {f"PyTorch {name}, compiled": (pytorch, (name,)) for name in ("Plain", *FASTEST)}
    programs = {name: Program() for name in names}
    ratios = []
    print(f"{'rows':20} {'program':30} {'ms':>6}  of the sgemm rate, {rate / 1e9:.0f} GFLOP/s")
    for model in ("our", "base"):
        for kind, every in kinds.items():
            for count in (64, 32):
                x = np.ascontiguousarray(every[:count])
                n = count // 2 if model == "our" else count  # with a target, half is source
                domains = (np.arange(count) >= n).astype(np.int64) if model == "our" else None
                for name, (make, of) in names.items():
                    more = (True,) if name == PLAIN or name.endswith("compiled") else ()
                    programs[name].prepare(make, *of, x, np.arange(n) % 2, domains, *more)
                times = take_turns(programs, args.turns, STEPS)
                taken = {
                    name: 1e3 * float(np.median(all_of_it)) for name, all_of_it in times.items()
                }
                # The products of the whole batch: forward, and the kernel's gradient.
                pools = pooled_frames(x.shape[1])
                flops = 2 * 2 * count * pools * POOL * KERNEL * MELS * FILTERS
                for name, ms in taken.items():
                    share = flops / (1e-3 * ms) / rate
                    print(f"{f'{model}, {kind}, {count}':20} {name:30} {ms:6.1f}  {share:6.0%}",
                          flush=True)  # fmt: skip
                ours, own_plain = taken.pop("minidann"), taken.pop(PLAIN)
                plain = taken["PyTorch plain"]
                fastest = min(taken, key=taken.get)
                where = f"{'base-' if model == 'base' else ''}{kind}{count}"
                ratios += [(where, "twin", own_plain / ours, PLAIN),
                           (where, "plain", plain / ours, "PyTorch plain"),
                           (where, "fastest", taken[fastest] / ours, fastest)]  # fmt: skip
    for program in programs.values():
        program.end()
    print(f"real rows: {whose}; medians of {args.turns * STEPS} steps each")
    for where, against, ratio, name in ratios:
        print(f"RATIO {where} {against} {ratio:.2f}  ({name})")


if __name__ == "__main__":
    main()
