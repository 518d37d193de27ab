"""Each random stream of a run still draws what it drew when `baselines/streams.json` was written.

`python tests/test_baselines.py` writes that file anew; it should never be needed, because a stream
that changes changes every result. Only `draws` knows what the functions are called.
"""

import json
from pathlib import Path

import numpy as np

from minidann import model, training
from minidann.ops.dropout import draw_mask
from minidann.run import splits
from minidann.training import generator

FILE = Path(__file__).parent / "baselines" / "streams.json"
SEEDS = 0, 1
SHOWN = 8  # the numbers that are kept of each draw
ROWS = np.arange(100)
# Two made-up corpora: who says each utterance.
SOURCE = np.repeat([f"s{i}" for i in range(23)], 20)
TARGET = np.repeat([f"t{i}" for i in range(10)], [80, 120, 95, 105, 100, 60, 140, 100, 90, 110])


def draws(seed: int) -> dict[str, np.ndarray]:
    """The draws of every stream of a run with this seed, by what they are for."""
    drawn = {}
    for kind in ("our", "mono"):
        for unit in ("utterance", "speaker"):
            split = splits.draw(seed, SOURCE, TARGET, model=kind, by_speaker=unit == "speaker")
            parts = zip(
                ("source train", "source validation", "target dev", "target test"),
                (split.train, split.source_val, split.dev, split.test),
            )
            drawn |= {f"split by {unit}, {kind}: {part}": rows for part, rows in parts}
    params, _ = model.initialise(generator(seed, "initialise"))
    for name in ("conv.w", "attention.v", "emotion.w", "domain.w"):
        drawn[f"initial values: {name}"] = params[name]
    for epoch in (0, 1):
        order = generator(seed, "source order", epoch).permutation(ROWS)
        drawn[f"source order, epoch {epoch}"] = order
        mask = draw_mask(generator(seed, "dropout", epoch), (2, 50), 0.7)
        drawn[f"dropout mask, epoch {epoch}"] = mask
    for number in (0, 1):
        order = generator(seed, "target order", number).permutation(ROWS)
        drawn[f"target order, pass {number}"] = order
    drawn["target rows across two passes"] = training.cycle(seed, ROWS, 96, 40)
    for number in (0, 1, 2):
        order = generator(seed, "monitor", number).permutation(ROWS)
        drawn[f"monitor, stream {number}"] = order
    return drawn


def kept(array: np.ndarray) -> dict:
    """What the file keeps of a draw: its shape, its first values and its last ones."""
    flat = array.ravel()
    shown = np.concatenate([flat[:SHOWN], flat[-SHOWN:]]).tolist()
    return {"shape": list(array.shape), "values": shown}


def all_draws() -> dict[str, dict]:
    """What is kept of every draw of every seed."""
    return {
        f"seed {seed}, {what}": kept(array)
        for seed in SEEDS
        for what, array in draws(seed).items()
    }  # fmt: skip


def test_each_stream_draws_what_it_drew():
    before, now = json.loads(FILE.read_text("utf-8")), all_draws()
    assert now.keys() == before.keys()
    for what, drawn in now.items():
        assert drawn["shape"] == before[what]["shape"], what
        values = before[what]["values"]
        # Whole numbers are exact; real ones may be rounded otherwise on another processor.
        exact = all(isinstance(value, int) for value in values)
        near = {"rtol": 0 if exact else 1e-6, "atol": 0}
        np.testing.assert_allclose(drawn["values"], values, **near, err_msg=what)


if __name__ == "__main__":
    lines = (f"{json.dumps(what)}: {json.dumps(drawn)}" for what, drawn in all_draws().items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
