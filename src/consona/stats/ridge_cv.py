"""The ridge penalty of every target, chosen by cross-validation over many targets at once."""

from collections.abc import Callable

import numpy as np

from consona.stats.folds import Folds
from consona.stats.grams import decomposed
from consona.stats.penalties import grid_of
from consona.stats.ridge_choice import RidgeChoice, Scoring, choose_penalties
from consona.stats.ridge_sweep import PER_TARGET, Sweep, held_out_scores, mean_over_folds, scores_at
from consona.stats.rotated import RotatedBlock
from consona.stats.shapes import Array, Real

__all__ = ["RidgeChoice", "cross_validation", "ridge_cv", "tested"]


def ridge_cv(
    X: Real[Array, "n_rows n_features"],
    Y: Array,
    alphas: Real[np.ndarray, " n_alphas"],
    folds: Folds,
    *,
    scaled: bool = True,
    sweep: Sweep = PER_TARGET,
) -> RidgeChoice:
    """Choose a ridge penalty for every target by its predictions of held-out rows.

    Features and targets are centred, and features with ``scaled`` brought to unit variance, within the training rows of
    each fold. Where the best penalty is the first or last one, the grid is extended once for that target, by two
    decades in the spacing it has there. Targets go through in blocks and no weights are kept, so that any number of
    them fits into memory; :func:`consona.stats.ridge_fit.ridge_fit` makes the weights.

    Parameters
    ----------
    X
        Features; their kind of array, device and precision are those of the computation.
    Y
        ``(n_rows, n_targets)``: an array, a memory map, an xarray on disk (see :mod:`consona.stats.targets`).
    alphas
        Penalties, positive, increasing.
    folds
        Training and test rows; rows in neither are purged.
    scaled
        Whether features are brought to unit variance.
    sweep
        Criterion, one penalty for all or for each target, and the precision of the comparison.

    Raises
    ------
    ValueError
        When a feature is not finite, penalties are not positive and increasing, folds or targets do not belong to the
        rows, or the sweep asks for what there is not.
    """
    cv = decomposed(X, tested(folds), scaled=scaled)
    return choose_penalties(cv, Y, grid_of(alphas), cross_validation(sweep), shared=sweep.shared)


def cross_validation(sweep: Sweep, keep: Callable[[slice, RotatedBlock, np.ndarray], None] | None = None) -> Scoring:
    """Scores that are means over the folds of the block's training sets.

    Parameters
    ----------
    sweep
        Criterion and precision.
    keep
        What else is done with every block, once its penalties are chosen.
    """

    def score(block: RotatedBlock, some: np.ndarray) -> np.ndarray:
        return mean_over_folds(held_out_scores(block, some, sweep))

    def exact(block: RotatedBlock, chosen: np.ndarray) -> np.ndarray:
        return np.asarray(mean_over_folds(scores_at(block, chosen, sweep.criterion)[:, None])[0])

    return Scoring(sweep.criterion, score, None if sweep.dtype is None else exact, keep)


def tested(folds: Folds) -> Folds:
    """The same folds, each of which tests some rows.

    Raises
    ------
    ValueError
        When one tests none, or there is no fold.
    """
    if not len(folds.test) or not folds.test.any(axis=1).all():
        raise ValueError(f"of {len(folds.test)} folds, one tests no row (or there is none). Use other folds.")
    return folds
