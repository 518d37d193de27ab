"""Every case of `faults.py`: refused in the words of tests/README.md, and nothing touched."""

from pathlib import Path

import pytest

pytest.importorskip("resource", reason="Windows: no limit on files, and other words of the system")

from faults import FAULTS, WARNINGS, Bench, cell, contents, message, read_table

NOTE = "        note: "  # of a corpus; it is kept in config.json


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("faults"))


def attempt(bench, case):
    if case.stdout and not Path(case.stdout).exists():
        pytest.skip(f"this system has no {case.stdout}")
    tried = bench.attempt(case)
    assert tried.warned == []
    assert "Traceback" not in tried.err
    return tried


@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_and_nothing_is_touched(bench, case):
    tried = attempt(bench, case)
    assert tried.code == 2, tried.out + tried.err
    assert tried.err.startswith("error: ")
    assert cell(message(case, tried)) == read_table("faults")[case.title]
    assert tried.changed == []


@pytest.mark.parametrize("case", WARNINGS.values(), ids=WARNINGS)
def test_a_warning_is_printed_and_the_run_goes_on(bench, case):
    tried = attempt(bench, case)
    assert tried.code == 0, tried.err
    assert cell(message(case, tried)) == read_table("warnings")[case.title] != ""
    notes = [line for line in tried.out.splitlines() if line.startswith(NOTE)]
    assert [line.removeprefix(NOTE) for line in notes] == tried.data_warnings
    assert len(notes) == len(set(notes))  # once


def test_nothing_beside_a_case_is_touched(bench):
    """The good corpora and the finished run, used by all cases, are as they were made."""
    bench.attempt(FAULTS["an unknown flag"])
    now = {name: what for name, what in contents(bench.good).items() if "cache/" not in name}
    assert now == bench.made
    assert not list((bench.good / "cache").glob("*.tmp"))


@pytest.mark.parametrize("name, cases", [("faults", FAULTS), ("warnings", WARNINGS)])
def test_each_case_has_a_row_and_each_row_a_case(name, cases):
    assert list(read_table(name)) == list(cases)


def test_as_many_cases_as_the_table_is_to_have():
    assert len(FAULTS) >= 40
