"""Held-out errors of every penalty for every target, and which penalty is best."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device

from consona.stats.ridge_criteria import Judge, criterion_of
from consona.stats.rotated import RotatedBlock
from consona.stats.shapes import Array, Bool, Float, Int, Real
from consona.stats.targets import to_numpy

__all__ = [
    "PER_TARGET",
    "Grid",
    "Sweep",
    "best_penalty",
    "extended",
    "grid_of",
    "held_out_scores",
    "mean_over_folds",
    "placed",
    "scores_at",
]

_DECADES = 2  # how far a grid is extended


class Sweep(NamedTuple):
    """How penalties are compared.

    Parameters
    ----------
    criterion
        ``"squared error"`` (its negative, as in himalaya), ``"r2"`` or ``"pearson"``; a mean over folds.
    shared
        One penalty for all targets, by the mean of their scores, instead of one for each.
    dtype
        Precision of the products that are only compared, ``"bfloat16"`` say: several times faster where the hardware
        has it. Rounded scores choose and are not kept: of the penalties only the chosen one has a score, in full
        precision. None: that of the features. NumPy has no bfloat16; give torch tensors (``torch.from_numpy`` copies
        nothing).
    """

    criterion: str = "squared error"
    shared: bool = False
    dtype: str | None = None


PER_TARGET = Sweep()
"""A penalty for every target, by squared error, in the precision of the features."""


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


def held_out_scores(
    Y: RotatedBlock, alphas: Float[np.ndarray, " n_alphas"], sweep: Sweep, folds: Sequence[int] | None = None
) -> Float[np.ndarray, "n_folds n_alphas n_targets"]:
    r"""Score of the held-out rows of every fold (or of some ``folds``), penalty and target; higher is better.

    Predictions are :math:`\nu + A (\Lambda + \alpha)^{-1} Z`: one product of matrices per penalty and part of a block.

    Raises
    ------
    ValueError
        When the criterion is unknown, or arrays of this kind do not have the precision that is asked for.
    """
    criterion, product = criterion_of(sweep.criterion), _product(Y.cv.X, sweep.dtype)
    scores = []
    for fold in range(len(Y.cv.held_out)) if folds is None else folds:
        held = Y.cv.held_out[fold]
        judges = [criterion(part) for part in Y.truth(held)]
        rotated = [product.cast(part) for part in Y.turned(held.fit)[0]]
        swept = _swept(held.features, Y.cv.fits[held.fit].eigenvalues, alphas, product, rotated, judges)
        scores.append(to_numpy(swept)[:, : len(Y.block.usable)])
    return np.stack(scores)


def _swept(
    A: Array,
    eigenvalues: Array,
    alphas: np.ndarray,
    product: "_Product",
    rotated: list[Array],
    judges: list[Judge],
) -> Array:
    """Scores ``(n_alphas, n_targets)`` of one fold."""
    xp = array_namespace(A)
    width = rotated[0].shape[1]
    room = xp.empty((A.shape[0], width), dtype=A.dtype, device=device(A))
    scores = xp.empty((len(alphas), width * len(rotated)), dtype=A.dtype, device=device(A))
    for j, alpha in enumerate(alphas.tolist()):
        M = product.cast(A / (eigenvalues + alpha))
        for number, (Z, judge) in enumerate(zip(rotated, judges, strict=True)):
            scores[j, number * width : (number + 1) * width] = judge(product(M, Z, room))
    return scores


def scores_at(
    Y: RotatedBlock, alphas: Float[np.ndarray, " n_targets"], criterion: str
) -> Float[np.ndarray, "n_folds n_targets"]:
    """Score of every fold at one penalty for each target, in the precision of the features.

    Raises
    ------
    ValueError
        When the criterion is unknown.
    """
    judge = criterion_of(criterion)
    scores = []
    for held in Y.cv.held_out:
        pairs = zip(Y.truth(held), Y.predicted(held, alphas), strict=True)
        own = [to_numpy(judge(truth)(predicted)) for truth, predicted in pairs]
        scores.append(np.concatenate(own)[: len(alphas)])
    return np.stack(scores)


class _Product(NamedTuple):
    """A product of matrices in the precision of a sweep, its result in that of the targets."""

    dtype: Any
    sweep_dtype: Any

    def cast(self, A: Array) -> Array:
        """To the precision of the sweep."""
        return A if self.sweep_dtype is None else array_namespace(A).astype(A, self.sweep_dtype)

    def __call__(self, M: Array, Z: Array, room: Array) -> Array:
        """``M @ Z``, in ``room`` where nothing has to be converted."""
        xp = array_namespace(M)
        if self.sweep_dtype is None:
            return xp.matmul(M, Z, out=room)
        return xp.astype(M @ Z, self.dtype)


def _product(X: Array, dtype: str | None) -> _Product:
    if dtype is None:
        return _Product(X.dtype, None)
    found = getattr(array_namespace(X), dtype, None)
    if found is None:
        raise ValueError(
            f"a sweep in '{dtype}' was asked for, and {type(X).__module__} arrays do not have that precision; bfloat16 "
            "needs torch tensors. Give torch.from_numpy(X), which copies nothing, or leave the dtype of the sweep None."
        )
    return _Product(X.dtype, found)


def mean_over_folds(
    scores: Float[np.ndarray, "n_folds n_alphas n_targets"],
) -> Float[np.ndarray, "n_alphas n_targets"]:
    """Mean over the folds in which a score is defined; NaN where it is in none."""
    defined = ~np.isnan(scores)
    count = defined.sum(axis=0)
    total = np.where(defined, scores, 0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))


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
