"""Every notebook runs from top to bottom, in a kernel as Jupyter starts it. This takes minutes."""

import re

import pytest

nbclient = pytest.importorskip(
    "nbclient", reason="needs nbclient and ipykernel: pip install -e '.[notebook]'"
)
import nbformat  # noqa: E402  it comes with nbclient
from submissions import right  # noqa: E402
from test_lessons import difference  # noqa: E402

from minidann.coursework import handed_in, handout, notebook  # noqa: E402
from minidann.coursework.exercises import select  # noqa: E402
from minidann.reader import notebooks  # noqa: E402
from minidann.reader.links import markdown, page_of  # noqa: E402
from minidann.reader.quoting import ROOT  # noqa: E402

NAMES = [name for path in markdown(ROOT) if (name := page_of(path))[0].isdigit()]
SHOWN = re.compile(r"<summary>It prints</summary>\n\n```text\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("notebooks")
    notebooks.build(ROOT, out)
    return out


def run(path, edit=lambda source: source):
    """The cells of a notebook after they ran. `edit` changes the code of each."""
    whole = nbformat.read(path, as_version=4)
    nbformat.validate(whole)
    for cell in whole.cells:
        assert not cell.get("outputs")  # they are made, not kept
        cell.source = edit(cell.source)
    nbclient.NotebookClient(whole, timeout=300, resources={}).execute(cwd=str(path.parent))
    return whole.cells


def printed(cell):
    return "".join(o.text for o in cell.outputs if o.get("name") == "stdout")


def outputs(cell):
    """What a cell printed or showed, as one text."""
    return "".join(
        output.get("text", "") + str(output.get("data", "")) for output in cell.get("outputs", [])
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_page_runs_as_a_notebook_and_prints_what_it_says(folder, name):
    cells = run(folder / f"{name}.ipynb")
    for code, after in zip(cells, cells[1:]):
        expected = SHOWN.search(after.source) if after.cell_type == "markdown" else None
        if expected:
            assert difference(expected[1], printed(code)) is None
        elif code.cell_type == "code" and code.source.startswith("%%check"):
            assert re.search(r"^[\d.]+ of \d+ points$", printed(code), re.M)
        elif "\nanswer = ...\n" in code.source:
            assert printed(code).startswith("Nothing to check yet: ")
    drawn = {path.name for path in (folder / "lessons/figures").glob(f"{name[:2]}_*")}
    committed = {path.name for path in (ROOT / "lessons/figures").glob(f"{name[:2]}_*")}
    assert "_answers" in name or drawn == committed


def test_a_cell_is_checked_and_handed_in(tmp_path):
    """Filled in, the cell says that it is right, and the saved file is graded as the cell is."""
    (attention,) = select(name="attention")
    handout.write(tmp_path / "ada", (attention,), "ipynb", notebook.text)
    path = tmp_path / "ada/attention.ipynb"

    def filled(source):
        return f"%%check attention\n{right(attention)}" if "%%check" in source else source

    cells = run(path, filled)
    assert "attention.py, lesson 5: 3 of 3, right\n3 of 3 points" in printed(cells[-1])
    path.write_text(notebook.written([notebook.code(cell.source) for cell in cells[1:]]))
    submission = handed_in.read(path.parent)
    assert submission.note == "" and "def backward" in submission.code["attention"]
    assert "minidann" not in submission.code["attention"]


def test_the_notebook_trains_predicts_and_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    path = tmp_path / "first_run.ipynb"
    path.write_bytes((ROOT / "lessons" / path.name).read_bytes())
    shown = [outputs(cell) for cell in run(path) if cell.cell_type == "code"]
    imports, trained, test, curves, predicted, command, picture, doctor = shown
    assert imports == ""
    assert "epoch  3/3" in trained and "(synthetic demo)" in trained
    assert "test UAR (synthetic demo)" in test and "'predicted': " in test
    assert "image/png" in curves and "image/png" in picture
    assert predicted.count("_F000.ogg") == 2
    assert "arousal (model of synthetic demo speech)" in command
    assert "the domain classifier is" in doctor and "What to try next" in doctor
    assert "Traceback" not in "".join(shown)
