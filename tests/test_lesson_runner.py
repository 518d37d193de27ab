"""What holds the lessons to the code is itself held: each kind of slip must make it fail."""

import ast
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile
import test_lessons as runner

from minidann import ops
from minidann.reader.quoting import Misquoted, find, lines_of

PREPARED = ("#", "k, d, f = ", "n, p = ", "dtype, places = ", "best, where = (np.empty")
ATTENTION = runner.LESSONS / "05_attention.md"


def lesson(folder: Path, body: str) -> Path:
    path = folder / "05_made_up.md"
    path.write_text(body, encoding="utf-8")
    return path


def problems(folder: Path, body: str) -> list[tuple[int, str]]:
    return runner.Lesson(lesson(folder, body)).run(committed=folder).problems


@pytest.fixture
def code(tmp_path):
    """A copy of the package's source, to be changed."""
    shutil.copytree(runner.ROOT / "minidann", tmp_path / "minidann", copy_function=shutil.copy,
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    return tmp_path


def quotes():
    """Every quote of every lesson: (path, fence)."""
    for path in runner.PATHS:
        for fence in runner.fences(path.read_text(encoding="utf-8")):
            if fence.kind == "quote":
                yield path, fence


# One digit, one line, one heading


def test_one_changed_digit_in_any_output_is_told(tmp_path):
    text = ATTENTION.read_text(encoding="utf-8")
    outputs = [f for f in runner.fences(text) if f.kind == "output" and "~" not in f.text]
    changed = 0
    for fence in outputs:
        for match in runner.NUMBER.finditer(fence.text):
            number = match[0]
            wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
            shown = fence.text[: match.start()] + wrong + fence.text[match.end() :]
            assert runner.difference(shown, fence.text) is not None
            changed += 1
    assert changed > 4
    first = outputs[0]
    lines = text.splitlines(keepends=True)
    lines[first.line - 1] = lines[first.line - 1].replace("0.75", "0.76")
    found = problems(tmp_path, "".join(lines).replace("figures/05", "figures/xx"))
    assert (first.line, "shown 'weights [0.76 0.25]', printed 'weights [0.75 0.25]'") in found


def signature_and_refusals(lines: list[str], function: str) -> set[int]:
    """The lines, counted from 1, of a function's `def` and of every `if` that only raises."""
    body = ast.parse("\n".join(lines)).body
    node = next(part for part in body if getattr(part, "name", None) == function)
    found = set(range(node.lineno, node.body[0].lineno))
    for part in ast.walk(node):
        if isinstance(part, ast.If) and isinstance(part.body[0], ast.Raise):
            found |= set(range(part.lineno, part.end_lineno + 1))
    return found


@pytest.mark.parametrize("name", ops.__all__)
def test_one_changed_line_of_an_op_makes_a_quote_wrong(name, code):
    """Each line of each op's forward and backward is quoted somewhere, and held.

    But for signatures, refusals of a wrong shape, sizes, arrays that are still empty and comments,
    which a lesson may leave out.
    """
    path = code / "minidann" / "ops" / f"{name}.py"
    original = path.read_text(encoding="utf-8").splitlines()
    about = [
        fence for _, fence in quotes() if fence.info.split()[1].startswith(f"minidann.ops.{name}")
    ]
    for function in ("forward", "backward"):
        left_out = signature_and_refusals(original, function)
        for number, text in find(f"minidann.ops.{name}.{function}").lines:
            if not text.strip() or number in left_out or text.strip().startswith(PREPARED):
                continue
            changed = list(original)
            changed[number - 1] = text + "  # changed"
            path.write_text("\n".join(changed), encoding="utf-8")
            told = [problem for fence in about if (problem := runner.quote_problem(fence, code))]
            assert told, f"{name}.py, line {number} is in no lesson: {text}"


def test_a_changed_heading_that_is_linked_to_is_told(tmp_path):
    for path in [*runner.PATHS, runner.LESSONS / "README.md"]:
        shutil.copy(path, tmp_path)
    readme = tmp_path / "README.md"
    before = runner.link_problems(readme, tmp_path)
    copy = tmp_path / ATTENTION.name
    copy.write_text(copy.read_text(encoding="utf-8").replace("## Forward", "## Ahead"))
    told = [
        what for line, what in runner.link_problems(readme, tmp_path) if (line, what) not in before
    ]
    assert told and all("no heading there is called forward" in what for what in told)


# Outputs


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("0.12", "0.1234", True),
        ("0.13", "0.1234", False),
        ("12", "12", True),
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
    assert runner.difference("a 1\nb 2\n", "a 1\nb 2\n") is None
    assert runner.difference("a  1\n", "a 1\n") is None
    assert runner.difference("a 1\n", "c 1\n") == (0, "shown 'a 1', printed 'c 1'")
    assert runner.difference("a\nb\n", "a\n") == (1, "'b' was not printed")
    assert runner.difference("a\n", "a\nb\n") == (1, "printed as well: 'b'")


def test_what_is_printed_must_be_shown(tmp_path):
    body = "# 5. T\n\n```python\nprint(3)\n```\n\n```python\nx = 1\n```\n"
    assert problems(tmp_path, body) == [(4, "prints '3', and no output is shown")]


def test_an_error_names_the_line_of_the_markdown(tmp_path):
    body = (
        "# 5. T\n\n```python\nx = 1\n\n\ndef f():\n    return x / 0\n```\n\n```python\nf()\n```\n"
    )
    assert problems(tmp_path, body) == [(8, "ZeroDivisionError: division by zero")]
    body = "# 5. T\n\n```python\nx = 1\ny = (\n```\n"
    assert problems(tmp_path, body)[0][0] in (5, 6)


def test_lessons_share_nothing(tmp_path):
    assert problems(tmp_path, "```python\nonly_here = 1\n```\n") == []
    assert "NameError" in problems(tmp_path, "```python\nonly_here\n```\n")[0][1]


def test_writing_mends_outputs_and_quotes(tmp_path):
    body = (
        "# 5. T\n\n```python\nprint(3)\n```\n\ntext\n\n```python\nprint(4)\n```\n\n"
        "```output\n5\n```\n\n```python minidann.optim.DECAY\nDECAY = 0.5\n```\n"
    )
    path = lesson(tmp_path, body)
    path.write_text(runner.Lesson(path).run(committed=tmp_path).written())
    assert runner.Lesson(path).run(committed=tmp_path).problems == []
    text = path.read_text()
    assert "```output\n3\n```\n\ntext" in text and "```output\n4\n```" in text
    assert "DECAY = 0.93\n" in text


# Quotes


def test_a_quote_is_the_code_without_its_docstring():
    source = find("minidann.ops.relu.forward")
    text = "\n".join(line for _, line in source.lines)
    assert lines_of(text, source) == [number for number, _ in source.lines]
    assert '"""' not in text and source.file == "minidann/ops/relu.py"
    real = (runner.ROOT / source.file).read_text().splitlines()
    assert all(real[number - 1] == line for number, line in source.lines)


@pytest.mark.parametrize(
    ("name", "quote", "told"),
    [
        ("minidann.optim.DECAY", "DECAY = 0.94", "is not what is quoted"),
        ("minidann.optim.start", "def start(params: Arrays) -> Arrays:", "goes on"),
        ("minidann.optim.start", "...\n    return nothing", "has no line"),
        ("minidann.optim.DECAY", "DECAY = 0.93\nMORE = 1", "ends before the quote does"),
    ],
)
def test_a_wrong_quote_is_told(name, quote, told):
    with pytest.raises(Misquoted, match=told):
        lines_of(quote, find(name))


@pytest.mark.parametrize("name", ["minidann.nothing.x", "minidann.optim.nothing", "numpy.sum"])
def test_a_quote_of_nothing_is_told(name):
    with pytest.raises(Misquoted, match="there is no such module|has no nothing"):
        find(name)


def test_dots_leave_lines_out():
    quote = "def start(params: Arrays) -> Arrays:\n    ...\n    return state"
    shown = lines_of(quote, find("minidann.optim.start"))
    assert len(shown) == 2 and shown[1] - shown[0] > 2


# Figures and sounds


def picture(path: Path, height: float) -> Path:
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    axis.plot(np.linspace(0, 1, 50), height * np.linspace(0, 1, 50) ** 2)
    axis.set(ylim=(0, 2), ylabel="height")
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def test_a_figure_is_compared_by_what_it_shows(tmp_path):
    first = picture(tmp_path / "a.png", 1.0)
    assert runner.same_picture(first, picture(tmp_path / "b.png", 1.0)) is None
    assert "differs" in runner.same_picture(first, picture(tmp_path / "c.png", 1.2))
    image = plt.imread(first)
    darker = image.copy()
    darker[60:250, 100:400, :3] *= 0.85
    plt.imsave(tmp_path / "c.png", darker)
    assert "how dark" in runner.same_picture(first, tmp_path / "c.png")
    plt.imsave(tmp_path / "d.png", np.roll(image, 5, axis=0))  # as another font may
    assert runner.same_picture(first, tmp_path / "d.png") is None
    plt.imsave(tmp_path / "e.png", image[:300])
    assert "pixels" in runner.same_picture(first, tmp_path / "e.png")


def test_figures_are_made_shown_and_committed(tmp_path):
    code = (
        "```python\nimport matplotlib.pyplot as plt\nfigure = plt.figure()\n"
        "figure.savefig('lessons/figures/made.png')\n```\n"
    )
    told = [what for _, what in problems(tmp_path, code)]
    assert told == [
        "figures/made.png is made and not shown",
        "figures/made.png is not there: --write makes it",
    ]
    told = [what for _, what in problems(tmp_path, "![x](figures/other.png)\n")]
    assert told == ["figures/other.png is shown and not made by this lesson"]


def test_a_sound_is_compared_by_what_it_holds(tmp_path):
    tone = 0.1 * np.sin(np.arange(1600))
    for name, sound in (("a", tone), ("b", tone + 1e-4), ("c", 1.1 * tone), ("d", tone[:800])):
        soundfile.write(tmp_path / f"{name}.wav", sound, 16000)
    first = tmp_path / "a.wav"
    assert runner.same_sound(tmp_path / "b.wav", first) is None
    assert runner.same_sound(tmp_path / "c.wav", first) == "sounds different"
    assert "samples" in runner.same_sound(tmp_path / "d.wav", first)


# Form


def test_breaches_of_the_form_are_told():
    text = ATTENTION.read_text(encoding="utf-8")
    for old, new, told in (
        ("# 5. Attention", "# Attention", "the title should begin"),
        ("## Shapes", "## Forms", "the sections are"),
        ("<details>", "<p>", "hidden in <details>"),
        ("$\\mathbf{v}$", "$\\mathbf{v}", "begins and ends in that line"),
        ("(06_dense_softmax_cross_entropy.md)", "(05_attention.md)", "no link to the next lesson"),
    ):
        assert old in text
        path = ATTENTION.with_name("05_attention.md")
        assert any(told in what for _, what in runner.form_problems(path, text.replace(old, new)))


def test_links_to_the_network_or_to_nothing_are_told(tmp_path):
    path = lesson(
        tmp_path,
        "# 5. T\n[a](https://x.org) [b](no.md) [c](#here) [d](#5-t)\n```text\n[e](no.md)\n```\n",
    )
    told = [what for _, what in runner.link_problems(path, tmp_path)]
    assert len(told) == 3
    assert "without a network" in told[0] and "no no.md" in told[1] and "called here" in told[2]


def test_every_committed_figure_and_sound_is_shown():
    shown = "".join(path.read_text(encoding="utf-8") for path in runner.PATHS)
    for folder in runner.MADE:
        for path in (runner.LESSONS / folder).iterdir():
            assert f"({folder}/{path.name})" in shown, f"{path.name} is in no lesson"
