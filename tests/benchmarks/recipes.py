"""python tests/benchmarks/recipes.py SET: what three public recipes say of the unseen layers.

CS231n's relative error of a central difference, torch.autograd.gradcheck and
scipy.optimize.check_grad (extra `oracles`), each with its usual step and tolerance, on the first
example of each op: as someone would who checks a layer in float64. A recipe compares backward with
the file's own forward, so a mistake in both is right for it. What raises an error counts as caught.
"""

import sys
import types
from collections import Counter
from pathlib import Path

import minidann.ops as ops  # before NumPy

# isort: split
import numpy as np
import torch
from scipy.optimize import check_grad

sys.path.insert(0, str(Path(__file__).parents[1]))
from unseen import read

from minidann.mistakes.question import first_example

SCALE = {"gradient_reversal": lambda options: -options["beta"]}  # backward is not forward's


def module_of(file):
    """The file's functions, with the op's own forward where it has none."""
    module = types.ModuleType(f"unseen_{file.id}")
    sys.modules[module.__name__] = module
    exec(compile(file.code, f"{file.exercise}.py", "exec"), vars(module))
    if not hasattr(module, "forward"):
        module.forward = getattr(ops, file.exercise).forward
    return module


def cs231n(total, slopes, arrays):
    """Relative errors of entries, at most 1e-7 of a sum of sizes of at least 1e-8."""
    for i, (array, slope) in enumerate(zip(arrays, slopes)):
        numeric = np.zeros_like(array)
        for at in np.ndindex(array.shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = array.copy()
                moved[at] += h
                sides.append(total(*arrays[:i], moved, *arrays[i + 1 :]))
            numeric[at] = (sides[0] - sides[1]) / 2e-5
        size = np.maximum(1e-8, np.abs(numeric) + np.abs(slope))
        if not (np.abs(numeric - slope) / size).max() < 1e-7:
            return False
    return True


def by_scipy(total, slopes, arrays):
    """The root of the summed squares, at most 1e-5."""
    for i, (array, slope) in enumerate(zip(arrays, slopes)):

        def of_entries(flat, i=i, shape=array.shape):
            return float(total(*arrays[:i], flat.reshape(shape), *arrays[i + 1 :]))

        if not check_grad(of_entries, lambda _, slope=slope: slope.ravel(), array.ravel()) < 1e-5:
            return False
    return True


def by_torch(total, slopes, arrays):
    """gradcheck with its defaults, of a Function whose backward returns these slopes."""

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(context, *inputs):
            out = float(total(*(x.detach().numpy() for x in inputs)))
            return torch.tensor(out, dtype=torch.float64)

        @staticmethod
        def backward(context, dout):
            return tuple(dout * torch.from_numpy(np.array(slope)) for slope in slopes)

    inputs = [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]
    return torch.autograd.gradcheck(Layer.apply, inputs)


RECIPES = {"CS231n": cs231n, "torch gradcheck": by_torch, "scipy check_grad": by_scipy}


def passes(recipe, file) -> bool:
    """Does the recipe find nothing wrong?"""
    rng = np.random.default_rng(0)
    arrays, options = first_example(getattr(ops, file.exercise), rng)
    try:
        module = module_of(file)
        out, cache = module.forward(*arrays, **options)
        weights = np.asarray(rng.standard_normal(np.shape(out)))
        slopes = [np.asarray(g, float) for g in module.backward(weights, cache)]
        scale = SCALE.get(file.exercise, lambda _: 1.0)(options)

        def total(*inputs):
            return scale * (module.forward(*inputs, **options)[0] * weights).sum()

        if [slope.shape for slope in slopes] != [array.shape for array in arrays]:
            return False
        return bool(recipe(total, slopes, arrays))
    except Exception:
        return False


def main() -> None:
    files = [file for file in read(sys.argv[1]) if file.exercise in ops.__all__]
    print(f"{sum(not f.right for f in files)} wrong layers, {sum(f.right for f in files)} right")
    for name, recipe in RECIPES.items():
        found = Counter((file.right, passes(recipe, file)) for file in files)
        missed, alarms = found[False, True], found[True, False]
        print(f"{name:17} misses {missed:3}, calls wrong what is right {alarms:3}")


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        main()
