"""Correlation coefficients that ignore units and answer NaN where nothing varies."""

import numpy as np
from array_api_compat import array_namespace
from scipy.stats import rankdata

from consona.stats.shapes import Array, Float, Real

__all__ = ["partial_pearson", "pearson", "pearson_columns", "pearson_pairs", "spearman", "unit_columns"]


def unit_columns(A: Real[Array, "n_stimuli n_targets"]) -> Float[Array, "n_stimuli n_targets"]:
    """Columns centred and scaled to length 1, so that a product of two of them is their correlation.

    A column that is constant or holds NaN or infinity has no direction: it comes back as NaN, the others are untouched
    by it. Columns are scaled by their own range before anything is squared, so tesla and microvolt give the same bits
    up to rounding, in single precision too. Any array of the array-API standard; integers become float64.
    """
    xp = array_namespace(A)
    if not xp.isdtype(A.dtype, "real floating"):
        A = xp.astype(A, xp.float64)
    finite = xp.all(xp.isfinite(A), axis=0)
    if not xp.all(finite):  # a copy only where it is needed: this is the first step of every correlation
        # Zeros stand in for columns with a gap: they are constant, therefore NaN below, and no arithmetic warns.
        A = xp.where(finite, A, xp.zeros_like(A))
    A = A - A[:1, :]  # a constant column is now exactly zero, whatever its value
    scale = xp.max(xp.abs(A), axis=0)
    varies = scale > 0
    A = A / xp.where(varies, scale, xp.ones_like(scale))
    A = A - xp.mean(A, axis=0)
    length = xp.sqrt(xp.sum(A * A, axis=0))
    return A / xp.where(varies, length, xp.nan * xp.ones_like(length))


def pearson_columns(
    A: Real[Array, "n_stimuli n_targets"], B: Real[Array, "n_stimuli n_targets"]
) -> Float[Array, " n_targets"]:
    r"""Pearson correlation of each column of ``A`` with the same column of ``B``.

    .. math:: r_j = \frac{(a_j - \bar a_j)^\top (b_j - \bar b_j)}{\|a_j - \bar a_j\|\,\|b_j - \bar b_j\|}

    NaN where either column is constant or not finite; nothing is added to the denominator and nothing is clipped.

    Raises
    ------
    ValueError
        When the two shapes differ.
    """
    if A.shape != B.shape:
        raise ValueError(
            f"the two arrays are {tuple(A.shape)} and {tuple(B.shape)}; column by column they must have one shape. "
            "Align both to the same stimuli and targets first."
        )
    xp = array_namespace(A, B)
    return xp.sum(unit_columns(A) * unit_columns(B), axis=0)


def pearson(a: Real[Array, " n_stimuli"], b: Real[Array, " n_stimuli"]) -> float:
    """Pearson correlation of two vectors; NaN where either is constant or not finite.

    Raises
    ------
    ValueError
        When the lengths differ.
    """
    xp = array_namespace(a, b)
    return float(pearson_columns(xp.reshape(a, (-1, 1)), xp.reshape(b, (-1, 1)))[0])


def pearson_pairs(
    A: Real[Array, "n_stimuli n_left"], B: Real[Array, "n_stimuli n_right"]
) -> Float[Array, "n_left n_right"]:
    """Pearson correlation of every column of ``A`` with every column of ``B``: one matrix product.

    Raises
    ------
    ValueError
        When the numbers of stimuli differ.
    """
    if A.shape[0] != B.shape[0]:
        raise ValueError(
            f"the arrays hold {A.shape[0]} and {B.shape[0]} stimuli; correlations need the same ones in both. "
            "Align both to the same stimuli first."
        )
    return unit_columns(A).T @ unit_columns(B)


def spearman(a: Real[np.ndarray, " n_stimuli"], b: Real[np.ndarray, " n_stimuli"]) -> float:
    """Spearman's rank correlation, ties given their mean rank; NaN where either vector is constant or not finite.

    Raises
    ------
    ValueError
        When the lengths differ.
    """
    return pearson(_ranks(a), _ranks(b))


def _ranks(a: Real[np.ndarray, " n_stimuli"]) -> Float[np.ndarray, " n_stimuli"]:
    # A rank would hide a missing value, so one missing value makes all ranks undefined.
    return rankdata(a).astype(np.float64) if np.all(np.isfinite(a)) else np.full(len(a), np.nan)


def partial_pearson(
    a: Real[np.ndarray, " n_stimuli"],
    b: Real[np.ndarray, " n_stimuli"],
    given: Real[np.ndarray, "n_stimuli ..."],
) -> float:
    r"""Correlation of what is left of ``a`` and ``b`` when a linear fit to ``given`` and a constant is taken away.

    .. math:: r_{ab \cdot g} = \mathrm{corr}(a - P_g a,\; b - P_g b)

    NaN where ``given`` explains either vector down to rounding, because the rest is then noise of the arithmetic.

    Parameters
    ----------
    a, b
        The two vectors to correlate.
    given
        One vector, or several as columns.

    Raises
    ------
    ValueError
        When the lengths differ.
    """
    G = np.asarray(given, dtype=np.float64).reshape(len(given), -1)
    if not len(a) == len(b) == len(G):
        raise ValueError(
            f"the vectors hold {len(a)}, {len(b)} and (given) {len(G)} stimuli; they must be the same ones. "
            "Align all three first."
        )
    G = unit_columns(G)
    if not np.all(np.isfinite(given)):
        return float("nan")
    G = G[:, ~np.isnan(G).any(axis=0)]  # a constant has nothing to explain beside the mean
    U, s, _ = np.linalg.svd(G, full_matrices=False)
    basis = U[:, s > s.max(initial=0.0) * len(G) * np.finfo(np.float64).eps]
    Z = unit_columns(np.column_stack([a, b]).astype(np.float64))
    rest = Z - basis @ (basis.T @ Z)
    if np.any(np.linalg.norm(rest, axis=0) <= len(Z) * np.finfo(np.float64).eps):
        return float("nan")
    return float(pearson_columns(rest[:, :1], rest[:, 1:])[0])
