"""Two ideas of the network as one small function each, for exercises: equations 8-10, table 3."""

import numpy as np

Arrays = dict[str, np.ndarray]


def equations(emotion: Arrays, domain: Arrays, *, alpha: float, beta: float) -> Arrays:
    """Equations 8 to 10: the gradient that each parameter is moved against.

    `emotion` has dL_e with respect to each parameter that L_e depends on, by name, and `domain` has
    the same for L_l. The emotion classifier's names begin with "emotion.", the domain classifier's
    with "domain."; all others are the encoder's. -> the gradient of each parameter in either.
    """
    grads = {name: alpha * gradient for name, gradient in emotion.items()}
    for name, gradient in domain.items():
        if name.startswith("domain."):
            grads[name] = (1 - alpha) * gradient
        else:
            grads[name] = grads.get(name, 0) - (1 - alpha) * beta * gradient
    return grads


def groups(mode: str, n: int, m: int) -> list[list[int]]:
    """Table 3: which of n source rows, 0 to n-1, and of m target rows are normalised together.

    -> one list of row numbers for each call of batch norm in a step, in order: bn1 all rows; bn2
    the source rows, then all; bn3 the source rows, then the target rows. (bn4 is two steps.)
    """
    source, target = list(range(n)), list(range(n, n + m))
    if mode == "bn1":
        return [source + target]
    return [source, source + target if mode == "bn2" else target]
