"""For pytest: the option --impl, which test_exercises.py reads."""

from pathlib import Path


def pytest_addoption(parser):
    parser.addoption("--impl", type=Path, metavar="DIR", help="the folder with your exercises")
