"""10,000 permutations of the largest correlation over 50,000 targets, beside nilearn and the bare matrix product.

``python benchmarks/permutation.py``. 200 stimuli, float32; standardising targets and permuted predictors
is part of the time. The limit is two operations per stimulus, target and permutation, at the rate of a square matrix
product measured just before and after, in the same process. Nothing is extrapolated. nilearn tests t, which rises with
r, and draws orders of its own, so the nulls agree up to their sampling.
"""

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

N_STIMULI, N_TARGETS, N_PERMUTATIONS = sized((200, 50_000, 10_000), (40, 300, 200))


def data() -> tuple[np.ndarray, np.ndarray]:
    """Permuted predictors as rows, and targets."""
    from consona.stats.permutation import random_orders

    rng = np.random.default_rng(30)
    x = rng.standard_normal(N_STIMULI).astype(np.float32)
    Y = rng.standard_normal((N_STIMULI, N_TARGETS), dtype=np.float32)
    return x[random_orders(N_STIMULI, N_PERMUTATIONS, seed=0)], Y


def ours() -> Facts:
    """The whole null, its limit, its 95th percentile, and how far 100 permutations are from float64."""
    from consona.stats.permutation import max_statistic

    X, Y = data()
    nulls: list[np.ndarray] = []
    flops = 2 * N_STIMULI * N_TARGETS * N_PERMUTATIONS
    found = timed(lambda: nulls.append(max_statistic(X, Y)), flops=flops, repeats=1)
    apart = np.abs(max_statistic(X[:100], Y) - max_statistic(X[:100], Y.astype(np.float64))).max()
    threshold = np.quantile(nulls[0], 0.95)
    return found | {"95 % of the maxima": float(threshold), "difference to float64": float(apart)}


def by_nilearn() -> Facts:
    """The peer's test of one predictor, the 95th percentile of its null as r, and how far its map is from ours."""
    from nilearn.mass_univariate import permuted_ols

    from consona.stats.correlation import pearson_pairs

    X, Y = data()
    x = np.sort(X[0])[:, None]
    result = {}

    def test() -> None:
        result.update(permuted_ols(x, Y, n_perm=N_PERMUTATIONS, random_state=0, output_type="dict", verbose=0))

    found = timed(test, repeats=1, warm=False)
    t, largest = result["t"][0], result["h0_max_t"][0]
    r = pearson_pairs(x.astype(np.float64), Y.astype(np.float64))[0]
    return found | {
        "95 % of the maxima": float(np.quantile(largest / np.sqrt(N_STIMULI - 2 + largest**2), 0.95)),
        "difference of r": float(np.abs(t / np.sqrt(N_STIMULI - 2 + t**2) - r).max()),
    }


def one_by_one() -> Facts:
    """A product per permutation, as one writes it first."""
    X, Y = data()

    def null() -> list[float]:
        Z = (Y - Y.mean(axis=0)) / Y.std(axis=0) / N_STIMULI
        rows = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
        return [np.abs(row @ Z).max() for row in rows]

    return timed(null, repeats=1, warm=False)


SIDES = {
    "consona": Side(ours),
    "nilearn permuted_ols": Side(by_nilearn, ("nilearn",), settings="one predictor, its t; n_jobs=1"),
    "one permutation at a time": Side(one_by_one),
}
ROWS = (
    Row(
        "largest of 50,000 correlations, 10,000 permutations, 200 stimuli",
        "consona",
        ("nilearn permuted_ols", "one permutation at a time"),
        reach={"nilearn": 80, "limit": 1.3},
        agreement={"difference to float64": ("<=", 2e-6), "difference of r": ("<=", 2e-6)},
    ),
)

if __name__ == "__main__":
    show(__file__)
