"""Where the links of a lesson lead, and whether they lead anywhere."""

import re
from pathlib import Path

from minidann.console import UserError


def anchor(heading: str) -> str:
    """What hosted Markdown pages call a heading, so that links are good here and there."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def page_of(markdown: str) -> str:
    """05_attention.md -> 05_attention.html; README.md is the index."""
    return "index.html" if markdown == "README.md" else markdown.removesuffix(".md") + ".html"


def resolve(href: str, page: Path, root: Path) -> tuple[str, str]:
    """The kind of the link `href` on `page`, a Markdown file of the clone `root`, and its target.

    page: of the book, or a place on one; media: a figure, a sound. Their targets are as the HTML
    has them. code, clone: their targets are files from the clone on. Raises UserError.
    """
    page, root = page.resolve(), root.resolve()
    place, _, heading = href.partition("#")
    path = (page.parent / place).resolve() if place else page
    if not (path.exists() and path.is_relative_to(root)):
        raise UserError(f"{href}: there is no {place} in the clone")
    if path.parent == page.parent and path.suffix == ".md":
        return "page", page_of(path.name) * bool(place) + f"#{heading}" * bool(heading)
    if path.parent.parent == page.parent:
        return "media", f"{path.parent.name}/{path.name}"
    return "code" if path.suffix == ".py" else "clone", path.relative_to(root).as_posix()
