"""The pages of the book: which there are, where their links lead, and how a folder is written."""

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from minidann.console import UserError


def markdown(root: Path) -> list[Path]:
    """Every page of the clone `root`, in order: each lesson, then its answers. Raises UserError."""
    lessons = root / "lessons"
    if not any(lessons.glob("[0-9][0-9]_*.md")):
        raise UserError(f"{lessons}: no lessons there; run this from a clone of the project")
    contents = lessons / "README.md"
    return [contents, *sorted({*lessons.rglob("*.md")} - {contents}, key=page_of)]


def each(root: Path, make: Callable) -> dict:
    """What `make(path)` makes of each page, by its name. An error is said to be in that page."""
    made = {}
    for path in markdown(root):
        try:
            made[page_of(path)] = make(path)
        except UserError as error:
            raise UserError(f"{path.relative_to(root)}: {error}") from None
    return made


def write(out: Path, texts: dict[str, str], lessons: Path, media: Iterable[str], to: str) -> None:
    """Write files, and copy figures and sounds from `lessons` to the folder `to` in `out`."""
    for folder in ("figures", "sounds"):
        (out / to / folder).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    for name in media:
        shutil.copyfile(lessons / name, out / to / name)


def page_of(path: Path) -> str:
    """The name: answers/05_attention.md is 05_attention_answers, README.md is index."""
    answers = "_answers" * (path.parent.name == "answers")
    return "index" if path.name == "README.md" else path.stem + answers


def anchor(heading: str) -> str:
    """What hosted Markdown pages call a heading, so that links are good here and there."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def resolve(href: str, page: Path, root: Path) -> tuple[str, str, str]:
    """The kind of the link `href` on `page`, a Markdown file of the clone `root`; target; heading.

    page: its target is a page's name, or "" on that page. media: a figure, a sound, which lies in a
    folder of lessons/. code, clone: a file of the clone. Raises UserError.
    """
    root = root.resolve()
    place, _, heading = href.partition("#")
    path = (page.parent / place).resolve() if place else page.resolve()
    if not (path.exists() and path.is_relative_to(root)):
        raise UserError(f"{href}: there is no {place} in the clone")
    lessons = root / "lessons"
    if path.suffix == ".md" and path.is_relative_to(lessons):
        return "page", page_of(path) * bool(place), heading
    if path.parent.parent == lessons:
        return "media", path.relative_to(lessons).as_posix(), ""
    return "code" if path.suffix == ".py" else "clone", path.relative_to(root).as_posix(), ""
