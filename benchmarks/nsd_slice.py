"""A slice of a large encoding analysis with its true shapes, and what the whole would take at the measured rate.

``python benchmarks/nsd_slice.py``: 9,000 training and 1,000 test stimuli, 8,192 features (one layer of a language model
of 72 billion parameters), 20,000 simulated targets, penalties chosen in 5 inner folds; one thread, CPU seconds.
Smaller: ``--targets 2000 --features 1024``, as in the table.
"""

import argparse
import time

from rates import Facts, Row, Side, gemm_gflops, peak_mb, sized  # first: it pins the threads before numpy is imported

# isort: split
import numpy as np

from consona.engine.cost import EFFICIENCY, TARGET_BLOCK, EncodingSize, encoding_cost, ridge_flops
from consona.stats.folds import Folds
from consona.stats.nested_ridge import NestedRidge

N_TRAIN, N_TEST, N_INNER = sized((9000, 1000, 5), (300, 50, 5))


def simulated(n_features: int, n_targets: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of decaying variance, and targets of which 64 features explain half."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_TRAIN + N_TEST, n_features), dtype=np.float32)
    X *= (1 / np.sqrt(np.arange(1, n_features + 1))).astype(np.float32)
    W = rng.standard_normal((64, n_targets), dtype=np.float32)
    Y = X[:, :64] @ W
    Y += rng.standard_normal(Y.shape, dtype=np.float32) * Y.std(axis=0)
    return X, Y


def measured(n_features: int, n_targets: int, n_alphas: int) -> tuple[float, float, float]:
    """CPU seconds of the decompositions and of the targets, and the median score."""
    X, Y = simulated(n_features, n_targets)
    rows = np.arange(len(X))
    train = rows < N_TRAIN
    held = np.stack([train & (rows % N_INNER == fold) for fold in range(N_INNER)])
    outer, inner = Folds(train[None], ~train[None]), Folds(train & ~held, held)
    begun = time.process_time()
    ridge = NestedRidge.of(X, outer, [inner], np.logspace(0, 6, n_alphas))
    decomposed = time.process_time()
    scores = ridge.scores(Y).scores
    return decomposed - begun, time.process_time() - decomposed, float(np.median(scores))


def operations(n_features: int, n_alphas: int) -> tuple[float, float]:
    """Those of the decompositions, and of every target."""
    once, per_target = ridge_flops(N_TRAIN, n_features, N_INNER, n_alphas)
    return once, per_target + 2 * N_TEST * min(N_TRAIN, n_features)


def small() -> Facts:
    """A slice that takes seconds, beside the rate of the matrix product."""
    n_features, n_targets, n_alphas = sized((1024, 2000, 10), (80, 20, 10))
    before = gemm_gflops("float32")
    once_s, targets_s, median = measured(n_features, n_targets, n_alphas)
    rate = (before + gemm_gflops("float32")) / 2
    once, per_target = operations(n_features, n_alphas)
    limit = (once + n_targets * per_target) / rate / 1e9
    return {"seconds": once_s + targets_s, "times the limit": (once_s + targets_s) / limit, "median r": median}


SIDES = {"consona": Side(small)}
ROWS = (
    Row(
        "encoding, 9,000 + 1,000 stimuli x 1,024 features x 2,000 targets, 10 penalties, 5 inner folds",
        "consona",
        agreement={"median r": (">=", sized(0.6, 0.0))},  # of .707 that can be had
    ),
)


def main() -> None:
    """Print the rates and the extrapolation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=8192)
    parser.add_argument("--penalties", type=int, default=10)
    asked = parser.parse_args()
    before = gemm_gflops("float32")
    once_s, targets_s, median = measured(asked.features, asked.targets, asked.penalties)
    limit = (before + gemm_gflops("float32")) / 2
    once, per_target = operations(asked.features, asked.penalties)
    done = once + asked.targets * per_target
    rate = done / (once_s + targets_s) / 1e9
    print(f"one thread, {N_TRAIN} + {N_TEST} stimuli, {asked.features} features, {asked.targets} targets,")
    print(f"{asked.penalties} penalties, {N_INNER} inner folds; median r {median:.3f} (at most {np.sqrt(0.5):.3f})")
    print(f"  matrix product, float32: {limit:.0f} GFLOP/s")
    print(f"  decompositions: {once_s:.0f} CPU s, {once / once_s / 1e9:.0f} GFLOP/s")
    print(f"  targets: {targets_s:.0f} CPU s, {asked.targets * per_target / targets_s / 1e9:.0f} GFLOP/s")
    print(f"  together: {rate:.0f} GFLOP/s, {rate / limit:.2f} of the matrix product (planned with: {EFFICIENCY})")
    print(f"  peak memory: {peak_mb() / 1000:.1f} GB")
    whole = EncodingSize(10_000, 8192, 300_000, 8, 81, n_test=N_TEST, n_alphas=asked.penalties)
    price = encoding_cost(whole, gflops=rate, target_block=TARGET_BLOCK)
    print(
        f"8 subjects x 81 layers x 300,000 targets at that rate: {price.n_shards:,} shards of {TARGET_BLOCK:,} targets,"
    )
    print(f"  {price.flops:.2g} operations, {price.seconds / 3600:,.0f} hours of one such core")
    print(
        f"  {price.seconds / 3600 / 1000:.1f} h with 1,000 cores; {price.memory_mb / 1000:.1f} GB of memory per shard,"
    )
    print(f"  {price.disk_mb / 1e6:.2f} TB of disk")


if __name__ == "__main__":
    main()
