"""Before a run: both corpora loaded, features extracted, rows split, faults looked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minidann import splits
from minidann.console import UserError
from minidann.corpora import CLASSES, Corpus, load
from minidann.features import extract
from minidann.splits import Split
from minidann.state import Choices, Domain


@dataclass(frozen=True)
class Setup:
    """What a run works on. For mono, source and target are one and the same."""

    choices: Choices
    corpora: tuple[Corpus, Corpus]  # source, target
    source: Domain
    target: Domain
    split: Split

    @property
    def mono(self) -> bool:
        """Whether the source is the target itself."""
        return self.choices.model == "mono"

    @property
    def kinds(self) -> str:
        """What kind of speech it is: every printed result says so."""
        return " and ".join(sorted({corpus.kind for corpus in self.corpora}))

    @property
    def demo(self) -> str:
        """What to add to a printed result: that it is of the synthetic demo, where any of it is."""
        return " (synthetic demo)" if "synthetic demo" in self.kinds else ""


def prepare(choices: Choices, places: tuple[Path, Path], cache: Path) -> Setup:
    """Load, extract and split. A UserError lists everything that is wrong with both corpora.

    `places` are the folders of `choices.source` and `choices.target`; features are kept in `cache`.
    """
    names = [choices.source, choices.target]
    if choices.model == "mono":
        names, places = names[1:], places[1:]
    corpora = each(lambda one: load(*one), zip(names, places))
    domains = each(lambda corpus: domain(choices, corpus, cache), corpora)
    if len(corpora) == 2:
        refuse_twins(corpora, domains)
    source, target = domains[0], domains[-1]
    split = splits.draw(
        choices.seed,
        source.speakers,
        target.speakers,
        model=choices.model,
        dev=choices.dev,
        by_speaker=choices.split == "speaker",
    )
    setup = Setup(choices, (corpora[0], corpora[-1]), source, target, split)
    check(setup)
    return setup


def each(work: Callable, inputs: Iterable) -> list:
    """`work` done on all `inputs`; what goes wrong with any of them is raised as one UserError."""
    results, problems = [], []
    for one in inputs:
        try:
            results.append(work(one))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return results


def refuse_twins(corpora: list[Corpus], domains: list[Domain]) -> None:
    """Raise UserError where the two share recordings: tests would be on what was trained on."""
    files = [{one.path.resolve() for one in corpus.utterances} for corpus in corpora]
    shared = sorted(str(path) for path in files[0] & files[1])
    if shared or domains[0].features.digest == domains[1].features.digest:
        count = f"{len(shared)} recordings, {shared[0]} for one" if shared else "all recordings"
        raise UserError(
            f"{corpora[0].root} and {corpora[1].root} share {count}: tests would be on "
            "recordings that were trained on; take them out of one, or use --model mono"
        )


def domain(choices: Choices, corpus: Corpus, cache: Path) -> Domain:
    """The features, classes and speakers of one corpus."""
    features = extract(corpus.utterances, cache, choices.features, corpus.title)
    return Domain(features, corpus.labels(choices.dimension), corpus.speakers())


def check(setup: Setup) -> None:
    """Refuse what would train or measure nothing: too few rows, a class without an example."""
    dimension, split = setup.choices.dimension, setup.split
    problems = []
    parts = [
        (setup.corpora[0], setup.source, "training", split.train),
        (setup.corpora[0], setup.source, "development", split.source_dev),
        (setup.corpora[1], setup.target, "development", split.dev),
        (setup.corpora[1], setup.target, "test", split.test),
    ]
    for corpus, one, part, rows in parts:
        classes = CLASSES[dimension]
        if len(np.unique(one.labels)) == 1:
            side = "at or below" if one.labels[0] == 0 else "above"
            problems.append(
                f"{corpus.title}: every utterance is {classes[one.labels[0]]} in {dimension}, all "
                f"labels are {side} {corpus.threshold:g}; a scale such as 1 to 5 must be centred"
            )
            continue
        missing = [name for i, name in enumerate(classes) if i not in one.labels[rows]]
        if len(rows) and missing:
            problems.append(
                f"{corpus.title}: no {' and no '.join(missing)} {dimension} among the "
                f"{len(rows)} {part} rows; take another --seed or a larger corpus"
            )
    if len(split.train) < setup.choices.batch_size:
        problems.append(
            f"{setup.corpora[0].title}: {len(split.train)} rows to train on are fewer than a batch "
            f"of {setup.choices.batch_size}; lower --batch-size"
        )
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def describe(setup: Setup, say: Callable[[str], None]) -> None:
    """Say what is trained, chosen and tested on, and what is odd about it."""
    choices, split = setup.choices, setup.split
    low, high = CLASSES[choices.dimension]
    roles = {"target": setup.corpora[1]}
    if not setup.mono:
        roles = {"source": setup.corpora[0], **roles}
    for role, corpus in roles.items():
        labels = corpus.labels(choices.dimension)
        say(
            f"{role}  {corpus.title} ({corpus.kind}, {corpus.language}): {len(labels)} utterances, "
            f"{len(set(corpus.speakers()))} speakers, {choices.dimension} "
            f"{low} {(labels == 0).sum()}, {high} {labels.sum()}"
        )
        for remark in corpus.remarks:
            say(f"        note: {remark}")
    choosing = f"{len(split.dev)} of the target"
    if choices.dev == "source":
        choosing = f"{len(split.source_dev)} of the source"
    trained = "target" if setup.mono else "source"
    beta = f" with beta {choices.beta:g}" if choices.model == "our" else ""
    say(
        f"{choices.model}{beta}, {choices.bn}, seed {choices.seed}: trains on {len(split.train)} "
        f"rows of the {trained}, {choosing} choose the epoch, {len(split.test)} of the target "
        "test it"
    )
