"""Notebooks for Jupyter, which are JSON: each exercise is a cell that checks itself."""

import json
from contextlib import suppress
from importlib import metadata

import numpy as np

from minidann.coursework import handout, practice
from minidann.coursework.exercises import Exercise, select
from minidann.coursework.handed_in import Submission

# The grader passes over all of it, because it is no import at the top and no function.
SETUP = """\
try:
    import minidann
except ModuleNotFoundError:  # fetch the project and install it{note}
    get_ipython().system("git clone --depth 1 {address} minidann-clone")
    get_ipython().run_line_magic("cd", "minidann-clone")
    get_ipython().run_line_magic("pip", "install --quiet .")
    import minidann
%load_ext minidann.coursework.notebook
"""
TASK = """# {name}

Lesson {lesson}: {kind} (points: {most}). Run the next cell once. Then fill in the cell below it.
It begins with `%%check`, so it is checked each time you run it.

Save the notebook and hand in `{name}.ipynb`. Of its cells, only imports, functions, classes and
constants are graded.
"""


def markdown(text: str) -> dict:
    """A cell of prose."""
    return {"cell_type": "markdown", "metadata": {}, "source": text.strip().splitlines(True)}


def code(text: str, hidden: bool = False) -> dict:
    """A cell of code that has not run. `hidden`: it shows its code when it is clicked."""
    return {
        "cell_type": "code", "execution_count": None, "outputs": [],
        "metadata": {"jupyter": {"source_hidden": True}} if hidden else {},
        "source": text.rstrip("\n").splitlines(True),
    }  # fmt: skip


def written(cells: list[dict]) -> str:
    """The file of a notebook with these cells, in nbformat 4.5."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": [{"id": f"cell-{i}", **cell} for i, cell in enumerate(cells)],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def setup() -> str:
    """The code of a first cell: minidann is installed from the first address that its metadata has.

    Where it has none, the address is left to fill in.
    """
    with suppress(metadata.PackageNotFoundError):
        for url in metadata.metadata("minidann").get_all("Project-URL") or []:
            return SETUP.format(address=url.partition(", ")[2], note="")
    return SETUP.format(address="ADDRESS", note="; replace ADDRESS by where it is")


def cell(exercise: Exercise) -> str:
    """The code of a cell to fill in, which checks itself."""
    return f"%%check {exercise.name}\n{handout.text(exercise)}"


def text(exercise: Exercise) -> str:
    """An exercise as the notebook that is handed out."""
    task = TASK.format(most=exercise.most, **vars(exercise))
    return written([markdown(task), code(setup()), code(cell(exercise))])


def verdict(answer, right, mistakes: dict) -> str:
    """What to tell a student who answers with numbers: "right", or what is wrong, as a sentence.

    `mistakes` are wrong answers that are known: the sentence, and numbers of the shape of `right`.
    """
    given, right = np.array(np.nan), np.array(right, float)
    with suppress(TypeError, ValueError):  # of dots, words, lists of unequal lengths
        given = np.array(answer, float)
    if given.shape != right.shape or not np.isfinite(given).all():
        return (
            f"Nothing to check yet: answer with {right.size} finite numbers, as an array or lists "
            f"of shape {right.shape}."
        )
    for sentence, numbers in ({"right": right} | mistakes).items():
        if np.allclose(given, numbers, rtol=0.005, atol=0.005):
            return sentence
    worst = tuple(map(int, np.unravel_index(abs(given - right).argmax(), right.shape)))
    how = "large" if given[worst] > right[worst] else "small"
    return f"Entry {list(worst)} is too {how}. (The first entry is {[0] * right.ndim}.)"


def load_ipython_extension(shell) -> None:
    """`%load_ext` calls this. Then a cell that begins with `%%check NAME` runs and is judged."""

    def check(name: str, source: str) -> None:
        if shell.run_cell(source).success:
            practice.check(Submission("", {name: source}), select(name=name), seed=0)

    shell.register_magic_function(check, "cell")
