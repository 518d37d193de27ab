"""Where the links of a lesson lead, and whether they lead anywhere."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class DeadLink(ValueError):
    """What is wrong with a link, in one line."""


@dataclass(frozen=True)
class Link:
    """`kind`: page (a lesson, the index, a place on the page), code, sound, figure, or clone.

    `to` is what the HTML refers to: for code the file, from the clone on; for clone as well.
    """

    kind: str
    to: str


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a Markdown text outside fences, with their numbers, counted from 1."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def headings(text: str) -> list[str]:
    """The headings of a Markdown text, without their marks; lines in fences are none."""
    matches = (re.match(r"#+ (.*)", line) for _, line in prose(text))
    return [match[1].strip() for match in matches if match]


def anchors(titles: list[str]) -> list[str]:
    """What hosted Markdown pages call these headings, so that links are good here and there."""
    found: list[str] = []
    counts: dict[str, int] = {}
    for title in titles:
        plain = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        again = counts[plain] = counts.get(plain, -1) + 1
        found.append(f"{plain}-{again}" if again else plain)
    return found


def page_of(markdown: str) -> str:
    """05_attention.md -> 05_attention.html; README.md is the index."""
    return "index.html" if markdown == "README.md" else markdown.removesuffix(".md") + ".html"


def resolve(href: str, page: Path, root: Path) -> Link:
    """The link `href` on `page`, a Markdown file. Raises DeadLink."""
    if re.match(r"[a-zA-Z][\w+.-]*:", href) or href.startswith("//"):
        raise DeadLink(f"{href}: lessons are read without a network")
    place, _, anchor = href.partition("#")
    path = (page.parent / place).resolve() if place else page.resolve()
    if path != page.resolve() and not path.exists():
        raise DeadLink(f"{href}: there is no {place}")
    root = root.resolve()
    if not path.is_relative_to(root):
        raise DeadLink(f"{href}: leads out of the clone")
    inside = path.relative_to(root)
    if anchor and path.suffix == ".md":
        if anchor not in anchors(headings(path.read_text(encoding="utf-8"))):
            raise DeadLink(f"{href}: no heading there is called {anchor}")
    if path.parent == page.resolve().parent and path.suffix == ".md":
        to = page_of(path.name) if place else ""
        return Link("page", to + f"#{anchor}" * bool(anchor))
    if inside.parts[:1] == ("minidann",):
        if path.is_dir():
            path, inside = path / "__init__.py", inside / "__init__.py"
        if path.suffix == ".py" and path.is_file():
            return Link("code", inside.as_posix())
    for folder, kind in (("figures", "figure"), ("sounds", "sound")):
        if path.parent == page.resolve().parent / folder and path.is_file():
            return Link(kind, f"{folder}/{path.name}")
    return Link("clone", inside.as_posix())
