"""Every case of `faults.py`: refused in the words of tests/README.md, and nothing touched."""

from pathlib import Path

import pytest

pytest.importorskip("resource", reason="Windows: no limit on files, and other words of the system")

from faults import CASES, Bench, cell, read_table

NOTE = "        note: "  # of a corpus; it is kept in config.json
FAULTS = {title: case for title, case in CASES.items() if not case.warns}
WARNINGS = {title: case for title, case in CASES.items() if case.warns}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("title", FAULTS)
def test_a_fault_is_reported_and_nothing_is_touched(bench, title):
    case = FAULTS[title]
    if case.stdout and not Path(case.stdout).exists():
        pytest.skip(f"this system has no {case.stdout}")
    tried = bench.attempt(case)
    assert tried.code == 2, tried.out + tried.err
    assert tried.err.startswith("error: ") and "Traceback" not in tried.err
    assert cell(case, tried) == read_table()[title]
    assert tried.changed == []


@pytest.mark.parametrize("title", WARNINGS)
def test_a_warning_is_printed_and_the_run_goes_on(bench, title):
    tried = bench.attempt(WARNINGS[title])
    assert tried.code == 0, tried.err
    assert cell(WARNINGS[title], tried) == read_table()[title] != ""
    notes = [line for line in tried.out.splitlines() if line.startswith(NOTE)]
    assert [line.removeprefix(NOTE) for line in notes] == tried.data_warnings
    assert len(notes) == len(set(notes))  # once


def test_nothing_beside_a_case_is_touched(bench):
    """The good corpora and runs, used by all cases, are as they were made."""
    bench.attempt(FAULTS["an unknown flag"])
    assert bench.contents() == bench.made
    assert not list((bench.good / "cache").glob("unfinished-*"))


def test_each_case_has_a_row_and_each_row_a_case():
    assert list(read_table()) == list(CASES)
    assert len(FAULTS) >= 40
