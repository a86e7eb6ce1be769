"""How alike two RDMs are: correlations, cosines and rank agreement of all pairs of stimuli."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import kendalltau, rankdata

from consona.stats.rdm import n_stimuli_of, square
from consona.stats.shapes import Float, Int, Real

__all__ = ["COMPARISONS", "Comparison", "compare_rdms", "embedded", "n_shared_pairs", "rank_rows", "residual_rdms"]

Comparison = Literal[
    "pearson", "spearman", "rho-a", "kendall tau-a", "cosine", "whitened cosine", "whitened correlation"
]
COMPARISONS: tuple[Comparison, ...] = (
    "pearson",
    "spearman",
    "rho-a",
    "kendall tau-a",
    "cosine",
    "whitened cosine",
    "whitened correlation",
)
_SIGN_PAIRS = 700  # up to so many pairs of stimuli all pairs of pairs are counted by one matrix product
_SIGN_CELLS = 2**24


def compare_rdms(
    A: Real[np.ndarray, "n_a n_pairs"],
    B: Real[np.ndarray, "n_b n_pairs"],
    *,
    comparison: Comparison,
    covariance: Real[np.ndarray, "n_stimuli n_stimuli"] | None = None,
) -> Float[np.ndarray, "n_a n_b"]:
    r"""Compare every RDM of ``A`` with every RDM of ``B``; higher is more alike.

    ================================  ==================================================================================
    ``pearson``, ``spearman``         correlation of values, of ranks (ties get their mean rank)
    ``rho-a``                         :math:`12 \sum_p (r_p - \bar r)(s_p - \bar s) / (P^3 - P)`: what Spearman's rho is
                                      on average when ties are broken at random, so that predicting ties gains nothing
    ``kendall tau-a``                 (concordant - discordant) pairs of pairs, divided by all of them; same purpose
    ``cosine``                        :math:`a^\top b / (\|a\| \|b\|)`: for distances with a true zero (crossnobis)
    ``whitened cosine``               :math:`a^\top V^{-1} b / \sqrt{a^\top V^{-1} a \; b^\top V^{-1} b}`
    ``whitened correlation``          the same after the mean over pairs is taken off
    ================================  ==================================================================================

    Nili et al. (2014), Schütt et al. (2023) and, for the whitened ones, Diedrichsen et al. (2020): pairs that share a
    stimulus have dependent errors, :math:`V = (C \Sigma C^\top)^{\circ 2}` with the contrasts :math:`C` of all pairs
    and the covariance :math:`\Sigma` of the pattern estimates, the identity where ``covariance`` is not given. It need
    not be built: then :math:`V = 2I + S S^\top`, with :math:`S` saying which stimuli make a pair.

    A pair that is NaN in one RDM is left out of each comparison in which this RDM takes part, of both sides, and of no
    other (:func:`n_shared_pairs` counts those that are left). Undefined, NaN: an RDM that is constant (or all zero, for
    the cosines) over the pairs used. float64 inside.

    Raises
    ------
    ValueError
        When the numbers of pairs differ, the comparison is unknown, or a covariance is given together with missing
        pairs or with a comparison that has no use for it.
    """
    _require_known(A, B, comparison)
    if covariance is not None and (not comparison.startswith("whitened") or np.isnan(A).any() or np.isnan(B).any()):
        raise ValueError(
            f"a covariance of the pattern estimates was given to '{comparison}' with "
            f"{int(np.isnan(A).sum() + np.isnan(B).sum())} missing pairs; only the whitened comparisons use it, and on "
            "complete RDMs. Leave it out, or leave out the stimuli with missing pairs."
        )
    found = np.full((len(A), len(B)), np.nan)
    for part in parts(A, B):
        a, b = (np.asarray(each[:, part.pairs], dtype=np.float64) for each in (A[part.rows_a], B[part.rows_b]))
        at = np.ix_(part.rows_a, part.rows_b)
        if comparison == "kendall tau-a":
            found[at] = _tau_a(a, b)
        elif covariance is not None:
            mean = comparison == "whitened correlation"
            found[at] = _gram_embedded(a, covariance, mean) @ _gram_embedded(b, covariance, mean).T
        else:
            known = np.flatnonzero(part.pairs)
            found[at] = _embedded(a, comparison, known, A.shape[1]) @ _embedded(b, comparison, known, A.shape[1]).T
    return found


def embedded(
    rdms: Real[np.ndarray, "n_rdms n_pairs"], *, comparison: Comparison
) -> Float[np.ndarray, "n_rdms n_cells"]:
    r"""Vectors whose inner products are the comparison: all but Kendall's tau-a are one matrix product.

    Complete RDMs only. The first ``n_pairs`` cells belong to the pairs; the whitened comparisons add one per stimulus,
    so reordering the stimuli reorders cells. NaN for an RDM without a direction.

    Raises
    ------
    ValueError
        When the comparison is Kendall's tau-a or unknown, or a pair is missing.
    """
    _require_known(rdms, rdms, comparison)
    if comparison == "kendall tau-a" or np.isnan(rdms).any():
        raise ValueError(
            f"'{comparison}' of RDMs with {int(np.isnan(rdms).sum())} missing pairs is no inner product; it must be "
            "another comparison, of complete RDMs. Use compare_rdms."
        )
    n_pairs = rdms.shape[1]
    return _embedded(np.asarray(rdms, dtype=np.float64), comparison, np.arange(n_pairs), n_pairs)


def n_shared_pairs(
    A: Real[np.ndarray, "n_a n_pairs"], B: Real[np.ndarray, "n_b n_pairs"]
) -> Int[np.ndarray, "n_a n_b"]:
    """How many pairs of stimuli are defined in both RDMs of each comparison."""
    return np.asarray((~np.isnan(A)).astype(np.int64) @ (~np.isnan(B)).astype(np.int64).T)


def residual_rdms(
    rdms: Real[np.ndarray, "n_rdms n_pairs"],
    given: Real[np.ndarray, "n_given n_pairs"],
    *,
    comparison: Literal["pearson", "spearman"],
) -> Float[np.ndarray, "n_rdms n_pairs"]:
    r"""What is left of RDMs (or of their ranks) after a linear fit to other RDMs and a constant is taken away.

    .. math:: a - P_g a, \qquad r_{ab \cdot g} = \mathrm{corr}(a - P_g a,\; b - P_g b)

    Correlating what is left of two sides is their partial correlation. A pair that is missing in any of the RDMs is
    missing in all residuals, so that all are about the same pairs. NaN where the given RDMs explain an RDM down to
    rounding, or it is constant.

    Raises
    ------
    ValueError
        When the numbers of pairs differ, or the comparison is not one of the two.
    """
    _require_known(rdms, given, comparison)
    if comparison not in ("pearson", "spearman"):
        raise ValueError(f"'{comparison}' has no partial form here; use 'pearson' or 'spearman'.")
    known = ~np.isnan(np.vstack([rdms, given])).any(axis=0)
    left = np.full(rdms.shape, np.nan)
    if known.any():
        a, g = (_unit_rows(each[:, known], comparison) for each in (rdms, given))
        _, s, Vt = np.linalg.svd(g[~np.isnan(g).any(axis=1)], full_matrices=False)
        basis = Vt[s > s.max(initial=0.0) * g.shape[1] * np.finfo(np.float64).eps]
        # Unit vectors came in: what is shorter than their rounding is nothing.
        left[:, known] = _unit(a - (a @ basis.T) @ basis, np.sqrt(g.shape[1]) * np.finfo(np.float64).eps)
    return left


def rank_rows(rdms: Real[np.ndarray, "n_rdms n_pairs"]) -> Float[np.ndarray, "n_rdms n_pairs"]:
    """Ranks of each RDM's pairs, 1 the smallest, ties given their mean; a missing pair keeps NaN and takes no rank."""
    gaps = bool(np.isnan(rdms).any())  # SciPy is ten times faster where it need not look
    return np.asarray(rankdata(rdms, axis=1, nan_policy="omit" if gaps else "propagate"), dtype=np.float64)


class Part(NamedTuple):
    """RDMs of both sides that have the same pairs in common, and which those are."""

    rows_a: np.ndarray
    rows_b: np.ndarray
    pairs: np.ndarray


def parts(A: np.ndarray, B: np.ndarray) -> Iterator[Part]:
    """RDMs grouped by the pairs that both sides have; groups without any are left out."""
    for rows_a, known_a in _patterns_of_missing(A):
        for rows_b, known_b in _patterns_of_missing(B):
            if (known_a & known_b).any():
                yield Part(rows_a, rows_b, known_a & known_b)


def _patterns_of_missing(A: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    known = ~np.isnan(A)
    if known.all():
        return [(np.arange(len(A)), np.ones(A.shape[1], dtype=bool))]
    masks, of = np.unique(known, axis=0, return_inverse=True)
    return [(np.flatnonzero(of.ravel() == i), mask) for i, mask in enumerate(masks)]


def _embedded(a: np.ndarray, comparison: Comparison, known: np.ndarray, n_pairs: int) -> np.ndarray:
    """Rows with the comparison as inner product; ``known`` says which of all pairs the columns are."""
    n = len(known)
    if comparison in ("pearson", "spearman"):
        return _unit_rows(a, comparison)
    if comparison == "rho-a":
        ranks = rank_rows(a) - (n + 1) / 2
        varies = np.ptp(ranks, axis=1, keepdims=True) > 0
        return np.where(varies, ranks * np.sqrt(12.0 / max(n**3 - n, 1)), np.nan)
    if comparison == "cosine":
        return _unit(a)
    if comparison == "whitened correlation":
        a = _centred(a)
    return _unit(whitened_rows(a, known, n_pairs))


def _unit_rows(a: np.ndarray, comparison: str) -> np.ndarray:
    return _unit(_centred(rank_rows(a) if comparison == "spearman" else np.asarray(a, dtype=np.float64)))


def _unit(a: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """Rows of length 1; NaN for those that are all zero, or no longer than ``noise``."""
    scale = np.abs(a).max(axis=1, initial=0.0, keepdims=True)
    defined = scale > noise
    a = a / np.where(defined, scale, 1.0)
    length = np.linalg.norm(a, axis=1, keepdims=True)
    unit: np.ndarray = np.where(defined, a / np.where(defined, length, 1.0), np.nan)
    return unit


def _centred(a: np.ndarray) -> np.ndarray:
    """Minus the mean of each row; constant rows become exactly zero."""
    shifted = a - a[:, :1]
    centred: np.ndarray = shifted - shifted.mean(axis=1, keepdims=True)
    return centred


def whitened_rows(a: np.ndarray, known: np.ndarray, n_pairs: int) -> np.ndarray:
    r"""Rows with inner product :math:`a^\top V^{-1} b` (times 2) for :math:`V = 2I + S S^\top`.

    By Woodbury :math:`2 V^{-1} = I - S M^{-1} S^\top` with :math:`M = 2I + S^\top S`; the vectors :math:`(a - S M^{-1}
    S^\top a, \sqrt 2 M^{-1} S^\top a)` have that inner product. Pairs may be missing: :math:`S` then lacks their rows.
    """
    n = n_stimuli_of(n_pairs)
    stimulus = np.stack(np.triu_indices(n, 1))[:, known]
    rows = np.tile(np.arange(len(known)), 2)
    S = csr_array((np.ones(len(rows)), (rows, stimulus.ravel())), shape=(len(known), n))
    M = (S.T @ S).toarray() + 2 * np.eye(n)
    part = np.linalg.solve(M, S.T @ a.T)
    return np.hstack([a - (S @ part).T, np.sqrt(2.0) * part.T])


def _gram_embedded(a: np.ndarray, covariance: np.ndarray, mean: bool) -> np.ndarray:
    r"""The same for any covariance of the pattern estimates, on complete RDMs: :math:`Z = Q L^{-1} D L^{-\top} Q`.

    :math:`L L^\top = \Sigma`; :math:`Q` takes the direction :math:`L^{-1} 1` out, of which distances say nothing.
    """
    try:
        L = np.linalg.cholesky(np.asarray(covariance, dtype=np.float64))
    except np.linalg.LinAlgError:
        raise ValueError(
            f"the covariance {covariance.shape} is not positive definite; it is one of pattern estimates. Shrink it."
        ) from None
    root = np.linalg.inv(L)
    u = root.sum(axis=1) / np.linalg.norm(root.sum(axis=1))
    root -= np.outer(u, u @ root)
    return _unit(np.stack([(root @ square(row) @ root.T).ravel() for row in (_centred(a) if mean else a)]))


def _tau_a(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Concordant minus discordant pairs of pairs, divided by all: by matrix product if few pairs, else by sorting."""
    n = a.shape[1]
    if n > _SIGN_PAIRS:
        tau = np.array([[_sorted_tau_a(x, y) for y in b] for x in a])
    else:
        tau = np.zeros((len(a), len(b)))
        step = max(1, _SIGN_CELLS // max(1, (len(a) + len(b)) * n))
        for start in range(0, n, step):
            tau += _signs(a, start, start + step) @ _signs(b, start, start + step).T
        tau /= max(n * (n - 1), 1)
    varies = [np.ptp(each, axis=1) > 0 if n else np.zeros(len(each), bool) for each in (a, b)]
    return np.where(np.logical_and.outer(*varies), tau, np.nan)


def _signs(a: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Signs of differences between some pairs and all pairs; whole numbers in sums that float64 holds exactly."""
    return np.asarray(np.sign(a[:, start:stop, None] - a[:, None, :]).reshape(len(a), -1))


def _sorted_tau_a(x: np.ndarray, y: np.ndarray) -> float:
    """From SciPy's tau-b, whose denominator leaves out ties of either side."""
    ties = [(counts * (counts - 1)).sum() for counts in (np.unique(v, return_counts=True)[1] for v in (x, y))]
    every = len(x) * (len(x) - 1)
    if every in ties:
        return float("nan")
    tau_b = kendalltau(x, y, method="asymptotic").statistic
    return float(tau_b * np.sqrt((1 - ties[0] / every) * (1 - ties[1] / every)))


def _require_known(A: np.ndarray, B: np.ndarray, comparison: str) -> None:
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"the RDMs hold {A.shape[1]} and {B.shape[1]} pairs; they must be about the same stimuli. Align them first."
        )
    if comparison not in COMPARISONS:
        raise ValueError(f"'{comparison}' is no comparison of RDMs; choose one of {', '.join(COMPARISONS)}.")
