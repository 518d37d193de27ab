"""What the READMEs print of results is what the reports beside them say."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPORTS = ("demo", "emodb-ravdess")
ROWS = {"README.md": 3, "data/README.md": 30}  # of results, at least, or nothing is compared


def results(text: str) -> list[str]:
    """The lines of tables whose cells have an interval, as reports write it."""
    return [line for line in text.splitlines() if re.match(r"\| .*\) \[-?\d+\.\d, ", line)]


@pytest.mark.parametrize("name", ROWS)
def test_every_row_of_results_is_a_row_of_a_report(name):
    rows = results((ROOT / name).read_text(encoding="utf-8"))
    reports = sorted((ROOT / "data" / "reports").glob("*/*.md"))
    there = [line for path in reports for line in results(path.read_text(encoding="utf-8"))]
    assert len(rows) >= ROWS[name]
    assert [row for row in rows if row not in there] == []


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_of_synthetic_speech_says_so(name):
    for path in (ROOT / "data" / "reports" / name).glob("*.md"):
        assert ("**Synthetic speech**" in path.read_text(encoding="utf-8")) == (name == "demo")
