"""Code as HTML: highlighted, line by line; quotes in the prose and whole files in the pane."""

from html import escape
from itertools import groupby
from pathlib import Path

from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from minidann.reader.quoting import find, lines_of

LONG = 6  # lines; longer quotes are folded on a wide screen, where the pane shows them
CLASSES = (  # pygments' names for them; what is not listed is black
    (String.Doc, "sd"),
    (String, "s"),
    (Comment, "c"),
    (Keyword, "k"),
    (Operator.Word, "ow"),
    (Number, "m"),
    (Name.Function, "nf"),
    (Name.Class, "nc"),
    (Name.Decorator, "nd"),
    (Name.Builtin, "nb"),
)


def highlighted(text: str, language: str = "python") -> list[str]:
    """One piece of HTML a line, without the end of line."""
    lexer = get_lexer_by_name(language, stripnl=False)
    pieces = [
        (next((name for group, name in CLASSES if kind in group), ""), part)
        for kind, value in lexer.get_tokens(text)
        for part in value.splitlines(keepends=True)
    ]
    lines, line = [], ""
    for name, same in groupby(_until_line_ends(pieces), key=lambda piece: piece[0]):
        for _, value in same:
            if value == "\n":
                lines.append(line)
                line = ""
            else:
                line += f'<span class="{name}">{escape(value)}</span>' if name else escape(value)
    return lines + [line] * bool(line)


def _until_line_ends(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one kind joined, and every end of line a piece of its own."""
    joined: list[tuple[str, str]] = []
    for name, value in pieces:
        body = value.removesuffix("\n")
        if body and joined and joined[-1][0] == name and joined[-1][1] != "\n":
            joined[-1] = (name, joined[-1][1] + body)
        elif body:
            joined.append((name, body))
        if value.endswith("\n"):
            joined.append((name, "\n"))
    return joined


def ranges(numbers: list[int]) -> list[tuple[int, int]]:
    """[3, 4, 5, 9] -> [(3, 5), (9, 9)]."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def in_words(numbers: list[int]) -> str:
    """[3, 4, 5, 9] -> 'lines 3-5, 9', with the dash that stands for 'to'."""
    to = "\u2060\u2013\u2060"  # after which no line ends
    parts = [str(a) if a == b else f"{a}{to}{b}" for a, b in ranges(numbers)]
    return ("line " if len(numbers) == 1 else "lines ") + ", ".join(parts)


def quote(name: str, text: str, root: Path, number: int) -> tuple[str, str]:
    """A quote in the prose: its caption, which leads to the pane, and the code. Raises Misquoted.

    -> the HTML, and the file it is from.
    """
    source = find(name, root)
    lit = lines_of(text, source)
    data = " ".join(f"{a}-{b}" for a, b in ranges(lit))
    lines = highlighted(text)
    long = len(lines) > LONG
    short = ".".join(name.split(".")[-2:])
    more = (
        f'<button type="button" class="more" aria-expanded="false" aria-controls="code.{number}">'
        f"all {len(lines)} lines</button>"
    )
    html = (
        f'<figure class="quote{" long" * long}" id="quote.{number}" '
        f'data-file="{escape(source.file)}" data-lines="{data}">\n'
        f'<figcaption><a class="where" href="#{escape(source.file)}" '
        f'title="Show these lines in their file"><code>{escape(short)}</code> '
        f"<span>{escape(source.file)}, {in_words(lit)}</span></a>{more * long}</figcaption>\n"
        f'<pre id="code.{number}" tabindex="0" role="group" aria-label="{escape(name)}"><code>'
        + "\n".join(lines)
        + "</code></pre>\n</figure>\n"
    )
    return html, source.file


def whole_file(file: str, root: Path) -> str:
    """A file as the pane shows it: each line an element of its own, which the style numbers."""
    text = (root / file).read_text(encoding="utf-8")
    lines = "".join(f'<span class="l">{line}\n</span>' for line in highlighted(text))
    path = escape(file)
    return f'<pre class="file" id="{path}" data-path="{path}"><code>{lines}</code></pre>\n'


def fence(kind: str, text: str) -> str:
    """Any other fence: code to run, what it prints, a drawing."""
    if kind == "output":
        inner = _pre("What it prints", escape(text))
        return f'<div class="output"><p class="label">prints</p>{inner}</div>\n'
    if kind in ("python", "sh"):
        label, language = {"python": ("Code to run", "python"), "sh": ("Commands", "bash")}[kind]
        inner = _pre(label, "\n".join(highlighted(text, language)))
        copy = '<button type="button" class="copy" aria-label="Copy this code">copy</button>'
        return f'<div class="run">{copy}{inner}</div>\n'
    return f'<div class="drawing">{_pre("A drawing", escape(text))}</div>\n'


def _pre(label: str, html: str) -> str:
    """Scrolls inside itself, with the keyboard too."""
    return f'<pre tabindex="0" role="group" aria-label="{label}"><code>{html}</code></pre>'
