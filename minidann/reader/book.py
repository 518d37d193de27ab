"""The folder of HTML: every page in its frame, the style, the script, figures and sounds."""

from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from minidann.console import UserError
from minidann.reader.links import anchor, each, write
from minidann.reader.pages import Page, highlighted, read

DATA = files("minidann.reader")


def build(root: Path, out: Path) -> int:
    """Write the book of the clone `root` to the folder `out`. -> how many pages. Raises UserError.

    Nothing else in the folder is touched, and nothing is written if anything is wrong.
    """
    ours = (out / "script.js").is_file()
    if out.exists() and not ours and (out.is_file() or any(out.iterdir())):
        raise UserError(f"--out {out}: is not a folder of this command; name another one")
    pages = [*each(root, lambda path: read(path, root)).values()]
    texts = {f"{page.name}.html": frame(page, pages) for page in pages}
    texts |= {name: (DATA / name).read_text("utf-8") for name in ("style.css", "script.js")}
    write(out, texts, root / "lessons", set().union(*(page.media for page in pages)), to=".")
    return len(pages)


def frame(page: Page, pages: list[Page]) -> str:
    """The whole HTML of a page: links to the index and its neighbours, the text, the pane."""
    chain = [other for other in pages if other is page or not other.name.endswith("_answers")]
    place = chain.index(page)
    steps = [
        f'<a rel="{rel}" href="{chain[i].name}.html" title="{escape(chain[i].title)}">{arrow}</a>'
        for i, rel, arrow in ((place - 1, "prev", "\u2190"), (place + 1, "next", "\u2192"))
        if 0 <= i < len(chain)
    ]
    sections = [f'<a href="#{anchor(name)}">{escape(name)}</a>' for name in page.sections]
    nav = f'</h1>\n<nav class="sections" id="sections">{" ".join(sections)}</nav>'
    return Template((DATA / "template.html").read_text("utf-8")).substitute(
        title=escape(page.title),
        kind="lesson" if page.files else "plain",
        steps=" ".join(steps),
        body=page.body.replace("</h1>", nav, 1),
        pane=pane(page) if page.files else "",
    )


def pane(page: Page) -> str:
    """The code beside the text: every file that the page quotes or links to, one of them shown."""
    options = sources = ""
    for file in dict.fromkeys(page.files):  # each once
        code = highlighted((page.root / file).read_text(encoding="utf-8")).splitlines(keepends=True)
        lines = "".join(f'<span id="{file}:{n}">{line}</span>' for n, line in enumerate(code, 1))
        options += f"<option>{file}</option>"
        sources += f'<pre class="file" id="{file}"><code>{lines}</code></pre>\n'
    return (
        f'<aside class="pane" aria-label="The code"><div class="bar"><select>{options}</select>'
        '<button type="button" class="close" aria-label="Close the code">\u00d7</button></div>\n'
        f'<div class="files">{sources}</div></aside>\n'
    )
