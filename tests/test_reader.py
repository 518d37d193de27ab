"""The lessons as HTML: does the folder hold what the Markdown says, and the very lines of code?"""

import re
import subprocess
import sys
from html import unescape

import pytest

pytest.importorskip("latex2mathml", reason="needs the reader: pip install -e '.[reader]'")

from conftest import call
from test_lessons import ANSWERS as ANSWERS_OF
from test_lessons import PATHS, fences, prose, quotes

from minidann.reader import __main__ as command
from minidann.reader import book
from minidann.reader.links import anchor, page_of
from minidann.reader.mathml import mathml
from minidann.reader.quoting import ROOT

CODE = (ROOT / "minidann/optim.py").read_text(encoding="utf-8")
ANSWERS = """
# Answers to lesson 0

To [lesson 0](../00_one.md#what-is-known) and [optim.py](../../minidann/optim.py).

## 1. A sum

```python minidann.optim.DECAY
DECAY = 0.93
```
"""
LESSON = r"""
# 0. One

See [optim.py](../minidann/optim.py), [the next](01_two.md#the-end),
[the data](../data/README.md), [the course](course.md), [an answer](answers/00_one.md#1-a-sum).

## What is known

$$x = \frac{1}{2} \tag{7}$$

Inline $\hat{y}_i$, and a list:

- $a < b$

```python minidann.optim.start
def start(params: Arrays) -> Arrays:
...
    return state
```

```python
print("<&>")
```

```output
<&>
```

```sh
ls
```

```text
 +--+
```

![One pixel, 1 < 2](figures/00_one.png)

Hear [the tone](sounds/00_tone.wav).

<details>
<summary>The answer</summary>

It is `2`.

</details>
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with two lessons, which the command takes for its own."""
    root = tmp_path / "clone"
    for name, text in {
        "minidann/optim.py": CODE,
        "data/README.md": "# Data\n",
        "lessons/README.md": "# The lessons\n\n[one](00_one.md)\n",
        "lessons/00_one.md": LESSON,
        "lessons/01_two.md": "# 1. Two\n\nBack to [one](00_one.md).\n\n## The end\n",
        "lessons/answers/00_one.md": ANSWERS,
        "lessons/course.md": "# A course\n",
        "lessons/figures/00_one.png": "PNG",
        "lessons/sounds/00_tone.wav": "RIFF",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(command, "ROOT", root)
    return root


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The folder of the real lessons."""
    out = tmp_path_factory.mktemp("reader")
    book.build(ROOT, out)
    return out


def lit(html):
    """The file and the lines that each quote of a page lights, in order."""
    found = []
    for quote in re.findall(r'<figure class="quote">.*?</figure>', html, re.S):
        source = re.search(r'class="source" href="#(.*?)"', quote)[1]
        links = re.findall(r'class="line" href="#(.*?):(\d+)"', quote)
        lines = [int(number) for _, number in links]
        (file,) = {file for file, _ in links}
        assert source == f"{file}:{lines[0]}"
        found.append((file, lines))
    return found


def plain(html):
    return unescape(re.sub("<[^>]*>", "", html))


def in_pane(html):
    """The text of each file in a page's pane, in which each line is an element of its own."""
    files = re.findall(r'<pre class="file" id="(.*?)"><code>(.*?)</code></pre>', html, re.S)
    assert all(code.count("\n") == code.count("\n</span>") for _, code in files)
    return {file: plain(code) for file, code in files}


def link_problems(folder):
    """What is wrong in a folder of HTML: dead links, the network, ids that are given twice."""
    found = []
    pages = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}
    ids = {name: re.findall(r' id="(.*?)"', html) for name, html in pages.items()}
    for name, html in pages.items():
        found += [f"{name}: two are called {i}" for i in set(ids[name]) if ids[name].count(i) > 1]
        for target in re.findall(r' (?:href|src)="(.*?)"', html):
            place, _, anchor = target.partition("#")
            if place and not (folder / place).is_file():
                found.append(f"{name}: there is no {place}")
            elif anchor and anchor not in ids[place or name]:
                found.append(f"{name}: nothing is called {target}")
    for name, pattern in (("style.css", r"@import|url\("), ("script.js", r"https?:|\bfetch\(")):
        found += re.findall(pattern, (folder / name).read_text(encoding="utf-8"))
    return found


# A made-up book


def test_a_page_has_all_that_its_markdown_has(clone, tmp_path):
    out = tmp_path / "out"
    assert book.build(clone, out) == 5
    html = (out / "00_one.html").read_text()
    assert link_problems(out) == []
    assert sorted(path.name for path in out.iterdir()) == [
        "00_one.html", "00_one_answers.html", "01_two.html", "course.html", "figures", "index.html",
        "script.js", "sounds", "style.css",
    ]  # fmt: skip
    for part in (
        "<title>0. One</title>",
        '<a rel="prev" href="index.html"',
        '<a rel="next" href="01_two.html"',
        '<nav class="sections" id="sections"><a href="#what-is-known">What is known</a></nav>',
        '<h2 id="what-is-known">',
        '<a class="source" href="#minidann/optim.py">optim.py</a>',
        '<a href="01_two.html#the-end">the next</a>',
        '<a href="course.html">the course</a>',
        '<a href="00_one_answers.html#1-a-sum">an answer</a>',
        '<a title="data/README.md, in the clone of the project">the data</a>',
        "<span>(7)</span>",
        "</math>,</span> and a list",
        '<img src="figures/00_one.png" alt="One pixel, 1 &lt; 2">',
        '<audio controls preload="none" src="sounds/00_tone.wav"></audio> <a>the tone</a>.',
        '<pre class="output"><code>&lt;&amp;&gt;\n</code></pre>',
        '<pre class="text"><code> +--+\n</code></pre>',
        "<summary>The answer</summary>",
    ):
        assert part in html
    assert html.count('class="copy"') == 2
    index = (out / "index.html").read_text()
    assert 'rel="next"' in index and 'rel="prev"' not in index and "pane" not in index


def test_answers_lie_between_their_lesson_and_the_next(clone, tmp_path):
    out = tmp_path / "out"
    book.build(clone, out)
    html = (out / "00_one_answers.html").read_text()
    assert '<a href="00_one.html#what-is-known">lesson 0</a>' in html
    assert '<a class="source" href="#minidann/optim.py">optim.py</a>' in html
    assert lit(html) == [("minidann/optim.py", [CODE[: CODE.index("\nDECAY")].count("\n") + 2])]
    pages = ("index", "00_one", "01_two", "course")
    for before, after in [*zip(pages, pages[1:]), ("00_one_answers", "01_two")]:
        step = re.search(r'rel="next" href="(.*?)"', (out / f"{before}.html").read_text())
        assert step[1] == f"{after}.html"


def test_the_same_bytes_twice_and_nothing_else_is_touched(clone, tmp_path):
    def bytes_of(folder):
        book.build(clone, folder)
        return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    first = bytes_of(tmp_path / "a")
    assert len(first) == 9
    assert first == bytes_of(tmp_path / "b") == bytes_of(tmp_path / "a")
    (tmp_path / "a/notes.txt").write_text("mine")
    assert len(bytes_of(tmp_path / "a")) == 10


# What is wrong, in one line


def error(*flags):
    """What the command says to a mistake: one line, and exit code 2."""
    done = call("reader", "--no-open", *flags)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    "old, new, words",
    [
        (r"\frac{1}{2}", r"\foo{1}", r"\foo is not known"),
        (r"\frac{1}{2}", r"\left( 1", "ExtraLeftOrMissingRight"),
        (r"\frac{1}{2}", "a & b", "not well-formed"),
        (r"\hat{y}_i", r"\nosuch", r"\nosuch is not known"),
        ("    return state", "    return 3", "has no line 'return 3'"),
        ("01_two.md#the-end", "../..", "there is no ../.. in the clone"),
        ("figures/00_one.png", "figures/none.png", "there is no figures/none.png"),
    ],
)
def test_an_error_in_a_lesson_is_one_line(clone, tmp_path, old, new, words):
    assert old in LESSON
    (clone / "lessons/00_one.md").write_text(LESSON.replace(old, new))
    message = error("--out", tmp_path / "out")
    assert message.startswith("error: lessons/00_one.md: ") and words in message
    assert not (tmp_path / "out").exists()


def test_no_lessons(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert "no lessons there" in error("--out", tmp_path / "out")


def test_a_folder_of_something_else_is_left_alone(clone, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("thesis.txt", "index.html"):
        (out / name).write_text("years of work")
        assert "is not a folder of this command" in error("--out", out)
        assert [path.read_text() for path in out.iterdir()] == ["years of work"]
        (out / name).unlink()
    book.build(clone, out)  # empty: nothing to lose
    assert "is not a folder of this command" in error("--out", clone / "data/README.md")


def test_the_command_opens_the_index(clone, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(command.webbrowser, "open", lambda url: opened.append(url) or True)
    done = call("reader", "--out", tmp_path / "out")
    index = tmp_path / "out/index.html"
    assert opened == [index.as_uri()]
    assert done.stdout == f"5 pages: {index}\n"
    call("reader", "--out", tmp_path / "out", "--no-open")
    assert len(opened) == 1


def test_without_the_extra_the_command_says_what_to_install(tmp_path):
    blocked = (
        "import runpy, sys\n"
        "sys.modules['pygments'] = None\n"
        "sys.argv = ['reader', '--no-open']\n"
        "runpy.run_module('minidann.reader', run_name='__main__')\n"
    )
    line = [sys.executable, "-c", blocked]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "error: pygments is not installed; in the clone, pip install -e '.[reader]'\n"
    )
    assert list(tmp_path.iterdir()) == []


# Equations


@pytest.mark.parametrize(
    "latex, part",
    [
        (r"2 \ln 3", '<mn>2</mn><mo lspace="0.167em" rspace="0.167em">ln</mo><mn>3</mn>'),
        (r"= \exp(x)", '<mo lspace="0.167em" rspace="0">exp</mo>'),
        (r"(0, -1)", '<mo form="prefix">\u2212</mo>'),
        (r"f(x) - 1", "</mo><mo>\u2212</mo><mn>1</mn>"),
        (r"x^{t - 1}", "<mi>t</mi><mo>\u2212</mo>"),
        (r"3 / 4", '<mn>3</mn><mo lspace="0" rspace="0">/</mo><mn>4</mn>'),
        (r"a \pm b", "<mo>\u00b1</mo>"),
        (r"\mathrm{UAR}", ">UAR</mo>"),
        (r"\max_i x", '<munder><mo lspace="0.167em" rspace="0.167em">max</mo><mi>i</mi></munder>'),
    ],
)
def test_an_equation_has_the_spaces_of_a_book(latex, part):
    assert part in mathml(latex, "block")


# The real book


def test_nothing_in_the_folder_is_dead_or_from_a_network(real):
    assert link_problems(real) == []


@pytest.mark.parametrize("path", [*PATHS, *sorted(ANSWERS_OF.glob("*.md"))], ids=page_of)
def test_a_page_has_what_its_lesson_has(real, path):
    text = path.read_text(encoding="utf-8")
    html = (real / f"{page_of(path)}.html").read_text(encoding="utf-8")
    assert lit(html) == quotes(path)
    for file, code in in_pane(html).items():
        assert code == (ROOT / file).read_text(encoding="utf-8")
    kinds = [fence.kind for fence in fences(text)]
    assert html.count('class="run"') == kinds.count("code") + kinds.count("sh")
    assert html.count('class="output"') == kinds.count("output")
    outside = "\n".join(re.sub(r"`[^`]*`", "", line) for _, line in prose(text))
    assert html.count('class="equation"') == outside.count("$$") / 2
    assert re.findall(r"<span>\((\d+)\)</span>", html) == re.findall(r"\\tag\{(\d+)\}", text)
    inline = re.sub(r"\$\$.*?\$\$", "", outside, flags=re.S).count("$") / 2
    assert html.count('<math display="inline">') == inline
    shown = re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.S)
    assert "$" not in shown and "\\" not in shown
    headings = [line.lstrip("# ") for _, line in prose(text) if line.startswith("#")]
    assert re.findall(r'<h\d id="(.*?)"', html) == [*map(anchor, headings)]


def test_the_contents_name_every_lesson(real):
    index = (real / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{path.stem}.html"' in index for path in PATHS)
