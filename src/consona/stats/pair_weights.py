"""RDM comparisons after drawing stimuli again, from weights of pairs: nothing is computed a second time."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from consona.stats.rdm import n_stimuli_of
from consona.stats.rdm_comparison import Comparison, parts
from consona.stats.shapes import Float, Int, Real

__all__ = ["WEIGHTED", "weighted_comparisons"]

WEIGHTED: tuple[Comparison, ...] = ("pearson", "spearman", "rho-a", "cosine")
_Compared = Callable[[np.ndarray], np.ndarray]
_CELLS = 2**21  # numbers that are held at a time: 16 MB


def weighted_comparisons(
    A: Real[np.ndarray, "n_a n_pairs"],
    B: Real[np.ndarray, "n_b n_pairs"],
    counts: Int[np.ndarray, "n_draws n_stimuli"],
    *,
    comparison: Comparison,
) -> Float[np.ndarray, "n_draws n_a n_b"]:
    r"""Comparisons of all RDMs after each draw of stimuli, from pair weights.

    A stimulus drawn :math:`c_i` times makes :math:`c_i c_j` pairs with stimulus :math:`j`, and its pairs with itself
    drop out, since they have no dissimilarity: every sum of a comparison becomes a sum weighted by :math:`w_{ij} = c_i
    c_j`, one matrix product for all draws. Weighted ranks come from sorting each RDM once and cumulating its weights.
    Equal to the comparison of the resampled RDMs.

    Missing pairs are left out as by :func:`~consona.stats.rdm_comparison.compare_rdms`. NaN where a draw leaves nothing
    that varies.

    Raises
    ------
    ValueError
        When the comparison cannot be weighted (Kendall's tau-a, whitened), or numbers of pairs and stimuli differ.
    """
    n_stimuli = n_stimuli_of(A.shape[1])
    if comparison not in WEIGHTED or counts.shape[1] != n_stimuli or A.shape[1] != B.shape[1]:
        raise ValueError(
            f"'{comparison}' of RDMs with {A.shape[1]} and {B.shape[1]} pairs was asked for with draws of "
            f"{counts.shape[1]} stimuli; draws are of the {n_stimuli} stimuli of both, and the comparison is one of "
            f"{', '.join(WEIGHTED)}. rho-a is what tau-a is used for."
        )
    found = np.full((len(counts), len(A), len(B)), np.nan)
    prepare = _by_ranks if comparison in ("spearman", "rho-a") else _by_products
    for part in parts(A, B):
        a, b = (np.asarray(each[:, part.pairs], dtype=np.float64) for each in (A[part.rows_a], B[part.rows_b]))
        compared, step = prepare(a, b, comparison)
        for start in range(0, len(counts), step):
            W = _pair_weights(counts[start : start + step])
            at = np.ix_(np.arange(start, start + len(W)), part.rows_a, part.rows_b)
            found[at] = compared(W if part.pairs.all() else W[:, part.pairs])
    return found


def _pair_weights(counts: np.ndarray) -> np.ndarray:
    c = np.ascontiguousarray(counts, dtype=np.int32)
    n = c.shape[1]
    W = np.empty((len(c), n * (n - 1) // 2), dtype=np.int32)
    start = 0
    for i in range(n - 1):
        np.multiply(c[:, i : i + 1], c[:, i + 1 :], out=W[:, start : start + n - 1 - i])
        start += n - 1 - i
    return W


def _by_products(a: np.ndarray, b: np.ndarray, comparison: Comparison) -> tuple[_Compared, int]:
    """Pearson or cosine: weighted sums of values, squares and products, for a block of draws at a time."""
    centred = comparison == "pearson"
    a, b = _standard(a, centred), _standard(b, centred)
    single = np.vstack([a, a**2, b, b**2])
    ends = np.cumsum([len(a), len(a), len(b)])
    rows = max(1, _CELLS // b.size)
    products = [(a[i : i + rows, None] * b).reshape(-1, b.shape[1]) for i in range(0, len(a), rows)]

    def compared(W: np.ndarray) -> np.ndarray:
        weights = W.astype(np.float64)
        total = weights.sum(axis=1)[:, None]
        total = np.where(total > 0, total, np.nan)
        mean_a, square_a, mean_b, square_b = np.split(weights @ single.T / total, ends, axis=1)
        both = np.hstack([weights @ each.T / total for each in products]).reshape(len(W), len(a), len(b))
        if not centred:
            return _ratio(both, square_a, square_b)
        both -= mean_a[:, :, None] * mean_b[:, None, :]
        return _ratio(both, square_a - mean_a**2, square_b - mean_b**2)

    return compared, max(1, _CELLS // a.shape[1])


def _by_ranks(a: np.ndarray, b: np.ndarray, comparison: Comparison) -> tuple[_Compared, int]:
    """Spearman or rho-a: each RDM is sorted once; its ranks under the weights of a block of draws are running sums."""
    sorted_rows = [_Sorted.of(row) for row in np.vstack([a, b])]

    def compared(W: np.ndarray) -> np.ndarray:
        ranks = np.empty((len(W), len(sorted_rows), W.shape[1]))
        for k, row in enumerate(sorted_rows):
            ranks[:, k] = row.ranks(W)
        own = np.stack([np.vecdot(ranks[:, k] ** 2, W.astype(np.float64)) for k in range(len(sorted_rows))], axis=1)
        both = (ranks[:, : len(a)] * W[:, None]) @ ranks[:, len(a) :].transpose(0, 2, 1)
        own_a, own_b = own[:, : len(a)], own[:, len(a) :]
        if comparison == "spearman":
            return _ratio(both, own_a, own_b)
        total = W.sum(axis=1, dtype=np.float64)[:, None, None]
        return np.where(own_a[:, :, None] * own_b[:, None, :] > 0, 3 * both / np.maximum(total**3 - total, 1), np.nan)

    return compared, max(1, _CELLS // (4 * len(sorted_rows) * a.shape[1]))


class _Sorted(NamedTuple):
    """Where the pairs of an RDM stand when it is sorted, and where each of its distinct values begins."""

    order: np.ndarray
    level: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, row: np.ndarray) -> "_Sorted":
        values, level = np.unique(row, return_inverse=True)
        order = np.argsort(level, kind="stable")
        return cls(order, level, np.searchsorted(level[order], np.arange(len(values))))

    def ranks(self, W: np.ndarray) -> np.ndarray:
        """Twice the ranks less their mean, as whole numbers: weight below minus weight above."""
        own = W.take(self.order, axis=1, mode="clip")  # without the check of every index it is four times as fast
        if len(self.starts) < len(self.order):
            own = np.add.reduceat(own, self.starts, axis=1)
        below = np.cumsum(own, axis=1, dtype=np.int32)
        total = below[:, -1:].copy()
        below *= 2
        below -= own
        below -= total
        return below.take(self.level, axis=1, mode="clip")


def _standard(a: np.ndarray, centred: bool) -> np.ndarray:
    """Rows near length 1 per pair, so that weighted sums do not cancel; constants are exactly zero."""
    a = a - a[:, :1] if centred else a
    a = a - a.mean(axis=1, keepdims=True) if centred else a
    length = np.sqrt(np.mean(a**2, axis=1, keepdims=True))
    standard: np.ndarray = np.divide(a, length, out=np.zeros_like(a), where=length > 0)
    return standard


def _ratio(both: np.ndarray, own_a: np.ndarray, own_b: np.ndarray) -> np.ndarray:
    """Covariances over the root of variances; NaN where one is nothing but rounding."""
    least_a, least_b = (1e-12 * np.nanmax(own, initial=0.0) for own in (own_a, own_b))
    varies = (own_a > least_a)[:, :, None] & (own_b > least_b)[:, None, :]
    scale = np.sqrt(np.where(varies, own_a[:, :, None] * own_b[:, None, :], 1.0))
    return np.where(varies, both / scale, np.nan)
