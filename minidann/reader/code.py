"""Code as HTML: highlighted quotes and fences in the prose, whole files in the pane."""

from html import escape
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from minidann.reader.quoting import find, lines_of

LANGUAGES = {"python": "python", "sh": "bash"}  # of code to run: pygments' names
FORMATTER = HtmlFormatter(nowrap=True)  # no line ends within an element


def highlighted(text: str, language: str = "python") -> str:
    """The text as HTML, in the same lines."""
    return highlight(text, get_lexer_by_name(language), FORMATTER)


def quote(name: str, text: str, root: Path) -> tuple[str, str]:
    """-> a quote in the prose, as HTML, and the file it is from. Raises LessonError.

    Its caption is a link to the file in the pane, where the script lights the quoted lines.
    """
    source = find(name, root)
    lines = lines_of(text, source)
    html = (
        f'<figure class="quote" data-lines="{" ".join(map(str, lines))}"><figcaption>'
        f'<a class="source" href="#{source.file}">{".".join(name.split(".")[-2:])}</a> '
        f"{source.file}, line {lines[0]}</figcaption>"
        f"<pre><code>{highlighted(text)}</code></pre></figure>\n"
    )
    return html, source.file


def fence(kind: str, text: str) -> str:
    """Any other fence: code to run, which can be copied, what it prints, or a drawing."""
    if kind in LANGUAGES:
        button = '<button type="button" class="copy">copy</button>'
        code = highlighted(text, LANGUAGES[kind])
        return f'<div class="run">{button}<pre><code>{code}</code></pre></div>\n'
    return f'<pre class="{kind}"><code>{escape(text)}</code></pre>\n'


def whole_file(file: str, root: Path) -> str:
    """A file as the pane shows it: each line an element of its own, which the style numbers."""
    text = (root / file).read_text(encoding="utf-8")
    lines = "".join(f"<span>{line}</span>" for line in highlighted(text).splitlines(keepends=True))
    return f'<pre class="file" id="{file}"><code>{lines}</code></pre>\n'
