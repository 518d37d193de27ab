"""The ladder: what the network hears, a step each, and what each model makes of it.

The steps change the input, the models what is done about the other language. The differences split
what is gained into its ingredients: the input, batch norm's statistics, and the adversary, of which
a part is that of any reversed gradient (the placebo) and the rest that of the language labels.
"""

from itertools import product

from minidann.choices import SELECTION
from minidann.report import paper, tables
from minidann.report.paper import ADABN, BASE, BETA0, OUR, PLACEBO, PLACES, Row, Table, Terms
from minidann.report.runs import Results
from minidann.report.tables import Lines

STEPS: dict[str, dict] = {
    "the paper's input": {},
    "levelled": {"input": "levelled"},
    "speaker-normalised": {"normalise": "speaker"},
}
MODELS = (BASE, ADABN, BETA0, PLACEBO, OUR)


def rung(step: str, model: Row) -> Row:
    """A model on a step."""
    name = f"{step}: {model.name}"
    return paper.make_row(name, model.statistics, **dict(model.choices), **STEPS[step])


def ingredients() -> dict[str, Terms]:
    """What is compared: each step with the paper's input, and in each step the models."""
    first, *others = STEPS
    found: dict[str, Terms] = {
        f"{step} - {first}: {model.name}": {rung(step, model): 1, rung(first, model): -1}
        for step in others
        for model in (BASE, BETA0)
    }
    for step in STEPS:
        base, adabn, beta0, placebo, our = (rung(step, model) for model in MODELS)
        found |= {
            f"{step}: AdaBN - base": {adabn: 1, base: -1},
            f"{step}: batch norm, beta 0 - base": {beta0: 1, base: -1},
            f"{step}: the adversary, our - beta 0": {our: 1, beta0: -1},
            f"{step}: any reversed gradient, placebo - beta 0": {placebo: 1, beta0: -1},
            f"{step}: the language labels, our - placebo": {our: 1, placebo: -1},
        }
    return found


TABLE = Table(
    "The ladder: what moves a recogniser across languages",
    tuple(rung(step, model) for step in STEPS for model in MODELS),
    ingredients(),
)


def markdown(results: Results, table: Table, corpora: list[dict], lines: Lines) -> str:
    """The whole text of the ladder: for each criterion a grid of steps and models a measure."""
    heads = tables.heads_of(corpora, PLACES)
    parts = [
        "Test-set figures in %: mean over seeds (standard deviation over seeds) [95% interval: of "
        "UAR over the target's speakers, of AUC over seeds]. `levelled`: without each recording's "
        "level and the silence at its ends, in windows of 3 s. `speaker-normalised`: each speaker "
        "by the mean and standard deviation of its own utterances. `placebo`: the language labels "
        "are shuffled in each step, so that what it gains over beta 0 is the gain of any reversed "
        "gradient."
    ]
    for criterion in SELECTION:
        parts.append(f"## {tables.title_of(criterion)}")
        for measure, words in tables.MEASURES.items():
            rows = []
            for (place, head), step in product(enumerate(heads), STEPS):
                keys = [(measure, criterion, "cell", rung(step, model).name) for model in MODELS]
                figures = [lines[key].estimates[place] for key in keys]
                rows.append([f"{head}: {step}", *map(tables.percent, figures)])
            models = tables.markdown_table(["", *(row.name for row in MODELS)], rows)
            differences = tables.grid(lines, ("difference",), criterion, heads, measure)
            parts += [f"**{words}**", models, differences]
    parts += [tables.planned(table), tables.INCONCLUSIVE, tables.NEEDED]
    return tables.page(table.title, results, corpora, parts)
