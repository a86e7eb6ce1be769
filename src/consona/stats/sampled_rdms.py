"""RDMs of many small sets of stimuli: brains once for all models, and a null that exchanges stimuli within sets."""

from collections.abc import Callable

import numpy as np

from consona.stats.permutation import random_orders
from consona.stats.rdm import correlation_rdm, pair_positions
from consona.stats.rdm_comparison import compare_rdms, embedded
from consona.stats.rdm_permutation import permuted_comparisons
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real

__all__ = ["compared_sets", "permuted_sets", "set_orders", "set_rdms"]

_CELLS = 2**20  # numbers that are held at a time: 8 MB


def set_rdms(
    patterns: Real[np.ndarray, "n_stimuli n_targets"],
    rows: Int[np.ndarray, "n_sets n_places"],
    *,
    metric: Callable[[np.ndarray], np.ndarray] = correlation_rdm,
) -> Float[np.ndarray, "n_sets n_pairs"]:
    """The RDM of every set, upper triangles row by row; a full RDM of all stimuli is never made.

    10,000 stimuli have 49,995,000 pairs and 100 sets of 100 have 495,000. float32 stays float32.

    Parameters
    ----------
    patterns
        Responses or features; all columns are used.
    rows
        The stimuli of each set.
    metric
        From patterns ``(n_places, n_targets)`` to ``(n_pairs,)``.

    Raises
    ------
    ValueError
        With fewer than two places.
    """
    return np.stack([metric(patterns[each]) for each in rows])


def compared_sets(
    brains: Real[np.ndarray, "n_regions n_sets n_pairs"], models: Real[np.ndarray, "n_models n_sets n_pairs"]
) -> Float[np.ndarray, "n_regions n_models n_sets"]:
    """Pearson correlation of every brain with every model, set by set, in float64.

    A pair that is undefined in one RDM is left out of its own comparisons only; see
    :func:`~consona.stats.rdm_comparison.compare_rdms`, which says what is NaN.

    Raises
    ------
    ValueError
        When the numbers of pairs differ.
    """
    each = [compare_rdms(brains[:, k], models[:, k], comparison="pearson") for k in range(brains.shape[1])]
    return np.stack(each, axis=2)


def permuted_sets(
    brains: Real[np.ndarray, "n_regions n_sets n_pairs"],
    models: Real[np.ndarray, "n_models n_sets n_pairs"],
    *,
    n_places: int,
    n_permutations: int,
    seed: int,
) -> Float[np.ndarray, "n_permutations n_regions n_models"]:
    """The mean over sets of :func:`compared_sets` with the stimuli of the brains in other orders.

    Stimuli change places within their set. A permutation is the same order of places in every set, and the same for all
    brains and models; as sets are drawn at random, which stimuli stand at a place has no meaning of its own. Which side
    is reordered makes no difference to the null; brains are, because there are few of them and many models.

    Raises
    ------
    ValueError
        When the numbers of pairs differ or are not those of ``n_places`` stimuli.
    """
    orders = set_orders(n_places, n_permutations, seed=seed)
    cells = pair_positions(orders)
    total = np.zeros((n_permutations, len(brains), len(models)))
    count = np.zeros(total.shape[1:], dtype=np.int64)
    for k in range(brains.shape[1]):
        found = np.full(total.shape, np.nan)
        whole = ~np.isnan(models[:, k]).any(axis=1)
        if not np.isnan(brains[:, k]).any() and whole.any():
            found[:, :, whole] = _permuted(brains[:, k], models[whole, k], cells)
        else:
            whole[:] = False
        if not whole.all():
            found[:, :, ~whole] = permuted_comparisons(brains[:, k], models[~whole, k], orders, comparison="pearson")
        known = np.isfinite(found).all(axis=0)
        total += np.where(known, found, 0.0)
        count += known
    null: np.ndarray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return null


def set_orders(n_places: int, n_permutations: int, *, seed: int) -> Int[np.ndarray, "n_permutations n_places"]:
    """Orders of the places within a set, the same for all sets of a seed."""
    own = int(rng_for(seed, "orders within sets").integers(2**32))
    return random_orders(n_places, n_permutations, seed=own)


def _permuted(brains: np.ndarray, models: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """``(n_permutations, n_brains, n_models)`` of complete RDMs: brains lie side by side, so a pair is fetched once."""
    A, B = (embedded(each, comparison="pearson") for each in (brains, models))
    side_by_side = np.ascontiguousarray(A.T)
    found = np.empty((len(cells), len(A), len(B)))
    step = max(1, _CELLS // A.size)
    for start in range(0, len(cells), step):
        permuted = side_by_side[cells[start : start + step]]
        found[start : start + step] = np.matmul(B, permuted).transpose(0, 2, 1)
    return found
