"""10,000 permutations of the largest correlation over 50,000 targets, beside the matrix product it cannot do without.

``python benchmarks/permutation.py [--repeats 5]``. 200 stimuli, float32; standardising targets and permuted predictors
is part of the time. The limit is two operations per stimulus, target and permutation, at the rate of a square matrix
product measured just before and after, in the same process.
"""

import numpy as np

from rates import Facts, cpu_seconds, gemm_gflops, report

N_STIMULI, N_TARGETS, N_PERMUTATIONS = 200, 50_000, 10_000


def data() -> tuple[np.ndarray, np.ndarray]:
    """Permuted predictors as rows, and targets."""
    from consona.stats.permutation import random_orders

    rng = np.random.default_rng(30)
    x = rng.standard_normal(N_STIMULI).astype(np.float32)
    Y = rng.standard_normal((N_STIMULI, N_TARGETS), dtype=np.float32)
    return x[random_orders(N_STIMULI, N_PERMUTATIONS, seed=0)], Y


def ours() -> Facts:
    """The whole null, its limit, and how far 100 permutations are from float64."""
    from consona.stats.permutation import max_statistic

    X, Y = data()
    before = gemm_gflops("float32")
    seconds = cpu_seconds(lambda: max_statistic(X, Y), repeats=1)
    rate = (before + gemm_gflops("float32")) / 2
    limit = 2 * N_STIMULI * N_TARGETS * N_PERMUTATIONS / rate / 1e9
    apart = np.abs(max_statistic(X[:100], Y) - max_statistic(X[:100], Y.astype(np.float64))).max()
    return {"seconds": seconds, "times the limit": seconds / limit, "largest difference": float(apart)}


def one_by_one() -> Facts:
    """A product per permutation, as one writes it first: 100 of them, extrapolated."""
    X, Y = data()
    Z = (Y - Y.mean(axis=0)) / Y.std(axis=0) / N_STIMULI
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    seconds = cpu_seconds(lambda: [np.abs(x @ Z).max() for x in X[:100]], repeats=1)
    return {"seconds, extrapolated": seconds * N_PERMUTATIONS / 100}


def main() -> None:
    """Print all figures."""
    report(__file__, {"consona": ours, "one permutation at a time": one_by_one}, repeats=5)


if __name__ == "__main__":
    main()
