"""The null of RDM comparisons: models with their stimuli in other orders, rows and columns together."""

import numpy as np

from consona.stats.rdm import n_stimuli_of, pair_positions
from consona.stats.rdm_comparison import Comparison, compare_rdms, embedded
from consona.stats.shapes import Float, Int, Real

__all__ = ["permuted_comparisons"]

_CELLS = 2**22  # numbers that are held at a time: 32 MB


def permuted_comparisons(
    models: Real[np.ndarray, "n_models n_pairs"],
    rdms: Real[np.ndarray, "n_subjects n_pairs"],
    orders: Int[np.ndarray, "n_permutations n_stimuli"],
    *,
    comparison: Comparison,
) -> Float[np.ndarray, "n_permutations n_models n_subjects"]:
    """Comparisons after each order of the models' stimuli (:func:`~consona.stats.surrogates.group_orders`).

    All models and subjects see the same orders. Rows and columns of an RDM move together, so pairs are never permuted
    as if they were independent. Complete RDMs
    under any comparison but Kendall's tau-a are prepared once, and all orders are one matrix product.

    Raises
    ------
    ValueError
        When numbers of pairs or stimuli differ, or the comparison is unknown.
    """
    n_stimuli = n_stimuli_of(models.shape[1])
    if orders.shape[1] != n_stimuli:
        raise ValueError(f"orders of {orders.shape[1]} stimuli were given for RDMs of {n_stimuli}. Make them anew.")
    whole = comparison != "kendall tau-a" and not (np.isnan(models).any() or np.isnan(rdms).any())
    A, B = (embedded(each, comparison=comparison) if whole else each for each in (models, rdms))
    found = np.empty((len(orders), len(models), len(rdms)))
    step = max(1, _CELLS // (max(1, len(A)) * A.shape[1]))
    for start in range(0, len(orders), step):
        block = orders[start : start + step]
        cells = pair_positions(block)
        if whole:
            own = A.shape[1] - models.shape[1]  # the whitened comparisons have one more cell per stimulus
            cells = np.hstack([cells, models.shape[1] + block[:, :own]])
        permuted = A[:, cells].reshape(-1, cells.shape[1])
        r = permuted @ B.T if whole else compare_rdms(permuted, B, comparison=comparison)
        found[start : start + step] = r.reshape(len(A), len(block), len(B)).transpose(1, 0, 2)
    return found
