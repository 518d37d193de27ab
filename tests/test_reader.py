"""The lessons as HTML: does the folder hold what the Markdown says, and the very lines of code?"""

import hashlib
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("markdown_it", reason="needs the reader: pip install -e '.[reader]'")
pytest.importorskip("mdit_py_plugins", reason="needs the reader: pip install -e '.[reader]'")
pytest.importorskip("pygments", reason="needs the reader: pip install -e '.[reader]'")
pytest.importorskip("latex2mathml", reason="needs the reader: pip install -e '.[reader]'")

from test_lessons import LESSONS, PATHS, fences

from minidann.reader import __main__ as command
from minidann.reader import book, code, mathml
from minidann.reader.links import anchors, headings, prose
from minidann.reader.quoting import ROOT, find, lines_of

CODE = '''\
"""A module."""

LIMIT = 3


def double(x):
    """Twice as much.

    <b> & so on.
    """
    y = 2 * x
    if y > LIMIT:
        return LIMIT
    return y


class Thing:
    size = "a<b"

    def grow(self):
        return self.size * 2
'''
QUOTE = "```python minidann.small.double\ndef double(x):\n    y = 2 * x\n...\n    return y\n```\n"
LESSON = f"""\
# 0. One: `code` in a title

See [small.py](../minidann/small.py), [the folder](../minidann), [the next](01_two.md#the-end),
[../data/README.md](../data/README.md) and [what is known](../data/README.md).

## The $x$

$$x = \\frac{{1}}{{2}} \\tag{{7}}$$

Inline $\\hat{{y}}_i$, and a list:

- $a < b$

{QUOTE}
```python
print("<&>")
```

```output
<&>
```

```text
 +--+
```

## The end

![One pixel, 1 < 2](figures/00_one.png)

Hear [the tone](sounds/00_tone.wav).

| a | b |
|---|---|
| 1 | 2 |

<details>
<summary>The answer</summary>

It is `2`.

</details>

## The end

Again.
"""
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x03\x08\0\0\0\0"


class Tags(HTMLParser):
    """All tags of a page: (name, attributes), in order."""

    def __init__(self, path: Path):
        super().__init__()
        self.all: list[tuple[str, dict]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.all.append((tag, dict(attrs)))

    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.all if "id" in attrs]


@pytest.fixture
def clone(tmp_path):
    """A clone with two lessons."""
    root = tmp_path / "clone"
    for folder in ("minidann", "lessons/figures", "lessons/sounds", "data"):
        (root / folder).mkdir(parents=True)
    (root / "minidann/__init__.py").write_text('"""The package."""\n')
    (root / "minidann/small.py").write_text(CODE)
    (root / "data/README.md").write_text("# Data\n")
    (root / "lessons/00_one.md").write_text(LESSON)
    (root / "lessons/01_two.md").write_text("# 1. Two\n\nBack to [one](00_one.md).\n\n## The end\n")
    (root / "lessons/figures/00_one.png").write_bytes(PNG)
    (root / "lessons/sounds/00_tone.wav").write_bytes(b"RIFF")
    return root


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The folder of the real lessons."""
    out = tmp_path_factory.mktemp("reader") / "out"
    book.build(ROOT, out)
    return out


def lit(html: str) -> list[tuple[str, list[int]]]:
    """The file and the lines that each quote of a page lights, in order."""
    found = []
    for file, data in re.findall(r'class="quote[^>]* data-file="(.*?)" data-lines="(.*?)"', html):
        pairs = [tuple(map(int, part.split("-"))) for part in data.split()]
        found.append((file, [n for first, last in pairs for n in range(first, last + 1)]))
    return found


def problems_of(folder: Path) -> list[str]:
    """What is wrong in a folder of HTML: dead links, the network, names given twice."""
    found = []
    pages = {path.name: Tags(path) for path in sorted(folder.glob("*.html"))}
    for name, page in pages.items():
        ids = page.ids()
        found += [f"{name}: two are called {i}" for i in sorted(set(ids)) if ids.count(i) > 1]
        for tag, attrs in page.all:
            for key in ("href", "src"):
                if key not in attrs or attrs[key] == "data:,":
                    continue
                place, _, anchor = attrs[key].partition("#")
                linked = pages.get(place or name)
                if re.match(r"\w+:|//|/", attrs[key]):
                    found.append(f"{name}: <{tag} {key}={attrs[key]}>")
                elif place and not (folder / place).is_file():
                    found.append(f"{name}: there is no {place}")
                elif anchor and (linked is None or anchor not in linked.ids()):
                    found.append(f"{name}: nothing is called {attrs[key]}")
    for path in folder.glob("*.css"):
        found += [f"{path.name}: {u}" for u in re.findall(r"@import|url\(.*?\)", path.read_text())]
    for path in folder.glob("*.js"):
        found += [f"{path.name}: {u}" for u in re.findall(r"https?:|\bfetch\(", path.read_text())]
    return found


# A made-up book


def test_a_lesson_has_all_that_its_markdown_has(clone, tmp_path):
    out = tmp_path / "out"
    book.build(clone, out)
    html = (out / "00_one.html").read_text()
    assert problems_of(out) == []
    assert sorted(path.name for path in out.iterdir()) == [
        "00_one.html", "01_two.html", "figures", "index.html", "script.js", "sounds", "style.css",
    ]  # fmt: skip
    assert "<title>0. One: code in a title - minidann</title>" in html
    assert "Lesson 0 (1 of 2)" in html and 'rel="next" href="01_two.html"' in html
    assert '<a class="source" href="#minidann/small.py" data-file="minidann/small.py">' in html
    assert 'data-file="minidann/__init__.py">the folder</a>' in html
    assert '<a href="01_two.html#the-end">' in html
    assert html.count("data/README.md</code>") == 2 and 'href="../data' not in html
    assert "what is known (<code title=" in html
    assert re.search(r'class="equation" id="equation.7".*href="#equation.7">\(7\)</a>', html)
    assert html.count("<math ") == html.count("</math>") == 5  # the heading's twice
    assert '<img src="figures/00_one.png" width="5" height="3" alt="One pixel, 1 &lt; 2">' in html
    audio = '<audio controls preload="none" src="sounds/00_tone.wav" aria-label="the tone">'
    assert audio + '<a href="sounds/00_tone.wav" download>' in html
    assert "the tone</span>" not in html and "the tone.</span> <audio" in html  # no lonely stop
    assert "<details>" in html and "<summary>The answer</summary>" in html
    assert html.count('class="copy"') == 1 and '<p class="label">prints</p>' in html
    assert [i for i in Tags(out / "00_one.html").ids() if i.startswith("the-")] == [
        "the-x", "the-end", "the-end-1",
    ]  # fmt: skip


def test_the_pane_shows_the_file_as_it_is(clone, tmp_path):
    book.build(clone, tmp_path / "out")
    html = (tmp_path / "out/00_one.html").read_text()
    assert lit(html) == [("minidann/small.py", [6, 11, 14])]
    assert "lines 6, 11, 14</span>" in html
    shown = re.search(r'data-path="minidann/small.py"><code>(.*?)</code></pre>', html, re.S)[1]
    lines = re.findall(r'<span class="l">(.*?)\n</span>', shown, re.S)
    assert [unescape(re.sub("<[^>]*>", "", line)) for line in lines] == CODE.splitlines()


@pytest.mark.parametrize("text", ["", "\n", "a\n\n\nb", '"""x\n\ny"""\n', "# \u00e9\n", "x = 1"])
def test_highlighting_keeps_every_line(text):
    plain = [unescape(re.sub("<[^>]*>", "", line)) for line in code.highlighted(text)]
    assert plain == (text.splitlines() or [""])


def test_without_a_readme_the_titles_are_the_contents(clone, tmp_path):
    book.build(clone, tmp_path / "out")
    html = (tmp_path / "out/index.html").read_text()
    assert '<a href="00_one.html">0. One: code in a title</a>' in html
    (clone / "lessons/README.md").write_text("# Mine\n\n[second](01_two.md)\n")
    book.build(clone, tmp_path / "out")
    html = (tmp_path / "out/index.html").read_text()
    assert "Mine</h1>" in html and '<a href="01_two.html">second</a>' in html


def test_the_same_bytes_twice(clone, tmp_path):
    def bytes_of(folder):
        book.build(clone, folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return [
            (str(p.relative_to(folder)), hashlib.sha256(p.read_bytes()).digest()) for p in paths
        ]

    first = bytes_of(tmp_path / "a")
    assert first == bytes_of(tmp_path / "b") == bytes_of(tmp_path / "a")
    assert len(first) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "clone"]


# Mistakes, each in one line


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("\\frac{{1}}{{2}}", "\\foo{1}", r"\foo is not known"),
        ("\\frac{{1}}{{2}}", "\\frac{{1}}", "a part of it is missing"),
        ("\\frac{{1}}{{2}}", "\\frac{1", "braces do not match"),
        ("\\frac{{1}}{{2}}", "\\left( 1", "ExtraLeftOrMissingRight"),
        ("\\frac{{1}}{{2}}", "a & b", "lone &"),
        ("\\frac{{1}}{{2}}", "a \\\\ b", "new line"),
        ("\\hat{{y}}_i", "\\nosuch", r"\nosuch is not known"),
        ("$\\hat{{y}}_i$", "\\hat{{y}}", r"\hat outside an equation"),
        ("$\\hat{{y}}_i$", "$y", "$ outside an equation"),
        ("minidann.small.double", "minidann.small.triple", "has no triple"),
        ("minidann.small.double", "elsewhere.large", "there is no such module"),
        ("    y = 2 * x", "    y = 3 * x", "is not what is quoted"),
        ("01_two.md#the-end", "01_two.md#no", "no heading there is called no"),
        ("01_two.md#the-end", "02_three.md", "there is no 02_three.md"),
        ("01_two.md#the-end", "https://x.org", "read without a network"),
        ("figures/00_one.png", "figures/none.png", "there is no figures/none.png"),
        ("Again.", "<b>Again</b>.", "HTML, '<b>'"),
        ("<details>", "<script>", "HTML, '<script>'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(clone, tmp_path, monkeypatch, capsys, old, new, words):
    old, new = old.replace("{{", "{").replace("}}", "}"), new.replace("{{", "{").replace("}}", "}")
    text = LESSON.replace(old, new, 1)
    assert text != LESSON
    (clone / "lessons/00_one.md").write_text(text)
    printed = said(clone, tmp_path / "out", monkeypatch, capsys)
    line = 1 + text[: text.index(new)].count("\n") - 2 * ("y = 3" in new)  # a quote: its fence's
    assert printed.startswith(f"error: lessons/00_one.md, line {line}: ") and words in printed
    assert not (tmp_path / "out").exists()


def said(root, out, monkeypatch, capsys) -> str:
    """What the command says to a mistake: one line, and exit code 2."""
    monkeypatch.setattr(command, "ROOT", root)
    monkeypatch.setattr(sys, "argv", ["reader", "--out", str(out), "--no-open"])
    with pytest.raises(SystemExit) as stop:
        command.console.run(command.main)
    printed = capsys.readouterr()
    assert stop.value.code == 2 and printed.out == "" and printed.err.count("\n") == 1
    return printed.err


def test_no_lessons(tmp_path, monkeypatch, capsys):
    assert "no lessons there" in said(tmp_path, tmp_path / "out", monkeypatch, capsys)


def test_a_folder_of_something_else_is_left_alone(clone, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    assert "holds thesis.txt" in said(clone, out, monkeypatch, capsys)
    assert (out / "thesis.txt").read_text() == "years of work"
    (out / "thesis.txt").unlink()
    (out / "index.html").write_text("<p>mine")
    assert "holds index.html" in said(clone, out, monkeypatch, capsys)
    (out / "index.html").unlink()
    book.build(clone, out)  # empty: nothing to lose
    (out / "notes.txt").write_text("mine")
    assert "holds notes.txt" in said(clone, out, monkeypatch, capsys)
    assert "is a file" in said(clone, clone / "data/README.md", monkeypatch, capsys)


def test_the_command_opens_the_index(clone, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(command, "ROOT", clone)
    monkeypatch.setattr(command.webbrowser, "open", lambda url: opened.append(url) or True)
    monkeypatch.setattr(sys, "argv", ["reader", "--out", str(tmp_path / "out")])
    command.main()
    index = tmp_path / "out/index.html"
    assert opened == [index.as_uri()]
    assert capsys.readouterr().out == f"2 lessons: {index}\n"


def test_without_the_extra_the_command_says_what_to_install(tmp_path):
    blocked = (
        "import importlib.util, runpy, sys\n"
        "found = importlib.util.find_spec\n"
        "def without(name, *a): return None if name == 'pygments' else found(name, *a)\n"
        "importlib.util.find_spec = without\n"
        "sys.modules['pygments'] = None\n"
        "sys.argv = ['reader', '--no-open']\n"
        "runpy.run_module('minidann.reader', run_name='__main__')\n"
    )
    command = [sys.executable, "-c", blocked]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    expected = "error: not installed: pygments; in the clone, pip install -e '.[reader]'\n"
    assert done.stderr == expected
    assert list(tmp_path.iterdir()) == []


# Equations


@pytest.mark.parametrize(
    "latex, part",
    [
        (r"\ln 3", '<mi>ln</mi><mspace width="0.167em" /><mn>3</mn>'),
        (r"\exp(x)", "<mi>exp</mi><mo"),
        (r"(0, -1)", '<mo form="prefix" lspace="0" rspace="0">\u2212</mo>'),
        (r"a - 1", "<mi>a</mi><mo>\u2212</mo><mn>1</mn>"),
        (r"\mathbf{v}", "\U0001d42f"),
        (r"\mathbf{1}", "<mn>\U0001d7cf</mn>"),
        (r"\boldsymbol{\theta}", "\U0001d73d"),
        (r"\mathrm{d}", '<mi mathvariant="normal">d</mi>'),
        (r"\mathrm{UAR}", ">UAR</mi>"),
        (r"\partial L", "<mi>\u2202</mi><mi>L</mi>"),
        (r"a \pm b", "<mo>\u00b1</mo>"),
        (r"\arg\max_i x", '<munder><mo movablelimits="true" lspace="0" rspace="0">max</mo>'),
        (r"\text{if } x", "<mtext>if\u00a0</mtext>"),
        (r"\left. x \right|_a", "<mrow><mi>x</mi><mo "),
    ],
)
def test_an_equation_is_set_as_in_a_book(latex, part):
    assert part in mathml.block(latex)[0]


def test_a_matrix_stretches_its_own_brackets_only():
    html = mathml.block(r"\frac{1}{2} \begin{pmatrix} 1 \\ 2 \end{pmatrix} + x")[0]
    assert re.search(r"<mrow><mo>\(</mo><mtable>.*</mtable><mo>\)</mo></mrow>", html)


def test_a_long_equation_may_end_a_line_between_its_parts():
    html = mathml.block(r"a = b = c, \quad x = (y = z) \qquad w")[0]
    groups = [group.split("<wbr>") for group in re.split(" (?=<span)", html)]
    parts = [[re.sub("<[^>]*>", "", part) for part in group] for group in groups]
    assert parts == [["a=b", "=c,"], ["x=(y", "=z)"], ["w"]]


# The real book


def test_nothing_in_the_folder_is_dead_or_from_a_network(real):
    assert problems_of(real) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_page_has_what_its_lesson_has(real, path):
    text = path.read_text(encoding="utf-8")
    page = real / f"{path.stem}.html"
    html = page.read_text(encoding="utf-8")
    quotes = [fence for fence in fences(text) if fence.kind == "quote"]
    sources = [find(fence.info.split()[1]) for fence in quotes]
    assert lit(html) == [(s.file, lines_of(f.text, s)) for f, s in zip(quotes, sources)]
    assert html.count('class="where"') == len(quotes)
    assert html.count('class="run"') == sum(
        f.kind == "code" or f.kind == "sh" for f in fences(text)
    )
    assert html.count('class="output"') == sum(f.kind == "output" for f in fences(text))
    outside = "\n".join(re.sub(r"`[^`]*`", "", line) for _, line in prose(text))
    assert html.count('class="equation"') == outside.count("$$") / 2
    inline = re.sub(r"\$\$.*?\$\$", "", outside, flags=re.S).count("$") / 2
    in_sections = sum(line.startswith("## ") * line.count("$") / 2 for line in outside.splitlines())
    assert html.count('<math display="inline">') == inline + in_sections
    assert html.count('tabindex="0" role="group" aria-label="Equation') == outside.count("$$") / 2
    assert not re.search(
        r'aria-label="Equation[ \d]*">(?!<span class="group"><math displaystyle="true"><mrow>.)',
        html,
    )
    shown = re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.S)
    assert "$" not in shown and "\\" not in shown
    ids = [i for tag, a in Tags(page).all if re.fullmatch("h[1-6]", tag) for i in [a["id"]]]
    assert ids == anchors(headings(text))
    assert len(html) < 1_000_000


def test_the_papers_equations_are_all_there(real):
    pages = [path.read_text(encoding="utf-8") for path in sorted(real.glob("*.html"))]
    found = {n for html in pages for n in re.findall(r'id="equation\.(\d+)"', html)}
    assert found == {str(n) for n in range(1, 11)}


def test_the_contents_name_every_lesson(real):
    index = (real / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{path.stem}.html"' in index for path in PATHS)
    assert (LESSONS / "README.md").is_file()
