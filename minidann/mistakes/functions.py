"""Wrong ways to write a function of the exercises.

Each is a function with the signature of the right one. Its docstring is the sentence for the
student. It names a student's function if it gives what that gave, on every input.
"""

from collections.abc import Callable

WRONG: dict[str, list[Callable]] = {}  # by the right function's name


def instead_of(name: str) -> Callable:
    """Decorates a wrong way to write the function `name`."""

    def decorate(mistake: Callable) -> Callable:
        WRONG.setdefault(name, []).append(mistake)
        return mistake

    return decorate
