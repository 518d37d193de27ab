"""Every lesson is run, and everything it shows is held against what comes out.

    python -m pytest tests/test_lessons.py              # all lessons
    python tests/test_lessons.py lessons/05_attention.md   # what is wrong with one, line by line
    python tests/test_lessons.py --write                # outputs, quotes and figures made anew

In a lesson, fences are

    ```python                            run, from top to bottom, in one namespace
    ```output                            what the code before it printed; numbers to the digits
                                         shown, and ~1e-11 to the order of magnitude
    ```python minidann.ops.relu.forward  a quote, which must be the code: see
                                         minidann/reader/quoting.py

The code runs in a copy of the clone's top folder, in which `lessons/figures` and `lessons/sounds`
are empty: what it saves there is compared with what is committed, by what it shows.
"""

import argparse
import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from unittest import mock

import minidann  # noqa: F401  before NumPy: it tells BLAS how many threads to use

# isort: split
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.spines import Spine
from matplotlib.text import Text
from PIL import Image  # it comes with matplotlib

from minidann.console import UserError
from minidann.reader.links import resolve
from minidann.reader.quoting import DOTS, find, lines_of

ROOT = Path(__file__).parents[1]
LESSONS = ROOT / "lessons"
PATHS = sorted(LESSONS.glob("[0-9][0-9]_*.md"))

ANSWERS = LESSONS / "answers"  # hints and answers to each lesson's exercises, which run as well
GOALS = "What you will be able to do"
ENDING = ["Find the bug", "Recap", "Quick questions", "Exercises", "Read on"]
EARLY = 60  # the line by which a picture or a diagram has been shown
FORMULAS = 40  # inline, at most: a chain of them is displayed
NUMBER = re.compile(r"~?[-+]?\d+\.?\d*(?:e[-+]?\d+)?")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ITEM = re.compile(r" *(?:[-+*]|\d+\.) ")
ROW = re.compile(
    r"\| (.+?) \| .+? \| \[\d+\]\((\S+?\.md)#\S+\) \| `(\S+)` \| `{1,2}(.+?)`{1,2} \|\n"
)
MADE = ("figures", "sounds")
NEAR = 0.003  # of the numbers of a figure to those of the committed one, as a share of the largest


@dataclass
class Fence:
    """A fenced block: its info string, its text, and the line of the file its text begins at."""

    info: str
    text: str
    line: int

    @property
    def kind(self) -> str:
        words = self.info.split()
        if words[:1] == ["python"]:
            return "quote" if len(words) > 1 else "code"
        return words[0] if words else ""


def fences(text: str) -> list[Fence]:
    """The fenced blocks of a Markdown file, in order."""
    matches = re.finditer(r"^```(.*)\n((?:.*\n)*?)(?:```|\Z)", text, re.M)
    return [Fence(m[1].strip(), m[2], text.count("\n", 0, m.start(2)) + 1) for m in matches]


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a Markdown text outside fences, with their numbers, counted from 1."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def quotes(path: Path) -> list[tuple[str, list[int]]]:
    """The file and the lines of it that each quote of a lesson shows."""
    found = [fence for fence in fences(path.read_text(encoding="utf-8")) if fence.kind == "quote"]
    sources = [find(fence.info.split()[1]) for fence in found]
    return [(source.file, lines_of(fence.text, source)) for fence, source in zip(found, sources)]


# What a lesson shows against what came out


def agree(shown: str, printed: str) -> bool:
    """Are two numbers the same to the digits of the first? With ~: within a factor of 30."""
    if shown == printed:
        return True
    if shown.startswith("~") and printed.startswith("~"):
        smaller, larger = sorted((abs(float(shown[1:])), abs(float(printed[1:]))))
        return larger <= 30 * smaller
    if shown.startswith("~") or printed.startswith("~"):
        return False
    unit = Decimal(1).scaleb(Decimal(shown).as_tuple().exponent)
    return abs(Decimal(printed) - Decimal(shown)) <= unit / 2


def difference(shown: str, printed: str) -> tuple[int, str] | None:
    """The first line of an output, counted from 0, that was not printed so, and how it was."""
    lines = zip_longest(shown.rstrip().splitlines(), printed.rstrip().splitlines())
    for i, (left, right) in enumerate(lines):
        if left is None:
            return i, f"printed as well: {right!r}"
        if right is None:
            return i, f"{left!r} was not printed"
        words = ["".join(NUMBER.sub("#", line).split()) for line in (left, right)]
        numbers = NUMBER.findall(left), NUMBER.findall(right)
        if words[0] != words[1] or not all(map(agree, *numbers)):
            return i, f"shown {left.strip()!r}, printed {right.strip()!r}"
    return None


def contents(figure: Figure) -> str:
    """What a figure shows, a line for each thing drawn: its kind, its words, its numbers."""
    lines = [f"{figure.get_size_inches()} {[text.get_text() for text in figure.texts]}"]
    for axes in figure.axes:
        lines.append(f"{axes.get_xlabel()} {axes.get_ylabel()} {numbers(axes.axis())}")
        for artist in axes.get_children():
            shown = []
            if isinstance(artist, Text):
                shown = [artist.get_text()]
            elif isinstance(artist, Legend):
                shown = [text.get_text() for text in artist.get_texts()]
            elif isinstance(artist, Line2D):
                shown = [numbers(artist.get_xydata())]
            elif isinstance(artist, Patch) and not isinstance(artist, Spine):
                place = artist.get_patch_transform()
                shown = [numbers(place.transform(artist.get_path().vertices))]
            elif isinstance(artist, Collection):
                vertices = [path.vertices for path in artist.get_paths() if len(path)]
                parts = artist.get_offsets(), np.concatenate([np.empty((0, 2)), *vertices])
                shown = [numbers(part) for part in parts]
            elif isinstance(artist, AxesImage):
                shown = [numbers(artist.get_array().reshape(-1, 1))]
            lines += [f"{type(artist).__name__} {text}" for text in shown if text]
    return "\n".join(lines)


def numbers(values) -> str:
    """Numbers (n,) or (n, columns) in one line; of many rows every twentieth part, sorted."""
    values = np.ma.filled(np.ma.asarray(values, float), np.nan)
    if len(values) > 40:  # another computer may draw a curve with more or fewer points
        values = np.nanpercentile(values, range(0, 101, 5), axis=0)
    return " ".join(f"{value:.4g}" for value in values.ravel())


def same_picture(made: Path, committed: Path) -> str | None:
    """What tells two figures apart, or None: their `contents`, which their files hold, but not
    their pixels, because another version of matplotlib or another font moves those.
    """
    lines = []
    for path in (made, committed):
        with Image.open(path) as image:
            lines.append(image.info.get("Description", "").splitlines())
    for new, old in zip_longest(*lines, fillvalue=""):
        a, b = (np.array(NUMBER.findall(line), float) for line in (new, old))
        size = np.abs(b[np.isfinite(b)]).max(initial=0.0)
        if NUMBER.sub("#", new) != NUMBER.sub("#", old) or not np.allclose(a, b, NEAR, NEAR * size):
            return f"differs: it shows {old[:80]!r}, the lesson draws {new[:80]!r}"
    return None


def same_sound(made: Path, committed: Path) -> str | None:
    """What tells two sound files apart, or None."""
    (a, rate_a), (b, rate_b) = soundfile.read(made), soundfile.read(committed)
    if (a.shape, rate_a) != (b.shape, rate_b):
        return f"is {b.shape} samples at {rate_b} Hz, the lesson makes {a.shape} at {rate_a} Hz"
    return "sounds different" if abs(a - b).max() > 1e-3 else None


# Running one lesson


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder like the clone's top, in which what lessons make can be written; and be in it."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for folder in ("data", "minidann", "tests"):
            (place / folder).symlink_to(ROOT / folder)
        for folder in MADE:
            (place / "lessons" / folder).mkdir(parents=True)
        os.chdir(place)
        save = Figure.savefig

        def described(figure, *args, **options):
            save(figure, *args, metadata={"Description": contents(figure)}, **options)

        try:
            with mock.patch.object(Figure, "savefig", described):
                yield place
        finally:
            os.chdir(before)
            plt.close("all")


class Lesson:
    """One lesson, run: its problems, each (line, what), and what it would be if written anew."""

    def __init__(self, path: Path):
        self.path, self.text = path, path.read_text(encoding="utf-8")
        self.problems: list[tuple[int, str]] = []
        self.edits: list[tuple[int, int, str]] = []  # lines from, up to, and what they should be
        self.fences = fences(self.text)

    def run(self, committed: Path = LESSONS, write: bool = False) -> "Lesson":
        for fence in self.fences:
            if fence.kind == "quote":
                self._compare_quote(fence)
            elif fence.kind == "":
                self.problems.append((fence.line, "a fence says what it holds: python, text, ..."))
        with workplace() as place:
            if self._run_code():
                self._compare_files(place / "lessons", committed, write)
        return self

    def _compare_quote(self, fence: Fence) -> None:
        try:
            source = find(fence.info.split()[1])
            if DOTS not in fence.text.split():
                self._replace(fence, "\n".join(line for _, line in source.lines))
            lines_of(fence.text, source)
        except UserError as error:
            self.problems.append((fence.line, str(error)))

    def _replace(self, fence: Fence, text: str) -> None:
        self.edits.append((fence.line, fence.line + fence.text.count("\n"), text))

    def _run_code(self) -> bool:
        """Run all code and compare outputs. -> did all of it run?"""
        namespace: dict = {"__name__": "lesson"}
        blocks = [fence for fence in self.fences if fence.kind in ("code", "output")]
        before = ""
        for fence, after in zip(blocks, [*blocks[1:], None]):
            if fence.kind == "output" and before != "code":
                self.problems.append((fence.line, "an output without code before it"))
            if fence.kind == "code":
                try:
                    printed = self._printed(fence, namespace)
                except (Exception, SystemExit) as error:
                    frames = traceback.extract_tb(error.__traceback__)
                    lines = [frame.lineno for frame in frames if frame.filename == str(self.path)]
                    line = lines[-1] if lines else getattr(error, "lineno", fence.line)
                    self.problems.append((line, f"{type(error).__name__}: {error}"))
                    return False
                self._compare_output(fence, after, printed)
            before = fence.kind
        return True

    def _printed(self, code: Fence, namespace: dict) -> str:
        """What the code prints. Its lines keep their numbers, so tracebacks name the Markdown's."""
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            text = "\n" * (code.line - 1) + code.text
            exec(compile(text, str(self.path), "exec"), namespace)
        return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().rstrip().splitlines())

    def _compare_output(self, code: Fence, after: Fence | None, printed: str) -> None:
        if after is not None and after.kind == "output":
            if found := difference(after.text, printed):
                self.problems.append((after.line + found[0], found[1]))
                self._replace(after, printed)
        elif printed.strip():
            first = printed.strip().splitlines()[0]
            self.problems.append((code.line, f"prints {first!r}, and no output is shown"))
            end = code.line + code.text.count("\n") + 1
            self.edits.append((end, end, f"\n```output\n{printed}```\n"))

    def _compare_files(self, made: Path, committed: Path, write: bool) -> None:
        lines = {link: n for n, text in prose(self.text) for link in LINK.findall(text)}
        names = [f"{folder}/{path.name}" for folder in MADE for path in (made / folder).iterdir()]
        for name in sorted(names):
            if name not in lines:
                self.problems.append((1, f"{name} is made and not shown"))
            compare = same_picture if name.endswith(".png") else same_sound
            if not (committed / name).is_file():
                problem = "is not there: --write makes it"
            else:
                problem = compare(made / name, committed / name)
            if problem:
                self.problems.append((lines.get(name, 1), f"{name} {problem}"))
                if write:
                    shutil.copy(made / name, committed / name)
        for link, number in lines.items():
            if link.split("/")[0] in MADE and link not in names:
                self.problems.append((number, f"{link} is shown and not made by this lesson"))

    def written(self) -> str:
        """The lesson with outputs and quotes as they should be."""
        lines = self.text.splitlines()
        for first, last, new in sorted(self.edits, reverse=True):
            lines[first - 1 : last - 1] = new.splitlines()
        return "\n".join(lines) + "\n"


# Links, headings, order


def text_problems(path: Path, root: Path = ROOT) -> list[tuple[int, str]]:
    """Links of a Markdown file that lead nowhere, and lines that are taken for items of a list."""
    problems, before = [], ""
    for number, line in prose(path.read_text(encoding="utf-8")):
        for link in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            try:
                resolve(link, path, root)
            except UserError as error:
                problems.append((number, str(error)))
        if before and ITEM.match(line) and not re.match(" ", before) and not ITEM.match(before):
            problems.append((number, "begins like an item of a list: break the line elsewhere"))
        before = line
    return problems


def form_problems(path: Path, text: str) -> list[tuple[int, str]]:
    """Breaches of the form that all lessons have: title, sections, the link to the next."""
    problems = []
    headings = [line for _, line in prose(text) if re.match(r"#{1,2} ", line)]
    number = int(path.name[:2])
    if not re.match(rf"# {number}\. \S", headings[0] if headings else ""):
        problems.append((1, f"the title should begin '# {number}. '"))
    sections = [line[3:] for line in headings[1:]]
    if sections[:1] != [GOALS] or sections[-len(ENDING) :] != ENDING:
        problems.append((1, f"the sections are {sections}: {GOALS} first, at the end {ENDING}"))
    pictures = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"!\[|```text", line)]
    if not pictures or pictures[0] > EARLY:
        problems.append((EARLY, "no picture or diagram up to here"))
    formulas = sum(len(re.findall(r"\$[^$]+\$", re.sub(r"`[^`]*`|\$\$", "", line)))
                   for _, line in prose(text))  # fmt: skip
    if formulas > FORMULAS:
        problems.append((1, f"{formulas} formulas inline, at most {FORMULAS}"))
    if f"(answers/{path.name})" not in text:
        problems.append((1, f"no link to its answers, answers/{path.name}"))
    later = [later.name for later in PATHS if later.name > path.name]
    if later and f"({later[0]})" not in text:
        problems.append((text.count("\n"), f"no link to the next lesson, {later[0]}"))
    for line_number, line in prose(text):
        if re.sub(r"`[^`]*`|\$\$", "", line).count("$") % 2:
            problems.append((line_number, "an equation in a line begins and ends in that line"))
    if "\n<details>" not in text:
        problems.append((1, "the bug's answer is hidden in <details>"))
    return problems


def listed(path: Path, problems: list[tuple[int, str]]) -> str:
    return "\n".join(f"{path.relative_to(ROOT)}, line {line}: {what}" for line, what in problems)


# The tests


def test_there_are_lessons():
    assert [int(path.name[:2]) for path in PATHS] == list(range(20))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_runs_shows_what_comes_out_and_has_the_form_of_all(path):
    lesson = Lesson(path).run()
    problems = lesson.problems + text_problems(path) + form_problems(path, lesson.text)
    assert not problems, "\n" + listed(path, problems)


@pytest.mark.parametrize("path", sorted(ANSWERS.glob("*.md")), ids=lambda path: path.stem)
def test_answers_run_and_show_what_comes_out(path):
    problems = Lesson(path).run().problems + text_problems(path)
    assert not problems, "\n" + listed(path, problems)


def test_each_equation_and_number_of_the_paper_stands_beside_its_line_of_code():
    """A row of the table in lessons/README.md: this of the paper, that lesson, this line of code.

    The lesson must quote the object, that line with it, and have the equation under its number.
    """
    readme = LESSONS / "README.md"
    assert text_problems(readme) == []
    rows = [row.groups() for row in ROW.finditer(readme.read_text(encoding="utf-8"))]
    assert [row[0] for row in rows[:10]] == [f"({n})" for n in range(1, 11)]
    assert len(rows) == 10 + 20 + 8  # the equations, the numbers of sections 4.1 and 3.3
    for what, file, name, code in rows:
        text = (LESSONS / file).read_text(encoding="utf-8")
        quotes = [fence for fence in fences(text) if fence.info.split()[1:] == [name]]
        shown = [line.strip() for fence in quotes for line in fence.text.splitlines()]
        assert code in shown, f"{what}: {file} quotes no line {code!r} of {name}"
        if what.startswith("("):
            assert f"\\tag{{{what[1:-1]}}}" in text, f"{file} has no equation {what}"


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument(
        "lessons",
        nargs="*",
        type=Path,
        default=[*PATHS, *ANSWERS.glob("*.md")],
        help="files (default: all)",
    )
    p.add_argument("--write", action="store_true", help="outputs, quotes, figures made anew")
    args = p.parse_args()
    wrong = 0
    for path in map(Path.resolve, args.lessons):
        lesson = Lesson(path).run(write=args.write)
        if args.write:
            path.write_text(lesson.written(), encoding="utf-8")
        problems = lesson.problems + text_problems(path)
        if path.parent == LESSONS:
            problems += form_problems(path, lesson.text)
        print(listed(path, problems) or f"{path.relative_to(ROOT)}: fine", flush=True)
        wrong += len(problems)
    sys.exit(wrong > 0 and not args.write)


if __name__ == "__main__":
    main()
