"""What this machine can do at best (matrix products, copies), how the benchmarks measure, and how they state it.

``python benchmarks/rates.py`` prints the rates. Every other file says what it compares in two names: ``SIDES``, its
implementations by name, and ``ROWS``, the lines that ``table.py`` makes of them.
"""

import contextlib
import importlib.util
import io
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
os.environ.update(ONE_THREAD)  # before numpy is imported, so that its BLAS obeys

import numpy as np  # noqa: E402  (see above)

Facts = dict[str, float]
Record = dict[str, Any]
Size = TypeVar("Size")
SMOKE = "--smoke" in sys.argv
PEERS = ("torch", "himalaya", "fracridge", "rsatoolbox", "nilearn", "transformers", "sentence-transformers")
PACKAGES = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn"} | {p.replace("-", "_"): p for p in PEERS}


@dataclass(frozen=True)
class Side:
    """One implementation. What it needs: modules, or variables of the environment (in capitals)."""

    measure: Callable[[], Facts]
    needs: tuple[str, ...] = ()
    dtype: str = "float32"
    settings: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table: names of sides (what follows ``@`` is not shown), and of the facts that they return.

    ``reach``: how many times as fast as every peer whose name starts so; ``limit`` and ``seconds`` are upper bounds.
    ``agreement``: facts of any of the sides, each with ``<=`` or ``>=`` and its bound; the worst run counts.
    ``prefix`` is that of the facts of :func:`timed`, where a side times several things.
    """

    task: str
    ours: str
    peers: tuple[str, ...] = ()
    reach: Mapping[str, float] = field(default_factory=dict)
    agreement: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    prefix: str = ""


def sized(full: Size, tiny: Size) -> Size:
    """The size to measure, or the one that only shows that everything runs and agrees."""
    return tiny if SMOKE else full


def cpu_seconds(function: Callable[[], object], *, repeats: int = 3, warm: bool = True) -> float:
    """Median CPU seconds of calls, after one untimed call."""
    if warm and not SMOKE:
        function()
    found = []
    for _ in range(sized(repeats, 1)):
        begun = time.process_time()
        function()
        found.append(time.process_time() - begun)
    return statistics.median(found)


def timed(
    function: Callable[[], object],
    *,
    flops: float | None = None,
    dtype: str = "float32",
    repeats: int = 3,
    warm: bool = True,
) -> Facts:
    """CPU seconds, peak memory, and times the limit: operations at the rate of a product just before and after."""
    before = gemm_gflops(dtype) if flops else 0.0
    forget_peak()
    found = {"seconds": cpu_seconds(function, repeats=repeats, warm=warm), "peak MB": peak_mb()}
    if flops:
        found["times the limit"] = found["seconds"] * (before + gemm_gflops(dtype)) / 2 * 1e9 / flops
    return found


def peak_mb() -> float:
    """Peak memory of this process alone; Linux's ``getrusage`` would count that of the one which started it."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    found = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
    scale = 1024**2 if sys.platform == "darwin" else 1024
    return found[0] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def forget_peak() -> None:
    """Count the peak from here (on Linux), so that what made the data is not in it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def gemm_gflops(dtype: str, *, size: int = 2048) -> float:
    """Rate of a square matrix product in GFLOP per second."""
    size = sized(size, 64)
    a = np.random.default_rng(0).standard_normal((size, size)).astype(dtype)
    out = np.empty_like(a)
    return 2 * size**3 / max(cpu_seconds(lambda: np.matmul(a, a, out=out)), 1e-6) / 1e9


def copy_gbytes() -> float:
    """Bytes read and written per second by a copy, in GB."""
    a = np.ones(sized(2**26, 2**16), dtype=np.float32)
    out = np.empty_like(a)
    return 2 * a.nbytes / max(cpu_seconds(lambda: np.copyto(out, a), repeats=5), 1e-6) / 1e9


def missing(side: Side) -> str | None:
    """The first thing that a side needs and that is not here, in words."""
    for need in side.needs:
        if need.isupper() and need not in os.environ:
            return f"{need} is not set"
        if not need.isupper() and importlib.util.find_spec(need) is None:
            return f"{need} is not installed"
    return None


def measured(side: Side) -> Record:
    """One measurement in this process, between two looks at the rate of the machine."""
    before, begun = gemm_gflops("float32", size=1024), time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        facts = side.measure()
    wall, rates = time.perf_counter() - begun, (before, gemm_gflops("float32", size=1024))
    versions = {name: metadata.version(name) for module, name in PACKAGES.items() if module in sys.modules}
    return {"facts": {"peak MB": peak_mb(), **facts}, "wall s": wall, "GFLOP/s": rates, "versions": versions}


def show(script: str) -> None:
    """The rows of one file: ``python benchmarks/rdm.py`` is ``python benchmarks/table.py --only rdm``."""
    import table

    table.main(["--only", Path(script).stem, *sys.argv[1:]])


if __name__ == "__main__":
    for kind in ("float32", "float64"):
        print(f"matrix product, {kind}: {gemm_gflops(kind):.0f} GFLOP/s")
    print(f"copy, read and written: {copy_gbytes():.1f} GB/s")
