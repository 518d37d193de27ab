"""Every choice of a run, once: its flag, its default, its range and its help.

A choice is what the result depends on; folders, `--cache`, `--skip-bad` and `--resume` are none.
The command line, `config.json`, the name of a run's folder and the commands of a report are all
made from the fields of `Choices`: a new flag is a new field.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from minidann import feeding
from minidann.console import UserError
from minidann.corpora import DIMENSIONS
from minidann.sound.levelled import INPUTS
from minidann.sound.logmel import PRESETS

SCHEDULES = ("constant", "ganin")
# Section 4.1 has l1 for training on RECOLA and l2 for training on IEMOCAP.
REGULARISATION = {"recola": {"l1": 5e-3}, "iemocap": {"l2": 5e-3}}


class Criterion(NamedTuple):
    """What can select an epoch: the largest value of a column of the history."""

    column: str
    adabn_column: str  # the same for `base` with AdaBN
    by: str  # in words


SELECTION = {  # only "target" looks at labels of the target, as the paper does
    "target": Criterion("target_dev_uar", "adabn_uar", "labels of the target"),
    "source": Criterion("source_val_uar", "source_val_uar", "labels of the source validation set"),
    "information": Criterion(
        "mutual_information", "adabn_mutual_information", "mutual information on the target"
    ),
}


def among(options: Iterable[str], text: str, group="training"):
    """A field whose value is one of `options`, the first of them by default."""
    options = tuple(options)
    flag = {"help": text, "choices": options}  # for argparse
    return field(default=options[0], metadata={"group": group, "flag": flag})


def number(default: float | None, low: float, high: float, text: str, group="training"):
    """A field whose value is a number from `low` to `high`, an integer if `default` is one."""
    flag = {"help": text, "type": int if isinstance(default, int) else float}
    return field(default=default, metadata={"group": group, "range": (low, high), "flag": flag})


@dataclass(frozen=True)
class Choices:
    """What the paper states or leaves open, as this run takes it; see the README's table."""

    source: str  # a key of corpora.READERS
    target: str
    dimension: str = among(DIMENSIONS, "what to predict", "corpora")
    model: str = among(
        ("our", "base", "mono"),
        "our: with the adversary; base: source only; mono: trained on the target itself",
        "model",
    )
    bn: str = among(feeding.MODES, "which examples are normalised together", "model")
    alpha: float = number(0.5, 0, 1, "weight of the emotion loss", "model")
    beta: float = number(1.0, 0, 10**6, "scale of the reversed gradient", "model")
    beta_schedule: str = among(SCHEDULES, "ganin: from 0 to beta over the run", "model")
    domain_labels: str = among(
        ("true", "shuffled"), "shuffled: permuted in each step, a placebo", "model"
    )
    dropout: float = number(0.7, 0, 0.99, "fraction dropped", "model")
    batch_size: int = number(32, 2, 10**5, "source examples a step; our adds as many of the target")
    l1: float | None = number(None, 0, 10**6, "by default 5e-3 when training on RECOLA, else 0")
    l2: float | None = number(None, 0, 10**6, "by default 5e-3 when training on IEMOCAP, else 0")
    epochs: int = number(50, 1, 10**5, "passes over the source")
    features: str = among(PRESETS, "log-mel preset")
    input: str = among(INPUTS, "levelled: without level and silence at the ends, in windows of 3 s")
    normalise: str = among(("corpus", "speaker"), "whose mean and std normalise a bin")
    split: str = among(("utterance", "speaker"), "speaker: no speaker in two parts")
    select_by: str = among(
        SELECTION,
        "what selects the epoch: labels of the target, of the source validation set, or the mutual "
        "information of input and prediction on the target; all three are tested",
    )
    seed: int = number(0, 0, 2**32, "the seed of every random draw")

    def __post_init__(self):
        """Put in the paper's l1 and l2, which depend on the corpus trained on."""
        usual = REGULARISATION.get(self.source, {})
        for name in ("l1", "l2"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, usual.get(name, 0.0))


FLAGS = {one.name: one for one in fields(Choices) if one.metadata}


def flag_of(name: str) -> str:
    """The flag of a choice: `--batch-size` of batch_size."""
    return f"--{name.replace('_', '-')}"


def chosen(source: str, target: str, **values) -> Choices:
    """Choices with these values. Raises UserError where they make no sense, alone or together."""
    choices, problems = Choices(source, target, **values), []
    if choices.model != "our" and choices.bn not in ("bn1", "none"):
        allowed = f"with --model {choices.model}: bn1 or none"
        problems.append(f"--bn {choices.bn} needs two domains; {allowed}")
    if choices.model != "our" and choices.domain_labels != "true":
        problems.append(f"--domain-labels {choices.domain_labels} needs --model our")
    if choices.model == "mono" and choices.select_by != "target":
        problems.append(f"--select-by {choices.select_by} is for base and our; mono has no source")
    for name, about in FLAGS.items():
        low, high = about.metadata.get("range", (None, None))
        value = getattr(choices, name)
        if low is not None and not low <= value <= high:
            problems.append(f"{flag_of(name)} {value}: expected {low} to {high}")
    if problems:
        raise UserError("; ".join(problems))
    return choices


def changed(choices: Choices) -> dict:
    """The choices that are not the default for their source, by name."""
    usual = vars(Choices(choices.source, choices.target))
    return {name: value for name, value in vars(choices).items() if value != usual[name]}


def flags_of(choices: Choices) -> list[str]:
    """The flags that say these choices on a command line that names the same corpora."""
    pairs = changed(choices).items()
    return [word for name, value in pairs for word in (flag_of(name), str(value))]


def folder_name(choices: Choices, pair: str | None = None) -> str:
    """`recola2iemocap-arousal-our-bn1-seed0`; what is not the default stands before the seed.

    `pair` names the two corpora where their kinds would not tell them apart.
    """
    pair = pair or "2".join(dict.fromkeys((choices.source, choices.target)))
    named = ("dimension", "model", "bn", "seed")
    others = [(name, value) for name, value in changed(choices).items() if name not in named]
    others = [f"{name}-{value}".removesuffix(".0") for name, value in others]
    which = pair, choices.dimension, choices.model, choices.bn
    return "-".join([*which, *others, f"seed{choices.seed}"])
