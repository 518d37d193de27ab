"""python -m minidann.reader: the lessons as HTML, the code beside the text, or as notebooks."""

import webbrowser
from pathlib import Path

from minidann import console
from minidann.console import UserError
from minidann.reader import notebooks
from minidann.reader.quoting import ROOT


def main() -> None:
    p = console.Parser(
        prog="python -m minidann.reader",
        description="Write the lessons as a folder of HTML, prose on the left, the code it speaks "
        "of on the right, and open it in the browser. Nothing is fetched from a network.",
    )
    p.add_argument("--out", type=Path, default="reader", help="the folder (default: %(default)s)")
    p.add_argument("--no-open", action="store_true", help="write it, and open nothing")
    p.add_argument("--notebooks", type=Path, metavar="DIR", help="write notebooks instead of HTML")
    args = p.parse_args()
    if args.notebooks:
        print(f"{notebooks.build(ROOT, args.notebooks)} notebooks: {args.notebooks.resolve()}")
        return
    try:
        from minidann.reader import book
    except ModuleNotFoundError as error:
        how = "in the clone, pip install -e '.[reader]'"
        raise UserError(f"{error.name} is not installed; {how}") from None
    count = book.build(ROOT, args.out)
    index = args.out.resolve() / "index.html"
    print(f"{count} pages: {index}")
    if not args.no_open:
        webbrowser.open(index.as_uri())


if __name__ == "__main__":
    console.run(main)
