"""The report from outside: what it runs and leaves, and what a kill, a Ctrl-C, a failure costs."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import call

from minidann.console import UserError
from minidann.ops import parallel
from minidann.report import __main__ as command
from minidann.report import launch, ledger
from minidann.run import store

FIGURE = "figure3-arousal.png"


@pytest.fixture(autouse=True)
def pause(monkeypatch):
    monkeypatch.setattr(launch, "PAUSE", 0.05)


@pytest.fixture(scope="module")
def flags(corpora):
    return [*corpora, "--epochs", 3]


def models_of(out):
    return {run.name: (run / "model.npz").read_bytes() for run in (out / "runs").iterdir()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def wait_for(condition, process=None, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until and (process is None or process.poll() is None)
        time.sleep(0.01)


def log_of(out):
    (log,) = (out / "logs").iterdir()
    return log.read_text()


# Real reports


@pytest.fixture(scope="module")
def whole(flags, tmp_path_factory):
    """Figure 3 of two seeds, undisturbed: its folder, and what was printed."""
    out = tmp_path_factory.mktemp("reports") / "whole"
    done = call("report", "figure3", *flags, "--seeds", 2, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    return out, done.stdout


def test_a_figure_from_nothing(whole):
    out, printed = whole
    lines = printed.splitlines()
    assert lines[0].startswith("runs missing: 2; at a time: ")
    assert [line.split()[0] for line in lines[1:3]] == ["1/2", "2/2"]
    assert lines[3] == str(out / FIGURE)
    assert lines[4].endswith("for 2 runs and what is made of them") and len(lines) == 5
    made = names(out / "runs")
    assert len(made) == 2 and names(out / "logs") == [f"{name}.log" for name in made]
    assert names(out) == [FIGURE, "logs", "runs", "runs.csv"]
    assert all((out / "runs" / name / "metrics.json").is_file() for name in made)
    assert (out / FIGURE).read_bytes().startswith(b"\x89PNG")


def test_ctrl_c_stops_the_run_and_the_same_command_goes_on(whole, flags, tmp_path):
    asked = ["figure3", *flags, "--seeds", 1, "--out", tmp_path]
    process = subprocess.Popen(
        [sys.executable, "-m", "minidann.report", *map(str, asked)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell that starts the tests in the background has its jobs ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    wait_for(lambda: list(tmp_path.glob("runs/*/checkpoint.npz")), process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "stopped; the same command goes on\n")
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "checkpoint.npz").is_file() and not (run / "metrics.json").exists()
    assert "stopped; the same command with --resume goes on" in log_of(tmp_path)
    assert not (tmp_path / FIGURE).exists()
    done = call("report", *asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert "goes on after epoch" in log_of(tmp_path)
    assert (tmp_path / FIGURE).is_file() and not list(tmp_path.rglob("*.tmp"))
    assert models_of(tmp_path).items() <= models_of(whole[0]).items()


def test_it_waits_for_a_run_that_a_killed_report_left_at_work(flags, tmp_path):
    asked = ["figure3", *flags, "--seeds", 1, "--out", tmp_path]
    words = shlex.split(call("report", *asked, "--list").stdout)
    run = Path(words[words.index("--out") + 1])
    words = [sys.executable, "-m", "minidann.report", *map(str, asked)]
    with store.hold(run):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        log = tmp_path / "logs" / f"{run.name}.log"
        wait_for(lambda: log.exists() and "is at work here; waiting" in log.read_text(), process)
        assert not names(run)
    assert process.wait(timeout=60) == 0 and (run / "metrics.json").is_file()


@pytest.fixture(scope="module")
def by_hand(flags, tmp_path_factory):
    """A sweep whose runs were made from the printed list: its command and its folder."""
    out = tmp_path_factory.mktemp("reports") / "by hand"
    grid = ["--alphas", 0.5, "--betas", 1, "--modes", "bn1", "--schedules", "constant"]
    asked = ["report", "sweep", *flags, *grid, "--seeds", 1, "--out", out]
    printed = call(*asked, "--list").stdout.splitlines()
    assert len(printed) == 2 and not out.exists()
    for line in printed:
        assert call("train", *shlex.split(line)[3:]).returncode == 0
    assert names(out) == ["runs"] and len(names(out / "runs")) == 2
    return asked, out


def test_runs_made_by_hand_from_the_list_are_those_of_the_report(by_hand, whole):
    asked, out = by_hand
    assert call(*asked, "--list").stdout == ""
    times = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*")}
    done = call(*asked)
    assert (done.returncode, done.stderr) == (0, "") and "missing" not in done.stdout
    files = [str(out / f"sweep-arousal.{suffix}") for suffix in ("md", "csv")]
    assert done.stdout.splitlines()[:2] == files
    assert {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*")} == times
    assert "seed 0, 3 epochs; --batch-size 8" in Path(files[0]).read_text()
    (same,) = models_of(out).keys() & models_of(whole[0]).keys()
    assert models_of(out)[same] == models_of(whole[0])[same]


def test_what_is_wrong_with_the_corpora_is_one_error_before_any_run(flags, tmp_path, monkeypatch):
    """A recording that cannot be read, and a folder that is not there."""
    monkeypatch.setattr(launch, "launch", None)
    where = dict(zip(flags, flags[1:]))
    source, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(os.path.dirname(where["--source"].partition(":")[2]), source)
    (source / "7.wav").write_bytes(b"RIFF")
    table = f"csv:{source / 'table.csv'}"
    done = call("report", "table2", *flags, "--source", table, "--out", out)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert lines[0] == f"error: {table}: 1 thing is wrong"
    assert done.stderr.count("7.wav") == 1 and "--skip-bad" in lines[-1]
    nowhere = [*flags, "--target", f"csv:{tmp_path / 'nowhere.csv'}", "--out", out]
    done = call("report", "all", *nowhere, "--seeds", 1)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("nowhere.csv") == done.stderr.count("\n") == 1
    done = call("report", "table2", *nowhere, "--list")  # which reads nothing
    assert done.stdout.count("-m minidann.train") == 4 * 4 * 5
    assert not out.exists()


def test_the_corpora_are_prepared_once_and_not_where_nothing_is_missing(
    by_hand, flags, tmp_path, monkeypatch
):
    prepared = []
    monkeypatch.setattr(command.setup, "prepare", lambda *args: prepared.append(args))
    monkeypatch.setattr(launch, "launch", lambda *_: None)
    monkeypatch.setattr(command.Results, "corpora", lambda *_: [])
    monkeypatch.setattr(command, "made", lambda *_: {})
    monkeypatch.setattr(ledger, "write", lambda *_: None)
    assert call(*by_hand[0]).returncode == 0 and prepared == []
    assert call("report", "table1", *flags, "--seeds", 2, "--out", tmp_path).returncode == 0
    ((choices, places, cache, skip_bad),) = prepared
    assert choices.model != "mono" and len(set(places)) == 2 and not skip_bad
    assert str(cache) in flags


WRONG = {
    "table2 --seeds 3-1": "argument --seeds: invalid seeds value: '3-1'",
    "table2 --source csv:a.csv": "--source and --target go together, without",
    "table2 --recola R": "give both --recola and --iemocap, or neither",
    "table2 --epochs 0": "--epochs 0: expected 1 to 100000",
    "table4": "table4",
    "": "the following arguments are required: COMMAND",
    "doctor nowhere": "nowhere/config.json: not found; is nowhere a run's folder?",
    "sweep --betas 1 0": "--betas: expected numbers above 0",
    "sweep --betas -1": "--betas: expected numbers above 0",
}


def test_wrong_flags_are_an_error_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for flags, message in WRONG.items():
        done = call("report", *flags.split())
        assert (done.returncode, done.stdout) == (2, ""), flags
        assert done.stderr.startswith("error: ") and message in done.stderr, flags
        assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n")
    assert names(tmp_path) == []


# Launching, without training: runs that are a few lines of Python


@dataclass(frozen=True)
class Fake:
    """A run that executes `code` in Python, with its folder's path as `out`."""

    out: Path
    code: str

    @property
    def finished(self):
        return (self.out / "metrics.json").is_file()

    @property
    def arguments(self):
        first = (
            f"import os, signal, sys, time; from pathlib import Path; out = Path({str(self.out)!r})"
        )
        return ["-c", f"{first}; out.mkdir(parents=True, exist_ok=True)\n{self.code}"]


GOOD = "(out / 'metrics.json').write_text(os.environ['OMP_NUM_THREADS'])"


def fakes(tmp_path, *codes):
    return [Fake(tmp_path / "runs" / f"run{i}", code) for i, code in enumerate(codes)]


def test_a_failure_ends_the_report_and_the_same_command_goes_on(tmp_path):
    """The run beside it gets Ctrl-C, and no other is begun."""
    printed = []
    bad = "print('it begins'); print('error: no good'); sys.exit(2)"
    slow = "(out / 'here').touch(); time.sleep(60)"
    bad = f"while not (out.parent / 'run2' / 'here').exists(): time.sleep(0.02)\n{bad}"
    began = time.monotonic()
    runs = fakes(tmp_path, GOOD, bad, slow, GOOD)
    with pytest.raises(UserError) as error:
        launch.launch(runs, 2, printed.append)
    assert str(error.value) == f"run1: no good (see {tmp_path / 'logs' / 'run1.log'})"
    assert [run.finished for run in runs] == [True, False, False, False]
    assert not runs[3].out.exists() and time.monotonic() - began < 40
    assert len(printed) == 2 and printed[1].startswith("1/4  run0  (")


def test_the_signal_that_ended_a_run_is_named(tmp_path):
    with pytest.raises(UserError, match="run0: ended by SIGKILL; the same command goes on"):
        launch.launch(fakes(tmp_path, "os.kill(os.getpid(), 9)"), 1, lambda line: None)


def test_there_are_no_more_jobs_than_runs(tmp_path, monkeypatch):
    """So each has all the cores there are for it."""
    monkeypatch.setattr(parallel, "threads", lambda: 12)
    two, printed = fakes(tmp_path, GOOD, GOOD), []
    launch.launch(two, 9, printed.append)
    assert printed[0] == "runs missing: 2; at a time: 2; threads of each: 6"
    assert [(run.out / "metrics.json").read_text() for run in two] == ["6", "6"]


@pytest.mark.parametrize("ends", [KeyboardInterrupt, BrokenPipeError])
def test_whatever_ends_a_report_its_runs_get_ctrl_c_and_are_waited_for(tmp_path, ends):
    """`say` raises, as a closed pipe does, when the first run is done."""
    rest = """
signal.signal(signal.SIGINT, lambda *_: (out / "stopped").touch() or sys.exit(0))
(out / "here").touch()
time.sleep(60)
"""
    first = """
while not all((out.parent / f"run{i}" / "here").exists() for i in (1, 2)): time.sleep(0.02)
(out / "metrics.json").write_text("{}")
"""
    three = fakes(tmp_path, first, rest, rest)

    def say(line):
        if line.startswith("1/"):
            raise ends("over")

    began = time.monotonic()
    with pytest.raises(ends) as error:
        launch.launch(three, 3, say)
    assert time.monotonic() - began < 40
    assert all((run.out / "stopped").exists() for run in three[1:])
    stopped = "stopped; the same command goes on"
    assert str(error.value) == (stopped if ends is KeyboardInterrupt else "over")
