"""Ridge encoding and decoding, and standardising, as scikit-learn estimators."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, OneToOneFeatureMixin, RegressorMixin, TransformerMixin
from sklearn.model_selection import GroupKFold, KFold, check_cv
from sklearn.utils.validation import check_is_fitted, validate_data

from consona.stats.folds import Folds
from consona.stats.ridge_choice import RidgeChoice
from consona.stats.ridge_fit import RidgeFit, ridge_cv_fit, ridge_fit
from consona.stats.ridge_gcv import ridge_gcv
from consona.stats.ridge_sweep import Sweep
from consona.stats.shapes import Float

__all__ = ["DEFAULT_ALPHAS", "LinearDecoder", "RidgeEncoder", "Standardiser", "folds_from"]

DEFAULT_ALPHAS = tuple(10.0**power for power in range(-1, 7))
"""From next to no penalty to next to nothing but penalty, for features of unit variance and up to 10,000 rows."""


def folds_from(cv: Any, X: Any, Y: Any, groups: Any, random_state: int | None) -> Folds:
    """Masks of a scikit-learn splitter, of a number of folds, or of pairs of row numbers.

    A number is that many folds of whole groups where there are groups (there is no fallback to single rows), else of
    neighbouring rows, or of shuffled ones where there is a ``random_state``.

    Raises
    ------
    ValueError
        When there are fewer rows or groups than folds, as scikit-learn says it.
    """
    if isinstance(cv, int):
        shuffled = random_state is not None
        cv = KFold(cv, shuffle=shuffled, random_state=random_state) if groups is None else GroupKFold(cv)
    pairs = list(check_cv(cv).split(X, Y, groups))
    masks = np.zeros((2, len(pairs), len(X)), dtype=bool)
    for fold, rows in enumerate(pairs):
        for which in (0, 1):
            masks[which, fold, rows[which]] = True
    return Folds(masks[0], masks[1])


class _Ridge(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """What encoder and decoder share."""

    def __init__(
        self,
        alphas: Any = DEFAULT_ALPHAS,
        *,
        cv: Any = 5,
        scaled: Any = True,
        shared: Any = False,
        criterion: Any = "squared error",
        random_state: Any = None,
    ) -> None:
        # Any: scikit-learn lets everything be set, and nothing be said of it before fit.
        self.alphas = alphas
        self.cv = cv
        self.scaled = scaled
        self.shared = shared
        self.criterion = criterion
        self.random_state = random_state

    def fit(self, X: Any, Y: Any, groups: Any = None) -> "_Ridge":
        """Choose the penalties and fit all rows.

        Parameters
        ----------
        X
            ``(n_rows, n_features)``.
        Y
            ``(n_rows, n_targets)``, or one target ``(n_rows,)``.
        groups
            ``(n_rows,)``: rows that are held out together.

        Raises
        ------
        ValueError
            When there is a missing or infinite value, or too few rows or groups for the folds.
        """
        X, Y = validate_data(
            self, X, Y, multi_output=True, y_numeric=True, dtype=[np.float64, np.float32], ensure_min_samples=2
        )
        columns = Y[:, None] if Y.ndim == 1 else Y
        alphas = np.asarray(self.alphas, dtype=np.float64)
        choice, fit = self._fitted(X, columns, groups, alphas)
        intercept = fit.offset - fit.centre @ fit.coef
        one = Y.ndim == 1
        self.coef_: Float[np.ndarray, "..."] = fit.coef[:, 0] if one else fit.coef.T
        self.intercept_: Any = intercept[0] if one else intercept
        self.alpha_: Any = choice.alpha[0] if one else choice.alpha
        self.edge_: Any = choice.edge[0] if one else choice.edge
        self.alphas_ = choice.alphas
        self.cv_scores_: Float[np.ndarray, "..."] = choice.scores[:, 0] if one else choice.scores
        return self

    def _fitted(self, X: np.ndarray, Y: np.ndarray, groups: Any, alphas: np.ndarray) -> tuple[RidgeChoice, RidgeFit]:
        if isinstance(self.cv, str):
            if self.cv != "gcv" or groups is not None:
                raise ValueError(
                    f"cv is '{self.cv}' and groups are {'absent' if groups is None else 'given'}; the one word is "
                    "'gcv', for independent rows without groups. Give a number of folds or a splitter."
                )
            choice = ridge_gcv(X, Y, alphas, scaled=self.scaled, shared=self.shared)
            return choice, ridge_fit(X, Y, choice.alpha, scaled=self.scaled)
        folds = folds_from(self.cv, X, Y, groups, self.random_state)
        return ridge_cv_fit(X, Y, alphas, folds, scaled=self.scaled, sweep=Sweep(self.criterion, self.shared))

    def predict(self, X: Any) -> Float[np.ndarray, "..."]:
        """Predictions ``(n_rows, n_targets)``, or ``(n_rows,)`` after a fit to one target.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return np.asarray(X @ self.coef_.T + self.intercept_)


class RidgeEncoder(_Ridge):
    """From features of stimuli to responses of the brain: ridge with a penalty for every target.

    Parameters
    ----------
    alphas
        Penalties to try, positive, increasing; extended once by two decades for targets whose best is at an edge.
    cv
        Number of folds, a scikit-learn splitter, pairs of row numbers, or ``"gcv"``.
    scaled
        Whether features are brought to unit variance within the training rows.
    shared
        One penalty for all targets.
    criterion
        ``"squared error"``, ``"r2"`` or ``"pearson"``; not read with ``"gcv"``.
    random_state
        Shuffles the rows where ``cv`` is a number and there are no groups. None: folds of neighbouring rows.

    Attributes
    ----------
    coef_, intercept_
        ``(n_targets, n_features)`` and ``(n_targets,)``, as scikit-learn lays them out; NaN for a constant target.
    alpha_, edge_
        The penalty of every target, and whether it stands at the edge of the extended grid.
    cv_scores_, alphas_
        Scores the penalties were chosen by, and the penalties. They flatter: test on rows that ``fit`` never saw.
    """


class LinearDecoder(_Ridge):
    """From responses of the brain to features of stimuli, the other way round: parameters as in :class:`RidgeEncoder`.

    Voxels are the features here, usually more than stimuli; the decomposition is then one of rows.
    """


class Standardiser(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Features to mean 0 and standard deviation 1 by the rows of ``fit``; one that is constant there becomes 0.

    A constant feature has no scale: new rows of it are 0 as well, whatever they hold. ``constant_`` counts them.
    """

    def fit(self, X: Any, Y: Any = None, groups: Any = None) -> "Standardiser":
        """Take means and standard deviations.

        Parameters
        ----------
        X
            ``(n_rows, n_features)``.
        Y, groups
            Not read.

        Raises
        ------
        ValueError
            When there is a missing or infinite value.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        self.mean_ = X.mean(axis=0)
        self.constant_ = np.ptp(X, axis=0) <= 4 * np.finfo(X.dtype).eps * np.abs(X).max(axis=0)
        self.scale_ = np.where(self.constant_, np.inf, X.std(axis=0))
        return self

    def transform(self, X: Any) -> Float[np.ndarray, "n_rows n_features"]:
        """Standardised rows.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return np.asarray((X - self.mean_) / self.scale_)
