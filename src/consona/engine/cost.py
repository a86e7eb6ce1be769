r"""What encoding will take: shards, operations, memory and disk, from sizes alone, priced at a measured rate."""

import math
import time
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from consona.engine.config import PlannedStep

EFFICIENCY = 0.6
"""Share of the rate of plain matrix products that encoding reaches: 0.56 to 0.72 in ``benchmarks/nsd_slice.py``."""
TARGET_BLOCK = 20_000
_FLOAT32_FROM = 4096  # stimuli; smaller sets are fitted in float64
_LIBRARIES_MB = 500


@dataclass(frozen=True)
class EncodingSize:
    """How large an encoding analysis is.

    Parameters
    ----------
    n_stimuli, n_features, n_targets
        Per subject and layer; ``n_stimuli`` counts training and test.
    n_subjects, n_layers
        How often.
    n_folds
        Outer folds, and inner folds in which penalties are chosen, ``(outer, inner)``.
    n_test
        Stimuli of a fixed test set, fitted once; 0: every outer fold tests its own part.
    n_alphas
        Penalties.
    n_permutations
        Size of the null; every permutation chooses and fits again.
    n_repetitions
        Repetitions that recordings hold.
    """

    n_stimuli: int
    n_features: int
    n_targets: int
    n_subjects: int = 1
    n_layers: int = 1
    n_folds: tuple[int, int] = (5, 5)
    n_test: int = 0
    n_alphas: int = 17
    n_permutations: int = 0
    n_repetitions: int = 1

    @property
    def n_outer(self) -> int:
        """How many outer training sets there are."""
        return 1 if self.n_test else self.n_folds[0]

    @property
    def tested(self) -> int:
        """Test stimuli of one outer fold."""
        return self.n_test or math.ceil(self.n_stimuli / self.n_folds[0])

    @property
    def trained(self) -> int:
        """Training stimuli of one outer fold."""
        return self.n_stimuli - self.tested

    @property
    def n_bytes(self) -> int:
        """Bytes of one number in the computation."""
        return 4 if self.n_stimuli >= _FLOAT32_FROM else 8


@dataclass(frozen=True)
class EncodingCost:
    """What an encoding analysis takes. ``flops`` counts all shards; memory is that of one; disk is that of all."""

    n_shards: int
    flops: float
    memory_mb: float
    disk_mb: float
    gflops: float

    @property
    def seconds(self) -> float:
        """Seconds of one worker for everything."""
        return self.flops / (self.gflops * 1e9)

    def step(self, name: str, note: str = "") -> PlannedStep:
        """A line of a plan."""
        work = f"{self.flops / 1e12:,.0f} TFLOP" if self.flops >= 1e13 else f"{self.flops / 1e9:,.0f} GFLOP"
        words = f"{work} at {self.gflops:,.0f} GFLOP/s"
        said = f"{note}; {words}" if note else words
        return PlannedStep(name, self.seconds, self.memory_mb, self.disk_mb, said, self.n_shards)


def ridge_flops(n: int, p: int, n_folds: int, n_alphas: int) -> tuple[float, float]:
    r"""Operations that a ridge with a penalty per target needs: once, and per target.

    Features are decomposed (:math:`p \le n_t`), otherwise rows:

    .. math:: 3 n p^2 + 9 (f + 1) p^3, \qquad 2 n p + 2 f p^2 + 2 n p a + 4 p^2

    .. math:: n^2 p + f (9 n_t^3 + 2 (n - n_t) n_t^2) + 9 n^3, \qquad 2 f n_t^2 + 2 n n_t a + 4 n^2 + 2 p n

    with :math:`f` folds, :math:`a` penalties and :math:`n_t = n (f - 1) / f` training rows of a fold.
    """
    trained = n * (n_folds - 1) / n_folds
    if p <= trained:
        once = 3.0 * n * p**2 + 9 * (n_folds + 1) * p**3
        return once, 2 * n * p + 2 * n_folds * p**2 + 2 * n * p * n_alphas + 4 * p**2
    once = n**2 * p + n_folds * (9 * trained**3 + 2 * (n - trained) * trained**2) + 9 * n**3
    return once, 2 * n_folds * trained**2 + 2 * n * trained * n_alphas + 4 * n**2 + 2 * p * n


def encoding_cost(size: EncodingSize, *, gflops: float, target_block: int = TARGET_BLOCK) -> EncodingCost:
    """Price an encoding analysis; a shard is one subject, one layer and one block of targets.

    Parameters
    ----------
    size
        How large it is.
    gflops
        Operations per second that one worker reaches, in 1e9: ``EFFICIENCY * matrix_rate()`` here.
    target_block
        Targets per shard. Every shard decomposes the features anew, so that larger blocks take fewer operations and
        more memory.
    """
    n_blocks = math.ceil(size.n_targets / target_block)
    n_shards = n_blocks * size.n_subjects * size.n_layers
    once, per_target = ridge_flops(size.trained, size.n_features, size.n_folds[1], size.n_alphas)
    per_target += 2 * size.tested * min(size.trained, size.n_features)
    analyses = size.n_subjects * size.n_layers
    fitted = size.n_targets * (1 + size.n_permutations)
    flops = size.n_outer * analyses * (n_blocks * once + fitted * per_target)
    return EncodingCost(n_shards, flops, _memory_mb(size, min(target_block, size.n_targets)), _disk_mb(size), gflops)


def matrix_rate(dtype: str = "float32", *, n_repeats: int = 5) -> float:
    """Rate of products of matrices in GFLOP per second on one thread of this computer; takes about 0.1 s."""
    n = 1024
    a = np.random.default_rng(0).standard_normal((n, n)).astype(dtype)
    out, spent = np.empty_like(a), []
    with threadpool_limits(limits=1):
        for _ in range(n_repeats + 1):
            begun = time.perf_counter()
            np.matmul(a, a, out=out)
            spent.append(time.perf_counter() - begun)
    return float(2 * n**3 / np.median(spent[1:]) / 1e9)


def _memory_mb(size: EncodingSize, n_targets: int) -> float:
    """Features three times, decompositions of all training sets, the room for one more, and a block of targets."""
    n, p = size.n_stimuli, size.n_features
    inner = size.trained * (size.n_folds[1] - 1) / size.n_folds[1]
    outer_basis = min(p, size.trained) ** 2 + size.tested * min(p, size.trained)
    inner_basis = size.n_folds[1] * (min(p, inner) ** 2 + (size.trained - inner) * min(p, inner))
    numbers = 3 * n * p + size.n_outer * (outer_basis + inner_basis) + 3 * min(p, size.trained) ** 2
    targets = n * n_targets * (4 * size.n_repetitions + 16) + 12 * size.n_permutations * n_targets
    return _LIBRARIES_MB + (numbers * size.n_bytes + targets) / 1e6


def _disk_mb(size: EncodingSize) -> float:
    """Features and blocks of recordings, which workers read; scores and null, as shards and joined."""
    features = 4 * size.n_stimuli * size.n_features * size.n_layers
    recordings = 4 * size.n_stimuli * size.n_targets * size.n_repetitions
    results = 2 * size.n_targets * size.n_layers * (24 + 4 * size.n_permutations)
    return size.n_subjects * (features + recordings + results) / 1e6
