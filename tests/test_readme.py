"""What the READMEs print of results is what the reports beside them say."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPORTS = {"README.md": "emodb-ravdess", "data/README.md": "demo"}


def results(text: str) -> list[str]:
    """The lines of tables whose cells have an interval, as reports write it."""
    return [line for line in text.splitlines() if re.match(r"\| .*\) \[-?\d+\.\d, ", line)]


@pytest.mark.parametrize("name", REPORTS)
def test_every_row_of_results_is_a_row_of_a_report(name):
    rows = results((ROOT / name).read_text(encoding="utf-8"))
    reports = sorted((ROOT / "data" / "reports" / REPORTS[name]).glob("*.md"))
    there = [line for path in reports for line in results(path.read_text(encoding="utf-8"))]
    assert len(rows) >= 10  # or nothing was compared
    assert [row for row in rows if row not in there] == []


@pytest.mark.parametrize("name", sorted(REPORTS.values()))
def test_a_report_of_synthetic_speech_says_so(name):
    for path in (ROOT / "data" / "reports" / name).glob("*.md"):
        assert ("**Synthetic speech**" in path.read_text(encoding="utf-8")) == (name == "demo")
