"""A folder for a student, made from the reference: what to do stays, how it is done goes."""

import ast
import inspect
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from minidann.console import UserError
from minidann.coursework.exercises import BACKWARD, BOTH, CHECKER, MEND, SECONDS, Exercise
from minidann.coursework.pupil import ALLOWED

IMPORTS = "import numpy as np\n"

CHECK = '''

def check(op, arrays, options, rng):
    """Is this op's backward pass right? -> True or False.

    `op.forward(*arrays, **options)` gives (out, cache), `op.backward(dout, cache)` a tuple with one
    gradient for each of `arrays`, in order; dout has the shape of out. `arrays` are a list of
    float64 arrays; `rng` is a numpy.random.Generator. The op is pure, and what you are given is not
    to be written to: perturb a copy. Call the op as often as you like; each call takes a
    millisecond at most.

    You are asked of layers of all kinds, one at a time, right and wrong. A wrong gradient may have
    another shape than its array, be off by a thousandth only, be wrong in one entry or NaN there,
    or be the last of three. A right one may be as small as a ten-millionth everywhere, and smaller
    still, or 0, in some entries; no right layer is asked about near a kink.

    Points: the share of wrong ops that you catch, less the share of right ones that you call wrong.
    To raise an exception is no answer: neither a catch nor an all-clear.
    """
    raise NotImplementedError("lesson 2: checker")
'''


TASKS = {
    BACKWARD: "Write `backward`; what comes before it is right.",
    MEND: "The code below has one bug. Find it and mend it.",
    BOTH: "Write forward, then backward. What the cache holds is up to you: nobody else reads it.\n"
    "backward can be written first: it then gets the cache that is described.",
}


def text(exercise: Exercise) -> str:
    """The file that is handed out."""
    task = TASKS.get(exercise.kind, f"Write `{exercise.functions[0]}`.")
    head = f'"""Lesson {exercise.lesson}: {exercise.kind}.\n\n{task}\n'
    if exercise.kind == CHECKER:
        return f'{head}"""\n\n{IMPORTS}{CHECK}'
    module, parts = exercise.module, []
    for name in ("Cache", "forward", "backward") if exercise.is_op else exercise.functions:
        source = inspect.getsource(getattr(module, name)) if hasattr(module, name) else ""
        if name in exercise.functions and exercise.kind != MEND:  # signature and docstring remain
            end = ast.parse(source).body[0].body[0].end_lineno
            todo = f"lesson {exercise.lesson}: {exercise.name}"
            source = "".join(source.splitlines(keepends=True)[:end])
            source += f'    raise NotImplementedError("{todo}")\n'
        parts += [source] * bool(source)
    head += f"\n{inspect.getdoc(module)}\n" * exercise.is_op + '"""\n\n'
    head += "from typing import NamedTuple\n\n" * hasattr(module, "Cache") + IMPORTS
    whole = "\n\n".join([head + constants(module, parts), *parts])
    for old, new in exercise.bug:
        whole = whole.replace(old, new)
    return whole


def constants(module: ModuleType, parts: list[str]) -> str:
    """The numbers, and the name of a type, that a module has and its parts may read, as code."""
    text = "".join(f"\n{name} = {value!r}" for name, value in vars(module).items()
                   if isinstance(value, (int, float, tuple)) and name.isupper())  # fmt: skip
    text += "\nArrays = dict[str, np.ndarray]" * ("Arrays" in "".join(parts))
    return text + "\n" * bool(text)


README = """# Exercises

{count} exercises on the lessons of minidann, {points} points. Do them in any order: the reference
stands in for what you have not written yet.

| file | lesson | what to do | points |
|---|---|---|---|
{rows}

Each file says what its functions take and return. Leave names, arguments and defaults as they are.
backward returns a tuple, even of one gradient: (dx,). An exercise is one file of your own code, and
it opens no files. It must not write to the arrays that it is given, which are read-only, except to
an `out`. What your forward keeps is yours, but backward may be called twice. It may import only
{allowed}.

    python -m minidann.coursework check {folder}              # all of them
    python -m minidann.coursework check {folder} --lesson 3   # those of one lesson
    python -m minidann.coursework check {folder} -k conv1d    # one
    python -m minidann.coursework check {folder} --train      # then the demo on your layers

(The last command needs a clone of minidann, for the demo.) check ends with exit code 0 if all that
it looked at is right, and otherwise with 1.

A layer's forward is compared with the reference on small, large, padded and tied inputs, then each
gradient. Where several frames are equally large, the first one gets the gradient. For a part that
is wrong, check first names the mistake that gives such numbers, if it knows it. Then it shows the
smallest input on which the part is wrong. backward gets the cache that your own forward returned.
While forward is not right yet, backward also gets the cache that the file describes, and a gradient
that is right with either of them earns its point. One input of each layer has 100,000 numbers.
Loops are quick enough for it, but perturbing each number and calling forward is not.

check also shows the first lines that your code prints. All calls of an exercise together may take
{seconds} s. Code that hangs is stopped then, and check names the line.
"""


def write(
    folder: Path, exercises: tuple[Exercise, ...], ending: str = "py", text_of: Callable = text
) -> None:
    """Write the hand-out into a folder that is empty, or not there yet. Raises UserError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: this exists already; give a new folder, nothing is overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for exercise in exercises:
        file = f"{exercise.name}.{ending}"
        (folder / file).write_text(text_of(exercise), encoding="utf-8")
        rows.append(f"| `{file}` | {exercise.lesson} | {exercise.kind} | {exercise.most} |")
    points = sum(exercise.most for exercise in exercises)
    readme = README.format(
        count=len(exercises), points=points, rows="\n".join(rows),
        folder=shlex.quote(folder.resolve().name), allowed=textwrap.fill(", ".join(ALLOWED), 100),
        seconds=SECONDS,
    )  # fmt: skip
    (folder / "README.md").write_text(readme, encoding="utf-8", errors="backslashreplace")
    print(f"{len(exercises)} exercises, {points} points: begin with {folder / 'README.md'}")
