"""Are the tests any good? Change the code in small ways, one at a time: do they notice?

    pip install -e '.[test,mutation]'
    python tests/mutation.py                                 # every file below, a few minutes
    python tests/mutation.py minidann/ops minidann/optim.py  # some of them

mutmut makes the changes and runs the tests of the changed file, not all tests. It changes what
stands in functions; the constants outside them are changed here: numbers and words, one at a time.
A change that no test notices survives. The survivors are compared with SURVIVORS.md, where each
stands with the reason why it changes no result. Exit code 1 if one survives that is not there.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "SURVIVORS.md"
OWN_TESTS = {
    "minidann/ops": ["tests/test_ops.py"],
    "minidann/feeding.py": ["tests/test_feeding.py"],
    "minidann/model.py": ["tests/test_model.py"],
    "minidann/optim.py": ["tests/test_optim.py"],
}
NO_OP = "minidann/ops/parallel.py"  # it has tests of its own, and changes no result
CAUGHT = ("killed", "timeout", "segfault")  # what mutmut says of a change that was noticed
# No byte code: a changed file of the same length, in the same second, would be taken for the old
# one. One thread: arrays this small gain nothing from two.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    **{"PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
}
Change = tuple[str, str, str]  # the file, what became of it ("killed", "survived"), its diff


def run(place: Path, *command: str) -> subprocess.CompletedProcess:
    """A Python command in the folder `place`, where the copy of the code is what is imported."""
    return subprocess.run(
        [sys.executable, *command], cwd=place, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def mutmut(place: Path, *command: str) -> str:
    """What mutmut prints."""
    done = run(place, "-c", "from mutmut.__main__ import cli; cli()", *command)
    if done.returncode:
        sys.exit(f"mutmut {command[0]} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def in_functions(place: Path, source: str, tests: list[str]) -> Iterator[Change]:
    """mutmut's changes."""
    settings = {
        "source_paths": ["minidann"],
        "only_mutate": [f"{source}/*" if (ROOT / source).is_dir() else source],
        "do_not_mutate": [NO_OP],
        "pytest_add_cli_args_test_selection": tests,
    }
    lines = [f"{key} =\n    " + "\n    ".join(values) for key, values in settings.items()]
    (place / "setup.cfg").write_text("[mutmut]\n" + "\n".join(lines) + "\n")
    mutmut(place, "run", "--max-children", "1")
    for name, fate in re.findall(r"^ +(\S+): (.+)$", mutmut(place, "results", "--all", "1"), re.M):
        module, function = re.fullmatch(r"(.*)\.x_(.*)__mutmut_\d+", name).groups()
        path = module.replace(".", "/") + ".py"
        if fate in CAUGHT:
            yield path, "killed", ""
        else:
            shown = mutmut(place, "show", name).splitlines()
            lines = [line for line in shown if re.match(r"[-+](?![-+][-+])", line)]
            yield path, fate, tidy([f"@@ {function} @@", *lines])


def other(value: int | float | str) -> int | float | str:
    """A whole number and one, another number twice, a word with XX."""
    if isinstance(value, str):
        return value + "XX"
    return value + 1 if isinstance(value, int) else 2 * value


def outside_functions(place: Path, path: str, tests: list[str]) -> Iterator[Change]:
    """The changes of a file's constants."""
    text = (place / path).read_text("utf-8")
    lines = text.splitlines()
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Assign) or statement.targets[0].id == "__all__":
            continue
        for node in ast.walk(statement.value):
            if not isinstance(node, ast.Constant):
                continue
            at = node.lineno - 1
            old = lines[at]
            new = old[: node.col_offset] + repr(other(node.value)) + old[node.end_col_offset :]
            (place / path).write_text("\n".join([*lines[:at], new, *lines[at + 1 :]]) + "\n")
            failed = run(place, "-m", "pytest", "-x", "-q", *tests).returncode
            change = tidy(["@@ constants @@", "-" + old, "+" + new])
            yield path, "killed" if failed else "survived", change
    (place / path).write_text(text)


def changes(source: str) -> list[Change]:
    """Every change of a file or folder, made in a copy: nothing is left behind here."""
    tests = OWN_TESTS[source]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("minidann", "tests"):
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, place / name, ignore=unwanted)
        shutil.copy(ROOT / "pyproject.toml", place)
        made = list(in_functions(place, source, tests))
        for file in sorted((place / source).rglob("*.py")) or [place / source]:
            if file == place / NO_OP:
                continue
            made += outside_functions(place, file.relative_to(place).as_posix(), tests)
    return made


def tidy(lines: list[str]) -> str:
    """The lines of a change without their indentation."""
    return "\n".join(line if line[0] == "@" else f"{line[0]} {line[1:].strip()}" for line in lines)


def listed() -> dict[str, Counter]:
    """The changes in SURVIVORS.md, by file: under a heading with its name, blocks of diff."""
    found: dict[str, Counter] = {}
    for part in re.split(r"^## ", LIST.read_text("utf-8"), flags=re.M)[1:]:
        path = part.split("\n")[0].strip("` ")
        blocks = re.findall(r"^```diff\n(.*?)\n```", part, re.M | re.S)
        each = [change for block in blocks for change in re.split(r"\n(?=@@)", block)]
        found[path] = Counter(tidy(change.splitlines()) for change in each)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sources", nargs="*", default=list(OWN_TESTS), metavar="SOURCE",
                        help=f"of {', '.join(OWN_TESTS)}; all")  # fmt: skip
    sources = parser.parse_args().sources
    if unknown := [source for source in sources if source not in OWN_TESTS]:
        parser.error(f"expected {', '.join(OWN_TESTS)}, received {', '.join(unknown)}")
    known, new = listed(), 0
    for source in sources:
        began = time.monotonic()
        counts, survivors = defaultdict(Counter), defaultdict(Counter)
        for path, fate, change in changes(source):
            counts[path][fate] += 1
            if fate != "killed":
                survivors[path][change] += 1
        for path, fates in sorted(counts.items()):
            said = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
            print(f"{path}: {fates.total()} changes, {said}")
            expected = known.get(path, Counter())
            for change, count in (survivors[path] - expected).items():
                new += count
                print(f"not in the list ({count})\n{change}")
            for change in expected - survivors[path]:
                print(f"in the list, but killed or gone\n{change}")
        print(f"{source}: {time.monotonic() - began:.0f} s", flush=True)
    sys.exit(f"{new} survivors are not in {LIST.relative_to(ROOT)}" if new else 0)


if __name__ == "__main__":
    main()
