"""The pages as notebooks for Jupyter: the code of a lesson in cells, without what it prints."""

import re
from contextlib import suppress
from pathlib import Path

from minidann.console import UserError
from minidann.coursework import notebook
from minidann.coursework.exercises import select
from minidann.reader.links import each, resolve, write
from minidann.reader.quoting import find, lines_of

RUN = re.compile(r"^```(python|folded|output)\n(.*?)^```\n", re.M | re.S)
QUOTE = re.compile(r"^```python (\S+)\n(.*?)^```\n", re.M | re.S)
DETAILS = re.compile(r"^<details>\n<summary>(.*?)</summary>\n(.*?)^</details>\n", re.M | re.S)
CODE = re.compile(r"^(```python\n.*?^```\n(?:\n```output\n.*?^```\n)?)", re.M | re.S)
LINK = re.compile(r"^```.*?^```\n|`[^`]*`|(!?)\[([^]]*)\]\(([^)\s]+)\)", re.M | re.S)
PLACE = """
from pathlib import Path

if not Path("data").is_dir():  # the code reads the data of the project
    %cd -q {Path(minidann.__file__).parents[1]}
"""
PREDICT = "**Predict what the next cell prints. Then run it.**"
FOLDED = "<details>\n<summary>{}</summary>\n\n{}\n\n</details>\n\n"
OWN = re.compile(r"^(<details>\n<summary>The check<.*?^answer = ).*?(\n.*?^```\n)", re.M | re.S)
FILL_IN = "\n## Fill in\n\n{}\n\n"
CHECKED = "A cell that begins with `%%check` is checked each time you run it."
DOTTED = """\
Run the next cell, which may be folded: it defines the check. In the cell below it replace the dots
with your answer, and run that cell. Of each number, three digits are enough."""


def build(root: Path, out: Path) -> int:
    """Write the book of the clone `root` as notebooks to a new folder `out`. -> how many.

    What their code saves to lessons/ is then in `out`. Raises UserError.
    """
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise UserError(f"--notebooks {out}: this exists already; give a new folder")
    media: set[str] = set()
    pages = each(root, lambda path: notebook.written(cells(path, root, media)))
    texts = {f"{name}.ipynb": text for name, text in pages.items()}
    write(out, texts, root / "lessons", media, to="lessons")
    with suppress(OSError):  # where the system allows no links, the first cell goes to the clone
        for name in ("data", "tests"):
            (out / name).symlink_to(root.resolve() / name, target_is_directory=True)
    return len(texts)


def cells(path: Path, root: Path, media: set[str]) -> list[dict]:
    """The cells of a page. The figures and sounds that it shows are added to `media`."""

    def linked(match: re.Match) -> str:
        is_image, words, href = match.groups()
        if not href:  # a fence, or code within a line
            return match[0]
        kind, to, _ = resolve(href, path, root)
        if kind == "page":
            return f"[{words}]({to}.ipynb)" if to else words
        if kind != "media":
            return f"{words} (`{to}`)" * (words.strip("`") != to) or f"`{to}`"
        if any(to in "".join(cell["source"]) for cell in made if cell["cell_type"] == "code"):
            return f"*{words}*"  # the code has just drawn it
        media.add(to)
        return f"{is_image}[{words}](lessons/{to})"

    def quoted(match: re.Match) -> str:
        source = find(match[1], root)
        place = f"`{source.file}`, line {lines_of(match[2], source)[0]}"
        return f"`{match[1]}` ({place}):\n\n```python\n{match[2]}```\n"

    text = path.read_text(encoding="utf-8")
    if path.parent == root / "lessons" and path.name[:2].isdigit():
        text = _with_tasks(text, path)
    text = DETAILS.sub(_unfolded, text)
    made = [notebook.code(notebook.setup() + PLACE)] if RUN.search(text) else []
    for i, part in enumerate(RUN.split(text)):  # prose, kind, body, prose, ...
        if i % 3 == 0:
            prose = QUOTE.sub(quoted, LINK.sub(linked, part))
            sections = re.split(r"^(?=## )", prose, flags=re.M)
            made += [notebook.markdown(section) for section in sections if section.strip()]
        elif i % 3 == 1:
            kind = part
        elif kind == "output":
            made.insert(-1, notebook.markdown(PREDICT))
            made.append(notebook.markdown(FOLDED.format("It prints", f"```text\n{part}```")))
        else:
            made.append(notebook.code(part, hidden=kind == "folded"))
    return made


def _unfolded(match: re.Match) -> str:
    """What is folded in prose, with its code between parts: no cell of code can be in prose."""
    summary, body = match.groups()
    parts = CODE.split(body)  # prose, code, prose, ...
    for i in range(0, len(parts), 2):
        more = f"{summary}, continued" if i else summary
        parts[i] = FOLDED.format(more, parts[i].strip()) if parts[i].strip() else "\n"
    return "".join(parts).replace("```python\n", "```folded\n")


def _with_tasks(text: str, path: Path) -> str:
    """A lesson with cells to fill in: the course's exercises, and one that its answers check."""
    exercises = select([int(path.name[:2])])
    tasks = "".join(f"```python\n{notebook.cell(exercise)}```\n\n" for exercise in exercises)
    added = FILL_IN.format(CHECKED) + tasks if tasks else ""
    if own := OWN.search((path.parent / "answers" / path.name).read_text(encoding="utf-8")):
        added += FILL_IN.format(DOTTED) + own[1] + "..." + own[2]
    return text.replace("\n## Read on", f"{added}\n## Read on")
