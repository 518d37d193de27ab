"""Coursework: hand out, check, grade; on right files, stubs and hostile ones."""

import csv
import functools
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import submissions
from conftest import call
from submissions import changed, graded, judged, right, write

from minidann import ops
from minidann.coursework import grading, handed_in, handout, practice, pupil, running
from minidann.coursework.exercises import BACKWARD, BOTH, CHECKER, EXERCISES, FUNCTION, MEND, select
from minidann.coursework.judging import Paper
from minidann.measure import metrics
from minidann.mistakes import catalogue
from minidann.mistakes.question import first_example
from minidann.reader.quoting import find

ALL = submissions.paper(EXERCISES, 0)
LESSONS = ("--lesson", "3", "--lesson", "4")
FEW = tuple(exercise for exercise in EXERCISES if exercise.name in ("conv1d", "relu"))


def command(*args):
    return call("coursework", *args)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder, in which the commands are called."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "untouched"
    handout.write(folder, EXERCISES)
    return folder


# What there is to do


def test_exercises_are_in_the_order_of_the_lessons():
    assert {FUNCTION, BACKWARD, BOTH, MEND, CHECKER} == {exercise.kind for exercise in EXERCISES}
    assert [e.lesson for e in EXERCISES] == sorted(e.lesson for e in EXERCISES)
    assert {e.lesson for e in select(range(3, 6))} == {3, 4, 5}
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
            code = [line.strip() for _, line in find(f"{exercise.module.__name__}.{name}").lines]
            for line in code[1:]:
                is_header = line.startswith(("def ", ")", "x:", "*")) or "->" in line
                assert len(line) <= 12 or is_header or line not in body.split('"""')[-1], line


# Points


def test_an_untouched_hand_out_scores_nothing(untouched):
    result = submissions.grade(untouched)
    assert result.total == 0 and result.is_complete
    assert all(r.points == 0 for r in result.results)
    assert all(r.state == "not written" for r in result.results if r.exercise.kind != MEND)
    assert len(result.notes) < 1500


def test_the_reference_scores_everything(tmp_path):
    result = submissions.grade(write(tmp_path / "right"), seed=1)
    assert [r.lines() for r in result.results if r.points != r.exercise.most] == []
    assert result.notes == ""


@pytest.mark.parametrize("name", [e.name for e in EXERCISES if catalogue.of(e.name, "afresh")])
def test_mistakes_of_the_catalogue_lose_points(name, monkeypatch):
    """A quarter of them. That all are caught and named is tested where the catalogue is."""
    monkeypatch.setattr("minidann.mistakes.naming.name_gradients", lambda *_: {})
    bank = catalogue.of(name, "afresh")[::4]
    results = {mutant.name: judged(name, module=mutant.build()) for mutant in bank}
    assert bank and [n for n, r in results.items() if r.points == r.exercise.most] == []
    assert all(result.state == "wrong" and result.lines() for result in results.values())


def test_an_exercise_can_be_done_while_others_are_stubs(tmp_path):
    handout.write(tmp_path / "x", EXERCISES)
    for exercise in EXERCISES[::2]:
        (tmp_path / "x" / f"{exercise.name}.py").write_text(right(exercise))
    result = submissions.grade(tmp_path / "x")
    done = {r.exercise: r.points for r in result.results if r.points}
    assert done == {exercise: exercise.most for exercise in EXERCISES[::2]}


def test_the_seed_is_the_teachers():
    answers = []

    def keep(labels, predictions):
        answers.append(metrics.uar(labels, predictions))
        return answers[-1]

    judged("uar", seed=3, module=SimpleNamespace(uar=keep))  # one seed's answers, by heart
    text = f"from numpy import nan\nanswers = {answers}\n\ndef uar(labels, predictions):\n"
    text += "    return answers.pop(0)\n"
    points = [judged("uar", text, seed).points for seed in (3, 4, 5)]
    assert points[0] == 2 and max(points[1:]) < 2


# Hostile submissions


@pytest.mark.parametrize("name", submissions.HOSTILE)
def test_a_hostile_file_costs_only_its_own_points(name, tmp_path):
    text, word = submissions.HOSTILE[name]
    folder = write(tmp_path / "x", conv1d=text)
    result = submissions.grade(folder, FEW, seconds=1 if name.startswith("hangs") else 4)
    assert [r.points for r in result.results] == [0, 1]
    assert word in "\n".join([*result.results[0].lines(), result.notes])


def test_a_neighbours_files_survive(tmp_path):
    write(tmp_path / "class" / "bob")
    text = "os = __import__('os')\n" + "".join(
        f"try:\n    {harm}\nexcept (PermissionError, ImportError):\n    print('refused')\n"
        for harm in (f"__import__('shutil').rmtree({str(tmp_path / 'class')!r})",
                     f"os.remove({str(tmp_path / 'class' / 'bob' / 'relu.py')!r})",
                     f"open({str(tmp_path / 'class' / 'bob' / 'relu.py')!r}, 'w')")
    )  # fmt: skip
    (tmp_path / "ada").mkdir()
    assert graded(tmp_path / "ada", "relu", text).printed.count("refused") == 3
    assert submissions.grade(tmp_path / "class" / "bob", select(None, "relu")).total == 1


def test_one_process_does_what_it_can(tmp_path):
    """Another one only follows where an exercise ended it, and no exercise sees the last one's."""
    pid = f"import collections, warnings\nimport numpy as np\nos = {submissions.OS}\n"
    pid += "assert np.where and collections.namedtuple and warnings.filters[0][0] != 'error'\n"
    text = f"{pid}np.where = collections.namedtuple = None\nwarnings.simplefilter('error')\n"
    text += "def forward(*_, **o):\n    raise ValueError(os.getpid())\n"
    for name in ("relu", "dense", "batchnorm"):
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "softmax_cross_entropy.py").write_text(f"{pid}os._exit(0)\n")
    codes = handed_in.read(tmp_path).code
    codes = {name: codes[name] for name in ALL.tasks if name in codes}
    found = running.run(codes, ALL.tasks, 10)
    pids = {name: {call["error"] for call in found[name].calls if "ValueError" in call["error"]}
            for name in found}  # fmt: skip
    assert pids["relu"] == pids["dense"] and len(pids["relu"]) == 1
    assert pids["batchnorm"] and found["softmax_cross_entropy"].problem
    assert pids["batchnorm"] != pids["dense"]


def test_nothing_but_numbers_comes_back():
    sent = {"a": (1, 2.5, None, "x", True), "b": [np.arange(6.0).reshape(2, 3), np.float32(2)]}
    back = pupil.loads(pupil.dumps(sent))
    assert back["a"] == [*sent["a"]] and back["b"][1].dtype == np.float32
    np.testing.assert_array_equal(back["b"][0], sent["b"][0])
    with pytest.raises(ValueError, match="read-only"):
        back["b"][0][0] = 1
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="Circular"):
        pupil.dumps(endless)
    for thing, name in ((print, "builtin_function_or_method"), (..., "ellipsis"),
                        (np.array([print]), "NumPy array of object")):  # fmt: skip
        (back,) = pupil.loads(pupil.dumps([thing]))
        assert type(back).__name__ == name and vars(back) == {}
    with pytest.raises(ValueError, match="OBJECT"):
        pupil.loads(json.dumps({"dtype__": "|O", "shape": [1], "bytes": "AAAAAAAAAAA="}))


def test_a_process_that_stops_itself_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "START", 1)
    text = "sys = __import__('collections')._sys\n"
    text += "sys.modules['faulthandler'].cancel_dump_traceback_later()\nwhile True:\n    pass\n"
    began = time.monotonic()
    result = graded(tmp_path, "relu", text, seconds=0.5)
    assert result.points == 0 and "or out of time" in result.why
    assert time.monotonic() - began < 8


def test_the_machines_fault_is_no_grade(tmp_path, monkeypatch):
    write(tmp_path / "x")
    monkeypatch.setattr("subprocess.Popen", mock.Mock(side_effect=OSError("no process")))
    row = submissions.grade(tmp_path / "x", select(None, "relu"))
    assert "NOT GRADED" in row.notes and "no process" in row.notes and not row.is_complete


def test_what_breaks_the_grader_costs_no_other_exercise(tmp_path, monkeypatch):
    monkeypatch.setattr("minidann.coursework.layers.judged", lambda *_: 1 / 0)
    step, reversal = submissions.grade(write(tmp_path / "x"), select(range(9, 11))).results[1:]
    assert step.points == 4 and reversal.points == 0
    assert reversal.state == "not graded" and "ZeroDivisionError" in reversal.why


# The commands


def test_new_check_and_grade(here):
    made = command("new", "mine", *LESSONS)
    assert made.returncode == 0 and "3 exercises" in made.stdout
    assert sorted(path.name for path in (here / "mine").iterdir()) == [
        "README.md", "conv1d.py", "maxpool.py", "relu.py",
    ]  # fmt: skip
    again = command("new", "mine")
    assert again.returncode == 2 and "exists already" in again.stderr
    (here / "mine" / "relu.py").write_text(changed("relu", "return (", "return (2 * "))
    checked = command("check", "mine", "-k", "relu")
    assert checked.returncode == 1 and "dout = " in checked.stdout
    assert len(checked.stdout.splitlines()) <= 16
    (here / "class").mkdir()
    (here / "mine").rename(here / "class" / "=ada")
    write(here / "class" / "Bäumer, Jörg_4711_assignsubmission_file")
    (here / "class" / "notes.txt").write_text("")
    done = command("grade", "class", *LESSONS, "--out", "g.csv")
    assert done.returncode == 0 and "neither folders nor archives: notes.txt" in done.stdout
    content = (here / "g.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")  # so that a spreadsheet reads it as UTF-8
    rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))
    assert rows[0] == ["student", "conv1d", "relu", "maxpool", "total", "notes"]
    assert rows[1] == ["(most)", "4", "1", "2", "7", ""]
    assert rows[2][:5] == ["'=ada", "0", "0", "0", "0"] and "relu: dx: " in rows[2][5]
    assert rows[2][5].startswith("conv1d, maxpool: It is not written yet.")
    assert rows[3] == ["Bäumer, Jörg_4711_assignsubmission_file", "4", "1", "2", "7", ""]


def test_nothing_in_one_submission_costs_the_class_its_grades(here, monkeypatch):
    unprintable = "def uar(*_):\n    raise ValueError('\\udc80\\0')\n"
    hangs = "while True:\n    pass\n"
    for name, text in {"a": unprintable, "e": hangs}.items():
        write(here / "class" / name, uar=text)
    write(here / "class" / "c")
    write(here / "class" / os.fsdecode(b"f\xff"))
    (here / "class" / "__MACOSX").mkdir()
    (here / "class" / "empty").mkdir()
    monkeypatch.setattr("minidann.coursework.__main__.Paper", functools.partial(Paper, seconds=1))
    done = command("grade", "class", "--lesson", "15", "--out", "g.csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((here / "g.csv").read_text("utf-8-sig").splitlines()))[1:]
    grades = {row["student"]: (row["uar"], row["notes"]) for row in rows}
    assert grades["a"][0] == "0" and r"ValueError: \udc80\x00, line 2" in grades["a"][1]
    assert grades["c"] == ("2", "") == grades[r"f\udcff"]
    assert grades["e"][0] == "0" and "takes more than 1 s" in grades["e"][1]
    assert grades["empty"] == ("", "it is empty")
    assert len(grades) == 5 and "not graded, or only in part (see the notes): empty" in done.stdout


def test_gradescope(here):
    write(here / "submission", relu=None)
    done = command("grade", "submission", "--gradescope", "results.json", *LESSONS)
    assert done.returncode == 0
    results = json.loads((here / "results.json").read_text())
    assert results["score"] == 6 == sum(test["score"] for test in results["tests"])
    assert [test["max_score"] for test in results["tests"]] == [4, 1, 2]
    assert "file is missing" in results["tests"][1]["output"]
    (here / "submission" / "relu.rar").write_bytes(b"Rar!")
    command("grade", "submission", "--gradescope", "results.json", *LESSONS)
    tests = json.loads((here / "results.json").read_text())["tests"]
    assert "score" not in tests[1] and "relu.rar" in tests[1]["output"]


def test_gradescope_shows_the_student_why_nothing_is_graded(here):
    (here / "empty").mkdir()
    for name in ("ada", "bob"):
        write(here / "class" / name)
    for folder, words in {
        "empty": "it is empty",
        "class": "conv1d is there 2 times (ada/conv1d.py, bob/conv1d.py): hand in one;",
    }.items():
        done = command("grade", folder, "--gradescope", f"{folder}.json", *LESSONS)
        result = json.loads((here / f"{folder}.json").read_text())
        assert done.returncode == 2 and words in done.stderr
        assert result["score"] == 0
        assert words in f"{result['output']} {result['tests'][0]['output']};"
    (here / "class" / "relu.py").write_text("")  # the nearest file to the top counts
    assert command("grade", "class", "--gradescope", "g.json", *LESSONS).returncode == 0


def test_earlier_grades_are_kept_and_what_is_missing_is_told_once(here):
    write(here / "class" / "ada", conv1d=None, maxpool=None)
    for i in range(2):
        done = command("grade", "class", *LESSONS, "--seed", str(i))
        (here / "grades.csv").touch()
        os.utime(here / "grades.csv", (i, i))
    assert "the earlier grades are now in grades-1970-01-01-" in done.stdout
    kept = sorted(here.glob("grades*.csv"))
    assert len(kept) == 2 and kept[0].read_bytes() == kept[1].read_bytes()
    row = list(csv.DictReader(kept[1].read_text("utf-8-sig").splitlines()))[1]
    assert row["notes"] == "conv1d, maxpool: The file is missing."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("check nowhere", "nowhere: there is no such folder"),
        ("check .", ".: it is empty; python -m minidann.coursework new"),
        ("grade nowhere", "nowhere: No such file or directory"),
        ("grade nowhere --gradescope g.json", "nowhere: there is no such folder"),
        ("grade .", "there are no folders in it"),
        ("new x --lesson 14", "invalid choice: 14 (choose from"),
        ("check x -k conv2d", "argument -k: invalid choice: 'conv2d' (choose from "),
        ("grade . --seed -1", "--seed -1: expected 0 or more"),
        ("check x -k relu --lesson 3", "-k relu: this is no exercise of this lesson"),
        ("grade . --out no/g.csv", "no/g.csv: the folder no is missing; make it, or name another"),
        ("grade . --gradescope no/g.json", "no/g.json: the folder no is missing"),
    ],
)
def test_mistakes_of_the_command_are_reported_in_one_line(arguments, message, here):
    done = command(*arguments.split())
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def check_printed(folder, capsys, name, text):
    """What `check` prints on an exercise with this text, and on stderr."""
    (folder / f"{name}.py").write_text(text)
    practice.check(handed_in.read(folder), select(None, name), 0)
    return capsys.readouterr()


def test_what_a_student_prints_is_shown(tmp_path, capsys):
    text = changed("relu", "return (", "print('x\\n' * 10**6)\n    return (")  # too much
    printed = check_printed(tmp_path, capsys, "relu", "print('hello')\n" + text).out
    assert "1 of 1 points" in printed and printed.count("it printed: hello") == 1
    assert printed.count("it printed") == practice.PRINTED
    found = practice.check(handed_in.read(tmp_path), select(None, "relu"), 0)
    students_ops, _ = practice.own_ops(handed_in.read(tmp_path), found)
    capsys.readouterr()
    students_ops.relu.backward(np.ones(2), np.ones(2))  # as --train does, often
    assert capsys.readouterr().out == ""


def test_an_endless_loop_is_reported_with_its_line(tmp_path, capsys, monkeypatch):
    text = changed("relu", "    return (np", "    i = 0\n    while i < 5:\n        i = 2 * i\n    "
                   "return (np")  # fmt: skip
    line = 1 + text.splitlines().index("    while i < 5:")
    paper = functools.partial(Paper, seconds=1)
    monkeypatch.setattr(practice, "Paper", paper)
    printed = check_printed(tmp_path, capsys, "relu", text)
    lines = [f"takes more than 1 s; it was in line {i} of backward" for i in (line, line + 1)]
    assert any(line in printed.out for line in lines)


def test_the_network_runs_on_a_students_layers():
    layers = [exercise for exercise in EXERCISES if exercise.is_op]
    texts = {exercise.name: right(exercise) for exercise in layers}
    texts["dropout"] = changed("dropout", "return x * mask", "return 0 * x")
    results = [judged(name, text) for name, text in texts.items()]
    assert all(result.state == "right" for result in results)
    students_ops, names = practice.own_ops(handed_in.Submission("x", texts), results)
    assert set(names) == set(texts) - {"dropout"}  # its forward was given, and is broken
    case = first_example(ops.conv_relu_maxpool, np.random.default_rng(0))
    outs = [o.conv_relu_maxpool.forward(*case[0], **case[1])[0] for o in (students_ops, ops)]
    np.testing.assert_allclose(*outs, atol=1e-12)
    assert students_ops.attention.forward.args[0].__module__ == "exercise_attention"


def test_pytest_has_a_test_for_each_part(tmp_path):
    wrong = changed("dense", "dout @ w.T", "-dout @ w.T", "dout.sum(axis=0)", "dout[0]")
    folder = write(tmp_path / "x", dense=wrong, relu="def backward(*_):\n    raise "
                   "NotImplementedError\n\nforward = backward\n")  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "minidann.coursework", "-q", "-rN",
         f"--impl={folder}", "-k", "conv1d or relu or dense"],
        cwd=tmp_path, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "3 failed, 5 passed" in found and "not written" in found, found
    assert found.count("  dx: ") == 1 == found.count("  db: ")  # each under its own test


def test_grading_ends_with_what_was_graded(here, monkeypatch):
    """Ctrl-C: the table keeps the rows that are there, and says who is not graded."""
    for name in ("a", "b"):
        write(here / "class" / name)

    def stopped(places, paper):
        yield places[0], grading.grade(places[0], paper)
        raise KeyboardInterrupt

    monkeypatch.setattr(grading, "grade_all", stopped)
    done = command("grade", "class", "--lesson", "15")
    assert done.returncode == 130 and "says who is not graded" in done.stderr
    rows = list(csv.DictReader((here / "grades.csv").read_text("utf-8-sig").splitlines()))
    assert [row["total"] for row in rows] == ["4", "4", ""]
