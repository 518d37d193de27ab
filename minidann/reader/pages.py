"""A lesson's Markdown as the HTML of its page."""

import re
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from minidann.console import UserError
from minidann.reader import code, mathml
from minidann.reader.links import DeadLink, anchors, page_of, resolve
from minidann.reader.pieces import pieces
from minidann.reader.quoting import Misquoted

ALLOWED = re.compile(r"</?details>|<summary>[^<]*</summary>")  # the only HTML a lesson may hold


@dataclass
class Page:
    """A page before the frame that all share: its HTML, and what the rest of the book needs."""

    path: Path  # the Markdown
    root: Path  # the clone
    title: str = ""  # without marks
    head: str = ""  # HTML of the title
    body: str = ""  # HTML of what follows
    sections: list[tuple[str, str]] = field(default_factory=list)  # anchor, HTML
    files: list[str] = field(default_factory=list)  # that the pane shows, in order of appearance
    made: set[str] = field(default_factory=set)  # figures and sounds
    quotes: int = 0
    equations: set[str] = field(default_factory=set)  # their numbers

    @property
    def name(self) -> str:
        return page_of(self.path.name)

    @property
    def has_pane(self) -> bool:
        """The index has none: its tables need the room."""
        return self.path.name != "README.md"

    def wrong(self, line: int, what: str) -> UserError:
        path = self.path.resolve()
        inside = path.is_relative_to(self.root.resolve())
        return UserError(
            f"{path.relative_to(self.root.resolve()) if inside else path}, line {line}: {what}"
        )

    def show(self, file: str) -> None:
        if file not in self.files:
            self.files.append(file)


def read(path: Path, root: Path, text: str | None = None) -> Page:
    """The page of a lesson, or of `text` that stands for one. Raises UserError."""
    page = Page(path, root)
    text = path.read_text(encoding="utf-8") if text is None else text
    md = _markdown()
    env: dict = {"page": page}
    tokens = md.parse(text, env)
    _number_lines(tokens)
    _prepare(tokens, page, env)
    end = next((i for i, t in enumerate(tokens) if t.type == "heading_close"), -1) + 1
    page.head = md.renderer.render(tokens[:end], md.options, env)
    page.body = md.renderer.render(tokens[end:], md.options, env)
    return page


@cache
def _markdown() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": True}).enable("table")
    md.use(dollarmath_plugin, allow_labels=False, double_inline=True)
    for name, rule in (
        ("fence", _fence), ("code_inline", _code), ("math_inline", _inline),
        ("math_inline_double", _block), ("math_block", _block), ("image", _image),
        ("table_open", _table_open), ("table_close", _table_close),
    ):  # fmt: skip
        md.add_render_rule(name, rule)
    return md


# Before rendering: what each piece is, and whether it may be there


def _number_lines(tokens: list[Token]) -> None:
    """`meta["line"]` of every token, and of the pieces in a line of prose."""
    line = 1
    for token in tokens:
        if token.map:
            line = token.map[0] + 1
        token.meta["line"] = line
        within = line
        for child in token.children or []:
            child.meta["line"] = within
            within += child.content.count("\n") + (child.type in ("softbreak", "hardbreak"))


def _prepare(tokens: list[Token], page: Page, env: dict) -> None:
    ids: list[str] = []
    raw = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    names = iter(anchors(raw))
    for i, token in enumerate(tokens):
        if token.type == "html_block":
            for n, line in enumerate(token.content.splitlines()):
                if line.strip() and not re.fullmatch(f"({ALLOWED.pattern})+", line.strip()):
                    what = f"HTML, {line.strip()!r}; only <details> and <summary> are meant"
                    raise page.wrong(token.meta["line"] + n, what)
        if token.type == "inline":
            token.children = pieces(token.children or [], page)
            if len(token.children) == 1 and token.children[0].type == "image":
                tokens[i - 1].hidden = tokens[i + 1].hidden = True  # a figure, not a paragraph
                token.children[0].meta["figure"] = True
        if token.type == "heading_open":
            ids.append(next(names))
            token.attrSet("id", ids[-1])
            inner = tokens[i + 1]
            if token.tag == "h1" and not page.title:
                page.title = re.sub(r"[`*$]", "", inner.content)
            elif token.tag == "h2":
                inner_html = _markdown().renderer.renderInline(
                    pieces(inner.children or [], page), _markdown().options, env
                )
                page.sections.append((ids[-1], re.sub(r"</?a\b[^>]*>", "", inner_html)))


# Rendering


def _fence(self, tokens, i, options, env) -> str:
    token, page = tokens[i], env["page"]
    words = token.info.split()
    if words[:1] == ["python"] and len(words) > 1:
        page.quotes += 1
        try:
            html, file = code.quote(words[1], token.content, page.root, page.quotes)
        except Misquoted as error:
            raise page.wrong(token.meta["line"], str(error)) from None
        page.show(file)
        return html
    return code.fence(words[0] if words else "text", token.content)


def _code(self, tokens, i, options, env) -> str:
    """No line ends within a word such as --beta; between words it may."""
    words = [
        f'<span class="whole">{escape(word)}</span>'
        if "-" in word and len(word) < 30
        else escape(word)
        for word in tokens[i].content.split(" ")
    ]
    return f"<code>{' '.join(words)}</code>"


def _inline(self, tokens, i, options, env) -> str:
    try:
        math, stop = mathml.inline(tokens[i].content), tokens[i].meta.get("stop")
        return f'<span class="whole">{math}{escape(stop)}</span>' if stop else math
    except mathml.NotMath as error:
        what = f"equation ${tokens[i].content.strip()}$: {error}"
        raise env["page"].wrong(tokens[i].meta["line"], what) from None


def _block(self, tokens, i, options, env) -> str:
    token, page = tokens[i], env["page"]
    try:
        math, number = mathml.block(token.content)
    except mathml.NotMath as error:
        start = " ".join(token.content.split())[:60]
        raise page.wrong(token.meta["line"], f"equation $${start}...$$: {error}") from None
    tag, name = "", ""
    if number and number not in page.equations:
        page.equations.add(number)
        name = f' id="equation.{number}"'
    if number:
        tag = f'<a class="tag" href="#equation.{number}">({number})</a>'
    element = "span" if token.type == "math_inline_double" else "div"
    return (
        f'<{element} class="equation"{name}><span class="scroll" tabindex="0" role="group" '
        f'aria-label="Equation{" " + number if number else ""}">{math}</span>{tag}</{element}>\n'
    )


def _image(self, tokens, i, options, env) -> str:
    token, page = tokens[i], env["page"]
    try:
        link = resolve(str(token.attrs["src"]), page.path, page.root)
    except DeadLink as error:
        raise page.wrong(token.meta["line"], str(error)) from None
    if link.kind != "figure":
        raise page.wrong(token.meta["line"], f"{token.attrs['src']} is not one of the figures")
    page.made.add(link.to)
    size = (page.path.parent / link.to).read_bytes()[16:24]  # of a PNG: so the text does not jump
    width, height = int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big")
    alt = escape(token.content, quote=True)
    image = f'<img src="{escape(link.to)}" width="{width}" height="{height}" alt="{alt}">'
    if not token.meta.get("figure"):
        return image
    return f'<figure class="plot">{image}<figcaption aria-hidden="true">{alt}</figcaption></figure>'


def _table_open(self, tokens, i, options, env) -> str:
    return '<div class="table" tabindex="0" role="group" aria-label="Table"><table>\n'


def _table_close(self, tokens, i, options, env) -> str:
    return "</table></div>\n"
