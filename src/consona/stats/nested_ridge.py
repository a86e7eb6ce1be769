"""Ridge predictions of held-out rows, the penalty of every target chosen without them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace

from consona.stats.folds import Folds
from consona.stats.grams import Decomposed, decomposed, take_rows
from consona.stats.penalties import Grid, best_penalty, extended, grid_of, placed
from consona.stats.ridge_criteria import criterion_of
from consona.stats.ridge_sweep import PER_TARGET, Sweep, held_out_scores, mean_over_folds
from consona.stats.rotated import RotatedBlock, rotated_blocks
from consona.stats.shapes import Array, Bool, Float, Real
from consona.stats.targets import to_numpy

__all__ = ["NestedRidge", "NestedScores"]


class NestedScores(NamedTuple):
    """Per outer fold and target: Pearson correlation of prediction and truth, the chosen penalty, and its place.

    ``edge`` is true where the penalty is the first or last of the grid even after the grid was extended. Scores and
    penalties are NaN where a target is not finite, or constant over the training rows of the fold; scores also where it
    is constant over the test rows.
    """

    scores: Float[np.ndarray, "n_folds n_targets"]
    alphas: Float[np.ndarray, "n_folds n_targets"]
    edge: Bool[np.ndarray, "n_folds n_targets"]


class _Predicted(NamedTuple):
    """What came out for one block of targets and one outer fold."""

    fold: int
    targets: slice
    parts: list[Array]  # (n_test, width), in the shift of the block
    alphas: np.ndarray
    edge: np.ndarray


@dataclass(frozen=True)
class NestedRidge:
    """Decompositions of every training set of a nested cross-validation; any number of targets goes through them.

    Make it with :meth:`of`. Permuted rows of ``Y`` may follow as further targets: every null then fits and chooses
    again, at the cost of targets only.
    """

    cv: Decomposed
    inner: tuple[tuple[int, ...], ...]
    n_rows: int
    grid: Grid
    sweep: Sweep

    @classmethod
    def of(
        cls,
        X: Real[Array, "n_rows n_features"],
        outer: Folds,
        inner: Sequence[Folds],
        alphas: Real[np.ndarray, " n_alphas"],
        *,
        scaled: bool = True,
        sweep: Sweep = PER_TARGET,
    ) -> "NestedRidge":
        """Decompose every training set: one per outer fold, and one per inner fold of it.

        Features are centred, and with ``scaled`` divided by their standard deviations, within each training set.

        Parameters
        ----------
        X
            Features, finite; their kind of array, device and precision are those of the computation.
        outer
            Folds whose test rows are scored.
        inner
            For every outer fold, the folds within its training rows in which the penalty is chosen
            (:func:`consona.stats.folds.inner_folds`).
        alphas
            Penalties, positive, in increasing order; extended once by two decades for targets at an edge.
        scaled
            Whether features are brought to unit standard deviation within each training set.
        sweep
            How penalties are compared. Each target has its own.

        Raises
        ------
        ValueError
            When a feature is not finite, penalties are not positive and increasing, there is not one set of inner folds
            per outer fold, or an inner fold uses rows that its outer fold does not train on.
        """
        _require_inside(outer, inner)
        if sweep.shared:
            raise ValueError("one penalty for all targets was asked for; here every target has its own. Use ridge_cv.")
        grid = grid_of(alphas)
        every = Folds(*(np.concatenate(masks) for masks in zip(outer, *inner, strict=True)))
        bounds = np.cumsum([len(outer.train), *(len(folds.train) for folds in inner)]).tolist()
        places = tuple(tuple(range(a, b)) for a, b in pairwise(bounds))
        return cls(decomposed(X, every, scaled=scaled), places, X.shape[0], grid, sweep)

    def scores(self, Y: Array) -> NestedScores:
        """Pearson correlation of held-out prediction and target, per outer fold.

        ``Y (n_rows, n_targets)`` may be an array, a memory map or an xarray on disk: it is read in blocks.

        Raises
        ------
        ValueError
            When ``Y`` has other rows.
        """
        shape = (len(self.inner), Y.shape[1])
        found = NestedScores(np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=bool))
        judge = criterion_of("pearson")
        for block, one in self._predicted(Y):
            test = self.cv.held_out[one.fold].test
            r = [judge(take_rows(part, test))(own) for part, own in zip(block.block.parts, one.parts, strict=True)]
            values = np.concatenate([to_numpy(each) for each in r])[: len(one.alphas)]
            found.scores[one.fold, one.targets] = np.where(np.isnan(one.alphas), np.nan, values)
            found.alphas[one.fold, one.targets] = one.alphas
            found.edge[one.fold, one.targets] = one.edge
        return found

    def predictions(self, Y: Array) -> Float[np.ndarray, "n_rows n_targets"]:
        """Held-out prediction of every row, in the units of ``Y``; NaN for rows that are never tested.

        A row that several outer folds test keeps the prediction of the last one. NaN also where the target is not
        finite, or constant over the training rows.

        Raises
        ------
        ValueError
            When ``Y`` has other rows.
        """
        predicted = np.full((self.n_rows, Y.shape[1]), np.nan, dtype=to_numpy(self.cv.X[:0, :0]).dtype)
        for block, one in self._predicted(Y):
            values = np.concatenate([to_numpy(each) for each in one.parts], axis=1)[:, : len(one.alphas)]
            values = np.where(np.isnan(one.alphas), np.nan, values + to_numpy(block.block.shift))
            predicted[self.cv.held_out[one.fold].test, one.targets] = values
        return predicted

    def _predicted(self, Y: Array) -> Iterator[tuple[RotatedBlock, _Predicted]]:
        every = [place for group in self.inner for place in group]
        ends = np.cumsum([len(group) for group in self.inner])[:-1]
        for targets, block in rotated_blocks(self.cv, Y):
            asked = held_out_scores(block, self.grid.alphas[self.grid.asked], self.sweep, every)
            for fold, own in enumerate(np.split(asked, ends)):
                alphas, edge = self._chosen(fold, placed(mean_over_folds(own), block, self.grid), block)
                held = self.cv.held_out[fold]
                parts = [P + nu for P, nu in zip(block.predicted(held, alphas), block.turned[held.fit][1], strict=True)]
                yield block, _Predicted(fold, targets, parts, alphas, edge)

    def _chosen(self, fold: int, scores: np.ndarray, block: RotatedBlock) -> tuple[np.ndarray, np.ndarray]:
        """The penalty of every target, and whether it stands at the edge of the grid."""

        def score(some: RotatedBlock, alphas: np.ndarray) -> np.ndarray:
            return mean_over_folds(held_out_scores(some, alphas, self.sweep, self.inner[fold]))

        best, defined = best_penalty(extended(scores, block, self.grid, score))
        train = self.cv.fits[self.cv.held_out[fold].fit].train
        defined &= np.concatenate([_varies(take_rows(part, train)) for part in block.block.parts])[: len(best)]
        n = len(self.grid.alphas)
        return np.where(defined, self.grid.alphas[best], np.nan), defined & (n > 1) & ((best == 0) | (best == n - 1))


def _varies(A: Array) -> np.ndarray:
    xp = array_namespace(A)
    return to_numpy(xp.max(A, axis=0) > xp.min(A, axis=0))


def _require_inside(outer: Folds, inner: Sequence[Folds]) -> None:
    if len(inner) != len(outer.train):
        raise ValueError(
            f"there are {len(outer.train)} outer folds and {len(inner)} sets of inner folds; each outer fold has its "
            "own. Make them with inner_folds(outer, fold)."
        )
    for fold, own in enumerate(inner):
        if not outer.test[fold].any() or not len(own.test) or not own.test.any(axis=1).all():
            raise ValueError(f"outer fold {fold}, or an inner fold of it, tests no row. Use other folds.")
        leaking = int(((own.train | own.test) & ~outer.train[fold]).any(axis=0).sum())
        if leaking:
            raise ValueError(
                f"inner folds of outer fold {fold} use {leaking} rows that it does not train on; a penalty is chosen "
                "within the training rows. Make them with inner_folds(outer, fold)."
            )
