"""Grids of ridge penalties: which are tried, how far a grid is extended, and which one is best for every target."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from consona.stats.rotated import RotatedBlock
from consona.stats.shapes import Bool, Float, Int, Real

__all__ = ["Grid", "best_penalty", "extended", "grid_of", "placed"]

_DECADES = 2  # how far a grid is extended


class Grid(NamedTuple):
    """Penalties in increasing order; those ``asked`` for are in the middle of those they may be extended to."""

    alphas: Float[np.ndarray, " n_alphas"]
    asked: slice

    @property
    def sides(self) -> list[tuple[slice, int]]:
        """What lies below and above those asked for, each with the position of the edge that it is beyond."""
        first, stop, n = self.asked.start, self.asked.stop, len(self.alphas)
        return [] if stop - first == n else [(slice(0, first), first), (slice(stop, n), stop - 1)]


def grid_of(alphas: Real[np.ndarray, " n_asked"]) -> Grid:
    """The grid and two decades more on either side, in the spacing that it has there; a single penalty stays alone.

    Raises
    ------
    ValueError
        When the penalties are not positive, finite and increasing.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    if alphas.ndim != 1 or not len(alphas) or not (np.isfinite(alphas) & (alphas > 0)).all():
        raise ValueError(f"the penalties are {alphas}; ridge needs alpha > 0, one or more. Give positive alphas.")
    if (np.diff(alphas) <= 0).any():
        raise ValueError(f"the penalties are {alphas}; they have to increase, each one once. Sort them.")
    if len(alphas) == 1:
        return Grid(alphas, slice(0, 1))
    below, above = _powers(alphas[1] / alphas[0]), _powers(alphas[-1] / alphas[-2])
    whole = np.concatenate([(alphas[0] / below)[::-1], alphas, alphas[-1] * above])
    return Grid(whole, slice(len(below), len(below) + len(alphas)))


def _powers(step: float) -> np.ndarray:
    """Powers of a factor until two decades are reached."""
    powers: np.ndarray = step ** np.arange(1, int(np.ceil(_DECADES / np.log10(step) - 1e-9)) + 1)
    return powers


def placed(
    scores: Float[np.ndarray, "n_asked n_targets"], Y: RotatedBlock, grid: Grid
) -> Float[np.ndarray, "n_alphas n_targets"]:
    """Scores of the penalties asked for in their place in the whole grid; NaN elsewhere and for unusable targets."""
    whole = np.full((len(grid.alphas), scores.shape[1]), np.nan, dtype=scores.dtype)
    whole[grid.asked] = np.where(Y.block.usable, scores, np.nan)
    return whole


def extended(
    scores: Float[np.ndarray, "n_alphas n_targets"],
    Y: RotatedBlock,
    grid: Grid,
    score: Callable[[RotatedBlock, np.ndarray], np.ndarray],
) -> Float[np.ndarray, "n_alphas n_targets"]:
    """The same scores and, for targets whose best penalty is at an edge of those asked for, those beyond the edge."""
    whole = scores.copy()
    best, defined = best_penalty(scores)
    for side, edge in grid.sides:
        targets = np.flatnonzero(defined & (best == edge))
        if len(targets):
            whole[side, targets] = score(Y.columns(targets), grid.alphas[side])
    return whole


def best_penalty(
    scores: Float[np.ndarray, "n_alphas n_targets"],
) -> tuple[Int[np.ndarray, " n_targets"], Bool[np.ndarray, " n_targets"]]:
    """Position of the best score of every target (0 where there is none), and whether there is one."""
    defined = ~np.isnan(scores).all(axis=0)
    return np.argmax(np.where(np.isnan(scores), -np.inf, scores), axis=0), defined
