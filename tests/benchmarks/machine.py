"""What a benchmark ran on, and how fast that multiplies matrices."""

import os
import platform
import sys
import time
from pathlib import Path

from minidann.ops import parallel  # before NumPy: it tells BLAS to use one thread

# isort: split
import numpy as np

from minidann.train import DEMO

PART = (1920, 260, 200)  # the windows of 8 full-length utterances, their values, the filters


def with_threads(count: int) -> None:
    """Begin again with so many threads, unless it is so: they are counted when NumPy is loaded."""
    if os.environ.get("OMP_NUM_THREADS") != str(count):
        environment = os.environ | {"OMP_NUM_THREADS": str(count)}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def describe(**more) -> str:
    """One line: processor, cores, versions and whatever else counts."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":")[1].strip() for line in info.read_text().splitlines()
                  if line.startswith("model name")]  # fmt: skip
        name = models[0] if models else name
    versions = {"python": platform.python_version(), "numpy": np.__version__, **more}
    if kernels := os.environ.get("OPENBLAS_CORETYPE"):
        versions["OpenBLAS made to use its kernels for"] = kernels
    told = ", ".join(f"{key} {value}" for key, value in versions.items())
    return f"{name}, {os.cpu_count()} cores; {told}"


def real(name: str) -> Path | None:
    """The folder of the real corpus `name`, where there is one: see the README."""
    beside = DEMO.parents[2] / "shared" / "corpora"
    folder = Path(os.environ.get("MINIDANN_CORPORA", beside)) / name
    return folder if folder.is_dir() else None


def sgemm_rate(repeats: int = 30) -> float:
    """Floating point operations a second of the convolution's product, on all threads: the median.

    (1920, 260) @ (260, 200) in float32, one product after the other on each thread.
    """
    m, k, n = PART
    rng = np.random.default_rng(0)
    count = 4 * parallel.threads()
    a = rng.standard_normal((count, m, k), dtype=np.float32)
    b = rng.standard_normal((k, n), dtype=np.float32)
    out = np.empty((count, m, n), np.float32)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        parallel.each(lambda i: np.matmul(a[i], b, out=out[i]), [(i,) for i in range(count)])
        times.append(time.perf_counter() - began)
    return 2 * m * k * n * count / float(np.median(times[3:]))
