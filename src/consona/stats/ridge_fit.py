"""Ridge weights of every target at its own penalty, and what they predict."""

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device

from consona.stats.folds import Folds
from consona.stats.grams import decomposed
from consona.stats.rotated import rotated_blocks
from consona.stats.shapes import Array, Float, Real

__all__ = ["RidgeFit", "ridge_fit"]


@dataclass(frozen=True)
class RidgeFit:
    r"""Weights per unit of feature, with the means that features and targets were centred by.

    .. math:: \hat Y = \nu + (X - \mu) B

    Parameters
    ----------
    coef
        :math:`B`, ``(n_features, n_targets)``; NaN for a target that is constant or not finite, or has no penalty.
    centre
        :math:`\mu`, ``(n_features,)``.
    offset
        :math:`\nu`, ``(n_targets,)``.
    """

    coef: Float[Array, "n_features n_targets"]
    centre: Float[Array, " n_features"]
    offset: Float[Array, " n_targets"]

    def predict(self, X: Real[Array, "n_rows n_features"]) -> Float[Array, "n_rows n_targets"]:
        """Predictions of new rows.

        Raises
        ------
        ValueError
            When the number of features is another one.
        """
        if X.shape[1] != len(self.centre):
            raise ValueError(
                f"these rows hold {X.shape[1]} features and the fit {len(self.centre)}; they are the same features in "
                "the same order. Take them from the same model and layer."
            )
        return self.offset + (X - self.centre) @ self.coef


def ridge_fit(
    X: Real[Array, "n_rows n_features"],
    Y: Array,
    alphas: Real[np.ndarray, " n_targets"],
    *,
    scaled: bool = True,
) -> RidgeFit:
    r"""Fit all rows, every target at its own penalty, from one decomposition of the centred (scaled) features ``F``.

    .. math:: B_v = s^{-1} V (\Lambda + \alpha_v)^{-1} V^\top F^\top y_v \quad \text{or} \quad
              s^{-1} F^\top U (\Lambda + \alpha_v)^{-1} U^\top y_v

    The weights of all targets are kept: ``n_features * n_targets`` numbers. Arrays are of the kind, device and
    precision of ``X``.

    Parameters
    ----------
    X
        Features, finite.
    Y
        ``(n_rows, n_targets)``, read in blocks: an array, a memory map, an xarray on disk.
    alphas
        Penalties, one per target; weights are NaN where it is NaN.
    scaled
        Whether the penalty is on features of unit variance. Weights are per unit of feature all the same.

    Raises
    ------
    ValueError
        When a feature is not finite, rows differ, or there is not one penalty (positive, or NaN) per target.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    if alphas.shape != (Y.shape[1],) or (alphas <= 0).any():
        raise ValueError(
            f"there are {Y.shape[1]} targets and penalties of shape {alphas.shape}, the smallest {alphas.min()}; each "
            "target has one, positive or NaN. Take them from ridge_cv."
        )
    every = np.ones((1, X.shape[0]), dtype=bool)
    rows = decomposed(X, Folds(every, ~every), scaled=scaled)
    fit, xp = rows.fits[0], array_namespace(rows.X)
    where = {"dtype": rows.X.dtype, "device": device(rows.X)}
    coef, offset = xp.empty((X.shape[1], len(alphas)), **where), xp.empty(len(alphas), **where)
    basis = rows.weights(fit)
    for place, targets in rotated_blocks(rows, Y):
        own = np.where(targets.block.usable, alphas[place], np.nan)
        for number, (Z, nu, penalties) in enumerate(zip(*targets.turned[0], targets.spread(own), strict=True)):
            first = number * Z.shape[1]
            some = own[first : first + Z.shape[1]]
            here = slice(place.start + first, place.start + first + len(some))
            shrunk = (Z / (fit.eigenvalues[:, None] + penalties))[:, : len(some)]
            known = xp.asarray(~np.isnan(some), device=device(Z))
            coef[:, here] = basis @ xp.where(known, shrunk, xp.nan)
            offset[here] = nu[0, : len(some)] + targets.block.shift[first : first + len(some)]
    return RidgeFit(coef, fit.mean + rows.shift, offset)
