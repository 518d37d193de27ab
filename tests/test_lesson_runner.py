"""What holds the lessons to the code is itself held: each kind of slip must make it fail."""

import ast
from collections import defaultdict
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile
import test_lessons as runner

from minidann import ops
from minidann.console import UserError
from minidann.reader.quoting import find, lines_of

PREPARED = ("#", "k, d, f = ", "n, p = ", "dtype, places = ", "best, where = (np.empty")
README = runner.LESSONS / "README.md"
ATTENTION = runner.LESSONS / "05_attention.md"
TEXT = ATTENTION.read_text(encoding="utf-8")


def lesson(folder: Path, body: str) -> runner.Lesson:
    path = folder / "05_made_up.md"
    path.write_text(body, encoding="utf-8")
    return runner.Lesson(path).run(committed=folder)


# Quotes


def signature_and_refusals(lines: list[str], function: str) -> set[int]:
    """The lines, counted from 1, of a function's `def` and of every `if` that only raises."""
    body = ast.parse("\n".join(lines)).body
    node = next(child for child in body if getattr(child, "name", None) == function)
    found = set(range(node.lineno, node.body[0].lineno))
    for child in ast.walk(node):
        if isinstance(child, ast.If) and isinstance(child.body[0], ast.Raise):
            found |= set(range(child.lineno, child.end_lineno + 1))
    return found


@pytest.fixture(scope="module")
def quoted():
    """The lines of each file that some lesson quotes."""
    found = defaultdict(set)
    for path in runner.PATHS:
        for file, lines in runner.quotes(path):
            found[file] |= set(lines)
    return found


@pytest.mark.parametrize("name", ops.__all__)
def test_each_line_of_an_op_is_quoted(name, quoted):
    """Each line of each op's forward and backward is in a quote, so that it cannot change alone.

    But for signatures, refusals of a wrong shape, sizes, arrays that are still empty and comments,
    which a lesson may leave out.
    """
    lines = (runner.ROOT / "minidann/ops" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    for function in ("forward", "backward"):
        left_out = signature_and_refusals(lines, function) | quoted[f"minidann/ops/{name}.py"]
        for number, text in find(f"minidann.ops.{name}.{function}").lines:
            if text.strip() and not text.strip().startswith(PREPARED):
                assert number in left_out, f"{name}.py, line {number} is in no lesson: {text}"


def test_a_quote_is_the_code_without_its_docstring():
    source = find("minidann.ops.relu.forward")
    text = "\n".join(line for _, line in source.lines)
    assert lines_of(text, source) == [number for number, _ in source.lines]
    assert '"""' not in text and source.file == "minidann/ops/relu.py"
    lines = (runner.ROOT / source.file).read_text().splitlines()
    assert all(lines[number - 1] == line for number, line in source.lines)


@pytest.mark.parametrize(
    ("name", "quote", "problem"),
    [
        ("minidann.optim.DECAY", "DECAY = 0.94", "has no line 'DECAY = 0.94'"),
        ("minidann.optim.DECAY", "DECAY = 0.93\nMORE = 1", "has no line 'MORE = 1'"),
        ("minidann.optim.start", "...\n  return state", "has no line 'return state'"),
        ("minidann.optim.start", "def start(params: Arrays) -> Arrays:", "leaves out"),
        ("minidann.optim.start", "    return state\n...", "leaves out"),
        ("minidann.nothing.x", "", "minidann/__init__.py has no nothing"),
        ("minidann.optim.nothing", "", "has no nothing"),
        ("numpy.sum", "", "there is no such module"),
    ],
)
def test_a_wrong_quote_is_refused(name, quote, problem):
    with pytest.raises(UserError, match=problem):
        lines_of(quote, find(name))


def test_dots_leave_lines_out():
    quote = "def start(params: Arrays) -> Arrays:\n    ...\n    return state"
    shown = lines_of(quote, find("minidann.optim.start"))
    assert len(shown) == 2 and shown[1] - shown[0] > 2


# Outputs


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("0.12", "0.1234", True),
        ("0.13", "0.1234", False),
        ("12", "13", False),
        ("1.5e-3", "0.0015", True),
        ("1.5e-3", "0.0016", False),
        ("~1e-11", "~2e-10", True),
        ("~1e-11", "~1e-08", False),
        ("~1e-11", "~0e+00", False),
        ("~1e-11", "1e-11", False),
        ("-0.0", "0.0", True),
    ],
)
def test_numbers_agree_to_the_digits_shown(shown, printed, same):
    assert runner.agree(shown, printed) is same


def test_outputs_differ_in_words_and_in_lines():
    assert runner.difference("a  1\nb 2\n", "a 1\nb 2\n") is None
    assert runner.difference("a 1\n", "c 1\n") == (0, "shown 'a 1', printed 'c 1'")
    assert runner.difference("a\nb\n", "a\n") == (1, "'b' was not printed")
    assert runner.difference("a\n", "a\nb\n") == (1, "printed as well: 'b'")


@pytest.mark.parametrize(
    ("body", "line", "problem"),
    [
        ("```python\nprint(3)\n```\n```python\nx = 1\n```", 2, "prints '3', and no output is "),
        ("```python\nprint(3)\n```\n```output\n4\n```", 5, "shown '4', printed '3'"),
        ("```output\n3\n```", 2, "an output without code before it"),
        ("```\n3\n```", 2, "a fence says what it holds: python, text, ..."),
        ("```python\n\ndef f():\n    1 / 0\n```\n```python\nf()\n```", 4, "ZeroDivisionError"),
        ("```python\nx = 1\ny = )\n```", 3, "SyntaxError"),
        ("```python\nraise SystemExit(3)\n```", 2, "SystemExit: 3"),
        ("```python\nonly_in_another_lesson\n```", 2, "NameError"),
        ("```python minidann.optim.DECAY\nDECAY = 0\n```", 2, "minidann.optim.DECAY has no line"),
        ("![x](figures/absent.png)", 1, "figures/absent.png is shown and not made by this lesson"),
    ],
)
def test_a_problem_names_the_line_of_the_markdown(tmp_path, body, line, problem):
    lesson(tmp_path, "```python\nonly_in_another_lesson = 1\n```\n")
    ((number, message),) = lesson(tmp_path, body).problems
    assert number == line and message.startswith(problem)


def test_writing_mends_outputs_and_quotes(tmp_path):
    written = lesson(
        tmp_path,
        "# 5. T\n\n```python\nprint(3)\n```\n\ntext\n\n```python\nprint(4)\n```\n\n"
        "```output\n5\n```\n\n```python minidann.optim.DECAY\nDECAY = 0.5\n```\n",
    ).written()
    assert lesson(tmp_path, written).problems == []
    assert "```output\n3\n```\n\ntext" in written and "```output\n4\n```" in written
    assert "DECAY = 0.93\n" in written


# Figures and sounds


def test_a_figure_is_compared_by_what_it_shows(tmp_path):
    """Words and numbers of all kinds of artists, and nothing that another font moves."""

    def drawn(name, *, title="t", bar=50.3, x=1.0, y=2.0, pixel=1.0, band=3.0, size=9, points=500):
        figure, axes = plt.subplots()
        axes.set_title(title, fontsize=size)
        axes.bar([0, 1], [bar, 90])
        axes.plot(np.linspace(0, x, points), np.linspace(0, x, points) ** 2, label="curve")
        axes.scatter([0, y], [1, 1])
        axes.fill_between([0, 1], [0, 1], [band, band])
        axes.imshow(np.array([[0, pixel], [1, 2]]))
        axes.legend()
        plt.close(figure)
        with runner.workplace():
            figure.savefig(tmp_path / name)
        return tmp_path / name

    committed = drawn("a.png")
    assert runner.same_picture(drawn("b.png", size=8, points=501), committed) is None
    for change in (
        {"title": "u"},
        {"bar": 51.3},
        {"x": 1.1},
        {"y": 2.1},
        {"pixel": 2},
        {"band": 4},
    ):
        assert "differs: it shows" in runner.same_picture(drawn("b.png", **change), committed)


def test_a_figure_that_is_made_is_shown_and_committed(tmp_path):
    code = (
        "```python\nimport matplotlib.pyplot as plt\n"
        "plt.figure().savefig('lessons/figures/made.png')\n```\n"
    )
    assert [message for _, message in lesson(tmp_path, code).problems] == [
        "figures/made.png is made and not shown",
        "figures/made.png is not there: --write makes it",
    ]
    (tmp_path / "figures").mkdir()
    plt.imsave(tmp_path / "figures/made.png", np.zeros((480, 640)))
    ((line, message),) = lesson(tmp_path, f"{code}![x](figures/made.png)\n").problems
    assert line == 5 and message.startswith("figures/made.png differs")


def test_a_sound_is_compared_by_what_it_holds(tmp_path):
    tone = 0.1 * np.sin(np.arange(1600))
    first, other = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(first, tone, 16000)
    for sound, problem in (
        (tone + 1e-4, None),
        (1.1 * tone, "sounds different"),
        (tone[:800], "is (1600,) samples at 16000 Hz, the lesson makes (800,) at 16000 Hz"),
    ):
        soundfile.write(other, sound, 16000)
        assert runner.same_sound(other, first) == problem


def test_every_committed_figure_and_sound_is_shown():
    shown = "".join(path.read_text(encoding="utf-8") for path in [*runner.PATHS, README])
    for folder in runner.MADE:
        for path in (runner.LESSONS / folder).iterdir():
            assert f"({folder}/{path.name})" in shown, f"{path.name} is in no lesson"


# Form


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# 5. Attention", "# Attention", "the title should begin"),
        ("## Recap", "## Summary", "the sections are"),
        ("## What you will be able to do", "## Goals", "the sections are"),
        ("![", "[", "no picture or diagram up to here"),
        ("## Recap", f"## Recap\n\n{41 * '$x$ '}", "formulas inline, at most 40"),
        ("(answers/05_attention.md)", "(05_attention.md)", "no link to its answers"),
        ("<details>", "<p>", "hidden in <details>"),
        ("$\\mathbf{v}$", "$\\mathbf{v}", "begins and ends in that line"),
        ("(06_dense_softmax_cross_entropy.md)", "(05_attention.md)", "no link to the next lesson"),
    ],
)
def test_a_breach_of_the_form_is_found(old, new, problem):
    assert runner.form_problems(ATTENTION, TEXT) == []
    problems = runner.form_problems(ATTENTION, TEXT.replace(old, new))
    assert any(problem in message for _, message in problems)


def test_links_to_the_network_or_to_nothing_are_found(tmp_path):
    path = tmp_path / "05_made_up.md"
    path.write_text("# 5. T\n[a](https://x.org) [b](no.md) [d](#5-t)\n```text\n[e](no.md)\n```\n")
    assert runner.text_problems(path, tmp_path) == [
        (2, "https://x.org: there is no https://x.org in the clone"),
        (2, "no.md: there is no no.md in the clone"),
    ]


def test_a_line_that_is_no_item_of_a_list_but_looks_so_is_found(tmp_path):
    path = tmp_path / "05_made_up.md"
    path.write_text(
        "The sum\n- 1\n\n- an item\n- an item\n  on two lines\n- an item\n\n1. one\n2. two\n"
    )
    assert [line for line, _ in runner.text_problems(path)] == [2]
