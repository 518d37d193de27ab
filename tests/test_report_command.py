"""The report from outside: what it runs and leaves, and what a kill, a Ctrl-C, a failure costs."""

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from minidann import console
from minidann.console import UserError
from minidann.ops import parallel
from minidann.report import __main__ as command
from minidann.report import launch
from minidann.run import store

SEED0 = "none-batch_size-8-epochs-2-seed0"  # how the names of the first seed's runs end
FILES = ("table2.md", "table2.csv", "table2.png")


def begin(*args):
    """A report, in a process group of its own: what kills that leaves its runs alive."""
    return subprocess.Popen(
        [sys.executable, "-m", "minidann.report", *map(str, args)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # A shell that starts the tests in the background has its jobs ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def end(process, seconds=240):
    """Its exit code and what it said; a report that hangs is killed."""
    try:
        out, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def report(*args):
    return end(begin(*args))


def left(out, files=FILES):
    return {name: (out / name).read_bytes() for name in files}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def children(pid):
    """The processes that `pid` began."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True)
    pairs = [line.split() for line in table.stdout.splitlines()]
    return [int(child) for child, parent in pairs if parent == str(pid)]


def alive(pid):
    """Whether a process is there and no zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


@pytest.fixture(scope="module")
def flags(corpora):
    return [*corpora, "--epochs", 2]


@pytest.fixture(scope="module")
def whole(flags, tmp_path_factory):
    """Table 2 of two seeds, undisturbed: its folder, and what was said."""
    out = tmp_path_factory.mktemp("reports") / "whole"
    done = report("table2", *flags, "--seeds", 2, "--out", out)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


@pytest.fixture(scope="module")
def first(whole, flags, tmp_path_factory):
    """The same of the first seed alone: the files that every disturbed report must end in."""
    out = tmp_path_factory.mktemp("reports") / "first"
    shutil.copytree(whole[0] / "runs", out / "runs")
    done = report("table2", *flags, "--seeds", 1, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "missing" not in done.stdout
    return left(out)


def some_missing(whole, out, missing):
    """A copy of the runs of `whole`, without those of which a name has one of `missing` in it."""
    shutil.copytree(whole[0] / "runs", out / "runs")
    gone = [path for path in (out / "runs").iterdir() if any(name in path.name for name in missing)]
    for path in gone:
        shutil.rmtree(path)
    return sorted(path.name for path in gone)


def test_a_table_from_nothing(whole):
    out, said = whole
    lines = said.splitlines()
    jobs = os.cpu_count() if not hasattr(os, "sched_getaffinity") else len(os.sched_getaffinity(0))
    assert lines[0].startswith("16 of 16 runs are missing; ")
    jobs = min(jobs, 16)
    if "OMP_NUM_THREADS" not in os.environ and jobs > 8:
        assert lines[0].endswith(f"{jobs} at a time, 1 threads each")
    assert [line.split()[0] for line in lines[1:17]] == [f"{i}/16" for i in range(1, 17)]
    assert lines[17:20] == [str(out / name) for name in FILES]
    assert lines[20].endswith("for 16 runs and what is made of them") and len(lines) == 21
    made = names(out / "runs")
    assert len(made) == 16 and names(out / "logs") == [f"{name}.log" for name in made]
    assert names(out) == sorted(["logs", "runs", *FILES])
    assert all((out / "runs" / name / "metrics.json").is_file() for name in made)
    text = (out / "table2.md").read_text()
    assert "seeds 0 to 1, 2 epochs; --batch-size 8" in text
    assert (out / "table2.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_call_runs_nothing_and_writes_the_same_bytes(whole, flags):
    out, _ = whole
    before = left(out)
    times = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*")}
    for name in FILES:
        (out / name).unlink()
    done = report("table2", *flags, "--seeds", 2, "--out", out)
    assert done.returncode == 0 and done.stderr == ""
    assert "missing" not in done.stdout
    assert left(out) == before
    assert {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*")} == times


def test_runs_made_by_hand_from_the_list_are_what_the_report_would_have_run(
    whole, first, flags, tmp_path
):
    out = tmp_path / "by hand"
    gone = some_missing(whole, out, [f"2csv-b-arousal-our-{SEED0}", f"2csv-a-valence-base-{SEED0}"])
    assert len(gone) == 2
    asked = ["table2", *flags, "--seeds", 1, "--out", out]
    done = report(*asked, "--list")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    assert names(out) == ["runs"]
    commands = [shlex.split(line) for line in done.stdout.splitlines()]
    assert sorted(line[line.index("--out") + 1] for line in commands) == [
        str(out / "runs" / name) for name in gone
    ]
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(by_hand, commands))
    assert codes == [0, 0]
    assert report(*asked, "--list").stdout == ""
    done = report(*asked)
    assert done.returncode == 0 and "missing" not in done.stdout
    assert left(out) == first
    for name in gone:
        model = (out / "runs" / name / "model.npz").read_bytes()
        assert model == (whole[0] / "runs" / name / "model.npz").read_bytes()


def by_hand(line):
    assert line[0] == "python"
    return subprocess.run([sys.executable, *line[1:]], capture_output=True, timeout=120).returncode


def disturbed(asked, out, kills, rng, *, with_runs, seconds):
    """Begin a report, kill it at a random moment, begin it again, and so on, `kills` times."""
    struck = 0
    for _ in range(kills):
        process = begin(*asked)
        with suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.3, seconds))
        its_own = children(process.pid) if with_runs else []
        struck += process.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for child in its_own:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.communicate()
    done = report(*asked)
    assert done.returncode == 0, done.stderr
    assert not list((out / "runs").rglob("*.tmp"))
    return struck


def test_a_report_that_is_killed_goes_on_and_its_runs_never_stopped(whole, first, flags, tmp_path):
    out = tmp_path / "killed"
    assert len(some_missing(whole, out, [f"arousal-our-{SEED0}", f"valence-base-{SEED0}"])) == 4
    asked = ["table2", *flags, "--seeds", 1, "--out", out]
    rng = random.Random(0)
    assert disturbed(asked, out, 3, rng, with_runs=False, seconds=4) >= 1
    assert left(out) == first
    assert len(names(out / "runs")) == 16 and len(names(out / "logs")) == 4


def test_a_report_that_is_killed_with_its_runs_goes_on(whole, first, flags, tmp_path):
    out = tmp_path / "killed"
    assert len(some_missing(whole, out, [f"arousal-base-{SEED0}"])) == 2
    asked = ["table2", *flags, "--seeds", 1, "--out", out]
    assert disturbed(asked, out, 2, random.Random(1), with_runs=True, seconds=4) >= 1
    assert left(out) == first


def test_ctrl_c_stops_the_runs_and_the_same_command_goes_on(corpora, tmp_path):
    out = tmp_path / "stopped"
    asked = ["figure3", *corpora, "--epochs", 15, "--seeds", 2, "--jobs", 2, "--out", out]
    process = begin(*asked)
    wait_for(lambda: len(list(out.glob("runs/*/history.csv"))) == 2, process)
    its_own = children(process.pid)
    assert len(its_own) == 2
    process.send_signal(signal.SIGINT)
    done = end(process, 60)
    assert done.returncode == 130
    assert done.stderr == "stopped; the same command goes on\n"
    assert not any(alive(child) for child in its_own)
    for run in (out / "runs").iterdir():
        assert (run / "checkpoint.npz").is_file() and not (run / "metrics.json").exists()
        assert "stopped; the same command with --resume goes on" in log_of(out, run.name)
    assert not (out / "figure3-arousal.png").exists()
    done = report(*asked)
    assert done.returncode == 0, done.stderr
    assert (out / "figure3-arousal.png").is_file()
    for run in (out / "runs").iterdir():
        assert "goes on after epoch" in log_of(out, run.name)


def wait_for(condition, process, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)


def log_of(out, name):
    return (out / "logs" / f"{name}.log").read_text()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_fails_is_named_with_its_reason_and_what_was_begun_is_finished(
    whole, flags, tmp_path, jobs
):
    out = tmp_path / "failing"
    gone = some_missing(whole, out, [f"2csv-b-valence-our-{SEED0}", f"2csv-a-valence-our-{SEED0}"])
    bad, good = gone  # csv-a to csv-b comes first
    (out / "runs" / bad).mkdir()
    (out / "runs" / bad / "notes.txt").write_text("somebody else's")
    done = report("table2", *flags, "--seeds", 1, "--jobs", jobs, "--out", out)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {bad}: {out / 'runs' / bad}: not empty, and no run's folder (it holds notes.txt); "
        f"choose another --out (see {out / 'logs' / bad}.log)\n"
    )
    assert "2 of 8 runs are missing" in done.stdout
    assert (out / "runs" / good / "metrics.json").is_file() == (jobs == 2)
    assert (out / "runs" / good).exists() == (good in done.stdout) == (jobs == 2)
    assert not (out / "table2.md").exists()


def test_a_recording_that_cannot_be_read_is_named(flags, tmp_path):
    """The report says which recording it is, once, before any run."""
    where = {flag: value for flag, value in zip(flags, flags[1:])}
    source = tmp_path / "source"
    shutil.copytree(os.path.dirname(where["--source"].partition(":")[2]), source)
    (source / "7.wav").write_bytes(b"RIFF")
    asked = [*flags, "--source", f"csv:{source / 'table.csv'}", "--out", tmp_path / "out"]
    done = report("table2", *asked, "--seeds", 2)
    assert (done.returncode, done.stdout) == (2, "")
    first = done.stderr.splitlines()[0]
    assert first == f"error: csv:{source / 'table.csv'}: 1 thing is wrong"
    assert done.stderr.count("7.wav") == 1 and "Traceback" not in done.stderr
    assert "--skip-bad" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_wrong_folder_is_one_error_and_no_run_is_begun(flags, tmp_path, monkeypatch, capsys):
    def never(*_):
        raise AssertionError("runs were begun")

    monkeypatch.setattr(launch, "launch", never)
    wrong = [*flags, "--target", f"csv:{tmp_path / 'nowhere.csv'}", "--out", tmp_path / "out"]
    ours = {
        "table1": "table1 --seeds 2", "sweep": "sweep --seeds 1", "all": "all --seeds 1",
    }  # fmt: skip
    for name, line in ours.items():
        monkeypatch.setattr("sys.argv", ["report", *line.split(), *map(str, wrong)])
        with pytest.raises(UserError) as error:
            command.main()
        assert str(error.value).count("nowhere.csv") == 1, name
        assert "\n" not in str(error.value)
    assert capsys.readouterr().out == "" and names(tmp_path) == []
    monkeypatch.setattr("sys.argv", ["report", "table2", *map(str, wrong), "--list"])
    command.main()  # which reads nothing
    assert capsys.readouterr().out.count("-m minidann.train") == 2 * 4 * 5


def test_the_corpora_are_prepared_once_and_not_where_nothing_is_missing(
    whole, flags, tmp_path, monkeypatch, capsys
):
    prepared = []
    monkeypatch.setattr(command.setup, "prepare", lambda *args: prepared.append(args))
    monkeypatch.setattr(launch, "launch", lambda *_: None)
    monkeypatch.setattr(command, "write", lambda *_: [])
    here = [*map(str, flags), "--seeds", "2"]
    monkeypatch.setattr("sys.argv", ["report", "table2", *here, "--out", str(whole[0])])
    command.main()
    assert prepared == []
    monkeypatch.setattr("sys.argv", ["report", "table1", *here, "--out", str(tmp_path)])
    command.main()
    ((choices, places, cache, skip_bad),) = prepared
    assert choices.model != "mono" and len(set(places)) == 2 and not skip_bad
    assert str(cache) in here


# Launching, without training: runs that are a few lines of Python


@dataclass(frozen=True)
class Fake:
    """A run that executes `code` in Python, with its folder's path as `out`."""

    out: Path
    code: str = "(out / 'metrics.json').write_text('{}')"

    @property
    def finished(self):
        return (self.out / "metrics.json").is_file()

    @property
    def arguments(self):
        first = (
            f"import os, signal, sys, time; from pathlib import Path; out = Path({str(self.out)!r})"
        )
        return ["-c", f"{first}; out.mkdir(parents=True, exist_ok=True)\n{self.code}"]


def fakes(tmp_path, *codes):
    return [
        Fake(tmp_path / "runs" / f"run{i}", *([code] if code else []))
        for i, code in enumerate(codes)
    ]


def test_after_a_failure_no_other_run_is_begun(tmp_path):
    bad = "print('it begins'); print('error: no good'); sys.exit(2)"
    three = fakes(tmp_path, None, bad, None)
    said = []
    with pytest.raises(UserError) as error:
        launch.launch(three, 1, said.append)
    assert str(error.value) == f"run1: no good (see {tmp_path / 'logs' / 'run1.log'})"
    assert names(tmp_path / "runs") == ["run0", "run1"] and three[0].finished
    assert len(said) == 2 and said[1].startswith("1/3  run0  (")


def test_equal_reasons_are_one_line_with_a_count(tmp_path):
    # All three are begun before the first ends.
    bad = "time.sleep(1.5); print('error: the disk is full'); sys.exit(2)"
    failing = "time.sleep(1.5); print('error: another'); sys.exit(2)"
    with pytest.raises(UserError) as error:
        launch.launch(fakes(tmp_path, bad, failing, bad, bad), 4, lambda line: None)
    alone, together = sorted(str(error.value).splitlines(), key=lambda line: "full" in line)
    assert alone.startswith("run1: another (see ")
    assert re.match(r"run[023] and 2 more: the disk is full \(see ", together)  # who ends first


def test_a_run_that_a_signal_ended_says_which(tmp_path):
    with pytest.raises(UserError, match="run0: ended by SIGKILL; the same command goes on"):
        launch.launch(fakes(tmp_path, "os.kill(os.getpid(), 9)"), 1, lambda line: None)


def test_there_are_no_more_jobs_than_runs(tmp_path, monkeypatch):
    """So each has all the cores there are for it."""
    monkeypatch.setattr(parallel, "threads", lambda: 12)
    code = "(out / 'metrics.json').write_text(os.environ['OMP_NUM_THREADS'])"
    three = fakes(tmp_path, code, code, None)
    three[2].out.mkdir(parents=True)
    (three[2].out / "metrics.json").write_text("there")
    said = []
    launch.launch(three, 9, said.append)
    assert said[0] == "2 of 3 runs are missing; 2 at a time, 6 threads each"
    assert [(run.out / "metrics.json").read_text() for run in three] == ["6", "6", "there"]


def test_it_says_once_that_it_waits_for_others(tmp_path):
    """A run that another process is at work on is waited for, not begun."""
    (run,) = fakes(tmp_path, "raise SystemExit('begun')")
    said, waits = [], threading.Event()

    def say(line):
        said.append(line)
        if "waits" in line:
            waits.set()

    def hold_it():
        with store.hold(run.out):
            (run.out / "here").touch()
            waits.wait(30)
            time.sleep(4 * launch.PAUSE)  # it looks again, and says no more
            (run.out / "metrics.json").write_text("{}")

    thread = threading.Thread(target=hold_it)
    thread.start()
    while not (run.out / "here").exists():
        time.sleep(0.01)
    launch.launch([run], 1, say)
    thread.join()
    assert said[1:] == ["waits for 1 runs that other processes are at work on"]
    assert not (tmp_path / "logs").exists()


def test_a_run_that_lost_its_folder_to_another_report_has_not_failed(tmp_path):
    """Both began it at once and write the same log: what the loser said there is gone."""
    code = """
(out / "here").touch()
while not (out / "taken").exists(): time.sleep(0.02)
print("epoch 1, by somebody else"); sys.exit(2)
"""
    (run,) = fakes(tmp_path, code)

    def winner():
        while not (run.out / "here").exists():
            time.sleep(0.01)
        with store.hold(run.out):
            (run.out / "taken").touch()
            time.sleep(1.5)
            (run.out / "metrics.json").write_text("{}")

    thread = threading.Thread(target=winner)
    thread.start()
    try:
        launch.launch([run], 1, lambda line: None)
    finally:
        thread.join()
    assert run.finished


@pytest.mark.parametrize("ends", [KeyboardInterrupt, MemoryError, BrokenPipeError])
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


def test_two_reports_at_once_in_one_folder_share_the_work(whole, first, flags, tmp_path):
    out = tmp_path / "both"
    assert len(some_missing(whole, out, [f"valence-our-{SEED0}"])) == 2
    asked = ["table2", *flags, "--seeds", 1, "--jobs", 1, "--out", out]
    both = [begin(*asked), begin(*asked)]
    for done in [end(process) for process in both]:
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert left(out) == first
    assert not list(out.rglob("*.tmp"))
    assert len(names(out / "logs")) == 2


WRONG = {
    "--seeds 0": ["table2", "--seeds", "0"],
    "--seeds 3-1": ["table2", "--seeds", "3-1"],
    "--seeds 1001": ["table2", "--seeds", "1001"],
    "--jobs 0": ["table2", "--jobs", "0"],
    "--source alone": ["table2", "--source", "csv:a.csv"],
    "--recola alone": ["table2", "--recola", "R"],
    "--epochs 0": ["table2", "--epochs", "0"],
    "unknown command": ["table4"],
    "no command": [],
    "no such run": ["doctor", "nowhere"],
    "--betas 0": ["sweep", "--betas", "0"],
}
SAYS = {
    "--seeds 0": "argument --seeds: '0': expected a count, or first-last such as 5-9",
    "--seeds 3-1": "argument --seeds: '3-1': expected a count, or first-last such as 5-9",
    "--seeds 1001": "argument --seeds: '1001': expected a count, or first-last such as 5-9",
    "--jobs 0": "argument --jobs: '0': expected 1 or more",
    "--source alone": "--source and --target go together: give both",
    "--recola alone": "--recola is given and --iemocap is not",
    "--epochs 0": "--epochs 0: expected 1 to 100000",
    "unknown command": "table4",
    "no command": "the following arguments are required: COMMAND",
    "no such run": "nowhere/config.json: not found; is nowhere a run's folder?",
    "--betas 0": "--betas: expected numbers above 0",
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_flags_are_an_error_in_one_line(what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["report", *WRONG[what]])
    with pytest.raises(SystemExit) as ended:
        console.run(command.main)
    assert ended.value.code == 2
    out, errors = capsys.readouterr()
    assert out == "" and names(tmp_path) == []
    assert errors.startswith("error: ") and SAYS[what] in errors
    assert errors.count("\n") == 1 and errors.endswith("\n")


def test_the_command_itself_ends_as_the_tests_above_say():
    done = report("table2", "--seeds", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: argument --seeds") and done.stderr.count("\n") == 1
