"""python tests/baselines/compare.py RUN: hold a finished run of the demo against the baseline.

RUN is a run folder, or any folder with a `history.csv` and a `model.npz` in it. The history is
compared column by column, without `seconds`, and the model array by array, to the byte. Both the
old and the new names of `names.json` are understood. Exit code 1 if anything differs.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DEMO = HERE / "demo"
NAMES = json.loads((HERE / "names.json").read_text("utf-8"))  # old name -> new name


def renamed(kind: str, named: dict) -> dict:
    """`named` under the new names of its kind, "history" or "model"."""
    return {NAMES[kind].get(name, name): value for name, value in named.items()}


def history(folder: Path) -> dict[str, tuple[str, ...]]:
    """The columns of a run's history, as they are written, by their new names."""
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    columns = dict(zip(names, zip(*rows)))
    columns.pop("seconds", None)
    return renamed("history", columns)


def model(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a run's model by their new names, without its description."""
    with np.load(folder / "model.npz", allow_pickle=False) as arrays:
        return renamed("model", {name: arrays[name] for name in arrays.files if name != "about"})


def differing_cells(here: tuple[str, ...], there: tuple[str, ...]) -> str:
    """What differs between two columns: the number of epochs, or the first cell that changed."""
    if len(here) != len(there):
        return f"it has {len(here)} epochs, and the baseline has {len(there)}"
    at = [i for i, cells in enumerate(zip(here, there)) if cells[0] != cells[1]]
    first = at[0]
    return (
        f"{len(at)} of {len(here)} epochs differ, first epoch {first + 1}: "
        f"{here[first] or 'empty'} here, {there[first] or 'empty'} in the baseline"
    )


def differing_values(here: np.ndarray, there: np.ndarray) -> str:
    """What differs between two arrays: their kind, or how many values and by how much."""
    if (here.shape, here.dtype) != (there.shape, there.dtype):
        return f"it is {here.shape} {here.dtype}, and the baseline {there.shape} {there.dtype}"
    off = np.abs(here.astype(float) - there.astype(float))
    return f"{(off > 0).sum()} of {off.size} values differ, by at most {off.max():.3g}"


def differences(here: dict, there: dict, same, describe) -> Iterator[str]:
    """A line for each name that only one of the two has, or whose values are not the same."""
    for name in sorted(here.keys() | there.keys()):
        if name not in here:
            yield f"{name}: it is missing"
        elif name not in there:
            yield f"{name}: the baseline does not have it"
        elif not same(here[name], there[name]):
            yield f"{name}: {describe(here[name], there[name])}"


def same_bytes(here: np.ndarray, there: np.ndarray) -> bool:
    """Whether two arrays have the same shape, the same dtype and the same bytes."""
    kinds = [(array.shape, array.dtype, array.tobytes()) for array in (here, there)]
    return kinds[0] == kinds[1]


def main() -> None:
    """Compare the run folder on the command line with the baseline."""
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    run = Path(sys.argv[1])
    columns, arrays = history(DEMO), model(DEMO)
    lines = [
        *differences(history(run), columns, lambda a, b: a == b, differing_cells),
        *differences(model(run), arrays, same_bytes, differing_values),
    ]
    for line in lines:
        print(line)
    compared = f"{len(columns)} columns and {len(arrays)} arrays were compared"
    print(f"{compared}: {len(lines) or 'no'} difference{'s' * (len(lines) != 1)}")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
