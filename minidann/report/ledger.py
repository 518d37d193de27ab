"""The ledger of a report: `runs.csv`, a row for each run and each selection criterion.

A row has all choices of the run, what its corpora were, and each speaker's confusion on the test
set, so a table can be made of it without the run's folder. Runs made elsewhere count as well: their
rows are put under these ones. A finished run's folder goes before its row.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

import numpy as np

from minidann.choices import SELECTION, Choices
from minidann.console import UserError
from minidann.measure.metrics import Counts
from minidann.run import folder, store
from minidann.run.outcome import SPEAKERS, selected_name

FACTS = {"title": str, "kind": str, "utterances": int, "speakers": int, "left_out": int,
         "content": str, "labels": str}  # of a corpus, as its config.json has them  # fmt: skip
THRESHOLDS = ("half", "share")
NUMBERS = ("value", "auc", "domain_uar")  # as in Tested
LAST = 10  # epochs over which the domain UAR is averaged
Rows = list[dict[str, str]]


class Tested(NamedTuple):
    """How the epoch that a criterion selected does on the test set."""

    value: float  # by which it was selected
    auc: float
    domain_uar: float  # of the run's last epochs
    counts: dict[str, Counts]  # by threshold


def planned(choices: Choices) -> dict[str, str]:
    """What a row says of a run before it is made; without what selects, as a row has its own."""
    plan = folder.planned(choices)
    constants = json.dumps(plan["constants"]).encode()
    said = plan["choices"] | {"constants": hashlib.blake2b(constants, digest_size=4).hexdigest()}
    return {name: str(value) for name, value in said.items() if name != "select_by"}


def rows_of(name: str, out: Path, choices: Choices, config: dict) -> Rows:
    """The rows of the finished run in the folder `out`, from its files and its `config`."""
    corpora = {
        f"{role}_corpus": " ".join(quote(str(config["corpora"][role][fact])) for fact in FACTS)
        for role in ("source", "target")
    }
    shared, found = {"run": name} | planned(choices) | corpora, {}
    tested = store.read_json(out / "metrics.json")["selected_by"]
    history = folder.history_of(out)
    domain_uar = history["domain_uar"][-LAST:].mean()
    for row in store.read_csv(out / "speakers.csv"):
        key = selected_name(row["selected_by"], row["statistics"])
        if key not in found:
            about = {fact: row[fact] for fact in ("selected_by", "statistics", "epoch")}
            column = SELECTION[row["selected_by"]][row["statistics"] == "adabn"]
            numbers = history[column].max(), tested[key]["auc"], domain_uar
            about |= {fact: f"{number:.6f}" for fact, number in zip(NUMBERS, numbers)}
            found[key] = shared | about | dict.fromkeys(THRESHOLDS, "")
        confusion = "/".join(row[column] for column in SPEAKERS[-4:])
        found[key][row["threshold"]] += f" {quote(row['speaker'])}:{confusion}"
    return list(found.values())


def corpus_of(row: dict[str, str], role: str) -> dict:
    """The facts of a run's source or target."""
    words = map(unquote, row[f"{role}_corpus"].split(" "))
    return {fact: kind(word) for (fact, kind), word in zip(FACTS.items(), words, strict=True)}


def tests_of(rows: Rows) -> dict[tuple[str, str], Tested]:
    """{(criterion, statistics): what its row says} of a run's rows."""
    tested = {}
    for row in rows:
        counts = {name: _counts(row[name]) for name in THRESHOLDS}
        numbers = (float(row[name]) for name in NUMBERS)
        tested[row["selected_by"], row["statistics"]] = Tested(*numbers, counts)
    return tested


def _counts(text: str) -> Counts:
    """`03:12/4/2/9 04:...` as each speaker's confusion (2, 2)."""
    pairs = (word.rsplit(":", 1) for word in text.split())
    flat = {unquote(name): numbers.split("/") for name, numbers in pairs}
    return {name: np.array(counts, np.int64).reshape(2, 2) for name, counts in flat.items()}


def read(path: Path) -> dict[str, Rows]:
    """The rows of each run, by its name; {} where there is no ledger."""
    found: dict[str, dict[tuple[str, str], dict[str, str]]] = {}
    with store.reading(path, "put a whole copy there, or delete it"):
        for number, row in enumerate(store.read_csv(path) if path.exists() else [], 2):
            if [*row] != [*row.values()]:  # no heading, of rows that were added below
                with store.reading(f"{path}, line {number}", "delete the rows of its run"):
                    (key,), name = tests_of([row]), row["run"]
                if found.setdefault(name, {}).setdefault(key, row) != row:
                    raise UserError(f"{path}: two results of {name}; delete the rows of one")
    return {name: [*rows.values()] for name, rows in found.items()}


def write(path: Path, runs: dict[str, Rows]) -> None:
    """Put the rows of all runs at `path`, in the order of their names."""
    rows = [row for _, rows in sorted(runs.items()) for row in rows]
    store.write_csv(path, [list(rows[0]), *(list(row.values()) for row in rows)])
