"""Before a run: load both corpora, extract features, split them, and look for faults."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from minidann.choices import Choices
from minidann.console import UserError, say
from minidann.corpora import CLASSES, Corpus, about, complaint, load
from minidann.corpora.reading import examples
from minidann.run import splits
from minidann.run.splits import Split
from minidann.sound.features import extract
from minidann.sound.normalise import ENOUGH
from minidann.sound.warnings import remarks
from minidann.training import Domain


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
    def watched(self) -> np.ndarray:
        """The utterances that select the epoch, of the source or of the target."""
        by_source = self.choices.select_by == "source"
        return self.split.source_val if by_source else self.split.dev

    @property
    def kinds(self) -> str:
        """The kinds of speech of both corpora, for `metrics.json` and `model.npz`."""
        return " and ".join(sorted({corpus.kind for corpus in self.corpora}))

    @property
    def demo(self) -> str:
        """What to add to a printed result: that it is of the synthetic demo, where any of it is."""
        return " (synthetic demo)" if "synthetic demo" in self.kinds else ""


def prepare(choices: Choices, places: tuple[Path, Path], cache: Path, skip_bad: bool) -> Setup:
    """Load, extract and split. A UserError lists everything that is wrong with both corpora.

    `places` are the folders of `choices.source` and `choices.target`; features are kept in `cache`.
    `skip_bad` leaves out the utterances that cannot be used; each corpus lists them as its `bad`.
    """
    named = list(zip((choices.source, choices.target), places))[choices.model == "mono" :]
    corpora = for_both(lambda corpus: load(*corpus), named)
    check_labels(choices, corpora[0], corpora[-1])  # before the features, which take long
    ready = for_both(lambda corpus: load_domain(choices, corpus, cache, skip_bad), corpora)
    (source_corpus, source, recordings), (target_corpus, target, others) = ready[0], ready[-1]
    known = set(recordings.values()) if len(ready) == 2 else ()
    if shared := [path for path, digest in others.items() if digest in known]:
        raise UserError(
            f"source and target share {len(shared)} recordings, {shared[0]} for one: the test "
            "would be on what was trained on; take them out of one, or use --model mono"
        )
    how = {"model": choices.model, "by_speaker": choices.split == "speaker"}
    split = splits.draw(choices.seed, source.speakers, target.speakers, **how)
    return Setup(choices, (source_corpus, target_corpus), source, target, split)


def check_labels(choices: Choices, source: Corpus, target: Corpus) -> None:
    """Raise UserError where labels are missing that training or the selection criterion needs."""
    none = f"it has no labels of {choices.dimension}, and"
    if not source.labelled(choices.dimension):
        raise UserError(f"{source.title}: {none} no model is trained without them")
    if choices.select_by == "target" and not target.labelled(choices.dimension):
        instead = "--select-by target needs them; take --select-by information, or source"
        raise UserError(f"{target.title}: {none} {instead}")


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


def load_domain(
    choices: Choices, corpus: Corpus, cache: Path, skip_bad: bool
) -> tuple[Corpus, Domain, dict[Path, str]]:
    """A corpus with `bad` and warnings complete, its arrays, and {path: digest}; see `prepare`."""
    extracted = extract(corpus.utterances, cache, choices.features, corpus.title, choices.input)
    bad = [*corpus.bad, *((corpus.where(i), why) for i, why in extracted.bad.items())]
    if extracted.features is None or (bad and not skip_bad):
        remedy = "put it right, or leave it out with --skip-bad"
        hint = "without it nothing is left" if skip_bad else remedy
        raise UserError(f"{complaint(corpus.name, corpus.root, bad)}\n  {hint}")
    good, sounds = tuple(corpus.utterances[i] for i in extracted.sounds), extracted.sounds.values()
    said = tuple("; ".join(remarks(sound)) for sound in sounds)
    used = replace(corpus, utterances=good, bad=tuple(bad), remarks=said)
    warnings = [*corpus.warnings, *about(used, dict(enumerate(sounds)))]
    features, speakers = extracted.features, used.speakers()  # of each utterance
    if choices.normalise == "speaker":
        features = features.by_speaker(speakers)
        counts = zip(*np.unique(speakers, return_counts=True))
        if few := [f"{name} {count}" for name, count in counts if count < ENOUGH]:
            what = f"speakers with fewer than {ENOUGH} utterances, too few for --normalise speaker"
            warnings.append(examples(what, few))
    arrays = Domain(features, used.labels(choices.dimension), speakers)
    contents = {u.path: extracted.contents[u.path] for u in used.utterances}
    return replace(used, warnings=tuple(warnings)), arrays, contents


def check(setup: Setup) -> None:
    """Refuse what would train or measure nothing: too few utterances, or a class without one."""
    choices, split, source, target = setup.choices, setup.split, setup.source, setup.target
    problems, titles = [], [corpus.title for corpus in setup.corpora]
    parts = [(0, source, "training", split.train)]
    parts += [(1, target, "development", split.dev), (1, target, "test", split.test)]
    if choices.select_by == "source":
        parts.append((0, source, "source validation", split.source_val))
    for side, domain, part, rows in parts:
        for value, name in enumerate(CLASSES[choices.dimension]):
            if domain.labels[0] >= 0 and value not in domain.labels[rows]:
                none = f"{titles[side]}: no {name} {choices.dimension} among the {len(rows)}"
                where = f"utterances of the {part} set"
                problems.append(f"{none} {where}; take another --seed or a larger corpus")
    if (size := choices.batch_size) > (count := len(split.train)):
        problems.append(f"--batch-size {size}: more than the {count} utterances to train on")
    if problems:
        raise UserError("\n".join(problems))


def describe(setup: Setup) -> None:
    """Print what the run trains on, selects by and tests on, and the data warnings."""
    choices, split, classes = setup.choices, setup.split, CLASSES[setup.choices.dimension]
    for role, corpus in list(zip(("source", "target"), setup.corpora))[setup.mono :]:
        labels, counts = corpus.labels(choices.dimension), "without labels"
        if corpus.labelled(choices.dimension):
            each = zip(classes, np.bincount(labels, minlength=2))
            counts = ", ".join(f"{name} {count}" for name, count in each)
        say(
            f"{role}  {corpus.title} ({corpus.kind}, {corpus.language}): {len(labels)} utterances, "
            f"{len(set(corpus.speakers()))} speakers, {choices.dimension} {counts}"
        )
        for warning in corpus.warnings:
            say(f"        note: {warning}")
    test = len(split.test) if setup.labelled else 0
    say(
        f"{choices.model}, {choices.bn}, seed {choices.seed}: {len(split.train)} utterances train, "
        f"{len(setup.watched)} select the epoch, {test} test it"
    )
