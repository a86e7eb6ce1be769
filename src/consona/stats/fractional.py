"""Fractional ridge: penalties named by how much of the unpenalised weights they leave."""

import numpy as np
from array_api_compat import array_namespace

from consona.stats.folds import Folds
from consona.stats.grams import decomposed
from consona.stats.rotated import rotated_blocks
from consona.stats.shapes import Array, Float, Real
from consona.stats.targets import to_numpy

__all__ = ["fractional_alphas", "share_penalties"]

_STEP = 0.02  # decades between the penalties that are interpolated; the share is then right to four digits
_BEYOND = 4  # decades of the grid beyond the smallest and the largest eigenvalue


def fractional_alphas(
    X: Real[Array, "n_rows n_features"], Y: Array, shares: Real[np.ndarray, " n_shares"], *, scaled: bool = True
) -> Float[np.ndarray, "n_shares n_targets"]:
    r"""The penalty of every target that leaves a share of the length of its least-squares weights.

    .. math:: \gamma = \frac{\|B_\alpha\|}{\|B_0\|}, \qquad
              \|B_\alpha\|^2 = \sum_k \frac{z_k^2}{(\lambda_k + \alpha)^2}

    Rokem and Kay (2020). The length falls steadily with the penalty, so every share has one. A share means the same for
    targets of any signal and noise, where a penalty does not. Lengths of many penalties are one small product, between
    which the share is interpolated. Weights: :func:`consona.stats.ridge_fit.ridge_fit` with a row of the result.

    Parameters
    ----------
    X
        Features, finite.
    Y
        ``(n_rows, n_targets)``, read in blocks.
    shares
        Between 0 and 1, both excluded: 1 is no penalty.
    scaled
        Whether features are brought to unit variance; lengths are then those of the scaled weights.

    Returns
    -------
    NaN for targets that are constant or not finite.

    Raises
    ------
    ValueError
        When a share is not between 0 and 1, a feature is not finite, or rows differ.
    """
    shares = np.asarray(shares, dtype=np.float64)
    if not ((shares > 0) & (shares < 1)).all():
        raise ValueError(f"the shares are {shares}; each lies between 0 and 1, both excluded. Use ridge_fit elsewhere.")
    every = np.ones((1, X.shape[0]), dtype=bool)
    cv = decomposed(X, Folds(every, ~every), scaled=scaled)
    fit, n_rows = cv.fits[0], X.shape[0]
    spectrum = to_numpy(fit.eigenvalues).astype(np.float64)
    kept = spectrum > spectrum.max(initial=0.0) * float(array_namespace(cv.X).finfo(cv.X.dtype).eps) * n_rows
    spectrum = spectrum[kept]
    found = np.full((len(shares), Y.shape[1]), np.nan)
    for place, block in rotated_blocks(cv, Y):
        Z = np.concatenate([to_numpy(part) for part in block.turned[0][0]], axis=1)[kept, : len(block.block.usable)]
        products = Z.astype(np.float64) * (1 if fit.primal else np.sqrt(spectrum)[:, None])
        found[:, place] = share_penalties(spectrum, products, shares)
        found[:, place][:, ~block.block.usable] = np.nan
    return found


def share_penalties(
    eigenvalues: Float[np.ndarray, " k"], products: Float[np.ndarray, "k n_targets"], shares: Real[np.ndarray, "..."]
) -> Float[np.ndarray, "n_shares n_targets"]:
    r"""The penalties that leave shares of the length, from what a decomposition says of every target.

    Parameters
    ----------
    eigenvalues
        :math:`\lambda_k` of the features, all positive.
    products
        :math:`z_k`, of every target with the axes of the features.
    shares
        ``(n_shares,)``, or ``(n_shares, n_targets)`` where every target has its own; positive. From 1 on there is no
        penalty: 0.

    Returns
    -------
    NaN for a target that has nothing in common with any axis.
    """
    energy, shares = np.square(products, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    shares = np.broadcast_to(shares if shares.ndim == 2 else shares[:, None], (len(shares), energy.shape[1]))
    grid = np.arange(np.log10(eigenvalues.max()) + _BEYOND, np.log10(eigenvalues.min()) - _BEYOND, -_STEP)
    falling = np.sqrt((1 / (eigenvalues + 10 ** grid[:, None])) ** 2 @ energy)
    whole = np.sqrt((1 / eigenvalues**2) @ energy)
    falling = np.ascontiguousarray((falling / np.where(whole > 0, whole, np.nan)).T)
    found = np.empty(shares.shape)
    for target, lengths in enumerate(falling):
        found[:, target] = np.interp(shares[:, target], lengths, grid) if whole[target] > 0 else np.nan
    return np.where((shares >= 1) & (whole > 0), 0.0, 10**found)
