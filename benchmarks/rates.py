"""What this machine can do at best (matrix products, copies), and how the other benchmarks measure.

``python benchmarks/rates.py``. One thread; every measurement is a process of its own, after one untimed round; CPU
seconds; medians. The other files import :func:`report` and state what they did beside the limit of the same run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
os.environ.update(ONE_THREAD)  # before numpy is imported, so that its BLAS obeys

import numpy as np  # noqa: E402  (see above)

Facts = dict[str, float]
Measurement = Callable[[], Facts]


def cpu_seconds(function: Callable[[], object], *, repeats: int = 3, warm: bool = True) -> float:
    """Median CPU seconds of calls, after one untimed call."""
    if warm:
        function()
    found = []
    for _ in range(repeats):
        begun = time.process_time()
        function()
        found.append(time.process_time() - begun)
    return statistics.median(found)


def gemm_gflops(dtype: str, *, size: int = 2048) -> float:
    """Rate of a square matrix product in GFLOP per second."""
    a = np.random.default_rng(0).standard_normal((size, size)).astype(dtype)
    out = np.empty_like(a)
    return 2 * size**3 / cpu_seconds(lambda: np.matmul(a, a, out=out), repeats=5) / 1e9


def copy_gbytes() -> float:
    """Bytes read and written per second by a copy, in GB."""
    a = np.ones(2**26, dtype=np.float32)
    out = np.empty_like(a)
    return 2 * a.nbytes / cpu_seconds(lambda: np.copyto(out, a), repeats=5) / 1e9


def report(script: str, measurements: Mapping[str, Measurement], *, repeats: int) -> dict[str, Facts]:
    """Medians over ``repeats`` processes per measurement, taking turns; asked with ``--measure``, one, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", choices=list(measurements))
    parser.add_argument("--repeats", type=int, default=repeats)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measurements[asked.measure]()))
        raise SystemExit(0)
    found: dict[str, list[Facts]] = {name: [] for name in measurements}
    for turn in range(asked.repeats):
        names = list(measurements) if turn % 2 == 0 else list(measurements)[::-1]
        for name in names:
            command = [sys.executable, str(Path(script).resolve()), "--measure", name]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD)
            if done.returncode:
                raise SystemExit(f"'{name}' failed:\n{done.stderr}")
            found[name].append(json.loads(done.stdout))
    print(f"numpy {np.__version__}, one thread, {asked.repeats} processes per measurement, median (lowest to highest)")
    for name, facts in found.items():
        for key in facts[0]:
            values = [each[key] for each in facts]
            print(f"  {name}: {key} {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})")
    return {name: {k: statistics.median(f[k] for f in facts) for k in facts[0]} for name, facts in found.items()}


def main() -> None:
    """Print the rates."""
    report(
        __file__,
        {
            "matrix product, float32": lambda: {"GFLOP/s": gemm_gflops("float32")},
            "matrix product, float64": lambda: {"GFLOP/s": gemm_gflops("float64")},
            "copy": lambda: {"GB/s": copy_gbytes()},
        },
        repeats=3,
    )


if __name__ == "__main__":
    main()
