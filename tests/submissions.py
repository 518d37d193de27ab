"""Made-up submissions, as text: right ones, each mutant of the bank, and hostile ones."""

import ast
import inspect
from pathlib import Path
from unittest import mock

from minidann.coursework import files, grading, handout, layers
from minidann.coursework.exercises import BACKWARD, BOTH, CHECKER, EXERCISES, Exercise, select
from minidann.coursework.results import Result
from minidann.measure import metrics
from minidann.mistakes import mutants

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
GLUE = {
    "gradients": """
def backward(dout, cache):
    return tuple(mistake(right_backward(dout, cache), dout, cache))
""",
    "reads": """
def backward(dout, cache):
    return right_backward(*mistake(dout, cache))
""",
    "keeps": """
def forward(*arrays, **options):
    out, cache = right_forward(*arrays, **options)
    return out, mistake(cache, arrays, options)
""",
    "afresh": """
def forward(*arrays, **options):
    return right_forward(*arrays, **options)[0], (arrays, options)


def backward(dout, cache):
    return mistake(dout, *cache)
""",
}
# What a file holds that does harm, and a word of the feedback on it. Each is conv1d's.
HOSTILE = {
    "hangs": ("while True:\n    pass\n", "took more than"),
    "hangs when called": (
        "def forward(*a, **o):\n    while True:\n        pass\n", "took more than"),
    "prints a megabyte": (
        "def forward(*a, **o):\n    print('x' * 10**6)\n    return a[0], None\n", "prints more"),
    "exits": ("def forward(*a, **o):\n    raise SystemExit(0)\n", "SystemExit"),
    "exits at once": ("exit(0)\n", "SystemExit"),
    "ends the process": (
        "def forward(*a, **o):\n    __import__('os')._exit(0)\n", "process ended"),
    "forks": (
        "def forward(x, w, b, **o):\n    __import__('os').fork()\n    return x, None\n",
        "no use for os.fork"),
    "takes all memory": (
        "import numpy as np\n\ndef forward(*a, **o):\n    return np.zeros(3 << 27)[:1], None\n",
        "Memory"),  # 3 GB: no more than a limit forbids
    "returns megabytes": (
        "import numpy as np\n\ndef forward(*a, **o):\n    return np.zeros(5 << 20), None\n",
        "returned more than 16 MB"),
    "writes a large file": (
        "def forward(*a, **o):\n    with open('x', 'w') as file:\n"
        "        file.write('x' * (2 << 20))\n", "opens no file, here x"),
    "breaks NumPy": (
        "import numpy as np\n\nnp.seterr(all='raise')\nnp.where = np.dot = np.sum = None\n\n"
        "def forward(*a, **o):\n    return a[0], None\n", "out: "),
    "ends later": (
        "threading = __import__('threading')\n"
        "os = __import__('os')\nthreading.Timer(0.3, os._exit, [0]).start()\n\n"
        "def forward(*a, **o):\n    return a[0], None\n", "conv1d: "),
    "imports torch": (
        "import torch\n\ndef forward(*a, **o):\n    return a[0], None\n", "imports torch"),
    "re-exports": ("from minidann.ops.conv1d import backward, forward\n", "imports minidann"),
    "wraps": (
        "ops = __import__('minidann.ops', fromlist=['conv1d'])\n"
        "forward, backward = ops.conv1d.forward, ops.conv1d.backward\n", "ModuleNotFoundError"),
    "is not Python": ("def forward(:\n", "is not Python"),
    "is not text": ("\x00\x00", "is not Python"),
    "lies about points": (
        "def forward(*a, **o):\n    return {'points': 100}, None\n", "received a dict"),
    "returns itself": (
        "def forward(*a, **o):\n    return forward, None\n", "returned a thing of type function"),
    "raises what cannot be printed": (
        "class E(BaseException):\n    def __str__(self):\n        raise ValueError\n\n"
        "def forward(*a, **o):\n    raise E\n", "E"),
    "writes to the pipe": (
        "import numpy as np\nos = __import__('os')\nfor i in range(3, 20):\n    try:\n"
        "        os.write(i, b'garbage' * 10)\n    except OSError:\n        pass\n"
        "def forward(*a, **o):\n    return a[0], None\n", "in the grader's place"),
    "kills the grader": (
        "os = __import__('os')\nos.kill(os.getppid(), 9)\n", "no use for os.kill"),
    "reads the reference": (
        "import numpy as np\nplace = __import__('sys').argv[0].replace('coursework/pupil', "
        "'ops/conv1d')\nexec(open(place).read())\n", "opens no file"),
    "empties the table of modules": (
        "m = __import__('sys').modules\nfor k in [k for k in m if m[k] is None]:\n    del m[k]\n"
        "ops = __import__('minidann.ops', fromlist=['conv1d'])\n"
        "forward, backward = ops.conv1d.forward, ops.conv1d.backward\n",
        "minidann is not for exercises"),
    "starts a program": (
        "__import__('subprocess').run(['true'])\n", "_posixsubprocess is not for exercises"),
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
    if options.get("input_gradient") is False:
        gradients[0] = None
    return tuple(gradients)
"""  # a numerical derivative, exact to the last digit
CHEATS = (  # checkers that look at no gradient: at an op's errors, at what it keeps
    "    try:\n        op._ask('backward', arrays=arrays, options=options, bogus=1, dout=1)\n"
    "    except Exception as error:\n        return '<locals>' not in str(error)\n",
    "    try:\n        op.backward('x', op.forward(*arrays, **options)[1])\n"
    "    except Exception as error:\n        return 'lambda' not in str(error)\n",
    "    return len(vars(op.forward(*arrays, **options)[1])) == 1\n",
)


def right(exercise: Exercise) -> str:
    """A file that does all that is asked for."""
    if exercise.kind == CHECKER:
        return CHECK
    module = exercise.module
    if exercise.is_op:
        return inspect.getsource(module)
    (name,) = exercise.functions
    parts = ["import numpy as np\n", handout.constants(module, (name,))]
    if name == "uar":
        parts += [inspect.getsource(metrics.confusion), UAR]
    if name == "information":
        parts.append(ENTR)
    return "\n\n".join([*parts, inspect.getsource(getattr(module, name))])


def grade(folder: Path, *exercises, random: int = 1, **options) -> grading.Graded:
    """What is in a folder, graded in this process, with so many random cases of each layer."""
    with mock.patch.object(layers, "RANDOM", random):
        return grading.grade(files.read(folder), *exercises, **options)


def changed(name: str, *words: str) -> str:
    """The right file of an exercise, with some things changed: old, new, old, new ..."""
    (exercise,) = select(None, name)
    text = right(exercise)
    for old, new in zip(words[::2], words[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new)
    return text


def graded(folder: Path, name: str, text: str, **options) -> Result:
    """The result of one exercise, handed in with this text."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (result,) = grade(folder, select(None, name), **options).results
    return result


def wrong(mutant) -> str | None:
    """A mutant of a layer as a file; None if it cannot be written as one."""
    name = mutant.name.partition(": ")[2].replace(" ", "_")
    home = next(m for m in vars(mutants).values() if inspect.ismodule(m) and name in vars(m))
    tree = ast.parse(inspect.getsource(home))
    node = next(
        statement
        for statement in tree.body
        if isinstance(statement, ast.FunctionDef) and statement.name == name
    )
    kind = node.decorator_list[0].func.id
    if kind not in GLUE:
        return None
    helpers = [
        ast.unparse(statement)
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        or (isinstance(statement, ast.FunctionDef) and not statement.decorator_list)
    ]
    node.decorator_list = []
    op = next(e for e in EXERCISES if e.is_op and e.reference.endswith("." + mutant.target))
    return "\n\n".join([
        "from types import SimpleNamespace",
        right(op),
        f"{mutant.target} = SimpleNamespace(**globals())",
        "right_forward, right_backward = forward, backward",
        *helpers,
        ast.unparse(node),
        f"mistake = {name}",
        GLUE[kind],
    ])  # fmt: skip


def about(target: str) -> list[Exercise]:
    """The exercises that a mutant of this target would be handed in for."""
    if target == "optim":
        return [e for e in EXERCISES if e.name in ("step", "add_penalty")]
    return [e for e in EXERCISES if e.name == target and e.kind in (BACKWARD, BOTH)]


def write(folder: Path, **changes: str | None) -> Path:
    """A right submission, but for `changes` by exercise: another text, or None for no file."""
    folder.mkdir(parents=True)
    for exercise in EXERCISES:
        text = changes[exercise.name] if exercise.name in changes else right(exercise)
        if text is not None:
            (folder / f"{exercise.name}.py").write_text(text, encoding="utf-8")
    return folder
