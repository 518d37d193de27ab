"""The report from made-up run folders: tables, claims, sweep, figures. Nothing is trained."""

import argparse
import csv
import io
import re
import shlex
import shutil
import zlib
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import call
from scipy import stats

from minidann import train
from minidann.choices import SELECTION
from minidann.console import UserError
from minidann.measure import intervals
from minidann.report import __main__ as command
from minidann.report import claims, figures, ladder, ledger, paper, sweep, tables
from minidann.report.paper import AVERAGE, BASE, BETA0, COLUMNS, MONO, OUR, OUR_NONE, PLACES, TABLES
from minidann.report.runs import Results
from minidann.run import folder, store
from minidann.run.evaluation import HISTORY
from minidann.run.outcome import SPEAKERS

REPORTS = Path(__file__).parents[1] / "data" / "reports"
NAMES = "abcdef"  # speakers of every made-up corpus
ROWS = 40  # of each class of each speaker
EPOCHS = 12


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def asked(out, *flags, of=("csv:a.csv", "csv:b.csv")):
    """What the command line says, of two corpora that need not be there."""
    corpora = ["--source", of[0], "--target", of[1]]
    return command.parser().parse_args(
        [flags[0], *corpora, "--out", str(out), "--epochs", str(EPOCHS), *flags[1:]]
    )


def wanted_by(results):
    return command.runs_of(results, results.args.command)


def lottery(*words):
    """A generator that the same words always give."""
    return np.random.default_rng(zlib.crc32(repr(words).encode()))


def skill_of(run, criterion, statistics):
    """How often a made-up run is right: no two kinds of run alike."""
    which, names = run.choices, (run.source.name, run.target.name)
    words = which.model, which.bn, which.beta, which.dimension, names, criterion, statistics
    return lottery(words).uniform(0.55, 0.8)


def draw(run, criterion, statistics, skill=skill_of):
    """Each speaker's confusion: as right as `skill` says, more or less."""
    rng = lottery(run.out.name, criterion, statistics)
    found = {}
    for name in NAMES:
        share = skill(run, criterion, statistics) + 0.03 * rng.standard_normal(2)
        low, high = np.clip(np.round(ROWS * share), 0, ROWS).astype(int)
        found[name] = np.array([[low, ROWS - low], [ROWS - high, high]])
    return found


def auc_of(run, criterion, statistics):
    """A made-up AUC."""
    return round(lottery(run.out.name, criterion, statistics, "auc").uniform(0.5, 0.9), 4)


def keys(run):
    """The criteria and the statistics of a run: see `outcome.test`."""
    criteria = ("target",) if run.choices.model == "mono" else SELECTION
    adabn = run.choices.model == "base" and run.choices.bn != "none"
    return list(product(criteria, ("own", "adabn") if adabn else ("own",)))


def curves_of(run):
    """A made-up history."""
    rng = lottery(run.out.name, "history")
    rows = [dict.fromkeys(HISTORY, 0.5) | {"epoch": 1.0 + i} for i in range(EPOCHS)]
    for row in rows:
        row |= {name: rng.uniform(0.1, 0.9) for name in ("target_dev_uar", "dev_domain_loss",
                "domain_uar", "source_val_uar", "mutual_information")}  # fmt: skip
    return rows


def made_up_runs(results, skill=skill_of, curves=curves_of, **about):
    """The folders that finished runs leave, as far as a report reads them."""
    for run in wanted_by(results):
        run.out.mkdir(parents=True)
        corpora = {
            role: {"title": f"Corpus {side.name}", "kind": "your own", "utterances": 480,
                   "speakers": 6, "left_out": 3 * (side.name == "csv-b"), "content": side.name,
                   "labels": f"{side.name} {run.choices.dimension}"} | about
            for role, side in (("source", run.source), ("target", run.target))
        }  # fmt: skip
        places = [str(side.place.resolve()) for side in (run.source, run.target)]
        config = folder.planned(run.choices) | {"corpora": corpora, "folders": places}
        store.write_json(run.out / "config.json", config)
        rows = [
            (key[0], 5, key[1], threshold, name, *counts.ravel())
            for key in keys(run)
            for threshold, worse in (("half", 0), ("share", 0.1))
            for name, counts in draw(run, *key, lambda *of: skill(*of) - worse).items()
        ]
        (run.out / "speakers.csv").write_text(store.csv_text([SPEAKERS, *rows]))
        (run.out / "history.csv").write_text(folder.history_csv(curves(run)))
        rng = lottery(run.out.name, "points")
        picture = {"points": rng.standard_normal((30, 2)).astype(np.float32),
                   "domains": np.repeat([0, 1], 15), "emotions": np.arange(30) % 2}  # fmt: skip
        store.write_arrays(run.out / "features.npz", {"features": picture}, {"shares": [0.4, 0.2]})
        tested = {
            f"{criterion}{' with adabn' * (statistics == 'adabn')}": {
                "auc": auc_of(run, criterion, statistics)
            }
            for criterion, statistics in keys(run)
        }
        store.write_json(run.out / "metrics.json", {"seconds": 1.5, "selected_by": tested})
    return results


@pytest.fixture(scope="module")
def table1(tmp_path_factory):
    """Table 1 of three seeds."""
    args = asked(tmp_path_factory.mktemp("table1"), "table1", "--seeds", "3")
    return made_up_runs(Results(args))


@pytest.fixture(scope="module")
def table2(tmp_path_factory):
    """Table 2 of two seeds."""
    args = asked(tmp_path_factory.mktemp("table2"), "table2", "--seeds", "2")
    return made_up_runs(Results(args))


@cache
def text_of(results):
    """Markdown and CSV of a table."""
    name = results.args.command
    corpora = results.corpora(wanted_by(results))
    lines = tables.lines(results, TABLES[name], PLACES)
    text = tables.markdown(results, TABLES[name], corpora, lines)
    return text, tables.as_csv(name, tables.heads_of(corpora, PLACES), lines)


# The paper's numbers


@pytest.mark.parametrize("name", TABLES)
def test_the_numbers_of_the_paper_are_those_of_the_committed_tables(name):
    text = (REPORTS / "demo" / f"{name}.md").read_text()
    there = text.split("\n## ")[1]  # by target labels
    assert TABLES[name].note in text and (name == "table2") == (paper.MISPRINT in text)
    here, cells = [], {row.name: {row: 1} for row in TABLES[name].rows}
    for sign, terms in (("", cells), ("+", TABLES[name].planned)):
        for rows in terms.values():
            numbers = [paper.of_paper(rows, columns) for columns in PLACES]
            if numbers[0]:
                here.append([
                    f"*{mean:{sign}.2f}" + (f" ({spread:.2f})*" if spread is not None else "*")
                    for mean, spread in numbers
                ])  # fmt: skip
    assert [line.strip("| ").split(" | ")[1:] for line in there.splitlines()
            if line.startswith("| *the paper's* |")] == here  # fmt: skip


EMODB, RAVDESS = "emodb:EMO-DB", "ravdess:RAVDESS"
GRID = "--modes none --alphas 0.8 --betas 1 --placebo --seeds 20".split()
MADE = {
    **{f"demo {table}": ["report", table] for table in ("table1", "table2", "table3")},
    **{f"emodb-ravdess {table}":
       ["report", table, "--source", EMODB, "--target", RAVDESS, "--seeds", 20]
       for table in ("table1", "table2", "ladder")},
    **{f"{pair}-{epochs} sweep-arousal":
       ["report", "sweep", "--source", a, "--target", b, *GRID, "--epochs", epochs]
       for pair, a, b in (("emodb-ravdess", EMODB, RAVDESS), ("ravdess-emodb", RAVDESS, EMODB))
       for epochs in (15, 25, 50)},
}  # fmt: skip


@pytest.mark.parametrize("made", MADE)
def test_the_committed_tables_are_made_of_the_committed_ledger(made, tmp_path):
    pair, name = made.split()
    shutil.copy(REPORTS / pair / "runs.csv", tmp_path)
    done = call(*MADE[made], "--out", tmp_path)
    assert done.returncode == 0 and "missing" not in done.stdout
    for suffix in ("md", "csv"):
        file = f"{name}.{suffix}"
        assert (tmp_path / file).read_bytes() == (REPORTS / pair / file).read_bytes(), file


def test_the_ladder_has_each_criterion_s_own_uars():
    """And not what the labels were worth, which has the same rows."""
    folder = REPORTS / "emodb-ravdess"
    numbers = {}
    for row in csv.DictReader((folder / "ladder.csv").read_text().splitlines()):
        if (row["measure"], row["kind"], row["column"]) == ("UAR", "cell", "average"):
            numbers[row["selected_by"], row["row"]] = f"{float(row['mean']):.1f}"
    _, *parts = (folder / "ladder.md").read_text().split("\n## ")
    for criterion, part in zip(SELECTION, parts, strict=True):
        (line, *_) = (line for line in part.splitlines() if line.startswith("| average: levelled"))
        cells = [cell.split()[0] for cell in line.strip("| ").split(" | ")[1:]]
        names = [f"levelled: {row.name}" for row in ladder.MODELS]
        assert cells == [numbers[criterion, name] for name in names]


def test_the_average_that_is_misprinted_is_put_right():
    """Lesson 17 compares the others with their cells."""
    assert paper.of_paper({OUR_NONE: 1, paper.BASE_NONE: -1}, AVERAGE) == (2.82, None)
    assert paper.of_paper({OUR: 1, BETA0: -1}, AVERAGE) is None


# Tables


def counts_of(run, criterion, statistics, threshold):
    """Each speaker's confusion, from the run's own file."""
    return {
        line[4]: np.array(list(map(int, line[5:]))).reshape(2, 2)
        for line in csv.reader((run.out / "speakers.csv").read_text().splitlines())
        if (line[0], line[2], line[3]) == (criterion, statistics, threshold)
    }


def uar_by_hand(counts):
    """The UAR of all speakers together."""
    (low, low_wrong), (high_wrong, high) = sum(counts.values())
    return (low / (low + low_wrong) + high / (high + high_wrong)) / 2


def by_hand(results, rows, columns, criteria, measure):
    """Each seed's figure, and its interval, from the confusions (AUCs) that the runs left."""
    cells, by_seed, threshold = [], 0, "share" if measure == "share" else "half"
    for (row, by_row), (column, by_column), (criterion, weight) in product(
        rows.items(), columns.items(), criteria.items()
    ):
        key = "target" if row is MONO else criterion, row.statistics
        counts = {
            seed: counts_of(results.run(row, column, seed), *key, threshold)
            for seed in results.args.seeds
        }
        cells.append((by_row * by_column * weight, intervals.Cell(str(column[0]), counts)))
        figures = np.array([uar_by_hand(run) for run in counts.values()])
        if measure == "AUC":
            figures = np.array([auc_of(results.run(row, column, seed), *key) for seed in counts])
        by_seed = by_seed + by_row * by_column * weight * figures
    if measure == "AUC":
        interval = stats.t.interval(
            0.95, len(by_seed) - 1, by_seed.mean(), stats.sem(by_seed, ddof=1)
        )
        return by_seed, interval
    return by_seed, intervals.estimate(cells).interval


def test_every_line_of_a_table_is_as_worked_out_by_hand(table1):
    """Cells, differences, averages, what labels were worth; AdaBN is `base`, tested otherwise."""
    table = TABLES["table1"]
    rows = {row.name: {row: 1} for row in table.rows} | table.planned
    lines = tables.lines(table1, table, PLACES)
    for (measure, criterion, kind, name), line in lines.items():
        criteria = {criterion: 1}
        if kind == "labels":
            criteria = {"target": 1, criterion: -1}
        for figure, columns in zip(line.estimates, PLACES, strict=True):
            by_seed, interval = by_hand(table1, rows[name], columns, criteria, measure)
            np.testing.assert_allclose(figure.by_seed, by_seed, atol=1e-12)
            assert figure.value == pytest.approx(by_seed.mean(), abs=1e-12)
            assert figure.interval == pytest.approx(interval, abs=1e-12)
    run = table1.run(BASE, COLUMNS[0], 0)
    assert table1.run(paper.ADABN, COLUMNS[0], 0) == run
    # mono sees labels of the target anyway; its runs are not even tested with another epoch.
    run = table1.run(MONO, COLUMNS[0], 0)
    assert (run.source.name, run.target.name) == ("csv-b", "csv-b")
    found = {}
    for *which, name in lines:
        found.setdefault(tuple(which), []).append(name)
    cells, planned = [row.name for row in table.rows], list(table.planned)
    expected = {}
    for measure, criterion in product(tables.MEASURES, SELECTION):
        last = -1 if criterion != "target" else None
        expected[measure, criterion, "cell"] = cells[:last]
        expected[measure, criterion, "difference"] = planned[:6] if last else planned
        if last and measure == "UAR":
            expected[measure, criterion, "labels"] = cells[:last]
    assert found == expected and cells[-1] == "mono" and "mono" in planned[6]


def test_a_number_has_its_sign_its_spread_its_interval_and_a_tilde_where_it_is_inconclusive():
    seeds = np.array([0.69, 0.703, 0.716])
    cell = intervals.Estimate(0.703, (0.651, 0.754), seeds)
    assert tables.percent(cell) == "70.3 (1.3) [65.1, 75.4]"
    assert tables.percent(cell, difference=True) == "+70.3 (1.3) [65.1, 75.4]"
    wide = intervals.Estimate(-0.01, (-0.05, 0.03), seeds - 0.713)
    assert tables.percent(wide) == "-1.0 (1.3) [-5.0, 3.0]"
    assert tables.percent(wide, difference=True) == "-1.0 (1.3) [-5.0, 3.0] ~"
    alone = intervals.Estimate(0.703, None, seeds[1:2])
    assert tables.percent(alone, difference=True) == "+70.3 (-) no interval ~"


@pytest.mark.parametrize("name", ["table1", "table2"])
def test_markdown_and_csv_have_every_number_of_the_lines(name, request):
    results = request.getfixturevalue(name)
    lines, (markdown, text) = tables.lines(results, TABLES[name], PLACES), text_of(results)
    heads = tables.heads_of(results.corpora(wanted_by(results)), PLACES)
    entries, rows = list(csv.DictReader(io.StringIO(text))), []
    for (measure, criterion, kind, row_name), line in lines.items():
        title, difference = tables.title_of(criterion), kind != "cell"
        if kind == "labels":
            title = "What the labels were worth"
        if f"## {title}" not in rows:
            rows.append(f"## {title}")
        cells = [tables.percent(figure, difference) for figure in line.estimates]
        rows.append(" | ".join([f"| {row_name}", *cells]) + " |")
        for head, figure, numbers in zip(heads, line.estimates, line.paper):
            row = entries.pop(0)
            here = [
                row[key] for key in ("table", "measure", "selected_by", "kind", "row", "column")
            ]
            assert here == [name, measure, criterion, kind, row_name, head]
            expected = [figure.value, figure.spread, *figure.interval]
            written = [float(row[key]) for key in ("mean", "std_over_seeds", "ci_low", "ci_high")]
            assert written == pytest.approx([100 * value for value in expected], abs=0.00051)
            assert row["significant"] == (str(figure.significant).lower() if difference else "")
            assert [row["paper"], row["paper_std"]] == [
                "" if value is None else str(value) for value in numbers or (None, None)
            ]
    assert not entries
    ours = [text for text in markdown.splitlines() if not text.startswith(("|  |", "| *"))]
    assert [text for text in ours if text.startswith(("## ", "| "))] == rows
    count = len(TABLES[name].planned)
    assert markdown.count(f"sees a result: {count}, in four columns and on average") == 3
    expected = {
        "table1": "Of 40 intervals about 2.0 are",
        "table2": "Of 20 intervals about 1.0 are",
    }
    assert expected[name] in markdown and (paper.MISPRINT in markdown) == (name == "table2")


def test_the_same_runs_give_the_same_files_wherever_and_whenever(table2, tmp_path):
    """Nothing is missing, so nothing is read but the runs, and no corpus is asked for."""
    folders, contents = [table2.args.out, tmp_path / "other"], []
    flags = ["--seeds", "0-1", "--jobs", "3", "--cache", "other cache"]
    made_up_runs(Results(asked(folders[1], "table2", *flags)))
    for out, more in zip(folders, (["--seeds", "2"], flags)):
        pair = ["--source", "csv:a.csv", "--target", "csv:b.csv", "--epochs", EPOCHS]
        files = call("report", "table2", *pair, *more, "--out", out).stdout.splitlines()[:-1]
        assert files == [str(out / f"table2.{suffix}") for suffix in ("md", "csv")]
        contents.append([Path(file).read_bytes() for file in files])
    assert contents[0] == contents[1]
    for content, text in zip(contents[0], text_of(table2)):
        assert content.decode() == text
        assert not re.search(r"\d:\d\d|20\d\d-\d\d|second[^ ]* \d", text)


def test_the_heading_says_what_speech_it_is_and_what_was_left_out(table2, tmp_path):
    text = text_of(table2)[0]
    assert "ynthetic" not in text and "This is other speech: compare the pattern" in text
    assert "- Corpus csv-a (your own): 480 utterances, 6 speakers\n" in text
    assert "- Corpus csv-b (your own): 480 utterances, 6 speakers, 3 left out as unusable\n" in text
    assert "- seeds 0 to 1, 12 epochs\n" in text
    texts = {}
    for kind in ("synthetic demo", "licensed"):
        results = Results(asked(tmp_path / kind, "table2", "--seeds", "7-7"))
        texts[kind] = text_of(made_up_runs(results, kind=kind, title="table"))[0]
    assert "- table 1 (synthetic demo): 480 utterances, 6 speakers" in texts["synthetic demo"]
    synthetic = "- **Synthetic speech**: these numbers can only show that the code works"
    assert synthetic in texts["synthetic demo"] and "other speech" in texts["synthetic demo"]
    assert "other speech" not in texts["licensed"] and "ynthetic" not in texts["licensed"]
    assert "- seed 7, 12 epochs\n" in texts["licensed"]
    heads = tables.heads_of(results.corpora(wanted_by(results)), PLACES)
    assert heads[0] == "table 1 to table 2, arousal"  # two corpora of one title
    assert len(set(heads)) == 5


# Runs that are not the ones that are meant


def test_a_finished_run_that_is_not_the_one_meant_is_refused(table2):
    """Labels are compared within each dimension, recordings across both."""
    wanted = wanted_by(table2)
    first = next(run for run in wanted if run.choices.dimension == "valence")
    assert wanted[-1].choices.dimension == "valence"
    here = [str(side.place.resolve()) for side in (first.source, first.target)]
    corpora = table2.corpora(wanted)
    assert [corpus["title"] for corpus in corpora] == ["Corpus csv-a", "Corpus csv-b"]
    beside = "than the runs beside it; delete those that are out of date"
    for run, keys, value, words in (
        (first, ["choices", "alpha"], 0.25,
         "holds another run: alpha (0.25 there, 0.5 here); choose another --out"),
        (first, ["folders"], here[::-1],
         f"a run on {here[1]} and {here[0]}; choose another --out"),
        (first, ["corpora", "source", "content"], "new",
         f"made of other recordings or labels of Corpus csv-a {beside}"),
        (wanted[-1], ["corpora", "target", "labels"], "csv-a arousal",
         f"made of other recordings or labels of Corpus csv-a {beside}"),
    ):  # fmt: skip
        config = store.read_json(run.out / "config.json")
        entry, whole = config, (run.out / "config.json").read_bytes()
        for key in keys[:-1]:
            entry = entry[key]
        entry[keys[-1]] = value
        store.write_json(run.out / "config.json", config)
        with pytest.raises(UserError) as error:
            Results(table2.args).corpora(wanted)
        assert str(error.value) == f"{run.out}: {words}"
        (run.out / "config.json").write_bytes(whole)
    assert table2.corpora(wanted) == corpora


# The ledger


def test_a_table_from_the_ledger_alone_is_the_table_of_the_folders(table2, tmp_path):
    """Rows that were made elsewhere are put under the others, with their heading."""
    pair = ["--source", "csv:a.csv", "--target", "csv:b.csv", "--epochs", EPOCHS]
    ends, out = (".md", ".csv"), table2.args.out
    for seeds, place in (("0", "first"), ("1-1", "second")):
        shutil.copytree(out / "runs", tmp_path / place / "runs")
        call("report", "table2", *pair, "--seeds", "1" if seeds == "0" else seeds,
             "--out", tmp_path / place)  # fmt: skip
    call("report", "table2", *pair, "--seeds", "2", "--out", out)
    here = tmp_path / "here"
    here.mkdir()
    (here / "runs.csv").write_bytes(
        b"".join((tmp_path / place / "runs.csv").read_bytes() for place in ("first", "second"))
    )
    done = call("report", "table2", *pair, "--seeds", "2", "--out", here)
    assert (done.returncode, done.stderr) == (0, "") and "missing" not in done.stdout
    assert not (here / "runs").exists()
    for end in ends:
        assert (here / f"table2{end}").read_bytes() == (out / f"table2{end}").read_bytes()
    assert (here / "runs.csv").read_bytes() == (out / "runs.csv").read_bytes()


def test_a_row_of_another_run_is_refused_and_figures_need_the_folder(table2, tmp_path):
    args = asked(tmp_path, "table2", "--seeds", "1")
    first, *_ = wanted_by(Results(args))
    rows = {run.out.name: table2.rows(run) for run in wanted_by(table2)}
    ledger.write(tmp_path / "runs.csv", rows)
    assert Results(args).corpora(wanted_by(Results(args))) == table2.corpora(wanted_by(table2))
    other = [row | {"dropout": "0.1"} for row in rows[first.out.name]]
    ledger.write(tmp_path / "runs.csv", rows | {first.out.name: other})
    with pytest.raises(UserError, match=r"seed0 was made with another dropout \(0.1, not 0.7\)"):
        Results(args).rows(first)
    other = [row | {"auc": "0.5"} for row in rows[first.out.name]]  # the same run, made twice
    ledger.write(tmp_path / "runs.csv", rows | {"again": other + rows[first.out.name]})
    with pytest.raises(UserError, match=f"two results of {first.out.name}; delete the rows of one"):
        Results(args).rows(first)
    ledger.write(tmp_path / "runs.csv", rows)
    whole = (tmp_path / "runs.csv").read_bytes()
    (tmp_path / "runs.csv").write_bytes(whole[: whole.rindex(b"/")])  # a copy that was cut off
    with pytest.raises(UserError, match="runs.csv, line .*: damaged.*; delete the rows of its run"):
        Results(args)
    (tmp_path / "runs.csv").write_bytes(b"\xff\xfe" + whole)  # saved by a spreadsheet
    with pytest.raises(UserError, match="runs.csv: damaged.*; put a whole copy there"):
        Results(args)
    (tmp_path / "runs.csv").write_bytes(whole)
    assert not first.finished and command.drawn(Results(args), "table2") == []
    args.command = "figure3"
    assert command.drawn(Results(args), "figure3") == wanted_by(Results(args))


# Claims


def difference(value, reach, seeds=(-0.001, 0.0, 0.001)):
    """A difference, with an interval over speakers of this half width, and its seeds about it."""
    return intervals.Estimate(value, (value - reach, value + reach), value + np.array(seeds))


UP, DOWN, UNSURE = difference(0.1, 0.05), difference(-0.1, 0.05), difference(0.1, 0.2)
ARGUED, ALONE = difference(0.1, 0.05, seeds=(-0.3, 0.0, 0.3)), difference(0.1, 0.05, seeds=(0.0,))


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ([UP], claims.HOLDS),
        ([UP, UP, UP, UP], claims.HOLDS),
        ([UP, UP, UP, DOWN], claims.FAILS),
        ([UP, UP, UP, UNSURE], claims.OPEN),
        ([UNSURE, DOWN], claims.FAILS),
        ([UNSURE], claims.OPEN),
        ([difference(-0.1, 0.2)], claims.OPEN),
        ([ARGUED], claims.OPEN),
        ([ALONE], claims.OPEN),  # of a single seed nothing can be said
        ([difference(-0.1, 0.05, seeds=(0.0,))], claims.OPEN),
    ],
)
def test_a_claim_that_something_is_above(figures, verdict):
    assert claims.above(figures) == verdict


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ([difference(0.0, 0.015)], claims.HOLDS),
        ([difference(0.0, 0.015), UP], claims.FAILS),
        ([DOWN, difference(0.0, 0.015)], claims.FAILS),
        ([difference(0.0, 0.15)], claims.OPEN),
        # They may lie within the margin, or beyond.
        ([difference(0.015, 0.01)], claims.OPEN),
        ([difference(-0.015, 0.01)], claims.OPEN),
        ([difference(0.05, 0.04)], claims.OPEN),
        ([difference(-0.05, 0.04)], claims.OPEN),
        ([difference(0.0, 0.005, seeds=(0.08, -0.08, 0.0))], claims.OPEN),  # equal by luck
        ([difference(0.0, 0.005, seeds=(0.0,))], claims.OPEN),
    ],
)
def test_a_claim_of_no_difference_has_a_margin(figures, verdict):
    assert claims.same(figures) == verdict


def zigzag(seed, sign):
    loss = lottery("zigzag", seed).uniform(0.5, 0.9, EPOCHS)
    return np.array([loss, 0.6 + 0.1 * sign * loss])


def opposed_steps(seed):
    """Both curves rise, as in any run; but where one jumps the other rests."""
    steps = np.tile([0.1, 0.0], EPOCHS)[: EPOCHS - 1]
    rise = np.linspace(0, 0.01, EPOCHS)
    return np.array([np.cumsum([0, *steps]), np.cumsum([0, *(0.1 - steps)])]) + rise


@pytest.mark.parametrize(
    ("curves", "verdict", "words"),
    [
        (lambda seed: zigzag(seed, 1), claims.HOLDS, r"changes 1.00 \[1.00, 1.00\] over seeds"),
        (lambda seed: zigzag(seed, -1), claims.FAILS, r"changes -1.00 \[-1.00, -1.00\] over seeds"),
        (lambda seed: np.ones((2, EPOCHS)), claims.OPEN, r"changes 0.00 \[0.00, 0.00\] over seeds"),
        (lambda seed: zigzag(seed, (-1) ** seed), claims.OPEN, r"changes 0.33 \["),
        (opposed_steps, claims.FAILS, r"changes -"),
    ],
    ids=["follows", "opposes", "flat", "now one, now the other", "changes only"],
)
def test_emotion_that_follows_domain_loss(curves, verdict, words):
    three, alone = (
        claims.follows(SimpleNamespace(curves=lambda *_: np.array([*map(curves, range(seeds))])))
        for seeds in (3, 1)
    )
    assert three[3:] == [verdict, "-", "-"]  # what selects an epoch has no part in it
    assert re.search(words, three[2])
    assert alone[3] == claims.OPEN and "no interval" in alone[2]


def test_the_claims_as_text(tmp_path):
    """Each with the paper's figures, and judged under each criterion by its own."""
    results = made_up_runs(Results(asked(tmp_path, "claims", "--seeds", "2")))
    found = claims.claims(results)
    assert [claim[1] for claim in found[:-1]] == [
        "+9.50, +0.39, +2.45, +3.32",  # `our` - `base` in each cell
        "+3.91",  # and on average
        "+4.20, +8.11",  # `mono` - `our`, `mono` - `base`
        "+5.48, +9.60, +7.86",  # arousal - valence
        "+1.09",  # the gain with batch norm - that without
        "+1.93, +1.88, +0.81",  # BN1, BN2, BN3 - BN4
        "+1.12, +1.07",  # BN1, BN2 - BN3
        "largest 1.31",  # valence: BN2 54.99 and BN4 53.68
    ]
    for claim, (text, wanted) in zip(found, [*paper.ABOVE.items(), (paper.SAME, paper.PAIRS)]):
        rule = claims.same if text == paper.SAME else claims.above
        ours = [[results.estimate(*w, {name: 1}) for w in wanted] for name in SELECTION]
        assert (claim[0], claim[3:]) == (text, [*map(rule, ours)])
        if rule is claims.above:
            assert claim[2] == ", ".join(map(claims.points, ours[0]))
    largest = max(ours[0], key=lambda figure: abs(figure.value))
    assert claim[2] == f"largest {claims.points(largest)}"
    assert claims.points(difference(0.1, 0.05)) == "+10.0 [5.0, 15.0]"
    assert any(len(set(claim[3:])) > 1 for claim in found[:-1])
    text = claims.markdown(results, results.corpora(wanted_by(results)))
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    for line, claim in zip(lines, found, strict=True):
        assert line.strip("| ").split(" | ") == claim
    assert "- seeds 0 to 1, 12 epochs" in text


# The sweep


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A grid in which beta 2, constant, alpha 0.8 has the largest information, and 0.3 helps."""

    def skill(run, *_):
        return 0.6 + 0.15 * (run.choices.beta == 0.3) - 0.05 * (run.choices.beta == 2)

    def curves(run):
        which, rows = run.choices, curves_of(run)
        best = (which.alpha, which.beta, which.beta_schedule) == (0.8, 2.0, "constant")
        rows[4]["mutual_information"] = 2.0 if best else 1.0 + 0.1 * which.seed
        rows[-1]["mutual_information"] = 0.0  # the largest counts, not the last
        rows[3]["source_val_uar"] = 0.99 if which.beta == 0 and which.alpha == 0.5 else 0.95
        return rows

    grid = ["--seeds", "3", "--alphas", "0.5", "0.8", "--betas", "0.3", "2", "--modes", "bn1"]
    results = Results(asked(tmp_path_factory.mktemp("sweep"), "sweep", *grid))
    return made_up_runs(results, skill, curves)


@pytest.fixture(scope="module")
def sweep_text(swept):
    corpora = swept.corpora(wanted_by(swept))
    return command.made(swept, "sweep", corpora)["sweep-arousal.md"]


def figure_of(results, rows, criterion):
    return results.estimate(rows, {(0, "arousal"): 1}, {criterion: 1})


def test_the_grid_has_each_setting_once_and_beta_0_beside_it(swept):
    runs = [(run.choices, run.source.name, run.target.name) for run in wanted_by(swept)]
    found = [(c.model, c.dimension, c.bn, c.alpha, c.beta, c.beta_schedule, *w) for c, *w in runs]
    assert len(found) == 3 * len(set(found)) == 3 * 2 * (1 + 2 * 2)
    assert set(found) == {
        ("our", "arousal", "bn1", alpha, *steered, "csv-a", "csv-b")
        for alpha in (0.5, 0.8)
        for steered in [(0.0, "constant"), *product((0.3, 2.0), ("constant", "ganin"))]
    }


def test_the_adversarys_part_is_the_difference_to_beta_0(swept, sweep_text):
    row, without = sweep.setting("bn1", 0.8, 0.3, "ganin"), sweep.setting("bn1", 0.8, 0.0)
    parts = [figure_of(swept, {row: 1, without: -1}, criterion) for criterion in SELECTION]
    assert len({str(part.by_seed) for part in parts}) == 3
    whole, part = (line for line in sweep_text.splitlines() if line.startswith(f"| {row.name} "))
    assert row.name == "bn1, alpha 0.8, beta 0.3 ganin"
    cells, named, *differences = whole.split(" | "), *part.split(" | ")
    assert named == f"| {row.name} - beta 0"
    uars = [figure_of(swept, {row: 1}, criterion) for criterion in SELECTION]
    assert cells[1:4] == [*map(tables.percent, uars)]
    assert differences[:3] == [tables.percent(part, True) for part in parts]
    runs = [swept.run(row, (0, "arousal"), seed) for seed in (0, 1, 2)]
    domain = [[epoch["domain_uar"] for epoch in curves_of(run)[-10:]] for run in runs]
    saw = [f"{100 * np.mean(domain):.0f}", f"{1.0 + 0.1:.3f}", "95.0 |"]
    assert cells[4:] == saw  # domain UAR, mutual information, source validation UAR
    assert sweep_text.count(f"| {without.name} ") == 1  # it has no difference to itself
    assert without.name == "bn1, alpha 0.8, beta 0"


def test_a_placebo_stands_beside_each_setting_and_is_not_the_one_to_take(tmp_path):
    grid = "--alphas 0.8 --betas 1 --schedules ganin --modes none --placebo".split()
    results = made_up_runs(Results(asked(tmp_path, "sweep", *grid, "--seeds", "2")))
    text = command.made(results, "sweep", results.corpora(wanted_by(results)))["sweep-arousal.md"]
    real, placebo, without = (
        sweep.setting("none", 0.8, 1.0, "ganin"),
        sweep.setting("none", 0.8, 1.0, "ganin", "shuffled"),
        sweep.setting("none", 0.8, 0.0),
    )  # fmt: skip
    found = [dict(run.choices.__dict__) for run in wanted_by(results)]
    assert [(c["beta"], c["domain_labels"]) for c in found[:3]] == [
        (0.0, "true"), (1.0, "true"), (1.0, "shuffled")
    ]  # fmt: skip
    for name, rows in {
        f"{real.name} - beta 0": {real: 1, without: -1},
        f"{placebo.name} - beta 0": {placebo: 1, without: -1},
        f"{real.name} - placebo": {real: 1, placebo: -1},
    }.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"| {name} | "))
        auc = results.estimate(rows, {(0, "arousal"): 1}, {"target": 1}, "AUC")
        assert line.split(" | ")[4] == tables.percent(auc, True)
    assert "placebo" not in text.split("## Chosen without")[1] and real.name in text


def test_the_setting_to_take_has_the_largest_information(swept, sweep_text):
    best, without = sweep.setting("bn1", 0.8, 2.0), sweep.setting("bn1", 0.8, 0.0)
    chosen = sweep_text.split("## Chosen without labels of the target")[1].split("\n- ")
    _, by_information, by_source = chosen
    assert by_information.startswith(f"By the largest mutual information: {best.name}; test UAR ")
    assert tables.percent(figure_of(swept, {best: 1}, "information")) in by_information
    part = tables.percent(figure_of(swept, {best: 1, without: -1}, "information"), True)
    assert f"the adversary's part {part}" in by_information
    assert "`--seeds 3-7`" in by_source and "Of these 72 intervals about 3.6 are" in sweep_text
    assert by_source.startswith(
        "By the largest source validation UAR: bn1, alpha 0.5, beta 0; test UAR "
    )
    assert "the adversary's part none" in by_source


def test_a_sweep_is_made_of_the_ledger_alone(swept, sweep_text, tmp_path):
    asked_for, corpora = vars(swept.args) | {"out": tmp_path}, swept.corpora(wanted_by(swept))
    rows = {run.out.name: swept.rows(run) for run in wanted_by(swept)}
    ledger.write(tmp_path / "runs.csv", rows)
    alone = Results(argparse.Namespace(**asked_for))
    assert command.drawn(alone, "sweep") == [] and not (tmp_path / "runs").exists()
    assert command.made(alone, "sweep", corpora)["sweep-arousal.md"] == sweep_text


# Figures


def test_figure_2_has_the_points_of_base_and_our(tmp_path, monkeypatch):
    results = made_up_runs(Results(asked(tmp_path, "figure2", "--dimension", "valence")))
    wanted = wanted_by(results)
    assert [(run.choices.model, run.choices.seed) for run in wanted] == [("base", 0), ("our", 0)]
    monkeypatch.setattr(figures.plots, "features", lambda *args: args)
    models, *legends = figures.figure2(results, results.corpora(wanted), "valence")
    for run, (title, picture, shares) in zip(wanted, models, strict=True):
        assert title == (
            f"{run.choices.model}, valence, seed 0, epoch selected by labels of the target"
        )
        expected = store.read_arrays(run.out / "features.npz")[0]["features"]
        for name in ("points", "domains", "emotions"):
            np.testing.assert_array_equal(picture[name], expected[name])
        assert shares == [0.4, 0.2]
    assert legends == [["Corpus csv-a (your own)", "Corpus csv-b (your own)"],
                       ["negative valence", "positive valence"]]  # fmt: skip


def test_figure_3_has_mean_and_reach_over_seeds(tmp_path):
    three = made_up_runs(Results(asked(tmp_path, "figure3", "--seeds", "3")))
    figure = figures.figure3(three, three.corpora(wanted_by(three)), "arousal")
    top, bottom = figure.axes
    curves = np.array([
        [[row[name] for row in curves_of(run)] for name in
         ("target_dev_uar", "domain_uar", "dev_domain_loss")] for run in wanted_by(three)
    ])  # fmt: skip
    lines = {line.get_label(): line for axis in (top, bottom) for line in axis.lines}
    bands = [*top.collections, *bottom.collections]
    names = ("emotion UAR", "domain UAR", "domain loss")
    for k, (name, scale) in enumerate(zip(names, (100, 100, 1))):
        values = scale * curves[:, k]
        assert list(lines[name].get_xdata()) == list(range(1, EPOCHS + 1))
        np.testing.assert_allclose(lines[name].get_ydata(), values.mean(axis=0), rtol=1e-5)
        corners = bands[k].get_paths()[0].vertices
        assert corners[:, 1].max() == pytest.approx(values.max(), rel=1e-5)
        assert corners[:, 1].min() == pytest.approx(values.min(), rel=1e-5)
    assert (top.get_ylabel(), bottom.get_ylabel()) == ("UAR (%)", "domain loss (nats)")
    assert bottom.get_xlabel() == "epoch"
    assert "seeds 0 to 2" in figure.get_suptitle()


# Which runs


def test_every_printed_command_is_one_of_train_and_leads_to_the_same_run(tmp_path):
    pair = ["--source", "csv:one place/a.csv", "--target", "csv:b.csv"]
    flags = [*pair, "--seeds", "2", "--epochs", "7", "--split", "speaker", "--skip-bad",
             "--l1", "0.01", "--dropout", "0.5", "--cache", "a cache", "--out",
             tmp_path / "my out"]  # fmt: skip
    printed = {}
    for name in ("table1", "table2", "table3", "figure2", "figure3", "claims", "sweep", "all"):
        args = command.parser().parse_args([name, *map(str, flags)])
        printed[name] = call("report", name, *flags, "--list").stdout.splitlines()
        if name == "all":
            break
        wanted = wanted_by(Results(args))
        assert len(printed[name]) == len(set(printed[name])) == len(wanted) > 1
        for line, run in zip(printed[name], wanted):
            python, m, module, *given = shlex.split(line)
            assert (python, m, module) == ("python", "-m", "minidann.train")
            parsed = train.parser().parse_args(given)
            assert train.read_flags(parsed) == (run.choices, (run.source.place, run.target.place))
            assert parsed.out == run.out and parsed.resume and parsed.skip_bad
            assert str(parsed.cache) == "a cache"
            assert (run.choices.epochs, run.choices.l1, run.choices.dropout) == (7, 0.01, 0.5)
            assert run.choices.split == "speaker" and run.choices.select_by == "target"
    together = {line for name, lines in printed.items() if name not in ("all", "sweep")
                for line in lines}  # fmt: skip
    assert len(printed["all"]) == len(together) and set(printed["all"]) == together
    assert not (tmp_path / "my out").exists()


@pytest.mark.parametrize("of", [("csv:a.csv", "csv:b.csv"), ("emodb:A", "ravdess:B")])
def test_each_run_has_a_folder_of_its_own_in_both_directions(of, tmp_path):
    results = Results(asked(tmp_path, "claims", "--seeds", "2", of=of))
    rows = [row for table in TABLES.values() for row in table.rows]
    everything = results.runs(rows, COLUMNS)
    assert len({run.out for run in everything}) == len(everything)
    assert len({(run.choices, run.source, run.target) for run in everything}) == len(everything)
    # AdaBN is base; BN1 is our, with beta 0 too
    assert len(everything) == 2 * 4 * (len(set(rows)) - 3)
    there, back = (results.run(OUR, (way, "arousal"), 0) for way in (0, 1))
    assert (there.source, there.target) == (back.target, back.source)
    assert there.out.parent == back.out.parent == tmp_path / "runs"
    first, second = ("csv-a", "csv-b") if of[0].startswith("csv") else ("emodb", "ravdess")
    assert there.out.name.startswith(f"{first}2{second}-")
    assert back.out.name.startswith(f"{second}2{first}-")
    mono = [results.run(MONO, (way, "arousal"), 0) for way in (0, 1)]
    assert [run.out.name.split("-arousal")[0] for run in mono] == [second, first]


STEERED = ["--beta", "0.3", "--alpha", "0.8", "--beta-schedule", "ganin"]


def test_what_a_row_says_goes_before_what_the_command_line_says(tmp_path):
    """And what has no adversary is one run, however the others are steered."""
    steered = Results(asked(tmp_path, "table1", *STEERED, "--l1", "0.01"))
    plain = Results(asked(tmp_path, "table1", "--l1", "0.01"))
    choices = {row: steered.run(row, COLUMNS[0], 0).choices for row in (OUR, BETA0)}
    assert choices[OUR].beta == 0.3 and choices[BETA0].beta == 0.0
    assert {which.alpha for which in choices.values()} == {0.8}
    assert {which.beta_schedule for which in choices.values()} == {"ganin"}
    for row in (BASE, paper.ADABN, paper.BASE_NONE, MONO):
        run = steered.run(row, COLUMNS[1], 2)
        assert run == plain.run(row, COLUMNS[1], 2)
        assert not {"--beta", "--alpha", "--beta-schedule"} & {*run.arguments}
        assert run.choices.l1 == 0.01  # what is no adversary's is passed on
    for row in (OUR, BETA0):
        here, there = (results.run(row, COLUMNS[1], 2) for results in (steered, plain))
        assert here.out != there.out and here.choices != there.choices


def test_the_paper_s_pair_is_the_demo_until_both_folders_are_given(tmp_path):
    def results(*flags):
        return Results(command.parser().parse_args(["table2", *flags, "--out", str(tmp_path)]))

    both = results("--recola", "R", "--iemocap", "I")
    there, back = (both.run(OUR, (way, "arousal"), 0) for way in (0, 1))
    assert [str(run.source.place) for run in (there, back)] == ["R", "I"]
    assert [str(run.target.place) for run in (there, back)] == ["I", "R"]
    assert (there.choices.l1, there.choices.l2) == (0.005, 0.0)
    assert (back.choices.l1, back.choices.l2) == (0.0, 0.005)
    assert results().run(OUR, COLUMNS[0], 0).source.place == train.DEMO / "recola"
    named = {("--recola", "R", "--iemocap", "I"): "recola-iemocap", (): "demo"}
    for flags, title in named.items():  # of the folder
        assert (
            f"--out {Path('reports', title, 'runs')}"
            in call("report", "table2", *flags, "--list").stdout
        )


def test_seeds_as_a_count_or_from_first_to_last():
    assert list(command.seeds("3")) == [0, 1, 2]
    assert list(command.seeds("5-7")) == [5, 6, 7]
    for text in ("0", "3-1", "", "-3", "1-2-3", "x", "1.5"):
        with pytest.raises(ValueError):
            command.seeds(text)


def test_seeds_that_a_difference_needs():
    def words(*seeds):
        by_seed = np.array(seeds)
        return tables.seeds_in_words(intervals.Estimate(by_seed.mean(), (-1.0, 1.0), by_seed))

    assert words(0.02) == "unknown from one seed"
    assert words(0.01, 0.02, 0.03) == "4"
    assert words(-1.0, 1.002) == "over 1000"
