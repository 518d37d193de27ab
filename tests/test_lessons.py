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
import math
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import minidann  # noqa: F401  before NumPy: it tells BLAS how many threads to use

# isort: split
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest
import soundfile
from scipy.ndimage import distance_transform_edt, uniform_filter

from minidann.reader.links import DeadLink, prose, resolve
from minidann.reader.quoting import DOTS, Misquoted, find, lines_of

ROOT = Path(__file__).parents[1]
LESSONS = ROOT / "lessons"
PATHS = sorted(LESSONS.glob("[0-9][0-9]_*.md"))

SECTIONS = [
    "The paper", "Shapes", "Forward", "By hand", "Derivation", "Backward", "Check", "Figure",
    "Find the bug", "Exercises", "Read on",
]  # fmt: skip
NUMBER = re.compile(r"~?[-+]?\d+\.?\d*(?:e[-+]?\d+)?")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MADE = ("figures", "sounds")
DARK, NEAR, AREA, GREY, SHARE = (0.4, 0.8), 8, 32, 0.1, 0.03  # see `same_picture`


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
    found, inside = [], None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            if inside is None:
                inside = Fence(line[3:].strip(), "", number + 1)
            else:
                found.append(inside)
                inside = None
        elif inside is not None:
            inside.text += line + "\n"
    if inside is not None:
        raise ValueError(f"line {inside.line - 1}: a fence is not closed")
    return found


# What a lesson shows against what came out


def agree(shown: str, printed: str) -> bool:
    """Are two numbers the same to the digits of the first? With ~: within a factor of 30."""
    if shown == printed:
        return True
    if shown.startswith("~") or printed.startswith("~"):
        if not (shown.startswith("~") and printed.startswith("~")):
            return False
        a, b = abs(float(shown[1:])), abs(float(printed[1:]))
        return a == b or (min(a, b) > 0 and abs(math.log(a / b)) <= math.log(30))
    unit = Decimal(1).scaleb(Decimal(shown).as_tuple().exponent)
    return abs(Decimal(printed) - Decimal(shown)) <= unit / 2


def difference(shown: str, printed: str) -> tuple[int, str] | None:
    """The first line of an output, counted from 0, that was not printed so, and how it was."""
    left, right = shown.rstrip().splitlines(), printed.rstrip().splitlines()
    for i in range(max(len(left), len(right))):
        if i >= len(left):
            return i, f"printed as well: {right[i]!r}"
        if i >= len(right):
            return i, f"{left[i]!r} was not printed"
        texts = [
            ["".join(part.split()) for part in NUMBER.split(line)] for line in (left[i], right[i])
        ]
        numbers = NUMBER.findall(left[i]), NUMBER.findall(right[i])
        if texts[0] != texts[1] or not all(map(agree, *numbers)):
            return i, f"shown {left[i].strip()!r}, printed {right[i].strip()!r}"
    return None


def same_picture(made: Path, committed: Path) -> str | None:
    """What tells two PNG files apart, or None.

    Another version of matplotlib, or another font, moves everything by some pixels. So each dark
    pixel of one should have one of the other near by, for black and for grey; and areas should be
    as dark as they were.
    """
    a, b = (plt.imread(path)[:, :, :3].mean(axis=2) for path in (made, committed))  # (H, W)
    if a.shape != b.shape:
        return f"is {b.shape} pixels, the lesson draws {a.shape}"
    for level in DARK:
        for dark, near in ((a < level, b < level), (b < level, a < level)):
            far = distance_transform_edt(~near)[dark] > NEAR
            if far.any() and (share := float(far.mean())) > SHARE:
                return f"differs: {100 * share:.0f}% of what is dark in one is not in the other"
    share = float((abs(uniform_filter(a, AREA) - uniform_filter(b, AREA)) > GREY).mean())
    return f"differs in how dark {100 * share:.0f}% of it is" if share > SHARE else None


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
        try:
            yield place
        finally:
            os.chdir(before)
            plt.close("all")


def run(code: Fence, name: str, namespace: dict) -> str:
    """What the code prints. Its lines keep their numbers, so a traceback names the Markdown's."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile("\n" * (code.line - 1) + code.text, name, "exec"), namespace)
    return printed.getvalue()


def quote_problem(fence: Fence, root: Path = ROOT) -> str | None:
    """What is wrong with a quote, or None."""
    try:
        lines_of(fence.text, find(fence.info.split()[1], root))
    except Misquoted as error:
        return str(error)
    return None


class Lesson:
    """One lesson, run: its problems, each (line, what), and what it would be if written anew."""

    def __init__(self, path: Path):
        self.path, self.text = path, path.read_text(encoding="utf-8")
        self.problems: list[tuple[int, str]] = []
        self.replaced: list[tuple[Fence, str]] = []  # fences, and what they should hold
        self.missing: list[tuple[Fence, str]] = []  # code, and the output that should follow it
        self.all = fences(self.text)

    def run(self, committed: Path = LESSONS, write: bool = False) -> "Lesson":
        for fence in self.all:
            if fence.kind == "quote" and (problem := quote_problem(fence)):
                self.problems.append((fence.line, problem))
                if DOTS not in [line.strip() for line in fence.text.splitlines()]:
                    with contextlib.suppress(Misquoted):
                        lines = find(fence.info.split()[1]).lines
                        self.replaced.append((fence, "".join(f"{line}\n" for _, line in lines)))
            elif fence.kind == "":
                self.problems.append((fence.line, "a fence says what it holds: python, text, ..."))
        with workplace() as place:
            if self._run_code():
                self._compare_files(place / "lessons", committed, write)
        return self

    def _run_code(self) -> bool:
        """Run all code and compare outputs. -> did all of it run?"""
        namespace: dict = {"__name__": "lesson"}
        blocks = [fence for fence in self.all if fence.kind in ("code", "output")]
        for i, fence in enumerate(blocks):
            if fence.kind == "output":
                if i == 0 or blocks[i - 1].kind == "output":
                    self.problems.append((fence.line, "an output without code before it"))
                continue
            try:
                printed = run(fence, str(self.path), namespace)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                lines = [f.lineno for f in traceback.extract_tb(error.__traceback__)
                       if f.filename == str(self.path)]  # fmt: skip
                line = lines[-1] if lines else getattr(error, "lineno", None) or fence.line
                self.problems.append((line, f"{type(error).__name__}: {error}"))
                return False
            follows = blocks[i + 1] if i + 1 < len(blocks) else None
            if follows is not None and follows.kind == "output":
                if found := difference(follows.text, printed):
                    self.problems.append((follows.line + found[0], found[1]))
                    self.replaced.append((follows, tidy(printed)))
            elif printed.strip():
                first = printed.strip().splitlines()[0]
                self.problems.append((fence.line, f"prints {first!r}, and no output is shown"))
                self.missing.append((fence, tidy(printed)))
        return True

    def _compare_files(self, made: Path, committed: Path, write: bool) -> None:
        for folder in MADE:
            for path in sorted((made / folder).iterdir()):
                name = f"{folder}/{path.name}"
                shown = committed / folder / path.name
                line = next((n for n, text in prose(self.text) if f"({name})" in text), None)
                if line is None:
                    self.problems.append((1, f"{name} is made and not shown"))
                if shown.is_file():
                    told = (same_picture if path.suffix == ".png" else same_sound)(path, shown)
                else:
                    told = "is not there: --write makes it"
                if told:
                    self.problems.append((line or 1, f"{name} {told}"))
                    if write:
                        shown.parent.mkdir(exist_ok=True)
                        shutil.copy(path, shown)
        for number, text in prose(self.text):
            for link in LINK.findall(text):
                if link.split("/")[0] in MADE and not (made / link).is_file():
                    self.problems.append((number, f"{link} is shown and not made by this lesson"))

    def written(self) -> str:
        """The lesson with outputs and quotes as they should be."""
        lines = self.text.splitlines()
        edits = [(f.line, f.line + f.text.count("\n"), new) for f, new in self.replaced]
        for fence, new in self.missing:
            after = fence.line + fence.text.count("\n") + 1
            edits.append((after, after, f"\n```output\n{new}```\n"))
        for first, last, new in sorted(edits, reverse=True):
            lines[first - 1 : last - 1] = new.splitlines()
        return "\n".join(lines) + "\n"


def tidy(printed: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())


# Links, headings, order


def link_problems(path: Path, root: Path = ROOT) -> list[tuple[int, str]]:
    """Links of a Markdown file that lead nowhere."""
    problems = []
    for number, line in prose(path.read_text(encoding="utf-8")):
        for link in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            try:
                resolve(link, path, root)
            except DeadLink as error:
                problems.append((number, str(error)))
    return problems


def form_problems(path: Path, text: str) -> list[tuple[int, str]]:
    """Breaches of the form that all lessons have: title, sections, the link to the next."""
    problems = []
    headings = [line for _, line in prose(text) if re.match(r"#{1,2} ", line)]
    number = int(path.name[:2])
    if not re.match(rf"# {number}\. \S", headings[0] if headings else ""):
        problems.append((1, f"the title should begin '# {number}. '"))
    sections = [line[3:] for line in headings[1:]]
    if sections != SECTIONS:
        problems.append((1, f"the sections are {sections}, expected {SECTIONS}"))
    later = [lesson.name for lesson in sorted(path.parent.glob("[0-9][0-9]_*.md")) if lesson > path]
    if later and f"({later[0]})" not in text:
        problems.append((text.count("\n"), f"no link to the next lesson, {later[0]}"))
    for line_number, line in prose(text):
        if re.sub(r"`[^`]*`|\$\$", "", line).count("$") % 2:
            problems.append((line_number, "an equation in a line begins and ends in that line"))
    if "\n<details>" not in text:
        problems.append((1, "the bug's answer is hidden in <details>"))
    return problems


# The table of what is where

ROW = re.compile(
    r"\| (.+?) \| (.+?) \| \[\d+\]\((\S+?\.md)#\S+\) \| `(\S+)` \| `{1,2}(.+?)`{1,2} \|"
)
EQUATIONS = [f"({n})" for n in range(1, 11)]
SECTION_4_1 = [
    "200 filters", "kernel size 10", "stride 3", "pool size 30", "pool stride 30", "Adam",
    "initial rate 1e-3", "decay rate 0.93", "every epoch", "final rate 5e-5", "dropout 0.7",
    "l1, l2 5e-3", "l1 on RECOLA, l2 on IEMOCAP", "50 epochs", "batch size 32", "30% development",
    "zero mean", "unit variance", "five seeds", "UAR",
]  # fmt: skip
SECTION_3_3 = [
    "2.5", "0", "26 filters", "25 ms", "10 ms", "750 frames", "padded with the minimum",
    "truncated in the middle",
]  # fmt: skip


def table_problems(readme: str, folder: Path = LESSONS) -> list[tuple[int, str]]:
    """Rows of the table in lessons/README.md that the lessons or the code do not bear out.

    Each says: this of the paper stands in that lesson, beside that line of that object. So the
    lesson must quote the object, that line with it, and have the equation under its number.
    """
    problems, named = [], []
    for number, line in prose(readme):
        if not (match := ROW.fullmatch(line.strip())):
            continue
        what, _, file, name, code = match.groups()
        named.append(what)
        text = (folder / file).read_text(encoding="utf-8")
        if what in EQUATIONS and f"\\tag{{{what[1:-1]}}}" not in text:
            problems.append((number, f"{file} has no equation {what}"))
        quotes = [fence for fence in fences(text) if fence.info.split()[1:] == [name]]
        shown = [line.strip() for fence in quotes for line in fence.text.splitlines()]
        if code not in shown:
            problems.append((number, f"{file} quotes no line {code!r} of {name}"))
    for what in EQUATIONS + SECTION_4_1 + SECTION_3_3:
        if what not in named:
            problems.append((1, f"the table has no row {what!r}"))
    return problems


def told(path: Path, problems: list[tuple[int, str]]) -> str:
    return "\n".join(f"{path.relative_to(ROOT)}, line {line}: {what}" for line, what in problems)


# The tests


def test_there_are_lessons():
    assert [int(path.name[:2]) for path in PATHS] == list(range(20))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_lesson_runs_and_shows_what_comes_out(path):
    problems = Lesson(path).run().problems
    assert not problems, "\n" + told(path, problems)


@pytest.mark.parametrize("path", [*PATHS, LESSONS / "README.md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    problems = link_problems(path)
    assert not problems, "\n" + told(path, problems)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_lesson_has_the_form_of_all(path):
    problems = form_problems(path, path.read_text(encoding="utf-8"))
    assert not problems, "\n" + told(path, problems)


def test_each_equation_and_number_of_the_paper_stands_beside_its_line_of_code():
    readme = LESSONS / "README.md"
    problems = table_problems(readme.read_text(encoding="utf-8"))
    assert not problems, "\n" + told(readme, problems)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("lessons", nargs="*", type=Path, default=PATHS, help="files (default: all)")
    p.add_argument("--write", action="store_true", help="outputs, quotes, figures made anew")
    args = p.parse_args()
    wrong = 0
    for path in map(Path.resolve, args.lessons):
        lesson = Lesson(path).run(write=args.write)
        if args.write and (lesson.replaced or lesson.missing):
            path.write_text(lesson.written(), encoding="utf-8")
        problems = lesson.problems + link_problems(path)
        problems += form_problems(path, lesson.text)
        print(told(path, problems) or f"{path.relative_to(ROOT)}: fine", flush=True)
        wrong += len(problems)
    sys.exit(wrong > 0 and not args.write)


if __name__ == "__main__":
    main()
