"""Are the tests of the run folder, the intervals, the splits and the checker any good?

    pip install -e '.[test,mutation]'
    python tests/baselines/mutation_sample.py --sample 90 --seed 0  # from all groups, up to an hour
    python tests/baselines/mutation_sample.py --sample 50 splits    # from one of them, some minutes

`mutation.py` makes every change of the core, whose tests take seconds. The tests here take minutes
and start processes of their own, so this script draws some of the changes at random; the same seed
draws the same ones from the same code. mutmut makes the changes. Each one is written into a copy of
the repository, the tests of its group run there until one fails, and two copies work at a time.
"""

import argparse
import ast
import difflib
import math
import os
import queue
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from mutation import ENVIRONMENT, ROOT, tidy  # noqa: E402

GROUPS = {  # the files that are changed
    "run-folder": ["minidann/run/store.py", "minidann/run/folder.py"],
    "intervals": ["minidann/measure/intervals.py"],
    "splits": ["minidann/run/splits.py"],
    "naming": ["minidann/mistakes/explaining.py", "minidann/mistakes/naming.py",
               "minidann/mistakes/changes.py", "minidann/mistakes/shares.py",
               "minidann/mistakes/question.py"],
    "judging": ["minidann/gradcheck/judging.py", "minidann/gradcheck/verdict.py",
                "minidann/coursework/judging.py", "minidann/coursework/layers.py",
                "minidann/coursework/functions.py"],
}  # fmt: skip
REPORT, COMMANDS = (f"tests/test_{name}.py::test_" for name in ("report_command", "commands"))
RUNS = [f"{COMMANDS}what_training_prints", f"{COMMANDS}run_folder"]
TESTS = {  # the tests that see what these files do; the quick ones come first
    "run-folder": [
        "tests/test_adabn.py", "tests/test_doctor.py", "tests/test_plots.py",
        "tests/test_training.py", "tests/test_faults.py", "tests/test_baselines.py",
        f"{REPORT}it_waits_for_others_and_goes_on_where_they_were",
        "tests/test_fuzz.py", "tests/test_report.py", "tests/test_commands.py",
    ],
    "intervals": ["tests/test_intervals.py", "tests/test_report.py", *RUNS],
    "splits": [
        "tests/test_splits.py", "tests/test_training.py", "tests/test_faults.py", *RUNS,
        f"{COMMANDS}other_models", f"{COMMANDS}protocol_of_source_selection",
        f"{COMMANDS}mono_reads_the_target_alone", "tests/test_baselines.py",
    ],
    "naming": ["tests/test_naming.py", "tests/test_catalogue.py", "tests/test_student.py"],
    "judging": ["tests/test_student.py", "tests/test_gradcheck_command.py",
                "tests/test_coursework.py", "tests/test_coursework_fair.py",
                "tests/test_coursework_reading.py",
                "tests/test_naming.py", "tests/test_catalogue.py"],
}  # fmt: skip
JOBS = 2
# A change counts as noticed when one process of its tests has used PATIENCE times the processor
# seconds of all tests of the unchanged code, or when ten times as long has passed on the clock:
# seconds on the clock alone would call a change noticed because the machine was busy.
PATIENCE = 4


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    group: str
    path: str
    text: str  # the whole changed file

    def __str__(self) -> str:
        """The name of the changed function, and the lines that differ."""
        old = (ROOT / self.path).read_text("utf-8")
        lines = [*difflib.unified_diff(old.splitlines(), self.text.splitlines(), lineterm="", n=0)]
        number = int(re.match(r"@@ -(\d+)", lines[2])[1])
        changed = [line for line in lines[3:] if line[0] in "+-"]
        return tidy([f"@@ {self.path}, line {number}, {function_at(old, number)} @@", *changed])


def function_at(text: str, line: int) -> str:
    """The innermost function or class around a line; "constants" outside all of them."""
    kinds = ast.FunctionDef, ast.ClassDef
    around = [
        node.name
        for node in ast.walk(ast.parse(text))  # outer ones come first
        if isinstance(node, kinds) and node.lineno <= line <= node.end_lineno
    ]
    return around[-1] if around else "constants"


def changed_texts(path: str) -> Iterator[str]:
    """The text of a file after each of mutmut's changes.

    mutmut leaves out decorated functions and what stands outside functions, because it could not
    switch such changes on and off in a running process. Here both are changed.
    """
    import libcst
    from mutmut.mutation import file_mutation
    from mutmut.mutation.pragma_handling import get_ignored_lines

    class Visitor(file_mutation.MutationVisitor):
        def _skip_node_and_children(self, node):
            if isinstance(node, libcst.FunctionDef):
                return False
            return isinstance(node, libcst.Decorator) or super()._skip_node_and_children(node)

    text = (ROOT / path).read_text("utf-8")
    tree = libcst.MetadataWrapper(libcst.parse_module(text))
    visitor = Visitor(file_mutation.mutation_operators, get_ignored_lines(path, text, tree, None))
    module = tree.visit(visitor)
    for one in visitor.mutations:
        yield file_mutation.deep_replace(module, one.original_node, one.mutated_node).code


def draw(groups: list[str], total: int, seed: int) -> list[Mutant]:
    """`total` mutants, as many of each group, in turn; a group that has no more is passed over.

    A smaller sample is the beginning of a larger one.
    """
    shuffled = []
    for group in groups:
        made = [Mutant(group, path, text) for path in GROUPS[group] for text in changed_texts(path)]
        print(f"{group}: {len(made)} changes", flush=True)
        random.Random(f"{seed} {group}").shuffle(made)
        shuffled.append(made)
    in_turn = (mutant for row in zip_longest(*shuffled) for mutant in row if mutant)
    return list(islice(in_turn, total))


def failure(place: Path, group: str, seconds: int) -> str:
    """Run the tests of a group in a copy of the repository: the first that fails, or "".

    `seconds`: of the processor, for each process.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    process = subprocess.Popen(
        [*command, f"--basetemp={place}-files", *TESTS[group]],
        cwd=place, env=ENVIRONMENT | {"PYTHONPATH": str(place)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=10 * seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # it, and what its tests have started
        process.communicate()
        return "timeout"
    if process.returncode == 0:
        return ""
    if process.returncode == -signal.SIGKILL:  # what the system sends at the limit
        return "timeout"
    failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.M)
    return failed[0] if failed else "no test could run"


def used() -> float:
    """Processor seconds of the processes that this one has started, as far as they have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def trial(mutant: Mutant, places: queue.Queue, seconds: int) -> str:
    """What `failure` says of a mutant, in the next copy that is free."""
    place = places.get()
    original = (place / mutant.path).read_text("utf-8")
    try:
        (place / mutant.path).write_text(mutant.text, "utf-8")
        return failure(place, mutant.group, seconds)
    finally:
        (place / mutant.path).write_text(original, "utf-8")
        places.put(place)


def summary(group: str, fates: list[str]) -> str:
    """How many changes of a group were killed, by which tests, and how many survived."""
    survived = fates.count("")
    lines = [f"{group}: {len(fates) - survived} of {len(fates)} killed, {survived} survived"]
    by = Counter(fate.split("::")[0] for fate in fates if fate)
    return "\n    ".join([*lines, *(f"{count} by {test}" for test, count in by.most_common())])


def main() -> None:
    """Draw, try each, print its fate and the diffs of the survivors, and count."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all")
    parser.add_argument("--sample", type=int, default=300, help="changes to try, in all")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    args = parser.parse_args()
    groups = args.groups or list(GROUPS)
    if unknown := [group for group in groups if group not in GROUPS]:
        parser.error(f"expected {', '.join(GROUPS)}, received {', '.join(unknown)}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chdir(folder)  # mutmut wants its settings in the working folder
        Path("setup.cfg").write_text("[mutmut]\nsource_paths = minidann\n")
        mutants = draw(groups, args.sample, args.seed)
        places, limits, fates = queue.Queue(), {}, defaultdict(list)
        for i in range(JOBS):
            unwanted = shutil.ignore_patterns(".*", "__pycache__")
            places.put(Path(shutil.copytree(ROOT, Path(folder, f"copy{i}"), ignore=unwanted)))
        for group in groups:
            place, start = places.get(), used()
            if failed := failure(place, group, 3600):
                sys.exit(f"{group}: {failed} fails without a change")
            places.put(place)
            limits[group] = math.ceil(PATIENCE * (used() - start))
        with ThreadPoolExecutor(JOBS) as pool:
            tried = pool.map(lambda mutant: trial(mutant, places, limits[mutant.group]), mutants)
            for i, (mutant, fate) in enumerate(zip(mutants, tried), 1):
                fates[mutant.group].append(fate)
                where, diff = str(mutant).split("\n", 1)
                said = fate or f"SURVIVED\n{diff}"
                print(f"{i}/{len(mutants)} {where.strip('@ ')}: {said}", flush=True)
    for group in groups:
        print(summary(group, fates[group]))
    print(f"in {(time.monotonic() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
