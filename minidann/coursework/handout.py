"""A folder for a student, made from the reference: what to do stays, how it is done goes."""

import ast
import inspect
import shlex
import textwrap
from pathlib import Path
from types import ModuleType

from minidann.coursework.exercises import (
    BACKWARD,
    BOTH,
    CHECKER,
    FUNCTION,
    MEND,
    SECONDS,
    Exercise,
)
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
    still in some entries; no right layer is asked about near a kink.

    Points: the share of wrong ops that you catch, less the share of right ones that you call wrong.
    To raise an exception is no answer: neither a catch nor an all-clear.
    """
    raise NotImplementedError("lesson 2: checker")
'''


def text(exercise: Exercise) -> str:
    """The file that is handed out."""
    if exercise.kind == CHECKER:
        return _heading(exercise, "") + IMPORTS + CHECK
    module, about = exercise.module, ""
    if exercise.is_op:
        about = f"\n\n{inspect.getdoc(module)}"
    given = ["forward"] * (exercise.kind == BACKWARD)
    parts = [inspect.getsource(getattr(module, name)) for name in ("Cache", *given)
             if hasattr(module, name)]  # fmt: skip
    for name in exercise.functions:
        parts.append("".join(_head_and_body(getattr(module, name), exercise)))
    names = constants(module, (*given, *exercise.functions))
    imports = "from typing import NamedTuple\n\n" * hasattr(module, "Cache") + IMPORTS
    whole = "\n\n".join([_heading(exercise, about) + imports + names, *parts])
    for old, new in exercise.bug:
        whole = whole.replace(old, new)
    return whole


def _heading(exercise: Exercise, about: str) -> str:
    functions = " and ".join(f"`{name}`" for name in exercise.functions)
    task = {
        BACKWARD: f"Write {functions}; what comes before it is right.",
        MEND: "The code below has one bug. Find it and mend it.",
        BOTH: "Write forward, then backward. What the cache holds is up to you: nobody else "
        "reads it.\nbackward can be written first: it then gets the cache that is described.",
    }.get(exercise.kind, f"Write {functions}.")
    return f'"""Lesson {exercise.lesson}: {exercise.kind}.\n\n{task}{about}\n"""\n\n'


def _head_and_body(function, exercise: Exercise) -> tuple[str, str]:
    """A function's signature and docstring, and its body: that it is to be written, or a bug."""
    source = inspect.getsource(function)
    lines = source.splitlines(keepends=True)
    docstring = ast.parse(source).body[0].body[0]  # every function here has one
    head, body = lines[: docstring.end_lineno], lines[docstring.end_lineno :]
    if exercise.kind != MEND:
        body = [f'    raise NotImplementedError("lesson {exercise.lesson}: {exercise.name}")\n']
    return "".join(head), "".join(body)


def constants(module: ModuleType, functions: tuple[str, ...]) -> str:
    """The numbers and names of types that these functions of a module read, as code."""
    trees = [ast.parse(inspect.getsource(getattr(module, name))) for name in functions]
    read = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    source = inspect.getsource(module)
    lines = source.splitlines()  # whole ones, with the comment behind a number
    written = {
        node.targets[0].id: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    elsewhere = {  # numbers that the module imports
        name: f"{name} = {value!r}"
        for name, value in vars(module).items()
        if isinstance(value, (int, float)) and name not in written
    }
    kept = [line for name, line in {**elsewhere, **written}.items() if name in read]
    return "".join(f"\n{line}" for line in kept) + "\n" * bool(kept)


README = """# Exercises

{count} exercises on the lessons of minidann, {points} points. Do them in this order, or in any
order: what you have not written yet comes from the reference, so no exercise waits for another.

| file | lesson | what to do | points |
|---|---|---|---|
{rows}

Each file says what its functions take and return. Leave names and arguments as they are. An
exercise is one file of your own code, and it opens no files. It must not write to the arrays that
it is given, which are read-only. It may import only
{allowed}.

    python -m minidann.coursework check {folder}              # all of them
    python -m minidann.coursework check {folder} --lesson 3   # those of one lesson
    python -m minidann.coursework check {folder} -k conv1d    # one
    python -m minidann.coursework check {folder} --train      # then the demo on your layers

(The last command needs a clone of minidann, for the demo.) check ends with exit code 0 if all that
it looked at is right, and otherwise with 1.

A layer's forward is compared with the reference on small, odd, padded and tied inputs, then each
gradient. Where several frames are equally large, the first one gets the gradient. For a part that
is wrong, check first names the mistake that gives such numbers, if it knows it. Then it shows the
smallest input on which the part is wrong. backward gets the cache that your own forward returned.
While forward is not right yet, backward also gets the cache that the file describes, and a gradient
that is right with either of them earns its point. One input has 100,000 numbers. Loops are quick
enough for it, but perturbing each number and calling forward is not.

check also shows what your code prints, in the first call that fails or else in the first call. All
calls of an exercise together may take {seconds} s. Code that hangs is stopped then, and check names
the line.
"""


def write(folder: Path, exercises: tuple[Exercise, ...]) -> None:
    """Write the hand-out into a folder that is not there yet, or empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for exercise in exercises:
        (folder / f"{exercise.name}.py").write_text(text(exercise), encoding="utf-8")
    rows = "\n".join(
        f"| `{e.name}.py` | {e.lesson} | {e.kind}{_of(e)} | {e.most} |" for e in exercises
    )
    points = sum(exercise.most for exercise in exercises)
    readme = README.format(
        count=len(exercises), points=points, rows=rows,
        folder=shlex.quote(folder.resolve().name), allowed=textwrap.fill(", ".join(ALLOWED), 100),
        seconds=SECONDS,
    )  # fmt: skip
    (folder / "README.md").write_text(readme, encoding="utf-8", errors="backslashreplace")


def _of(exercise: Exercise) -> str:
    """Which function, where the kind does not say it."""
    return f" `{exercise.functions[0]}`" if exercise.kind == FUNCTION else ""
