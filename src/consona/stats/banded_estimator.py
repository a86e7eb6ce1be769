"""Banded ridge as a scikit-learn estimator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from consona.stats.banded import banded_search, banded_weights, dirichlet_gammas
from consona.stats.folds import Folds, blocked_folds, grouped_folds

__all__ = ["BandedRidgeEncoder"]

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-3, 5, 17))


class BandedRidgeEncoder(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Ridge regression in which every band of features has a penalty of its own, chosen per target.

    Band weights are drawn at random, tried with every penalty in inner folds (:func:`consona.stats.banded_search`), and
    the best pair of each target is fitted to all rows. Features are scaled by the training rows, bands to equal total
    variance.

    Parameters
    ----------
    bands
        Column indices of every band; None for a single band of all features, which is ridge regression. A feature in no
        band is not used.
    alphas
        Penalties to try.
    n_draws
        Band weights to try; equal weights come first.
    n_folds
        Inner folds: contiguous blocks of rows, or whole groups where ``fit`` is given groups.
    random_state
        Randomness of the draws and of the folds of groups.

    Attributes
    ----------
    coef_
        Weights for features as they are, ``(n_targets, n_features)``; ``(n_features,)`` for one-dimensional targets.
    intercept_
        One per target.
    gammas_, alphas_
        Chosen band weights ``(n_bands, n_targets)`` and penalties ``(n_targets,)``.
    """

    def __init__(  # any value may be set, as scikit-learn wants it; ``fit`` checks
        self,
        bands: Any = None,
        *,
        alphas: Any = ALPHAS,
        n_draws: Any = 20,
        n_folds: Any = 5,
        random_state: Any = None,
    ) -> None:
        self.bands = bands
        self.alphas = alphas
        self.n_draws = n_draws
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: Any, Y: Any, groups: Any = None) -> "BandedRidgeEncoder":
        """Choose and fit; ``X`` is ``(n_rows, n_features)``, ``Y`` ``(n_rows, n_targets)`` or ``(n_rows,)``.

        Raises
        ------
        ValueError
            When values are not finite, there are fewer rows or groups than folds, or bands do not fit the features.
        """
        X, Y = validate_data(
            self, X, Y, multi_output=True, y_numeric=True, dtype=(np.float64, np.float32), ensure_min_samples=2
        )
        columns = _columns(self.bands, X.shape[1])
        seed = int(check_random_state(self.random_state).randint(2**31))
        targets = np.asarray(Y, dtype=X.dtype).reshape(len(X), -1)
        parts = [X[:, each] for each in columns]
        gammas = dirichlet_gammas(len(parts), self.n_draws if len(parts) > 1 else 1, seed=seed)
        choice = banded_search(parts, targets, self._folds(X, groups, seed), gammas, np.asarray(self.alphas, float))
        weights, intercept = banded_weights(parts, targets, choice)
        coef = np.zeros((targets.shape[1], X.shape[1]), dtype=X.dtype)
        coef[:, np.concatenate(columns)] = weights.T
        single = np.ndim(Y) == 1
        self.coef_: np.ndarray = coef[0] if single else coef
        self.intercept_: np.ndarray = intercept[0] if single else intercept
        self.gammas_, self.alphas_ = choice.gammas, choice.alphas
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predicted targets, in the shape that ``fit`` was given.

        Raises
        ------
        ValueError
            When features are not finite or not as many as in ``fit``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float64, np.float32))
        return np.asarray(X @ self.coef_.T + self.intercept_)

    def _folds(self, X: np.ndarray, groups: Any, seed: int) -> Folds:
        if groups is not None:
            check_consistent_length(X, groups)
            return grouped_folds(np.asarray(groups), self.n_folds, seed=seed)
        return blocked_folds(np.zeros(len(X), dtype=np.int64), self.n_folds)


def _columns(bands: Sequence[Any] | None, n_features: int) -> list[np.ndarray]:
    """Checked column indices of every band."""
    if bands is None:
        return [np.arange(n_features)]
    columns = [np.asarray(band, dtype=np.int64) for band in bands]
    every = np.concatenate([*columns, np.empty(0, dtype=np.int64)])
    if any(len(band) == 0 for band in columns) or len(np.unique(every)) < len(every) or len(columns) == 0:
        raise ValueError(
            f"{len(columns)} bands name {len(every)} features, {len(np.unique(every))} of them different; every band "
            "needs features, and none may be in two. Check the indices."
        )
    if np.any((every < 0) | (every >= n_features)):
        raise ValueError(
            f"bands name the features {every.min()} to {every.max()}, and X has {n_features}, counted from 0. Check "
            "the indices."
        )
    return columns
