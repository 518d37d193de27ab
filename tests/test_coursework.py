"""Coursework: hand out, check, grade; on right files, mutants, stubs and hostile ones."""

import ast
import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import submissions
from conftest import call
from submissions import changed, graded, right, write

import minidann
from minidann import ops
from minidann.console import UserError
from minidann.coursework import (
    files,
    grading,
    handout,
    judging,
    layers,
    messages,
    practice,
    processes,
)
from minidann.coursework.exercises import BACKWARD, BOTH, CHECKER, EXERCISES, FORWARD, MEND, select
from minidann.coursework.session import Failed, Refused, Session
from minidann.measure import metrics
from minidann.mistakes import mutants
from minidann.mistakes.question import first_example
from minidann.reader.quoting import find

QUICK = tuple(exercise for exercise in EXERCISES if exercise.kind != CHECKER)
MUTANTS = [mutant for mutant in mutants.BANK if submissions.about(mutant.target)]
FEW = tuple(exercise for exercise in EXERCISES if exercise.name in ("conv1d", "relu", "dense"))


class Direct:
    """What `Session` does, in this process and on modules: for mutants that are no files."""

    printed = first_printed = ""
    tree = ast.Module([], [])

    def __init__(self, **modules):
        self.modules, self.caches = modules, {}

    def exercise(self, exercise):
        self.name = exercise.name

    def hurry(self, seconds):
        pass

    def call(self, function, *args, keep=None, kept=None, op=None, **options):
        args = args if kept is None else (*args, self.caches[kept])
        try:
            with np.errstate(all="ignore"):  # as in a submission's process
                value = getattr(self.modules[self.name], function)(*args, **options)
        except Exception as error:
            raise Failed(str(error)) from None
        if keep is not None:
            value, self.caches[keep] = value
        return value


def command(*args):
    return call("coursework", *args)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder, in which the commands are called."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def all_right(tmp_path_factory):
    return write(tmp_path_factory.mktemp("class") / "right")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "untouched"
    handout.write(folder, EXERCISES)
    return folder


# What there is to do


def test_there_are_enough_exercises_of_each_kind():
    kinds = [exercise.kind for exercise in EXERCISES]
    assert {FORWARD, BACKWARD, BOTH, MEND, CHECKER} == set(kinds)
    assert sum(kind in (FORWARD, BACKWARD, BOTH) for kind in kinds) >= 10
    assert len(EXERCISES) >= 14 and len({e.name for e in EXERCISES}) == len(EXERCISES)
    assert [e.lesson for e in EXERCISES] == sorted(e.lesson for e in EXERCISES)
    assert {e.lesson for e in select(range(3, 6))} == {3, 4, 5}
    assert [e.name for e in select(None, "conv1d")] == ["conv1d"]
    assert select(range(4, 5), "conv1d") == ()


def test_a_hand_out_has_nothing_of_the_solution(untouched):
    for exercise in EXERCISES:
        if exercise.kind in (MEND, CHECKER):
            continue
        text = (untouched / f"{exercise.name}.py").read_text()
        for name in exercise.functions:
            body = text[text.index(f"def {name}(") :].split("\ndef ")[0]
            assert body.count("raise NotImplementedError") == 1
            assert getattr(exercise.module, name).__doc__.splitlines()[0] in body
            code = [line.strip() for _, line in find(f"{exercise.reference}.{name}").lines]
            for line in code[1:]:
                is_header = line.startswith(("def ", ")", "x:", "*")) or "->" in line
                assert len(line) <= 12 or is_header or line not in body.split('"""')[-1], line


def test_the_hand_out_says_what_to_do(untouched):
    text = (untouched / "README.md").read_text()
    assert all(f"`{exercise.name}.py`" in text for exercise in EXERCISES)
    assert f"{len(EXERCISES)} exercises" in text


# Points


def test_an_untouched_hand_out_scores_nothing(untouched):
    result = submissions.grade(untouched)
    assert result.total == 0
    assert all(r.points == 0 for r in result.results)
    assert all(r.state == "not written" for r in result.results if r.exercise.kind != MEND)
    assert len(result.notes) < 900 and result.notes.count("not written") == 1


def test_the_reference_scores_everything(all_right):
    result = submissions.grade(all_right, seed=1)
    assert [r.exercise.name for r in result.results if r.points != r.exercise.most] == []
    assert result.notes == ""


def test_each_mutant_loses_points_in_exactly_its_exercise_and_is_named(monkeypatch):
    monkeypatch.setattr(layers, "RANDOM", 3)  # random cases: the time goes into explaining each
    correct = {exercise.name: exercise.module for exercise in EXERCISES}
    unnamed = []
    for mutant in MUTANTS:
        wrong = mutant.build()
        results = [
            judging.judge(exercise, Direct(**{**correct, exercise.name: wrong}), 0)
            for exercise in submissions.about(mutant.target)
        ]
        lost = [result for result in results if result.points < result.exercise.most]
        assert len(lost) == 1, mutant.name
        feedback = "\n".join(lost[0].feedback)
        if mutant.says not in feedback or not any(f"{kind}:" in feedback for kind in mutant.kinds):
            unnamed.append(mutant.name)
    assert len(MUTANTS) > 60 and unnamed == []


@pytest.mark.parametrize("half", [0, 1])
def test_mutants_handed_in_as_files_lose_only_their_exercises(half, tmp_path):
    """A mutant of every second layer; the exercises between them are right."""
    texts = {m.target: text for m in MUTANTS if (text := submissions.wrong(m))}
    wrong = dict(list(texts.items())[half::2])
    result = submissions.grade(write(tmp_path / "x", **wrong), QUICK)
    lost = {r.exercise.name for r in result.results if r.points < r.exercise.most}
    assert len(texts) == 9 and lost == set(wrong)


@pytest.mark.parametrize("half", [0, 1])
def test_an_exercise_can_be_done_while_others_are_stubs(half, tmp_path):
    handout.write(tmp_path / "x", EXERCISES)
    for exercise in EXERCISES[half::2]:
        (tmp_path / "x" / f"{exercise.name}.py").write_text(right(exercise))
    result = submissions.grade(tmp_path / "x")
    done = {r.exercise: r.points for r in result.results if r.points}
    assert done == {exercise: exercise.most for exercise in EXERCISES[half::2]}


def test_the_seed_is_the_teachers(all_right, tmp_path):
    (exercise,) = select(None, "uar")
    for seed in (0, 1):
        assert submissions.grade(all_right, (exercise,), seed=seed).total == 2
    answers = []

    def keep(labels, predictions):
        answers.append(metrics.uar(labels, predictions))
        return answers[-1]

    judging.judge(exercise, Direct(uar=SimpleNamespace(uar=keep)), 3)  # one seed's, by heart
    text = f"answers = {answers}\n\ndef uar(labels, predictions):\n    return answers.pop(0)\n"
    points = [graded(tmp_path, "uar", text, seed=seed).points for seed in (3, 4, 5)]
    assert points[0] == 2 and max(points[1:]) < 2


# Hostile submissions


@pytest.mark.parametrize("name", submissions.HOSTILE)
def test_a_hostile_file_costs_only_its_own_points(name, tmp_path):
    text, word = submissions.HOSTILE[name]
    folder = write(tmp_path / "x", conv1d=text)
    (folder / "conftest.py").write_text("raise SystemExit(0)")  # of no use
    result = submissions.grade(folder, FEW, seconds=1 if name.startswith("hangs") else 4)
    assert [r.points for r in result.results] == [0, 1, 3]
    assert word in result.notes


def test_what_is_missing_is_named(tmp_path):
    result = submissions.grade(write(tmp_path / "x", conv1d=None), select(range(3, 4)))
    assert result.total == 0 and result.notes == "conv1d: missing"
    (tmp_path / "empty").mkdir()
    notes = submissions.grade(tmp_path / "empty", select(range(3, 5))).notes
    assert notes == "there is no exercise in this folder; conv1d, relu, maxpool: missing"


def test_misnamed_files_are_pointed_at(tmp_path):
    folder = write(tmp_path / "x", conv1d=None, relu=None)
    (folder / "Conv1D.py").write_text("")
    (folder / "more").mkdir()
    (folder / "more" / "relu (1).py").write_text("")
    notes = submissions.grade(folder, select(range(3, 5))).notes
    assert "conv1d: missing; there is Conv1D.py" in notes
    assert f"relu: missing; there is {Path('more') / 'relu (1).py'}" in notes


def test_of_each_exercise_the_nearest_file_counts(tmp_path):
    """However deep it lies; where two are as near as each other, neither does."""
    exercises = select(range(4, 7))  # relu, maxpool, attention, dense, softmax_cross_entropy
    names = {exercise.name: None for exercise in EXERCISES}
    write(tmp_path / "x" / "my work" / "homework")
    assert submissions.grade(tmp_path / "x", exercises).total == 11
    (tmp_path / "x" / "relu.py").write_text("no\n")
    write(tmp_path / "x" / "old", **{**names, "dense": "no\n"})
    write(tmp_path / "x" / "older", **{**names, "dense": "no\n"})
    result = submissions.grade(tmp_path / "x", exercises)
    assert [r.points for r in result.results] == [0, 2, 3, 0, 2]
    assert "dense: is in 2 folders, old, older; hand in one" in result.notes


def test_what_is_handed_in_is_what_was_read(tmp_path):
    """Nobody's code changes it, not even from outside of its process."""
    handed_in = files.read(write(tmp_path / "x"))
    for path in (tmp_path / "x").iterdir():
        path.write_text("raise SystemExit\n")
    assert grading.grade(handed_in, select(None, "relu")).total == 1


def test_minidann_in_a_submission_is_not_taken_for_it(tmp_path):
    package = Path(minidann.__file__).parent
    shutil.copytree(package / "ops", tmp_path / "ada" / "lib" / "minidann" / "ops")
    shutil.copy(package / "__init__.py", tmp_path / "ada" / "lib" / "minidann")
    assert submissions.grade(tmp_path / "ada", select(range(4, 5))).total == 0
    write(tmp_path / "ada" / "hw" / "minidann" / "mine")
    assert submissions.grade(tmp_path / "ada", select(range(4, 5))).total == 3


def test_no_link_is_followed(tmp_path):
    bob, ada = write(tmp_path / "bob"), tmp_path / "ada"
    for i, target in enumerate(("0.py", "relu.py/x", "x" * 300)):  # an error to look at
        (bob / f"{i}.py").symlink_to(target)
    assert submissions.grade(bob, select(range(4, 5))).total == 3
    ada.mkdir()
    (ada / "my work").symlink_to(bob)
    (ada / "relu.py").symlink_to(bob / "relu.py")
    result = submissions.grade(ada, select(range(4, 5)))
    assert result.total == 0
    assert result.notes == "relu: is a link; hand in the file itself; maxpool: missing"


def test_folders_without_end_hold_nobody_up(here, monkeypatch):
    """Deeper than Python recurses, and more of them than anybody looks through."""
    write(here / "x")
    os.chdir(here / "x")
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(here)
    assert set(files.read(here / "x").code) == {exercise.name for exercise in EXERCISES}
    monkeypatch.setattr(files, "SEEN", 1200)
    assert "only 1200 of its files and folders were looked at" in files.read(here / "x").note
    subprocess.run(["rm", "-r", here / "x" / "d"], check=True)


def test_a_large_file_is_not_read(tmp_path):
    result = graded(tmp_path, "relu", "x = [" + "1, " * 200_000 + "]\n")
    assert result.feedback == ["relu.py: is larger than 256 kB"]


def test_what_python_reads_is_read(tmp_path):
    text = changed("relu", "return (", "é = 1\n    return (")
    for code in ("utf-8-sig", "latin-1", "utf-16"):
        about = f"# -*- coding: {code} -*-\n" if code == "latin-1" else ""
        (tmp_path / "relu.py").write_bytes((about + text).encode(code))
        result = submissions.grade(tmp_path, select(None, "relu"))
        assert result.total == (code != "utf-16")
    assert "save it as UTF-8" in result.notes


@pytest.mark.parametrize("lost_by", [signal.SIGKILL, signal.SIGSTOP])
def test_a_grader_that_is_lost_costs_one_row(lost_by, tmp_path):
    """As code could do that gets round what it is kept from."""
    loops = "def uar(*_):\n    while True:\n        pass\n"
    handed_in = [
        files.read(write(tmp_path / "a", uar=loops)),
        files.read(write(tmp_path / "b")),
    ]
    options = {"seed": 0, "seconds": 5, "megabytes": 2048}
    grader = grading.Grader(str(tmp_path), select(None, "uar"), options)

    def result():
        while (submission := grader.result()) is None:
            time.sleep(0.05)
        return submission

    try:
        grader.begin(handed_in[0])
        os.kill(grader.process.pid, lost_by)
        if lost_by == signal.SIGSTOP:
            grader.until = time.monotonic() + 0.2
        lost = result()
        assert lost.note.startswith("NOT GRADED: ") and lost.results == ()
        grader.begin(handed_in[1])
        assert result().total == 2
    finally:
        grader.end()


def test_where_no_process_can_be_had_each_row_says_so(tmp_path, monkeypatch):
    def fails(self):
        raise OSError("no process")

    monkeypatch.setattr(grading.Grader, "_start", fails)
    handed_in = [files.read(write(tmp_path / name)) for name in "abc"]
    options = {"seed": 0, "seconds": None, "megabytes": 2048}
    rows = list(grading.grade_all(handed_in, select(None, "uar"), 2, **options))
    assert [row.name for row in rows] == ["a", "b", "c"]
    assert all("no process" in row.note and not row.is_complete for row in rows)


def test_the_machines_fault_is_no_grade(tmp_path, monkeypatch):
    def no_process(*_, **__):
        raise OSError("no process")

    processes.ForkServer.only().end()
    monkeypatch.setattr("subprocess.Popen", no_process)
    with pytest.raises(OSError):
        graded(tmp_path, "relu", "")


def test_what_breaks_the_grader_costs_nobody_else_anything(tmp_path, monkeypatch):
    monkeypatch.setattr("minidann.coursework.layers.judge_op", lambda *_: 1 / 0)
    step, reversal = submissions.grade(write(tmp_path / "x"), select(range(9, 11))).results[1:]
    assert step.points == 4 and reversal.points == 0
    assert reversal.state == "not graded" and "ZeroDivisionError" in reversal.feedback[0]


# Processes


def test_messages_hold_no_pickles_and_come_back_as_they_were():
    sent = {"a": (1, 2.5, None, "x", True), "b": [np.arange(6.0).reshape(2, 3), np.float32(2)]}
    back = messages.unpack(messages.pack(sent))
    assert back["a"] == sent["a"] and back["b"][1].dtype == np.float32
    np.testing.assert_array_equal(back["b"][0], sent["b"][0])
    for thing in (object(), np.array([object()]), {1: 2}, {"f": print}):
        with pytest.raises(TypeError):
            messages.pack(thing)


def test_each_exercise_has_a_process_to_itself(tmp_path):
    (tmp_path / "relu.py").write_text("def f():\n    __import__('os')._exit(1)\n")
    (tmp_path / "dense.py").write_text("def f():\n    return 3\n")
    with Session(files.read(tmp_path)) as session:
        session.exercise(*select(None, "relu"))
        with pytest.raises(Refused, match="process ended"):
            session.call("f")
        session.exercise(*select(None, "dense"))
        assert session.call("f") == 3


GRADE = (
    "import pathlib, sys; from minidann.coursework import files, grading, exercises; "
    "chosen = exercises.select(None, 'relu'); "
    "print(grading.grade(files.read(pathlib.Path(sys.argv[1])), chosen).total)"
)


def test_numpy_may_lie_behind_a_link(all_right, tmp_path):
    """As some package managers put it, and their links lead out of Python's own folders."""
    (tmp_path / "packages").mkdir()
    for folder in Path(np.__file__).parents[1].glob("numpy*"):
        (tmp_path / "packages" / folder.name).symlink_to(folder)
    places = [tmp_path / "packages", *(Path(m.__file__).parents[1] for m in (minidann, np))]
    done = subprocess.run(
        [sys.executable, "-c", GRADE, str(all_right)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))},
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr


def test_numpy_may_be_where_only_the_grader_finds_it(all_right):
    """As with pip install --user: the process of a submission does not look there by itself."""
    places = [str(Path(module.__file__).parents[1]) for module in (np, minidann)]
    alone = [sys._base_executable, "-S", "-c"]
    assert subprocess.run([*alone, "import numpy"], capture_output=True).returncode != 0
    done = subprocess.run(
        [*alone, GRADE, str(all_right)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr


def test_where_nothing_can_be_forked_the_same_comes_of_it(tmp_path, monkeypatch):
    """As on Windows: a program for each exercise."""
    monkeypatch.setattr(processes, "FORKS", False)
    hangs = write(tmp_path / "x", conv1d=submissions.HOSTILE["hangs"][0])
    result = submissions.grade(hangs, FEW, seconds=1)
    assert [r.points for r in result.results] == [0, 1, 3]
    assert "took more than" in result.notes


@pytest.mark.skipif(not processes.FORKS, reason="nothing is forked on this system")
def test_nothing_is_left_of_a_process_even_if_that_which_forks_is_killed(tmp_path):
    (tmp_path / "relu.py").write_text("def f():\n    return __import__('os').getpid()\n")
    pids = []
    with Session(files.read(tmp_path)) as session:
        for kills in (False, True, False):
            session.exercise(*select(None, "relu"))
            pids.append(session.call("f"))
            os.kill(pids[-1], 0)  # it is there
            if kills:
                os.kill(processes.ForkServer.only().program.pid, signal.SIGKILL)
                time.sleep(0.1)
    for pid in pids:  # gone, or a zombie that waits for whoever inherited it
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(pid, 0)
            assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    assert len(set(pids)) == 3


@pytest.mark.skipif(not processes.FORKS, reason="nothing is forked on this system")
def test_a_process_that_leaves_its_group_is_ended_too(tmp_path):
    text = "os = __import__('os')\nos.setpgid(0, os.getppid())\nwhile True:\n    pass\n"
    began = time.monotonic()
    result = graded(tmp_path, "relu", text, seconds=0.5)
    assert result.points == 0 and "took more than 0.5 s" in result.feedback[0]
    assert time.monotonic() - began < 4.5  # who forks has answered at once
    server = str(processes.ForkServer.only().program.pid)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
            assert parent != server or state == "Z"


def test_what_the_hook_does_not_hear_of_is_gone(tmp_path):
    text = ("import numpy as np\nos, signal = __import__('os'), __import__('signal')\n"
            "for name in ('readline', '_posixsubprocess', 'scipy', 'sqlite3'):\n    try:\n"
            "        __import__(name).connect('x.db')\n"
            "    except (ModuleNotFoundError, PermissionError):\n        continue\n"
            "    print('found', name)\n"
            "print(hasattr(os, 'pidfd_open'), hasattr(signal, 'pidfd_send_signal'))\n")  # fmt: skip
    assert graded(tmp_path, "relu", text).printed == "False False\n"


def test_no_way_round_the_table_of_modules(tmp_path):
    text = ("m = __import__('sys').modules\nfor k in [k for k in m if m[k] is None]:\n"
            "    del m[k]\nops = __import__('minidann.ops.dense', fromlist=['x'])\n"
            "forward, backward = ops.forward, ops.backward\n")  # fmt: skip
    result = graded(tmp_path, "dense", text)
    assert result.points == 0 and "minidann is not for exercises" in result.feedback[0]


def test_a_warning_of_the_compiler_is_no_mistake(tmp_path, recwarn):
    text = right(select(None, "relu")[0]) + '\n\nABOUT = "\\sum"\n'
    assert graded(tmp_path, "relu", text).points == 1
    assert not list(recwarn)


# The commands


def test_new_check_and_grade(here):
    made = command("new", "mine", "--lessons", "3-4")
    assert made.returncode == 0 and "3 exercises" in made.stdout
    assert sorted(path.name for path in (here / "mine").iterdir()) == [
        "README.md", "conv1d.py", "maxpool.py", "relu.py",
    ]  # fmt: skip
    again = command("new", "mine")
    assert again.returncode == 2 and "is there already" in again.stderr
    wrong = submissions.wrong(next(m for m in MUTANTS if m.name == "relu: no gate"))
    (here / "mine" / "relu.py").write_text(wrong)
    checked = command("check", "mine", "-k", "relu")
    assert checked.returncode == 1 and "gate:" in checked.stdout and "dout = " in checked.stdout
    (here / "class").mkdir()
    (here / "mine").rename(here / "class" / "=ada")
    write(here / "class" / "bob")
    (here / "class" / "notes.txt").write_text("")
    done = command("grade", "class", "--lessons", "3-4", "--out", "g.csv")
    assert done.returncode == 0 and "no students' folders: notes.txt" in done.stdout
    rows = list(csv.reader((here / "g.csv").read_text().splitlines()))
    assert rows[0] == ["student", "conv1d", "relu", "maxpool", "total", "notes"]
    assert rows[1] == ["(most)", "4", "1", "2", "7", ""]
    assert rows[2][:5] == ["'=ada", "0", "0", "0", "0"]
    assert rows[2][5].startswith("relu: dx: gate: ")
    assert rows[2][5].endswith("; conv1d, maxpool: not written")
    assert rows[3] == ["bob", "4", "1", "2", "7", ""]


def test_nothing_in_one_submission_costs_the_class_its_grades(here):
    """A name that is no text, a file that kills the process which grades it, a zip's leavings."""
    unprintable = "def uar(*_):\n    raise ValueError('\\udc80\\0')\n"
    kills = "os = __import__('os')\nos.kill(os.getppid(), 9)\n"
    hangs = "while True:\n    pass\n"
    for name, text in {"a": unprintable, "b": kills, "d": kills, "e": hangs}.items():
        write(here / "class" / name, uar=text)
    write(here / "class" / "c")
    write(here / "class" / os.fsdecode(b"f\xff"))
    (here / "class" / "__MACOSX").mkdir()
    arguments = ["class", "--lessons", "15", "--out", "g.csv", "--seconds", "1", "--jobs", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "minidann.coursework", "grade", *arguments],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((here / "g.csv").read_text().splitlines()))[1:]
    grades = {row["student"]: (row["uar"], row["notes"]) for row in rows}
    assert grades["a"] == ("0", r"uar: result: ValueError: \udc80\x00, line 2")
    for name in "bd":
        assert grades[name][0] == "0" and "no use for os.kill" in grades[name][1]
    assert grades["c"] == ("2", "")
    assert grades["e"][0] == "0" and "took more than 1 s" in grades["e"][1]
    assert grades[r"f\udcff"] == ("2", "") and len(grades) == 6


def test_a_full_disk_loses_no_grade(here, monkeypatch):
    write(here / "class" / "ada")
    written = []

    def write_once(path, content):
        written.append(content)
        if len(written) > 1:
            raise UserError(f"{path}: cannot be written")

    monkeypatch.setattr("minidann.run.store.write", write_once)
    done = command("grade", "class", "--lesson", "15")
    assert done.returncode == 2 and "cannot be written" in done.stderr
    assert b"ada,,,,NOT GRADED: not yet" in written[0]
    assert "ada,2,2,4," in done.stdout


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_table_replaces_nothing_but_a_file(make, here):
    write(here / "class" / "ada")
    make(here / "out")
    done = command("grade", "class", "--lesson", "15", "--out", "out")
    assert done.returncode == 2 and "is no file; give another name" in done.stderr


def test_gradescope(here):
    write(here / "submission", relu=None)
    done = command("grade", "submission", "--gradescope", "results.json", "--lessons", "3-4")
    assert done.returncode == 0
    results = json.loads((here / "results.json").read_text())
    assert not [c for c in str(results) if not c.isprintable()]
    assert results["score"] == 6 == sum(test["score"] for test in results["tests"])
    assert [test["max_score"] for test in results["tests"]] == [4, 1, 2]
    assert "relu.py: missing" in results["tests"][1]["output"]
    write(here / "two" / "old")
    write(here / "two" / "new")
    done = command("grade", "two", "--gradescope", "results.json", "--lesson", "4")
    assert done.returncode == 0 and "0 points" in done.stdout
    results = json.loads((here / "results.json").read_text())
    assert results["score"] == 0
    assert "is in 2 folders, new, old; hand in one" in results["tests"][0]["output"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("check nowhere", "nowhere: is not there"),
        ("check .", "there is no exercise in this folder; python -m minidann.coursework new"),
        (f"check {__file__}", "is a file; give its folder"),
        ("grade nowhere", "there is no such folder"),
        ("grade .", "has no folders in it"),
        ("new x --lessons 14", "expected lessons such as 3-8"),
        ("check x -k nothing", "there is no exercise 'nothing'; expected one of checker"),
        ("check x -k conv2d.py", "should conv1d be it?"),
        ("grade . --seed -1", "--seed -1: expected 0 to "),
        ("check . --seed -1", "--seed -1: expected 0 to "),
        ("grade . --seconds nan", "--seconds nan: expected 0.1 to 3600"),
        ("grade . --seconds inf", "--seconds inf: expected 0.1 to 3600"),
        ("check x -k ReLU --lesson 3", "relu is an exercise of lesson 4"),
    ],
)
def test_mistakes_of_the_command_are_reported_in_one_line(arguments, message, here):
    done = command(*arguments.split())
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def check_printed(folder, capsys, name, text):
    """What `check` prints on an exercise with this text, and on stderr."""
    (folder / f"{name}.py").write_text(text)
    practice.check(files.read(folder), select(None, name), 0)
    return capsys.readouterr()


def test_what_a_student_prints_is_shown(tmp_path, capsys):
    text = "print('hello')\n" + right(select(None, "relu")[0])
    assert "it printed: hello" in check_printed(tmp_path, capsys, "relu", text).out
    text = changed("maxpool", "dx = np.zeros", "print(dout.shape)\n    dx = 2 * np.ones")
    printed = check_printed(tmp_path, capsys, "maxpool", text).out  # of a call that failed
    assert "it printed: (1, 1, 1)" in printed and printed.count("it printed") == 1
    text = changed("relu", "return (", "print('x' * 3000)\n    return (")  # much, in many calls
    assert "1 of 1 points" in check_printed(tmp_path, capsys, "relu", text).out


def test_an_endless_loop_is_reported_with_its_line(tmp_path, capsys, monkeypatch):
    text = changed("relu", "    return (np", "    i = 0\n    while i < 5:\n        i = 2 * i\n    "
                   "return (np")  # fmt: skip
    line = 1 + text.splitlines().index("    while i < 5:")
    monkeypatch.setattr(practice, "SLOW", 0.2)
    monkeypatch.setattr("minidann.coursework.exercises.Exercise.seconds", 1)
    printed = check_printed(tmp_path, capsys, "relu", text)
    lines = [f"took more than 1 s; it was in backward, line {i}" for i in (line, line + 1)]
    assert any(line in printed.out for line in lines)
    assert "relu.py: still running; it is stopped after 1 s" in printed.err


def test_the_network_runs_on_a_students_layers(all_right):
    with Session(files.read(all_right)) as session:
        results = [judging.judge(exercise, session, 0) for exercise in QUICK]
    students_ops, names = practice.own_ops(files.read(all_right), results)
    assert set(names) == {e.name for e in QUICK if e.is_op}
    arrays, options = first_example(ops.conv_relu_maxpool, np.random.default_rng(0))
    outs = [
        network_ops.conv_relu_maxpool.forward(*arrays, **options)[0]
        for network_ops in (students_ops, ops)
    ]
    np.testing.assert_allclose(*outs, atol=1e-12)
    assert students_ops.attention.forward.__module__ == "exercise_attention"


def test_no_layer_is_trained_with_whose_forward_is_broken(tmp_path):
    text = changed("dropout", "return x * mask", "return 0 * x")
    result = graded(tmp_path, "dropout", text)
    assert result.state == "right" and "out:" in result.feedback[0]
    assert practice.own_ops(files.read(tmp_path), [result])[1] == []


def test_pytest_has_a_test_and_a_marker_for_each_part(tmp_path):
    def run(*args):
        return subprocess.run(
            [sys.executable, "-m", "pytest", "--pyargs", "minidann.coursework", "-q", *args],
            cwd=tmp_path, capture_output=True, text=True,
        ).stdout  # fmt: skip

    wrong = changed("dense", "dout @ w.T", "-dout @ w.T", "dout.sum(axis=0)", "dout[0]")
    folder = write(tmp_path / "x", dense=wrong, relu="def backward(*_):\n    raise "
                   "NotImplementedError\n\nforward = backward\n")  # fmt: skip
    found = run(f"--impl={folder}", "-m", "conv1d or relu or dense", "-rN")  # -rN: nothing twice
    assert "3 failed, 5 passed" in found and "not written" in found, found
    assert found.count("dx: sign") == 1 == found.count("db: first only")  # each under its own
    assert "skipped" in run("-k", "conv1d")
