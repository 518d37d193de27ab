"""One exercise of a submission: call what it asks for, and count.

The inputs are drawn here, from the seed; the submission sees them when it is called.
"""

import ast
import inspect

import numpy as np

from minidann.coursework import checking, files, functions, layers
from minidann.coursework.exercises import CHECKER, Exercise
from minidann.coursework.results import Result
from minidann.coursework.session import NotWritten, Refused, Session


def judge(exercise: Exercise, session: Session, seed: int) -> Result:
    """Call what the exercise asks for, and count."""
    rng = np.random.default_rng([seed, exercise.lesson])
    result = Result(exercise)
    session.exercise(exercise)
    try:
        if exercise.kind == CHECKER:
            checking.judge_checker(exercise, session, rng, result)
        elif exercise.is_op:
            layers.judge_op(exercise, session, rng, result)
        else:
            functions.judge_function(exercise, session, rng, result)
    except NotWritten as error:
        result.state, result.earned = "not written", {}
        result.feedback = [str(error)]
    except Refused as error:
        result.state, result.earned = "refused", {}
        result.feedback = [str(error)]
    except OSError:  # the machine's fault
        raise
    except Exception as error:  # nobody else's grade hangs on what one submission returns
        result.state, result.earned = "not graded", {}
        result.feedback = [f"NOT GRADED: what it returned broke the grader: {error!r}"]
    result.printed = result.printed or session.first_printed
    if result.points == exercise.most:
        result.state = "right"
    elif result.state == "wrong":
        result.feedback += _exchanged(exercise, session.tree)
    return result


def _exchanged(exercise: Exercise, tree: ast.Module) -> list[str]:
    """What to say of functions that take the right arguments in another order."""
    if exercise.kind == CHECKER:
        return []
    feedback = []
    for name in ("forward", "backward") if exercise.is_op else exercise.functions:
        taken = inspect.signature(getattr(exercise.module, name)).parameters.values()
        expected = [
            parameter.name
            for parameter in taken
            if parameter.kind == parameter.POSITIONAL_OR_KEYWORD
        ]
        received = files.arguments(tree, name)
        if sorted(received) == sorted(expected) and received != expected:
            order, received_order = ", ".join(expected), ", ".join(received)
            feedback.append(
                f"{name} is called with ({order}), and takes ({received_order}): another order"
            )
    return feedback
