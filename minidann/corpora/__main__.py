"""`python -m minidann.corpora NAME:DIR ...`: what is in a corpus, and its data warnings."""

from minidann.console import Parser, UserError, run
from minidann.corpora import NAMES, complaint, load, parse, survey

HELP = """Read each corpus, labels and audio, and print utterances, speakers, hours, durations,
class counts with the published ones beside them, and the data warnings.
What is wrong with it is listed on stderr, with exit code 2."""


def main() -> None:
    parser = Parser(
        prog="python -m minidann.corpora",
        description=HELP,
        epilog=f"NAME is one of {NAMES}. For csv, DIR is a file with the columns "
        "path,start,end,speaker,arousal,valence: paths relative to it, start and end (seconds) "
        "optional, labels above 0 high or positive (so centre a scale such as 1 to 5 first). audio "
        "is any folder of recordings, without labels: a target.",
    )
    parser.add_argument("corpora", nargs="*", metavar="NAME:DIR", help="for example emodb:wav")
    specs = parser.parse_args().corpora
    if not specs:
        parser.error(f"give one or more NAME:DIR, where NAME is one of {NAMES}")
    wrong = []
    for n, (name, root) in enumerate([parse(spec) for spec in specs]):
        try:
            corpus = load(name, root)
        except UserError as error:  # the other corpora are printed all the same
            wrong.append(str(error))
            continue
        sounds, bad = survey.measure_all(corpus)
        print("\n" * (n > 0) + "\n".join(survey.report(corpus, sounds)))
        if bad := [*corpus.bad, *bad]:
            wrong.append(complaint(name, root, bad, show=len(bad)))
    if wrong:
        raise UserError("\n".join(wrong))


if __name__ == "__main__":
    run(main)
