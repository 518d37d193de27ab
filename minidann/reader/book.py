"""The folder of HTML: every page in its frame, the style, the script, figures and sounds."""

import re
import shutil
import tempfile
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from minidann.console import UserError
from minidann.reader import code
from minidann.reader.pages import Page, read

MARK = '<meta name="generator" content="minidann.reader">'
OWN = re.compile(r"index\.html|\d\d_\w+\.html|style\.css|script\.js|figures|sounds")
NUMBERED = "[0-9][0-9]_*.md"


def build(root: Path, out: Path) -> list[Page]:
    """Write the lessons of the clone `root` to the folder `out`, made anew. Raises UserError."""
    lessons = root / "lessons"
    paths = sorted(lessons.glob(NUMBERED))
    if not paths:
        raise UserError(
            f"{lessons}: no lessons there; they lie beside the package in a clone of the project: "
            "run this from a clone, installed with pip install -e '.[reader]'"
        )
    out = check(out)
    pages = [read(path, root) for path in paths]
    index = contents(lessons, root, pages)
    texts = {page.name: frame(page, pages) for page in [index, *pages]}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        place = Path(name) / "book"
        place.mkdir()
        for file in ("style.css", "script.js"):
            (place / file).write_bytes((files("minidann.reader") / file).read_bytes())
        for file, text in texts.items():
            (place / file).write_text(text, encoding="utf-8", newline="\n")
        for made in sorted({made for page in [index, *pages] for made in page.made}):
            (place / made).parent.mkdir(exist_ok=True)
            shutil.copyfile(lessons / made, place / made)
        if out.exists():
            shutil.rmtree(out)
        place.rename(out)
    return pages


def check(out: Path) -> Path:
    """`out` without links in it, if it is not there, empty, or an earlier one. Raises UserError."""
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file; expected a folder's name")
    if out.is_dir() and (inside := sorted(path.name for path in out.iterdir())):
        index = out / "index.html"
        earlier = index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")
        foreign = [name for name in inside if not OWN.fullmatch(name)]
        if foreign or not earlier:
            what = (foreign or inside)[0]
            raise UserError(
                f"--out {out}: holds {what}, which is not of this command; nothing is overwritten, "
                "name another folder"
            )
    return out


def contents(lessons: Path, root: Path, pages: list[Page]) -> Page:
    """The index: the README of the lessons, or else a list of their titles."""
    readme = lessons / "README.md"
    if readme.is_file():
        return read(readme, root)
    links = [f"- [{page.title}]({page.path.name})\n" for page in pages]
    return read(readme, root, "# The lessons\n\n" + "".join(links))


# The frame


def frame(page: Page, pages: list[Page]) -> str:
    """The whole HTML of a page."""
    place = pages.index(page) if page in pages else None
    before = pages[place - 1] if place else None
    after = pages[0] if place is None else pages[place + 1] if place + 1 < len(pages) else None
    shown = page.files if page.has_pane else []
    return Template((files("minidann.reader") / "template.html").read_text("utf-8")).substitute(
        mark=MARK,
        title=escape(page.title) + " - minidann" * (place is not None),
        kind="lesson" if shown else "plain",
        place=_place(page, place, len(pages)),
        progress=0 if place is None else round(100 * (place + 1) / len(pages)),
        before=_step(before, "prev", "Previous"),
        after=_step(after, "next", "Next"),
        head=page.head,
        sections=_sections(page),
        body=page.body,
        around=_around(before, after),
        pane=_pane(page) if shown else "",
    )


def _place(page: Page, place: int | None, count: int) -> str:
    if place is None:
        return ""
    return f"Lesson {int(page.path.name[:2])} ({place + 1} of {count})"


def _step(page: Page | None, rel: str, word: str) -> str:
    if page is None:
        return ""
    title = escape(page.title, quote=True)
    arrow = {"prev": "\u2190", "next": "\u2192"}[rel]
    label = f'title="{title}" aria-label="{word}: {title}"'
    return f'<a rel="{rel}" href="{page.name}" {label}>{arrow}</a>'


def _sections(page: Page) -> str:
    items = "".join(f'<li><a href="#{anchor}">{html}</a></li>' for anchor, html in page.sections)
    return f'<nav class="sections" aria-label="Sections"><ol>{items}</ol></nav>' if items else ""


def _around(before: Page | None, after: Page | None) -> str:
    """At the foot of the page: where to go next."""
    parts = [
        f'<a class="{rel}" href="{page.name}"><small>{word}</small> {escape(page.title)}</a>'
        for page, rel, word in ((before, "prev", "Previous"), (after, "next", "Next"))
        if page is not None
    ]
    return f'<nav class="around" aria-label="Lessons before and after">{"".join(parts)}</nav>'


def _pane(page: Page) -> str:
    """The code beside the text: every file that the page quotes or names, one of them visible."""
    options = "".join(f"<option>{escape(file)}</option>" for file in page.files)
    sources = "".join(code.whole_file(file, page.root) for file in page.files)
    return (
        '<aside class="pane" id="the.pane" aria-label="The code">\n<div class="bar">'
        f'<label><span class="unseen">File</span><select class="file-name">{options}</select>'
        '</label><span class="lit-lines"></span>'
        '<button type="button" class="follow" aria-pressed="true" '
        'title="Move on to the code that the text has come to">follows the text</button>'
        '<button type="button" class="close" aria-label="Close the code">\u00d7</button></div>\n'
        '<div class="files" tabindex="0" role="region" aria-label="Source file">\n'
        f"{sources}</div>\n</aside>\n"
    )
