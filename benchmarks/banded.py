"""Banded ridge by random search beside himalaya, with the same draws; both fit again to all rows at the end.

``python benchmarks/banded.py [--repeats 3]``. Five draws of band weights, 20 penalties, five contiguous folds, float32,
features centred within each fold on both sides and not scaled; making the kernels is part of the time. himalaya's
``MultipleKernelRidgeCV`` runs on torch, with all targets at once and in batches of 512. The limit is what the draws
must cost at the rate of a square matrix product, measured just before and after: for every draw and fold an
eigendecomposition of the training rows (charged as nine cubes), two rotations and the predictions of all penalties.
"""

import numpy as np

from rates import Facts, cpu_seconds, gemm_gflops, report

ALPHAS = np.logspace(-3, 6, 20)
N_DRAWS, N_FOLDS = 5, 5
SIZES = {
    "1000 x (512 + 512) x 2000": (1000, (512, 512), 2000),
    "1200 x (300 + 700 + 50) x 3000": (1200, (300, 700, 50), 3000),
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


def limit(size: str, rate: float) -> float:
    """Seconds that the draws must take."""
    n, _, v = SIZES[size]
    train, test = n * (N_FOLDS - 1) // N_FOLDS, n // N_FOLDS
    each = 9 * train**3 + 2 * test * train**2 + 2 * train**2 * v + 2 * test * train * v * len(ALPHAS)
    return N_DRAWS * N_FOLDS * each / rate / 1e9


def ours(size: str) -> Facts:
    """Seconds, and times the limit of the same process."""
    bands, Y, gammas = data(size)
    before = gemm_gflops("float32")
    seconds = cpu_seconds(lambda: by_consona(bands, Y, gammas), repeats=1)
    rate = (before + gemm_gflops("float32")) / 2
    return {"seconds": seconds, "times the limit": seconds / limit(size, rate)}


def theirs(size: str, batch: int | None) -> Facts:
    """Seconds of himalaya, and how often it chooses the same weights and penalty as consona."""
    bands, Y, gammas = data(size)
    fitted: list = []
    seconds = cpu_seconds(lambda: fitted.append(by_himalaya(bands, Y, gammas, batch)), repeats=1)
    model, (choice, _) = fitted[-1], by_consona(bands, Y, gammas)
    deltas = np.log(np.maximum(choice.gammas, 1e-30) / choice.alphas)
    found = np.asarray(model.deltas_)
    same = np.isclose(found, deltas, atol=1e-3) | (choice.gammas < 1e-20)
    loss = -np.asarray(model.cv_scores_).max(axis=0)
    apart = float(np.abs(loss - choice.loss).max() / np.abs(loss).max())
    return {"seconds": seconds, "same choice, share": float(same.all(axis=0).mean()), "loss apart, relative": apart}


def main() -> None:
    """Print all figures."""
    measurements = {}
    for size in SIZES:
        measurements[f"consona, {size}"] = lambda size=size: ours(size)
        measurements[f"himalaya, {size}"] = lambda size=size: theirs(size, None)
        measurements[f"himalaya in batches of 512, {size}"] = lambda size=size: theirs(size, 512)
    found = report(__file__, measurements, repeats=3)
    for size in SIZES:
        best = min(found[name]["seconds"] for name in found if name.startswith("himalaya") and name.endswith(size))
        print(f"{size}: consona is {best / found[f'consona, {size}']['seconds']:.2f} times as fast as himalaya's best")


if __name__ == "__main__":
    main()
