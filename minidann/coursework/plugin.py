"""The exercises for pytest: the option --impl, and a marker for each."""

from pathlib import Path

from minidann.coursework.exercises import EXERCISES


def pytest_addoption(parser):
    parser.addoption("--impl", type=Path, metavar="DIR", help="the folder with your exercises")
    parser.addoption("--impl-seed", type=int, default=0, help="of all inputs (default: 0)")


def pytest_configure(config):
    for exercise in EXERCISES:
        line = f"{exercise.name}: lesson {exercise.lesson}, {exercise.kind}"
        config.addinivalue_line("markers", line)
