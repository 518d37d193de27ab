"""`python -m minidann.corpora NAME:DIR ...`: what is in a corpus, and its data warnings."""

from collections import Counter

import numpy as np

from minidann.console import Parser, UserError, run
from minidann.corpora import CLASSES, DIMENSIONS, NAMES, Corpus, about, complaint, load, parse
from minidann.corpora.own import COLUMNS
from minidann.sound import features, logmel
from minidann.sound.warnings import Sound

CROP = logmel.duration(logmel.FRAMES)  # 7.515, of which the network sees the frames


def report(corpus: Corpus, sounds: dict[int, Sound]) -> list[str]:
    """The lines of the survey; `sounds` are the measures of the utterances, by their numbers."""
    published = corpus.published
    each = Counter(corpus.speakers().tolist()).values()
    lines = [
        f"{corpus.title} ({corpus.language}; {corpus.kind}) in {corpus.root}",
        _line("utterances", len(corpus.utterances), published.get("utterances")),
        _line("speakers", f"{len(each)}, {min(each)} to {max(each)} utterances each"),
    ]
    if sounds:
        seconds = np.array([s.seconds for s in sounds.values()])
        low, middle, high = seconds.min(), np.median(seconds), seconds.max()
        longer = f"{(seconds > CROP).mean():.1%} are longer than {CROP:g} s and are cropped"
        lines += [
            _line("hours", f"{seconds.sum() / 3600:.2f}"),
            _line("seconds", f"{low:.2f} to {high:.2f}, median {middle:.2f}; {longer}"),
        ]
    for dimension in DIMENSIONS:
        if not corpus.labelled(dimension):
            lines.append(_line(dimension, "no labels"))
            continue
        counts = np.bincount(corpus.labels(dimension), minlength=2)
        beside = published.get(dimension, (None, None))
        for word, count, other in zip(CLASSES[dimension], counts, beside):
            share = f"{word:<9} {count:>6}  {count / counts.sum():>6.1%}"
            lines.append(_line(dimension, share, other))
    found = [*corpus.warnings, *about(corpus, sounds)]
    lines.append("  data warnings:" if found else "  no data warnings")
    return lines + [f"    - {warning}" for warning in found]


def _line(name: str, value, published: int | None = None) -> str:
    beside = "" if published is None else f"  published {published}"
    return f"  {name:<12} {value}{beside}"


def main() -> None:
    parser = Parser(
        prog="python -m minidann.corpora",
        description="Read each corpus, labels and audio, and print what is in it, beside what is "
        "published. What is wrong with it is listed on stderr, with exit code 2.",
        epilog=f"NAME is one of {NAMES}. csv is a table with the columns {','.join(COLUMNS)} "
        "(README.md), audio any folder of recordings, without labels: a target.",
    )
    parser.add_argument("corpora", nargs="+", metavar="NAME:DIR", help="for example emodb:wav")
    wrong = []
    for name, root in map(parse, parser.parse_args().corpora):
        try:
            corpus = load(name, root)
        except UserError as error:  # the other corpora are printed all the same
            wrong.append(str(error))
            continue
        sounds, bad = {}, list(corpus.bad)
        label = f"reading {corpus.title}"
        # What is too short depends on the preset: here it is the default.
        for i, sound, frames in features.extract_each(corpus.utterances, "paper", label):
            if sound is None:
                bad.append((corpus.where(i), frames))
            else:
                sounds[i] = sound
        print("\n".join(report(corpus, sounds)))
        if bad:
            wrong.append(complaint(name, root, bad, all_of_it=True))
    if wrong:
        raise UserError("\n".join(wrong))


if __name__ == "__main__":
    run(main)
