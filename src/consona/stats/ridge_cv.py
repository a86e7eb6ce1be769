"""The ridge penalty of every target, chosen by cross-validation over many targets at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from consona.stats.folds import Folds
from consona.stats.grams import Decomposed, decomposed
from consona.stats.penalties import Grid, best_penalty, extended, grid_of, placed
from consona.stats.ridge_sweep import PER_TARGET, Sweep, held_out_scores, mean_over_folds, scores_at
from consona.stats.rotated import RotatedBlock, rotated_blocks
from consona.stats.shapes import Array, Bool, Float, Real

__all__ = ["RidgeChoice", "Scoring", "choose_penalties", "ridge_cv"]


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
    if not len(folds.test) or not folds.test.any(axis=1).all():
        raise ValueError(f"of {len(folds.test)} folds, one tests no row (or there is none). Use other folds.")
    grid, cv = grid_of(alphas), decomposed(X, folds, scaled=scaled)

    def score(block: RotatedBlock, some: np.ndarray) -> np.ndarray:
        return mean_over_folds(held_out_scores(block, some, sweep))

    def exact(block: RotatedBlock, chosen: np.ndarray) -> np.ndarray:
        return np.asarray(mean_over_folds(scores_at(block, chosen, sweep.criterion)[:, None])[0])

    scoring = Scoring(sweep.criterion, score, None if sweep.dtype is None else exact)
    return choose_penalties(cv, Y, grid, scoring, shared=sweep.shared)


class Scoring(NamedTuple):
    """How a block of targets is scored: by a named criterion, ``(n_alphas, n_targets)`` for some penalties.

    ``exact``, where ``score`` works in low precision, gives ``(n_targets,)`` for one penalty per target.
    """

    criterion: str
    score: Callable[[RotatedBlock, np.ndarray], np.ndarray]
    exact: Callable[[RotatedBlock, np.ndarray], np.ndarray] | None = None


def choose_penalties(cv: Decomposed, Y: Array, grid: Grid, scoring: Scoring, *, shared: bool) -> RidgeChoice:
    """Go through the targets block by block, however they are scored: a penalty for each, or one for all.

    Parameters
    ----------
    cv
        Training sets that the targets are turned for.
    Y
        Targets, read in blocks.
    grid
        Penalties and their extension.
    scoring
        What is compared.
    shared
        Whether all targets get one penalty.
    """
    return _for_all(cv, Y, grid, scoring) if shared else _for_each(cv, Y, grid, scoring)


def _for_each(cv: Decomposed, Y: Array, grid: Grid, scoring: Scoring) -> RidgeChoice:
    """A penalty for every target; every block is read once."""
    scores, best = [], []
    for _, block in rotated_blocks(cv, Y):
        asked = placed(scoring.score(block, grid.alphas[grid.asked]), block, grid)
        tried = extended(asked, block, grid, scoring.score)
        best.append(np.where(np.isnan(tried).all(axis=0), -1, best_penalty(tried)[0]))
        scores.append(_certain(tried, best[-1], block, grid, scoring))
    return _choice(np.concatenate(scores, axis=1), np.concatenate(best), grid, scoring)


def _for_all(cv: Decomposed, Y: Array, grid: Grid, scoring: Scoring) -> RidgeChoice:
    """One penalty, by the mean over targets; blocks are read again where the grid is extended."""
    first = [placed(scoring.score(block, grid.alphas[grid.asked]), block, grid) for _, block in rotated_blocks(cv, Y)]
    scores = np.concatenate(first, axis=1)
    defined = ~np.isnan(scores).all(axis=0)
    for side, edge in grid.sides if defined.any() else []:
        if _best_for_all(scores, defined) == edge:
            for place, block in rotated_blocks(cv, Y):
                scores[side, place] = np.where(defined[place], scoring.score(block, grid.alphas[side]), np.nan)
    best = np.where(defined, _best_for_all(scores, defined) if defined.any() else 0, -1)
    if scoring.exact is not None:
        for place, block in rotated_blocks(cv, Y):
            scores[:, place] = _certain(scores[:, place], best[place], block, grid, scoring)
    return _choice(scores, best, grid, scoring)


def _best_for_all(scores: np.ndarray, defined: np.ndarray) -> int:
    return int(best_penalty(scores[:, defined].mean(axis=1, keepdims=True))[0][0])


def _certain(scores: np.ndarray, best: np.ndarray, block: RotatedBlock, grid: Grid, scoring: Scoring) -> np.ndarray:
    """The scores, or, where they are rough, the exact one of the chosen penalty and no other."""
    if scoring.exact is None:
        return scores
    only = np.full_like(scores, np.nan)
    own = scoring.exact(block, np.where(best < 0, np.nan, grid.alphas[best]))
    only[best, np.arange(len(best))] = np.where(best < 0, np.nan, own)
    return only


def _choice(scores: np.ndarray, best: np.ndarray, grid: Grid, scoring: Scoring) -> RidgeChoice:
    defined = best >= 0
    tried = ~np.isnan(scores).all(axis=1)
    tried[grid.asked] = True
    edge = defined & (len(grid.alphas) > 1) & ((best == 0) | (best == len(grid.alphas) - 1))
    alpha = np.where(defined, grid.alphas[best], np.nan)
    return RidgeChoice(alpha, scores[tried], grid.alphas[tried], edge, scoring.criterion)
