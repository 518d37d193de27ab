"""The bundled demo corpora: as large, as spread and as marked as data/README.md says."""

import re

import numpy as np
import pytest
import soundfile

from minidann.corpora import load
from minidann.train import DEMO

DURATION = {  # (fewest utterances, share of high arousal, share of positive valence)
    "recola": (400, 788 / 1308, 1063 / 1308),
    "iemocap": (800, 6918 / 10039, 4683 / 10039),
}


@pytest.fixture(scope="module", params=["recola", "iemocap"])
def corpus(request):
    return load(request.param, DEMO / request.param)


def test_size_and_class_balance(corpus):
    fewest, high, positive = DURATION[corpus.name]
    assert len(corpus.utterances) >= fewest
    assert len(set(corpus.speakers())) >= 10
    assert corpus.labels("arousal").mean() == pytest.approx(high, abs=0.03)
    assert corpus.labels("valence").mean() == pytest.approx(positive, abs=0.03)


def test_it_says_that_it_is_synthetic(corpus):
    assert corpus.kind == "synthetic demo"
    assert "demo" in corpus.title
    assert corpus.published == {}


def test_durations(corpus):
    seconds = []
    for utterance in corpus.utterances:
        if utterance.end is None:
            seconds.append(soundfile.info(utterance.path).duration)
        else:
            seconds.append(utterance.end - utterance.start)
    assert 2.5 < np.median(seconds) < 4.5
    assert min(seconds) > 0.3
    assert 0.03 < (np.array(seconds) > 7.515).mean() < 0.2
    if corpus.name == "recola":
        for path in {utterance.path for utterance in corpus.utterances}:
            assert soundfile.info(path).duration < 300


def test_labels_of_both_kinds_are_continuous(corpus):
    for dimension in ("arousal", "valence"):
        values = {getattr(utterance, dimension) for utterance in corpus.utterances}
        assert len(values) > (6 if corpus.name == "iemocap" else 100)


def test_all_of_it_is_at_most_20_mb():
    files = [path for path in DEMO.rglob("*") if path.is_file()]
    assert 0 < sum(path.stat().st_size for path in files) <= 20e6


def test_at_least_60_sentences_a_language_and_none_in_both():
    sentences = []
    for language in ("fr", "en"):
        text = (DEMO.parent / f"sentences_{language}.txt").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert len(set(lines)) == len(lines) >= 60
        sentences.append(set(lines))
    assert not sentences[0] & sentences[1]
    accents = sum(bool(re.search("[àâçéèêëîïôûùœ]", line)) for line in sentences[0])
    assert accents > 20
