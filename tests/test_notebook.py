"""The notebook runs from top to bottom, in a kernel as Jupyter starts it."""

from pathlib import Path

import pytest

nbclient = pytest.importorskip(
    "nbclient", reason="needs nbclient and ipykernel: pip install -e '.[notebook]'"
)
import nbformat  # noqa: E402  it comes with nbclient

NOTEBOOK = Path(__file__).parents[1] / "lessons" / "first_run.ipynb"


def outputs(cell):
    """What a cell printed or showed, as one text."""
    return "".join(
        output.get("text", "") + str(output.get("data", "")) for output in cell.get("outputs", [])
    )


def test_the_notebook_trains_predicts_and_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # they are made, not kept
    nbclient.NotebookClient(notebook, timeout=300, resources={}).execute(cwd=str(tmp_path))
    shown = [outputs(cell) for cell in notebook.cells if cell.cell_type == "code"]
    imports, trained, test, curves, predicted, command, picture, doctor = shown
    assert imports == ""
    assert "epoch  3/3" in trained and "(synthetic demo)" in trained
    assert "test UAR (synthetic demo)" in test and "'predicted': " in test
    assert "image/png" in curves and "image/png" in picture
    assert predicted.count("_F000.ogg") == 2
    assert "arousal (model of synthetic demo speech)" in command
    assert "The domain classifier is" in doctor and "What to try next" in doctor
    assert "Traceback" not in "".join(shown)
