"""The report from made-up run folders: tables, claims, sweep, figures, plan. Nothing is trained."""

import csv
import io
import re
import shlex
import zlib
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest

from minidann import train
from minidann.choices import SELECTION
from minidann.console import UserError
from minidann.measure import intervals
from minidann.report import __main__ as command
from minidann.report import claims, figures, paper, sweep, tables, writing
from minidann.report.paper import BASE, BETA0, COLUMNS, MONO, OUR, OUR_NONE, TABLES
from minidann.report.results import Results
from minidann.run import folder, store
from minidann.run.evaluation import HISTORY
from minidann.run.outcome import SPEAKERS

PAPER = {  # Tables 1 to 3, as they are printed
    "base": ((62.49, 2.96), (54.15, 0.51), (60.73, 0.45), (58.11, 0.51), 58.87),
    "our": ((71.99, 0.33), (54.54, 0.77), (63.18, 0.32), (61.43, 1.38), 62.78),
    "mono": ((75.55, 0.78), (63.20, 2.23), (66.28, 1.71), (62.90, 1.12), 66.98),
    "base, no BN": ((58.04, 1.90), (52.34, 0.79), (58.69, 0.95), (53.79, 0.87), 55.71),
    "our, no BN": ((63.62, 1.74), (52.94, 0.36), (59.76, 0.77), (57.81, 2.07), 58.32),
    "BN1": ((71.99, 0.33), (54.54, 0.77), (63.18, 0.32), (61.43, 1.38), 62.78),
    "BN2": ((72.22, 0.18), (54.99, 0.84), (62.34, 0.92), (61.37, 1.15), 62.73),
    "BN3": ((72.27, 0.39), (54.07, 0.42), (61.83, 1.03), (58.48, 0.78), 61.66),
    "BN4": ((72.01, 0.33), (53.68, 1.26), (60.95, 0.90), (56.77, 2.84), 60.85),
}
PRINTED = {row.name: row for rows in TABLES.values() for row in rows if row.paper}
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
    return command.needed(results, results.args.command)


def lottery(*what):
    """A generator that the same words always give."""
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def skill_of(run, criterion, statistics):
    """How often a made-up run is right: no two kinds of run alike."""
    which = run.choices
    what = which.model, which.bn, which.beta, which.dimension, run.corpora, criterion, statistics
    return lottery(what).uniform(0.55, 0.8)


def draw(run, criterion, statistics, skill=skill_of, noise=0.03):
    """Each speaker's confusion: as right as `skill` says, more or less."""
    rng = lottery(run.out.name, criterion, statistics)
    found = {}
    for name in NAMES:
        share = skill(run, criterion, statistics) + noise * rng.standard_normal(2)
        low, high = np.clip(np.round(ROWS * share), 0, ROWS).astype(int)
        found[name] = np.array([[low, ROWS - low], [ROWS - high, high]])
    return found


def keys(run):
    """The criteria and the statistics of a run: see `outcome.test`."""
    criteria = ("target",) if run.choices.model == "mono" else SELECTION
    both = run.choices.model == "base" and run.choices.bn != "none"
    return list(product(criteria, ("own", "adabn") if both else ("own",)))


def curves_of(run):
    """A made-up history."""
    rng = lottery(run.out.name, "history")
    rows = [dict.fromkeys(HISTORY, 0.5) | {"epoch": 1.0 + i} for i in range(EPOCHS)]
    for row in rows:
        row |= {name: rng.uniform(0.1, 0.9) for name in ("target_dev_uar", "dev_domain_loss",
                "domain_uar", "source_val_uar", "mutual_information")}  # fmt: skip
    return rows


def made_up_runs(results, wanted=None, skill=skill_of, curves=curves_of, kind="your own"):
    """The folders that finished runs leave, as far as a report reads them."""
    for run in wanted or wanted_by(results):
        run.out.mkdir(parents=True)
        corpora = {
            role: {"title": f"Corpus {name}", "kind": kind, "utterances": 480, "speakers": 6,
                   "content": name, "labels": f"{name} {run.choices.dimension}"}
            for role, name in zip(("source", "target"), run.corpora)
        }  # fmt: skip
        config = folder.planned(run.choices) | {
            "corpora": corpora, "folders": [str(place) for place in run.places]
        }  # fmt: skip
        store.write_json(run.out / "config.json", config)
        with open(run.out / "speakers.csv", "w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(SPEAKERS)
            for key in keys(run):
                for name, counts in draw(run, *key, skill).items():
                    table.writerow([key[0], 5, key[1], name, *counts.ravel()])
        (run.out / "history.csv").write_text(folder.history_csv(curves(run)))
        rng = lottery(run.out.name, "points")
        picture = {"points": rng.standard_normal((30, 2)).astype(np.float32),
                   "domains": np.repeat([0, 1], 15), "emotions": np.arange(30) % 2}  # fmt: skip
        store.write_arrays(run.out / "features.npz", {"features": picture}, {"shares": [0.4, 0.2]})
        store.write_json(run.out / "metrics.json", {"seconds": 1.5})
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


def text_of(results):
    """Markdown and CSV of a table."""
    name = results.args.command
    corpora = results.corpora(wanted_by(results))
    found = tables.entries(results, name)
    return writing.markdown(results, name, corpora, found), writing.as_csv(name, corpora, found)


def sections(markdown):
    """{(title of the section, number of the table in it): {row: [cells]}}; the paper's left out."""
    found, title, number = {}, "", 0
    for line in markdown.splitlines():
        if line.startswith("## "):
            title, number = line[3:], 0
        elif line.startswith("| |"):
            number += 1
        elif line.startswith("| ") and not line.startswith("| *"):
            name, *cells = line.strip("| ").split(" | ")
            found.setdefault((title, number), {})[name] = cells
    return found


# The paper's numbers


@pytest.mark.parametrize("name", PAPER)
def test_every_number_of_the_paper_is_there_and_each_average_is_that_of_its_cells(name):
    row, (*cells, average) = PRINTED[name], PAPER[name]
    assert row.paper == tuple(cells)
    mean = sum(value for value, _ in cells) / 4
    assert row.average == pytest.approx(mean, abs=0.006)
    assert row.average == (58.53 if name == "our, no BN" else average)
    assert abs(mean - average) < 0.006 or name == "our, no BN"  # the one that is printed wrong
    assert set(PAPER) == set(PRINTED)


def test_the_gains_that_the_papers_text_states():
    def gain(row, subtracted, column=None):
        return tables.of_paper({row: 1, subtracted: -1}, column)

    assert gain(OUR, BASE) == (3.91, None)
    assert gain(MONO, BASE) == (8.11, None)
    assert gain(OUR_NONE, paper.BASE_NONE) == (2.82, None)
    assert 58.32 - 55.71 == pytest.approx(2.61)
    assert all(number in paper.MISPRINT for number in ("58.32", "2.61", "58.53", "2.82"))
    assert gain(OUR, BASE, 0) == (9.5, None)
    assert tables.of_paper({OUR: 1}, 3) == (61.43, 1.38)
    assert gain(OUR, BETA0) is None


# Tables


def by_hand(run, criterion):
    """The UAR of a run, from its own file."""
    with open(run.out / "speakers.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["selected_by"] == criterion]
    low, low_wrong, high_wrong, high = (
        sum(int(row[name]) for row in rows) for name in SPEAKERS[-4:]
    )
    return (low / (low + low_wrong) + high / (high + high_wrong)) / 2


def spread(values):
    mean = sum(values) / len(values)
    return (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5


def reference(results, terms, columns, criterion):
    """Mean, spread over seeds and interval of a figure, in %, from the files."""
    cells, seeds = [], []
    for row, weight in terms.items():
        for column in columns:
            made = {seed: results.run(row, column, seed) for seed in results.args.seeds}
            counts = {seed: draw(run, criterion, "own") for seed, run in made.items()}
            cells.append((weight / len(columns), intervals.Cell(str(column[0]), counts)))
            seeds.append([weight / len(columns) * by_hand(run, criterion) for run in made.values()])
    by_seed = [100 * sum(parts) for parts in zip(*seeds)]
    interval = [100 * end for end in intervals.estimate(cells).interval]
    return sum(by_seed) / len(by_seed), spread(by_seed), interval


def test_cells_differences_and_averages_are_those_worked_out_by_hand(table2):
    found = sections(text_of(table2)[0])
    figures = {"base, no BN": {paper.BASE_NONE: 1}, "our, no BN": {OUR_NONE: 1},
               "our - base, no BN": {OUR_NONE: 1, paper.BASE_NONE: -1}}  # fmt: skip
    for criterion, title in tables.CRITERIA.items():
        both = found[title, 1] | found[title, 2]
        assert list(both) == list(figures)
        for name, terms in figures.items():
            sign = "+" if len(terms) > 1 else ""
            for number, columns in enumerate([*([column] for column in COLUMNS), list(COLUMNS)]):
                value, over_seeds, (low, high) = reference(table2, terms, columns, criterion)
                expected = f"{value:{sign}.1f} ({over_seeds:.1f}) [{low:.1f}, {high:.1f}]"
                assert both[name][number].removesuffix(" ~") == expected


def test_what_labels_were_worth_is_the_difference_of_two_criteria(table2):
    found = sections(text_of(table2)[0])["What the labels were worth", 2]  # of information
    for row in TABLES["table2"]:
        for number, column in enumerate(COLUMNS):
            made = [table2.run(row, column, seed) for seed in (0, 1)]
            parts = [100 * (by_hand(run, "target") - by_hand(run, "information")) for run in made]
            expected = f"{sum(parts) / 2:+.1f} ({spread(parts):.1f}) ["
            assert found[row.name][number].startswith(expected)


def test_a_tilde_stands_exactly_where_a_difference_is_inconclusive(table1):
    entries = tables.entries(table1, "table1")
    found = sections(text_of(table1)[0])
    marks = []
    for number, kind in ((1, "cell"), (2, "difference")):
        for criterion, title in tables.CRITERIA.items():
            expected_entries = [
                entry for entry in entries if (entry.kind, entry.criterion) == (kind, criterion)
            ]
            cells = [cell for row in found[title, number].values() for cell in row]
            assert len(cells) == len(expected_entries)
            for cell, entry in zip(cells, expected_entries):
                expected = kind == "difference" and not entry.estimate.significant
                assert cell.endswith(" ~") == expected
                marks.append(expected)
    expected_entries = [entry for entry in entries if entry.kind == "labels"]
    cells = [
        cell for (title, _), rows in found.items() if "worth" in title
        for row in rows.values() for cell in row
    ]  # fmt: skip
    assert [cell.endswith(" ~") for cell in cells] == [
        not entry.estimate.significant for entry in expected_entries
    ]
    assert 10 < sum(marks) and any(entry.estimate.significant for entry in expected_entries)


def test_one_seed_has_a_dash_for_its_deviation(tmp_path):
    results = made_up_runs(Results(asked(tmp_path, "table2", "--seeds", "7-7")))
    markdown, text = text_of(results)
    cells = [cell for rows in sections(markdown).values() for row in rows.values() for cell in row]
    assert len(cells) == 3 * (2 + 1) * 5 + 2 * 2 * 5
    assert all(" (-) " in cell for cell in cells)
    assert "- seed 7, 12 epochs" in markdown and "or there is one seed only" in markdown
    # Cells have no mark, and every difference of one seed is inconclusive.
    assert sum(cell.endswith(" ~") for cell in cells) == len(cells) - 3 * 2 * 5
    assert {row["significant"] for row in csv.DictReader(io.StringIO(text))} == {"", "false"}
    assert all(row["std_over_seeds"] == "" for row in csv.DictReader(io.StringIO(text)))


def test_the_same_runs_give_the_same_bytes_wherever_and_whenever(table2, tmp_path):
    flags = ["--seeds", "0-1", "--jobs", "3", "--cache", "other cache"]
    elsewhere = made_up_runs(Results(asked(tmp_path / "other", "table2", *flags)))
    for text, again in zip(text_of(table2), text_of(elsewhere)):
        assert text == again
        assert not re.search(r"\d:\d\d|20\d\d-\d\d|second[^ ]* \d", text)
        assert "other" not in text.replace("other speech", "").replace("another", "")


def test_synthetic_speech_is_called_so(table2, tmp_path):
    assert "ynthetic" not in text_of(table2)[0]
    results = Results(asked(tmp_path, "table2", "--seeds", "1"))
    markdown, _ = text_of(made_up_runs(results, kind="synthetic demo"))
    assert "- Corpus csv-a (synthetic demo): 480 utterances, 6 speakers" in markdown
    assert "- **Synthetic speech**: these numbers can only show that the code works" in markdown
    assert "This is other speech: compare the pattern" in markdown


def test_licensed_corpora_are_not_called_other_speech(tmp_path):
    results = Results(asked(tmp_path, "table2", "--seeds", "1"))
    markdown, _ = text_of(made_up_runs(results, kind="licensed"))
    assert "other speech" not in markdown and "ynthetic" not in markdown


def test_the_papers_numbers_stand_in_italics_below_their_rows(table1):
    lines = text_of(table1)[0].splitlines()
    below = {}
    for line, next_line in zip(lines, lines[1:]):
        if next_line.startswith("| *the paper's*"):
            below.setdefault(line.split(" | ")[0].strip("| "), set()).add(next_line)
    assert set(below) == {"base", "our", "mono", "our - base", "mono - our", "mono - base"}
    assert below["base"] == {
        "| *the paper's* | *62.49 (2.96)* | *54.15 (0.51)* | *60.73 (0.45)* | *58.11 (0.51)* "
        "| *58.87* |"
    }
    assert below["our - base"] == {
        "| *the paper's* | *+9.50* | *+0.39* | *+2.45* | *+3.32* | *+3.91* |"
    }


def test_the_csv_agrees_with_the_markdown(table1):
    markdown, text = text_of(table1)
    found, entries = sections(markdown), list(csv.DictReader(io.StringIO(text)))
    cells = [cell for rows in found.values() for row in rows.values() for cell in row]
    # The same places in another order: there by criterion and kind, here too, labels last.
    assert len(cells) == len(entries) == (5 + 6) * 5 + 2 * (4 + 4) * 5 + 2 * 4 * 5
    seen = set()
    for cell, row in zip(cells, entries):
        value, over_seeds, low, high = (
            float(number) for number in re.findall(r"[-+]?\d+\.\d", cell)
        )
        for here, name in zip((value, over_seeds, low, high),
                              ("mean", "std_over_seeds", "ci_low", "ci_high")):  # fmt: skip
            assert here == pytest.approx(float(row[name]), abs=0.0506)
        assert (row["significant"] == "false") == cell.endswith("~")
        assert (row["significant"] == "") == (row["kind"] == "cell")
        if row["significant"] == "true":
            assert low >= 0 or high <= 0
        seen.add((row["selected_by"], row["kind"], row["row"], row["column"]))
    assert len(seen) == len(entries)
    assert {row["column"] for row in entries if row["paper"]} == {row["column"] for row in entries}
    first = entries[0]
    assert (first["table"], first["row"], first["column"], first["paper"], first["paper_std"]) == (
        "table1", "base", "Corpus csv-a to Corpus csv-b, arousal", "62.49", "2.96",
    )  # fmt: skip


def test_the_gain_is_the_batch_norm_effect_and_the_adversarys_part(table1):
    for criterion, (_, columns) in product(tables.CRITERIA, tables.columns()):
        whole, batch_norm, adversary = (
            table1.estimate(tables.PLANNED["table1"][name], columns, criterion)
            for name in ("our - base", "of which the batch-norm effect: beta 0 - base",
                         "of which the adversary: our - beta 0")
        )  # fmt: skip
        np.testing.assert_allclose(
            batch_norm.by_seed + adversary.by_seed, whole.by_seed, rtol=0, atol=1e-14
        )
        assert whole.value != 0 and batch_norm.value != 0 and adversary.value != 0


def test_adabn_is_the_base_run_with_other_statistics(table1):
    """The same folder, other rows of it."""
    column = COLUMNS[0]
    assert table1.run(paper.ADABN, column, 0).out == table1.run(BASE, column, 0).out
    base, adapted = (table1.cell(row, column, "target") for row in (BASE, paper.ADABN))
    run = table1.run(BASE, column, 0)
    for cell, statistics in ((base, "own"), (adapted, "adabn")):
        expected = draw(run, "target", statistics)
        assert all(np.array_equal(cell.runs[0][name], expected[name]) for name in NAMES)


def test_mono_stands_under_labels_of_the_target_only(table1):
    """It sees them anyway; its runs are not even tested with another epoch."""
    found = sections(text_of(table1)[0])
    for criterion, title in tables.CRITERIA.items():
        expected = [row.name for row in TABLES["table1"]]
        planned = [*tables.PLANNED["table1"]]
        if criterion != "target":
            expected = [name for name in expected if name != "mono"]
            planned = [name for name in planned if "mono" not in name]
        assert [*found[title, 1]] == expected and [*found[title, 2]] == planned
    assert len(expected) == 4 and len(planned) == 4
    # Claims compare it under each criterion, with the one that it has.
    for column in COLUMNS:
        cells = [table1.cell(MONO, column, criterion) for criterion in SELECTION]
        for cell in cells:
            for seed in (0, 1, 2):
                drawn = draw(table1.run(MONO, column, seed), "target", "own")
                assert all(np.array_equal(cell.runs[seed][name], drawn[name]) for name in NAMES)
    ours = [found[title, 1]["our"] for title in tables.CRITERIA.values()]
    assert ours[0] != ours[1] != ours[2]
    worth = [rows for (title, _), rows in found.items() if "worth" in title]
    assert [list(rows) for rows in worth] == 2 * [["base", "base, AdaBN", "our, beta 0", "our"]]
    wide = table1.run(MONO, COLUMNS[0], 0)
    assert wide.corpora == ("csv-b", "csv-b")


def test_a_damaged_file_of_a_run_is_named_in_one_line(tmp_path):
    results = made_up_runs(Results(asked(tmp_path, "figure3", "--seeds", "1")))
    (run,) = wanted_by(results)
    for content in ("", "selected_by,epoch\ntarget,1\n", "nonsense\n1\n"):
        for name in ("speakers.csv", "history.csv"):
            (run.out / name).write_text(content)
        fresh = Results(results.args)
        if content:
            with pytest.raises(UserError, match="speakers.csv: cannot be read"):
                fresh.counts(run)
            with pytest.raises(UserError, match="history.csv: cannot be read"):
                fresh.curves(OUR, COLUMNS[0], 0, "target_dev_uar")
    (run.out / "speakers.csv").unlink()
    (run.out / "history.csv").unlink()
    for read in (
        lambda: fresh.counts(run),
        lambda: fresh.curves(OUR, COLUMNS[0], 0, "target_dev_uar"),
    ):
        with pytest.raises(UserError, match="cannot be read") as error:
            read()
        assert "\n" not in str(error.value)


# Runs that are not the ones that are meant


def change(run, **parts):
    config = store.read_json(run.out / "config.json")
    store.write_json(run.out / "config.json", config | parts)


def refusal(results):
    with pytest.raises(UserError) as error:
        fresh = Results(results.args)
        fresh.refuse_others(wanted_by(fresh))
        fresh.corpora(wanted_by(fresh))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def three(tmp_path):
    """Three finished runs, which a report takes as they are."""
    results = made_up_runs(Results(asked(tmp_path, "figure3", "--seeds", "3")))
    results.refuse_others(wanted_by(results))
    assert [corpus["title"] for corpus in results.corpora(wanted_by(results))] == [
        "Corpus csv-a", "Corpus csv-b"
    ]  # fmt: skip
    return results


def test_a_finished_run_of_other_choices_is_refused(three):
    run = wanted_by(three)[1]
    there = store.read_json(run.out / "config.json")["choices"]
    change(run, choices=there | {"alpha": 0.25})
    said = refusal(three)
    assert str(run.out) in said and "holds another run: alpha (0.25 there, 0.5 here)" in said


def test_a_finished_run_on_other_folders_is_refused(three):
    run = wanted_by(three)[2]
    change(run, folders=["a.csv", "elsewhere/b.csv"])
    said = refusal(three)
    assert str(run.out) in said and "elsewhere/b.csv" in said and "another --out" in said
    change(run, folders=["b.csv", "a.csv"])  # the way back
    assert str(run.out) in refusal(three)


@pytest.mark.parametrize(
    ("role", "digest", "what"),
    [
        ("target", "content", "other recordings of Corpus csv-b than the runs beside it"),
        ("source", "labels", "other labels of Corpus csv-a than the runs beside it"),
    ],
)
def test_runs_of_other_recordings_or_labels_among_the_rest_are_refused(three, role, digest, what):
    run = wanted_by(three)[2]
    corpora = store.read_json(run.out / "config.json")["corpora"]
    corpora[role][digest] = "others"
    change(run, corpora=corpora)
    said = refusal(three)
    assert str(run.out) in said and what in said
    assert "delete those that are out of date, and they are run again" in said


def two_dimensions(out):
    results = made_up_runs(Results(asked(out, "table2", "--seeds", "1")))
    labels = [
        store.read_json(run.out / "config.json")["corpora"]["source"]["labels"]
        for run in wanted_by(results)
    ]
    assert len(set(labels)) == 4
    results.corpora(wanted_by(results))  # arousal and valence have other labels, as they must
    return results


def test_labels_are_compared_within_each_dimension(tmp_path):
    results = two_dimensions(tmp_path)
    valence = [run for run in wanted_by(results) if run.choices.dimension == "valence"]
    corpora = store.read_json(valence[-1].out / "config.json")["corpora"]
    corpora["target"]["labels"] = f"{valence[-1].corpora[1]} arousal"
    change(valence[-1], corpora=corpora)
    said = refusal(results)
    assert str(valence[-1].out) in said and "other labels" in said


def test_recordings_are_compared_across_dimensions(tmp_path):
    """A corpus that was changed between the arousal runs and the valence runs."""
    results = two_dimensions(tmp_path)
    for run in wanted_by(results):
        if run.choices.dimension == "valence":
            corpora = store.read_json(run.out / "config.json")["corpora"]
            change(run, corpora={role: corpus | {"content": f"new {corpus['content']}"}
                                 for role, corpus in corpora.items()})  # fmt: skip
    assert "other recordings" in refusal(results)


# Claims


@pytest.fixture(scope="module")
def claimed(tmp_path_factory):
    """Results whose runs are not on the disk: a test puts `counts` and `curves` in their place."""
    return Results(asked(tmp_path_factory.mktemp("claims"), "claims", "--seeds", "3"))


def judged(results, skill, curves=None, noise=0.01):
    """The verdicts under labels of the target, by claim."""
    results.counts = lambda run: {key: draw(run, *key, skill, noise) for key in keys(run)}
    results.curves = lambda row, column, seed, *names: (
        curves(seed) if curves else np.ones((2, EPOCHS))
    )
    return {claim.text: claim for claim in claims.claims(results)}


def as_the_paper(run, criterion, statistics):
    """The skill that the paper's cell has, in steps that five or six speakers can tell."""
    which, direction = run.choices, ("csv-a", "csv-b").index(run.corpora[1])
    column = COLUMNS.index((1 - direction, which.dimension))
    name = {"base": "base", "mono": "mono", "our": which.bn.upper()}[which.model]
    if which.bn == "none":
        name = f"{which.model}, no BN"
    return PAPER[name][column][0] / 100


CLAIMS = list(claims.ABOVE)
DIFFERENT = {  # how right a kind of run is -> the verdict on each claim of `CLAIMS`
    "holds": lambda which: {
        "base": 0.60, "mono": 0.90,
        "our": {"bn1": 0.80, "bn2": 0.80, "bn3": 0.75, "bn4": 0.65, "none": 0.65}[which.bn],
    }[which.model] - (0.05 if which.model == "base" and which.bn == "none" else 0),
    "does not hold": lambda which: {
        "base": 0.75, "mono": 0.55,
        "our": {"bn1": 0.60, "bn2": 0.60, "bn3": 0.68, "bn4": 0.80, "none": 0.90}[which.bn],
    }[which.model],
    # with the seed up in one kind of run and down in another, by no two alike; equal on average
    "inconclusive": lambda which: 0.7 + (which.seed - 1) * {
        ("base", "bn1"): -0.14, ("mono", "bn1"): 0.14, ("base", "none"): -0.10,
        ("our", "bn1"): 0.10, ("our", "bn2"): 0.06, ("our", "bn3"): 0.02,
        ("our", "bn4"): -0.02, ("our", "none"): -0.06,
    }[which.model, which.bn] * (1 if which.dimension == "arousal" else 0.5),
}  # fmt: skip


@pytest.mark.parametrize("verdict", DIFFERENT)
def test_each_claim_that_something_is_above_can_come_out_either_way(claimed, verdict):
    found = judged(claimed, lambda run, *_: DIFFERENT[verdict](run.choices), noise=0.02)
    assert len(found) == 9
    for text in CLAIMS:
        assert set(found[text].verdicts.values()) == {verdict}, (text, found[text].here)


def test_a_claim_of_four_cells_fails_by_one_and_is_open_by_one(claimed):
    cells = "`our` is above `base` in each cell"

    def skill(by):
        def skill_of_run(run, *_):
            last = run.choices.dimension == "valence" and run.corpora[1] == "csv-a"
            base = 0.7 - (by if last else 0.1)
            return base if run.choices.model == "base" else 0.7

        return skill_of_run

    assert judged(claimed, skill(0.1))[cells].verdicts["target"] == claims.HOLDS
    assert judged(claimed, skill(-0.1))[cells].verdicts["target"] == claims.FAILS
    assert judged(claimed, skill(0.0))[cells].verdicts["target"] == claims.OPEN


def test_each_criterion_has_its_own_verdict(claimed):
    def skill(run, criterion, statistics):
        up = {"target": 0.1, "source": -0.1, "information": 0.0}[criterion]
        return 0.7 + (up if run.choices.model == "our" else 0)

    found = judged(claimed, skill)["`our` is above `base` on average"]
    assert list(found.verdicts.values()) == [claims.HOLDS, claims.FAILS, claims.OPEN]
    assert found.paper == "+3.91"
    assert float(found.here.split()[0]) == pytest.approx(10, abs=0.5)  # by target labels


@pytest.mark.parametrize(
    ("by", "verdict"), [(0.1, claims.HOLDS), (-0.1, claims.FAILS), (0.0, claims.OPEN)]
)
def test_arousal_is_easier_than_valence(claimed, by, verdict):
    found = judged(claimed, lambda run, *_: 0.7 + by * (run.choices.dimension == "arousal"))
    assert found[claims.EASIER].verdicts == dict.fromkeys(SELECTION, verdict)
    assert found[claims.EASIER].paper in ("+5.48, +9.60, +7.86", "+5.48, +9.60, +7.87")  # 7.865


def test_no_difference_among_modes_is_a_claim_with_a_margin(claimed):
    def skill(gap):
        def skill_of_run(run, *_):
            first = run.corpora[1] == "csv-b"  # the other direction has no part in it
            return 0.7 + (gap if first else 0.1) * (run.choices.bn == "bn4")

        return skill_of_run

    for gap, noise, verdict in ((0.0, 0.008, claims.HOLDS), (0.1, 0.015, claims.FAILS),
                                (-0.1, 0.015, claims.FAILS), (0.0, 0.15, claims.OPEN)):  # fmt: skip
        found = judged(claimed, skill(gap), noise=noise)[claims.SAME]
        assert found.verdicts["target"] == verdict, (gap, noise, found.here)
    assert found.paper == "largest 1.31"  # valence: BN2 54.99 and BN4 53.68


def test_no_difference_among_modes_is_judged_in_each_dimension(claimed):
    """Better in one and worse in the other is no agreement, though the average hides it."""

    def skill(run, *_):
        sign = 1 if run.choices.dimension == "arousal" else -1
        return 0.7 + 0.1 * sign * (run.choices.bn == "bn4")

    found = judged(claimed, skill, noise=0.008)[claims.SAME]
    assert found.verdicts == dict.fromkeys(SELECTION, claims.FAILS)

    def skill_of_run(run, *_):  # of the twelve figures three
        apart = run.choices.dimension == "valence" and run.choices.bn == "bn4"
        return 0.7 + 0.1 * apart

    assert (
        judged(claimed, skill_of_run, noise=0.008)[claims.SAME].verdicts["target"] == claims.FAILS
    )


def test_one_seed_tells_nothing_of_what_is_above_or_the_same(tmp_path):
    results = Results(asked(tmp_path, "claims", "--seeds", "1"))
    for verdict in ("holds", "does not hold"):
        found = judged(results, lambda run, *_: DIFFERENT[verdict](run.choices), noise=0.02)
        for text in (*CLAIMS, claims.EASIER, claims.SAME):
            assert set(found[text].verdicts.values()) == {claims.OPEN}, text
    found = judged(results, lambda *_: 0.7, noise=0.008)[claims.SAME]
    assert set(found.verdicts.values()) == {claims.OPEN}


def zigzag(seed, sign):
    loss = lottery("zigzag", seed).uniform(0.5, 0.9, EPOCHS)
    return np.array([loss, 0.6 + 0.1 * sign * loss])


@pytest.mark.parametrize(
    ("curves", "verdict", "words"),
    [
        (lambda seed: zigzag(seed, 1), claims.HOLDS, "changes 1.00 [1.00, 1.00] over seeds"),
        (lambda seed: zigzag(seed, -1), claims.FAILS, "changes -1.00 [-1.00, -1.00] over seeds"),
        (lambda seed: np.ones((2, EPOCHS)), claims.OPEN, "changes 0.00 [0.00, 0.00] over seeds"),
        (lambda seed: zigzag(seed, (-1) ** seed), claims.OPEN, "changes 0.33 ["),
    ],
    ids=["follows", "opposes", "flat", "now one, now the other"],
)
def test_emotion_that_follows_domain_loss(claimed, curves, verdict, words):
    found = judged(claimed, lambda *_: 0.7, curves)[claims.FOLLOWS]
    # What chooses an epoch has no part in it.
    assert found.verdicts == {"target": verdict, "source": "-", "information": "-"}
    assert words in found.here


def test_it_is_the_changes_from_epoch_to_epoch_that_must_agree(claimed):
    """Both curves rise, as in any run; but where one jumps the other rests."""

    def curves(seed):
        steps = np.tile([0.1, 0.0], EPOCHS)[: EPOCHS - 1]
        rise = np.linspace(0, 0.01, EPOCHS)
        return np.array([np.cumsum([0, *steps]), np.cumsum([0, *(0.1 - steps)])]) + rise

    found = judged(claimed, lambda *_: 0.7, curves)[claims.FOLLOWS]
    assert found.verdicts["target"] == claims.FAILS
    assert re.search(r"of the curves themselves (0\.9\d|1\.00)$", found.here)


def test_one_seed_decides_no_correlation(tmp_path):
    results = Results(asked(tmp_path, "claims", "--seeds", "1"))
    found = judged(results, lambda *_: 0.7, lambda seed: zigzag(seed, 1))[claims.FOLLOWS]
    assert found.verdicts["target"] == claims.OPEN and "no interval" in found.here


def test_the_claims_as_text(claimed):
    found = judged(claimed, as_the_paper)
    text = claims.markdown(list(found.values()), ["- about it"])
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(lines) == len(found) == 9
    for line, claim in zip(lines, found.values()):
        cells = line.strip("| ").split(" | ")
        assert cells == [claim.text, claim.paper, claim.here, *claim.verdicts.values()]
    assert "- about it" in text
    assert found["the gain is larger with batch norm than without"].paper == "+1.09"
    assert found["`our` is above `base` in each cell"].paper == "+9.50, +0.39, +2.45, +3.32"


# The sweep


def grid(out, *more):
    flags = ["--seeds", "3", "--alphas", "0.5", "0.8", "--betas", "0.3", "2", "--modes", "bn1"]
    return Results(asked(out, "sweep", *flags, *more))


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

    return sweep.Sweep(made_up_runs(grid(tmp_path_factory.mktemp("sweep")), None, skill, curves))


def test_the_grid_has_each_setting_once_and_beta_0_beside_it(swept):
    found = [
        (setting.bn, setting.alpha, setting.beta, setting.schedule) for setting in swept.settings
    ]
    assert len(set(found)) == len(found) == 2 * (1 + 2 * 2)
    for alpha in (0.5, 0.8):
        assert ("bn1", alpha, 0.0, "constant") in found
        for beta, schedule in product((0.3, 2.0), ("constant", "ganin")):
            assert ("bn1", alpha, beta, schedule) in found
    assert len(swept.runs) == 3 * len(found)
    for run in swept.runs:
        which = run.choices
        assert ("bn1", which.alpha, which.beta, which.beta_schedule) in found
        assert (which.model, which.dimension, run.corpora) == ("our", "arousal", ("csv-a", "csv-b"))


def test_the_adversarys_part_is_the_difference_to_beta_0(swept):
    setting = sweep.Setting("bn1", 0.8, 0.3, "ganin")
    parts = {criterion: swept.less(setting, setting.without, criterion) for criterion in SELECTION}
    for criterion, part in parts.items():
        expected = [
            by_hand(swept.results.run(setting.row, swept.column, seed), criterion)
            - by_hand(swept.results.run(setting.without.row, swept.column, seed), criterion)
            for seed in (0, 1, 2)
        ]
        assert part.by_seed == pytest.approx(expected, abs=1e-12)
    assert setting.without == sweep.Setting("bn1", 0.8, 0.0, "constant")
    text = swept.markdown(swept.results.corpora(swept.runs))
    assert len({str(part.by_seed) for part in parts.values()}) == 3
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {setting.name} |"))
    assert setting.name == setting.row.name == "bn1, alpha 0.8, beta 0.3 ganin"
    cells = line.split(" | ")
    assert cells[1:7:2] == [
        writing.percent(swept.uar(setting, criterion)) for criterion in SELECTION
    ]
    assert cells[2:7:2] == [writing.percent(part, True) for part in parts.values()]
    assert len(cells) == 1 + 2 * 3 + 3
    (line,) = (line for line in text.splitlines() if line.startswith("| bn1, alpha 0.8, beta 0 |"))
    assert line.split(" | ")[2:7:2] == ["", "", ""]


def test_the_setting_to_take_has_the_largest_information(swept):
    text = swept.markdown(swept.results.corpora(swept.runs))
    best = sweep.Setting("bn1", 0.8, 2.0)
    by_information, by_source = text.split("## Chosen without labels of the target")[1].split(
        "\n- "
    )[1:]
    assert by_information.startswith(f"By the largest mutual information: {best.name}; test UAR ")
    assert writing.percent(swept.uar(best, "information")) in by_information
    part = swept.less(best, best.without, "information")
    assert writing.percent(part, True) in by_information
    assert "--alphas 0.8 --betas 2.0 --schedules constant --modes bn1 --seeds 3-7" in by_information
    assert by_source.startswith(
        "By the largest source validation UAR: bn1, alpha 0.5, beta 0; test UAR "
    )
    assert "the adversary's part" not in by_source
    saw = swept.watched(best)
    assert saw["information"] == pytest.approx(2.0)


def test_the_sweep_counts_significant_differences(swept):
    text = swept.markdown(swept.results.corpora(swept.runs))
    lines = [line for line in text.splitlines() if line.startswith("- Epoch chosen")]
    assert len(lines) == 3
    for line, criterion in zip(lines, SELECTION):
        tried = [setting for setting in swept.settings if setting.beta]
        parts = [swept.less(setting, setting.without, criterion) for setting in tried]
        sides = [part.value > 0 for part in parts if part.significant]
        assert line.endswith(f". {swept.differences(criterion)}") and "Of 8 settings" in line
        assert f"above zero in {sides.count(True)} (bn1, alpha 0.5, beta 0.3 constant; " in line
        assert f"and below in {sides.count(False)} (" in line
        best = max(swept.settings, key=lambda setting: swept.uar(setting, criterion).value)
        others = [setting for setting in swept.settings if setting != best]
        less = [swept.less(setting, best, criterion) for setting in others]
        below = sum(difference.significant and difference.value < 0 for difference in less)
        assert line.endswith(
            f"The best is {best.name}; {below} of the other 9 are significantly below it."
        )
        assert best.beta == 0.3 and below >= 6  # those without its help
    assert sides.count(True) == 4
    assert "Of 8 intervals that miss 5 times in 100, about 0.4 do" in text


def test_a_flag_given_twice_is_one_setting(swept, tmp_path):
    doubled = sweep.Sweep(grid(
        tmp_path, "--alphas", "0.5", "0.8", "0.5", "--betas", "0.3", "0.3", "2", "2.0",
        "--modes", "bn1", "bn1", "--schedules", "constant", "ganin", "constant",
    ))  # fmt: skip
    assert doubled.settings == swept.settings
    assert [run.out.name for run in doubled.runs] == [run.out.name for run in swept.runs]
    made_up_runs(doubled.results)
    assert len(doubled.figure("a title").axes) == 3 * 2


def test_beta_0_in_the_grid_is_refused(tmp_path):
    for betas in (["0"], ["1", "-1"]):
        with pytest.raises(UserError, match="expected numbers above 0"):
            sweep.Sweep(Results(asked(tmp_path, "sweep", "--betas", *betas)))


# Figures


def bars(container):
    """Of an errorbar: points (n, 2), and where the bars begin and end (n, 2, 2)."""
    line, _, (segments,) = container.lines
    return np.array(line.get_data(), float).T, np.array(segments.get_segments())


def test_the_figure_of_a_table_has_each_cell_with_its_interval(table1):
    entries = tables.entries(table1, "table1")
    heads = writing.heads_of(table1.corpora(wanted_by(table1)))
    figure = figures.table(entries, heads, "a title")
    rows = [row.name for row in TABLES["table1"]]
    assert len(figure.axes) == 5
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == rows
    for axis, head, column in zip(figure.axes, heads, [0, 1, 2, 3, None]):
        assert axis.get_title() == head.replace(", ", "\n")
        assert axis.get_xlabel() == "UAR (%)"
        for container, criterion in zip(axis.containers, tables.CRITERIA, strict=True):
            points, ends = bars(container)
            expected_entries = [
                entry for entry in entries
                if (entry.kind, entry.criterion, entry.column) == ("cell", criterion, column)
            ]  # fmt: skip
            assert container.get_label() == figures.STYLE[criterion][2]
            assert points[:, 0] == pytest.approx(
                [100 * entry.estimate.value for entry in expected_entries]
            )
            assert np.round(points[:, 1]).tolist() == list(range(5 if criterion == "target" else 4))
            expected = [100 * np.array(entry.estimate.interval) for entry in expected_entries]
            np.testing.assert_allclose(ends[:, :, 0], expected)
        (crosses,) = (line for line in axis.lines if line.get_marker() == "x")
        expected = [tables.of_paper({row: 1}, column)[0] for row in (BASE, OUR, MONO)]
        assert list(crosses.get_xdata()) == expected
        assert list(crosses.get_ydata()) == [0, 3, 4]
    assert figure.get_suptitle().startswith("a title\nbars: 95% interval")
    assert len(figure.legends[0].get_texts()) == 4


def test_figure_2_has_the_points_of_base_and_our(tmp_path):
    results = made_up_runs(Results(asked(tmp_path, "figure2", "--dimension", "valence")))
    wanted = wanted_by(results)
    assert [(run.choices.model, run.choices.seed) for run in wanted] == [("base", 0), ("our", 0)]
    figure = figures.figure2(results, results.corpora(wanted), "valence")
    for run, (left, right) in zip(wanted, (figure.axes[:2], figure.axes[2:])):
        picture = store.read_arrays(run.out / "features.npz")[0]["features"]
        for axis, group in ((left, "domains"), (right, "emotions")):
            drawn = [points.get_offsets() for points in axis.collections]
            for value in (0, 1):
                points = picture["points"][picture[group] == value]
                np.testing.assert_allclose(drawn[value], points, rtol=1e-6)
            assert axis.get_xlabel() == "component 1 (40% of the variance)"
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["Corpus csv-a (your own)", "Corpus csv-b (your own)"]
    names = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert names == ["negative valence", "positive valence"]


def test_figure_3_has_mean_and_reach_over_seeds(three):
    figure = figures.figure3(three, "a title", "arousal")
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


def test_the_figure_of_the_sweep_has_a_line_for_each_alpha(swept):
    figure = swept.figure("a title")
    assert len(figure.axes) == 3 * 2  # two schedules
    for i, schedule in enumerate(swept.args.schedules):
        assert figure.axes[i].get_title() == f"batch norm, {schedule}"
        assert figure.axes[4 + i].get_xlabel() == "beta"
        for k, criterion in ((0, "target"), (1, "information")):
            containers = figure.axes[2 * k + i].containers
            for container, alpha in zip(containers, (0.5, 0.8), strict=True):
                line = [sweep.Setting("bn1", alpha, 0.0)]
                line += [sweep.Setting("bn1", alpha, beta, schedule) for beta in (0.3, 2.0)]
                points, ends = bars(container)
                found = [swept.uar(setting, criterion) for setting in line]
                assert points[:, 1] == pytest.approx([100 * estimate.value for estimate in found])
                expected = [100 * np.array(estimate.interval) for estimate in found]
                np.testing.assert_allclose(ends[:, :, 1], expected)
                assert np.round(points[:, 0]).tolist() == [0, 1, 2]
    labels = [label.get_text() for label in figure.axes[4].get_xticklabels()]
    assert labels == ["0", "0.3", "2"]
    assert figure.axes[0].get_ylabel().startswith("test UAR (%)")


# Which runs: the plan


def main(monkeypatch, capsys, *flags):
    monkeypatch.setattr("sys.argv", ["report", *map(str, flags)])
    command.main()
    return capsys.readouterr().out.splitlines()


PAIR = ["--source", "csv:one place/a.csv", "--target", "csv:b.csv"]


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "figure2", "figure3", "claims",
                                  "sweep", "all"])  # fmt: skip
def test_every_printed_command_is_one_of_train_and_leads_to_the_same_run(
    name, monkeypatch, capsys, tmp_path
):
    flags = [name, *PAIR, "--seeds", "2", "--epochs", "7", "--split", "speaker", "--skip-bad",
             "--l1", "0.01", "--dropout", "0.5", "--cache", "a cache", "--out",
             tmp_path / "my out"]  # fmt: skip
    lines = main(monkeypatch, capsys, *flags, "--list")
    args = command.parser().parse_args([str(flag) for flag in flags])
    results = Results(args)
    names = [name for name in command.HELP if name != "all"] if name == "all" else [name]
    wanted = {run.out: run for name in names for run in command.needed(results, name)}
    assert len(lines) == len(set(lines)) == len(wanted)
    for line, run in zip(lines, wanted.values()):
        python, m, module, *given = shlex.split(line)
        assert (python, m, module) == ("python", "-m", "minidann.train")
        parsed = train.parser().parse_args(given)
        assert train.read_flags(parsed) == (run.choices, run.places)
        assert parsed.out == run.out and parsed.resume and parsed.skip_bad
        assert str(parsed.cache) == "a cache"
        assert (run.choices.epochs, run.choices.l1, run.choices.dropout) == (7, 0.01, 0.5)
        assert run.choices.split == "speaker" and run.choices.select_by == "target"
    assert not (tmp_path / "my out").exists()


@pytest.mark.parametrize("of", [("csv:a.csv", "csv:b.csv"), ("emodb:A", "ravdess:B")])
def test_each_run_has_a_folder_of_its_own_in_both_directions(of, tmp_path):
    results = Results(asked(tmp_path, "claims", "--seeds", "2", of=of))
    rows = [row for rows in TABLES.values() for row in rows]
    everything = [
        results.run(row, column, seed) for row in rows for column in COLUMNS for seed in (0, 1)
    ]
    what = {(run.choices, run.places): run.out for run in everything}
    assert len(what) == len({run.out for run in everything})
    assert len(what) == 2 * 4 * (len(set(rows)) - 3)  # AdaBN is base; BN1 is our, with beta 0 too
    there, back = (results.run(OUR, (way, "arousal"), 0) for way in (0, 1))
    assert there.places == back.places[::-1] and there.corpora == back.corpora[::-1]
    assert there.out.name != back.out.name
    assert there.out.parent == back.out.parent == tmp_path / "runs"
    if of[0].startswith("csv"):
        assert there.out.name.startswith("csv-a2csv-b-") and back.out.name.startswith(
            "csv-b2csv-a-"
        )
        mono = {results.run(MONO, (way, "arousal"), 0).places for way in (0, 1)}
        assert len(mono) == 2


STEERED = ["--beta", "0.3", "--alpha", "0.8", "--beta-schedule", "ganin"]


def test_what_a_row_says_goes_before_what_the_command_line_says(tmp_path):
    results = Results(asked(tmp_path, "table1", *STEERED))
    choices = {row: results.run(row, COLUMNS[0], 0).choices for row in (OUR, BETA0)}
    assert choices[OUR].beta == 0.3 and choices[BETA0].beta == 0.0
    assert {choice.alpha for choice in choices.values()} == {0.8}
    assert {choice.beta_schedule for choice in choices.values()} == {"ganin"}


def test_what_has_no_adversary_is_one_run_however_the_others_are_steered(tmp_path):
    steered = Results(asked(tmp_path, "table1", *STEERED, "--l1", "0.01"))
    plain = Results(asked(tmp_path, "table1", "--l1", "0.01"))
    for row in (BASE, paper.ADABN, paper.BASE_NONE, MONO):
        run, plain_run = (results.run(row, COLUMNS[1], 2) for results in (steered, plain))
        assert run == plain_run and run.out == plain_run.out
        assert not {"--beta", "--alpha", "--beta-schedule"} & {*run.arguments}
        assert run.choices.l1 == 0.01  # what is no adversary's is passed on
    for row in (OUR, BETA0):
        run, plain_run = (results.run(row, COLUMNS[1], 2) for results in (steered, plain))
        assert run.out != plain_run.out and run.choices != plain_run.choices


def test_the_paper_s_pair_is_the_demo_until_both_folders_are_given(tmp_path):
    def results(*flags):
        args = command.parser().parse_args(["table2", *flags, "--out", str(tmp_path)])
        return Results(args)

    both = results("--recola", "R", "--iemocap", "I")
    there, back = (both.run(OUR, (way, "arousal"), 0) for way in (0, 1))
    assert [str(folder) for folder in there.places] == ["R", "I"]
    assert [str(folder) for folder in back.places] == ["I", "R"]
    assert (there.choices.l1, there.choices.l2) == (0.005, 0.0)
    assert (back.choices.l1, back.choices.l2) == (0.0, 0.005)
    assert both.pair.title == "recola-iemocap" and results().pair.title == "demo"
    with pytest.raises(UserError, match="--recola is given and --iemocap is not"):
        alone = results("--recola", "R")
        alone.runs_of(TABLES["table2"])


def test_seeds_as_a_count_or_from_first_to_last():
    assert list(command.seeds("3")) == [0, 1, 2]
    assert list(command.seeds("5-7")) == [5, 6, 7]
    assert len(command.seeds("1000")) == len(command.seeds("5-1004")) == 1000
    for text in ("0", "3-1", "", "-3", "1-2-3", "x", "1.5", "1001", "0-1000", "999999999"):
        with pytest.raises(command.argparse.ArgumentTypeError):
            command.seeds(text)


def test_a_file_without_a_criterions_rows_is_named_in_one_line(tmp_path):
    results = made_up_runs(Results(asked(tmp_path, "figure3", "--seeds", "1")))
    (run,) = wanted_by(results)
    (run.out / "speakers.csv").write_text(",".join(SPEAKERS) + "\n")
    with pytest.raises(UserError, match="speakers.csv: no rows of target, own; delete") as error:
        Results(results.args).cell(OUR, COLUMNS[0], "target")
    assert "\n" not in str(error.value)
    lines = (run.out / "history.csv").read_text().splitlines()
    (run.out / "history.csv").write_text("\n".join(lines[:-2]) + "\n")
    with pytest.raises(UserError, match="10 epochs, not 12"):
        Results(results.args).curves(OUR, COLUMNS[0], 0, "target_dev_uar")


@pytest.mark.parametrize("part", ["corpora", "folders"])
def test_a_run_of_a_version_without_such_records_is_refused(three, part):
    run = wanted_by(three)[0]
    config = store.read_json(run.out / "config.json")
    del config[part]
    store.write_json(run.out / "config.json", config)
    said = refusal(three)
    assert str(run.out) in said and "another version; delete it" in said


def test_two_corpora_of_one_title_are_told_apart(tmp_path):
    results = made_up_runs(Results(asked(tmp_path, "table2", "--seeds", "1")))
    for run in wanted_by(results):
        corpora = store.read_json(run.out / "config.json")["corpora"]
        change(run, corpora={role: corpus | {"title": "table"} for role, corpus in corpora.items()})
    heads = writing.heads_of(Results(results.args).corpora(wanted_by(results)))
    assert heads[0] == "table 1 to table 2, arousal"
    assert len(set(heads)) == 5


def test_seeds_that_disagree_forbid_to_say_that_modes_do_not_differ(claimed):
    """BN4 is above, below and beside the rest: the mean is within the margin, by luck."""

    def skill(run, *_):
        return 0.7 + (run.choices.bn == "bn4") * (0.08, -0.08, 0.0)[run.choices.seed]

    found = judged(claimed, skill, noise=0.015)[claims.SAME]
    assert found.verdicts["target"] == claims.OPEN, found.here


def test_a_difference_that_may_lie_within_the_margin_is_open(claimed):
    found = judged(claimed, lambda run, *_: 0.7 + 0.021 * (run.choices.bn == "bn4"), noise=0.02)
    assert found[claims.SAME].verdicts["target"] == claims.OPEN, found[claims.SAME].here


def test_the_figure_of_the_sweep_names_each_mode(tmp_path):
    flags = ["--modes", "bn2", "none", "--alphas", "0.5", "--betas", "1", "--seeds", "1"]
    swept = sweep.Sweep(made_up_runs(Results(asked(tmp_path, "sweep", *flags))))
    titles = [axis.get_title() for axis in swept.figure("a title").axes[:4]]
    assert titles[0] == "batch norm bn2, constant" and titles[2] == "no batch norm, constant"


def test_one_planned_difference_is_one(table2):
    assert (
        "Differences, planned before any run: 1, in four columns and on average, paired by "
        "speaker. Of 5 intervals about 0.2 are expected to miss."
    ) in text_of(table2)[0]


def test_planned_differences_are_counted(table1):
    text = text_of(table1)[0]
    assert text.count("Differences, planned before any run: 6, in four columns") == 3
    assert "Of 30 intervals about 1.5 are expected to miss." in text


def test_the_average_that_is_printed_wrong_stands_beside_the_right_one(table1, table2):
    rows = [line for line in text_of(table2)[0].splitlines() if "printed: " in line]
    assert len(rows) == 3  # one for each criterion, the cell's average alone
    assert all(row.endswith("*57.81 (2.07)* | *58.53; printed: 58.32* |") for row in rows)
    assert "printed: " not in text_of(table1)[0]
    csv_rows = csv.DictReader(io.StringIO(text_of(table2)[1]))
    averages = [
        row["paper"] for row in csv_rows
        if (row["kind"], row["row"], row["column"]) == ("cell", "our, no BN", "average")
    ]  # fmt: skip
    assert averages == 3 * ["58.53"]


def test_the_heading_says_what_was_left_out(table2, tmp_path):
    assert "left out" not in text_of(table2)[0]
    results = made_up_runs(Results(asked(tmp_path, "table2", "--seeds", "1")))
    for run in wanted_by(results):
        corpora = store.read_json(run.out / "config.json")["corpora"]
        counts = {role: 3 * corpus["title"].endswith("b") for role, corpus in corpora.items()}
        change(run, corpora={r: corpus | {"left_out": counts[r]} for r, corpus in corpora.items()})
    lines = text_of(Results(results.args))[0].splitlines()
    assert "- Corpus csv-a (your own): 480 utterances, 6 speakers" in lines
    assert "- Corpus csv-b (your own): 480 utterances, 6 speakers, 3 left out as unusable" in lines


@pytest.mark.parametrize("part", ["labels", "content"])
def test_a_run_without_digests_is_of_another_version(three, part):
    run = wanted_by(three)[1]
    corpora = store.read_json(run.out / "config.json")["corpora"]
    del corpora["source"][part]
    change(run, corpora=corpora)
    said = refusal(three)
    assert str(run.out) in said and "another version; delete it" in said
