"""Before a run: both corpora loaded, features extracted, rows split, faults looked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from minidann.console import UserError
from minidann.corpora import CLASSES, Corpus, about, complaint, load, survey
from minidann.run import splits
from minidann.run.splits import Split
from minidann.sound.features import extract
from minidann.state import Choices, Domain

HINT = "put it right, or leave it out with --skip-bad"


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
    def left_out(self) -> dict[str, int]:
        """How many utterances, or files with utterances in them, cannot be used and are not."""
        count = {
            role: len({where for where, _ in corpus.bad})
            for role, corpus in zip(("source", "target"), self.corpora)
        }
        return count | {"source": 0} if self.mono else count

    @property
    def kinds(self) -> str:
        """What kind of speech it is: every printed result says so."""
        return " and ".join(sorted({corpus.kind for corpus in self.corpora}))

    @property
    def demo(self) -> str:
        """What to add to a printed result: that it is of the synthetic demo, where any of it is."""
        return " (synthetic demo)" if "synthetic demo" in self.kinds else ""


def prepare(
    choices: Choices, places: tuple[Path, Path], cache: Path, skip_bad: bool = False
) -> Setup:
    """Load, extract and split. A UserError lists everything that is wrong with both corpora.

    `places` are the folders of `choices.source` and `choices.target`; features are kept in `cache`.
    `skip_bad` leaves out the utterances that cannot be used; each corpus lists them as its `bad`.
    """
    names = [choices.source, choices.target]
    if choices.model == "mono":
        names, places = names[1:], places[1:]
    corpora = each(lambda one: load(*one), zip(names, places))
    ready = each(lambda corpus: domain(choices, corpus, cache, skip_bad), corpora)
    if len(ready) == 2:
        refuse_duplicates(*(contents for *_, contents in ready))
    (source_corpus, source, _), (target_corpus, target, _) = ready[0], ready[-1]
    split = splits.draw(
        choices.seed,
        source.speakers,
        target.speakers,
        model=choices.model,
        by_speaker=choices.split == "speaker",
    )
    return Setup(choices, (source_corpus, target_corpus), source, target, split)


def each(work: Callable, inputs: Iterable) -> list:
    """`work` done on all `inputs`; what goes wrong with any of them is raised as one UserError."""
    results, problems = [], []
    for one in inputs:
        try:
            results.append(work(one))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return results


def refuse_duplicates(source: dict[Path, str], target: dict[Path, str]) -> None:
    """Raise UserError where the two share recordings: tests would be on what was trained on.

    Each is {path: digest of its bytes}.
    """
    duplicates = {digest: path for path, digest in source.items()}
    shared = [(duplicates[digest], path) for path, digest in target.items() if digest in duplicates]
    if shared:
        one, other = shared[0]
        example = f"{one}" if one == other else f"{one} = {other}"
        raise UserError(
            f"source and target share {len(shared)} recordings, {example} for one: tests would be "
            "on what was trained on; take them out of one, or use --model mono"
        )


def domain(
    choices: Choices, corpus: Corpus, cache: Path, skip_bad: bool
) -> tuple[Corpus, Domain, dict[Path, str]]:
    """A corpus with all `bad` and warnings; features, labels, speakers; what it is made of.

    The last is {path: digest}. Raises one UserError with everything that cannot be used, of the
    labels and of the recordings, unless `skip_bad`.
    """
    got = extract(corpus.utterances, cache, choices.features, corpus.title)
    bad = [*corpus.bad, *((corpus.where(i), why) for i, why in got.bad.items())]
    if got.features is None or bad and not skip_bad:
        hint = "without it nothing is left" if skip_bad else HINT
        raise UserError(f"{complaint(corpus.name, corpus.root, bad)}\n  {hint}")
    warnings = [*corpus.warnings, *survey.warnings(corpus, got.warnings)]
    used = replace(corpus, utterances=tuple(corpus.utterances[i] for i in got.good), bad=tuple(bad))
    used = replace(used, warnings=(*warnings, *about(used)))
    contents = {one.path: got.contents[one.path] for one in used.utterances}
    return used, Domain(got.features, used.labels(choices.dimension), used.speakers()), contents


def check(setup: Setup) -> None:
    """Refuse what would train or measure nothing: too few rows, a class without an example."""
    dimension, split = setup.choices.dimension, setup.split
    problems = []
    roles = ["target" if setup.mono else "source", "target"]
    names = [f"{role}, {corpus.title}" for role, corpus in zip(roles, setup.corpora)]
    parts = [
        (0, setup.source, "training", split.train),
        (1, setup.target, "development", split.dev),
        (1, setup.target, "test", split.test),
    ]
    if setup.choices.select_by == "source":
        parts.append((0, setup.source, "source validation", split.source_val))
    for role, one, part, rows in parts:
        who, corpus, classes = names[role], setup.corpora[role], CLASSES[dimension]
        if len(np.unique(one.labels)) == 1:
            side = "at or below" if one.labels[0] == 0 else "above"
            problems.append(
                f"{who}: every utterance is {classes[one.labels[0]]} in {dimension}, all "
                f"labels are {side} {corpus.threshold:g}; a scale such as 1 to 5 must be centred"
            )
            continue
        missing = [name for i, name in enumerate(classes) if i not in one.labels[rows]]
        if len(rows) == 1:
            problems.append(
                f"{who}: the only {part} row cannot be of both classes; use a larger corpus"
            )
        elif part == "source validation" and not len(rows):
            problems.append(
                f"{who}: too few for a validation set; use a larger corpus, or --select-by target"
            )
        elif len(rows) and missing:
            problems.append(
                f"{who}: no {' and no '.join(missing)} {dimension} among the "
                f"{len(rows)} {part} rows; take another --seed or a larger corpus"
            )
    if len(split.train) < setup.choices.batch_size:
        problems.append(
            f"{names[0]}: {len(split.train)} rows to train on are fewer than a batch of "
            f"{setup.choices.batch_size}; lower --batch-size"
        )
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def describe(setup: Setup, say: Callable[[str], None]) -> None:
    """Say what is trained, chosen and tested on, and the data warnings."""
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
        for warning in corpus.warnings:
            say(f"        note: {warning}")
        if setup.left_out[role]:
            say(f"        left out: {setup.left_out[role]} utterances or files, see left_out.csv")
    choosing = {
        "target": f"{len(split.dev)} of the target",
        "source": f"{len(split.source_val)} of its validation set",
        "information": f"{len(split.dev)} of the target, without their labels,",
    }[choices.select_by]
    trained = "target" if setup.mono else "source"
    beta = f" with beta {choices.beta:g}" if choices.model == "our" else ""
    say(
        f"{choices.model}{beta}, {choices.bn}, seed {choices.seed}: trains on {len(split.train)} "
        f"rows of the {trained}, {choosing} choose the epoch, {len(split.test)} of the target "
        "test it"
    )
