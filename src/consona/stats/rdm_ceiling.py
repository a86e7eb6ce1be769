"""The best any model could do against the RDMs of these subjects: lower and upper bound."""

from typing import NamedTuple

import numpy as np

from consona.stats.rdm_comparison import Comparison, compare_rdms, rank_rows, whitened_rows
from consona.stats.shapes import Float, Real

__all__ = ["RdmCeiling", "rdm_ceiling"]


class RdmCeiling(NamedTuple):
    """Bounds of the ceiling subject by subject, each ``(n_subjects,)``; the ceiling of the group is their mean."""

    lower: Float[np.ndarray, " n_subjects"]
    upper: Float[np.ndarray, " n_subjects"]


def rdm_ceiling(rdms: Real[np.ndarray, "n_subjects n_pairs"], *, comparison: Comparison) -> RdmCeiling:
    r"""Each subject's RDM against the mean of the others (lower bound), and against the mean of all (upper bound).

    .. math:: \text{lower}_s = c\!\left(d_s, \tfrac{1}{S-1} \sum_{t \ne s} \tilde d_t\right), \qquad
              \text{upper}_s = c\!\left(d_s, \tfrac{1}{S} \sum_t \tilde d_t\right)

    Nili et al. (2014). :math:`\tilde d` is what makes the mean the best group RDM for the comparison :math:`c`: values
    with mean 0 and SD 1 (``pearson``), length 1 (``cosine``), length 1 under the whitening (``whitened ...``), ranks
    (``spearman``, ``rho-a``). The mean over subjects of ``upper`` is then the highest that *any* RDM reaches; the true
    model may be better than ``lower``, which pays for the noise in the mean of the others.

    For ``kendall tau-a`` no average is known to be the best: the ranks are averaged, so its ``upper`` can be exceeded,
    slightly. A pair that is missing in a subject is left out of this subject's ranks and share of the mean. A subject
    whose RDM is undefined is NaN and adds to no mean.

    Raises
    ------
    ValueError
        With fewer than two subjects, or an unknown comparison.
    """
    if len(rdms) < 2:
        raise ValueError(
            f"{len(rdms)} RDM was given; one subject alone says nothing about the noise of a group. Give at least two."
        )
    values = _normalised(np.asarray(rdms, dtype=np.float64), comparison)
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    total, count = filled.sum(axis=0), known.sum(axis=0)
    upper = compare_rdms(rdms, _mean(total, count)[None], comparison=comparison)[:, 0]
    others = _mean(total - filled, count - known)
    lower = [
        compare_rdms(own[None], rest[None], comparison=comparison)[0, 0] for own, rest in zip(rdms, others, strict=True)
    ]
    return RdmCeiling(np.array(lower), np.where(known.any(axis=1), upper, np.nan))


def _normalised(rdms: np.ndarray, comparison: Comparison) -> np.ndarray:
    if comparison in ("spearman", "rho-a", "kendall tau-a"):
        ranks = rank_rows(rdms)
        varies = [len(np.unique(row[np.isfinite(row)])) > 1 for row in ranks]
        return np.where(np.array(varies)[:, None], ranks, np.nan)
    rows = [_scaled(row, np.flatnonzero(np.isfinite(row)), comparison) for row in rdms]
    return np.stack(rows)


def _scaled(row: np.ndarray, known: np.ndarray, comparison: Comparison) -> np.ndarray:
    """One RDM with the length that makes means of several optimal; NaN where it has none."""
    scaled = np.full_like(row, np.nan)
    values = row[known]
    if comparison in ("pearson", "whitened correlation") and len(values):
        values = values - values[0]  # a constant RDM is now exactly zero
        values = values - values.mean()
    cells = whitened_rows(values[None], known, len(row)) if comparison.startswith("whitened") else values
    length = np.sqrt(np.mean(cells**2)) if len(values) else 0.0
    if length > 0:
        scaled[known] = values / length
    return scaled


def _mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    mean: np.ndarray = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean
