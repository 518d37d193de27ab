"""Before a run: load both corpora, extract features, split them, and look for faults."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from minidann.choices import Choices
from minidann.console import UserError
from minidann.corpora import CLASSES, Corpus, about, complaint, load, survey
from minidann.run import splits
from minidann.run.splits import Split
from minidann.sound.features import extract
from minidann.training import Domain

HINT = "put it right, or leave it out with --skip-bad"


@dataclass(frozen=True)
class Setup:
    """What a run works on. For mono, source and target are the same."""

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
        """How many utterances or files of each corpus cannot be used and are left out."""
        count = {
            role: len({where for where, _ in corpus.bad})
            for role, corpus in zip(("source", "target"), self.corpora)
        }
        return count | {"source": 0} if self.mono else count

    @property
    def kinds(self) -> str:
        """The kinds of speech of both corpora, for `metrics.json` and `model.npz`."""
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
    corpora = for_both(lambda named: load(*named), zip(names, places))
    ready = for_both(lambda corpus: load_domain(choices, corpus, cache, skip_bad), corpora)
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


def for_both(work: Callable, inputs: Iterable) -> list:
    """`work` done on all `inputs`; what goes wrong with any of them is raised as one UserError."""
    results, problems = [], []
    for item in inputs:
        try:
            results.append(work(item))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return results


def refuse_duplicates(source: dict[Path, str], target: dict[Path, str]) -> None:
    """Raise UserError where the two share recordings: the test would be on what was trained on.

    Each is {path: digest of its bytes}.
    """
    paths = {digest: path for path, digest in source.items()}
    shared = [(paths[digest], path) for path, digest in target.items() if digest in paths]
    if shared:
        first, second = shared[0]
        example = f"{first}" if first == second else f"{first} = {second}"
        raise UserError(
            f"source and target share {len(shared)} recordings, {example} for one: the test would "
            "be on what was trained on; take them out of one, or use --model mono"
        )


def load_domain(
    choices: Choices, corpus: Corpus, cache: Path, skip_bad: bool
) -> tuple[Corpus, Domain, dict[Path, str]]:
    """A corpus with its `bad` and its warnings complete, its arrays, and {path: digest}.

    Raises one UserError with everything that cannot be used, of the labels and of the recordings,
    unless `skip_bad`.
    """
    extracted = extract(corpus.utterances, cache, choices.features, corpus.title)
    bad = [*corpus.bad, *((corpus.where(i), why) for i, why in extracted.bad.items())]
    if extracted.features is None or (bad and not skip_bad):
        hint = "without it nothing is left" if skip_bad else HINT
        raise UserError(f"{complaint(corpus.name, corpus.root, bad)}\n  {hint}")
    used = replace(
        corpus, utterances=tuple(corpus.utterances[i] for i in extracted.good), bad=tuple(bad)
    )
    sound = survey.warnings(corpus, extracted.warnings)
    used = replace(used, warnings=(*corpus.warnings, *sound, *about(used)))
    contents = {u.path: extracted.contents[u.path] for u in used.utterances}
    arrays = Domain(extracted.features, used.labels(choices.dimension), used.speakers())
    return used, arrays, contents


def check(setup: Setup) -> None:
    """Refuse what would train or measure nothing: too few utterances, or a class without one."""
    dimension, split = setup.choices.dimension, setup.split
    classes, problems = CLASSES[dimension], []
    roles = ["target" if setup.mono else "source", "target"]
    names = [f"{role}, {corpus.title}" for role, corpus in zip(roles, setup.corpora)]
    parts = [
        (0, setup.source, "training", split.train),
        (1, setup.target, "development", split.dev),
        (1, setup.target, "test", split.test),
    ]
    if setup.choices.select_by == "source":
        parts.append((0, setup.source, "validation", split.source_val))
    for which, domain, part, rows in parts:
        where = names[which]
        if len(np.unique(domain.labels)) == 1:
            side = "at or below" if domain.labels[0] == 0 else "above"
            problems.append(
                f"{where}: every utterance is {classes[domain.labels[0]]} in {dimension}, all "
                f"labels are {side} {setup.corpora[which].threshold:g}"
                + "; a scale such as 1 to 5 must be centred"
                * (setup.corpora[which].name == "csv")
            )
            continue
        missing = [name for i, name in enumerate(classes) if i not in domain.labels[rows]]
        if len(rows) == 1:
            problems.append(
                f"{where}: its {part} set has one utterance, which cannot be of both classes; use "
                "a larger corpus"
            )
        elif part == "validation" and not len(rows):
            problems.append(
                f"{where}: too small for a validation set; use a larger corpus, or "
                "--select-by target"
            )
        elif len(rows) and missing:
            problems.append(
                f"{where}: no {' and no '.join(missing)} {dimension} among the {len(rows)} "
                f"utterances of its {part} set; take another --seed or a larger corpus"
            )
    if len(split.train) < setup.choices.batch_size:
        problems.append(
            f"{names[0]}: {len(split.train)} utterances to train on are fewer than a batch of "
            f"{setup.choices.batch_size}; lower --batch-size"
        )
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def describe(setup: Setup, say: Callable[[str], None]) -> None:
    """Print what the run trains on, selects by and tests on, and the data warnings."""
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
    selecting = {
        "target": f"{len(split.dev)} of the target",
        "source": f"{len(split.source_val)} of the source",
        "information": f"{len(split.dev)} of the target, without their labels,",
    }[choices.select_by]
    trained = "target" if setup.mono else "source"
    beta = f" with beta {choices.beta:g}" if choices.model == "our" else ""
    say(
        f"{choices.model}{beta}, {choices.bn}, seed {choices.seed}: trains on {len(split.train)} "
        f"utterances of the {trained}; {selecting} select the epoch; {len(split.test)} of the "
        "target test it"
    )
