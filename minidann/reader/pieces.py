"""The pieces of a line of prose: what may be there, and what its links become."""

import re
from html import escape

from markdown_it.token import Token

from minidann.reader.links import DeadLink, resolve

TITLE = "in the clone of the project, not in this folder"


def pieces(children: list[Token], page) -> list[Token]:
    """The pieces of a line of prose, checked, links turned to where they lead in the folder."""
    kept: list[Token] = []
    for i, token in enumerate(children):
        line = token.meta["line"]
        if token.type == "html_inline" and not token.meta.get("ours"):
            raise page.wrong(line, f"HTML, {token.content!r}, within a paragraph")
        if token.type == "text" and (found := re.search(r"\$|\\[a-zA-Z]+", token.content)):
            raise page.wrong(line, f"{found[0]} outside an equation: is its $ closed on that line?")
        if token.type == "link_open" and not token.meta.get("ours"):
            end = next(j for j in range(i, len(children)) if children[j].type == "link_close")
            _link(token, children[end], children[i + 1 : end], page)
            if token.meta.get("sound") and end + 1 < len(children):
                _keep_stop(token, children[end + 1])
                stop = escape(token.meta.get("stop", ""))
                children[end].content = stop + children[end].content
        if token.type == "math_inline" and i + 1 < len(children):
            _keep_stop(token, children[i + 1])
        kept.append(token)
    return kept


def _keep_stop(before: Token, text: Token) -> None:
    """A stop or a bracket after an equation, or a sound, does not begin a line."""
    if text.type == "text" and (match := re.match(r"[,.;:?!)\]'\"]+", text.content)):
        before.meta["stop"] = match[0]
        text.content = text.content[match.end() :]


def _link(opening: Token, closing: Token, inner: list[Token], page) -> None:
    href = str(opening.attrs["href"])
    try:
        link = resolve(href, page.path, page.root)
    except DeadLink as error:
        raise page.wrong(opening.meta["line"], str(error)) from None
    opening.meta["ours"] = True
    to = escape(link.to)
    if link.kind in ("page", "figure"):
        opening.attrs["href"] = link.to
        if link.kind == "figure":
            page.made.add(link.to)
        return
    before, after = "", ""
    if link.kind == "code" and page.has_pane:
        page.show(link.to)
        before, after = f'<a class="source" href="#{to}" data-file="{to}">', "</a>"
    elif link.kind == "sound":
        opening.meta["sound"] = True
        page.made.add(link.to)
        label = escape("".join(token.content for token in inner), quote=True)
        before = '<span class="sound"><span class="name">'
        after = (
            f'</span> <audio controls preload="none" src="{to}" aria-label="{label}">'
            f'<a href="{to}" download>download</a></audio></span>'
        )
    else:
        text = "".join(token.content for token in inner)
        if link.to.removesuffix(".md").endswith(text.strip("./").removesuffix(".md")):
            for token in inner:
                token.type, token.content, token.tag = "text", "", ""
            before = f'<code title="{TITLE}">{to}</code>'
        else:
            after = f' (<code title="{TITLE}">{to}</code>)'
    for token, html in ((opening, before), (closing, after)):
        token.type, token.content, token.tag, token.nesting = "html_inline", html, "", 0
        token.meta["ours"] = True
