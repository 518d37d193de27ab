"""Before a run: load both corpora, extract features, split them, and look for faults."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from minidann.choices import Choices
from minidann.console import UserError
from minidann.corpora import CLASSES, Corpus, about, complaint, few_of_one_class, load
from minidann.run import splits
from minidann.run.splits import Split
from minidann.sound.features import extract
from minidann.sound.warnings import remarks
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
    def labelled(self) -> bool:
        """Whether the target has labels, and so a test UAR."""
        return self.corpora[1].labelled(self.choices.dimension)

    @property
    def left_out(self) -> dict[str, int]:
        """How many utterances or files of each corpus cannot be used and are left out."""
        source, target = (len({where for where, _ in corpus.bad}) for corpus in self.corpora)
        return {"source": 0 if self.mono else source, "target": target}

    @property
    def watched(self) -> tuple[Domain, np.ndarray]:
        """The domain and the utterances of it that select the epoch."""
        if self.choices.select_by == "source":
            return self.source, self.split.source_val
        return self.target, self.split.dev

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
    named = list(zip((choices.source, choices.target), places))[choices.model == "mono" :]
    corpora = for_both(lambda corpus: load(*corpus), named)
    check_labels(choices, corpora[0], corpora[-1])  # before the features, which take long
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


def check_labels(choices: Choices, source: Corpus, target: Corpus) -> None:
    """Raise UserError where labels are missing that training or the selection criterion needs."""
    if not source.labelled(choices.dimension):
        role = "target" if choices.model == "mono" else "source"
        raise UserError(
            f"{role}, {source.title}: it has no labels of {choices.dimension}, and no model can be "
            "trained without them"
        )
    if choices.select_by == "target" and not target.labelled(choices.dimension):
        raise UserError(
            f"target, {target.title}: it has no labels of {choices.dimension}, and --select-by "
            "target needs them to select an epoch; take --select-by information, or source"
        )


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
        example = first if first == second else f"{first} = {second}"
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
    good, sounds = tuple(corpus.utterances[i] for i in extracted.sounds), extracted.sounds.values()
    used = replace(corpus, utterances=good, bad=tuple(bad))
    used = replace(
        used,
        warnings=(*corpus.warnings, *about(used, dict(enumerate(sounds)))),
        remarks=tuple("; ".join(remarks(sound)) for sound in sounds),
    )
    contents = {u.path: extracted.contents[u.path] for u in used.utterances}
    arrays = Domain(extracted.features, used.labels(choices.dimension), used.speakers())
    return used, arrays, contents


def check(setup: Setup) -> None:
    """Refuse what would train or measure nothing: too few utterances, or a class without one."""
    choices, split, (source, target) = setup.choices, setup.split, setup.corpora
    role = "target" if setup.mono else "source"
    parts = [(role, source, "training", setup.source.labels[split.train])]
    if setup.labelled:
        parts += [
            ("target", target, "development", setup.target.labels[split.dev]),
            ("target", target, "test", setup.target.labels[split.test]),
        ]
    if choices.select_by == "source":
        parts.append((role, source, "validation", setup.source.labels[split.source_val]))
    problems = [
        f"{role}, {corpus.title}: {problem}"
        for role, corpus, part, labels in parts
        if (problem := lacking(corpus, choices.dimension, part, labels))
    ]
    if len(split.train) < choices.batch_size:
        problems.append(
            f"{role}, {source.title}: {len(split.train)} utterances to train on are fewer than a "
            f"batch of {choices.batch_size}; lower --batch-size"
        )
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def lacking(corpus: Corpus, dimension: str, part: str, labels: np.ndarray) -> str:
    """What a part of a corpus lacks, from its labels (n,) of 0 and 1; nothing if it is complete."""
    if len(set(corpus.labels(dimension))) == 1:
        return few_of_one_class(corpus, dimension)
    if len(labels) < 2:
        instead = ", or --select-by target" if part == "validation" else ""
        return f"too small for a {part} set with both classes; use a larger corpus{instead}"
    absent = [name for i, name in enumerate(CLASSES[dimension]) if i not in labels]
    if absent:
        return (
            f"no {absent[0]} {dimension} among the {len(labels)} utterances of its {part} set; "
            "take another --seed or a larger corpus"
        )
    return ""


def describe(setup: Setup, say: Callable[[str], None]) -> None:
    """Print what the run trains on, selects by and tests on, and the data warnings."""
    choices, split = setup.choices, setup.split
    low, high = CLASSES[choices.dimension]
    for role, corpus in list(zip(("source", "target"), setup.corpora))[setup.mono :]:
        labels, counts = corpus.labels(choices.dimension), "without labels"
        if corpus.labelled(choices.dimension):
            counts = f"{low} {(labels == 0).sum()}, {high} {labels.sum()}"
        say(
            f"{role}  {corpus.title} ({corpus.kind}, {corpus.language}): {len(labels)} utterances, "
            f"{len(set(corpus.speakers()))} speakers, {choices.dimension} {counts}"
        )
        for warning in corpus.warnings:
            say(f"        note: {warning}")
        if setup.left_out[role]:
            say(f"        left out: {setup.left_out[role]} utterances or files, see left_out.csv")
    watched = "source" if choices.select_by == "source" else "target"
    unseen = ", without their labels," if choices.select_by == "information" else ""
    trained = "target" if setup.mono else "source"
    beta = f" with beta {choices.beta:g}" if choices.model == "our" else ""
    tested = f"{len(split.test)} of the target test it"
    say(
        f"{choices.model}{beta}, {choices.bn}, seed {choices.seed}: trains on {len(split.train)} "
        f"utterances of the {trained}; {len(setup.watched[1])} of the {watched}{unseen} select the "
        f"epoch; {tested if setup.labelled else 'the target has no labels to test it'}"
    )
