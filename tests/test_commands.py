"""The commands from outside: what they print, what they leave, what a kill costs."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from conftest import call

import minidann
from minidann import choices, console, predict, train
from minidann.choices import SELECTION
from minidann.console import UserError
from minidann.corpora import parse
from minidann.measure.metrics import uars
from minidann.ops import parallel
from minidann.run import store
from minidann.run.evaluation import HISTORY
from minidann.run.outcome import SPEAKERS


def command(module, *args):
    return [sys.executable, "-m", f"minidann.{module}", *map(str, args)]


def succeed(*args, **environment):
    """A command that ends well."""
    done = call(*args, **environment)
    assert done.returncode == 0, done.stderr
    return done


def killed(*_):
    raise KeyboardInterrupt


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(corpora, tmp_path_factory):
    """A finished run of four epochs: its folder and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    done = subprocess.run(
        command("train", *corpora, "--epochs", 4, "--out", out), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_what_training_prints(run):
    _, text = run
    lines = text.splitlines()
    assert "source  table (your own, not stated): 48 utterances, 5 speakers" in lines[0]
    assert "arousal low 24, high 24" in lines[0]
    epochs = [line for line in lines if "left" in line]
    assert [line.split()[1] for line in epochs] == ["1/4", "2/4", "3/4", "4/4"]
    assert all("target_dev_uar 0." in line for line in epochs)
    assert "0:00 left" in epochs[-1]
    assert "test UAR" in text
    assert "95% interval over 5 speakers" in text
    assert "epoch selected by labels of the target, 18 utterances" in lines[-1]


def test_run_folder(run):
    out, text = run
    assert {path.name for path in out.iterdir()} == {
        "config.json", "history.csv", "checkpoint.npz", "model.npz", "metrics.json",
        "curves.png", "features.png", "confusion.png", "speakers.csv",
        "predictions.csv", "features.npz",
    }  # fmt: skip
    config = json.loads((out / "config.json").read_text())
    assert config["choices"]["alpha"] == 0.5
    assert config["choices"]["l1"] == config["choices"]["l2"] == 0
    assert config["corpora"]["target"]["utterances"] == 60
    assert config["corpora"]["source"]["threshold"] == 0
    assert {"model.FILTERS": 200, "run.splits.SOURCE_VAL": 0.1}.items() <= (
        config["constants"].items()
    )
    assert config["versions"].keys() >= {"minidann", "numpy", "scipy", "soundfile"}
    rows = read_csv(out / "history.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert tuple(rows[0]) == HISTORY
    metrics = metrics_of(out)
    assert metrics["test"]["n"] == 42
    assert np.sum(metrics["test"]["confusion"]) == 42
    assert f"test UAR {100 * metrics['test']['uar']:.1f} %" in text
    uars_on_dev = [float(row["target_dev_uar"]) for row in rows]
    assert uars_on_dev[metrics["best_epoch"] - 1] == max(uars_on_dev)
    low, high = metrics["test"]["ci95"]
    assert low <= metrics["test"]["uar"] <= high
    rows = read_csv(out / "speakers.csv")
    assert tuple(rows[0]) == SPEAKERS
    assert list(dict.fromkeys(row["selected_by"] for row in rows)) == list(SELECTION)
    for criterion, selected in metrics["selected_by"].items():
        both = [row for row in rows if row["selected_by"] == criterion]
        here, shared = ([row for row in both if row["threshold"] == t] for t in ("half", "share"))
        matched = np.sum([[int(row[name]) for name in SPEAKERS[-4:]] for row in shared], axis=0)
        assert uars(matched.reshape(2, 2)) == pytest.approx(selected["share_matched_uar"])
        assert 0 <= selected["auc"] <= 1
        assert [row["speaker"] for row in here] == ["s0", "s1", "s2", "s3", "s4"]
        assert {(row["epoch"], row["statistics"]) for row in here} == {
            (str(selected["epoch"]), "own")
        }
        counts = np.sum([[int(row[name]) for name in SPEAKERS[-4:]] for row in here], axis=0)
        uar = uars(counts.reshape(2, 2))
        assert uar == pytest.approx(selected["test_uar"])
        if criterion == "target":
            assert counts.tolist() == np.ravel(metrics["test"]["confusion"]).tolist()
            assert uar == pytest.approx(metrics["test"]["uar"])
    assert f"mutual information on the target: {100 * selected['test_uar']:.1f} %" in text
    assert all(0 <= metrics["distance"][when] <= 2 for when in ("before", "after"))
    groups, about = store.read_arrays(out / "features.npz")
    shapes = {name: array.shape for name, array in groups["features"].items()}
    assert shapes == {"points": (84, 2), "domains": (84,), "emotions": (84,)}
    assert len(about["shares"]) == 2
    for name in ("curves", "features", "confusion"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("how, after", [(signal.SIGINT, 1), (signal.SIGKILL, 3)])
def test_stopped_and_resumed_is_the_same_to_the_byte(run, corpora, tmp_path, how, after):
    whole, _ = run
    flags = [*corpora, "--epochs", 4, "--out", tmp_path / "run"]
    process = subprocess.Popen(
        command("train", *flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell that starts the tests in the background has its jobs ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith(f"epoch  {after}/4"):
            break
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert not (tmp_path / "run" / "model.npz").exists()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert errors == "stopped; the same command with --resume goes on\n"
    resumed = call("train", *flags, "--resume", OMP_NUM_THREADS=str(after))  # on other threads
    assert resumed.returncode == 0, resumed.stderr
    assert "goes on after epoch" in resumed.stdout
    for name in ("model.npz", "speakers.csv", "features.npz"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes(), name
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        path.name for path in whole.iterdir()
    }


def test_stopped_while_it_is_tested_it_needs_no_training(corpora, tmp_path, monkeypatch):
    """A kill before `metrics.json`: --resume has only the test and the figures to do."""
    flags = [*corpora, "--epochs", "2", "--out", str(tmp_path / "run")]

    with monkeypatch.context() as patched:
        patched.setattr("minidann.run.outcome.draw", killed)
        assert call("train", *flags).returncode == 130
    assert not (tmp_path / "run" / "metrics.json").exists()
    (tmp_path / "run" / ".model.npz.1.tmp").write_bytes(b"half of a model")
    monkeypatch.setattr("minidann.training.train_epoch", killed)
    resumed = succeed("train", *flags, "--resume")
    assert "goes on after epoch 2 of 2" in resumed.stdout
    assert not list((tmp_path / "run").glob(".*"))
    (tmp_path / "run" / "epochs").mkdir()  # as where a kill came between the last two steps
    again = succeed("train", *flags, "--resume")
    assert "this run is done" in again.stdout and "test UAR" in again.stdout
    assert not (tmp_path / "run" / "epochs").exists()


def test_a_run_waits_for_another_process_in_its_folder(corpora, tmp_path):
    out = tmp_path / "run"
    waiting = command("train", *corpora, "--epochs", 1, "--out", out)
    with store.hold(out), open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(waiting, stdout=log)
        while "another process is at work here" not in (tmp_path / "log").read_text():
            time.sleep(0.1)
        assert not (out / "config.json").exists()
    assert process.wait(timeout=60) == 0 and (out / "metrics.json").exists()


def test_several_runs_may_fill_one_cache_at_once(run, corpora, tmp_path):
    """They end in the same bytes, and --resume starts afresh where there is nothing."""
    whole, _ = run
    cache, outs = tmp_path / "cache", [tmp_path / "one", tmp_path / "two"]
    flags = [*corpora, "--epochs", 4, "--resume", "--cache", cache]  # the last --cache counts
    processes = [subprocess.Popen(command("train", *flags, "--out", out)) for out in outs]
    for out, process in zip(outs, processes):
        assert process.wait(timeout=120) == 0
        assert (out / "model.npz").read_bytes() == (whole / "model.npz").read_bytes()
    assert sorted(path.suffix for path in cache.iterdir()) == 2 * [".f32"] + 2 * [".json"]


def test_bad_utterances_are_left_out_listed_and_counted(run, corpora, tmp_path):
    """The model is that of the tables without them, though both corpora have the same bad file."""
    flags = ["--epochs", 4, "--batch-size", 8, "--cache", tmp_path / "cache"]
    for role, named in (("source", corpora[1]), ("target", corpora[3])):
        copy = shutil.copytree(Path(named.removeprefix("csv:")).parent, tmp_path / role)
        soundfile.write(copy / "tiny.wav", np.zeros(100), 16000)
        lines = (copy / "table.csv").read_text().splitlines()
        lines[8:8] = ["tiny.wav,,,s0,1,1", "gone.wav,,,s1,0,1", "0.wav,0.1,9,s1,high,1"]
        (copy / "table.csv").write_text("\n".join(lines))
        flags += [f"--{role}", f"csv:{copy / 'table.csv'}"]
    out, mono = tmp_path / "run", tmp_path / "mono"
    refused = call("train", *flags, "--out", out)
    assert refused.returncode == 2 and not out.exists()
    done = succeed("train", *flags, "--skip-bad", "--out", out)
    assert (out / "model.npz").read_bytes() == (run[0] / "model.npz").read_bytes()
    assert "left out as unusable: 3 of the source, 3 of the target (left_out.csv)" in done.stdout
    listed = [row["where"] for row in read_csv(out / "left_out.csv")]
    assert listed == 2 * ["table.csv:11", "tiny.wav", "gone.wav"]
    metrics = metrics_of(out)
    assert metrics["left_out"] == {"source": 3, "target": 3}
    succeed("train", *flags, "--skip-bad", "--model", "mono", "--out", mono)
    assert metrics_of(mono)["left_out"] == {"source": 0, "target": 3}
    assert len(read_csv(mono / "left_out.csv")) == 3


def test_resume_with_other_labels_is_refused(corpora, tmp_path):
    table = Path(corpora[1].removeprefix("csv:"))
    copy = table.with_name("labels.csv")
    copy.write_text(table.read_text())
    flags = ["--source", f"csv:{copy}", *corpora[2:], "--epochs", 1, "--out", tmp_path / "run"]
    succeed("train", *flags)
    succeed("train", *flags, "--resume")
    copy.write_text(table.read_text().replace("0.wav,,,s0,0,", "0.wav,,,s0,1,", 1))
    done = call("train", *flags, "--resume")
    assert done.returncode == 2
    assert "holds another run: source" in done.stderr


def test_a_closed_pipe_is_not_success(corpora, tmp_path):
    flags = [*corpora, "--epochs", 50, "--out", tmp_path / "run"]
    with subprocess.Popen(
        command("train", *flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in errors


@pytest.mark.parametrize("model, bn", [("base", "none"), ("mono", "bn1"), ("our", "bn4")])
def test_other_models(corpora, tmp_path, model, bn):
    out = tmp_path / "run"
    flags = ["--select-by", "source", "--split", "speaker"] if model == "base" else []
    flags += ["--model", model, "--bn", bn, "--epochs", 2, "--out", out]
    done = succeed("train", *corpora, *flags)
    metrics = metrics_of(out)
    assert ("source validation set" in metrics["protocol"]) == (model == "base")
    assert metrics["test"]["n"] == {"base": 48, "mono": 15, "our": 42}[model]  # base: by speaker
    groups, _ = store.read_arrays(out / "model.npz")
    assert ("domain.w" in groups["params"]) == (model == "our")
    assert ("bn.gamma" in groups["params"]) == (bn != "none")
    assert ("domain_uar " in done.stdout) == (model == "our")


def chosen(*flags):
    """The choices that a command line makes, and the folders of both corpora."""
    return train.read_flags(train.parser().parse_args(flags))


@pytest.mark.parametrize(
    "corpora, flags, l1, l2, name",
    [
        ("", "", 5e-3, 0, "recola2iemocap-arousal-our-bn1-seed0"),
        ("--direction iem2rec", "", 0, 5e-3, "iemocap2recola-arousal-our-bn1-seed0"),
        ("", "--model mono --epochs 5", 0, 5e-3, "iemocap-arousal-mono-bn1-epochs-5-seed0"),
        ("--target csv:b", "--model mono", 0, 0, "csv-arousal-mono-bn1-seed0"),
        ("--direction iem2rec", "--model mono", 5e-3, 0, "recola-arousal-mono-bn1-seed0"),
        ("", "--l2 0.1 --l1 0", 0, 0.1, "recola2iemocap-arousal-our-bn1-l1-0-l2-0.1-seed0"),
        ("", "--alpha 0.8000001", 5e-3, 0, "recola2iemocap-arousal-our-bn1-alpha-0.8000001-seed0"),
        ("", "--beta 0 --seed 3", 5e-3, 0, "recola2iemocap-arousal-our-bn1-beta-0-seed3"),
    ],
)
def test_what_follows_from_the_choices(corpora, flags, l1, l2, name):
    """l1 and l2 from the corpus trained on; the folder's name from what is not the default."""
    made, _ = chosen(*corpora.split(), *flags.split())
    assert (made.l1, made.l2) == (l1, l2)
    assert choices.folder_name(made) == name
    assert chosen(*corpora.split(), *choices.flags_of(made))[0] == made


def test_mono_reads_the_target_alone(corpora, tmp_path):
    """Whatever is wrong with the other corpus, and without naming it."""
    flags = ["--model", "mono", "--epochs", 1, *corpora[2:]]
    done = succeed("train", *flags, "--out", tmp_path / "alone")
    assert "source  " not in done.stdout
    succeed("train", "--source", "csv:missing.csv", *flags, "--out", tmp_path / "other")
    one, two = (tmp_path / name / "model.npz" for name in ("alone", "other"))
    assert one.read_bytes() == two.read_bytes()
    flags = ["--direction", "iem2rec", "--recola", "b"]
    made, places = chosen("--model", "mono", *flags)
    assert (made.source, made.target, places) == ("recola", "recola", (Path("b"), Path("b")))
    made, places = chosen("--iemocap", "a", *flags)
    assert (made.source, made.target, places) == ("iemocap", "recola", (Path("a"), Path("b")))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is text")
def test_names_that_are_no_text(run, corpora, tmp_path):
    """As a folder Colère has on Linux where it was unpacked from a zip of another system."""
    folder = tmp_path / os.fsdecode(b"Col\xe8re")
    shutil.copytree(Path(corpora[3].removeprefix("csv:")).parent, folder)
    out = tmp_path / "run"
    flags = ["--epochs", 1, "--select-by", "information", "--cache", tmp_path / "cache"]
    succeed("train", *corpora[:2], "--target", f"audio:{tmp_path}", *flags, "--out", out)
    assert len(read_csv(out / "predictions.csv")) == 60
    assert b"Col\\udce8re" in (out / "predictions.csv").read_bytes()
    done = succeed("predict", out, folder / "0.wav")
    assert "Col\\udce8re" in done.stdout


def test_a_target_without_labels(corpora, tmp_path):
    """The same model as with them, and predictions of which the test UAR is that of the run."""
    table, models = Path(corpora[3].removeprefix("csv:")), []
    flags = [*corpora[:2], "--epochs", 2, "--batch-size", 8, "--select-by", "information"]
    for name in ("with", "without"):
        copy = tmp_path / name / "table.csv"
        shutil.copytree(table.parent, copy.parent)
        if name == "without":
            lines = [line.rsplit(",", 2)[0] for line in table.read_text().splitlines()]
            copy.write_text("\n".join(lines))
        out = tmp_path / "runs" / name
        done = succeed("train", *flags, "--target", f"csv:{copy}", "--out", out)
        models.append((out / "model.npz").read_bytes())
    assert models[0] == models[1]
    assert "no test UAR, because the target has no labels" in done.stdout
    assert not (out / "confusion.png").exists() and metrics_of(out)["test"] is None
    labels = {row["path"]: row["arousal"] for row in read_csv(table)}
    counts = np.zeros((2, 2))
    for row in read_csv(out / "predictions.csv"):
        if row["part"] == "test":
            counts[int(labels[row["path"]]), int(row["predicted"] == "high")] += 1
    assert uars(counts) == metrics_of(tmp_path / "runs" / "with")["test"]["uar"]


@pytest.mark.parametrize("input", ["paper", "levelled"])
def test_normalised_by_speaker(corpora, tmp_path, input):
    out = tmp_path / "run"
    flags = ["--epochs", 1, "--normalise", "speaker", "--input", input, "--out", out]
    done = succeed("train", *corpora, *flags)
    few = "speakers with fewer than 10 utterances, too few for --normalise speaker (2): s3 9, s4 9"
    assert done.stdout.count(few) == 1  # of the source; the target's have 12 each
    assert predict.load(out)[0].keys() == {"params", "running"}
    rows = [row for row in read_csv(out / "predictions.csv") if row["speaker"] == "s1"]
    table = Path(corpora[3].removeprefix("csv:"))
    files = [table.with_name(row["path"]) for row in rows]
    made = minidann.predict(out, files)
    assert sum(not one.problem for one in made) > 6
    for row, one in zip(rows, made):
        if not one.problem:  # too short for one pool, but it counts for the mean
            assert float(row["high"]) == pytest.approx(one.probabilities[1], abs=1e-4)
    assert (
        "note: all files are taken as recordings of one speaker"
        in call("predict", out, *files).stderr
    )
    refused = call("predict", out, *files[:9], files[0])
    assert refused.returncode == 2 and not refused.stdout
    assert "9 recordings can be used" in refused.stderr and "needs 10 or more" in refused.stderr


def test_from_python(run, corpora, tmp_path):
    """`minidann.train` and `minidann.predict` do what the commands do."""
    out, _ = run
    flags = dict(zip(("source", "target", "cache", "batch_size"), [*corpora[1:6:2], 8]))
    made = minidann.train(**flags, epochs=4, out=str(tmp_path / "run"))
    assert (made.folder / "model.npz").read_bytes() == (out / "model.npz").read_bytes()
    assert made.metrics == metrics_of(made.folder)
    assert made.history["epoch"].tolist() == [1, 2, 3, 4] and len(made.predictions) == 60
    recording = Path(corpora[3].removeprefix("csv:")).with_name("0.wav")
    known, missing = minidann.predict(made.folder, [recording, tmp_path / "gone.wav"])
    again = minidann.predict(
        made.folder, [recording.with_name(row["path"]) for row in made.predictions]
    )
    for row, one in zip(made.predictions, again):  # the same normalisation as when it was tested
        if not one.problem:  # too short for one pool
            assert row["predicted"] == one.predicted and one.weights.shape == (1, 8)
            assert float(row["high"]) == pytest.approx(one.probabilities[1], abs=1e-4)
    assert sum(not one.problem for one in again) > 40
    (alone,) = minidann.predict(made.folder, str(recording))
    assert alone.predicted == known.predicted
    assert missing.problem.endswith("check the path") and missing.probabilities is None
    with pytest.raises(minidann.UserError, match="--model: invalid choice"):
        minidann.train(model="theirs")
    with pytest.raises(minidann.UserError, match="--epochs: invalid int value: .many."):
        minidann.train(epochs="many")
    with pytest.raises(minidann.UserError, match="unrecognized arguments: --modle"):
        minidann.train(modle="our")


def test_the_model_of_the_demo_answers_at_once():
    model = Path(train.DEMO).parents[0] / "model"
    recording = next(train.DEMO.glob("iemocap/Session1/sentences/wav/*/*_F000.ogg"))
    header, *rows = succeed("predict", model, recording, recording).stdout.splitlines()
    assert header == "file\tseconds\tlow\thigh\tarousal (model of synthetic demo speech)"
    name, seconds, low, high, predicted = rows[1].split("\t")
    assert (name, predicted) == (str(recording), "low" if low > high else "high")
    assert float(low) + float(high) == pytest.approx(1, abs=0.002)
    assert call("predict", model, "gone.wav").stdout == ""  # no heading above nothing


def test_commands_in_a_notebook(monkeypatch):
    """The notebook's way to draw is not that of the command, and its stdout is no file."""
    backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    done = subprocess.run(
        command("train", "--help"), capture_output=True, text=True, env=os.environ | backend
    )
    assert done.returncode == 0 and done.stderr == ""
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", printed)
    console.run(lambda: print("said"))
    assert printed.getvalue() == "said\n"


def test_numpy_imported_first_is_told_once():
    code = "import numpy\nfrom minidann.ops import parallel\nparallel.threads(), parallel.threads()"
    kept = {name: value for name, value in os.environ.items() if name not in parallel.ASKED}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept)
    assert done.stderr.count("NumPy was imported before minidann") == 1


def test_no_home_folder(monkeypatch):
    """As in a container, where the user has no entry either."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    code = "import os; os.path.expanduser = str; from minidann.train import CACHE; print(CACHE)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert Path(done.stdout.strip()) == Path(tempfile.gettempdir(), "minidann")
    assert "~nobody" in str(parse("csv:~nobody/table.csv")[1])


def test_the_time_left_is_told_once_the_first_items_are_done(monkeypatch, capsys):
    seconds = iter([0.0, 0.0, *(3 + 0.3 * i for i in range(99))])
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    assert list(console.progress(range(100), 100, "features", "utterances")) == [*range(100)]
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == "features: 1/100 utterances"
    assert second == "features: 35/100 utterances, 0:24 left"


def test_a_criterion_that_has_no_utterances_is_neither_tested_nor_reported(corpora, tmp_path):
    """Of a source of fewer than 10 utterances none are left for the source validation set."""
    table = Path(corpora[1].removeprefix("csv:"))
    few = table.with_name("few.csv")
    few.write_text("".join(table.read_text().splitlines(keepends=True)[:9]))
    flags = ["--source", f"csv:{few}", *corpora[2:6], "--batch-size", 4, "--epochs", 1]
    done = succeed("train", *flags, "--out", tmp_path / "run")
    assert list(metrics_of(tmp_path / "run")["selected_by"]) == ["target", "information"]
    assert "selected by labels of the source" not in done.stdout


def test_the_page_of_all_commands():
    done = call("__main__")
    assert done.returncode == 0
    for path in Path(minidann.__file__).parent.glob("*/__main__.py"):
        assert f"python -m minidann.{path.parent.name} " in done.stdout


def test_wildcards_as_windows_hands_them_on(tmp_path):
    for name in ("b.wav", "a.wav", "c.txt"):
        (tmp_path / name).touch()
    assert predict.matching(f"{tmp_path}/*.wav") == [f"{tmp_path}/a.wav", f"{tmp_path}/b.wav"]
    (tmp_path / "[1].wav").touch()
    assert predict.matching(f"{tmp_path}/[1].wav") == [f"{tmp_path}/[1].wav"]


def test_a_long_recording_is_the_mean_of_its_windows_by_their_length(monkeypatch):
    """750, 750 and 98 frames; what is predicted for each is made up."""
    groups, *_ = predict.load(Path(train.DEMO).parent / "model")
    each = np.array([[0.1, 0.9], [0.3, 0.7], [0.8, 0.2]])
    monkeypatch.setattr(predict.evaluation, "predict", lambda *args: each)
    frames = np.random.default_rng(0).standard_normal((1598, 26))
    whole, weights = predict.probabilities_of(groups, frames.astype(np.float32), "paper")
    np.testing.assert_allclose(whole, np.array([750, 750, 98]) @ each / 1598)
    assert weights.shape == (3, 8) and len({tuple(row) for row in weights}) == 3


def test_files_are_whole_or_not_there(tmp_path, monkeypatch):
    store.write(tmp_path / "a", b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="cannot be written .No space left on device."):
        store.write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_arrays_come_back_and_give_the_same_bytes_tomorrow(tmp_path, monkeypatch):
    groups = {"params": {"conv.w": np.arange(6.0).reshape(2, 3)}, "running": {}}
    store.write_arrays(tmp_path / "a.npz", groups, {"epoch": 3})
    first = (tmp_path / "a.npz").read_bytes()
    in_an_hour = time.time() + 3600  # a zip archive has times in it
    monkeypatch.setattr(time, "time", lambda: in_an_hour)
    store.write_arrays(tmp_path / "a.npz", groups, {"epoch": 3})
    assert (tmp_path / "a.npz").read_bytes() == first
    read, about = store.read_arrays(tmp_path / "a.npz")
    assert about == {"epoch": 3, "format": store.FORMAT}
    np.testing.assert_array_equal(read["params"]["conv.w"], groups["params"]["conv.w"])
