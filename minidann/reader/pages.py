"""A lesson's Markdown as HTML: markdown-it reads it, the rules here draw what is special to us."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from minidann.console import UserError
from minidann.reader import LessonError, code, mathml
from minidann.reader.links import anchor, page_of, resolve

STOP = re.compile(r"(<math display(?:(?!</math>).)*</math>)([,.;:?!)\]'\"]+)")  # begins no line


@dataclass
class Page:
    """A page before the frame that all share: its HTML, and what the rest of the book needs."""

    path: Path  # the Markdown
    root: Path  # the clone
    title: str = ""
    body: str = ""  # HTML
    sections: list[str] = field(default_factory=list)  # their headings
    files: list[str] = field(default_factory=list)  # that it quotes or links to, in order
    media: set[str] = field(default_factory=set)  # figures and sounds
    link_end: str = ""  # HTML that ends the link that has begun

    @property
    def name(self) -> str:
        return page_of(self.path.name)


def read(path: Path, root: Path) -> Page:
    """The page of a lesson. Raises UserError."""
    page, text = Page(path, root), path.read_text(encoding="utf-8")
    md = MarkdownIt("commonmark").enable("table")
    md.use(dollarmath_plugin, allow_labels=False, double_inline=True)
    for name, rule in RULES.items():
        md.add_render_rule(name, _located(rule))
    env = {"page": page, "text": text}
    tokens = md.parse(text, env)
    for opening, heading in zip(tokens, tokens[1:]):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(heading.content))
            if opening.tag == "h1":
                page.title = heading.content
            else:
                page.sections.append(heading.content)
    body = md.renderer.render(tokens, md.options, env)
    page.body = STOP.sub(r'<span class="whole">\1\2</span>', body)
    return page


def _located(rule: Callable[[Token, Page], str]) -> Callable:
    """The rule as markdown-it calls it; what is wrong with a lesson gets its line."""

    def render(self, tokens, i, options, env) -> str:
        token, page, text = tokens[i], env["page"], env["text"]
        try:
            return rule(token, page)
        except LessonError as error:
            wrong = token.attrs.get("href") or token.attrs.get("src") or token.content
            line = text[: text.find(str(wrong))].count("\n") + 1
            raise UserError(f"{page.path.relative_to(page.root)}, line {line}: {error}") from None

    return render


def _fence(token: Token, page: Page) -> str:
    kind, _, name = token.info.partition(" ")
    if not name:
        return code.fence(kind, token.content)
    html, file = code.quote(name, token.content, page.root)
    page.files.append(file)
    return html


def _inline(token: Token, page: Page) -> str:
    return mathml.inline(token.content)


def _block(token: Token, page: Page) -> str:
    math, number = mathml.block(token.content)
    tag = f"<span>({number})</span>" if number else ""
    return f'<span class="equation"><span class="scroll">{math}</span>{tag}</span>\n'


def _image(token: Token, page: Page) -> str:
    link = resolve(str(token.attrs["src"]), page.path, page.root)
    page.media.add(link.to)
    alt = escape(token.content)
    return f'<img src="{link.to}" alt="{alt}"><span class="caption" aria-hidden="true">{alt}</span>'


def _link_open(token: Token, page: Page) -> str:
    link = resolve(str(token.attrs["href"]), page.path, page.root)
    page.link_end = "</a>"
    if link.kind == "page":
        return f'<a href="{link.to}">'
    if link.kind == "code":
        page.files.append(link.to)
        return f'<a class="source" href="#{link.to}">'
    if link.kind == "media":
        page.media.add(link.to)
        page.link_end = ""
        return f'<audio controls preload="none" src="{link.to}"></audio> '
    page.link_end = "</abbr>"
    return f'<abbr title="{link.to}, in the clone of the project">'


def _link_close(token: Token, page: Page) -> str:
    return page.link_end


RULES = {
    "fence": _fence,
    "math_inline": _inline,
    "math_inline_double": _block,
    "math_block": _block,
    "image": _image,
    "link_open": _link_open,
    "link_close": _link_close,
}
