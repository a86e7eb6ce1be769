"""Ridge over many targets with a penalty for each, beside himalaya's best setting; and 300,000 targets from a file.

``python benchmarks/ridge.py [--repeats 3]``. 20 penalties, five folds of neighbouring rows, float32, features as they
are, weights of all rows included; every fold is centred by its own training rows. himalaya runs in torch with 512 targets
a batch, which is its fastest setting here (`RidgeCV` where features are fewer than rows, `KernelRidgeCV` where they are
more). The limit counts the operations that the method cannot do without if every penalty costs a product, at the rate of
a square matrix product before and after; penalties that are alike cost none here, so less than once the limit is possible,
where eigenvalues span few decades. Agreement is with the penalties of himalaya, the grid not extended. The first two sizes
are those the method was tuned on, the others are not; in `steep` the standard deviations of the features fall with their rank.
"""

import resource
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np

from rates import Facts, cpu_seconds, gemm_gflops, report

ALPHAS = np.logspace(-3, 6, 20)
N_FOLDS = 5


class Task(NamedTuple):
    """Sizes and the spectrum of the features."""

    n_rows: int
    n_features: int
    n_targets: int
    steepness: float = 0.0


TASKS = {
    "n2000 p1024 v4000": Task(2000, 1024, 4000),
    "n1000 p2048 v4000": Task(1000, 2048, 4000),
    "n1500 p600 v6000": Task(1500, 600, 6000),
    "n900 p1500 v3000 steep": Task(900, 1500, 3000, 1.0),
}


def data(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Features, and targets whose planted signal is between a fifth of the noise and five times it."""
    rng = np.random.default_rng(task.n_features)
    n, p, v, steepness = task
    X = rng.standard_normal((n, p)) * np.arange(1, p + 1) ** -steepness
    signal = X @ rng.standard_normal((p, v))
    signal *= rng.permutation(np.logspace(-0.7, 0.7, v)) / signal.std(axis=0)
    return X.astype(np.float32), (signal + rng.standard_normal((n, v))).astype(np.float32)


def limit(task: Task) -> float:
    """Operations of the task."""
    n, p, v, _ = task
    a, f, m = len(ALPHAS), N_FOLDS, task.n_rows - task.n_rows // N_FOLDS
    if p <= m:
        sweep = 2 * n * p * v * a
        return 3 * n * p**2 + 2 * n * p * v + (f + 1) * 9 * p**3 + 2 * f * p**2 * v + sweep + 4 * p**2 * v
    per_fold = 9 * m**3 + 2 * (n - m) * m**2 + 2 * m**2 * v
    return n**2 * p + f * per_fold + 2 * n * m * v * a + 9 * n**3 + 4 * n**2 * v + 2 * p * n * v


def timed(task: Task, function: Any) -> Facts:
    """CPU seconds, times the limit of the same process, and peak memory."""
    before = gemm_gflops("float32")
    seconds = cpu_seconds(function, repeats=1)
    rate = (before + gemm_gflops("float32")) / 2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "times the limit": seconds * rate * 1e9 / limit(task), "peak MB": peak}


def fitted(X: Any, Y: Any, dtype: str | None = None) -> np.ndarray:
    """The penalties that consona chooses, within the grid; weights are made and dropped."""
    from consona.stats.folds import blocked_folds
    from consona.stats.ridge_fit import ridge_cv_fit
    from consona.stats.ridge_sweep import Sweep

    folds = blocked_folds(np.zeros(len(X)), N_FOLDS)
    choice, _ = ridge_cv_fit(X, Y, ALPHAS, folds, scaled=False, sweep=Sweep(dtype=dtype))
    return np.clip(choice.alpha, ALPHAS[0], ALPHAS[-1])


def in_torch(task: Task) -> tuple[Any, Any]:
    """The same numbers as tensors, on one thread."""
    import torch

    torch.set_num_threads(1)
    X, Y = data(task)
    return torch.from_numpy(X), torch.from_numpy(Y)


def by_himalaya(X: Any, Y: Any) -> np.ndarray:
    """himalaya's penalties."""
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import KernelRidgeCV
    from himalaya.ridge import RidgeCV
    from sklearn.model_selection import KFold

    set_backend("torch")
    settings = {"alphas": ALPHAS.astype(np.float32), "cv": KFold(N_FOLDS), "solver_params": {"n_targets_batch": 512}}
    if X.shape[1] <= len(X) * (1 - 1 / N_FOLDS):
        return RidgeCV(fit_intercept=True, **settings).fit(X, Y).best_alphas_.numpy()
    return KernelRidgeCV(kernel="linear", fit_intercept=True, **settings).fit(X, Y).best_alphas_.numpy()


def himalaya(task: Task) -> Facts:
    """Its time, and how the penalties of both agree."""
    X, Y = in_torch(task)
    facts = timed(task, lambda: by_himalaya(X, Y))
    theirs = by_himalaya(X, Y)
    for name, ours in {"numpy": fitted(X.numpy(), Y.numpy()), "bfloat16": fitted(X, Y, "bfloat16")}.items():
        steps = np.abs(np.log10(ours / theirs)) / np.log10(ALPHAS[1] / ALPHAS[0])
        facts[f"same penalty in % ({name})"] = 100 * float((steps < 0.5).mean())
        facts[f"within one step in % ({name})"] = 100 * float((steps < 1.5).mean())
    return facts


def many_targets() -> Facts:
    """300,000 targets of 400 rows, 100 features, from a memory map; no weights."""
    from consona.stats.folds import blocked_folds
    from consona.stats.ridge_cv import ridge_cv

    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 100), dtype=np.float32)
    with tempfile.NamedTemporaryFile() as file:
        Y = np.memmap(file.name, dtype=np.float32, mode="w+", shape=(400, 300_000))
        for first in range(0, Y.shape[1], 30_000):
            Y[:, first : first + 30_000] = rng.standard_normal((400, 30_000), dtype=np.float32) + X[:, :1]
        begun = time.process_time()
        ridge_cv(X, Y, ALPHAS, blocked_folds(np.zeros(400), N_FOLDS))
        seconds = time.process_time() - begun
    return {"seconds": seconds, "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Print all figures and the ratios."""
    measurements = {"300,000 targets from a file": many_targets}
    for name, task in TASKS.items():
        measurements |= {
            f"{name}, numpy": lambda task=task: timed(task, lambda pair=data(task): fitted(*pair)),
            f"{name}, torch": lambda task=task: timed(task, lambda pair=in_torch(task): fitted(*pair)),
            f"{name}, bfloat16 chooses": lambda task=task: timed(
                task, lambda pair=in_torch(task): fitted(*pair, "bfloat16")
            ),
            f"{name}, himalaya": lambda task=task: himalaya(task),
        }
    found = report(__file__, measurements, repeats=3)
    for name in TASKS:
        theirs = found[f"{name}, himalaya"]["seconds"]
        ratios = {how: theirs / found[f"{name}, {how}"]["seconds"] for how in ("numpy", "torch", "bfloat16 chooses")}
        print(f"{name}: himalaya takes " + ", ".join(f"{ratio:.2f} x {how}" for how, ratio in ratios.items()))


if __name__ == "__main__":
    main()
