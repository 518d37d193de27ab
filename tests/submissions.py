"""Made-up submissions, as text: right ones, each mutant of the bank, and hostile ones."""

import functools
import inspect
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from minidann.coursework import grading, handed_in, handout, pupil
from minidann.coursework.exercises import CHECKER, EXERCISES, SECONDS, Exercise, select
from minidann.coursework.judging import Paper, Result
from minidann.measure import metrics

CHECK = """import numpy as np


def check(op, arrays, options, rng):
    out, cache = op.forward(*arrays, **options)
    dout = rng.standard_normal(np.shape(out))
    for i, (array, gradient) in enumerate(zip(arrays, op.backward(dout, cache))):
        if gradient is None:
            continue
        if gradient.shape != array.shape:
            return False
        slope = np.zeros_like(array)
        for at in np.ndindex(array.shape):
            ends = []
            for step in (1e-6, -1e-6):
                perturbed = array.copy()
                perturbed[at] += step
                out, _ = op.forward(*arrays[:i], perturbed, *arrays[i + 1 :], **options)
                ends.append((dout * out).sum())
            slope[at] = (ends[0] - ends[1]) / 2e-6
        if not np.abs(slope - gradient).max() <= 1e-6 * np.abs(slope).max():  # NaN is not, either
            return False
    return True
"""
UAR = """
def uars(counts):
    return (np.diag(counts) / counts.sum(axis=1)).mean()
"""
ENTR = """
def entr(p):
    return -p * np.log(np.where(p > 0, p, 1))
"""
OS = "__import__('collections')._sys.modules['os']"  # a way past what an exercise may import
# What a file holds that does harm, and a word of the feedback on it. Each is conv1d's.
HOSTILE = {
    "hangs": ("while True:\n    pass\n", "takes more than"),
    "hangs when called": (
        "def forward(*a, **o):\n    while True:\n        pass\n", "takes more than"),
    "prints ten megabytes": (
        "def forward(*a, **o):\n    print('x' * 10**7)\n    return a[0], None\n", "wrong"),
    "exits": ("def forward(*a, **o):\n    raise SystemExit(0)\n", "SystemExit"),
    "ends the process": (f"def forward(*a, **o):\n    {OS}._exit(0)\n", "process ended"),
    "forks": (f"def forward(x, w, b, **o):\n    {OS}.fork()\n", "may not use os.fork"),
    "uses os": ("import os\n\ndef forward(*a, **o):\n    os.listdir()\n", "may not use os, line"),
    "takes all memory": (  # 3 GB: no more than a limit forbids
        "import numpy as np\n\ndef forward(*a, **o):\n    return np.zeros(3 << 27), None\n",
        "Memory"),
    "returns megabytes": (
        "import numpy as np\n\ndef forward(*a, **o):\n    return np.zeros(5 << 20), None\n",
        "returns a NumPy array of more than 16 MB"),
    "writes a file": (
        "def forward(*a, **o):\n    open('x', 'w')\n", "may not open files, here x"),
    "breaks NumPy": (
        "import numpy as np\n\nnp.seterr(all='raise')\nnp.where = np.dot = np.sum = None\n\n"
        "def forward(*a, **o):\n    return a[0], None\n", "out"),
    "starts a thread": ("import threading\nthreading.Thread().start()\n", "may not use threading"),
    "wraps": (
        "ops = __import__('minidann.ops', fromlist=['conv1d'])\n"
        "forward, backward = ops.conv1d.forward, ops.conv1d.backward\n", "may not use minidann"),
    "raises what cannot be printed": (
        "class E(BaseException):\n    def __str__(self):\n        raise ValueError\n\n"
        "def forward(*a, **o):\n    raise E\n", "E"),
    "kills the grader": (
        f"os = {OS}\nos.kill(os.getppid(), 9)\n", "may not use os.kill"),
    "reads the reference": (
        "place = __import__('collections')._sys.argv[0].replace('coursework/pupil', 'ops/conv1d')\n"
        "exec(open(place).read())\n", "may not open files"),
    "writes garbage": (
        f"os = {OS}\nfor i in range(3, 20):\n    try:\n        os.write(i, b'garbage' * 10)\n"
        "    except OSError:\n        pass\n\ndef forward(*a, **o):\n    return a[0], None\n",
        "wrong: out"),
}  # fmt: skip
SECOND_CONV1D = """import numpy as np


def forward(x, w, b, *, stride=3, input_gradient=True):
    starts = range(0, x.shape[1] - len(w) + 1, stride)
    out = np.stack([np.tensordot(x[:, t : t + len(w)], w, 2) for t in starts], axis=1)
    return out, {"x": x, "w": w, "stride": stride, "asked": input_gradient}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(dout.shape[1]):
        frames = slice(t * cache["stride"], t * cache["stride"] + len(w))
        dx[:, frames] += np.tensordot(dout[:, t], w, (1, 2))
        dw += np.tensordot(x[:, frames], dout[:, t], (0, 0))
    return dx if cache["asked"] else None, dw, dout.sum(axis=(0, 1))
"""  # without its bias; its cache is a dict
NUMERICAL = """

_right = forward


def forward(*arrays, **options):
    return _right(*arrays, **options)[0], (arrays, options)


def backward(dout, cache):
    arrays, options = cache
    gradients = []
    for i, array in enumerate(arrays):
        gradient = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            perturbed = array.astype(complex)
            perturbed[at] += 1e-30j
            out, _ = _right(*arrays[:i], perturbed, *arrays[i + 1 :], **options)
            gradient[at] = (dout * np.imag(out)).sum() / 1e-30
        gradients.append(gradient)
    return tuple(gradients)
"""  # a numerical derivative, exact to the last digit


def right(exercise: Exercise) -> str:
    """A file that does all that is asked for."""
    if exercise.kind == CHECKER:
        return CHECK
    module = exercise.module
    if exercise.is_op:
        return inspect.getsource(module)
    (name,) = exercise.functions
    code = inspect.getsource(getattr(module, name))
    parts = ["import numpy as np\n", handout.constants(module, [code])]
    if name == "uar":
        parts += [inspect.getsource(metrics.confusion), UAR]
    if name == "information":
        parts.append(ENTR)
    return "\n\n".join([*parts, code])


@functools.cache
def paper(exercises: tuple[Exercise, ...], seed: int, seconds: float = SECONDS) -> Paper:
    """What is asked of these exercises, drawn once for all tests."""
    return Paper(exercises, seed, seconds)


def judged(name: str, text: str | None = None, seed: int = 0, module=None) -> Result:
    """The result of an exercise whose code runs in this process: quick, and without limits.

    `module` replaces the code.
    """
    asked = paper(select(None, name), seed)
    with mock.patch.object(pupil, "load", lambda *_: module) if module else nullcontext():
        done = pupil.do(name, text or "", pupil.loads(asked.tasks[name]))
    found = {name: SimpleNamespace(**pupil.loads(pupil.dumps(done)))}
    submission = handed_in.Submission("x", {name: text or ""})
    return asked.result(asked.exercises[0], submission, found)


def grade(folder: Path, exercises=EXERCISES, seed: int = 0, seconds=SECONDS) -> grading.Graded:
    """A folder or an archive, graded in processes of its own."""
    return grading.grade(folder, paper(exercises, seed, seconds))


def graded(folder: Path, name: str, text: str, seconds=SECONDS) -> Result:
    """The result of one exercise, handed in with this text, in a process of its own."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (result,) = grade(folder, select(None, name), seconds=seconds).results
    return result


def changed(name: str, *words: str) -> str:
    """The right file of an exercise, with some things changed: old, new, old, new ..."""
    (exercise,) = select(None, name)
    text = right(exercise)
    for old, new in zip(words[::2], words[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new)
    return text


def write(folder: Path, **changes: str | None) -> Path:
    """A right submission, but for `changes` by exercise: another text, or None for no file."""
    folder.mkdir(parents=True)
    for exercise in EXERCISES:
        text = changes[exercise.name] if exercise.name in changes else right(exercise)
        if text is not None:
            (folder / f"{exercise.name}.py").write_text(text, encoding="utf-8")
    return folder
