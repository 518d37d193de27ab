"""A few generated examples of each property of `fuzz.py`; an hour of them is a command there."""

import pytest

pytest.importorskip("hypothesis", reason="needs hypothesis: pip install -e '.[fuzz]'")

import fuzz


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return fuzz.Places(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("which", fuzz.PROPERTIES, ids=lambda which: which.__name__)
def test_anything_in_is_read_or_refused(which, place):
    fuzz.run(which, place, 60, derandomize=True)
    assert fuzz.seen.total()


def test_a_reader_that_fails_is_found(place, monkeypatch):
    def fails(name, root):
        raise IndexError

    monkeypatch.setattr(fuzz, "load", fails)
    with pytest.raises(IndexError):
        fuzz.run(fuzz.csv_table, place, 5, derandomize=True)
