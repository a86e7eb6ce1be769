"""Ridge weights of every target under the settings of an encoder, fractional or ordinary."""

from typing import NamedTuple

import numpy as np

from consona.stats.fractional_path import fractional_fit
from consona.stats.fractional_settings import FractionalSettings, OrdinarySettings, fractional_folds
from consona.stats.ridge_fit import RidgeFit, ridge_cv_fit
from consona.stats.ridge_sweep import Sweep
from consona.stats.shapes import Array, Float, Real

__all__ = ["ChosenRidge", "chosen_ridge"]


class ChosenRidge(NamedTuple):
    """Weights and means; what was chosen for every target; and its cross-validated :math:`R^2`.

    ``fraction`` is NaN for ordinary ridge, ``cv_r2`` where nothing was to be chosen.
    """

    ridge: RidgeFit
    fraction: Float[np.ndarray, " n_targets"]
    alpha: Float[np.ndarray, " n_targets"]
    cv_r2: Float[np.ndarray, " n_targets"]

    def intercept(self, *, kept: bool = True) -> Float[np.ndarray, " n_targets"]:
        """What is added to features times weights; zero where it is not kept, NaN for undefined targets."""
        offset = np.asarray(self.ridge.offset, dtype=np.float64)
        moved = self.ridge.centre.astype(np.float64) @ self.ridge.coef
        found: np.ndarray = np.where(np.isnan(moved), np.nan, offset - moved if kept else 0.0)
        return found.astype(self.ridge.coef.dtype)


def chosen_ridge(
    X: Real[np.ndarray, "n_rows n_features"],
    Y: Array,
    settings: FractionalSettings | OrdinarySettings,
    *,
    seed: int = 0,
) -> ChosenRidge:
    """Choose and fit; ordinary penalties are on features as they are, and compared by :math:`R^2` too.

    Raises
    ------
    ValueError
        As :func:`consona.stats.fractional_path.fractional_fit` and :func:`consona.stats.ridge_fit.ridge_cv_fit`.
    """
    folds = fractional_folds(len(X), settings, seed=seed)
    if isinstance(settings, OrdinarySettings):
        sweep = Sweep("r2", shared=settings.shared)
        choice, ridge = ridge_cv_fit(X, Y, np.asarray(settings.alphas), folds, scaled=False, sweep=sweep)
        return ChosenRidge(ridge, np.full(len(choice.alpha), np.nan), choice.alpha, choice.score)
    fractions = np.asarray(settings.fractions)
    fit = fractional_fit(X, Y, fractions, folds, shared=settings.shared)
    own = np.abs(fractions[:, None] - fit.fraction).argmin(axis=0)
    return ChosenRidge(fit.ridge, fit.fraction, fit.alphas, fit.scores[own, np.arange(len(own))])
