"""Banded ridge by random search beside himalaya, with the same draws; both fit again to all rows at the end.

``python benchmarks/banded.py``. Five draws of band weights, 20 penalties, five contiguous folds, float32,
features centred within each fold on both sides and not scaled; making the kernels is part of the time. himalaya's
``MultipleKernelRidgeCV`` runs on torch, with all targets at once and in batches of 512. The limit is what the draws
must cost at the rate of a square matrix product, measured just before and after: for every draw and fold an
eigendecomposition of the training rows (charged as nine cubes), two rotations and the predictions of all penalties; and
an eigendecomposition of all rows per draw with one pass of the targets for the final fit.
"""

from functools import partial

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

ALPHAS = np.logspace(-3, 6, 20)
N_DRAWS, N_FOLDS = 5, 5
SIZES = {
    "1000 x (512 + 512) x 2000": sized((1000, (512, 512), 2000), (60, (20, 30), 40)),
    "1200 x (300 + 700 + 50) x 3000": sized((1200, (300, 700, 50), 3000), (50, (10, 20, 5), 30)),
}


def data(size: str) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Bands of which the first drives the targets, the targets, and the draws."""
    from consona.stats.banded import dirichlet_gammas

    n, widths, n_targets = SIZES[size]
    rng = np.random.default_rng(40)
    bands = [rng.standard_normal((n, p), dtype=np.float32) + 1 for p in widths]
    Y = bands[0] @ rng.standard_normal((widths[0], n_targets), dtype=np.float32) / np.float32(widths[0] ** 0.5)
    Y += 2 * rng.standard_normal(Y.shape, dtype=np.float32)
    return bands, Y, dirichlet_gammas(len(widths), N_DRAWS, seed=0)


def by_consona(bands: list[np.ndarray], Y: np.ndarray, gammas: np.ndarray) -> tuple:
    """Choice per target, and weights of all features."""
    from consona.stats.banded import banded_search, banded_weights
    from consona.stats.folds import Folds

    test = np.arange(N_FOLDS)[:, None] == (np.arange(len(Y)) * N_FOLDS // len(Y))[None]
    choice = banded_search(bands, Y, Folds(~test, test), gammas, ALPHAS, scaled=False)
    return choice, banded_weights(bands, Y, choice, scaled=False)


def by_himalaya(bands: list[np.ndarray], Y: np.ndarray, gammas: np.ndarray, batch: int | None) -> object:
    """A fitted ``MultipleKernelRidgeCV``."""
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import MultipleKernelRidgeCV

    backend = set_backend("torch")
    kernels = backend.stack([(x := backend.asarray(X)) @ x.T for X in bands])
    settings = {
        "n_iter": gammas.astype(np.float32), "alphas": ALPHAS.astype(np.float32), "progress_bar": False,
        "n_targets_batch": batch, "n_targets_batch_refit": batch,
    }  # fmt: skip
    model = MultipleKernelRidgeCV(
        kernels="precomputed", solver="random_search", solver_params=settings, fit_intercept=True, cv=N_FOLDS
    )
    return model.fit(kernels, backend.asarray(Y))


def flops(size: str) -> float:
    """What the draws must take."""
    n, widths, v = SIZES[size]
    train, test = n * (N_FOLDS - 1) // N_FOLDS, n // N_FOLDS
    each = 9 * train**3 + 2 * test * train**2 + 2 * train**2 * v + 2 * test * train * v * len(ALPHAS)
    final = N_DRAWS * 9 * n**3 + 4 * n**2 * v + 2 * sum(widths) * n * v
    return float(N_DRAWS * N_FOLDS * each + final)


def ours(size: str) -> Facts:
    """Seconds, and times the limit of the same process."""
    bands, Y, gammas = data(size)
    by_consona([X[:50] for X in bands], Y[:50, :9], gammas)  # everything is imported
    return timed(lambda: by_consona(bands, Y, gammas), flops=flops(size), repeats=1, warm=False)


def theirs(size: str, batch: int | None) -> Facts:
    """Seconds of himalaya; in batches also how often it chooses the same weights and penalty as consona."""
    bands, Y, gammas = data(size)
    fitted: list = []
    by_himalaya([X[:50] for X in bands], Y[:50, :9], gammas, batch)  # everything is imported
    found = timed(lambda: fitted.append(by_himalaya(bands, Y, gammas, batch)), repeats=1, warm=False)
    if batch is None:
        return found  # the other setting is compared
    model, (choice, _) = fitted[-1], by_consona(bands, Y, gammas)
    deltas = np.log(np.maximum(choice.gammas, 1e-30) / choice.alphas)
    same = np.isclose(np.asarray(model.deltas_), deltas, atol=1e-3) | (choice.gammas < 1e-20)
    loss = -np.asarray(model.cv_scores_).max(axis=0)
    apart = float(np.abs(loss - choice.loss).max() / np.abs(loss).max())
    return found | {"same choice, share": float(same.all(axis=0).mean()), "loss apart, relative": apart}


BATCHES = {"himalaya": None, "himalaya in batches of 512": 512}
SIDES = {f"consona @ {size}": Side(partial(ours, size)) for size in SIZES} | {
    f"{name} @ {size}": Side(
        partial(theirs, size, batch), ("himalaya", "torch"), settings=f"torch, random_search, n_targets_batch={batch}"
    )
    for size in SIZES
    for name, batch in BATCHES.items()
}
ROWS = tuple(
    Row(
        f"banded ridge {size}, 5 draws, 20 penalties, 5 folds",
        f"consona @ {size}",
        tuple(f"{name} @ {size}" for name in BATCHES),
        agreement={"same choice, share": (">=", 0.995), "loss apart, relative": ("<=", 1e-4)},
    )
    for size in SIZES
)

if __name__ == "__main__":
    show(__file__)
