"""The doctor's page: every state of the domain classifier, and each figure as the run has it."""

import numpy as np
import pytest

from minidann.console import UserError
from minidann.report import doctor
from minidann.run import folder, store
from minidann.run.evaluation import HISTORY

LOG2 = np.log(2)
EPOCHS = 20  # the doctor looks at the last ten
LATE = np.arange(EPOCHS) >= EPOCHS - 10
NOTHING = ["nothing here asks for a change"]
LOOK = "see the data warnings of both corpora: python -m minidann.corpora"
LEVELLED = "--input levelled, which takes out the level and the silence at the ends"
LARGER = "a larger --beta than 1: it may cost emotion"
LESS = ["a smaller --beta than 1, or --beta-schedule ganin, from 0 on"]
SHIFT = "no larger beta, and --select-by source in place of information"
ONE_CLASS = "ONE CLASS is predicted for every utterance: no better than guessing."
LEANING = "other shares than the labels"
CONTROL = ("the same run with --beta 0, and with --domain-labels shuffled: is anything of the gain "
           "the adversary's?")  # fmt: skip
EVEN = ((30, 10), (10, 50))  # 60 of 100 utterances of the target are high, and as many predictions


def made_up_run(
    path, *, source=(50, 50), confusion=((30, 20), (10, 40)), distance=(1.5, 0.4), selected=None,
    choices=None, **history,
):  # fmt: skip
    """A folder with what the doctor reads; of the history a number for all epochs, or one each."""
    usual = {
        "model": "our", "bn": "bn1", "alpha": 0.5, "beta": 1.0, "beta_schedule": "constant",
        "dimension": "arousal", "seed": 3, "select_by": "target", "input": "paper",
        "domain_labels": "true",
    }  # fmt: skip
    path.mkdir(exist_ok=True)
    corpora = {"source": {"title": "Ay", "classes": source}, "target": {"title": "Bee"}}
    config = {"format": store.FORMAT, "choices": usual | (choices or {}), "corpora": corpora}
    config["constants"] = {}
    store.write_json(path / "config.json", config)
    results = {
        "test": {"uar": 0.7, "confusion": confusion},
        "corpora": "made up",
        "protocol": "epoch selected by nobody",
        "distance": distance and dict(zip(("before", "after"), distance)),
        "selected_by": selected or {"target": {"epoch": 4, "test_uar": 0.7}},
    }
    store.write_json(path / "metrics.json", results)
    columns = dict.fromkeys(HISTORY, 0.5) | {
        "domain_loss": 0.6, "dev_domain_loss": np.linspace(0.9, 0.6, EPOCHS), "domain_uar": 0.5,
        "emotion_grad_norm": 1.0, "domain_grad_norm": 1.0,
    } | history  # fmt: skip
    columns = {name: np.broadcast_to(column, EPOCHS) for name, column in columns.items()}
    rows = [{name: columns[name][i] for name in HISTORY} for i in range(EPOCHS)]
    (path / "history.csv").write_text(folder.history_csv(rows))
    return path


@pytest.fixture
def examined(tmp_path):
    """The doctor's words on a made-up run, without line breaks: (page, advice)."""

    def examine(**options):
        text = doctor.page(made_up_run(tmp_path / "run", **options))
        page, advice = text.split("What to try next:\n")
        return " ".join(page.split()), [line.removeprefix("  - ") for line in advice.splitlines()]

    return examine


# What the page can say: one phrase of each group, the first of them of the usual run, and others.
GROUPS = (
    ("BALANCED", "labels are SHUFFLED", "NOT TRAINED: alpha is 1",
     "DEAD: its loss is that of guessing", "WINNING", "OVERRUN", "BETWEEN"),
    ("Both count.", "hardly moves the encoder", "drowns emotion", "there is no adversary."),
    ("The encoder has brought them together.", "not brought the languages together.",
     "has brought them nearer, and not together.", "were so before the encoder."),
)  # fmt: skip
OTHERS = (
    "another one still sees it.", "LABEL SHIFT", LEANING, ONE_CLASS,
    "running statistics of the source",
)  # fmt: skip
NO_BETA = {"domain_grad_norm": 0.0, "choices": {"beta": 0.0}}
PLACEBO = {"choices": {"domain_labels": "shuffled"}}


@pytest.mark.parametrize(
    ("options", "phrases", "advised"),
    [
        # The domain classifier
        ({}, [], NOTHING),
        ({"domain_uar": 0.99, "choices": {"alpha": 1.0}}, ["NOT TRAINED: alpha is 1"],
         ["an alpha below 1: 0.5 is the usual value"]),
        ({"dev_domain_loss": LOG2 + np.linspace(0, 0.015, EPOCHS)},
         ["DEAD: its loss is that of guessing"],
         ["are the utterances of both domains really different? Look at the corpora"]),
        # A loss that moved, or is not that of guessing, is not dead.
        ({"dev_domain_loss": LOG2 + np.linspace(0.3, 0, EPOCHS)}, ["BALANCED"], NOTHING),
        ({"dev_domain_loss": 0.5}, ["BALANCED"], NOTHING),
        ({"domain_uar": 0.851}, ["WINNING"], [LOOK, LARGER, LEVELLED]),
        ({"domain_uar": 0.99, "choices": {"input": "levelled"}}, ["WINNING"], [LOOK, LARGER]),
        ({"domain_uar": 0.99, "domain_grad_norm": 2.9}, ["WINNING"], [LOOK, LARGER, LEVELLED]),
        ({"domain_uar": 0.99, "domain_grad_norm": 3.1}, ["WINNING", "drowns emotion"],
         [LOOK, LEVELLED, "a smaller --beta, or a larger --alpha"]),
        ({"domain_uar": 0.99, **NO_BETA}, ["WINNING", "there is no adversary."], [LOOK, LEVELLED]),
        ({"domain_uar": 0.849}, ["BETWEEN"], NOTHING),
        ({"domain_uar": 0.651}, ["BETWEEN"], NOTHING),
        ({"domain_uar": 0.649}, ["BALANCED"], NOTHING),
        ({"domain_uar": 0.401}, ["BALANCED"], NOTHING),
        ({"domain_loss": 1.5 * LOG2 - 0.01}, ["BALANCED"], NOTHING),
        ({"domain_loss": 1.5 * LOG2 + 0.01}, ["OVERRUN"], LESS),
        ({"domain_loss": 1.5 * LOG2 + 0.01, "domain_uar": 0.82}, ["OVERRUN"], LESS),
        ({"domain_loss": 1.5 * LOG2 + 0.01, "domain_uar": 0.851}, ["WINNING"],
         [LOOK, LARGER, LEVELLED]),
        ({"dev_domain_loss": 1.5 * LOG2 + 0.01}, ["OVERRUN"], LESS),
        ({"domain_uar": 0.399}, ["OVERRUN"], LESS),
        ({"domain_uar": 0.3, **NO_BETA}, ["OVERRUN", "there is no adversary."], NOTHING),
        (PLACEBO, ["labels are SHUFFLED"], NOTHING),
        ({"domain_uar": 0.3, "domain_grad_norm": 0.05, "distance": (1.9, 1.7), **PLACEBO},
         ["labels are SHUFFLED", "hardly moves the encoder", "not brought the languages together."],
         NOTHING),
        # The gradient norms
        ({"emotion_grad_norm": 2.0, "domain_grad_norm": 0.1}, ["hardly moves the encoder"],
         ["a larger --beta, or a smaller --alpha"]),
        ({"emotion_grad_norm": 2.0, "domain_grad_norm": 10.0}, ["drowns emotion"],
         ["a smaller --beta, or a larger --alpha"]),
        # The distance before and after
        ({"distance": (1.5, 1.21)}, ["not brought the languages together."], NOTHING),  # noise
        ({"distance": (1.5, 1.19)}, ["has brought them nearer, and not together."], NOTHING),
        ({"distance": (1.5, 0.6)}, ["has brought them nearer, and not together."], NOTHING),
        ({"distance": (0.6, 0.5)}, ["were so before the encoder."], NOTHING),
        ({"distance": (0.7, 0.51)}, ["not brought the languages together."], NOTHING),
        ({"distance": (0.5, 0.21)}, ["were so before the encoder."], NOTHING),
        ({"distance": (0.5, 0.19)}, [], NOTHING),
        ({"distance": (1.9, 1.7)},
         ["not brought the languages together.", "another one still sees it."], [CONTROL]),
        ({"distance": (1.9, 1.7), **NO_BETA},
         ["not brought the languages together.", "there is no adversary."], NOTHING),
        # The shares of the classes
        ({"source": (45, 55), "confusion": EVEN},
         ["High is 55% of the source, and 60% of the predictions on the target's test set.",
          "By the labels, which adaptation must not see, it is 60% of them."], NOTHING),
        ({"source": (55, 45), "confusion": EVEN}, ["LABEL SHIFT"], [SHIFT]),
        # No page asks for a larger and for no larger beta.
        ({"source": (55, 45), "confusion": EVEN, "domain_uar": 0.99}, ["LABEL SHIFT", "WINNING"],
         [LOOK, LEVELLED, SHIFT]),
        ({"source": (45, 55), "confusion": ((1, 39), (0, 60)), "choices": {"dimension": "valence"}},
         ["Positive is 55% of the source, and 99% of the predictions", LEANING], NOTHING),
        ({"source": (45, 55), "confusion": ((40, 0), (60, 0))}, [ONE_CLASS],
         ["another seed, more epochs, a smaller --beta"]),
        ({"source": (45, 55), "confusion": ((0, 40), (0, 60)), "distance": (1.9, 1.7),
          "choices": {"model": "base"}},
         [ONE_CLASS, "running statistics of the source", "not brought the languages together."],
         ["--model our --beta 0, whose batch norm sees the target, or AdaBN (below)"]),
    ],
)  # fmt: skip
def test_each_finding_has_its_words_and_its_advice(examined, options, phrases, advised):
    page, advice = examined(**options)
    groups = GROUPS[2:] if options.get("choices") == {"model": "base"} else GROUPS
    usual = [group[0] for group in groups if not set(group) & set(phrases)]
    known = [phrase for group in (*GROUPS, OTHERS) for phrase in group]
    assert {phrase for phrase in (*known, *phrases) if phrase in page} == {*phrases, *usual}
    assert advice == advised
    if "distance" in options:
        before, after = options["distance"]
        assert f"Proxy A-distance: {before:.2f} before" in page and f"{after:.2f} after" in page
        assert "differences below 0.3 say nothing" in page


def test_the_figures_are_those_of_the_last_ten_epochs(examined):
    page, _ = examined(
        domain_uar=np.where(LATE, 0.71, 0.1), dev_domain_loss=np.where(LATE, 0.53, 9),
        domain_loss=np.where(LATE, 0.83, 9),
    )  # fmt: skip
    assert (
        "In the last epochs (10), the domain classifier is right about 71% of development "
        "utterances and as many of the source (50% is guessing), with a loss of 0.53; in training "
        "0.83 (guessing: 0.69)."
    ) in page


def test_the_heading_says_which_run_and_what_came_of_it(examined, tmp_path):
    choices = {"beta": 0.3, "beta_schedule": "ganin", "alpha": 0.8, "bn": "bn2"}
    assert examined(choices=choices)[0].startswith(
        f"{tmp_path / 'run'} Ay to Bee (made up), arousal: our, alpha 0.8, beta 0.3 ganin, bn2, "
        "seed 3; test UAR 70.0%, epoch selected by nobody 1. "
    )


def test_the_ratio_of_gradient_norms_is_a_median_of_the_last_epochs(examined):
    late = np.arange(EPOCHS) >= 16  # four epochs of the last ten
    grad_norm = np.where(late, 100.0, np.where(LATE, 0.37, 0.001))
    page, _ = examined(domain_grad_norm=grad_norm)
    assert "is 0.37 times that of emotion (median of the last epochs: 10)" in page


def test_of_a_short_run_the_second_half_is_looked_at(examined, monkeypatch):
    monkeypatch.setitem(globals(), "EPOCHS", 3)
    domain = {"domain_loss": [2.9, 0.8, 0.3], "dev_domain_loss": [1.0, 0.6, 0.1]}
    page, _ = examined(domain_uar=[0.5, 0.6, 0.96], **domain)
    assert "is WINNING" in page and "epochs (1), the domain classifier is right about 96%" in page


def test_a_target_without_labels(tmp_path):
    run = made_up_run(tmp_path / "run", source=(45, 55))
    rows = [("part", "predicted"), ("dev", "low"), ("test", "high"), ("test", "low")]
    (run / "predictions.csv").write_text(store.csv_text(rows))
    results = store.read_json(run / "metrics.json")
    store.write_json(run / "metrics.json", results | {"test": None, "selected_by": {}})
    page = " ".join(doctor.page(run).split())
    assert "seed 3; no test UAR, because the target has no labels, epoch selected" in page
    assert "High is 55% of the source, and 33% of the predictions" in page
    assert page.count("Only labels of the target could say") == 1
    assert "Test UAR" not in page


def test_what_selected_the_epoch(examined):
    selected = {
        "target": {"epoch": 9, "test_uar": 0.71},
        "source": {"epoch": 2, "test_uar": 0.64},
        "information": {"epoch": 7, "test_uar": 0.68},
        "target with adabn": {"epoch": 5, "test_uar": 0.99},
    }
    page, advice = examined(selected=selected)
    for line in (
        "71.0% by labels of the target (epoch 9)",
        "64.0% by labels of the source validation set (epoch 2)",
        "68.0% by mutual information on the target (epoch 7)",
        "99.0% by labels of the target, and AdaBN (epoch 5)",
    ):
        assert line in page
    assert "They are far apart" in page
    assert advice == ["more seeds, and all three choices of the epoch in the report of it"]
    selected["source"]["test_uar"] = 0.67  # AdaBN is no other choice of an epoch
    page, advice = examined(selected=selected)
    assert "They are far apart" not in page and advice == NOTHING


def test_ranking_against_threshold(examined):
    about = {"epoch": 4, "test_uar": 0.52, "auc": 0.81, "share_matched_uar": 0.74}
    page, _ = examined(selected={"target": about})
    assert "AUC is 81.0%, test UAR 52.0% at the threshold of 1/2, and 74.0% where" in page
    assert "The THRESHOLD IS OFF" in page
    assert "THRESHOLD" in examined(selected={"target": about | {"test_uar": 0.689}})[0]
    assert "THRESHOLD" not in examined(selected={"target": about | {"test_uar": 0.691}})[0]


@pytest.mark.parametrize("name", ["base", "mono"])
def test_base_and_mono_have_no_adversary_to_speak_of(examined, name):
    columns = ("domain_loss", "dev_domain_loss", "domain_uar", "domain_grad_norm")
    page, _ = examined(
        choices={"model": name}, distance=None if name == "mono" else (1.0, 1.0), source=(20, 80),
        **dict.fromkeys(columns, np.nan),
    )  # fmt: skip
    assert "domain classifier" not in page and "nan" not in page and "alpha" not in page
    assert f"{name}, seed 3; test UAR 70.0%" in page
    assert "1." in page and "Test UAR by what chose the epoch" in page
    assert ("Proxy A-distance" in page) == (name == "base")
    # mono is trained on the target itself: what differs there is no shift between languages
    assert ("LABEL SHIFT" in page) == (name == "base")


def test_what_is_no_finished_run_of_this_version_is_an_error_in_one_line(tmp_path):
    run = made_up_run(tmp_path / "run")
    config = store.read_json(run / "config.json")
    store.write_json(run / "config.json", config | {"format": store.FORMAT - 1})
    assert refused(run) == f"{run}: {store.EARLIER}"
    store.write_json(run / "config.json", config)
    (run / "metrics.json").unlink()
    assert refused(run) == f"{run}: not finished; its command with --resume goes on"
    assert "not found" in refused(tmp_path / "nowhere")
    del config["choices"]
    store.write_json(run / "config.json", config)
    assert "config.json: damaged, or not minidann's ('choices')" in refused(run)


def refused(run):
    with pytest.raises(UserError) as error:
        doctor.page(run)
    assert str(run) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)
