"""What a benchmark ran on, and how fast that multiplies matrices."""

import os
import platform
import sys
import time
from pathlib import Path

import numpy as np


def with_threads(count: int) -> None:
    """Begin again with so many threads, unless it is so: BLAS asks when NumPy is loaded."""
    wanted = {f"{name}_NUM_THREADS": str(count) for name in ("OPENBLAS", "OMP", "MKL")}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)


def describe(**more) -> str:
    """One line: processor, cores, versions and whatever else counts."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":")[1].strip() for line in info.read_text().splitlines()
                  if line.startswith("model name")]  # fmt: skip
        name = models[0] if models else name
    versions = {"python": platform.python_version(), "numpy": np.__version__, **more}
    told = ", ".join(f"{key} {value}" for key, value in versions.items())
    return f"{name}, {os.cpu_count()} cores; {told}"


def sgemm_rate(m: int, k: int, n: int, repeats: int = 30) -> float:
    """Floating point operations a second of (m, k) @ (k, n) in float32: the median."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((m, k)).astype(np.float32)
    b = rng.standard_normal((k, n)).astype(np.float32)
    out = np.empty((m, n), np.float32)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        np.matmul(a, b, out=out)
        times.append(time.perf_counter() - began)
    return 2 * m * k * n / float(np.median(times[3:]))
