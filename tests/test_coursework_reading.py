"""What is handed in: folders, archives, notebooks, text of other encodings, and imports."""

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import submissions
from submissions import changed, judged, right, write

import minidann
from minidann.coursework import handed_in
from minidann.coursework.exercises import NAMES, select

RELU = right(select(None, "relu")[0])
UAR = right(select(None, "uar")[0])


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
    "again.zip": (zipped({"inner.zip": zipped({"relu.py": RELU})}), "relu"),
    "ada.tar": (tarred({"relu.py": RELU}, "w"), "relu"),
    "ada.tar.gz": (tarred({"./hw/relu.py": RELU}), "relu"),
    "ada.tgz": (tarred({"relu.py": RELU}), "relu"),
    "relu.py.gz": (gzip.compress(RELU.encode()), "relu"),
    "relu.py.txt": (RELU, "relu"),
    "ReLU.py": (RELU, "relu"),
    "relu (1).py": (RELU, "relu"),
    "relu.ipynb": (notebook("%matplotlib inline\nimport numpy as np\nx = no_such_thing(3)",
                            RELU, "forward(3)\nno_such_thing()"), "relu"),
    "homework.ipynb": (notebook(UAR, "print(uar(1, 2))"), "uar"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is_read(name, tmp_path):
    content, exercise = READ[name]
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / name).write_bytes(content)
    found = handed_in.read(tmp_path / "x")
    assert set(found.code) == {exercise} and not found.unread and not found.refused
    assert judged(exercise, found.code[exercise]).state == "right"
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["x", name])
    if not name.endswith(("zip", "tar", "gz")):
        assert name in found.notes[exercise][0]


UNREAD = {
    "a.rar": b"Rar!",
    "a.7z": b"7z",
    "broken.zip": b"PK\3\4 and no more",
    "broken.tar.gz": b"no gzip",
    "cut.tar.gz": tarred({"relu.py": RELU * 20})[:-20],
    "bomb.zip": zipped({"a.zip": zipped({"b.zip": zipped({"c.zip": zipped({"d": b""})})})}),
    "large.tar.gz": gzip.compress(bytes(handed_in.ARCHIVE + 1)),
    "large.zip": zipped({f"{i}.py": b" " * (1 << 18) for i in range(129)}),
    "many.zip": zipped({f"{i}.zip": zipped({"x.py": b" " * (1 << 18)}) for i in range(257)}),
    "layers.ipynb": notebook(RELU).encode(),
    "uar.ipynb": b"no notebook",
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_read_has_no_grade_and_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(UNREAD[name])
    (tmp_path / "maxpool.py").write_text(right(select(None, "maxpool")[0]))
    row = submissions.grade(tmp_path, select(range(4, 5)))
    relu, maxpool = row.results
    if name != "uar.ipynb":
        assert relu.state == "not graded" and name in row.notes
    else:
        assert "uar" in handed_in.read(tmp_path).unread
    assert maxpool.points == 2 or name == "many.zip"


def test_a_large_file_in_an_archive_is_not_read(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"relu.py": b" " * (1 << 20)}))
    assert "larger than 256 kB" in handed_in.read(tmp_path).unread["relu"]


def test_an_archive_is_a_submission_of_its_own(tmp_path):
    (tmp_path / "ada.tar.gz").write_bytes(tarred({"relu.py": RELU}))
    row = submissions.grade(tmp_path / "ada.tar.gz", select(None, "relu"))
    assert (row.name, row.total) == ("ada", 1)


def test_a_missing_file_scores_nothing(tmp_path):
    result = submissions.grade(write(tmp_path / "x", conv1d=None), select(range(3, 4)))
    assert result.is_complete and result.notes == "conv1d: The file is missing."


def test_of_each_exercise_the_nearest_file_counts(tmp_path):
    """However deep it lies; where two are as near as each other, neither is graded."""
    names = dict.fromkeys(NAMES)
    write(tmp_path / "x" / "my work" / "homework")
    assert set(handed_in.read(tmp_path / "x").code) == set(NAMES)
    (tmp_path / "x" / "relu.py").write_text("no\n")
    write(tmp_path / "x" / "old", **{**names, "dense": "no\n"})
    write(tmp_path / "x" / "older", **{**names, "dense": "no\n"})
    found = handed_in.read(tmp_path / "x")
    assert found.code["relu"] == "no\n" and "dense" not in found.code
    assert "2 times (old/dense.py, older/dense.py): hand in one" in found.unread["dense"]


def test_minidann_in_a_submission_is_not_taken_for_it(tmp_path):
    package = Path(minidann.__file__).parent
    shutil.copytree(package / "ops", tmp_path / "ada" / "lib" / "minidann" / "ops")
    shutil.copy(package / "__init__.py", tmp_path / "ada" / "lib" / "minidann")
    assert not handed_in.read(tmp_path / "ada").code
    write(tmp_path / "ada" / "hw" / "minidann" / "mine")
    assert "relu" in handed_in.read(tmp_path / "ada").code


def test_no_link_is_followed(tmp_path):
    bob, ada = write(tmp_path / "bob"), tmp_path / "ada"
    for i, target in enumerate(("0.py", "relu.py/x", "x" * 300)):  # an error to look at
        (bob / f"{i}.py").symlink_to(target)
    assert "relu" in handed_in.read(bob).code
    ada.mkdir()
    (ada / "my work").symlink_to(bob)
    (ada / "relu.py").symlink_to(bob / "relu.py")
    info = zipfile.ZipInfo("maxpool.py")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(ada / "a.zip", "w") as archive:
        archive.writestr(info, "../bob/maxpool.py")
    found = handed_in.read(ada)
    assert not found.code
    assert all("is a link: hand in the file itself" in found.unread[n] for n in ("relu", "maxpool"))


def test_folders_without_end_hold_nothing_up(tmp_path, monkeypatch):
    """Deeper than Python recurses, and more of them than are looked through."""
    write(tmp_path / "x")
    monkeypatch.chdir(tmp_path / "x")
    try:
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        os.chdir(tmp_path)
        assert set(handed_in.read(tmp_path / "x").code) == set(NAMES)
        monkeypatch.setattr(handed_in, "SEEN", 10)
        assert "other files were not read: there is too much" in handed_in.read(tmp_path / "x").note
    finally:  # pytest cannot
        subprocess.run(["rm", "-r", tmp_path / "x" / "d"], check=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "declared"])
def test_text_of_other_encodings_is_read(encoding, tmp_path, recwarn):
    text = changed("relu", "return (", "é = '\\sum'\n    return (").replace("\n", "\r\n")
    if encoding == "declared":
        content = ("# -*- coding: cp1252 -*-\n" + text).encode("cp1252")
    else:
        content = text.encode(encoding)
    (tmp_path / "relu.py").write_bytes(content)
    found = handed_in.read(tmp_path)
    assert not list(recwarn)
    assert judged("relu", found.code["relu"]).state == "right" and "é" in found.code["relu"]
    assert ("relu" in found.notes) == (encoding in ("latin-1", "utf-16"))


def test_an_import_that_is_not_used_costs_a_note(tmp_path):
    text = f"import matplotlib.pyplot as plt\nfrom scipy import (\n    fft)\n{RELU}"
    text += "\n\nif __name__ == '__main__':\n    import torch\n    plt.plot(torch.ones(3))\n"
    (tmp_path / "relu.py").write_text(text)
    row = submissions.grade(tmp_path, select(None, "relu"))
    assert row.total == 1 and "Line 1 imports matplotlib.pyplot" in row.notes
    code = handed_in.read(tmp_path).code["relu"]
    assert code.splitlines()[3:10] == RELU.splitlines()[:7]  # each line keeps its number


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import torch\ntorch.ones(3)\n", "Line 1 imports torch"),
        ("def forward(x):\n    import torch\n    return x\n", "Line 2 imports torch"),
        ("from .conv1d import forward\nforward(1)\n", "Line 1 imports .conv1d"),
        ("from minidann.ops.relu import *\n", "imports minidann.ops.relu"),
        ("import torch; x = 1\n", "Line 1 imports torch"),
        ("def forward(x:\n", "is not Python (line 1: "),
        ("x = '\0'\n", "is not Python"),
        ("(" * 5000, "is not Python"),
    ],
)
def test_what_may_not_be_run_is_refused_with_a_reason(text, words, tmp_path):
    (tmp_path / "relu.py").write_text(text)
    assert words in handed_in.read(tmp_path).refused["relu"]


def test_an_error_at_import_is_reported_once(tmp_path):
    result = judged("relu", "import numpy as np\nx = undefined\n" + RELU)
    (line,) = result.lines()
    assert line.startswith("The file cannot be imported: it raised NameError") and "line 2" in line
