"""The ridge penalty of every target, chosen by cross-validation over many targets at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from consona.stats.folds import Folds
from consona.stats.grams import Decomposed, decomposed
from consona.stats.ridge_sweep import (
    PER_TARGET,
    Grid,
    Sweep,
    best_penalty,
    extended,
    grid_of,
    held_out_scores,
    mean_over_folds,
    placed,
    scores_at,
)
from consona.stats.rotated import RotatedBlock, rotated_blocks
from consona.stats.shapes import Array, Bool, Float, Real

__all__ = ["RidgeChoice", "choose_penalties", "ridge_cv"]


@dataclass(frozen=True)
class RidgeChoice:
    """The chosen penalty of every target, and the scores that it was chosen by. NumPy arrays, whatever came in.

    Parameters
    ----------
    alpha
        ``(n_targets,)``; NaN for a target that is constant, not finite, or without a defined score.
    scores
        ``(n_alphas, n_targets)``: mean over folds; NaN where a penalty was not tried for a target, and, after a sweep
        in low precision, for all penalties but the chosen one.
    alphas
        Penalties that were tried for some target: those asked for, and those to which the grid was extended.
    edge
        ``(n_targets,)``: the chosen penalty is the first or last one, even after the extension. Report their share.
    criterion
        What the scores are.
    """

    alpha: Float[np.ndarray, " n_targets"]
    scores: Float[np.ndarray, "n_alphas n_targets"]
    alphas: Float[np.ndarray, " n_alphas"]
    edge: Bool[np.ndarray, " n_targets"]
    criterion: str

    @property
    def score(self) -> Float[np.ndarray, " n_targets"]:
        """Score at the chosen penalty. It was chosen by this very number, so it flatters; report held-out scores."""
        known = ~np.isnan(self.alpha)
        place = np.searchsorted(self.alphas, np.where(known, self.alpha, self.alphas[0]))
        return np.where(known, self.scores[place, np.arange(len(place))], np.nan)


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
    grid = grid_of(alphas)
    cv = decomposed(X, folds, scaled=scaled)

    def score(block: RotatedBlock, some: np.ndarray) -> np.ndarray:
        return mean_over_folds(held_out_scores(block, some, sweep))

    def exact(block: RotatedBlock, chosen: np.ndarray) -> np.ndarray:
        return np.asarray(mean_over_folds(scores_at(block, chosen, sweep.criterion)[:, None])[0])

    return choose_penalties(cv, Y, grid, sweep, score=score, exact=exact)


def choose_penalties(
    cv: Decomposed,
    Y: Array,
    grid: Grid,
    sweep: Sweep,
    *,
    score: Callable[[RotatedBlock, np.ndarray], np.ndarray],
    exact: Callable[[RotatedBlock, np.ndarray], np.ndarray],
) -> RidgeChoice:
    """Go through the targets block by block, whatever the scores are.

    Parameters
    ----------
    cv
        The training sets.
    Y
        Targets.
    grid
        Penalties and their extension.
    sweep
        Criterion, one penalty for all, precision.
    score
        Of a block and some penalties, ``(n_some, n_targets)``.
    exact
        Of a block and one penalty per target, ``(n_targets,)``: asked where ``score`` works in low precision.
    """
    found = []
    for _, block in rotated_blocks(cv, Y):
        asked = placed(score(block, grid.alphas[grid.asked]), block, grid)
        found.append(asked if sweep.shared else extended(asked, block, grid, score))
    scores = np.concatenate(found, axis=1)
    best, defined = best_penalty(scores)
    if sweep.shared and defined.any():
        for side, edge in grid.sides:
            if _best_for_all(scores) == edge:
                for place, block in rotated_blocks(cv, Y):
                    scores[side, place] = np.where(block.block.usable, score(block, grid.alphas[side]), np.nan)
        best[:] = _best_for_all(scores)
    alpha = np.where(defined, grid.alphas[best], np.nan)
    tried = ~np.isnan(scores).all(axis=1)
    tried[grid.asked] = True
    if sweep.dtype is not None:
        scores[:] = np.nan
        for place, block in rotated_blocks(cv, Y):
            own = np.where(defined[place], exact(block, alpha[place]), np.nan)
            scores[best[place], np.arange(place.start, place.stop)] = own
    edge = defined & (len(grid.alphas) > 1) & ((best == 0) | (best == len(grid.alphas) - 1))
    return RidgeChoice(alpha, scores[tried], grid.alphas[tried], edge, sweep.criterion)


def _best_for_all(scores: np.ndarray) -> int:
    """Position of the best mean over the targets that have a score."""
    defined = ~np.isnan(scores).all(axis=0)
    return int(best_penalty(scores[:, defined].mean(axis=1, keepdims=True))[0][0])
