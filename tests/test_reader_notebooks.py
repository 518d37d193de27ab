"""The notebooks as files: what is in their cells. test_notebook.py runs them, where Jupyter is."""

import ast
import json
import re

import numpy as np
import pytest
from conftest import call
from submissions import right
from test_lessons import ANSWERS, PATHS, ROOT, fences

from minidann.coursework import handed_in, notebook
from minidann.coursework.exercises import EXERCISES, select
from minidann.reader import notebooks
from minidann.reader.links import markdown, page_of

FIELDS = {  # that nbformat 4.5 asks for
    "markdown": {"id", "cell_type", "metadata", "source"},
    "code": {"id", "cell_type", "metadata", "source", "execution_count", "outputs"},
}
OWN = {  # lessons whose answers check an exercise: right, wrong, and what is said of the wrong one
    0: ("[0, 0.03125, -0.03125]", "[0, -0.03125, 0.03125]", "the classifier's signs do not change"),
    1: (
        "logmel.filterbank(logmel.PRESETS['paper'])",
        "logmel.filterbank(logmel.PRESETS['psf'])",
        "The corners are rounded to whole bins",
    ),
    14: ("(28, 0.0)", "[28, 0.693]", "ln 2 is the best loss if the densities are equal"),
    16: ("[[-1, 1], [0.351, 1.474]]", "[[9, 17], [0.351, 1.474]]", "These are base's numbers"),
    17: ("72, 2.345, 2.912", "[72, 2.1, 2.6]", "divides by n - 1, not by n"),
    18: (
        "lambda p, q, y: (p.mean() - q[y == 0].mean()) / (q[y == 1].mean() - q[y == 0].mean())",
        "lambda p, q, y: p.mean()",
        "is predicted as class 1, false positives included",
    ),
    19: ("np.array([5, 151])", "[5, 150]", "One more window stands for all windows in the padding"),
}
LINK = re.compile(r"`[^`]*`|\]\(([^)\s]+)\)")


def read(path):
    """The cells of a notebook, each (type, source), after a look at what the format asks for."""
    whole = json.loads(path.read_text(encoding="utf-8"))
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    assert set(whole) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    ids = [cell["id"] for cell in whole["cells"]]
    assert len({*ids}) == len(ids) and all(re.fullmatch(r"[\w-]{1,64}", i) for i in ids)
    for cell in whole["cells"]:
        assert set(cell) == FIELDS[cell["cell_type"]]
        assert not cell.get("outputs") and cell.get("execution_count") is None
    return [(cell["cell_type"], "".join(cell["source"])) for cell in whole["cells"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "notebooks"
    done = call("reader", "--notebooks", out)
    assert done.stdout == f"{len(markdown(ROOT))} notebooks: {out}\n" and not done.returncode
    return out


@pytest.mark.parametrize("path", [*PATHS, *sorted(ANSWERS.glob("*.md"))], ids=page_of)
def test_a_notebook_has_the_code_of_its_page_word_for_word(folder, path):
    cells = read(folder / f"{page_of(path)}.ipynb")
    code = [source for kind, source in cells if kind == "code"]
    prose = "\n".join(source for kind, source in cells if kind == "markdown")
    found = fences(path.read_text(encoding="utf-8"))
    expected = [fence.text.rstrip("\n") for fence in found if fence.kind == "code"]
    tasks = [source for source in code if source.startswith("%%check")]
    first, *others = code or [""]
    assert "import minidann" in first and "load_ext" in first or not expected
    lesson = int(path.name[:2]) if path in PATHS else None
    assert len(tasks) == sum(exercise.lesson == lesson for exercise in EXERCISES)
    if lesson in OWN:
        tasks += others[-2:]  # the folded check, and the cell with the dots
    assert tasks or path not in PATHS  # each lesson has something to fill in
    assert [source for source in others if source not in tasks] == expected
    assert prose.count("<summary>It prints") == [f.kind for f in found].count("output")
    for fence in found:
        assert fence.text in prose or fence.kind == "code"
    assert prose.count("<details>") == prose.count("</details>")
    for kind, source in cells:
        assert source.count("<details>") == source.count("</details>") or kind == "code"


def filled_in(folder, lesson, answer, capsys):
    """What the last two cells of a lesson print, run alone, if `answer` is in place of the dots."""
    name = next(page_of(path) for path in PATHS if int(path.name[:2]) == lesson)
    cells = read(folder / f"{name}.ipynb")
    check, dotted = [source for kind, source in cells if kind == "code"][-2:]
    assert re.search(r"^answer = \.\.\.$", dotted, re.M)
    exec(check + "\n" + dotted.replace("answer = ...", f"answer = {answer}"), {})
    return capsys.readouterr().out


@pytest.mark.parametrize("lesson", OWN)
def test_a_cell_says_of_an_answer_that_it_is_empty_wrong_or_right(folder, lesson, capsys):
    right, wrong, words = OWN[lesson]
    assert filled_in(folder, lesson, right, capsys) == "right\n"
    assert words in filled_in(folder, lesson, wrong, capsys)
    for nothing in ("...", "'soon'", "[1, [2, 3]]", "[..., 0]"):
        assert filled_in(folder, lesson, nothing, capsys).startswith("Nothing to check yet: ")


def test_a_function_that_returns_nothing_is_told_so(folder, capsys):
    assert "your function returns None" in filled_in(folder, 18, "lambda *given: None", capsys)


@pytest.mark.parametrize("lesson", OWN)
def test_each_mistake_that_a_check_knows_gets_its_own_sentence(folder, lesson, capsys, monkeypatch):
    verdict, seen = notebook.verdict, []
    monkeypatch.setattr(notebook, "verdict", lambda *args: seen.append(args))
    filled_in(folder, lesson, OWN[lesson][0], capsys)
    ((_, right, mistakes),) = seen
    assert all(verdict(numbers, right, mistakes) == why for why, numbers in mistakes.items())


def test_a_verdict_of_numbers():
    said = "Nothing to check yet: answer with 2 finite numbers, as an array or lists of shape (2,)."
    for nothing in ([np.nan, 1], [1], [[1, 2]], None, "12"):
        assert notebook.verdict(nothing, [1, 2], {}) == said
    assert notebook.verdict((1.004, 2), [1, 2], {}) == "right"
    large = "Entry [1] is too large. (The first entry is [0].)"
    assert notebook.verdict([1.1, 2.3], [1, 2], {"Twice.": [2, 4]}) == large


def test_no_link_of_a_notebook_is_dead(folder):
    for path in folder.glob("*.ipynb"):
        prose = "\n".join(source for kind, source in read(path) if kind == "markdown")
        for link in filter(
            None, LINK.findall(re.sub(r"^```.*?^```", "", prose, flags=re.S | re.M))
        ):
            assert (folder / link).is_file(), f"{path.name}: {link}"


def test_a_quote_says_where_it_stands(folder):
    prose = "\n".join(source for _, source in read(folder / "05_attention.ipynb"))
    lines = (ROOT / "minidann/ops/attention.py").read_text(encoding="utf-8").splitlines()
    where = r"`minidann\.ops\.attention\.(\w+)` \(`minidann/ops/attention\.py`, line (\d+)\):"
    quoted = re.findall(where, prose)
    assert [name for name, _ in quoted] == ["forward", "backward"]
    assert all(lines[int(line) - 1].startswith(f"def {name}(") for name, line in quoted)


def test_the_same_bytes_twice_and_nothing_is_overwritten(folder, tmp_path):
    notebooks.build(ROOT, tmp_path / "again")
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert all((folder / n).read_bytes() == (tmp_path / "again" / n).read_bytes() for n in names)
    done = call("reader", "--notebooks", folder)
    assert done.returncode == 2 and "exists already; give a new folder" in done.stderr


def test_the_first_cell_has_the_address_or_leaves_it_to_fill_in(monkeypatch):
    class Metadata(dict):
        get_all = dict.get

    urls = {"Project-URL": ["Repository, https://example.org/minidann"]}
    for known, words in (
        (urls, "--depth 1 https://example.org/minidann "),
        ({}, "replace ADDRESS"),
    ):
        monkeypatch.setattr(notebook.metadata, "metadata", lambda _: Metadata(known))
        assert words in notebook.setup() and "None" not in notebook.setup()


def test_exercises_as_notebooks_are_those_of_the_files(tmp_path):
    """Each is read by the grader, without what only the notebook needs."""
    files, made = tmp_path / "files", tmp_path / "made"
    assert call("coursework", "new", files).returncode == 0
    assert call("coursework", "new", made, "--notebook").returncode == 0
    assert all(f"| `{exercise.name}.ipynb` |" in (made / "README.md").read_text()
               for exercise in EXERCISES)  # fmt: skip
    submission = handed_in.read(made)
    assert submission.note == "" and submission.unread == {}
    for exercise in EXERCISES:
        kinds = [kind for kind, _ in read(made / f"{exercise.name}.ipynb")]
        assert kinds == ["markdown", "code", "code"]
        body = ast.parse((files / f"{exercise.name}.py").read_text()).body[1:]  # the docstring
        assert submission.code[exercise.name] == ast.unparse(ast.Module(body, []))


class Shell:
    """What IPython does with a magic, and with a cell, in a few lines."""

    def register_magic_function(self, function, kind):
        assert kind == "cell"
        self.magic = function

    def run_cell(self, source):
        try:
            exec(source, {})
        except ZeroDivisionError:
            return type("Result", (), {"success": False})
        return type("Result", (), {"success": True})


def test_a_cell_checks_itself_if_it_runs(capsys):
    shell = Shell()
    notebook.load_ipython_extension(shell)
    (relu,) = select(name="relu")
    shell.magic("relu", right(relu))
    assert "relu.py, lesson 4: 1 of 1, right" in capsys.readouterr().out
    shell.magic("relu", notebook.cell(relu).partition("\n")[2])
    assert "not written" in capsys.readouterr().out
    shell.magic("relu", "1 / 0")
    assert capsys.readouterr().out == ""
