"""Area under the ROC curve within each subject and block, for many orders of the labels at once."""

import numpy as np

from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = ["block_auc", "orders_within"]


def orders_within(
    blocks: Shaped[np.ndarray, " n_stimuli"], n_permutations: int, *, seed: int
) -> Int[np.ndarray, "n_permutations n_stimuli"]:
    """Random orders of the stimuli that exchange them within their blocks only; the observed one is not counted.

    A classifier trained without a block has its own leanings, also towards the classes of which the block took most
    examples away; whoever exchanges stimuli between blocks compares leanings.
    """
    orders = np.tile(np.arange(len(blocks)), (n_permutations, 1))
    rng = rng_for(seed, "orders within blocks")
    for block in np.unique(blocks):
        rows = np.flatnonzero(blocks == block)
        orders[:, rows] = rng.permuted(orders[:, rows], axis=1)
    return orders


def block_auc(
    scores: Real[np.ndarray, "n_subjects n_stimuli"],
    levels: Real[np.ndarray, "n_draws n_stimuli"],
    blocks: Shaped[np.ndarray, " n_stimuli"],
) -> Float[np.ndarray, "n_draws n_subjects"]:
    r"""Probability that a stimulus of level 1 scores higher than one of level -1 of the same block, ties one half.

    .. math:: A_s = \frac{1}{B_s} \sum_b \frac{1}{n^+_{sb} n^-_{sb}} \sum_{i \in b^+} \sum_{j \in b^-}
              \left( [x_{si} > x_{sj}] + \tfrac12 [x_{si} = x_{sj}] \right)

    Only scores of one block are compared, as they come from one classifier. Scores that are NaN (never tested) are left
    out; so is, for a subject, a block without both levels, and a subject without any block is NaN. Level 0 is not used.
    """
    total = np.zeros((len(levels), len(scores)))
    n_blocks = np.zeros_like(total)
    for block in np.unique(blocks):
        rows = blocks == block
        positive, negative = ((levels[:, rows] == sign).astype(np.float64) for sign in (1, -1))
        x, tested = scores[:, rows], np.isfinite(scores[:, rows])
        known = (tested[:, :, None] & tested[:, None, :]).astype(np.float64)
        above = (np.sign(np.subtract(x[:, :, None], x[:, None, :], where=known > 0, out=np.zeros(known.shape))) + 1) / 2
        won, pairs = (_counted(positive, each, negative) for each in (above * known, known))
        total += np.divide(won, pairs, out=np.zeros_like(won), where=pairs > 0)
        n_blocks += pairs > 0
    return np.divide(total, n_blocks, out=np.full_like(total, np.nan), where=n_blocks > 0)


def _counted(positive: np.ndarray, pairs: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Sum over pairs of a positive and a negative stimulus, for every draw and subject."""
    n_subjects, n = pairs.shape[:2]
    half = (positive @ pairs.transpose(1, 0, 2).reshape(n, -1)).reshape(len(positive), n_subjects, n)
    return np.asarray(np.einsum("dsj,dj->ds", half, negative))
