"""A lesson's Markdown as HTML: markdown-it reads it, the rules here draw what is special to us."""

import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from minidann.reader.links import anchor, page_of, resolve
from minidann.reader.mathml import TAG, mathml
from minidann.reader.quoting import DOTS, find, lines_of

STOP = re.compile(r"(<math display(?:(?!</math>).)*</math>)([,.;:?!)\]'\"]+)")  # begins no line
LANGUAGES = ("python", "sh")  # of code to run
FORMATTER = HtmlFormatter(nowrap=True)  # no line ends within an element


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

    @property
    def name(self) -> str:
        return page_of(self.path)


def read(path: Path, root: Path) -> Page:
    """The page of a lesson. Raises UserError."""
    page = Page(path, root)
    md = MarkdownIt("commonmark").enable("table")
    md.use(dollarmath_plugin, allow_labels=False, double_inline=True)
    for name, rule in RULES.items():
        md.add_render_rule(name, lambda _, tokens, i, *rest, rule=rule: rule(tokens[i], page))
    tokens = md.parse(path.read_text(encoding="utf-8"))
    for opening, heading in zip(tokens, tokens[1:]):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(heading.content))
            if opening.tag == "h1":
                page.title = heading.content
            else:
                page.sections.append(heading.content)
    body = md.renderer.render(tokens, md.options, {})
    page.body = STOP.sub(r'<span class="whole">\1\2</span>', body)
    return page


def highlighted(text: str, language: str = "python") -> str:
    """The text as HTML, in the same lines."""
    return highlight(text, get_lexer_by_name(language), FORMATTER)


def _fence(token: Token, page: Page) -> str:
    """A quote; code to run, which can be copied; what it prints, or a drawing.

    A quote's caption and the number of each of its lines are links to the file in the pane.
    """
    kind, _, name = token.info.partition(" ")
    if name:
        source = find(name, page.root)
        lines = lines_of(token.content, source)
        page.files.append(source.file)
        links = (f'<a class="line" href="#{source.file}:{n}" title="{n}"></a>' for n in lines)
        rows = zip(token.content.splitlines(), highlighted(token.content).splitlines())
        code = "".join(
            ("" if line.strip() == DOTS else next(links)) + f"{row}\n" for line, row in rows
        )
        return (
            f'<figure class="quote"><figcaption><a class="source" href="#{source.file}:{lines[0]}">'
            f"{'.'.join(name.split('.')[-2:])}</a> {source.file}, line {lines[0]}</figcaption>"
            f"<pre><code>{code}</code></pre></figure>\n"
        )
    if kind in LANGUAGES:
        button = '<button type="button" class="copy">copy</button>'
        code = highlighted(token.content, kind)
        return f'<div class="run">{button}<pre><code>{code}</code></pre></div>\n'
    return f'<pre class="{kind}"><code>{escape(token.content)}</code></pre>\n'


def _block(token: Token, page: Page) -> str:
    number = "".join(f"<span>({tag})</span>" for tag in TAG.findall(token.content))
    math = mathml(token.content, "block")
    return f'<span class="equation"><span class="scroll">{math}</span>{number}</span>\n'


def _image(token: Token, page: Page) -> str:
    _, to, _ = resolve(str(token.attrs["src"]), page.path, page.root)
    page.media.add(to)
    alt = escape(token.content)
    return f'<img src="{to}" alt="{alt}"><span class="caption" aria-hidden="true">{alt}</span>'


def _link_open(token: Token, page: Page) -> str:
    kind, to, heading = resolve(str(token.attrs["href"]), page.path, page.root)
    if kind == "page":
        return f'<a href="{f"{to}.html" * bool(to)}{f"#{heading}" * bool(heading)}">'
    if kind == "code":
        page.files.append(to)
        return f'<a class="source" href="#{to}">'
    if kind == "media":
        page.media.add(to)
        return f'<audio controls preload="none" src="{to}"></audio> <a>'
    return f'<a title="{to}, in the clone of the project">'


RULES = {
    "fence": _fence,
    "math_inline": lambda token, page: mathml(token.content, "inline"),
    "math_inline_double": _block,
    "math_block": _block,
    "image": _image,
    "link_open": _link_open,
}
