"""The doctor's page: every state of the domain classifier, and each figure as the run has it."""

import re

import numpy as np
import pytest

from minidann.console import UserError
from minidann.report import doctor
from minidann.run import folder, store
from minidann.run.evaluation import HISTORY

LOG2 = np.log(2)
EPOCHS = 14  # the doctor looks at the last ten
LATE = np.arange(EPOCHS) >= EPOCHS - 10
NOTHING = ["nothing here asks for a change"]
LOOK = "see what gives the corpus away (python -m minidann.corpora): silence, level"
LARGER = (
    "a larger --beta than 1: it may cost emotion, and the more so where classes have other shares "
    "in the target"
)
EVEN = ((30, 10), (10, 50))  # 60 of 100 utterances of the target are high, and as many predictions


def made_up_run(
    path, *, source=(50, 50), confusion=((30, 20), (10, 40)), distance=(1.5, 0.4), selected=None,
    choices=None, **history,
):  # fmt: skip
    """A folder with what the doctor reads; of the history a number for all epochs, or one each."""
    usual = {
        "model": "our", "bn": "bn1", "alpha": 0.5, "beta": 1.0, "beta_schedule": "constant",
        "dimension": "arousal", "seed": 3,
    }  # fmt: skip
    path.mkdir(exist_ok=True)
    corpora = {"source": {"title": "Ay", "classes": source}, "target": {"title": "Bee"}}
    config = {"format": store.FORMAT, "choices": usual | (choices or {}), "corpora": corpora}
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


@pytest.mark.parametrize(
    ("state", "options", "advised"),
    [
        ("DEAD: alpha is 1", {"domain_uar": 0.99, "choices": {"alpha": 1.0}},
         ["an alpha below 1: 0.5 is the usual value"]),
        ("DEAD: its loss is that of guessing",
         {"dev_domain_loss": LOG2 + np.linspace(0, 0.015, EPOCHS)},
         ["are the utterances of both domains really different? Look at the corpora"]),
        # A loss that moved, or is not that of guessing, is not dead.
        ("BALANCED", {"dev_domain_loss": LOG2 + np.linspace(0.3, 0, EPOCHS)}, NOTHING),
        ("BALANCED", {"dev_domain_loss": 0.5}, NOTHING),
        ("WINNING", {"domain_uar": 0.851}, [LOOK, LARGER]),
        ("WINNING", {"domain_uar": 0.99, "domain_grad_norm": 2.9}, [LOOK, LARGER]),
        # It drowns emotion already.
        ("WINNING", {"domain_uar": 0.99, "domain_grad_norm": 3.1},
         [LOOK, "a smaller --beta, or a larger --alpha"]),
        ("WINNING", {"domain_uar": 0.99, "domain_grad_norm": 0.0, "choices": {"beta": 0.0}},
         NOTHING),
        ("BETWEEN", {"domain_uar": 0.849}, NOTHING),
        ("BETWEEN", {"domain_uar": 0.651}, NOTHING),
        ("BALANCED", {"domain_uar": 0.649}, NOTHING),
        ("BALANCED", {"domain_uar": 0.401}, NOTHING),
        ("BALANCED", {"domain_loss": 1.5 * LOG2 - 0.01}, NOTHING),
        ("OVERRUN", {"domain_loss": 1.5 * LOG2 + 0.01},
         ["a smaller --beta than 1, or --beta-schedule ganin, from 0 on"]),
        ("OVERRUN", {"domain_uar": 0.399},
         ["a smaller --beta than 1, or --beta-schedule ganin, from 0 on"]),
        ("OVERRUN", {"domain_uar": 0.3, "domain_grad_norm": 0.0, "choices": {"beta": 0.0}},
         NOTHING),
    ],
)  # fmt: skip
def test_each_state_of_the_domain_classifier_has_its_word_and_its_advice(
    examined, state, options, advised
):
    page, advice = examined(**options)
    assert f"1. The domain classifier is {state}" in page
    words = re.findall(r"\b(DEAD|WINNING|OVERRUN|BALANCED|BETWEEN)\b", page)
    assert words == [state.split(":")[0]]
    assert advice == advised
    nothing_works = "beta is 0, so nothing works against it." in page
    assert nothing_works == (state == "WINNING" and options.get("choices") == {"beta": 0.0})


def test_the_figures_are_those_of_the_last_ten_epochs(examined):
    page, _ = examined(
        domain_uar=np.where(LATE, 0.71, 0.1), dev_domain_loss=np.where(LATE, 0.53, 9),
        domain_loss=np.where(LATE, 0.83, 9),
    )  # fmt: skip
    assert (
        "In the last epochs (at most 10) it is right about 71% of development utterances and as "
        "many of "
        "the source (50% is guessing), with a loss of 0.53; in training 0.83 (guessing: 0.69)."
    ) in page


def test_the_heading_says_which_run_and_what_came_of_it(examined, tmp_path):
    choices = {"beta": 0.3, "beta_schedule": "ganin", "alpha": 0.8, "bn": "bn2"}
    assert examined(choices=choices)[0].startswith(
        f"{tmp_path / 'run'} Ay to Bee (made up), arousal: our, alpha 0.8, beta 0.3 ganin, bn2, "
        "seed 3; test UAR 70.0 %, epoch selected by nobody 1. "
    )


GRAD_NORMS = [
    (0.05, {}, "hardly moves the encoder", "a larger --beta, or a smaller --alpha"),
    (5.0, {}, "drowns emotion", "a smaller --beta, or a larger --alpha"),
    (1.0, {}, "Both count.", *NOTHING),
    (0.0, {"beta": 0.0}, "beta is 0: nothing is reversed, and there is no adversary.", *NOTHING),
    (np.inf, {"alpha": 0.0}, "alpha is 0: emotion has no weight.",
     "an alpha above 0: 0.5 is the usual value"),
]  # fmt: skip


@pytest.mark.parametrize(("ratio", "choices", "words", "advised"), GRAD_NORMS)
def test_the_ratio_of_gradient_norms_has_its_words(examined, ratio, choices, words, advised):
    norms = (0.0, 1.0) if ratio == np.inf else (2.0, 2 * ratio)
    page, advice = examined(emotion_grad_norm=norms[0], domain_grad_norm=norms[1], choices=choices)
    assert words in page and advice == [advised]
    assert not any(case[2] in page for case in GRAD_NORMS if case[2] != words)
    assert ("times that of emotion" in page) == (not choices)


def test_the_ratio_of_gradient_norms_is_a_median_of_the_first_and_of_the_last_epochs(examined):
    late = np.arange(EPOCHS) >= 10  # four epochs of the last ten, and none of the first ten
    early = np.arange(EPOCHS) < 5
    grad_norm = np.where(late, 100.0, np.where(early, 0.001, 0.37))
    page, _ = examined(domain_grad_norm=grad_norm)
    assert "is 0.37 times that of emotion" in page
    assert "(median of the last epochs, at most 10; of the first 0.19)" in page


SHIFT = "no larger beta, and --select-by source in place of information, under label shift"
ONE_CLASS = "ONE CLASS is predicted for every utterance: the UAR is that of guessing."


@pytest.mark.parametrize(
    ("options", "words", "advised"),
    [
        ({"source": (45, 55), "confusion": EVEN},
         ["High is 55% of the source, and 60% of the predictions on the target's test set.",
          "(By the labels, which adaptation must not see, it is 60% of them.)"], NOTHING),
        ({"source": (55, 45), "confusion": EVEN}, ["LABEL SHIFT"], [SHIFT]),
        ({"source": (45, 55), "confusion": ((10, 30), (0, 60)),
          "choices": {"dimension": "valence"}},
         ["Positive is 55% of the source, and 90% of the predictions", "lean to one class"],
         NOTHING),
        ({"source": (45, 55), "confusion": ((1, 39), (0, 60))}, ["lean to one class"], NOTHING),
        ({"source": (45, 55), "confusion": ((40, 0), (60, 0))}, [ONE_CLASS],
         ["another seed, more epochs, a smaller --beta"]),
        ({"source": (45, 55), "confusion": ((0, 40), (0, 60)), "choices": {"model": "base"}},
         [ONE_CLASS, "running statistics of the source"],
         ["--model our --beta 0, whose batch norm sees the target, or AdaBN (below)"]),
    ],
)  # fmt: skip
def test_the_shares_of_the_classes(examined, options, words, advised):
    page, advice = examined(**options)
    assert all(text in page for text in words) and advice == advised
    for text in ("LABEL SHIFT", "lean to one class", ONE_CLASS, "running statistics"):
        assert (text in page) == any(text in word for word in words)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (1.5, 1.45, "The encoder has not brought the languages together."),
        (1.5, 1.21, "The encoder has not brought the languages together."),  # within the noise
        (1.5, 1.19, "The encoder has brought them nearer, and not together."),
        (0.6, 0.5, "The encoder has not brought the languages together."),
        (0.5, 0.1, "They are close, with the encoder and without it."),
        (0.1, 0.5, "They are close, with the encoder and without it."),
        (1.5, 0.6, "The encoder has brought them nearer, and not together."),
        (1.5, 0.4, "The encoder has brought them together."),
    ],
)
def test_the_distance_before_and_after(examined, before, after, words):
    page, advice = examined(distance=(before, after))
    assert f"Proxy A-distance: {before:.2f} before" in page and f"{after:.2f} after" in page
    assert words in page and len(re.findall("The encoder has|They are close", page)) == 1
    assert "differences below 0.3 say nothing" in page
    assert advice == NOTHING


def test_languages_that_are_still_apart_ask_for_the_control_without_an_adversary(examined):
    control = "the same run with --beta 0: is anything of the gain the adversary's?"
    assert control in examined(distance=(1.9, 1.7))[1]
    for choices in ({"beta": 0.0}, {"model": "base"}):
        assert control not in examined(distance=(1.9, 1.7), choices=choices)[1]
    for missing in (None, (None, None)):
        assert "No proxy A-distance: it takes two languages" in examined(distance=missing)[0]


def test_what_selected_the_epoch(examined):
    selected = {
        "target": {"epoch": 9, "test_uar": 0.71},
        "source": {"epoch": 2, "test_uar": 0.64},
        "information": {"epoch": 7, "test_uar": 0.68},
        "target with adabn": {"epoch": 5, "test_uar": 0.99},
    }
    page, advice = examined(selected=selected)
    for line in (
        "71.0 % by labels of the target (epoch 9)",
        "64.0 % by labels of the source validation set (epoch 2)",
        "68.0 % by mutual information on the target (epoch 7)",
        "99.0 % by labels of the target, and AdaBN (epoch 5)",
    ):
        assert line in page
    assert "They are far apart" in page
    assert advice == ["more seeds, and all three choices of the epoch in the report of it"]
    selected["source"]["test_uar"] = 0.67  # AdaBN is no other choice of an epoch
    page, advice = examined(selected=selected)
    assert "They are far apart" not in page and advice == NOTHING


@pytest.mark.parametrize("name", ["base", "mono"])
def test_base_and_mono_have_no_adversary_to_speak_of(examined, name):
    columns = ("domain_loss", "dev_domain_loss", "domain_uar", "domain_grad_norm")
    page, _ = examined(
        choices={"model": name}, distance=None if name == "mono" else (1.0, 1.0), source=(20, 80),
        **dict.fromkeys(columns, np.nan),
    )  # fmt: skip
    assert "domain classifier" not in page and "nan" not in page and "alpha" not in page
    assert f"{name}, seed 3; test UAR 70.0 %" in page
    assert "1." in page and "Test UAR by what chose the epoch" in page
    # mono is trained on the target itself: what differs there is no shift between languages
    assert ("LABEL SHIFT" in page) == (name == "base")
    assert ("Ay to Bee" in page) == (name == "base")


def test_what_is_no_finished_run_of_this_version_is_an_error_in_one_line(tmp_path):
    run = made_up_run(tmp_path / "run")
    config = store.read_json(run / "config.json")
    store.write_json(run / "config.json", config | {"format": store.FORMAT - 1})
    assert refused(run) == f"{run}: {store.EARLIER}"
    store.write_json(run / "config.json", config)
    (run / "metrics.json").unlink()
    assert refused(run) == f"{run}: not finished; its command with --resume goes on"
    assert "not found" in refused(tmp_path / "nowhere")


def refused(run):
    with pytest.raises(UserError) as error:
        doctor.page(run)
    assert str(run) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)
