"""A folder for a student, made from the reference: what to do stays, how it is done goes."""

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

from minidann.coursework.exercises import BACKWARD, BOTH, CHECKER, MEND, Exercise

BUGS = Path(__file__).parent / "bugs"
IMPORTS = "import numpy as np\n"

CHECK = '''
def check(op, arrays, options, rng):
    """Is this op's backward pass right? -> True or False.

    `op.forward(*arrays, **options)` gives (out, cache), `op.backward(dout, cache)` one gradient for
    each of `arrays`, in order, or None where it was told not to compute one; dout has the shape of
    out. `arrays` are float64; `rng` is a numpy.random.Generator. The op is pure: call it as often
    as you like, but each call takes a tenth of a millisecond or so.

    Points: the share of wrong ops that you catch, less the share of right ones that you call wrong.
    """
    raise NotImplementedError("{todo}")
'''


def reference(exercise: Exercise) -> ModuleType:
    """The module that is right."""
    return importlib.import_module(exercise.reference)


def text(exercise: Exercise) -> str:
    """The file that is handed out."""
    todo = f"lesson {exercise.lesson}: {exercise.name}"
    if exercise.kind == CHECKER:
        return _heading(exercise, "") + IMPORTS + "\n" + CHECK.format(todo=todo)
    module = reference(exercise)
    about = inspect.getdoc(module) if exercise.is_op else ""
    if exercise.kind == MEND:
        about += "\n\n" * bool(about) + _meant(exercise, module)
        return _heading(exercise, about) + (BUGS / f"{exercise.name}.py").read_text("utf-8")
    parts = [_heading(exercise, about) + IMPORTS + constants(module)]
    given = ("forward",) if exercise.kind == BACKWARD else ()
    parts += [inspect.getsource(getattr(module, name)) for name in given]
    parts += [_stub(getattr(module, name), todo) for name in exercise.functions]
    return "\n\n".join(parts)


def _heading(exercise: Exercise, about: str) -> str:
    first = f"Lesson {exercise.lesson}: {exercise.kind}."
    functions = " and ".join(f"`{name}`" for name in exercise.functions)
    task = {
        BACKWARD: f"Write {functions}; what comes before it is right.",
        MEND: "The code below has one bug. Find it and mend it.",
        BOTH: "Write forward, then backward. What the cache holds is up to you: nobody else "
        "reads it.\nbackward can be written first: it then gets the cache that is described.",
    }.get(exercise.kind, f"Write {functions}.")
    about = f"\n\n{about.strip()}" if about.strip() else ""
    return f'"""{first}\n\n{task}{about}\n"""\n\n'


def _meant(exercise: Exercise, module: ModuleType) -> str:
    """What the functions of a file with a bug should do: the docstrings of the right ones."""
    names = ("forward", "backward") if exercise.is_op else exercise.functions
    return "\n\n".join(f"{name}: {inspect.getdoc(getattr(module, name))}" for name in names)


def constants(module: ModuleType) -> str:
    """The module's numbers and names of types, which its functions are written with."""
    if module.__name__ == "minidann.normalise":
        return "\nFRAMES, MELS = 750, 26\n"
    source = inspect.getsource(module)
    lines = source.splitlines()  # whole ones, with the comment behind a number
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    kept = ["\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in nodes]
    return "".join(f"\n{one}" for one in kept) + "\n" * bool(kept)


def _stub(function, todo: str) -> str:
    """A function with its signature and docstring, whose body says that it is to be written."""
    source = inspect.getsource(function)
    node = ast.parse(source).body[0]
    docstring = node.body[0]  # every function here has one
    lines = source.splitlines()[: docstring.end_lineno]
    return "\n".join([*lines, f'    raise NotImplementedError("{todo}")']) + "\n"


README = """# Exercises

{count} exercises on the lessons of minidann, {points} points. Do them in this order, or in any:
what is not yet written comes from the reference, so nothing waits for anything.

| file | lesson | what to do | points |
|---|---|---|---|
{rows}

Each file says what its functions take and give. An exercise is NumPy and your own code: other
imports are refused. Write to no array that you are given.

    python -m minidann.coursework check {folder}              # all of them
    python -m minidann.coursework check {folder} --lesson 3   # those of one lesson
    python -m minidann.coursework check {folder} -k conv1d    # one
    python -m minidann.coursework check {folder} --train      # then the demo on your layers

A layer's forward is compared with the reference on small, odd, padded and tied inputs. Then each
gradient, and where one is wrong you are told what kind of mistake gives such numbers, and the
smallest input that shows it.
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
    readme = README.format(count=len(exercises), points=points, rows=rows, folder=folder.name)
    (folder / "README.md").write_text(readme, encoding="utf-8")


def _of(exercise: Exercise) -> str:
    return (
        "" if exercise.is_op or exercise.kind in (MEND, CHECKER) else f": `{exercise.functions[0]}`"
    )
