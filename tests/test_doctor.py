"""The doctor's page: every state of the domain classifier, and each figure as the run has it."""

import csv
import json
import re

import numpy as np
import pytest

from minidann.console import UserError
from minidann.report import doctor
from minidann.run.evaluation import HISTORY

LOG2 = np.log(2)
EPOCHS = 14  # the doctor looks at the last ten


def columns(epochs=EPOCHS, **given):
    """A history, column by column: one number for all epochs, or one an epoch."""
    usual = dict.fromkeys(HISTORY, 0.5) | {
        "domain_loss": 0.6, "dev_domain_loss": np.linspace(0.9, 0.6, epochs), "domain_uar": 0.5,
        "emotion_grad_norm": 1.0, "domain_grad_norm": 1.0,
    }  # fmt: skip
    usual |= {"epoch": np.arange(1, epochs + 1)}
    return {name: np.broadcast_to(values, epochs) for name, values in (usual | given).items()}


def made_up_run(
    folder, history=None, *, source=(50, 50), confusion=((30, 20), (10, 40)), chosen=None,
    distance=(1.5, 0.4), **choices,
):  # fmt: skip
    """A folder with what the doctor reads."""
    choices = {
        "model": "our", "bn": "bn1", "alpha": 0.5, "beta": 1.0, "beta_schedule": "constant",
        "dimension": "arousal", "seed": 3,
    } | choices  # fmt: skip
    folder.mkdir(exist_ok=True)
    corpora = {"source": {"title": "Ay", "classes": source}, "target": {"title": "Bee"}}
    config = {"choices": choices, "corpora": corpora}
    (folder / "config.json").write_text(json.dumps(config))
    apart = distance and {"before": distance[0], "after": distance[1]}
    results = {
        "test": {"uar": 0.7, "confusion": confusion},
        "corpora": "made up",
        "protocol": "epoch chosen by nobody",
        "distance": apart,
        "selected_by": chosen or {"target": {"epoch": 4, "test_uar": 0.7}},
    }
    (folder / "metrics.json").write_text(json.dumps(results))
    with open(folder / "history.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HISTORY)
        found = columns() if history is None else history
        rows = zip(*(found[name] for name in HISTORY))
        table.writerows(["" if np.isnan(value) else value for value in row] for row in rows)
    return folder


@pytest.fixture
def examined(tmp_path):
    """What the doctor says of a made-up run, without its line breaks: (page, advice)."""

    def examine(*args, **options):
        text = doctor.page(made_up_run(tmp_path / "run", *args, **options))
        page, advice = text.split("What to try next:\n")
        return " ".join(page.split()), advice.splitlines()

    return examine


STATES = {  # the word: history, choices, what is advised, and what is not
    "DEAD: alpha is 1": ({"domain_uar": 0.99}, {"alpha": 1.0}, "an alpha below 1", "--beta"),
    "DEAD: its loss is that of guessing": (
        {"dev_domain_loss": LOG2 + np.linspace(0, 0.015, EPOCHS)}, {}, "really differ", "--beta",
    ),
    "WINNING": ({"domain_uar": 0.86}, {}, "a larger --beta than 1: it may cost", "smaller"),
    "OVERRUN": ({"domain_uar": 0.39}, {}, "a smaller --beta than 1, or --beta-schedule", "larger"),
    "BALANCED": ({"domain_uar": 0.64}, {}, "nothing here asks for a change", "--beta"),
    "BETWEEN": ({"domain_uar": 0.75}, {}, "nothing here asks for a change", "--beta"),
}  # fmt: skip


@pytest.mark.parametrize("word", STATES)
def test_each_state_of_the_domain_classifier_has_its_word_and_its_advice(examined, word):
    history, choices, advised, not_advised = STATES[word]
    page, advice = examined(columns(**history), **choices)
    assert f"1. The domain classifier is {word}" in page
    words = re.findall(r"\b(DEAD|WINNING|OVERRUN|BALANCED|BETWEEN)\b", page)
    assert words == [word.split(":")[0]]
    assert advised in "\n".join(advice)
    assert not_advised not in "\n".join(advice)


def test_a_high_loss_in_training_is_overrun_as_well(examined):
    assert "is OVERRUN" in examined(columns(domain_loss=1.5 * LOG2 + 0.01))[0]
    assert "is BALANCED" in examined(columns(domain_loss=1.5 * LOG2 - 0.01))[0]


def test_a_loss_that_moved_or_is_not_that_of_guessing_is_not_dead(examined):
    assert "DEAD" not in examined(columns(dev_domain_loss=LOG2 + np.linspace(0.3, 0, EPOCHS)))[0]
    assert "DEAD" not in examined(columns(dev_domain_loss=0.5))[0]


def test_the_edges_of_the_states(examined):
    for uar, word in ((0.849, "BETWEEN"), (0.851, "WINNING"), (0.401, "BALANCED"),
                      (0.649, "BALANCED"), (0.651, "BETWEEN"), (0.399, "OVERRUN")):  # fmt: skip
        assert f"is {word}" in examined(columns(domain_uar=uar))[0], uar


def test_the_figures_are_those_of_the_last_ten_epochs(examined):
    late = np.arange(EPOCHS) >= EPOCHS - doctor.LAST
    page, _ = examined(columns(
        domain_uar=np.where(late, 0.71, 0.1), dev_domain_loss=np.where(late, 0.53, 9),
        domain_loss=np.where(late, 0.83, 9),
    ))  # fmt: skip
    assert (
        "In the last 10 epochs it is right about 71% of development utterances and as many of the "
        "source (50% is guessing), with a loss of 0.53; in training 0.83 (guessing: 0.69)." in page
    )


def test_fewer_epochs_than_ten_are_counted_and_one_is_one(examined):
    page, _ = examined(columns(4))
    assert "In the last 4 epochs it is right" in page
    assert "(median of the last 4 epochs; of the first 1)" in page
    page, _ = examined(columns(1))
    assert "In its one epoch it is right" in page and "(median of its one epoch; of the" in page
    assert "last 1 epochs" not in page


def test_the_heading_says_which_run_and_what_came_of_it(examined, tmp_path):
    page, _ = examined(beta=0.3, beta_schedule="ganin", alpha=0.8, bn="bn2")
    assert page.startswith(
        f"{tmp_path / 'run'} Ay to Bee (made up), arousal: our, alpha 0.8, beta 0.3 ganin, bn2, "
        "seed 3; test UAR 70.0 %, epoch chosen by nobody 1. "
    )


GRAD_NORMS = [
    (0.05, 1.0, "hardly moves the encoder", "a larger --beta, or a smaller --alpha"),
    (5.0, 1.0, "drowns emotion", "a smaller --beta, or a larger --alpha"),
    (1.0, 1.0, "Both count.", "nothing here asks for a change"),
    (
        0.0,
        0.0,
        "beta is 0: nothing is reversed, and there is no adversary.",
        "nothing here asks for a change",
    ),
]


@pytest.mark.parametrize(("grad_norm", "beta", "words", "advised"), GRAD_NORMS)
def test_the_ratio_of_gradient_norms_has_its_words(examined, grad_norm, beta, words, advised):
    page, advice = examined(
        columns(emotion_grad_norm=2.0, domain_grad_norm=2 * grad_norm), beta=beta
    )
    assert words in page
    assert [f"  - {advised}"] == advice
    other_words = [case[2] for case in GRAD_NORMS if case[2] != words]
    assert not any(word in page for word in other_words)


def test_the_ratio_of_the_pulls_is_a_median_of_the_first_and_of_the_last_epochs(examined):
    late = np.arange(EPOCHS) >= 10  # four epochs of the last ten, and none of the first ten
    early = np.arange(EPOCHS) < 4
    grad_norm = np.where(late, 100.0, np.where(early, 0.001, 0.37))
    page, _ = examined(columns(domain_grad_norm=grad_norm))
    ratio = grad_norm[-10:]
    assert f"is {np.median(ratio):.2g} times that of emotion" in page
    assert "of the last 10 epochs; of the first 0.37)" in page


def test_a_winner_without_an_adversary_is_not_told_to_take_more_of_it(examined):
    page, advice = examined(columns(domain_uar=0.99, domain_grad_norm=0.0), beta=0.0)
    assert "WINNING" in page and "beta is 0, so nothing works against it." in page
    assert advice == ["  - nothing here asks for a change"]
    assert "2. beta is 0: nothing is reversed, and there is no adversary." in page
    assert "times that of emotion" not in page
    page, advice = examined(columns(domain_uar=0.99))
    assert "beta is 0" not in page
    assert any("what gives the corpus away" in line for line in advice)


def test_a_winner_that_drowns_emotion_already_is_not_told_to_take_a_larger_beta(examined):
    _, advice = examined(columns(domain_uar=0.99, domain_grad_norm=3.1))
    assert not any("a larger --beta" in line for line in advice)
    assert any("what gives the corpus away" in line for line in advice)
    assert "  - a smaller --beta, or a larger --alpha" in advice
    _, advice = examined(columns(domain_uar=0.99, domain_grad_norm=2.9))
    assert any("a larger --beta than 1" in line for line in advice)


def test_without_an_adversary_none_is_too_strong(examined):
    page, advice = examined(columns(domain_uar=0.3, domain_grad_norm=0.0), beta=0.0)
    assert "OVERRUN" in page and advice == ["  - nothing here asks for a change"]


def test_alpha_0_gives_emotion_no_weight(examined):
    """No ratio of gradient norms: that of emotion is 0."""
    page, advice = examined(columns(emotion_grad_norm=0.0), alpha=0.0)
    assert "2. alpha is 0: emotion has no weight." in page
    assert "times that of emotion" not in page and "inf" not in page.replace("information", "")
    assert advice == ["  - an alpha above 0: 0.5 is the usual value"]


def test_classes_with_other_shares_in_the_target_are_a_label_shift(examined):
    """60 of 100 utterances of the target are high, and 60 are predicted to be."""
    even = ((30, 10), (10, 50))
    page, _ = examined(source=(45, 55), confusion=even)
    assert "High is 55% of the source, and 60% of the predictions on the target's test set." in page
    assert "(By the labels, which adaptation must not see, it is 60% of them.)" in page
    assert "LABEL SHIFT" not in page and "lean to one class" not in page
    page, _ = examined(source=(55, 45), confusion=even)
    assert "LABEL SHIFT" in page and "lean to one class" not in page
    page, _ = examined(source=(45, 55), confusion=((10, 30), (0, 60)), dimension="valence")
    assert "Positive is 55% of the source, and 90% of the predictions" in page
    assert "LABEL SHIFT" not in page and "lean to one class" in page


def test_a_label_shift_has_advice_of_its_own(examined):
    advised = (
        "  - no larger beta, and --select-by source in place of information, under label shift"
    )
    even = ((30, 10), (10, 50))
    assert examined(source=(55, 45), confusion=even)[1] == [advised]
    assert examined(source=(45, 55), confusion=even)[1] == ["  - nothing here asks for a change"]


def test_a_single_class_for_every_utterance_is_called_so(examined):
    for confusion in (((40, 0), (60, 0)), ((0, 40), (0, 60))):
        page, advice = examined(source=(45, 55), confusion=confusion, model="base")
        assert "ONE CLASS is predicted for every utterance: the UAR is that of guessing." in page
        assert "lean to one class" not in page and "running statistics of the source" in page
        assert len(advice) == 1 and "--model our --beta 0" in advice[0]
        page, advice = examined(source=(45, 55), confusion=confusion)
        assert "ONE CLASS" in page and "running statistics" not in page
        assert advice == ["  - another seed, more epochs, a smaller --beta"]
    assert "ONE CLASS" not in examined(source=(45, 55), confusion=((1, 39), (0, 60)))[0]


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
    assert advice == ["  - nothing here asks for a change"]


def test_languages_that_are_still_apart_ask_for_the_control_without_an_adversary(examined):
    _, advice = examined(distance=(1.9, 1.7))
    assert "  - the same run with --beta 0: is anything of the gain the adversary's?" in advice
    for options in ({"beta": 0.0}, {"model": "base"}):
        _, advice = examined(distance=(1.9, 1.7), **options)
        assert not any("--beta 0" in line for line in advice)


def test_without_a_distance_the_page_says_why(examined):
    for none in (None, (None, None)):
        assert "No proxy A-distance: it takes two languages" in examined(distance=none)[0]


def test_what_chose_the_epoch(examined):
    chosen = {
        "target": {"epoch": 9, "test_uar": 0.71},
        "source": {"epoch": 2, "test_uar": 0.64},
        "information": {"epoch": 7, "test_uar": 0.68},
        "target with adabn": {"epoch": 5, "test_uar": 0.99},
    }
    page, advice = examined(chosen=chosen)
    for line in (
        "71.0 % by labels of the target (epoch 9)",
        "64.0 % by labels of the source validation set (epoch 2)",
        "68.0 % by mutual information on the target (epoch 7)",
        "99.0 % by labels of the target, and AdaBN (epoch 5)",
    ):
        assert line in page
    assert "They are far apart" in page
    assert advice == ["  - more seeds, and all three choices of the epoch in the report of it"]
    chosen["source"]["test_uar"] = 0.67  # AdaBN is no other choice of an epoch
    page, advice = examined(chosen=chosen)
    assert "They are far apart" not in page
    assert advice == ["  - nothing here asks for a change"]


@pytest.mark.parametrize("name", ["base", "mono"])
def test_base_and_mono_have_no_adversary_to_speak_of(examined, name):
    nothing = dict.fromkeys(
        ("domain_loss", "dev_domain_loss", "domain_uar", "domain_grad_norm"), np.nan
    )
    distance = None if name == "mono" else (1.0, 1.0)
    page, _ = examined(columns(**nothing), model=name, distance=distance, source=(20, 80))
    assert "domain classifier" not in page and "nan" not in page and "alpha" not in page
    assert f"{name}, seed 3; test UAR 70.0 %" in page
    assert "1." in page and "Test UAR by what chose the epoch" in page
    # mono is trained on the target itself: what differs there is no shift between languages
    assert ("LABEL SHIFT" in page) == (name == "base")
    assert ("Ay to Bee" in page) == (name == "base")


def test_a_run_without_the_records_is_an_error_in_one_line(tmp_path):
    run = made_up_run(tmp_path / "run")
    whole = {name: (run / name).read_text() for name in ("config.json", "metrics.json")}
    results, config = json.loads(whole["metrics.json"]), json.loads(whole["config.json"])
    for part in ("distance", "selected_by", "test", "protocol"):
        (run / "metrics.json").write_text(
            json.dumps({name: value for name, value in results.items() if name != part})
        )
        refused(run)
    (run / "metrics.json").write_text(whole["metrics.json"])
    for part in ("choices", "corpora"):
        (run / "config.json").write_text(
            json.dumps({name: value for name, value in config.items() if name != part})
        )
        refused(run)
    (run / "config.json").write_text(whole["config.json"])
    (run / "history.csv").write_text("epoch,emotion_loss\n1,0.5\n")  # an old version's columns
    refused(run)
    (run / "history.csv").write_text(",".join(HISTORY) + "\n")  # no epoch
    refused(run)
    (run / "history.csv").unlink()
    refused(run)
    assert "nowhere" in refused(tmp_path / "nowhere")


def test_a_run_that_is_not_finished_is_called_so(tmp_path):
    run = made_up_run(tmp_path / "run")
    (run / "metrics.json").unlink()
    assert refused(run) == f"{run}: not finished; its command with --resume goes on"


def refused(run):
    with pytest.raises(UserError) as error:
        doctor.page(run)
    assert str(run) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)
