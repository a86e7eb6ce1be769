"""Fractional ridge with cross-validated fractions, beside fracridge; and the vertices of a person at full size.

``python benchmarks/fractional.py``. 20 fractions, five consecutive folds, features and targets centred by the training
rows of each fold on every side. fracridge is used at its best: one call per fold gives all fractions (its own
cross-validation decomposes again for each of them, and does not run under this scikit-learn). The last rows have the
size of a subject of NSD, 9,485 images, and 20,000 vertices: fit, choice per vertex, and weights of all rows. The limit
counts the products that cannot be left out if every fraction of every target costs one in each fold, at the rate of a
square matrix product.
"""

import warnings
from functools import partial
from typing import NamedTuple

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

FRACTIONS = np.linspace(0.05, 1, 20)
N_FOLDS = 5


class Task(NamedTuple):
    """Sizes."""

    n_rows: int
    n_features: int
    n_targets: int


TASKS = {
    "n2000 p384 v500": sized(Task(2000, 384, 500), Task(100, 12, 20)),
    "n600 p2000 v384": sized(Task(600, 2000, 384), Task(50, 80, 20)),
}
LARGE = {
    "n9485 p384 v20000": sized(Task(9485, 384, 20_000), Task(100, 12, 20)),
    "n9485 p768 v20000": sized(Task(9485, 768, 20_000), Task(100, 12, 20)),
}


def data(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Features whose standard deviations fall with their rank, and targets of any signal, both in single precision."""
    rng = np.random.default_rng(task.n_features)
    n, p, v = task
    X = rng.standard_normal((n, p), dtype=np.float32) * np.logspace(0, -1, p, dtype=np.float32)
    B = rng.standard_normal((p, v), dtype=np.float32) * np.logspace(-2, 0, v, dtype=np.float32)
    return X + 1, X @ B / np.float32(np.sqrt(p)) * 3 + rng.standard_normal((n, v), dtype=np.float32) + 2


def limit(task: Task) -> float:
    """Operations of the task."""
    n, p, v = task
    f, m = N_FOLDS, task.n_rows - task.n_rows // N_FOLDS
    test = n - m
    if p <= m:
        sweep = min(p * p, 2 * test * p) * v * len(FRACTIONS) * f
        return 2 * n * p**2 + (f + 1) * 9 * p**3 + 2 * n * p * v + 2 * (f + 1) * p**2 * v + sweep + 2 * p**2 * v
    per_fold = 9 * m**3 + 2 * m**2 * v + 2 * test * m * v * len(FRACTIONS)
    return n**2 * p + f * per_fold + 9 * n**3 + 2 * n**2 * v + 2 * p * n * v


def chosen(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fractions that consona chooses, and their scores; weights are made and dropped."""
    from consona.stats.folds import blocked_folds
    from consona.stats.fractional_path import fractional_fit

    fit = fractional_fit(X, Y, FRACTIONS, blocked_folds(np.zeros(len(X)), N_FOLDS))
    return fit.fraction, fit.scores


def by_fracridge(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Scores of all fractions from one call per fold, and a last call for the weights."""
    from fracridge import fracridge

    scores = np.zeros((len(FRACTIONS), Y.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # centred rows have an axis of nothing
        for test in np.array_split(np.arange(len(X)), N_FOLDS):
            train = np.setdiff1d(np.arange(len(X)), test)
            mean, level = X[train].mean(axis=0), Y[train].mean(axis=0)
            coef, _ = fracridge(X[train] - mean, Y[train] - level, FRACTIONS, jit=False)
            predicted = np.tensordot(X[test] - mean, coef, axes=1) + level
            spread = np.square(Y[test] - Y[test].mean(axis=0)).sum(axis=0)
            scores += (1 - np.square(Y[test][:, None] - predicted).sum(axis=0) / spread) / N_FOLDS
        fracridge(X - X.mean(axis=0), Y - Y.mean(axis=0), FRACTIONS, jit=False)
    return scores


def ours(task: Task) -> Facts:
    """Its time, and times the limit of the same process."""
    X, Y = data(task)
    chosen(X[:60], Y[:60, :9])  # everything is imported
    return timed(lambda: chosen(X, Y), flops=limit(task), repeats=1, warm=False)


def peer(task: Task) -> Facts:
    """Its time, and how both agree."""
    X, Y = (each.astype(np.float64) for each in data(task))
    by_fracridge(X[:60], Y[:60, :9])
    kept: list[np.ndarray] = []
    facts = timed(lambda: kept.append(by_fracridge(X, Y)), repeats=1, warm=False)
    own, scores = chosen(X, Y)
    steps = np.abs(FRACTIONS[kept[0].argmax(axis=0)] - own) / (FRACTIONS[1] - FRACTIONS[0])
    facts["within one fraction in %"] = 100 * float((steps < 1.5).mean())
    facts["best R2, largest difference"] = float(np.abs(kept[0].max(axis=0) - scores.max(axis=0)).max())
    return facts


SIDES = {f"consona @ {name}": Side(partial(ours, task)) for name, task in (TASKS | LARGE).items()} | {
    f"fracridge @ {name}": Side(partial(peer, task), ("fracridge",), "float64", "jit=False, one call per fold")
    for name, task in TASKS.items()
}
AGREEMENT = {"within one fraction in %": (">=", sized(95, 60)), "best R2, largest difference": ("<=", sized(0.01, 0.2))}
ROWS = tuple(
    Row(
        f"fractional ridge {name}, 20 fractions, 5 folds",
        f"consona @ {name}",
        (f"fracridge @ {name}",) if name in TASKS else (),
        agreement=AGREEMENT if name in TASKS else {},
    )
    for name in TASKS | LARGE
)

if __name__ == "__main__":
    show(__file__)
