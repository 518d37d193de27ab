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

import minidann
from minidann import ops
from minidann.console import UserError
from minidann.coursework import __main__ as commands
from minidann.coursework import files, grading, handout, judging, messages, practice, processes
from minidann.coursework.exercises import BACKWARD, BOTH, CHECKER, EXERCISES, FORWARD, MEND, select
from minidann.coursework.session import Failed, Refused, Session
from minidann.measure import metrics
from minidann.mistakes import mutants

QUICK = tuple(exercise for exercise in EXERCISES if exercise.kind != CHECKER)
MUTANTS = [mutant for mutant in mutants.BANK if submissions.about(mutant.target)]
FILES = [mutant for mutant in MUTANTS if submissions.wrong(mutant)]  # all but whole optimisers


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


def command(*args, cwd):
    return subprocess.run(
        [sys.executable, "-m", "minidann.coursework", *map(str, args)],
        cwd=cwd, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    return submissions.write(tmp_path_factory.mktemp("class") / "right")


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


def test_exercises_are_chosen_by_lesson_and_name():
    assert {e.lesson for e in select(range(3, 6))} == {3, 4, 5}
    assert [e.name for e in select(None, "conv1d")] == ["conv1d"]
    assert select(range(4, 5), "conv1d") == ()


def test_a_hand_out_has_nothing_of_the_solution(untouched):
    for exercise in EXERCISES:
        text = (untouched / f"{exercise.name}.py").read_text()
        if exercise.kind in (MEND, CHECKER):
            continue
        for name in exercise.functions:
            right = getattr(exercise.module, name)
            body = text[text.index(f"def {name}(") :].split("\ndef ")[0]
            assert body.count("raise NotImplementedError") == 1
            assert right.__doc__.splitlines()[0] in body
            code = [line.strip() for _, line in source_without_docstring(exercise.reference, name)]
            for line in code[1:]:
                if (
                    len(line) > 12
                    and not line.startswith(("def ", ")", "x:", "*"))
                    and "->" not in line
                ):
                    assert line not in body.split('"""')[-1], line


def source_without_docstring(module, name):
    from minidann.reader.quoting import find

    return find(f"{module}.{name}").lines


def test_the_hand_out_says_what_to_do(untouched):
    text = (untouched / "README.md").read_text()
    assert all(f"`{exercise.name}.py`" in text for exercise in EXERCISES)
    assert f"{len(EXERCISES)} exercises" in text


# Points


def test_an_untouched_hand_out_scores_nothing(untouched):
    graded = submissions.grade(untouched)
    assert graded.total == 0
    assert all(result.points == 0 for result in graded.results)
    assert all(r.state == "not written" for r in graded.results if r.exercise.kind != MEND)


def test_the_reference_scores_everything(right):
    graded = submissions.grade(right, seed=1)
    assert [r.exercise.name for r in graded.results if r.points != r.exercise.most] == []
    assert graded.notes == ""


@pytest.mark.parametrize("seed", [0, 1])
def test_each_mutant_loses_points_in_exactly_its_exercise_and_is_named(seed):
    correct = {exercise.name: exercise.module for exercise in EXERCISES}
    unnamed = []
    for mutant in MUTANTS:
        wrong = mutant.build()
        results = [
            judging.judge(exercise, Direct(**{**correct, exercise.name: wrong}), seed)
            for exercise in submissions.about(mutant.target)
        ]
        lost = [result for result in results if result.points < result.exercise.most]
        assert len(lost) == 1, mutant.name
        feedback = "\n".join(lost[0].feedback)
        if mutant.says not in feedback or not any(f"{kind}:" in feedback for kind in mutant.kinds):
            unnamed.append(mutant.name)
    assert len(MUTANTS) > 60 and unnamed == []


@pytest.mark.parametrize("mutant", FILES[::6], ids=lambda mutant: mutant.name)
def test_a_mutant_handed_in_as_a_file_loses_only_its_own(mutant, tmp_path):
    text = submissions.wrong(mutant)
    graded = submissions.grade(submissions.write(tmp_path / "x", **{mutant.target: text}), QUICK)
    assert [r.exercise.name for r in graded.results if r.points < r.exercise.most] == [
        mutant.target
    ]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_each_exercise_can_be_done_while_all_others_are_stubs(exercise, tmp_path):
    handout.write(tmp_path / "x", EXERCISES)
    (tmp_path / "x" / f"{exercise.name}.py").write_text(submissions.right(exercise))
    graded = submissions.grade(tmp_path / "x")
    assert {r.exercise.name: r.points for r in graded.results if r.points} == {
        exercise.name: exercise.most
    }


def test_backward_alone_earns_its_points(tmp_path):
    text = submissions.right(select(None, "attention")[0]).replace(
        "    if v.shape != f.shape[2:]:",
        "    raise NotImplementedError\n    if v.shape != f.shape[2:]:",
    )
    folder = submissions.write(tmp_path / "x", attention=text)
    (result,) = submissions.grade(folder, select(None, "attention")).results
    assert result.earned == {"df": 1, "dv": 1}


def test_a_cache_of_ones_own_will_do(tmp_path):
    text = (
        "import numpy as np\n\ndef forward(x, w, b):\n    return x @ w + b, {'x': x, 'w': w}\n\n"
        "def backward(dout, cache):\n"
        "    return dout @ cache['w'].T, cache['x'].T @ dout, dout.sum(axis=0)\n"
    )
    folder = submissions.write(tmp_path / "x", dense=text)
    assert submissions.grade(folder, select(None, "dense")).total == 3


def test_the_seed_is_the_teachers(right):
    exercises = select(None, "uar")
    graded = [submissions.grade(right, exercises, seed=seed) for seed in (0, 1)]
    assert [submission.total for submission in graded] == [2, 2]
    answers = []

    def keep(labels, predictions):
        answers.append(metrics.uar(labels, predictions))
        return answers[-1]

    judging.judge(exercises[0], Direct(uar=SimpleNamespace(uar=keep)), 3)  # one seed's, by heart
    text = f"answers = {answers}\n\ndef uar(labels, predictions):\n    return answers.pop(0)\n"
    (right.parent / "known").mkdir(exist_ok=True)
    (right.parent / "known" / "uar.py").write_text(text)
    totals = [
        submissions.grade(right.parent / "known", exercises, seed=seed).total for seed in (3, 4, 5)
    ]
    assert totals[0] == 2 and max(totals[1:]) < 2


# Hostile submissions


@pytest.mark.parametrize("name", submissions.HOSTILE)
def test_a_hostile_file_costs_only_its_own_points(name, tmp_path):
    text, word = submissions.HOSTILE[name]
    exercises = tuple(e for e in EXERCISES if e.name in ("relu", "conv1d", "dense"))
    graded = submissions.grade(submissions.write(tmp_path / "x", conv1d=text), exercises, seconds=4)
    assert [result.points for result in graded.results] == [0, 1, 3]
    assert word in graded.notes


def test_what_is_missing_is_named(tmp_path):
    graded = submissions.grade(submissions.write(tmp_path / "x", conv1d=None), select(range(3, 4)))
    assert graded.total == 0 and graded.notes == "conv1d: missing"
    (tmp_path / "empty").mkdir()
    notes = submissions.grade(tmp_path / "empty", select(range(3, 5))).notes
    assert notes == "there is no exercise in this folder; conv1d, relu, maxpool: missing"


def test_of_each_exercise_the_nearest_file_counts(tmp_path):
    """However deep it lies; where two are as near as each other, neither does."""
    exercises = select(range(4, 7))  # relu, maxpool, attention, dense, softmax_cross_entropy
    names = {exercise.name: None for exercise in EXERCISES}
    submissions.write(tmp_path / "x" / "my work" / "homework")
    assert submissions.grade(tmp_path / "x", exercises).total == 11
    (tmp_path / "x" / "relu.py").write_text("no\n")
    submissions.write(tmp_path / "x" / "old", **{**names, "dense": "no\n"})
    submissions.write(tmp_path / "x" / "older", **{**names, "dense": "no\n"})
    graded = submissions.grade(tmp_path / "x", exercises)
    assert [result.points for result in graded.results] == [0, 2, 3, 0, 2]
    assert "dense: is in 2 folders, old, older; hand in one" in graded.notes


def test_what_is_handed_in_is_what_was_read(tmp_path):
    """Nobody's code changes it, not even from outside of its process."""
    handed_in = files.read(submissions.write(tmp_path / "x"))
    for path in (tmp_path / "x").iterdir():
        path.write_text("raise SystemExit\n")
    assert grading.grade(handed_in, select(None, "relu")).total == 1


def test_minidann_in_a_submission_is_not_taken_for_it(tmp_path):
    package = Path(minidann.__file__).parent
    shutil.copytree(package / "ops", tmp_path / "ada" / "lib" / "minidann" / "ops")
    shutil.copy(package / "__init__.py", tmp_path / "ada" / "lib" / "minidann")
    assert submissions.grade(tmp_path / "ada", select(range(4, 5))).total == 0
    submissions.write(tmp_path / "ada" / "hw" / "minidann" / "mine")
    assert submissions.grade(tmp_path / "ada", select(range(4, 5))).total == 3


def test_no_link_is_followed(tmp_path):
    submissions.write(tmp_path / "bob")
    for odd in ("loop", "bob/relu.py/x", "x" * 300):  # what the system calls an error to look at
        (tmp_path / "bob" / f"odd{len(odd)}.py").symlink_to(odd if odd != "loop" else "odd4.py")
    assert submissions.grade(tmp_path / "bob", select(range(4, 5))).total == 3
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "my work").symlink_to(tmp_path / "bob")
    (tmp_path / "ada" / "relu.py").symlink_to(tmp_path / "bob" / "relu.py")
    graded = submissions.grade(tmp_path / "ada", select(range(4, 5)))
    assert graded.total == 0
    assert graded.notes == "relu: is a link; hand in the file itself; maxpool: missing"


def test_folders_without_end_hold_nobody_up(tmp_path):
    """Deeper than Python recurses, and more of them than anybody looks through."""
    submissions.write(tmp_path / "x")
    here = os.getcwd()
    try:
        os.chdir(tmp_path / "x")
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    handed_in = files.read(tmp_path / "x")
    assert set(handed_in.code) == {exercise.name for exercise in EXERCISES}
    subprocess.run(["rm", "-r", tmp_path / "x" / "d"], check=True)
    for i in range(files.SEEN + 1):
        (tmp_path / "x" / f"{i}").mkdir()
    assert "of its files and folders were looked at" in files.read(tmp_path / "x").note


@pytest.mark.parametrize("how", ["ended", "stopped"])
def test_a_grader_that_is_lost_costs_one_row(how, tmp_path):
    """As code could do that gets round what it is kept from."""
    loops = "def uar(*_):\n    while True:\n        pass\n"
    handed_in = [
        files.read(submissions.write(tmp_path / "a", uar=loops)),
        files.read(submissions.write(tmp_path / "b")),
    ]
    options = {"seed": 0, "seconds": 5, "megabytes": 2048}
    grader = grading.Grader(str(tmp_path), select(None, "uar"), options)
    try:
        grader.begin(handed_in[0])
        os.kill(grader.process.pid, signal.SIGKILL if how == "ended" else signal.SIGSTOP)
        if how == "stopped":
            grader.until = time.monotonic() + 1
        while (graded := grader.result()) is None:
            time.sleep(0.1)
        assert graded.note.startswith("NOT GRADED: ") and graded.results == ()
        grader.begin(handed_in[1])
        while (graded := grader.result()) is None:
            time.sleep(0.1)
        assert graded.total == 2
    finally:
        grader.end()


@pytest.mark.parametrize("value", ["[0.5] * 30000", "'[' * 1000", "{'a' * 10**5: 1}"])
@pytest.mark.parametrize("name", ["uar", "mend_groups", "step"])
def test_much_that_is_returned_takes_no_time_to_report(name, value, tmp_path):
    (exercise,) = select(None, name)
    began = time.monotonic()
    text = f"def {exercise.functions[0]}(*a, **o):\n    return {value}\n"
    result = submissions.graded(tmp_path, name, text)
    assert result.points == 0 and len("\n".join(result.feedback)) < 50_000
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", "[1e-3]"), ("learning_rate", "'x'"), ("mend_groups", "np.array(3)")],
)
def test_an_odd_result_is_wrong_and_no_more(name, value, tmp_path):
    (exercise,) = select(None, name)
    text = f"import numpy as np\n\ndef {exercise.functions[0]}(*_):\n    return {value}\n"
    assert submissions.graded(tmp_path, name, text).state == "wrong"


def test_a_deep_result_is_graded(tmp_path):
    text = "def uar(*_):\n    x = 1.0\n    for _ in range(300):\n        x = (x,)\n    return x\n"
    assert submissions.graded(tmp_path, "uar", text).state == "wrong"


def test_where_no_process_can_be_had_each_row_says_so(tmp_path, monkeypatch):
    def fails(self):
        raise OSError("no process")

    monkeypatch.setattr(grading.Grader, "_start", fails)
    handed_in = [files.read(submissions.write(tmp_path / name)) for name in "abc"]
    options = {"seed": 0, "seconds": None, "megabytes": 2048}
    graded = list(grading.grade_all(handed_in, select(None, "uar"), 2, **options))
    assert [submission.name for submission in graded] == ["a", "b", "c"]
    assert all(
        "no process" in submission.note and not submission.is_complete for submission in graded
    )


def test_what_is_odd_on_the_large_input_alone_is_wrong(tmp_path):
    text = submissions.changed("dense", "    return dout @", "    if len(dout) > 1000:\n        "
                               "return None\n    return dout @")  # fmt: skip
    result = submissions.graded(tmp_path, "dense", text)
    assert (
        result.earned == {}
        and "backward: it is wrong, on an input of 100,000" in result.feedback[0]
    )


def test_points_for_doing_nothing_there_are_none(tmp_path):
    for name, body in {
        "learning_rate": "(epoch):\n    return 5e-5\n",
        "step": "(params, grads, state, rate):\n    return params, state\n",
        "add_penalty": "(params, grads, *, l1, l2):\n    return dict(grads)\n",
    }.items():
        result = submissions.graded(tmp_path, name, f"def {name}{body}")
        assert result.earned == {}
        assert name == "learning_rate" or "no point alone" in result.feedback[-1]


def test_edited_tests_change_nothing(tmp_path):
    folder = submissions.write(tmp_path / "x", relu="raise ValueError('no')\n")
    (folder / "conftest.py").write_text("raise SystemExit(0)")
    (folder / "test_exercises.py").write_text("def test_all(): pass")
    assert submissions.grade(folder, select(None, "relu")).total == 0


def test_messages_hold_no_pickles_and_come_back_as_they_were():
    sent = {"a": (1, 2.5, None, "x", True), "b": [np.arange(6.0).reshape(2, 3), np.float32(2)]}
    back = messages.unpack(messages.pack(sent))
    assert back["a"] == sent["a"] and back["b"][1].dtype == np.float32
    np.testing.assert_array_equal(back["b"][0], sent["b"][0])
    for thing in (object(), np.array([object()]), {1: 2}, {"f": print}):
        with pytest.raises(TypeError):
            messages.pack(thing)


def test_each_exercise_has_a_process_of_its_own(tmp_path):
    (tmp_path / "relu.py").write_text("def f():\n    __import__('os')._exit(1)\n")
    (tmp_path / "dense.py").write_text("def f():\n    return 3\n")
    with Session(files.read(tmp_path)) as session:
        session.exercise(*select(None, "relu"))
        with pytest.raises(Refused, match="process ended"):
            session.call("f")
        session.exercise(*select(None, "dense"))
        assert session.call("f") == 3


def test_numpy_may_lie_behind_a_link(right, tmp_path):
    """As some package managers put it, and their links lead out of Python's own folders."""
    (tmp_path / "packages").mkdir()
    for folder in Path(np.__file__).parents[1].glob("numpy*"):
        (tmp_path / "packages" / folder.name).symlink_to(folder)
    code = (
        "import pathlib, sys; from minidann.coursework import files, grading, exercises; "
        "chosen = exercises.select(range(4, 6)); "
        "print(grading.grade(files.read(pathlib.Path(sys.argv[1])), chosen).total)"
    )
    places = [tmp_path / "packages", *(Path(m.__file__).parents[1] for m in (minidann, np))]
    done = subprocess.run(
        [sys.executable, "-c", code, str(right)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))},
    )  # fmt: skip
    assert done.stdout == "6\n", done.stderr


def test_where_nothing_can_be_forked_the_same_comes_of_it(right, tmp_path, monkeypatch):
    """As on Windows: a program for each exercise."""
    monkeypatch.setattr(processes, "FORKS", False)
    exercises = tuple(e for e in EXERCISES if e.name in ("relu", "conv1d", "dense"))
    assert submissions.grade(right, exercises).total == 8
    hangs = submissions.write(tmp_path / "x", conv1d=submissions.HOSTILE["hangs"][0])
    graded = submissions.grade(hangs, exercises, seconds=4)
    assert [result.points for result in graded.results] == [0, 1, 3]


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


def test_numpy_may_be_where_only_the_grader_finds_it(right):
    """As with pip install --user: the process of a submission does not look there by itself."""
    places = [str(Path(module.__file__).parents[1]) for module in (np, minidann)]
    code = (
        "import pathlib, sys; from minidann.coursework import files, grading, exercises; "
        "relu = exercises.select(None, 'relu'); "
        "print(grading.grade(files.read(pathlib.Path(sys.argv[1])), relu).total)"
    )
    alone = [sys._base_executable, "-S", "-c"]
    assert subprocess.run([*alone, "import numpy"], capture_output=True).returncode != 0
    done = subprocess.run(
        [*alone, code, str(right)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr


# The commands


def test_new_check_and_grade(tmp_path):
    made = command("new", "mine", "--lessons", "3-4", cwd=tmp_path)
    assert made.returncode == 0 and "3 exercises" in made.stdout
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "README.md", "conv1d.py", "maxpool.py", "relu.py",
    ]  # fmt: skip
    again = command("new", "mine", cwd=tmp_path)
    assert again.returncode == 2 and "is there already" in again.stderr
    wrong = submissions.wrong(next(m for m in MUTANTS if m.name == "relu: no gate"))
    (tmp_path / "mine" / "relu.py").write_text(wrong)
    checked = command("check", "mine", "-k", "relu", cwd=tmp_path)
    assert checked.returncode == 1 and "gate:" in checked.stdout and "dout = " in checked.stdout
    (tmp_path / "class").mkdir()
    (tmp_path / "mine").rename(tmp_path / "class" / "=ada")
    submissions.write(tmp_path / "class" / "bob")
    (tmp_path / "class" / "notes.txt").write_text("")
    graded = command("grade", "class", "--lessons", "3-4", "--out", "g.csv", cwd=tmp_path)
    assert graded.returncode == 0 and "no students' folders: notes.txt" in graded.stdout
    rows = list(csv.reader((tmp_path / "g.csv").read_text().splitlines()))
    assert rows[0] == ["student", "conv1d", "relu", "maxpool", "total", "notes"]
    assert rows[1] == ["(most)", "4", "1", "2", "7", ""]
    assert rows[2][:5] == ["'=ada", "0", "0", "0", "0"]
    assert rows[2][5].startswith("relu: dx: gate: ")
    assert rows[2][5].endswith("; conv1d, maxpool: not written")
    assert rows[3] == ["bob", "4", "1", "2", "7", ""]


def test_nothing_in_one_submission_costs_the_class_its_grades(tmp_path):
    """A name that is no text, a file that kills the process which grades it, a zip's leavings."""
    odd = "def uar(*_):\n    raise ValueError('\\udc80\\0')\n"
    kills = "os = __import__('os')\nos.kill(os.getppid(), 9)\n"
    hangs = "while True:\n    pass\n"
    for name, text in {"a": odd, "b": kills, "c": None, "d": kills, "e": hangs}.items():
        submissions.write(
            tmp_path / "class" / name, uar=text or submissions.right(select(None, "uar")[0])
        )
    submissions.write(tmp_path / "class" / os.fsdecode(b"f\xff"))
    (tmp_path / "class" / "__MACOSX").mkdir()
    done = command("grade", "class", "--lessons", "15", "--out", "g.csv", "--seconds", "3",
                   "--jobs", "2", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "g.csv").read_text().splitlines()))[1:]
    grades = {row["student"]: (row["uar"], row["notes"]) for row in rows}
    assert grades["a"] == ("0", r"uar: result: ValueError: \udc80\x00, line 2")
    for name in "bd":
        assert grades[name][0] == "0" and "no use for os.kill" in grades[name][1]
    assert grades["c"] == ("2", "")
    assert grades["e"][0] == "0" and "took more than 3 s" in grades["e"][1]
    assert grades[r"f\udcff"] == ("2", "") and len(grades) == 6


def test_a_full_disk_loses_no_grade(tmp_path, monkeypatch, capsys):
    submissions.write(tmp_path / "class" / "ada")
    written = []

    def write(path, content):
        written.append(content)
        if len(written) > 1:
            raise UserError(f"{path}: cannot be written")

    monkeypatch.setattr("minidann.run.store.write", write)
    args = commands.parser().parse_args(["grade", str(tmp_path / "class"), "--lesson", "15"])
    with pytest.raises(UserError, match="cannot be written"):
        commands.grade(args, select(range(15, 16)))
    assert b"ada,,,,NOT GRADED: not yet" in written[0]
    assert "ada,2,2,4," in capsys.readouterr().out


@pytest.mark.parametrize("name", ["folder", "pipe"])
def test_a_table_replaces_nothing_but_a_file(name, tmp_path):
    submissions.write(tmp_path / "class" / "ada")
    (tmp_path / name).mkdir() if name == "folder" else os.mkfifo(tmp_path / name)
    done = command("grade", "class", "--lesson", "15", "--out", name, cwd=tmp_path)
    assert done.returncode == 2 and "is no file; give another name" in done.stderr


def test_gradescope(tmp_path):
    folder = submissions.write(tmp_path / "submission", relu=None)
    done = command(
        "grade", folder, "--gradescope", "results.json", "--lessons", "3-4", cwd=tmp_path
    )
    assert done.returncode == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert not [c for c in str(results) if not c.isprintable()]
    assert results["score"] == 6 == sum(test["score"] for test in results["tests"])
    assert [test["max_score"] for test in results["tests"]] == [4, 1, 2]
    assert "relu.py: missing" in results["tests"][1]["output"]
    submissions.write(tmp_path / "two" / "old")
    submissions.write(tmp_path / "two" / "new")
    done = command("grade", "two", "--gradescope", "results.json", cwd=tmp_path)
    assert done.returncode == 0 and "0 points" in done.stdout
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["score"] == 0
    assert "is in 2 folders, new, old; hand in one" in results["tests"][0]["output"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("check", "nowhere"), "nowhere: is not there"),
        (("check", "."), "there is no exercise in this folder; python -m minidann.coursework new"),
        (("check", sys.executable), "is a file; give its folder"),
        (("grade", "nowhere"), "there is no such folder"),
        (("grade", "."), "has no folders in it"),
        (("new", "x", "--lessons", "14"), "expected lessons such as 3-8"),
        (
            ("check", "x", "-k", "nothing"),
            "there is no exercise 'nothing'; expected one of checker",
        ),
        (("check", "x", "-k", "conv2d.py"), "should conv1d be it?"),
        (("grade", ".", "--seed", "-1"), "--seed -1: expected 0 to "),
        (("check", ".", "--seed", "-1"), "--seed -1: expected 0 to "),
        (("grade", ".", "--seconds", "nan"), "--seconds nan: expected 0.1 to 3600"),
        (("grade", ".", "--seconds", "inf"), "--seconds inf: expected 0.1 to 3600"),
        (("check", "x", "-k", "ReLU", "--lesson", "3"), "relu is an exercise of lesson 4"),
    ],
)
def test_mistakes_of_the_command_are_reported_in_one_line(args, message, tmp_path):
    done = command(*args, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def test_what_a_student_prints_is_shown(tmp_path, capsys):
    text = "import numpy as np\nprint('hello')\n" + submissions.right(select(None, "relu")[0])
    practice.check(
        files.read(submissions.write(tmp_path / "x", relu=text)), select(None, "relu"), 0
    )
    assert "it printed: hello" in capsys.readouterr().out


def test_the_network_runs_on_a_students_layers(right):
    with Session(files.read(right)) as session:
        results = [judging.judge(exercise, session, 0) for exercise in QUICK]
    students_ops, names = practice.own_ops(files.read(right), results)
    assert set(names) == {e.name for e in QUICK if e.is_op}
    arrays, options = ops.conv_relu_maxpool.example(np.random.default_rng(0))
    outs = [
        layers.conv_relu_maxpool.forward(*arrays, **options)[0] for layers in (students_ops, ops)
    ]
    np.testing.assert_allclose(*outs, atol=1e-12)
    assert students_ops.attention.forward.__module__ == "exercise_attention"


def test_no_layer_is_trained_with_whose_forward_is_broken(tmp_path):
    text = submissions.right(select(None, "dropout")[0]).replace("return x * mask", "return 0 * x")
    folder = submissions.write(tmp_path / "x", dropout=text)
    with Session(files.read(folder)) as session:
        results = [judging.judge(e, session, 0) for e in select(range(8, 9)) if e.is_op]
    assert results[0].state == "right" and "out:" in results[0].feedback[0]
    assert practice.own_ops(files.read(folder), results)[1] == []


def test_pytest_has_a_test_and_a_marker_for_each_part(right, tmp_path):
    def run(*args):
        return subprocess.run(
            [sys.executable, "-m", "pytest", "--pyargs", "minidann.coursework", "-q", *args],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip

    fine = run(f"--impl={right}", "-k", "conv1d")
    assert fine.returncode == 0 and "4 passed" in fine.stdout, fine.stdout
    fine = run(f"--impl={right}", "-m", "uar")
    assert fine.returncode == 0 and "1 passed" in fine.stdout, fine.stdout
    handout.write(tmp_path / "x", select(None, "relu"))
    missing = run(f"--impl={tmp_path / 'x'}", "-k", "relu")
    assert missing.returncode == 1 and "not written" in missing.stdout
    text = submissions.right(select(None, "dense")[0])
    text = text.replace("dout @ w.T", "-dout @ w.T").replace("dout.sum(axis=0)", "dout[0]")
    (tmp_path / "x" / "dense.py").write_text(text)
    wrong = run(f"--impl={tmp_path / 'x'}", "-k", "dense", "-rN").stdout  # -rN: says nothing twice
    assert wrong.count("dx: sign") == 1 == wrong.count("db: first only")  # each under its own
    assert "skipped" in run().stdout
