"""Going through blocks of targets and choosing a ridge penalty for each, or one for all, by whatever scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from consona.stats.grams import Decomposed
from consona.stats.penalties import Grid, best_penalty, extended, placed
from consona.stats.rotated import RotatedBlock, rotated_blocks
from consona.stats.shapes import Array, Bool, Float

__all__ = ["RidgeChoice", "Scoring", "choose_penalties"]


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


class Scoring(NamedTuple):
    """How a block of targets is scored: by a named criterion, ``(n_alphas, n_targets)`` for some penalties.

    ``exact``, where ``score`` works in low precision, gives ``(n_targets,)`` for one penalty per target. ``keep`` is
    handed every block once, with its place and the chosen penalties.
    """

    criterion: str
    score: Callable[[RotatedBlock, np.ndarray], np.ndarray]
    exact: Callable[[RotatedBlock, np.ndarray], np.ndarray] | None = None
    keep: Callable[[slice, RotatedBlock, np.ndarray], None] | None = None


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
    for place, block in rotated_blocks(cv, Y):
        asked = placed(scoring.score(block, grid.alphas[grid.asked]), block, grid)
        tried = extended(asked, block, grid, scoring.score)
        best.append(np.where(np.isnan(tried).all(axis=0), -1, best_penalty(tried)[0]))
        scores.append(_finished(tried, best[-1], place, block, grid, scoring))
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
    if scoring.exact is not None or scoring.keep is not None:
        for place, block in rotated_blocks(cv, Y):
            scores[:, place] = _finished(scores[:, place], best[place], place, block, grid, scoring)
    return _choice(scores, best, grid, scoring)


def _best_for_all(scores: np.ndarray, defined: np.ndarray) -> int:
    return int(best_penalty(scores[:, defined].mean(axis=1, keepdims=True))[0][0])


def _finished(
    scores: np.ndarray, best: np.ndarray, place: slice, block: RotatedBlock, grid: Grid, scoring: Scoring
) -> np.ndarray:
    """The scores, or, where they are rough, the exact one of the chosen penalty and no other."""
    alpha = np.where(best < 0, np.nan, grid.alphas[best])
    if scoring.keep is not None:
        scoring.keep(place, block, alpha)
    if scoring.exact is None:
        return scores
    only = np.full_like(scores, np.nan)
    only[best, np.arange(len(best))] = np.where(best < 0, np.nan, scoring.exact(block, alpha))
    return only


def _choice(scores: np.ndarray, best: np.ndarray, grid: Grid, scoring: Scoring) -> RidgeChoice:
    defined = best >= 0
    tried = ~np.isnan(scores).all(axis=1)
    tried[grid.asked] = True
    edge = defined & (len(grid.alphas) > 1) & ((best == 0) | (best == len(grid.alphas) - 1))
    alpha = np.where(defined, grid.alphas[best], np.nan)
    return RidgeChoice(alpha, scores[tried], grid.alphas[tried], edge, scoring.criterion)
