"""What is handed in: folders, archives, notebooks, text of other encodings, and imports."""

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
import submissions
from submissions import changed, judged, right, write

import minidann
from minidann.coursework import handed_in
from minidann.coursework.exercises import NAMES, select

RELU, UAR = (right(select(None, name)[0]) for name in ("relu", "uar"))


def zipped(files: dict[str, bytes | str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def tarred(files: dict[str, str], mode: str = "w:gz") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return content.getvalue()


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# def uar("]}, *made]})


READ = {  # a file's name, its content, and the exercise whose right code it is
    "ada.zip": (zipped({"homework/relu.py": RELU, "__MACOSX/._relu.py": b"\0"}), "relu"),
    "windows.zip": (zipped({"hw\\relu.py": RELU}), "relu"),
    "outside.zip": (zipped({"../../relu.py": RELU}), "relu"),
    "ada.tar": (tarred({"relu.py": RELU}, "w"), "relu"),
    "ada.tar.gz": (tarred({"./hw/relu.py": RELU}), "relu"),
    "ada.tgz": (tarred({"relu.py": RELU}), "relu"),
    "ada.tar.xz": (tarred({"relu.py": RELU}, "w:xz"), "relu"),
    "relu.py.txt": (RELU, "relu"),
    "ReLU.py": (RELU, "relu"),
    "relu (1).py": (RELU, "relu"),
    "relu.ipynb": (notebook("%matplotlib inline\nimport numpy as np\nx = no_such_thing(3)",
                            "!pip install numpy", RELU, "forward(3)\nno_such_thing()"), "relu"),
    "all.ipynb": (notebook("import numpy as np", UAR, "def f(): pass"), "uar"),
    "all.py": (f"import numpy as np\n{UAR}", "uar"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is_read(name, tmp_path):
    content, exercise = READ[name]
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / name).write_bytes(content)
    found = handed_in.read(tmp_path / "x")
    assert set(found.code) == {exercise} and not found.unread
    assert judged(exercise, found.code[exercise]).state == "right"
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["x", name])


UNREAD = {
    "a.rar": b"Rar!",
    "broken.zip": b"PK\3\4 and no more",
    "broken.tar.gz": b"no gzip",
    "cut.tar.gz": tarred({"x.py": "\n".join(map(str, range(9999)))})[:-2000],
    "again.zip": zipped({"inner.zip": zipped({"relu.py": RELU})}),
    "large.tar.gz": tarred({"x.py": " " * (handed_in.ARCHIVE + 1)}),
    "large.zip": zipped({f"{i}.py": b" " * (1 << 18) for i in range(129)}),
    "layers.ipynb": notebook(RELU).encode(),
    "maxpool.ipynb": notebook(RELU, RELU).encode(),
    "relu.ipynb": b"no notebook",
    "relu.zip": zipped({"relu.py": b" " * (1 << 20)}),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_read_has_no_grade_and_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(UNREAD[name])
    (tmp_path / "maxpool.py").write_text(right(select(None, "maxpool")[0]))
    row = submissions.grade(tmp_path, select(range(4, 5)))
    relu, maxpool = row.results
    assert relu.state == "not graded" and name in row.notes
    assert maxpool.points == 2


def test_an_archive_is_a_submission_of_its_own(tmp_path):
    (tmp_path / "ada.tar.gz").write_bytes(tarred({"relu.py": RELU}))
    row = submissions.grade(tmp_path / "ada.tar.gz", select(None, "relu"))
    assert (row.name, row.total) == ("ada.tar.gz", 1)


def test_of_each_exercise_the_nearest_file_counts(tmp_path):
    """However deep it lies; where two are as near as each other, neither is graded."""
    names = dict.fromkeys(NAMES)
    write(tmp_path / "x" / "my work" / "homework", maxpool=None)
    found = handed_in.read(tmp_path / "x")
    assert set(found.code) == set(NAMES) - {"maxpool"} and not found.unread
    (tmp_path / "x" / "relu.py").write_text("no\n")
    write(tmp_path / "x" / "old", **{**names, "dense": "no\n"})
    write(tmp_path / "x" / "older", **{**names, "dense": "no\n"})
    found = handed_in.read(tmp_path / "x")
    assert found.code["relu"] == "no\n" and "dense" not in found.code
    assert "2 times (old/dense.py, older/dense.py): hand in one" in found.unread["dense"]


def test_minidann_in_a_submission_is_not_taken_for_it(tmp_path):
    package = Path(minidann.__file__).parent
    shutil.copytree(package / "ops", tmp_path / "ada" / "lib" / "minidann" / "ops")
    assert not handed_in.read(tmp_path / "ada").code
    write(tmp_path / "ada" / "hw" / "minidann" / "mine")
    assert "relu" in handed_in.read(tmp_path / "ada").code


def test_no_link_is_followed(tmp_path):
    bob, ada = write(tmp_path / "bob"), tmp_path / "ada"
    ada.mkdir()
    (ada / "my work").symlink_to(bob)
    (ada / "relu.py").symlink_to(bob / "relu.py")
    found = handed_in.read(ada)
    assert not found.code and "is a link: hand in the file itself" in found.unread["relu"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_text_of_other_encodings_is_told(encoding, tmp_path):
    text = changed("relu", "return (", "é = '\\sum'\n    return (").replace("\n", "\r\n")
    (tmp_path / "relu.py").write_bytes(text.encode(encoding))
    result = submissions.grade(tmp_path, select(None, "relu")).results[0]
    if "utf-8" in encoding:
        assert result.state == "right" and not result.printed
    else:
        assert result.state == "not graded" and "relu.py is not in UTF-8" in result.why
    (tmp_path / "relu.py").write_bytes(f"# coding: {encoding}\n{text}".encode(encoding))
    state = submissions.grade(tmp_path, select(None, "relu")).results[0].state
    assert state == ("not graded" if encoding == "utf-16" else "right")


def test_only_code_is_read(tmp_path):
    """A submission may bring a virtual environment along, or a corpus."""
    for name in ("relu.py", "lib.so", "data.wav"):
        (tmp_path / name).write_text(RELU)
    read = [file.path.name for file in handed_in.everything(tmp_path) if file.content]
    assert read == ["relu.py"] and handed_in.read(tmp_path).code == {"relu": RELU}
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("data.wav", RELU)
    assert not [f for f in handed_in.everything(tmp_path) if f.path.suffix == ".wav" and f.content]


def test_numbers_of_a_notebook_are_kept(tmp_path):
    """And what is made of them; not what is tried out, and nothing that ends the import."""
    numbers = "LOW = -1e-5\nSIZES = (1, 2)\nK: float = 10 ** -5\nx = no_such_thing(3)\ny = x"
    derived = "import numpy as np, torch\nfrom collections import namedtuple\nrelu?\n"
    derived += "Cache = namedtuple('Cache', 'passed')\nTENTH = [LOW / 10 for _ in SIZES]\n"
    derived += "z = torch.ones(3)\nw = np.load('x.npy')\nout, cache = forward(w)\nx = x + LOW"
    used = RELU.replace("    return", "    assert Cache(1) and len(TENTH) == 2 and K\n    return")
    (tmp_path / "relu.ipynb").write_text(notebook(numbers, derived, used))
    code = handed_in.read(tmp_path).code["relu"]
    assert all(name in code for name in ("LOW = ", "SIZES = ", "K: float", "Cache = ", "TENTH = "))
    assert not any(text in code for text in ("no_such", "y = x", "z = ", "cache = fo", "x + LOW"))
    assert submissions.grade(tmp_path, select(None, "relu")).total == 1


@pytest.mark.parametrize("other", ["relu-1.py", "relu (1).py", "relu.ipynb"])
def test_of_two_files_neither_is_graded_and_both_are_named(other, tmp_path):
    """One is a learning platform's resubmission, perhaps, or the hand-out."""
    (tmp_path / "relu.py").write_text(RELU.replace("return", "return 2 *"))
    (tmp_path / other).write_text(notebook(RELU) if "ipynb" in other else RELU)
    (result,) = submissions.grade(tmp_path, select(None, "relu")).results
    assert result.state == "not graded" and other in result.why and "relu.py" in result.why


def test_an_import_that_is_not_used_costs_a_note(tmp_path):
    text = "import os, sys\nimport matplotlib.pyplot as plt\nfrom scipy import (\n    fft)\n"
    text += f"{RELU}\n\nif __name__ == '__main__':\n    import torch\n    plt.plot(torch.ones(3))\n"
    (tmp_path / "relu.py").write_text(text)
    row = submissions.grade(tmp_path, select(None, "relu"))
    assert row.total == 1 and "Line 1 imports os, which an exercise may not use." in row.notes
    assert all(row.notes.count(name) == 1 for name in ("sys", "matplotlib", "scipy"))
    assert "torch" not in row.notes
    for line in ("import numpy.typing as npt", "from numpy import *", "import numpy.testing as t"):
        assert judged("relu", f"{line}\n{RELU}").state == "right"
    text = RELU.replace("    return", "    import os\n    return")
    notes = judged("relu", text).notes
    assert len(notes) == len({*notes}) == 2  # not one for each call


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import torch\ntorch.ones(3)\n", "may not use torch, line 2"),
        ("import os.path as p\np.join('a', 'b')\n", "may not use os, line 2"),
        ("import a.b.c\na.b.c.d()\n", "may not use a, line 2"),
        ("from torch.nn import Module\n\nclass Net(Module):\n    pass\n", "may not use torch"),
        ("from numba import njit\n\n@njit\ndef backward(dout, cache):\n    pass\n", "numba"),
        ("import torch as np; from minidann.ops.relu import *; np.ones(3)\n", "may not use"),
        ("from minidann.ops.relu import *\n", "may not use minidann"),
        ("from .conv1d import forward\nforward(1)\n", "may not use conv1d, line 2"),
        ("from os import sep\nx = 'a' + sep\n", "may not use os, line 2"),
        ("def forward(x:\n", "SyntaxError: "),
        ("x = '\0'\n", "null bytes"),
        ("(" * 5000, "raised "),
    ],
)
def test_what_cannot_be_imported_is_told_once(text, words, tmp_path):
    (tmp_path / "relu.py").write_text(text)
    (result,) = submissions.grade(tmp_path, select(None, "relu")).results
    (line,) = result.lines()
    assert line.startswith("The file cannot be imported: it raised ") and words in line
    assert result.state == "wrong"


@pytest.mark.parametrize("name", ["my_relu.py", "task3.ipynb"])
def test_a_layer_of_another_name_is_to_be_renamed(name, tmp_path):
    (tmp_path / name).write_text(notebook(RELU) if name.endswith("b") else RELU)
    (tmp_path / "notes.py").write_text("print('nothing that is asked for')\n")
    (result,) = submissions.grade(tmp_path, select(None, "relu")).results
    assert result.state == "not graded" and f"{name} defines a layer, but which?" in result.why
    assert "notes.py" not in result.why
    (tmp_path / "relu.py").write_text(RELU)
    assert submissions.grade(tmp_path, select(None, "relu")).results[0].state == "right"


def test_what_a_notebook_holds_beside_its_exercise_counts_where_no_other_file_does(tmp_path):
    (tmp_path / "relu.ipynb").write_text(notebook(RELU, UAR))
    assert {*handed_in.read(tmp_path).code} == {"relu", "uar"}
    (tmp_path / "uar.py").write_text("mine")
    (tmp_path / "all.py").write_text(UAR)
    found = handed_in.read(tmp_path)
    assert found.code["uar"] == "mine" and found.note == "uar is graded by uar.py, not by all.py"


def test_a_cell_that_is_not_python_costs_itself_and_a_note(tmp_path):
    (tmp_path / "relu.ipynb").write_text(notebook("%%time\nK = 1", "my answer:\n1", RELU))
    found = handed_in.read(tmp_path)
    assert judged("relu", found.code["relu"]).state == "right" and "K = 1" in found.code["relu"]
    assert "relu.ipynb: the cell 'my answer:' is not Python (" in found.note
    assert found.note in found.unread["uar"]  # which may be in that cell


def test_a_broken_archive_is_told_in_a_sentence(tmp_path):
    (tmp_path / "ada.zip").write_bytes(b"PK")
    why = "ada.zip cannot be read (it is damaged, or no zip and no tar): hand in a zip"
    assert handed_in.read(tmp_path).note == why
