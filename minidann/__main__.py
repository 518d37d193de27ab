"""python -m minidann: the commands, and what each is for."""

from minidann import __version__, console

COMMANDS = {
    "train": "train a model on one language and adapt it to another; without flags, on the demo",
    "predict": "what a trained model predicts for your recordings",
    "corpora": "what is in a corpus, and what is wrong with it",
    "report": "the paper's tables and figures from many runs, and a page on one run (doctor)",
    "moons": "the whole idea in two dimensions, in a second",
    "gradcheck": "prove every gradient, or check your own backward pass",
    "coursework": "hand out the exercises, check them, grade a class",
    "reader": "the lessons as a book in the browser, the code beside them, or as notebooks",
}


def main() -> None:
    width = max(map(len, COMMANDS))
    print(f"minidann {__version__}: a domain adversarial network for speech emotion, in NumPy\n")
    for name, what in COMMANDS.items():
        print(f"  python -m minidann.{name:{width}}  {what}")
    print("\nEach of them has --help. In Python: minidann.train(...) and minidann.predict(...).")


if __name__ == "__main__":
    console.run(main)
