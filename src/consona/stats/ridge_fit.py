"""Ridge weights of every target at its own penalty, and what they predict."""

from dataclasses import dataclass, replace

import numpy as np
from array_api_compat import array_namespace, device

from consona.stats.folds import Folds
from consona.stats.grams import Decomposed, decomposed
from consona.stats.penalties import grid_of
from consona.stats.ridge_choice import RidgeChoice, choose_penalties
from consona.stats.ridge_cv import cross_validation, tested
from consona.stats.ridge_sweep import PER_TARGET, Sweep
from consona.stats.rotated import RotatedBlock, rotated_blocks
from consona.stats.shapes import Array, Float, Real

__all__ = ["RidgeFit", "ridge_cv_fit", "ridge_fit"]


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
    weights = _Weights(rows, 0, len(alphas))
    for place, block in rotated_blocks(rows, Y):
        weights.keep(place, block, alphas[place])
    return weights.fit()


def ridge_cv_fit(
    X: Real[Array, "n_rows n_features"],
    Y: Array,
    alphas: Real[np.ndarray, " n_alphas"],
    folds: Folds,
    *,
    scaled: bool = True,
    sweep: Sweep = PER_TARGET,
) -> tuple[RidgeChoice, RidgeFit]:
    """Choose penalties and fit all rows with them: the same as both functions in turn, and targets are read once.

    Parameters
    ----------
    X, Y, alphas, folds, scaled, sweep
        As in :func:`consona.stats.ridge_cv.ridge_cv`. Rows that every fold purges are fitted too.

    Raises
    ------
    ValueError
        As :func:`consona.stats.ridge_cv.ridge_cv`.
    """
    every = np.ones((1, X.shape[0]), dtype=bool)
    train, test = tested(folds)
    cv = decomposed(X, Folds(np.concatenate([train, every]), np.concatenate([test, ~every])), scaled=scaled)
    weights = _Weights(cv, cv.held_out[-1].fit, Y.shape[1])
    cv = replace(cv, held_out=cv.held_out[:-1])
    scoring = cross_validation(sweep, weights.keep)
    return choose_penalties(cv, Y, grid_of(alphas), scoring, shared=sweep.shared), weights.fit()


class _Weights:
    """Weights of all rows, filled block by block."""

    def __init__(self, rows: Decomposed, number: int, n_targets: int) -> None:
        xp, where = array_namespace(rows.X), {"dtype": rows.X.dtype, "device": device(rows.X)}
        self.rows, self.number = rows, number
        self.basis = rows.weights(rows.fits[number])
        self.coef, self.offset = xp.empty((rows.X.shape[1], n_targets), **where), xp.empty(n_targets, **where)

    def keep(self, place: slice, targets: RotatedBlock, alphas: np.ndarray) -> None:
        """Weights of one block."""
        xp, spectrum = array_namespace(self.coef), self.rows.fits[self.number].eigenvalues[:, None]
        own = np.where(targets.block.usable, alphas, np.nan)
        for part, (Z, nu, penalties) in enumerate(zip(*targets.turned[self.number], targets.spread(own), strict=True)):
            first = part * Z.shape[1]
            some = own[first : first + Z.shape[1]]
            here = slice(place.start + first, place.start + first + len(some))
            known = xp.asarray(~np.isnan(some), device=device(Z))
            self.coef[:, here] = self.basis @ xp.where(known, (Z / (spectrum + penalties))[:, : len(some)], xp.nan)
            self.offset[here] = nu[0, : len(some)] + targets.block.shift[first : first + len(some)]

    def fit(self) -> RidgeFit:
        """All of them, with the means."""
        return RidgeFit(self.coef, self.rows.fits[self.number].mean + self.rows.shift, self.offset)
